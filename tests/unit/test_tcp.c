/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a connection looks like from the middle. Every case also runs where sequence numbers wrap. */
#include "tests/unit/stages.h"

/* Where the client's and the server's stream begin: an ordinary place, and at the wrap. */
static const uint32_t STARTS[][2] = {
	{ 1000, 5000 },
	{ 0xfffffff0, 0xfffffffa },
	{ 0x7ffffff0, 0x80000000 },
	{ 0, 0xffffffff },
};

#define FOR_STARTS(c, s)                                                                           \
	for (uint32_t i_ = 0, c, s; i_ < sizeof(STARTS) / sizeof(STARTS[0]) &&                     \
				    (c = STARTS[i_][0], s = STARTS[i_][1], true);                  \
		i_++)

static void a_handshake_establishes_and_times_both_sides(void **state)
{
	(void)state;
	FOR_STARTS(c, s)
	{
		struct tcp_flow f = { 0 };

		UP(&f, T0, .seq = c - 1, .flags = TCP_SYN, .sack_permitted = true);
		assert_false(f.established);
		DOWN(&f, T0 + 20 * MS, .seq = s - 1, .ack = c, .flags = TCP_SYN | TCP_ACK,
			.sack_permitted = true, .ip.ttl = 55);
		assert_false(f.established);
		UP(&f, T0 + 23 * MS, .seq = c, .ack = s, .flags = TCP_ACK, .window = 502);
		assert_true(f.established);
		assert_true(f.syn_seen && f.sack && !f.from_wan && !f.closed && !f.untouchable);
		assert_int_equal(f.e2e_ns, 20 * MS);
		assert_int_equal(f.lan_ns, 3 * MS);
		assert_int_equal(tcp_distance(&f), 9);
		assert_int_equal(f.client.nxt, c);
		assert_int_equal(f.server.nxt, s);
		assert_true(tcp_quiet(&f));
		assert_false(f.has_earlier || f.server_seen || f.data_acked);
	}
}

static void sack_needs_both_sides(void **state)
{
	(void)state;
	for (int both = 0; both < 4; both++) {
		struct tcp_flow f = { 0 };

		UP(&f, T0, .seq = 9, .flags = TCP_SYN, .sack_permitted = both & 1);
		DOWN(&f, T0, .seq = 4, .ack = 10, .flags = TCP_SYN | TCP_ACK,
			.sack_permitted = both >> 1);
		assert_int_equal(f.sack, both == 3);
	}
}

static void a_handshakes_options_are_kept_and_judged(void **state)
{
	static const struct {
		const char *what;
		bool sack[2], ts[2], ws[2]; /* client, server */
		uint32_t echo;
		uint8_t odd;
	} cases[] = {
		{ "all, answered", { 1, 1 }, { 1, 1 }, { 1, 1 }, 77, 0 },
		{ "asked for in vain", { 1, 0 }, { 1, 0 }, { 1, 0 }, 0, 0 },
		{ "none", { 0, 0 }, { 0, 0 }, { 0, 0 }, 0, 0 },
		{ "not asked for", { 0, 1 }, { 1, 1 }, { 0, 1 }, 77,
			INPATH_OPTION_SACK | INPATH_OPTION_WS },
		{ "another's timestamp", { 1, 1 }, { 1, 1 }, { 1, 1 }, 78, INPATH_OPTION_TS },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (int twice = 0; twice < 2; twice++) {
			const struct inpath_handshake *hs;
			struct tcp_flow f = { 0 };

			for (int k = 0; k <= twice; k++)
				UP(&f, T0, .seq = 9, .flags = TCP_SYN, .mss = 1460, .tsval = 77,
					.sack_permitted = cases[i].sack[0],
					.timestamp = cases[i].ts[0],
					.has_window_scale = cases[i].ws[0]);
			hs = &f.handshake;
			assert_false(hs->seen);
			DOWN(&f, T0, .seq = 4, .ack = 10, .flags = TCP_SYN | TCP_ACK, .mss = 1400,
				.tsecr = cases[i].echo, .sack_permitted = cases[i].sack[1],
				.timestamp = cases[i].ts[1], .has_window_scale = cases[i].ws[1]);
			assert_true(hs->seen);
			assert_int_equal(hs->client_mss, 1460);
			assert_int_equal(hs->server_mss, 1400);
			/* Of two SYNs it is not known which one's timestamp came back. */
			if (hs->odd != (twice ? cases[i].odd & ~INPATH_OPTION_TS : cases[i].odd))
				fail_msg("%s: %u", cases[i].what, hs->odd);
		}
	}
}

