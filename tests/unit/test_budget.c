/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/engine/budget.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define START (100 * INPATH_SEC)

/* How many tokens can be taken at `now`, until there is none. */
static uint32_t take_all(struct bucket *b, uint32_t rate, inpath_time now)
{
	uint32_t taken = 0;

	while (bucket_take(b, rate, 1, now))
		taken++;
	return taken;
}

static struct bucket full(uint32_t rate)
{
	struct bucket b;

	bucket_fill(&b, rate, START);
	return b;
}

static void it_starts_with_one_second_worth(void **state)
{
	struct bucket b = full(50);

	(void)state;
	assert_int_equal(take_all(&b, 50, START), 50);
	assert_false(bucket_take(&b, 50, 1, START));
}

static void it_never_holds_more_than_one_second_worth(void **state)
{
	struct bucket b = full(10);

	(void)state;
	assert_int_equal(take_all(&b, 10, START + 3600 * INPATH_SEC), 10);
	assert_int_equal(take_all(&b, 10, UINT64_MAX - 1), 10);
}

static void tokens_come_back_at_the_rate(void **state)
{
	struct bucket b = full(10);

	(void)state;
	take_all(&b, 10, START);
	assert_false(bucket_take(&b, 10, 1, START + INPATH_SEC / 10 - 1));
	assert_true(bucket_take(&b, 10, 1, START + INPATH_SEC / 10));
	assert_false(bucket_take(&b, 10, 1, START + INPATH_SEC / 10));
	assert_int_equal(take_all(&b, 10, START + INPATH_SEC / 10 + INPATH_SEC / 2), 5);
}

static void many_small_steps_add_up_to_the_rate(void **state)
{
	struct bucket b = full(3);
	uint32_t taken = 0;

	(void)state;
	take_all(&b, 3, START);
	for (uint32_t ms = 1; ms <= 10000; ms++)
		taken += take_all(&b, 3, START + ms * INPATH_MSEC);
	assert_int_equal(taken, 30);
}

static void an_earlier_now_adds_nothing_and_takes_nothing_away(void **state)
{
	struct bucket b = full(10);

	(void)state;
	take_all(&b, 10, START);
	assert_false(bucket_take(&b, 10, 1, START - 50 * INPATH_SEC));
	assert_false(bucket_take(&b, 10, 1, 0));
	assert_int_equal(take_all(&b, 10, START + INPATH_SEC / 2), 5);
}

static void ready_is_the_first_moment_at_which_taking_works(void **state)
{
	static const uint32_t rates[] = { 1, 3, 7, 50, 999, 1000000 };

	(void)state;
	for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
		uint32_t rate = rates[i];
		struct bucket b = full(rate), before;
		inpath_time ready;

		take_all(&b, rate, START);
		ready = bucket_ready(&b, rate, 1, START);
		assert_true(ready > START);
		before = b;
		assert_false(bucket_take(&before, rate, 1, ready - 1));
		assert_true(bucket_take(&b, rate, 1, ready));
	}
}

static void ready_counts_what_is_there_already(void **state)
{
	struct bucket b = full(10);

	(void)state;
	assert_true(bucket_ready(&b, 10, 10, START) <= START);
	for (int i = 0; i < 6; i++)
		bucket_take(&b, 10, 1, START);
	assert_true(bucket_ready(&b, 10, 4, START) <= START);
	assert_int_equal(bucket_ready(&b, 10, 5, START), START + INPATH_SEC / 10);
	assert_int_equal(bucket_ready(&b, 10, 10, START), START + 6 * INPATH_SEC / 10);
}

static void a_want_beyond_the_bucket_is_ready_when_it_is_full(void **state)
{
	struct bucket b = full(4);

	(void)state;
	assert_true(bucket_ready(&b, 4, 16, START) <= START);
	bucket_take(&b, 4, 1, START);
	assert_int_equal(bucket_ready(&b, 4, 16, START), START + INPATH_SEC / 4);
}

