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
	PROBER_SAMPLES = 12, /* answers of one TTL kept in the order of sending */
	PROBER_CONFIRM =
		12, /* probes at most to a TTL that is to show whether its routers take turns */
	PROBER_MARGIN = 3,   /* PROBER_CLIMBS ends so far before the server: ways back differ */
	PROBER_SILENCE = 2,  /* PROBER_INFERS: silent TTLs in a row that end a walk */
	PROBER_BOUNDARY = 2, /* further attempts where the server's hop would move by the answer */
	PROBER_UNKNOWN_WAVE = 16, /* the first wave when the distance is unknown */
	PROBER_GROWTH = 4,        /* TTLs in each later wave */
	/* Touches that may be waited for at a time while the client has sent no acknowledgement
	 * before its newest: three repeats of the newest start a BSD server's fast retransmit. */
	PROBER_TOUCHES_EARLY = 2,
};

/* The least time before a TTL is tried again: a router's slow path may take tens of ms. */
#define PROBER_WAIT_FLOOR  (100 * INPATH_MSEC)
/* Beside one and a half of its round trips, so much later may a server's answer come. */
#define PROBER_SLACK       (5 * INPATH_MSEC)
/* Routers limit their answers by the second: who leaves probes without one is asked no faster, where it is
 * asked again and again. */
#define PROBER_PACE        (1 * INPATH_SEC)
/* So long do touches wait for a moment in which the client has nothing unacknowledged. */
#define PROBER_QUIET_WAIT  (1500 * INPATH_MSEC)
/* Before that, where an earlier trace has shown the server's hop, for one in which the server has
 * caught up as well: what it has received but not read yet makes its window news. */
#define PROBER_SETTLE_WAIT (5 * INPATH_SEC)
/* So long does a trace wait for its budget, or for its flow to stop retransmitting. */
#define PROBER_HELD_MAX    (10 * INPATH_SEC)

/* How a walk may come to the server. */
enum prober_manner {
	PROBER_PROVES, /* TCP: the server answers, and names the TTL */
	PROBER_INFERS, /* QUIC: the server is silent; where it is follows from its packets' TTL and silence */
	PROBER_CLIMBS, /* other UDP: no probe may reach it: one TTL after the other, and well short of it */
};

/* Who answered a TTL's probes, and how fast: by attempt. */
struct prober_samples {
	uint8_t who[PROBER_SAMPLES]; /* index into the hop's addresses plus one; 0: no answer */
	uint64_t rtt_ns[PROBER_SAMPLES];
};

/* What a server's answer told. */
struct prober_arrival {
	uint8_t attempt;
	uint8_t reply_ttl;
	bool odd; /* its TTL is not that of the server's own packets: something nearer may have spoken */
	struct inpath_addr server;
	uint64_t rtt_ns;
};

/* What the walk itself knows. */
struct prober {
	struct inpath_settings settings;
	enum prober_manner manner;
	uint64_t timeout_ns;
	uint64_t e2e_ns;    /* the server's passive RTT when the trace began; 0 unknown */
	uint8_t expected;   /* the server's hop as inferred; 0 unknown */
	uint8_t horizon;    /* the highest TTL of the waves so far */
	uint8_t known;      /* the server's hop as an earlier trace saw it; 0 unknown */
	uint8_t confirm;    /* a TTL whose routers may take turns; 0 none ... */
	uint8_t confirm_by; /* ... the answers wanted of it */
	uint8_t server_hop; /* the lowest TTL that reached the server; 0 none yet */
	uint8_t proxy;      /* the lowest TTL that something else answered as the server; 0 none */
	/* By TTL: bit ttl-1. */
	uint64_t routers; /* a router answered with "time exceeded" or a refusal of its own */
	uint64_t refused; /* a router before it refused its probes */
	uint64_t odd;  /* reached something that speaks as the server, but from another distance */
	bool unplaced; /* the server answered without naming the TTL */
	bool unplaced_lone; /* ... and no other touch was out, as is the rule with empty ones */
	uint64_t unplaced_rtt_ns;
	uint64_t stray_rtt_ns; /* 0: none came */
	uint16_t sent;
	inpath_time began;
	inpath_time settled;    /* from now on a quiet moment is enough for a touch */
	inpath_time first_sent; /* 0: nothing sent yet */
	inpath_time newest_sent;
	inpath_time last_sent[INPATH_MAX_HOPS];
	struct inpath_hop hops[INPATH_MAX_HOPS]; /* hops[0] is TTL 1 */
	struct prober_samples samples[INPATH_MAX_HOPS];
	struct prober_arrival odd_first[INPATH_MAX_HOPS]; /* where `odd` has the TTL */
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
	inpath_time
		empty_from; /* if `empty`: no touch before this time, as the server would not answer it */
};

