/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the engine keeps of a flow and lets go: evictions, reloads, full tables, what comes after. */
#include "tests/unit/hello.h"
#include "tests/unit/world.h"

static const struct inpath_limits LIMITS = {
	.flows = 8, .names = 8, .hellos = 2, .traces = 4, .histories = 4
};

static const char MORE[] =
	"something else that is more than sixty-four bytes long, to be kept whole";

static void an_evicted_flow_takes_no_other_flows_history_along(void **state)
{
	static const struct inpath_limits tiny = {
		.flows = 2, .names = 4, .hellos = 1, .traces = 4, .histories = 2
	};

	(void)state;
	EACH_FAMILY(w)
	{
		uint16_t first;

		world_begin(&w, &tiny);
		first = w.port;
		w.deaf = true; /* an answer of the server's would bring the first flow back */
		world_hello(&w);
		world_run(&w, 1 * MS);
		w.deaf = false;
		/* Two more flows: the first one goes in the middle of its trace. */
		w.port = (uint16_t)(first + 1);
		world_connect(&w);
		w.port = (uint16_t)(first + 2);
		world_hello(&w);
		world_run(&w, 2 * INPATH_SEC);
		assert_int_equal(world_stats(&w)->flows_evicted, 1);
		w.port = (uint16_t)(first + 1);
		w.client_nxt = WORLD_ISS + 1;
		world_request(&w, MORE, sizeof(MORE));
		world_run(&w, 2 * INPATH_SEC);
		assert_int_equal(world_count(&w, INPATH_RECORD_PATH), 3);
		/* Room for two histories and two flows: each still knows its own. */
		world_run(&w, 91 * INPATH_SEC);
		for (uint16_t i = 1; i <= 2; i++) {
			w.port = (uint16_t)(first + i);
			world_request(&w, "again and again", 15);
			world_run(&w, 8 * INPATH_SEC);
		}
		assert_int_equal(world_stats(&w)->unchanged, 2);
		assert_int_equal(world_count(&w, INPATH_RECORD_PATH), 3);
		world_end(&w);
	}
}

/* Of 20 times as many flows as there is room for, one speaks now and then: it is the same one to the end. */
static void speaks_through_a_flood(uint32_t flows)
{
	const struct inpath_limits limits = {
		.flows = flows, .names = 8, .hellos = 2, .traces = 4, .histories = 4
	};

	EACH_FAMILY(w)
	{
		uint16_t first;

		world_begin(&w, &limits);
		w.deaf = true;
		first = w.port;
		world_hello(&w);
		for (uint32_t i = 1; i <= 20 * flows; i++) {
			struct wire_tcp syn;

			w.port = (uint16_t)(first + 1 + i % 60000);
			syn = world_client_tcp(&w);
			syn.flags = TCP_SYN;
			world_client_says(&w, syn);
			w.now += 10 * INPATH_USEC;
			if (i % (flows / 2))
				continue;
			w.port = first;
			world_request(&w, "x", 1);
		}
		assert_int_equal(world_stats(&w)->flows_new, 1 + 20 * flows);
		world_end(&w);
	}
}

static void a_flow_that_speaks_stays_while_others_come_and_go(void **state)
{
	(void)state;
	speaks_through_a_flood(8);
	speaks_through_a_flood(4096);
}

static void a_history_that_gave_way_is_a_new_start(void **state)
{
	static const struct inpath_limits tiny = {
		.flows = 8, .names = 4, .hellos = 1, .traces = 4, .histories = 1
	};

	(void)state;
	EACH_FAMILY(w)
	{
		uint16_t first;

		world_begin(&w, &tiny);
		first = w.port;
		for (uint16_t i = 0; i < 2; i++) {
			w.port = (uint16_t)(first + i);
			world_hello(&w);
			world_run(&w, 2 * INPATH_SEC);
		}
		world_run(&w, 91 * INPATH_SEC);
		w.port = first;
		world_request(&w, "again and again", 15);
		world_run(&w, 8 * INPATH_SEC);
		assert_int_equal(world_count(&w, INPATH_RECORD_PATH), 3);
		assert_int_equal(world_path(&w)->record.path.why, INPATH_WHY_START);
		assert_int_equal(world_path(&w)->record.flow.tuple.client_port, first);
		world_end(&w);
	}
}

