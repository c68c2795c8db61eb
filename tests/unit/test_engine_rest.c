/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between two traces a traced flow is the kernel's alone. */
#include "tests/unit/world_quic.h"

static const struct inpath_limits LIMITS = {
	.flows = 16, .names = 16, .hellos = 2, .traces = 4, .histories = 4
};

/* A packet of the server that says nothing new: does its verdict put the flow to rest? */
static bool rests(struct world *w)
{
	struct inpath_verdict v;

	w->now += MS;
	v = world_server_says(w, world_server_tcp(w));
	assert_false(v.drop);
	assert_int_equal(v.mark & ~w->set.mark_rest, 0);
	return v.mask == w->set.mark_rest && v.mark == w->set.mark_rest;
}

/* A connection that was traced. */
static void begin_at_rest(struct world *w)
{
	world_begin(w, &LIMITS);
	world_hello(w);
	world_run(w, 3 * INPATH_SEC);
	assert_true(rests(w));
}

static void a_traced_flow_rests_until_its_next_trace(void **state)
{
	(void)state;
	EACH_FAMILY(w)
	{
		world_begin(&w, &LIMITS);
		world_hello(&w);
		assert_false(rests(&w));
		world_run(&w, 3 * INPATH_SEC);
		assert_int_equal(w.records, 1);
		assert_true(rests(&w));
		world_run(&w, 26 * INPATH_SEC);
		assert_int_equal(w.armed, 0);
		world_run(&w, 62 * INPATH_SEC);
		assert_int_equal(w.armed, 1);
		world_end(&w);
	}
}

static void behind_a_rest_the_same_bytes_are_repeated(void **state)
{
	(void)state;
	EACH_FAMILY(w)
	{
		begin_at_rest(&w);
		world_run(&w, 91 * INPATH_SEC);
		assert_int_equal(w.armed, 1);
		/* A download went on unseen; the client has only acknowledged. */
		w.server_nxt += 1000000;
		world_server_says(&w, world_server_tcp(&w));
		world_client_says(&w, world_client_tcp(&w));
		w.sends = 0;
		/* Touches wait for the server to be the last to have spoken, for five seconds. */
		world_run(&w, 6 * INPATH_SEC);
		assert_int_equal(world_stats(&w)->traces, 2);
		assert_int_equal(world_stats(&w)->unchanged, 1);
		assert_int_equal(w.sends, 5);
		assert_int_equal(w.last_probe.len, (w.v6 ? 40 : 20) + 32 + 1);
		/* And it rests again. */
		assert_true(rests(&w));
		world_run(&w, 91 * INPATH_SEC);
		assert_int_equal(w.armed, 2);
		world_end(&w);
	}
}

static void what_was_sent_before_unseen_bytes_is_not_repeated(void **state)
{
	(void)state;
	for (int server_first = 0; server_first < 2; server_first++) {
		EACH_FAMILY(w)
		{
			begin_at_rest(&w);
			world_run(&w, 91 * INPATH_SEC);
			/* The client has sent something unseen: a round of numbers or more, for all
			 * that is known. */
			w.client_nxt += 500;
			if (server_first)
				world_server_says(&w, world_server_tcp(&w));
			world_client_says(&w, world_client_tcp(&w));
			world_server_says(&w, world_server_tcp(&w));
			w.set.log_paths = INPATH_LOG_PATHS_ALL;
			w.sends = 0;
			world_run(&w, 100 * MS);
			/* Empty probes are left, or what the client says next. */
			assert_true(w.sends > 0);
			assert_int_equal(w.last_probe.len, (w.v6 ? 40 : 20) + 32);
			world_run(&w, 8 * INPATH_SEC);
			assert_int_equal(world_stats(&w)->unchanged, 1);
			assert_int_equal(world_path(&w)->record.path.nhop, 5);
			assert_true(world_path(&w)->hops[4].server);
			world_end(&w);
		}
	}
}

