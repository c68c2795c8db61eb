/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the engine makes of a path: every kind of it, once, and again. */
#include "tests/unit/world.h"

#include <errno.h>

static const struct inpath_limits LIMITS = {
	.flows = 64, .names = 64, .hellos = 4, .traces = 8, .histories = 8
};

static void a_record_is_the_path(void **state)
{
	(void)state;
	EACH_FAMILY(w)
	{
		world_begin(&w, &LIMITS);
		world_hello(&w);
		world_run(&w, 2 * INPATH_SEC);
		assert_world_path(&w);
		assert_int_equal(w.records, 1);
		assert_int_equal(world_path(&w)->record.path.why, INPATH_WHY_START);
		assert_int_equal(world_path(&w)->record.path.e2e_ns, 10 * MS);
		assert_int_equal(world_path(&w)->record.path.lan_ns, 3 * MS);
		assert_int_equal(world_path(&w)->record.path.sent, w.sends);
		assert_int_equal(w.sends, w.distance + 1);
		assert_int_equal(w.to_client, 2); /* SYN/ACK and the ACK of the request, no more */
		assert_int_equal(w.dropped, w.sends);
		world_end(&w);
	}
}

static void a_silent_router_is_asked_once_more(void **state)
{
	(void)state;
	EACH_FAMILY(w)
	{
		w.silent = 1 << 2;
		world_begin(&w, &LIMITS);
		world_hello(&w);
		world_run(&w, 2 * INPATH_SEC);
		assert_world_path(&w);
		assert_int_equal(w.per_ttl[3], 2);
		assert_int_equal(w.per_ttl[2], 1);
		world_end(&w);
	}
}

static void a_server_farther_than_inferred_is_found(void **state)
{
	(void)state;
	EACH_FAMILY(w)
	{
		w.distance = 9;
		w.seen_ttl = 64 - 5;
		world_begin(&w, &LIMITS);
		world_hello(&w);
		world_run(&w, 3 * INPATH_SEC);
		assert_world_path(&w);
		world_end(&w);
	}
}

static void a_server_nearer_than_inferred_is_found(void **state)
{
	(void)state;
	EACH_FAMILY(w)
	{
		w.distance = 3;
		w.seen_ttl = 64 - 6;
		world_begin(&w, &LIMITS);
		world_hello(&w);
		world_run(&w, 3 * INPATH_SEC);
		assert_world_path(&w);
		world_end(&w);
	}
}

static void a_server_without_sack_is_reached_but_not_placed(void **state)
{
	const struct world_record *r;

	(void)state;
	EACH_FAMILY(w)
	{
		w.sack = false;
		world_begin(&w, &LIMITS);
		world_hello(&w);
		world_run(&w, 3 * INPATH_SEC);
		r = world_path(&w);
		assert_non_null(r);
		assert_int_equal(r->record.path.stop, INPATH_STOP_REACHED);
		assert_true(r->record.path.unplaced);
		assert_int_equal(r->record.path.unplaced_rtt_ns, w.distance * w.hop_rtt);
		assert_int_equal(w.to_client, 2);
		world_end(&w);
	}
}

static void a_server_that_offers_sack_and_never_sends_it_is_reached(void **state)
{
	(void)state;
	EACH_FAMILY(w)
	{
		w.mute_dsack = true;
		world_begin(&w, &LIMITS);
		world_hello(&w);
		world_run(&w, 3 * INPATH_SEC);
		assert_true(world_path(&w)->record.path.unplaced);
		assert_int_equal(w.to_client, 2);
		world_end(&w);
	}
}

/* As by a radio that wakes up: later answers come much sooner. */
static void a_syn_that_was_held_up_does_not_hide_the_server(void **state)
{
	(void)state;
	EACH_FAMILY(w)
	{
		w.sack = false;
		w.waking = 300 * MS;
		world_begin(&w, &LIMITS);
		world_hello(&w);
		world_run(&w, 3 * INPATH_SEC);
		assert_true(world_path(&w)->record.path.unplaced);
		assert_int_equal(world_path(&w)->record.path.stop, INPATH_STOP_REACHED);
		assert_int_equal(w.to_client, 2);
		world_end(&w);
	}
}

