/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/engine/budget.h"

#include <string.h>

static uint32_t *count_of(struct window *w, uint64_t slot)
{
	return &w->counts[slot % WINDOW_SLOTS];
}

/* Forgets what was spent more than a second ago. */
static void advance(struct window *w, inpath_time now)
{
	uint64_t slot = now / WINDOW_SLOT;

	if (slot >= w->slot + WINDOW_SLOTS) {
		memset(w->counts, 0, sizeof(w->counts));
		w->spent = 0;
		w->slot = slot;
	}
	while (w->slot < slot) {
		uint32_t *oldest = count_of(w, ++w->slot);

		w->spent -= *oldest;
		*oldest = 0;
	}
}

inpath_time window_ready(struct window *w, uint32_t rate, uint32_t want, inpath_time now)
{
	uint64_t need = want < rate ? want : rate, spent;
	uint64_t slot;

	advance(w, now);
	if (rate == 0)
		return INPATH_TIME_NEVER;
	spent = w->spent;
	if (spent + w->reserved + need <= rate)
		return now;
	/* Slot after slot is forgotten, the oldest first. */
	for (slot = w->slot + 1; slot <= w->slot + WINDOW_SLOTS; slot++) {
		spent -= *count_of(w, slot);
		if (spent + w->reserved + need <= rate)
			return slot * WINDOW_SLOT;
	}
	return (w->slot + 1) * WINDOW_SLOT;
}

uint32_t window_left(struct window *w, uint32_t rate, inpath_time now)
{
	advance(w, now);
	return w->spent + w->reserved < rate ? rate - w->spent - w->reserved : 0;
}

void window_reserve(struct window *w, uint32_t count)
{
	w->reserved += count;
}

void window_release(struct window *w, uint32_t count)
{
	w->reserved -= count;
}

static void enter(struct window *w)
{
	++*count_of(w, w->slot);
	w->spent++;
}

void window_spend(struct window *w, inpath_time now)
{
	advance(w, now);
	w->reserved--;
	enter(w);
}

void window_delay(struct window *w, inpath_time was, inpath_time now)
{
	uint64_t slot = was / WINDOW_SLOT;
	uint32_t *count;

	advance(w, now);
	if (slot + WINDOW_SLOTS <= w->slot || slot >= w->slot)
		return;
	count = count_of(w, slot);
	if (*count == 0)
		return;
	--*count;
	w->spent--;
	enter(w);
}

bool window_take(struct window *w, uint32_t rate, inpath_time now)
{
	if (window_ready(w, rate, 1, now) > now)
		return false;
	enter(w);
	return true;
}

bool window_is_used(struct window *w, inpath_time now)
{
	advance(w, now);
	return w->spent != 0;
}
