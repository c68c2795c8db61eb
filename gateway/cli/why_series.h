/* SPDX-License-Identifier: GPL-2.0-or-later */
/* why_series: values in the order of time, and since when they are up. Private to why. */
#ifndef CLI_WHY_SERIES_H
#define CLI_WHY_SERIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct why_split {
	size_t at;     /* the first value of now */
	size_t before; /* what is before ends here: it began somewhere between the two */
	uint32_t before_us, now_us;
	uint32_t limit_us; /* what now must exceed before by */
};

/*
 * Cuts `count` values of us, oldest first, 0 where there is none. True if they are up since some
 * moment, and still at the end, by at least `least_now` values. `scratch` has room for `count`.
 */
bool why_is_up(const uint32_t *values, size_t count, uint32_t floor_us, uint32_t least_now,
	uint32_t *scratch, struct why_split *out);

/*
 * What a hop's round trips did when those to the server went up by `excess_us`, between the values
 * `before` (which it is not one of) and `at`.
 */
enum why_move {
	WHY_UNCLEAR, /* too few values, or they vary too much by themselves, or went elsewhere */
	WHY_STAYED,
	WHY_WENT_ALONG,
};

enum why_move why_moved(const uint32_t *values, size_t count, size_t before, size_t at,
	uint32_t excess_us, uint32_t *scratch);

#endif
