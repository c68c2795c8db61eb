/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/engine/table.h"

#include "tests/unit/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

/* A table in zeroed memory that ends where the table does. */
struct fixture {
	struct table t;
	void *memory;
};

static struct fixture table_of(uint32_t capacity)
{
	struct fixture f;
	struct arena measure = { 0 };
	struct arena arena = { 0 };

	table_init(&f.t, &measure, capacity);
	f.memory = calloc(1, measure.used);
	assert_non_null(f.memory);
	arena.base = f.memory;
	table_init(&f.t, &arena, capacity);
	assert_int_equal(arena.used, measure.used);
	return f;
}

/* The ages from oldest to newest are exactly `slots`. */
static void assert_ages(const struct table *t, const uint32_t *slots, uint32_t count)
{
	uint32_t slot = table_oldest(t);

	assert_int_equal(t->count, count);
	for (uint32_t i = 0; i < count; i++) {
		assert_int_equal(slot, slots[i]);
		slot = table_newer(t, slot);
	}
	assert_int_equal(slot, TABLE_NONE);
}

#define ASSERT_AGES(t, ...)                                                                        \
	assert_ages(t, (const uint32_t[]){ __VA_ARGS__ },                                          \
		sizeof((const uint32_t[]){ __VA_ARGS__ }) / sizeof(uint32_t))

/* How many slots the chain of `hash` yields, and whether `slot` is one of them. */
static uint32_t chain_count(const struct table *t, uint32_t hash, uint32_t slot, bool *found)
{
	uint32_t count = 0;

	*found = false;
	for (uint32_t s = table_first(t, hash); s != TABLE_NONE; s = table_next(t, s)) {
		*found |= s == slot;
		count++;
		assert_true(count <= t->capacity);
	}
	return count;
}

static void zeroed_memory_is_an_empty_table(void **state)
{
	struct fixture f = table_of(5);

	(void)state;
	assert_int_equal(f.t.count, 0);
	assert_int_equal(table_oldest(&f.t), TABLE_NONE);
	for (uint32_t hash = 0; hash < 64; hash++)
		assert_int_equal(table_first(&f.t, hash), TABLE_NONE);
	assert_int_equal(table_first(&f.t, UINT32_MAX), TABLE_NONE);
	free(f.memory);
}

static void setting_up_touches_no_memory(void **state)
{
	struct fixture f = table_of(1000);
	size_t used =
		(f.t.mask + 1) * TABLE_WAYS * sizeof(uint32_t) + 1000 * sizeof(struct table_link);
	const uint8_t *bytes = f.memory;

	(void)state;
	for (size_t i = 0; i < used; i++)
		assert_int_equal(bytes[i], 0);
	free(f.memory);
}

static void a_full_table_refuses_one_more_and_keeps_all(void **state)
{
	enum {
		CAPACITY = 17
	};
	struct fixture f = table_of(CAPACITY);
	bool seen[CAPACITY] = { false };

	(void)state;
	for (uint32_t i = 0; i < CAPACITY; i++) {
		uint32_t slot = table_insert(&f.t, i * 7);

		assert_true(slot < CAPACITY);
		assert_false(seen[slot]);
		seen[slot] = true;
	}
	assert_int_equal(table_insert(&f.t, 3), TABLE_NONE);
	assert_int_equal(table_insert(&f.t, 0), TABLE_NONE);
	assert_int_equal(f.t.count, CAPACITY);
	for (uint32_t i = 0; i < CAPACITY; i++)
		assert_int_not_equal(table_first(&f.t, i * 7), TABLE_NONE);
	free(f.memory);
}

static void a_slot_given_back_is_taken_again(void **state)
{
	struct fixture f = table_of(3);
	uint32_t slot;

	(void)state;
	table_insert(&f.t, 1);
	slot = table_insert(&f.t, 2);
	table_insert(&f.t, 3);
	table_remove(&f.t, slot);
	assert_int_equal(table_first(&f.t, 2), TABLE_NONE);
	assert_int_equal(table_insert(&f.t, 9), slot);
	assert_int_equal(table_first(&f.t, 9), slot);
	assert_int_equal(table_insert(&f.t, 10), TABLE_NONE);
	free(f.memory);
}

