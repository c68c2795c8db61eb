/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A packet's life: parsed, found or made a flow, named, decided, followed, answered. */
#include "gateway/engine/dns.h"
#include "gateway/engine/naming.h"

#include <string.h>

enum {
	LIMIT_MAX = 1 << 24,
};

static const struct inpath_verdict PASS = { 0 };
static const struct inpath_verdict DROP = { .drop = true };

/* --- set-up ------------------------------------------------------------------------------------- */

static bool limits_valid(const struct inpath_limits *l)
{
	const uint32_t all[] = { l->flows, l->names, l->hellos, l->traces, l->histories };

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (all[i] == 0 || all[i] > LIMIT_MAX)
			return false;
	return l->traces <= LIMIT_MAX / INPATH_MAX_HOPS;
}

static void carve(struct inpath_engine *e, struct arena *arena, const struct inpath_limits *l)
{
	flows_init(&e->flows, arena, l->flows, &e->key);
	clients_init(&e->clients, arena, client_capacity(l->flows), &e->key);
	names_init(&e->names, arena, l->names, &e->key, &e->stats);
	asked_init(&e->asked, arena, l->names, &e->key);
	hellos_init(&e->hellos, arena, l->hellos);
	trace_init(e, arena, l);
}

size_t inpath_engine_size(const struct inpath_limits *limits)
{
	struct inpath_engine scratch;
	struct arena arena = { 0 };

	if (!limits_valid(limits))
		return 0;
	(void)arena_take(&arena, 1, sizeof(scratch));
	carve(&scratch, &arena, limits);
	return arena.used;
}

struct inpath_engine *inpath_engine_init(
	void *memory, const struct inpath_limits *limits, const uint64_t seed[2])
{
	struct arena arena = { .base = memory };
	struct inpath_engine *e = arena_take(&arena, 1, sizeof(*e));

	e->key = (struct hash_key){ seed[0], seed[1] };
	carve(e, &arena, limits);
	e->rearm = UINT32_MAX;
	return e;
}

void *inpath_engine_flows(const struct inpath_engine *e, size_t *bytes)
{
	*bytes = e->flows.table.capacity * sizeof(*e->flows.entries);
	return e->flows.entries;
}

void inpath_engine_set_policy(
	struct inpath_engine *e, const struct inpath_policy_set *set, inpath_time now)
{
	e->now = now > e->now ? now : e->now;
	if (e->set)
		trace_unpay_all(e);
	e->set = set;
	e->wants_udp = false;
	for (uint32_t i = 0; i < set->policies_count; i++)
		e->wants_udp |= set->policies[i].action == INPATH_TRACE &&
				(set->policies[i].protocols & INPATH_PROTOCOL_UDP);
	e->set_number++;
	e->rearm = 0;
	e->outbox.count = 0;
	memset(e->rewriters, 0, sizeof(e->rewriters));
}

void inpath_engine_stop(struct inpath_engine *e, inpath_time now)
{
	e->now = now > e->now ? now : e->now;
	e->outbox.count = 0;
	e->stopping = true;
	for (uint32_t i = 0; i < e->trace_table.fresh; i++)
		if (e->traces[i].run && e->traces[i].phase == TRACE_WALKING &&
			e->traces[i].flow != TABLE_NONE)
			deadline_set(&e->deadlines, i, e->now);
}

const struct inpath_outbox *inpath_engine_outbox(const struct inpath_engine *e)
{
	return &e->outbox;
}

const struct inpath_stats *inpath_engine_stats(const struct inpath_engine *e)
{
	return &e->stats;
}

void inpath_engine_client_name(struct inpath_engine *e, const struct inpath_addr *addr,
	const struct inpath_mac *mac, const char *name, inpath_time now)
{
	client_learn(&e->clients, addr, mac, name, now);
}

/* --- flows -------------------------------------------------------------------------------------- */

