/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Of one pair: its routers and its changes. */
#include "gateway/cli/digest.h"

#include <string.h>

enum {
	TTLS = 256,
};

uint32_t digest_entry(const struct model_step *steps, uint32_t count, uint32_t ttl)
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
		uint32_t ttl, addrs;
		uint32_t met, seen; /* traces: of ways through it; and that it answered */
		bool server;
	} places[DIGEST_ROUTERS * 4];
	uint32_t count;
	uint8_t first[TTLS][DIGEST_AT_TTL * 2]; /* places of a TTL, + 1 */
};

/* Of `asked` traces so many were answered, by `addrs`. */
static void note(struct table *t, uint32_t ttl, uint32_t addrs, bool server, uint32_t asked,
	uint32_t answered)
{
	struct place *p = NULL;

	t->asked[ttl] += asked;
	if (addrs == MODEL_NONE)
		return;
	t->answered[ttl] += answered;
	for (uint32_t k = 0; k < DIGEST_AT_TTL * 2; k++) {
		if (t->first[ttl][k] == 0) {
			if (t->count == DIGEST_ROUTERS * 4)
				return;
			t->places[t->count++] = (struct place){ ttl, addrs, 0, 0, server };
			t->first[ttl][k] = (uint8_t)t->count;
		}
		p = &t->places[t->first[ttl][k] - 1];
		if (p->addrs != addrs)
			continue;
		p->met += asked;
		p->seen += answered;
		return;
	}
}

/* Of the sight's traces, those that this entry of its path answered. */
static uint32_t answered_of(const struct model *m, const struct sight *s, uint32_t entry)
{
	const struct model_spread *hop;
	uint64_t answered;

	if (s->trace)
		return 1;
	hop = &m->spreads[s->epoch->spreads + entry];
	if (hop->answered == 0)
		return 0;
	answered = ((uint64_t)s->traces * hop->answered + hop->sent / 2) / hop->sent;
	return answered ? (uint32_t)answered : 1;
}

static void fill_table(const struct digest *d, const struct digest_pair *p, struct table *t)
{
	for (uint32_t i = 0; i < p->count; i++) {
		struct sight sight = digest_sight(d, d->order[p->first + i]);
		uint32_t count, server = d->m->flows[sight.flow].server;
		const struct model_step *steps = model_path(d->m, sight.path, &count);

		for (uint32_t s = 0; s < count; s++)
			if (steps[s].ttl < TTLS)
				note(t, steps[s].ttl, steps[s].addrs, steps[s].addrs == server,
					sight.traces, answered_of(d->m, &sight, s));
	}
}

/* The place of a TTL that was seen most and is not told yet; NULL: none is left. */
static struct place *next_place(struct table *t, uint32_t ttl)
{
	struct place *best = NULL;

	for (uint32_t k = 0; k < DIGEST_AT_TTL * 2 && t->first[ttl][k]; k++) {
		struct place *p = &t->places[t->first[ttl][k] - 1];

		if (p->met && (!best || p->met > best->met))
			best = p;
	}
	return best;
}

static uint32_t tell_ttl(struct digest *d, const struct digest_pair *p, struct table *t,
	uint32_t ttl, struct digest_router *out, uint32_t room)
{
	uint32_t told = 0, seen = 0;
	struct place *place;

	if (t->asked[ttl] == 0 || room == 0)
		return 0;
	for (; told < room && told < DIGEST_AT_TTL && (place = next_place(t, ttl)) != NULL;
		told++) {
		out[told] = (struct digest_router){ ttl, place->addrs, t->asked[ttl], place->server,
			false, { 0 } };
		out[told].rtt = digest_whole(d, p, DIGEST_ROUTER, &out[told]);
		out[told].rtt.count = place->seen;
		seen += place->seen;
		place->met = 0;
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

/* The flow's latest path until then with this fingerprint; MODEL_NONE: the log does not show it. */
static uint32_t path_of(const struct model *m, const struct model_change *c, uint32_t fingerprint)
{
	const struct model_flow *f = &m->flows[c->flow];
	uint32_t found = MODEL_NONE;

	for (uint32_t i = f->first_epoch; i != MODEL_NONE; i = m->epochs[i].next)
		if (m->epochs[i].fingerprint == fingerprint && m->epochs[i].since <= c->at)
			found = m->epochs[i].path;
	for (uint32_t i = f->first_trace; i != MODEL_NONE; i = m->traces[i].next)
		if (m->traces[i].fingerprint == fingerprint && m->traces[i].at <= c->at)
			found = m->traces[i].path;
	return found;
}

/* What stood at a TTL on it. */
static uint32_t addrs_of(const struct model *m, const struct model_change *c, uint32_t fingerprint)
{
	uint32_t path = path_of(m, c, fingerprint), count, at;
	const struct model_step *steps;

	if (path == MODEL_NONE)
		return MODEL_NONE;
	steps = model_path(m, path, &count);
	at = digest_entry(steps, count, c->ttl);
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
