/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/engine/hello.h"

#include <string.h>

void hellos_init(struct hellos *h, struct arena *arena, uint32_t capacity)
{
	table_init(&h->table, arena, capacity);
	h->entries = arena_take(arena, capacity, sizeof(*h->entries));
}

uint32_t hello_take(struct hellos *h, uint32_t flow)
{
	uint32_t slot = table_insert(&h->table, flow);

	if (slot != TABLE_NONE) {
		h->entries[slot].flow = flow;
		h->entries[slot].range_count = 0;
	}
	return slot;
}

void hello_drop(struct hellos *h, uint32_t slot)
{
	table_remove(&h->table, slot);
}

uint32_t hello_prefix(const struct hello *h)
{
	return h->range_count && h->ranges[0].start == 0 ? h->ranges[0].end : 0;
}

static void range_remove(struct hello *h, uint8_t at, uint8_t count)
{
	memmove(&h->ranges[at], &h->ranges[at + count],
		(size_t)(h->range_count - at - count) * sizeof(h->ranges[0]));
	h->range_count = (uint8_t)(h->range_count - count);
}

void hello_add(struct hello *h, uint32_t offset, const uint8_t *bytes, uint32_t len)
{
	uint8_t first = 0, behind;
	uint32_t start = offset, end, at = offset;

	if (offset >= HELLO_BYTES || len == 0)
		return;
	end = len < HELLO_BYTES - offset ? offset + len : HELLO_BYTES;

	while (first < h->range_count && h->ranges[first].end < start)
		first++;
	behind = first;
	/* Fill the holes between the ranges that this one touches; the first sender's bytes stay. */
	for (; behind < h->range_count && h->ranges[behind].start <= end; behind++) {
		if (at < h->ranges[behind].start)
			memcpy(h->bytes + at, bytes + (at - offset), h->ranges[behind].start - at);
		if (at < h->ranges[behind].end)
			at = h->ranges[behind].end;
	}
	if (behind == first && h->range_count == HELLO_RANGES)
		return;
	if (at < end)
		memcpy(h->bytes + at, bytes + (at - offset), end - at);

	if (behind > first) {
		if (h->ranges[first].start < start)
			start = h->ranges[first].start;
		if (h->ranges[behind - 1].end > end)
			end = h->ranges[behind - 1].end;
		range_remove(h, (uint8_t)(first + 1), (uint8_t)(behind - first - 1));
	} else {
		memmove(&h->ranges[first + 1], &h->ranges[first],
			(size_t)(h->range_count - first) * sizeof(h->ranges[0]));
		h->range_count++;
	}
	h->ranges[first].start = (uint16_t)start;
	h->ranges[first].end = (uint16_t)end;
}
