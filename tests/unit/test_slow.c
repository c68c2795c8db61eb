/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a flow's counters tell: stalls, and what is none. */
#include "gateway/engine/slow.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* A flow whose counters are read every two seconds. */
struct counted {
	struct slow_flow flow;
	struct slow slow;
	struct inpath_counters counters;
	inpath_time now;
	uint32_t said;
};

static bool counts(struct counted *c)
{
	c->slow.flows = &c->flow;
	return slow_count(&c->slow, 0, &c->counters, c->now);
}

static struct counted begin(void)
{
	struct counted c = { .now = 1000 * INPATH_SEC };

	c.counters.down_bytes = 5000;
	assert_false(counts(&c));
	return c;
}

/* `samples` in which the server sends so many bytes a second. */
static void moves(struct counted *c, uint32_t samples, uint64_t bytes_a_second)
{
	for (uint32_t i = 0; i < samples; i++) {
		c->now += SLOW_INTERVAL;
		c->counters.down_bytes += 2 * bytes_a_second;
		c->said += counts(c);
	}
}

static void a_steady_flow_that_stands_still_has_stalled(void **state)
{
	struct counted c = begin();

	(void)state;
	moves(&c, 10, 500000);
	moves(&c, SLOW_LOW - 1, 0);
	assert_int_equal(c.said, 0);
	moves(&c, 1, 0);
	assert_int_equal(c.said, 1);
}

static void it_is_said_once_until_it_moves_steadily_again(void **state)
{
	struct counted c = begin();

	(void)state;
	moves(&c, 10, 500000);
	moves(&c, 1000, 0);
	assert_int_equal(c.said, 1);
	moves(&c, SLOW_STEADY - 1, 500000);
	moves(&c, 100, 0);
	assert_int_equal(c.said, 1);
	moves(&c, SLOW_STEADY, 500000);
	moves(&c, 100, 0);
	assert_int_equal(c.said, 2);
}

static void an_eighth_of_the_usual_is_a_stall_and_a_third_is_none(void **state)
{
	struct counted c = begin();

	(void)state;
	moves(&c, 10, 900000);
	moves(&c, 10, 300000);
	assert_int_equal(c.said, 0);
	moves(&c, 10, 900000);
	moves(&c, SLOW_LOW, 900000 / 9);
	assert_int_equal(c.said, 1);
	/* What it has come down to is its usual from now on. */
	moves(&c, 100, 900000 / 9);
	assert_int_equal(c.said, 1);
}

static void the_median_is_not_moved_by_one_burst(void **state)
{
	struct counted c = begin();

	(void)state;
	moves(&c, 3, 100000);
	moves(&c, 1, 50000000);
	moves(&c, 2, 100000);
	moves(&c, 1, 50000000);
	moves(&c, 100, 100000);
	assert_int_equal(c.said, 0);
}

static void what_trickles_is_no_stream(void **state)
{
	struct counted c = begin();

	(void)state;
	moves(&c, 20, SLOW_LEAST / 2);
	moves(&c, 20, 0);
	assert_int_equal(c.said, 0);
	moves(&c, 20, SLOW_LEAST);
	moves(&c, 20, 0);
	assert_int_equal(c.said, 1);
}

static void short_bursts_are_never_steady(void **state)
{
	struct counted c = begin();

	(void)state;
	for (int i = 0; i < 200; i++) {
		moves(&c, 1, 2000000);
		moves(&c, 2, 0);
	}
	assert_int_equal(c.said, 0);
}

/* A player with a long cycle: by its bytes its first pause cannot be told from a stall. */
static void a_players_pauses_are_learnt(void **state)
{
	for (uint32_t pause = 2; pause < 12; pause++) {
		struct counted c = begin();

		for (int i = 0; i < 50; i++) {
			moves(&c, 5, 2000000);
			moves(&c, pause - (uint32_t)i % 2, 0);
		}
		assert_int_equal(c.said, 1);
	}
	(void)state;
}

static void behind_such_pauses_a_stall_is_seen_later(void **state)
{
	struct counted c = begin();

	(void)state;
	for (int i = 0; i < 10; i++) {
		moves(&c, 5, 2000000);
		moves(&c, 4, 0); /* 8 s, and up to 2 more for all that is known */
	}
	c.said = 0;
	moves(&c, 5, 2000000);
	moves(&c, 7, 0);
	assert_int_equal(c.said, 0);
	moves(&c, 1, 0);
	assert_int_equal(c.said, 1);
}