/* Where no bit of ours may stand on a connection, all its packets come: they are not unseen. */
static void what_cannot_rest_is_traced_as_before(void **state)
{
	EACH_FAMILY(w)
	{
		world_begin(&w, &LIMITS);
		world_hello(&w);
		world_run(&w, 3 * INPATH_SEC);
		w.sends = 0;
		for (int i = 0; i < 91 && w.armed == 0; i++) {
			world_request(&w, "so it goes on and on, and every packet is seen", 46);
			world_run(&w, 1 * INPATH_SEC);
		}
		assert_true(w.armed > 0);
		world_request(&w, "and then", 8);
		world_run(&w, 6 * INPATH_SEC);
		assert_int_equal(w.sends, 5);
		assert_int_equal(w.last_probe.len, (w.v6 ? 40 : 20) + 32 + 1);
		world_end(&w);
	}
	(void)state;
}

/* The flow goes on: a packet of each side. Does the client's put it to rest? */
static bool goes_on(struct world *w)
{
	w->server_nxt += 1000;
	world_server_says(w, world_server_tcp(w));
	w->now += MS;
	return world_client_says(w, world_client_tcp(w)).mask != 0;
}

static void while_a_trace_waits_for_routers_alone_its_flow_rests(void **state)
{
	(void)state;
	EACH_FAMILY(w)
	{
		w.silent = 1 << 2;
		world_begin(&w, &LIMITS);
		world_hello(&w);
		world_run(&w, 1 * MS);
		/* Touches are on their way. */
		assert_false(goes_on(&w));
		world_run(&w, 30 * MS);
		assert_true(goes_on(&w));
		w.sends = 0;
		world_run(&w, 70 * MS);
		/* The second attempt at hop 3 is due: for it the flow is brought back first. */
		assert_int_equal(w.armed, 1);
		assert_int_equal(w.sends, 0);
		assert_int_equal(w.records, 0);
		(void)goes_on(&w);
		world_run(&w, 1 * MS);
		assert_int_equal(w.sends, 1);
		assert_int_equal(w.last_probe.len, (w.v6 ? 40 : 20) + 32 + 1);
		/* The way may be shorter by now: it rests again when the server would have answered. */
		assert_false(goes_on(&w));
		world_run(&w, 30 * MS);
		assert_true(goes_on(&w));
		/* The trace ends, and the next one wakes it. */
		world_run(&w, 2 * INPATH_SEC);
		assert_int_equal(w.armed, 1);
		assert_int_equal(w.records, 1);
		assert_int_equal(world_path(&w)->record.path.stop, INPATH_STOP_REACHED);
		world_run(&w, 90 * INPATH_SEC);
		assert_int_equal(w.armed, 2);
		world_end(&w);
	}
}

static void a_flow_brought_back_that_has_nothing_to_say_is_traced_to_the_end(void **state)
{
	(void)state;
	EACH_FAMILY(w)
	{
		w.silent = 1 << 2;
		world_begin(&w, &LIMITS);
		world_hello(&w);
		world_run(&w, 30 * MS);
		assert_true(goes_on(&w));
		w.sends = 0;
		world_run(&w, 3 * INPATH_SEC);
		assert_int_equal(w.armed, 1);
		assert_int_equal(w.sends, 1);
		assert_int_equal(w.records, 1);
		world_end(&w);
	}
}

static void a_flow_that_ends_at_rest_ends_its_trace(void **state)
{
	struct world w = { .sack = true, .silent = 1 << 2 };

	(void)state;
	world_begin(&w, &LIMITS);
	world_hello(&w);
	world_run(&w, 30 * MS);
	assert_true(goes_on(&w));
	w.sends = 0;
	world_fin(&w, true);
	world_run(&w, 3 * INPATH_SEC);
	assert_int_equal(w.armed, 0);
	assert_int_equal(w.sends, 0);
	assert_int_equal(w.records, 1);
	world_end(&w);
}

static void who_is_due_again_at_once_does_not_rest(void **state)
{
	struct world w = { .sack = true };

	(void)state;
	world_begin(&w, &LIMITS);
	w.policy.settings.interval_s = 1;
	world_hello(&w);
	world_run(&w, 200 * MS);
	assert_int_equal(w.records, 1);
	assert_false(rests(&w));
	world_end(&w);
}

static void a_flow_that_ends_at_rest_is_left_alone(void **state)
{
	struct world w = { .sack = true };
	struct wire_tcp t;

	(void)state;
	begin_at_rest(&w);
	t = world_client_tcp(&w);
	t.flags |= TCP_FIN;
	assert_int_equal(world_client_says(&w, t).mask, 0);
	world_run(&w, 100 * INPATH_SEC);
	assert_int_equal(w.armed, 0);
	world_end(&w);
}

