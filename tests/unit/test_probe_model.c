/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The choice of tokens against a plain list of what was sent. */
#include "tests/unit/probing.h"

struct plain_probe {
	uint32_t seq;
	uint16_t id;
	bool answered;
	inpath_time sent;
};

/* May this byte be sent, as section 5 and law 8 say? */
static bool plain_free(
	const struct plain_probe *sent, uint32_t count, bool v6, uint32_t seq, inpath_time now)
{
	for (uint32_t i = 0; i < count; i++) {
		bool out = !sent[i].answered && now < sent[i].sent + PATIENCE;
		uint32_t off = sent[i].seq - seq;

		if (now >= sent[i].sent + PROBE_MEMORY)
			continue;
		if ((out && (off + 1 <= 2)) || (v6 && off == 0))
			return false;
	}
	return true;
}

/* Against a plain list: every token is one that may be used, and there is one if any may. */
static void any_sequence_of_probes_keeps_the_rules_of_tokens(void **state)
{
	static const uint32_t starts[] = { 1000, 1001, 0xffffffd0, 0xfffffff1, 0x7ffffff3, 0 };
	uint32_t random = 3;

	(void)state;
	for (uint32_t run = 0; run < 120; run++) {
		static struct plain_probe sent[4000];
		bool v6 = run & 1;
		uint16_t len = (uint16_t)(2 + run % 40);
		uint32_t seq = starts[run % 6], nxt = seq + len + (run >> 3 & 1), count = 0;
		struct fixture f = probes_of(4000);
		struct inpath_tuple tuple = tuple_of(v6);
		struct tcp_flow t = flow_of(seq, len, nxt);
		inpath_time now = T0;

		for (int step = 0; step < 600; step++) {
			uint32_t r = (random = random * 1664525 + 1013904223) >> 8, slot;
			struct probe_token token;
			bool any = false;

			now += r % 8 ? (r >> 4) % 80 * MS : 0;
			probes_expire(&f.p, now);
			for (uint32_t i = 0; i < len; i++)
				any |= seq + i + 1 != nxt &&
				       plain_free(sent, count, v6, seq + i, now);
			/* In IPv4 the ID may happen to be taken; the next one is not. */
			assert_int_equal(send_probe(&f.p, &tuple, &t, now, &token, &slot) ||
						 send_probe(&f.p, &tuple, &t, now, &token, &slot),
				any);
			if (!any)
				continue;
			assert_true(!token.empty && token.seq - seq < len && token.seq + 1 != nxt);
			assert_true(plain_free(sent, count, v6, token.seq, now));
			assert_int_equal(token.byte, stage_byte(token.seq));
			for (uint32_t i = 0; i < count; i++)
				assert_false(!v6 && now < sent[i].sent + PROBE_MEMORY &&
					     sent[i].seq == token.seq && sent[i].id == token.ip_id);
			f.p.entries[slot].answered = r >> 12 & 1;
			sent[count++] =
				(struct plain_probe){ token.seq, token.ip_id, r >> 12 & 1, now };
		}
		free(f.memory);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_sequence_of_probes_keeps_the_rules_of_tokens),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
