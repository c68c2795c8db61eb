/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/engine/slow.h"

#include "gateway/engine/tcp.h"

enum {
	OCTAVE = 8,          /* steps of a rate from one power of two to the next */
	EIGHTH = 3 * OCTAVE, /* three octaves down */
	CALM_SAMPLES = 32,   /* after so many without a pause, pauses of before count half */
	STILL_ROUNDS = 4,    /* more than it takes to see a stall */
};

#define RTT_UNIT (100 * INPATH_USEC)

void slow_init(struct slow *s, struct arena *arena, uint32_t capacity)
{
	s->at = INPATH_TIME_NEVER;
	s->flows = arena_take(arena, capacity, sizeof(*s->flows));
	s->resting = arena_take(arena, capacity, sizeof(*s->resting));
}

void slow_woken(struct slow *s, uint32_t flow)
{
	uint32_t place = s->flows[flow].place, last;

	if (place == 0)
		return;
	last = s->resting[--s->count];
	s->resting[place - 1] = last;
	s->flows[last].place = place;
	s->flows[flow].place = 0;
}

void slow_forget(struct slow *s, uint32_t flow)
{
	struct slow_flow *f = &s->flows[flow];

	slow_woken(s, flow);
	/* An entry that was never used is not touched: it costs no memory. */
	if (f->at || f->said || f->repeats || f->e2e.count || f->lan.count)
		*f = (struct slow_flow){ 0 };
}

void slow_rested(struct slow *s, uint32_t flow, inpath_time now)
{
	struct slow_flow *f = &s->flows[flow];

	f->unseen = 0;
	if (f->place == 0) {
		s->resting[s->count++] = flow;
		f->place = s->count;
	}
	s->still = 0;
	if (s->due > now + SLOW_INTERVAL || s->at == INPATH_TIME_NEVER)
		s->due = now + SLOW_INTERVAL;
	if (s->at > s->due)
		s->at = s->due;
}

static void begin_round(struct slow *s, inpath_time now)
{
	uint64_t wait = SLOW_INTERVAL;

	for (uint8_t i = STILL_ROUNDS; i < s->still && wait < SLOW_STILL; i++)
		wait *= 2;
	s->due = now + wait;
	s->still = s->still < UINT8_MAX ? (uint8_t)(s->still + 1) : UINT8_MAX;
	s->left = s->count < SLOW_ROUND ? s->count : SLOW_ROUND;
}

bool slow_next(struct slow *s, uint32_t *flow, inpath_time now)
{
	if (now < s->at)
		return false;
	if (s->left == 0 && now >= s->due)
		begin_round(s, now);
	if (s->left > s->count)
		s->left = s->count;
	if (s->left == 0) {
		s->at = s->count ? s->due : INPATH_TIME_NEVER;
		return false;
	}
	s->at = now;
	s->left--;
	if (s->next >= s->count)
		s->next = 0;
	*flow = s->resting[s->next++];
	return true;
}

/* Never 0, which says that there is none. */
static uint32_t ms_of(inpath_time t)
{
	return (uint32_t)(t / INPATH_MSEC) | 1;
}

static uint32_t ms_since(uint32_t then, inpath_time now)
{
	return ms_of(now) - then;
}

bool slow_say(struct slow_flow *f, inpath_time now)
{
	if (f->said && ms_since(f->said, now) < SLOW_AGAIN / INPATH_MSEC)
		return false;
	f->said = ms_of(now);
	return true;
}

/* The middle one of a few numbers, which it sorts; 0 of none. */
static uint16_t median_of(uint16_t *all, uint8_t count)
{
	for (uint8_t i = 1; i < count; i++) {
		uint16_t one = all[i];
		uint8_t at = i;

		for (; at > 0 && all[at - 1] > one; at--)
			all[at] = all[at - 1];
		all[at] = one;
	}
	return count ? all[count / 2] : 0;
}

/* --- stalls ------------------------------------------------------------------------------------- */

/* A number in floating point, 5 bits of exponent and 3 of mantissa: ratios become differences. */
static uint8_t rate_of(uint64_t bytes_a_second)
{
	uint64_t exponent = 0;

	if (bytes_a_second > UINT32_MAX)
		bytes_a_second = UINT32_MAX;
	while (bytes_a_second >> (exponent + 1))
		exponent++;
	if (exponent < 3)
		return (uint8_t)bytes_a_second;
	return (uint8_t)(exponent * OCTAVE + (bytes_a_second >> (exponent - 3) & (OCTAVE - 1)));
}

