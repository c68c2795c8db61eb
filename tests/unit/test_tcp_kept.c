/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which bytes of the client's stream are kept for probes. Every case also runs at the wrap. */
#include "tests/unit/stages.h"

#define ACK_OF(flow, now, to) DOWN(flow, now, .seq = S, .ack = (to), .flags = TCP_ACK)
#define S                     5000u /* the server's stream, where it does not matter */

static const uint32_t STARTS[] = { 1000, 0xffffffff, 0xffffffc0, 0x7fffffd0, 0 };

#define FOR_STARTS(c)                                                                              \
	for (uint32_t i_ = 0, c;                                                                   \
		i_ < sizeof(STARTS) / sizeof(STARTS[0]) && (c = STARTS[i_], true); i_++)

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
		cmocka_unit_test(kept_bytes_are_let_go_before_their_numbers_come_round),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
