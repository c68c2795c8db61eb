/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What strangers send, from either side: no false hop, nothing dropped that quotes no probe, cost and memory
 * bounded.
 *
 * The chance of a blind forgery. Who is not on the way knows at best the server, its port and the gateway's
 * own address. An error counts where it shows a whole token of a probe in memory:
 *
 *	TCP, IPv4	sequence number and ID           1 in 2^32 x 65535
 *	TCP, IPv6	sequence number and client's port 1 in 2^32 x 2^16
 *	UDP, IPv4	checksum and ID                  1 in 2^16 x 65535
 *	UDP, IPv6	checksum and client's port       1 in 2^16 x 2^16
 *
 * for each probe that is waited for, 6 in the world here. An ID alone (IPv4) is a suspicion: two must agree on a
 * shift, which a trace's bytes hide among 95 places or more (64 or 96 bytes are kept, tokens are at
 * least 2 apart); and only as many suspicions a second are looked at as probes may be sent, whatever comes.
 */
#include "tests/unit/world_quic.h"

enum {
	TRIES = 200000,
	FLOOD = 1000000,
	SEED = 12345,
};

static const struct inpath_limits LIMITS = {
	.flows = 16, .names = 16, .hellos = 2, .traces = 4, .histories = 4
};

static const struct inpath_limits HOUSEHOLD = {
	.flows = 1024, .names = 64, .hellos = 8, .traces = 8, .histories = 8
};

