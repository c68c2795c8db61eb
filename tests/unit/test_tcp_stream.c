/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which bytes of a stream are kept for probes, what counts as retransmission, and what is unseen. */
#include "tests/unit/stages.h"

#define ACK_OF(flow, now, to) DOWN(flow, now, .seq = S, .ack = (to), .flags = TCP_ACK)
#define S                     5000u /* the server's stream, where it does not matter */

static const uint32_t STARTS[] = { 1000, 0xffffffff, 0xffffffc0, 0x7fffffd0, 0 };

#define FOR_STARTS(c)                                                                              \
	for (uint32_t i_ = 0, c;                                                                   \
		i_ < sizeof(STARTS) / sizeof(STARTS[0]) && (c = STARTS[i_], true); i_++)

static void assert_kept(const struct tcp_flow *f, uint32_t from, uint32_t to)
{
	assert_int_equal(f->acked.len, to - from);
	if (from == to)
		return;
	assert_int_equal(f->acked.seq, from);
	for (uint32_t seq = from; seq != to; seq++)
		assert_int_equal(f->acked.bytes[seq - from], stage_byte(seq));
}

static void nothing_is_kept_before_it_is_acknowledged_whole(void **state)
{
	(void)state;
	FOR_STARTS(c)
	{
		struct tcp_flow f = { 0 };

		stage_handshake(&f, c, S);
		UP_DATA(&f, T0 + 30 * MS, c, 50, .ack = S);
		assert_kept(&f, c, c);
		ACK_OF(&f, T0 + 31 * MS, c);
		ACK_OF(&f, T0 + 32 * MS, c + 49);
		assert_kept(&f, c, c);
		ACK_OF(&f, T0 + 33 * MS, c + 50);
		assert_kept(&f, c, c + 50);
	}
}

static void short_requests_add_up_to_the_newest_bytes(void **state)
{
	(void)state;
	FOR_STARTS(c)
	{
		struct tcp_flow f = { 0 };
		uint32_t at = c;

		stage_handshake(&f, c, S);
		for (uint32_t n = 1; n <= 40; n++) {
			uint32_t all;

			UP_DATA(&f, T0 + n * 100 * MS, at, n, .ack = S);
			at += n;
			ACK_OF(&f, T0 + n * 100 * MS + 9 * MS, at);
			all = at - c;
			assert_kept(&f, at - (all < TCP_KEPT ? all : TCP_KEPT), at);
		}
		assert_int_equal(f.retransmit_at, 0);
	}
}

static void of_a_long_segment_its_end_is_kept(void **state)
{
	(void)state;
	FOR_STARTS(c)
	{
		struct tcp_flow f = { 0 };

		stage_handshake(&f, c, S);
		UP_DATA(&f, T0 + 30 * MS, c, 1400, .ack = S);
		ACK_OF(&f, T0 + 40 * MS, c + 1400);
		assert_kept(&f, c + 1400 - TCP_KEPT, c + 1400);
	}
}

/* A GSO packet of 60,000 bytes of which the queue copied the first few. */
static void of_a_short_copy_only_what_was_copied_is_kept(void **state)
{
	static const uint32_t copied[] = { 0, 1, 64, 96, 97, 200 };

	(void)state;
	FOR_STARTS(c)
	{
		for (size_t i = 0; i < sizeof(copied) / sizeof(copied[0]); i++) {
			struct tcp_flow f = { 0 };
			struct held_packet h;
			uint8_t *exact;
			uint32_t end = c + copied[i];

			stage_handshake(&f, c, S);
			held_tcp(&h, true, false,
				(struct wire_tcp){ .seq = c,
					.ack = S,
					.flags = TCP_ACK,
					.payload = stage_bytes(c, 300),
					.payload_len = 300 });
			wire_put16(h.bytes + 2, 40 + 60000);
			h.len = 40 + 60000;
			exact = wire_exact(h.bytes, 40 + copied[i]);
			assert_int_equal(
				parse_packet(exact, 40 + copied[i], h.len, &h.p), PARSE_OK);
			tcp_track(&f, &h.p, true, 0, T0 + 30 * MS);
			wire_exact_free(exact, 40 + copied[i]);
			assert_int_equal(f.client.nxt, c + 60000);
			ACK_OF(&f, T0 + 40 * MS, c + 60000);
			assert_kept(&f, end - (copied[i] < TCP_KEPT ? copied[i] : TCP_KEPT), end);
			/* What follows was not seen as following what was kept. */
			UP_DATA(&f, T0 + 50 * MS, c + 60000, 70, .ack = S);
			ACK_OF(&f, T0 + 60 * MS, c + 60070);
			assert_kept(&f, c + 60000, c + 60070);
		}
	}
}

static void bytes_enough_are_not_given_up_for_a_few(void **state)
{
	(void)state;
	FOR_STARTS(c)
	{
		struct tcp_flow f = { 0 };

		stage_handshake(&f, c, S);
		UP_DATA(&f, T0 + 30 * MS, c, 60, .ack = S);
		UP_DATA(&f, T0 + 31 * MS, c + 60, 60, .ack = S); /* no room beside the first */
		ACK_OF(&f, T0 + 40 * MS, c + 120);
		assert_kept(&f, c, c + 60);
		UP_DATA(&f, T0 + 50 * MS, c + 120, 1, .ack = S);
		ACK_OF(&f, T0 + 60 * MS, c + 121);
		assert_kept(&f, c, c + 60);
		UP_DATA(&f, T0 + 70 * MS, c + 121, TCP_KEPT_LEAST, .ack = S);
		ACK_OF(&f, T0 + 80 * MS, c + 121 + TCP_KEPT_LEAST);
		assert_kept(&f, c + 121, c + 121 + TCP_KEPT_LEAST);
	}
}

