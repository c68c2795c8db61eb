/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/netsim/topology_events.h"
#include "tests/netsim/topology_options.h"
#include "tests/netsim/topology_way.h"

#include <stdlib.h>
#include <string.h>

static int compare_pending(const void *a, const void *b)
{
	const struct pending *x = a, *y = b;

	if (x->at != y->at)
		return x->at < y->at ? -1 : 1;
	return x->number - y->number;
}

/* The newest state before event `e` of what it changes. */
static const struct topology_event *event_before(const struct topology *t, uint16_t e)
{
	const struct topology_event *now = &t->events[e];

	while (e-- > 0)
		if (t->events[e].kind == now->kind && t->events[e].index == now->index)
			return &t->events[e];
	return NULL;
}

const struct topology_router *topology_router_before(const struct topology *t, uint16_t event)
{
	const struct topology_event *before = event_before(t, event);

	return before != NULL ? &before->router : &t->routers[t->events[event].index];
}

const struct topology_link *topology_link_before(const struct topology *t, uint16_t event)
{
	const struct topology_event *before = event_before(t, event);

	return before != NULL ? &before->link : &t->links[t->events[event].index];
}

static bool place(struct topology *t, struct pending *p, const struct topology_way *changes)
{
	uint16_t number = t->event_count++;
	struct topology_event *e = &t->events[number];

	e->at = p->at;
	e->kind = p->kind;
	e->index = p->index;
	switch (p->kind) {
	case EVENT_ROUTER:
		memcpy(&e->router, topology_router_before(t, number), sizeof(e->router));
		return options_router(&p->options, &e->router);
	case EVENT_LINK:
		memcpy(&e->link, topology_link_before(t, number), sizeof(e->link));
		return options_link(&p->options, &e->link);
	case EVENT_WAY: e->way = way_add(t, &changes[p->number]); return true;
	}
	return false;
}

bool events_place(struct topology *t, struct pending *pending, uint16_t count,
	const struct topology_way *changes)
{
	qsort(pending, count, sizeof(pending[0]), compare_pending);
	for (uint16_t i = 0; i < count; i++)
		if (!place(t, &pending[i], changes))
			return false;
	return true;
}
