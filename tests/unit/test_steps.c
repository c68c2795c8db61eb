/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What one flow has proven of a router, for the others: how long, and of whom. */
#include "gateway/engine/steps.h"
#include "tests/unit/stages.h"

static struct inpath_addr router(uint8_t n)
{
	return (struct inpath_addr){ INPATH_AF_INET, { 10, 0, 0, n } };
}

/* A hop that answered with `count` addresses, from router `first` on. */
static struct inpath_hop hop_of(uint8_t ttl, uint8_t first, uint8_t count)
{
	struct inpath_hop hop = { .ttl = ttl, .sent = count, .answered = count };

	for (; hop.addr_count < count; hop.addr_count++)
		hop.addrs[hop.addr_count] = router(first + hop.addr_count);
	return hop;
}

static struct path path_of(uint8_t ttl, uint8_t first, uint8_t count)
{
	struct path p = { .count = count };

	for (uint8_t i = 0; i < count; i++) {
		p.entries[i].ttl = ttl;
		p.entries[i].addr = router(first + i);
	}
	return p;
}

static void add(struct steps *s, uint8_t ttl, uint8_t from, uint8_t to, inpath_time now)
{
	struct path p = path_of(ttl, from, 1);
	struct inpath_hop hop = hop_of(ttl, to, 1);

	steps_add(s, &p, &hop, now);
}

static bool has(const struct steps *s, uint8_t ttl, uint8_t from, uint8_t to, inpath_time now)
{
	struct path p = path_of(ttl, from, 1);
	struct inpath_hop hop = hop_of(ttl, to, 1);

	return steps_seen(s, &p, &hop, 4, now) >= STEPS_PROVEN;
}

static void suspect(
	struct steps *s, uint8_t ttl, uint8_t from, uint8_t to, uint32_t old, inpath_time now)
{
	struct path p = path_of(ttl, from, 1);
	struct inpath_hop hop = hop_of(ttl, to, 1);

	steps_suspect(s, &p, &hop, old, now);
}

/* Somebody has found `from` again. */
static void withdraw(struct steps *s, uint8_t ttl, uint8_t from, uint64_t ttls)
{
	struct path p = path_of(ttl, from, 1);

	steps_withdraw(s, &p, ttls);
}

static void zeroed_memory_knows_no_step(void **state)
{
	const struct steps s = { 0 };

	(void)state;
	assert_false(has(&s, 3, 1, 2, T0));
	assert_false(has(&s, 3, 1, 2, 0));
}

static void a_step_is_of_its_routers_and_its_direction(void **state)
{
	struct steps s = { 0 };

	(void)state;
	add(&s, 3, 1, 2, T0);
	assert_true(has(&s, 3, 1, 2, T0));
	/* Other flows may have them at another TTL. */
	assert_true(has(&s, 4, 1, 2, T0));
	assert_false(has(&s, 3, 2, 1, T0));
	assert_false(has(&s, 3, 1, 3, T0));
	assert_false(has(&s, 3, 3, 2, T0));
}

static void a_step_is_remembered_for_half_an_hour(void **state)
{
	struct steps s = { 0 };

	(void)state;
	assert_int_equal(STEPS_SPAN, 30 * 60 * INPATH_SEC);
	add(&s, 3, 1, 2, T0);
	assert_true(has(&s, 3, 1, 2, T0 + STEPS_SPAN - 1));
	assert_false(has(&s, 3, 1, 2, T0 + STEPS_SPAN));
	/* From the latest proof on. */
	add(&s, 3, 1, 2, T0 + 1000 * INPATH_SEC);
	assert_true(has(&s, 3, 1, 2, T0 + 1000 * INPATH_SEC + STEPS_SPAN - 1));
	assert_false(has(&s, 3, 1, 2, T0 + 1000 * INPATH_SEC + STEPS_SPAN));
}

/* From each of the path's routers at the hop's TTL to each of the hop's; one of them is enough. */
static void where_several_answered_each_stands_for_the_step(void **state)
{
	struct path epoch = path_of(3, 1, 2), both = path_of(3, 2, 2);
	struct inpath_hop hop = hop_of(3, 10, 2), two = hop_of(3, 11, 2);
	struct steps s = { 0 };

	(void)state;
	epoch.entries[2].ttl = 4;
	epoch.entries[2].addr = router(5);
	epoch.count = 3;
	steps_add(&s, &epoch, &hop, T0);
	for (uint8_t from = 1; from <= 2; from++)
		for (uint8_t to = 10; to <= 11; to++)
			assert_true(has(&s, 3, from, to, T0));
	/* What stands at another TTL has no part in it. */
	assert_false(has(&s, 4, 5, 10, T0));
	assert_false(has(&s, 3, 5, 10, T0));
	assert_true(steps_seen(&s, &both, &two, 0, T0) >= STEPS_PROVEN);
	both = path_of(3, 3, 2);
	assert_int_equal(steps_seen(&s, &both, &two, 0, T0), 0);
}

