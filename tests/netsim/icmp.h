/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * icmp: the errors that routers send: RFC 792 and RFC 4443, what they quote, and what follows the quote:
 * RFC 4884 with MPLS stacks (RFC 4950) and interfaces (RFC 5837), or laid out wrongly on purpose.
 *
 * Owns:   nothing.
 * Time:   none.
 */
#ifndef NETSIM_ICMP_H
#define NETSIM_ICMP_H

#include "tests/netsim/ip.h"
#include "tests/netsim/topology.h"

enum {
	ICMP_ERROR_MAX = 1280
};

/*
 * Writes router `r`'s error about a packet, which is quoted as it stands; REFUSAL_NONE: its time is exceeded.
 * Returns the length. `out` has room for ICMP_ERROR_MAX.
 */
size_t icmp_error(const struct topology_router *r, enum refusal what, const uint8_t *packet,
	const struct ip_view *ip, uint8_t ttl, uint16_t id, uint8_t *out);

#endif
