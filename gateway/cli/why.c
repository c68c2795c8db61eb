/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/cli/why.h"

#include "gateway/cli/quantile.h"
#include "gateway/cli/why_routers.h"

#include <stdlib.h>
#include <string.h>

/* A way that broke must have come to the server so often before. */
#define REACHED_BEFORE(reached, all) ((reached)*5 >= (all)*4)

/* All that is known of the way to one server; also what is worked out about it. */
struct server {
	const uint32_t *traces; /* indices, oldest first */
	uint32_t count;
	uint32_t hops; /* the highest TTL of the newest trace, without the server's own */
	bool known;    /* enough to say that it is well or not */
	bool up, broken;
	struct why_split split; /* of the round trips to the server */
	uint8_t good_ttl, bad_ttl;
	uint32_t good_addrs, bad_addrs;
	bool told;
};

struct work {
	const struct model *m;
	struct why_answer *out;
	uint32_t *order;   /* all traces, by server or by device, then by age */
	uint32_t *values;  /* room for one value a trace */
	uint32_t *scratch; /* likewise, or for one a flow */
	struct server *servers;
	uint32_t server_count;
	struct why_routers routers;
	bool routers_read;
};

static const struct model_flow *flow_of(const struct model *m, uint32_t trace)
{
	return &m->flows[m->traces[trace].flow];
}

static bool text_is(const struct model *m, uint32_t text, const char *word)
{
	return strcmp(model_text(m, text), word) == 0;
}

/* --- one trace ---------------------------------------------------------------------------------- */

/* Its entry at this TTL (0: the server's, wherever that is), or MODEL_NONE. */
static uint32_t entry_at(const struct model *m, const struct model_trace *t, uint32_t ttl)
{
	uint32_t count;
	const struct model_step *steps = model_path(m, t->path, &count);

	if (ttl && ttl <= count && steps[ttl - 1].ttl == ttl)
		return ttl - 1;
	return MODEL_NONE;
}

/* The server's own entry: the last one, if it is the server's address. */
static uint32_t server_entry(const struct model *m, const struct model_trace *t)
{
	uint32_t count;
	const struct model_step *steps = model_path(m, t->path, &count);

	return count && steps[count - 1].addrs == m->flows[t->flow].server ? count - 1 : MODEL_NONE;
}

