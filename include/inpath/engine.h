/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * engine: packets in, verdicts out; in between it traces the flows that the policy names.
 *
 * Pure: no system call, no clock, no heap, no printing, no globals. One engine belongs to one thread.
 *
 * Owns:   the memory given to inpath_engine_init, for its lifetime.
 * Time:   `now` is given with every call, in nanoseconds of CLOCK_MONOTONIC, and never runs
 *         backwards by more than it takes to work off a batch; an older `now` is taken as the newest.
 * Output: the outbox, valid until the next call. inpath_engine_packet and inpath_engine_dns leave
 *         nothing in it: probes and records come from inpath_engine_tick alone, so a verdict never
 *         waits for anything (law 2).
 *
 * A host's loop:
 *
 *	read a batch of packets; read the DNS copies and give them to inpath_engine_dns;
 *	for each packet: inpath_engine_foresee(...);
 *	for each packet: verdict = inpath_engine_packet(...), tell the kernel;
 *	inpath_engine_tick(now), act on the outbox, report each probe by inpath_engine_sent;
 *	sleep until a packet comes or inpath_engine_next_deadline().
 */
#ifndef INPATH_ENGINE_H
#define INPATH_ENGINE_H

#include "inpath/limits.h"
#include "inpath/packet.h"
#include "inpath/policy.h"
#include "inpath/record.h"
#include "inpath/stats.h"
#include "inpath/types.h"

struct inpath_engine;

/* A probe to be put on the wire as it stands. */
struct inpath_probe {
	uint32_t id;               /* for inpath_engine_sent */
	struct inpath_addr client; /* the packet's source: bind the send to it */
	struct inpath_addr server; /* its destination */
	uint32_t out_ifindex;      /* the flow's own WAN interface: leave by no other */
	uint32_t mark;             /* the flow's mark with the probe's bits set */
	uint32_t len;
	uint8_t bytes[INPATH_PROBE_BYTES]; /* from the IP header on; checksums are complete */
};

enum inpath_action_kind {
	INPATH_ACTION_SEND,
	INPATH_ACTION_RECORD,
	INPATH_ACTION_ARM, /* clear the rest bits of a connection's mark, so that it is queued again */
	INPATH_ACTION_LOOK, /* look a connection up and say what was found: inpath_engine_connection */
	INPATH_ACTION_COUNT, /* look a connection's counters up and say them: inpath_engine_counters */
};

struct inpath_action_item {
	enum inpath_action_kind kind;
	union {
		struct inpath_probe probe;
		struct inpath_record record;
		struct inpath_tuple arm;  /* as seen on the LAN side */
		struct inpath_tuple look; /* likewise */
		struct inpath_tuple count;
	};
};

struct inpath_outbox {
	uint32_t count;
	struct inpath_action_item items[INPATH_OUTBOX_ACTIONS];
};

/* Bytes of memory that inpath_engine_init needs for `limits`; 0 if a limit is 0 or out of range. */
size_t inpath_engine_size(const struct inpath_limits *limits);

/*
 * Builds an engine in `memory` (aligned as malloc aligns, inpath_engine_size bytes, not yet
 * touched: pages are first used when a table needs them, if `memory` is already zero).
 * `seed` must be unpredictable: it keys the hashes and draws the probes' tokens.
 * Precondition: `memory` is all zero.
 */
struct inpath_engine *inpath_engine_init(
	void *memory, const struct inpath_limits *limits, const uint64_t seed[2]);

/*
 * Where in `memory` the table of flows is, and its size: filled from its beginning on, and from then on touched all
 * over. A host with a large one may have it on huge pages.
 */
void *inpath_engine_flows(const struct inpath_engine *engine, size_t *bytes);

/*
 * Takes a policy set. The engine keeps the pointer; `set` must outlive it or the next call of this
 * function. Every flow is decided anew at its next packet; traces under way end with their old names.
 */
void inpath_engine_set_policy(
	struct inpath_engine *e, const struct inpath_policy_set *set, inpath_time now);

