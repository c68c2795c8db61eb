/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/engine/budget.h"

#include "gateway/engine/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define START (100 * INPATH_SEC)

/* How many are to be had at `now`. */
static uint32_t take_all(struct window *w, uint32_t rate, inpath_time now)
{
	uint32_t taken = 0;

	while (window_take(w, rate, now))
		taken++;
	return taken;
}

static void a_new_one_has_room_for_one_second_worth(void **state)
{
	struct window w = { 0 };

	(void)state;
	assert_int_equal(take_all(&w, 50, START), 50);
	assert_false(window_take(&w, 50, START));
}

static void rest_saves_nothing_up(void **state)
{
	struct window w = { 0 };

	(void)state;
	take_all(&w, 10, START);
	assert_int_equal(take_all(&w, 10, START + 3600 * INPATH_SEC), 10);
	assert_int_equal(take_all(&w, 10, INPATH_TIME_NEVER / 2), 10);
}

static void what_was_spent_is_free_again_after_a_second_and_a_slot_at_most(void **state)
{
	(void)state;
	for (inpath_time at = START; at < START + INPATH_SEC; at += 7 * INPATH_MSEC) {
		struct window w = { 0 };

		take_all(&w, 10, at);
		assert_int_equal(take_all(&w, 10, at + INPATH_SEC - 1), 0);
		assert_int_equal(take_all(&w, 10, at + INPATH_SEC + WINDOW_SLOT), 10);
	}
}

static void an_earlier_now_counts_as_the_latest(void **state)
{
	struct window w = { 0 };

	(void)state;
	assert_int_equal(take_all(&w, 4, START), 4);
	assert_int_equal(take_all(&w, 10, START - 50 * INPATH_SEC), 6);
	assert_int_equal(take_all(&w, 10, START + INPATH_SEC - 1), 0);
	assert_int_equal(take_all(&w, 10, START + INPATH_SEC + WINDOW_SLOT), 10);
}

static void ready_is_the_first_moment_with_room(void **state)
{
	(void)state;
	for (uint32_t rate = 1; rate < 40; rate++) {
		for (uint32_t want = 1; want <= rate; want++) {
			struct window w = { 0 }, before;
			inpath_time ready;

			for (uint32_t i = 0; i < rate; i++)
				assert_true(window_take(&w, rate, START + i * 20 * INPATH_MSEC));
			ready = window_ready(&w, rate, want, START + 800 * INPATH_MSEC);
			before = w;
			assert_true(window_ready(&before, rate, want, ready - 1) == ready);
			assert_true(window_ready(&w, rate, want, ready) == ready);
			window_reserve(&w, want);
			for (uint32_t i = 0; i < want; i++)
				window_spend(&w, ready);
			assert_true(w.spent <= rate);
		}
	}
}

static void a_want_beyond_the_rate_is_ready_when_nothing_is_spent(void **state)
{
	struct window w = { 0 };

	(void)state;
	assert_true(window_ready(&w, 4, 16, START) == START);
	window_take(&w, 4, START);
	assert_true(window_ready(&w, 4, 16, START) >= START + INPATH_SEC);
}

static void asking_takes_nothing(void **state)
{
	struct window w = { 0 };

	(void)state;
	window_ready(&w, 5, 5, START);
	window_ready(&w, 5, 1, START);
	assert_int_equal(take_all(&w, 5, START), 5);
}

static void what_is_reserved_is_nobody_elses_until_it_is_released(void **state)
{
	struct window w = { 0 };

	(void)state;
	window_reserve(&w, 7);
	assert_int_equal(take_all(&w, 10, START), 3);
	/* However long that takes: it is asked for again and again. */
	assert_int_equal(take_all(&w, 10, START + 10 * INPATH_SEC), 3);
	assert_true(window_ready(&w, 10, 4, START + 10 * INPATH_SEC) > START + 10 * INPATH_SEC);
	assert_true(window_ready(&w, 10, 8, START + 20 * INPATH_SEC) <=
		    START + 20 * INPATH_SEC + WINDOW_SLOT);
	window_release(&w, 7);
	assert_int_equal(take_all(&w, 10, START + 20 * INPATH_SEC), 10);
}

static void a_rate_of_zero_is_never_ready(void **state)
{
	struct window w = { 0 };

	(void)state;
	assert_true(window_ready(&w, 0, 1, START) == INPATH_TIME_NEVER);
	assert_false(window_take(&w, 0, START + 10 * INPATH_SEC));
}

static void a_lower_rate_holds_at_once_and_a_higher_one_too(void **state)
{
	struct window w = { 0 };

	(void)state;
	assert_int_equal(take_all(&w, 10, START), 10);
	assert_int_equal(take_all(&w, 2, START), 0);
	assert_int_equal(take_all(&w, 2, START + INPATH_SEC - 1), 0);
	assert_int_equal(take_all(&w, 100, START), 90);
	assert_int_equal(take_all(&w, 2, START + 3 * INPATH_SEC), 2);
}