/* All that the rest of the engine keeps of a flow is let go; the entry itself stays. */
static void forget(struct inpath_engine *e, uint32_t slot)
{
	struct flow *f = &e->flows.entries[slot];

	trace_forget_flow(e, slot);
	f->expected = false;
	naming_forget(e, f);
	name_release(&e->names, f->host);
	f->host = 0;
}

/* In a flood of new connections one goes for each that comes: what is kept of the next one is fetched meanwhile. */
FETCH_INLINE void fetch_next_idlest(const struct inpath_engine *e)
{
	uint32_t next = table_oldest(&e->flows.table);

	if (next == TABLE_NONE)
		return;
	flow_fetch_oldest(&e->flows);
	fetch(&e->wakings.places[next], sizeof(*e->wakings.places));
	fetch(&e->line.places[next], sizeof(*e->line.places));
	fetch(&e->slow.flows[next], sizeof(*e->slow.flows));
}

static uint32_t add_flow(struct inpath_engine *e, const struct inpath_tuple *tuple)
{
	uint32_t slot = flow_add(&e->flows, tuple);

	if (slot == TABLE_NONE) {
		uint32_t oldest = flow_idlest(&e->flows);

		forget(e, oldest);
		table_remove(&e->flows.table, oldest);
		e->stats.flows_evicted++;
		slot = flow_add(&e->flows, tuple);
		fetch_next_idlest(e);
	}
	e->stats.flows_new++;
	return slot;
}

/* A new connection between the same ports: the same place in the table, nothing else. */
static void renew_flow(struct inpath_engine *e, uint32_t slot)
{
	struct flow *f = &e->flows.entries[slot];
	struct inpath_tuple tuple = f->tuple;

	forget(e, slot);
	*f = (struct flow){ 0 };
	f->tuple = tuple;
	e->stats.flows_new++;
}

/* --- packets ------------------------------------------------------------------------------------ */

static void count_refused(struct inpath_stats *s, enum parse_result result)
{
	switch (result) {
	case PARSE_OK: break;
	case PARSE_SHORT: s->short_packets++; break;
	case PARSE_MALFORMED: s->malformed++; break;
	case PARSE_FRAGMENT: s->fragments++; break;
	case PARSE_UNSUPPORTED: s->other_proto++; break;
	}
}

/* Rest: the kernel forwards the flow's further packets alone (DESIGN section 8). */
static struct inpath_verdict rest(struct inpath_engine *e, bool last)
{
	struct inpath_verdict v = { .mark = e->set->mark_rest, .mask = e->set->mark_rest };

	if (!last)
		return PASS;
	e->stats.rested++;
	return v;
}

/* May the kernel forward this flow alone for a while? */
static bool may_rest(const struct inpath_engine *e, const struct flow *f, inpath_time now)
{
	if (carrier_closed(f) || trace_touch_outstanding(e, f, now))
		return false;
	switch ((enum flow_state)f->state) {
	case FLOW_NAMING: return false;
	case FLOW_TRACED: return trace_may_rest(e, f, now);
	case FLOW_IGNORED:
	case FLOW_UNTRACEABLE: return true;
	}
	return false;
}

static struct inpath_verdict flow_verdict(
	struct inpath_engine *e, struct flow *f, bool last, inpath_time now)
{
	struct inpath_verdict v = PASS;

	if (!may_rest(e, f, now))
		return v;
	v = rest(e, last);
	if (v.mask == 0)
		return v;
	if (!f->rested)
		f->rested_at = now;
	if (f->rested && now > f->rested_at + INPATH_SEC) {
		f->restless = true;
		e->restless_at = now;
	}
	f->rested = true;
	if (f->state == FLOW_TRACED)
		trace_rested(e, f);
	return v;
}

/* Is this packet of the server only the answer to a probe, which the client need not see? */
static bool only_an_answer(
	struct inpath_engine *e, uint32_t slot, const struct packet *p, inpath_time now)
{
	struct flow *f = &e->flows.entries[slot];
	uint32_t probe;

	probes_expire(&e->probes, e->now);
	probe = reply_match_dsack(&e->probes, &f->tuple, p, 0);
	if (probe == TABLE_NONE && f->shift_kind == REPLY_SEQ)
		probe = reply_match_dsack(&e->probes, &f->tuple, p, f->shift);

