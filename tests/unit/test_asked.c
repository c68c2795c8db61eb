/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An answer counts only where it was asked for. */
#include "gateway/engine/asked.h"
#include "tests/unit/stages.h"

static const struct hash_key KEY = { 5, 6 };

struct fixture {
	struct asked a;
	void *memory;
	struct inpath_addr client;
	struct inpath_addr resolver;
	struct dns_message m;
};

static struct fixture fixture_of(uint32_t names)
{
	struct arena measure = { 0 }, arena = { 0 };
	struct fixture f = { .client = wire_addr("192.168.1.10"),
		.resolver = wire_addr("198.51.100.53"),
		.m = { .id = 77, .qtype = 1, .name = "www.example" } };

	asked_init(&f.a, &measure, names, &KEY);
	f.memory = stage_memory(measure.used);
	arena.base = f.memory;
	asked_init(&f.a, &arena, names, &KEY);
	assert_int_equal(arena.used, measure.used);
	return f;
}

static bool was(const struct fixture *f, inpath_time now)
{
	return asked_was(&f->a, &f->client, 5353, &f->resolver, &f->m, false, now);
}

static void an_answer_to_a_question_is_known_as_long_as_resolvers_take(void **state)
{
	struct fixture f = fixture_of(8192);

	(void)state;
	assert_false(was(&f, T0));
	asked_note(&f.a, &f.client, 5353, &f.resolver, &f.m, T0);
	assert_true(was(&f, T0));
	assert_true(was(&f, T0 + ASKED_MEMORY - 1));
	assert_false(was(&f, T0 + ASKED_MEMORY));
	/* Asked again, it is remembered anew. */
	asked_note(&f.a, &f.client, 5353, &f.resolver, &f.m, T0 + ASKED_MEMORY);
	assert_true(was(&f, T0 + 2 * ASKED_MEMORY - 1));
	free(f.memory);
}

static void whatever_differs_was_not_asked(void **state)
{
	struct fixture f = fixture_of(8192), other;

	(void)state;
	asked_note(&f.a, &f.client, 5353, &f.resolver, &f.m, T0);
	assert_false(asked_was(&f.a, &f.client, 5354, &f.resolver, &f.m, false, T0));
	other = f;
	other.client.bytes[3]++;
	assert_false(was(&other, T0));
	other = f;
	other.resolver.bytes[3]++;
	assert_false(was(&other, T0));
	/* But the gateway's own resolver may answer in its place: look-ups may be redirected to it. */
	assert_true(asked_was(&other.a, &other.client, 5353, &other.resolver, &other.m, true, T0));
	other = f;
	other.m.id++;
	assert_false(was(&other, T0));
	other = f;
	strcpy(other.m.name, "www.example2");
	assert_false(was(&other, T0));
	assert_true(was(&f, T0));
	free(f.memory);
}

static void two_resolvers_may_be_asked_the_same(void **state)
{
	struct fixture f = fixture_of(8192), other = f;

	(void)state;
	other.resolver.bytes[3]++;
	asked_note(&f.a, &f.client, 5353, &f.resolver, &f.m, T0);
	asked_note(&f.a, &f.client, 5353, &other.resolver, &f.m, T0);
	assert_true(was(&f, T0));
	assert_true(was(&other, T0));
	free(f.memory);
}

static void a_flood_of_questions_pushes_out_the_oldest_and_stays_within_its_memory(void **state)
{
	struct fixture f = fixture_of(1);
	uint32_t known = 0;

	(void)state;
	for (uint32_t i = 0; i < 100000; i++) {
		f.m.id = (uint16_t)i;
		asked_note(&f.a, &f.client, 5353, &f.resolver, &f.m, T0 + i);
		assert_true(was(&f, T0 + i));
	}
	for (uint32_t i = 100000 - 64; i < 100000; i++) {
		f.m.id = (uint16_t)i;
		known += was(&f, T0 + 100000);
	}
	/* Of the latest 64, as many as the buckets happen to hold: 4 of each 16. */
	assert_in_range(known, 40, 64);
	free(f.memory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_to_a_question_is_known_as_long_as_resolvers_take),
		cmocka_unit_test(whatever_differs_was_not_asked),
		cmocka_unit_test(two_resolvers_may_be_asked_the_same),
		cmocka_unit_test(
			a_flood_of_questions_pushes_out_the_oldest_and_stays_within_its_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