static void the_highest_rate_overflows_nothing(void **state)
{
	struct window w = { 0 };

	(void)state;
	window_reserve(&w, UINT32_MAX - 1);
	assert_true(window_take(&w, UINT32_MAX, START));
	assert_false(window_take(&w, UINT32_MAX, START));
	assert_true(window_ready(&w, UINT32_MAX, UINT32_MAX, START) > START);
}

static void what_left_late_counts_from_then_on(void **state)
{
	struct window w = { 0 };
	inpath_time late = START + 3 * WINDOW_SLOT;

	(void)state;
	take_all(&w, 5, START);
	for (int i = 0; i < 5; i++)
		window_delay(&w, START, late);
	assert_int_equal(take_all(&w, 5, late + INPATH_SEC - 1), 0);
	assert_int_equal(take_all(&w, 5, late + INPATH_SEC + WINDOW_SLOT), 5);
	/* What has been forgotten already stays so. */
	window_delay(&w, START, START + 9 * INPATH_SEC);
	assert_int_equal(take_all(&w, 5, START + 9 * INPATH_SEC), 5);
}

/* --- no second ever sees more than the rate ------------------------------------------------------ */

enum {
	LOG = 20000,
};

struct log {
	inpath_time at[LOG];
	uint32_t count;
	uint32_t first; /* of the second that ends with the newest */
};

/* Enters what was sent at `at`, and checks the second that ends there, both ends included. */
static void log_sent(struct log *log, uint32_t rate, inpath_time at)
{
	assert_true(log->count < LOG);
	log->at[log->count++] = at;
	while (log->at[log->first] + INPATH_SEC < at)
		log->first++;
	assert_true(log->count - log->first <= rate);
}

static uint32_t drawn(uint64_t *counter, uint32_t below)
{
	static const struct hash_key key = { 11, 12 };

	return (uint32_t)(hash_random(&key, counter) % below);
}

static void no_second_sees_more_than_the_rate_whatever_comes(void **state)
{
	static struct log log;
	uint64_t counter = 0;

	(void)state;
	for (uint32_t round = 0; round < 60; round++) {
		uint32_t rate = 1 + drawn(&counter, round % 3 ? 40 : 300), promised = 0;
		inpath_time now = START + drawn(&counter, 1000000000), end = now + 40 * INPATH_SEC;
		struct window w = { 0 };
		uint64_t sent = 0;

		memset(&log, 0, sizeof(log));
		while (now < end) {
			uint32_t want = 1 + drawn(&counter, rate < 16 ? rate : 16);
			inpath_time ready = window_ready(&w, rate, want, now);

			switch (drawn(&counter, 8)) {
			case 0: now += drawn(&counter, 300000000); break;
			case 1: now += drawn(&counter, 3000000); break;
			case 2:
			case 3:
				if (ready <= now) {
					window_reserve(&w, want);
					promised += want;
				}
				break;
			case 4:
				if (promised) {
					window_release(&w, 1);
					promised--;
				}
				break;
			case 5:
				/* Exactly when there is room: the time at which a second is fullest. */
				now = promised ? now : ready;
				break;
			default:
				for (; promised && drawn(&counter, 4); promised--, sent++) {
					inpath_time late = now + drawn(&counter, 100000);

					window_spend(&w, now);
					window_delay(&w, now, late);
					now = late;
					log_sent(&log, rate, now);
				}
				break;
			}
			assert_true(w.spent + w.reserved <= rate);
		}
		/* And it is used: it is no standstill. */
		assert_true(sent > 2 * rate);
	}
}

/* Taken whenever there is room, 16 of 17 are to be had. */
static void who_waits_for_room_has_nearly_the_whole_rate(void **state)
{
	static const uint32_t rates[] = { 1, 3, 20, 200 };

	(void)state;
	for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
		struct window w = { 0 };
		inpath_time now = START;
		uint32_t taken = 0;

		while (now < START + 170 * INPATH_SEC) {
			taken += take_all(&w, rates[i], now);
			now = window_ready(&w, rates[i], 1, now);
		}
		assert_in_range(taken, rates[i] * 159, rates[i] * 171);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_new_one_has_room_for_one_second_worth),
		cmocka_unit_test(rest_saves_nothing_up),
		cmocka_unit_test(what_was_spent_is_free_again_after_a_second_and_a_slot_at_most),
		cmocka_unit_test(an_earlier_now_counts_as_the_latest),
		cmocka_unit_test(ready_is_the_first_moment_with_room),
		cmocka_unit_test(a_want_beyond_the_rate_is_ready_when_nothing_is_spent),
		cmocka_unit_test(asking_takes_nothing),
		cmocka_unit_test(what_is_reserved_is_nobody_elses_until_it_is_released),
		cmocka_unit_test(a_rate_of_zero_is_never_ready),
		cmocka_unit_test(a_lower_rate_holds_at_once_and_a_higher_one_too),
		cmocka_unit_test(the_highest_rate_overflows_nothing),
		cmocka_unit_test(what_left_late_counts_from_then_on),
		cmocka_unit_test(no_second_sees_more_than_the_rate_whatever_comes),
		cmocka_unit_test(who_waits_for_room_has_nearly_the_whole_rate),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