	if (probe == TABLE_NONE)
		return reply_is_bare(&f->tcp, p, e->epoch) && trace_bare_ack(e, slot, now);
	f->names_bytes = true;
	trace_reached(e, probe, p, now);
	if (reply_is_pure(&f->tcp, p, 1, e->epoch))
		return true;
	e->stats.with_news++;
	return false;
}

static struct inpath_tuple tuple_of(const struct packet *p, bool from_client)
{
	return (struct inpath_tuple){
		.client = from_client ? p->src : p->dst,
		.server = from_client ? p->dst : p->src,
		.client_port = from_client ? p->src_port : p->dst_port,
		.server_port = from_client ? p->dst_port : p->src_port,
		.proto = p->proto,
	};
}

/* How the client's packets leave: a probe takes the same way, under the same mark. */
static void note_way(const struct inpath_engine *e, struct flow *f, const struct inpath_meta *meta)
{
	f->out_ifindex = meta->out_ifindex;
	f->routed_by_in = meta->routed_by_in;
	f->mark = meta->mark & ~(e->set->mark_rest | e->set->mark_probe);
}

/* The packet is entered in its flow: what follows from it. */
static struct inpath_verdict take_tracked(struct inpath_engine *e, uint32_t slot,
	const struct inpath_meta *meta, const struct packet *p, inpath_time now)
{
	struct flow *f = &e->flows.entries[slot];
	bool last = meta->last, undecided = f->decided == 0;

	if (undecided)
		naming_follow(e, slot, p, meta->in_side == INPATH_SIDE_LAN, now);
	else if (f->decided != e->set_number)
		naming_decide(e, f);
	trace_consider(e, slot, now);
	/* A connection that nobody has answered is not offloaded yet. */
	look_expect(&e->look, f,
		(f->state == FLOW_NAMING || f->state == FLOW_TRACED) && carrier_answered(f) &&
			!carrier_closed(f),
		now);
	/*
	 * Behind a TLS greeting the client waits for an answer, which cannot come before this packet has left: nothing of
	 * the flow waits behind it, though others' packets may. Where many flows begin at once, the queue is never empty.
	 */
	last |= undecided && f->state == FLOW_IGNORED && f->tuple.proto == INPATH_PROTO_TCP &&
		(f->by == INPATH_BY_SNI || f->ech);
	return flow_verdict(e, f, last, now);
}

static struct inpath_verdict take_tcp(struct inpath_engine *e, const struct inpath_meta *meta,
	const struct packet *p, inpath_time now)
{
	bool from_client = meta->in_side == INPATH_SIDE_LAN;
	struct inpath_tuple tuple = tuple_of(p, from_client);
	uint32_t slot = ahead_find(&e->ahead, &e->flows, &tuple);
	struct flow *f;

	if (slot == TABLE_NONE) {
		slot = add_flow(e, &tuple);
		if (from_client)
			client_learn(&e->clients, &tuple.client, meta->has_mac ? &meta->mac : NULL,
				NULL, now);
	} else if (tcp_opens_anew(&e->flows.entries[slot].tcp, p, from_client)) {
		renew_flow(e, slot);
	}
	f = &e->flows.entries[slot];
	flow_touch(&e->flows, slot, now);
	if (from_client) {
		note_way(e, f, meta);
	} else if (only_an_answer(e, slot, p, now)) {
		e->stats.swallowed_ack++;
		return DROP;
	}
	if (tcp_track(&f->tcp, p, from_client, e->epoch, now) & TCP_SAW_REPEATED)
		trace_slow_repeat(e, slot, p->tcp.seq, now);
	return take_tracked(e, slot, meta, p, now);
}

/* Does a client's datagram begin a QUIC connection? */
static bool begins_quic(const struct packet *p, struct quic_packet *first)
{
	struct quic_walk walk = quic_walk_over(p->payload, p->payload_caplen);

	return quic_next(&walk, first) == QUIC_PACKET && quic_begins(first, p->payload_len);
}

