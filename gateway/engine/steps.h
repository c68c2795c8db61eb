/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * steps: which router gave way to which, as flows' traces have proven lately, or made likely together.
 *
 * A router that many flows cross changes for all of them, at whatever TTL each of them has it: what one of them
 * has proven, the others need not prove anew, each by as many probes to the same two routers. Nor could they,
 * were it one of the first hops.
 *
 * And one that answers so seldom that no flow sees enough of it is proven by several together. A flow that
 * finds another router behind K answers in a row of its own one has seen what two that take turns show once
 * in 2^K; of the many flows that cross these two, somebody would. So each adds K - 4, no more than 12 and less
 * than nothing where K is small: of turns, 2^(K - 4) is 1 on average, and a sum of n comes once in 2^n
 * times (Ville). What the others have added is as good as so many answers of one's own. Whoever sees the old router
 * again ends the sum.
 *
 * Owns: STEPS entries; full means that the one seen longest ago is forgotten.
 * Time: given; a step is remembered for STEPS_SPAN.
 */
#ifndef STEPS_H
#define STEPS_H

#include "gateway/engine/path.h"

enum {
	STEPS = 64,
	STEPS_PROVEN = 24,
};

#define STEPS_SPAN (1800 * INPATH_SEC)

struct step {
	uint32_t from; /* path_entry */
	uint32_t to;
	inpath_time at; /* 0: free */
	int32_t sum;    /* STEPS_PROVEN and more: it is */
};

/* Zeroed memory is none yet. */
struct steps {
	struct step entries[STEPS];
};

/* `epoch`'s routers at the hop's TTL have given way to the hop's: a flow has proven it. */
void steps_add(
	struct steps *s, const struct path *epoch, const struct inpath_hop *hop, inpath_time now);

/* A flow has found the hop's routers behind `old` answers in a row of `epoch`'s at this TTL. */
void steps_suspect(struct steps *s, const struct path *epoch, const struct inpath_hop *hop,
	uint32_t old, inpath_time now);

/* A flow has seen `epoch`'s routers at these TTLs (bit ttl-1) again: what is not proven of them ends. */
void steps_withdraw(struct steps *s, const struct path *epoch, uint64_t ttls);

/*
 * How likely have others made it that one of `epoch`'s routers at this TTL has given way to one of the hop's? In
 * answers in a row, STEPS_PROVEN and more if it is proven; without what was suspected because of `old` once, 0 for
 * nothing.
 */
uint32_t steps_seen(const struct steps *s, const struct path *epoch, const struct inpath_hop *hop,
	uint32_t old, inpath_time now);

/* The hop's routers take turns: what was known of one and another of them was wrong. */
void steps_forget(struct steps *s, const struct inpath_hop *hop);

#endif