enum prober_say {
	PROBER_SEND,
	PROBER_WAIT,
	PROBER_DONE,
};

struct prober_answer {
	enum prober_say say;
	uint64_t ttls;     /* SEND: bit ttl-1 for each TTL wanted */
	inpath_time until; /* WAIT */
	bool alone; /* WAIT: for answers and for time; what the flow does meanwhile changes nothing */
	enum inpath_stop stop; /* DONE */
};

/* Begins a walk. `expected` is the server's hop, inferred or known from before; 0 unknown; `known`
 * says that an earlier trace saw it. Set `confirm` and `confirm_by` afterwards where a difference is to
 * be explained. */
void prober_begin(struct prober *p, const struct inpath_settings *settings,
	enum prober_manner manner, uint64_t timeout_ns, uint8_t expected, bool known,
	uint64_t e2e_ns, inpath_time now);

/* TTLs of a walk's first wave, where its policy does not want fewer. */
uint8_t prober_first_wave(enum prober_manner manner, uint8_t expected, bool known);

/* What to do now. May widen the wave, so it is not const; asking twice gives the same answer. */
struct prober_answer prober_ask(struct prober *p, const struct prober_view *view, inpath_time now);

/* Is a probe with this TTL a touch? */
bool prober_is_touch(const struct prober *p, uint8_t ttl);

/*
 * May an answer of the server to any probe be on its way, as far as is known? The way may have become
 * shorter since its distance was seen: unless this trace has shown where the server is just before,
 * every probe may reach it, and its answer then comes within its round trip; if it has, still those
 * behind the last router that answered.
 */
bool prober_may_reach(const struct prober *p, inpath_time now);

void prober_sent(struct prober *p, uint8_t ttl, inpath_time now);

/* The latest probe with this TTL did not leave after all. */
void prober_unsent(struct prober *p, uint8_t ttl);

/* What an ICMP error told: "time exceeded", or a refusal (`unreach`). */
struct prober_reply {
	uint8_t attempt; /* of the probe that it answers */
	uint8_t reply_ttl;
	uint8_t quoted_ttl;
	uint8_t quoted_len;
	uint8_t icmp_type;
	uint8_t icmp_code;
	uint8_t rewritten; /* INPATH_REWRITTEN_* */
	enum inpath_unreach unreach;
	uint8_t mpls_count;
	struct inpath_addr from;
	uint64_t rtt_ns;
	struct inpath_mpls mpls[INPATH_MPLS_ENTRIES];
	struct inpath_interface interface;
};

/*
 * A router answered the probe with this TTL. A refusal comes from the TTL that its quote tells: the
 * router saw the probe with quoted_ttl left.
 */
void prober_router(struct prober *p, uint8_t ttl, const struct prober_reply *reply);

/* The server answered the probe with this TTL, or something in its name. */
void prober_reached(struct prober *p, uint8_t ttl, const struct prober_arrival *arrival);

/* Was this TTL answered in the server's name from an odd distance, and so far from no other? */
bool prober_was_odd(const struct prober *p, uint8_t ttl);

/* The server answered a touch, it is not known which. */
void prober_unplaced(struct prober *p, uint64_t rtt_ns);

/* No probe may leave any more: until when an answer to one that did may count. 0: none is missing. */
inpath_time prober_answers_until(const struct prober *p);

/* Has the server answered, and each TTL before it been answered or asked as often as it may be? */
bool prober_is_complete(const struct prober *p);

/*
 * All is over, for this cause: takes from the hops what the whole walk has disproved (a proxy's answers), and sums
 * their samples up (median, turns). Where the server's hop is inferred it says so.
 */
void prober_sum_up(struct prober *p, enum inpath_stop stop, const struct inpath_addr *server);

/* The server answered a touch, in numbers that cannot be read yet: a later touch's may be. */
void prober_stray(struct prober *p, uint64_t rtt_ns);

/* The last TTL of the path record: the server's hop if known, else the highest TTL probed. */
uint8_t prober_last(const struct prober *p);

#endif
