/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * guard: what a stateful firewall and a transparent proxy know of a TCP flow: what the server has
 * acknowledged. They learn it where a packet is handed to the gateway: what they take for old is old to the
 * client, too, so that no retransmission that is still needed is ever refused.
 *
 * Owns:   nothing; a flow embeds it.
 * Time:   none.
 * Output: an answer to old bytes, as the server would give it (RFC 2883).
 */
#ifndef NETSIM_GUARD_H
#define NETSIM_GUARD_H

#include "tests/netsim/ip.h"

enum {
	GUARD_ANSWER_MAX = 40 + 20 + 24
};

/* All in the numbers that the client uses. */
struct guard {
	bool knows;
	bool stamps;
	uint32_t ack;  /* the server's newest */
	uint32_t next; /* what the server sends next */
	uint16_t window;
	uint32_t stamp; /* the server's newest */
};

/* A packet of the server, as it is handed to the gateway. */
void guard_learn(struct guard *g, const uint8_t *packet, const struct ip_view *ip);

/* Does a client's packet bring nothing but what the server has? `shift`: what NATs added to its sequence number. */
bool guard_is_old(
	const struct guard *g, const uint8_t *packet, const struct ip_view *ip, uint32_t shift);

/*
 * The proxy's answer to a client's old bytes, for the flow as the gateway knows it. Returns its length, 0 if the
 * packet has no bytes. `out` has room for GUARD_ANSWER_MAX.
 */
size_t guard_answer(const struct guard *g, const struct ip_flow *flow, const uint8_t *packet,
	const struct ip_view *ip, uint32_t shift, uint8_t *out);

#endif
