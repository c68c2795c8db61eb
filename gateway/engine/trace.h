/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * trace: the engine's sending half: which flows are traced when, their probes out, their records.
 *
 *   eligible flow -> line -> WALKING -> REPORTING -> DONE (slot free again at the next tick)
 *
 * A part of the engine, apart from engine.c (packets in, verdicts out) so that each reads as one
 * story. It alone fills the outbox.
 */
#ifndef TRACE_H
#define TRACE_H

#include "gateway/engine/ahead.h"
#include "gateway/engine/asked.h"
#include "gateway/engine/carrier.h"
#include "gateway/engine/client.h"
#include "gateway/engine/deadline.h"
#include "gateway/engine/flow.h"
#include "gateway/engine/hello.h"
#include "gateway/engine/history.h"
#include "gateway/engine/line.h"
#include "gateway/engine/look.h"
#include "gateway/engine/parse.h"
#include "gateway/engine/path.h"
#include "gateway/engine/probe.h"
#include "gateway/engine/prober.h"
#include "gateway/engine/reading.h"
#include "gateway/engine/reply.h"
#include "gateway/engine/slow.h"
#include "gateway/engine/steps.h"
#include "inpath/engine.h"

enum {
	TRACE_FIRST_HOPS = 3,                /* TTLs with a budget of their own */
	TRACE_DOUBTS = 1 + TRACE_FIRST_HOPS, /* budgets that doubts have a share of */
	TRACE_REWRITERS = 8,                 /* WANs known to rewrite TTLs */
};

/* A traced flow rests between two traces only where that takes longer than coming and going. */
#define TRACE_REST_LEAST (2 * INPATH_SEC)

/* So long a flow that waits in the line stays awake. */
#define TRACE_AWAKE_MAX (2 * INPATH_SEC)

enum trace_phase {
	TRACE_WALKING,
	TRACE_REPORTING,
	TRACE_DONE,
};

/* A reply whose token was shifted by a NAT: it counts once a second one agrees on the shift. */
struct trace_shift {
	enum reply_kind kind; /* REPLY_NONE: none seen */
	bool confirmed;
	uint32_t shift;
	uint32_t slot;  /* the first one's probe ... */
	inpath_time at; /* ... and when it came */
	struct prober_reply reply;
};

struct trace {
	uint32_t run;
	uint32_t flow; /* slot, or TABLE_NONE when the flow is gone */
	uint8_t phase; /* enum trace_phase */
	enum inpath_why why;
	enum inpath_stop stop;
	bool refused;  /* the kernel let a probe not out */
	bool waited;   /* counted in budget_waits */
	bool log_path; /* a path record is due */
	bool told;     /* ... and was given, or that of a path that the log leaves out */
	bool log_change;
	bool alone; /* it waits for answers and for time, not for the flow's packets ... */
	inpath_time alone_till; /* ... so long, unless answers come */
	inpath_time woken; /* its flow rested, and was brought back for it at this time; 0: not */
	uint32_t reported; /* records written so far */
	uint32_t first_probe;               /* slot of the first probe sent, for ev=probe */
	inpath_time not_before;             /* it waits for the budget or a free token till then */
	uint64_t granted;                   /* TTLs that the budget has paid for, not sent yet */
	uint64_t claimed;                   /* TTLs that wait for it ... */
	uint16_t claims;                    /* ... in these windows: see trace_pay.c */
	bool doubting;                      /* both because of a doubt, by the share of doubts */
	uint32_t client;                    /* whose budget: its slot ... */
	uint32_t client_born;               /* ... and its number; 0: none yet */
	struct inpath_record_change change; /* if log_change */
	uint8_t doubts; /* TTLs asked about because they differ from the flow's path ... */
	uint64_t asked; /* ... these (bit ttl-1), but for the latest */
	enum inpath_stop settled; /* how it would have ended without */
	struct inpath_path_notes notes;
	uint64_t e2e_ns;
	uint64_t lan_ns;
	name_ref host; /* held */
	struct inpath_record_flow flow_facts;
	char device[INPATH_LABEL_MAX + 1];
	char policy[INPATH_LABEL_MAX + 1];
	char service[INPATH_LABEL_MAX + 1];
	struct trace_shift shift;
	struct path path;
	struct prober walk;
};

