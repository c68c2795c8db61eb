/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/engine/naming.h"

#include "gateway/engine/policy.h"
#include "gateway/engine/quic_frames.h"
#include "gateway/engine/tls.h"

#include <string.h>

enum {
	NAMING_PACKETS = 8, /* client packets after which a flow is decided without a name */
	NAMING_OPENS = 8,   /* Initials of one flow that work is spent on */
	NAMING_OPENS_A_SECOND = 400, /* ... and of all flows, a second */
	NAMING_DATAGRAM = 1500,      /* the longest Initial that is opened */
};

void naming_forget(struct inpath_engine *e, struct flow *f)
{
	if (f->hello)
		hello_drop(&e->hellos, f->hello - 1);
	f->hello = 0;
}

static void name_from_dns(struct inpath_engine *e, struct flow *f, inpath_time now)
{
	struct name_device device = client_device(&e->clients, &f->tuple.client);

	f->host = name_find(&e->names, &device, &f->tuple.server, now);
	f->by = f->host ? INPATH_BY_DNS : INPATH_BY_ADDR;
}

/* What a policy's `protocols` calls it. */
static uint32_t protocol_of(const struct flow *f)
{
	switch ((enum inpath_app)f->app) {
	case INPATH_APP_TCP: return INPATH_PROTOCOL_TCP;
	case INPATH_APP_QUIC: return INPATH_PROTOCOL_QUIC;
	case INPATH_APP_UDP: return INPATH_PROTOCOL_UDP;
	}
	return 0;
}

void naming_decide(struct inpath_engine *e, struct flow *f)
{
	const struct client *c = client_find(&e->clients, &f->tuple.client);
	struct policy_facts facts = {
		.client = &f->tuple.client,
		.mac = c && c->has_mac ? &c->mac : NULL,
		.device = c && c->name[0] ? c->name : NULL,
		.server = &f->tuple.server,
		.server_port = f->tuple.server_port,
		.protocol = protocol_of(f),
		.host = name_text(&e->names, f->host),
	};
	struct policy_choice choice = policy_decide(e->set, &facts);

	f->decided = e->set_number;
	f->policy = choice.policy;
	f->service = choice.service;
	if (carrier_untouchable(f) || f->routed_by_in) {
		f->state = FLOW_UNTRACEABLE;
		e->stats.flows_untraceable++;
	} else if (choice.policy && choice.policy->action == INPATH_TRACE) {
		f->state = FLOW_TRACED;
		e->stats.flows_traced++;
	} else {
		f->state = FLOW_IGNORED;
		e->stats.flows_ignored++;
	}
}

static void decide_first(struct inpath_engine *e, struct flow *f, inpath_time now)
{
	naming_forget(e, f);
	if (f->host == 0)
		name_from_dns(e, f, now);
	naming_decide(e, f);
}

/*
 * A hello with ECH may show the name of whoever serves many (the outer one), or be greased, its
 * name the true one: only those that speak it can tell (draft-ietf-tls-esni 6.2). A name that
 * nobody here ever asked DNS for is taken for an outer one: then DNS goes first.
 */
static void name_from_hello(
	struct inpath_engine *e, struct flow *f, const struct tls_hello *tls, inpath_time now)
{
	e->stats.hellos_sni++;
	if (tls->ech && !name_was_heard(&e->names, tls->name)) {
		f->ech = true;
		name_from_dns(e, f, now);
		if (f->host)
			return;
	}
	f->host = name_hold(&e->names, tls->name);
	if (f->host)
		f->by = INPATH_BY_SNI;
}

/* Adds client data to the flow's hello; true once nothing more can be learnt from it. */
static bool read_hello(
	struct inpath_engine *e, struct flow *f, const struct packet *p, inpath_time now)
{
	/* Data on a SYN begins behind it (RFC 9293 3.4, RFC 7413). */
	uint32_t seq = p->tcp.seq + ((p->tcp.flags & TCP_SYN) ? 1 : 0);
	uint32_t offset = seq - (f->tcp.iss + 1);
	struct hello *h = &e->hellos.entries[f->hello - 1];
	struct tls_hello tls;

	hello_add(h, offset, p->payload, p->payload_caplen);
	switch (tls_client_hello(h->bytes, hello_prefix(h), &tls)) {
	case TLS_SNI: name_from_hello(e, f, &tls, now); return true;
	case TLS_NO_SNI:
	case TLS_NOT_TLS: return true;
	case TLS_MORE: break;
	}
	return offset + p->payload_len >= HELLO_BYTES;
}

/* Law 6: full means that the flow whose greeting stands still the longest is decided without it. */
static void take_hello(struct inpath_engine *e, uint32_t slot, inpath_time now)
{
	uint32_t place = hello_take(&e->hellos, slot);

	if (place == TABLE_NONE) {
		uint32_t idlest = table_oldest(&e->hellos.table);

		e->stats.hellos_full++;
		decide_first(e, &e->flows.entries[e->hellos.entries[idlest].flow], now);
		place = hello_take(&e->hellos, slot);
	}
	e->flows.entries[slot].hello = place + 1;
}

