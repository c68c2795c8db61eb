/* SPDX-License-Identifier: GPL-2.0-or-later */
/* When a flow is decided, what it is spared until then, and how it comes to rest. */
#include "tests/unit/hello.h"
#include "tests/unit/world.h"

static const struct inpath_limits LIMITS = {
	.flows = 16, .names = 16, .hellos = 4, .traces = 4, .histories = 4
};

/* A world that ignores what no policy names, or all. */
static void begin_ignoring(struct world *w)
{
	world_begin(w, &LIMITS);
	w->policy.action = INPATH_IGNORE;
}

static struct inpath_verdict say(struct world *w, const void *bytes, size_t len)
{
	struct wire_tcp t = world_client_tcp(w);

	t.payload = bytes;
	t.payload_len = len;
	return world_client_says(w, t);
}

static void a_greeting_is_waited_for_and_then_decides(void **state)
{
	struct stream message = { 0 }, hello = { 0 };

	(void)state;
	browser_hello(&message, "www.movies.example", true, 0);
	in_records(&hello, &message, 16384);
	EACH_FAMILY(w)
	{
		begin_ignoring(&w);
		world_connect(&w);
		assert_int_equal(say(&w, hello.bytes, 700).mask, 0);
		assert_int_equal(world_server_says(&w, world_server_tcp(&w)).mask, 0);
		assert_int_equal(world_client_says(&w, world_client_tcp(&w)).mask, 0);
		assert_int_equal(world_stats(&w)->flows_ignored, 0);
		assert_int_equal(say(&w, hello.bytes + 700, hello.len - 700).mask, w.set.mark_rest);
		assert_int_equal(world_stats(&w)->flows_ignored, 1);
		world_end(&w);
	}
}

/* Others' packets behind it are overtaken by nobody; of its own there is none before the server has answered. */
static void behind_its_greeting_an_ignored_flow_rests_however_many_wait(void **state)
{
	struct stream message = { 0 }, hello = { 0 };

	(void)state;
	browser_hello(&message, "www.movies.example", true, 0);
	in_records(&hello, &message, 16384);
	EACH_FAMILY(w)
	{
		begin_ignoring(&w);
		world_connect(&w);
		w.more = true;
		assert_int_equal(say(&w, hello.bytes, 700).mask, 0);
		assert_int_equal(say(&w, hello.bytes + 700, hello.len - 700).mask, w.set.mark_rest);
		/* Any later packet may have others behind it. */
		assert_int_equal(world_server_says(&w, world_server_tcp(&w)).mask, 0);
		/* What is no greeting may go on at once. */
		w.port++;
		world_connect(&w);
		assert_int_equal(say(&w, "GET / HTTP/1.1\r\n", 16).mask, 0);
		w.more = false;
		assert_int_equal(say(&w, "Host: a\r\n\r\n", 11).mask, w.set.mark_rest);
		world_end(&w);
	}
}

static void what_is_no_greeting_decides_at_once(void **state)
{
	(void)state;
	EACH_FAMILY(w)
	{
		begin_ignoring(&w);
		world_connect(&w);
		assert_int_equal(say(&w, "GET / HTTP/1.1\r\n", 16).mask, w.set.mark_rest);
		world_end(&w);
	}
}

static void eight_packets_or_eight_kibibytes_decide(void **state)
{
	struct stream message = { 0 }, hello = { 0 };

	(void)state;
	browser_hello(&message, "www.movies.example", true, 9000);
	in_records(&hello, &message, 16384);
	EACH_FAMILY(w)
	{
		/* SYN and ACK are two packets, so this is the third to the eighth. */
		begin_ignoring(&w);
		world_connect(&w);
		for (int i = 3; i <= 8; i++)
			assert_int_equal(say(&w, hello.bytes + 64 * (i - 3), 64).mask,
				i < 8 ? 0 : w.set.mark_rest);
		world_end(&w);

		/* 8191 bytes are too few. */
		for (int short_by = 0; short_by < 2; short_by++) {
			begin_ignoring(&w);
			world_connect(&w);
			for (int i = 0; i < 4; i++)
				assert_int_equal(say(&w, hello.bytes + 1900 * i, 1900).mask, 0);
			assert_int_equal(say(&w, hello.bytes + 7600, 592 - short_by).mask,
				short_by ? 0 : w.set.mark_rest);
			if (short_by == 0)
				world_end(&w);
		}
		world_end(&w);
	}
}

