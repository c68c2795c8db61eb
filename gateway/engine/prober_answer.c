/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What answers tell a walk, and what all of them together tell in the end. */
#include "gateway/engine/prober.h"

#include "gateway/engine/ttls.h"

#include <string.h>

/* Index of an address among a hop's, added if there is room; INPATH_HOP_ADDRS if there is none. */
static uint8_t hop_addr(struct inpath_hop *hop, const struct inpath_addr *addr)
{
	uint8_t i = 0;

	while (i < hop->addr_count && memcmp(&hop->addrs[i], addr, sizeof(*addr)) != 0)
		i++;
	if (i == hop->addr_count && i < INPATH_HOP_ADDRS)
		hop->addrs[hop->addr_count++] = *addr;
	return i;
}

static void hop_rtt(struct inpath_hop *hop, uint64_t rtt_ns)
{
	if (hop->rtt_min_ns == 0 || rtt_ns < hop->rtt_min_ns)
		hop->rtt_min_ns = rtt_ns;
	if (rtt_ns > hop->rtt_max_ns)
		hop->rtt_max_ns = rtt_ns;
}

static void hop_answered(struct prober *p, uint8_t ttl, const struct inpath_addr *from,
	uint8_t attempt, uint64_t rtt_ns)
{
	struct inpath_hop *hop = &p->hops[ttl - 1];
	uint8_t who = hop_addr(hop, from);

	hop->answered++;
	hop_rtt(hop, rtt_ns);
	if (attempt == 0 || attempt > PROBER_SAMPLES)
		return;
	p->samples[ttl - 1].who[attempt - 1] = (uint8_t)(who + 1);
	p->samples[ttl - 1].rtt_ns[attempt - 1] = rtt_ns;
}

static void hop_facts(struct inpath_hop *hop, const struct prober_reply *reply)
{
	hop->reply_ttl = reply->reply_ttl;
	hop->quoted = true;
	hop->quoted_ttl = reply->quoted_ttl;
	hop->quoted_len = reply->quoted_len;
	hop->icmp_type = reply->icmp_type;
	hop->icmp_code = reply->icmp_code;
	hop->rewritten |= reply->rewritten;
	if (reply->unreach) {
		hop->unreach = reply->unreach;
		hop->unreach_code = reply->icmp_code;
	} else if (reply->quoted_ttl == 0) {
		hop->zero_ttl = true;
	}
	if (reply->mpls_count) {
		hop->mpls_count = reply->mpls_count;
		memcpy(hop->mpls, reply->mpls, sizeof(hop->mpls));
	}
	if (reply->interface.told)
		hop->interface = reply->interface;
}

/* A router before this TTL refused its probe: what it says is that router's, not this TTL's. */
static void refused_before(
	struct prober *p, uint8_t ttl, uint8_t at, const struct prober_reply *reply)
{
	struct inpath_hop *hop = &p->hops[at - 1];

	p->refused |= ttl_bit(ttl);
	hop->unreach = reply->unreach;
	hop->unreach_code = reply->icmp_code;
	if (hop->addr_count)
		return;
	/* It had been silent so far. */
	(void)hop_addr(hop, &reply->from);
	hop_rtt(hop, reply->rtt_ns);
	hop_facts(hop, reply);
}

void prober_router(struct prober *p, uint8_t ttl, const struct prober_reply *reply)
{
	uint8_t at = ttl;

	if (reply->unreach && reply->quoted_ttl >= 1 && reply->quoted_ttl <= ttl)
		at = (uint8_t)(ttl - reply->quoted_ttl + 1);
	p->routers |= ttl_bit(at);
	if (at < ttl) {
		refused_before(p, ttl, at, reply);
		return;
	}
	hop_facts(&p->hops[ttl - 1], reply);
	hop_answered(p, ttl, &reply->from, reply->attempt, reply->rtt_ns);
}