/* Behind short headers, to another id than the server's: the port is used again. */
static bool is_another(const struct udp_flow *u, const struct quic_packet *first)
{
	return !u->quic ||
	       (u->client_short && memcmp(&first->dcid, &u->dcid, sizeof(first->dcid)) != 0);
}

/* The place of a datagram's flow, made if there is none; TABLE_NONE if it is nobody's business. */
static uint32_t udp_flow_of(struct inpath_engine *e, const struct inpath_meta *meta,
	const struct packet *p, const struct inpath_tuple *tuple, bool from_client, inpath_time now)
{
	uint32_t slot = ahead_find(&e->ahead, &e->flows, tuple);
	struct quic_packet first;
	bool begins = from_client && begins_quic(p, &first);
	struct flow *f;

	if (slot != TABLE_NONE && !(begins && is_another(&e->flows.entries[slot].udp, &first)))
		return slot;
	if (slot == TABLE_NONE && !begins && !e->wants_udp)
		return TABLE_NONE;
	if (slot == TABLE_NONE)
		slot = add_flow(e, tuple);
	else
		renew_flow(e, slot);
	f = &e->flows.entries[slot];
	f->udp.quic = begins;
	f->app = begins ? INPATH_APP_QUIC : INPATH_APP_UDP;
	if (from_client)
		client_learn(
			&e->clients, &tuple->client, meta->has_mac ? &meta->mac : NULL, NULL, now);
	return slot;
}

/* UDP that nobody asks for costs the queue one packet of a flow: its first. */
static struct inpath_verdict take_udp(struct inpath_engine *e, const struct inpath_meta *meta,
	const struct packet *p, inpath_time now)
{
	bool from_client = meta->in_side == INPATH_SIDE_LAN;
	struct inpath_tuple tuple = tuple_of(p, from_client);
	uint32_t slot = udp_flow_of(e, meta, p, &tuple, from_client, now);
	struct flow *f;

	if (slot == TABLE_NONE) {
		e->stats.other_proto++;
		return rest(e, meta->last);
	}
	f = &e->flows.entries[slot];
	flow_touch(&e->flows, slot, now);
	if (from_client)
		note_way(e, f, meta);
	udp_track(&f->udp, p, from_client, now);
	return take_tracked(e, slot, meta, p, now);
}

/*
 * May what shows no whole token be an answer? No more answers come than probes are sent: who sends more is
 * guessing, and gets as few tries a second as there are probes.
 */
static bool may_suspect(struct inpath_engine *e)
{
	return window_take(&e->suspicions, e->set->budget.gateway, e->now);
}

/* TCP that is addressed to the gateway itself, and that conntrack could not place. */
static struct inpath_verdict take_stray(
	struct inpath_engine *e, const struct packet *p, inpath_time now)
{
	probes_expire(&e->probes, e->now);
	if (!may_suspect(e) || !trace_stray(e, p, now)) {
		e->stats.other_proto++;
		return PASS;
	}
	e->stats.swallowed_ack++;
	return DROP;
}

static struct inpath_verdict take_icmp(struct inpath_engine *e, const struct inpath_meta *meta,
	const struct packet *p, inpath_time now)
{
	struct reply_match m = { .kind = REPLY_NONE };
	bool from_wan = meta->in_side == INPATH_SIDE_WAN;

	probes_expire(&e->probes, e->now);
	/* Answers come from the WAN. What a LAN client says of our probes is a forgery. */
	if (from_wan)
		m = reply_match_icmp(&e->probes, p);
	if (from_wan && m.kind == REPLY_NONE && may_suspect(e))
		m = reply_suspect_icmp(&e->probes, p);
	if (m.kind == REPLY_NONE || !trace_reply(e, &m, p, now)) {
		e->stats.icmp_foreign++;
		return PASS;
	}
	e->stats.swallowed_icmp++;
	return DROP;
}

