/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * truth: what became of the packets that left the gateway, by flow, as TRUTH.md says.
 *
 * Owns:   every flow and what is known of it.
 * Time:   the caller's clock; what is written counts from the first packet.
 * Output: a JSON file.
 */
#ifndef NETSIM_TRUTH_H
#define NETSIM_TRUTH_H

#include <stdio.h>

#include "tests/netsim/guard.h"
#include "tests/netsim/route.h"

enum truth_end {
	END_UNKNOWN,
	END_EXPIRED,
	END_LOST,
	END_DROPPED,
	END_REFUSED,
	END_SERVER,
};

struct truth_probe {
	inpath_time at;
	inpath_time *answers; /* moments, the proxy's among them: those have the lowest bit set */
	uint16_t answer_count;
	uint16_t router; /* place; the gateway: nowhere */
	uint8_t ttl;
	enum truth_end end;
	bool has_byte; /* one byte of payload, */
	uint32_t byte; /* at this sequence number, as the server saw it */
	bool owed;     /* without payload: the server has an ACK to send for it */
};

struct truth_crossing {
	uint16_t router;
	uint8_t ttl; /* 0: the router does not decrement */
	uint64_t packets;
	inpath_time first;
	inpath_time last;
};

/* Where the flow's packets go from a moment on. */
struct truth_path {
	inpath_time from;
	uint16_t count;
	struct route_stand *stands;
	bool server[TOPOLOGY_HOPS + 2];
};

struct truth_flow {
	struct ip_flow key; /* as it leaves the gateway */
	struct ip_flow far; /* as the server sees it, once it has */
	uint32_t label;     /* the newest: a sender may change it in mid-flow */
	uint16_t server;
	uint8_t ttl; /* of its own packets */
	uint64_t heard
		[4]; /* bit t % 64 of word t / 64: the server's packets came to the gateway with TTL t */
	uint64_t packets;
	inpath_time first;
	inpath_time last;
	struct guard guard;
	struct truth_path *paths;
	struct truth_crossing *crossed;
	struct truth_probe *probes;
	uint32_t path_count;
	uint32_t crossed_count;
	uint32_t probe_count;
	int32_t next_near; /* in the lists of the tables below */
	int32_t next_far;
};

enum {
	TRUTH_LISTS = 8192
};

struct truth {
	const struct topology *t;
	struct nat *nat;
	bool began;
	inpath_time zero;
	double zero_utc;
	inpath_time version; /* when the routes last changed */
	struct truth_flow *flows;
	int32_t count;
	int32_t capacity;
	int32_t near[TRUTH_LISTS]; /* one more than the first flow's index; 0: none */
	int32_t far[TRUTH_LISTS];
};

void truth_init(struct truth *truth, const struct topology *t, struct nat *nat);
void truth_free(struct truth *truth);

/*
 * A packet of TCP or UDP leaves the gateway. Tells its flow and, unless it is one of the flow's own, its probe;
 * NOBODY where there is none.
 */
void truth_enter(struct truth *truth, const uint8_t *packet, const struct ip_view *ip,
	uint16_t server, inpath_time now, int32_t *flow, int32_t *probe);

/* One of the flow's own packets has crossed a router; it is the n-th that it crosses. */
void truth_cross(struct truth *truth, int32_t flow, unsigned n, uint16_t router, uint8_t ttl,
	inpath_time at);

void truth_end(
	struct truth *truth, int32_t flow, int32_t probe, enum truth_end end, uint16_t place);

/* A packet of the flow is handed to the server, as `packet`. */
void truth_reach(struct truth *truth, int32_t flow, int32_t probe, const uint8_t *packet,
	const struct ip_view *ip);

/* A server has sent a packet: of which flow, and in answer to which probe? */
void truth_answers(struct truth *truth, const uint8_t *packet, const struct ip_view *ip,
	int32_t *flow, int32_t *probe);

/* A packet of the server's, of this flow, is handed to the gateway. */
void truth_heard(
	struct truth *truth, int32_t flow, const uint8_t *packet, const struct ip_view *ip);

/* An answer to the probe is handed to the gateway. */
void truth_answered(
	struct truth *truth, int32_t flow, int32_t probe, bool proxied, inpath_time now);

/* Routes or routers have changed: new paths from `at` on, where they differ. */
void truth_changed(struct truth *truth, inpath_time at);

/* Is all that was crossed a part of the paths? If not, `message` says what. */
bool truth_holds(const struct truth *truth, char *message, size_t size);

void truth_write(const struct truth *truth, FILE *out);

#endif
