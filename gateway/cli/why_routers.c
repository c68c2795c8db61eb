/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/cli/why_routers.h"

#include <stdlib.h>

enum {
	ENOUGH_TRACES = 200000, /* beyond so many, a part of them tells the same */
};

struct why_router {
	uint32_t count, room, times_room;
	uint32_t *values;
	model_time *times;
};

static struct why_router *router_of(struct why_routers *r, uint32_t ttl, uint32_t addrs)
{
	const uint32_t key[] = { ttl, addrs };
	uint32_t index = intern_put(&r->keys, key, sizeof(key)), room = r->room;

	if (index == INTERN_NONE ||
		!model_grow((void **)&r->list, &r->room, index, 1, sizeof(*r->list)))
		return NULL;
	for (; room < r->room; room++)
		r->list[room] = (struct why_router){ 0 };
	return &r->list[index];
}

static bool add(struct why_router *router, uint32_t value, model_time at)
{
	if (!model_grow((void **)&router->values, &router->room, router->count, 1,
		    sizeof(*router->values)) ||
		!model_grow((void **)&router->times, &router->times_room, router->count, 1,
			sizeof(*router->times)))
		return false;
	router->values[router->count] = value;
	router->times[router->count++] = at;
	return true;
}

static bool add_trace(struct why_routers *r, const struct model *m, const struct model_trace *t,
	uint32_t server_entry)
{
	uint32_t count;
	const struct model_step *steps = model_path(m, t->path, &count);

	for (uint32_t i = 0; i < count; i++) {
		struct why_router *router;

		if (i == server_entry || m->rtts[t->rtts + i] == 0)
			continue;
		router = router_of(r, steps[i].ttl, steps[i].addrs);
		if (!router || !add(router, m->rtts[t->rtts + i], t->at))
			return false;
	}
	return true;
}

bool why_routers_read(struct why_routers *r, const struct model *m,
	uint32_t (*server_entry)(const struct model *m, const struct model_trace *t))
{
	uint32_t step = 1 + m->trace_count / ENOUGH_TRACES, longest = 1;

	*r = (struct why_routers){ 0 };
	intern_init(&r->keys);
	for (uint32_t i = 0; i < m->trace_count; i += step)
		if (!add_trace(r, m, &m->traces[i], server_entry(m, &m->traces[i])))
			return false;
	for (uint32_t i = 0; i < r->keys.count; i++)
		longest = r->list[i].count > longest ? r->list[i].count : longest;
	r->scratch = calloc(longest, sizeof(*r->scratch));
	return r->scratch != NULL;
}

void why_routers_free(struct why_routers *r)
{
	for (uint32_t i = 0; i < r->keys.count && i < r->room; i++) {
		free(r->list[i].values);
		free(r->list[i].times);
	}
	free(r->list);
	free(r->scratch);
	intern_free(&r->keys);
	*r = (struct why_routers){ 0 };
}

/* How many of its values are older than that. */
static uint32_t older(const struct why_router *router, model_time than)
{
	uint32_t low = 0, high = router->count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (router->times[middle] < than)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

enum why_move why_router_moved(struct why_routers *r, uint32_t ttl, uint32_t addrs,
	model_time before, model_time since, uint32_t excess_us)
{
	const struct why_router *router = router_of(r, ttl, addrs);

	if (!router)
		return WHY_UNCLEAR;
	return why_moved(router->values, router->count, older(router, before + 1),
		older(router, since), excess_us, r->scratch);
}
