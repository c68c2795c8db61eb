/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/cli/why.h"

#include "gateway/cli/quantile.h"
#include "gateway/cli/why_way.h"

#include <stdlib.h>
#include <string.h>

/* --- from servers to segments ---------------------------------------------------------------------- */

static uint32_t address_of(const struct why_work *w, const struct why_way *s)
{
	return why_flow_of(w->m, s->traces[0])->server;
}

/* The first trace of a way that was ill. */
static model_time ill_since(const struct why_work *w, const struct why_way *s)
{
	return w->m->traces[s->traces[s->split.at]].at;
}

static bool is_ill(const struct why_way *s)
{
	return s->up || s->broken;
}

/* Does it begin at the first hops? */
static bool begins_first(const struct why_way *s)
{
	return is_ill(s) && s->bad_ttl && s->bad_ttl <= WHY_ACCESS;
}

/* May it, as far as the routers that answer show? */
static bool may_begin_first(const struct why_way *s)
{
	return is_ill(s) && s->good_ttl < WHY_ACCESS;
}

/* Only the server is up; at most one hop that does not answer lies between it and the last router. */
static bool begins_last(const struct why_way *s)
{
	return is_ill(s) && s->good_ttl + 1U >= s->hops &&
	       (s->bad_ttl == 0 || s->bad_ttl > s->hops);
}

/* Since when the ways are ill that `which` chooses: the middle of them. */
static model_time usual_since(const struct why_work *w, bool (*which)(const struct why_way *s))
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < w->server_count; i++) {
		const struct why_way *s = &w->servers[i];

		if (which(s))
			w->scratch[count++] = (uint32_t)((ill_since(w, s) - w->m->first) / 1000);
	}
	return w->m->first + quantile_median(w->scratch, count) * 1000ULL;
}

/* The ways that were seen to be well before and since. */
static uint32_t count_well(const struct why_work *w, model_time since)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < w->server_count; i++) {
		const struct why_way *s = &w->servers[i];

		count += s->known && !is_ill(s) && s->known_from < since && s->known_until >= since;
	}
	return count;
}

/*
 * The first hops are ill if it is so on the way to three servers, or to all if there are fewer, and to
 * more than are well. Where routers are silent there, it may show farther on only: on several ways at
 * different routers, which have nothing else in common.
 */
static bool access_is_ill(const struct why_work *w)
{
	uint32_t surely = 0, maybe = 0, well, ill, bad = MODEL_NONE;
	bool apart = false;

	for (uint32_t i = 0; i < w->server_count; i++) {
		const struct why_way *s = &w->servers[i];

		surely += begins_first(s);
		if (!may_begin_first(s))
			continue;
		apart |= maybe && s->bad_addrs != bad;
		bad = s->bad_addrs;
		maybe++;
	}
	ill = apart ? maybe : surely;
	if (ill == 0)
		return false;
	well = count_well(w, usual_since(w, apart ? may_begin_first : begins_first));
	return ill >= 3 ? ill > well : well == 0;
}

static bool same_service(const struct why_work *w, const struct why_way *a, const struct why_way *b)
{
	return why_flow_of(w->m, a->traces[0])->service == why_flow_of(w->m, b->traces[0])->service;
}

/* Where routers before the server are silent, another way to the service may show that they are well. */
static bool may_be_service(const struct why_work *w, const struct why_way *s)
{
	if (begins_last(s))
		return true;
	if (s->good_ttl < WHY_ACCESS || (s->bad_ttl && s->bad_ttl <= s->hops))
		return false;
	for (uint32_t i = 0; i < w->server_count; i++)
		if (begins_last(&w->servers[i]) && same_service(w, s, &w->servers[i]))
			return true;
	return false;
}

static enum why_segment segment_of(const struct why_work *w, const struct why_way *s, bool access)
{
	if (access && may_begin_first(s))
		return WHY_ACCESS_LINK;
	return may_be_service(w, s) ? WHY_SERVICE : WHY_TRANSIT;
}

/*
 * The same service by the other family, whose routers have other addresses, from the same hop on. A trace
 * that was under way when the link broke saw routers behind it.
 */
