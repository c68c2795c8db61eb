/* SPDX-License-Identifier: GPL-2.0-or-later */
/* QUIC and other UDP from a flow's first datagram to its record. */
#include "tests/unit/world_quic.h"

static const struct inpath_limits LIMITS = {
	.flows = 16, .names = 16, .hellos = 2, .traces = 4, .histories = 4
};

static void begin(struct world *w, uint32_t protocols)
{
	world_begin(w, &LIMITS);
	w->policy.protocols = protocols;
	inpath_engine_set_policy(w->engine, &w->set, w->now);
}

static const uint32_t USUAL = INPATH_PROTOCOL_TCP | INPATH_PROTOCOL_QUIC;

static void a_quic_flow_is_named_and_traced(void **state)
{
	(void)state;
	EACH_FAMILY(w)
	{
		const struct world_record *r;

		w.distance = 6;
		begin(&w, USUAL);
		world_quic_open(&w, "www.movies.example");
		world_run(&w, 3 * INPATH_SEC);
		r = world_path(&w);
		assert_non_null(r);
		assert_string_equal(r->host, "www.movies.example");
		assert_int_equal(r->record.flow.by, INPATH_BY_SNI);
		assert_int_equal(r->record.flow.app, INPATH_APP_QUIC);
		assert_int_equal(r->record.path.stop, INPATH_STOP_INFERRED);
		assert_int_equal(r->record.path.nhop, 6);
		for (uint8_t ttl = 1; ttl <= 6; ttl++) {
			struct inpath_addr want =
				wire_addr(ttl < 6 ? world_router(&w, ttl) : world_server(&w));

			assert_int_equal(r->hops[ttl - 1].addr_count, 1);
			assert_memory_equal(&r->hops[ttl - 1].addrs[0], &want, sizeof(want));
			assert_int_equal(r->hops[ttl - 1].server, ttl == 6);
		}
		/* The handshake's round trips: 10 ms to the server, 3 to the client. */
		assert_int_equal(r->record.path.e2e_ns, 10 * MS);
		assert_int_equal(r->hops[5].rtt_min_ns, 10 * MS);
		/* No answer to a probe has come to the client. */
		assert_int_equal(w.to_client, 2);
		assert_int_equal(world_stats(&w)->initials_opened, 1);
		world_end(&w);
	}
}

static void a_probe_is_a_short_header_that_cannot_be_read(void **state)
{
	(void)state;
	EACH_FAMILY(w)
	{
		size_t head = w.v6 ? 48 : 28;
		uint8_t id[WIRE_MAX];

		begin(&w, USUAL);
		world_quic_open(&w, "www.movies.example");
		world_run(&w, 3 * INPATH_SEC);
		assert_true(w.sends >= 6);
		wire_hex(id, QUIC_SERVER_ID);
		for (uint32_t i = 0; i < w.sends; i++) {
			assert_int_equal(w.sent[i].len, head + 21);
			assert_int_equal(w.sent[i].bytes[head], 0x41);
			assert_memory_equal(w.sent[i].bytes + head + 1, id, 8);
			for (uint32_t k = 0; k < i; k++)
				assert_memory_not_equal(
					w.sent[i].bytes + head - 2, w.sent[k].bytes + head - 2, 2);
		}
		world_end(&w);
	}
}

static void nothing_is_sent_before_both_sides_sent_short_headers(void **state)
{
	(void)state;
	EACH_FAMILY(w)
	{
		struct quic_wire server = { .dcid = QUIC_CLIENT_ID, .scid = QUIC_SERVER_ID };
		struct quic_wire client = { .dcid = QUIC_FIRST_ID, .scid = QUIC_CLIENT_ID };
		struct stream s = { 0 };

		begin(&w, USUAL);
		world_initial(&w, &client, "www.movies.example");
		world_run(&w, 1 * INPATH_SEC);
		put_protected(&s, &server, WIRE_HANDSHAKE, 900);
		world_datagram(&w, false, s.bytes, s.len);
		world_run(&w, 1 * INPATH_SEC);
		world_short(&w, true, QUIC_SERVER_ID, 0x41);
		world_run(&w, 1 * INPATH_SEC);
		assert_int_equal(w.sends, 0);
		world_short(&w, false, QUIC_CLIENT_ID, 0x41);
		world_run(&w, 1 * INPATH_SEC);
		assert_true(w.sends > 0);
		world_end(&w);
	}
}