static void bytes_are_promoted_while_data_flows_on(void **state)
{
	(void)state;
	FOR_STARTS(c)
	{
		struct tcp_flow f = { 0 };
		uint32_t sent = c, acked = c;

		stage_handshake(&f, c, S);
		for (uint32_t n = 0; n < 200; n++) {
			UP_DATA(&f, T0 + (30 + n) * MS, sent, 1000, .ack = S);
			sent += 1000;
			if (n % 3 == 2) {
				acked = sent - 2000;
				ACK_OF(&f, T0 + (30 + n) * MS, acked);
			}
			if (f.acked.len == 0)
				continue;
			assert_kept(&f, f.acked.seq, f.acked.seq + f.acked.len);
			assert_false(seq_before(acked, f.acked.seq + f.acked.len));
			/* And they are recent: not of a window that is long gone. */
			assert_true(acked - f.acked.seq < 8000);
		}
		assert_int_equal(f.acked.len, TCP_KEPT);
		assert_int_equal(f.retransmit_at, 0);
	}
}

/* Order, overlap and repetition: whatever is kept is the client's byte at its own place. */
static void whatever_is_kept_was_sent_and_acknowledged(void **state)
{
	uint32_t random = 1;

	(void)state;
	for (uint32_t run = 0; run < 400; run++) {
		struct tcp_flow f = { 0 };
		uint32_t c = STARTS[run % 5] - run, highest = 0, acked = 0;

		stage_handshake(&f, c, S);
		for (uint32_t n = 0; n < 60; n++) {
			uint32_t r = (random = random * 1103515245 + 12345) >> 8;
			uint32_t len = 1 + r % 150, at;

			switch (r >> 16 & 3) {
			case 0: at = highest; break;
			case 1: at = highest + (r >> 4) % 200; break; /* leaves a hole */
			case 2: at = acked + (highest - acked) / 2; break;
			default: at = highest > 40 ? highest - 40 : 0; break;
			}
			UP_DATA(&f, T0 + n * MS, c + at, len, .ack = S);
			highest = at + len > highest ? at + len : highest;
			assert_int_equal(f.client.nxt, c + highest);
			if ((r & 7) < 3) {
				acked += (highest - acked) * (r >> 5 & 3) / 3;
				ACK_OF(&f, T0 + n * MS, c + acked);
			}
			assert_int_equal(tcp_quiet(&f), highest == acked);
			if (f.acked.len) {
				assert_kept(&f, f.acked.seq, f.acked.seq + f.acked.len);
				assert_true(f.acked.seq - c + f.acked.len <= acked);
			}
		}
	}
}

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

/* After 2 GiB an old byte's number would look like one that is still to come. */
static void kept_bytes_are_let_go_before_their_numbers_come_round(void **state)
{
	(void)state;
	FOR_STARTS(c)
	{
		struct tcp_flow f = { 0 };
		uint32_t at = c + 100;

		stage_handshake(&f, c, S);
		UP_DATA(&f, T0 + 30 * MS, c, 100, .ack = S);
		ACK_OF(&f, T0 + 40 * MS, at);
		for (uint64_t gone = 100; gone < 5ULL << 30; gone += 1 << 27) {
			at += 1 << 27;
			ACK_OF(&f, T0 + 50 * MS, at);
			assert_int_equal(f.acked.len != 0, gone + (1 << 27) <= TCP_FAR + 4);
		}
		UP_DATA(&f, T0 + 60 * MS, at, 3, .ack = S);
		ACK_OF(&f, T0 + 70 * MS, at + 3);
		assert_kept(&f, at, at + 3);
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
		cmocka_unit_test(nothing_is_kept_before_it_is_acknowledged_whole),
		cmocka_unit_test(short_requests_add_up_to_the_newest_bytes),
		cmocka_unit_test(of_a_long_segment_its_end_is_kept),
		cmocka_unit_test(of_a_short_copy_only_what_was_copied_is_kept),
		cmocka_unit_test(bytes_enough_are_not_given_up_for_a_few),
		cmocka_unit_test(bytes_are_promoted_while_data_flows_on),
		cmocka_unit_test(whatever_is_kept_was_sent_and_acknowledged),
		cmocka_unit_test(a_retransmission_of_either_side_is_noticed),
		cmocka_unit_test(an_overlap_that_brings_new_bytes_moves_on_and_is_a_retransmission),
		cmocka_unit_test(a_keep_alive_is_no_retransmission),
		cmocka_unit_test(a_byte_said_again_unacknowledged_is_a_retransmission),
		cmocka_unit_test(a_window_probe_byte_counts_as_what_it_is),
		cmocka_unit_test(an_acknowledgement_of_unseen_data_moves_the_client_on),
		cmocka_unit_test(an_older_acknowledgement_takes_nothing_back),
		cmocka_unit_test(kept_bytes_are_let_go_before_their_numbers_come_round),
		cmocka_unit_test(a_leap_of_either_side_is_followed_and_nothing_old_is_kept),
		cmocka_unit_test(a_flow_back_from_rest_is_met_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
