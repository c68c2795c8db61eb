/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The laws of DESIGN section 2, as far as the engine alone can keep or break them. */
#include "tests/unit/hello.h"
#include "tests/unit/world.h"

static const struct inpath_limits LIMITS = {
	.flows = 16, .names = 16, .hellos = 2, .traces = 4, .histories = 2
};

/* A router's answer to the latest probe, as often and as late as the test likes. */
static bool answer_is_swallowed(struct world *w, const uint8_t *packet, size_t len)
{
	uint8_t bytes[WIRE_MAX];

	return world_give(
		w, false, bytes, wire_time_exceeded(bytes, world_router(w, 1), packet, len))
		.drop;
}

static void an_answer_is_swallowed_however_late_and_often(void **state)
{
	(void)state;
	EACH_FAMILY(w)
	{
		struct inpath_probe probe;

		world_begin(&w, &LIMITS);
		world_hello(&w);
		world_run(&w, 1 * INPATH_SEC);
		probe = w.last_probe;
		assert_int_equal(w.records, 1);
		assert_true(answer_is_swallowed(&w, probe.bytes, probe.len));
		assert_true(answer_is_swallowed(&w, probe.bytes, probe.len));
		world_run(&w, 28 * INPATH_SEC);
		assert_true(answer_is_swallowed(&w, probe.bytes, probe.len));
		assert_int_equal(w.records, 1);
		world_run(&w, 3 * INPATH_SEC);
		assert_false(answer_is_swallowed(&w, probe.bytes, probe.len));
		world_end(&w);
	}
}

/* Whether it comes or not; what is cut, never comes or is more than a batch included. */
static void what_is_foreseen_changes_nothing_but_where_it_is(void **state)
{
	(void)state;
	EACH_FAMILY(seeing)
	{
		const struct inpath_meta lan = { .in_side = INPATH_SIDE_LAN };
		static struct world blind;
		uint8_t other[WIRE_MAX];
		struct wire_tcp t;
		size_t len;

		blind = seeing;
		blind.blind = true;
		for (int i = 0; i < 2; i++) {
			struct world *w = i ? &seeing : &blind;

			world_begin(w, &LIMITS);
			t = world_client_tcp(w);
			t.src_port++;
			len = wire_tcp(other, &t);
			for (size_t cut = 0; i && cut <= len; cut++) {
				uint8_t *copy = wire_exact(other, cut);

				inpath_engine_foresee(w->engine, &lan, copy, cut);
				wire_exact_free(copy, cut);
			}
			world_hello(w);
			world_run(w, 100 * INPATH_SEC);
			assert_true(w->records >= 1);
		}
		assert_memory_equal(
			world_stats(&seeing), world_stats(&blind), sizeof(struct inpath_stats));
		assert_int_equal(seeing.sends, blind.sends);
		assert_int_equal(seeing.records, blind.records);
		assert_memory_equal(
			&seeing.last_probe, &blind.last_probe, sizeof(seeing.last_probe));
		world_end(&seeing);
		world_end(&blind);
	}
}

static void an_answer_is_swallowed_when_its_flow_is_gone(void **state)
{
	(void)state;
	EACH_FAMILY(w)
	{
		world_begin(&w, &LIMITS);
		world_hello(&w);
		world_run(&w, 1 * MS);
		for (uint32_t i = 0; i < LIMITS.flows; i++) {
			w.port++;
			world_connect(&w);
		}
		assert_true(world_stats(&w)->flows_evicted > 0);
		assert_true(answer_is_swallowed(&w, w.last_probe.bytes, w.last_probe.len));
		world_run(&w, 3 * INPATH_SEC);
		world_end(&w);
	}
}

static void what_quotes_no_probe_reaches_the_client(void **state)
{
	(void)state;
	EACH_FAMILY(w)
	{
		uint8_t bytes[INPATH_PROBE_BYTES], own[WIRE_MAX];
		struct wire_tcp t;

		world_begin(&w, &LIMITS);
		world_hello(&w);
		world_run(&w, 1 * INPATH_SEC);
		/* The client's own packet of the same flow: its traceroute, say. */
		t = world_client_tcp(&w);
		assert_false(answer_is_swallowed(&w, own, wire_tcp(own, &t)));
		/* A probe but for one field: sequence number, port, address, and in IPv4 the ID. */
		for (int field = 0; field < (w.v6 ? 3 : 4); field++) {
			static const size_t v4_at[] = { 20 + 5, 20 + 3, 19, 4 };
			static const size_t v6_at[] = { 40 + 5, 40 + 3, 39 };

			memcpy(bytes, w.last_probe.bytes, sizeof(bytes));
			bytes[w.v6 ? v6_at[field] : v4_at[field]] ^= 0x55;
			assert_false(answer_is_swallowed(&w, bytes, w.last_probe.len));
		}
		world_end(&w);
	}
}