static void a_full_table_forgets_the_oldest(void **state)
{
	struct steps s = { 0 };

	(void)state;
	for (uint8_t i = 0; i < STEPS; i++)
		add(&s, 3, i, 100 + i, T0 + i);
	for (uint8_t i = 0; i < STEPS; i++)
		assert_true(has(&s, 3, i, 100 + i, T0 + STEPS));
	add(&s, 3, STEPS, 100 + STEPS, T0 + STEPS);
	assert_false(has(&s, 3, 0, 100, T0 + STEPS));
	for (uint8_t i = 1; i <= STEPS; i++)
		assert_true(has(&s, 3, i, 100 + i, T0 + STEPS));
}

/* The first that came is not the oldest, if it was proven anew. */
static void a_step_proven_anew_is_not_the_oldest(void **state)
{
	struct steps s = { 0 };

	(void)state;
	for (uint8_t i = 0; i < STEPS; i++)
		add(&s, 3, i, 100 + i, T0 + i);
	add(&s, 3, 0, 100, T0 + STEPS);
	/* It takes no second place. */
	for (uint8_t i = 0; i < STEPS; i++)
		assert_true(has(&s, 3, i, 100 + i, T0 + STEPS));
	add(&s, 3, STEPS, 100 + STEPS, T0 + STEPS);
	assert_true(has(&s, 3, 0, 100, T0 + STEPS));
	assert_false(has(&s, 3, 1, 101, T0 + STEPS));
	assert_true(has(&s, 3, 2, 102, T0 + STEPS));
}

static void routers_that_take_turns_withdraw_their_steps(void **state)
{
	struct inpath_hop turns = hop_of(3, 1, 3);
	struct steps s = { 0 };
	/* The clock has just begun: what is withdrawn must not look like a step of then. */
	const inpath_time now = 1 * INPATH_SEC;

	(void)state;
	add(&s, 3, 1, 2, now);
	add(&s, 3, 3, 1, now);
	add(&s, 3, 1, 4, now);
	add(&s, 3, 4, 2, now);
	steps_forget(&s, &turns);
	/* One and another of them: either way. */
	assert_false(has(&s, 3, 1, 2, now));
	assert_false(has(&s, 3, 3, 1, now));
	/* Not one of them and somebody else. */
	assert_true(has(&s, 3, 1, 4, now));
	assert_true(has(&s, 3, 4, 2, now));
	/* It can be proven anew. */
	add(&s, 3, 1, 2, now + 1);
	assert_true(has(&s, 3, 1, 2, now + 1));
}

static void what_was_withdrawn_makes_room(void **state)
{
	struct inpath_hop turns = { .ttl = 3, .addr_count = 2 };
	struct steps s = { 0 };

	(void)state;
	for (uint8_t i = 0; i < STEPS; i++)
		add(&s, 3, i, 100 + i, T0 + i);
	turns.addrs[0] = router(20);
	turns.addrs[1] = router(120);
	steps_forget(&s, &turns);
	add(&s, 3, STEPS, 100 + STEPS, T0 + STEPS);
	for (uint8_t i = 0; i <= STEPS; i++)
		assert_int_equal(has(&s, 3, i, 100 + i, T0 + STEPS), i != 20);
}

