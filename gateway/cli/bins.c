/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/cli/bins.h"

#include "gateway/cli/quantile.h"

#include <string.h>

enum {
	BINS_LEAST = 8,
	BIN_VALUES = 3,
	BIN_MS = 60000,
};

struct spread spread_of(uint32_t *values, size_t count)
{
	struct spread s = { .count = (uint32_t)count };

	if (count == 0)
		return s;
	s.least_us = quantile_nth(values, count, 0);
	s.low_us = quantile_nth(values, count, (count - 1) / 10);
	s.middle_us = quantile_median(values, count);
	s.high_us = quantile_nth(values, count, count - 1 - (count - 1) / 10);
	s.most_us = quantile_nth(values, count, count - 1);
	return s;
}

uint32_t bins_worth(size_t count, model_time from, model_time until)
{
	uint64_t worth = count / BIN_VALUES, minutes = (until - from) / BIN_MS;

	worth = worth < minutes ? worth : minutes;
	return worth < BINS_LEAST ? BINS_LEAST : worth > BINS_MAX ? BINS_MAX : (uint32_t)worth;
}

uint32_t bins_place(model_time at, model_time from, model_time until, uint32_t bins)
{
	model_time span = until > from ? until - from : 1;

	if (at <= from)
		return 0;
	if (at >= until)
		return bins - 1;
	return (uint32_t)((at - from) * bins / span);
}

void bins_fill(struct spread *out, uint32_t bins, const struct sample *samples, size_t count,
	uint32_t *scratch)
{
	size_t ends[BINS_MAX + 1] = { 0 };

	/* Sorted by counting: where each bin's values begin, then end. */
	for (size_t i = 0; i < count; i++)
		ends[samples[i].bin + 1]++;
	for (uint32_t b = 0; b < bins; b++)
		ends[b + 1] += ends[b];
	for (size_t i = 0; i < count; i++)
		scratch[ends[samples[i].bin]++] = samples[i].us;
	for (uint32_t b = 0; b < bins; b++) {
		size_t begin = b ? ends[b - 1] : 0;

		out[b] = spread_of(scratch + begin, ends[b] - begin);
	}
}

uint32_t bins_round(uint32_t us)
{
	static const uint32_t steps[] = { 10, 12, 15, 20, 25, 30, 40, 50, 60, 80 };

	for (uint64_t ten = 100; ten < UINT32_MAX; ten *= 10)
		for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
			if (ten * steps[i] >= us)
				return ten * steps[i] > UINT32_MAX ? UINT32_MAX
								   : (uint32_t)(ten * steps[i]);
	return UINT32_MAX;
}

uint32_t bins_scale(const struct spread *bins, uint32_t count)
{
	uint32_t most = 0;

	for (uint32_t b = 0; b < count; b++)
		most = bins[b].high_us > most ? bins[b].high_us : most;
	return bins_round(most);
}
