/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/netsim/topology_draw.h"
#include "tests/netsim/topology_options.h"
#include "tests/netsim/topology_way.h"

#include <stdarg.h>
#include <string.h>

/* A way as words. */
struct sentence {
	size_t len;
	char text[TOPOLOGY_LINE];
};

__attribute__((format(printf, 2, 3))) static void say(struct sentence *s, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	s->len += (size_t)vsnprintf(s->text + s->len, sizeof(s->text) - s->len, format, args);
	va_end(args);
}

static void say_router(struct sentence *s, const struct draw *d, uint16_t router)
{
	say(s, " %s", d->t->routers[router].name);
}

static uint16_t add_router(struct draw *d)
{
	uint16_t index = d->t->router_count++;
	struct topology_router *r = &d->t->routers[index];

	router_default(r, index);
	(void)snprintf(r->name, sizeof(r->name), "r%u", index + 1u);
	return index;
}

static unsigned least_trunk(enum behaviour b)
{
	if (b == DOES_DARK)
		return DARK_ROUTERS + 3;
	return is_special(b) ? 6 : 3;
}

static bool is_diamond(enum behaviour b)
{
	return b == DOES_BALANCE_FLOW || b == DOES_BALANCE_DESTINATION ||
	       b == DOES_BALANCE_PACKET || b == DOES_UNEQUAL;
}

/* Now and then so many routers that, with alternatives and a detour, 30 stand in a row. */
static unsigned draw_length(struct draw *d)
{
	unsigned least = least_trunk(d->wants[0]);
	unsigned most = DRAW_TRUNK;

	for (unsigned i = 0; i < d->want_count; i++)
		if (is_diamond(d->wants[i]) && most > DRAW_TRUNK - DRAW_DIAMONDS * DRAW_BRANCH)
			most -= DRAW_BRANCH;
	if (draw_chance(d, 5))
		return (unsigned)draw_between(d, 17, most);
	return (unsigned)draw_between(d, least, draw_chance(d, 70) ? least + 7 : 16);
}

/* Behind the special router: for `seq`, two more; and never the last. */
static unsigned draw_special(struct draw *d)
{
	enum behaviour b = d->wants[0];

	if (!is_special(b))
		return d->trunk_count;
	if (b == DOES_NAT_SEQ || b == DOES_NAT_SEQ_SACK)
		return (unsigned)draw_below(d, d->trunk_count - 3);
	if (b == DOES_NAT_REPAIR || b == DOES_NAT_RAW)
		return (unsigned)draw_below(d, d->trunk_count - 1);
	return (unsigned)draw_between(d, 1, d->trunk_count - 2);
}

static void draw_branches(struct draw *d, struct diamond *diamond, bool is_unequal)
{
	unsigned len = (unsigned)draw_between(d, 1, DRAW_BRANCH - is_unequal);

	diamond->count = (unsigned)draw_between(d, 2, DRAW_BRANCHES);
	for (unsigned b = 0; b < diamond->count; b++)
		diamond->lens[b] = len;
	if (is_unequal)
		diamond->lens[draw_below(d, diamond->count)] += draw_chance(d, 60) ? 1 : -1;
	diamond->split =
		draw_chance(d, 50) ? (unsigned)draw_below(d, diamond->count) : diamond->count;
	if (diamond->split < diamond->count && diamond->lens[diamond->split] < DRAW_BRANCH)
		diamond->split = diamond->count;
}

/* Alternatives with the balance that is wanted, if there is a place left for them. */
static void draw_diamond(struct draw *d, enum behaviour b)
{
	static const enum balance BALANCES[] = { BALANCE_FLOW, BALANCE_DESTINATION,
		BALANCE_PACKET };
	struct diamond *diamond = &d->diamonds[d->diamond_count];
	/* A dark tail has no alternatives that answer. */
	unsigned places = d->trunk_count - 1 - (draw_wants(d, DOES_DARK) ? DARK_ROUTERS : 0);

	diamond->at = (unsigned)draw_below(d, places);
	if (d->diamond_count > 0 && diamond->at == d->diamonds[0].at)
		diamond->at = (diamond->at + 1) % places;
	if (d->diamond_count == DRAW_DIAMONDS ||
		(d->diamond_count > 0 && diamond->at == d->diamonds[0].at))
		return;
	diamond->balance = BALANCES[draw_below(d, is_special(d->wants[0]) ? 2 : 3)];
	if (b == DOES_BALANCE_FLOW)
		diamond->balance = BALANCE_FLOW;
	else if (b == DOES_BALANCE_DESTINATION)
		diamond->balance = BALANCE_DESTINATION;
	else if (b == DOES_BALANCE_PACKET)
		diamond->balance = BALANCE_PACKET;
	draw_branches(d, diamond, b == DOES_UNEQUAL);
	d->diamond_count++;
}

