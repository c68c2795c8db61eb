/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * quic_wire: builds QUIC packets for tests: frames, long headers, and Initials protected as a
 * client protects them (quic_seal.h).
 *
 *	struct stream frames = { .len = 0 }, datagram = { .len = 0 };
 *
 *	put_crypto(&frames, 0, hello.bytes, hello.len);
 *	put_initial(&datagram, &(struct quic_wire){ .dcid = "8394c8f03e515708" }, &frames, 1200);
 */
#ifndef TESTS_UNIT_QUIC_WIRE_H
#define TESTS_UNIT_QUIC_WIRE_H

#include "tests/unit/hello.h"
#include "tests/unit/quic_seal.h"

enum {
	WIRE_INITIAL = 0, /* packet types as version 1 numbers them */
	WIRE_ZERO_RTT = 1,
	WIRE_HANDSHAKE = 2,
	WIRE_RETRY = 3,
};

/* What is not named is zero, but for the version (1) and the packet number's length (4). */
struct quic_wire {
	uint32_t version;
	const char *dcid; /* hex digits; NULL: none */
	const char *scid;
	const char *key_dcid; /* what the keys are made of; NULL: `dcid` */
	size_t token_len;
	uint32_t number;
	uint8_t number_len;
	uint8_t reserved; /* the reserved bits */
	bool unfixed;     /* the fixed bit is 0 */
};

/* RFC 9000 16, in as few bytes as `value` needs. */
static inline void put_varint(struct stream *s, uint64_t value)
{
	uint32_t high = (uint32_t)(value >> 32), low = (uint32_t)value;

	if (value < 1 << 6) {
		put8(s, low);
	} else if (value < 1 << 14) {
		put16(s, 0x4000 | low);
	} else if (value < 1 << 30) {
		put16(s, 0x8000 | low >> 16);
		put16(s, low);
	} else {
		put16(s, 0xc000 | high >> 16);
		put16(s, high);
		put16(s, low >> 16);
		put16(s, low);
	}
}

static inline void put_crypto(struct stream *s, uint64_t offset, const void *bytes, size_t len)
{
	put8(s, 6);
	put_varint(s, offset);
	put_varint(s, len);
	put(s, bytes, len);
}

static inline void put_hex(struct stream *s, const char *hex)
{
	uint8_t bytes[WIRE_MAX] = { 0 };

	put(s, bytes, hex ? wire_hex(bytes, hex) : 0);
}

/* A connection id with its length in front. */
static inline void put_cid(struct stream *s, const char *hex)
{
	size_t from = s->len;

	put8(s, 0);
	put_hex(s, hex);
	s->bytes[from] = (uint8_t)(s->len - from - 1);
}

/* A long header up to and with its ids; `type` as version 1 numbers it. */
static inline void put_long(struct stream *s, const struct quic_wire *q, uint8_t type)
{
	uint32_t version = q->version ? q->version : WIRE_V1;
	uint8_t shown = version == WIRE_V2 ? (type + 1) & 3 : type;

	put8(s, 0x80u | (q->unfixed ? 0 : 0x40u) | (uint32_t)shown << 4 | q->reserved |
			(q->number_len ? q->number_len - 1u : 3u));
	put16(s, version >> 16);
	put16(s, version);
	put_cid(s, q->dcid);
	put_cid(s, q->scid);
}

/*
 * A client's Initial with these frames, behind what the datagram holds. PADDING frames fill the
 * datagram up to `datagram_len` bytes, where it is shorter.
 */
static inline void put_initial(struct stream *datagram, const struct quic_wire *q,
	const struct stream *frames, size_t datagram_len)
{
	size_t from = datagram->len, header_len, sealed,
	       number_len = q->number_len ? q->number_len : 4;
	const char *key_dcid = q->key_dcid ? q->key_dcid : q->dcid;
	uint8_t cid[256] = { 0 };
	size_t cid_len = 0;
	struct quic_wire_keys keys;

	put_long(datagram, q, WIRE_INITIAL);
	put_varint(datagram, q->token_len);
	put_fill(datagram, 0x77, q->token_len);
	sealed = number_len + frames->len + 16;
	if (datagram->len + 2 + sealed < datagram_len)
		sealed = datagram_len - datagram->len - 2;
	put16(datagram, 0x4000 | (uint32_t)sealed);
	for (size_t i = number_len; i > 0; i--)
		put8(datagram, q->number >> 8 * (i - 1));
	header_len = datagram->len - from;
	put(datagram, frames->bytes, frames->len);
	put_fill(datagram, 0, sealed - number_len - frames->len);
	if (key_dcid)
		cid_len = wire_hex(cid, key_dcid);
	quic_wire_keys(q->version, cid, cid_len, &keys);
	quic_wire_seal(
		&keys, datagram->bytes + from, header_len, number_len, sealed - number_len - 16);
}

/* A 0-RTT or Handshake packet; what is protected is noise. */
static inline void put_protected(
	struct stream *datagram, const struct quic_wire *q, uint8_t type, size_t len)
{
	put_long(datagram, q, type);
	put_varint(datagram, len);
	put_fill(datagram, 0xa7, len);
}

#endif
