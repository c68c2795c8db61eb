/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How many answers make another path a change, and what they are worth. */
#include "gateway/engine/evidence.h"
#include "gateway/engine/steps.h"
#include "gateway/engine/ttls.h"
#include "tests/unit/stages.h"

/* The epoch's path is router `n` at TTL n; a walk has asked nobody yet. */
struct scene {
	struct evidence ev;
	struct path epoch;
	struct prober walk;
};

static struct inpath_addr router(uint8_t n)
{
	return (struct inpath_addr){ INPATH_AF_INET, { 10, 0, 0, n } };
}

static struct scene scene(void)
{
	struct scene s = { 0 };

	for (uint8_t i = 0; i < INPATH_MAX_HOPS; i++)
		s.walk.hops[i].ttl = (uint8_t)(i + 1);
	for (; s.epoch.count < 8; s.epoch.count++) {
		s.epoch.entries[s.epoch.count].ttl = (uint8_t)(s.epoch.count + 1);
		s.epoch.entries[s.epoch.count].addr = router((uint8_t)(s.epoch.count + 1));
	}
	return s;
}

/* In the walk router `n` has answered so many of the probes with this TTL. */
static void asked(struct scene *s, uint8_t ttl, uint8_t n, uint8_t answered, uint8_t sent)
{
	struct inpath_hop *hop = &s->walk.hops[ttl - 1];

	hop->sent = sent;
	hop->answered = answered;
	hop->addr_count = answered != 0;
	hop->addrs[0] = router(n);
}

/* A trace in which the epoch's router at this TTL has answered so many of so many. */
static void stays(struct scene *s, uint8_t ttl, uint8_t answered, uint8_t sent)
{
	asked(s, ttl, ttl, answered, sent);
	evidence_stays(&s->ev, &s->walk, &s->epoch, ttl_bit(ttl));
}

/* One in which another one has. */
static void differs(struct scene *s, uint8_t ttl, uint8_t answered, uint8_t sent)
{
	asked(s, ttl, 100 + ttl, answered, sent);
	evidence_differs(&s->ev, &s->walk, &s->epoch, ttl_bit(ttl));
}

static struct evidence_lack lacks(const struct scene *s, uint64_t differ)
{
	return evidence_lacks(&s->ev, &s->walk, &s->epoch, differ, 0);
}

static void zeroed_memory_lacks_all_of_it(void **state)
{
	struct scene s = scene();

	(void)state;
	asked(&s, 3, 103, 1, 1);
	assert_int_equal(lacks(&s, ttl_bit(3)).all, 24);
	assert_int_equal(lacks(&s, ttl_bit(3)).first, 20);
}

/* M as the header's table has it, for each K. */
static uint8_t new_for(uint8_t old)
{
	return old <= 6 ? 24 : old <= 25 ? 30 - old : 4;
}

static void so_many_new_answers_are_wanted_behind_so_many_old_ones(void **state)
{
	(void)state;
	for (uint8_t old = 0; old <= 70; old++) {
		struct scene s = scene();

		for (uint8_t i = 0; i < old; i++)
			stays(&s, 3, 1, 1);
		for (uint8_t new = 1; new <= 26; new ++) {
			uint8_t wanted = new_for(old), both = old + new;
			struct evidence_lack lack;

			differs(&s, 3, 1, 1);
			lack = lacks(&s, ttl_bit(3));
			assert_int_equal(lack.all, new < wanted ? wanted - new : 0);
			assert_int_equal(lack.first, both < 20 ? 20 - both : 0);
		}
	}
}

static void a_trace_counts_each_of_its_answers(void **state)
{
	struct scene s = scene();

	(void)state;
	stays(&s, 3, 5, 5);
	stays(&s, 3, 2, 2);
	differs(&s, 3, 4, 4);
	differs(&s, 3, 3, 3);
	assert_int_equal(lacks(&s, ttl_bit(3)).all, 30 - 7 - 7);
}

