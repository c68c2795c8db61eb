/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * world: one engine, one client, a row of routers and one server, in virtual time.
 *
 * Router n stands at TTL n, the server at `distance`. Every answer of theirs is an event in a small
 * queue; world_run lets time pass. The server treats an old byte as Linux does: it answers at once,
 * with the byte as D-SACK block if the flow uses SACK; and an old segment without one, if it has not
 * answered such a one within half a second. Nothing sleeps, nothing is random.
 */
#ifndef TESTS_UNIT_WORLD_H
#define TESTS_UNIT_WORLD_H

#include "inpath/engine.h"
#include "tests/unit/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define MS INPATH_MSEC

enum {
	WORLD_EVENTS = 512,
	WORLD_RECORDS = 256,
	WORLD_SENT = 64,
	WORLD_ISS = 0xfffffff0, /* so that every flow's numbers wrap around */
	WORLD_IRS = 0xffffffa0,
	WORLD_LIMIT = 3,
	WAN = 2,
	LAN = 3,
};

/* A packet on its way to the gateway. */
struct world_event {
	inpath_time at;
	bool to_client;
	size_t len;
	uint8_t bytes[256];
};

/* What was said of one trace, copied out of the outbox. */
struct world_record {
	struct inpath_record record;
	struct inpath_hop hops[INPATH_MAX_HOPS];
	char host[INPATH_HOST_MAX + 1];
	char policy[INPATH_LABEL_MAX + 1];
};

struct world {
	struct inpath_engine *engine;
	void *memory;
	inpath_time now;
	struct inpath_policy policy;
	struct inpath_policy_set set;
	bool v6;
	bool sack;
	bool timestamps;
	bool deaf;           /* the server answers no old byte */
	bool mute_dsack;     /* it answers, but without a block */
	uint8_t distance;    /* the server's TTL */
	uint8_t seen_ttl;    /* of its packets at the gateway; 0: 64 - distance */
	uint64_t silent;     /* bit n-1: router n does not answer */
	uint64_t moved;      /* bit n-1: another router answers at TTL n */
	uint64_t turns;      /* bit n-1: the two take turns */
	uint64_t deals;      /* bit n-1: one of the two, at random */
	uint64_t third;      /* bit n-1: yet another router answers at TTL n */
	uint64_t stingy;     /* bit n-1: router n answers one probe in four */
	uint32_t dice;       /* what `deals` draws from: a constant seed, if any */
	uint64_t limited;    /* bit n-1: router n answers WORLD_LIMIT probes a second */
	uint64_t zero_ttl;   /* bit n-1: router n forwards what it has made TTL 0 */
	uint8_t proxy;       /* what reaches beyond this router it answers in the server's name */
	uint8_t refuser;     /* ... this one refuses */
	bool strays;         /* the gateway's conntrack takes such answers for another's */
	bool shifts_back;    /* seq_shift is that of a NAT: the server names shifted bytes */
	bool twice;          /* routers answer twice */
	uint16_t id_shift;   /* a NAT further out adds it to each IPv4 ID ... */
	uint32_t seq_shift;  /* ... or this to each sequence number, and does not repair quotes */
	inpath_time hop_rtt; /* of each hop */
	inpath_time waking;  /* the line's: a SYN takes so much longer */
	uint16_t port;       /* the client's */
	uint16_t window;     /* the server's */
	uint32_t client_nxt;
	uint32_t server_nxt;
	const uint8_t *mac; /* the client's hardware address, if the queue shows it */
	bool more;          /* packets wait behind this one */
	uint32_t missed;    /* packets that the queue passes unseen before the next one */
	bool blind;         /* no packet is foreseen */
	uint32_t refuse;    /* errno that each send is refused with */

