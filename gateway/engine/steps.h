/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * steps: at which TTL which router gave way to which, as some flow's traces have proven lately.
 *
 * A router that many flows cross changes for all of them: what one of them has proven, the others
 * need not prove anew, each by as many probes to the same two routers. Nor could they, were it one of
 * the first hops.
 *
 * Owns: STEPS entries; full means that the one proven longest ago is forgotten.
 * Time: given; a step is remembered for STEPS_SPAN.
 */
#ifndef STEPS_H
#define STEPS_H

#include "gateway/engine/path.h"

enum {
	STEPS = 32,
};

#define STEPS_SPAN (300 * INPATH_SEC)

struct step {
	uint32_t from; /* path_entry */
	uint32_t to;
	inpath_time at; /* 0: free */
};

/* Zeroed memory is none yet. */
struct steps {
	struct step entries[STEPS];
};

/* At this TTL, `epoch`'s routers have given way to the hop's. */
void steps_add(
	struct steps *s, const struct path *epoch, const struct inpath_hop *hop, inpath_time now);

/* Is it known that one of `epoch`'s routers at this TTL has given way to one of the hop's? */
bool steps_has(const struct steps *s, const struct path *epoch, const struct inpath_hop *hop,
	inpath_time now);

/* The hop's routers take turns: what was known of one and another of them was wrong. */
void steps_forget(struct steps *s, const struct inpath_hop *hop);

#endif
