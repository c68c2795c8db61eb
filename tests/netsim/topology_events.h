/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * topology_events: events in the order of time, each with the whole new state of what it changes.
 */
#ifndef TOPOLOGY_EVENTS_H
#define TOPOLOGY_EVENTS_H

#include "tests/netsim/topology_words.h"

/* An event as it was met: what it makes of its router or link is known when all are in order. */
struct pending {
	inpath_time at;
	enum event_kind kind;
	uint16_t index;
	uint16_t number; /* by appearance */
	struct words options;
};

/* Sorts and adds them to the topology; events[].way of the one met as number n is changes[n]. */
bool events_place(struct topology *t, struct pending *pending, uint16_t count,
	const struct topology_way *changes);

/* What the router or link of event number `event` was before it. */
const struct topology_router *topology_router_before(const struct topology *t, uint16_t event);
const struct topology_link *topology_link_before(const struct topology *t, uint16_t event);

#endif