/* True once nothing more can be learnt of the server's name from what the client sends. */
static bool follow_tcp(struct inpath_engine *e, uint32_t slot, const struct packet *p,
	bool from_client, inpath_time now)
{
	struct flow *f = &e->flows.entries[slot];

	if (!f->tcp.syn_seen || f->tcp.untouchable || f->tcp.from_wan)
		return true;
	if (!from_client || !p->payload_len)
		return f->tcp.closed;
	if (f->hello == 0)
		take_hello(e, slot, now);
	table_touch(&e->hellos.table, f->hello - 1);
	return read_hello(e, f, p, now) || f->tcp.closed;
}

/* One Initial costs microseconds, and strangers can send any number: each flow, and each second, has
 * its share. */
static bool may_open(struct inpath_engine *e, struct udp_flow *u, inpath_time now)
{
	if (u->opened >= NAMING_OPENS || !window_take(&e->opens, NAMING_OPENS_A_SECOND, now)) {
		e->stats.initials_capped++;
		return false;
	}
	u->opened++;
	return true;
}

/*
 * Opens an Initial by the flow's keys. Where they do not fit, the client may have begun anew unseen,
 * behind a Retry or with another id: then the packet's own make new ones, and what was read of the
 * hello before is void.
 */
static bool open_by_keys(struct inpath_engine *e, struct flow *f, const struct quic_packet *q,
	uint8_t frames[NAMING_DATAGRAM], size_t *len, inpath_time now)
{
	struct udp_flow *u = &f->udp;
	struct quic_keys own;

	if (u->has_keys && may_open(e, u, now) &&
		quic_open(&u->keys, q, frames, NAMING_DATAGRAM, len) == QUIC_OPENED)
		return true;
	if (!quic_client_keys(q->version, &q->dcid, &own) ||
		(u->has_keys && memcmp(&own, &u->keys, sizeof(own)) == 0) || !may_open(e, u, now) ||
		quic_open(&own, q, frames, NAMING_DATAGRAM, len) != QUIC_OPENED)
		return false;
	u->keys = own;
	u->has_keys = true;
	naming_forget(e, f);
	return true;
}

/* Opens an Initial and adds its pieces to the hello. */
static void open_initial(
	struct inpath_engine *e, uint32_t slot, const struct quic_packet *q, inpath_time now)
{
	struct flow *f = &e->flows.entries[slot];
	uint8_t bytes[NAMING_DATAGRAM];
	struct quic_frames frames;
	struct quic_crypto piece;
	uint8_t before = f->udp.opened;
	size_t len;

	if (!open_by_keys(e, f, q, bytes, &len, now)) {
		e->stats.initials_sealed += f->udp.opened != before;
		return;
	}
	e->stats.initials_opened++;
	/* Only now: what does not open takes no room. */
	if (f->hello == 0)
		take_hello(e, slot, now);
	table_touch(&e->hellos.table, f->hello - 1);
	frames = quic_frames_over(bytes, len);
	while (quic_frames_next(&frames, &piece) == QUIC_CRYPTO)
		hello_add(&e->hellos.entries[f->hello - 1], piece.offset, piece.bytes, piece.len);
}

/* Adds a client's datagram to the flow's hello; true once nothing more can be learnt from it. */
static bool read_initials(
	struct inpath_engine *e, uint32_t slot, const struct packet *p, inpath_time now)
{
	struct flow *f = &e->flows.entries[slot];
	struct quic_walk walk = quic_walk_over(p->payload, p->payload_caplen);
	const struct hello *h;
	struct quic_packet q;
	struct tls_hello tls;

	while (quic_next(&walk, &q) == QUIC_PACKET) {
		if (q.kind == QUIC_OTHER_VERSION || q.kind == QUIC_SHORT)
			return true;
		if (q.kind == QUIC_INITIAL)
			open_initial(e, slot, &q, now);
	}
	if (f->hello == 0)
		return false;
	h = &e->hellos.entries[f->hello - 1];
	switch (tls_client_hello_message(h->bytes, hello_prefix(h), &tls)) {
	case TLS_SNI: name_from_hello(e, f, &tls, now); return true;
	case TLS_NO_SNI:
	case TLS_NOT_TLS: return true;
	case TLS_MORE: break;
	}
	return hello_prefix(h) >= HELLO_BYTES;
}

/* Likewise. */
static bool follow_udp(struct inpath_engine *e, uint32_t slot, const struct packet *p,
	bool from_client, inpath_time now)
{
	return !e->flows.entries[slot].udp.quic || (from_client && read_initials(e, slot, p, now));
}

/* As DESIGN section 9 says when. */
void naming_follow(struct inpath_engine *e, uint32_t slot, const struct packet *p, bool from_client,
	inpath_time now)
{
	struct flow *f = &e->flows.entries[slot];
	bool done = f->tuple.proto == INPATH_PROTO_TCP ? follow_tcp(e, slot, p, from_client, now)
						       : follow_udp(e, slot, p, from_client, now);

	if (from_client && f->client_packets < UINT8_MAX)
		f->client_packets++;
	if (done || f->client_packets >= NAMING_PACKETS)
		decide_first(e, f, now);
}