static void a_table_of_one_slot_works(void **state)
{
	struct fixture f = table_of(1);

	(void)state;
	for (uint32_t round = 0; round < 3; round++) {
		uint32_t slot = table_insert(&f.t, round);

		assert_int_equal(slot, 0);
		assert_int_equal(table_insert(&f.t, round), TABLE_NONE);
		table_touch(&f.t, slot);
		ASSERT_AGES(&f.t, 0);
		table_remove(&f.t, slot);
		assert_int_equal(table_oldest(&f.t), TABLE_NONE);
		assert_int_equal(table_first(&f.t, round), TABLE_NONE);
	}
	free(f.memory);
}

/* One group holds them all: two hashes that differ only above the mask. */
static void a_chain_loses_its_first_middle_and_last_alone(void **state)
{
	(void)state;
	for (uint32_t removed = 0; removed < 6; removed++) {
		struct fixture f = table_of(8);
		uint32_t slots[6];
		bool found;

		for (uint32_t i = 0; i < 6; i++)
			slots[i] = table_insert(&f.t, i % 2 ? 0x10005 : 0x20005);
		table_remove(&f.t, slots[removed]);
		for (uint32_t i = 0; i < 6; i++) {
			uint32_t count =
				chain_count(&f.t, i % 2 ? 0x10005 : 0x20005, slots[i], &found);

			assert_int_equal(found, i != removed);
			assert_int_equal(count, i % 2 == removed % 2 ? 2 : 3);
		}
		free(f.memory);
	}
}

static void equal_hashes_are_all_found_once_the_newest_first(void **state)
{
	enum {
		CAPACITY = 40
	};
	struct fixture f = table_of(CAPACITY);
	uint32_t slot;
	bool found;

	(void)state;
	for (uint32_t i = 0; i < CAPACITY; i++)
		table_insert(&f.t, 77);
	slot = table_first(&f.t, 77);
	for (uint32_t i = CAPACITY; i-- > 0; slot = table_next(&f.t, slot))
		assert_int_equal(slot, i);
	for (uint32_t i = 0; i < CAPACITY; i++) {
		assert_int_equal(chain_count(&f.t, 77, i, &found), CAPACITY);
		assert_true(found);
	}
	assert_int_equal(table_first(&f.t, 77 + 64), TABLE_NONE);
	free(f.memory);
}

static void age_follows_insertion_then_touch(void **state)
{
	struct fixture f = table_of(4);

	(void)state;
	for (uint32_t i = 0; i < 4; i++)
		assert_int_equal(table_insert(&f.t, i), i);
	ASSERT_AGES(&f.t, 0, 1, 2, 3);
	table_touch(&f.t, 3);
	ASSERT_AGES(&f.t, 0, 1, 2, 3);
	table_touch(&f.t, 0);
	ASSERT_AGES(&f.t, 1, 2, 3, 0);
	table_touch(&f.t, 2);
	ASSERT_AGES(&f.t, 1, 3, 0, 2);
	free(f.memory);
}

static void age_survives_removal_at_both_ends_and_between(void **state)
{
	struct fixture f = table_of(5);

	(void)state;
	for (uint32_t i = 0; i < 5; i++)
		table_insert(&f.t, i);
	table_remove(&f.t, 0);
	ASSERT_AGES(&f.t, 1, 2, 3, 4);
	table_remove(&f.t, 4);
	ASSERT_AGES(&f.t, 1, 2, 3);
	table_remove(&f.t, 2);
	ASSERT_AGES(&f.t, 1, 3);
	assert_int_equal(table_insert(&f.t, 50), 2);
	ASSERT_AGES(&f.t, 1, 3, 2);
	free(f.memory);
}

