/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The paths of each flow, in a table that forgets the longest unused. */
#include "gateway/engine/history.h"
#include "tests/unit/stages.h"

static struct histories histories_of(uint32_t capacity, void **memory)
{
	struct arena measure = { 0 }, arena = { 0 };
	struct histories h = { 0 };

	histories_init(&h, &measure, capacity);
	*memory = stage_memory(measure.used);
	arena.base = *memory;
	histories_init(&h, &arena, capacity);
	assert_int_equal(arena.used, measure.used);
	return h;
}

static void there_is_room_for_as_many_as_the_limit_says(void **state)
{
	void *memory;
	struct histories h = histories_of(20, &memory);
	bool seen[20 + HISTORY_SPARE] = { false };

	(void)state;
	for (uint32_t flow = 0; flow < 20; flow++) {
		uint32_t slot;

		assert_int_equal(history_in_the_way(&h), TABLE_NONE);
		slot = history_take(&h, flow * 1000);
		assert_true(slot < 20 + HISTORY_SPARE && !seen[slot]);
		seen[slot] = true;
		assert_int_equal(h.entries[slot].flow, flow * 1000);
	}
	assert_int_not_equal(history_in_the_way(&h), TABLE_NONE);
	free(memory);
}

static void the_longest_unused_is_in_the_way(void **state)
{
	void *memory;
	struct histories h = histories_of(3, &memory);
	uint32_t slots[3];

	(void)state;
	for (uint32_t flow = 0; flow < 3; flow++)
		slots[flow] = history_take(&h, flow);
	table_touch(&h.table, slots[0]);
	assert_int_equal(history_in_the_way(&h), slots[1]);
	/* One that has ended is in nobody's way, and is there until it was told. */
	assert_true(history_end(&h, slots[1]));
	assert_int_equal(history_in_the_way(&h), TABLE_NONE);
	history_take(&h, 10);
	assert_int_equal(history_in_the_way(&h), slots[2]);
	assert_int_equal(history_ended(&h), slots[1]);
	history_drop(&h, slots[1]);
	assert_int_equal(history_ended(&h), TABLE_NONE);
	history_drop(&h, slots[2]);
	assert_int_equal(history_in_the_way(&h), TABLE_NONE);
	free(memory);
}

static void so_many_wait_to_be_told_and_no_more(void **state)
{
	void *memory;
	struct histories h = histories_of(2, &memory);
	uint32_t slot = history_take(&h, 7), other;

	(void)state;
	for (uint32_t i = 0; i < HISTORY_SPARE; i++) {
		h.entries[slot].now.traces = i;
		other = history_split(&h, slot);
		assert_int_not_equal(other, slot);
		assert_int_equal(h.entries[other].now.traces, i);
		assert_int_equal(h.entries[other].state, HISTORY_ENDED);
	}
	assert_int_equal(history_split(&h, slot), TABLE_NONE);
	assert_false(history_end(&h, slot));
	assert_int_equal(h.entries[slot].state, HISTORY_LIVING);
	/* Even so there is room for the living. */
	other = history_take(&h, 8);
	assert_true(other < 2 + HISTORY_SPARE);
	for (uint32_t i = 0; i < HISTORY_SPARE; i++) {
		assert_int_equal(h.entries[history_ended(&h)].now.traces, i);
		history_drop(&h, history_ended(&h));
	}
	assert_int_equal(history_ended(&h), TABLE_NONE);
	assert_true(history_end(&h, other));
	free(memory);
}

static struct path path_of(uint8_t last)
{
	struct path p = { .count = 2, .fingerprint = last };

	p.entries[0].ttl = 1;
	p.entries[0].addr = wire_addr("10.0.0.1");
	p.entries[1].ttl = 2;
	p.entries[1].addr = (struct inpath_addr){ INPATH_AF_INET, { 10, 0, 1, last } };
	return p;
}

static void the_latest_four_paths_are_known_again(void **state)
{
	void *memory;
	struct histories h = histories_of(1, &memory);
	struct history *one = &h.entries[history_take(&h, 7)];

	(void)state;
	for (uint8_t i = 1; i <= 6; i++) {
		struct path p = path_of(i);

		history_turn(one, &p, i * 100, i * 100 + 10);
		history_goes_on(one, i * 100 + 50);
	}
	assert_int_equal(one->now.traces, 2);
	assert_int_equal(one->now.since, 600);
	assert_int_equal(one->now.until, 650);
	for (uint8_t i = 1; i <= 6; i++) {
		struct path p = path_of(i);

		assert_int_equal(history_knows(one, &p, 2), i >= 2 && i <= 5);
		p.count = 1;
		/* Silent where they part: it may be any. */
		assert_false(history_knows(one, &p, 2));
	}
	assert_int_equal(one->earlier[0].epoch.until, 550);
	free(memory);
}

static void an_epoch_keeps_what_its_traces_measured(void **state)
{
	static struct prober walk;
	static struct inpath_epoch_hop hops[INPATH_EPOCH_HOPS];
	struct inpath_record_epoch told;
	void *memory;
	struct histories h = histories_of(1, &memory);
	struct history *one = &h.entries[history_take(&h, 7)];
	struct path p = path_of(1);

	(void)state;
	history_turn(one, &p, 1, 1);
	for (uint8_t i = 1; i <= 3; i++) {
		walk.hops[0].sent = 2;
		walk.hops[0].answered = 1;
		walk.samples[0].who[1] = 1;
		walk.samples[0].rtt_ns[1] = i * INPATH_MSEC;
		walk.hops[2].sent = 2;
		/* The last one is cut short. */
		history_measure(one, &walk, i == 3 ? 64 : 3, i < 3);
	}
	told = history_told(one, hops);
	assert_int_equal(told.nhop, INPATH_EPOCH_HOPS);
	assert_int_equal(hops[0].addr_count, 1);
	assert_int_equal(hops[0].sent, 5);
	assert_int_equal(hops[0].missing, 2);
	assert_int_equal(hops[0].rtt.count, 3);
	assert_int_equal(hops[0].rtt.min_ns, INPATH_MSEC);
	assert_int_equal(hops[0].rtt.med_ns, 2 * INPATH_MSEC);
	assert_int_equal(hops[0].rtt.max_ns, 3 * INPATH_MSEC);
	assert_int_equal(hops[1].addr_count, 1);
	assert_int_equal(hops[1].rtt.count, 0);
	assert_int_equal(hops[2].addr_count, 0);
	assert_int_equal(hops[2].sent, 4);
	assert_int_equal(hops[2].missing, 4);
	history_turn(one, &p, 1, 1);
	assert_int_equal(history_told(one, hops).hops[0].sent, 0);
	free(memory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(there_is_room_for_as_many_as_the_limit_says),
		cmocka_unit_test(the_longest_unused_is_in_the_way),
		cmocka_unit_test(so_many_wait_to_be_told_and_no_more),
		cmocka_unit_test(the_latest_four_paths_are_known_again),
		cmocka_unit_test(an_epoch_keeps_what_its_traces_measured),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