void prober_reached(struct prober *p, uint8_t ttl, const struct prober_arrival *arrival)
{
	struct inpath_hop *hop = &p->hops[ttl - 1];

	if (arrival->odd) {
		/* Kept aside until it is known who spoke: see prober_sum_up. */
		if (!ttls_has(p->odd, ttl))
			p->odd_first[ttl - 1] = *arrival;
		p->odd |= ttl_bit(ttl);
		return;
	}
	hop->server = true;
	hop->reply_ttl = arrival->reply_ttl;
	hop_answered(p, ttl, &arrival->server, arrival->attempt, arrival->rtt_ns);
	if (p->server_hop == 0 || ttl < p->server_hop)
		p->server_hop = ttl;
}

bool prober_was_odd(const struct prober *p, uint8_t ttl)
{
	return ttls_has(p->odd, ttl) && !p->hops[ttl - 1].server;
}

void prober_unplaced(struct prober *p, uint64_t rtt_ns)
{
	if (!p->unplaced || rtt_ns < p->unplaced_rtt_ns)
		p->unplaced_rtt_ns = rtt_ns;
	p->unplaced = true;
}

void prober_stray(struct prober *p, uint64_t rtt_ns)
{
	if (p->stray_rtt_ns == 0 || rtt_ns < p->stray_rtt_ns)
		p->stray_rtt_ns = rtt_ns;
}

/*
 * Who gave the answers from an odd distance? If routers answered behind the nearest of them, something
 * on the way speaks in the server's name. Else the server did: its packets come back by ways of
 * unequal length.
 */
static void place_server(struct prober *p)
{
	uint8_t nearest = ttls_lowest(p->odd), last_router = ttls_highest(p->routers);
	uint8_t ttl = nearest;

	if (nearest == 0)
		return;
	if (last_router >= nearest) {
		p->proxy = nearest;
		if (p->server_hop)
			return;
		ttl = last_router < INPATH_MAX_HOPS
			      ? ttls_lowest(p->odd & ~((1ULL << last_router) - 1))
			      : 0;
	}
	if (ttl == 0 || (p->server_hop && p->server_hop <= ttl))
		return;
	p->server_hop = ttl;
	p->hops[ttl - 1].server = true;
	p->hops[ttl - 1].inferred = true;
	p->hops[ttl - 1].reply_ttl = p->odd_first[ttl - 1].reply_ttl;
	hop_answered(p, ttl, &p->odd_first[ttl - 1].server, p->odd_first[ttl - 1].attempt,
		p->odd_first[ttl - 1].rtt_ns);
}

/* The server stands there, though no probe of that TTL was answered by name. */
static void server_at(
	struct prober *p, uint8_t ttl, const struct inpath_addr *server, uint64_t rtt_ns)
{
	struct inpath_hop *hop = &p->hops[ttl - 1];

	p->server_hop = ttl;
	hop->server = true;
	hop->inferred = true;
	(void)hop_addr(hop, server);
	hop_rtt(hop, rtt_ns);
}

/*
 * The server answered an empty probe, which names no TTL. But one of these at a time may arrive: if
 * one TTL alone went beyond the last router that answered, it was that one.
 */
static void place_unplaced(struct prober *p, const struct inpath_addr *server)
{
	uint8_t ttl = (uint8_t)(ttls_highest(p->routers) + 1);
	const struct inpath_hop *hop = &p->hops[ttl - 1];

	if (p->server_hop || ttl > p->horizon || hop->sent == 0 || hop->addr_count)
		return;
	for (uint8_t later = (uint8_t)(ttl + 1); later <= INPATH_MAX_HOPS; later++)
		if (p->hops[later - 1].sent)
			return;
	server_at(p, ttl, server, p->unplaced_rtt_ns);
}

