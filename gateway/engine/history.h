/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * history: the path of each flow that is traced, and those that it took before.
 *
 *            differs                 found again, by answers enough
 *   EPOCH -----------> EPOCH, doubted -----------------------------> the next EPOCH
 *     ^                   |    ^  |
 *     +-- not found again +    +--+ a third path; silent there; too few answers
 *
 * An entry is of a living flow, or has ended and waits to be told: there are HISTORY_SPARE more than
 * the limit says, so that one that must make room is told all the same. It takes 5 KB, of which half
 * is for the round trip times of up to INPATH_EPOCH_HOPS TTLs.
 *
 * Owns:   a fixed table of entries. Full means that the path longest unused is forgotten; its flow
 *         is then traced as if for the first time.
 * Time:   none of its own.
 */
#ifndef HISTORY_H
#define HISTORY_H

#include "gateway/engine/arena.h"
#include "gateway/engine/evidence.h"
#include "gateway/engine/name.h"
#include "gateway/engine/path.h"
#include "gateway/engine/prober.h"
#include "gateway/engine/rtts.h"
#include "gateway/engine/table.h"

enum {
	HISTORY_EARLIER = 4, /* epochs kept beside the current one */
	HISTORY_SPARE = 16,  /* entries that have ended and wait to be told */
	HISTORY_ROUNDS = 4,  /* traces in a row that one difference may ask for */
};

/* A path that the flow took for a time. */
struct epoch {
	inpath_time since; /* the first trace that showed it ... */
	inpath_time until; /* ... and the last one so far */
	uint32_t traces;
	uint32_t flaps; /* differences that were not found again */
	uint32_t fingerprint;
};

struct earlier_epoch {
	struct epoch epoch;
	struct path_sketch path;
};

/* A path that differs from the epoch's, until it is found again or not. */
struct doubt {
	uint8_t ttl;       /* the one to be asked of those that differ; 0: there is no doubt */
	uint8_t rounds;    /* traces that it asked for, one behind the other */
	uint64_t ttls;     /* that differ (bit ttl-1) */
	inpath_time since; /* the first trace that showed it */
	struct path_sketch path;
};

/* A TTL over the current epoch. */
struct history_hop {
	uint32_t sent;
	uint32_t missing;
	struct rtts rtts;
};

/* Whose path it is, as its latest trace knew. */
struct history_facts {
	struct inpath_record_flow flow; /* but for its texts: */
	name_ref host;                  /* held */
	char policy[INPATH_LABEL_MAX + 1];
	char service[INPATH_LABEL_MAX + 1];
};

enum history_state {
	HISTORY_FREE,
	HISTORY_LIVING,
	HISTORY_ENDED,
};

struct history {
	uint8_t state; /* enum history_state */
	uint32_t flow; /* slot of the flow that holds it, while it lives */
	struct history_facts facts;
	struct path path;
	struct epoch now;
	uint8_t nhop; /* the last TTL of the epoch's latest trace */
	struct rtts e2e;
	struct rtts lan;
	struct history_hop hops[INPATH_EPOCH_HOPS];
	struct doubt doubt;
	struct evidence evidence; /* for and against it */
	uint8_t earlier_count;
	struct earlier_epoch earlier[HISTORY_EARLIER]; /* the latest first */
};

struct histories {
	struct table table; /* by age only */
	struct history *entries;
	uint32_t limit;
	uint32_t living;
	uint32_t ended[HISTORY_SPARE]; /* slots, in the order of their ends, from ended[first] on */
	uint32_t first;
	uint32_t count;
	bool told; /* the first of them is, and can go */
};

/* Precondition: *h is all zero. */
void histories_init(struct histories *h, struct arena *arena, uint32_t limit);

/* The entry that must end before another is taken: the longest unused. TABLE_NONE: there is room. */
uint32_t history_in_the_way(const struct histories *h);

/* Takes an entry for `flow`, all zero but for that. Precondition: nothing is in the way. */
uint32_t history_take(struct histories *h, uint32_t flow);

/* It is of no flow any more, and waits to be told; false if too many wait. */
bool history_end(struct histories *h, uint32_t slot);

/* An entry like `slot`'s that has ended, while that one lives on; TABLE_NONE if too many wait. */
uint32_t history_split(struct histories *h, uint32_t slot);

/* Gives an entry back: one that lives, or the first that has ended. */
void history_drop(struct histories *h, uint32_t slot);

/* The first that has ended; TABLE_NONE if there is none. */
uint32_t history_ended(const struct histories *h);

/* The flow takes `path`, as was seen first at `since` and is now at `now`: a new epoch begins. */
void history_turn(struct history *h, const struct path *path, inpath_time since, inpath_time now);

/* A trace begun at `now` has shown the epoch's path. */
void history_goes_on(struct history *h, inpath_time now);

/* What a trace that showed the epoch's path has measured: TTL 1 to `last`. Without `whole`, probes
 * may have had no time to be answered: then none is missing. */
void history_measure(struct history *h, const struct prober *walk, uint8_t last, bool whole);

/* Is `path` one of the earlier epochs', seen to be so at this TTL? */
bool history_knows(const struct history *h, const struct path *path, uint8_t ttl);

/* The current epoch as it is told, with its hops in `hops` (INPATH_EPOCH_HOPS). */
struct inpath_record_epoch history_told(const struct history *h, struct inpath_epoch_hop *hops);

#endif
