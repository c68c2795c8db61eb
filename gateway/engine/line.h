/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * line: whose flow is traced next, when there is more to trace than the budget allows.
 *
 *   AWAY -- join --> WAITING -- call --> CALLED -- leave --> AWAY
 *                                          awake, or not: then for LINE_PATIENCE
 *
 *   turns of clients:   TV -> laptop -> phone -> (TV)         each has one flow called, in turn
 *   halves of a client: flows never traced -> those due again, in turn likewise
 *   lanes of a half:    | video | web | ... |                 by service, in turn likewise
 *   a lane:             the longest waiting first
 *
 * So a client with thousands of flows takes as long a turn as one with a single flow, and of a
 * client's services none waits for another's flows. A new flow may not live long, and nothing is known
 * of it: it does not wait for all that are due again, nor these for all that are new. Services that
 * share a lane share its turn; so do clients for whom there is no room in the table.
 *
 * A few flows at a time are called: those are awake (their packets come to the queue) until they are
 * traced, while the others may wait asleep. A called one that sleeps and does not answer in
 * LINE_PATIENCE has nothing to say: it goes, and is the next one of all when it has, since its turn is
 * still owed to it. Had it to wait for another one, it might be asleep again by then, time after time.
 *
 * Owns:   a place for each flow slot, a turn for each of as many clients as the client table has.
 *         No limit but the flow table on how many wait. All is O(1).
 * Time:   `now` is given.
 */
#ifndef LINE_H
#define LINE_H

#include "gateway/engine/arena.h"
#include "gateway/engine/hash.h"
#include "gateway/engine/table.h"
#include "inpath/types.h"

enum {
	LINE_LANES = 8,
	LINE_CALLED = 16, /* flows called at a time */
};

/* So long is the answer of a flow that was called asleep waited for. */
#define LINE_PATIENCE (100 * INPATH_MSEC)

enum line_rank {
	LINE_LAST,  /* of its lane */
	LINE_FIRST, /* of its lane */
	LINE_NEXT,  /* of all */
};

enum line_half {
	LINE_NEW,
	LINE_AGAIN,
	LINE_HALVES,
};

enum line_state {
	LINE_AWAY,
	LINE_WAITING,
	LINE_IS_CALLED,
};

/* Neighbours of a list are slots plus one; 0: none. */
struct line_ends {
	uint32_t first;
	uint32_t last;
};

struct line_place {
	inpath_time since; /* when it joined */
	uint32_t turn;
	uint8_t half; /* enum line_half */
	uint8_t lane;
	uint8_t state;   /* enum line_state */
	uint32_t before; /* in its lane */
	uint32_t behind;
	uint32_t older; /* of all in the line */
	uint32_t newer;
};

struct line_turn {
	struct inpath_addr client;
	uint32_t waiting;
	uint8_t called;
	uint8_t half;              /* the next one */
	uint8_t lane[LINE_HALVES]; /* the next one of each */
	struct line_ends lanes[LINE_HALVES][LINE_LANES];
	uint32_t before; /* in the ring of turns with flows that wait */
	uint32_t behind;
};

struct line_call {
	uint32_t flow;
	bool awake;
	inpath_time at;
};

struct line {
	const struct hash_key *key;
	uint32_t count; /* waiting or called */
	struct line_ends all;
	struct line_place *places;
	struct table table; /* of turns, by client; the one behind its last is for all others */
	struct line_turn *turns;
	uint32_t next; /* turn, plus one */
	uint32_t calls_count;
	struct line_call calls[LINE_CALLED]; /* in the order of calling */
};

void line_init(struct line *l, struct arena *arena, uint32_t flows, uint32_t clients,
	const struct hash_key *key);

/* Does it wait, not called yet? */
static inline bool line_is_waiting(const struct line *l, uint32_t flow)
{
	return l->places[flow].state == LINE_WAITING;
}

/* A flow that is not in the line joins the lane of its service. */
void line_join(struct line *l, uint32_t flow, const struct inpath_addr *client, const char *service,
	enum line_half half, enum line_rank rank, inpath_time now);

/* Takes a flow out, if it is in. */
void line_leave(struct line *l, uint32_t flow);

/*
 * Calls the flow whose turn it is, if fewer than `all` are called, and of its client fewer than
 * `each` (1 to LINE_CALLED). Its slot, or TABLE_NONE. It is taken for asleep.
 */
uint32_t line_call(struct line *l, uint32_t all, uint32_t each, inpath_time now);

/* A called one is awake. True if it was not known yet. */
bool line_answer(struct line *l, uint32_t flow);

/* Since when the longest waiting one has been in the line; `now` if there is none. */
inpath_time line_oldest(const struct line *l, inpath_time now);

#endif
