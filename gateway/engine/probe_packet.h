/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * probe_packet: the IP header and the checksums round a probe's transport header.
 *
 * Owns: nothing. Time: none.
 */
#ifndef PROBE_PACKET_H
#define PROBE_PACKET_H

#include "inpath/limits.h"
#include "inpath/types.h"

enum {
	PROBE_IP4_HEADER = 20,
	PROBE_IP6_HEADER = 40,
};

/* What the flow's own packets have in their IP header. */
struct probe_ip {
	uint8_t tos; /* a CE mark is never repeated */
	bool ecn;    /* keep the ECN field; else it is Not-ECT */
	bool dont_fragment;
	uint16_t id; /* IPv4 */
	uint32_t flow_label;
	uint8_t ttl;
};

static inline uint8_t *put16(uint8_t *at, uint16_t v)
{
	at[0] = (uint8_t)(v >> 8);
	at[1] = (uint8_t)v;
	return at + 2;
}

static inline uint8_t *put32(uint8_t *at, uint32_t v)
{
	return put16(put16(at, (uint16_t)(v >> 16)), (uint16_t)v);
}

/* Where the transport header begins. */
static inline size_t probe_transport_at(const struct inpath_tuple *tuple)
{
	return tuple->server.family == INPATH_AF_INET ? PROBE_IP4_HEADER : PROBE_IP6_HEADER;
}

/*
 * Writes the IP header in front of the `len` bytes that stand at probe_transport_at, and the
 * transport's checksum `sum_at` bytes into them, where zeros are. Returns the packet's length.
 */
uint16_t probe_packet(uint8_t out[INPATH_PROBE_BYTES], const struct inpath_tuple *tuple,
	const struct probe_ip *ip, uint16_t len, size_t sum_at);

#endif