static void a_flow_met_in_mid_stream_is_decided_by_its_first_packet(void **state)
{
	(void)state;
	EACH_FAMILY(w)
	{
		for (int from_client = 0; from_client < 2; from_client++) {
			struct inpath_verdict v;

			begin_ignoring(&w);
			w.client_nxt = 77;
			w.server_nxt = 99;
			v = from_client ? world_client_says(&w, world_client_tcp(&w))
					: world_server_says(&w, world_server_tcp(&w));
			assert_int_equal(v.mask, w.set.mark_rest);
			world_end(&w);
		}
	}
}

static void a_rest_waits_until_it_overtakes_nothing(void **state)
{
	(void)state;
	EACH_FAMILY(w)
	{
		begin_ignoring(&w);
		w.more = true;
		world_hello(&w);
		assert_int_equal(world_client_says(&w, world_client_tcp(&w)).mask, 0);
		assert_int_equal(world_stats(&w)->rested, 0);
		w.more = false;
		assert_int_equal(world_client_says(&w, world_client_tcp(&w)).mask, w.set.mark_rest);
		assert_int_equal(world_stats(&w)->rested, 1);
		world_end(&w);
	}
}

static void the_first_policy_that_matches_wins(void **state)
{
	static const char *const domains[] = { "bank.example" };
	struct stream message = { 0 }, hello = { 0 };

	(void)state;
	EACH_FAMILY(w)
	{
		for (int bank = 0; bank < 2; bank++) {
			struct inpath_policy policies[2];

			browser_hello(
				&message, bank ? "www.bank.example" : "www.tank.example", true, 0);
			hello.len = 0;
			w.records = 0;
			in_records(&hello, &message, 16384);
			world_begin(&w, &LIMITS);
			policies[1] = w.policy;
			policies[0] = w.policy;
			policies[0].action = INPATH_IGNORE;
			policies[0].keys = INPATH_KEY_DOMAINS;
			policies[0].domains = (struct inpath_domain_list){ domains, 1 };
			w.set.policies = policies;
			w.set.policies_count = 2;
			world_connect(&w);
			say(&w, hello.bytes, 1400);
			say(&w, hello.bytes + 1400, hello.len - 1400);
			w.now += 10 * MS;
			world_server_says(&w, world_server_tcp(&w));
			world_run(&w, 2 * INPATH_SEC);
			assert_int_equal(world_stats(&w)->flows_ignored, bank);
			assert_int_equal(w.records, !bank);
			world_end(&w);
		}
	}
}

static void what_the_wan_opened_is_left_alone(void **state)
{
	(void)state;
	EACH_FAMILY(w)
	{
		struct inpath_verdict v;
		struct wire_tcp t;

		world_begin(&w, &LIMITS);
		w.server_nxt = WORLD_IRS;
		w.client_nxt = WORLD_ISS;
		t = world_server_tcp(&w);
		t.flags = TCP_SYN;
		world_server_says(&w, t);
		t = world_client_tcp(&w);
		t.flags = TCP_SYN | TCP_ACK;
		world_client_says(&w, t);
		world_server_says(&w, world_server_tcp(&w));
		world_request(
			&w, "the LAN's server says something, longer than sixty-four bytes!!", 64);
		v = world_client_says(&w, world_client_tcp(&w));
		world_run(&w, 5 * INPATH_SEC);
		assert_int_equal(w.sends, 0);
		assert_int_equal(world_stats(&w)->flows_untraceable, 1);
		assert_int_equal(v.mask, w.set.mark_rest);
		world_end(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_greeting_is_waited_for_and_then_decides),
		cmocka_unit_test(behind_its_greeting_an_ignored_flow_rests_however_many_wait),
		cmocka_unit_test(what_is_no_greeting_decides_at_once),
		cmocka_unit_test(eight_packets_or_eight_kibibytes_decide),
		cmocka_unit_test(a_flow_met_in_mid_stream_is_decided_by_its_first_packet),
		cmocka_unit_test(a_rest_waits_until_it_overtakes_nothing),
		cmocka_unit_test(the_first_policy_that_matches_wins),
		cmocka_unit_test(what_the_wan_opened_is_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
