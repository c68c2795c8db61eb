/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What counts as said again, and what passed unseen. Every case also runs at the wrap. */
#include "tests/unit/stages.h"

#define ACK_OF(flow, now, to) DOWN(flow, now, .seq = S, .ack = (to), .flags = TCP_ACK)
#define S                     5000u /* the server's stream, where it does not matter */

static const uint32_t STARTS[] = { 1000, 0xffffffff, 0xffffffc0, 0x7fffffd0, 0 };

#define FOR_STARTS(c)                                                                              \
	for (uint32_t i_ = 0, c;                                                                   \
		i_ < sizeof(STARTS) / sizeof(STARTS[0]) && (c = STARTS[i_], true); i_++)

static void a_retransmission_of_either_side_is_noticed(void **state)
{
	(void)state;
	FOR_STARTS(c)
	{
		struct tcp_flow f = { 0 };

		stage_handshake(&f, c, S);
		UP_DATA(&f, T0 + 30 * MS, c, 100, .ack = S);
		assert_int_equal(f.retransmit_at, 0);
		UP_DATA(&f, T0 + 40 * MS, c + 50, 20, .ack = S);
		assert_int_equal(f.retransmit_at, T0 + 40 * MS);
		/* Karn: it cannot be told which of them is acknowledged. */
		ACK_OF(&f, T0 + 41 * MS, c + 100);
		assert_int_equal(f.e2e_ns, 20 * MS);

		DOWN(&f, T0 + 50 * MS, .seq = S, .ack = c + 100, .flags = TCP_ACK, .payload = "abc",
			.payload_len = 3);
		assert_int_equal(f.retransmit_at, T0 + 40 * MS);
		DOWN(&f, T0 + 60 * MS, .seq = S, .ack = c + 100, .flags = TCP_ACK, .payload = "abc",
			.payload_len = 3);
		assert_int_equal(f.retransmit_at, T0 + 60 * MS);
		UP(&f, T0 + 61 * MS, .seq = c + 100, .ack = S + 3, .flags = TCP_ACK);
		assert_int_equal(f.lan_ns, 3 * MS);
	}
}

static void it_recovers_when_what_it_said_again_is_acknowledged(void **state)
{
	(void)state;
	FOR_STARTS(c)
	{
		struct tcp_flow f = { 0 };

		stage_handshake(&f, c, S);
		UP_DATA(&f, T0 + 30 * MS, c, 100, .ack = S);
		UP_DATA(&f, T0 + 31 * MS, c + 100, 100, .ack = S);
		assert_false(tcp_recovering(&f));
		UP_DATA(&f, T0 + 40 * MS, c, 100, .ack = S);
		assert_true(tcp_recovering(&f));
		ACK_OF(&f, T0 + 50 * MS, c + 199);
		assert_true(tcp_recovering(&f));
		ACK_OF(&f, T0 + 51 * MS, c + 200);
		assert_false(tcp_recovering(&f));
		for (int i = 0; i < 2; i++)
			DOWN(&f, T0 + (60 + i) * MS, .seq = S, .ack = c + 200, .flags = TCP_ACK,
				.payload = "abc", .payload_len = 3);
		assert_true(tcp_recovering(&f));
		UP(&f, T0 + 70 * MS, .seq = c + 200, .ack = S + 3, .flags = TCP_ACK);
		assert_false(tcp_recovering(&f));
	}
}

static void an_overlap_that_brings_new_bytes_moves_on_and_is_a_retransmission(void **state)
{
	(void)state;
	FOR_STARTS(c)
	{
		struct tcp_flow f = { 0 };

		stage_handshake(&f, c, S);
		UP_DATA(&f, T0 + 30 * MS, c, 100, .ack = S);
		UP_DATA(&f, T0 + 40 * MS, c + 60, 90, .ack = S);
		assert_int_equal(f.client.nxt, c + 150);
		assert_int_equal(f.retransmit_at, T0 + 40 * MS);
		ACK_OF(&f, T0 + 50 * MS, c + 150);
		assert_kept(&f, c + 100 - TCP_KEPT, c + 100);
	}
}

/* RFC 9293 3.8.4: with a byte of old data, or without one. */
static void a_keep_alive_is_no_retransmission(void **state)
{
	(void)state;
	FOR_STARTS(c)
	{
		struct tcp_flow f = { 0 };

		stage_handshake(&f, c, S);
		UP_DATA(&f, T0 + 30 * MS, c, 100, .ack = S);
		ACK_OF(&f, T0 + 40 * MS, c + 100);
		UP_DATA(&f, T0 + 9000 * MS, c + 99, 1, .ack = S);
		UP(&f, T0 + 9001 * MS, .seq = c + 99, .ack = S, .flags = TCP_ACK);
		assert_int_equal(f.retransmit_at, 0);
		assert_int_equal(f.client.nxt, c + 100);
		assert_true(tcp_quiet(&f));
		assert_kept(&f, c + 100 - TCP_KEPT, c + 100);
	}
}

static void a_byte_said_again_unacknowledged_is_a_retransmission(void **state)
{
	(void)state;
	FOR_STARTS(c)
	{
		struct tcp_flow f = { 0 };

		stage_handshake(&f, c, S);
		UP_DATA(&f, T0 + 30 * MS, c, 1, .ack = S);
		UP_DATA(&f, T0 + 230 * MS, c, 1, .ack = S);
		assert_int_equal(f.retransmit_at, T0 + 230 * MS);
	}
}

