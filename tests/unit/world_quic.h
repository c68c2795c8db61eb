/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * world_quic: UDP in the world of world.h: a client and a server that speak QUIC, or anything else,
 * over the same row of routers. The server discards what it cannot read, so no probe is answered.
 */
#ifndef TESTS_UNIT_WORLD_QUIC_H
#define TESTS_UNIT_WORLD_QUIC_H

#include "tests/unit/quic_wire.h"
#include "tests/unit/world.h"

#define QUIC_FIRST_ID  "8394c8f03e515708"
#define QUIC_CLIENT_ID ""
#define QUIC_SERVER_ID "0102030405060708"

static inline struct inpath_verdict world_datagram(
	struct world *w, bool from_client, const void *payload, size_t len)
{
	struct wire_udp u = {
		.ip = { .src = from_client ? world_client(w) : world_server(w),
			.dst = from_client ? world_server(w) : world_client(w),
			.ttl = from_client   ? 63
			       : w->seen_ttl ? w->seen_ttl
					     : (uint16_t)(64 - w->distance) },
		.src_port = from_client ? w->port : 443,
		.dst_port = from_client ? 443 : w->port,
		.payload = payload,
		.payload_len = len,
	};
	uint8_t bytes[WIRE_MAX];

	return world_give(w, from_client, bytes, wire_udp(bytes, &u));
}

/* The client's Initial with the whole of `hello`. */
static inline void world_initial(struct world *w, const struct quic_wire *q, const char *name)
{
	struct stream message = { 0 }, frames = { 0 }, datagram = { 0 };

	plain_hello(&message, name);
	put_crypto(&frames, 0, message.bytes, message.len);
	put_initial(&datagram, q, &frames, 1200);
	world_datagram(w, true, datagram.bytes, datagram.len);
}

/* A short header to `id`, and what is protected: noise. */
static inline struct inpath_verdict world_short(
	struct world *w, bool from_client, const char *id, uint8_t first)
{
	struct stream s = { 0 };

	put8(&s, first);
	put_hex(&s, id);
	put_fill(&s, 0x99, 40);
	return world_datagram(w, from_client, s.bytes, s.len);
}

/* A handshake, and a short header each way. */
static inline void world_quic_open(struct world *w, const char *name)
{
	struct quic_wire client = { .dcid = QUIC_FIRST_ID, .scid = QUIC_CLIENT_ID };
	struct quic_wire server = { .dcid = QUIC_CLIENT_ID, .scid = QUIC_SERVER_ID };
	struct stream s = { 0 };

	world_initial(w, &client, name);
	w->now += 10 * MS;
	put_protected(&s, &server, WIRE_HANDSHAKE, 900);
	world_datagram(w, false, s.bytes, s.len);
	w->now += 3 * MS;
	world_short(w, true, QUIC_SERVER_ID, 0x41);
	w->now += 10 * MS;
	world_short(w, false, QUIC_CLIENT_ID, 0x41);
}

#endif
