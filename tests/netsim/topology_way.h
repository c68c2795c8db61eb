/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * topology_way: ways as words and as graphs, both directions.
 *
 * While a way is read, `exits` are the ends that lead nowhere yet: places among `next` that the step
 * which is read next fills in. Those of alternatives that have ended wait below those of the one at hand.
 */
#ifndef TOPOLOGY_WAY_H
#define TOPOLOGY_WAY_H

#include "tests/netsim/topology_words.h"

enum {
	PLACE_NONE = 0xffff
};

/* The place of that name among those declared so far, or PLACE_NONE. */
uint16_t topology_find(const struct topology *t, const char *name);

/* Reads the words behind `path` or `back`, to the end of the line. */
bool way_read(struct words *w, const struct topology *t, bool is_back, struct topology_way *out);

/* The way back that takes the path's first branches. */
void way_reverse(const struct topology_way *path, struct topology_way *out);

/* Appends a way: its index. */
uint16_t way_add(struct topology *t, const struct topology_way *way);

/* How many routers a packet crosses at most, and at least. */
unsigned way_longest(const struct topology_way *way);
unsigned way_shortest(const struct topology_way *way);

/* Prints the way's steps, without its ends. */
void way_print(const struct topology *t, const struct topology_way *way, FILE *out);

#endif
