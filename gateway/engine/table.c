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

/* An empty bucket holds 0; minus one that is TABLE_NONE. */
static uint32_t head(uint32_t bucket)
{
	return (bucket & ~TABLE_TAG) - 1;
}

/* A bucket whose first slot is `slot`. */
static uint32_t bucket_of(const struct table *t, uint32_t slot)
{
	return slot == TABLE_NONE ? 0 : (t->links[slot].hash & TABLE_TAG) | (slot + 1);
}

/* From `slot` along its chain to the first with `hash`. */
static uint32_t chain_find(const struct table *t, uint32_t slot, uint32_t hash)
{
	while (slot != TABLE_NONE && t->links[slot].hash != hash)
		slot = t->links[slot].next;
	return slot;
}

uint32_t table_first(const struct table *t, uint32_t hash)
{
	return chain_find(t, head(t->buckets[hash & t->mask]), hash);
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
	t->links[slot].next = head(*bucket);
	*bucket = bucket_of(t, slot);
	age_append(t, slot);
	t->count++;
	return slot;
}

void table_remove(struct table *t, uint32_t slot)
{
	uint32_t *bucket = &t->buckets[t->links[slot].hash & t->mask];

	if (head(*bucket) == slot) {
		*bucket = bucket_of(t, t->links[slot].next);
	} else {
		uint32_t before = head(*bucket);

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