static void a_hello_in_two_datagrams_in_the_wrong_order_is_read(void **state)
{
	(void)state;
	EACH_FAMILY(w)
	{
		struct quic_wire q = { .dcid = QUIC_FIRST_ID };
		struct stream message = { 0 };

		begin(&w, USUAL);
		browser_hello(&message, "www.movies.example", true, 0);
		for (int part = 1; part >= 0; part--) {
			struct stream frames = { 0 }, datagram = { 0 };
			size_t at = part ? 1000 : 0;

			put_crypto(&frames, at, message.bytes + at, part ? message.len - at : 1000);
			q.number = (uint32_t)part;
			put_initial(&datagram, &q, &frames, 1200);
			world_datagram(&w, true, datagram.bytes, datagram.len);
		}
		assert_int_equal(world_stats(&w)->hellos_sni, 1);
		assert_int_equal(world_stats(&w)->flows_traced, 1);
		world_end(&w);
	}
}

static void an_unknown_version_is_quic_without_a_greeting(void **state)
{
	(void)state;
	EACH_FAMILY(w)
	{
		struct quic_wire q = { .version = 0xff00001d, .dcid = QUIC_FIRST_ID, .scid = "aa" };

		begin(&w, USUAL);
		world_initial(&w, &q, "www.movies.example");
		assert_int_equal(world_stats(&w)->flows_traced, 1);
		assert_int_equal(world_stats(&w)->initials_opened, 0);
		world_end(&w);
	}
}

static void forged_initials_cost_a_bounded_amount(void **state)
{
	struct world w = { 0 };
	uint32_t opened;

	(void)state;
	begin(&w, USUAL);
	for (uint32_t i = 0; i < 5000; i++) {
		struct quic_wire q = { .dcid = QUIC_FIRST_ID, .key_dcid = "0000000000000000" };

		w.port = (uint16_t)(1024 + i);
		world_initial(&w, &q, "www.movies.example");
		w.now += 10000;
	}
	opened = (uint32_t)(world_stats(&w)->initials_opened + world_stats(&w)->initials_sealed);
	/* 50 ms: a full bucket, and what came in meanwhile. */
	assert_true(opened <= 400 + 21);
	assert_int_equal(world_stats(&w)->initials_capped, 5000 - opened);
	assert_int_equal(world_stats(&w)->initials_opened, 0);
	world_end(&w);
}

static void one_flow_has_its_share_of_work(void **state)
{
	struct world w = { 0 };

	(void)state;
	begin(&w, USUAL);
	for (uint32_t i = 0; i < 50; i++) {
		struct quic_wire q = { .dcid = QUIC_FIRST_ID, .key_dcid = "0000000000000000" };

		world_initial(&w, &q, "www.movies.example");
	}
	assert_true(world_stats(&w)->initials_sealed <= 8);
	/* It is decided without a name. */
	assert_int_equal(world_stats(&w)->flows_traced, 1);
	world_end(&w);
}

