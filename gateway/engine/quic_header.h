/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * quic_header: what a UDP datagram shows to be QUIC, without any key: the headers of its packets.
 *
 * Of every version: the long header's version and connection ids, and that a short header is one
 * (RFC 8999). Of versions 1 and 2: which packet it is and where it ends, so that the packets of one
 * datagram can be walked over (RFC 9000 12.2, 17.2; RFC 9369 3.2).
 *
 * Reads through the cursor only, publishes only a whole header, keeps nothing. Judges no fixed bit
 * of versions 1 and 2: who may grease it does (RFC 9287).
 */
#ifndef QUIC_HEADER_H
#define QUIC_HEADER_H

#include "gateway/engine/cursor.h"

enum {
	QUIC_VERSION_1 = 0x00000001,
	QUIC_VERSION_2 = 0x6b3343cf,
	QUIC_CID_MAX = 20,    /* of versions 1 and 2; the invariants allow 255 */
	QUIC_DATAGRAM = 1200, /* the least that carries a client's Initial (RFC 9000 14.1) */
};

enum quic_kind {
	QUIC_INITIAL,
	QUIC_ZERO_RTT,
	QUIC_HANDSHAKE,
	QUIC_RETRY,
	QUIC_NEGOTIATION,   /* Version Negotiation: a server's, of no version */
	QUIC_OTHER_VERSION, /* a long header of a version that is not known here */
	QUIC_SHORT,         /* a short header: 1-RTT */
};

struct quic_cid {
	uint8_t len;
	uint8_t bytes[QUIC_CID_MAX]; /* zeros behind `len` */
};

/* One packet of a datagram. Of a short header only `kind`, `first`, `bytes` and `len` are set. */
struct quic_packet {
	enum quic_kind kind;
	uint8_t first; /* its first byte, as on the wire */
	uint32_t version;
	bool ids_kept; /* false: an id is longer than QUIC_CID_MAX, and neither is told */
	struct quic_cid dcid;
	struct quic_cid scid;
	const uint8_t *bytes; /* the whole packet, into the caller's datagram */
	size_t len;
	size_t token_len; /* Initial, Retry */
	size_t number_at; /* Initial, 0-RTT, Handshake: where the packet number stands in `bytes` */
};

/* The walk over a datagram's packets. */
struct quic_walk {
	struct cursor in;
	bool begun;
};

enum quic_step {
	QUIC_PACKET,
	QUIC_END, /* no further packet */
	QUIC_BAD, /* what stands here is no packet: bytes that end too early, lengths that lie */
};

static inline struct quic_walk quic_walk_over(const uint8_t *datagram, size_t len)
{
	return (struct quic_walk){ .in = cursor_over(datagram, len) };
}

/*
 * The next packet. `*out` is written on QUIC_PACKET only; after QUIC_BAD the answer stays the same.
 * A packet without a length (short header, Retry, Version Negotiation, another version) takes all
 * that is left. What stands behind a packet and shows neither form's bits is padding: QUIC_END.
 */
enum quic_step quic_next(struct quic_walk *w, struct quic_packet *out);

/*
 * Does this packet, met in a client's datagram of `datagram_len` bytes, begin a connection? An
 * Initial, or a long header of another version (greased ones included), in a datagram of at least
 * QUIC_DATAGRAM bytes and with a destination id of at least 8 (RFC 9000 7.2). Of another version
 * the fixed bit is asked for as well, since it tells QUIC from RTP (RFC 9443).
 */
bool quic_begins(const struct quic_packet *p, size_t datagram_len);

/*
 * The destination id of a short header, which does not tell its length: `len` is that of the source
 * id in the receiver's long headers (quic_learn). False if the packet is none or is too short.
 */
bool quic_short_dcid(const struct quic_packet *p, uint8_t len, struct quic_cid *out);

/* The spin bit of a short header (RFC 9000 17.4); header protection does not cover it. */
bool quic_spin(const struct quic_packet *p);

/* How long the ids are that each side has chosen for itself. */
struct quic_ids {
	bool client_known;
	bool server_known;
	uint8_t client_len; /* of the destination id in the server's short headers */
	uint8_t server_len; /* ... in the client's */
};

/*
 * Learns from a long header. Retry and Version Negotiation do not count: the id in a Retry is not
 * yet the one that the server will use, and the other only repeats the client's choice.
 */
void quic_learn(struct quic_ids *ids, const struct quic_packet *p, bool from_client);

#endif
