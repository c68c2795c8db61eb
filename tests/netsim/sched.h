/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sched: packets in flight, and a heap of those that wait for their moment.
 *
 * Owns:   every datagram; freed ones are kept for the next.
 * Time:   nanoseconds of the caller's clock. Of two that are due at the same moment, the one that was
 *         put in first comes first.
 */
#ifndef NETSIM_SCHED_H
#define NETSIM_SCHED_H

#include "inpath/types.h"
#include "tests/netsim/ip.h"
#include "tests/netsim/topology.h"

enum {
	DATAGRAM_MAX = 2048,
	NOBODY = -1, /* no flow, no probe */
	WAY_NONE = 0xffff,
};

/* What happens to a datagram when its moment has come. */
enum datagram_next {
	NEXT_ARRIVE, /* at its place */
	NEXT_DEPART, /* from its place, where it was made */
	NEXT_SERVER, /* it is handed to the server */
};

struct datagram {
	struct datagram *pool;
	inpath_time at; /* its moment */
	uint64_t order;
	inpath_time born;
	enum datagram_next next;
	uint16_t way;  /* index into the ways; WAY_NONE: back by where it came from, its trail */
	uint16_t step; /* of the way, at which it is */
	uint16_t place;
	uint16_t server;
	bool homeward; /* to the gateway */
	bool made;     /* by a router: an error, or a proxy's answer */
	bool proxied;
	bool own;     /* of the flow itself, not a probe */
	bool nowhere; /* its destination is nobody's */
	int32_t flow;
	int32_t probe;
	uint32_t epoch;     /* of the routers' sight when it set out */
	uint32_t seq_shift; /* what NATs have added to its sequence number so far */
	uint8_t decrements;
	uint8_t crossings;
	uint8_t trail_len;
	uint16_t trail[TOPOLOGY_HOPS]; /* places passed */
	struct ip_view ip;
	uint16_t len;
	uint8_t bytes[DATAGRAM_MAX];
};

struct sched {
	struct datagram **heap;
	size_t count;
	size_t capacity;
	uint64_t order;
	struct datagram *free;
};

void sched_free(struct sched *s);

/* A fresh datagram, its bytes not cleared. */
struct datagram *datagram_new(struct sched *s);
void datagram_free(struct sched *s, struct datagram *d);

void sched_push(struct sched *s, struct datagram *d);

/* When the first is due; INPATH_TIME_NEVER if none waits. */
inpath_time sched_first(const struct sched *s);

/* Takes the first; there must be one. */
struct datagram *sched_pop(struct sched *s);

/* malloc and realloc that end the program where there is no memory. */
void *must_alloc(void *old, size_t size);

#endif
