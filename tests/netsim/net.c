/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/netsim/net.h"

#include <string.h>
#include <time.h>

void net_init(struct net *n, const struct topology *t)
{
	n->t = *t;
	chance_init(&n->chance, t->seed);
	links_init(&n->links, t);
	n->sched = (struct sched){ 0 };
	nat_init(&n->nat, t->seed);
	truth_init(&n->truth, &n->t, &n->nat);
	n->events_done = 0;
	n->epoch = 0;
	n->now = 0;
	for (uint16_t i = 0; i < t->router_count; i++)
		n->routers[i] = (struct net_router){ .tokens = t->routers[i].limit_burst };
}

void net_free(struct net *n)
{
	sched_free(&n->sched);
	truth_free(&n->truth);
	nat_free(&n->nat);
	links_free(&n->links);
}

struct datagram *net_datagram(struct net *n)
{
	return datagram_new(&n->sched);
}

/* --- its ends -------------------------------------------------------------------------------------- */

static void hand_to_server(struct net *n, struct datagram *d)
{
	if (d->flow != NOBODY && !d->homeward)
		truth_reach(&n->truth, d->flow, d->probe, d->bytes, &d->ip);
	n->out(n->arg, d->server, d->bytes, d->len);
	datagram_free(&n->sched, d);
}

static void hand_to_gateway(struct net *n, struct datagram *d)
{
	nat_back(&n->nat, &n->t, d->bytes, &d->ip);
	if (d->flow != NOBODY && !d->made) {
		guard_learn(&n->truth.flows[d->flow].guard, d->bytes, &d->ip);
		truth_heard(&n->truth, d->flow, d->bytes, &d->ip);
	}
	truth_answered(&n->truth, d->flow, d->probe, d->proxied, n->now);
	n->out(n->arg, TO_GATEWAY, d->bytes, d->len);
	datagram_free(&n->sched, d);
}

/* --- from place to place ---------------------------------------------------------------------------- */

/* Back by where its cause came from, until a place stands on the way back. */
static void step_back(struct net *n, struct datagram *d)
{
	uint16_t back = n->t.back_of[d->server];

	d->place = d->trail_len ? d->trail[--d->trail_len] : PLACE_GATEWAY;
	if (d->place == PLACE_GATEWAY)
		return;
	d->step = route_stands(&n->t.ways[back], d->place);
	if (d->step != WAY_END)
		d->way = back;
}

/* On along its way. */
static void step_on(struct net *n, struct datagram *d)
{
	const struct topology_way *way = &n->t.ways[d->way];
	const struct topology_step *step = &way->steps[d->step];
	struct route_header header;

	if (!d->homeward && d->place != PLACE_GATEWAY && d->trail_len < TOPOLOGY_HOPS)
		d->trail[d->trail_len++] = d->place;
	if (step->next_count == 1) {
		d->step = step->next[0];
	} else {
		header = (struct route_header){ ip_flow_of(d->bytes, &d->ip), ip_label(d->bytes) };
		d->step = route_choose(&n->t, &n->chance, step, &header);
	}
	if (d->step != WAY_END)
		d->place = way->steps[d->step].place;
	else
		d->place = d->homeward ? PLACE_GATEWAY : (uint16_t)(PLACE_SERVERS + d->server);
}

/* Over the next link. False if it is lost there. */
static bool cross(struct net *n, struct datagram *d)
{
	uint16_t from = d->place;

	if (d->way == WAY_NONE)
		step_back(n, d);
	else
		step_on(n, d);
	return link_cross(&n->links, &n->t, &n->chance, from, d->place, d->len, &d->at);
}

static void arrive(struct net *n, struct datagram *d)
{
	if (d->place == PLACE_GATEWAY)
		hand_to_gateway(n, d);
	else if (d->place >= PLACE_SERVERS)
		hand_to_server(n, d);
	else if (net_router(n, d))
		net_depart(n, d);
}

void net_depart(struct net *n, struct datagram *d)
{
	for (;;) {
		inpath_time sent = d->at;

		if (!cross(n, d)) {
			truth_end(&n->truth, d->made || d->homeward ? NOBODY : d->flow, d->probe,
				END_LOST, PLACE_GATEWAY);
			datagram_free(&n->sched, d);
			return;
		}
		d->next = NEXT_ARRIVE;
		if (d->at != sent) {
			sched_push(&n->sched, d);
			return;
		}
		if (d->place == PLACE_GATEWAY || d->place >= PLACE_SERVERS) {
			arrive(n, d);
			return;
		}
		if (!net_router(n, d))
			return;
	}
}

/* --- from outside ------------------------------------------------------------------------------------ */

/* The server whose address it is; server_count if it is nobody's. */
static uint16_t server_at(const struct topology *t, uint8_t version, const uint8_t *addr)
{
	unsigned family = version == 6;
	uint16_t i = 0;

	while (i < t->server_count &&
		(t->servers[i].addr[family].family == INPATH_AF_NONE ||
			memcmp(t->servers[i].addr[family].bytes, addr, version == 4 ? 4 : 16) != 0))
		i++;
	return i;
}

