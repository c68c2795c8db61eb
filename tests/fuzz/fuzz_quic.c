/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Any bytes as a datagram. Its packets lie one behind the other, and each is the same packet when it
 * is a datagram of its own. Then each Initial is taken for one that is not protected yet: once it is
 * sealed, it must open to what was sealed, and must stay sealed with any one bit changed.
 */
#include "gateway/engine/quic_frames.h"
#include "gateway/engine/quic_initial.h"
#include "tests/unit/quic_seal.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
	TAG = 16,
	RESERVED = 0x0c,
};

static void require(bool holds)
{
	if (!holds)
		abort();
}

static bool same_cid(const struct quic_cid *a, const struct quic_cid *b)
{
	return a->len == b->len && !memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

static bool same(const struct quic_packet *a, const struct quic_packet *b)
{
	return a->kind == b->kind && a->first == b->first && a->version == b->version &&
	       a->ids_kept == b->ids_kept && same_cid(&a->dcid, &b->dcid) &&
	       same_cid(&a->scid, &b->scid) && a->len == b->len && a->token_len == b->token_len &&
	       a->number_at == b->number_at;
}

static void check_packet(const struct quic_packet *p, size_t datagram_len)
{
	uint8_t *copy = wire_exact(p->bytes, p->len);
	struct quic_walk w = quic_walk_over(copy, p->len);
	struct quic_ids ids = { .client_known = false };
	struct quic_packet alone;
	struct quic_cid dcid;

	require(quic_next(&w, &alone) == QUIC_PACKET && same(&alone, p));
	require(quic_next(&w, &alone) == QUIC_END);
	require(p->dcid.len <= QUIC_CID_MAX && p->scid.len <= QUIC_CID_MAX);
	require(!quic_begins(p, datagram_len) || (datagram_len >= 1200 && p->dcid.len >= 8));
	quic_learn(&ids, p, true);
	require(!ids.client_known || ids.client_len == p->scid.len);
	require(!ids.server_known);
	for (uint8_t len = 0; len <= QUIC_CID_MAX; len++)
		require(quic_short_dcid(p, len, &dcid) == (p->kind == QUIC_SHORT && p->len > len));
	require(!quic_spin(p) || p->kind == QUIC_SHORT);
	wire_exact_free(copy, p->len);
}

/* Opens an exact-size copy of `len` bytes that begin with an Initial. */
static enum quic_opened open_copy(const uint8_t *bytes, size_t len, uint8_t *out, size_t *out_len)
{
	uint8_t *copy = wire_exact(bytes, len);
	struct quic_walk w = quic_walk_over(copy, len);
	enum quic_opened r = QUIC_SEALED;
	struct quic_keys keys;
	struct quic_packet p;

	if (quic_next(&w, &p) == QUIC_PACKET && p.kind == QUIC_INITIAL && p.len == len &&
		quic_client_keys(p.version, &p.dcid, &keys))
		r = quic_open(&keys, &p, out, len, out_len);
	wire_exact_free(copy, len);
	return r;
}

static void check_frames(const uint8_t *bytes, size_t len)
{
	struct quic_frames f = quic_frames_over(bytes, len);
	struct quic_crypto piece;

	while (quic_frames_next(&f, &piece) == QUIC_CRYPTO)
		require(piece.bytes >= bytes && piece.bytes + piece.len <= bytes + len);
}

/* The packet at `packet` is not protected yet: seals it, opens it, spoils it. */
static void check_sealed(uint8_t *packet, const struct quic_packet *p, size_t spoil)
{
	size_t number_len = (packet[0] & 3u) + 1, header_len = p->number_at + number_len;
	size_t frames_len = p->len - header_len - TAG, len = 0;
	uint8_t *frames = wire_exact(packet + header_len, frames_len);
	uint8_t *out = wire_exact(packet, p->len);
	bool reserved = packet[0] & RESERVED;
	struct quic_wire_keys keys;
	enum quic_opened r;

	quic_wire_keys(p->version, p->dcid.bytes, p->dcid.len, &keys);
	quic_wire_seal(&keys, packet, header_len, number_len, frames_len);
	r = open_copy(packet, p->len, out, &len);
	require(r == (reserved ? QUIC_RESERVED : QUIC_OPENED));
	if (r == QUIC_OPENED) {
		require(len == frames_len && !memcmp(out, frames, len));
		check_frames(out, len);
	}
	packet[spoil / 8 % p->len] ^= (uint8_t)(1 << spoil % 8);
	r = open_copy(packet, p->len, out, &len);
	require(r == QUIC_SEALED || r == QUIC_TOO_SHORT); /* a longer token leaves less behind it */
	wire_exact_free(out, p->len);
	wire_exact_free(frames, frames_len);
}

static void check_initial(const struct quic_packet *p, size_t spoil)
{
	uint8_t *packet = wire_exact(p->bytes, p->len);
	uint8_t *out = wire_exact(p->bytes, p->len);
	size_t len = 0;

	if (open_copy(packet, p->len, out, &len) == QUIC_OPENED)
		check_frames(out, len);
	if (p->len - p->number_at >= 4 + TAG)
		check_sealed(packet, p, spoil);
	else
		require(open_copy(packet, p->len, out, &len) == QUIC_TOO_SHORT);
	wire_exact_free(packet, p->len);
	wire_exact_free(out, p->len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct quic_walk w = quic_walk_over(data, size);
	struct quic_packet p;
	size_t at = 0;

	while (quic_next(&w, &p) == QUIC_PACKET) {
		require(p.bytes == data + at && p.len > 0 && p.len <= size - at);
		at += p.len;
		check_packet(&p, size);
		if (p.kind == QUIC_INITIAL)
			check_initial(&p, size * 31 + data[size - 1]);
	}
	return 0;
}
