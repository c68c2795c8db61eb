/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * link: how long a packet takes from one place to the next, and whether it gets there. A link keeps the
 * order of its packets. One with a rate holds at most 200 ms of them, and drops what comes then.
 *
 * Owns:   the state of each direction that is declared; what is not declared takes no time.
 * Time:   a packet's own moment is given; what comes back is when it arrives.
 */
#ifndef NETSIM_LINK_H
#define NETSIM_LINK_H

#include "gateway/engine/hash.h"
#include "tests/netsim/topology.h"

struct link_state {
	inpath_time free_at; /* when its sender has sent what it holds */
	inpath_time last;    /* when the last packet arrives */
};

struct links {
	uint16_t *index; /* by from and to: one more than the index into the topology's links */
	struct link_state state[TOPOLOGY_LINKS];
};

/* Numbers that cannot be told from chance, the same ones for the same seed. */
struct chance {
	struct hash_key key;
	uint64_t counter;
};

void chance_init(struct chance *c, uint64_t seed);
uint64_t chance_below(struct chance *c, uint64_t limit); /* 0 .. limit - 1; 0 if limit is 0 */
double chance_unit(struct chance *c);                    /* 0 <= x < 1 */

void links_init(struct links *l, const struct topology *t);
void links_free(struct links *l);

/* Sends `len` bytes at *at. True, and *at is when they arrive; false if they are lost. */
bool link_cross(struct links *l, const struct topology *t, struct chance *chance, uint16_t from,
	uint16_t to, size_t len, inpath_time *at);

#endif
