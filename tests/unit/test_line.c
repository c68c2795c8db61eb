/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/engine/line.h"
#include "tests/unit/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static const struct hash_key key = { .k0 = 3, .k1 = 5 };

enum {
	FLOWS = 8192,
	CLIENTS = 256,
};

#define NOW (100 * INPATH_SEC)

struct queue {
	void *memory;
	struct line line;
};

static int setup(void **state)
{
	static struct queue q;
	struct arena arena = { .base = NULL };

	line_init(&q.line, &arena, FLOWS, CLIENTS, &key);
	q.memory = calloc(1, arena.used);
	assert_non_null(q.memory);
	arena = (struct arena){ .base = q.memory };
	line_init(&q.line, &arena, FLOWS, CLIENTS, &key);
	*state = &q.line;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	free(((struct queue *)((char *)*state - offsetof(struct queue, line)))->memory);
	return 0;
}

static struct inpath_addr client(uint32_t n)
{
	struct inpath_addr a = { .family = INPATH_AF_INET, .bytes = { 10, 0, 0, 0 } };

	a.bytes[2] = (uint8_t)(n >> 8);
	a.bytes[3] = (uint8_t)n;
	return a;
}

static void join(struct line *l, uint32_t flow, uint32_t who, const char *service,
	enum line_half half, enum line_rank rank)
{
	struct inpath_addr a = client(who);

	line_join(l, flow, &a, service, half, rank, NOW + flow);
}

/* Calls the next one and takes it out. */
static uint32_t next(struct line *l)
{
	uint32_t flow = line_call(l, LINE_CALLED, LINE_CALLED, NOW);

	if (flow != TABLE_NONE)
		line_leave(l, flow);
	return flow;
}

static void an_empty_one_calls_nobody(void **state)
{
	struct line *l = *state;

	assert_int_equal(next(l), TABLE_NONE);
	assert_int_equal(l->places[7].state, LINE_AWAY);
	line_leave(l, 7);
	assert_int_equal(l->count, 0);
	assert_true(line_oldest(l, NOW) == NOW);
}

static void in_a_lane_the_longest_waiting_is_first(void **state)
{
	struct line *l = *state;

	for (uint32_t i = 10; i < 20; i++)
		join(l, i, 1, "video", LINE_AGAIN, LINE_LAST);
	join(l, 30, 1, "video", LINE_AGAIN, LINE_FIRST);
	assert_int_equal(l->count, 11);
	assert_true(line_oldest(l, NOW) == NOW + 10);
	assert_int_equal(next(l), 30);
	for (uint32_t i = 10; i < 20; i++)
		assert_int_equal(next(l), i);
	assert_int_equal(next(l), TABLE_NONE);
	assert_int_equal(l->table.count, 0);
}

static void whoever_leaves_leaves_no_trace(void **state)
{
	struct line *l = *state;

	for (uint32_t i = 0; i < 30; i++)
		join(l, i, i % 3, i % 2 ? "video" : "web", LINE_AGAIN, LINE_LAST);
	for (uint32_t i = 0; i < 30; i += 2)
		line_leave(l, i);
	assert_true(line_oldest(l, NOW) == NOW + 1);
	for (uint32_t i = 0; i < 15; i++)
		assert_int_equal(next(l) % 2, 1);
	assert_int_equal(next(l), TABLE_NONE);
	assert_int_equal(l->count, 0);
	assert_int_equal(l->table.count, 0);
}

static void the_called_keep_their_order_and_their_share(void **state)
{
	struct line *l = *state;

	for (uint32_t i = 0; i < 40; i++)
		join(l, i, i < 20 ? 1 : 2, "web", LINE_AGAIN, LINE_LAST);
	/* Two of each, however many there is room for. */
	assert_int_equal(line_call(l, LINE_CALLED, 2, NOW), 0);
	assert_int_equal(line_call(l, LINE_CALLED, 2, NOW), 20);
	assert_int_equal(line_call(l, LINE_CALLED, 2, NOW), 1);
	assert_int_equal(line_call(l, LINE_CALLED, 2, NOW), 21);
	assert_int_equal(line_call(l, LINE_CALLED, 2, NOW), TABLE_NONE);
	assert_int_equal(l->calls_count, 4);
	assert_false(line_is_waiting(l, 20));
	assert_int_equal(l->places[20].state, LINE_IS_CALLED);
	assert_true(line_answer(l, 20));
	assert_false(line_answer(l, 20));
	line_leave(l, 0);
	assert_int_equal(l->calls[0].flow, 20);
	assert_true(l->calls[0].awake);
	assert_int_equal(line_call(l, 3, 2, NOW), TABLE_NONE);
	assert_int_equal(line_call(l, 4, 2, NOW), 2);
}

static void clients_take_turns_and_so_do_their_services(void **state)
{
	struct line *l = *state;
	uint32_t video = 0, one = 0;

	/* A thousand videos of one client, ten pages of it, and ten flows of another. */
	for (uint32_t i = 0; i < 1000; i++)
		join(l, i, 1, "video", LINE_AGAIN, LINE_LAST);
	for (uint32_t i = 1000; i < 1010; i++)
		join(l, i, 1, "web", LINE_AGAIN, LINE_LAST);
	for (uint32_t i = 1010; i < 1020; i++)
		join(l, i, 2, "video", LINE_AGAIN, LINE_LAST);
	for (uint32_t i = 0; i < 20; i++) {
		uint32_t flow = next(l);

		one += flow < 1010;
		video += flow < 1000;
	}
	assert_int_equal(one, 10);
	assert_in_range(video, 5, 5);
}