/* Each adds four less than what it saw in a row, and no more than twelve. */
static void several_flows_prove_together_what_none_can(void **state)
{
	static const struct {
		uint32_t old[6];
		uint32_t flows; /* that it takes; 0: these do not */
	} seen[] = {
		{ { 16, 16 }, 2 },
		{ { 64, 11, 9 }, 3 },
		{ { 10, 10, 10, 9, 0, 0 }, 0 },
		{ { 10, 10, 10, 10 }, 4 },
		{ { 9, 9, 9, 8, 4, 9 }, 6 },
		{ { 16, 0, 20, 8 }, 4 },
		{ { 64, 1, 1, 1, 16, 8 }, 0 },
		{ { 4, 4, 4, 4, 4, 4 }, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(seen) / sizeof(seen[0]); i++) {
		struct steps s = { 0 };

		for (uint32_t k = 0; k < 6; k++) {
			if (seen[i].flows && k >= seen[i].flows)
				break;
			assert_false(has(&s, 3, 1, 2, T0 + k));
			suspect(&s, 3, 1, 2, seen[i].old[k], T0 + k);
		}
		assert_int_equal(has(&s, 3, 1, 2, T0 + 9), seen[i].flows != 0);
		assert_false(has(&s, 3, 2, 1, T0 + 9));
	}
}

static void what_was_suspected_long_ago_is_not_added_up(void **state)
{
	struct steps s = { 0 };

	(void)state;
	suspect(&s, 3, 1, 2, 16, T0);
	suspect(&s, 3, 1, 2, 16, T0 + STEPS_SPAN);
	assert_false(has(&s, 3, 1, 2, T0 + STEPS_SPAN));
	suspect(&s, 3, 1, 2, 16, T0 + 2 * STEPS_SPAN - 1);
	assert_true(has(&s, 3, 1, 2, T0 + 2 * STEPS_SPAN));
}

static void who_finds_the_old_router_again_ends_what_is_not_proven(void **state)
{
	struct steps s = { 0 };

	(void)state;
	for (uint8_t from = 1; from <= 5; from += 2)
		suspect(&s, 3, from, from + 1, 16, T0);
	withdraw(&s, 3, 1, 1 << 2);
	/* Not this one; not at this TTL. */
	withdraw(&s, 3, 4, 1 << 2);
	withdraw(&s, 3, 5, 1 << 3);
	for (uint8_t from = 1; from <= 5; from += 2)
		suspect(&s, 3, from, from + 1, 16, T0 + 1);
	assert_false(has(&s, 3, 1, 2, T0 + 1));
	assert_true(has(&s, 3, 3, 4, T0 + 1));
	assert_true(has(&s, 3, 5, 6, T0 + 1));
	withdraw(&s, 3, 5, 1 << 2);
	assert_true(has(&s, 3, 5, 6, T0 + 1));
}

/* Who asks has its own part in it. */
static void what_others_have_seen_is_without_ones_own(void **state)
{
	struct path p = path_of(3, 1, 1);
	struct inpath_hop hop = hop_of(3, 2, 1);
	struct steps s = { 0 };

	(void)state;
	assert_int_equal(steps_seen(&s, &p, &hop, 30, T0), 0);
	suspect(&s, 3, 1, 2, 9, T0);
	assert_int_equal(steps_seen(&s, &p, &hop, 9, T0), 0);
	suspect(&s, 3, 1, 2, 14, T0);
	assert_int_equal(steps_seen(&s, &p, &hop, 9, T0), 10);
	assert_int_equal(steps_seen(&s, &p, &hop, 14, T0), 5);
	suspect(&s, 3, 1, 2, 1, T0);
	assert_int_equal(steps_seen(&s, &p, &hop, 14, T0), 2);
	suspect(&s, 3, 1, 2, 0, T0);
	assert_int_equal(steps_seen(&s, &p, &hop, 14, T0), 0);
	assert_int_equal(steps_seen(&s, &p, &hop, 9, T0 + STEPS_SPAN), 0);
	steps_add(&s, &p, &hop, T0);
	assert_true(steps_seen(&s, &p, &hop, 64, T0) >= STEPS_PROVEN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(zeroed_memory_knows_no_step),
		cmocka_unit_test(a_step_is_of_its_routers_and_its_direction),
		cmocka_unit_test(a_step_is_remembered_for_half_an_hour),
		cmocka_unit_test(where_several_answered_each_stands_for_the_step),
		cmocka_unit_test(a_full_table_forgets_the_oldest),
		cmocka_unit_test(a_step_proven_anew_is_not_the_oldest),
		cmocka_unit_test(routers_that_take_turns_withdraw_their_steps),
		cmocka_unit_test(what_was_withdrawn_makes_room),
		cmocka_unit_test(several_flows_prove_together_what_none_can),
		cmocka_unit_test(what_was_suspected_long_ago_is_not_added_up),
		cmocka_unit_test(who_finds_the_old_router_again_ends_what_is_not_proven),
		cmocka_unit_test(what_others_have_seen_is_without_ones_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
