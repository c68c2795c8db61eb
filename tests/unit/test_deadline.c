/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whoever is due first is called first: the heap against a plain array. */
#include "gateway/engine/deadline.h"
#include "tests/unit/stages.h"

static struct deadlines deadlines_of(uint32_t capacity, void **memory)
{
	struct arena measure = { 0 }, arena = { 0 };
	struct deadlines d;

	deadlines_init(&d, &measure, capacity);
	*memory = stage_memory(measure.used);
	arena.base = *memory;
	deadlines_init(&d, &arena, capacity);
	assert_int_equal(arena.used, measure.used);
	return d;
}

static void nobody_waits_at_first(void **state)
{
	void *memory;
	struct deadlines d = deadlines_of(4, &memory);
	uint32_t owner = 77;

	(void)state;
	assert_true(deadline_first(&d, &owner) == INPATH_TIME_NEVER);
	deadline_set(&d, 3, INPATH_TIME_NEVER);
	assert_true(deadline_first(&d, &owner) == INPATH_TIME_NEVER);
	free(memory);
}

static void each_comes_out_once_and_in_order(void **state)
{
	enum {
		OWNERS = 300
	};
	void *memory;
	struct deadlines d = deadlines_of(OWNERS, &memory);
	inpath_time last = 0;

	(void)state;
	for (uint32_t i = 0; i < OWNERS; i++)
		deadline_set(&d, i, 1 + i * 7919u % 1009);
	for (uint32_t i = 0; i < OWNERS; i++) {
		uint32_t owner;
		inpath_time at = deadline_first(&d, &owner);

		assert_true(at >= last);
		assert_true(at == 1 + owner * 7919u % 1009);
		deadline_set(&d, owner, INPATH_TIME_NEVER);
		last = at;
	}
	assert_int_equal(d.count, 0);
	free(memory);
}

static void a_deadline_moves_both_ways(void **state)
{
	void *memory;
	struct deadlines d = deadlines_of(3, &memory);
	uint32_t owner;

	(void)state;
	deadline_set(&d, 0, 10);
	deadline_set(&d, 1, 20);
	deadline_set(&d, 2, 30);
	deadline_set(&d, 0, 40);
	assert_true(deadline_first(&d, &owner) == 20 && owner == 1);
	deadline_set(&d, 2, 5);
	assert_true(deadline_first(&d, &owner) == 5 && owner == 2);
	deadline_set(&d, 2, 5);
	assert_int_equal(d.count, 3);
	deadline_set(&d, 2, INPATH_TIME_NEVER);
	deadline_set(&d, 2, INPATH_TIME_NEVER);
	assert_true(deadline_first(&d, &owner) == 20 && owner == 1);
	assert_int_equal(d.count, 2);
	free(memory);
}

static void the_extremes_of_time_are_deadlines_too(void **state)
{
	void *memory;
	struct deadlines d = deadlines_of(2, &memory);
	uint32_t owner;

	(void)state;
	deadline_set(&d, 0, INPATH_TIME_NEVER - 1);
	assert_true(deadline_first(&d, &owner) == INPATH_TIME_NEVER - 1 && owner == 0);
	deadline_set(&d, 1, 0);
	assert_true(deadline_first(&d, &owner) == 0 && owner == 1);
	free(memory);
}

static void any_sequence_gives_what_a_plain_array_gives(void **state)
{
	uint32_t random = 7;

	(void)state;
	for (uint32_t capacity = 1; capacity <= 33; capacity++) {
		inpath_time model[33];
		void *memory;
		struct deadlines d = deadlines_of(capacity, &memory);

		for (uint32_t i = 0; i < capacity; i++)
			model[i] = INPATH_TIME_NEVER;
		for (int step = 0; step < 4000; step++) {
			inpath_time least = INPATH_TIME_NEVER;
			uint32_t r = (random = random * 1664525 + 1013904223) >> 8, owner;
			uint32_t waiting = 0;

			owner = r % capacity;
			model[owner] = r >> 12 & 3 ? (r >> 8) % 50 : INPATH_TIME_NEVER;
			deadline_set(&d, owner, model[owner]);
			for (uint32_t i = 0; i < capacity; i++) {
				least = model[i] < least ? model[i] : least;
				waiting += model[i] != INPATH_TIME_NEVER;
			}
			assert_int_equal(d.count, waiting);
			assert_true(deadline_first(&d, &owner) == least);
			if (waiting)
				assert_true(owner < capacity && model[owner] == least);
		}
		free(memory);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody_waits_at_first),
		cmocka_unit_test(each_comes_out_once_and_in_order),
		cmocka_unit_test(a_deadline_moves_both_ways),
		cmocka_unit_test(the_extremes_of_time_are_deadlines_too),
		cmocka_unit_test(any_sequence_gives_what_a_plain_array_gives),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