static bool is_twin(const struct why_work *w, const struct why_way *s, const struct why_way *link)
{
	bool same = s->bad_ttl == link->bad_ttl && s->good_ttl == link->good_ttl;

	return (same || (s->broken && s->bad_ttl >= link->bad_ttl)) && same_service(w, s, link) &&
	       why_flow_of(w->m, s->traces[0])->af != why_flow_of(w->m, link->traces[0])->af;
}

/* May what begins at this link be what is wrong on the way to `s`, too? */
static bool may_begin_at(
	const struct why_work *w, const struct why_way *s, const struct why_way *link)
{
	if (s == link || is_twin(w, s, link))
		return true;
	if (link->bad_ttl == 0 || (s->bad_ttl && s->bad_ttl < link->bad_ttl))
		return false;
	/* Likewise. */
	if (!s->broken && s->good_ttl >= link->bad_ttl)
		return false;
	return why_way_router(w, s, link->bad_ttl) == link->bad_addrs;
}

/* Is what is wrong on the way to `s` the same as to `first`, of this segment? */
static bool same_problem(
	const struct why_work *w, const struct why_way *first, const struct why_way *s, bool access)
{
	if (first->broken != s->broken)
		return false;
	switch (segment_of(w, first, access)) {
	case WHY_LAN: return false;
	case WHY_ACCESS_LINK:
		/* Nothing comes through to any of them. */
		return s->broken || segment_of(w, s, access) == WHY_ACCESS_LINK;
	case WHY_TRANSIT: return may_begin_at(w, s, first);
	case WHY_SERVICE:
		return segment_of(w, s, access) == WHY_SERVICE && same_service(w, first, s);
	}
	return false;
}

/* The connections of a server's traces since it went up. */
static uint32_t count_flows(const struct why_work *w, const struct why_way *s)
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

static void add_problem(struct why_answer *out, const struct why_problem *p)
{
	if (out->count < WHY_PROBLEMS)
		out->problems[out->count++] = *p;
}

/*
 * One problem: of this server and of all those behind it that have the same. One trace that broke off
 * is none.
 */
static void tell(const struct why_work *w, struct why_way *first, bool access)
{
	uint32_t excess = 0, breaks = 0, last = MODEL_NONE;
	struct why_problem p = {
		.segment = segment_of(w, first, access),
		.broken = first->broken,
		.since = UINT64_MAX,
		.good_addrs = MODEL_NONE,
		.bad_addrs = MODEL_NONE,
	};

	for (struct why_way *s = w->servers; s < w->servers + w->server_count; s++) {
		model_time since;

		if (!is_ill(s) || s->told || !same_problem(w, first, s, access))
			continue;
		s->told = true;
		p.servers += address_of(w, s) != last;
		last = address_of(w, s);
		breaks += s->breaks;
		p.flows += count_flows(w, s);
		since = ill_since(w, s);
		p.since = since < p.since ? since : p.since;
		/* Of several, the one that suffers most speaks for all. */
		if (p.servers > 1 && s->split.now_us - s->split.before_us <= excess)
			continue;
		excess = s->split.now_us - s->split.before_us;
		p.flow = w->m->traces[s->traces[s->count - 1]].flow;
		p.before_us = s->broken ? 0 : s->split.before_us;
		p.now_us = s->broken ? 0 : s->split.now_us;
		p.good_ttl = s->good_ttl;
		p.bad_ttl = s->bad_ttl;
		p.good_addrs = s->good_addrs;
		p.bad_addrs = s->bad_addrs;
	}
	if (!first->broken || breaks >= WHY_NOW_BROKEN)
		add_problem(w->out, &p);
}

/* The next one to tell of, the one that is ill from the nearest hop on; NULL: there is none. */
static struct why_way *next_ill(
	const struct why_work *w, bool broken, enum why_segment segment, bool access)
{
	struct why_way *nearest = NULL;

	for (struct why_way *s = w->servers; s < w->servers + w->server_count; s++)
		if (is_ill(s) && !s->told && s->broken == broken &&
			segment_of(w, s, access) == segment &&
			(!nearest || s->bad_ttl < nearest->bad_ttl))
			nearest = s;
	return nearest;
}

