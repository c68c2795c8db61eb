/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * judge: holds what the engine sends and says against the truth.
 *
 *   every probe     belongs to a living flow that may be probed, says nothing new, is within every budget
 *   every verdict   takes off the wire what answers a probe, and nothing else
 *   every record    shows the path that was there, and every hop that answered in time
 *   every change    that is there to be seen is named, once, by the first TTL that differs; no other
 *   every client    whose flows live long enough is traced; nobody waits longer than by its client's turns
 *
 * What a change is, judge_change.c says; what a turn is, judge_wait.c.
 *
 * Owns: what it remembers of each flow (struct judge_flow), and of the latest sendings.
 * Time: the world's.
 */
#ifndef TESTS_SOAK_JUDGE_H
#define TESTS_SOAK_JUDGE_H

#include "inpath/engine.h"
#include "tests/soak/internet.h"

enum {
	JUDGE_ADDRS = 4,
	JUDGE_TTLS = 40,
	JUDGE_RATE = 1024, /* the greatest budget that can be judged */
	JUDGE_CLIENTS = 1024,
	JUDGE_SHOWN = 20, /* misses that are told in full */
	JUDGE_KINDS = 64,
	JUDGE_TURNS = 256, /* of an address, remembered */
	/* Traces in a row that may show a change until it is named: the one that finds it, four that
	 * follow at once (routers that limit their answers hide it), and the next one in its turn. */
	JUDGE_SHOWS = 6,
	JUDGE_CLEAR = 4, /* traces that show it hardly, for one that does (judge_change.c) */
};

/* Who was seen at each TTL. */
struct judge_seen {
	uint16_t who[JUDGE_TTLS][JUDGE_ADDRS];
};

/* A set of paths, each of which may be the one that is meant. */
struct judge_ids {
	uint32_t count;
	net_id id[NET_IDS];
};

struct judge_flow {
	/* Answers that were handed over in time: when their probe was sent; 0: none. By TTL. */
	inpath_time by_router[JUDGE_TTLS];
	inpath_time by_server[JUDGE_TTLS];
	uint32_t traces;
	bool touch_arrived; /* a server that answers had a touch */
	inpath_time ready;  /* it could be traced from now on */
	inpath_time last;   /* when its latest trace began ... */
	inpath_time told;   /* ... and was told of */
	bool woken;         /* it was brought back for the next one */
	inpath_time empty;  /* its latest probe without a byte was sent */
	/* Its path: as it was first shown or last named, and what was taken for it since. */
	struct judge_ids named;
	struct judge_ids taken;
	struct judge_seen known;
	/* Its latest record, and what has to follow. */
	uint32_t run;
	struct judge_ids now;
	struct judge_seen seen;
	uint32_t differed;  /* traces in a row that have shown another path ... */
	uint32_t shown;     /* ... JUDGE_CLEAR for each, 1 if hardly */
	bool missed;        /* ... for too long */
	net_id differed_to; /* ... this one */
};

/* When the latest probes were sent that one budget paid for. */
struct judge_window {
	inpath_time sent[JUDGE_RATE];
	uint64_t count;
};

/* One of its client's flows was called, or traced. */
struct judge_turn {
	inpath_time at;
	uint32_t serial;
	uint16_t service;
	bool called;
	bool traced;
};

/* The latest ones of one address. */
struct judge_turns {
	struct judge_turn turn[JUDGE_TURNS];
	uint64_t count;
};

struct judge {
	struct judge_window gateway;
	struct judge_window first_hops[3];
	struct judge_window *clients; /* JUDGE_CLIENTS */
	struct judge_turns *turns;    /* JUDGE_CLIENTS */
	bool *client_due;             /* it had a flow that had to be traced */
	bool *client_traced;
	uint64_t probes;
	uint64_t traces;
	uint64_t flows_traced;
	uint64_t changes_named;
	uint64_t changes_missed;
	uint64_t changes_mixed; /* named where several paths were in force while it was traced */
	uint64_t took[JUDGE_SHOWS + 1]; /* named changes by how many traces have shown them */
	uint64_t flaps;                 /* shown by one trace, and gone with the next one */
	uint64_t overtaken; /* shown by several, and gone or its flow over before it was sure */
	uint64_t changes_false;
	uint64_t misses;
	struct {
		const char *format;
		uint64_t count;
	} kinds[JUDGE_KINDS];
	uint64_t with_news;
	inpath_time wait_first;   /* the longest wait for a flow's first trace */
	inpath_time wait_next;    /* ... and, beyond the interval, for its next one */
	inpath_time wait_confirm; /* ... and from a difference to the trace that confirms it */
};

struct soak;
struct house_flow;

void judge_begin(struct judge *j);
void judge_end(struct judge *j);

/* Something is not as it has to be: counted, and told with how to see it again. `f` may be NULL. */
__attribute__((format(printf, 3, 4))) void judge_miss(
	struct soak *s, const struct house_flow *f, const char *format, ...);

/* Tells what happens to the flow that is looked at (FLOW=). */
__attribute__((format(printf, 3, 4))) void judge_note(
	const struct soak *s, const struct house_flow *f, const char *format, ...);

/* A probe is sent; `f` is its flow, or NULL where there is none (any more). */
void judge_probe(struct soak *s, struct house_flow *f, const struct inpath_probe *probe);

/* An answer to a probe sent at `sent` is handed to the engine. */
void judge_answer(
	struct soak *s, struct house_flow *f, uint8_t ttl, bool by_server, inpath_time sent);

/* The flow is brought back to be traced. */
void judge_arm(struct soak *s, struct house_flow *f);

/* A trace is told of that began at `at`: has it waited for longer than it had to? */
void judge_wait(struct soak *s, struct house_flow *f, inpath_time at);

/* The flow is over: did it wait in vain? */
void judge_never_traced(struct soak *s, struct house_flow *f);

void judge_record(struct soak *s, const struct inpath_record *r);

/* What the path records say of changes: called with what the record shows. */
void judge_path_seen(struct soak *s, struct house_flow *f, const struct inpath_record *r,
	const struct judge_ids *now, const struct judge_seen *seen);
void judge_change_named(struct soak *s, struct house_flow *f, const struct inpath_record *r);

/* Whatever other path was shown, no trace will show it again. */
void judge_change_gone(struct soak *s, struct house_flow *f);

/* The flow is forgotten: nothing may be owed. */
void judge_flow_over(struct soak *s, struct house_flow *f);

/* The whole is over: every client was traced? */
void judge_whole(struct soak *s);

#endif
