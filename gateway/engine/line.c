/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/engine/line.h"

#include <string.h>

void line_init(struct line *l, struct arena *arena, uint32_t flows, uint32_t clients,
	const struct hash_key *key)
{
	*l = (struct line){ .key = key };
	l->places = arena_take(arena, flows, sizeof(*l->places));
	table_init(&l->table, arena, clients);
	l->turns = arena_take(arena, clients + 1, sizeof(*l->turns));
}

/* --- turns --------------------------------------------------------------------------------------- */

static uint32_t turn_of(struct line *l, const struct inpath_addr *client)
{
	uint32_t hash = (uint32_t)hash_bytes(l->key, client, sizeof(*client));
	uint32_t slot = table_first(&l->table, hash);

	while (slot != TABLE_NONE && memcmp(&l->turns[slot].client, client, sizeof(*client)) != 0)
		slot = table_next(&l->table, slot);
	if (slot != TABLE_NONE)
		return slot;
	slot = table_insert(&l->table, hash);
	if (slot == TABLE_NONE)
		return l->table.capacity;
	l->turns[slot] = (struct line_turn){ .client = *client };
	return slot;
}

static void turn_free_if_idle(struct line *l, uint32_t slot)
{
	if (l->turns[slot].waiting == 0 && l->turns[slot].called == 0 && slot < l->table.capacity)
		table_remove(&l->table, slot);
}

/* A turn whose first flow joins comes behind all others. */
static void ring_join(struct line *l, uint32_t slot)
{
	struct line_turn *turn = &l->turns[slot], *next;

	if (l->next == 0) {
		turn->before = turn->behind = slot + 1;
		l->next = slot + 1;
		return;
	}
	next = &l->turns[l->next - 1];
	turn->before = next->before;
	turn->behind = l->next;
	l->turns[next->before - 1].behind = slot + 1;
	next->before = slot + 1;
}

static void ring_leave(struct line *l, uint32_t slot)
{
	const struct line_turn *turn = &l->turns[slot];

	if (turn->behind == slot + 1) {
		l->next = 0;
		return;
	}
	l->turns[turn->before - 1].behind = turn->behind;
	l->turns[turn->behind - 1].before = turn->before;
	if (l->next == slot + 1)
		l->next = turn->behind;
}

/* A turn of the ring comes before all others. */
static void ring_advance(struct line *l, uint32_t slot)
{
	if (l->next == slot + 1)
		return;
	ring_leave(l, slot);
	ring_join(l, slot);
	l->next = slot + 1;
}

/* --- lanes --------------------------------------------------------------------------------------- */

static void lane_join(struct line *l, uint32_t flow, bool first)
{
	struct line_place *p = &l->places[flow];
	struct line_ends *lane = &l->turns[p->turn].lanes[p->half][p->lane];

	p->before = first ? 0 : lane->last;
	p->behind = first ? lane->first : 0;
	if (p->before)
		l->places[p->before - 1].behind = flow + 1;
	else
		lane->first = flow + 1;
	if (p->behind)
		l->places[p->behind - 1].before = flow + 1;
	else
		lane->last = flow + 1;
}

static void lane_leave(struct line *l, uint32_t flow)
{
	const struct line_place *p = &l->places[flow];
	struct line_ends *lane = &l->turns[p->turn].lanes[p->half][p->lane];

	if (p->before)
		l->places[p->before - 1].behind = p->behind;
	else
		lane->first = p->behind;
	if (p->behind)
		l->places[p->behind - 1].before = p->before;
	else
		lane->last = p->before;
}

/* It waits no longer. */
static void stop_waiting(struct line *l, uint32_t flow)
{
	uint32_t turn = l->places[flow].turn;

	lane_leave(l, flow);
	if (--l->turns[turn].waiting == 0)
		ring_leave(l, turn);
}

/* --- the order of joining ------------------------------------------------------------------------ */

static void age_join(struct line *l, uint32_t flow)
{
	struct line_place *p = &l->places[flow];

	p->older = l->all.last;
	p->newer = 0;
	if (p->older)
		l->places[p->older - 1].newer = flow + 1;
	else
		l->all.first = flow + 1;
	l->all.last = flow + 1;
}

