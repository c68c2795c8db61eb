/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which byte and which ID a probe gets, and the memory of them. */
#include "tests/unit/probing.h"

static void each_probe_waited_for_uses_another_byte_never_two_adjacent_never_the_last(void **state)
{
	static const uint32_t starts[] = { 1000, 1001, 0xffffffc0, 0xffffffc1, 0x7fffffd1 };

	(void)state;
	for (unsigned int i = 0; i < 2 * sizeof(starts) / sizeof(starts[0]); i++) {
		for (uint16_t len = 1; len <= TCP_KEPT; len++) {
			bool v6 = i & 1;
			uint32_t seq = starts[i / 2];
			struct fixture f = probes_of(128);
			struct inpath_tuple tuple = tuple_of(v6);
			struct tcp_flow t = flow_of(seq, len, seq + len);
			bool used[TCP_KEPT + 2] = { false };
			struct probe_token token;
			uint32_t slot, count = 0;

			while (send_probe(&f.p, &tuple, &t, T0, &token, &slot) && !token.empty) {
				uint32_t at = token.seq - seq;

				assert_true(at < len - 1u);
				assert_int_equal(token.byte, stage_byte(token.seq));
				assert_false(used[at] || used[at + 1] || (at && used[at - 1]));
				used[at] = true;
				count++;
			}
			/* Every even one of those before the last; where there is none, the odd one. */
			assert_int_equal(count, seq & 1 && len != 2 ? (len - 1) / 2 : len / 2);
			free(f.memory);
		}
	}
}

static void the_last_byte_kept_may_serve_if_more_was_sent(void **state)
{
	struct fixture f = probes_of(8);
	struct inpath_tuple tuple = tuple_of(true);
	struct tcp_flow t = flow_of(1000, 3, 1003);
	struct probe_token token;
	uint32_t slot;

	(void)state;
	assert_true(send_probe(&f.p, &tuple, &t, T0, &token, &slot));
	assert_int_equal(token.seq, 1000);
	assert_false(send_probe(&f.p, &tuple, &t, T0, &token, &slot));
	t.client.nxt = t.server.ack = 1004;
	assert_true(send_probe(&f.p, &tuple, &t, T0, &token, &slot));
	assert_int_equal(token.seq, 1002);
	free(f.memory);
}

static void in_ipv6_no_number_serves_again_for_30_s(void **state)
{
	struct fixture f = probes_of(128);
	struct inpath_tuple tuple = tuple_of(true);
	struct tcp_flow t = flow_of(1000, 20, 2000);
	struct probe_token token;
	uint32_t slot;

	(void)state;
	for (int i = 0; i < 20; i++) {
		assert_true(send_probe(&f.p, &tuple, &t, T0 + i * MS, &token, &slot));
		f.p.entries[slot].answered = true;
	}
	for (uint64_t ms = 20; ms < 30000; ms += 10) {
		probes_expire(&f.p, T0 + ms * MS);
		assert_false(send_probe(&f.p, &tuple, &t, T0 + ms * MS, &token, &slot));
	}
	probes_expire(&f.p, T0 + PROBE_MEMORY);
	assert_true(send_probe(&f.p, &tuple, &t, T0 + PROBE_MEMORY, &token, &slot));
	assert_false(send_probe(&f.p, &tuple, &t, T0 + PROBE_MEMORY, &token, &slot));
	free(f.memory);
}

