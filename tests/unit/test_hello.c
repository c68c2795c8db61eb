/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A client's first bytes, put together in whatever order they pass. */
#include "gateway/engine/hello.h"
#include "tests/unit/stages.h"

static struct hellos hellos_of(uint32_t capacity, void **memory)
{
	struct arena measure = { 0 }, arena = { 0 };
	struct hellos h;

	hellos_init(&h, &measure, capacity);
	*memory = stage_memory(measure.used);
	arena.base = *memory;
	hellos_init(&h, &arena, capacity);
	assert_int_equal(arena.used, measure.used);
	return h;
}

static struct hello *one_hello(void)
{
	return stage_memory(sizeof(struct hello));
}

static uint8_t byte_at(uint32_t offset)
{
	return (uint8_t)(offset * 31 + offset / 251 + 1);
}

/* Adds [from, to) from an exact-size copy; `flip` is mixed into each byte. */
static void add(struct hello *h, uint32_t from, uint32_t to, uint8_t flip)
{
	uint8_t *bytes = stage_memory(to - from);

	for (uint32_t i = from; i < to; i++)
		bytes[i - from] = byte_at(i) ^ flip;
	hello_add(h, from, bytes, to - from);
	free(bytes);
}

static void assert_prefix(const struct hello *h, uint32_t len)
{
	assert_int_equal(hello_prefix(h), len);
	for (uint32_t i = 0; i < len; i++)
		assert_int_equal(h->bytes[i], byte_at(i));
}

static void segments_in_order_are_there_at_once(void **state)
{
	struct hello *h = one_hello();

	(void)state;
	assert_prefix(h, 0);
	for (uint32_t at = 0; at < 5000; at += 100) {
		add(h, at, at + 100, 0);
		assert_prefix(h, at + 100);
	}
	assert_int_equal(h->range_count, 1);
	free(h);
}

static void segments_in_any_order_are_put_together(void **state)
{
	static const uint32_t cuts[] = { 0, 517, 1400, 1401, 1790 };
	unsigned int order[4];

	(void)state;
	for (unsigned int n = 0; n < 256; n++) {
		struct hello *h = one_hello();
		unsigned int mask = 0;

		for (unsigned int i = 0; i < 4; i++) {
			order[i] = n >> 2 * i & 3;
			mask |= 1u << order[i];
		}
		/* Repeats included: then what is missing is missing. */
		for (unsigned int i = 0; i < 4; i++)
			add(h, cuts[order[i]], cuts[order[i] + 1], 0);
		for (unsigned int i = 0; i <= 4; i++) {
			if (mask >> i & 1)
				continue;
			assert_prefix(h, cuts[i]);
			break;
		}
		free(h);
	}
}

static void a_hole_ends_what_is_there_until_it_is_filled(void **state)
{
	struct hello *h = one_hello();

	(void)state;
	add(h, 100, 200, 0);
	assert_prefix(h, 0);
	add(h, 0, 99, 0);
	assert_prefix(h, 99);
	add(h, 99, 100, 0);
	assert_prefix(h, 200);
	free(h);
}

static void the_first_senders_bytes_stay(void **state)
{
	struct hello *h = one_hello();

	(void)state;
	add(h, 50, 100, 0);
	add(h, 150, 160, 0);
	add(h, 60, 90, 0xff);
	add(h, 50, 100, 0xff);
	add(h, 0, 50, 0);
	add(h, 100, 150, 0);
	add(h, 0, 160, 0xff);
	assert_prefix(h, 160);
	free(h);
}

static void what_lies_beyond_the_buffer_is_cut(void **state)
{
	struct hello *h = one_hello();

	(void)state;
	add(h, HELLO_BYTES - 10, HELLO_BYTES + 1000, 0);
	add(h, HELLO_BYTES, HELLO_BYTES + 5, 0);
	hello_add(h, UINT32_MAX, (const uint8_t *)"ab", 2);
	hello_add(h, UINT32_MAX - 1, (const uint8_t *)"ab", 2);
	assert_int_equal(h->range_count, 1);
	add(h, 0, HELLO_BYTES - 10, 0);
	assert_prefix(h, HELLO_BYTES);
	free(h);
	h = one_hello();
	add(h, 0, 3 * HELLO_BYTES, 0);
	assert_prefix(h, HELLO_BYTES);
	free(h);
}

static void nothing_adds_nothing(void **state)
{
	struct hello *h = one_hello();

	(void)state;
	hello_add(h, 0, NULL, 0);
	hello_add(h, 10, NULL, 0);
	hello_add(h, HELLO_BYTES, (const uint8_t *)"ab", 2);
	assert_int_equal(h->range_count, 0);
	free(h);
}