static void an_answer_from_the_lan_is_a_forgery(void **state)
{
	(void)state;
	EACH_FAMILY(w)
	{
		uint8_t bytes[WIRE_MAX];
		size_t len;

		world_begin(&w, &LIMITS);
		world_hello(&w);
		world_run(&w, 1 * INPATH_SEC);
		len = wire_time_exceeded(
			bytes, world_router(&w, 1), w.last_probe.bytes, w.last_probe.len);
		assert_false(world_give(&w, true, bytes, len).drop);
		world_end(&w);
	}
}

static void an_ack_with_news_reaches_the_client(void **state)
{
	(void)state;
	EACH_FAMILY(w)
	{
		for (int news = 0; news < 6; news++) {
			const uint8_t *tcp;
			struct wire_tcp t;
			uint8_t bytes[WIRE_MAX];
			uint32_t seq;

			w.deaf = true;
			world_begin(&w, &LIMITS);
			world_hello(&w);
			world_run(&w, 1 * MS);
			tcp = w.last_probe.bytes + (w.v6 ? 40 : 20);
			seq = (uint32_t)tcp[4] << 24 | (uint32_t)tcp[5] << 16 |
			      (uint32_t)tcp[6] << 8 | tcp[7];
			t = world_server_tcp(&w);
			t.sack_count = 1;
			t.sack[0] = (struct tcp_sack_block){ seq, seq + 1 };
			switch (news) {
			case 0: break; /* none: it is dropped */
			case 1: t.window++; break;
			case 2:
				t.sack_count = 2;
				t.sack[1] = (struct tcp_sack_block){ t.ack + 100, t.ack + 200 };
				break;
			case 3:
				t.payload = "data";
				t.payload_len = 4;
				break;
			case 4: t.flags |= TCP_ECE; break;
			case 5: t.ip.tos = 3; break;
			}
			assert_int_equal(
				world_give(&w, false, bytes, wire_tcp(bytes, &t)).drop, news == 0);
			assert_int_equal(world_stats(&w)->with_news, news != 0);
			assert_int_equal(world_stats(&w)->touches, 1);
			world_end(&w);
		}
	}
}

static void a_bare_ack_is_dropped_only_while_a_touch_is_out(void **state)
{
	(void)state;
	EACH_FAMILY(w)
	{
		struct wire_tcp t;
		uint8_t bytes[WIRE_MAX];

		w.sack = false;
		w.deaf = true;
		world_begin(&w, &LIMITS);
		world_hello(&w);
		t = world_server_tcp(&w);
		assert_false(world_give(&w, false, bytes, wire_tcp(bytes, &t)).drop);
		world_run(&w, 1 * MS);
		assert_true(w.touched > 0);
		/* It comes sooner than the server can answer: it is about something else. */
		assert_false(world_give(&w, false, bytes, wire_tcp(bytes, &t)).drop);
		w.now += 10 * MS;
		/* The server's keep-alive is one below its newest: the client has to answer it. */
		t.seq--;
		assert_false(world_give(&w, false, bytes, wire_tcp(bytes, &t)).drop);
		t.seq++;
		assert_true(world_give(&w, false, bytes, wire_tcp(bytes, &t)).drop);
		world_run(&w, 20 * INPATH_SEC);
		assert_false(world_give(&w, false, bytes, wire_tcp(bytes, &t)).drop);
		world_end(&w);
	}
}

