/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/world.h"

static const struct inpath_limits LIMITS = {
	.flows = 1024, .names = 16, .hellos = 4, .traces = 64, .histories = 1024
};

static void a_silent_flow_is_looked_up_once(void **state)
{
	(void)state;
	EACH_FAMILY(w)
	{
		world_begin(&w, &LIMITS);
		/* One that rests between its traces is silent by right: this one has no time for it. */
		w.policy.settings.interval_s = 1;
		world_hello(&w);
		world_run(&w, 900 * MS);
		assert_int_equal(w.looks, 0);
		world_run(&w, 4 * INPATH_SEC);
		assert_int_equal(w.looks, 1);
		assert_int_equal(w.last_look.client_port, w.port);
		world_run(&w, 50 * INPATH_SEC);
		assert_int_equal(w.looks, 1);
		world_request(&w, "more", 4);
		world_run(&w, 10 * INPATH_SEC);
		assert_int_equal(w.looks, 2);
		world_end(&w);
	}
}

/* Offload takes a connection over before its greeting: it is looked up all the same. */
static void one_that_never_got_to_its_greeting_too(void **state)
{
	(void)state;
	EACH_FAMILY(w)
	{
		world_begin(&w, &LIMITS);
		world_connect(&w);
		world_run(&w, 5 * INPATH_SEC);
		assert_int_equal(w.looks, 1);
		world_end(&w);
	}
}

static void one_that_talks_is_not(void **state)
{
	(void)state;
	EACH_FAMILY(w)
	{
		world_begin(&w, &LIMITS);
		world_hello(&w);
		for (int i = 0; i < 40; i++) {
			world_request(&w, "more", 4);
			world_run(&w, 500 * MS);
		}
		assert_int_equal(w.looks, 0);
		world_end(&w);
	}
}

static void what_rests_or_has_ended_is_not(void **state)
{
	(void)state;
	EACH_FAMILY(w)
	{
		struct wire_tcp fin;

		world_begin(&w, &LIMITS);
		w.policy.action = INPATH_IGNORE;
		world_hello(&w);
		world_run(&w, 10 * INPATH_SEC);
		assert_int_equal(w.looks, 0);
		w.policy.action = INPATH_TRACE;
		w.port++;
		world_hello(&w);
		fin = world_client_tcp(&w);
		fin.flags |= TCP_FIN;
		world_client_says(&w, fin);
		world_run(&w, 10 * INPATH_SEC);
		assert_int_equal(w.looks, 0);
		world_end(&w);
	}
}

static void an_idle_engine_sleeps(void **state)
{
	(void)state;
	EACH_FAMILY(w)
	{
		world_begin(&w, &LIMITS);
		world_hello(&w);
		world_run(&w, 20 * INPATH_SEC);
		assert_true(inpath_engine_next_deadline(w.engine) == INPATH_TIME_NEVER);
		world_end(&w);
	}
}

static void an_offloaded_flow_counts_once(void **state)
{
	static const struct inpath_connection OFFLOADED = { .offloaded = true };
	static const struct inpath_connection NOT = { .offloaded = false };

	(void)state;
	EACH_FAMILY(w)
	{
		struct inpath_tuple tuple, other;

		world_begin(&w, &LIMITS);
		world_hello(&w);
		world_run(&w, 5 * INPATH_SEC);
		tuple = other = w.last_look;
		inpath_engine_connection(w.engine, &tuple, &NOT, w.now);
		assert_int_equal(world_stats(&w)->offloaded, 0);
		inpath_engine_connection(w.engine, &tuple, &OFFLOADED, w.now);
		inpath_engine_connection(w.engine, &tuple, &OFFLOADED, w.now);
		assert_int_equal(world_stats(&w)->offloaded, 1);
		other.client_port++;
		inpath_engine_connection(w.engine, &other, &OFFLOADED, w.now);
		assert_int_equal(world_stats(&w)->offloaded, 1);
		world_end(&w);
	}
}

/* Law 6: a crowd that falls silent at once is looked up at a bounded rate, and all of it. */
static void looks_have_a_rate(void **state)
{
	(void)state;
	EACH_FAMILY(w)
	{
		uint32_t before;

		world_begin(&w, &LIMITS);
		for (int i = 0; i < 700; i++) {
			w.port++;
			world_connect(&w);
		}
		for (int i = 0; i < 12; i++) {
			before = w.looks;
			world_run(&w, INPATH_SEC);
			assert_in_range(w.looks - before, 0, 2 * 100);
		}
		assert_int_equal(w.looks, 700);
		world_end(&w);
	}
}

static void who_left_the_table_is_not_looked_up(void **state)
{
	static const struct inpath_limits few = {
		.flows = 4, .names = 16, .hellos = 4, .traces = 4, .histories = 4
	};

	(void)state;
	EACH_FAMILY(w)
	{
		world_begin(&w, &few);
		for (int i = 0; i < 10; i++) {
			w.port++;
			world_connect(&w);
		}
		world_run(&w, 10 * INPATH_SEC);
		assert_int_equal(w.looks, 4);
		world_end(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_silent_flow_is_looked_up_once),
		cmocka_unit_test(one_that_never_got_to_its_greeting_too),
		cmocka_unit_test(one_that_talks_is_not),
		cmocka_unit_test(what_rests_or_has_ended_is_not),
		cmocka_unit_test(an_idle_engine_sleeps),
		cmocka_unit_test(an_offloaded_flow_counts_once),
		cmocka_unit_test(looks_have_a_rate),
		cmocka_unit_test(who_left_the_table_is_not_looked_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