static void behind_a_retry_the_new_id_makes_the_keys(void **state)
{
	struct world w = { 0 };
	struct quic_wire first = { .dcid = QUIC_FIRST_ID, .scid = "", .key_dcid = "11" };
	struct quic_wire retry = { .dcid = "", .scid = "aabbccddeeff0011" };
	struct quic_wire again = { .dcid = "aabbccddeeff0011", .scid = "", .token_len = 20 };
	struct stream s = { 0 };

	(void)state;
	begin(&w, USUAL);
	world_initial(&w, &first, "www.movies.example");
	put_long(&s, &retry, WIRE_RETRY);
	put_fill(&s, 0x55, 40);
	world_datagram(&w, false, s.bytes, s.len);
	world_initial(&w, &again, "www.movies.example");
	assert_int_equal(world_stats(&w)->hellos_sni, 1);
	world_end(&w);
}

static void a_client_that_begins_anew_is_read_anew(void **state)
{
	struct world w = { 0 };
	struct quic_wire first = { .dcid = QUIC_FIRST_ID, .scid = "" };
	struct quic_wire again = { .dcid = "aabbccddeeff0011", .scid = "" };
	struct stream message = { 0 }, frames = { 0 }, datagram = { 0 };

	(void)state;
	begin(&w, USUAL);
	/* Half of a hello, and nobody answers; then a whole one by another id, from the same port. */
	browser_hello(&message, "www.other.example", true, 0);
	put_crypto(&frames, 0, message.bytes, 900);
	put_initial(&datagram, &first, &frames, 1200);
	world_datagram(&w, true, datagram.bytes, datagram.len);
	world_run(&w, 5 * INPATH_SEC);
	world_initial(&w, &again, "www.movies.example");
	assert_int_equal(world_stats(&w)->hellos_sni, 1);
	assert_int_equal(world_stats(&w)->initials_opened, 2);
	world_end(&w);
}

static void what_does_not_open_takes_no_room(void **state)
{
	struct world w = { 0 };
	struct quic_wire forged = { .dcid = QUIC_FIRST_ID, .key_dcid = "0000000000000000" };
	struct quic_wire q = { .dcid = QUIC_FIRST_ID };
	struct stream message = { 0 };

	(void)state;
	begin(&w, USUAL);
	browser_hello(&message, "www.movies.example", true, 0);
	for (int part = 0; part < 2; part++) {
		struct stream frames = { 0 }, datagram = { 0 };

		w.port = 40000;
		put_crypto(&frames, part ? 1000 : 0, message.bytes + (part ? 1000 : 0),
			part ? message.len - 1000 : 1000);
		put_initial(&datagram, &q, &frames, 1200);
		world_datagram(&w, true, datagram.bytes, datagram.len);
		/* Two hellos are all that there is room for. */
		for (uint16_t i = 0; i < 8 && part == 0; i++) {
			w.port = (uint16_t)(50000 + i);
			world_initial(&w, &forged, "www.other.example");
		}
	}
	assert_int_equal(world_stats(&w)->hellos_full, 0);
	assert_int_equal(world_stats(&w)->hellos_sni, 1);
	world_end(&w);
}

static void ignored_and_other_udp_rests_at_once(void **state)
{
	(void)state;
	EACH_FAMILY(w)
	{
		begin(&w, INPATH_PROTOCOL_TCP);
		assert_int_equal(world_datagram(&w, true, "hello", 5).mark, w.set.mark_rest);
		assert_int_equal(world_datagram(&w, false, "hello", 5).mark, w.set.mark_rest);
		assert_int_equal(world_stats(&w)->flows_new, 0);
		world_quic_open(&w, "www.movies.example");
		assert_int_equal(world_stats(&w)->flows_ignored, 1);
		assert_int_equal(world_short(&w, true, QUIC_SERVER_ID, 0x41).mark, w.set.mark_rest);
		world_run(&w, 3 * INPATH_SEC);
		assert_int_equal(w.sends, 0);
		world_end(&w);
	}
}