/* The round trip to the server: the least of what the connection itself and the probes showed. */
static uint32_t end_us(const struct model *m, const struct model_trace *t)
{
	uint32_t entry = server_entry(m, t);
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

static uint32_t addrs_at(const struct model *m, const struct model_trace *t, uint32_t ttl)
{
	uint32_t entry = entry_at(m, t, ttl), count;

	return entry == MODEL_NONE ? MODEL_NONE : model_path(m, t->path, &count)[entry].addrs;
}

/* --- one server ---------------------------------------------------------------------------------- */

static const struct model_trace *newest(const struct work *w, const struct server *s)
{
	return &w->m->traces[s->traces[s->count - 1]];
}

static void fill_end(const struct work *w, const struct server *s)
{
	for (uint32_t i = 0; i < s->count; i++)
		w->values[i] = end_us(w->m, &w->m->traces[s->traces[i]]);
}

/* Fills the round trips of one TTL. */
static void fill_hop(const struct work *w, const struct server *s, uint32_t ttl)
{
	for (uint32_t i = 0; i < s->count; i++) {
		const struct model_trace *t = &w->m->traces[s->traces[i]];
		uint32_t entry = ttl <= router_count(w->m, t) ? entry_at(w->m, t, ttl) : MODEL_NONE;

		w->values[i] = entry == MODEL_NONE ? 0 : w->m->rtts[t->rtts + entry];
	}
}

/* The newest address that answered at this TTL. */
static uint32_t router_at(const struct work *w, const struct server *s, uint32_t ttl)
{
	for (uint32_t i = s->count; i-- > 0;) {
		const struct model_trace *t = &w->m->traces[s->traces[i]];
		uint32_t addrs = ttl <= router_count(w->m, t) ? addrs_at(w->m, t, ttl) : MODEL_NONE;

		if (addrs != MODEL_NONE)
			return addrs;
	}
	return MODEL_NONE;
}

/* What the router at this TTL did: by all ways that cross it, else by this one's alone. */
static enum why_move hop_moved(struct work *w, const struct server *s, uint32_t ttl)
{
	uint32_t excess = s->split.now_us - s->split.before_us, addrs = router_at(w, s, ttl);
	enum why_move moved = WHY_UNCLEAR;

	if (addrs != MODEL_NONE)
		moved = why_router_moved(
			&w->routers, ttl, addrs, w->m->traces[s->traces[s->split.at]].at, excess);
	if (moved != WHY_UNCLEAR)
		return moved;
	fill_hop(w, s, ttl);
	return why_moved(w->values, s->count, s->split.at, excess, w->scratch);
}

/*
 * From the far end back: hops that went along, until one that stayed. What does not answer often
 * enough, or varies by itself, says nothing.
 */
static void find_begin(struct work *w, struct server *s)
{
	for (uint32_t ttl = s->hops; ttl > 0; ttl--) {
		switch (hop_moved(w, s, ttl)) {
		case WHY_UNCLEAR: break;
		case WHY_STAYED:
			s->good_ttl = (uint8_t)ttl;
			s->good_addrs = router_at(w, s, ttl);
			return;
		case WHY_WENT_ALONG:
			s->bad_ttl = (uint8_t)ttl;
			s->bad_addrs = router_at(w, s, ttl);
			break;
		}
	}
}

/* Did this trace come to the server, or at least: does the connection's own round trip show it? */
static bool reached(const struct model *m, const struct model_trace *t)
{
	return end_us(m, t) != 0;
}

/* The highest TTL at which a router answered. */
static uint32_t last_answer(const struct model *m, const struct model_trace *t)
{
	uint32_t ttl = router_count(m, t);

	while (ttl && addrs_at(m, t, ttl) == MODEL_NONE)
		ttl--;
	return ttl;
}

/*
 * Has the way ended at the server, and now for WHY_NOW traces no longer? A trace that was cut short
 * says nothing.
 */
static void find_break(const struct work *w, struct server *s)
{
	uint32_t before = 0, all = 0, now = 0, last = 0;
	bool still = true;

	for (uint32_t i = s->count; i-- > 0;) {
		const struct model_trace *t = &w->m->traces[s->traces[i]];
		bool gap = text_is(w->m, t->stop, "gap") || text_is(w->m, t->stop, "maxttl");

		if (!gap && !reached(w->m, t))
			continue;
		still &= gap && !reached(w->m, t);
		if (still) {
			uint32_t ttl = last_answer(w->m, t);

			now++;
			last = ttl > last ? ttl : last;
			s->split.at = i;
			continue;
		}
		all++;
		before += reached(w->m, t);
	}
	if (now < WHY_NOW || all < WHY_BEFORE || !REACHED_BEFORE(before, all))
		return;
	s->broken = true;
	s->good_ttl = (uint8_t)last;
	s->good_addrs = last ? router_at(w, s, last) : MODEL_NONE;
	s->bad_ttl = (uint8_t)(last + 1);
	/* Who answered there before. */
	s->bad_addrs = router_at(w, s, last + 1);
}

/* The hops before the server's, as of when it was last seen. */
static uint32_t routers_before(const struct work *w, const struct server *s)
{
	for (uint32_t i = s->count; i-- > 0;)
		if (server_entry(w->m, &w->m->traces[s->traces[i]]) != MODEL_NONE)
			return router_count(w->m, &w->m->traces[s->traces[i]]);
	return router_count(w->m, newest(w, s));
}

static bool look_at_server(struct work *w, struct server *s)
{
	size_t count = 0;

	s->hops = routers_before(w, s);
	s->good_addrs = s->bad_addrs = MODEL_NONE;
	fill_end(w, s);
	for (uint32_t i = 0; i < s->count; i++)
		count += w->values[i] != 0;
	s->known = count >= WHY_BEFORE + WHY_NOW;
	s->up = why_is_up(w->values, s->count, WHY_FLOOR_US, WHY_NOW, w->scratch, &s->split);
	if (s->up && !w->routers_read) {
		w->routers_read = true;
		if (!why_routers_read(&w->routers, w->m, server_entry))
			return false;
	}
	if (s->up)
		find_begin(w, s);
	else
		find_break(w, s);
	s->known |= s->broken;
	return true;
}

/* --- from servers to segments ---------------------------------------------------------------------- */

static bool is_ill(const struct server *s)
{
	return s->up || s->broken;
}

/* Does it begin at the first hops? */
static bool begins_first(const struct server *s)
{
	return is_ill(s) && s->bad_ttl && s->bad_ttl <= WHY_ACCESS;
}

/* May it, as far as the routers that answer show? */
static bool may_begin_first(const struct server *s)
{
	return is_ill(s) && s->good_ttl < WHY_ACCESS;
}

/* Only the server is up; at most one hop that does not answer lies between it and the last router. */
static bool begins_last(const struct server *s)
{
	return is_ill(s) && s->good_ttl + 1U >= s->hops &&
	       (s->bad_ttl == 0 || s->bad_ttl > s->hops);
}

/*
 * The first hops are ill if it is so on the way to three servers, or to all if there are fewer, and to
 * more than are well. Where routers are silent there, it may show farther on only: on several ways at
 * different routers, which have nothing else in common.
 */
static bool access_is_ill(const struct work *w)
{
	uint32_t surely = 0, maybe = 0, well = 0, ill, bad = MODEL_NONE;
	bool apart = false;

	for (uint32_t i = 0; i < w->server_count; i++) {
		const struct server *s = &w->servers[i];

		surely += begins_first(s);
		well += s->known && !is_ill(s);
		if (!may_begin_first(s))
			continue;
		apart |= maybe && s->bad_addrs != bad;
		bad = s->bad_addrs;
		maybe++;
	}
	ill = apart ? maybe : surely;
	return ill && (ill >= 3 ? ill > well : well == 0);
}

static enum why_segment segment_of(const struct server *s, bool access)
{
	if (access && may_begin_first(s))
		return WHY_ACCESS_LINK;
	return begins_last(s) ? WHY_SERVICE : WHY_TRANSIT;
}

/* May what begins at this link be what is wrong on the way to `s`, too? */
static bool may_begin_at(const struct work *w, const struct server *s, const struct server *link)
{
	if (s == link)
		return true;
	if (link->bad_ttl == 0 || s->good_ttl >= link->bad_ttl ||
		(s->bad_ttl && s->bad_ttl < link->bad_ttl))
		return false;
	return router_at(w, s, link->bad_ttl) == link->bad_addrs;
}

/* Is what is wrong on the way to `s` the same as to `first`, of this segment? */
static bool same_problem(
	const struct work *w, const struct server *first, const struct server *s, bool access)
{
	enum why_segment segment = segment_of(first, access);

	if (first->broken != s->broken)
		return false;
	switch (segment) {
	case WHY_LAN: return false;
	case WHY_ACCESS_LINK: return segment == segment_of(s, access);
	case WHY_TRANSIT: return may_begin_at(w, s, first);
	case WHY_SERVICE:
		return segment == segment_of(s, access) &&
		       flow_of(w->m, first->traces[0])->service ==
			       flow_of(w->m, s->traces[0])->service;
	}
	return false;
}

/* The connections of a server's traces since it went up. */
static uint32_t count_flows(const struct work *w, const struct server *s)
{
	uint32_t count = 0;

	for (uint32_t i = (uint32_t)s->split.at; i < s->count; i++)
		w->scratch[w->m->traces[s->traces[i]].flow] = true;
	for (uint32_t i = (uint32_t)s->split.at; i < s->count; i++) {
		uint32_t *seen = &w->scratch[w->m->traces[s->traces[i]].flow];

		count += *seen;
		*seen = false;
	}
	return count;
}

static struct why_problem *add_problem(struct why_answer *out)
{
	static struct why_problem spare;

	return out->count < WHY_PROBLEMS ? &out->problems[out->count++] : &spare;
}

/* One problem: of this server and of all those behind it that have the same. */
static void tell(const struct work *w, struct server *first, bool access)
{
	struct why_problem *p = add_problem(w->out);
	uint32_t excess = 0;

	*p = (struct why_problem){
		.segment = segment_of(first, access),
		.broken = first->broken,
		.since = UINT64_MAX,
		.good_addrs = MODEL_NONE,
		.bad_addrs = MODEL_NONE,
	};
	for (struct server *s = first; s < w->servers + w->server_count; s++) {
		model_time since;

		if (!is_ill(s) || s->told || !same_problem(w, first, s, access))
			continue;
		s->told = true;
		p->servers++;
		p->flows += count_flows(w, s);
		since = w->m->traces[s->traces[s->split.at]].at;
		p->since = since < p->since ? since : p->since;
		/* Of several, the one that suffers most speaks for all. */
		if (p->servers > 1 && s->split.now_us - s->split.before_us <= excess)
			continue;
		excess = s->split.now_us - s->split.before_us;
		p->flow = w->m->traces[s->traces[s->count - 1]].flow;
		p->before_us = s->broken ? 0 : s->split.before_us;
		p->now_us = s->broken ? 0 : s->split.now_us;
		p->good_ttl = s->good_ttl;
		p->bad_ttl = s->bad_ttl;
		p->good_addrs = s->good_addrs;
		p->bad_addrs = s->bad_addrs;
	}
}

static void tell_servers(struct work *w)
{
	static const enum why_segment order[] = { WHY_ACCESS_LINK, WHY_TRANSIT, WHY_SERVICE };
	bool access = access_is_ill(w);

	for (int broken = 1; broken >= 0; broken--)
		for (size_t k = 0; k < sizeof(order) / sizeof(order[0]); k++)
			for (uint32_t i = 0; i < w->server_count; i++) {
				struct server *s = &w->servers[i];

				if (is_ill(s) && !s->told && s->broken == broken &&
					segment_of(s, access) == order[k])
					tell(w, s, access);
			}
}

/* --- all servers, all devices ---------------------------------------------------------------------- */

static int compare(uint32_t a, uint32_t b)
{
	return a < b ? -1 : a > b;
}

static int by_server(const void *a, const void *b, void *arg)
{
	const struct model *m = arg;
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	int first = compare(flow_of(m, x)->server, flow_of(m, y)->server);

	return first ? first : compare(x, y);
}

static int by_client(const void *a, const void *b, void *arg)
{
	const struct model *m = arg;
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	int first = compare(flow_of(m, x)->client, flow_of(m, y)->client);

	return first ? first : compare(x, y);
}

static void sort(struct work *w, int (*by)(const void *, const void *, void *))
{
	for (uint32_t i = 0; i < w->m->trace_count; i++)
		w->order[i] = i;
	qsort_r(w->order, w->m->trace_count, sizeof(*w->order), by, (void *)w->m);
}

static bool look_at_servers(struct work *w)
{
	sort(w, by_server);
	for (uint32_t i = 0; i < w->m->trace_count; i++) {
		bool next = i == 0 || flow_of(w->m, w->order[i])->server !=
					      flow_of(w->m, w->order[i - 1])->server;

		if (next)
			w->servers[w->server_count++] = (struct server){ .traces = w->order + i };
		w->servers[w->server_count - 1].count++;
	}
	for (uint32_t i = 0; i < w->server_count; i++) {
		if (!look_at_server(w, &w->servers[i]))
			return false;
		w->out->servers += w->servers[i].known;
	}
	w->out->servers_seen = w->server_count;
	return true;
}

static void look_at_client(struct work *w, const uint32_t *traces, uint32_t count)
{
	struct why_split split;
	uint32_t known = 0;

	for (uint32_t i = 0; i < count; i++) {
		w->values[i] = w->m->traces[traces[i]].lan_us;
		known += w->values[i] != 0;
	}
	w->out->clients_seen++;
	w->out->clients += known >= WHY_BEFORE + WHY_NOW_LAN;
	if (!why_is_up(w->values, count, WHY_FLOOR_LAN_US, WHY_NOW_LAN, w->scratch, &split))
		return;
	*add_problem(w->out) = (struct why_problem){
		.segment = WHY_LAN,
		.since = w->m->traces[traces[split.at]].at,
		.before_us = split.before_us,
		.now_us = split.now_us,
		.flow = w->m->traces[traces[count - 1]].flow,
		.good_addrs = MODEL_NONE,
		.bad_addrs = MODEL_NONE,
	};
}

static void look_at_clients(struct work *w)
{
	uint32_t first = 0;

	sort(w, by_client);
	for (uint32_t i = 1; i <= w->m->trace_count; i++) {
		if (i < w->m->trace_count && flow_of(w->m, w->order[i])->client ==
						     flow_of(w->m, w->order[first])->client)
			continue;
		look_at_client(w, w->order + first, i - first);
		first = i;
	}
}

bool why_ask(const struct model *m, struct why_answer *out)
{
	size_t room = 1UL + (m->trace_count > m->flow_count ? m->trace_count : m->flow_count);
	struct work w = {
		.m = m,
		.out = out,
		.order = calloc(room, sizeof(*w.order)),
		.values = calloc(room, sizeof(*w.values)),
		.scratch = calloc(room, sizeof(*w.scratch)),
		.servers = calloc(room, sizeof(*w.servers)),
	};
	bool whole = w.order && w.values && w.scratch && w.servers;

	*out = (struct why_answer){ 0 };
	if (whole && m->trace_count) {
		look_at_clients(&w);
		whole = look_at_servers(&w);
		tell_servers(&w);
	}
	why_routers_free(&w.routers);
	free(w.order);
	free(w.values);
	free(w.scratch);
	free(w.servers);
	return whole;
}
