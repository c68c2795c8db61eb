/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * packets: what passes the gateway in the virtual world, from the IP header on, with right checksums.
 *
 * Unlike tests/unit/wire.h it takes addresses as the engine keeps them: there are millions of packets.
 * Each writes into `out` (PACKET_MAX bytes) and returns the packet's length.
 *
 * Owns: nothing.
 */
#ifndef TESTS_SOAK_PACKETS_H
#define TESTS_SOAK_PACKETS_H

#include "gateway/engine/parse.h" /* the names of TCP flags */
#include "inpath/types.h"

enum {
	PACKET_MAX = 2048,
};

struct tcp_words {
	uint32_t seq;
	uint32_t ack;
	uint16_t flags;
	uint16_t window;
	bool opening; /* MSS and SACK permitted, if `sack` */
	bool sack;
	uint32_t block; /* a D-SACK block of this byte, if not 0 */
	uint32_t tsval; /* 0: no timestamps */
	uint32_t tsecr;
};

/* Of the flow, by the client or to it. */
size_t packet_tcp(uint8_t *out, const struct inpath_tuple *flow, bool from_client, uint8_t ttl,
	const struct tcp_words *t, const void *payload, size_t payload_len);
size_t packet_udp(uint8_t *out, const struct inpath_tuple *flow, bool from_client, uint8_t ttl,
	const void *payload, size_t payload_len);

/* A router's "time exceeded" that quotes a probe to its sender. */
size_t packet_time_exceeded(
	uint8_t *out, const struct inpath_addr *router, const uint8_t *probe, size_t probe_len);

/* A DNS question for `name`'s address, in the family of `flow`; with `addr` the answer to it. */
size_t packet_dns(uint8_t *out, const struct inpath_tuple *flow, const char *name,
	const struct inpath_addr *addr);

/* A ClientHello with this name, in one record; and a client's QUIC Initial with it. */
size_t payload_hello(uint8_t *out, const char *name);
size_t payload_initial(uint8_t *out, const char *name);

/* A server's first long header, and a short header of either side. */
size_t payload_handshake(uint8_t *out);
size_t payload_short(uint8_t *out, bool from_client, bool spin, size_t len);

/* What every client says at a sequence number: so a probe's byte can be told to be an old one. */
static inline uint8_t said(uint32_t seq)
{
	return (uint8_t)(seq * 7 + (seq >> 8));
}

#endif