static void an_unanswered_probe_takes_half_of_what_was_seen(void **state)
{
	struct scene s = scene();

	(void)state;
	stays(&s, 3, 9, 9);
	stays(&s, 3, 0, 1);
	assert_int_equal(s.ev.old[2], 4);
	/* Before the answers of its own trace are added. */
	stays(&s, 3, 3, 4);
	assert_int_equal(s.ev.old[2], 2 + 3);
	stays(&s, 3, 3, 3);
	assert_int_equal(s.ev.old[2], 8);
	/* Whoever was not asked has lost nothing. */
	stays(&s, 3, 0, 0);
	assert_int_equal(s.ev.old[2], 8);
}

static void with_every_second_one_lost_two_old_answers_remain(void **state)
{
	struct scene s = scene();

	(void)state;
	for (int i = 0; i < 30; i++) {
		stays(&s, 3, 1, 2);
		assert_true(s.ev.old[2] <= 2);
	}
}

/* A second router beside the old one: it was not the only one. */
static void what_answers_beside_the_old_one_ends_the_row(void **state)
{
	struct scene s = scene();

	(void)state;
	stays(&s, 3, 9, 9);
	stays(&s, 4, 9, 9);
	asked(&s, 3, 3, 2, 2);
	s.walk.hops[2].addr_count = 2;
	s.walk.hops[2].addrs[1] = router(103);
	evidence_stays(&s.ev, &s.walk, &s.epoch, ttl_bit(3));
	assert_int_equal(s.ev.old[2], 0);
	assert_int_equal(s.ev.old[3], 9);
	/* Where the epoch has both, both are its own. */
	s.epoch.entries[s.epoch.count].ttl = 3;
	s.epoch.entries[s.epoch.count++].addr = router(103);
	evidence_stays(&s.ev, &s.walk, &s.epoch, ttl_bit(3));
	assert_int_equal(s.ev.old[2], 2);
}

static void only_the_ttls_that_are_named_are_counted(void **state)
{
	struct scene s = scene();

	(void)state;
	asked(&s, 2, 2, 1, 1);
	asked(&s, 3, 3, 1, 1);
	asked(&s, 4, 104, 1, 1);
	asked(&s, 5, 105, 1, 1);
	evidence_stays(&s.ev, &s.walk, &s.epoch, ttl_bit(3));
	evidence_differs(&s.ev, &s.walk, &s.epoch, ttl_bit(5));
	for (uint8_t i = 0; i < INPATH_MAX_HOPS; i++) {
		assert_int_equal(s.ev.old[i], i + 1 == 3);
		assert_int_equal(s.ev.new[i], i + 1 == 5);
	}
}

/* More than one probe without an answer: the trace is worth one, however many came. */
static void a_trace_with_more_than_one_unanswered_counts_for_one(void **state)
{
	static const struct {
		uint8_t answered, sent, worth;
	} traces[] = { { 1, 1, 1 }, { 8, 8, 8 }, { 7, 8, 7 }, { 6, 8, 1 }, { 1, 8, 1 }, { 1, 3, 1 },
		{ 2, 3, 2 } };

	(void)state;
	for (size_t i = 0; i < sizeof(traces) / sizeof(traces[0]); i++) {
		struct scene s = scene();

		differs(&s, 3, traces[i].answered, traces[i].sent);
		assert_int_equal(s.ev.new[2], traces[i].worth);
		assert_int_equal(hop_answers_seldom(&s.walk.hops[2]),
			traces[i].sent - traces[i].answered > 1);
	}
}

/* Unless the old one answers at another TTL: it has not fallen silent, so each answer tells. */
static void each_answer_counts_where_the_old_router_answers_elsewhere(void **state)
{
	(void)state;
	for (int server = 0; server < 2; server++) {
		struct scene s = scene();

		asked(&s, 4, 3, 1, 1);
		s.walk.hops[3].server = server;
		differs(&s, 3, 6, 10);
		assert_int_equal(s.ev.new[2], 6);
		/* It is another one that does. */
		asked(&s, 4, 103, 1, 1);
		differs(&s, 3, 6, 10);
		assert_int_equal(s.ev.new[2], 7);
	}
}

