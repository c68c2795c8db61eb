/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/topologies.h"

enum {
	FIRST = 1,
	LAST = 400,
	WINDOW = 100,
	LEAST = 2 /* in each window */
};

static const char *const NAMES[] = { "silent", "limit", "late", "late-too-late", "twice", "from",
	"quote8", "quote28", "quote128", "mpls", "interface", "legacy", "unpadded", "overlong",
	"badsum", "zero-ttl", "invisible", "dscp", "ecn", "nat-repair", "nat-raw", "nat-seq",
	"nat-seq-sack", "expire", "firewall-drop", "firewall-refuse", "proxy", "balance-flow",
	"balance-destination", "balance-packet", "unequal", "asymmetric", "delay", "jitter", "loss",
	"rate", "event-route", "event-link", "event-router", "cgn-space", "dark" };

enum {
	NAME_COUNT = sizeof(NAMES) / sizeof(NAMES[0])
};

static const struct inpath_addr ADDR = { INPATH_AF_INET, { 198, 51, 100, 1 } };
static const struct inpath_addr ADDR6 = { INPATH_AF_INET6,
	{ 0x20, 0x01, 0x0d, 0xb8, 0, 5, [15] = 1 } };

static struct topology drawn;

static const struct topology *draw(uint64_t seed)
{
	topology_draw(seed, &ADDR, &ADDR6, &drawn);
	return &drawn;
}

