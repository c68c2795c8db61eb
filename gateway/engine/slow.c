/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/engine/slow.h"

#include <string.h>

enum {
	OCTAVE = 8,          /* steps of a rate from one power of two to the next */
	EIGHTH = 3 * OCTAVE, /* three octaves down */
	CALM_SAMPLES = 32,   /* after so many without a pause, pauses of before count half */
};

/* A number in floating point, 5 bits of exponent and 3 of mantissa: ratios become differences. */
static uint8_t rate_of(uint64_t bytes_a_second)
{
	uint8_t exponent = 0;

	if (bytes_a_second > UINT32_MAX)
		bytes_a_second = UINT32_MAX;
	while (bytes_a_second >> (exponent + 1))
		exponent++;
	if (exponent < 3)
		return (uint8_t)bytes_a_second;
	return (uint8_t)(exponent * OCTAVE + (bytes_a_second >> (exponent - 3) & (OCTAVE - 1)));
}

static uint8_t median(const struct slow_flow *f)
{
	uint8_t sorted[SLOW_RATES], count = f->steady < SLOW_RATES ? f->steady : SLOW_RATES;

	for (uint8_t i = 0; i < count; i++) {
		uint8_t at = i;

		for (; at > 0 && sorted[at - 1] > f->rates[i]; at--)
			sorted[at] = sorted[at - 1];
		sorted[at] = f->rates[i];
	}
	return count ? sorted[count / 2] : 0;
}

void slow_init(struct slow *s, struct arena *arena, uint32_t capacity)
{
	s->at = INPATH_TIME_NEVER;
	s->flows = arena_take(arena, capacity, sizeof(*s->flows));
}

void slow_forget(struct slow *s, uint32_t flow)
{
	/* An entry that was never used is not touched: it costs no memory. */
	if (s->flows[flow].at)
		s->flows[flow] = (struct slow_flow){ 0 };
}

void slow_rested(struct slow *s, uint32_t flow, inpath_time now)
{
	s->flows[flow].unseen = 0;
	if (s->at == INPATH_TIME_NEVER)
		s->at = now + SLOW_INTERVAL;
}

bool slow_say(struct slow_flow *f, inpath_time now)
{
	if (f->said && now < f->said + SLOW_AGAIN)
		return false;
	f->said = now;
	return true;
}

/* It moves again: how long was it away? Never too short: it is not known when it ended and began. */
static void end_pause(struct slow_flow *f, inpath_time now)
{
	uint64_t pause = (now - f->moved) / INPATH_SEC;
	uint8_t faded = (uint8_t)(f->pause - f->pause / 4);

	if (pause > SLOW_PAUSE_MAX)
		pause = SLOW_PAUSE_MAX;
	f->pause = pause > faded ? (uint8_t)pause : faded;
	f->calm = 0;
}

static void move(struct slow_flow *f, uint8_t rate, inpath_time now)
{
	if (f->low && f->moved)
		end_pause(f, now);
	f->low = 0;
	f->moved = now;
	f->rates[f->steady % SLOW_RATES] = rate;
	/* Full, it goes on by whole rounds of the ring. */
	f->steady = (uint8_t)(f->steady < UINT8_MAX ? f->steady + 1 : UINT8_MAX + 1 - SLOW_RATES);
	if (++f->calm < CALM_SAMPLES)
		return;
	f->calm = 0;
	f->pause /= 2;
}

static bool judge(struct slow_flow *f, uint8_t rate, inpath_time now)
{
	bool steady = f->steady >= SLOW_STEADY;

	if (rate >= rate_of(SLOW_LEAST) && !(steady && rate + EIGHTH <= median(f))) {
		move(f, rate, now);
		return false;
	}
	f->low = f->low < UINT8_MAX ? (uint8_t)(f->low + 1) : UINT8_MAX;
	if (!steady) {
		f->steady = 0;
		return false;
	}
	if (f->low < SLOW_LOW || now - f->moved < f->pause * 3 * INPATH_SEC / 2)
		return false;
	f->steady = 0;
	return true;
}

bool slow_count(struct slow_flow *f, const struct inpath_counters *counters, inpath_time now)
{
	uint64_t both = counters->down_bytes + counters->up_bytes;
	uint64_t moved = counters->down_bytes - f->down;
	uint64_t span = now - f->at;
	bool first = f->at == 0 || counters->down_bytes < f->down || both < f->both;

	if (!first && now < f->at + SLOW_INTERVAL / 2)
		return false;
	f->unseen += first ? both : both - f->both;
	f->at = now;
	f->down = counters->down_bytes;
	f->both = both;
	if (first)
		return false;
	return judge(f, rate_of(moved > UINT32_MAX ? UINT32_MAX : moved * INPATH_SEC / span), now);
}