static void data_tells_the_servers_distance_a_bare_ack_does_not(void **state)
{
	struct tcp_flow f = { 0 };

	(void)state;
	UP(&f, T0, .seq = 9, .flags = TCP_SYN);
	DOWN(&f, T0, .seq = 4, .ack = 10, .flags = TCP_SYN | TCP_ACK, .ip.ttl = 55);
	UP(&f, T0, .seq = 10, .ack = 5, .flags = TCP_ACK);
	DOWN(&f, T0, .seq = 5, .ack = 10, .flags = TCP_ACK, .ip.ttl = 60);
	assert_int_equal(f.server_ttl, 55);
	DOWN(&f, T0, .seq = 5, .ack = 10, .flags = TCP_ACK, .ip.ttl = 53, .payload = "x",
		.payload_len = 1);
	assert_int_equal(f.server_ttl, 53);
}

static void a_syn_or_its_answer_sent_twice_times_nothing(void **state)
{
	struct tcp_flow f = { 0 };

	(void)state;
	for (int i = 0; i < 3; i++)
		UP(&f, T0 + i * 1000 * MS, .seq = 9, .flags = TCP_SYN);
	DOWN(&f, T0 + 2020 * MS, .seq = 4, .ack = 10, .flags = TCP_SYN | TCP_ACK);
	assert_int_equal(f.e2e_ns, 0);
	DOWN(&f, T0 + 3020 * MS, .seq = 4, .ack = 10, .flags = TCP_SYN | TCP_ACK);
	assert_false(f.established);
	UP(&f, T0 + 3021 * MS, .seq = 10, .ack = 5, .flags = TCP_ACK);
	assert_int_equal(f.lan_ns, 0);
	assert_true(f.established);
}

/* A server without state for half-open connections answers a second SYN with another number. */
static void the_newest_syn_ack_counts_until_it_is_answered(void **state)
{
	struct tcp_flow f = { 0 };

	(void)state;
	UP(&f, T0, .seq = 9, .flags = TCP_SYN);
	DOWN(&f, T0 + MS, .seq = 4, .ack = 10, .flags = TCP_SYN | TCP_ACK);
	DOWN(&f, T0 + 2 * MS, .seq = 7004, .ack = 10, .flags = TCP_SYN | TCP_ACK);
	assert_int_equal(f.server.nxt, 7005);
	UP(&f, T0 + 3 * MS, .seq = 10, .ack = 7005, .flags = TCP_ACK);
	assert_false(tcp_server_in_flight(&f));
}

static void a_late_syn_or_syn_ack_takes_nothing_back(void **state)
{
	(void)state;
	FOR_STARTS(c, s)
	{
		struct tcp_flow f = { 0 }, before;
		struct held_packet h;

		stage_handshake(&f, c, s);
		UP_DATA(&f, T0 + 30 * MS, c, 100, .ack = s);
		DOWN(&f, T0 + 50 * MS, .seq = s, .ack = c + 100, .flags = TCP_ACK, .payload = "ok",
			.payload_len = 2);
		before = f;
		held_tcp(&h, true, false, (struct wire_tcp){ .seq = c - 1, .flags = TCP_SYN });
		assert_false(tcp_opens_anew(&f, &h.p, true));
		tcp_track(&f, &h.p, true, 0, T0 + 60 * MS);
		DOWN(&f, T0 + 70 * MS, .seq = s - 1, .ack = c, .flags = TCP_SYN | TCP_ACK);
		assert_memory_equal(&f.client, &before.client, sizeof(f.client));
		assert_memory_equal(&f.server, &before.server, sizeof(f.server));
		assert_memory_equal(&f.acked, &before.acked, sizeof(f.acked));
		assert_true(f.established);
	}
}