/* A download whose request was not seen: one empty probe a trace comes to the server. */
static void nor_where_nothing_else_is_known_of_its_round_trip(void **state)
{
	(void)state;
	EACH_FAMILY(w)
	{
		w.waking = 300 * MS;
		world_begin(&w, &LIMITS);
		world_connect(&w);
		w.client_nxt += 500; /* the request */
		for (int second = 0; second < 100; second++) {
			struct wire_tcp t = world_server_tcp(&w);

			t.payload = "some of a film";
			t.payload_len = 14;
			world_server_says(&w, t);
			world_client_says(&w, world_client_tcp(&w));
			world_run(&w, 1 * INPATH_SEC);
		}
		assert_int_equal(world_count(&w, INPATH_RECORD_PATH), 1);
		assert_int_equal(world_stats(&w)->traces, 2);
		assert_int_equal(w.touched, 2);
		assert_int_equal(world_stats(&w)->touches, 1);
		assert_int_equal(world_stats(&w)->traces_reached, 1);
		world_end(&w);
	}
}

static void a_deaf_server_ends_in_a_gap(void **state)
{
	(void)state;
	EACH_FAMILY(w)
	{
		w.deaf = true;
		world_begin(&w, &LIMITS);
		world_hello(&w);
		world_run(&w, 10 * INPATH_SEC);
		assert_int_equal(world_path(&w)->record.path.stop, INPATH_STOP_GAP);
		assert_int_equal(world_path(&w)->record.path.nhop, w.distance - 1 + 5);
		world_end(&w);
	}
}

static void without_touch_the_server_sees_nothing(void **state)
{
	(void)state;
	EACH_FAMILY(w)
	{
		world_begin(&w, &LIMITS);
		w.policy.settings.touch = false;
		world_hello(&w);
		world_run(&w, 3 * INPATH_SEC);
		assert_int_equal(world_path(&w)->record.path.stop, INPATH_STOP_SHORT);
		assert_int_equal(world_path(&w)->record.path.nhop, w.distance - 2);
		assert_int_equal(w.touched, 0);
		world_end(&w);
	}
}

static void max_hops_is_the_end(void **state)
{
	(void)state;
	EACH_FAMILY(w)
	{
		w.distance = 12;
		world_begin(&w, &LIMITS);
		w.policy.settings.max_hops = 7;
		world_hello(&w);
		world_run(&w, 3 * INPATH_SEC);
		assert_int_equal(world_path(&w)->record.path.stop, INPATH_STOP_MAXTTL);
		assert_int_equal(world_path(&w)->record.path.nhop, 7);
		world_end(&w);
	}
}

static void a_flow_that_ends_in_its_trace_has_one_record(void **state)
{
	(void)state;
	EACH_FAMILY(w)
	{
		uint32_t sends;

		w.deaf = true;
		world_begin(&w, &LIMITS);
		world_hello(&w);
		world_run(&w, 5 * MS);
		world_fin(&w, true);
		sends = w.sends;
		world_run(&w, 5 * INPATH_SEC);
		assert_int_equal(w.sends, sends);
		assert_int_equal(w.records, 1);
		assert_int_equal(world_path(&w)->record.path.stop, INPATH_STOP_ENDED);
		world_end(&w);
	}
}

static void what_is_on_its_way_when_the_flow_ends_still_counts(void **state)
{
	(void)state;
	EACH_FAMILY(w)
	{
		world_begin(&w, &LIMITS);
		world_hello(&w);
		world_run(&w, 1 * MS);
		world_fin(&w, true);
		world_run(&w, 5 * INPATH_SEC);
		assert_int_equal(w.records, 1);
		assert_world_path(&w);
		world_end(&w);
	}
}

enum {
	TOGETHER = 1000,
	TENTHS = 10,
	INTERVAL = 200, /* seconds */
};

