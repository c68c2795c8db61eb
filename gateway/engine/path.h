/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * path: a trace's result in the form that is kept and compared.
 *
 * Two paths are equal when at every TTL they share an address or one of them is silent there; only
 * this decides what a change is. A TTL at which as many addresses answered as a trace keeps may have
 * had others: it is taken for silent. Where the server stands is compared, too, if both traces have
 * proven it. The fingerprint is a label for readers.
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
	uint8_t server; /* the TTL at which the server has proven to stand; 0: none */
	struct {
		uint8_t ttl;
		struct inpath_addr addr;
	} entries[PATH_ENTRIES]; /* by TTL */
};

/* What is left of a path to tell whether another is the same: its addresses' hashes. */
struct path_sketch {
	uint8_t count;
	uint8_t server;
	uint32_t entries[PATH_ENTRIES]; /* by TTL: ttl << 24 | hash */
};

/*
 * Takes `count` hops (TTL 1 first); `unplaced` is the server that answered at no known TTL, or NULL.
 * A server whose place is only inferred has its part in the fingerprint and is no evidence.
 */
void path_take(struct path *out, const struct inpath_hop *hops, uint8_t count,
	const struct inpath_addr *unplaced);

/*
 * Adds what `later` knows of TTLs at which `path` is silent, while there is room; but for addresses that
 * `path` has at another TTL: those are of the moment in which a route changed.
 */
void path_fill(struct path *path, const struct path *later);

/* Adds every address of `later` at these TTLs (bit ttl-1), while there is room: the path takes
 * either by turns. True if there was any that it did not have. */
bool path_merge(struct path *path, const struct path *later, uint64_t ttls);

/* The TTLs (bit ttl-1) at which the paths differ; 0 if they are equal. */
uint64_t path_differs(const struct path *a, const struct path *b);

/* What the path has at these TTLs (bit ttl-1) is forgotten. */
void path_drop(struct path *p, uint64_t ttls);

/* What the path has from this TTL on is forgotten. */
void path_cut(struct path *p, uint8_t ttl);

/* How many routers the path has at this TTL. */
uint32_t path_routers(const struct path *p, uint8_t ttl);

/* Has the path every router of this hop at its TTL? */
bool path_has_all(const struct path *p, const struct inpath_hop *hop);

/* The TTLs (bit ttl-1) at which anything answered. */
uint64_t path_ttls(const struct path *p);

/* A router at a TTL, as a sketch has it: never 0. */
uint32_t path_entry(uint8_t ttl, const struct inpath_addr *addr);

void path_sketch(struct path_sketch *out, const struct path *p);

/* The TTLs (bit ttl-1) at which the two share an address, or the server's place. */
uint64_t path_sketch_shares(const struct path_sketch *s, const struct path *p);

/* Is the sketch one of an equal path? */
bool path_sketch_equals(const struct path_sketch *s, const struct path *p);

#endif
