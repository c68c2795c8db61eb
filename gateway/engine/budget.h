/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * budget: token buckets. One token is one probe.
 *
 * A bucket holds at most one second's worth of its rate, and starts full. The rate is given with
 * each call, so that a reload needs no walk over all buckets.
 *
 * Time: `now` is given; an earlier `now` than the latest adds nothing.
 */
#ifndef BUDGET_H
#define BUDGET_H

#include "inpath/types.h"

struct bucket {
	inpath_time at;  /* when `tokens` was true */
	uint64_t tokens; /* in billionths of a token: a rate of 1/s adds one per nanosecond */
};

/* Makes the bucket full at `now`. */
void bucket_fill(struct bucket *b, uint32_t rate, inpath_time now);

/* When the bucket will hold `want` tokens (or is full, if it can never hold as many): <= now if it
 * does already. */
inpath_time bucket_ready(struct bucket *b, uint32_t rate, uint32_t want, inpath_time now);

/* Takes `count` tokens; false, and nothing taken, if there are not as many. */
bool bucket_take(struct bucket *b, uint32_t rate, uint32_t count, inpath_time now);

#endif
