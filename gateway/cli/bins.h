/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bins: many round trips over a time, as a few: how they lay in each of equal stretches of it. Pure.
 *
 * Owns: nothing. Time: the caller's, in ms.
 */
#ifndef CLI_BINS_H
#define CLI_BINS_H

#include "gateway/cli/model.h"

enum {
	BINS_MAX = 96,
};

/* What many values are as a whole; all 0 of none. */
struct spread {
	uint32_t count;
	uint32_t least_us, low_us, middle_us, high_us, most_us; /* low, high: a tenth lies beyond */
};

/* One value, in the bin that it belongs to. */
struct sample {
	uint32_t bin;
	uint32_t us;
};

/* The spread of `count` values; changes their order. */
struct spread spread_of(uint32_t *values, size_t count);

/* How many bins so many values over so long a time are worth: a few values in each, a minute at least. */
uint32_t bins_worth(size_t count, model_time from, model_time until);

/* The bin of a time, of `bins` between `from` and `until`; what lies outside is in the first or last. */
uint32_t bins_place(model_time at, model_time from, model_time until, uint32_t bins);

/* The spread in each bin; `scratch` has room for `count` values. */
void bins_fill(struct spread *out, uint32_t bins, const struct sample *samples, size_t count,
	uint32_t *scratch);

/* The end of a scale that shows what matters: nine tenths of each bin, and a round number of us. */
uint32_t bins_scale(const struct spread *bins, uint32_t count);

/* The least round number (of two digits at most, with a power of ten) that is not below `us`; at least 1000. */
uint32_t bins_round(uint32_t us);

#endif