	inpath_time empty_at; /* the server has answered an old segment without data */
	uint32_t sends;
	uint32_t touched; /* probes that reached the server */
	uint32_t sends_a_tick;
	uint32_t per_ttl[INPATH_MAX_HOPS + 1];
	uint64_t limit_second[INPATH_MAX_HOPS +
			      1]; /* of `limited`: the latest in which it answered ... */
	uint32_t limit_used[INPATH_MAX_HOPS + 1]; /* ... and how often */
	struct inpath_probe last_probe;
	struct inpath_probe sent[WORLD_SENT]; /* the first ones */
	uint32_t dropped;
	uint32_t to_client; /* packets that reached the client */
	uint32_t records;
	struct world_record record[WORLD_RECORDS];
	struct inpath_epoch_hop epoch_hops[INPATH_EPOCH_HOPS]; /* of the latest ev=epoch */
	uint32_t armed;
	uint32_t counts; /* times that the engine wanted counters */
	uint32_t looks;  /* connections that the engine wanted looked up */
	struct inpath_tuple last_look;
	struct world_event events[WORLD_EVENTS];
	uint32_t event_count;
};

static inline const char *world_client(const struct world *w)
{
	return w->v6 ? "2001:db8:1::10" : "192.168.1.10";
}

static inline const char *world_server(const struct world *w)
{
	return w->v6 ? "2001:db8:2::7" : "198.51.100.7";
}

static inline const char *world_router(const struct world *w, uint8_t ttl)
{
	static char text[64];
	unsigned int other = w->third >> (ttl - 1) & 1 ? 200 : w->moved >> (ttl - 1) & 1 ? 100 : 0;

	snprintf(text, sizeof(text), w->v6 ? "2001:db8:ff::%x" : "10.0.0.%u", ttl + other);
	return text;
}

/* The statement behind it, once in a world of each family whose TCP speaks SACK and timestamps. */
#define EACH_FAMILY(w)                                                                             \
	for (int family = 0; family < 2; family++)                                                 \
		for (struct world w = { .v6 = family, .sack = true, .timestamps = true };          \
			w.port != 1; w.port = 1)

/* A new engine with one policy that traces all. What the caller changes must be changed before. */
static inline void world_begin(struct world *w, const struct inpath_limits *limits)
{
	static const uint64_t seed[2] = { 1, 2 };
	size_t size = inpath_engine_size(limits);

	w->memory = calloc(1, size);
	assert_non_null(w->memory);
	w->engine = inpath_engine_init(w->memory, limits, seed);
	w->now = 1000 * INPATH_SEC;
	if (w->distance == 0)
		w->distance = 5;
	if (w->hop_rtt == 0)
		w->hop_rtt = 2 * MS;
	w->port = 40000;
	w->window = 500;
	w->policy = (struct inpath_policy){
		.name = "all",
		.action = INPATH_TRACE,
		.protocols = INPATH_PROTOCOL_TCP,
		.settings = { .interval_s = 60,
			.max_hops = 32,
			.attempts = 2,
			.gap = 5,
			.touch = true },
	};
	w->set = (struct inpath_policy_set){
		.policies = &w->policy,
		.policies_count = 1,
		.budget = { .gateway = 200, .client = 50, .first_hops = 20 },
		.timeout_ms = 1000,
		.mark_probe = 0x04000000,
		.mark_rest = 0x08000000,
	};
	inpath_engine_set_policy(w->engine, &w->set, w->now);
}

static inline void world_end(struct world *w)
{
	free(w->memory);
}

static inline const struct inpath_stats *world_stats(const struct world *w)
{
	return inpath_engine_stats(w->engine);
}

/* Is it TCP with a SACK block behind the timestamps? */
static inline bool is_dsack(const struct world *w, const uint8_t *bytes)
{
	const uint8_t *tcp = bytes + (w->v6 ? 40 : 20);

	return bytes[w->v6 ? 6 : 9] == INPATH_PROTO_TCP && (tcp[12] >> 4) * 4 >= 20 + 12 + 12;
}