static struct diamond *diamond_at(struct draw *d, unsigned at)
{
	for (unsigned i = 0; i < d->diamond_count; i++)
		if (d->diamonds[i].at == at)
			return &d->diamonds[i];
	return NULL;
}

static uint16_t add_branch_router(struct draw *d)
{
	uint16_t router = add_router(d);

	d->is_branch[router] = true;
	return router;
}

static void add_diamond(struct draw *d, struct diamond *diamond)
{
	for (unsigned b = 0; b < diamond->count; b++) {
		for (unsigned i = 0; i < diamond->lens[b]; i++)
			diamond->routers[b][i] = add_branch_router(d);
		if (b != diamond->split)
			continue;
		diamond->other = add_branch_router(d);
		d->t->routers[diamond->routers[b][0]].balance = diamond->balance;
	}
}

static void add_routers(struct draw *d)
{
	for (unsigned k = 0; k < d->trunk_count; k++) {
		struct diamond *diamond = diamond_at(d, k);

		d->trunk[k] = add_router(d);
		if (diamond == NULL)
			continue;
		d->t->routers[d->trunk[k]].balance = diamond->balance;
		add_diamond(d, diamond);
	}
	d->path_routers = d->t->router_count;
}

/* Around at least one of the trunk's routers, but never around the special one. */
static bool draw_detour(struct draw *d, struct detour *out)
{
	for (unsigned tries = 0; tries < 32; tries++) {
		unsigned from = (unsigned)draw_below(d, d->trunk_count - 2);
		unsigned left = d->trunk_count - from - 2;
		unsigned inner = (unsigned)draw_between(d, 1, left < 3 ? left : 3);

		if (d->special > from && d->special <= from + inner)
			continue;
		out->from = from;
		out->to = from + inner + 1;
		out->count = (unsigned)draw_between(d, 1, inner + 2);
		for (unsigned i = 0; i < out->count; i++)
			out->routers[i] = add_router(d);
		return true;
	}
	return false;
}

static void say_diamond(struct sentence *s, const struct draw *d, const struct diamond *diamond)
{
	for (unsigned b = 0; b < diamond->count; b++) {
		say(s, b == 0 ? " {" : " |");
		for (unsigned i = 0; i < diamond->lens[b]; i++) {
			bool splits = b == diamond->split && i == 1;

			if (splits)
				say(s, " {");
			say_router(s, d, diamond->routers[b][i]);
			if (splits) {
				say(s, " |");
				say_router(s, d, diamond->other);
				say(s, " }");
			}
		}
	}
	say(s, " }");
}

static void say_path(struct sentence *s, struct draw *d, const struct detour *detour)
{
	say(s, "gw");
	for (unsigned k = 0; k < d->trunk_count; k++) {
		say_router(s, d, d->trunk[k]);
		if (detour->from != detour->to && k == detour->from) {
			for (unsigned i = 0; i < detour->count; i++)
				say_router(s, d, detour->routers[i]);
			k = detour->to - 1;
		} else if (diamond_at(d, k) != NULL) {
			say_diamond(s, d, diamond_at(d, k));
		}
	}
	say(s, " s1");
}

static void say_back(struct sentence *s, struct draw *d, const struct detour *detour)
{
	say(s, "s1");
	for (unsigned k = d->trunk_count; k-- > 0;) {
		const struct diamond *diamond = k > 0 ? diamond_at(d, k - 1) : NULL;

		say_router(s, d, d->trunk[k]);
		if (detour->from != detour->to && k == detour->to) {
			for (unsigned i = detour->count; i-- > 0;)
				say_router(s, d, detour->routers[i]);
			k = detour->from + 1;
		} else if (diamond != NULL) {
			for (unsigned i = diamond->lens[0]; i-- > 0;)
				say_router(s, d, diamond->routers[0][i]);
		}
	}
	say(s, " gw");
}