static void all_ttls_that_differ_witness_to_one_step(void **state)
{
	struct scene s = scene();
	uint64_t differ = ttl_bit(3) | ttl_bit(5) | ttl_bit(6);

	(void)state;
	for (uint8_t ttl = 3; ttl <= 6; ttl++) {
		stays(&s, ttl, 3, 3);
		differs(&s, ttl, 2, 2);
	}
	/* 9 before, 6 behind. */
	assert_int_equal(lacks(&s, differ).all, 30 - 9 - 6);
	/* The one that is named, the first, by answers of its own. */
	assert_int_equal(lacks(&s, differ).first, 20 - 3 - 2);
	differs(&s, 5, 15, 15);
	assert_int_equal(lacks(&s, differ).all, 0);
	assert_int_equal(lacks(&s, differ).first, 15);
	differs(&s, 3, 14, 14);
	assert_int_equal(lacks(&s, differ).first, 1);
	differs(&s, 3, 1, 1);
	assert_int_equal(lacks(&s, differ).first, 0);
}

/* 10 more for each beyond the two that a step has: known of the epoch, or seen in this trace. */
static void among_three_routers_ten_more_are_wanted(void **state)
{
	(void)state;
	for (uint8_t routers = 1; routers <= INPATH_HOP_ADDRS; routers++) {
		uint8_t more = (uint8_t)(10 * (routers - 1));
		struct scene of_epoch = scene(), of_walk = scene();

		for (uint8_t i = 1; i < routers; i++) {
			of_epoch.epoch.entries[of_epoch.epoch.count].ttl = 3;
			of_epoch.epoch.entries[of_epoch.epoch.count++].addr = router(200 + i);
		}
		asked(&of_epoch, 3, 103, 1, 1);
		assert_int_equal(lacks(&of_epoch, ttl_bit(3)).all, 24 + more);
		of_epoch.ev.old[2] = 12;
		assert_int_equal(lacks(&of_epoch, ttl_bit(3)).all, 18 + more);
		of_epoch.ev.old[2] = 30 + more;
		assert_int_equal(lacks(&of_epoch, ttl_bit(3)).all, 4);
		asked(&of_walk, 3, 103, 4, 4);
		of_walk.walk.hops[2].addr_count = routers;
		assert_int_equal(lacks(&of_walk, ttl_bit(3)).all, 24 + more);
	}
}

static void what_was_not_found_again_is_worth_nothing(void **state)
{
	struct scene s = scene();

	(void)state;
	for (uint8_t ttl = 3; ttl <= 4; ttl++) {
		stays(&s, ttl, 9, 9);
		differs(&s, ttl, 5, 5);
	}
	evidence_flapped(&s.ev, ttl_bit(3));
	assert_int_equal(lacks(&s, ttl_bit(3)).all, 24);
	assert_int_equal(lacks(&s, ttl_bit(3)).first, 20);
	assert_int_equal(s.ev.old[3], 9);
	assert_int_equal(s.ev.new[3], 5);
}

/* The old one has not come back: only what was seen of the second is worth nothing. */
static void a_third_path_leaves_what_was_before(void **state)
{
	struct scene s = scene();

	(void)state;
	for (uint8_t ttl = 3; ttl <= 5; ttl++) {
		stays(&s, ttl, 9, 9);
		differs(&s, ttl, 5, 5);
	}
	/* At TTL 4 it has. TTL 5 has not differed so far. */
	evidence_third(&s.ev, ttl_bit(3) | ttl_bit(4), ttl_bit(3) | ttl_bit(5));
	assert_int_equal(s.ev.old[2], 9);
	assert_int_equal(s.ev.new[2], 0);
	assert_int_equal(s.ev.old[3], 0);
	assert_int_equal(s.ev.new[3], 0);
	assert_int_equal(s.ev.old[4], 9);
	assert_int_equal(s.ev.new[4], 5);
}