/* Gives the engine a packet that crosses, and checks that a verdict is all that it leaves. */
static inline struct inpath_verdict world_give(
	struct world *w, bool from_client, const uint8_t *bytes, size_t len)
{
	bool stray = w->strays && !from_client && is_dsack(w, bytes);
	struct inpath_meta meta = {
		.source = stray ? INPATH_SOURCE_INPUT : INPATH_SOURCE_FORWARD,
		.in_side = from_client ? INPATH_SIDE_LAN : INPATH_SIDE_WAN,
		.out_side = stray         ? INPATH_SIDE_NONE
			    : from_client ? INPATH_SIDE_WAN
					  : INPATH_SIDE_LAN,
		.in_ifindex = from_client ? LAN : WAN,
		.out_ifindex = from_client ? WAN : LAN,
		.last = !w->more,
		.missed = w->missed,
		.has_mac = from_client && w->mac,
	};
	uint8_t *copy = wire_exact(bytes, len);
	struct inpath_verdict v;

	w->missed = 0;
	if (meta.has_mac)
		memcpy(meta.mac.bytes, w->mac, sizeof(meta.mac.bytes));
	if (!w->blind)
		inpath_engine_foresee(w->engine, &meta, copy, len);
	v = inpath_engine_packet(w->engine, &meta, copy, len, len, w->now);

	wire_exact_free(copy, len);
	assert_int_equal(inpath_engine_outbox(w->engine)->count, 0);
	if (v.drop)
		w->dropped++;
	else if (!from_client)
		w->to_client++;
	return v;
}

/* An ICMP error, to the client or (`out` INPATH_SIDE_NONE) to the gateway itself. Is it dropped? */
static inline bool world_error_is_dropped(struct world *w, const uint8_t *bytes, size_t len,
	enum inpath_side in, enum inpath_side out)
{
	struct inpath_meta meta = {
		.source = out == INPATH_SIDE_NONE ? INPATH_SOURCE_INPUT : INPATH_SOURCE_FORWARD,
		.in_side = in,
		.out_side = out,
		.in_ifindex = in == INPATH_SIDE_LAN ? LAN : WAN,
		.last = true,
	};

	return inpath_engine_packet(w->engine, &meta, bytes, len, len, w->now).drop;
}

static inline void world_later(struct world *w, inpath_time wait, const uint8_t *bytes, size_t len)
{
	struct world_event *e = &w->events[w->event_count++];

	assert_true(w->event_count <= WORLD_EVENTS && len <= sizeof(e->bytes));
	e->at = w->now + wait;
	e->len = len;
	memcpy(e->bytes, bytes, len);
}

/* The server's packet, and the client's, as the world's state has them. */
static inline struct wire_tcp world_server_tcp(const struct world *w)
{
	return (struct wire_tcp){
		.ip = { .src = world_server(w),
			.dst = world_client(w),
			.ttl = w->seen_ttl ? w->seen_ttl : (uint16_t)(64 - w->distance) },
		.src_port = 443,
		.dst_port = w->port,
		.seq = w->server_nxt,
		.ack = w->client_nxt,
		.flags = TCP_ACK,
		.window = w->window,
		.timestamp = w->timestamps,
		.tsval = 900,
		.tsecr = 700,
	};
}

static inline struct wire_tcp world_client_tcp(const struct world *w)
{
	return (struct wire_tcp){
		.ip = { .src = world_client(w), .dst = world_server(w), .ttl = 63 },
		.src_port = w->port,
		.dst_port = 443,
		.seq = w->client_nxt,
		.ack = w->server_nxt,
		.flags = TCP_ACK,
		.window = 400,
		.timestamp = w->timestamps,
		.tsval = 700,
		.tsecr = 900,
	};
}

static inline struct inpath_verdict world_client_says(struct world *w, struct wire_tcp t)
{
	uint8_t bytes[WIRE_MAX];
	size_t len = wire_tcp(bytes, &t);

	w->client_nxt = t.seq + (uint32_t)t.payload_len + !!(t.flags & (TCP_SYN | TCP_FIN));
	return world_give(w, true, bytes, len);
}

static inline struct inpath_verdict world_server_says(struct world *w, struct wire_tcp t)
{
	uint8_t bytes[WIRE_MAX];
	size_t len = wire_tcp(bytes, &t);

	w->server_nxt = t.seq + (uint32_t)t.payload_len + !!(t.flags & (TCP_SYN | TCP_FIN));
	return world_give(w, false, bytes, len);
}

