/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/cli/sights.h"

#include "gateway/cli/quantile.h"

#include <stdlib.h>

struct sight *sights_of(const struct model *m, uint32_t *count)
{
	struct sight *all = calloc(1UL + m->trace_count + m->epoch_count, sizeof(*all));

	*count = 0;
	for (uint32_t i = 0; all && i < m->trace_count; i++) {
		const struct model_trace *t = &m->traces[i];

		if (!t->told)
			all[(*count)++] = (struct sight){ .flow = t->flow,
				.path = t->path,
				.trace = t,
				.since = t->at,
				.until = t->at,
				.traces = 1 };
	}
	for (uint32_t i = 0; all && i < m->epoch_count; i++) {
		const struct model_epoch *e = &m->epochs[i];

		all[(*count)++] = (struct sight){ .flow = e->flow,
			.path = e->path,
			.epoch = e,
			.since = e->since,
			.until = e->until,
			.traces = e->traces };
	}
	return all;
}

size_t sights_room(const struct model *m)
{
	return 1UL + m->trace_count + (size_t)SIGHTS_WEIGHT * m->epoch_count;
}

static void widen(struct model_spread *s, uint32_t least_us, uint32_t most_us)
{
	s->least_us = s->least_us && s->least_us < least_us ? s->least_us : least_us;
	s->most_us = s->most_us > most_us ? s->most_us : most_us;
}

void sights_add_value(struct sights_sum *s, uint32_t us)
{
	if (us == 0)
		return;
	widen(&s->spread, us, us);
	s->values[s->count++] = us;
}

void sights_add_spread(struct sights_sum *s, const struct model_spread *spread, uint32_t traces)
{
	uint32_t weight = traces < SIGHTS_WEIGHT ? traces : SIGHTS_WEIGHT;

	if (spread->middle_us == 0)
		return;
	widen(&s->spread, spread->least_us, spread->most_us);
	for (uint32_t i = 0; i < weight; i++)
		s->values[s->count++] = spread->middle_us;
}

void sights_add_hop(
	struct sights_sum *s, const struct model *m, const struct sight *sight, uint32_t entry)
{
	if (sight->trace) {
		uint32_t us = m->rtts[sight->trace->rtts + entry];

		sights_add_value(s, us);
		s->spread.sent++;
		s->spread.answered += us != 0;
	} else {
		const struct model_spread *hop = &m->spreads[sight->epoch->spreads + entry];

		sights_add_spread(s, hop, sight->traces);
		s->spread.sent += hop->sent;
		s->spread.answered += hop->answered;
	}
}

struct model_spread sights_told(struct sights_sum *s)
{
	struct model_spread told = s->spread;

	told.middle_us = quantile_median(s->values, s->count);
	*s = (struct sights_sum){ .values = s->values };
	return told;
}