static void other_udp_is_traced_only_where_a_policy_says_so_and_well_short(void **state)
{
	(void)state;
	/* Ways back up to two hops longer or shorter than the way there. */
	for (int longer = -2; longer <= 2; longer++) {
		EACH_FAMILY(w)
		{
			const struct world_record *r;

			w.distance = 9;
			w.seen_ttl = (uint8_t)(64 - 9 - longer);
			begin(&w, INPATH_PROTOCOL_UDP);
			world_datagram(&w, true, "are you there", 13);
			w.now += 10 * MS;
			world_datagram(&w, false, "yes", 3);
			world_run(&w, 3 * INPATH_SEC);
			r = world_path(&w);
			assert_non_null(r);
			assert_int_equal(r->record.flow.app, INPATH_APP_UDP);
			assert_int_equal(r->record.path.stop, INPATH_STOP_SHORT);
			assert_int_equal(r->record.path.nhop, 9 + longer - 3);
			assert_int_equal(w.touched, 0);
			assert_int_equal(w.to_client, 1);
			for (uint8_t ttl = 1; ttl <= r->record.path.nhop; ttl++)
				assert_int_equal(r->hops[ttl - 1].addr_count, 1);
			world_end(&w);
		}
	}
}

static void an_error_about_the_clients_own_datagram_passes(void **state)
{
	(void)state;
	EACH_FAMILY(w)
	{
		uint8_t own[WIRE_MAX], bytes[WIRE_MAX];
		size_t len;

		begin(&w, USUAL);
		world_quic_open(&w, "www.movies.example");
		world_run(&w, 3 * INPATH_SEC);
		len = wire_udp(own, &(struct wire_udp){ .ip = { .src = world_client(&w),
								.dst = world_server(&w) },
					    .src_port = w.port,
					    .dst_port = 443,
					    .payload = "the client's own datagram",
					    .payload_len = 25 });
		assert_false(world_give(
			&w, false, bytes, wire_time_exceeded(bytes, world_router(&w, 2), own, len))
				     .drop);
		/* ... and one about a probe does not, whatever kind it is. */
		len = wire_icmp(bytes, &(struct wire_icmp){ .ip = { .src = world_router(&w, 2),
								    .dst = world_client(&w) },
					       .type = w.v6 ? 1 : 3,
					       .code = w.v6 ? 4 : 3,
					       .body = w.last_probe.bytes,
					       .body_len = w.last_probe.len });
		assert_true(world_give(&w, false, bytes, len).drop);
		world_end(&w);
	}
}

static void a_port_that_is_used_again_is_another_flow(void **state)
{
	struct world w = { 0 };
	struct quic_wire q = { .dcid = "ffeeddccbbaa9988", .scid = "" };

	(void)state;
	begin(&w, USUAL);
	world_quic_open(&w, "www.movies.example");
	world_run(&w, 3 * INPATH_SEC);
	world_initial(&w, &q, "www.other.example");
	assert_int_equal(world_stats(&w)->flows_new, 2);
	assert_int_equal(world_stats(&w)->hellos_sni, 2);
	world_end(&w);
}

static void a_silence_does_not_name_a_flow_anew(void **state)
{
	struct world w = { 0 };

	(void)state;
	begin(&w, USUAL);
	world_quic_open(&w, "www.movies.example");
	world_run(&w, 3 * INPATH_SEC);
	for (int i = 0; i < 5; i++) {
		world_run(&w, 100 * INPATH_SEC);
		world_short(&w, true, QUIC_SERVER_ID, 0x41);
		world_short(&w, false, QUIC_CLIENT_ID, 0x41);
	}
	world_run(&w, 3 * INPATH_SEC);
	assert_int_equal(world_stats(&w)->flows_new, 1);
	assert_int_equal(world_stats(&w)->flows_traced, 1);
	assert_int_equal(world_stats(&w)->traces, 6);
	assert_int_equal(world_stats(&w)->unchanged, 5);
	world_end(&w);
}