static void pauses_long_past_are_forgotten(void **state)
{
	struct counted c = begin();

	(void)state;
	moves(&c, 5, 2000000);
	moves(&c, 100, 0);
	assert_int_equal(c.flow.pause, 0);
	moves(&c, 5, 2000000);
	assert_int_equal(c.flow.pause, SLOW_PAUSE_MAX);
	c.said = 0;
	moves(&c, 1000, 2000000);
	assert_int_equal(c.flow.pause, 0);
	moves(&c, SLOW_LOW, 0);
	assert_int_equal(c.said, 1);
}

/* Between them the flow may have been in the queue for a trace, and was not counted. */
static void missing_samples_change_no_rate(void **state)
{
	struct counted c = begin();

	(void)state;
	moves(&c, 10, 500000);
	for (int i = 0; i < 20; i++) {
		c.now += 4 * SLOW_INTERVAL;
		c.counters.down_bytes += 8 * 500000;
		moves(&c, 1, 500000);
	}
	assert_int_equal(c.said, 0);
}

static void samples_too_close_are_passed_over(void **state)
{
	struct counted c = begin();

	(void)state;
	moves(&c, 10, 500000);
	for (int i = 0; i < 10; i++) {
		c.now += INPATH_MSEC;
		assert_false(counts(&c));
	}
	/* The bytes of the time passed over count in the next one. */
	moves(&c, 1, 500000);
	assert_int_equal(c.flow.low, 0);
}

static void counters_that_begin_anew_are_a_first_sample(void **state)
{
	struct counted c = begin();

	(void)state;
	moves(&c, 10, 500000);
	c.counters.down_bytes = 0;
	moves(&c, 1, 0);
	assert_int_equal(c.flow.low, 0);
	moves(&c, 10, 500000);
	assert_int_equal(c.said, 0);
}

static void any_numbers_are_taken(void **state)
{
	struct counted c = begin();
	uint64_t x = 88172645463325252ULL;

	(void)state;
	for (int i = 0; i < 100000; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		c.counters.down_bytes = x >> (x % 64);
		c.counters.up_bytes = x * 3;
		c.now += x % (4 * SLOW_INTERVAL);
		counts(&c);
		assert_true(c.flow.pause <= SLOW_PAUSE_MAX);
	}
}

static void what_passed_unseen_is_never_counted_too_low(void **state)
{
	struct slow_flow flows[1] = { 0 };
	uint32_t place[1];
	struct slow s = { .at = INPATH_TIME_NEVER, .flows = flows, .resting = place };
	struct inpath_counters counters = { .up_bytes = 7 * SLOW_UNIT,
		.down_bytes = 90 * SLOW_UNIT };

	(void)state;
	slow_rested(&s, 0, INPATH_SEC);
	assert_int_equal(s.at, INPATH_SEC + SLOW_INTERVAL);
	slow_count(&s, 0, &counters, 3 * INPATH_SEC);
	assert_int_equal(flows[0].unseen, 97);
	counters.down_bytes += 100 * SLOW_UNIT;
	slow_count(&s, 0, &counters, 5 * INPATH_SEC);
	assert_int_equal(flows[0].unseen, 197);
	slow_rested(&s, 0, 6 * INPATH_SEC);
	counters.up_bytes += 7 * SLOW_UNIT;
	slow_count(&s, 0, &counters, 7 * INPATH_SEC);
	assert_int_equal(flows[0].unseen, 7);
	assert_false(slow_is_far(&flows[0]));
	counters.down_bytes += (1 << 30) - 8 * SLOW_UNIT;
	slow_count(&s, 0, &counters, 9 * INPATH_SEC);
	assert_false(slow_is_far(&flows[0]));
	counters.down_bytes += SLOW_UNIT;
	slow_count(&s, 0, &counters, 11 * INPATH_SEC);
	assert_true(slow_is_far(&flows[0]));
	for (int i = 0; i < 600; i++) {
		counters.down_bytes += 1 << 30;
		slow_count(&s, 0, &counters, (13 + 2 * i) * INPATH_SEC);
		assert_true(slow_is_far(&flows[0]));
	}
}

static void it_is_said_once_in_ten_seconds_at_most(void **state)
{
	struct slow_flow f = { 0 };

	(void)state;
	assert_true(slow_say(&f, 100 * INPATH_SEC));
	assert_false(slow_say(&f, 110 * INPATH_SEC - 1));
	assert_true(slow_say(&f, 110 * INPATH_SEC));
}

/* --- rounds --------------------------------------------------------------------------------------- */

enum {
	FLOWS = 2000
};

static struct slow_flow all_flows[FLOWS];
static uint32_t resting[FLOWS];

