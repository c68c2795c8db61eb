/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * slow: has a flow become slow? Told from what costs nothing: conntrack's counters while it rests, and
 * the packets that pass the queue anyway while it does not.
 *
 * STALL. A sample is what the server's side has sent since the last one, as a rate. It *moves* at SLOW_LEAST
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
 * BURST. SLOW_BURST segments are said again within a second, in rising order: the same one again and again
 * (a keep-alive, an RTO) is one. TCP in congestion avoidance loses a segment or a few at a full buffer.
 *
 * JUMP. An armed period's RTT, on the server's or the client's side, lies above the median of the
 * SLOW_PERIODS before it by SLOW_JUMP and by four times their median absolute deviation, the robust
 * counterpart of 2.7 standard deviations. SLOW_JUMP is what a call or a game begins to feel, and is
 * above what a busy router or Wi-Fi adds by chance.
 *
 * Owns:   one entry for each slot of the flow table, carved from the arena; when samples are due.
 * Time:   `now` is given: when the counters were read. Samples may be missing: rates are by the time between.
 *         An entry keeps times in milliseconds modulo 2^32: only differences are looked at.
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
	SLOW_BURST = 8,
	SLOW_PERIODS = 5,
	SLOW_ROUND = 512,
	SLOW_PERIODS_LEAST = 3, /* with fewer there is no usual */
};

/* From one sample to the next. */
#define SLOW_INTERVAL (2 * INPATH_SEC)
#define SLOW_STILL    (8 * SLOW_INTERVAL)
/* From one trace for slowness to the flow's next. */
#define SLOW_AGAIN    (10 * INPATH_SEC)
#define SLOW_JUMP     (20 * INPATH_MSEC)

/* RTTs of the latest armed periods, in tenths of a millisecond, in a ring. */
struct slow_usual {
	uint16_t rtt[SLOW_PERIODS];
	uint8_t count;
	uint8_t next;
};

struct slow_flow {
	uint32_t at;               /* when the newest sample was taken; 0: none yet */
	uint32_t moved;            /* ... the newest one that moved */
	uint32_t said;             /* when slowness was last said; 0: never */
	uint32_t burst;            /* when the first segment was said again of those in `repeats` */
	uint32_t again;            /* the sequence number of the latest of them */
	uint32_t down;             /* the counter of the server's bytes then, in SLOW_UNIT */
	uint32_t both;             /* ... of both sides' */
	uint32_t unseen;           /* ... and what of both passed since the flow was put to rest */
	uint32_t place;            /* in `resting` of struct slow plus one; 0: not there */
	uint8_t rates[SLOW_RATES]; /* of the latest samples that moved, in a ring: rate_of */
	uint8_t steady;            /* moving samples in a row, as far as UINT8_MAX */
	uint8_t low;               /* low ones */
	uint8_t pause;             /* the longest of late, in seconds */
	uint8_t calm;              /* moving samples since the last pause */
	uint8_t repeats; /* segments said again since `burst`, by the server or the client */
	struct slow_usual e2e;
	struct slow_usual lan;
};

/* Bytes: counters in it go round at 256 GB. */
#define SLOW_UNIT 64

struct slow {
	inpath_time at;  /* when counters are due; INPATH_TIME_NEVER: no flow rests */
	inpath_time due; /* when the next round begins */
	uint32_t next;   /* place in `resting` that the round has come to */
	uint32_t left;   /* flows that it may still ask for */
	uint8_t still;   /* rounds since a flow last moved */
	uint32_t count;  /* flows in `resting` */
	/* Flows that were put to rest; who does not rest any more, leaves in passing. */
	uint32_t *resting;
	struct slow_flow *flows;
};

void slow_init(struct slow *s, struct arena *arena, uint32_t capacity);

/* The flow in this slot is another, or gone. */
void slow_forget(struct slow *s, uint32_t flow);

/* The flow rests from now on: what passes is only counted. */
void slow_rested(struct slow *s, uint32_t flow, inpath_time now);

/* The flow does not rest any more. */
void slow_woken(struct slow *s, uint32_t flow);

/*
 * Which flow is to be counted next? False: none for now, `at` says when again. A round asks for
 * SLOW_ROUND flows and goes on where the last one ended, so that its cost has a bound. While no flow moves
 * rounds are ever rarer, up to SLOW_STILL: connections that are only held open keep no gateway awake.
 */
bool slow_next(struct slow *s, uint32_t *flow, inpath_time now);

/* Takes a sample. True: the flow has stalled. */
bool slow_count(
	struct slow *s, uint32_t flow, const struct inpath_counters *counters, inpath_time now);

/* Has so much passed since the flow was put to rest that old sequence numbers may look new? */
bool slow_is_far(const struct slow_flow *f);

/* A segment was said again, with this sequence number. True: it is one of a burst, said once. */
bool slow_repeat(struct slow_flow *f, uint32_t seq, inpath_time now);

/* Takes an armed period's RTT; 0: there was none. True: it has jumped. */
bool slow_rtt(struct slow_usual *u, uint64_t rtt_ns);

/* May slowness of this flow be said again? Then it counts as said. */
bool slow_say(struct slow_flow *f, inpath_time now);

#endif
