/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/engine/history.h"

#include "gateway/engine/ttls.h"

#include <string.h>

void histories_init(struct histories *h, struct arena *arena, uint32_t limit)
{
	table_init(&h->table, arena, limit + HISTORY_SPARE);
	h->entries = arena_take(arena, (size_t)limit + HISTORY_SPARE, sizeof(*h->entries));
	h->limit = limit;
}

uint32_t history_in_the_way(const struct histories *h)
{
	uint32_t slot = table_oldest(&h->table);

	if (h->living < h->limit)
		return TABLE_NONE;
	while (h->entries[slot].state != HISTORY_LIVING)
		slot = table_newer(&h->table, slot);
	return slot;
}

uint32_t history_take(struct histories *h, uint32_t flow)
{
	uint32_t slot = table_insert(&h->table, flow);

	memset(&h->entries[slot], 0, sizeof(h->entries[slot]));
	h->entries[slot].state = HISTORY_LIVING;
	h->entries[slot].flow = flow;
	h->living++;
	return slot;
}

/* One more waits to be told. */
static void wait_to_be_told(struct histories *h, uint32_t slot)
{
	h->entries[slot].state = HISTORY_ENDED;
	h->entries[slot].flow = TABLE_NONE;
	h->ended[(h->first + h->count++) % HISTORY_SPARE] = slot;
}

bool history_end(struct histories *h, uint32_t slot)
{
	if (h->count == HISTORY_SPARE)
		return false;
	h->living--;
	wait_to_be_told(h, slot);
	return true;
}

uint32_t history_split(struct histories *h, uint32_t slot)
{
	uint32_t other;

	if (h->count == HISTORY_SPARE)
		return TABLE_NONE;
	other = table_insert(&h->table, h->entries[slot].flow);
	h->entries[other] = h->entries[slot];
	wait_to_be_told(h, other);
	return other;
}

void history_drop(struct histories *h, uint32_t slot)
{
	if (h->entries[slot].state == HISTORY_LIVING) {
		h->living--;
	} else {
		h->first = (h->first + 1) % HISTORY_SPARE;
		h->count--;
	}
	h->entries[slot].state = HISTORY_FREE;
	table_remove(&h->table, slot);
}

uint32_t history_ended(const struct histories *h)
{
	return h->count ? h->ended[h->first] : TABLE_NONE;
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
	memset(&h->e2e, 0, sizeof(h->e2e));
	memset(&h->lan, 0, sizeof(h->lan));
	memset(h->hops, 0, sizeof(h->hops));
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

void history_measure(struct history *h, const struct prober *walk, uint8_t last, bool whole)
{
	h->nhop = last < INPATH_EPOCH_HOPS ? last : INPATH_EPOCH_HOPS;
	for (uint8_t i = 0; i < h->nhop; i++) {
		const struct inpath_hop *hop = &walk->hops[i];
		const struct prober_samples *samples = &walk->samples[i];
		struct history_hop *mine = &h->hops[i];

		for (uint8_t k = 0; k < PROBER_SAMPLES; k++)
			if (samples->who[k])
				rtts_add(&mine->rtts, samples->rtt_ns[k]);
		mine->sent += whole ? hop->sent : hop->answered;
		mine->missing += whole && hop->sent > hop->answered ? hop->sent - hop->answered : 0;
	}
}

struct inpath_record_epoch history_told(const struct history *h, struct inpath_epoch_hop *hops)
{
	for (uint8_t i = 0; i < h->nhop; i++)
		hops[i] = (struct inpath_epoch_hop){ .ttl = (uint8_t)(i + 1),
			.sent = h->hops[i].sent,
			.missing = h->hops[i].missing,
			.rtt = rtts_told(&h->hops[i].rtts) };
	for (uint8_t i = 0; i < h->path.count; i++) {
		uint8_t ttl = h->path.entries[i].ttl;
		struct inpath_epoch_hop *hop = ttl <= h->nhop ? &hops[ttl - 1] : NULL;

		if (hop && hop->addr_count < INPATH_HOP_ADDRS)
			hop->addrs[hop->addr_count++] = h->path.entries[i].addr;
	}
	return (struct inpath_record_epoch){
		.since = h->now.since,
		.until = h->now.until,
		.traces = h->now.traces,
		.flaps = h->now.flaps,
		.fingerprint = h->now.fingerprint,
		.e2e = rtts_told(&h->e2e),
		.lan = rtts_told(&h->lan),
		.nhop = h->nhop,
		.hops = hops,
	};
}