/* Ten bins of a hundred flows each: chi-square with 9 degrees of freedom is below 27.9 in 999 of 1000. */
static void flows_that_began_together_are_traced_evenly_over_the_interval(void **state)
{
	static const struct inpath_limits many = {
		.flows = 2048, .names = 4, .hellos = 4, .traces = 256, .histories = 2048
	};
	struct world w = { .sack = true, .distance = 2 };
	uint32_t counts[TENTHS] = { 0 }, square = 0, all = 0;
	uint64_t before;

	(void)state;
	world_begin(&w, &many);
	w.policy.settings.interval_s = INTERVAL;
	w.set.log_paths = INPATH_LOG_PATHS_NONE;
	w.set.budget =
		(struct inpath_budget){ .gateway = 100000, .client = 100000, .first_hops = 100000 };
	for (uint16_t i = 0; i < TOGETHER; i++) {
		w.port = (uint16_t)(10000 + i);
		world_hello(&w);
		w.now -= 23 * MS; /* all at once */
		world_run(&w, MS);
	}
	for (uint32_t tenth = 0; tenth < 6 * TENTHS; tenth++) {
		before = world_stats(&w)->traces;
		for (uint32_t s = 0; s < INTERVAL / TENTHS; s++) {
			/* A packet of each: those that are due are traced. */
			for (uint16_t i = 0; i < TOGETHER; i++) {
				w.port = (uint16_t)(10000 + i);
				world_server_says(&w, world_server_tcp(&w));
				world_client_says(&w, world_client_tcp(&w));
			}
			world_run(&w, INPATH_SEC);
		}
		if (tenth >= 5 * TENTHS)
			counts[tenth - 5 * TENTHS] = (uint32_t)(world_stats(&w)->traces - before);
	}
	for (uint32_t i = 0; i < TENTHS; i++)
		all += counts[i];
	assert_in_range(all, TOGETHER - 60, TOGETHER + 60);
	for (uint32_t i = 0; i < TENTHS; i++)
		square += (counts[i] * TENTHS - all) * (counts[i] * TENTHS - all);
	assert_true(square < 28 * all * TENTHS);
	world_end(&w);
}

static void an_equal_path_is_said_once(void **state)
{
	(void)state;
	EACH_FAMILY(w)
	{
		world_begin(&w, &LIMITS);
		world_hello(&w);
		for (int i = 0; i < 4; i++) {
			world_run(&w, 91 * INPATH_SEC);
			world_request(&w, "again and again and again", 25);
		}
		world_run(&w, 6 * INPATH_SEC);
		assert_int_equal(world_stats(&w)->traces, 5);
		assert_int_equal(world_stats(&w)->unchanged, 4);
		assert_int_equal(w.records, 1);
		assert_int_equal(w.to_client, 2 + 4);
		world_end(&w);
	}
}

static void a_change_is_confirmed_and_then_said_once(void **state)
{
	(void)state;
	EACH_FAMILY(w)
	{
		world_begin(&w, &LIMITS);
		world_hello(&w);
		world_run(&w, 91 * INPATH_SEC);
		w.moved = 1 << 2 | 1 << 3;
		for (int i = 0; i < 3; i++) {
			world_request(&w, "again and again and again", 25);
			world_run(&w, 91 * INPATH_SEC);
		}
		assert_int_equal(world_count(&w, INPATH_RECORD_PATH), 2);
		assert_int_equal(world_count(&w, INPATH_RECORD_CHANGE), 1);
		assert_int_equal(world_path(&w)->record.path.why, INPATH_WHY_CHANGE);
		assert_world_path(&w);
		assert_int_equal(w.record[w.records - 1].record.change.ttl, 3);
		assert_int_not_equal(w.record[w.records - 1].record.change.old_fingerprint,
			w.record[w.records - 1].record.change.new_fingerprint);
		world_end(&w);
	}
}

static void a_flap_is_not_said(void **state)
{
	(void)state;
	EACH_FAMILY(w)
	{
		world_begin(&w, &LIMITS);
		world_hello(&w);
		world_run(&w, 91 * INPATH_SEC);
		w.moved = 1 << 2;
		world_request(&w, "again and again and again", 25);
		world_run(&w, 6 * INPATH_SEC);
		w.moved = 0;
		world_request(&w, "again and again and again", 25);
		world_run(&w, 6 * INPATH_SEC);
		assert_int_equal(world_stats(&w)->traces, 3);
		assert_int_equal(w.records, 1);
		world_end(&w);
	}
}

