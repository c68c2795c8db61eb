/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the command's tables are made of: safe text, quantiles, columns. */
#include "gateway/cli/listing.h"
#include "gateway/cli/quantile.h"
#include "gateway/cli/safe.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void no_byte_of_a_stranger_drives_a_terminal(void **state)
{
	static const struct {
		const char *text, *shown;
	} cases[] = {
		{ "", "" }, { "tv", "tv" }, { "\x1b[2J", "\\x1b[2J" },
		{ "a\nb\x7f", "a\\x0a"
			      "b\\x7f" },
		{ "M\xc3\xbcller", "M\xc3\xbcller" },           /* a whole character of two bytes */
		{ "\xc3", "\\xc3" },                            /* half of one */
		{ "\xc0\xaf", "\\xc0\\xaf" },                   /* `/` in too many bytes */
		{ "\xe0\x80\xaf", "\\xe0\\x80\\xaf" },          /* likewise */
		{ "\xc2\x9b", "\\xc2\\x9b" },                   /* CSI, of 8 bits */
		{ "\xed\xa0\x80", "\\xed\\xa0\\x80" },          /* half of a surrogate pair */
		{ "\xe2\x80\xae", "\\xe2\\x80\\xae" },          /* turns the writing round */
		{ "\xf0\x9f\x93\xba", "\xf0\x9f\x93\xba" },     /* a picture */
		{ "\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80" }, /* beyond the last character */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t whole = strlen(cases[i].shown);

		for (size_t room = 0; room <= whole + 1; room++) {
			char *out = malloc(room ? room : 1);

			assert_int_equal(safe_text(out, room, cases[i].text), whole);
			if (room) {
				assert_true(strlen(out) < room);
				assert_memory_equal(out, cases[i].shown, strlen(out));
			}
			if (room > whole)
				assert_string_equal(out, cases[i].shown);
			free(out);
		}
	}
}

static int in_order(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static void any_quantile_is_that_of_the_sorted_values(void **state)
{
	uint32_t seed = 1;

	(void)state;
	for (size_t count = 1; count < 40; count++) {
		for (size_t k = 0; k < count; k++) {
			uint32_t values[40], sorted[40];

			for (size_t i = 0; i < count; i++) {
				seed = seed * 1103515245 + 12345;
				/* Few values and many, also in order. */
				values[i] = count % 3 == 0 ? (uint32_t)i
							   : seed >> 16 & (count % 2 ? 3 : 255);
				sorted[i] = values[i];
			}
			qsort(sorted, count, sizeof(sorted[0]), in_order);
			assert_int_equal(quantile_nth(values, count, k), sorted[k]);
		}
	}
}

static void the_median_and_the_spread(void **state)
{
	uint32_t odd[] = { 5, 1, 9 }, even[] = { 4, 1, 3, 2 }, spread[] = { 10, 12, 14, 50, 8 };

	(void)state;
	assert_int_equal(quantile_median(odd, 3), 5);
	assert_int_equal(quantile_median(even, 4), 2);
	assert_int_equal(quantile_median(even, 0), 0);
	assert_int_equal(quantile_spread(spread, 5, 12), 2);
}

static const struct listing_column COLUMNS[] = {
	{ "NAME", .shrinks = true },
	{ "N", .right = true },
	{ "NOTE", .spare = true },
};

/* What a listing of two rows prints. */
static void print(size_t width, const char *want)
{
	char text[512] = "";
	FILE *out = fmemopen(text, sizeof(text), "w");
	struct listing *l = listing_new(COLUMNS, 3);

	listing_cell(l, "a name of some length");
	listing_cell(l, "%d", 7);
	listing_cell(l, "x");
	listing_cell(l, "M\xc3\xbcller");
	listing_cell(l, "%d", 1234);
	listing_cell(l, "\x1b");
	assert_true(listing_print(l, out, width));
	listing_free(l);
	fclose(out);
	assert_string_equal(text, want);
}

static void columns_shrink_then_go_then_shrink_more(void **state)
{
	(void)state;
	print(0, "NAME                      N  NOTE\n"
		 "a name of some length     7  x\n"
		 "M\xc3\xbcller                 1234  \\x1b\n");
	print(26, "NAME               N  NOTE\n"
		  "a name of som\xe2\x80\xa6     7  x\n"
		  "M\xc3\xbcller          1234  \\x1b\n");
	print(25, "NAME               N\n"
		  "a name of som\xe2\x80\xa6     7\n"
		  "M\xc3\xbcller          1234\n");
	print(1, "NAME       N\n"
		 "a nam\xe2\x80\xa6     7\n"
		 "M\xc3\xbcller  1234\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_byte_of_a_stranger_drives_a_terminal),
		cmocka_unit_test(any_quantile_is_that_of_the_sorted_values),
		cmocka_unit_test(the_median_and_the_spread),
		cmocka_unit_test(columns_shrink_then_go_then_shrink_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
