/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * look: which flows fell silent though their packets ought to come to the queue.
 *
 * Flow offload forwards a connection past every rule, so to the queue it looks like one that has
 * nothing to say. Only conntrack knows the difference: the host is asked to look it up, once a silence.
 *
 *   packet of a flow that is not decided, or traced -> EXPECTED -- 1 s of silence --> LOOK (host)
 *                                                      ^                                |
 *                                                      +--- its next packet ------------+
 *
 * Owns:   its cursor over the flow table and its window, in struct inpath_engine.
 * Time:   one pass over the table in a second, in slices, while any flow is expected; no deadline otherwise.
 * Output: INPATH_ACTION_LOOK in the outbox, at most LOOK_RATE a second.
 */
#ifndef LOOK_H
#define LOOK_H

#include "gateway/engine/budget.h"
#include "gateway/engine/flow.h"
#include "inpath/engine.h"

enum {
	LOOK_RATE = 100,  /* a second */
	LOOK_SLICE = 512, /* entries of the flow table that one tick passes over */
	LOOKS_A_TICK = 4,
};

#define LOOK_SILENCE INPATH_SEC

struct look {
	inpath_time at; /* when the pass begins, or goes on; 0: no flow is expected */
	uint32_t next;  /* flow slot that the pass has come to */
	bool again;     /* it met flows whose silence is shorter yet */
	struct window window;
};

/* A packet of `f` has passed: `more` says whether further ones ought to come to the queue. */
void look_expect(struct look *l, struct flow *f, bool more, inpath_time now);

/* Does the due part of a pass; looks go to the outbox. */
void look_step(
	struct look *l, const struct flows *flows, struct inpath_outbox *outbox, inpath_time now);

/* When look_step wants to be called; INPATH_TIME_NEVER if no flow is expected. */
inpath_time look_deadline(const struct look *l);

#endif
