/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * flow: the table of flows that the gateway sees.
 *
 *         first client payload,         policy says
 *         8 packets, mid-stream         trace
 *   NAMING ------------------> decided ------------> TRACED --- trace --- trace ---> ...
 *     |                           | ignore, none
 *     |                           +----------------> IGNORED (rests as soon as nothing is overtaken)
 *     +-- MPTCP, MD5, AO, opened from the WAN -----> UNTRACEABLE (rests likewise)
 *   any -- a new policy set --> NAMING (named already: decided at its next packet)
 *
 * Owns:   a fixed table of entries, hashed by tuple under the engine's key. Full means that the
 *         longest unseen flow goes.
 * Time:   none of its own.
 */
#ifndef FLOW_H
#define FLOW_H

#include "gateway/engine/arena.h"
#include "gateway/engine/hash.h"
#include "gateway/engine/name.h"
#include "gateway/engine/table.h"
#include "gateway/engine/tcp.h"
#include "gateway/engine/udp.h"
#include "inpath/policy.h"
#include "inpath/record.h"
#include "inpath/types.h"

enum flow_state {
	FLOW_NAMING,
	FLOW_TRACED,
	FLOW_IGNORED,
	FLOW_UNTRACEABLE,
};

/*
 * In the order in which packets need it: what any packet of a decided flow reads or writes lies in the first FLOW_HOT
 * bytes, four cache lines. In a large table each line more costs a read of memory; one that is not fetched ahead, all the
 * time that it takes. Measured with 100,000 flows, on a busy machine: 395 ns a packet instead of 520 when it was five lines,
 * the flow's place in the line to be traced was looked at, and every third packet wrote to the entry's last line. What is
 * left does not depend on the lines alone: with three it was the same.
 */
struct flow {
	struct inpath_tuple tuple;
	uint8_t state;         /* enum flow_state */
	uint8_t shift_kind;    /* enum reply_kind: how its tokens come back rewritten; 0 not */
	bool routed_by_in : 1; /* probes could not follow its route */
	bool rested : 1;       /* a verdict has put it to rest */
	bool restless : 1;     /* ... and yet its packets come: none was missed */
	bool expected : 1;     /* further packets ought to come to the queue (look.h) */
	bool offloaded : 1;    /* conntrack said that flow offload has it */
	bool called : 1;       /* its turn to be traced has come since its last trace */
	bool spread : 1;       /* its traces do not begin with those of flows as old as it */
	bool names_bytes : 1; /* its server has answered a touch by its byte: so it answers others */
	bool in_line : 1;     /* it waits to be traced, or was called (line.h) */
	bool ech : 1;         /* its hello may have shown an outer name */
	bool vouched : 1; /* its next trace is early, and conntrack has just counted it: it may begin without a packet */
	uint32_t decided;       /* the policy set's number that `state` follows; 0: none yet */
	uint32_t trace;         /* slot of its trace plus one; 0 none */
	uint32_t out_ifindex;   /* WAN interface of the newest client packet */
	uint32_t mark;          /* its mark */
	uint8_t by;             /* enum inpath_by */
	uint8_t app;            /* enum inpath_app */
	uint8_t client_packets; /* seen while naming; stops at 255 */
	uint8_t server_hop;     /* from the flow's last trace; 0 unknown */
	inpath_time seen;       /* its newest packet */
	inpath_time placed;     /* its place in the order of eviction is of this time */
	inpath_time next_trace;
	inpath_time touch_until; /* answers to its touches are waited for till then */
	union {                  /* by tuple.proto */
		struct tcp_flow tcp;
		struct udp_flow udp;
	};
	/* Few packets need what follows. */
	inpath_time rested_at; /* if `rested` */
	uint32_t shift;        /* by how much its tokens come back rewritten */
	uint32_t hello;        /* slot of its ClientHello plus one; 0 none */
	uint32_t history;      /* slot of its history plus one; 0 none */
	name_ref host;
	const struct inpath_policy *policy; /* valid while `decided` is the set's number */
	const char *service;                /* likewise */
	uint8_t confirming; /* its last trace differed: the next one confirms, by this TTL; 0 not */
	uint8_t confirming_by; /* ... and by so many answers of it */
	uint8_t hasten; /* why its next trace is early: enum inpath_why; INPATH_WHY_START: it is not */
};

/* So that 100,000 of them, with all that belongs to them, fit into 64 MB. */
_Static_assert(sizeof(struct flow) <= 512, "a flow's entry has outgrown its place");

#define FLOW_HOT (offsetof(struct flow, tcp.pending.bytes))

_Static_assert(
	FLOW_HOT <= (size_t)4 * FETCH_LINE, "what any packet needs has outgrown its cache lines");

struct flows {
	const struct hash_key *key;
	struct table table;
	struct flow *entries;
};

void flows_init(
	struct flows *f, struct arena *arena, uint32_t capacity, const struct hash_key *key);

/* The slot of `tuple`, or TABLE_NONE. */
uint32_t flow_find(const struct flows *f, const struct inpath_tuple *tuple);

/* The same, where its hash is known from flow_foresee. */
uint32_t flow_find_hashed(const struct flows *f, const struct inpath_tuple *tuple, uint32_t hash);

/* A packet of this flow comes soon: its place in the table's index is fetched. Its hash. */
uint32_t flow_foresee(const struct flows *f, const struct inpath_tuple *tuple);

/* The entry that the index has for this hash is fetched: its slot, or TABLE_NONE if it has none. */
FETCH_INLINE uint32_t flow_fetch(const struct flows *f, uint32_t hash)
{
	uint32_t slot = table_likely(&f->table, hash);

	if (slot != TABLE_NONE)
		fetch(&f->entries[slot], FLOW_HOT);
	return slot;
}

/* A fresh entry, all zero but for its tuple; TABLE_NONE if the table is full. */
uint32_t flow_add(struct flows *f, const struct inpath_tuple *tuple);

/* A packet of this flow: it is not among the idlest. */
void flow_touch(struct flows *f, uint32_t slot, inpath_time now);

/* The longest unseen flow; in a large table within eight seconds, by which its place in the order may lag. Not empty. */
uint32_t flow_idlest(struct flows *f);

/* The flow that stands first in that order will have to go before long. Not empty. */
FETCH_INLINE void flow_fetch_oldest(const struct flows *f)
{
	table_fetch_oldest(&f->table);
	fetch(&f->entries[table_oldest(&f->table)], sizeof(*f->entries));
}

bool tuple_equal(const struct inpath_tuple *a, const struct inpath_tuple *b);

bool addr_equal(const struct inpath_addr *a, const struct inpath_addr *b);

#endif
