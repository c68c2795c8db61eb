/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * route: which of several next steps a router takes, and where a flow's packets go in all.
 *
 * A router chooses by a keyed hash of the packet as it arrives there: of its 5-tuple (of a fragment, or where
 * there are no ports, of the addresses and the protocol) and, in IPv6, its flow label; or of its
 * destination; or by chance. The key is the topology's seed and the router.
 *
 * Owns:   nothing.
 * Time:   none: a walk is over the topology as it is now.
 */
#ifndef NETSIM_ROUTE_H
#define NETSIM_ROUTE_H

#include "tests/netsim/link.h"
#include "tests/netsim/nat.h"
#include "tests/netsim/topology.h"

enum {
	ROUTE_STANDS = 640
};

/* What routers look at. */
struct route_header {
	struct ip_flow flow;
	uint32_t label;
};

/* The next step, an index into the way's steps or WAY_END. */
uint16_t route_choose(const struct topology *t, struct chance *chance,
	const struct topology_step *step, const struct route_header *header);

/* The step of a way at which a place stands, the last one; WAY_END if it does not. */
uint16_t route_stands(const struct topology_way *way, uint16_t place);

/* A router at a TTL: it may be crossed there; a packet that leaves the gateway with that TTL may expire there. */
struct route_stand {
	uint8_t ttl;
	bool crossed;
	bool expires;
	uint16_t router;
	struct inpath_addr addr; /* of its answer */
};

/* All that may happen to a flow's packets on their way. */
struct route_walk {
	uint16_t count;
	struct route_stand stands[ROUTE_STANDS]; /* by TTL, then router; no two alike in both */
	bool server[TOPOLOGY_HOPS +
		    2]; /* by TTL: the lowest with which a packet of some way gets there */
};

void route_walk(const struct topology *t, struct nat *nat, uint16_t server,
	const struct route_header *header, struct route_walk *out);

#endif