/* The same dice each time (xorshift, George Marsaglia 2003). */
static uint32_t dice(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

/* A trace whose probes have just left. */
static void begin(struct world *w)
{
	world_begin(w, &LIMITS);
	world_hello(w);
	world_run(w, 1 * MS);
}

static size_t transport_at(const struct world *w)
{
	return w->v6 ? 40 : 20;
}

/* An ICMP error about a packet, to the client or to the gateway itself. */
static bool error_is_dropped(struct world *w, const char *from, const uint8_t *packet, size_t len,
	enum inpath_side in, enum inpath_side out)
{
	uint8_t bytes[WIRE_MAX];
	size_t whole = wire_time_exceeded(bytes, from, packet, len);

	return world_error_is_dropped(w, bytes, whole, in, out);
}

/* What a stranger makes up who knows everything of a probe but its token. */
static void guess(const struct world *w, uint8_t *packet, uint32_t *state)
{
	uint8_t *transport = packet + transport_at(w);

	if (!w->v6)
		wire_put16(packet + 4, (uint16_t)dice(state));
	else
		wire_put16(transport, (uint16_t)dice(state));
	if (packet[w->v6 ? 6 : 9] == INPATH_PROTO_TCP)
		wire_put32(transport + 4, dice(state));
	else
		wire_put16(transport + 6, (uint16_t)dice(state));
}

static bool path_has(const struct world *w, const char *address)
{
	const struct world_record *r = world_path(w);
	struct inpath_addr a = wire_addr(address);

	assert_non_null(r);
	for (uint8_t i = 0; i < r->record.path.nhop; i++)
		for (uint8_t k = 0; k < r->hops[i].addr_count; k++)
			if (memcmp(&r->hops[i].addrs[k], &a, sizeof(a)) == 0)
				return true;
	return false;
}

static const char *stranger(const struct world *w)
{
	return w->v6 ? "2001:db8:bad::1" : "203.0.113.66";
}

/* When all is over, no stranger stands in the path. */
static void end_without_it(struct world *w)
{
	world_run(w, 20 * INPATH_SEC);
	assert_false(path_has(w, stranger(w)));
	world_end(w);
}

static void guessed_tokens_make_no_hop_and_are_not_dropped(void **state)
{
	(void)state;
	EACH_FAMILY(w)
	{
		uint32_t random = SEED, dropped = 0;

		w.silent = 0xff; /* a false hop would have its place */
		begin(&w);
		assert_true(w.sends >= 5);
		for (int i = 0; i < TRIES; i++) {
			struct inpath_probe *probe = &w.sent[(uint32_t)i % w.sends];
			uint8_t packet[INPATH_PROBE_BYTES];

			memcpy(packet, probe->bytes, sizeof(packet));
			guess(&w, packet, &random);
			dropped += error_is_dropped(&w, stranger(&w), packet, probe->len,
				INPATH_SIDE_WAN, i & 1 ? INPATH_SIDE_NONE : INPATH_SIDE_LAN);
			w.now += 1000; /* a million a second */
		}
		assert_int_equal(dropped, 0);
		end_without_it(&w);
	}
}

/* The best there is in IPv4: every ID once, and numbers that two hits may agree on. */
static void a_sweep_over_all_ids_makes_no_hop(void **state)
{
	struct world w = { .sack = true, .timestamps = true, .silent = 0xff };
	uint32_t random = SEED, dropped = 0;

	(void)state;
	begin(&w);
	for (uint32_t id = 1; id <= 65535; id++) {
		uint8_t packet[INPATH_PROBE_BYTES];

		memcpy(packet, w.sent[0].bytes, sizeof(packet));
		wire_put16(packet + 4, (uint16_t)id);
		wire_put32(packet + 24, 1000 + dice(&random) % 96);
		dropped += error_is_dropped(
			&w, stranger(&w), packet, w.sent[0].len, INPATH_SIDE_WAN, INPATH_SIDE_NONE);
		w.now += 1000;
	}
	assert_int_equal(dropped, 0);
	end_without_it(&w);
}

/* As many are looked at as probes may be sent; a whole token still counts. */
static void who_guesses_gets_few_tries_and_does_not_stop_true_answers(void **state)
{
	struct world w = { .sack = true, .timestamps = true, .silent = 0xff };
	uint8_t packet[INPATH_PROBE_BYTES], right[INPATH_PROBE_BYTES];

	(void)state;
	begin(&w);
	memcpy(packet, w.sent[0].bytes, sizeof(packet));
	wire_put16(packet + 4, (uint16_t)(wire_get16(packet + 4) ^ 0x5555));
	for (uint32_t i = 0; i < 2 * w.set.budget.gateway; i++)
		assert_false(error_is_dropped(&w, stranger(&w), packet, w.sent[0].len,
			INPATH_SIDE_WAN, INPATH_SIDE_NONE));
	/* Now two of the same trace would agree; they come too soon behind so many. */
	for (int i = 0; i < 3; i++) {
		memcpy(packet, w.sent[i].bytes, sizeof(packet));
		wire_put16(packet + 4, (uint16_t)(wire_get16(packet + 4) + 77));
		assert_false(error_is_dropped(
			&w, stranger(&w), packet, w.sent[i].len, INPATH_SIDE_WAN, INPATH_SIDE_LAN));
	}
	memcpy(right, w.sent[0].bytes, sizeof(right));
	assert_true(error_is_dropped(
		&w, world_router(&w, 1), right, w.sent[0].len, INPATH_SIDE_WAN, INPATH_SIDE_LAN));
	world_run(&w, 20 * INPATH_SEC);
	assert_true(path_has(&w, world_router(&w, 1)));
	assert_false(path_has(&w, stranger(&w)));
	world_end(&w);
}

/* A probe's token belongs to its server and port: with another's it is nothing. */
static void the_right_token_in_another_flow_is_nothing(void **state)
{
	(void)state;
	EACH_FAMILY(w)
	{
		/* A server address byte, and the server's port. */
		const size_t places[] = { transport_at(&w) - 1, transport_at(&w) + 3 };

		w.silent = 0xff;
		begin(&w);
		for (size_t at = 0; at < 2; at++) {
			for (uint32_t i = 0; i < w.sends; i++) {
				uint8_t packet[INPATH_PROBE_BYTES];

				memcpy(packet, w.sent[i].bytes, sizeof(packet));
				packet[places[at]] ^= 1;
				assert_false(error_is_dropped(&w, stranger(&w), packet,
					w.sent[i].len, INPATH_SIDE_WAN, INPATH_SIDE_LAN));
			}
		}
		end_without_it(&w);
	}
}

static void guesses_at_datagrams_make_no_hop_either(void **state)
{
	(void)state;
	EACH_FAMILY(w)
	{
		uint32_t random = SEED, dropped = 0;

		w.silent = 0xff;
		world_begin(&w, &LIMITS);
		w.policy.protocols = INPATH_PROTOCOL_QUIC;
		inpath_engine_set_policy(w.engine, &w.set, w.now);
		world_quic_open(&w, "www.example");
		world_run(&w, 1 * MS);
		assert_true(w.sends >= 4);
		for (int i = 0; i < TRIES; i++) {
			struct inpath_probe *probe = &w.sent[(uint32_t)i % w.sends];
			uint8_t packet[INPATH_PROBE_BYTES];

			memcpy(packet, probe->bytes, sizeof(packet));
			guess(&w, packet, &random);
			dropped += error_is_dropped(&w, stranger(&w), packet, probe->len,
				INPATH_SIDE_WAN, INPATH_SIDE_NONE);
			w.now += 1000;
		}
		/* 32 bits against 200,000 tries at a handful of probes: about one in 4,000. */
		assert_int_equal(dropped, 0);
		end_without_it(&w);
	}
}

/* What a device in the house says about probes that it never saw, or has seen on the LAN. */
static void the_lan_cannot_answer_for_routers(void **state)
{
	(void)state;
	EACH_FAMILY(w)
	{
		w.silent = 0xff;
		begin(&w);
		for (uint32_t i = 0; i < w.sends; i++) {
			assert_false(error_is_dropped(&w, stranger(&w), w.sent[i].bytes,
				w.sent[i].len, INPATH_SIDE_LAN, INPATH_SIDE_WAN));
			assert_false(error_is_dropped(&w, stranger(&w), w.sent[i].bytes,
				w.sent[i].len, INPATH_SIDE_LAN, INPATH_SIDE_NONE));
		}
		end_without_it(&w);
	}
}

/* --- the server's side ---------------------------------------------------------------------------- */

/* A blind forger of the server's ACKs does not know which byte is out, and has to say a block. */
static void guessed_blocks_name_no_probe(void **state)
{
	(void)state;
	EACH_FAMILY(w)
	{
		uint32_t random = SEED, dropped = 0;

		w.deaf = true;
		begin(&w);
		assert_true(w.touched > 0);
		for (int i = 0; i < TRIES; i++) {
			struct wire_tcp t = world_server_tcp(&w);
			uint8_t bytes[WIRE_MAX];

			t.sack_count = 1;
			t.sack[0].start = dice(&random);
			t.sack[0].end = t.sack[0].start + 1;
			dropped += world_give(&w, false, bytes, wire_tcp(bytes, &t)).drop;
		}
		assert_int_equal(dropped, 0);
		assert_int_equal(world_stats(&w)->touches, 0);
		world_end(&w);
	}
}

/* To the gateway itself, from the server's port, with any block: it may say "reached", and no more. */
static void a_stray_ack_names_no_hop(void **state)
{
	(void)state;
	EACH_FAMILY(w)
	{
		const struct world_record *r;
		struct wire_tcp t;
		uint8_t bytes[WIRE_MAX];

		w.deaf = true;
		begin(&w);
		t = world_server_tcp(&w);
		t.sack_count = 1;
		t.sack[0] = (struct tcp_sack_block){ 77, 78 };
		w.strays = true;
		for (int i = 0; i < 1000; i++)
			world_give(&w, false, bytes, wire_tcp(bytes, &t));
		assert_true(world_stats(&w)->swallowed_ack <= w.set.budget.gateway);
		world_run(&w, 20 * INPATH_SEC);
		r = world_path(&w);
		assert_non_null(r);
		for (uint8_t i = 0; i < r->record.path.nhop; i++)
			assert_true(!r->hops[i].server || r->hops[i].ttl == 0 ||
				    r->record.path.stop == INPATH_STOP_REACHED);
		assert_int_equal(r->hops[w.distance - 1].addr_count, 0);
		world_end(&w);
	}
}

/* --- floods --------------------------------------------------------------------------------------- */

static void spray(struct world *w, uint32_t i, uint8_t proto, bool from_client)
{
	char other[64];
	uint8_t bytes[WIRE_MAX];
	size_t len;
	struct wire_ip ip = { .ttl = 60 };

	snprintf(other, sizeof(other), w->v6 ? "2001:db8:6:%x:%x:%x::1" : "10.%u.%u.%u",
		i >> 16 & 255, i >> 8 & 255, i & 255);
	ip.src = from_client ? other : world_server(w);
	ip.dst = from_client ? world_server(w) : other;
	if (proto == INPATH_PROTO_TCP)
		len = wire_tcp(bytes, &(struct wire_tcp){ .ip = ip,
					      .src_port = (uint16_t)(1024 + i % 60000),
					      .dst_port = 443,
					      .seq = i,
					      .flags = TCP_SYN,
					      .window = 1000 });
	else
		len = wire_udp(bytes, &(struct wire_udp){ .ip = ip,
					      .src_port = (uint16_t)(1024 + i % 60000),
					      .dst_port = 443,
					      .payload = "hello",
					      .payload_len = 5 });
	assert_false(world_give(w, from_client, bytes, len).drop);
}

/*
 * A million flows in both families, one packet each; what was traced before goes on, and what comes after is traced.
 * The engine has the memory that it asked for at the start, to the byte: the sanitizer sees one over.
 */
static void flood(uint8_t proto)
{
	for (int family = 0; family < 2; family++) {
		struct world w = { .v6 = family, .sack = true, .timestamps = true };

		world_begin(&w, &HOUSEHOLD);
		w.policy.protocols |= INPATH_PROTOCOL_UDP;
		inpath_engine_set_policy(w.engine, &w.set, w.now);
		world_hello(&w);
		world_run(&w, 2 * INPATH_SEC);
		assert_world_path(&w);
		for (uint32_t i = 0; i < FLOOD / 2; i++) {
			spray(&w, i, proto, i & 1);
			w.now += 1000;
			if (i % 1000 == 0) {
				/* The household's own connection speaks, too. */
				world_server_says(&w, world_server_tcp(&w));
				world_run(&w, 0);
			}
		}
		assert_in_range(
			world_stats(&w)->flows_evicted, FLOOD / 2 - 2 * HOUSEHOLD.flows, FLOOD / 2);
		/* Recovery at once: a new connection has its path a round trip later. */
		w.port++;
		world_hello(&w);
		world_run(&w, 2 * INPATH_SEC);
		assert_world_path(&w);
		world_end(&w);
	}
}

static void a_million_syns_evict_idle_flows_and_nothing_else(void **state)
{
	(void)state;
	flood(INPATH_PROTO_TCP);
}

static void a_million_datagrams_evict_idle_flows_and_nothing_else(void **state)
{
	(void)state;
	flood(INPATH_PROTO_UDP);
}

/* --- names ---------------------------------------------------------------------------------------- */

static void a_greeting_cannot_name_what_is_no_host(void **state)
{
	static const struct {
		const char *name;
		size_t len;
	} nasty[] = {
		{ "a\" ev=path cl=1.2.3.4", 20 },
		{ "a\nev=path", 9 },
		{ "\x1b]0;title\x07", 10 },
		{ "a\0b.example", 11 },
		{ "b\xc3\x28.example", 11 },
		{ "\xff\xfe.example", 10 },
		{ "caf\xc3\xa9.example", 13 },
		{ "a b.example", 11 },
		{ "a=b.example", 11 },
		{ "%n%s.example", 12 },
		{ "..", 2 },
		{ NULL, 254 },
		{ NULL, 255 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(nasty) / sizeof(nasty[0]); i++) {
		struct world w = { .sack = true, .timestamps = true };
		struct stream message = { 0 }, records = { 0 };
		char longest[256];
		size_t from;

		memset(longest, 'a', sizeof(longest));
		hello_begin(&message, 0);
		from = open16(&message);
		put_sni_bytes(&message, nasty[i].name ? nasty[i].name : longest, nasty[i].len);
		hello_end(&message, from);
		in_records(&records, &message, 16384);
		world_begin(&w, &LIMITS);
		world_connect(&w);
		world_request(&w, records.bytes, records.len);
		world_run(&w, 2 * INPATH_SEC);
		assert_string_equal(world_path(&w)->host, "");
		assert_int_equal(world_path(&w)->record.flow.by, INPATH_BY_ADDR);
		world_end(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(guessed_tokens_make_no_hop_and_are_not_dropped),
		cmocka_unit_test(a_sweep_over_all_ids_makes_no_hop),
		cmocka_unit_test(who_guesses_gets_few_tries_and_does_not_stop_true_answers),
		cmocka_unit_test(the_right_token_in_another_flow_is_nothing),
		cmocka_unit_test(guesses_at_datagrams_make_no_hop_either),
		cmocka_unit_test(the_lan_cannot_answer_for_routers),
		cmocka_unit_test(guessed_blocks_name_no_probe),
		cmocka_unit_test(a_stray_ack_names_no_hop),
		cmocka_unit_test(a_million_syns_evict_idle_flows_and_nothing_else),
		cmocka_unit_test(a_million_datagrams_evict_idle_flows_and_nothing_else),
		cmocka_unit_test(a_greeting_cannot_name_what_is_no_host),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