static void a_wan_that_rewrites_ttls_is_left_alone(void **state)
{
	(void)state;
	EACH_FAMILY(w)
	{
		w.distance = 1;
		w.seen_ttl = 64 - 8;
		world_begin(&w, &LIMITS);
		world_hello(&w);
		world_run(&w, 3 * INPATH_SEC);
		assert_int_equal(world_stats(&w)->ttl_rewritten, 1);
		assert_int_equal(w.records, 0);
		w.sends = 0;
		w.port++;
		world_hello(&w);
		world_run(&w, 3 * INPATH_SEC);
		assert_int_equal(w.sends, 0);
		world_end(&w);
	}
}

static void a_refused_probe_ends_the_trace(void **state)
{
	(void)state;
	EACH_FAMILY(w)
	{
		world_begin(&w, &LIMITS);
		w.refuse = EPERM;
		world_hello(&w);
		world_run(&w, 30 * INPATH_SEC);
		assert_in_range(world_stats(&w)->probes_refused, 1, 2);
		assert_int_equal(world_stats(&w)->probes, 0);
		assert_int_equal(w.records, 0);
		world_end(&w);
	}
}

static void hops_and_probes_are_said_if_asked(void **state)
{
	(void)state;
	EACH_FAMILY(w)
	{
		world_begin(&w, &LIMITS);
		w.set.log_hops = true;
		w.set.log_probes = true;
		world_hello(&w);
		world_run(&w, 3 * INPATH_SEC);
		assert_int_equal(world_count(&w, INPATH_RECORD_PATH), 1);
		assert_int_equal(world_count(&w, INPATH_RECORD_HOP), w.distance);
		assert_int_equal(world_count(&w, INPATH_RECORD_PROBE), w.sends);
		world_end(&w);
	}
}

static void what_a_stream_never_said_is_not_made_up(void **state)
{
	(void)state;
	EACH_FAMILY(w)
	{
		/* Met in mid-stream, and the client only acknowledges: empty probes. */
		world_begin(&w, &LIMITS);
		w.client_nxt = 5000;
		w.server_nxt = 9000;
		for (int i = 0; i < 10; i++) {
			struct wire_tcp t = world_server_tcp(&w);

			t.payload = "some of a film";
			t.payload_len = 14;
			world_server_says(&w, t);
			world_client_says(&w, world_client_tcp(&w));
			world_run(&w, 200 * MS);
		}
		world_run(&w, 3 * INPATH_SEC);
		assert_non_null(world_path(&w));
		assert_in_range(w.touched, 0, 1);
		assert_true(world_path(&w)->record.path.nhop >= w.distance - 2);
		world_end(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_record_is_the_path),
		cmocka_unit_test(a_silent_router_is_asked_once_more),
		cmocka_unit_test(a_server_farther_than_inferred_is_found),
		cmocka_unit_test(a_server_nearer_than_inferred_is_found),
		cmocka_unit_test(a_server_without_sack_is_reached_but_not_placed),
		cmocka_unit_test(a_server_that_offers_sack_and_never_sends_it_is_reached),
		cmocka_unit_test(a_syn_that_was_held_up_does_not_hide_the_server),
		cmocka_unit_test(nor_where_nothing_else_is_known_of_its_round_trip),
		cmocka_unit_test(a_deaf_server_ends_in_a_gap),
		cmocka_unit_test(without_touch_the_server_sees_nothing),
		cmocka_unit_test(max_hops_is_the_end),
		cmocka_unit_test(a_flow_that_ends_in_its_trace_has_one_record),
		cmocka_unit_test(what_is_on_its_way_when_the_flow_ends_still_counts),
		cmocka_unit_test(an_equal_path_is_said_once),
		cmocka_unit_test(flows_that_began_together_are_traced_evenly_over_the_interval),
		cmocka_unit_test(a_change_is_confirmed_and_then_said_once),
		cmocka_unit_test(a_flap_is_not_said),
		cmocka_unit_test(a_wan_that_rewrites_ttls_is_left_alone),
		cmocka_unit_test(a_refused_probe_ends_the_trace),
		cmocka_unit_test(hops_and_probes_are_said_if_asked),
		cmocka_unit_test(what_a_stream_never_said_is_not_made_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
