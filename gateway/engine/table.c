/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/engine/table.h"

#include <string.h>

enum {
	TABLE_LAST = TABLE_WAYS - 1, /* the way that holds a chain */
};

/* A full table has at most two slots a group: nearly all find room in theirs. */
static uint32_t groups_for(uint32_t capacity)
{
	uint32_t n = 4;

	while (n < capacity / 2)
		n *= 2;
	return n;
}

void table_init(struct table *t, struct arena *arena, uint32_t capacity)
{
	uint32_t groups = groups_for(capacity);

	*t = (struct table){
		.capacity = capacity,
		.free = TABLE_NONE,
		.oldest = TABLE_NONE,
		.newest = TABLE_NONE,
		.mask = groups - 1,
		.index = arena_take(arena, groups, TABLE_WAYS * sizeof(*t->index)),
		.links = arena_take(arena, capacity, sizeof(*t->links)),
	};
}

/* An empty place holds 0; minus one that is TABLE_NONE. */
static uint32_t slot_at(uint32_t place)
{
	return (place & ~TABLE_TAG) - 1;
}

/* What a place holds that has `slot`. */
static uint32_t place_of(const struct table *t, uint32_t slot)
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

/* The first with `hash` from the group's `way` on. */
static uint32_t group_find(const struct table *t, uint32_t hash, int way)
{
	const uint32_t *group = table_group(t, hash);

	for (; way < TABLE_LAST; way++) {
		uint32_t slot = slot_at(group[way]);

		if (((group[way] ^ hash) & TABLE_TAG) == 0 && slot != TABLE_NONE &&
			t->links[slot].hash == hash)
			return slot;
	}
	return chain_find(t, slot_at(group[TABLE_LAST]), hash);
}

/* Which of its group's ways `slot` is in; TABLE_LAST if in its chain. */
static int way_of(const uint32_t *group, uint32_t slot)
{
	int way = 0;

	while (way < TABLE_LAST && slot_at(group[way]) != slot)
		way++;
	return way;
}

uint32_t table_first(const struct table *t, uint32_t hash)
{
	return group_find(t, hash, 0);
}

uint32_t table_next(const struct table *t, uint32_t slot)
{
	uint32_t hash = t->links[slot].hash;
	int way = way_of(table_group(t, hash), slot);

	return way < TABLE_LAST ? group_find(t, hash, way + 1)
				: chain_find(t, t->links[slot].next, hash);
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

/* The newest goes first; those before it move on, if need be the last of them to the chain's head. */
static void group_push(struct table *t, uint32_t *group, uint32_t slot)
{
	int way = way_of(group, TABLE_NONE);

	if (way == TABLE_LAST)
		t->links[slot_at(group[way - 1])].next = slot_at(group[way]);
	memmove(group + 1, group, (size_t)way * sizeof(*group));
	group[0] = place_of(t, slot);
}

uint32_t table_insert(struct table *t, uint32_t hash)
{
	uint32_t slot = t->free;

	if (slot != TABLE_NONE)
		t->free = t->links[slot].next;
	else if (t->fresh < t->capacity)
		slot = t->fresh++;
	else
		return TABLE_NONE;

	t->links[slot].hash = hash;
	t->links[slot].next = TABLE_NONE;
	group_push(t, table_group(t, hash), slot);
	age_append(t, slot);
	t->count++;
	return slot;
}

void table_remove(struct table *t, uint32_t slot)
{
	uint32_t *group = table_group(t, t->links[slot].hash);
	uint32_t *place = &group[way_of(group, slot)];

	if (slot_at(*place) == slot) {
		*place = place_of(t, t->links[slot].next);
	} else {
		uint32_t before = slot_at(*place);

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