/* SYN, SYN/ACK, ACK. */
static inline void world_connect(struct world *w)
{
	struct wire_tcp t;

	w->client_nxt = WORLD_ISS;
	w->server_nxt = WORLD_IRS;
	t = world_client_tcp(w);
	t.flags = TCP_SYN;
	t.ack = 0;
	t.mss = 1460;
	t.sack_permitted = w->sack;
	world_client_says(w, t);
	w->now += 10 * MS + w->waking;
	t = world_server_tcp(w);
	t.flags = TCP_SYN | TCP_ACK;
	t.mss = 1460;
	t.sack_permitted = w->sack;
	world_server_says(w, t);
	w->now += 3 * MS;
	world_client_says(w, world_client_tcp(w));
}

/* The client says something, and the server acknowledges it. */
static inline void world_request(struct world *w, const void *text, size_t len)
{
	struct wire_tcp t = world_client_tcp(w);

	t.flags |= TCP_PSH;
	t.payload = text;
	t.payload_len = len;
	world_client_says(w, t);
	w->now += 10 * MS;
	world_server_says(w, world_server_tcp(w));
}

static inline void world_hello(struct world *w)
{
	static const char text[] =
		"GET /a/path/that/is/long/enough/to/hold/many/tokens HTTP/1.1\r\nHost: www.example\r\n"
		"Accept: */*\r\n\r\n";

	world_connect(w);
	world_request(w, text, sizeof(text) - 1);
}

/* An old segment is answered at this TTL, by the server or in its name. */
static inline void world_dsack(struct world *w, uint8_t ttl, uint32_t seq, size_t payload)
{
	struct wire_tcp t = world_server_tcp(w);
	uint8_t bytes[WIRE_MAX];

	if (ttl < w->distance)
		t.ip.ttl = (uint16_t)(64 - ttl);
	if (w->shifts_back)
		seq += w->seq_shift;
	if (w->sack && payload && !w->mute_dsack) {
		t.sack_count = 1;
		t.sack[0] = (struct tcp_sack_block){ seq, seq + (uint32_t)payload };
	}
	world_later(w, ttl * w->hop_rtt, bytes, wire_tcp(bytes, &t));
}

/* The server answers an old segment. */
static inline void world_server_answers(struct world *w, uint32_t seq, size_t payload)
{
	w->touched++;
	if (payload == 0) {
		/* Linux's tcp_invalid_ratelimit. */
		if (w->empty_at && w->now < w->empty_at + 500 * MS)
			return;
		w->empty_at = w->now;
	}
	if (!w->deaf)
		world_dsack(w, w->distance, seq, payload);
}

/* The router at `ttl` refuses a probe that came to it with TTL `left`. */
static inline void world_refuses(
	struct world *w, const struct inpath_probe *probe, uint8_t ttl, uint8_t left)
{
	uint8_t seen[INPATH_PROBE_BYTES], bytes[WIRE_MAX];
	size_t len;

	memcpy(seen, probe->bytes, probe->len);
	seen[w->v6 ? 7 : 8] = left;
	len = wire_icmp(bytes,
		&(struct wire_icmp){
			.ip = { .src = world_router(w, ttl), .dst = world_client(w), .ttl = 60 },
			.type = w->v6 ? 1 : 3,
			.code = w->v6 ? 1 : 13,
			.body = seen,
			.body_len = probe->len });
	world_later(w, ttl * w->hop_rtt, bytes, len);
}

/* The router at `ttl` answers with what it saw of the probe. */
static inline void world_router_answers(
	struct world *w, const struct inpath_probe *probe, uint8_t ttl, const uint8_t *tcp)
{
	uint8_t seen[INPATH_PROBE_BYTES], bytes[WIRE_MAX];
	bool is_tcp = probe->bytes[w->v6 ? 6 : 9] == INPATH_PROTO_TCP;
	size_t head = (size_t)(tcp - probe->bytes), len;
	bool zero = w->zero_ttl >> (ttl - 1) & 1;