/* The ID tells them apart in a quote; the byte alone must, in a D-SACK block. */
static void in_ipv4_a_byte_serves_again_when_its_answer_is_in_or_given_up(void **state)
{
	struct fixture f = probes_of(128);
	struct inpath_tuple tuple = tuple_of(false);
	struct tcp_flow t = flow_of(1000, 19, 2000);
	struct probe_token token;
	uint32_t slot, answered_seq, count = 0;

	(void)state;
	for (int i = 0; i < 10; i++)
		assert_true(send_probe(&f.p, &tuple, &t, T0, &token, &slot));
	assert_false(send_probe(&f.p, &tuple, &t, T0 + PATIENCE - 1, &token, &slot));
	f.p.entries[slot].answered = true;
	answered_seq = f.p.entries[slot].seq;
	assert_true(send_probe(&f.p, &tuple, &t, T0 + PATIENCE - 1, &token, &slot));
	assert_int_equal(token.seq, answered_seq);
	/* The odd bytes first, since nobody could answer to them yet; then any. */
	while (send_probe(&f.p, &tuple, &t, T0 + PATIENCE, &token, &slot)) {
		assert_true(token.seq - answered_seq > 1 && answered_seq - token.seq > 1);
		assert_true(count++ > 0 || token.seq & 1);
	}
	assert_true(count >= 4 && count <= 9);
	free(f.memory);
}

/* One byte, answered each time, so that only the ID is left to tell its probes apart. */
static void in_ipv4_no_byte_gets_the_same_id_twice(void **state)
{
	enum {
		PROBES = 4000 /* over a hundred would, by chance alone */
	};
	struct fixture f = probes_of(PROBES);
	struct inpath_tuple tuple = tuple_of(false);
	struct tcp_flow t = flow_of(1000, 2, 1002);
	static bool seen[65536];
	struct probe_token token;
	uint32_t slot;

	(void)state;
	while (f.p.table.count < PROBES) {
		if (!send_probe(&f.p, &tuple, &t, T0, &token, &slot))
			continue;
		assert_false(seen[token.ip_id]);
		seen[token.ip_id] = true;
		f.p.entries[slot].answered = true;
	}
	free(f.memory);
}

static void a_fresh_byte_is_preferred_to_one_given_up(void **state)
{
	struct fixture f = probes_of(128);
	struct inpath_tuple tuple = tuple_of(false);
	struct tcp_flow t = flow_of(1000, 40, 2000);
	bool used[40] = { false };
	struct probe_token token;
	uint32_t slot;

	(void)state;
	/* Till 30 s have gone by: as long as an answer may come. */
	for (int i = 0; i < 30; i++) {
		assert_true(send_probe(&f.p, &tuple, &t, T0 + i * PATIENCE, &token, &slot));
		assert_false(used[token.seq - 1000]);
		used[token.seq - 1000] = true;
	}
	free(f.memory);
}

/* A flow that says two bytes, the second being the last. */
static void a_byte_with_an_odd_number_serves_where_there_is_no_other(void **state)
{
	static const uint32_t starts[] = { 1001, 0xffffffff, 0x7fffffff };

	(void)state;
	for (unsigned int i = 0; i < 2 * sizeof(starts) / sizeof(starts[0]); i++) {
		struct fixture f = probes_of(8);
		struct inpath_tuple tuple = tuple_of(i & 1);
		struct tcp_flow t = flow_of(starts[i / 2], 2, starts[i / 2] + 2);
		struct probe_token token;
		uint32_t slot;

		assert_true(send_probe(&f.p, &tuple, &t, T0, &token, &slot));
		assert_false(token.empty);
		assert_int_equal(token.seq, starts[i / 2]);
		assert_false(send_probe(&f.p, &tuple, &t, T0, &token, &slot));
		free(f.memory);
	}
}

static void other_flows_tokens_are_their_own(void **state)
{
	struct fixture f = probes_of(128);
	struct tcp_flow t = flow_of(1000, 2, 2000);
	struct probe_token token;
	uint32_t slot;

	(void)state;
	for (int v6 = 0; v6 < 2; v6++) {
		struct inpath_tuple one = tuple_of(v6), port = one, client = one;

		port.client_port++;
		client.client.bytes[3]++;
		assert_true(send_probe(&f.p, &one, &t, T0, &token, &slot));
		assert_true(send_probe(&f.p, &port, &t, T0, &token, &slot));
		assert_true(send_probe(&f.p, &client, &t, T0, &token, &slot));
		assert_false(send_probe(&f.p, &one, &t, T0, &token, &slot));
	}
	free(f.memory);
}

