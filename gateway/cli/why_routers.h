/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * why_routers: the round trips to each router, over all ways that cross it at the same TTL: what one
 * way shows too seldom, all together do. Private to why.
 *
 * Owns: its values, until why_routers_free. Of very long logs only every n-th trace is looked at.
 */
#ifndef CLI_WHY_ROUTERS_H
#define CLI_WHY_ROUTERS_H

#include "gateway/cli/model.h"
#include "gateway/cli/why_series.h"

struct why_routers {
	struct intern keys; /* TTL and address; its number is the router's index */
	struct why_router *list;
	uint32_t room;
	uint32_t *scratch; /* as many as the longest series has */
};

/* Reads all traces; `server_entry` tells which entry of one is no router. False: no memory. */
bool why_routers_read(struct why_routers *r, const struct model *m,
	uint32_t (*server_entry)(const struct model *m, const struct model_trace *t));
void why_routers_free(struct why_routers *r);

/* What this router did when round trips beyond it went up by `excess_us`, somewhen behind `before` and not behind `since`. */
enum why_move why_router_moved(struct why_routers *r, uint32_t ttl, uint32_t addrs,
	model_time before, model_time since, uint32_t excess_us);

#endif