/*
 * Takes one packet from the queue: `caplen` bytes at `bytes`, from the IP header on, of a packet
 * that is `len` bytes long. `now` is when the kernel took the packet.
 */
struct inpath_verdict inpath_engine_packet(struct inpath_engine *e, const struct inpath_meta *meta,
	const uint8_t *bytes, size_t caplen, size_t len, inpath_time now);

/*
 * Says which packet will come, and changes nothing else: what is known of its flow is fetched from memory meanwhile. For a
 * host that has a batch in hand: it says all of it, in the order in which it is going to give them to inpath_engine_packet,
 * before it gives the first. What is said after that begins the next batch. Whoever does not say, says more than
 * INPATH_BATCH, or gives others than it said, gets the same verdicts, only later.
 */
void inpath_engine_foresee(struct inpath_engine *e, const struct inpath_meta *meta,
	const uint8_t *bytes, size_t caplen);

/*
 * Takes a copy of a DNS packet (an IP packet with UDP), queries included. The host copies only what has port 53 at one end, or
 * had until the gateway redirected it.
 */
void inpath_engine_dns(struct inpath_engine *e, const struct inpath_meta *meta,
	const uint8_t *bytes, size_t caplen, size_t len, inpath_time now);

/*
 * Says who an address is: a hardware address (NULL if unknown) and a device name (NULL if unknown),
 * from leases or the neighbour table. The text is copied; it is cut at INPATH_LABEL_MAX.
 */
void inpath_engine_client_name(struct inpath_engine *e, const struct inpath_addr *addr,
	const struct inpath_mac *mac, const char *name, inpath_time now);

/* Reports a SEND: `error` is 0 or the errno of the refusal. */
void inpath_engine_sent(struct inpath_engine *e, uint32_t id, int error, inpath_time now);

/* What conntrack knows of a connection. */
struct inpath_connection {
	bool offloaded;   /* flow offload forwards it, in software or hardware: no rule sees it */
	bool in_hardware; /* ... in hardware */
};

/* Answers a LOOK. A connection that was not found is not reported. */
void inpath_engine_connection(struct inpath_engine *e, const struct inpath_tuple *tuple,
	const struct inpath_connection *what, inpath_time now);

/* What conntrack has counted of a connection since its beginning. */
struct inpath_counters {
	uint64_t up_packets; /* from the client */
	uint64_t up_bytes;   /* with IP headers */
	uint64_t down_packets;
	uint64_t down_bytes;
};

/*
 * Answers a COUNT, with what was read at `now`. A flow that rests and whose throughput stalls is traced at
 * once, as far as the budget allows (why=slow). A connection that was not found, or is not counted, is
 * not reported.
 */
void inpath_engine_counters(struct inpath_engine *e, const struct inpath_tuple *tuple,
	const struct inpath_counters *counters, inpath_time now);

/* When inpath_engine_tick wants to be called next; INPATH_TIME_NEVER if nothing waits. */
inpath_time inpath_engine_next_deadline(const struct inpath_engine *e);

/* Does what is due: at most INPATH_SENDS_A_TICK probes and a few records go to the outbox. */
void inpath_engine_tick(struct inpath_engine *e, inpath_time now);

/* No further probe; traces under way end. Answers are still taken off the wire. */
void inpath_engine_stop(struct inpath_engine *e, inpath_time now);

/* What the latest call left to do. */
const struct inpath_outbox *inpath_engine_outbox(const struct inpath_engine *e);

/*
 * Walks what is known of living flows' paths, one flow a call, beginning at cursor 0: true if *out
 * is the next one's epoch so far, an INPATH_RECORD_EPOCH that is valid until the engine's next
 * call; false if there was none among the few that one call looks at. *cursor is moved on; at the
 * end it is INPATH_CURSOR_END. What comes or goes meanwhile may be seen or not; the rest once.
 */
#define INPATH_CURSOR_END UINT32_MAX
bool inpath_engine_history(struct inpath_engine *e, uint32_t *cursor, struct inpath_record *out);

const struct inpath_stats *inpath_engine_stats(const struct inpath_engine *e);

#endif
