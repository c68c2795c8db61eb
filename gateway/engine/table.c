/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/engine/table.h"

static uint32_t buckets_for(uint32_t capacity)
{
	uint32_t n = 16;

	while (n < capacity)
		n *= 2;
	return n;
}

void table_init(struct table *t, struct arena *arena, uint32_t capacity)
{
	uint32_t buckets = buckets_for(capacity);

	*t = (struct table){
		.capacity = capacity,
		.free = TABLE_NONE,
		.oldest = TABLE_NONE,
		.newest = TABLE_NONE,
		.mask = buckets - 1,
		.buckets = arena_take(arena, buckets, sizeof(*t->buckets)),
		.links = arena_take(arena, capacity, sizeof(*t->links)),
	};
}

/* From `slot` (as buckets store it: plus one) along its chain to the first with `hash`. */
static uint32_t chain_find(const struct table *t, uint32_t slot, uint32_t hash)
{
	while (slot != TABLE_NONE && t->links[slot].hash != hash)
		slot = t->links[slot].next;
	return slot;
}

uint32_t table_first(const struct table *t, uint32_t hash)
{
	/* An empty bucket holds 0; minus one that is TABLE_NONE. */
	return chain_find(t, t->buckets[hash & t->mask] - 1, hash);
}

uint32_t table_next(const struct table *t, uint32_t slot)
{
	return chain_find(t, t->links[slot].next, t->links[slot].hash);
}

static void age_append(struct table *t, uint32_t slot)
{
	struct table_link *l = &t->links[slot];

	l->older = t->newest;
	l->newer = TABLE_NONE;
	if (t->newest == TABLE_NONE)
		t->oldest = slot;
	else
		t->links[t->newest].newer = slot;
	t->newest = slot;
}

static void age_unlink(struct table *t, uint32_t slot)
{
	const struct table_link *l = &t->links[slot];

	if (l->older == TABLE_NONE)
		t->oldest = l->newer;
	else
		t->links[l->older].newer = l->newer;
	if (l->newer == TABLE_NONE)
		t->newest = l->older;
	else
		t->links[l->newer].older = l->older;
}

uint32_t table_insert(struct table *t, uint32_t hash)
{
	uint32_t *bucket = &t->buckets[hash & t->mask];
	uint32_t slot = t->free;

	if (slot != TABLE_NONE)
		t->free = t->links[slot].next;
	else if (t->fresh < t->capacity)
		slot = t->fresh++;
	else
		return TABLE_NONE;

	t->links[slot].hash = hash;
	t->links[slot].next = *bucket - 1;
	*bucket = slot + 1;
	age_append(t, slot);
	t->count++;
	return slot;
}

void table_remove(struct table *t, uint32_t slot)
{
	uint32_t *bucket = &t->buckets[t->links[slot].hash & t->mask];

	if (*bucket == slot + 1) {
		*bucket = t->links[slot].next + 1;
	} else {
		uint32_t before = *bucket - 1;

		while (t->links[before].next != slot)
			before = t->links[before].next;
		t->links[before].next = t->links[slot].next;
	}
	age_unlink(t, slot);
	t->links[slot].next = t->free;
	t->free = slot;
	t->count--;
}

void table_touch(struct table *t, uint32_t slot)
{
	if (t->newest == slot)
		return;
	age_unlink(t, slot);
	age_append(t, slot);
}