/* The server's own, where the way there reorders: it comes when an answer may come, and names no byte. */
static void a_bare_ack_leaves_room_for_the_answer_that_names_a_byte(void **state)
{
	(void)state;
	EACH_FAMILY(w)
	{
		const uint8_t *tcp;
		struct wire_tcp t;
		uint8_t bytes[WIRE_MAX];
		uint8_t ttl;

		w.deaf = true;
		world_begin(&w, &LIMITS);
		world_hello(&w);
		t = world_server_tcp(&w);
		assert_false(world_give(&w, false, bytes, wire_tcp(bytes, &t)).drop);
		world_run(&w, 1 * MS);
		w.now += 10 * MS;
		/* One for each touch. */
		assert_true(world_give(&w, false, bytes, wire_tcp(bytes, &t)).drop);
		while (world_give(&w, false, bytes, wire_tcp(bytes, &t)).drop)
			continue;
		tcp = w.last_probe.bytes + (w.v6 ? 40 : 20);
		ttl = w.last_probe.bytes[w.v6 ? 7 : 8];
		t.sack_count = 1;
		t.sack[0].start = (uint32_t)tcp[4] << 24 | (uint32_t)tcp[5] << 16 |
				  (uint32_t)tcp[6] << 8 | tcp[7];
		t.sack[0].end = t.sack[0].start + 1;
		assert_true(world_give(&w, false, bytes, wire_tcp(bytes, &t)).drop);
		assert_int_equal(world_stats(&w)->replies_again, 0);
		world_run(&w, 5 * INPATH_SEC);
		assert_int_equal(world_path(&w)->record.path.nhop, ttl);
		assert_false(world_path(&w)->record.path.unplaced);
		world_end(&w);
	}
}

/* A server that names bytes answers with a name: what comes without one is about the client's own packets. */
static void a_bare_ack_of_a_server_that_names_bytes_is_its_own_affair(void **state)
{
	(void)state;
	for (int mute = 0; mute < 2; mute++) {
		EACH_FAMILY(w)
		{
			struct wire_tcp t;
			uint8_t bytes[WIRE_MAX];
			uint32_t touched;

			w.mute_dsack = mute;
			world_begin(&w, &LIMITS);
			w.policy.settings.interval_s = 10;
			world_hello(&w);
			world_run(&w, 5 * INPATH_SEC);
			assert_true(world_stats(&w)->swallowed_ack > 0);
			touched = w.touched;
			w.deaf = true;
			for (int i = 0; i < 60 && w.touched == touched; i++) {
				world_request(&w, "again and again and again", 25);
				world_run(&w, i % 10 ? 1 * MS : INPATH_SEC);
			}
			assert_true(w.touched > touched);
			t = world_server_tcp(&w);
			assert_false(world_give(&w, false, bytes, wire_tcp(bytes, &t)).drop);
			w.now += 10 * MS;
			assert_int_equal(
				world_give(&w, false, bytes, wire_tcp(bytes, &t)).drop, mute);
			world_end(&w);
		}
	}
}

static void at_most_two_probes_leave_between_two_reads(void **state)
{
	(void)state;
	EACH_FAMILY(w)
	{
		world_begin(&w, &LIMITS);
		for (int i = 0; i < 4; i++) {
			w.port++;
			world_hello(&w);
		}
		world_run(&w, 5 * INPATH_SEC);
		assert_int_equal(w.sends_a_tick, 2);
		assert_int_equal(w.records, 4);
		world_end(&w);
	}
}

static void nothing_is_sent_before_the_server_acknowledged_data(void **state)
{
	(void)state;
	EACH_FAMILY(w)
	{
		struct wire_tcp t;

		world_begin(&w, &LIMITS);
		world_connect(&w);
		world_run(&w, 300 * MS);
		t = world_client_tcp(&w);
		t.payload = "GET / HTTP/1.1";
		t.payload_len = 14;
		world_client_says(&w, t);
		world_run(&w, 300 * MS);
		assert_int_equal(w.sends, 0);
		world_end(&w);
	}
}

