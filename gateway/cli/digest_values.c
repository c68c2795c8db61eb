/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Of one pair: round trips as a whole, and over time. */
#include "gateway/cli/digest.h"

/* A server's round trip is the passive one, else that of its answers to probes. */
static struct model_spread at_server(const struct model *m, const struct sight *s)
{
	struct model_spread told = s->trace ? sight_value(s->trace->e2e_us) : s->epoch->e2e;
	uint32_t count;
	const struct model_step *steps = model_path(m, s->path, &count);

	if (told.middle_us || count == 0 || steps[count - 1].addrs != m->flows[s->flow].server)
		return told;
	return sight_hop(m, s, count - 1);
}

static struct model_spread at_router(
	const struct model *m, const struct sight *s, const struct digest_router *router)
{
	uint32_t count, at;
	const struct model_step *steps = model_path(m, s->path, &count);

	at = digest_entry(steps, count, router->ttl);
	if (at == MODEL_NONE || steps[at].addrs != router->addrs)
		return sight_value(0);
	return sight_hop(m, s, at);
}

static struct model_spread told_by(const struct model *m, const struct sight *s,
	enum digest_kind kind, const struct digest_router *router)
{
	switch (kind) {
	case DIGEST_LAN: return s->trace ? sight_value(s->trace->lan_us) : s->epoch->lan;
	case DIGEST_E2E: return at_server(m, s);
	case DIGEST_ROUTER: break;
	}
	return at_router(m, s, router);
}

/* All values, each in the bin of its time. *all: what they are as one, but for the middle. */
static size_t take_samples(struct digest *d, const struct digest_pair *p, enum digest_kind kind,
	const struct digest_router *router, uint32_t bins, struct model_spread *all)
{
	size_t count = 0;

	*all = (struct model_spread){ 0 };
	for (uint32_t i = 0; i < p->count; i++) {
		struct sight s = digest_sight(d, d->order[p->first + i]);
		struct model_spread told = told_by(d->m, &s, kind, router);
		uint32_t values = s.traces < d->weight ? s.traces : d->weight;

		if (!told.middle_us)
			continue;
		sight_widen(all, &told);
		all->answered += s.traces;
		for (uint32_t k = 0; k < values; k++) {
			model_time at = values > 1
						? s.since + (s.until - s.since) * k / (values - 1)
						: s.until;

			d->samples[count++] =
				(struct sample){ bins_place(at, d->m->first, d->m->last, bins),
					told.middle_us };
		}
	}
	return count;
}

struct spread digest_whole(struct digest *d, const struct digest_pair *p, enum digest_kind kind,
	const struct digest_router *router)
{
	struct model_spread all;
	size_t count = take_samples(d, p, kind, router, 1, &all);
	struct spread told;

	bins_fill(&told, 1, d->samples, count, d->values);
	told.count = all.answered;
	told.least_us = all.least_us;
	told.most_us = all.most_us;
	return told;
}

void digest_series(struct digest *d, const struct digest_pair *p, enum digest_kind kind,
	const struct digest_router *router, struct spread *out, uint32_t bins)
{
	struct model_spread all;
	size_t count = take_samples(d, p, kind, router, bins, &all);

	bins_fill(out, bins, d->samples, count, d->values);
}
