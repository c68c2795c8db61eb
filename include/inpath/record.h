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
	INPATH_RECORD_EPOCH, /* what was seen of a path as long as a flow took it */
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

enum {
	INPATH_MPLS_ENTRIES = 4,    /* labels kept of one hop's stack, from the top */
	INPATH_INTERFACE_NAME = 63, /* RFC 5837 4.3 */
	INPATH_LOOPS = 4,           /* loops, and cycles, that one path names */
};

/* What a quote shows to have been rewritten between the gateway and the router that quotes: bits. */
enum {
	INPATH_REWRITTEN_DSCP = 1 << 0,
	INPATH_REWRITTEN_ECN = 1 << 1,
	INPATH_REWRITTEN_ADDR = 1 << 2, /* the client's address */
	INPATH_REWRITTEN_PORT = 1 << 3, /* the client's port */
	INPATH_REWRITTEN_SEQ = 1 << 4,
	INPATH_REWRITTEN_ID = 1 << 5,
	INPATH_REWRITTEN_SUM = 1 << 6, /* TCP's checksum */
};

/* What a router says that cannot be reached (RFC 792, RFC 4443), as traceroute's letters tell. */
enum inpath_unreach {
	INPATH_UNREACH_NONE,
	INPATH_UNREACH_NET,      /* !N */
	INPATH_UNREACH_HOST,     /* !H */
	INPATH_UNREACH_PROTOCOL, /* !P */
	INPATH_UNREACH_PORT,     /* !p */
	INPATH_UNREACH_ADMIN,    /* !X */
	INPATH_UNREACH_OTHER,    /* !<code> */
};

/* An entry of an MPLS label stack (RFC 4950, RFC 3032 2.1). */
struct inpath_mpls {
	uint32_t label; /* 20 bits */
	uint8_t tc;
	bool bottom;
	uint8_t ttl;
};

/* The role of an interface that a router tells of (RFC 5837 4.1). */
enum inpath_interface_role {
	INPATH_INTERFACE_IN,     /* the packet came in by it */
	INPATH_INTERFACE_IN_SUB, /* the IP interface above it */
	INPATH_INTERFACE_OUT,    /* it would have left by it */
	INPATH_INTERFACE_NEXT,   /* the next hop's */
};

/* An interface as a router described it (RFC 5837). What was not told is 0, or "". */
struct inpath_interface {
	bool told; /* there is one */
	enum inpath_interface_role role;
	uint32_t index;
	uint32_t mtu;
	struct inpath_addr addr;              /* family INPATH_AF_NONE: not told */
	char name[INPATH_INTERFACE_NAME + 1]; /* a stranger's bytes, NUL-terminated */
};

/* What was learnt about one TTL. */
struct inpath_hop {
	uint8_t ttl;
	uint8_t sent;       /* probes sent with this TTL */
	uint8_t answered;   /* of these, answered within their patience */
	uint8_t addr_count; /* distinct addresses that answered; 0: silent */
	bool server;        /* the server itself answered */
	bool inferred;      /* ... or stands here for all that is known: nothing has proven it */
	uint8_t reply_ttl;  /* TTL of the latest answer as the gateway forwards it */
	bool quoted;        /* an ICMP error answered: the next five are valid */
	uint8_t quoted_ttl; /* TTL in the latest quote: 1, and 0 behind a router that forwards TTL 0 */
	uint8_t quoted_len; /* bytes of the probe quoted behind its IP header */
	uint8_t icmp_type;  /* of the latest answer, in the flow's own family */
	uint8_t icmp_code;
	uint8_t rewritten;           /* INPATH_REWRITTEN_*: what its quotes show */
	uint8_t rewritten_first;     /* ... and no hop before it showed */
	enum inpath_unreach unreach; /* this router refused probes, its own TTL's or later ones */
	uint8_t unreach_code;
	bool zero_ttl; /* the router before it forwarded a packet with TTL 0: the quote says 0 */
	bool balanced; /* its addresses answer in turns: balanced packet by packet */
	bool changed;  /* one address answered, then another: the route changed in between */
	uint8_t mpls_count;
	struct inpath_mpls mpls[INPATH_MPLS_ENTRIES];
	struct inpath_interface interface;
	uint64_t rtt_min_ns;
	uint64_t rtt_med_ns;
	uint64_t rtt_max_ns;
	struct inpath_addr addrs[INPATH_HOP_ADDRS];
};

