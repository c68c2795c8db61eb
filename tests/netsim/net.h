/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * net: the life of a packet in the synthetic internet.
 *
 *	gateway --> leave --> link --> router --> leave --> ... --> server
 *	                                  | expired, refused
 *	gateway <-- leave <-- link <----- error, or a proxy's answer
 *
 * A way is walked step by step; a link without delay is crossed at once, else the packet waits in the heap.
 * At a router a packet expires, or is refused; else its TTL, its DSCP and ECN, and its source change, a
 * proxy may answer it, and it goes on. An error goes back on the server's way back from where its
 * router stands there; if it does not, by the steps by which its cause came, up to the first router that does.
 * Errors leave with TTL 255, those of every third router declared with 64.
 *
 * What comes from a server goes to the gateway, whatever its destination; when its TTL ends on the way, the
 * error is handed to the server after as long as the packet was on its way.
 *
 * Owns:   everything in flight, the NATs, the truth.
 * Time:   the caller's clock, given with each call, never running backwards. A packet's own moment is
 *         when it was due, so that a busy machine adds no delay to the sum.
 * Output: packets, by the function `out`.
 */
#ifndef NETSIM_NET_H
#define NETSIM_NET_H

#include "tests/netsim/link.h"
#include "tests/netsim/nat.h"
#include "tests/netsim/sched.h"
#include "tests/netsim/truth.h"

enum {
	TO_GATEWAY = -1
};

struct net_router {
	double tokens; /* of its limit on errors */
	inpath_time filled;
};

struct net {
	struct topology t; /* as of now */
	struct chance chance;
	struct links links;
	struct sched sched;
	struct nat nat;
	struct truth truth;
	struct net_router routers[TOPOLOGY_ROUTERS];
	uint16_t events_done;
	uint32_t epoch; /* counts what changes at which TTL routers stand */
	inpath_time now;
	void (*out)(void *arg, int to, const uint8_t *packet,
		size_t len); /* a server's index, or TO_GATEWAY */
	void *arg;
};

/* `out` and `arg` are set by the caller; the rest is made from the topology. */
void net_init(struct net *n, const struct topology *t);
void net_free(struct net *n);

/* A datagram to be filled with a packet that was read: bytes and len. net_take takes it back. */
struct datagram *net_datagram(struct net *n);

/* A packet has come out of the gateway, or out of a server. */
void net_take(struct net *n, struct datagram *d, bool from_gateway, inpath_time now);

/* Does what is due; events and packets in the order of their moments. */
void net_tick(struct net *n, inpath_time now);

/* When net_tick has something to do again; INPATH_TIME_NEVER: nothing waits. */
inpath_time net_next(const struct net *n);

/* --- within: net.c, net_router.c ----------------------------------------------------------------- */

/* Sends a datagram from its place on, as far as it gets now. */
void net_depart(struct net *n, struct datagram *d);

/* A router has it: true if it goes on from there, false if it is no more. */
bool net_router(struct net *n, struct datagram *d);

#endif