static void a_client_ack_completes_a_handshake_seen_in_part(void **state)
{
	struct tcp_flow f = { 0 };

	(void)state;
	/* The SYN/ACK passed while the queue was full. */
	UP(&f, T0, .seq = 9, .flags = TCP_SYN);
	UP(&f, T0 + MS, .seq = 10, .ack = 5, .flags = TCP_ACK);
	assert_true(f.established);
}

static void only_another_syn_opens_anew(void **state)
{
	struct held_packet h;

	(void)state;
	FOR_STARTS(c, s)
	{
		struct tcp_flow f = { 0 };

		held_tcp(&h, true, false, (struct wire_tcp){ .seq = c - 1, .flags = TCP_SYN });
		assert_false(tcp_opens_anew(&f, &h.p, true));
		tcp_track(&f, &h.p, true, 0, T0);
		assert_false(tcp_opens_anew(&f, &h.p, true));
		held_tcp(&h, true, false, (struct wire_tcp){ .seq = c + 77, .flags = TCP_SYN });
		assert_true(tcp_opens_anew(&f, &h.p, true));
		stage_handshake(&f, c, s);
		assert_true(tcp_opens_anew(&f, &h.p, true));
		held_tcp(&h, true, false,
			(struct wire_tcp){ .seq = c + 77, .flags = TCP_SYN | TCP_ACK });
		assert_false(tcp_opens_anew(&f, &h.p, true));
		held_tcp(&h, true, false,
			(struct wire_tcp){ .seq = c + 77, .flags = TCP_SYN | TCP_RST });
		assert_false(tcp_opens_anew(&f, &h.p, true));
		held_tcp(&h, true, false, (struct wire_tcp){ .seq = c + 77, .flags = TCP_ACK });
		assert_false(tcp_opens_anew(&f, &h.p, true));
		/* After a reset even the same number may begin another connection. */
		DOWN(&f, T0 + 30 * MS, .seq = s, .flags = TCP_RST);
		held_tcp(&h, true, false, (struct wire_tcp){ .seq = c - 1, .flags = TCP_SYN });
		assert_true(tcp_opens_anew(&f, &h.p, true));
	}
}

static void a_connection_opened_from_the_wan_is_known_as_such(void **state)
{
	struct tcp_flow f = { 0 };

	(void)state;
	DOWN(&f, T0, .seq = 4, .flags = TCP_SYN);
	assert_true(f.from_wan);
	UP(&f, T0 + MS, .seq = 9, .ack = 5, .flags = TCP_SYN | TCP_ACK);
	assert_true(f.from_wan && !f.established);
}

static void it_is_met_in_mid_stream_from_either_side(void **state)
{
	(void)state;
	FOR_STARTS(c, s)
	{
		struct tcp_flow up = { 0 }, down = { 0 };

		UP_DATA(&up, T0, c, 50, .ack = s);
		assert_true(up.established && up.client.ack_known);
		assert_false(up.server_seen || tcp_quiet(&up));
		DOWN(&up, T0 + 20 * MS, .seq = s, .ack = c + 50, .flags = TCP_ACK, .window = 9);
		assert_true(tcp_quiet(&up) && up.server_seen);
		assert_kept(&up, c, c + 50);
		assert_int_equal(up.e2e_ns, 20 * MS);

		DOWN(&down, T0, .seq = s, .ack = c, .flags = TCP_ACK, .payload = "ab",
			.payload_len = 2);
		assert_true(down.established && tcp_quiet(&down));
		assert_true(tcp_server_in_flight(&down));
		UP(&down, T0 + 4 * MS, .seq = c, .ack = s + 2, .flags = TCP_ACK);
		assert_false(tcp_server_in_flight(&down));
		assert_int_equal(down.lan_ns, 4 * MS);
		assert_int_equal(down.acked.len, 0);
		UP_DATA(&down, T0 + 5 * MS, c, 80, .ack = s + 2);
		DOWN(&down, T0 + 9 * MS, .seq = s + 2, .ack = c + 80, .flags = TCP_ACK);
		assert_kept(&down, c, c + 80);
	}
}