	memcpy(seen, probe->bytes, probe->len);
	/* Router n forwards with TTL 0: the next one answers for its TTL. */
	if (zero)
		ttl++;
	w->dice = w->dice * 1664525 + 1013904223;
	if (w->turns >> (ttl - 1) & 1 || (w->deals >> (ttl - 1) & w->dice >> 31 & 1))
		w->moved ^= 1ULL << (ttl - 1);
	if (!w->v6)
		wire_put16(seen + 4, (uint16_t)((seen[4] << 8 | seen[5]) + w->id_shift));
	if (is_tcp)
		wire_put32(seen + head + 4, wire_get32(seen + head + 4) + w->seq_shift);
	len = wire_time_exceeded_at(bytes, world_router(w, ttl), seen, probe->len, !zero);
	for (int i = 0; i <= w->twice; i++)
		world_later(w, ttl * w->hop_rtt, bytes, len);
}

/* Has a router whose answers are limited given what it gives in a second? */
static inline bool world_used_up(struct world *w, uint8_t ttl)
{
	if (w->limit_second[ttl] != w->now / INPATH_SEC) {
		w->limit_second[ttl] = w->now / INPATH_SEC;
		w->limit_used[ttl] = 0;
	}
	return w->limit_used[ttl]++ >= WORLD_LIMIT;
}

/* A probe leaves the gateway: the router at its TTL answers, or the server. */
static inline void world_carry(struct world *w, const struct inpath_probe *probe)
{
	uint8_t ttl = probe->bytes[w->v6 ? 7 : 8];
	const uint8_t *tcp = probe->bytes + (w->v6 ? 40 : 20);
	bool is_tcp = probe->bytes[w->v6 ? 6 : 9] == INPATH_PROTO_TCP;
	size_t payload = is_tcp ? probe->len - (w->v6 ? 40 : 20) - (size_t)(tcp[12] >> 4) * 4 : 0;

	assert_int_equal(wire_checksums_right(probe->bytes, probe->len), true);
	w->per_ttl[ttl]++;
	if (w->refuser && ttl > w->refuser) {
		world_refuses(w, probe, w->refuser, (uint8_t)(ttl - w->refuser + 1));
		return;
	}
	if (w->proxy && ttl > w->proxy)
		world_dsack(w, (uint8_t)(w->proxy + 1), wire_get32(tcp + 4), payload);
	if (ttl >= w->distance && !is_tcp) {
		w->touched++;
		return;
	}
	if (ttl >= w->distance) {
		world_server_answers(w, wire_get32(tcp + 4), payload);
		return;
	}
	if (w->stingy >> (ttl - 1) & 1 && w->per_ttl[ttl] % 4)
		return;
	if (w->limited >> (ttl - 1) & 1 && world_used_up(w, ttl))
		return;
	if (!(w->silent >> (ttl - 1) & 1))
		world_router_answers(w, probe, ttl, tcp);
}

static inline void world_note(struct world *w, const struct inpath_record *r)
{
	struct world_record *n = &w->record[w->records++];

	assert_true(w->records <= WORLD_RECORDS);
	n->record = *r;
	snprintf(n->host, sizeof(n->host), "%s", r->flow.host);
	snprintf(n->policy, sizeof(n->policy), "%s", r->flow.policy);
	if (r->kind == INPATH_RECORD_PATH)
		memcpy(n->hops, r->path.hops, r->path.nhop * sizeof(n->hops[0]));
	if (r->kind == INPATH_RECORD_EPOCH)
		memcpy(w->epoch_hops, r->epoch.hops, r->epoch.nhop * sizeof(w->epoch_hops[0]));
	if (r->kind == INPATH_RECORD_HOP)
		n->hops[0] = *r->hop;
}