static void the_ipv4_id_is_never_zero_and_spread_over_all_others(void **state)
{
	struct fixture f = probes_of(4);
	struct inpath_tuple tuple = tuple_of(false);
	struct tcp_flow t = flow_of(1000, TCP_KEPT, 2000);
	static bool seen[65536];
	uint32_t distinct = 0;

	(void)state;
	for (int i = 0; i < 400000; i++) {
		struct probe_token token;

		assert_true(probe_choose(&f.p, &tuple, &t, PATIENCE, T0, &token));
		distinct += !seen[token.ip_id];
		seen[token.ip_id] = true;
	}
	assert_false(seen[0]);
	assert_true(distinct > 65000);
	free(f.memory);
}

static void the_latest_probes_to_a_server_have_ids_of_their_own(void **state)
{
	enum {
		PROBES = 2048
	};
	struct fixture f = probes_of(PROBES);
	struct inpath_tuple tuple = tuple_of(false);
	struct tcp_flow t = flow_of(1000, TCP_KEPT, 2000);
	uint16_t ids[PROBES];

	(void)state;
	for (uint32_t i = 0; i < PROBES; i++) {
		struct probe_token token;
		uint32_t slot;

		/* Clients of one server, since a NAT makes one of them. */
		tuple.client_port = (uint16_t)(40000 + i);
		assert_true(send_probe(&f.p, &tuple, &t, T0, &token, &slot));
		ids[i] = token.ip_id;
		for (uint32_t j = i > PROBE_SEARCH ? i - PROBE_SEARCH : 0; j < i; j++)
			assert_int_not_equal(ids[i], ids[j]);
	}
	free(f.memory);
}

static void without_a_byte_an_old_number_is_said_and_no_more(void **state)
{
	static const uint32_t acks[] = { 9000, 3, 0x80000001 };

	(void)state;
	for (unsigned int i = 0; i < 6; i++) {
		uint32_t ack = acks[i / 2];
		struct fixture f = probes_of(128);
		struct inpath_tuple tuple = tuple_of(true);
		struct tcp_flow t = flow_of(ack - 1, (uint16_t)(i & 1), ack);
		struct probe_token token;
		uint32_t slot, count = 0;

		while (send_probe(&f.p, &tuple, &t, T0, &token, &slot)) {
			assert_true(token.empty);
			assert_int_equal(token.byte, 0);
			assert_true(ack - token.seq >= 1 && ack - token.seq <= 64);
			count++;
		}
		assert_int_equal(count, 64);
		free(f.memory);
	}
}

static void an_empty_probe_never_precedes_the_stream(void **state)
{
	(void)state;
	for (uint32_t said = 0; said < 5; said++) {
		struct fixture f = probes_of(128);
		struct inpath_tuple tuple = tuple_of(true);
		struct tcp_flow t = flow_of(0, 0, 0xfffffffe + said + 1);
		struct probe_token token;
		uint32_t slot, count = 0;

		t.syn_seen = true;
		t.iss = 0xfffffffe;
		while (send_probe(&f.p, &tuple, &t, T0, &token, &slot)) {
			assert_true(token.seq - t.iss < said + 1);
			count++;
		}
		assert_int_equal(count, said + 1);
		free(f.memory);
	}
}

static void before_the_server_said_anything_there_is_no_token(void **state)
{
	struct fixture f = probes_of(8);
	struct inpath_tuple tuple = tuple_of(false);
	struct tcp_flow t = flow_of(0, 0, 1000);
	struct probe_token token;

	(void)state;
	t.server.ack_known = false;
	assert_false(probe_choose(&f.p, &tuple, &t, PATIENCE, T0, &token));
	free(f.memory);
}

