/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * table: slots of fixed number, found by hash, ordered from the longest untouched to the newest.
 *
 * A hash names a group of TABLE_WAYS places in the index; the slots that find no room in it are chained behind the last.
 *
 * It keeps the links only; the owner keeps an array of its own entries with the same slot numbers
 * and compares keys itself:
 *
 *	for (slot = table_first(t, hash); slot != TABLE_NONE; slot = table_next(t, slot))
 *		if (same key) ...
 *
 * Owns: its links, carved from the arena. No heap. All calls are O(1) but for a chain's length.
 * Memory that was never used is never touched.
 */
#ifndef TABLE_H
#define TABLE_H

#include "gateway/engine/arena.h"
#include "gateway/engine/fetch.h"

#include <stdint.h>

#define TABLE_NONE UINT32_MAX
#define TABLE_TAG  0xfe000000 /* of a place's content: these bits of its slot's hash */

enum {
	TABLE_WAYS = 4, /* 16 bytes: of one cache line */
};

struct table_link {
	uint32_t hash;
	uint32_t next;  /* in the chain of one group; of a free slot: the next free one */
	uint32_t older; /* towards the longest untouched */
	uint32_t newer;
};

struct table {
	uint32_t capacity;
	uint32_t count;
	uint32_t fresh; /* slots from here on were never used */
	uint32_t free;  /* given back, chained by `next` */
	uint32_t oldest;
	uint32_t newest;
	uint32_t mask;   /* groups - 1 */
	uint32_t *index; /* slot + 1, and TABLE_TAG; 0: empty, as zeroed memory is */
	struct table_link *links;
};

/* Sets up an empty table of `capacity` slots (1 up to 2^24) in zeroed memory of `arena`. */
void table_init(struct table *t, struct arena *arena, uint32_t capacity);

/* Where `hash` belongs. */
static inline uint32_t *table_group(const struct table *t, uint32_t hash)
{
	return &t->index[(size_t)(hash & t->mask) * TABLE_WAYS];
}

/*
 * The first slot of those where `hash` belongs that is likely to be of this hash; TABLE_NONE if there is none: then
 * table_first tells. No link is touched.
 */
static inline uint32_t table_likely(const struct table *t, uint32_t hash)
{
	const uint32_t *group = table_group(t, hash);

	for (int i = 0; i < TABLE_WAYS; i++)
		if (((group[i] ^ hash) & TABLE_TAG) == 0 && (group[i] & ~TABLE_TAG))
			return (group[i] & ~TABLE_TAG) - 1;
	return TABLE_NONE;
}

/* The slot that came last of those whose hash is `hash`, or TABLE_NONE. */
uint32_t table_first(const struct table *t, uint32_t hash);

/* The one with the same hash that came before `slot`, or TABLE_NONE. */
uint32_t table_next(const struct table *t, uint32_t slot);

/* Takes a slot and makes it the newest; TABLE_NONE if the table is full. Its entry is as it was left. */
uint32_t table_insert(struct table *t, uint32_t hash);

/* Gives a slot back. */
void table_remove(struct table *t, uint32_t slot);

/* Makes a slot the newest. */
void table_touch(struct table *t, uint32_t slot);

/* The longest untouched slot, or TABLE_NONE if the table is empty. */
static inline uint32_t table_oldest(const struct table *t)
{
	return t->count ? t->oldest : TABLE_NONE;
}

/* The next newer slot than `slot`, or TABLE_NONE. */
static inline uint32_t table_newer(const struct table *t, uint32_t slot)
{
	return slot == t->newest ? TABLE_NONE : t->links[slot].newer;
}

/* The oldest slot is to be removed before long: what that touches is fetched, and of the next one what comes first. */
FETCH_INLINE void table_fetch_oldest(const struct table *t)
{
	const struct table_link *l;

	if (!t->count)
		return;
	l = &t->links[t->oldest];
	fetch(table_group(t, l->hash), TABLE_WAYS * sizeof(*t->index));
	if (l->newer != TABLE_NONE)
		fetch(&t->links[l->newer], sizeof(*t->links));
}

#endif
