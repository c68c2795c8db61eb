/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The internet is drawn, and changes. */
#include "tests/soak/internet.h"

#include <stdlib.h>
#include <string.h>

/* Somewhere a route changes so often; and a router that flaps is silent so long, or not. */
#define CALM_BETWEEN (90 * INPATH_SEC)
#define FLAP_AFTER   (8 * 60 * INPATH_SEC)

static uint16_t draw_router(struct net *n)
{
	struct net_router *r;
	uint32_t kind = dice_below(&n->dice, 100);

	if (++n->routers == NET_ROUTERS)
		abort();
	r = &n->router[n->routers];
	if (kind < 5)
		r->manner = NET_SILENT;
	else if (kind < 11)
		r->manner = NET_LIMITED;
	else if (kind < 16)
		r->manner = NET_FLAPS;
	else if (kind < 20)
		r->manner = NET_SLOW;
	r->rate = (uint8_t)dice_between(&n->dice, 1, 12);
	return (uint16_t)n->routers;
}

/*
 * Routers that take turns answer all the time: where one of two falls silent, what is left looks from
 * outside like a route that has changed.
 */
static struct net_hop draw_hop(struct net *n, uint32_t balanced)
{
	struct net_hop hop = { { draw_router(n), NET_NOBODY } };

	if (dice_permille(&n->dice, balanced)) {
		hop.routers[1] = draw_router(n);
		n->router[hop.routers[0]].manner = NET_ANSWERS;
		n->router[hop.routers[1]].manner = NET_ANSWERS;
	}
	return hop;
}

/* The first way of a segment. */
static void draw_way(struct net *n, struct net_way *w, uint8_t least, uint8_t most,
	uint8_t branches, uint32_t balanced)
{
	w->branches = branches;
	for (uint8_t b = 0; b < branches; b++) {
		w->length[b] = (uint8_t)dice_between(&n->dice, least, most);
		for (uint8_t i = 0; i < w->length[b]; i++)
			w->hops[b][i] = draw_hop(n, balanced);
	}
	/* Branches leave from one router. */
	for (uint8_t b = 1; b < branches; b++)
		w->hops[b][0] = w->hops[0][0];
}

/* Another way: a few hops are others, or there are more of them, or fewer. */
static void draw_other(struct net *n, struct net_way *w, const struct net_way *first, uint8_t least,
	uint8_t most, uint32_t balanced)
{
	*w = *first;
	for (uint8_t b = 0; b < w->branches; b++) {
		uint8_t length = w->length[b];
		uint8_t from = (uint8_t)dice_below(&n->dice, length);
		uint8_t until = (uint8_t)dice_between(&n->dice, from, length - 1u);
		uint32_t turn = dice_below(&n->dice, 4);

		for (uint8_t i = from; i <= until; i++)
			w->hops[b][i] = draw_hop(n, balanced);
		if (turn == 0 && length < most) {
			memmove(&w->hops[b][from + 1], &w->hops[b][from],
				(size_t)(length - from) * sizeof(w->hops[b][0]));
			w->hops[b][from] = draw_hop(n, balanced);
			w->length[b]++;
		} else if (turn == 1 && length > least) {
			memmove(&w->hops[b][from], &w->hops[b][from + 1],
				(size_t)(length - from - 1) * sizeof(w->hops[b][0]));
			w->length[b]--;
		}
	}
}

struct shape {
	uint8_t least;
	uint8_t most;
	uint8_t ways;
	uint8_t branches;
	uint32_t balanced; /* hops of a thousand that take turns packet by packet */
	uint32_t delay_ms; /* at most */
};

static const struct shape *shape_of(uint32_t segment)
{
	static const struct shape access = { 1, 2, 2, 1, 0, 4 }, isp = { 1, 3, 3, 2, 0, 8 },
				  transit = { 1, 7, NET_WAYS, NET_BRANCHES, 30, 90 },
				  service = { 2, 6, NET_WAYS, 2, 30, 20 };

	if (segment == 0)
		return &access;
	if (segment < 1 + NET_ISPS)
		return &isp;
	return segment < 1 + NET_ISPS + NET_TRANSITS ? &transit : &service;
}

void net_begin(struct net *n, uint64_t seed, struct agenda *agenda, inpath_time now)
{
	memset(n, 0, sizeof(*n));
	n->dice.state = seed ^ 0x6e6574;
	n->weather.state = seed ^ 0x77656174686572;
	for (uint32_t i = 0; i < NET_SEGMENTS; i++) {
		const struct shape *is = shape_of(i);
		struct net_segment *s = &n->segment[i];

		s->ways = is->ways;
		s->delay = dice_between(&n->dice, 1, is->delay_ms) * INPATH_MSEC;
		draw_way(n, &s->way[0], is->least, is->most, is->branches, is->balanced);
		for (uint8_t w = 1; w < s->ways; w++)
			draw_other(n, &s->way[w], &s->way[0], is->least, is->most, is->balanced);
	}
	agenda_add(agenda, now + dice_about(&n->dice, CALM_BETWEEN), AGENDA_REROUTE, 0, 0);
	for (uint32_t i = 1; i <= n->routers; i++)
		if (n->router[i].manner == NET_FLAPS)
			agenda_add(
				agenda, now + dice_about(&n->dice, FLAP_AFTER), AGENDA_FLAP, i, 0);
}

static void change(struct net_segment *s, uint8_t way, inpath_time now)
{
	s->change[s->changes % NET_CHANGES].at = now;
	s->change[s->changes % NET_CHANGES].before = s->now;
	s->changes++;
	s->now = way;
}

void net_reroute(struct net *n, struct agenda *agenda, const struct agenda_item *item)
{
	uint32_t which = item->detail ? item->what : dice_below(&n->dice, NET_SEGMENTS);
	struct net_segment *s = &n->segment[which];

	if (item->detail == 0)
		agenda_add(agenda, item->at + dice_about(&n->dice, CALM_BETWEEN), AGENDA_REROUTE, 0,
			0);
	change(s, (uint8_t)((s->now + 1 + dice_below(&n->dice, s->ways - 1u)) % s->ways), item->at);
	n->reroutes++;
	/* Troubles come in heaps: the same segment again, within seconds or a minute. */
	if (dice_permille(&n->dice, 250))
		agenda_add(agenda, item->at + dice_between(&n->dice, 100, 60000) * INPATH_MSEC,
			AGENDA_REROUTE, which, 1);
}

void net_flap(struct net *n, struct agenda *agenda, const struct agenda_item *item)
{
	n->router[item->what].mute = !n->router[item->what].mute;
	agenda_add(agenda, item->at + dice_about(&n->dice, FLAP_AFTER), AGENDA_FLAP, item->what, 0);
}