/* Multicast and link-local packets are nobody's business beyond their link. */
static bool is_local(const struct ip_view *ip, const uint8_t *packet)
{
	if (ip->version == 4)
		return packet[16] >= 224;
	return packet[24] == 0xff || (packet[24] == 0xfe && (packet[25] & 0xc0) == 0x80);
}

static void from_gateway(struct net *n, struct datagram *d)
{
	const uint8_t *dst = d->bytes + (d->ip.version == 4 ? 16 : 24);
	struct timespec utc;

	if (is_local(&d->ip, d->bytes)) {
		datagram_free(&n->sched, d);
		return;
	}
	d->server = server_at(&n->t, d->ip.version, dst);
	if (!n->truth.began) {
		clock_gettime(CLOCK_REALTIME, &utc);
		n->truth.began = true;
		n->truth.zero = n->now;
		n->truth.zero_utc = (double)utc.tv_sec + (double)utc.tv_nsec / 1e9;
	}
	if (d->server == n->t.server_count) {
		/* To nobody: the first router of the first way has no route for it. */
		d->server = 0;
		d->way = n->t.path_of[0];
		d->step = 0;
		d->place = PLACE_GATEWAY;
		d->nowhere = true;
		net_depart(n, d);
		return;
	}
	truth_enter(&n->truth, d->bytes, &d->ip, d->server, n->now, &d->flow, &d->probe);
	d->own = d->flow != NOBODY && d->probe == NOBODY;
	d->way = n->t.path_of[d->server];
	d->place = PLACE_GATEWAY;
	net_depart(n, d);
}

static void from_server(struct net *n, struct datagram *d)
{
	d->server = server_at(&n->t, d->ip.version, d->bytes + (d->ip.version == 4 ? 12 : 8));
	if (d->server == n->t.server_count || is_local(&d->ip, d->bytes)) {
		datagram_free(&n->sched, d);
		return;
	}
	truth_answers(&n->truth, d->bytes, &d->ip, &d->flow, &d->probe);
	d->homeward = true;
	d->way = n->t.back_of[d->server];
	d->place = (uint16_t)(PLACE_SERVERS + d->server);
	net_depart(n, d);
}

void net_take(struct net *n, struct datagram *d, bool from_gateway_side, inpath_time now)
{
	net_tick(n, now);
	d->at = d->born = now;
	d->epoch = n->epoch;
	if (!ip_read(d->bytes, d->len, &d->ip) || !d->ip.whole) {
		datagram_free(&n->sched, d);
		return;
	}
	d->len = d->ip.len;
	if (from_gateway_side)
		from_gateway(n, d);
	else
		from_server(n, d);
}

/* --- time -------------------------------------------------------------------------------------------- */

static bool sight_changes(const struct topology_router *a, const struct topology_router *b)
{
	return a->invisible != b->invisible || a->balance != b->balance || a->nat != b->nat;
}

static void apply(struct net *n, const struct topology_event *e)
{
	switch (e->kind) {
	case EVENT_ROUTER:
		if (sight_changes(&n->t.routers[e->index], &e->router))
			n->epoch++;
		n->t.routers[e->index] = e->router;
		if (n->routers[e->index].tokens > e->router.limit_burst ||
			e->router.limit_rate == 0)
			n->routers[e->index].tokens = e->router.limit_burst;
		break;
	case EVENT_LINK: n->t.links[e->index] = e->link; break;
	case EVENT_WAY:
		if (n->t.ways[e->way].back)
			n->t.back_of[e->index] = e->way;
		else
			n->t.path_of[e->index] = e->way;
		break;
	}
}

static inpath_time next_event(const struct net *n)
{
	if (!n->truth.began || n->events_done == n->t.event_count)
		return INPATH_TIME_NEVER;
	return n->truth.zero + n->t.events[n->events_done].at;
}

void net_tick(struct net *n, inpath_time now)
{
	n->now = now;
	for (;;) {
		inpath_time event = next_event(n);
		inpath_time packet = sched_first(&n->sched);
		struct datagram *d;

		if (event <= packet && event <= now) {
			apply(n, &n->t.events[n->events_done++]);
			if (next_event(n) != event)
				truth_changed(&n->truth, event);
			continue;
		}
		if (packet > now)
			break;
		d = sched_pop(&n->sched);
		switch (d->next) {
		case NEXT_ARRIVE: arrive(n, d); break;
		case NEXT_DEPART: net_depart(n, d); break;
		case NEXT_SERVER: hand_to_server(n, d); break;
		}
	}
}

inpath_time net_next(const struct net *n)
{
	inpath_time event = next_event(n);
	inpath_time packet = sched_first(&n->sched);

	return event < packet ? event : packet;
}
