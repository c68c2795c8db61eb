/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * budget: how much was spent in the last second, so that no second ever sees more than the rate.
 *
 *   ready -> reserve (a whole wave) -> spend (each probe, as it leaves)
 *                          +---------> release (what does not leave after all)
 *
 *   spent in the last second + reserved <= rate, always
 *
 * A second is cut into 16 slots; what was spent in the latest 17 counts, the one that has just begun
 * and the one that is half over whole. So a unit is free again a second to 17/16 of one after it was
 * spent. The rate is given with each call, so that a reload needs no walk over all windows.
 *
 * Owns: nothing; the owner embeds it by value. All zero is a window in which nothing was spent.
 * Time: `now` is given; an earlier `now` than the latest counts as the latest.
 */
#ifndef BUDGET_H
#define BUDGET_H

#include "inpath/types.h"

enum {
	WINDOW_SLOTS = 17,
};

#define WINDOW_SLOT (INPATH_SEC / (WINDOW_SLOTS - 1))

struct window {
	uint64_t slot;                 /* number of the newest slot since the clock's zero */
	uint32_t spent;                /* the sum of `counts` */
	uint32_t reserved;             /* promised, not spent yet */
	uint32_t claimed;              /* wanted by those who go before newcomers */
	uint32_t counts[WINDOW_SLOTS]; /* by slot number modulo WINDOW_SLOTS */
};

/*
 * When there will be room for `want` (or for the whole rate, if it is less): `now` if there is
 * already. What is only reserved may be spent or released at any time: then it is the time to ask
 * again.
 */
inpath_time window_ready(struct window *w, uint32_t rate, uint32_t want, inpath_time now);

/* How much of the rate is neither spent nor reserved. */
uint32_t window_left(struct window *w, uint32_t rate, inpath_time now);

/* Promises `count`; there must be room for them (window_ready). */
void window_reserve(struct window *w, uint32_t count);

/* Takes a promise of `count` back. */
void window_release(struct window *w, uint32_t count);

/* One of those reserved is spent. */
void window_spend(struct window *w, inpath_time now);

/* What was spent at `was` was so only at `now`. */
void window_delay(struct window *w, inpath_time was, inpath_time now);

/* Spends one if there is room for it. */
bool window_take(struct window *w, uint32_t rate, inpath_time now);

/* Was anything spent in the last second? */
bool window_is_used(struct window *w, inpath_time now);

#endif