static void one_piece_too_many_is_let_go_and_the_others_stay(void **state)
{
	struct hello *h = one_hello();

	(void)state;
	for (uint32_t i = 0; i < HELLO_RANGES; i++)
		add(h, 20 + 20 * i, 30 + 20 * i, 0);
	assert_int_equal(h->range_count, HELLO_RANGES);
	add(h, 0, 10, 0xff);
	add(h, 1000, 1010, 0xff);
	assert_int_equal(h->range_count, HELLO_RANGES);
	assert_prefix(h, 0);
	/* One that joins others needs no room. */
	add(h, 10, 30 + 20 * (HELLO_RANGES - 1), 0);
	assert_int_equal(h->range_count, 1);
	add(h, 0, 10, 0);
	assert_prefix(h, 30 + 20 * (HELLO_RANGES - 1));
	free(h);
}

static void assert_ranges(const struct hello *h)
{
	for (uint8_t i = 0; i < h->range_count; i++) {
		assert_true(h->ranges[i].start < h->ranges[i].end);
		assert_true(h->ranges[i].end <= HELLO_BYTES);
		assert_true(i == 0 || h->ranges[i - 1].end < h->ranges[i].start);
	}
	assert_true(h->range_count <= HELLO_RANGES);
}

/* Against a map of which byte is here: never a wrong byte, never one fewer but for want of room. */
static void any_sequence_gives_what_a_plain_map_gives(void **state)
{
	uint32_t random = 99;
	int full = 0;

	(void)state;
	for (int run = 0; run < 3000; run++) {
		static uint8_t here[HELLO_BYTES], value[HELLO_BYTES];
		struct hello *h = one_hello();
		uint32_t scale = run % 3 ? 120 : HELLO_BYTES + 300;
		/* Long pieces leave few holes; with short ones, room for pieces runs out. */
		bool small = run % 6 == 0;

		memset(here, 0, sizeof(here));
		for (int step = 0; step < (small ? 100 : 30); step++) {
			uint32_t r = (random = random * 1664525 + 1013904223) >> 4;
			uint32_t from = r % scale, len = (r >> 13) % (small ? 20 : scale / 6) + 1,
				 prefix = 0;
			uint8_t *bytes = stage_memory(len), pieces = h->range_count;
			bool joins = false;

			memset(bytes, step + 1, len);
			for (uint32_t i = from ? from - 1 : 0; i <= from + len && i < HELLO_BYTES;
				i++)
				joins |= here[i];
			full += pieces == HELLO_RANGES && !joins;
			hello_add(h, from, bytes, len);
			free(bytes);
			for (uint32_t i = from; i < from + len && i < HELLO_BYTES; i++) {
				if (here[i] || (pieces == HELLO_RANGES && !joins))
					continue;
				here[i] = 1;
				value[i] = (uint8_t)(step + 1);
			}
			while (prefix < HELLO_BYTES && here[prefix])
				prefix++;
			assert_ranges(h);
			assert_int_equal(hello_prefix(h), prefix);
			for (uint8_t k = 0; k < h->range_count; k++)
				for (uint32_t i = h->ranges[k].start; i < h->ranges[k].end; i++)
					assert_true(here[i] && h->bytes[i] == value[i]);
		}
		free(h);
	}
	assert_true(full > 0);
}

static void a_full_table_refuses_and_a_buffer_given_back_is_empty(void **state)
{
	void *memory;
	struct hellos h = hellos_of(3, &memory);
	uint32_t slots[3];

	(void)state;
	for (uint32_t flow = 0; flow < 3; flow++) {
		slots[flow] = hello_take(&h, 70 + flow);
		assert_int_not_equal(slots[flow], TABLE_NONE);
		add(&h.entries[slots[flow]], 0, 40, 0);
		assert_int_equal(h.entries[slots[flow]].flow, 70 + flow);
	}
	assert_int_equal(hello_take(&h, 80), TABLE_NONE);
	assert_prefix(&h.entries[slots[1]], 40);
	hello_drop(&h, slots[1]);
	assert_int_equal(hello_take(&h, 81), slots[1]);
	assert_prefix(&h.entries[slots[1]], 0);
	assert_prefix(&h.entries[slots[0]], 40);
	assert_prefix(&h.entries[slots[2]], 40);
	free(memory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(segments_in_order_are_there_at_once),
		cmocka_unit_test(segments_in_any_order_are_put_together),
		cmocka_unit_test(a_hole_ends_what_is_there_until_it_is_filled),
		cmocka_unit_test(the_first_senders_bytes_stay),
		cmocka_unit_test(what_lies_beyond_the_buffer_is_cut),
		cmocka_unit_test(nothing_adds_nothing),
		cmocka_unit_test(one_piece_too_many_is_let_go_and_the_others_stay),
		cmocka_unit_test(any_sequence_gives_what_a_plain_map_gives),
		cmocka_unit_test(a_full_table_refuses_and_a_buffer_given_back_is_empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