static void no_probe_in_flows_that_could_not_bear_it(void **state)
{
	static const uint8_t mptcp[] = { 30, 12, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0 };
	static const uint8_t md5[20] = { 19, 18 };
	static const uint8_t ao[] = { 29, 16, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 };
	static const struct {
		const uint8_t *bytes;
		size_t len;
	} options[] = { { mptcp, sizeof(mptcp) }, { md5, sizeof(md5) }, { ao, sizeof(ao) } };

	(void)state;
	EACH_FAMILY(w)
	{
		for (size_t i = 0; i < 3; i++) {
			struct wire_tcp t;

			w.timestamps = false;
			world_begin(&w, &LIMITS);
			w.client_nxt = WORLD_ISS;
			w.server_nxt = WORLD_IRS;
			t = world_client_tcp(&w);
			t.flags = TCP_SYN;
			t.options = options[i].bytes;
			t.options_len = options[i].len;
			world_client_says(&w, t);
			t = world_server_tcp(&w);
			t.flags = TCP_SYN | TCP_ACK;
			world_server_says(&w, t);
			world_client_says(&w, world_client_tcp(&w));
			world_request(&w, "GET / HTTP/1.1\r\n\r\n", 18);
			world_run(&w, 5 * INPATH_SEC);
			assert_int_equal(w.sends, 0);
			assert_int_equal(world_stats(&w)->flows_untraceable, 1);
			world_end(&w);
		}
	}
}

static void no_probe_at_a_closed_window(void **state)
{
	(void)state;
	EACH_FAMILY(w)
	{
		world_begin(&w, &LIMITS);
		w.window = 0;
		world_hello(&w);
		world_run(&w, 2 * INPATH_SEC);
		assert_int_equal(w.sends, 0);
		w.window = 300;
		world_server_says(&w, world_server_tcp(&w));
		world_run(&w, 2 * INPATH_SEC);
		assert_world_path(&w);
		world_end(&w);
	}
}

static void no_probe_where_an_end_may_have_passed_unseen(void **state)
{
	(void)state;
	EACH_FAMILY(w)
	{
		struct wire_tcp t;

		world_begin(&w, &LIMITS);
		world_hello(&w);
		w.missed = 1;
		/* As it would acknowledge the client's FIN. */
		world_server_says(&w, world_server_tcp(&w));
		world_run(&w, 2 * INPATH_SEC);
		assert_int_equal(w.sends, 0);
		/* It was another flow's packet: this one goes on. */
		t = world_server_tcp(&w);
		t.payload = "more";
		t.payload_len = 4;
		world_server_says(&w, t);
		world_client_says(&w, world_client_tcp(&w));
		world_run(&w, 2 * INPATH_SEC);
		assert_world_path(&w);
		world_end(&w);
	}
}

static void the_budget_holds_and_a_wave_waits_whole(void **state)
{
	(void)state;
	EACH_FAMILY(w)
	{
		inpath_time began;
		uint32_t before;

		world_begin(&w, &LIMITS);
		w.set.budget =
			(struct inpath_budget){ .gateway = 10, .client = 10, .first_hops = 20 };
		began = w.now;
		for (int i = 0; i < 6; i++) {
			w.port++;
			world_hello(&w);
			world_run(&w, 0);
		}
		for (int s = 0; s < 20; s++) {
			before = w.sends;
			world_run(&w, INPATH_SEC);
			assert_in_range(w.sends - before, 0, 10);
			/* The last one was put to rest while it waited: it must speak to be traced. */
			if (s == 8)
				world_request(&w, "more", 4);
		}
		/* 6 waves of 6 at 10 a second: one wave a second, since none is cut. */
		assert_int_equal(w.records, 6);
		assert_true(w.sends <= 10 + (w.now - began) / INPATH_SEC * 10);
		assert_true(world_stats(&w)->budget_waits > 0);
		world_end(&w);
	}
}

static void full_tables_evict_and_pass(void **state)
{
	(void)state;
	EACH_FAMILY(w)
	{
		world_begin(&w, &LIMITS);
		for (int i = 0; i < 200; i++) {
			w.port++;
			world_hello(&w);
			world_run(&w, 2 * INPATH_SEC);
		}
		world_run(&w, 10 * INPATH_SEC);
		assert_int_equal(world_stats(&w)->flows_new, 200);
		assert_int_equal(world_stats(&w)->flows_evicted, 200 - LIMITS.flows);
		assert_int_equal(world_stats(&w)->traces, 200);
		assert_int_equal(world_count(&w, INPATH_RECORD_PATH), 200);
		world_end(&w);
	}
}

