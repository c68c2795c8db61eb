/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/topologies.h"

#define ROUTERS "router r1\nrouter r2\nrouter r3\nrouter r4\nrouter r5\nserver s1 addr 1.2.3.4\n"

/* Every way through the graph from `step` on, as the numbers of its routers, `;` behind each. */
static void walk(const struct topology_way *way, uint16_t step, const char *before, char *out)
{
	char now[256];

	if (step == WAY_END) {
		(void)sprintf(out + strlen(out), "%s;", before);
		return;
	}
	for (unsigned k = 0; k < way->steps[step].next_count; k++) {
		uint16_t next = way->steps[step].next[k];

		assert_true(next == WAY_END || (next > step && next < way->step_count));
		(void)snprintf(now, sizeof(now), "%s%c", before, '0' + way->steps[step].place);
		walk(way, next, step > 0 ? now : before, out);
	}
}

static void way_is(const struct topology_way *way, const char *expected)
{
	char text[4096] = "";

	walk(way, 0, "", text);
	assert_string_equal(text, expected);
}

static void path_is(const char *steps, const char *expected)
{
	char text[4096];
	const struct topology *t;

	(void)snprintf(text, sizeof(text), ROUTERS "path gw %s s1\n", steps);
	t = reads(text);
	way_is(&t->ways[t->path_of[0]], expected);
	assert_int_equal(t->ways[t->path_of[0]].steps[0].place, PLACE_GATEWAY);
}

static void a_way_may_be_straight(void **state)
{
	(void)state;
	path_is("r1", "1;");
	path_is("r1 r2 r3", "123;");
}

static void a_way_may_split(void **state)
{
	(void)state;
	path_is("r1 { r2 | r3 } r4", "124;134;");
	path_is("r1{r2|r3}r4", "124;134;");
	path_is("r1 { r2 r3 | r4 } r5", "1235;145;");
	path_is("r1 { r2 | r3 } r4 { r2 | r3 } r5", "12425;12435;13425;13435;");
	path_is("r1 { r2 } r3", "123;");
}

static void an_alternative_may_be_empty(void **state)
{
	(void)state;
	path_is("r1 { r2 | r3 r4 | } r5", "125;1345;15;");
	path_is("r1 { | r2 } r3", "13;123;");
	path_is("r1 { } r3", "13;");
}

static void alternatives_may_split(void **state)
{
	(void)state;
	path_is("r1 { r2 { r3 | r4 } | } r5", "1235;1245;15;");
	path_is("r1 { r2 { r3 | } r4 | r3 } r5", "12345;1245;135;");
	path_is("r1 { r2 { r3 { r4 | } | } | } r5", "12345;1235;125;15;");
	path_is("r1 { r2 { r3 { r4 { r1 | r2 } | } | } | } r5", "123415;123425;1235;125;15;");
}

static void a_router_may_stand_twice(void **state)
{
	(void)state;
	path_is("r1 r2 r2 r3", "1223;");
	path_is("r1 r2 r3 r1 r2", "12312;");
	path_is("r1 { r2 | r2 r2 } r1", "121;1221;");
}

static void eight_alternatives_are_not_too_many(void **state)
{
	(void)state;
	path_is("r1 { r2 | r3 | r4 | r5 | r2 r2 | r3 r3 | r4 r4 | } r5",
		"125;135;145;155;1225;1335;1445;15;");
}

static void the_way_back_is_the_paths_first_branches_reversed(void **state)
{
	const struct topology *t =
		reads(ROUTERS "path gw r1 { r2 { r3 | r5 } | r4 } r5 r5 r4 s1\n");
	const struct topology_way *back = &t->ways[t->back_of[0]];

	(void)state;
	assert_true(back->back);
	assert_int_equal(back->server, 0);
	assert_int_equal(back->steps[0].place, PLACE_SERVERS);
	way_is(back, "455321;");
	t = reads(ROUTERS "path gw r1 { | r2 } r3 s1\n");
	way_is(&t->ways[t->back_of[0]], "31;");
}

static void the_way_back_may_be_its_own(void **state)
{
	const struct topology *t = reads(ROUTERS "back s1 r5 { r4 | } r3 gw\npath gw r1 r2 s1\n");

	(void)state;
	way_is(&t->ways[t->path_of[0]], "12;");
	way_is(&t->ways[t->back_of[0]], "543;53;");
}

static void ways_do_not_depend_on_the_order_of_lines(void **state)
{
	static struct topology first;
	const struct topology *t;

	(void)state;
	t = reads(ROUTERS "path gw r1 s1\nserver s2 addr 1.2.3.5\npath gw r2 s2\nback s1 r3 gw\n"
			  "at 1s path gw r4 s1\nat 2s path gw r5 s1\n");
	memcpy(&first, t, sizeof(first));
	t = reads(ROUTERS "server s2 addr 1.2.3.5\nat 2s path gw r5 s1\nback s1 r3 gw\n"
			  "path gw r2 s2\npath gw r1 s1\nat 1s path gw r4 s1\n");
	assert_memory_equal(&first, t, sizeof(first));
}

static void a_way_may_have_64_hops(void **state)
{
	char steps[64 * 3 + 1] = "";

	(void)state;
	for (int i = 0; i < 64; i++)
		strcat(steps, "r1 ");
	path_is(steps, "1111111111111111111111111111111111111111111111111111111111111111;");
}

static void a_way_may_have_127_routers(void **state)
{
	char text[1024] = ROUTERS "path gw r1";

	(void)state;
	for (int i = 0; i < 62; i++)
		strcat(text, i == 0 ? " { r2" : " r2");
	for (int i = 0; i < 62; i++)
		strcat(text, i == 0 ? " | r3" : " r3");
	strcat(text, " | r4 } r5 s1\n");
	assert_int_equal(reads(text)->ways[0].step_count, TOPOLOGY_STEPS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_way_may_be_straight),
		cmocka_unit_test(a_way_may_split),
		cmocka_unit_test(an_alternative_may_be_empty),
		cmocka_unit_test(alternatives_may_split),
		cmocka_unit_test(a_router_may_stand_twice),
		cmocka_unit_test(eight_alternatives_are_not_too_many),
		cmocka_unit_test(the_way_back_is_the_paths_first_branches_reversed),
		cmocka_unit_test(the_way_back_may_be_its_own),
		cmocka_unit_test(ways_do_not_depend_on_the_order_of_lines),
		cmocka_unit_test(a_way_may_have_64_hops),
		cmocka_unit_test(a_way_may_have_127_routers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