static void age_leave(struct line *l, uint32_t flow)
{
	const struct line_place *p = &l->places[flow];

	if (p->older)
		l->places[p->older - 1].newer = p->newer;
	else
		l->all.first = p->newer;
	if (p->newer)
		l->places[p->newer - 1].older = p->older;
	else
		l->all.last = p->older;
}

inpath_time line_oldest(const struct line *l, inpath_time now)
{
	return l->all.first ? l->places[l->all.first - 1].since : now;
}

/* --- the line ------------------------------------------------------------------------------------ */

void line_join(struct line *l, uint32_t flow, const struct inpath_addr *client, const char *service,
	enum line_half half, enum line_rank rank, inpath_time now)
{
	struct line_place *p = &l->places[flow];

	p->since = now;
	p->turn = turn_of(l, client);
	p->half = (uint8_t)half;
	p->lane = (uint8_t)(hash_bytes(l->key, service, strlen(service)) % LINE_LANES);
	p->state = LINE_WAITING;
	lane_join(l, flow, rank != LINE_LAST);
	if (l->turns[p->turn].waiting++ == 0)
		ring_join(l, p->turn);
	if (rank == LINE_NEXT) {
		ring_advance(l, p->turn);
		l->turns[p->turn].half = p->half;
		l->turns[p->turn].lane[half] = p->lane;
	}
	age_join(l, flow);
	l->count++;
}

static uint32_t call_of(const struct line *l, uint32_t flow)
{
	uint32_t i = 0;

	while (l->calls[i].flow != flow)
		i++;
	return i;
}

static void stop_calling(struct line *l, uint32_t flow)
{
	uint32_t i = call_of(l, flow);

	l->calls_count--;
	memmove(&l->calls[i], &l->calls[i + 1], (l->calls_count - i) * sizeof(l->calls[0]));
	l->turns[l->places[flow].turn].called--;
}

void line_leave(struct line *l, uint32_t flow)
{
	struct line_place *p = &l->places[flow];

	switch ((enum line_state)p->state) {
	case LINE_AWAY: return;
	case LINE_WAITING: stop_waiting(l, flow); break;
	case LINE_IS_CALLED: stop_calling(l, flow); break;
	}
	age_leave(l, flow);
	l->count--;
	p->state = LINE_AWAY;
	turn_free_if_idle(l, p->turn);
}

/* The next turn that may call another flow; 0 if there is none. No more than LINE_CALLED may not. */
static uint32_t turn_to_call(const struct line *l, uint32_t each)
{
	uint32_t slot = l->next;

	if (slot == 0)
		return 0;
	do {
		if (l->turns[slot - 1].called < each)
			return slot;
		slot = l->turns[slot - 1].behind;
	} while (slot != l->next);
	return 0;
}

/* The next lane of this half in which a flow waits; LINE_LANES if there is none. */
static uint8_t lane_to_call(const struct line_turn *turn, uint8_t half)
{
	for (uint8_t i = 0; i < LINE_LANES; i++) {
		uint8_t lane = (uint8_t)((turn->lane[half] + i) % LINE_LANES);

		if (turn->lanes[half][lane].first)
			return lane;
	}
	return LINE_LANES;
}

uint32_t line_call(struct line *l, uint32_t all, uint32_t each, inpath_time now)
{
	uint32_t slot, flow;
	struct line_turn *turn;
	uint8_t half, lane;

	if (l->calls_count >= all)
		return TABLE_NONE;
	slot = turn_to_call(l, each);
	if (slot == 0)
		return TABLE_NONE;
	turn = &l->turns[slot - 1];
	half = turn->half;
	lane = lane_to_call(turn, half);
	if (lane == LINE_LANES) {
		half = !half;
		lane = lane_to_call(turn, half);
	}
	flow = turn->lanes[half][lane].first - 1;
	turn->half = !half;
	turn->lane[half] = (uint8_t)((lane + 1) % LINE_LANES);
	l->next = turn->behind;
	stop_waiting(l, flow);
	turn->called++;
	l->places[flow].state = LINE_IS_CALLED;
	l->calls[l->calls_count++] = (struct line_call){ .flow = flow, .at = now };
	return flow;
}

bool line_answer(struct line *l, uint32_t flow)
{
	struct line_call *c = &l->calls[call_of(l, flow)];
	bool news = !c->awake;

	c->awake = true;
	return news;
}
