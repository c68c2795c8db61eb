/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * slow: does a flow's own throughput stall? Told from conntrack's counters alone, so that not one
 * packet has to be queued for it.
 *
 * A sample is what the server's side has sent since the last one, as a rate. It *moves* at SLOW_LEAST
 * and more, and at more than an eighth of the median of the flow's last rates; else it is *low*.
 *
 *	         SLOW_STEADY moving samples in a row      SLOW_LOW low ones in a row
 *	UNSTEADY -----------------------------> STEADY -----------------------------> stall, said once
 *	   ^  a low sample: from the beginning     |  ^                                    |
 *	   +--+                                    +--+  a moving one                      |
 *	   +-------------------------------------------------------------------------------+
 *
 * - SLOW_LEAST: keep-alives, chats and shells pause because people do. 32 kbit/s is what
 *   a call needs (Opus, full-band speech: RFC 6716 2.1.1).
 * - A player fetches in bursts: its buffer full, it pauses until there is room again (ON-OFF cycles: Rao
 *   et al., CoNEXT 2011). So a flow's own longest pause of late counts: a stall lasts half as long
 *   again. By its bytes alone the first pause behind a steady start is no different from a stall, nor is a
 *   transfer's end: either is said once, and nothing more until the flow has moved steadily again.
 * - An eighth: rate adaptation goes down a ladder whose neighbours are a factor of 1.5 to 2 apart (Apple's
 *   HLS authoring specification), a lossy TCP halves its window; neither comes so far in one step.
 * - Uploads: their acknowledgements are what the server sends.
 *
 * Owns:   one entry for each slot of the flow table, carved from the arena; when samples are due.
 * Time:   `now` is given: when the counters were read. Samples may be missing: rates are by the time between.
 */
#ifndef SLOW_H
#define SLOW_H

#include "gateway/engine/arena.h"
#include "inpath/engine.h"

enum {
	SLOW_LEAST = 4096, /* bytes a second */
	SLOW_STEADY = 4,
	SLOW_LOW = 2,
	SLOW_RATES = 8,
	SLOW_PAUSE_MAX = 30, /* seconds; who stays away longer is no player */
};

/* From one sample to the next. */
#define SLOW_INTERVAL (2 * INPATH_SEC)
/* From one trace for this cause to the flow's next. */
#define SLOW_AGAIN    (10 * INPATH_SEC)

struct slow_flow {
	inpath_time at;            /* of the newest sample; 0: none yet */
	inpath_time moved;         /* of the newest one that moved */
	inpath_time said;          /* when slowness of any cause was last said; 0: never */
	uint64_t down;             /* the counter of the server's bytes then */
	uint64_t both;             /* ... of both sides' */
	uint64_t unseen;           /* bytes of both that passed since the flow was put to rest */
	uint8_t rates[SLOW_RATES]; /* of the latest samples that moved, in a ring: rate_of */
	uint8_t steady;            /* moving samples in a row, as far as UINT8_MAX */
	uint8_t low;               /* low ones */
	uint8_t pause;             /* the longest of late, in seconds */
	uint8_t calm;              /* moving samples since the last pause */
};

struct slow {
	inpath_time at; /* when counters are due; INPATH_TIME_NEVER: no flow rests */
	struct slow_flow *flows;
};

void slow_init(struct slow *s, struct arena *arena, uint32_t capacity);

/* The flow in this slot is another, or gone. */
void slow_forget(struct slow *s, uint32_t flow);

/* The flow rests from now on: what passes is only counted. */
void slow_rested(struct slow *s, uint32_t flow, inpath_time now);

/* Takes a sample. True: the flow has stalled. */
bool slow_count(struct slow_flow *f, const struct inpath_counters *counters, inpath_time now);

/* May slowness of this flow be said again? Then it counts as said. */
bool slow_say(struct slow_flow *f, inpath_time now);

#endif
