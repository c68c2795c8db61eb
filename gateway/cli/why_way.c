/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/cli/why_way.h"

#include "gateway/cli/quantile.h"

#include <string.h>

/* A way that broke must have come to the server so often before. */
#define REACHED_BEFORE(reached, all) ((reached)*5 >= (all)*4)

const struct model_flow *why_flow_of(const struct model *m, uint32_t trace)
{
	return &m->flows[m->traces[trace].flow];
}

static bool text_is(const struct model *m, uint32_t text, const char *word)
{
	return strcmp(model_text(m, text), word) == 0;
}

/* --- one trace ---------------------------------------------------------------------------------- */

/* The server's own entry: the last one, if it is the server's address. */
static uint32_t server_entry(const struct model *m, const struct model_trace *t)
{
	uint32_t count;
	const struct model_step *steps = model_path(m, t->path, &count);

	return count && steps[count - 1].addrs == m->flows[t->flow].server ? count - 1 : MODEL_NONE;
}

/* No answer of the server's to a probe is to be had. */
static bool is_blind(const struct model *m, const struct model_trace *t)
{
	return text_is(m, t->stop, "inferred") || text_is(m, t->stop, "short");
}

/*
 * The round trip to the server: the least of what the connection itself and the probes showed. Of a
 * server that answers no probe the entry repeats the connection's first one.
 */
static uint32_t end_us(const struct model *m, const struct model_trace *t)
{
	uint32_t entry = is_blind(m, t) ? MODEL_NONE : server_entry(m, t);
	uint32_t probed = entry == MODEL_NONE ? 0 : m->rtts[t->rtts + entry];

	if (!probed || !t->e2e_us)
		return probed ? probed : t->e2e_us;
	return probed < t->e2e_us ? probed : t->e2e_us;
}

/* The TTLs before the server's. */
static uint32_t router_count(const struct model *m, const struct model_trace *t)
{
	uint32_t count, entry = server_entry(m, t);

	(void)model_path(m, t->path, &count);
	return entry == MODEL_NONE ? count : entry;
}

/* The entry of the router at `ttl`; MODEL_NONE if there is none before the server. */
static uint32_t router_entry(const struct model *m, const struct model_trace *t, uint32_t ttl)
{
	uint32_t count;
	const struct model_step *steps = model_path(m, t->path, &count);

	if (ttl && ttl <= router_count(m, t) && steps[ttl - 1].ttl == ttl)
		return ttl - 1;
	return MODEL_NONE;
}

static uint32_t router_addrs(const struct model *m, const struct model_trace *t, uint32_t ttl)
{
	uint32_t entry = router_entry(m, t, ttl), count;

	return entry == MODEL_NONE ? MODEL_NONE : model_path(m, t->path, &count)[entry].addrs;
}

/* --- one server ---------------------------------------------------------------------------------- */

static void fill_end(const struct why_work *w, const struct why_way *s)
{
	for (uint32_t i = 0; i < s->count; i++)
		w->values[i] = end_us(w->m, &w->m->traces[s->traces[i]]);
}

/* Fills the round trips of one TTL. */
static void fill_hop(const struct why_work *w, const struct why_way *s, uint32_t ttl)
{
	for (uint32_t i = 0; i < s->count; i++) {
		const struct model_trace *t = &w->m->traces[s->traces[i]];
		uint32_t entry = router_entry(w->m, t, ttl);

		w->values[i] = entry == MODEL_NONE ? 0 : w->m->rtts[t->rtts + entry];
	}
}

uint32_t why_way_router(const struct why_work *w, const struct why_way *s, uint32_t ttl)
{
	for (uint32_t i = s->count; i-- > 0;) {
		const struct model_trace *t = &w->m->traces[s->traces[i]];
		uint32_t addrs = router_addrs(w->m, t, ttl);

		if (addrs != MODEL_NONE)
			return addrs;
	}
	return MODEL_NONE;
}

static model_time time_of(const struct why_work *w, const struct why_way *s, size_t trace)
{
	return w->m->traces[s->traces[trace]].at;
}

/* What the router at this TTL did: by this way alone, else by all that cross it. */
static enum why_move hop_moved(struct why_work *w, const struct why_way *s, uint32_t ttl)
{
	const struct why_split *split = &s->split;
	uint32_t excess = split->now_us - split->before_us, addrs = why_way_router(w, s, ttl);
	enum why_move moved;

	fill_hop(w, s, ttl);
	moved = why_moved(w->values, s->count, split->before, split->at, excess, w->scratch);
	if (moved != WHY_UNCLEAR || addrs == MODEL_NONE)
		return moved;
	return why_router_moved(&w->routers, ttl, addrs, time_of(w, s, split->before - 1),
		time_of(w, s, split->at), excess);
}

/*
 * From the far end back: hops that went along, until one that stayed. What does not answer often
 * enough, or varies by itself, says nothing.
 */
static void find_begin(struct why_work *w, struct why_way *s)
{
	for (uint32_t ttl = s->hops; ttl > 0; ttl--) {
		switch (hop_moved(w, s, ttl)) {
		case WHY_UNCLEAR: break;
		case WHY_STAYED:
			s->good_ttl = (uint8_t)ttl;
			s->good_addrs = why_way_router(w, s, ttl);
			return;
		case WHY_WENT_ALONG:
			s->bad_ttl = (uint8_t)ttl;
			s->bad_addrs = why_way_router(w, s, ttl);
			break;
		}
	}
}

/* The highest TTL at which a router answered. */
static uint32_t last_answer(const struct model *m, const struct model_trace *t)
{
	uint32_t count, ttl = router_count(m, t);
	const struct model_step *steps = model_path(m, t->path, &count);

	while (ttl && steps[ttl - 1].addrs == MODEL_NONE)
		ttl--;
	return ttl;
}