static inline void world_tick(struct world *w)
{
	const struct inpath_outbox *box;
	uint32_t ids[INPATH_OUTBOX_ACTIONS], sends = 0;

	inpath_engine_tick(w->engine, w->now);
	box = inpath_engine_outbox(w->engine);
	for (uint32_t i = 0; i < box->count; i++) {
		const struct inpath_action_item *item = &box->items[i];

		switch (item->kind) {
		case INPATH_ACTION_SEND:
			ids[sends++] = item->probe.id;
			w->last_probe = item->probe;
			if (w->sends + sends <= WORLD_SENT)
				w->sent[w->sends + sends - 1] = item->probe;
			if (!w->refuse)
				world_carry(w, &item->probe);
			break;
		case INPATH_ACTION_RECORD: world_note(w, &item->record); break;
		case INPATH_ACTION_ARM: w->armed++; break;
		case INPATH_ACTION_COUNT: w->counts++; break;
		case INPATH_ACTION_LOOK:
			w->looks++;
			w->last_look = item->look;
			break;
		}
	}
	for (uint32_t i = 0; i < sends; i++)
		inpath_engine_sent(w->engine, ids[i], (int)w->refuse, w->now);
	w->sends += sends;
	if (sends > w->sends_a_tick)
		w->sends_a_tick = sends;
}

/* Delivers the earliest event that is due; false if there is none. */
static inline bool world_deliver(struct world *w)
{
	uint32_t first = 0;
	struct world_event e;

	for (uint32_t i = 1; i < w->event_count; i++)
		if (w->events[i].at < w->events[first].at)
			first = i;
	if (w->event_count == 0 || w->events[first].at > w->now)
		return false;
	e = w->events[first];
	w->events[first] = w->events[--w->event_count];
	world_give(w, false, e.bytes, e.len);
	return true;
}

/* Lets `span` pass: every event and deadline in its time. Fails if the engine never comes to rest. */
static inline void world_run(struct world *w, inpath_time span)
{
	inpath_time end = w->now + span;
	uint32_t rounds = 0;

	while (w->now <= end) {
		inpath_time next = end + 1, at;

		while (world_deliver(w))
			;
		world_tick(w);
		assert_true(++rounds < 100000);
		for (uint32_t i = 0; i < w->event_count; i++)
			next = w->events[i].at < next ? w->events[i].at : next;
		at = inpath_engine_next_deadline(w->engine);
		next = at < next ? at : next;
		w->now = next > w->now ? next : w->now;
	}
	w->now = end;
}

/* The client asks for something every second. */
static inline void world_goes_on(struct world *w, inpath_time span)
{
	for (inpath_time end = w->now + span; w->now < end;) {
		world_request(w, "again and again and again", 25);
		world_run(w, INPATH_SEC);
	}
}

/* One side closes the connection. */
static inline struct inpath_verdict world_fin(struct world *w, bool from_client)
{
	struct wire_tcp t = from_client ? world_client_tcp(w) : world_server_tcp(w);

	t.flags |= TCP_FIN;
	return from_client ? world_client_says(w, t) : world_server_says(w, t);
}

/* The latest path record. */
static inline const struct world_record *world_path(const struct world *w)
{
	for (uint32_t i = w->records; i > 0; i--)
		if (w->record[i - 1].record.kind == INPATH_RECORD_PATH)
			return &w->record[i - 1];
	return NULL;
}

/* How many records of a kind there are. */
static inline uint32_t world_count(const struct world *w, enum inpath_record_kind kind)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < w->records; i++)
		n += w->record[i].record.kind == kind;
	return n;
}

/* The latest path is routers 1.. and at its end the server, but for the silent ones. */
static inline void assert_world_path(const struct world *w)
{
	const struct world_record *r = world_path(w);

	assert_non_null(r);
	assert_int_equal(r->record.path.stop, INPATH_STOP_REACHED);
	assert_int_equal(r->record.path.nhop, w->distance);
	for (uint8_t ttl = 1; ttl <= w->distance; ttl++) {
		const struct inpath_hop *hop = &r->hops[ttl - 1];
		struct inpath_addr want =
			wire_addr(ttl < w->distance ? world_router(w, ttl) : world_server(w));

		assert_int_equal(hop->ttl, ttl);
		if (ttl < w->distance && w->silent >> (ttl - 1) & 1) {
			assert_int_equal(hop->addr_count, 0);
			continue;
		}
		assert_int_equal(hop->addr_count, 1);
		assert_memory_equal(&hop->addrs[0], &want, sizeof(want));
		assert_int_equal(hop->rtt_min_ns, ttl * w->hop_rtt);
		assert_int_equal(hop->server, ttl == w->distance);
	}
}

#endif
