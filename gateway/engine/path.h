/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * path: a trace's result in the form that is kept and compared.
 *
 * Two paths are equal when at every TTL they share an address or one of them is silent there; only
 * this decides what a change is. The fingerprint is a label for readers.
 */
#ifndef PATH_H
#define PATH_H

#include "inpath/record.h"
#include "inpath/types.h"

enum {
	PATH_ENTRIES = 48, /* addresses kept of one path: the farthest beyond that are dropped */
};

struct path {
	uint32_t fingerprint;
	uint8_t count;
	struct {
		uint8_t ttl;
		struct inpath_addr addr;
	} entries[PATH_ENTRIES]; /* by TTL */
};

/* Takes `count` hops (TTL 1 first); `unplaced` is the server that answered at no known TTL, or NULL. */
void path_take(struct path *out, const struct inpath_hop *hops, uint8_t count,
	const struct inpath_addr *unplaced);

/* Adds what `later` knows of TTLs at which `path` is silent, while there is room. */
void path_fill(struct path *path, const struct path *later);

/* Adds every address of `later` at its TTL, while there is room: the path takes either by turns. */
void path_merge(struct path *path, const struct path *later);

/* The first TTL at which the paths differ; 0 if they are equal. */
uint8_t path_differs(const struct path *a, const struct path *b);

#endif
