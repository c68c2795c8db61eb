/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * quic_initial: opens a client's Initial packet. Its keys follow from the destination connection id
 * of the client's first Initial, which every box on the way sees (RFC 9001 5.2).
 *
 * Keys outlive packets: a client that goes on after the server's answer uses the server's id and
 * still the keys of its own first one. Only a Retry makes new ones: then the id in the first Initial
 * behind it counts.
 *
 * Owns nothing; no heap: the caller gives the room.
 */
#ifndef QUIC_INITIAL_H
#define QUIC_INITIAL_H

#include "gateway/engine/quic_header.h"

struct quic_keys {
	uint8_t key[16]; /* AES-128-GCM */
	uint8_t iv[12];
	uint8_t hp[16]; /* header protection */
};

/*
 * The keys of a client that speaks `version` and first sent to `dcid`. False, and nothing written,
 * for a version other than 1 and 2.
 */
bool quic_client_keys(uint32_t version, const struct quic_cid *dcid, struct quic_keys *out);

enum quic_opened {
	QUIC_OPENED,
	QUIC_SEALED,    /* the tag is wrong: other keys, or forged */
	QUIC_TOO_SHORT, /* no room for a sample and a tag (RFC 9001 5.4.2) */
	QUIC_NO_ROOM,   /* the packet is longer than the caller's buffer */
	QUIC_RESERVED,  /* opened, but reserved bits are set (RFC 9000 17.2) */
};

/*
 * Opens an Initial that quic_next found: its frames go to `out`, `*len` bytes of them. `out` holds
 * `size` bytes, at least p->len, and is undefined after any other result. A packet number
 * stands for itself: those of a client that was not answered yet have not been shortened.
 */
enum quic_opened quic_open(const struct quic_keys *keys, const struct quic_packet *p, uint8_t *out,
	size_t size, size_t *len);

#endif
