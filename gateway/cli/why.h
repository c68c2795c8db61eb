/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * why: where a household's streams hurt, from what the log tells. Pure: no printing, no clock.
 *
 * Everything is compared with its own past. A series of round trips (to one server, to one device) is
 * cut at the moment that parts high values from low ones best; it is up if the median of what comes
 * behind it (`now`) exceeds that of what was before by more than the greatest of
 *
 *	- WHY_FLOOR_US on the server's side, WHY_FLOOR_LAN_US on the device's (less hurts nobody),
 *	- WHY_MADS times the usual distance from the median (MAD, scaled as of a normal distribution),
 *	  and WHY_MADS_NOW times today's: a few values that lie close together by chance prove little,
 *	- a quarter of the median before,
 *
 * and three quarters of now's values lie beyond half of that. What went up and came down again is
 * past. Each router on the way then went along, stayed, or is unclear: where it answers too seldom,
 * or varies so much by itself that three standard errors of its medians would not tell. In this order:
 *
 *	lan      a device's round trips are up; those to the servers are measured apart from it
 *	access   up from one of the first WHY_ACCESS hops on, and on all hops behind it, on the way to at
 *	         least three servers, and not to those beyond the same router that others ask
 *	transit  up from a later hop on, and on all hops behind it, the server included
 *	service  up at the server only
 *
 * "On all hops behind it": a router that answers late while those behind it do not is busy with other
 * things, and nothing is said of it. A way that ended at the server and now ends before is a problem
 * from its last answering hop on, and comes before all that is only slow. A connection whose packets no
 * longer come through is traced once or twice more, so WHY_NOW_BROKEN traces must do, of all connections
 * that broke off at the same place.
 *
 * Each transport to a server is a series of its own, since they do not measure alike. A QUIC server
 * answers no probe: its entry in a trace repeats the connection's first round trip and is not looked at,
 * and how far the routers answer tells whether the way is whole. QUIC's spin bit shows no device's link:
 * the device answers it when it has something to send.
 *
 * Owns:   nothing; texts are the model's numbers.
 * Time:   the records'. The end of the log is now.
 */
#ifndef CLI_WHY_H
#define CLI_WHY_H

#include "gateway/cli/model.h"

enum {
	WHY_FLOOR_US = 5000,
	WHY_FLOOR_LAN_US = 10000,
	WHY_MADS = 5,
	WHY_MADS_NOW = 2,
	WHY_ACCESS = 3,  /* TTLs that all ways share: DESIGN's first hops */
	WHY_BEFORE = 5,  /* traces that it takes to know what is usual */
	WHY_NOW = 3,     /* ... and to know that it is no longer */
	WHY_NOW_LAN = 6, /* of a device's link, which is seen by all its connections, and uneven */
	WHY_NOW_BROKEN = 2, /* traces that broke off at the same place, to all servers behind it */
	WHY_PROBLEMS = 32,  /* told at most */
};

enum why_segment {
	WHY_LAN,
	WHY_ACCESS_LINK,
	WHY_TRANSIT,
	WHY_SERVICE,
};

struct why_problem {
	enum why_segment segment;
	bool broken; /* nothing comes back from there on */
	model_time since;
	uint32_t before_us, now_us; /* medians at the far end; 0 if broken */
	uint32_t flow;              /* one of those that suffer; WHY_LAN: one of the device */
	/* Where it begins: behind the last good hop, not later than the first bad one. TTL 0: none answers. */
	uint8_t good_ttl, bad_ttl;
	uint32_t good_addrs, bad_addrs;
	uint32_t servers; /* on the way to so many */
	uint32_t flows;   /* of so many connections */
};

struct why_answer {
	uint32_t count;
	struct why_problem problems[WHY_PROBLEMS];
	uint32_t servers, clients;           /* of which enough was known */
	uint32_t servers_seen, clients_seen; /* of which anything was */
};

/* False: no memory. */
bool why_ask(const struct model *m, struct why_answer *out);

#endif