void inpath_engine_foresee(struct inpath_engine *e, const struct inpath_meta *meta,
	const uint8_t *bytes, size_t caplen)
{
	struct inpath_tuple tuple;
	struct packet p;
	bool any = parse_ends(bytes, caplen, &p);

	if (any)
		tuple = tuple_of(&p, meta->in_side == INPATH_SIDE_LAN);
	ahead_foresee(&e->ahead, &e->flows, any ? &tuple : NULL);
}

void inpath_engine_connection(struct inpath_engine *e, const struct inpath_tuple *tuple,
	const struct inpath_connection *what, inpath_time now)
{
	uint32_t slot = flow_find(&e->flows, tuple);
	struct flow *f;

	e->now = now > e->now ? now : e->now;
	if (slot == TABLE_NONE || !what->offloaded)
		return;
	f = &e->flows.entries[slot];
	e->stats.offloaded += !f->offloaded;
	f->offloaded = true;
}

struct inpath_verdict inpath_engine_packet(struct inpath_engine *e, const struct inpath_meta *meta,
	const uint8_t *bytes, size_t caplen, size_t len, inpath_time now)
{
	struct packet p;
	enum parse_result result;
	bool crosses = (meta->in_side == INPATH_SIDE_LAN && meta->out_side == INPATH_SIDE_WAN) ||
		       (meta->in_side == INPATH_SIDE_WAN && meta->out_side == INPATH_SIDE_LAN);

	e->now = now > e->now ? now : e->now;
	e->outbox.count = 0;
	e->stats.packets++;
	ahead_judge(&e->ahead, &e->flows);
	if (meta->missed) {
		e->stats.missed += meta->missed;
		e->epoch++;
	}
	if (!e->set)
		return PASS;
	result = parse_packet(bytes, caplen, len, &p);
	if (result != PARSE_OK) {
		count_refused(&e->stats, result);
		return PASS;
	}
	if (p.icmp_error)
		return take_icmp(e, meta, &p, now);
	if (p.proto == INPATH_PROTO_TCP && crosses)
		return take_tcp(e, meta, &p, now);
	if (p.proto == INPATH_PROTO_TCP && meta->source == INPATH_SOURCE_INPUT &&
		meta->in_side == INPATH_SIDE_WAN)
		return take_stray(e, &p, now);
	if (p.proto == INPATH_PROTO_UDP && crosses)
		return take_udp(e, meta, &p, now);
	e->stats.other_proto++;
	return PASS;
}

void inpath_engine_dns(struct inpath_engine *e, const struct inpath_meta *meta,
	const uint8_t *bytes, size_t caplen, size_t len, inpath_time now)
{
	struct packet p;
	struct dns_message m;
	struct name_device device;

	e->now = now > e->now ? now : e->now;
	e->outbox.count = 0;
	if (parse_packet(bytes, caplen, len, &p) != PARSE_OK || p.proto != INPATH_PROTO_UDP)
		return;
	/* What is asked shows whose hardware address asks from here. */
	if (p.dst_port == 53 && meta->has_mac)
		client_learn(&e->clients, &p.src, &meta->mac, NULL, now);
	switch (dns_parse(p.payload, p.payload_caplen, &m)) {
	case DNS_OK: break;
	case DNS_SHORT:
	case DNS_MALFORMED: e->stats.dns_malformed++; return;
	case DNS_UNSUPPORTED: return;
	}
	/* By what it says it is: where look-ups are redirected, neither end need have port 53. */
	if (!m.answer) {
		asked_note(&e->asked, &p.src, p.src_port, &p.dst, &m, now);
		return;
	}
	/* A copy of what crosses says where it came in; what the gateway itself sends came in nowhere. */
	if (!asked_was(&e->asked, &p.dst, p.dst_port, &p.src, &m, meta->in_side == INPATH_SIDE_NONE,
		    now)) {
		e->stats.dns_unasked++;
		return;
	}
	e->stats.dns_answers++;
	device = client_device(&e->clients, &p.dst);
	for (uint8_t i = 0; i < m.addr_count; i++)
		name_learn(&e->names, &device, &m.addrs[i], m.name, m.ttl, now);
}