static void behind_a_change_only_what_both_paths_have_stays_known(void **state)
{
	struct scene s = scene();

	(void)state;
	for (uint8_t ttl = 2; ttl <= 5; ttl++) {
		stays(&s, ttl, 7, 7);
		differs(&s, ttl, 5, 5);
	}
	/* TTL 3 differs, though both have somebody there; at TTL 4 one of them is silent. */
	evidence_turns(&s.ev, ttl_bit(3), ttl_bit(2) | ttl_bit(3) | ttl_bit(5));
	for (uint8_t ttl = 2; ttl <= 5; ttl++) {
		assert_int_equal(s.ev.old[ttl - 1], ttl == 2 || ttl == 5 ? 7 : 0);
		assert_int_equal(s.ev.new[ttl - 1], 0);
	}
}

/* 6 together, with 2 of them new; the first TTL needs none of its own. */
static void a_proven_step_takes_six(void **state)
{
	(void)state;
	for (uint8_t old = 0; old <= 10; old++) {
		struct scene s = scene();
		uint8_t wanted = old < 4 ? 6 - old : 2;

		if (old)
			stays(&s, 4, old, old);
		asked(&s, 3, 103, 1, 1);
		for (uint8_t new = 0; new <= 8; new ++) {
			struct evidence_lack lack = evidence_lacks(
				&s.ev, &s.walk, &s.epoch, ttl_bit(3) | ttl_bit(4), STEPS_PROVEN);

			assert_int_equal(lack.all, new < wanted ? wanted - new : 0);
			assert_int_equal(lack.first, 0);
			differs(&s, 4, 1, 1);
		}
	}
}

/* As if this flow had had them before the step; but for those of the first TTL, and the least. */
static void what_others_have_seen_is_added(void **state)
{
	(void)state;
	for (uint8_t others = 0; others < STEPS_PROVEN; others++) {
		for (uint8_t old = 0; old <= 30; old++) {
			struct scene s = scene();
			struct evidence_lack lack;
			uint8_t alone;

			stays(&s, 3, old, old);
			asked(&s, 3, 103, 1, 1);
			alone = lacks(&s, ttl_bit(3)).all;
			lack = evidence_lacks(&s.ev, &s.walk, &s.epoch, ttl_bit(3), others);
			assert_int_equal(lack.all, alone > others + 4 ? alone - others : 4);
			assert_int_equal(lack.first, lacks(&s, ttl_bit(3)).first);
		}
	}
}

/* Touches are few: 8 answers, whatever was before; proven or not. */
static void a_server_that_came_nearer_takes_eight(void **state)
{
	struct scene s = scene();

	(void)state;
	stays(&s, 3, 30, 30);
	for (uint8_t new = 1; new <= 9; new ++) {
		differs(&s, 3, 1, 1);
		s.walk.hops[2].server = true;
		for (int proven = 0; proven < 2; proven++) {
			struct evidence_lack lack = evidence_lacks(
				&s.ev, &s.walk, &s.epoch, ttl_bit(3), proven * STEPS_PROVEN);

			assert_int_equal(lack.all, new < 8 ? 8 - new : 0);
			assert_int_equal(lack.first, 0);
		}
	}
}

/* Where nobody answers any more each probe tells, not each answer. */
static void a_server_that_is_gone_takes_eight_unanswered_probes(void **state)
{
	struct scene s = scene();

	(void)state;
	for (uint8_t new = 2; new <= 10; new += 2) {
		differs(&s, 3, 0, 2);
		assert_int_equal(lacks(&s, ttl_bit(3)).all, new < 8 ? 8 - new : 0);
		assert_int_equal(lacks(&s, ttl_bit(3)).first, 0);
	}
}

/* Each trace counts it for one, so that fewer are wanted of it: how many there are in all is the same. */
static void a_first_ttl_that_answers_seldom_needs_five_of_its_own(void **state)
{
	struct scene s = scene();
	uint64_t differ = ttl_bit(3) | ttl_bit(4);

	(void)state;
	for (int i = 0; i < 24; i++)
		stays(&s, 4, 1, 1);
	stays(&s, 3, 1, 1);
	differs(&s, 4, 4, 4);
	for (uint8_t traces = 1; traces <= 6; traces++) {
		differs(&s, 3, 1, 6);
		assert_int_equal(lacks(&s, differ).all, 0);
		assert_int_equal(lacks(&s, differ).first, traces < 4 ? 4 - traces : 0);
	}
	/* Once it answers all of them, as many as anywhere. */
	differs(&s, 3, 2, 2);
	assert_int_equal(lacks(&s, differ).first, 20 - 1 - 8);
	/* Alone, it has to show it all. */
	asked(&s, 3, 103, 1, 6);
	assert_int_equal(lacks(&s, ttl_bit(3)).all, 24 - 8);
}

