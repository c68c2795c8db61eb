/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What was foreseen only makes packets sooner: each is of its own flow, whatever was said of it before. */
#include "gateway/engine/ahead.h"
#include "tests/unit/stages.h"

enum {
	FLOWS = 2 * INPATH_BATCH,
};

static const struct hash_key KEY = { 11, 22 };

struct ground {
	void *memory;
	struct flows flows;
	struct ahead ahead;
	uint32_t slots[FLOWS];
};

static struct inpath_tuple tuple_of(uint16_t i)
{
	return (struct inpath_tuple){
		.client = wire_addr(i % 2 ? "2001:db8:1::10" : "192.168.1.10"),
		.server = wire_addr(i % 2 ? "2001:db8:2::7" : "198.51.100.7"),
		.client_port = i,
		.server_port = 443,
		.proto = INPATH_PROTO_TCP,
	};
}

static int begin(void **state)
{
	static struct ground g;
	struct arena arena = { 0 };

	flows_init(&g.flows, &arena, FLOWS, &KEY);
	g.memory = stage_memory(arena.used);
	arena = (struct arena){ .base = g.memory };
	*state = &g;
	flows_init(&g.flows, &arena, FLOWS, &KEY);
	g.ahead = (struct ahead){ 0 };
	for (uint16_t i = 0; i < FLOWS; i++) {
		struct inpath_tuple t = tuple_of(i);

		g.slots[i] = flow_add(&g.flows, &t);
	}
	return 0;
}

static int end(void **state)
{
	struct ground *g = *state;

	free(g->memory);
	return 0;
}

static void foresee(struct ground *g, uint16_t i)
{
	struct inpath_tuple t = tuple_of(i);

	ahead_foresee(&g->ahead, &g->flows, &t);
}

static uint32_t judge(struct ground *g, uint16_t i)
{
	struct inpath_tuple t = tuple_of(i);

	ahead_judge(&g->ahead, &g->flows);
	return ahead_find(&g->ahead, &g->flows, &t);
}

static void a_batch_is_found_and_its_entries_asked_for_before_their_turn(void **state)
{
	struct ground *g = *state;

	for (uint16_t n = 0; n <= INPATH_BATCH; n++) {
		for (uint16_t i = 0; i < n; i++)
			foresee(g, i);
		for (uint16_t i = 0; i < n; i++) {
			assert_int_equal(judge(g, i), g->slots[i]);
			assert_int_equal(g->ahead.judged, i + 1);
			assert_true(g->ahead.fetched > g->ahead.judged || g->ahead.fetched == n);
		}
	}
}

static void whoever_says_nothing_is_found(void **state)
{
	struct ground *g = *state;

	for (uint16_t i = 0; i < FLOWS; i++)
		assert_int_equal(judge(g, i), g->slots[i]);
	foresee(g, 0);
	for (uint16_t i = 0; i < FLOWS; i++)
		assert_int_equal(judge(g, i), g->slots[i]);
}

static void what_comes_instead_is_found(void **state)
{
	struct ground *g = *state;

	for (uint16_t i = 0; i < INPATH_BATCH; i++)
		foresee(g, i);
	for (uint16_t i = INPATH_BATCH; i-- > 0;)
		assert_int_equal(judge(g, i), g->slots[i]);
}

static void more_than_a_batch_is_found(void **state)
{
	struct ground *g = *state;

	for (uint16_t i = 0; i < FLOWS; i++)
		foresee(g, i);
	assert_int_equal(g->ahead.count, INPATH_BATCH);
	for (uint16_t i = 0; i < FLOWS; i++)
		assert_int_equal(judge(g, i), g->slots[i]);
}

/* Else what never comes would set all that follows one packet back. */
static void a_batch_that_breaks_off_is_forgotten_with_the_next(void **state)
{
	struct ground *g = *state;

	for (uint16_t i = 0; i < 8; i++)
		foresee(g, i);
	assert_int_equal(judge(g, 0), g->slots[0]);
	foresee(g, 20);
	ahead_foresee(&g->ahead, &g->flows, NULL);
	foresee(g, 21);
	assert_int_equal(g->ahead.count, 3);
	assert_int_equal(judge(g, 20), g->slots[20]);
	assert_int_equal(judge(g, 30), g->slots[30]);
	assert_int_equal(judge(g, 21), g->slots[21]);
	assert_int_equal(g->ahead.judged, g->ahead.count);
}

static void a_flow_that_came_or_went_meanwhile_is_where_it_is(void **state)
{
	struct ground *g = *state;
	struct inpath_tuple one = tuple_of(1), other = tuple_of(FLOWS);

	foresee(g, 1);
	foresee(g, FLOWS);
	table_remove(&g->flows.table, g->slots[1]);
	assert_int_equal(judge(g, 1), TABLE_NONE);
	assert_int_equal(flow_add(&g->flows, &other), g->slots[1]);
	assert_int_equal(judge(g, FLOWS), g->slots[1]);
	assert_int_equal(flow_find(&g->flows, &one), TABLE_NONE);
}

#define OPENED(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		OPENED(a_batch_is_found_and_its_entries_asked_for_before_their_turn),
		OPENED(whoever_says_nothing_is_found),
		OPENED(what_comes_instead_is_found),
		OPENED(more_than_a_batch_is_found),
		OPENED(a_batch_that_breaks_off_is_forgotten_with_the_next),
		OPENED(a_flow_that_came_or_went_meanwhile_is_where_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
