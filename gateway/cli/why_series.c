/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/cli/why_series.h"

#include "gateway/cli/quantile.h"
#include "gateway/cli/why.h"

/* The standard deviation of a normal distribution is 1.4826 times its MAD. */
#define MAD_SCALE    1.4826
/* The standard error of the median of n of its values is so many standard deviations, over sqrt(n). */
#define MEDIAN_ERROR 1.2533

/* Copies what there is of values[from..to). */
static size_t gather(const uint32_t *values, size_t from, size_t to, uint32_t *out)
{
	size_t count = 0;

	for (size_t i = from; i < to; i++)
		if (values[i])
			out[count++] = values[i];
	return count;
}

static uint32_t most(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

static size_t count_beyond(const uint32_t *values, size_t count, uint32_t limit)
{
	size_t beyond = 0;

	for (size_t i = 0; i < count; i++)
		beyond += values[i] > limit;
	return beyond;
}

/*
 * Is what comes from s->at on up against what was before? Fills the rest of it, and how many values
 * are on the side where they belong: medians alone would not say when it began.
 */
static bool is_up_at(const uint32_t *values, size_t count, uint32_t floor_us, uint32_t least_now,
	uint32_t *scratch, struct why_split *s, size_t *agree)
{
	size_t before = gather(values, 0, s->at, scratch), now, beyond;
	uint32_t spread, spread_now, half;

	if (before < WHY_BEFORE)
		return false;
	s->before_us = quantile_median(scratch, before);
	spread = quantile_spread(scratch, before, s->before_us);
	now = gather(values, s->at, count, scratch);
	s->now_us = quantile_median(scratch, now);
	spread_now = quantile_spread(scratch, now, s->now_us);
	s->limit_us = most(most(floor_us, s->before_us / 4),
		most((uint32_t)(WHY_MADS * MAD_SCALE * spread),
			(uint32_t)(WHY_MADS_NOW * MAD_SCALE * spread_now)));
	if (now < least_now || s->now_us <= s->before_us + s->limit_us)
		return false;
	/* Half-way between the two. */
	half = s->before_us + (s->now_us - s->before_us) / 2;
	beyond = count_beyond(scratch, gather(values, s->at, count, scratch), half);
	*agree = beyond + before - count_beyond(scratch, gather(values, 0, s->at, scratch), half);
	/* Three quarters: what comes and goes is not up. */
	return count_beyond(scratch, gather(values, s->at, count, scratch),
		       s->before_us + s->limit_us / 2) *
		       4 >=
	       now * 3;
}

/* The best moment so far. */
struct best {
	const uint32_t *values;
	size_t count;
	uint32_t floor_us, least_now;
	uint32_t *scratch;
	size_t agree; /* values on the side where they belong; 0: no moment yet */
	struct why_split split;
};

static void try_at(struct best *b, size_t at)
{
	struct why_split s = { .at = at };
	size_t agree;

	if (at == 0 || at >= b->count ||
		!is_up_at(b->values, b->count, b->floor_us, b->least_now, b->scratch, &s, &agree) ||
		agree <= b->agree)
		return;
	b->agree = agree;
	b->split = s;
}

bool why_is_up(const uint32_t *values, size_t count, uint32_t floor_us, uint32_t least_now,
	uint32_t *scratch, struct why_split *out)
{
	struct best b = { values, count, floor_us, least_now, scratch, 0, { 0 } };

	/* Moments ever farther from either end, then closer and closer to the best of them. */
	for (size_t off = least_now; off < count; off += (off + 1) / 2) {
		try_at(&b, count - off);
		try_at(&b, off);
	}
	if (b.agree == 0)
		return false;
	for (size_t step = count / 4; step; step /= 2) {
		size_t at = b.split.at;

		try_at(&b, at + step);
		try_at(&b, at > step ? at - step : 0);
	}
	*out = b.split;
	out->before = out->at;
	while (values[out->before - 1] == 0)
		out->before--;
	while (values[out->at] == 0)
		out->at++;
	return true;
}

enum why_move why_moved(const uint32_t *values, size_t count, size_t before, size_t at,
	uint32_t excess_us, uint32_t *scratch)
{
	size_t was = gather(values, 0, before, scratch), now, fewer;
	uint32_t usual = quantile_median(scratch, was), median;
	double spread = quantile_spread(scratch, was, usual), error;

	now = gather(values, at, count, scratch);
	median = quantile_median(scratch, now);
	fewer = was < now ? was : now;
	if (fewer < WHY_NOW)
		return WHY_UNCLEAR;
	/* Three standard errors of a median must leave the two answers apart. */
	error = MEDIAN_ERROR * MAD_SCALE * spread;
	if (9 * error * error * 4 > (double)excess_us * excess_us * (double)fewer)
		return WHY_UNCLEAR;
	if (median < usual + excess_us / 2)
		return WHY_STAYED;
	/* A router that begins to answer late by itself does so by a time of its own. */
	return median < usual + excess_us + excess_us / 2 ? WHY_WENT_ALONG : WHY_UNCLEAR;
}
