/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * record: what the engine has to say about a flow, before it becomes a line of a log.
 *
 * Owns: nothing. Pointers inside a record are valid until the engine's next call.
 * Time: monotonic; whoever writes the line adds wall time.
 */
#ifndef INPATH_RECORD_H
#define INPATH_RECORD_H

#include "inpath/limits.h"
#include "inpath/types.h"

enum inpath_record_kind {
	INPATH_RECORD_PATH,
	INPATH_RECORD_CHANGE, /* the same flow takes another path */
	INPATH_RECORD_HOP,
	INPATH_RECORD_PROBE,
};

/* How a flow's host name was found. */
enum inpath_by {
	INPATH_BY_ADDR, /* no name: only the server's address is known */
	INPATH_BY_DNS,
	INPATH_BY_SNI,
};

enum inpath_why {
	INPATH_WHY_START,
	INPATH_WHY_PERIOD,
	INPATH_WHY_CHANGE, /* a re-trace, to confirm a difference */
	INPATH_WHY_SLOW,
	INPATH_WHY_USER,
};

enum inpath_stop {
	INPATH_STOP_REACHED,
	INPATH_STOP_GAP,
	INPATH_STOP_MAXTTL,
	INPATH_STOP_ENDED, /* the flow ended, or the engine was told to stop */
	INPATH_STOP_BUDGET,
	INPATH_STOP_SHORT, /* stopped before the server on purpose */
	INPATH_STOP_INFERRED,
};

/* The word that a record's `proto` shows. */
enum inpath_app {
	INPATH_APP_TCP,
	INPATH_APP_QUIC,
	INPATH_APP_UDP,
};

/* What was learnt about one TTL. */
struct inpath_hop {
	uint8_t ttl;
	uint8_t sent;       /* probes sent with this TTL */
	uint8_t answered;   /* of these, answered within their patience */
	uint8_t addr_count; /* distinct addresses that answered; 0: silent */
	bool server;        /* the server itself answered */
	uint8_t reply_ttl;  /* TTL of the latest answer as the gateway forwards it */
	uint8_t quoted_ttl; /* TTL in the latest quote; 0 if none */
	uint8_t icmp_type;  /* of the latest answer, in the flow's own family; 0 if none */
	uint8_t icmp_code;
	bool rewritten; /* the quote's client address or port was not ours */
	uint64_t rtt_min_ns;
	uint64_t rtt_max_ns;
	struct inpath_addr addrs[INPATH_HOP_ADDRS];
};

/* The trace that a record belongs to, and its flow. */
struct inpath_record_flow {
	uint32_t run; /* random, the same in all records of one trace */
	struct inpath_tuple tuple;
	struct inpath_mac mac; /* the client's, if has_mac */
	bool has_mac;
	const char *device; /* the client's name, or NULL */
	const char *policy;
	const char *service; /* never NULL */
	const char *host;    /* "" if unknown */
	enum inpath_by by;
	enum inpath_app app;
};

struct inpath_record_path {
	enum inpath_why why;
	enum inpath_stop stop;
	uint8_t nhop; /* the server's hop if known, else the highest TTL probed */
	uint16_t sent;
	uint32_t fingerprint;
	uint64_t e2e_ns;               /* passive RTT between gateway and server; 0 unknown */
	uint64_t lan_ns;               /* passive RTT between gateway and client; 0 unknown */
	const struct inpath_hop *hops; /* TTL 1..nhop, hops[0] being TTL 1 */
	/* The server answered without naming the TTL that reached it. */
	bool unplaced;
	uint64_t unplaced_rtt_ns;
};

struct inpath_record_change {
	uint32_t old_fingerprint;
	uint32_t new_fingerprint;
	uint8_t ttl; /* the first that differs */
};

struct inpath_record_probe {
	uint8_t ttl;
	uint8_t attempt; /* 1 is the first */
	uint32_t token;  /* IPv4 ID, or the sequence number */
	bool answered;
	uint64_t rtt_ns;
	struct inpath_addr from; /* who answered */
	inpath_time sent;
};

struct inpath_record {
	enum inpath_record_kind kind;
	inpath_time at; /* when the trace's first probe was sent */
	struct inpath_record_flow flow;
	union {
		struct inpath_record_path path;
		struct inpath_record_change change;
		const struct inpath_hop *hop;
		struct inpath_record_probe probe;
	};
};

#endif