struct inpath_engine {
	struct hash_key key;
	uint64_t random; /* counter of hash_random */
	struct inpath_stats stats;
	inpath_time now;
	bool stopping;
	uint32_t epoch;          /* gaps in the queue's packet ids so far */
	inpath_time restless_at; /* when the latest flow came that ought to rest; 0: none yet */

	const struct inpath_policy_set *set;
	bool wants_udp;      /* a policy of it traces UDP that is not QUIC */
	uint32_t set_number; /* 1 is the first; flows decided under another are decided anew */
	uint32_t rearm;      /* next flow slot to look at for re-arming after a new set */

	struct flows flows;
	struct ahead ahead;
	struct clients clients;
	struct names names;
	struct asked asked;
	struct hellos hellos;
	struct probes probes;
	struct histories histories;
	struct steps steps;
	struct inpath_epoch_hop epoch_hops[INPATH_EPOCH_HOPS]; /* of the epoch told last */
	struct look look;
	struct slow slow;

	struct table trace_table; /* by age only */
	struct trace *traces;
	struct line line;
	inpath_time line_at;        /* when the line may go on */
	bool line_waited;           /* its first one was counted in budget_waits */
	struct deadlines deadlines; /* by trace slot */
	struct deadlines wakings;   /* by flow slot: when a traced flow that rests is armed again */
	struct window gateway_window;
	struct window first_hop_windows[TRACE_FIRST_HOPS];
	struct window
		doubt_windows[TRACE_DOUBTS]; /* what doubts took of those: the gateway's first */
	struct window opens;                 /* Initials that are opened */
	struct window suspicions;            /* answers without a whole token that are looked at */
	uint32_t rewriters[TRACE_REWRITERS]; /* interfaces; 0: free */

	struct inpath_outbox outbox;
};

static inline inpath_time earliest(inpath_time a, inpath_time b)
{
	return a < b ? a : b;
}

static inline inpath_time latest(inpath_time a, inpath_time b)
{
	return a > b ? a : b;
}

/* Carves everything that this half owns. */
void trace_init(struct inpath_engine *e, struct arena *arena, const struct inpath_limits *limits);

/* A packet of a traced flow has passed: it joins the line if it is due, or its trace goes on. */
void trace_consider(struct inpath_engine *e, uint32_t flow, inpath_time now);

/*
 * May this traced flow's packets be left to the kernel until its next trace, or while its trace waits
 * for the routers alone? (trace_rest.c)
 */
bool trace_may_rest(const struct inpath_engine *e, const struct flow *f, inpath_time now);

/* A verdict has put it to rest. */
void trace_rested(struct inpath_engine *e, struct flow *f);

/* Brings a resting flow back to the queue: there must be room in the outbox. */
void trace_arm(struct inpath_engine *e, struct flow *f);

/* The trace wants to send: may it, or does its flow have to come back to the queue first? */
bool trace_at_hand(struct inpath_engine *e, uint32_t slot, inpath_time now);

/*
 * Has the flow traced as soon as the budget allows, and says why (INPATH_WHY_SLOW, INPATH_WHY_USER). It
 * is woken if it rests. A trace that is under way anyway serves.
 */
void trace_hasten(struct inpath_engine *e, uint32_t flow, enum inpath_why why, inpath_time now);

/* Of a traced flow's segments one was said again, by the server or by the client. */
void trace_slow_repeat(struct inpath_engine *e, uint32_t flow, uint32_t seq, inpath_time now);

/* The walk is over, its flow still there: are the RTTs of this armed period as usual? */
void trace_slow_timing(struct inpath_engine *e, const struct trace *t, inpath_time now);

/* It is not to be traced for now. */
void trace_leave_line(struct inpath_engine *e, uint32_t flow);

/* Lets the line go on: wakes those whose turn has come, begins those that can be paid for. */
void trace_line_step(struct inpath_engine *e, inpath_time now);

inpath_time trace_line_deadline(const struct inpath_engine *e);

/* Has counters asked for when they are due and a traced flow rests. */
void trace_slow_step(struct inpath_engine *e, inpath_time now);

/* The flow leaves the table: its trace ends with what is known, its place in the line is free. */
void trace_forget_flow(struct inpath_engine *e, uint32_t flow);

/*
 * Sends one of the probes that the walk wants, or sets the time to try again: the budget or a token
 * may be short. True if one went out.
 */
