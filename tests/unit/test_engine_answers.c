/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which answers are the engine's own, however they come back, and which are not. */
#include "tests/unit/world.h"

static const struct inpath_limits LIMITS = {
	.flows = 16, .names = 16, .hellos = 2, .traces = 4, .histories = 4
};

#define EACH_FAMILY(w)                                                                             \
	for (int family = 0; family < 2; family++)                                                 \
		for (struct world w = { .v6 = family, .sack = true, .timestamps = true };          \
			w.port != 1; w.port = 1)

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
		world_run(&w, 60 * INPATH_SEC);
		world_request(&w, "again and again", 15);
		world_run(&w, 8 * INPATH_SEC);
		assert_int_equal(world_stats(&w)->traces, 2);
		assert_int_equal(world_stats(&w)->unchanged, 1);
		assert_int_equal(world_stats(&w)->icmp_foreign, 1);
		world_end(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_rewritten_token_counts_once_two_answers_agree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
