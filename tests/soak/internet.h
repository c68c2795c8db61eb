/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * internet: the routers between the household and its servers, and the truth about every path.
 *
 *	gateway -> access -> ISP (3) -> transit (12) -> service (20 for each family) -> server
 *
 * A path is one segment of each row. A segment has several ways, of which one is in force; a way has
 * branches, of which a flow's hash takes one (balancing per flow). So neighbours share routers, and one
 * change of route moves all flows that cross the segment.
 *
 * Owns: its segments and routers; the latest changes of each segment.
 * Time: given. Random: its own dice; what the engine does changes no route.
 */
#ifndef TESTS_SOAK_INTERNET_H
#define TESTS_SOAK_INTERNET_H

#include "inpath/types.h"
#include "tests/soak/agenda.h"
#include "tests/soak/dice.h"

enum {
	NET_SERVICES = 20,
	NET_ROW = 4, /* segments of a path */
	NET_ISPS = 3,
	NET_TRANSITS = 12,
	NET_SEGMENTS = 1 + NET_ISPS + NET_TRANSITS + 2 * NET_SERVICES,
	NET_WAYS = 4,
	NET_BRANCHES = 3,
	NET_LENGTH = 7, /* hops of one segment at most */
	NET_HOPS = 22,  /* routers of a path at most: 2 + 3 + 7 + 6, and room */
	NET_ROUTERS = 8192,
	NET_CHANGES = 256, /* of a segment, remembered */
	NET_IDS = 8,       /* paths in force one after the other that are told apart */
	NET_SERVER = 0xffff,
	NET_NOBODY = 0, /* router 0 is none */
};

/* Whoever may answer at one TTL: one router, or two that take turns by packet. */
struct net_hop {
	uint16_t routers[2];
};

struct net_way {
	uint8_t branches;
	uint8_t length[NET_BRANCHES];
	struct net_hop hops[NET_BRANCHES][NET_LENGTH];
};

struct net_segment {
	uint8_t ways;
	uint8_t now; /* the way in force */
	uint32_t changes;
	struct {
		inpath_time at;
		uint8_t before; /* the way until then */
	} change[NET_CHANGES];
	struct net_way way[NET_WAYS];
	inpath_time delay; /* of crossing it and coming back */
};

enum net_manner {
	NET_ANSWERS,
	NET_SILENT,
	NET_LIMITED, /* `rate` answers a second, to all who ask */
	NET_FLAPS,   /* silent for minutes, then not */
	NET_SLOW,    /* its slow path takes its time */
};

struct net_router {
	enum net_manner manner;
	bool mute; /* NET_FLAPS: at the moment */
	uint8_t rate;
	uint8_t used; /* in second `second` */
	uint64_t second;
};

struct net {
	struct dice dice;    /* of routes and routers */
	struct dice weather; /* of probes and answers */
	uint32_t routers;    /* drawn so far, the first is 1 */
	struct net_router router[NET_ROUTERS];
	struct net_segment segment[NET_SEGMENTS];
	uint64_t reroutes;
};

/* Where a flow goes, for all its life. */
struct net_route {
	uint16_t segments[NET_ROW];
	uint32_t hash;
	uint16_t service;
};

/* Which way of each segment: 8 bits each. What a flow's path is follows from it. */
typedef uint32_t net_id;

struct net_path {
	uint8_t count; /* routers; the server's TTL is one more */
	struct net_hop hops[NET_HOPS];
};

/* What becomes of a probe. */
enum net_end {
	NET_LOST,
	NET_EXPIRED, /* `router` answers after `rtt` */
	NET_ARRIVED, /* the server has it, and its answer would be back after `rtt` */
};

struct net_fate {
	enum net_end end;
	uint16_t router;
	inpath_time rtt;
};

/* Draws it all; its first changes go to the agenda. */
void net_begin(struct net *n, uint64_t seed, struct agenda *agenda, inpath_time now);

/* AGENDA_REROUTE and AGENDA_FLAP. */
void net_reroute(struct net *n, struct agenda *agenda, const struct agenda_item *item);
void net_flap(struct net *n, struct agenda *agenda, const struct agenda_item *item);

struct net_route net_route(uint16_t service, bool v6, uint32_t hash);

net_id net_id_at(const struct net *n, const struct net_route *r, inpath_time at);

/* All that were in force at any time from `from` to `until`, each once; how many, NET_IDS at most. */
uint32_t net_ids(const struct net *n, const struct net_route *r, inpath_time from,
	inpath_time until, net_id ids[NET_IDS]);

void net_path(const struct net *n, const struct net_route *r, net_id id, struct net_path *out);

/* May this router, or NET_SERVER, answer at this TTL of the path? */
bool net_path_has(const struct net_path *p, uint8_t ttl, uint16_t who);

/* Can nobody answer at this TTL on both paths? */
bool net_paths_part(const struct net_path *a, const struct net_path *b, uint8_t ttl);

/* A probe leaves the gateway. Takes what is to be taken of a router's rate. */
struct net_fate net_carry(struct net *n, const struct net_route *r, uint8_t ttl, inpath_time now);

/* The TTL of the server's packets as the gateway forwards them: ways back have lengths of their own. */
uint8_t net_back(const struct net *n, const struct net_route *r, inpath_time now);

/* From the gateway to the server and back, without jitter. */
inpath_time net_rtt(const struct net *n, const struct net_route *r);

#endif
