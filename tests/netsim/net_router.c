/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/netsim/net.h"

#include <string.h>

#include "tests/netsim/icmp.h"

enum {
	TTL_MOST = 255,
	TTL_OTHERS = 64, /* every third router's */
};

static uint16_t index_of(const struct datagram *d)
{
	return (uint16_t)(d->place - PLACE_ROUTERS);
}

static uint8_t first_ttl(uint16_t router)
{
	return router % 3 == 2 ? TTL_OTHERS : TTL_MOST;
}

/* May the router send an error at this moment, by its limit? */
static bool may_tell(struct net_router *state, const struct topology_router *r, inpath_time at)
{
	if (r->limit_rate == 0)
		return true;
	if (at > state->filled) {
		state->tokens += (double)(at - state->filled) / 1e9 * r->limit_rate;
		state->filled = at;
	}
	if (state->tokens > r->limit_burst)
		state->tokens = r->limit_burst;
	if (state->tokens < 1)
		return false;
	state->tokens -= 1;
	return true;
}

/* A packet that the router of `cause` makes, on its way to the gateway. */
static struct datagram *homeward(struct net *n, const struct datagram *cause)
{
	struct datagram *d = datagram_new(&n->sched);
	uint16_t back = n->t.back_of[cause->server];
	uint16_t stands = route_stands(&n->t.ways[back], cause->place);

	d->made = true;
	d->homeward = true;
	d->server = cause->server;
	d->place = cause->place;
	d->flow = cause->flow;
	d->probe = cause->probe;
	d->at = d->born = cause->at;
	d->way = stands == WAY_END ? WAY_NONE : back;
	d->step = stands;
	d->trail_len = cause->trail_len;
	memcpy(d->trail, cause->trail, cause->trail_len * sizeof(d->trail[0]));
	return d;
}

/* What the router answers to a packet from a server goes straight back to it. */
static struct datagram *serverward(struct net *n, const struct datagram *cause)
{
	struct datagram *d = datagram_new(&n->sched);

	d->made = true;
	d->homeward = true;
	d->server = cause->server;
	d->born = cause->at;
	d->at = cause->at + (cause->at - cause->born);
	return d;
}

static void send(struct net *n, struct datagram *d, inpath_time late, bool to_server)
{
	ip_read(d->bytes, d->len, &d->ip);
	d->at += late;
	d->next = to_server ? NEXT_SERVER : NEXT_DEPART;
	if (late || to_server)
		sched_push(&n->sched, d);
	else
		net_depart(n, d);
}

/* RFC 1122 3.2.2: never about an error, nor about a fragment that is not the first. */
static void tell(struct net *n, const struct datagram *cause, enum refusal what)
{
	uint16_t router = index_of(cause);
	const struct topology_router *r = &n->t.routers[router];
	inpath_time late;

	if (r->silent || cause->made || cause->ip.tail || ip_is_error(cause->bytes, &cause->ip) ||
		!may_tell(&n->routers[router], r, cause->at))
		return;
	late = r->late_min +
	       chance_below(&n->chance, r->late_max - r->late_min + (r->late_max > r->late_min));
	for (int i = 0; i < 1 + r->twice; i++) {
		struct datagram *d = cause->homeward ? serverward(n, cause) : homeward(n, cause);
		uint16_t id = (uint16_t)chance_below(&n->chance, 0x10000);

		d->len = (uint16_t)icmp_error(
			r, what, cause->bytes, &cause->ip, first_ttl(router), id, d->bytes);
		send(n, d, late, cause->homeward);
	}
}

/* The end of a packet at a router. */
static bool stop(struct net *n, struct datagram *d, enum refusal what, enum truth_end end)
{
	if (!d->homeward)
		truth_end(&n->truth, d->flow, d->probe, end, d->place);
	if (what != REFUSAL_DROP)
		tell(n, d, what);
	datagram_free(&n->sched, d);
	return false;
}

static void proxy(struct net *n, const struct datagram *cause)
{
	const struct truth_flow *f = &n->truth.flows[cause->flow];
	uint8_t bytes[GUARD_ANSWER_MAX];
	size_t len =
		guard_answer(&f->guard, &f->key, cause->bytes, &cause->ip, cause->seq_shift, bytes);
	struct datagram *d;

	if (len == 0)
		return;
	d = homeward(n, cause);
	memcpy(d->bytes, bytes, len);
	d->len = (uint16_t)len;
	d->proxied = true;
	send(n, d, 0, false);
}

static void rewrite(const struct topology_router *r, struct datagram *d)
{
	uint8_t tos = ip_tos(d->bytes);
	uint8_t is = tos;

	if (r->dscp >= 0)
		is = (uint8_t)(r->dscp << 2 | (is & 3));
	if (r->ecn >= 0)
		is = (uint8_t)((is & 0xfc) | r->ecn);
	if (is != tos)
		ip_set_tos(d->bytes, is);
}

/* Way there: what stands between this router and the next, and what it makes of the packet. */
static void change(struct net *n, struct datagram *d, uint16_t router)
{
	const struct topology_router *r = &n->t.routers[router];

	if (r->dscp >= 0 || r->ecn >= 0)
		rewrite(r, d);
	if (r->nat)
		d->seq_shift += nat_out(&n->nat, &n->t, router, d->bytes, &d->ip);
}

bool net_router(struct net *n, struct datagram *d)
{
	uint16_t router = index_of(d);
	const struct topology_router *r = &n->t.routers[router];
	uint8_t ttl = ip_ttl(d->bytes);
	bool old;

	if (!r->invisible && (ttl == 0 || (ttl == 1 && !r->zero_ttl)))
		return stop(n, d, r->expire, END_EXPIRED);
	if (d->nowhere)
		return stop(n, d, REFUSAL_NET, END_UNKNOWN);
	old = (r->firewall != REFUSAL_NONE || r->proxy) && !d->homeward && d->flow != NOBODY &&
	      guard_is_old(&n->truth.flows[d->flow].guard, d->bytes, &d->ip, d->seq_shift);
	if (old && r->firewall != REFUSAL_NONE)
		return stop(
			n, d, r->firewall, r->firewall == REFUSAL_DROP ? END_DROPPED : END_REFUSED);
	if (old && r->proxy)
		proxy(n, d);
	if (d->own && d->epoch == n->epoch)
		truth_cross(&n->truth, d->flow, d->crossings++, router,
			r->invisible ? 0 : (uint8_t)(d->decrements + 1), d->at);
	if (!r->invisible) {
		ip_set_ttl(d->bytes, (uint8_t)(ttl - 1));
		d->decrements++;
	}
	if (!d->homeward)
		change(n, d, router);
	return true;
}
