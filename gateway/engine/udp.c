/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/engine/udp.h"

#include "gateway/engine/rtt.h"
#include "gateway/engine/tcp.h"

/* After so long a silence conntrack may have forgotten the flow: 30 s are usual, and can be set. */
#define SILENCE (2 * INPATH_SEC)

uint8_t udp_distance(const struct udp_flow *u)
{
	return ttl_distance(u->server_ttl);
}

void udp_timing_reset(struct udp_flow *u)
{
	u->e2e_ns = 0;
	u->lan_ns = 0;
}

void udp_was_unseen(struct udp_flow *u)
{
	u->up_edge = 0;
	u->down_edge = 0;
	u->client_spin.known = false;
	u->server_spin.known = false;
}

/* Did the bit flip with this packet? The first one seen is no flip. */
static bool flips(struct udp_spin *s, bool value)
{
	bool flip = s->known && s->value != value;

	s->known = true;
	s->value = value;
	return flip;
}

/*
 * The server repeats the client's bit, the client inverts the server's: so one edge goes round and
 * round (RFC 9000 17.4). Who does not take part sends any bits: then edges come sooner than the
 * handshake's round trip allows.
 */
static void spin(struct udp_flow *u, bool value, bool from_client, inpath_time now)
{
	if (!flips(from_client ? &u->client_spin : &u->server_spin, value) || u->spin_false)
		return;
	if (from_client) {
		if (u->down_edge)
			rtt_least(&u->lan_ns, u->down_edge, now);
		u->down_edge = 0;
		u->up_edge = now;
		return;
	}
	if (u->up_edge == 0)
		return;
	if (now - u->up_edge < u->handshake_ns / 2) {
		u->spin_false = true;
		u->lan_ns = 0;
		return;
	}
	if (u->handshake_ns)
		rtt_least(&u->e2e_ns, u->up_edge, now);
	u->up_edge = 0;
	u->down_edge = now;
}

static void short_header(
	struct udp_flow *u, const struct quic_packet *q, bool from_client, inpath_time now)
{
	struct quic_cid dcid;

	if (from_client) {
		if (!u->ids.server_known || !quic_short_dcid(q, u->ids.server_len, &dcid))
			return;
		u->dcid = dcid;
		u->first = q->first;
		u->client_short = true;
	} else {
		u->server_short = true;
	}
	spin(u, quic_spin(q), from_client, now);
}

static void long_header(
	struct udp_flow *u, const struct quic_packet *q, bool from_client, inpath_time now)
{
	quic_learn(&u->ids, q, from_client);
	if (from_client) {
		/* Two Initials may carry one hello; once answered, or a while later, it begins again. */
		if (u->first_at == 0)
			u->first_at = now;
		else if (!u->server_seen && now - u->first_at > 100 * INPATH_MSEC)
			u->first_repeated = true;
		return;
	}
	if (u->first_at && !u->first_repeated && u->handshake_ns == 0) {
		rtt_least(&u->handshake_ns, u->first_at, now);
		rtt_least(&u->e2e_ns, u->first_at, now);
	}
}

static void quic_track(
	struct udp_flow *u, const struct packet *p, bool from_client, inpath_time now)
{
	struct quic_walk walk = quic_walk_over(p->payload, p->payload_caplen);
	struct quic_packet q;

	while (quic_next(&walk, &q) == QUIC_PACKET) {
		if (q.kind == QUIC_SHORT)
			short_header(u, &q, from_client, now);
		else
			long_header(u, &q, from_client, now);
	}
}

void udp_track(struct udp_flow *u, const struct packet *p, bool from_client, inpath_time now)
{
	if (now > u->newest + SILENCE)
		u->heard = false;
	u->newest = now;
	if (u->quic)
		quic_track(u, p, from_client, now);
	if (from_client) {
		u->tos = p->tos;
		u->dont_fragment = p->dont_fragment;
		u->flow_label = p->flow_label;
	} else {
		u->server_ttl = p->ttl;
		u->server_seen = true;
		u->heard = true;
	}
}
