/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/engine/quic_frames.h"

#include "gateway/engine/hello.h"
#include "gateway/engine/quic_varint.h"

/* RFC 9000 19. Each is below 64, and a type must be written in as few bytes as it needs. */
enum {
	FRAME_PADDING = 0x00,
	FRAME_PING = 0x01,
	FRAME_ACK = 0x02,
	FRAME_ACK_ECN = 0x03,
	FRAME_CRYPTO = 0x06,
	FRAME_CLOSE = 0x1c, /* the transport's; an application's may not stand in an Initial */
};

#define STREAM_END ((UINT64_C(1) << 62) - 1) /* RFC 9000 19.6 */

/* RFC 9000 19.3. Ranges that reach below packet 0 lie. */
static bool ack_pass(struct cursor *in, bool ecn)
{
	uint64_t smallest, delay, count, len, gap;

	if (!cursor_varint(in, &smallest) || !cursor_varint(in, &delay) ||
		!cursor_varint(in, &count) || !cursor_varint(in, &len) || len > smallest)
		return false;
	smallest -= len;
	for (; count > 0; count--) {
		if (!cursor_varint(in, &gap) || !cursor_varint(in, &len))
			return false;
		if (smallest < gap + 2 || smallest - gap - 2 < len)
			return false;
		smallest -= gap + 2 + len;
	}
	for (int counters = ecn ? 3 : 0; counters > 0; counters--)
		if (!cursor_varint(in, &len))
			return false;
	return true;
}

/* RFC 9000 19.19 */
static bool close_pass(struct cursor *in)
{
	uint64_t code, frame, len;

	return cursor_varint(in, &code) && cursor_varint(in, &frame) && cursor_varint(in, &len) &&
	       len <= in->left && cursor_skip(in, (size_t)len);
}

static bool crypto_read(struct cursor *in, uint64_t *offset, struct cursor *data)
{
	uint64_t len;

	return cursor_varint(in, offset) && cursor_varint(in, &len) && len <= in->left &&
	       len <= STREAM_END - *offset && cursor_split(in, (size_t)len, data);
}

/* Tells of a piece, unless there is nothing in it or nothing of it is kept. */
static bool piece_told(
	struct quic_frames *f, uint64_t offset, const struct cursor *data, struct quic_crypto *out)
{
	if (data->left == 0)
		return false;
	if (offset >= HELLO_BYTES) {
		f->beyond = true;
		return false;
	}
	*out = (struct quic_crypto){ (uint32_t)offset, data->at, (uint32_t)data->left };
	return true;
}

enum quic_frame quic_frames_next(struct quic_frames *f, struct quic_crypto *out)
{
	struct cursor in = f->in, data;
	uint64_t offset;
	uint8_t type;

	for (; cursor_u8(&in, &type); f->in = in) {
		switch (type) {
		case FRAME_PADDING:
		case FRAME_PING: break;
		case FRAME_ACK:
		case FRAME_ACK_ECN:
			if (!ack_pass(&in, type == FRAME_ACK_ECN))
				return QUIC_FRAMES_BAD;
			break;
		case FRAME_CRYPTO:
			if (!crypto_read(&in, &offset, &data))
				return QUIC_FRAMES_BAD;
			f->in = in;
			if (piece_told(f, offset, &data, out))
				return QUIC_CRYPTO;
			break;
		case FRAME_CLOSE:
			if (!close_pass(&in))
				return QUIC_FRAMES_BAD;
			f->in = in;
			return QUIC_CLOSE;
		default: return QUIC_FRAMES_BAD;
		}
	}
	return QUIC_FRAMES_END;
}