static void evicting_the_oldest_for_ever_keeps_the_newest(void **state)
{
	enum {
		CAPACITY = 32
	};
	struct fixture f = table_of(CAPACITY);

	(void)state;
	for (uint32_t i = 0; i < 1000; i++) {
		uint32_t hash = i * 2654435761u;

		if (f.t.count == CAPACITY)
			table_remove(&f.t, table_oldest(&f.t));
		assert_int_not_equal(table_insert(&f.t, hash), TABLE_NONE);
		for (uint32_t back = 0; back < 2 * CAPACITY && back <= i; back++)
			assert_int_equal(table_first(&f.t, (i - back) * 2654435761u) != TABLE_NONE,
				back < CAPACITY);
	}
	free(f.memory);
}

static void the_likely_slot_is_told_by_its_tag_or_not_at_all(void **state)
{
	struct fixture f = table_of(16);
	uint32_t slots[TABLE_WAYS + 1];

	(void)state;
	/* No tag is told from an empty place by it: 0 is one, too. */
	for (uint32_t tag = 0; tag < 128; tag++)
		assert_int_equal(table_likely(&f.t, tag << 25 | 5), TABLE_NONE);
	for (uint32_t tag = 0; tag <= TABLE_WAYS; tag++)
		slots[tag] = table_insert(&f.t, tag << 25 | 5);
	/* The first two stand in one place: the newer one in front. */
	for (uint32_t tag = 0; tag <= TABLE_WAYS; tag++)
		assert_int_equal(
			table_likely(&f.t, tag << 25 | 5), tag == 0 ? TABLE_NONE : slots[tag]);
	for (uint32_t tag = 0; tag <= TABLE_WAYS; tag++)
		assert_int_equal(table_first(&f.t, tag << 25 | 5), slots[tag]);
	table_remove(&f.t, slots[1]);
	for (uint32_t tag = 0; tag <= TABLE_WAYS; tag += tag ? 1 : 2) {
		assert_int_equal(table_likely(&f.t, tag << 25 | 5), slots[tag]);
		table_remove(&f.t, slots[tag]);
		assert_int_equal(table_likely(&f.t, tag << 25 | 5), TABLE_NONE);
	}
	free(f.memory);
}

/* A place that became free in front of a chain is taken again; nobody behind it is lost. */
static void a_group_that_overflowed_is_searched_to_its_end(void **state)
{
	enum {
		COUNT = 3 * TABLE_WAYS
	};
	uint32_t slots[COUNT];
	bool found;

	(void)state;
	for (uint32_t removed = 0; removed < COUNT; removed++) {
		struct fixture f = table_of(COUNT);

		for (uint32_t i = 0; i < COUNT; i++)
			slots[i] = table_insert(&f.t, i % 3 << 25 | 5);
		table_remove(&f.t, slots[removed]);
		for (uint32_t i = 0; i < COUNT; i++) {
			assert_int_equal(chain_count(&f.t, i % 3 << 25 | 5, slots[i], &found),
				i % 3 == removed % 3 ? COUNT / 3 - 1 : COUNT / 3);
			assert_int_equal(found, i != removed);
		}
		assert_int_equal(table_insert(&f.t, 7u << 25 | 5), slots[removed]);
		assert_int_equal(table_first(&f.t, 7u << 25 | 5), slots[removed]);
		for (uint32_t i = 0; i < COUNT; i++) {
			(void)chain_count(&f.t, i % 3 << 25 | 5, slots[i], &found);
			assert_int_equal(found, i != removed);
		}
		free(f.memory);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(zeroed_memory_is_an_empty_table),
		cmocka_unit_test(setting_up_touches_no_memory),
		cmocka_unit_test(a_full_table_refuses_one_more_and_keeps_all),
		cmocka_unit_test(a_slot_given_back_is_taken_again),
		cmocka_unit_test(a_table_of_one_slot_works),
		cmocka_unit_test(a_chain_loses_its_first_middle_and_last_alone),
		cmocka_unit_test(equal_hashes_are_all_found_once_the_newest_first),
		cmocka_unit_test(age_follows_insertion_then_touch),
		cmocka_unit_test(age_survives_removal_at_both_ends_and_between),
		cmocka_unit_test(evicting_the_oldest_for_ever_keeps_the_newest),
		cmocka_unit_test(the_likely_slot_is_told_by_its_tag_or_not_at_all),
		cmocka_unit_test(a_group_that_overflowed_is_searched_to_its_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