/* Lets `span` pass: how often is counting asked for? Each answer says that nothing moved. */
static uint32_t asks(struct slow *s, inpath_time *now, inpath_time span, uint32_t *last)
{
	struct inpath_counters counters = { .down_bytes = 1 };
	inpath_time end = *now + span;
	uint32_t asked = 0;

	while (s->at <= end) {
		*now = s->at > *now ? s->at : *now;
		while (slow_next(s, last, *now)) {
			asked++;
			slow_count(s, *last, &counters, *now);
		}
	}
	*now = end;
	return asked;
}

static struct slow empty(void)
{
	memset(all_flows, 0, sizeof(all_flows));
	return (struct slow){ .at = INPATH_TIME_NEVER, .flows = all_flows, .resting = resting };
}

static void while_nothing_moves_it_is_asked_for_less_often(void **state)
{
	struct inpath_counters counters = { .down_bytes = 1 << 20 };
	inpath_time now = INPATH_SEC;
	struct slow s = empty();
	uint32_t last;

	(void)state;
	slow_rested(&s, 7, now);
	assert_int_equal(s.at, now + SLOW_INTERVAL);
	assert_in_range(asks(&s, &now, 3600 * INPATH_SEC, &last), 3600 / 16, 3600 / 16 + 8);
	assert_int_equal(last, 7);
	/* As soon as it moves, as often as ever. */
	now = s.at;
	assert_true(slow_next(&s, &last, now));
	slow_count(&s, 7, &counters, now);
	assert_false(slow_next(&s, &last, now));
	now = s.at;
	assert_true(slow_next(&s, &last, now));
	assert_false(slow_next(&s, &last, now));
	assert_int_equal(s.at, now + SLOW_INTERVAL);
	assert_in_range(asks(&s, &now, 3600 * INPATH_SEC, &last), 3600 / 16, 3600 / 16 + 8);
	slow_rested(&s, 8, now);
	assert_int_equal(s.at, now + SLOW_INTERVAL);
}

static void each_is_asked_for_once_a_round(void **state)
{
	inpath_time now = INPATH_SEC;
	struct slow s = empty();
	uint32_t last;

	(void)state;
	for (uint32_t i = 0; i < 100; i++)
		slow_rested(&s, i, now);
	slow_rested(&s, 5, now);
	assert_int_equal(asks(&s, &now, SLOW_INTERVAL, &last), 100);
	for (uint32_t i = 0; i < 100; i++)
		assert_int_not_equal(all_flows[i].at, 0);
	slow_woken(&s, 5);
	slow_forget(&s, 99);
	slow_woken(&s, 99);
	assert_int_equal(asks(&s, &now, SLOW_INTERVAL, &last), 98);
	assert_int_equal(all_flows[99].at, 0);
	for (uint32_t i = 0; i < 100; i++)
		slow_woken(&s, i);
	assert_int_equal(asks(&s, &now, SLOW_STILL, &last), 0);
	assert_true(s.at == INPATH_TIME_NEVER);
}

static void a_round_has_a_bound_and_the_next_goes_on(void **state)
{
	inpath_time now = INPATH_SEC;
	struct slow s = empty();
	uint32_t last;

	(void)state;
	for (uint32_t i = 0; i < FLOWS; i++)
		slow_rested(&s, i, now);
	for (int i = 0; i < 4; i++)
		assert_int_equal(asks(&s, &now, SLOW_INTERVAL, &last), SLOW_ROUND);
	for (uint32_t i = 0; i < FLOWS; i++)
		assert_int_not_equal(all_flows[i].at, 0);
}

/* --- bursts --------------------------------------------------------------------------------------- */

static uint32_t repeats(struct slow_flow *f, uint32_t count, uint32_t first, uint32_t step,
	inpath_time from, inpath_time apart)
{
	uint32_t bursts = 0;

	for (uint32_t i = 0; i < count; i++)
		bursts += slow_repeat(f, first + i * step, from + i * apart);
	return bursts;
}

static void so_many_segments_again_within_a_second_are_a_burst(void **state)
{
	struct slow_flow f = { 0 };

	(void)state;
	/* Across the end of the sequence numbers. */
	assert_int_equal(
		repeats(&f, SLOW_BURST - 1, UINT32_MAX - 3000, 1448, 100 * INPATH_SEC, INPATH_MSEC),
		0);
	f = (struct slow_flow){ 0 };
	assert_int_equal(
		repeats(&f, SLOW_BURST, UINT32_MAX - 3000, 1448, 100 * INPATH_SEC, INPATH_MSEC), 1);
}

static void a_burst_is_one_however_long_it_gets(void **state)
{
	struct slow_flow f = { 0 };

	(void)state;
	assert_int_equal(repeats(&f, 300, 5000, 1448, 100 * INPATH_SEC, INPATH_MSEC), 1);
}