static void asking_takes_nothing(void **state)
{
	struct bucket b = full(5);

	(void)state;
	bucket_ready(&b, 5, 5, START);
	bucket_ready(&b, 5, 1, START);
	assert_int_equal(take_all(&b, 5, START), 5);
}

static void several_are_taken_together_or_not_at_all(void **state)
{
	struct bucket b = full(10);

	(void)state;
	assert_false(bucket_take(&b, 10, 11, START));
	assert_true(bucket_take(&b, 10, 7, START));
	assert_false(bucket_take(&b, 10, 4, START));
	assert_true(bucket_take(&b, 10, 3, START));
	assert_false(bucket_take(&b, 10, 1, START));
	assert_true(bucket_take(&b, 10, 0, START));
}

static void what_is_ready_can_be_taken_together(void **state)
{
	(void)state;
	for (uint32_t rate = 1; rate < 60; rate++) {
		for (uint32_t want = 1; want <= rate; want++) {
			struct bucket b = full(rate), before;
			inpath_time ready;

			take_all(&b, rate, START);
			ready = bucket_ready(&b, rate, want, START);
			before = b;
			assert_false(bucket_take(&before, rate, want, ready - 1));
			assert_true(bucket_take(&b, rate, want, ready));
		}
	}
}

static void a_rate_of_zero_is_never_ready(void **state)
{
	struct bucket b = full(0);

	(void)state;
	assert_true(bucket_ready(&b, 0, 1, START) == INPATH_TIME_NEVER);
	assert_false(bucket_take(&b, 0, 1, START + 10 * INPATH_SEC));
}

static void a_lower_rate_lowers_what_it_holds(void **state)
{
	struct bucket b = full(1000);

	(void)state;
	assert_int_equal(take_all(&b, 2, START), 2);
}

static void a_higher_rate_fills_from_where_it_stood(void **state)
{
	struct bucket b = full(1);

	(void)state;
	assert_int_equal(take_all(&b, 100, START), 1);
	assert_int_equal(take_all(&b, 100, START + INPATH_SEC / 2), 50);
}

static void the_highest_rate_overflows_nothing(void **state)
{
	struct bucket b = full(UINT32_MAX);

	(void)state;
	for (int i = 0; i < 1000; i++)
		assert_true(bucket_take(&b, UINT32_MAX, 1, START));
	assert_true(bucket_ready(&b, UINT32_MAX, UINT32_MAX, START + INPATH_SEC - 1) <=
		    START + INPATH_SEC - 1);
	assert_true(b.tokens == (uint64_t)UINT32_MAX * INPATH_SEC);
	bucket_fill(&b, UINT32_MAX, 0);
	assert_true(bucket_take(&b, UINT32_MAX, UINT32_MAX, UINT64_MAX));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_starts_with_one_second_worth),
		cmocka_unit_test(it_never_holds_more_than_one_second_worth),
		cmocka_unit_test(tokens_come_back_at_the_rate),
		cmocka_unit_test(many_small_steps_add_up_to_the_rate),
		cmocka_unit_test(an_earlier_now_adds_nothing_and_takes_nothing_away),
		cmocka_unit_test(ready_is_the_first_moment_at_which_taking_works),
		cmocka_unit_test(ready_counts_what_is_there_already),
		cmocka_unit_test(a_want_beyond_the_bucket_is_ready_when_it_is_full),
		cmocka_unit_test(asking_takes_nothing),
		cmocka_unit_test(several_are_taken_together_or_not_at_all),
		cmocka_unit_test(what_is_ready_can_be_taken_together),
		cmocka_unit_test(a_rate_of_zero_is_never_ready),
		cmocka_unit_test(a_lower_rate_lowers_what_it_holds),
		cmocka_unit_test(a_higher_rate_fills_from_where_it_stood),
		cmocka_unit_test(the_highest_rate_overflows_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