static bool has(const struct topology *t, const char *name)
{
	const char *names[TOPOLOGY_BEHAVIOURS];
	unsigned count = topology_behaviours(t, names);

	for (unsigned i = 0; i < count; i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

/* Every row of routers that a packet to the server may cross, one at a time. */
struct row {
	const struct topology *t;
	unsigned count;
	const struct topology_router *routers[TOPOLOGY_HOPS];
	inpath_time delay;
};

typedef void (*row_check)(const struct row *row);

static inpath_time delay_between(const struct topology *t, uint16_t from, uint16_t to)
{
	for (unsigned i = 0; i < t->link_count; i++)
		if (t->links[i].from == from && t->links[i].to == to)
			return t->links[i].delay;
	fail_msg("no link %s > %s", topology_name(t, from), topology_name(t, to));
	return 0;
}

static void walk(struct row *row, const struct topology_way *way, unsigned step, row_check check)
{
	const struct topology_step *s = &way->steps[step];

	for (unsigned k = 0; k < s->next_count; k++) {
		struct row longer = *row;
		uint16_t next = s->next[k];
		uint16_t place = next == WAY_END ? PLACE_SERVERS : way->steps[next].place;

		longer.delay += delay_between(row->t, s->place, place);
		if (next == WAY_END) {
			check(&longer);
			continue;
		}
		longer.routers[longer.count++] = &row->t->routers[place - PLACE_ROUTERS];
		walk(&longer, way, next, check);
	}
}

static void each_row(const struct topology *t, row_check check)
{
	for (unsigned w = 0; w < t->way_count; w++) {
		struct row row = { .t = t };

		if (!t->ways[w].back)
			walk(&row, &t->ways[w], 0, check);
	}
}

static void each_drawn(row_check check)
{
	for (uint64_t seed = FIRST; seed <= LAST; seed++)
		each_row(draw(seed), check);
}

static void a_drawn_topology_reads_back_equal(void **state)
{
	struct topology_error error;

	(void)state;
	for (uint64_t seed = FIRST; seed <= LAST; seed++) {
		char *text = print(draw(seed));

		if (!read_into(text, strlen(text), &topology_first, &error))
			fail_msg("seed %u, line %u: %s\n%s", (unsigned)seed, error.line,
				error.message, text);
		assert_memory_equal(&drawn, &topology_first, sizeof(drawn));
		free(text);
	}
}

static void a_seed_draws_one_topology(void **state)
{
	(void)state;
	memcpy(&topology_first, draw(77), sizeof(topology_first));
	assert_memory_equal(&topology_first, draw(77), sizeof(topology_first));
	assert_memory_not_equal(&topology_first, draw(78), sizeof(topology_first));
	assert_true(topology_first.seed == 77);
	assert_int_equal(topology_first.server_count, 1);
	assert_string_equal(topology_first.servers[0].name, "s1");
	assert_memory_equal(&topology_first.servers[0].addr[0], &ADDR, sizeof(ADDR));
	assert_memory_equal(&topology_first.servers[0].addr[1], &ADDR6, sizeof(ADDR6));
}

static void every_behaviour_is_in_2_of_any_100_in_a_row(void **state)
{
	static bool is_there[LAST + 1][NAME_COUNT];

	(void)state;
	for (unsigned seed = FIRST; seed <= LAST; seed++)
		for (unsigned i = 0; i < NAME_COUNT; i++)
			is_there[seed][i] = has(draw(seed), NAMES[i]);
	for (unsigned i = 0; i < NAME_COUNT; i++)
		for (unsigned seed = FIRST, count = 0; seed <= LAST; seed++) {
			count += is_there[seed][i];
			if (seed >= FIRST + WINDOW)
				count -= is_there[seed - WINDOW][i];
			if (seed >= FIRST + WINDOW - 1 && count < LEAST)
				fail_msg("%s: %u from seed %u on", NAMES[i], count,
					seed - WINDOW + 1);
		}
}

static unsigned rows, slow_rows;

static void count_delay(const struct row *row)
{
	rows++;
	slow_rows += 2 * row->delay > 150 * INPATH_MSEC;
	assert_in_range(2 * row->delay, 200 * INPATH_USEC, 200 * INPATH_MSEC);
	assert_in_range(row->count, 3, 30);
}

static void ways_are_of_an_internets_length(void **state)
{
	(void)state;
	rows = 0;
	slow_rows = 0;
	each_drawn(count_delay);
	assert_true(slow_rows * 10 < rows);
}

static bool is_special(const struct topology_router *r)
{
	return r->nat || r->firewall != REFUSAL_NONE || r->proxy;
}

static bool answers(const struct topology_router *r)
{
	return !r->silent && !r->invisible && !r->zero_ttl && r->limit_rate == 0 &&
	       r->late_max <= 600 * INPATH_MSEC;
}

static void check_special(const struct row *row)
{
	for (unsigned i = 0; i < row->count; i++) {
		unsigned behind = 0;

		if (!is_special(row->routers[i]))
			continue;
		assert_true(i + 1 < row->count);
		for (unsigned k = i + 1; k < row->count; k++)
			behind += answers(row->routers[k]);
		if (row->routers[i]->nat_seq != NAT_SEQ_KEEP)
			assert_true(behind >= 2);
		if (row->routers[i]->proxy)
			assert_true(answers(row->routers[row->count - 1]));
	}
}

static void one_nat_firewall_or_proxy_at_most(void **state)
{
	(void)state;
	each_drawn(check_special);
	for (uint64_t seed = FIRST; seed <= LAST; seed++) {
		const struct topology *t = draw(seed);
		unsigned count = 0;

		for (unsigned i = 0; i < t->router_count; i++)
			count += is_special(&t->routers[i]);
		assert_in_range(count, 0, 1);
	}
}

static void check_silence(const struct row *row)
{
	bool is_dark = has(row->t, "dark");

	for (unsigned i = 0, run = 0; i < row->count; i++) {
		if (row->routers[i]->silent && !row->routers[i]->invisible)
			run++;
		else if (!row->routers[i]->invisible)
			run = 0;
		assert_true(run <= 4 || is_dark);
	}
}

static void four_routers_in_a_row_are_silent_at_most(void **state)
{
	(void)state;
	each_drawn(check_silence);
}

static void check_zero(const struct row *row)
{
	for (unsigned i = 0; i < row->count; i++) {
		if (!row->routers[i]->zero_ttl)
			continue;
		assert_true(i + 1 < row->count);
		assert_false(row->routers[i + 1]->zero_ttl || row->routers[i + 1]->invisible);
	}
}

static void who_gets_a_ttl_of_zero_may_answer(void **state)
{
	(void)state;
	each_drawn(check_zero);
}

static void check_router(const struct topology_router *r)
{
	assert_true(r->late_max <= 600 * INPATH_MSEC || r->late_min >= 1500 * INPATH_MSEC);
	assert_true(r->late_max <= 3 * INPATH_SEC);
	assert_true(r->limit_rate == 0 || (r->limit_rate >= 1 && r->limit_rate <= 50));
	assert_true(r->ecn != 3);
	assert_true(r->extensions == EXTENSIONS_GOOD || r->label_count > 0 || r->has_interface);
}

static void check_link(const struct topology_link *l, double loss)
{
	assert_true(l->loss <= loss);
	assert_true(l->rate == 0 || l->rate >= 20e6);
	assert_true(l->jitter <= 3 * INPATH_MSEC);
}

static void oddities_keep_to_their_bounds(void **state)
{
	(void)state;
	for (uint64_t seed = FIRST; seed <= LAST; seed++) {
		const struct topology *t = draw(seed);
		unsigned lossy = 0;

		for (unsigned i = 0; i < t->router_count; i++)
			check_router(&t->routers[i]);
		for (unsigned i = 0; i < t->link_count; i++) {
			check_link(&t->links[i], 0.01);
			lossy += t->links[i].loss > 0;
		}
		assert_in_range(lossy, 0, 2);
	}
}

static const struct inpath_addr *answer_of(const struct topology_router *r, unsigned family)
{
	return r->from[family].family != INPATH_AF_NONE ? &r->from[family] : &r->addr[family];
}

static void each_router_answers_from_an_address_of_its_own(void **state)
{
	(void)state;
	for (uint64_t seed = FIRST; seed <= LAST; seed++) {
		const struct topology *t = draw(seed);

		for (unsigned k = 0; k < 2; k++)
			for (unsigned i = 0; i < t->router_count; i++)
				for (unsigned j = 0; j < i; j++)
					assert_memory_not_equal(answer_of(&t->routers[i], k),
						answer_of(&t->routers[j], k),
						sizeof(struct inpath_addr));
	}
}

/* Everything that changes is at last as it was, or is another way. */
static void check_events(const struct topology *t)
{
	unsigned kinds[3] = { 0 };
	uint16_t last = 0;

	for (uint16_t i = 0; i < t->event_count; i++) {
		const struct topology_event *e = &t->events[i];

		assert_in_range(e->at, 300 * INPATH_MSEC, 6 * INPATH_SEC);
		assert_true(i == 0 || t->events[i - 1].at <= e->at);
		kinds[e->kind] = 1;
		if (e->kind == EVENT_LINK)
			check_link(&e->link, 0.02);
		if (e->kind == EVENT_ROUTER)
			last = i;
	}
	assert_in_range(kinds[0] + kinds[1] + kinds[2], 0, 2);
	if (kinds[EVENT_ROUTER])
		assert_memory_equal(&t->events[last].router, &t->routers[t->events[last].index],
			sizeof(struct topology_router));
}

static void events_are_few_and_soon(void **state)
{
	(void)state;
	for (uint64_t seed = FIRST; seed <= LAST; seed++)
		check_events(draw(seed));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_drawn_topology_reads_back_equal),
		cmocka_unit_test(a_seed_draws_one_topology),
		cmocka_unit_test(every_behaviour_is_in_2_of_any_100_in_a_row),
		cmocka_unit_test(ways_are_of_an_internets_length),
		cmocka_unit_test(one_nat_firewall_or_proxy_at_most),
		cmocka_unit_test(four_routers_in_a_row_are_silent_at_most),
		cmocka_unit_test(who_gets_a_ttl_of_zero_may_answer),
		cmocka_unit_test(oddities_keep_to_their_bounds),
		cmocka_unit_test(each_router_answers_from_an_address_of_its_own),
		cmocka_unit_test(events_are_few_and_soon),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