/* What traces to this server usually show, be it that the newest fifth does not. */
struct usual {
	uint32_t reach; /* of those that see no server: the last TTL at which a router answers */
	bool answers;   /* of the others: the server answers probes */
};

static struct usual find_usual(const struct why_work *w, const struct why_way *s)
{
	uint32_t blind = 0, answered = 0;

	for (uint32_t i = 0; i < s->count; i++) {
		const struct model_trace *t = &w->m->traces[s->traces[i]];

		if (is_blind(w->m, t))
			w->scratch[blind++] = last_answer(w->m, t);
		else
			answered += server_entry(w->m, t) != MODEL_NONE;
	}
	return (struct usual){
		.reach = blind ? quantile_nth(w->scratch, blind, (size_t)(blind - 1) * 4 / 5) : 0,
		.answers = 2 * answered > s->count - blind,
	};
}

/* What a trace tells of whether the way is whole. */
enum whole {
	WHOLE_UNKNOWN, /* it was cut short */
	WHOLE_YES,
	WHOLE_NO,
};

/*
 * The last of the routers may have had no time: where only they tell, two must be missing. A connection's
 * own round trip may be older than the trace.
 */
static enum whole is_whole(
	const struct model *m, const struct model_trace *t, const struct usual *usual)
{
	bool gap = text_is(m, t->stop, "gap") || text_is(m, t->stop, "maxttl");

	if (is_blind(m, t))
		return last_answer(m, t) + 2 > usual->reach ? WHOLE_YES : WHOLE_NO;
	if (server_entry(m, t) != MODEL_NONE || (t->e2e_us && !(gap && usual->answers)))
		return WHOLE_YES;
	return gap ? WHOLE_NO : WHOLE_UNKNOWN;
}

/* The router that answered at this TTL or behind it, on a way that was whole. */
static void find_behind(const struct why_work *w, struct why_way *s)
{
	for (s->bad_ttl = (uint8_t)(s->good_ttl + 1); s->bad_ttl <= s->hops; s->bad_ttl++) {
		s->bad_addrs = why_way_router(w, s, s->bad_ttl);
		if (s->bad_addrs != MODEL_NONE)
			return;
	}
}

/*
 * Has the way ended at the server, and now no longer? A connection whose packets no longer come through
 * is traced once or twice more, then it only repeats itself, so few traces must do: see tell.
 */
static void find_break(const struct why_work *w, struct why_way *s)
{
	struct usual usual = find_usual(w, s);
	uint32_t before = 0, all = 0, last = 0;

	for (uint32_t i = s->count; i-- > 0;) {
		const struct model_trace *t = &w->m->traces[s->traces[i]];
		enum whole whole = is_whole(w->m, t, &usual);

		if (whole == WHOLE_UNKNOWN)
			continue;
		if (whole == WHOLE_NO && all == 0) {
			uint32_t ttl = last_answer(w->m, t);

			s->breaks++;
			last = ttl > last ? ttl : last;
			s->split.at = i;
			continue;
		}
		all++;
		before += whole == WHOLE_YES;
	}
	if (s->breaks == 0 || all < WHY_BEFORE || !REACHED_BEFORE(before, all))
		return;
	s->broken = true;
	s->good_ttl = (uint8_t)last;
	s->good_addrs = last ? why_way_router(w, s, last) : MODEL_NONE;
	find_behind(w, s);
}

/* Does the trace say at which TTL the server is? */
static bool is_placed(const struct model *m, const struct model_trace *t)
{
	uint32_t entry = server_entry(m, t), count;

	return entry != MODEL_NONE && model_path(m, t->path, &count)[entry].ttl != 0;
}

/* The hops before the server's, as of when it was last seen; those that answer, where it never is. */
static uint32_t routers_before(const struct why_work *w, const struct why_way *s)
{
	uint32_t reach;

	for (uint32_t i = s->count; i-- > 0;)
		if (is_placed(w->m, &w->m->traces[s->traces[i]]))
			return router_count(w->m, &w->m->traces[s->traces[i]]);
	reach = find_usual(w, s).reach;
	return reach ? reach : router_count(w->m, &w->m->traces[s->traces[s->count - 1]]);
}

/* When there were enough values to know what is usual, and from when on there are enough for now. */
static void find_known(const struct why_work *w, struct why_way *s)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < s->count && count < WHY_BEFORE; i++) {
		count += w->values[i] != 0;
		s->known_from = time_of(w, s, i);
	}
	count = 0;
	for (uint32_t i = s->count; i-- > 0 && count < WHY_NOW;) {
		count += w->values[i] != 0;
		s->known_until = time_of(w, s, i);
	}
}

bool why_way_look(struct why_work *w, struct why_way *s)
{
	size_t count = 0;

	s->hops = routers_before(w, s);
	s->good_addrs = s->bad_addrs = MODEL_NONE;
	fill_end(w, s);
	for (uint32_t i = 0; i < s->count; i++)
		count += w->values[i] != 0;
	s->known = count >= WHY_BEFORE + WHY_NOW;
	find_known(w, s);
	find_break(w, s);
	/* One trace that broke off may be chance: what is slow says more. */
	if (s->broken && s->breaks >= WHY_NOW_BROKEN)
		return true;
	s->up = why_is_up(w->values, s->count, WHY_FLOOR_US, WHY_NOW, w->scratch, &s->split);
	if (!s->up)
		return true;
	if (!w->routers_read) {
		w->routers_read = true;
		if (!why_routers_read(&w->routers, w->m, server_entry))
			return false;
	}
	s->broken = false;
	s->good_ttl = s->bad_ttl = 0;
	s->good_addrs = s->bad_addrs = MODEL_NONE;
	find_begin(w, s);
	return true;
}
