/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/cli/digest.h"

#include <stdlib.h>
#include <string.h>

/* While all pairs are known, also those that will be left out. */
struct seen_pair {
	uint32_t client, service; /* numbers among all of them */
	uint32_t count, first, filled;
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

static bool gather_flow(struct gathering *g, const struct model_flow *f, uint32_t *pair)
{
	uint32_t key[2] = {
		one_of(&g->clients, &g->client, &g->client_room, device_of(f)),
		one_of(&g->services, &g->service, &g->service_room, f->service),
	};
	uint32_t before = g->pairs.count;

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
	g->client[key[0]].traces += f->traces;
	g->client[key[0]].address = f->client;
	g->service[key[1]].traces += f->traces;
	g->pair[*pair].count += f->traces;
	return true;
}

/* All traces pair by pair, in the log's order. */
static void sort_traces(struct digest *d, struct gathering *g)
{
	uint32_t at = 0;

	for (uint32_t i = 0; i < g->pairs.count; i++) {
		g->pair[i].first = at;
		at += g->pair[i].count;
	}
	for (uint32_t i = 0; i < d->m->trace_count; i++) {
		struct seen_pair *p = &g->pair[g->flow_pair[d->m->traces[i].flow]];

		d->order[p->first + p->filled++] = i;
	}
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
			at = d->pairs[i].count < d->pairs[at].count ? i : at;
		if (d->pairs[at].count >= pair.count)
			return;
	}
	d->pairs[at] = pair;
}

static void choose_pairs(struct digest *d, const struct gathering *g)
{
	uint32_t clients[DIGEST_CLIENTS], services[DIGEST_SERVICES];

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
		};

		d->pairs_seen += p.count > 0;
		if (p.count && p.client != MODEL_NONE && p.service != MODEL_NONE)
			take_pair(d, p);
	}
	qsort(d->pairs, d->pair_count, sizeof(d->pairs[0]), by_service);
}

/* --- what a pair is as a whole ------------------------------------------------------------------ */

uint32_t digest_e2e(const struct model *m, const struct model_trace *t)
{
	uint32_t count;
	const struct model_step *steps = model_path(m, t->path, &count);

	if (t->e2e_us || count == 0)
		return t->e2e_us;
	return steps[count - 1].addrs == m->flows[t->flow].server ? m->rtts[t->rtts + count - 1]
								  : 0;
}

static struct spread whole(struct digest *d, const struct digest_pair *p, enum digest_kind kind)
{
	size_t count = 0;

	for (uint32_t i = 0; i < p->count; i++) {
		const struct model_trace *t = &d->m->traces[d->order[p->first + i]];
		uint32_t us = kind == DIGEST_LAN ? t->lan_us : digest_e2e(d->m, t);

		if (us)
			d->values[count++] = us;
	}
	return spread_of(d->values, count);
}

/* Flows, servers and changes of the pairs that are told of. */
static bool count_flows(struct digest *d, const struct gathering *g)
{
	struct intern servers;
	bool good = true;

	intern_init(&servers);
	for (uint32_t i = 0; i < d->m->flow_count; i++) {
		const struct model_flow *f = &d->m->flows[i];
		uint32_t first = g->pair[g->flow_pair[i]].first, before = servers.count, key[2];

		d->flow_pair[i] = MODEL_NONE;
		for (uint32_t p = 0; p < d->pair_count && f->traces; p++)
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
		if (!gather_flow(g, &d->m->flows[i], &g->flow_pair[i]))
			return false;
	sort_traces(d, g);
	choose_pairs(d, g);
	if (!count_flows(d, g))
		return false;
	for (uint32_t i = 0; i < d->pair_count; i++) {
		struct digest_pair *p = &d->pairs[i];

		p->lan = whole(d, p, DIGEST_LAN);
		p->e2e = whole(d, p, DIGEST_E2E);
		p->hops = d->m->traces[d->order[p->first + p->count - 1]].nhop;
	}
	return true;
}

struct digest *digest_new(const struct model *m)
{
	struct digest *d = calloc(1, sizeof(*d));
	struct gathering g = { .client = NULL };
	bool good;

	if (!d)
		return NULL;
	intern_init(&g.clients);
	intern_init(&g.services);
	intern_init(&g.pairs);
	d->m = m;
	d->order = calloc(m->trace_count + 1, sizeof(*d->order));
	d->flow_pair = calloc(m->flow_count + 1, sizeof(*d->flow_pair));
	d->samples = calloc(m->trace_count + 1, sizeof(*d->samples));
	d->values = calloc(m->trace_count + 1, sizeof(*d->values));
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