bool trace_send(struct inpath_engine *e, uint32_t slot, uint64_t ttls, inpath_time now);

/* Probes in all that may be sent in a second. */
uint32_t trace_gateway_rate(const struct inpath_engine *e);

/*
 * Pays for as many of `ttls`, lowest first, as the smallest budget can ever hold at once. Pays for
 * all of them or waits: a wave never thins out. `now` if paid, else when to ask again; what is
 * waited for goes before the waves of traces that have not begun: `doubts`, which ask a TTL once more
 * than a trace has to, by their share only.
 */
inpath_time trace_pay(
	struct inpath_engine *e, struct trace *t, uint64_t ttls, bool doubts, inpath_time now);

/*
 * Would a trace that has not begun be paid these TTLs? `now` if so, else when to ask again; *shared:
 * another client's would not be, either.
 */
inpath_time trace_room(struct inpath_engine *e, const struct inpath_addr *client, uint64_t ttls,
	bool *shared, inpath_time now);

/* A probe that was paid for leaves. */
void trace_spend(struct inpath_engine *e, struct trace *t, uint8_t ttl);

/* A probe that left at `was` did so only at `now`. */
void trace_spent_late(struct inpath_engine *e, const struct trace *t, uint8_t ttl, inpath_time was,
	inpath_time now);

/* Gives back what was paid but for `ttls`, and what was waited for. */
void trace_unpay(struct inpath_engine *e, struct trace *t, uint64_t ttls);

/* The budgets may be others from now on: traces pay anew for what has not been sent. */
void trace_unpay_all(struct inpath_engine *e);

/* The walk is over: from now on its records are written. */
void trace_finish(struct inpath_engine *e, uint32_t slot, enum inpath_stop stop, inpath_time now);

/* All is known: does it differ from the flow's path? Then the walk asks about that first, so that
 * it goes on; false if there is nothing to ask. */
bool trace_doubts(struct inpath_engine *e, struct trace *t, const struct flow *f);

/* The flow's history, made if there is none: the longest unused one ends. */
struct history *trace_history(struct inpath_engine *e, struct flow *f);

/* The history's flow is what this trace knows of it. */
void trace_history_note(struct inpath_engine *e, const struct trace *t, struct history *h);

/* The history's epoch ends here, to be told. */
void trace_history_turns(struct inpath_engine *e, const struct history *h);

/* The flow has ended, or is forgotten: so is its history, if there is one. */
void trace_history_ends(struct inpath_engine *e, const struct flow *f);

/* Is there an epoch that has ended and is not told? */
bool trace_histories_wait(const struct inpath_engine *e);

/* Tells the next one, if the outbox has room. */
void trace_histories_report(struct inpath_engine *e);

/* Compares a finished trace with its flow's last path, and decides what is said. */
void trace_compare(struct inpath_engine *e, struct trace *t, struct flow *f, inpath_time now);

/* Writes a finished trace's next records while the outbox has room. */
void trace_report(struct inpath_engine *e, uint32_t slot, inpath_time now);

/* Gives a trace's slot back at once: nothing of it is in the outbox. */
void trace_drop(struct inpath_engine *e, uint32_t slot);

/* An ICMP error matched: true if the client is to be spared it. */
bool trace_reply(struct inpath_engine *e, const struct reply_match *m, const struct packet *p,
	inpath_time now);

/* The server named the byte of this probe as received again. */
void trace_reached(
	struct inpath_engine *e, uint32_t probe, const struct packet *p, inpath_time now);

/* An answer to a touch came to the gateway itself, unplaced by conntrack: true if it is one. */
bool trace_stray(struct inpath_engine *e, const struct packet *p, inpath_time now);

/*
 * A bare duplicate ACK came in this flow: true if it answers a touch that is still waited for and
 * could not be told apart otherwise (no SACK, an empty probe, or a server that never sends blocks).
 */
bool trace_bare_ack(struct inpath_engine *e, uint32_t flow, inpath_time now);

/* From when on the server answers this flow's empty touches, as far as is known; 0: at any time. */
inpath_time trace_empty_from(const struct inpath_engine *e, const struct flow *f, inpath_time now);

/* Is a touch of this flow still waited for? */
bool trace_touch_outstanding(const struct inpath_engine *e, const struct flow *f, inpath_time now);

#endif
