/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/cli/digest.h"

#include <stdlib.h>
#include <string.h>

/* While all pairs are known, also those that will be left out. */
struct seen_pair {
	uint32_t client, service; /* numbers among all of them */
	uint32_t count, first, filled, traces;
};

struct gathering {
	struct intern clients, services, pairs; /* of texts' numbers; of two of these */
	struct digest_one *client, *service;
	struct seen_pair *pair;
	uint32_t client_room, service_room, pair_room;
	uint32_t *flow_pair; /* among all pairs */
};

static uint32_t device_of(const struct model_flow *f)
{
	return f->device == MODEL_NONE ? f->client : f->device;
}

/* The number of a text among those seen so far; a new one is added. MODEL_NONE: no memory. */
static uint32_t one_of(
	struct intern *names, struct digest_one **list, uint32_t *room, uint32_t name)
{
	uint32_t before = names->count, number = intern_put(names, &name, sizeof(name));

	if (number == INTERN_NONE || number < before)
		return number;
	if (!model_grow((void **)list, room, number, 1, sizeof(**list)))
		return MODEL_NONE;
	(*list)[number] = (struct digest_one){ .name = name, .address = MODEL_NONE };
	return number;
}

/* The traces that an epoch tells of, and the log does not by themselves. */
static uint32_t rest_of(const struct model_epoch *e)
{
	return e->traces > e->logged ? e->traces - e->logged : 0;
}

/* A flow's traces. Returns how many sights tell of them. */
static uint32_t count_sights(const struct model *m, const struct model_flow *f, uint32_t *traces)
{
	uint32_t count = f->traces;

	*traces = f->traces;
	for (uint32_t i = f->first_epoch; i != MODEL_NONE; i = m->epochs[i].next) {
		*traces += rest_of(&m->epochs[i]);
		count += rest_of(&m->epochs[i]) > 0;
	}
	return count;
}

static bool gather_flow(
	struct gathering *g, const struct model *m, const struct model_flow *f, uint32_t *pair)
{
	uint32_t key[2] = {
		one_of(&g->clients, &g->client, &g->client_room, device_of(f)),
		one_of(&g->services, &g->service, &g->service_room, f->service),
	};
	uint32_t before = g->pairs.count, traces, count = count_sights(m, f, &traces);

	if (key[0] == MODEL_NONE || key[1] == MODEL_NONE)
		return false;
	*pair = intern_put(&g->pairs, key, sizeof(key));
	if (*pair == INTERN_NONE)
		return false;
	if (*pair == before) {
		if (!model_grow((void **)&g->pair, &g->pair_room, before, 1, sizeof(*g->pair)))
			return false;
		g->pair[*pair] = (struct seen_pair){ .client = key[0], .service = key[1] };
	}
	g->client[key[0]].traces += traces;
	g->client[key[0]].address = f->client;
	g->service[key[1]].traces += traces;
	g->pair[*pair].count += count;
	g->pair[*pair].traces += traces;
	return true;
}

static void sort_in(struct digest *d, struct gathering *g, uint32_t flow, uint32_t index)
{
	struct seen_pair *p = &g->pair[g->flow_pair[flow]];

	d->order[p->first + p->filled++] = index;
}

/* All sights pair by pair, in the log's order. */
static void sort_sights(struct digest *d, struct gathering *g)
{
	uint32_t at = 0;

	for (uint32_t i = 0; i < g->pairs.count; i++) {
		g->pair[i].first = at;
		at += g->pair[i].count;
	}
	for (uint32_t i = 0; i < d->m->trace_count; i++)
		sort_in(d, g, d->m->traces[i].flow, i);
	for (uint32_t i = 0; i < d->m->epoch_count; i++)
		if (rest_of(&d->m->epochs[i]))
			sort_in(d, g, d->m->epochs[i].flow, d->m->trace_count + i);
}

/* The indices of the `most` with the most traces, in that order. Returns how many. */
static uint32_t choose(const struct digest_one *list, uint32_t count, uint32_t most,
	struct digest_one *out, uint32_t *chosen)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < count; i++) {
		uint32_t at = n < most ? n++ : most;

		if (list[i].traces == 0) {
			n -= at < most;
			continue;
		}
		while (at > 0 && out[at - 1].traces < list[i].traces) {
			if (at < most) {
				out[at] = out[at - 1];
				chosen[at] = chosen[at - 1];
			}
			at--;
		}
		if (at == most)
			continue;
		out[at] = list[i];
		chosen[at] = i;
	}
	return n;
}

static uint32_t place_in(const uint32_t *list, uint32_t count, uint32_t number)
{
	for (uint32_t i = 0; i < count; i++)
		if (list[i] == number)
			return i;
	return MODEL_NONE;
}

static int by_service(const void *a, const void *b)
{
	const struct digest_pair *x = a, *y = b;

	if (x->service != y->service)
		return x->service < y->service ? -1 : 1;
	return x->client < y->client ? -1 : x->client > y->client;
}

/* A pair takes its place among those with the most traces. */
static void take_pair(struct digest *d, struct digest_pair pair)
{
	uint32_t at = d->pair_count;

	if (d->pair_count < DIGEST_PAIRS) {
		d->pair_count++;
	} else {
		for (uint32_t i = at = 0; i < DIGEST_PAIRS; i++)
			at = d->pairs[i].traces < d->pairs[at].traces ? i : at;
		if (d->pairs[at].traces >= pair.traces)
			return;
	}
	d->pairs[at] = pair;
}