static void sack_in_mid_stream_shows_by_its_blocks_from_either_side(void **state)
{
	struct tcp_flow up = { 0 }, down = { 0 };

	(void)state;
	UP(&up, T0, .seq = 9, .ack = 5, .flags = TCP_ACK, .sack_count = 1, .sack = { { 7, 9 } });
	DOWN(&down, T0, .seq = 5, .ack = 9, .flags = TCP_ACK, .sack_count = 1,
		.sack = { { 3, 4 } });
	assert_true(up.sack && down.sack);
}

static void data_acked_is_said_once_and_not_of_the_syn(void **state)
{
	(void)state;
	FOR_STARTS(c, s)
	{
		struct tcp_flow f = { 0 };

		stage_handshake(&f, c, s);
		assert_int_equal(DOWN(&f, T0 + 30 * MS, .seq = s, .ack = c, .flags = TCP_ACK), 0);
		UP_DATA(&f, T0 + 31 * MS, c, 10, .ack = s);
		assert_int_equal(DOWN(&f, T0 + 32 * MS, .seq = s, .ack = c + 10, .flags = TCP_ACK),
			TCP_SAW_DATA_ACKED);
		UP_DATA(&f, T0 + 33 * MS, c + 10, 10, .ack = s);
		assert_int_equal(
			DOWN(&f, T0 + 34 * MS, .seq = s, .ack = c + 20, .flags = TCP_ACK), 0);
	}
}

static void the_first_fin_or_reset_closes_once(void **state)
{
	const uint16_t ends[] = { TCP_FIN | TCP_ACK, TCP_RST, TCP_RST | TCP_ACK };

	(void)state;
	for (int i = 0; i < 6; i++) {
		struct tcp_flow f = { 0 };
		bool from_client = i & 1;

		stage_handshake(&f, 10, 20);
		assert_int_equal(stage_take(&f, from_client, T0 + 30 * MS,
					 (struct wire_tcp){ .seq = from_client ? 10 : 20,
						 .ack = from_client ? 20 : 10,
						 .flags = ends[i / 2] }),
			TCP_SAW_CLOSE);
		assert_true(f.closed);
		assert_int_equal(
			DOWN(&f, T0 + 31 * MS, .seq = 20, .ack = 10, .flags = TCP_FIN | TCP_ACK),
			0);
	}
}

static void a_fin_takes_a_sequence_number(void **state)
{
	(void)state;
	FOR_STARTS(c, s)
	{
		struct tcp_flow f = { 0 };

		stage_handshake(&f, c, s);
		UP(&f, T0 + 30 * MS, .seq = c, .ack = s, .flags = TCP_ACK | TCP_FIN,
			.payload = stage_bytes(c, 5), .payload_len = 5);
		assert_int_equal(f.client.nxt, c + 6);
		DOWN(&f, T0 + 40 * MS, .seq = s, .ack = c + 6, .flags = TCP_ACK);
		assert_true(tcp_quiet(&f));
		assert_kept(&f, c, c + 5);
	}
}

static void a_reset_tells_nothing_else(void **state)
{
	struct tcp_flow f = { 0 }, before;

	(void)state;
	stage_handshake(&f, 10, 20);
	before = f;
	DOWN(&f, T0 + 30 * MS, .seq = 999999, .ack = 888888, .flags = TCP_RST | TCP_ACK,
		.window = 7);
	assert_memory_equal(&f.client, &before.client, sizeof(f.client));
	assert_memory_equal(&f.server, &before.server, sizeof(f.server));
	assert_false(f.server_seen);
}