static void what_one_trace_missed_the_next_ones_are_compared_with(void **state)
{
	(void)state;
	EACH_FAMILY(w)
	{
		w.silent = 1 << 2;
		world_begin(&w, &LIMITS);
		world_hello(&w);
		world_run(&w, 91 * INPATH_SEC);
		/* Router 3 answers now: no change. Then it is silent, then another one is there. */
		for (int i = 0; i < 3; i++) {
			w.silent = i == 1 ? 1 << 2 : 0;
			w.moved = i == 2 ? 1 << 2 : 0;
			world_request(&w, "again and again", 15);
			world_run(&w, 6 * INPATH_SEC);
			assert_int_equal(world_count(&w, INPATH_RECORD_PATH), 1);
			if (i < 2)
				world_run(&w, 91 * INPATH_SEC);
		}
		world_request(&w, "again and again", 15);
		world_run(&w, 6 * INPATH_SEC);
		assert_int_equal(world_count(&w, INPATH_RECORD_PATH), 2);
		assert_int_equal(world_count(&w, INPATH_RECORD_CHANGE), 1);
		assert_int_equal(w.record[w.records - 1].record.change.ttl, 3);
		world_end(&w);
	}
}

/* The same but for the action, which is to ignore. */
struct other_set {
	struct inpath_policy policy;
	struct inpath_policy_set set;
};

static void ignore_all(struct world *w, struct other_set *other)
{
	other->policy = w->policy;
	other->policy.action = INPATH_IGNORE;
	other->set = w->set;
	other->set.policies = &other->policy;
	inpath_engine_set_policy(w->engine, &other->set, w->now);
}

static void a_flow_that_is_no_longer_traced_rests_behind_its_last_answer(void **state)
{
	(void)state;
	EACH_FAMILY(w)
	{
		struct other_set other;
		struct wire_tcp t;
		uint32_t touched;

		w.deaf = true;
		world_begin(&w, &LIMITS);
		world_hello(&w);
		world_run(&w, 1 * MS);
		assert_true(w.touched > 0);
		ignore_all(&w, &other);
		world_run(&w, 1 * MS);
		/* Answers are due, whether the trace has ended by now or not. */
		t = world_client_tcp(&w);
		for (int i = 0; i < 3; i++) {
			assert_int_equal(world_client_says(&w, t).mask, 0);
			world_run(&w, 300 * MS);
		}
		touched = w.touched;
		world_run(&w, 1 * INPATH_SEC);
		assert_int_equal(world_client_says(&w, t).mask, w.set.mark_rest);
		world_run(&w, 10 * INPATH_SEC);
		assert_int_equal(w.touched, touched);
		world_end(&w);
	}
}

static void a_flow_at_rest_is_not_touched(void **state)
{
	(void)state;
	EACH_FAMILY(w)
	{
		struct other_set other;
		struct wire_tcp t;

		world_begin(&w, &LIMITS);
		world_hello(&w);
		/* The client has something out, so touches wait for a quiet moment. */
		t = world_client_tcp(&w);
		t.payload = MORE;
		t.payload_len = sizeof(MORE);
		world_client_says(&w, t);
		world_run(&w, 1 * MS);
		assert_true(w.sends > 0);
		assert_int_equal(w.touched, 0);
		ignore_all(&w, &other);
		assert_int_equal(world_client_says(&w, world_client_tcp(&w)).mask, w.set.mark_rest);
		world_run(&w, 10 * INPATH_SEC);
		assert_int_equal(w.touched, 0);
		assert_int_equal(w.records, 1);
		assert_string_equal(w.record[0].policy, "all");
		world_end(&w);
	}
}

