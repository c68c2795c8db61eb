/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/engine/history.h"

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
	h->entries[slot].flow = flow;
	return slot;
}

void history_drop(struct histories *h, uint32_t slot)
{
	table_remove(&h->table, slot);
}