static void what_is_new_and_what_is_due_again_take_turns(void **state)
{
	static const char *const services[] = { "video", "web" };
	struct line *l = *state;
	uint32_t seen[2] = { 0 };

	for (uint32_t i = 0; i < 200; i++)
		join(l, i, 1, services[i % 2], LINE_AGAIN, LINE_LAST);
	for (uint32_t i = 200; i < 203; i++)
		join(l, i, 1, "video", LINE_NEW, LINE_LAST);
	join(l, 203, 1, "web", LINE_NEW, LINE_LAST);
	/* The new ones are the first of two each, and among them the services take turns as well. */
	for (uint32_t i = 0; i < 4; i++) {
		uint32_t flow = next(l);

		assert_in_range(flow, 200, 203);
		seen[flow == 203] = i + 1;
		assert_in_range(next(l), 0, 199);
	}
	assert_int_equal(seen[0], 4);
	assert_in_range(seen[1], 1, 2);
	/* No half leaves a turn unused because the other is empty. */
	for (uint32_t i = 0; i < 196; i++)
		assert_in_range(next(l), 0, 199);
	join(l, 300, 1, "web", LINE_NEW, LINE_LAST);
	join(l, 301, 1, "web", LINE_NEW, LINE_LAST);
	assert_int_equal(next(l), 300);
	assert_int_equal(next(l), 301);
	assert_int_equal(next(l), TABLE_NONE);
}

/* 200 clients, one of which has 5,000 flows, and one flow is traced after the other. */
static void nobody_starves_beside_a_client_with_thousands_of_flows(void **state)
{
	struct line *l = *state;
	static uint32_t visits[FLOWS];
	uint32_t turns[200] = { 0 }, last[200] = { 0 }, flows = 0, greedy;

	memset(visits, 0, sizeof(visits));
	for (uint32_t c = 1; c < 200; c++)
		for (uint32_t i = 0; i < 10; i++)
			join(l, flows++, c, i % 2 ? "video" : "web", LINE_AGAIN, LINE_LAST);
	greedy = flows;
	for (uint32_t i = 0; i < 5000; i++)
		join(l, flows++, 0, i % 3 ? "video" : "web", LINE_AGAIN, LINE_LAST);
	for (uint32_t round = 1; round <= 200 * 7000; round++) {
		uint32_t flow = next(l), who = flow >= greedy ? 0 : flow / 10 + 1;

		visits[flow]++;
		turns[who]++;
		assert_true(round - last[who] <= 200);
		last[who] = round;
		/* It is due again at once: there is always more to do than can be done. */
		join(l, flow, who, (who ? flow % 10 % 2 : (flow - greedy) % 3) ? "video" : "web",
			LINE_AGAIN, LINE_LAST);
	}
	for (uint32_t i = 0; i < flows; i++)
		assert_true(visits[i] > 0);
	for (uint32_t c = 0; c < 200; c++)
		assert_int_equal(turns[c], 7000);
}

static void whose_turn_is_owed_is_the_next_of_all(void **state)
{
	static const uint32_t then[] = { 1, 2, 0, 3 };
	struct line *l = *state;

	for (uint32_t i = 0; i < 40; i++)
		join(l, i, i % 4, i < 20 ? "web" : "video", LINE_AGAIN, LINE_LAST);
	assert_int_equal(next(l) % 4, 0);
	join(l, 50, 3, "mail", LINE_AGAIN, LINE_NEXT);
	join(l, 51, 9, "web", LINE_AGAIN, LINE_NEXT); /* the first one of its client */
	assert_int_equal(next(l), 51);
	assert_int_equal(next(l), 50);
	/* It was its client's turn: now come all others', in their order. */
	for (uint32_t i = 0; i < 4; i++)
		assert_int_equal(next(l) % 4, then[i]);
	assert_int_equal(l->count, 35);
	join(l, 60, 2, "web", LINE_NEW, LINE_LAST);
	join(l, 61, 2, "web", LINE_NEW, LINE_NEXT);
	assert_int_equal(next(l), 61);
	join(l, 62, 2, "mail", LINE_AGAIN, LINE_NEXT);
	assert_int_equal(next(l), 62);
}

static void clients_beyond_the_table_share_a_turn(void **state)
{
	struct line *l = *state;
	uint32_t seen = 0;

	for (uint32_t i = 0; i < 2 * CLIENTS; i++)
		join(l, i, i, "web", LINE_AGAIN, LINE_LAST);
	assert_int_equal(l->table.count, CLIENTS);
	while (next(l) != TABLE_NONE)
		seen++;
	assert_int_equal(seen, 2 * CLIENTS);
	assert_int_equal(l->count, 0);
	assert_int_equal(l->table.count, 0);
}

static void all_flows_may_wait(void **state)
{
	struct line *l = *state;

	for (uint32_t i = 0; i < FLOWS; i++)
		join(l, i, i % 300, "web", i % 3 ? LINE_AGAIN : LINE_NEW,
			i % 2 ? LINE_FIRST : LINE_LAST);
	assert_int_equal(l->count, FLOWS);
	for (uint32_t i = FLOWS; i > 0; i--)
		line_leave(l, i - 1);
	assert_int_equal(l->count, 0);
	assert_int_equal(l->next, 0);
}

#define OPENED(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		OPENED(an_empty_one_calls_nobody),
		OPENED(in_a_lane_the_longest_waiting_is_first),
		OPENED(whoever_leaves_leaves_no_trace),
		OPENED(the_called_keep_their_order_and_their_share),
		OPENED(clients_take_turns_and_so_do_their_services),
		OPENED(what_is_new_and_what_is_due_again_take_turns),
		OPENED(nobody_starves_beside_a_client_with_thousands_of_flows),
		OPENED(whose_turn_is_owed_is_the_next_of_all),
		OPENED(clients_beyond_the_table_share_a_turn),
		OPENED(all_flows_may_wait),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