static void a_bare_answer_behind_the_end_of_its_trace_is_swallowed(void **state)
{
	(void)state;
	EACH_FAMILY(w)
	{
		struct wire_tcp t;
		uint8_t bytes[WIRE_MAX];
		size_t len;

		w.sack = false;
		w.deaf = true;
		world_begin(&w, &LIMITS);
		world_hello(&w);
		world_run(&w, 10 * MS);
		assert_true(w.touched > 1);
		t = world_server_tcp(&w);
		len = wire_tcp(bytes, &t);
		assert_true(world_give(&w, false, bytes, len).drop);
		world_run(&w, 500 * MS);
		assert_int_equal(w.records, 1);
		assert_true(world_path(&w)->record.path.unplaced);
		/* One answer for each touch that is not answered yet, and no more. */
		for (uint32_t i = 1; i < w.touched; i++)
			assert_true(world_give(&w, false, bytes, len).drop);
		assert_false(world_give(&w, false, bytes, len).drop);
		assert_int_equal(world_stats(&w)->touches, w.touched);
		world_end(&w);
	}
}

/* The bytes from..to of a client's greeting. */
static struct inpath_verdict greet(
	struct world *w, const struct stream *hello, size_t from, size_t to, uint16_t flags)
{
	struct wire_tcp t = world_client_tcp(w);

	t.flags = flags;
	t.seq = WORLD_ISS + !(flags & TCP_SYN) + (uint32_t)from;
	t.payload = hello->bytes + from;
	t.payload_len = to - from;
	return world_client_says(w, t);
}

static void a_greeting_that_stands_still_makes_room_for_others(void **state)
{
	struct stream message = { 0 }, hello = { 0 };

	(void)state;
	browser_hello(&message, "www.movies.example", true, 0);
	in_records(&hello, &message, 16384);
	EACH_FAMILY(w)
	{
		uint16_t first;

		world_begin(&w, &LIMITS);
		first = w.port;
		for (uint16_t i = 0; i < 3; i++) {
			w.port = (uint16_t)(first + i);
			world_connect(&w);
			greet(&w, &hello, 0, 500, TCP_ACK);
		}
		/* Room for two: the first flow's was given up, and that flow goes unnamed. */
		assert_int_equal(world_stats(&w)->hellos_full, 1);
		assert_int_equal(world_stats(&w)->flows_traced, 1);
		for (uint16_t i = 0; i < 3; i++) {
			w.port = (uint16_t)(first + i);
			greet(&w, &hello, 500, hello.len, TCP_ACK);
			world_server_says(&w, world_server_tcp(&w));
			world_run(&w, 2 * INPATH_SEC);
			assert_string_equal(world_path(&w)->host, i ? "www.movies.example" : "");
			assert_int_equal(
				world_path(&w)->record.flow.by, i ? INPATH_BY_SNI : INPATH_BY_ADDR);
		}
		assert_int_equal(world_stats(&w)->hellos_full, 1);
		world_end(&w);
	}
}

static void a_greeting_may_begin_on_the_syn(void **state)
{
	struct stream message = { 0 }, hello = { 0 };

	(void)state;
	browser_hello(&message, "www.movies.example", true, 0);
	in_records(&hello, &message, 16384);
	EACH_FAMILY(w)
	{
		world_begin(&w, &LIMITS);
		w.client_nxt = WORLD_ISS;
		greet(&w, &hello, 0, 500, TCP_SYN);
		greet(&w, &hello, 500, hello.len, TCP_ACK);
		assert_int_equal(world_stats(&w)->hellos_sni, 1);
		world_end(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_evicted_flow_takes_no_other_flows_history_along),
		cmocka_unit_test(a_flow_that_speaks_stays_while_others_come_and_go),
		cmocka_unit_test(a_history_that_gave_way_is_a_new_start),
		cmocka_unit_test(what_one_trace_missed_the_next_ones_are_compared_with),
		cmocka_unit_test(a_flow_that_is_no_longer_traced_rests_behind_its_last_answer),
		cmocka_unit_test(a_flow_at_rest_is_not_touched),
		cmocka_unit_test(a_bare_answer_behind_the_end_of_its_trace_is_swallowed),
		cmocka_unit_test(a_greeting_that_stands_still_makes_room_for_others),
		cmocka_unit_test(a_greeting_may_begin_on_the_syn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