static void a_window_probe_byte_counts_as_what_it_is(void **state)
{
	struct tcp_flow f = { 0 };

	(void)state;
	stage_handshake(&f, 10, S);
	UP_DATA(&f, T0 + 30 * MS, 10, 50, .ack = S);
	DOWN(&f, T0 + 40 * MS, .seq = S, .ack = 60, .flags = TCP_ACK, .window = 0);
	assert_int_equal(f.server.window, 0);
	UP_DATA(&f, T0 + 300 * MS, 60, 1, .ack = S);
	assert_false(tcp_quiet(&f));
	DOWN(&f, T0 + 310 * MS, .seq = S, .ack = 60, .flags = TCP_ACK, .window = 0);
	assert_kept(&f, 10, 60);
	UP_DATA(&f, T0 + 600 * MS, 60, 1, .ack = S);
	DOWN(&f, T0 + 610 * MS, .seq = S, .ack = 61, .flags = TCP_ACK, .window = 100);
	assert_kept(&f, 10, 61);
	assert_true(tcp_quiet(&f));
}

static void an_acknowledgement_of_unseen_data_moves_the_client_on(void **state)
{
	(void)state;
	FOR_STARTS(c)
	{
		struct tcp_flow f = { 0 };

		stage_handshake(&f, c, S);
		ACK_OF(&f, T0 + 30 * MS, c + 4000);
		assert_int_equal(f.client.nxt, c + 4000);
		assert_true(tcp_quiet(&f));
		assert_kept(&f, c, c);
		UP_DATA(&f, T0 + 31 * MS, c + 4000, 64, .ack = S);
		ACK_OF(&f, T0 + 32 * MS, c + 4064);
		assert_kept(&f, c + 4000, c + 4064);
	}
}

static void an_older_acknowledgement_takes_nothing_back(void **state)
{
	(void)state;
	FOR_STARTS(c)
	{
		struct tcp_flow f = { 0 };

		stage_handshake(&f, c, S);
		UP_DATA(&f, T0 + 30 * MS, c, 100, .ack = S);
		ACK_OF(&f, T0 + 40 * MS, c + 100);
		ACK_OF(&f, T0 + 41 * MS, c + 20);
		assert_int_equal(f.server.ack, c + 100);
		assert_true(tcp_quiet(&f));
	}
}

/* A reload had put it to rest, and it came back after gigabytes. */
static void a_leap_of_either_side_is_followed_and_nothing_old_is_kept(void **state)
{
	static const uint32_t leaps[] = { 0x50000000, 0x80000000, 0x90000000, 0xb0000000 };

	(void)state;
	for (size_t i = 0; i < 2 * sizeof(leaps) / sizeof(leaps[0]); i++) {
		uint32_t c = 1000, to = c + leaps[i / 2];
		struct tcp_flow f = { 0 };

		stage_handshake(&f, c, S);
		UP_DATA(&f, T0 + 30 * MS, c, 100, .ack = S);
		ACK_OF(&f, T0 + 40 * MS, c + 100);
		if (i & 1)
			ACK_OF(&f, T0 + 50 * MS, to);
		UP_DATA(&f, T0 + 60 * MS, to, 80, .ack = S);
		assert_kept(&f, c, c);
		assert_int_equal(f.client.nxt, to + 80);
		assert_int_equal(f.retransmit_at, 0);
		/* Each side's own leap makes the bytes before it doubtful. */
		ACK_OF(&f, T0 + 70 * MS, to + 80);
		assert_kept(&f, to, i & 1 ? to + 80 : to);
		assert_true(tcp_quiet(&f));
		UP_DATA(&f, T0 + 80 * MS, to + 80, 90, .ack = S);
		ACK_OF(&f, T0 + 90 * MS, to + 170);
		assert_true(f.acked.len >= TCP_KEPT_LEAST);
		assert_kept(&f, to + 170 - f.acked.len, to + 170);
	}
}

static void a_flow_back_from_rest_is_met_anew(void **state)
{
	(void)state;
	FOR_STARTS(c)
	{
		struct tcp_flow f = { 0 };

		stage_handshake(&f, c, S);
		UP_DATA(&f, T0 + 30 * MS, c, 100, .ack = S);
		DOWN(&f, T0 + 40 * MS, .seq = S, .ack = c + 100, .flags = TCP_ACK, .payload = "ok",
			.payload_len = 2);
		UP(&f, T0 + 41 * MS, .seq = c + 100, .ack = S + 2, .flags = TCP_ACK);
		assert_true(f.has_earlier);
		tcp_was_unseen(&f);
		/* A whole round of numbers later they look as if little had happened. */
		UP_DATA(&f, T0 + 90000 * MS, c - 500, 70, .ack = S - 900);
		assert_false(f.has_earlier || tcp_quiet(&f) || f.server_seen);
		assert_true(f.established && f.sack);
		assert_int_equal(f.retransmit_at, 0);
		assert_kept(&f, c, c);
		DOWN(&f, T0 + 90020 * MS, .seq = S - 900, .ack = c - 430, .flags = TCP_ACK);
		assert_kept(&f, c - 500, c - 430);
		assert_true(tcp_quiet(&f) && f.server_seen);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_retransmission_of_either_side_is_noticed),
		cmocka_unit_test(it_recovers_when_what_it_said_again_is_acknowledged),
		cmocka_unit_test(an_overlap_that_brings_new_bytes_moves_on_and_is_a_retransmission),
		cmocka_unit_test(a_keep_alive_is_no_retransmission),
		cmocka_unit_test(a_byte_said_again_unacknowledged_is_a_retransmission),
		cmocka_unit_test(a_window_probe_byte_counts_as_what_it_is),
		cmocka_unit_test(an_acknowledgement_of_unseen_data_moves_the_client_on),
		cmocka_unit_test(an_older_acknowledgement_takes_nothing_back),
		cmocka_unit_test(a_leap_of_either_side_is_followed_and_nothing_old_is_kept),
		cmocka_unit_test(a_flow_back_from_rest_is_met_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