static void a_new_policy_wakes_it_at_once(void **state)
{
	struct world w = { .sack = true };

	(void)state;
	begin_at_rest(&w);
	inpath_engine_set_policy(w.engine, &w.set, w.now);
	world_run(&w, 1 * INPATH_SEC);
	assert_int_equal(w.armed, 1);
	world_run(&w, 100 * INPATH_SEC);
	assert_int_equal(w.armed, 1);
	world_end(&w);
}

static void with_packets_behind_it_nothing_rests(void **state)
{
	struct world w = { .sack = true };

	(void)state;
	world_begin(&w, &LIMITS);
	world_hello(&w);
	world_run(&w, 3 * INPATH_SEC);
	w.more = true;
	assert_false(rests(&w));
	world_run(&w, 100 * INPATH_SEC);
	assert_int_equal(w.armed, 0);
	world_end(&w);
}

static void a_difference_is_confirmed_before_the_rest(void **state)
{
	struct world w = { .sack = true };

	(void)state;
	world_begin(&w, &LIMITS);
	world_hello(&w);
	world_run(&w, 91 * INPATH_SEC);
	w.moved = 1 << 2;
	world_request(&w, "again and again", 15);
	world_run(&w, 6 * INPATH_SEC);
	assert_int_equal(world_stats(&w)->traces, 2);
	assert_false(rests(&w));
	world_run(&w, 6 * INPATH_SEC);
	assert_int_equal(world_count(&w, INPATH_RECORD_CHANGE), 1);
	assert_true(rests(&w));
	world_end(&w);
}

static void a_flow_forgotten_at_rest_is_not_woken(void **state)
{
	struct world w = { .sack = true };

	(void)state;
	begin_at_rest(&w);
	for (uint16_t i = 0; i < 20; i++) {
		w.port = (uint16_t)(50000 + i);
		world_connect(&w);
	}
	assert_true(world_stats(&w)->flows_evicted > 0);
	world_run(&w, 100 * INPATH_SEC);
	assert_int_equal(w.armed, 0);
	world_end(&w);
}

static void quic_rests_as_well(void **state)
{
	(void)state;
	EACH_FAMILY(w)
	{
		world_begin(&w, &LIMITS);
		w.policy.protocols |= INPATH_PROTOCOL_QUIC;
		world_quic_open(&w, "www.movies.example");
		world_run(&w, 3 * INPATH_SEC);
		assert_int_equal(world_short(&w, true, QUIC_SERVER_ID, 0x41).mark, w.set.mark_rest);
		world_run(&w, 91 * INPATH_SEC);
		assert_int_equal(w.armed, 1);
		assert_int_equal(world_short(&w, true, QUIC_SERVER_ID, 0x41).mark, 0);
		world_short(&w, false, QUIC_CLIENT_ID, 0x41);
		world_run(&w, 3 * INPATH_SEC);
		assert_int_equal(world_stats(&w)->traces, 2);
		world_end(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_traced_flow_rests_until_its_next_trace),
		cmocka_unit_test(behind_a_rest_the_same_bytes_are_repeated),
		cmocka_unit_test(what_was_sent_before_unseen_bytes_is_not_repeated),
		cmocka_unit_test(what_cannot_rest_is_traced_as_before),
		cmocka_unit_test(who_is_due_again_at_once_does_not_rest),
		cmocka_unit_test(while_a_trace_waits_for_routers_alone_its_flow_rests),
		cmocka_unit_test(a_flow_brought_back_that_has_nothing_to_say_is_traced_to_the_end),
		cmocka_unit_test(a_flow_that_ends_at_rest_ends_its_trace),
		cmocka_unit_test(a_flow_that_ends_at_rest_is_left_alone),
		cmocka_unit_test(a_new_policy_wakes_it_at_once),
		cmocka_unit_test(with_packets_behind_it_nothing_rests),
		cmocka_unit_test(a_difference_is_confirmed_before_the_rest),
		cmocka_unit_test(a_flow_forgotten_at_rest_is_not_woken),
		cmocka_unit_test(quic_rests_as_well),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