static void the_greeting_names_a_flow_in_any_order(void **state)
{
	struct stream message = { 0 }, records = { 0 };

	(void)state;
	browser_hello(&message, "www.movies.example", true, 0);
	in_records(&records, &message, 16384);
	EACH_FAMILY(w)
	{
		size_t cut[] = { 0, 500, 900, records.len };

		world_begin(&w, &LIMITS);
		world_connect(&w);
		for (int i = 2; i >= 0; i--) {
			struct wire_tcp t = world_client_tcp(&w);

			t.seq = WORLD_ISS + 1 + (uint32_t)cut[i];
			t.payload = records.bytes + cut[i];
			t.payload_len = cut[i + 1] - cut[i];
			assert_int_equal(world_client_says(&w, t).mask, 0);
		}
		w.client_nxt = WORLD_ISS + 1 + (uint32_t)records.len;
		world_server_says(&w, world_server_tcp(&w));
		world_run(&w, 3 * INPATH_SEC);
		assert_string_equal(world_path(&w)->host, "www.movies.example");
		assert_int_equal(world_path(&w)->record.flow.by, INPATH_BY_SNI);
		world_end(&w);
	}
}

static void an_ignored_flow_rests_and_a_new_policy_wakes_it(void **state)
{
	(void)state;
	EACH_FAMILY(w)
	{
		struct inpath_policy_set next;
		struct inpath_policy trace;
		struct inpath_verdict v;

		world_begin(&w, &LIMITS);
		trace = w.policy;
		next = w.set;
		next.policies = &trace;
		w.policy.action = INPATH_IGNORE;
		world_hello(&w);
		v = world_client_says(&w, world_client_tcp(&w));
		assert_int_equal(v.mark, w.set.mark_rest);
		assert_int_equal(v.mask, w.set.mark_rest);
		world_run(&w, 2 * INPATH_SEC);
		assert_int_equal(w.sends, 0);
		inpath_engine_set_policy(w.engine, &next, w.now);
		world_run(&w, 10 * MS);
		assert_int_equal(w.armed, 1);
		world_request(&w,
			"something that is more than sixty-four bytes long, so that it is kept!",
			70);
		world_run(&w, 3 * INPATH_SEC);
		assert_world_path(&w);
		world_end(&w);
	}
}

static void told_to_stop_it_ends_traces_and_still_swallows(void **state)
{
	(void)state;
	EACH_FAMILY(w)
	{
		world_begin(&w, &LIMITS);
		world_hello(&w);
		world_run(&w, 1 * MS);
		inpath_engine_stop(w.engine, w.now);
		w.sends = 0;
		world_run(&w, 1 * INPATH_SEC);
		assert_int_equal(w.sends, 0);
		assert_int_equal(world_path(&w)->record.path.stop, INPATH_STOP_ENDED);
		assert_int_equal(w.to_client, 2);
		world_end(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_is_swallowed_however_late_and_often),
		cmocka_unit_test(what_is_foreseen_changes_nothing_but_where_it_is),
		cmocka_unit_test(an_answer_is_swallowed_when_its_flow_is_gone),
		cmocka_unit_test(what_quotes_no_probe_reaches_the_client),
		cmocka_unit_test(an_answer_from_the_lan_is_a_forgery),
		cmocka_unit_test(an_ack_with_news_reaches_the_client),
		cmocka_unit_test(a_bare_ack_is_dropped_only_while_a_touch_is_out),
		cmocka_unit_test(a_bare_ack_leaves_room_for_the_answer_that_names_a_byte),
		cmocka_unit_test(a_bare_ack_of_a_server_that_names_bytes_is_its_own_affair),
		cmocka_unit_test(at_most_two_probes_leave_between_two_reads),
		cmocka_unit_test(nothing_is_sent_before_the_server_acknowledged_data),
		cmocka_unit_test(no_probe_in_flows_that_could_not_bear_it),
		cmocka_unit_test(no_probe_at_a_closed_window),
		cmocka_unit_test(no_probe_where_an_end_may_have_passed_unseen),
		cmocka_unit_test(the_budget_holds_and_a_wave_waits_whole),
		cmocka_unit_test(full_tables_evict_and_pass),
		cmocka_unit_test(the_greeting_names_a_flow_in_any_order),
		cmocka_unit_test(an_ignored_flow_rests_and_a_new_policy_wakes_it),
		cmocka_unit_test(told_to_stop_it_ends_traces_and_still_swallows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
