/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/cli/sights.h"

#include "gateway/cli/quantile.h"

#include <stdlib.h>

struct sight sight_of_trace(const struct model_trace *t)
{
	return (struct sight){ .flow = t->flow,
		.path = t->path,
		.trace = t,
		.since = t->at,
		.until = t->at,
		.traces = 1 };
}

struct sight sight_of_epoch(const struct model_epoch *e, uint32_t traces)
{
	return (struct sight){ .flow = e->flow,
		.path = e->path,
		.epoch = e,
		.since = e->since,
		.until = e->until,
		.traces = traces };
}

struct sight *sights_of(const struct model *m, uint32_t *count)
{
	struct sight *all = calloc(1UL + m->trace_count + m->epoch_count, sizeof(*all));

	*count = 0;
	for (uint32_t i = 0; all && i < m->trace_count; i++)
		if (!m->traces[i].told)
			all[(*count)++] = sight_of_trace(&m->traces[i]);
	for (uint32_t i = 0; all && i < m->epoch_count; i++)
		all[(*count)++] = sight_of_epoch(&m->epochs[i], m->epochs[i].traces);
	return all;
}

size_t sights_room(const struct model *m)
{
	return 1UL + m->trace_count + (size_t)SIGHTS_WEIGHT * m->epoch_count;
}

struct model_spread sight_value(uint32_t us)
{
	return (struct model_spread){ us, us, us, 1, us != 0 };
}

struct model_spread sight_hop(const struct model *m, const struct sight *s, uint32_t entry)
{
	return s->trace ? sight_value(m->rtts[s->trace->rtts + entry])
			: m->spreads[s->epoch->spreads + entry];
}

void sight_widen(struct model_spread *s, const struct model_spread *more)
{
	s->least_us = s->least_us && s->least_us < more->least_us ? s->least_us : more->least_us;
	s->most_us = s->most_us > more->most_us ? s->most_us : more->most_us;
}

void sights_add_spread(struct sights_sum *s, const struct model_spread *spread, uint32_t traces)
{
	uint32_t weight = traces < SIGHTS_WEIGHT ? traces : SIGHTS_WEIGHT;

	if (spread->middle_us == 0)
		return;
	sight_widen(&s->spread, spread);
	for (uint32_t i = 0; i < weight; i++)
		s->values[s->count++] = spread->middle_us;
}

void sights_add_value(struct sights_sum *s, uint32_t us)
{
	struct model_spread one = sight_value(us);

	sights_add_spread(s, &one, 1);
}

void sights_add_hop(
	struct sights_sum *s, const struct model *m, const struct sight *sight, uint32_t entry)
{
	struct model_spread hop = sight_hop(m, sight, entry);

	sights_add_spread(s, &hop, sight->traces);
	s->spread.sent += hop.sent;
	s->spread.answered += hop.answered;
}

struct model_spread sights_told(struct sights_sum *s)
{
	struct model_spread told = s->spread;

	told.middle_us = quantile_median(s->values, s->count);
	*s = (struct sights_sum){ .values = s->values };
	return told;
}
