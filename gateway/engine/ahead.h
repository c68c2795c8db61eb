/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ahead: the packets of a batch that wait to be judged; what is known of their flows is fetched from memory meanwhile.
 *
 *	foreseen  p0 p1 p2 ... pn	each one's hash is taken, its place in the index asked for
 *	judged    p0			the entries of p1 to p3 are asked for
 *	          p1			... p4
 *	          ...
 *
 * Index and entry come from memory one after the other. So the one is read while the batch is gone through, the other while
 * the packets before are judged.
 *
 * Owns: a batch of tuples and hashes; struct inpath_engine embeds it by value. All zero is no batch.
 * Time: none. A packet that comes otherwise than foreseen is found all the same, only later.
 */
#ifndef AHEAD_H
#define AHEAD_H

#include "gateway/engine/flow.h"
#include "inpath/limits.h"

struct ahead_packet {
	bool any; /* it may be of a flow */
	uint32_t hash;
	struct inpath_tuple tuple;
};

struct ahead {
	uint32_t count;   /* packets of the batch */
	uint32_t judged;  /* ... the latest of which is being judged */
	uint32_t fetched; /* ... whose entries were asked for */
	struct ahead_packet packets[INPATH_BATCH];
};

/* The batch's next packet, or a new batch's first one: of this flow, NULL: of none. */
void ahead_foresee(struct ahead *a, const struct flows *f, const struct inpath_tuple *tuple);

/* The batch's next packet is being judged. */
void ahead_judge(struct ahead *a, const struct flows *f);

/* The slot of the flow that a packet which is being judged is of, or TABLE_NONE. */
uint32_t ahead_find(const struct ahead *a, const struct flows *f, const struct inpath_tuple *tuple);

#endif