static void tell_servers(struct why_work *w)
{
	static const enum why_segment order[] = { WHY_ACCESS_LINK, WHY_TRANSIT, WHY_SERVICE };
	bool access = access_is_ill(w);
	struct why_way *s;

	for (int broken = 1; broken >= 0; broken--)
		for (size_t k = 0; k < sizeof(order) / sizeof(order[0]); k++)
			while ((s = next_ill(w, broken, order[k], access)) != NULL)
				tell(w, s, access);
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
	int first = compare(why_flow_of(m, x)->server, why_flow_of(m, y)->server);

	first = first ? first : compare(why_flow_of(m, x)->proto, why_flow_of(m, y)->proto);
	return first ? first : compare(x, y);
}

static int by_client(const void *a, const void *b, void *arg)
{
	const struct model *m = arg;
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	int first = compare(why_flow_of(m, x)->client, why_flow_of(m, y)->client);

	return first ? first : compare(x, y);
}

static void sort(struct why_work *w, int (*by)(const void *, const void *, void *))
{
	for (uint32_t i = 0; i < w->m->trace_count; i++)
		w->order[i] = i;
	qsort_r(w->order, w->m->trace_count, sizeof(*w->order), by, (void *)w->m);
}

/* The servers, each once, whatever transports lead to it. */
static void count_servers(struct why_work *w)
{
	uint32_t known = MODEL_NONE;

	for (uint32_t i = 0; i < w->server_count; i++) {
		const struct why_way *s = &w->servers[i];

		w->out->servers_seen += i == 0 || address_of(w, s) != address_of(w, s - 1);
		if (!s->known || address_of(w, s) == known)
			continue;
		known = address_of(w, s);
		w->out->servers++;
	}
}

static bool look_at_servers(struct why_work *w)
{
	sort(w, by_server);
	for (uint32_t i = 0; i < w->m->trace_count; i++) {
		const struct model_flow *f = why_flow_of(w->m, w->order[i]),
					*last = i ? why_flow_of(w->m, w->order[i - 1]) : NULL;

		if (!last || f->server != last->server || f->proto != last->proto)
			w->servers[w->server_count++] = (struct why_way){ .traces = w->order + i };
		w->servers[w->server_count - 1].count++;
	}
	for (uint32_t i = 0; i < w->server_count; i++)
		if (!why_way_look(w, &w->servers[i]))
			return false;
	count_servers(w);
	return true;
}

/* A device's own round trip. QUIC shows none that does not wait for what a person does: RFC 9312 3.8.2. */
static uint32_t own_us(const struct model *m, uint32_t trace)
{
	return strcmp(model_text(m, why_flow_of(m, trace)->proto), "tcp") == 0
		       ? m->traces[trace].lan_us
		       : 0;
}

static void look_at_client(struct why_work *w, const uint32_t *traces, uint32_t count)
{
	struct why_problem p;
	struct why_split split;
	uint32_t known = 0;

	for (uint32_t i = 0; i < count; i++) {
		w->values[i] = own_us(w->m, traces[i]);
		known += w->values[i] != 0;
	}
	w->out->clients_seen++;
	w->out->clients += known >= WHY_BEFORE + WHY_NOW_LAN;
	if (!why_is_up(w->values, count, WHY_FLOOR_LAN_US, WHY_NOW_LAN, w->scratch, &split))
		return;
	p = (struct why_problem){
		.segment = WHY_LAN,
		.since = w->m->traces[traces[split.at]].at,
		.before_us = split.before_us,
		.now_us = split.now_us,
		.flow = w->m->traces[traces[count - 1]].flow,
		.good_addrs = MODEL_NONE,
		.bad_addrs = MODEL_NONE,
	};
	add_problem(w->out, &p);
}

static void look_at_clients(struct why_work *w)
{
	uint32_t first = 0;

	sort(w, by_client);
	for (uint32_t i = 1; i <= w->m->trace_count; i++) {
		if (i < w->m->trace_count && why_flow_of(w->m, w->order[i])->client ==
						     why_flow_of(w->m, w->order[first])->client)
			continue;
		look_at_client(w, w->order + first, i - first);
		first = i;
	}
}

bool why_ask(const struct model *m, struct why_answer *out)
{
	size_t room = 1UL + (m->trace_count > m->flow_count ? m->trace_count : m->flow_count);
	struct why_work w = {
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