/* TCP options of a handshake: bits. */
enum {
	INPATH_OPTION_SACK = 1 << 0, /* SACK permitted (RFC 2018) */
	INPATH_OPTION_TS = 1 << 1,   /* timestamps (RFC 7323) */
	INPATH_OPTION_WS = 1 << 2,   /* window scale (RFC 7323) */
};

/* What a SYN and its SYN/ACK said as they passed the gateway. */
struct inpath_handshake {
	bool seen;           /* both passed */
	uint16_t client_mss; /* 0: none told */
	uint16_t server_mss;
	uint8_t client_options; /* INPATH_OPTION_* */
	uint8_t server_options;
	/* What the server cannot have meant: an option that was not asked for; TS: not this client's
	 * timestamp came back. So something on the way changed the SYN, the SYN/ACK or both. */
	uint8_t odd;
};

/* What a whole path tells beyond its hops. TTLs; 0: none. */
struct inpath_path_notes {
	uint8_t loop_count;
	uint8_t loops
		[INPATH_LOOPS]; /* the address of the TTL before answered again (Augustin et al., IMC 2006) */
	uint8_t cycle_count;
	struct {
		uint8_t first;
		uint8_t again; /* an address came back behind others */
	} cycles[INPATH_LOOPS];
	uint8_t proxy; /* the lowest TTL that something answered as the server, though routers answer behind it */
	uint8_t nat_shared; /* the first hop in 100.64.0.0/10 (RFC 6598) */
	struct inpath_handshake handshake;
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
	bool ech; /* the greeting's name may have been an outer one: nobody asked DNS for it */
	enum inpath_by by;
	enum inpath_app app;
};

struct inpath_record_path {
	bool unlogged; /* not for the log, which leaves it out: see inpath_policy_set.every_path */
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
	struct inpath_path_notes notes;
};

struct inpath_record_change {
	uint32_t old_fingerprint;
	uint32_t new_fingerprint;
	uint8_t ttl;      /* the first that differs */
	bool back;        /* it is one of the flow's earlier paths again */
	uint64_t held_ns; /* from the first to the last trace that showed the old one */
};

/* Many round trip times. All zero if there were none. */
struct inpath_rtts {
	uint32_t count;
	uint64_t min_ns;
	uint64_t med_ns; /* of the latest 15 */
	uint64_t max_ns;
	uint64_t jitter_ns; /* RFC 3550 section 6.4.1 */
};

/* One TTL over an epoch. */
struct inpath_epoch_hop {
	uint8_t ttl;
	uint8_t addr_count; /* 0: silent */
	struct inpath_addr addrs[INPATH_HOP_ADDRS];
	uint32_t sent;
	uint32_t missing; /* of these without an answer in time */
	struct inpath_rtts rtt;
};

struct inpath_record_epoch {
	inpath_time since; /* the first trace that showed the path ... */
	inpath_time until; /* ... and the latest */
	uint32_t traces;   /* that showed it */
	uint32_t flaps;    /* differences that a second trace did not find again */
	uint32_t fingerprint;
	struct inpath_rtts e2e; /* passive, as in a path's record: one value for each trace */
	struct inpath_rtts lan;
	uint8_t nhop;
	const struct inpath_epoch_hop *hops; /* TTL 1..nhop */
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
		struct inpath_record_epoch epoch;
	};
};

#endif
