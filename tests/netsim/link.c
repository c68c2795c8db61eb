/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/netsim/link.h"

#include <stdlib.h>
#include <string.h>

#include "tests/netsim/sched.h"

enum {
	PLACES = PLACE_SERVERS + TOPOLOGY_SERVERS
};

#define HELD_MAX (200 * INPATH_MSEC)

void chance_init(struct chance *c, uint64_t seed)
{
	*c = (struct chance){ .key = { seed, 0x6e657473696d } };
}

uint64_t chance_below(struct chance *c, uint64_t limit)
{
	return limit ? hash_random(&c->key, &c->counter) % limit : 0;
}

double chance_unit(struct chance *c)
{
	return (double)(hash_random(&c->key, &c->counter) >> 11) * 0x1p-53;
}

void links_init(struct links *l, const struct topology *t)
{
	const size_t size = (size_t)PLACES * PLACES * sizeof(uint16_t);

	memset(l, 0, sizeof(*l));
	l->index = must_alloc(NULL, size);
	memset(l->index, 0, size);
	for (uint16_t i = 0; i < t->link_count; i++)
		l->index[t->links[i].from * PLACES + t->links[i].to] = (uint16_t)(i + 1);
}

void links_free(struct links *l)
{
	free(l->index);
	l->index = NULL;
}

bool link_cross(struct links *l, const struct topology *t, struct chance *chance, uint16_t from,
	uint16_t to, size_t len, inpath_time *at)
{
	uint16_t index = l->index[from * PLACES + to];
	const struct topology_link *link;
	struct link_state *state;
	inpath_time arrives = *at;

	if (!index)
		return true;
	link = &t->links[index - 1];
	state = &l->state[index - 1];
	if (link->loss > 0 && chance_unit(chance) < link->loss)
		return false;
	if (link->rate > 0) {
		if (state->free_at > arrives + HELD_MAX)
			return false;
		if (state->free_at > arrives)
			arrives = state->free_at;
		arrives += (inpath_time)((double)len * 8e9 / link->rate);
		state->free_at = arrives;
	}
	arrives += link->delay;
	if (link->jitter > 0)
		arrives += chance_below(chance, link->jitter + 1);
	if (arrives < state->last)
		arrives = state->last;
	state->last = arrives;
	*at = arrives;
	return true;
}
