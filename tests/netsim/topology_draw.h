/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * topology_draw: an internet at random, in three steps: a shape (trunk, alternatives, other ways back),
 * oddities of its routers and links, events.
 *
 * The trunk is the row of routers that every packet to the server crosses; between two of them there
 * may be alternatives. Another way takes a detour: other routers instead of some of the trunk's.
 * Behaviours are forced in turn, by the seed's remainder, so that each is in one of BEHAVIOURS topologies
 * at least; others come on top by chance, as far as they fit: what a prober ought to find must stay
 * unambiguous.
 *
 * Owns:   nothing. Whole numbers only, so that a seed draws the same everywhere.
 */
#ifndef TOPOLOGY_DRAW_H
#define TOPOLOGY_DRAW_H

#include "tests/netsim/topology_behaviours.h"

enum {
	DRAW_TRUNK = 28,
	DRAW_DIAMONDS = 2,
	DRAW_BRANCHES = 4,
	DRAW_BRANCH = 3, /* routers in one alternative */
	DRAW_DETOUR = 5,
	DRAW_WANTS = 16,
	DRAW_DUMB =
		4, /* routers in a row that may not answer: one less than where a prober gives up */
};

struct diamond {
	unsigned at; /* behind which router of the trunk */
	enum balance balance;
	unsigned count;
	unsigned lens[DRAW_BRANCHES];
	uint16_t routers[DRAW_BRANCHES][DRAW_BRANCH];
	unsigned split; /* the alternative that splits again, around its second router; or count */
	uint16_t other;
};

/* Other routers between two of the trunk; none if `from` equals `to`. */
struct detour {
	unsigned from;
	unsigned to;
	unsigned count;
	uint16_t routers[DRAW_DETOUR];
};

struct draw {
	struct topology *t;
	uint64_t state;
	unsigned want_count;
	enum behaviour wants[DRAW_WANTS]; /* the forced one first */
	unsigned trunk_count;
	uint16_t trunk[DRAW_TRUNK]; /* routers' numbers */
	unsigned diamond_count;
	struct diamond diamonds[DRAW_DIAMONDS];
	unsigned special; /* where on the trunk its NAT, firewall or proxy is; trunk_count: none */
	unsigned path_routers; /* those below stand on the path at the start */
	unsigned path_links;
	bool is_branch[TOPOLOGY_ROUTERS];
	bool is_taken[TOPOLOGY_ROUTERS]; /* has a behaviour that no other may hide */
	bool goes_silent[TOPOLOGY_ROUTERS];
};

uint64_t draw_below(struct draw *d, uint64_t limit);
uint64_t draw_between(struct draw *d, uint64_t low, uint64_t high);
bool draw_chance(struct draw *d, unsigned percent);

/* Whether that behaviour is to be drawn. */
bool draw_wants(const struct draw *d, enum behaviour b);

/* Of which at most one is in a topology. */
bool is_special(enum behaviour b);

/* Routers, ways, events of ways, and links with their delays. */
void draw_shape(struct draw *d);

/* What `wants` asks for beyond the shape. */
void draw_oddities(struct draw *d);
void draw_events(struct draw *d);

/* Adds an event behind all others. */
struct topology_event *draw_event(
	struct draw *d, inpath_time at, enum event_kind kind, uint16_t index);

#endif
