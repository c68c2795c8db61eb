/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * why_way: what one transport shows of the way to one server: is it slower than it was, or cut, and
 * since when; and between which routers that begins. Private to why.
 *
 * Owns:   nothing; arrays are why's.
 */
#ifndef CLI_WHY_WAY_H
#define CLI_WHY_WAY_H

#include "gateway/cli/why.h"
#include "gateway/cli/why_routers.h"

/* What one transport shows of the way to one server; also what is worked out about it. */
struct why_way {
	const uint32_t *traces; /* indices, oldest first */
	uint32_t count;
	uint32_t hops; /* the highest TTL of the newest trace, without the server's own */
	bool known;    /* enough to say that it is well or not */
	/* If known: what begins between these is seen. */
	model_time known_from, known_until;
	bool up, broken;
	uint32_t breaks;        /* traces that broke off, the newest ones */
	struct why_split split; /* of the round trips to the server */
	uint8_t good_ttl, bad_ttl;
	uint32_t good_addrs, bad_addrs;
	bool told;
};

struct why_work {
	const struct model *m;
	struct why_answer *out;
	uint32_t *order;   /* all traces, by server or by device, then by age */
	uint32_t *values;  /* room for one value a trace */
	uint32_t *scratch; /* likewise, or for one a flow */
	struct why_way *servers;
	uint32_t server_count;
	struct why_routers routers;
	bool routers_read;
};

/* The flow of a trace. */
const struct model_flow *why_flow_of(const struct model *m, uint32_t trace);

/* Works out all about `s` whose traces are set; reads the routers when they are first needed. False: no memory. */
bool why_way_look(struct why_work *w, struct why_way *s);

/* The newest address that answered at this TTL. */
uint32_t why_way_router(const struct why_work *w, const struct why_way *s, uint32_t ttl);

#endif
