/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * prober: walks one flow's path. It decides which TTLs to probe next, and when enough is known.
 *
 *          ask: SEND first wave          all answered, or patience over
 *   BEGUN ----------------------> WAVE -------------------------------------> DONE (stop cause)
 *                                 |  ^  ask: SEND second attempts, next wave
 *                                 +--+
 *
 * Owns:   nothing; a trace is a plain struct that the engine keeps in its slots.
 * Time:   `now` is given; what it waits for is an absolute time.
 * Output: prober_ask's answer. It sends nothing itself: the engine does, within the budget, and
 *         tells it by prober_sent, prober_refused, prober_answer, prober_reached, prober_unplaced.
 *
 * A touch is a probe that may reach the server: from one hop before where the server is expected.
 */
#ifndef PROBER_H
#define PROBER_H

#include "inpath/limits.h"
#include "inpath/policy.h"
#include "inpath/record.h"
#include "inpath/types.h"

enum {
	PROBER_UNKNOWN_WAVE = 16, /* the first wave when the distance is unknown */
	PROBER_GROWTH = 4,        /* TTLs in each later wave */
	/* Touches that may be waited for at a time while the client has sent no acknowledgement
	 * before its newest: three repeats of the newest start a BSD server's fast retransmit. */
	PROBER_TOUCHES_EARLY = 2,
};

/* The least time before a TTL is tried again: a router's slow path may take tens of ms. */
#define PROBER_WAIT_FLOOR  (100 * INPATH_MSEC)
/* So long do touches wait for a moment in which the client has nothing unacknowledged. */
#define PROBER_QUIET_WAIT  (1500 * INPATH_MSEC)
/* Before that, where an earlier trace has shown the server's hop, for one in which the server has
 * caught up as well: what it has received but not read yet makes its window news. */
#define PROBER_SETTLE_WAIT (5 * INPATH_SEC)
/* So long does a trace wait for its budget, or for its flow to stop retransmitting. */
#define PROBER_HELD_MAX    (10 * INPATH_SEC)

/* What the walk itself knows. */
struct prober {
	struct inpath_settings settings;
	uint64_t timeout_ns;
	uint64_t e2e_ns;    /* the server's passive RTT when the trace began; 0 unknown */
	uint8_t expected;   /* the server's hop as inferred; 0 unknown */
	uint8_t horizon;    /* the highest TTL of the waves so far */
	uint8_t server_hop; /* the lowest TTL that reached the server; 0 none yet */
	bool unplaced;      /* the server answered without naming the TTL */
	uint64_t unplaced_rtt_ns;
	uint16_t sent;
	inpath_time began;
	inpath_time settled;    /* from now on a quiet moment is enough for a touch */
	inpath_time first_sent; /* 0: nothing sent yet */
	inpath_time last_sent[INPATH_MAX_HOPS];
	struct inpath_hop hops[INPATH_MAX_HOPS]; /* hops[0] is TTL 1 */
};

/* What the flow allows at the moment. */
struct prober_view {
	bool quiet;       /* the client has nothing unacknowledged: a touch's answer has no news */
	bool caught_up;   /* the server has read and answered, too: nor is its window news */
	bool earlier_ack; /* the client has sent an acknowledgement before its newest */
	bool empty;       /* probes carry no byte: at most one may reach the server */
	bool server_busy; /* server data is in flight: no empty touch */
	bool may_end;     /* a FIN may have passed unseen: no empty touch */
	inpath_time hold; /* no probe before this time; 0: none held */
};

enum prober_say {
	PROBER_SEND,
	PROBER_WAIT,
	PROBER_DONE,
};

struct prober_answer {
	enum prober_say say;
	uint64_t ttls;         /* SEND: bit ttl-1 for each TTL wanted */
	inpath_time until;     /* WAIT */
	enum inpath_stop stop; /* DONE */
};

/* Begins a walk. `expected` is the server's hop, inferred or known from before; 0 unknown; `known`
 * says that an earlier trace saw it. */
void prober_begin(struct prober *p, const struct inpath_settings *settings, uint64_t timeout_ns,
	uint8_t expected, bool known, uint64_t e2e_ns, inpath_time now);

/* What to do now. May widen the wave, so it is not const; asking twice gives the same answer. */
struct prober_answer prober_ask(struct prober *p, const struct prober_view *view, inpath_time now);

/* Is a probe with this TTL a touch? */
bool prober_is_touch(const struct prober *p, uint8_t ttl);

void prober_sent(struct prober *p, uint8_t ttl, inpath_time now);

/* The latest probe with this TTL did not leave after all. */
void prober_unsent(struct prober *p, uint8_t ttl);

/* What an ICMP error told. */
struct prober_reply {
	struct inpath_addr from;
	uint8_t reply_ttl;
	uint8_t quoted_ttl;
	uint8_t icmp_type;
	uint8_t icmp_code;
	bool rewritten;
	uint64_t rtt_ns;
};

/* A router answered the probe with this TTL. */
void prober_router(struct prober *p, uint8_t ttl, const struct prober_reply *reply);

/* The server answered the probe with this TTL. */
void prober_reached(struct prober *p, uint8_t ttl, const struct inpath_addr *server,
	uint8_t reply_ttl, uint64_t rtt_ns);

/* The server answered a touch, it is not known which. */
void prober_unplaced(struct prober *p, uint64_t rtt_ns);

/* The last TTL of the path record: the server's hop if known, else the highest TTL probed. */
uint8_t prober_last(const struct prober *p);

#endif
