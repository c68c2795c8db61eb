/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Of one pair: its routers, their round trips over time, its changes. */
#include "gateway/cli/digest.h"

#include <string.h>

enum {
	TTLS = 256,
};

/* The entry of a path at a TTL (0: the server at none); its index, or MODEL_NONE. */
static uint32_t entry_at(const struct model_step *steps, uint32_t count, uint32_t ttl)
{
	if (ttl == 0)
		return count && steps[count - 1].ttl == 0 ? count - 1 : MODEL_NONE;
	if (ttl <= count && steps[ttl - 1].ttl == ttl)
		return ttl - 1;
	for (uint32_t i = 0; i < count; i++)
		if (steps[i].ttl == ttl)
			return i;
	return MODEL_NONE;
}

/* The routers as they are met: of each TTL those seen first, and one place for the rest. */
struct table {
	uint32_t asked[TTLS], answered[TTLS];
	struct place {
		uint32_t ttl, addrs, seen;
		bool server;
	} places[DIGEST_ROUTERS * 4];
	uint32_t count;
	uint8_t first[TTLS][DIGEST_AT_TTL * 2]; /* places of a TTL, + 1 */
};

static void note(struct table *t, uint32_t ttl, uint32_t addrs, bool server)
{
	uint32_t k = 0;

	t->asked[ttl]++;
	if (addrs == MODEL_NONE)
		return;
	t->answered[ttl]++;
	for (; k < DIGEST_AT_TTL * 2 && t->first[ttl][k]; k++) {
		struct place *p = &t->places[t->first[ttl][k] - 1];

		if (p->addrs == addrs) {
			p->seen++;
			return;
		}
	}
	if (k == DIGEST_AT_TTL * 2 || t->count == DIGEST_ROUTERS * 4)
		return;
	t->places[t->count++] = (struct place){ ttl, addrs, 1, server };
	t->first[ttl][k] = (uint8_t)t->count;
}

static void fill_table(const struct digest *d, const struct digest_pair *p, struct table *t)
{
	for (uint32_t i = 0; i < p->count; i++) {
		const struct model_trace *trace = &d->m->traces[d->order[p->first + i]];
		uint32_t count, server = d->m->flows[trace->flow].server;
		const struct model_step *steps = model_path(d->m, trace->path, &count);

		for (uint32_t s = 0; s < count; s++)
			if (steps[s].ttl < TTLS)
				note(t, steps[s].ttl, steps[s].addrs, steps[s].addrs == server);
	}
}

/* The place of a TTL that was seen most and is not told yet; NULL: none is left. */
static struct place *next_place(struct table *t, uint32_t ttl)
{
	struct place *best = NULL;

	for (uint32_t k = 0; k < DIGEST_AT_TTL * 2 && t->first[ttl][k]; k++) {
		struct place *p = &t->places[t->first[ttl][k] - 1];

		if (p->seen && (!best || p->seen > best->seen))
			best = p;
	}
	return best;
}

static uint32_t tell_ttl(struct digest *d, const struct digest_pair *p, struct table *t,
	uint32_t ttl, struct digest_router *out, uint32_t room)
{
	uint32_t told = 0, seen = 0;
	struct spread all[1];
	struct place *place;

	if (t->asked[ttl] == 0 || room == 0)
		return 0;
	for (; told < room && told < DIGEST_AT_TTL && (place = next_place(t, ttl)) != NULL;
		told++) {
		out[told] = (struct digest_router){ ttl, place->addrs, t->asked[ttl], place->server,
			false, { 0 } };
		digest_series(d, p, DIGEST_ROUTER, &out[told], all, 1);
		out[told].rtt = all[0];
		seen += place->seen;
		place->seen = 0;
	}
	if (told == 0)
		out[told++] = (struct digest_router){ ttl, MODEL_NONE, t->asked[ttl], false, false,
			{ 0 } };
	else if (seen < t->answered[ttl] && told < room)
		out[told++] = (struct digest_router){ ttl, MODEL_NONE, t->asked[ttl], false, true,
			{ .count = t->answered[ttl] - seen } };
	return told;
}

uint32_t digest_routers(
	struct digest *d, const struct digest_pair *p, struct digest_router out[DIGEST_ROUTERS])
{
	struct table t = { .count = 0 };
	uint32_t told = 0;

	fill_table(d, p, &t);
	for (uint32_t ttl = 1; ttl < TTLS; ttl++)
		told += tell_ttl(d, p, &t, ttl, out + told, DIGEST_ROUTERS - told);
	return told + tell_ttl(d, p, &t, 0, out + told, DIGEST_ROUTERS - told);
}

static uint32_t value_of(const struct model *m, const struct model_trace *t, enum digest_kind kind,
	const struct digest_router *router)
{
	const struct model_step *steps;
	uint32_t count, at;

	switch (kind) {
	case DIGEST_LAN: return t->lan_us;
	case DIGEST_E2E: return digest_e2e(m, t);
	case DIGEST_ROUTER: break;
	}
	steps = model_path(m, t->path, &count);
	at = entry_at(steps, count, router->ttl);
	return at != MODEL_NONE && steps[at].addrs == router->addrs ? m->rtts[t->rtts + at] : 0;
}

void digest_series(struct digest *d, const struct digest_pair *p, enum digest_kind kind,
	const struct digest_router *router, struct spread *out, uint32_t bins)
{
	const struct model *m = d->m;
	size_t count = 0;

	for (uint32_t i = 0; i < p->count; i++) {
		const struct model_trace *t = &m->traces[d->order[p->first + i]];
		uint32_t us = value_of(m, t, kind, router);

		if (us)
			d->samples[count++] =
				(struct sample){ bins_place(t->at, m->first, m->last, bins), us };
	}
	bins_fill(out, bins, d->samples, count, d->values);
}

/* What stood at a TTL in the flow's latest trace until then with this fingerprint. */
static uint32_t addrs_of(const struct model *m, const struct model_change *c, uint32_t fingerprint)
{
	const struct model_trace *found = NULL;
	const struct model_step *steps;
	uint32_t count, at;

	for (uint32_t i = m->flows[c->flow].first_trace; i != MODEL_NONE; i = m->traces[i].next)
		if (m->traces[i].fingerprint == fingerprint && m->traces[i].at <= c->at)
			found = &m->traces[i];
	if (!found)
		return MODEL_NONE;
	steps = model_path(m, found->path, &count);
	at = entry_at(steps, count, c->ttl);
	return at == MODEL_NONE ? MODEL_NONE : steps[at].addrs;
}

uint32_t digest_changes(const struct digest *d, const struct digest_pair *p,
	struct digest_change out[DIGEST_CHANGES])
{
	const struct model *m = d->m;
	uint32_t told = 0;

	for (uint32_t i = m->change_count; i-- > 0 && told < DIGEST_CHANGES;) {
		const struct model_change *c = &m->changes[i];
		const struct model_flow *f = &m->flows[c->flow];
		uint32_t pair = d->flow_pair[c->flow];

		if (pair == MODEL_NONE || &d->pairs[pair] != p)
			continue;
		out[told++] = (struct digest_change){
			.at = c->at,
			.host = f->host == MODEL_NONE ? f->server : f->host,
			.ttl = c->ttl,
			.before = addrs_of(m, c, c->old_fingerprint),
			.behind = addrs_of(m, c, c->new_fingerprint),
		};
	}
	return told;
}