static void a_probe_is_remembered_for_30_s_and_not_a_moment_longer(void **state)
{
	struct fixture f = probes_of(8);
	struct inpath_tuple tuple = tuple_of(false);
	uint32_t slots[3];

	(void)state;
	for (uint32_t i = 0; i < 3; i++) {
		slots[i] = probe_add(&f.p, &tuple, 100 + i);
		f.p.entries[slots[i]].sent = T0 + i * MS;
	}
	for (uint32_t i = 0; i < 3; i++) {
		probes_expire(&f.p, T0 + i * MS + PROBE_MEMORY - 1);
		assert_int_equal(probe_find(&f.p, &tuple.server, SERVER_PORT, 100 + i), slots[i]);
		probes_expire(&f.p, T0 + i * MS + PROBE_MEMORY);
		assert_int_equal(probe_find(&f.p, &tuple.server, SERVER_PORT, 100 + i), TABLE_NONE);
	}
	assert_int_equal(f.p.table.count, 0);
	probes_expire(&f.p, INPATH_TIME_NEVER);
	free(f.memory);
}

static void a_full_memory_takes_no_more_and_loses_none(void **state)
{
	struct fixture f = probes_of(5);
	struct inpath_tuple tuple = tuple_of(true);

	(void)state;
	for (uint32_t i = 0; i < 5; i++) {
		uint32_t slot = probe_add(&f.p, &tuple, i);

		assert_int_not_equal(slot, TABLE_NONE);
		f.p.entries[slot].sent = T0;
	}
	assert_int_equal(probe_add(&f.p, &tuple, 5), TABLE_NONE);
	for (uint32_t i = 0; i < 5; i++)
		assert_int_not_equal(probe_find(&f.p, &tuple.server, SERVER_PORT, i), TABLE_NONE);
	probes_expire(&f.p, T0 + PROBE_MEMORY);
	assert_int_not_equal(probe_add(&f.p, &tuple, 5), TABLE_NONE);
	free(f.memory);
}

static void the_newest_of_the_same_number_is_found_first_then_the_older(void **state)
{
	struct fixture f = probes_of(32);
	struct inpath_tuple tuple = tuple_of(false), port = tuple, server = tuple;
	uint32_t slots[3], at;

	(void)state;
	port.server_port = 80;
	server.server.bytes[3]++;
	for (int i = 0; i < 3; i++) {
		slots[i] = probe_add(&f.p, &tuple, 42);
		probe_add(&f.p, &port, 42);
		probe_add(&f.p, &server, 42);
		probe_add(&f.p, &tuple, 43);
	}
	at = probe_find(&f.p, &tuple.server, SERVER_PORT, 42);
	for (int i = 3; i-- > 0; at = probe_find_next(&f.p, at))
		assert_int_equal(at, slots[i]);
	assert_int_equal(at, TABLE_NONE);
	assert_int_equal(probe_find(&f.p, &tuple.client, SERVER_PORT, 42), TABLE_NONE);
	assert_int_equal(probe_find(&f.p, &tuple.server, SERVER_PORT, 44), TABLE_NONE);
	free(f.memory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			each_probe_waited_for_uses_another_byte_never_two_adjacent_never_the_last),
		cmocka_unit_test(the_last_byte_kept_may_serve_if_more_was_sent),
		cmocka_unit_test(in_ipv6_no_number_serves_again_for_30_s),
		cmocka_unit_test(in_ipv4_a_byte_serves_again_when_its_answer_is_in_or_given_up),
		cmocka_unit_test(in_ipv4_no_byte_gets_the_same_id_twice),
		cmocka_unit_test(a_fresh_byte_is_preferred_to_one_given_up),
		cmocka_unit_test(a_byte_with_an_odd_number_serves_where_there_is_no_other),
		cmocka_unit_test(other_flows_tokens_are_their_own),
		cmocka_unit_test(the_ipv4_id_is_never_zero_and_spread_over_all_others),
		cmocka_unit_test(the_latest_probes_to_a_server_have_ids_of_their_own),
		cmocka_unit_test(without_a_byte_an_old_number_is_said_and_no_more),
		cmocka_unit_test(an_empty_probe_never_precedes_the_stream),
		cmocka_unit_test(before_the_server_said_anything_there_is_no_token),
		cmocka_unit_test(a_probe_is_remembered_for_30_s_and_not_a_moment_longer),
		cmocka_unit_test(a_full_memory_takes_no_more_and_loses_none),
		cmocka_unit_test(the_newest_of_the_same_number_is_found_first_then_the_older),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
