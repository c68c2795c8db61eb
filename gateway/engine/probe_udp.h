/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * probe_udp: builds probes for UDP flows (DESIGN section 5). What identifies one in a quote is its UDP
 * checksum and, in IPv4, its ID.
 *
 * QUIC: the first byte and the destination id of the flow's newest short header, then random bytes,
 * 21 in all: too short to hold a sample of header protection, so that it is discarded unread (RFC
 * 9001 5.4.2), and too short to draw a stateless reset (RFC 9000 10.3.3).
 * Other UDP: random bytes; they never reach the server (PROBER_CLIMBS).
 *
 * Owns: nothing. Time: none.
 */
#ifndef PROBE_UDP_H
#define PROBE_UDP_H

#include "gateway/engine/probe.h"
#include "gateway/engine/udp.h"

/* Draws a payload whose checksum no probe in memory has (with its ID). False if none was found. */
bool probe_udp_choose(struct probes *p, const struct inpath_tuple *tuple, const struct udp_flow *u,
	struct probe_token *token);

/* Writes the probe to `out`, as probe_build does. */
uint16_t probe_udp_build(uint8_t out[INPATH_PROBE_BYTES], const struct inpath_tuple *tuple,
	const struct udp_flow *u, const struct probe_token *token, uint8_t ttl, bool ecn);

#endif