/* The middle of a TTL's round trip times; of an even number, the lower of the two in the middle. */
static uint64_t median(const struct prober_samples *s)
{
	uint64_t sorted[PROBER_SAMPLES] = { 0 };
	uint8_t count = 0;

	for (uint8_t i = 0; i < PROBER_SAMPLES; i++) {
		uint8_t at = count;

		if (s->who[i] == 0)
			continue;
		for (; at > 0 && sorted[at - 1] > s->rtt_ns[i]; at--)
			sorted[at] = sorted[at - 1];
		sorted[at] = s->rtt_ns[i];
		count++;
	}
	return count ? sorted[(count - 1) / 2] : 0;
}

/* Who answered a TTL's probes, in the order of sending: runs of one address each. */
struct row {
	uint8_t runs;
	uint8_t who[PROBER_SAMPLES];
	uint8_t length[PROBER_SAMPLES];
	uint8_t runs_of[INPATH_HOP_ADDRS +
			2]; /* by `who`, of which the last is any that was not kept */
};

static struct row row_of(const struct prober_samples *s)
{
	struct row row = { 0 };

	for (uint8_t i = 0; i < PROBER_SAMPLES; i++) {
		if (s->who[i] == 0)
			continue;
		if (row.runs == 0 || row.who[row.runs - 1] != s->who[i])
			row.who[row.runs++] = s->who[i];
		row.length[row.runs - 1]++;
	}
	return row;
}

/* Is there a step in the row that no address is on both sides of? */
static bool has_step(const struct row *row)
{
	for (uint8_t at = 1; at < row->runs; at++) {
		uint32_t before = 0, behind = 0;

		for (uint8_t i = 0; i < row->runs; i++)
			*(i < at ? &before : &behind) |= 1U << row->who[i];
		if ((before & behind) == 0)
			return true;
	}
	return false;
}

/*
 * Several addresses at one TTL: do they take turns, as where a balancer deals packet by packet, or
 * did one follow the other, as when a route changes? Of two, each side of the step must have been seen twice. It
 * may change back within the trace, so that a block of one stands between the other's; or routers that take turns
 * may follow others, or one that does not. Of those that take turns twelve answers look like either once in
 * forty times: the next trace tells.
 */
static void tell_turns(struct inpath_hop *hop, const struct prober_samples *s)
{
	struct row row = row_of(s);

	if (row.runs < 2)
		return;
	if (row.runs == 2)
		hop->changed = row.length[0] > 1 && row.length[1] > 1;
	else if (row.runs == 3 && row.who[0] == row.who[2])
		hop->changed = row.length[1] > 1;
	else
		hop->changed = hop->addr_count > 2 && has_step(&row);
	hop->balanced = row.runs > 2 && !hop->changed;
}

/*
 * QUIC's server answers no probe. If the last router that answers stands just where the TTL of the
 * server's packets has it, two witnesses agree on its hop; else it stands at no TTL.
 */
static void infer_server(struct prober *p, const struct inpath_addr *server)
{
	uint8_t hop = (uint8_t)(ttls_highest(p->routers) + 1);

	if (p->e2e_ns == 0)
		return;
	if (hop != p->expected || hop > p->horizon) {
		prober_unplaced(p, p->e2e_ns);
		return;
	}
	server_at(p, hop, server, p->e2e_ns);
}

void prober_sum_up(struct prober *p, enum inpath_stop stop, const struct inpath_addr *server)
{
	place_server(p);
	if (stop == INPATH_STOP_INFERRED)
		infer_server(p, server);
	if (p->stray_rtt_ns && !p->server_hop)
		prober_unplaced(p, p->stray_rtt_ns);
	if (p->unplaced_lone)
		place_unplaced(p, server);
	for (uint8_t i = 0; i < INPATH_MAX_HOPS; i++) {
		struct inpath_hop *hop = &p->hops[i];

		if (hop->addr_count == 0)
			continue;
		hop->rtt_med_ns = median(&p->samples[i]);
		if (hop->rtt_med_ns == 0)
			hop->rtt_med_ns = hop->rtt_min_ns; /* told of by a refusal alone */
		tell_turns(hop, &p->samples[i]);
	}
}