static uint16_t add_way(struct draw *d, bool is_back, const struct detour *detour)
{
	struct sentence s = { 0 };
	struct topology_error error;
	struct words words;

	if (is_back)
		say_back(&s, d, detour);
	else
		say_path(&s, d, detour);
	if (words_over(&words, s.text, s.len, 0, &error))
		(void)way_read(&words, d->t, is_back, &d->t->ways[d->t->way_count]);
	return d->t->way_count++;
}

/* A route that changes, and perhaps comes back. */
static void draw_route_event(struct draw *d, const struct detour *path, const struct detour *back)
{
	inpath_time at = draw_between(d, 300, 3000) * INPATH_MSEC;
	inpath_time until = at + draw_between(d, 500, 3000) * INPATH_MSEC;
	struct detour new_path = *path, new_back = *back;
	unsigned what = (unsigned)draw_below(d, 10);
	bool is_path = what < 8 && draw_detour(d, &new_path);
	bool is_back = what >= 5 && draw_detour(d, &new_back);
	bool returns = draw_chance(d, 40);

	if (is_path)
		draw_event(d, at, EVENT_WAY, 0)->way = add_way(d, false, &new_path);
	if (is_back)
		draw_event(d, at, EVENT_WAY, 0)->way = add_way(d, true, &new_back);
	if (is_path && returns)
		draw_event(d, until, EVENT_WAY, 0)->way = add_way(d, false, path);
	if (is_back && returns)
		draw_event(d, until, EVENT_WAY, 0)->way = add_way(d, true, back);
}

/* Alternatives are of nearly one delay, or a balance per packet would shuffle every window. */
static inpath_time draw_delay(struct draw *d, uint16_t from, uint16_t to, unsigned *long_ones)
{
	const uint16_t ends[] = { from, to };

	for (unsigned i = 0; i < 2; i++)
		if (ends[i] >= PLACE_ROUTERS && ends[i] < PLACE_SERVERS &&
			d->is_branch[ends[i] - PLACE_ROUTERS])
			return draw_between(d, 100, 300) * INPATH_USEC;
	if (*long_ones > 0 && draw_chance(d, 15)) {
		(*long_ones)--;
		return draw_between(d, 80, 200) * 100 * INPATH_USEC;
	}
	return draw_between(d, 100, 2000) * INPATH_USEC;
}

static bool has_link(const struct topology *t, uint16_t from, uint16_t to)
{
	for (unsigned i = 0; i < t->link_count; i++)
		if (t->links[i].from == from && t->links[i].to == to)
			return true;
	return false;
}

static void add_link(struct draw *d, uint16_t from, uint16_t to, unsigned *long_ones)
{
	inpath_time delay = draw_delay(d, from, to, long_ones);
	struct topology_link *l = &d->t->links[d->t->link_count];

	if (has_link(d->t, from, to))
		return;
	link_default(&l[0], from, to);
	link_default(&l[1], to, from);
	l[0].delay = delay;
	l[1].delay = delay;
	d->t->link_count = (uint16_t)(d->t->link_count + 2);
}

static void add_links(struct draw *d)
{
	unsigned long_ones = 2;

	for (unsigned w = 0; w < d->t->way_count; w++) {
		const struct topology_way *way = &d->t->ways[w];

		for (unsigned s = 0; s < way->step_count; s++)
			for (unsigned k = 0; k < way->steps[s].next_count; k++) {
				uint16_t next = way->steps[s].next[k];
				uint16_t end = way->back ? (uint16_t)PLACE_GATEWAY
							 : (uint16_t)PLACE_SERVERS;

				add_link(d, way->steps[s].place,
					next == WAY_END ? end : way->steps[next].place, &long_ones);
			}
		if (w == 0)
			d->path_links = d->t->link_count;
	}
}

void draw_shape(struct draw *d)
{
	struct detour path = { 0 }, back = { 0 };

	d->trunk_count = draw_length(d);
	d->special = draw_special(d);
	for (unsigned i = 0; i < d->want_count; i++)
		if (is_diamond(d->wants[i]))
			draw_diamond(d, d->wants[i]);
	add_routers(d);
	if (draw_wants(d, DOES_ASYMMETRIC))
		(void)draw_detour(d, &back);
	d->t->path_of[0] = add_way(d, false, &path);
	d->t->back_of[0] = add_way(d, true, &back);
	if (draw_wants(d, DOES_EVENT_ROUTE))
		draw_route_event(d, &path, &back);
	add_links(d);
}
