/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a whole path tells: paths as text, and what is read from them. */
#include "gateway/engine/reading.h"
#include "tests/unit/stages.h"

#include <stdio.h>

/*
 * Each character is a TTL: a letter is a router's address, `*` silence, a capital letter the same
 * router as its small one, quoting TTL 0.
 */
static const struct {
	const char *promise;
	const char *path;
	const char *loops;  /* TTLs as digits */
	const char *cycles; /* pairs of digits */
} PATHS[] = {
	{ "a plain path", "abcdef", "", "" },
	{ "nothing", "", "", "" },
	{ "a router twice in a row", "abbc", "3", "" },
	{ "thrice", "abbbc", "34", "" },
	{ "two loops", "aabb", "24", "" },
	{ "forwarded with TTL 0 it is no loop", "aBbc", "", "" },
	{ "forwarded with TTL 0, and then a loop", "aBbbc", "4", "" },
	{ "a router again behind another", "abac", "", "13" },
	{ "and far behind", "abcdea", "", "16" },
	{ "the nearest earlier place counts", "abacda", "", "1336" },
	{ "silence between tells neither", "a*ab", "", "" },
	{ "silence and another between is a cycle", "a*bac", "", "14" },
	{ "a loop within a cycle", "abba", "3", "14" },
	{ "no more than there is room for", "aaaaaaaa", "2345", "" },
};

static void hops_of(struct inpath_hop *hops, const char *path)
{
	memset(hops, 0, INPATH_MAX_HOPS * sizeof(*hops));
	for (uint8_t i = 0; path[i]; i++) {
		char c = path[i];

		hops[i].ttl = (uint8_t)(i + 1);
		if (c == '*')
			continue;
		hops[i].zero_ttl = c < 'a';
		hops[i].addr_count = 1;
		hops[i].addrs[0].family = INPATH_AF_INET;
		hops[i].addrs[0].bytes[3] = (uint8_t)(c | 0x20);
	}
}

static void loops_and_cycles_are_told_apart(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(PATHS) / sizeof(PATHS[0]); i++) {
		struct inpath_hop hops[INPATH_MAX_HOPS];
		struct inpath_path_notes notes;
		char loops[16] = "", cycles[16] = "";

		hops_of(hops, PATHS[i].path);
		reading_take(hops, (uint8_t)strlen(PATHS[i].path), &notes);
		for (uint8_t k = 0; k < notes.loop_count; k++)
			snprintf(loops + strlen(loops), 4, "%u", notes.loops[k]);
		for (uint8_t k = 0; k < notes.cycle_count; k++)
			snprintf(cycles + strlen(cycles), 8, "%u%u", notes.cycles[k].first,
				notes.cycles[k].again);
		if (strcmp(loops, PATHS[i].loops) != 0 || strcmp(cycles, PATHS[i].cycles) != 0)
			fail_msg("%s: loops %s, cycles %s", PATHS[i].promise, loops, cycles);
	}
}

static void rewriting_is_put_down_to_the_first_hop_that_shows_it(void **state)
{
	struct inpath_hop hops[INPATH_MAX_HOPS];
	struct inpath_path_notes notes;

	(void)state;
	hops_of(hops, "ab*de");
	hops[1].rewritten = INPATH_REWRITTEN_DSCP;
	hops[3].rewritten = INPATH_REWRITTEN_DSCP | INPATH_REWRITTEN_ADDR;
	hops[4].rewritten = INPATH_REWRITTEN_ADDR;
	reading_take(hops, 5, &notes);
	assert_int_equal(hops[0].rewritten_first, 0);
	assert_int_equal(hops[1].rewritten_first, INPATH_REWRITTEN_DSCP);
	assert_int_equal(hops[3].rewritten_first, INPATH_REWRITTEN_ADDR);
	assert_int_equal(hops[4].rewritten_first, 0);
}

static void a_carriers_space_is_named_where_it_is_first_seen(void **state)
{
	static const struct {
		const char *addr;
		bool shared;
	} cases[] = {
		{ "100.63.255.255", false },
		{ "100.64.0.0", true },
		{ "100.127.255.255", true },
		{ "100.128.0.0", false },
		{ "10.64.0.1", false },
		{ "6464:4040::1", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct inpath_hop hops[INPATH_MAX_HOPS];
		struct inpath_path_notes notes;

		hops_of(hops, "abc");
		hops[1].addrs[0] = wire_addr(cases[i].addr);
		hops[2].addrs[0] = wire_addr("100.64.0.9");
		reading_take(hops, 3, &notes);
		assert_int_equal(notes.nat_shared, cases[i].shared ? 2 : 3);
		reading_take(hops, 1, &notes);
		assert_int_equal(notes.nat_shared, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(loops_and_cycles_are_told_apart),
		cmocka_unit_test(rewriting_is_put_down_to_the_first_hop_that_shows_it),
		cmocka_unit_test(a_carriers_space_is_named_where_it_is_first_seen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
