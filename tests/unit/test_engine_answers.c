/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which answers are the engine's own, however they come back, and which are not. */
#include "tests/unit/world.h"

static const struct inpath_limits LIMITS = {
	.flows = 16, .names = 16, .hellos = 2, .traces = 4, .histories = 4
};

static void a_rewritten_token_counts_once_two_answers_agree(void **state)
{
	(void)state;
	for (int seq = 0; seq < 2; seq++) {
		struct world w = { .sack = true, .timestamps = true };
		uint8_t bytes[WIRE_MAX];
		struct inpath_probe late;

		w.id_shift = seq ? 0 : 777;
		w.seq_shift = seq ? 0x12345678 : 0;
		world_begin(&w, &LIMITS);
		world_hello(&w);
		world_run(&w, 2 * INPATH_SEC);
		/* Each with its own time, the first one too; which alone the client has seen. */
		assert_world_path(&w);
		assert_int_equal(w.to_client, 2 + 1);
		assert_int_equal(world_stats(&w)->icmp_foreign, 1);
		/* From then on none passes, be it late or the next trace's first. */
		late = w.last_probe;
		wire_put16(late.bytes + 4,
			(uint16_t)((late.bytes[4] << 8 | late.bytes[5]) + w.id_shift));
		wire_put32(late.bytes + 24, wire_get32(late.bytes + 24) + w.seq_shift);
		assert_true(world_give(&w, false, bytes,
			wire_time_exceeded(bytes, "10.0.0.9", late.bytes, late.len))
				    .drop);
		world_run(&w, 91 * INPATH_SEC);
		world_request(&w, "again and again", 15);
		world_run(&w, 8 * INPATH_SEC);
		assert_int_equal(world_stats(&w)->traces, 2);
		assert_int_equal(world_stats(&w)->unchanged, 1);
		assert_int_equal(world_stats(&w)->icmp_foreign, 1);
		world_end(&w);
	}
}

/* An ICMP error of any kind about a packet; in_side and out_side as given. */
static bool error_is_dropped(struct world *w, uint8_t type, uint8_t code, const uint8_t *packet,
	size_t len, enum inpath_side in, enum inpath_side out)
{
	uint8_t bytes[WIRE_MAX];
	size_t whole = wire_icmp(bytes,
		&(struct wire_icmp){
			.ip = { .src = world_router(w, 2), .dst = world_client(w), .ttl = 60 },
			.type = type,
			.code = code,
			.rest = 1400, /* an MTU, to those that look for one */
			.body = packet,
			.body_len = len });

	return world_error_is_dropped(w, bytes, whole, in, out);
}

static void an_error_about_size_is_never_about_a_probe(void **state)
{
	(void)state;
	EACH_FAMILY(w)
	{
		world_begin(&w, &LIMITS);
		world_hello(&w);
		world_run(&w, 1 * MS);
		/* "Too big" about a segment that begins where a probe's byte stands. */
		assert_false(error_is_dropped(&w, w.v6 ? 2 : 3, w.v6 ? 0 : 4, w.last_probe.bytes,
			w.last_probe.len, INPATH_SIDE_WAN, INPATH_SIDE_LAN));
		/* Unreachable, prohibited, a bad header: these a probe can cause. */
		assert_true(error_is_dropped(&w, w.v6 ? 1 : 3, w.v6 ? 1 : 13, w.last_probe.bytes,
			w.last_probe.len, INPATH_SIDE_WAN, INPATH_SIDE_LAN));
		assert_true(error_is_dropped(&w, w.v6 ? 4 : 12, 0, w.last_probe.bytes,
			w.last_probe.len, INPATH_SIDE_WAN, INPATH_SIDE_LAN));
		world_end(&w);
	}
}

static void an_error_to_the_gateway_itself_counts_and_shows_the_rewriting(void **state)
{
	(void)state;
	EACH_FAMILY(w)
	{
		uint8_t quote[INPATH_PROBE_BYTES];
		const struct inpath_hop *hop;

		w.silent = 1 << 1;
		world_begin(&w, &LIMITS);
		world_hello(&w);
		world_run(&w, 1 * MS);
		/* TTL 2's: it was sent second, so its token is in the second packet; any will do. */
		memcpy(quote, w.sent[1].bytes, sizeof(quote));
		quote[w.v6 ? 8 + 15 : 15] ^= 1; /* the source address */
		if (!w.v6)
			quote[20 + 1] ^= 0xf; /* the source port */
		assert_true(error_is_dropped(&w, w.v6 ? 3 : 11, 0, quote, w.sent[1].len,
			INPATH_SIDE_WAN, INPATH_SIDE_NONE));
		world_run(&w, 2 * INPATH_SEC);
		hop = &world_path(&w)->hops[1];
		assert_int_equal(hop->addr_count, 1);
		assert_true(hop->rewritten);
		assert_false(world_path(&w)->hops[0].rewritten);
		world_end(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_rewritten_token_counts_once_two_answers_agree),
		cmocka_unit_test(an_error_about_size_is_never_about_a_probe),
		cmocka_unit_test(an_error_to_the_gateway_itself_counts_and_shows_the_rewriting),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