/* conntrack may have forgotten the flow: until the server speaks, the door is shut to probes. */
static void behind_a_silence_a_trace_waits_for_the_servers_word(void **state)
{
	(void)state;
	EACH_FAMILY(w)
	{
		begin(&w, INPATH_PROTOCOL_UDP);
		for (int i = 1; i <= 3; i++) {
			world_datagram(&w, true, "are you there", 13);
			world_run(&w, INPATH_SEC);
			world_datagram(&w, true, "are you there", 13);
			world_run(&w, INPATH_SEC);
			assert_int_equal(world_stats(&w)->traces, i - 1);
			world_datagram(&w, false, "yes", 3);
			world_run(&w, 100 * INPATH_SEC);
			assert_int_equal(world_stats(&w)->traces, i);
		}
		world_end(&w);
	}
}

/* Both witnesses speak of the route of now: the silence, and the server's newest packet. */
static void a_route_that_changes_as_a_trace_begins_hides_no_server(void **state)
{
	(void)state;
	EACH_FAMILY(w)
	{
		const struct world_record *r;

		w.distance = 5;
		begin(&w, USUAL);
		world_quic_open(&w, "www.movies.example");
		w.distance = 6;
		world_run(&w, 50 * MS);
		(void)world_short(&w, false, QUIC_CLIENT_ID, 0x41);
		world_run(&w, 3 * INPATH_SEC);
		r = world_path(&w);
		assert_non_null(r);
		assert_int_equal(r->record.path.stop, INPATH_STOP_INFERRED);
		assert_int_equal(r->record.path.nhop, 6);
		world_end(&w);
	}
}

static void the_spin_bit_times_both_sides(void **state)
{
	struct world w = { 0 };

	(void)state;
	begin(&w, USUAL);
	w.policy.settings.interval_s = 1;
	w.set.log_paths = INPATH_LOG_PATHS_ALL;
	world_quic_open(&w, "www.movies.example");
	for (int i = 0; i < 60; i++) {
		uint8_t spin = i & 1 ? 0x61 : 0x41;

		world_short(&w, true, QUIC_SERVER_ID, spin);
		world_run(&w, 20 * MS);
		world_short(&w, false, QUIC_CLIENT_ID, spin);
		world_run(&w, 30 * MS);
	}
	world_run(&w, 3 * INPATH_SEC);
	assert_true(world_stats(&w)->traces > 1);
	assert_in_range(world_path(&w)->record.path.e2e_ns, 20 * MS, 21 * MS);
	assert_in_range(world_path(&w)->record.path.lan_ns, 30 * MS, 31 * MS);
	world_end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_quic_flow_is_named_and_traced),
		cmocka_unit_test(a_probe_is_a_short_header_that_cannot_be_read),
		cmocka_unit_test(nothing_is_sent_before_both_sides_sent_short_headers),
		cmocka_unit_test(a_hello_in_two_datagrams_in_the_wrong_order_is_read),
		cmocka_unit_test(an_unknown_version_is_quic_without_a_greeting),
		cmocka_unit_test(forged_initials_cost_a_bounded_amount),
		cmocka_unit_test(one_flow_has_its_share_of_work),
		cmocka_unit_test(behind_a_retry_the_new_id_makes_the_keys),
		cmocka_unit_test(a_client_that_begins_anew_is_read_anew),
		cmocka_unit_test(what_does_not_open_takes_no_room),
		cmocka_unit_test(ignored_and_other_udp_rests_at_once),
		cmocka_unit_test(other_udp_is_traced_only_where_a_policy_says_so_and_well_short),
		cmocka_unit_test(an_error_about_the_clients_own_datagram_passes),
		cmocka_unit_test(a_port_that_is_used_again_is_another_flow),
		cmocka_unit_test(a_silence_does_not_name_a_flow_anew),
		cmocka_unit_test(behind_a_silence_a_trace_waits_for_the_servers_word),
		cmocka_unit_test(a_route_that_changes_as_a_trace_begins_hides_no_server),
		cmocka_unit_test(the_spin_bit_times_both_sides),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