static void choose_pairs(struct digest *d, const struct gathering *g)
{
	uint32_t clients[DIGEST_CLIENTS] = { 0 }, services[DIGEST_SERVICES] = { 0 };

	d->client_count = choose(g->client, g->clients.count, DIGEST_CLIENTS, d->clients, clients);
	d->service_count =
		choose(g->service, g->services.count, DIGEST_SERVICES, d->services, services);
	for (uint32_t i = 0; i < g->clients.count; i++)
		d->clients_seen += g->client[i].traces > 0;
	for (uint32_t i = 0; i < g->services.count; i++)
		d->services_seen += g->service[i].traces > 0;
	for (uint32_t i = 0; i < g->pairs.count; i++) {
		struct digest_pair p = {
			.client = place_in(clients, d->client_count, g->pair[i].client),
			.service = place_in(services, d->service_count, g->pair[i].service),
			.first = g->pair[i].first,
			.count = g->pair[i].count,
			.traces = g->pair[i].traces,
		};

		d->pairs_seen += p.count > 0;
		d->traces += p.traces;
		if (p.count && p.client != MODEL_NONE && p.service != MODEL_NONE)
			take_pair(d, p);
	}
	qsort(d->pairs, d->pair_count, sizeof(d->pairs[0]), by_service);
}

/* --- what a pair is as a whole ------------------------------------------------------------------ */

struct sight digest_sight(const struct digest *d, uint32_t index)
{
	const struct model *m = d->m;
	const struct model_epoch *e;

	if (index < m->trace_count)
		return sight_of_trace(&m->traces[index]);
	e = &m->epochs[index - m->trace_count];
	return sight_of_epoch(e, rest_of(e));
}

/* The hops of the newest sight. */
static uint32_t hops_of(const struct digest *d, const struct digest_pair *p)
{
	model_time newest = 0;
	uint32_t hops = 0;

	for (uint32_t i = 0; i < p->count; i++) {
		struct sight s = digest_sight(d, d->order[p->first + i]);

		if (s.until < newest)
			continue;
		newest = s.until;
		if (s.trace)
			hops = s.trace->nhop;
		else
			(void)model_path(d->m, s.path, &hops);
	}
	return hops;
}

/* Flows, servers and changes of the pairs that are told of. */
static bool count_flows(struct digest *d, const struct gathering *g)
{
	struct intern servers;
	bool good = true;

	intern_init(&servers);
	for (uint32_t i = 0; i < d->m->flow_count; i++) {
		const struct model_flow *f = &d->m->flows[i];
		uint32_t first = g->pair[g->flow_pair[i]].first, before = servers.count;
		uint32_t key[2], traces;

		d->flow_pair[i] = MODEL_NONE;
		for (uint32_t p = 0; p < d->pair_count && count_sights(d->m, f, &traces); p++)
			if (d->pairs[p].first == first && d->pairs[p].count)
				d->flow_pair[i] = p;
		if (d->flow_pair[i] == MODEL_NONE)
			continue;
		key[0] = d->flow_pair[i];
		key[1] = f->server;
		good &= intern_put(&servers, key, sizeof(key)) != INTERN_NONE;
		d->pairs[key[0]].servers += servers.count > before;
		d->pairs[key[0]].flows++;
	}
	for (uint32_t i = 0; i < d->m->change_count; i++)
		if (d->flow_pair[d->m->changes[i].flow] != MODEL_NONE)
			d->pairs[d->flow_pair[d->m->changes[i].flow]].changes++;
	intern_free(&servers);
	return good;
}

static bool gather(struct digest *d, struct gathering *g)
{
	for (uint32_t i = 0; i < d->m->flow_count; i++)
		if (!gather_flow(g, d->m, &d->m->flows[i], &g->flow_pair[i]))
			return false;
	sort_sights(d, g);
	choose_pairs(d, g);
	if (!count_flows(d, g))
		return false;
	for (uint32_t i = 0; i < d->pair_count; i++) {
		struct digest_pair *p = &d->pairs[i];

		p->lan = digest_whole(d, p, DIGEST_LAN, NULL);
		p->e2e = digest_whole(d, p, DIGEST_E2E, NULL);
		p->hops = hops_of(d, p);
	}
	return true;
}

static uint32_t weight_of(uint32_t epochs)
{
	uint32_t each = DIGEST_WEIGHTS / (epochs + 1);

	return each < 1 ? 1 : each < DIGEST_WEIGHT ? each : DIGEST_WEIGHT;
}

struct digest *digest_new(const struct model *m)
{
	struct digest *d = calloc(1, sizeof(*d));
	struct gathering g = { .client = NULL };
	size_t values;
	bool good;

	if (!d)
		return NULL;
	intern_init(&g.clients);
	intern_init(&g.services);
	intern_init(&g.pairs);
	d->m = m;
	d->weight = weight_of(m->epoch_count);
	values = 1UL + m->trace_count + (size_t)d->weight * m->epoch_count;
	d->order = calloc(1UL + m->trace_count + m->epoch_count, sizeof(*d->order));
	d->flow_pair = calloc(m->flow_count + 1UL, sizeof(*d->flow_pair));
	d->samples = calloc(values, sizeof(*d->samples));
	d->values = calloc(values, sizeof(*d->values));
	g.flow_pair = calloc(m->flow_count + 1, sizeof(*g.flow_pair));
	good = d->order && d->flow_pair && d->samples && d->values && g.flow_pair && gather(d, &g);
	intern_free(&g.clients);
	intern_free(&g.services);
	intern_free(&g.pairs);
	free(g.client);
	free(g.service);
	free(g.pair);
	free(g.flow_pair);
	if (good)
		return d;
	digest_free(d);
	return NULL;
}

void digest_free(struct digest *d)
{
	if (!d)
		return;
	free(d->order);
	free(d->flow_pair);
	free(d->samples);
	free(d->values);
	free(d);
}
