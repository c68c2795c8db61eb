/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/daemon/recent.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* Line number `number`: of a length of its own, which it says. */
static size_t line_of(uint64_t number, char out[1024])
{
	size_t len = 1 + (number * 7919) % 900;

	memset(out, 'a' + (int)(number % 26), len);
	return len;
}

/* What is told, until there is no room for more. */
struct reading {
	uint64_t next; /* the number of the line that must come; the first one says its own */
	uint64_t lines;
	size_t bytes;
	size_t room;
};

static bool take(void *arg, const char *line, size_t len)
{
	struct reading *r = arg;
	char want[1024];

	if (r->bytes + len > r->room)
		return false;
	assert_int_equal(len, line_of(r->next, want));
	assert_memory_equal(line, want, len);
	r->next++;
	r->lines++;
	r->bytes += len;
	return true;
}

/* How many lines there are must be found out: the last ones, up to number `end`. */
static uint64_t count_lines(const struct recent *r, uint64_t end)
{
	struct reading none = { 0 };
	bool over;
	uint64_t first = recent_tell(r, 0, take, &none, &over);

	assert_true(first <= end);
	return end - first;
}

static void the_latest_lines_are_told_in_their_order(void **state)
{
	static const size_t sizes[] = { 4096, 5000, 20011 };

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		/* Of the exact size: a sanitizer sees a byte beyond it. */
		struct recent *r = recent_init(malloc(sizes[i]), sizes[i]);

		for (uint64_t n = 0; n < 3000; n++) {
			struct reading all = { .room = SIZE_MAX };
			char line[1024];
			bool over;
			size_t len = line_of(n, line);

			recent_line(r, line, len);
			all.next = n + 1 - count_lines(r, n + 1);
			assert_int_equal(recent_tell(r, 0, take, &all, &over), n + 1);
			assert_true(over);
			/* No more goes than makes room: half of it is always in use. */
			assert_true(n < 40 || all.bytes > sizes[i] / 2 - 900);
		}
		free(r);
	}
}

static void pages_follow_each_other_whatever_comes_between(void **state)
{
	struct recent *r = recent_init(malloc(20000), 20000);
	uint64_t cursor = 0, told = 0, written = 0;

	(void)state;
	for (int i = 0; i < 2000; i++) {
		struct reading page = { .room = 2000 };
		char line[1024];
		bool over;

		for (int k = 0; k < i % 7; k++, written++)
			recent_line(r, line, line_of(written, line));
		page.next = written - count_lines(r, written);
		page.next = cursor > page.next ? cursor : page.next;
		cursor = recent_tell(r, cursor, take, &page, &over);
		assert_int_equal(cursor, page.next);
		assert_int_equal(over, cursor == written);
		told += page.lines;
	}
	assert_true(told > 1000);
	free(r);
}

static void a_number_that_nobody_gave_tells_nothing(void **state)
{
	struct recent *r = recent_init(malloc(4096), 4096);
	struct reading none = { 0 };
	bool over = false;

	(void)state;
	assert_int_equal(recent_tell(r, 0, take, &none, &over), 0);
	assert_true(over);
	recent_line(r, "a", 1);
	assert_int_equal(recent_tell(r, UINT64_MAX, take, &none, &over), 1);
	assert_true(over);
	assert_int_equal(none.lines, 0);
	free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_latest_lines_are_told_in_their_order),
		cmocka_unit_test(pages_follow_each_other_whatever_comes_between),
		cmocka_unit_test(a_number_that_nobody_gave_tells_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
