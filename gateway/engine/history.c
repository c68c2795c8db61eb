/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/engine/history.h"

#include "gateway/engine/ttls.h"

#include <string.h>

void histories_init(struct histories *h, struct arena *arena, uint32_t capacity)
{
	table_init(&h->table, arena, capacity);
	h->entries = arena_take(arena, capacity, sizeof(*h->entries));
}

uint32_t history_take(struct histories *h, uint32_t flow, uint32_t *robbed)
{
	uint32_t slot = table_insert(&h->table, flow);

	*robbed = TABLE_NONE;
	if (slot == TABLE_NONE) {
		slot = table_oldest(&h->table);
		*robbed = h->entries[slot].flow;
		table_remove(&h->table, slot);
		slot = table_insert(&h->table, flow);
	}
	memset(&h->entries[slot], 0, sizeof(h->entries[slot]));
	h->entries[slot].flow = flow;
	return slot;
}

void history_drop(struct histories *h, uint32_t slot)
{
	table_remove(&h->table, slot);
}

void history_turn(struct history *h, const struct path *path, inpath_time since, inpath_time now)
{
	if (h->now.traces) {
		memmove(&h->earlier[1], &h->earlier[0],
			(HISTORY_EARLIER - 1) * sizeof(h->earlier[0]));
		h->earlier[0].epoch = h->now;
		path_sketch(&h->earlier[0].path, &h->path);
		if (h->earlier_count < HISTORY_EARLIER)
			h->earlier_count++;
	}
	h->path = *path;
	h->doubt.ttl = 0;
	h->now = (struct epoch){
		.since = since, .until = now, .traces = 1, .fingerprint = path->fingerprint
	};
}

void history_goes_on(struct history *h, inpath_time now)
{
	h->now.until = now;
	h->now.traces++;
}

bool history_knows(const struct history *h, const struct path *path, uint8_t ttl)
{
	for (uint8_t i = 0; i < h->earlier_count; i++)
		if (ttls_has(path_sketch_shares(&h->earlier[i].path, path), ttl) &&
			path_sketch_equals(&h->earlier[i].path, path))
			return true;
	return false;
}