static void every_kind_of_signed_or_split_stream_is_untouchable(void **state)
{
	static const char *const options[] = {
		"1e0c0001020304050607080a",             /* MPTCP */
		"13120102030405060708090a0b0c0d0e0f10", /* MD5 */
		"1d080102a1a2a3a4",                     /* AO */
		"0800",                                 /* a length that lies */
		"05ff",
	};

	(void)state;
	for (size_t i = 0; i < 2 * sizeof(options) / sizeof(options[0]); i++) {
		struct tcp_flow f = { 0 };
		uint8_t raw[40];
		size_t len = wire_hex(raw, options[i / 2]);

		stage_handshake(&f, 10, 20);
		assert_false(f.untouchable);
		stage_take(&f, i & 1, T0 + 30 * MS,
			(struct wire_tcp){ .seq = i & 1 ? 10 : 20,
				.ack = i & 1 ? 20 : 10,
				.flags = TCP_ACK,
				.options = raw,
				.options_len = len });
		assert_true(f.untouchable);
	}
}

static void what_a_probe_copies_is_of_the_clients_newest_packet(void **state)
{
	struct tcp_flow f = { 0 };

	(void)state;
	stage_handshake(&f, 10, 20);
	assert_false(f.has_timestamp);
	UP(&f, T0 + 30 * MS, .seq = 10, .ack = 20, .flags = TCP_ACK | TCP_ECE, .window = 777,
		.timestamp = true, .tsval = 70, .tsecr = 80, .ip.tos = 0xb8, .payload = "x",
		.payload_len = 1);
	assert_int_equal(f.client.window, 777);
	assert_int_equal(f.client_flags, TCP_ACK | TCP_ECE);
	assert_true(f.has_timestamp && f.dont_fragment);
	assert_int_equal(f.tsval, 70);
	assert_int_equal(f.tsecr, 80);
	assert_int_equal(f.tos, 0xb8);
	DOWN(&f, T0 + 31 * MS, .seq = 20, .ack = 11, .flags = TCP_ACK, .window = 1,
		.timestamp = true, .tsval = 900, .tsecr = 70, .ip.tos = 0x20);
	assert_int_equal(f.client.window, 777);
	assert_int_equal(f.tsval, 70);
	assert_int_equal(f.tos, 0xb8);
	assert_int_equal(f.server.window, 1);
}

/* RFC 3168 6.1.4: a pure ACK is not ECN-capable, so it says nothing of the flow's own field. */
static void the_ecn_field_is_that_of_data(void **state)
{
	struct tcp_flow f = { 0 };

	(void)state;
	stage_handshake(&f, 10, 20);
	UP_DATA(&f, T0 + 30 * MS, 10, 5, .ack = 20, .ip.tos = 0x2a);
	assert_int_equal(f.tos, 0x2a);
	UP(&f, T0 + 31 * MS, .seq = 15, .ack = 21, .flags = TCP_ACK, .ip.tos = 0x48);
	assert_int_equal(f.tos, 0x4a);
}

static void accecn_is_asked_for_by_all_three_bits(void **state)
{
	(void)state;
	for (int bits = 0; bits < 8; bits++) {
		struct tcp_flow f = { 0 };

		UP(&f, T0, .seq = 9,
			.flags = (uint16_t)(TCP_SYN | (bits & 1 ? TCP_AE : 0) |
					    (bits & 2 ? TCP_CWR : 0) | (bits & 4 ? TCP_ECE : 0)));
		assert_int_equal(f.accecn, bits == 7);
	}
}

static void the_earlier_acknowledgement_is_below_the_newest(void **state)
{
	(void)state;
	FOR_STARTS(c, s)
	{
		struct tcp_flow f = { 0 };

		stage_handshake(&f, c, s);
		assert_false(f.has_earlier);
		UP(&f, T0 + 30 * MS, .seq = c, .ack = s, .flags = TCP_ACK);
		assert_false(f.has_earlier);
		UP(&f, T0 + 31 * MS, .seq = c, .ack = s + 30, .flags = TCP_ACK);
		assert_true(f.has_earlier);
		assert_int_equal(f.earlier_ack, s);
		/* Overtaken on the way, and repeated. */
		UP(&f, T0 + 32 * MS, .seq = c, .ack = s + 10, .flags = TCP_ACK);
		UP(&f, T0 + 33 * MS, .seq = c, .ack = s + 30, .flags = TCP_ACK);
		assert_int_equal(f.earlier_ack, s);
		assert_int_equal(f.client.ack, s + 30);
		UP(&f, T0 + 34 * MS, .seq = c, .ack = s + 60, .flags = TCP_ACK);
		assert_int_equal(f.earlier_ack, s + 30);
		assert_true(seq_before(f.earlier_ack, f.client.ack));
	}
}

