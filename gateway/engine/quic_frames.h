/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * quic_frames: the frames of an opened Initial, of which the pieces of the ClientHello matter.
 *
 * A client may cut it into many pieces, in any order, over several packets (RFC 9000 19.6); hello.h
 * puts them together. Reads through the cursor only, keeps nothing.
 */
#ifndef QUIC_FRAMES_H
#define QUIC_FRAMES_H

#include "gateway/engine/cursor.h"

enum quic_frame {
	QUIC_CRYPTO,     /* a piece of the handshake's stream */
	QUIC_CLOSE,      /* CONNECTION_CLOSE: the client gives up */
	QUIC_FRAMES_END, /* no further frame */
	QUIC_FRAMES_BAD, /* malformed, or a frame that an Initial may not hold (RFC 9000 12.4) */
};

struct quic_frames {
	struct cursor in;
	bool beyond; /* a piece began beyond what is kept of a hello and was passed over */
};

struct quic_crypto {
	uint32_t offset;      /* in the stream; below HELLO_BYTES */
	const uint8_t *bytes; /* into the frames */
	uint32_t len;         /* not 0; where it ends beyond HELLO_BYTES, hello_add cuts it */
};

static inline struct quic_frames quic_frames_over(const uint8_t *bytes, size_t len)
{
	return (struct quic_frames){ .in = cursor_over(bytes, len) };
}

/*
 * The next CRYPTO or CONNECTION_CLOSE frame; PADDING, PING, ACK and empty pieces are passed over.
 * `*out` is written on QUIC_CRYPTO only; after QUIC_FRAMES_BAD the answer stays the same.
 */
enum quic_frame quic_frames_next(struct quic_frames *f, struct quic_crypto *out);

#endif