static uint8_t usual_rate(const struct slow_flow *f)
{
	uint8_t count = f->steady < SLOW_RATES ? f->steady : SLOW_RATES;
	uint16_t all[SLOW_RATES] = { 0 };

	for (uint8_t i = 0; i < count; i++)
		all[i] = f->rates[i];
	return (uint8_t)median_of(all, count);
}

/* It moves again: how long was it away? Never too short: it is not known when it ended and began. */
static void end_pause(struct slow_flow *f, inpath_time now)
{
	uint32_t pause = ms_since(f->moved, now) / 1000;
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
	f->moved = ms_of(now);
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

	if (rate >= rate_of(SLOW_LEAST) && !(steady && rate + EIGHTH <= usual_rate(f))) {
		move(f, rate, now);
		return false;
	}
	f->low = f->low < UINT8_MAX ? (uint8_t)(f->low + 1) : UINT8_MAX;
	if (!steady) {
		f->steady = 0;
		return false;
	}
	if (f->low < SLOW_LOW || ms_since(f->moved, now) < f->pause * 1500U)
		return false;
	f->steady = 0;
	return true;
}

bool slow_count(
	struct slow *s, uint32_t flow, const struct inpath_counters *counters, inpath_time now)
{
	struct slow_flow *f = &s->flows[flow];
	uint32_t down = (uint32_t)(counters->down_bytes / SLOW_UNIT);
	uint32_t both = (uint32_t)((counters->down_bytes + counters->up_bytes) / SLOW_UNIT);
	uint32_t moved = down - f->down, passed = both - f->both, span = ms_since(f->at, now);
	bool first = f->at == 0 || moved > INT32_MAX || passed > INT32_MAX, stalls;

	if (!first && span < SLOW_INTERVAL / INPATH_MSEC / 2)
		return false;
	if (first)
		passed = both;
	f->unseen = passed < UINT32_MAX - f->unseen ? f->unseen + passed : UINT32_MAX;
	f->at = ms_of(now);
	f->down = down;
	f->both = both;
	if (first)
		return false;
	stalls = judge(f, rate_of((uint64_t)moved * SLOW_UNIT * 1000 / span), now);
	if (f->low == 0)
		s->still = 0;
	return stalls;
}

bool slow_is_far(const struct slow_flow *f)
{
	return f->unseen >= TCP_FAR / SLOW_UNIT;
}

/* --- bursts and jumps --------------------------------------------------------------------------- */

bool slow_repeat(struct slow_flow *f, uint32_t seq, inpath_time now)
{
	if (f->repeats && ms_since(f->burst, now) < 1000) {
		/* Behind a burst nothing is new until the second is over. */
		if (f->repeats == SLOW_BURST || !seq_before(f->again, seq))
			return false;
		f->again = seq;
		return ++f->repeats == SLOW_BURST;
	}
	f->burst = ms_of(now);
	f->again = seq;
	f->repeats = 1;
	return false;
}

static uint16_t distance(uint16_t a, uint16_t b)
{
	return (uint16_t)(a > b ? a - b : b - a);
}

/* Does `rtt` stick out of the latest ones? */
static bool jumps(const struct slow_usual *u, uint16_t rtt)
{
	uint16_t all[SLOW_PERIODS] = { 0 }, median;
	uint32_t margin;

	for (uint8_t i = 0; i < u->count; i++)
		all[i] = u->rtt[i];
	median = median_of(all, u->count);
	for (uint8_t i = 0; i < u->count; i++)
		all[i] = distance(u->rtt[i], median);
	margin = 4U * median_of(all, u->count);
	if (margin < SLOW_JUMP / RTT_UNIT)
		margin = SLOW_JUMP / RTT_UNIT;
	return rtt > median + margin;
}

bool slow_rtt(struct slow_usual *u, uint64_t rtt_ns)
{
	uint16_t rtt = (uint16_t)(rtt_ns < UINT16_MAX * RTT_UNIT ? rtt_ns / RTT_UNIT : UINT16_MAX);
	bool jump;

	if (rtt_ns == 0)
		return false;
	jump = u->count >= SLOW_PERIODS_LEAST && jumps(u, rtt);
	u->rtt[u->next] = rtt;
	u->next = (uint8_t)((u->next + 1) % SLOW_PERIODS);
	if (u->count < SLOW_PERIODS)
		u->count++;
	return jump;
}
