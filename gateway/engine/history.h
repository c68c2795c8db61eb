/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * history: the path of each flow that is traced, and those that it took before.
 *
 *            differs                 found again, by answers enough
 *   EPOCH -----------> EPOCH, doubted -----------------------------> the next EPOCH
 *     ^                   |    ^  |
 *     +-- not found again +    +--+ a third path; silent there; too few answers
 *
 * Owns:   a fixed table of entries. Full means that the path longest unused is forgotten; its flow
 *         is then traced as if for the first time.
 * Time:   none of its own.
 */
#ifndef HISTORY_H
#define HISTORY_H

#include "gateway/engine/arena.h"
#include "gateway/engine/path.h"
#include "gateway/engine/table.h"

enum {
	HISTORY_EARLIER = 4, /* epochs kept beside the current one */
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
	uint16_t answers;  /* by which it is shown so far */
	inpath_time since; /* the first trace that showed it */
	struct path_sketch path;
};

struct history {
	uint32_t flow; /* slot of the flow that holds it */
	struct path path;
	struct epoch now;
	struct doubt doubt;
	uint8_t earlier_count;
	struct earlier_epoch earlier[HISTORY_EARLIER]; /* the latest first */
};

struct histories {
	struct table table; /* by age only */
	struct history *entries;
};

void histories_init(struct histories *h, struct arena *arena, uint32_t capacity);

/*
 * Takes an entry for `flow`, all zero but for that. If one had to be taken from another flow,
 * *robbed is that flow's slot, which must forget it; else TABLE_NONE.
 */
uint32_t history_take(struct histories *h, uint32_t flow, uint32_t *robbed);

/* Gives an entry back. */
void history_drop(struct histories *h, uint32_t slot);

/* The flow takes `path`, as was seen first at `since` and is now at `now`: a new epoch begins. */
void history_turn(struct history *h, const struct path *path, inpath_time since, inpath_time now);

/* A trace begun at `now` has shown the epoch's path. */
void history_goes_on(struct history *h, inpath_time now);

/* Is `path` one of the earlier epochs', seen to be so at this TTL? */
bool history_knows(const struct history *h, const struct path *path, uint8_t ttl);

#endif