static void the_same_segment_again_and_again_is_one(void **state)
{
	struct slow_flow f = { 0 };

	(void)state;
	assert_int_equal(repeats(&f, 300, 5000, 0, 100 * INPATH_SEC, INPATH_MSEC), 0);
	f = (struct slow_flow){ 0 };
	/* So is the same handful in rounds. */
	for (uint32_t i = 0; i < 20; i++)
		assert_int_equal(
			repeats(&f, SLOW_BURST - 1, 5000, 1448, 200 * INPATH_SEC, INPATH_MSEC), 0);
}

static void a_loss_now_and_then_is_no_burst(void **state)
{
	struct slow_flow f = { 0 };

	(void)state;
	assert_int_equal(repeats(&f, 1000, 5000, 1448, 100 * INPATH_SEC, INPATH_SEC / 5), 0);
}

/* --- jumps ---------------------------------------------------------------------------------------- */

/* Takes the periods' RTTs, in milliseconds, 0 at the end. Which one was the first to jump? 0: none. */
static int first_jump(const int *ms)
{
	struct slow_usual u = { 0 };
	int first = 0;

	for (int i = 0; ms[i]; i++)
		if (slow_rtt(&u, (uint64_t)ms[i] * INPATH_MSEC) && !first)
			first = i + 1;
	return first;
}

static void an_rtt_far_above_the_usual_jumps(void **state)
{
	static const struct {
		int ms[12];
		int jumps;
	} cases[] = {
		{ { 30, 31, 30, 31, 52 }, 5 },
		{ { 30, 31, 30, 31, 50 }, 0 },
		/* Of two there is no usual. */
		{ { 30, 30, 900 }, 0 },
		{ { 30, 30, 30, 900 }, 4 },
		/* Less is no jump; nor is what is back to less. */
		{ { 90, 90, 90, 90, 1, 90, 90 }, 0 },
		/* Who sways by himself, has to sway farther. */
		{ { 40, 80, 60, 100, 50, 130 }, 0 },
		{ { 40, 80, 60, 100, 50, 200 }, 6 },
		/* One outlier does not hide the next. */
		{ { 30, 30, 30, 30, 30, 31, 32, 90 }, 8 },
		/* More than 6.5 s is all one. */
		{ { 7000, 8000, 9000, 60000 }, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(first_jump(cases[i].ms), cases[i].jumps);
}

static void what_lasts_becomes_the_usual(void **state)
{
	struct slow_usual u = { 0 };
	int jumps = 0;

	(void)state;
	for (int i = 0; i < 20; i++)
		jumps += slow_rtt(&u, (i < 10 ? 20 : 80) * INPATH_MSEC);
	assert_in_range(jumps, 1, SLOW_PERIODS_LEAST);
}

static void a_period_without_an_rtt_is_none(void **state)
{
	struct slow_usual u = { 0 };

	(void)state;
	for (int i = 0; i < 10; i++)
		assert_false(slow_rtt(&u, 0));
	assert_int_equal(u.count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_steady_flow_that_stands_still_has_stalled),
		cmocka_unit_test(it_is_said_once_until_it_moves_steadily_again),
		cmocka_unit_test(an_eighth_of_the_usual_is_a_stall_and_a_third_is_none),
		cmocka_unit_test(the_median_is_not_moved_by_one_burst),
		cmocka_unit_test(what_trickles_is_no_stream),
		cmocka_unit_test(short_bursts_are_never_steady),
		cmocka_unit_test(a_players_pauses_are_learnt),
		cmocka_unit_test(behind_such_pauses_a_stall_is_seen_later),
		cmocka_unit_test(pauses_long_past_are_forgotten),
		cmocka_unit_test(missing_samples_change_no_rate),
		cmocka_unit_test(samples_too_close_are_passed_over),
		cmocka_unit_test(counters_that_begin_anew_are_a_first_sample),
		cmocka_unit_test(any_numbers_are_taken),
		cmocka_unit_test(what_passed_unseen_is_never_counted_too_low),
		cmocka_unit_test(it_is_said_once_in_ten_seconds_at_most),
		cmocka_unit_test(while_nothing_moves_it_is_asked_for_less_often),
		cmocka_unit_test(each_is_asked_for_once_a_round),
		cmocka_unit_test(a_round_has_a_bound_and_the_next_goes_on),
		cmocka_unit_test(so_many_segments_again_within_a_second_are_a_burst),
		cmocka_unit_test(a_burst_is_one_however_long_it_gets),
		cmocka_unit_test(the_same_segment_again_and_again_is_one),
		cmocka_unit_test(a_loss_now_and_then_is_no_burst),
		cmocka_unit_test(an_rtt_far_above_the_usual_jumps),
		cmocka_unit_test(what_lasts_becomes_the_usual),
		cmocka_unit_test(a_period_without_an_rtt_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
