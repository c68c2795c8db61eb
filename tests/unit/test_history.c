/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The last path of each flow, in a table that forgets the longest unused. */
#include "gateway/engine/history.h"
#include "tests/unit/stages.h"

static struct histories histories_of(uint32_t capacity, void **memory)
{
	struct arena measure = { 0 }, arena = { 0 };
	struct histories h;

	histories_init(&h, &measure, capacity);
	*memory = stage_memory(measure.used);
	arena.base = *memory;
	histories_init(&h, &arena, capacity);
	assert_int_equal(arena.used, measure.used);
	return h;
}

static void while_there_is_room_nobody_is_robbed(void **state)
{
	void *memory;
	struct histories h = histories_of(20, &memory);
	bool seen[20] = { false };

	(void)state;
	for (uint32_t flow = 0; flow < 20; flow++) {
		uint32_t robbed = 0, slot = history_take(&h, flow * 1000, &robbed);

		assert_int_equal(robbed, TABLE_NONE);
		assert_true(slot < 20 && !seen[slot]);
		seen[slot] = true;
		assert_int_equal(h.entries[slot].flow, flow * 1000);
	}
	free(memory);
}

static void one_more_robs_the_longest_unused(void **state)
{
	void *memory;
	struct histories h = histories_of(3, &memory);
	uint32_t robbed, slots[3];

	(void)state;
	for (uint32_t flow = 0; flow < 3; flow++)
		slots[flow] = history_take(&h, flow, &robbed);
	table_touch(&h.table, slots[0]);
	assert_int_equal(history_take(&h, 10, &robbed), slots[1]);
	assert_int_equal(robbed, 1);
	assert_int_equal(history_take(&h, 11, &robbed), slots[2]);
	assert_int_equal(robbed, 2);
	assert_int_equal(history_take(&h, 12, &robbed), slots[0]);
	assert_int_equal(robbed, 0);
	assert_int_equal(h.entries[slots[0]].flow, 12);
	assert_int_equal(h.table.count, 3);
	free(memory);
}

static void what_is_given_back_is_taken_before_anybody_is_robbed(void **state)
{
	void *memory;
	struct histories h = histories_of(2, &memory);
	uint32_t robbed, first;

	(void)state;
	first = history_take(&h, 1, &robbed);
	history_take(&h, 2, &robbed);
	history_drop(&h, first);
	assert_int_equal(history_take(&h, 3, &robbed), first);
	assert_int_equal(robbed, TABLE_NONE);
	free(memory);
}

static void a_path_stays_where_it_was_put(void **state)
{
	void *memory;
	struct histories h = histories_of(4, &memory);
	uint32_t robbed, slots[4];

	(void)state;
	for (uint32_t flow = 0; flow < 4; flow++) {
		slots[flow] = history_take(&h, flow, &robbed);
		h.entries[slots[flow]].path = (struct path){ .fingerprint = 100 + flow };
	}
	history_take(&h, 9, &robbed);
	for (uint32_t flow = 0; flow < 4; flow++)
		if (flow != robbed)
			assert_int_equal(h.entries[slots[flow]].path.fingerprint, 100 + flow);
	free(memory);
}

static void a_table_of_one_serves_each_in_turn(void **state)
{
	void *memory;
	struct histories h = histories_of(1, &memory);
	uint32_t robbed;

	(void)state;
	for (uint32_t flow = 0; flow < 100; flow++) {
		assert_int_equal(history_take(&h, flow, &robbed), 0);
		assert_int_equal(robbed, flow ? flow - 1 : TABLE_NONE);
	}
	free(memory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(while_there_is_room_nobody_is_robbed),
		cmocka_unit_test(one_more_robs_the_longest_unused),
		cmocka_unit_test(what_is_given_back_is_taken_before_anybody_is_robbed),
		cmocka_unit_test(a_path_stays_where_it_was_put),
		cmocka_unit_test(a_table_of_one_serves_each_in_turn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
