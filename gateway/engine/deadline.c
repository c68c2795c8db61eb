/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/engine/deadline.h"

void deadlines_init(struct deadlines *d, struct arena *arena, uint32_t capacity)
{
	*d = (struct deadlines){
		.heap = arena_take(arena, capacity, sizeof(*d->heap)),
		.places = arena_take(arena, capacity, sizeof(*d->places)),
		.at = arena_take(arena, capacity, sizeof(*d->at)),
	};
}

static void place(struct deadlines *d, uint32_t index, uint32_t owner)
{
	d->heap[index] = owner;
	d->places[owner] = index + 1;
}

static void sift_up(struct deadlines *d, uint32_t index, uint32_t owner)
{
	while (index > 0) {
		uint32_t parent = (index - 1) / 2;

		if (d->at[d->heap[parent]] <= d->at[owner])
			break;
		place(d, index, d->heap[parent]);
		index = parent;
	}
	place(d, index, owner);
}

static void sift_down(struct deadlines *d, uint32_t index, uint32_t owner)
{
	for (;;) {
		uint32_t child = 2 * index + 1;

		if (child >= d->count)
			break;
		if (child + 1 < d->count && d->at[d->heap[child + 1]] < d->at[d->heap[child]])
			child++;
		if (d->at[owner] <= d->at[d->heap[child]])
			break;
		place(d, index, d->heap[child]);
		index = child;
	}
	place(d, index, owner);
}

static void take_out(struct deadlines *d, uint32_t owner)
{
	uint32_t index = d->places[owner] - 1;
	uint32_t last = d->heap[--d->count];

	d->places[owner] = 0;
	if (last == owner)
		return;
	if (index > 0 && d->at[last] < d->at[d->heap[(index - 1) / 2]])
		sift_up(d, index, last);
	else
		sift_down(d, index, last);
}

void deadline_set(struct deadlines *d, uint32_t owner, inpath_time at)
{
	if (d->places[owner])
		take_out(d, owner);
	if (at == INPATH_TIME_NEVER)
		return;
	d->at[owner] = at;
	sift_up(d, d->count++, owner);
}

inpath_time deadline_first(const struct deadlines *d, uint32_t *owner)
{
	if (d->count == 0)
		return INPATH_TIME_NEVER;
	*owner = d->heap[0];
	return d->at[*owner];
}