/* A router was put in at TTL 3, which has answered once: those behind it are one farther away. */
static void a_router_that_moved_needs_no_answers_of_its_own(void **state)
{
	struct scene s = scene();
	uint64_t differ = ttls_up_to(6) & ~ttls_up_to(2);

	(void)state;
	for (uint8_t ttl = 3; ttl <= 6; ttl++)
		for (int i = 0; i < 5; i++)
			stays(&s, ttl, 1, 1);
	differs(&s, 3, 1, 1);
	for (uint8_t ttl = 4; ttl <= 6; ttl++)
		differs(&s, ttl, 3, 3);
	assert_int_equal(lacks(&s, differ).all, 0);
	assert_int_equal(lacks(&s, differ).first, 20 - 5 - 1);
	asked(&s, 4, 3, 2, 2);
	assert_int_equal(lacks(&s, differ).first, 0);
	/* What moved farther on says nothing of this one. */
	asked(&s, 4, 104, 2, 2);
	asked(&s, 6, 5, 2, 2);
	assert_int_equal(lacks(&s, differ).first, 20 - 5 - 1);
	/* The way back: the next one has come nearer. */
	asked(&s, 3, 4, 1, 1);
	assert_int_equal(lacks(&s, differ).first, 0);
}

static void counts_stop_where_more_makes_no_difference(void **state)
{
	struct scene s = scene();

	(void)state;
	for (int i = 0; i < 100; i++) {
		stays(&s, 1, 63, 63);
		differs(&s, INPATH_MAX_HOPS, 255, 255);
		assert_int_equal(s.ev.old[0], i ? 64 : 63);
		assert_int_equal(s.ev.new[INPATH_MAX_HOPS - 1], 64);
	}
	/* Many TTLs' counts do not wrap, either. */
	for (uint8_t i = 0; i < INPATH_MAX_HOPS; i++)
		s.ev.old[i] = s.ev.new[i] = 64;
	assert_int_equal(lacks(&s, ~0ULL).all, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(zeroed_memory_lacks_all_of_it),
		cmocka_unit_test(so_many_new_answers_are_wanted_behind_so_many_old_ones),
		cmocka_unit_test(a_trace_counts_each_of_its_answers),
		cmocka_unit_test(an_unanswered_probe_takes_half_of_what_was_seen),
		cmocka_unit_test(with_every_second_one_lost_two_old_answers_remain),
		cmocka_unit_test(what_answers_beside_the_old_one_ends_the_row),
		cmocka_unit_test(only_the_ttls_that_are_named_are_counted),
		cmocka_unit_test(a_trace_with_more_than_one_unanswered_counts_for_one),
		cmocka_unit_test(each_answer_counts_where_the_old_router_answers_elsewhere),
		cmocka_unit_test(all_ttls_that_differ_witness_to_one_step),
		cmocka_unit_test(among_three_routers_ten_more_are_wanted),
		cmocka_unit_test(what_was_not_found_again_is_worth_nothing),
		cmocka_unit_test(a_third_path_leaves_what_was_before),
		cmocka_unit_test(behind_a_change_only_what_both_paths_have_stays_known),
		cmocka_unit_test(a_proven_step_takes_six),
		cmocka_unit_test(what_others_have_seen_is_added),
		cmocka_unit_test(a_server_that_came_nearer_takes_eight),
		cmocka_unit_test(a_server_that_is_gone_takes_eight_unanswered_probes),
		cmocka_unit_test(a_first_ttl_that_answers_seldom_needs_five_of_its_own),
		cmocka_unit_test(a_router_that_moved_needs_no_answers_of_its_own),
		cmocka_unit_test(counts_stop_where_more_makes_no_difference),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