static void distances_follow_the_common_initial_ttls(void **state)
{
	static const uint8_t pairs[][2] = { { 0, 0 }, { 1, 63 }, { 33, 31 }, { 55, 9 }, { 63, 1 },
		{ 64, 64 }, { 115, 13 }, { 127, 1 }, { 128, 127 }, { 243, 12 }, { 254, 1 },
		{ 255, 1 } };

	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
		assert_int_equal(ttl_distance(pairs[i][0]), pairs[i][1]);
}

static void rtts_are_the_least_of_their_period(void **state)
{
	struct tcp_flow f = { 0 };

	(void)state;
	stage_handshake(&f, 10, 20);
	UP_DATA(&f, T0 + 100 * MS, 10, 10, .ack = 20);
	DOWN(&f, T0 + 115 * MS, .seq = 20, .ack = 20, .flags = TCP_ACK);
	assert_int_equal(f.e2e_ns, 15 * MS);
	UP_DATA(&f, T0 + 200 * MS, 20, 10, .ack = 20);
	DOWN(&f, T0 + 260 * MS, .seq = 20, .ack = 30, .flags = TCP_ACK);
	assert_int_equal(f.e2e_ns, 15 * MS);
	tcp_timing_reset(&f);
	assert_int_equal(f.e2e_ns, 0);
	assert_int_equal(f.lan_ns, 0);
	UP_DATA(&f, T0 + 300 * MS, 30, 10, .ack = 20);
	/* An acknowledgement of less than all times nothing. */
	DOWN(&f, T0 + 310 * MS, .seq = 20, .ack = 35, .flags = TCP_ACK);
	assert_int_equal(f.e2e_ns, 0);
	DOWN(&f, T0 + 340 * MS, .seq = 20, .ack = 40, .flags = TCP_ACK);
	assert_int_equal(f.e2e_ns, 40 * MS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_handshake_establishes_and_times_both_sides),
		cmocka_unit_test(sack_needs_both_sides),
		cmocka_unit_test(a_handshakes_options_are_kept_and_judged),
		cmocka_unit_test(data_tells_the_servers_distance_a_bare_ack_does_not),
		cmocka_unit_test(a_syn_or_its_answer_sent_twice_times_nothing),
		cmocka_unit_test(the_newest_syn_ack_counts_until_it_is_answered),
		cmocka_unit_test(a_late_syn_or_syn_ack_takes_nothing_back),
		cmocka_unit_test(a_client_ack_completes_a_handshake_seen_in_part),
		cmocka_unit_test(only_another_syn_opens_anew),
		cmocka_unit_test(a_connection_opened_from_the_wan_is_known_as_such),
		cmocka_unit_test(it_is_met_in_mid_stream_from_either_side),
		cmocka_unit_test(sack_in_mid_stream_shows_by_its_blocks_from_either_side),
		cmocka_unit_test(data_acked_is_said_once_and_not_of_the_syn),
		cmocka_unit_test(the_first_fin_or_reset_closes_once),
		cmocka_unit_test(a_fin_takes_a_sequence_number),
		cmocka_unit_test(a_reset_tells_nothing_else),
		cmocka_unit_test(every_kind_of_signed_or_split_stream_is_untouchable),
		cmocka_unit_test(what_a_probe_copies_is_of_the_clients_newest_packet),
		cmocka_unit_test(the_ecn_field_is_that_of_data),
		cmocka_unit_test(accecn_is_asked_for_by_all_three_bits),
		cmocka_unit_test(the_earlier_acknowledgement_is_below_the_newest),
		cmocka_unit_test(distances_follow_the_common_initial_ttls),
		cmocka_unit_test(rtts_are_the_least_of_their_period),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
