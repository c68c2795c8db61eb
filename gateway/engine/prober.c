/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/engine/prober.h"

#include <string.h>

static uint8_t lesser(uint32_t a, uint32_t b)
{
	return (uint8_t)(a < b ? a : b);
}

/* The first TTL whose probe is a touch. */
static uint8_t touch_from(const struct prober *p)
{
	return p->expected > 2 ? p->expected - 1 : 1;
}

bool prober_is_touch(const struct prober *p, uint8_t ttl)
{
	return p->expected == 0 || ttl >= touch_from(p);
}

uint8_t prober_last(const struct prober *p)
{
	uint8_t ttl = INPATH_MAX_HOPS;

	if (p->server_hop)
		return p->server_hop;
	while (ttl > 0 && p->hops[ttl - 1].sent == 0)
		ttl--;
	return ttl;
}

void prober_begin(struct prober *p, const struct inpath_settings *settings,
	enum prober_manner manner, uint64_t timeout_ns, uint8_t expected, bool known,
	uint64_t e2e_ns, inpath_time now)
{
	uint32_t wave = PROBER_UNKNOWN_WAVE;

	memset(p, 0, sizeof(*p));
	p->settings = *settings;
	p->manner = manner;
	p->timeout_ns = timeout_ns;
	/* The server is not so far away: its packets' TTL misled. */
	p->expected = expected <= INPATH_MAX_HOPS ? expected : 0;
	p->e2e_ns = e2e_ns;
	p->known = known ? p->expected : 0;
	p->began = now;
	p->settled = known ? now + PROBER_SETTLE_WAIT : now;
	/* An inferred distance may be one too short; one that was seen is not. */
	if (p->expected)
		wave = known ? expected : expected + 1U;
	if (!settings->touch)
		wave = touch_from(p) - 1U;
	if (manner == PROBER_CLIMBS) {
		p->settings.max_hops =
			p->expected > PROBER_MARGIN
				? lesser(p->expected - PROBER_MARGIN, settings->max_hops)
				: 0;
		wave = 1;
	}
	p->horizon = lesser(wave, p->settings.max_hops);
	for (uint8_t i = 0; i < INPATH_MAX_HOPS; i++)
		p->hops[i].ttl = (uint8_t)(i + 1);
}

/*
 * How long an answer to `ttl` is waited for before it is tried again: three times the RTT of the
 * nearest TTL that answered, and no less than twice the server's own, since a long link may lie
 * just before the hop that is still silent.
 */
static uint64_t wait_for(const struct prober *p, uint8_t ttl)
{
	uint64_t nearest = 0, wait = PROBER_WAIT_FLOOR;

	for (uint8_t off = 1; off < p->horizon && nearest == 0; off++) {
		if (ttl > off && p->hops[ttl - 1 - off].addr_count)
			nearest = p->hops[ttl - 1 - off].rtt_min_ns;
		if (ttl + off <= p->horizon && p->hops[ttl - 1 + off].addr_count &&
			p->hops[ttl - 1 + off].rtt_min_ns > nearest)
			nearest = p->hops[ttl - 1 + off].rtt_min_ns;
	}
	if (nearest == 0 && p->e2e_ns == 0)
		return p->timeout_ns;
	if (3 * nearest > wait)
		wait = 3 * nearest;
	if (2 * p->e2e_ns > wait)
		wait = 2 * p->e2e_ns;
	return wait < p->timeout_ns ? wait : p->timeout_ns;
}

static bool has_ttl(uint64_t ttls, uint8_t ttl)
{
	return ttls >> (ttl - 1) & 1;
}

/* Has this TTL told what it has to tell? */
static bool is_settled(const struct prober *p, uint8_t ttl)
{
	const struct inpath_hop *hop = &p->hops[ttl - 1];

	if (has_ttl(p->refused, ttl))
		return true;
	return hop->addr_count && ttl != p->confirm;
}

/* Is the newest probe with this TTL answered, by whomever? */
static bool newest_answered(const struct prober *p, uint8_t ttl)
{
	const struct inpath_hop *hop = &p->hops[ttl - 1];

	return has_ttl(p->refused, ttl) || (hop->sent && hop->sent <= PROBER_SAMPLES &&
						   p->samples[ttl - 1].who[hop->sent - 1] != 0);
}

/* Until when an answer to the newest probe with this TTL is to be expected. */
static inpath_time expected_by(const struct prober *p, uint8_t ttl)
{
	return p->last_sent[ttl - 1] + wait_for(p, ttl);
}

/* Is an answer to the newest probe with this TTL still to be expected? */
static bool waited_for(const struct prober *p, uint8_t ttl, inpath_time now)
{
	return p->hops[ttl - 1].sent && !is_settled(p, ttl) && !newest_answered(p, ttl) &&
	       now < expected_by(p, ttl);
}

/* How many probes with this TTL, until one is answered; to the one to be confirmed, in all. */
static uint8_t attempts_for(const struct prober *p, uint8_t ttl)
{
	uint8_t attempts = p->settings.attempts;

	if (ttl == p->confirm)
		return PROBER_CONFIRM;
	/* Were both answers of the server lost, its hop would be one too far. */
	if (attempts > 1 && ttl + 1 == p->server_hop && p->server_hop != p->known)
		attempts = (uint8_t)(attempts + PROBER_BOUNDARY);
	return attempts < PROBER_SAMPLES ? attempts : PROBER_SAMPLES;
}

/* When time alone may next allow a touch. */
static inpath_time touch_patience(const struct prober *p, inpath_time now)
{
	return now < p->settled ? p->settled : p->settled + PROBER_QUIET_WAIT;
}

enum touch_permit {
	TOUCH_NOW,
	TOUCH_LATER, /* a better moment may come */
	TOUCH_NEVER, /* time alone changes nothing */
};

/* May the touch with this TTL leave now? */
static enum touch_permit touch_permit(
	const struct prober *p, const struct prober_view *view, uint8_t ttl, inpath_time now)
{
	bool patient = now < touch_patience(p, now);
	const struct inpath_hop *before = ttl > 1 ? &p->hops[ttl - 2] : NULL;

	if (p->unplaced)
		return TOUCH_NEVER;
	if (view->empty) {
		/* At most one may reach the server: so the one before must have been answered by a
		 * router, and none is sent twice. */
		if (p->hops[ttl - 1].sent || view->may_end)
			return TOUCH_NEVER;
		if (before && ttl > touch_from(p) && before->addr_count == 0)
			return TOUCH_NEVER; /* its turn comes with that answer, if ever */
		if (view->server_busy)
			return patient ? TOUCH_LATER : TOUCH_NEVER;
		return TOUCH_NOW;
	}
	if (view->quiet && (view->caught_up || now >= p->settled))
		return TOUCH_NOW;
	if (patient)
		return TOUCH_LATER;
	/* A flow that never pauses: one touch at a time, so that few answers carry news. */
	if (before && before->addr_count == 0 &&
		(before->sent < p->settings.attempts || waited_for(p, (uint8_t)(ttl - 1), now)))
		return TOUCH_LATER;
	return TOUCH_NOW;
}

struct survey {
	uint64_t want;   /* TTLs to probe now */
	uint8_t touches; /* touches among them, and those still waited for */
	inpath_time
		earliest; /* when that may change by itself; INPATH_TIME_NEVER: all is settled */
};

/* Until when the newest probe with this TTL keeps the walk from going on with it. */
static inpath_time patience_of(const struct prober *p, uint8_t ttl)
{
	if (newest_answered(p, ttl))
		return p->last_sent[ttl - 1];
	/* The last one may be answered until its patience is over; but where something answered in
	 * the server's name, a router's answer is all that may still come. */
	if (p->hops[ttl - 1].sent >= attempts_for(p, ttl) && !has_ttl(p->odd, ttl))
		return p->last_sent[ttl - 1] + p->timeout_ns;
	return expected_by(p, ttl);
}

static void survey_ttl(struct survey *s, const struct prober *p, const struct prober_view *view,
	uint8_t ttl, inpath_time now)
{
	const struct inpath_hop *hop = &p->hops[ttl - 1];
	inpath_time ready = hop->sent ? patience_of(p, ttl) : now;

	if (is_settled(p, ttl))
		return;
	if (now < ready) {
		/* When it is no longer to be expected, a touch behind it may take its turn. */
		if (now < expected_by(p, ttl))
			ready = expected_by(p, ttl);
		s->earliest = ready < s->earliest ? ready : s->earliest;
		return;
	}
	if (hop->sent >= attempts_for(p, ttl) || has_ttl(p->odd, ttl))
		return;
	if (prober_is_touch(p, ttl)) {
		enum touch_permit permit = touch_permit(p, view, ttl, now);
		inpath_time patience = touch_patience(p, now);

		if (permit == TOUCH_LATER && now < patience && patience < s->earliest)
			s->earliest = patience;
		if (permit != TOUCH_NOW)
			return;
		if (!view->earlier_ack && s->touches >= PROBER_TOUCHES_EARLY)
			return;
		if (!view->quiet && !view->empty && s->touches)
			return;
		s->touches++;
	}
	s->want |= 1ULL << (ttl - 1);
}

/* Touches up to `limit` whose answer is still waited for. */
static uint8_t touches_out(const struct prober *p, uint8_t limit, inpath_time now)
{
	uint8_t count = 0;

	for (uint8_t ttl = 1; ttl <= limit; ttl++)
		if (prober_is_touch(p, ttl) && waited_for(p, ttl, now))
			count++;
	return count;
}

/* The last TTL from which something is to be learnt. */
static uint8_t walk_end(const struct prober *p)
{
	return p->server_hop ? p->server_hop - 1 : p->horizon;
}

static struct survey survey(const struct prober *p, const struct prober_view *view, inpath_time now)
{
	uint8_t limit = walk_end(p);
	struct survey s = { .earliest = INPATH_TIME_NEVER };

	/* Even where the server answered it: another router may take turns with it. */
	if (p->confirm > limit && p->confirm <= p->horizon)
		limit = p->confirm;
	s.touches = touches_out(p, limit, now);

	for (uint8_t ttl = 1; ttl <= limit; ttl++)
		survey_ttl(&s, p, view, ttl, now);
	return s;
}

/* The lowest TTL of a set; 0 if it is empty. */
static uint8_t lowest(uint64_t ttls)
{
	for (uint8_t ttl = 1; ttl <= INPATH_MAX_HOPS; ttl++)
		if (has_ttl(ttls, ttl))
			return ttl;
	return 0;
}

static uint8_t highest(uint64_t ttls)
{
	for (uint8_t ttl = INPATH_MAX_HOPS; ttl > 0; ttl--)
		if (has_ttl(ttls, ttl))
			return ttl;
	return 0;
}

/* Goes on behind the horizon; false if there is nothing to be learnt there. */
static bool grow(struct prober *p, const struct prober_view *view, enum inpath_stop *stop)
{
	uint8_t silent = 0;
	uint8_t gap = p->settings.gap, by = PROBER_GROWTH;

	while (silent < p->horizon && p->hops[p->horizon - 1 - silent].addr_count == 0)
		silent++;
	if (p->manner == PROBER_CLIMBS) {
		*stop = INPATH_STOP_SHORT;
		if (silent || p->horizon >= p->settings.max_hops)
			return false;
		p->horizon++;
		return true;
	}
	*stop = INPATH_STOP_GAP;
	if (p->manner == PROBER_INFERS) {
		*stop = INPATH_STOP_INFERRED;
		gap = lesser(gap, PROBER_SILENCE);
	}
	if (silent >= gap)
		return false;
	*stop = INPATH_STOP_SHORT;
	if (!p->settings.touch)
		return false;
	if (view->empty && prober_is_touch(p, p->horizon)) {
		if (silent)
			return false;
		by = 1;
	}
	*stop = INPATH_STOP_MAXTTL;
	if (p->horizon >= p->settings.max_hops)
		return false;
	p->horizon =
		lesser(p->horizon + (silent ? lesser(by, gap - silent) : by), p->settings.max_hops);
	return true;
}

/* Has the server answered, as far as is known by now? */
static bool is_reached(const struct prober *p)
{
	return p->server_hop || p->unplaced || highest(p->odd) > highest(p->routers);
}

/* Everything up to the horizon is settled: done, or a wider wave? True if done. */
static bool conclude(struct prober *p, const struct prober_view *view, enum inpath_stop *stop)
{
	if (is_reached(p)) {
		*stop = INPATH_STOP_REACHED;
		return true;
	}
	return !grow(p, view, stop);
}

/*
 * The far end has answered, and the server has not: what lies behind it need not wait. An answer
 * without a TTL was none, then: no touch has gone beyond a router.
 */
static bool far_end_answered(struct prober *p)
{
	if (p->horizon == 0 || !has_ttl(p->routers, p->horizon))
		return false;
	p->unplaced = false;
	return !is_reached(p);
}

struct prober_answer prober_ask(struct prober *p, const struct prober_view *view, inpath_time now)
{
	struct prober_answer answer = { .say = PROBER_DONE };
	struct survey s;
	enum inpath_stop stop;

	do {
		while (far_end_answered(p) && grow(p, view, &stop))
			;
		s = survey(p, view, now);
		if (s.want && view->hold > now) {
			if (now >= p->began + PROBER_HELD_MAX) {
				answer.stop = INPATH_STOP_SHORT;
				return answer;
			}
			answer.say = PROBER_WAIT;
			answer.until = view->hold < s.earliest ? view->hold : s.earliest;
			return answer;
		}
		if (s.want) {
			answer.say = PROBER_SEND;
			answer.ttls = s.want;
			return answer;
		}
		if (s.earliest != INPATH_TIME_NEVER) {
			answer.say = PROBER_WAIT;
			answer.until = s.earliest;
			return answer;
		}
	} while (!conclude(p, view, &answer.stop));
	return answer;
}

inpath_time prober_answers_until(const struct prober *p)
{
	inpath_time until = 0;

	for (uint8_t ttl = 1; ttl <= walk_end(p); ttl++) {
		inpath_time end = p->last_sent[ttl - 1] + p->timeout_ns;

		if (p->hops[ttl - 1].sent && !is_settled(p, ttl) && end > until)
			until = end;
	}
	return until;
}

bool prober_is_complete(const struct prober *p)
{
	if (!is_reached(p))
		return false;
	for (uint8_t ttl = 1; ttl <= walk_end(p); ttl++)
		if (!is_settled(p, ttl) && p->hops[ttl - 1].sent < p->settings.attempts)
			return false;
	return true;
}

void prober_sent(struct prober *p, uint8_t ttl, inpath_time now)
{
	struct inpath_hop *hop = &p->hops[ttl - 1];

	hop->sent++;
	p->sent++;
	p->last_sent[ttl - 1] = now;
	if (p->first_sent == 0)
		p->first_sent = now;
}

void prober_unsent(struct prober *p, uint8_t ttl)
{
	p->hops[ttl - 1].sent--;
	p->sent--;
}

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

	p->refused |= 1ULL << (ttl - 1);
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
	p->routers |= 1ULL << (at - 1);
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
		if (!has_ttl(p->odd, ttl))
			p->odd_first[ttl - 1] = *arrival;
		p->odd |= 1ULL << (ttl - 1);
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
	return has_ttl(p->odd, ttl) && !p->hops[ttl - 1].server;
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
	uint8_t nearest = lowest(p->odd), last_router = highest(p->routers);
	uint8_t ttl = nearest;

	if (nearest == 0)
		return;
	if (last_router >= nearest) {
		p->proxy = nearest;
		if (p->server_hop)
			return;
		ttl = last_router < INPATH_MAX_HOPS ? lowest(p->odd & ~((1ULL << last_router) - 1))
						    : 0;
	}
	if (ttl == 0 || (p->server_hop && p->server_hop <= ttl))
		return;
	p->server_hop = ttl;
	p->hops[ttl - 1].server = true;
	p->hops[ttl - 1].reply_ttl = p->odd_first[ttl - 1].reply_ttl;
	hop_answered(p, ttl, &p->odd_first[ttl - 1].server, p->odd_first[ttl - 1].attempt,
		p->odd_first[ttl - 1].rtt_ns);
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

/*
 * Several addresses at one TTL: do they take turns, as where a balancer deals packet by packet, or
 * did one follow the other, as when a route changes? Each side of the step must have been seen twice.
 */
static void tell_turns(struct inpath_hop *hop, const struct prober_samples *s)
{
	uint8_t switches = 0, run = 0, first_run = 0, before = 0;

	for (uint8_t i = 0; i < PROBER_SAMPLES; i++) {
		if (s->who[i] == 0)
			continue;
		if (before && s->who[i] != before) {
			if (switches++ == 0)
				first_run = run;
			run = 0;
		}
		before = s->who[i];
		run++;
	}
	hop->balanced = switches > 1;
	hop->changed = switches == 1 && first_run > 1 && run > 1;
}

/*
 * QUIC's server answers no probe. If the last router that answers stands just where the TTL of the
 * server's packets has it, two witnesses agree on its hop; else it stands at no TTL.
 */
static void infer_server(struct prober *p, const struct inpath_addr *server)
{
	uint8_t hop = (uint8_t)(highest(p->routers) + 1);

	if (p->e2e_ns == 0)
		return;
	if (hop != p->expected || hop > p->horizon) {
		prober_unplaced(p, p->e2e_ns);
		return;
	}
	p->server_hop = hop;
	p->hops[hop - 1].server = true;
	(void)hop_addr(&p->hops[hop - 1], server);
	hop_rtt(&p->hops[hop - 1], p->e2e_ns);
}

void prober_sum_up(struct prober *p, enum inpath_stop stop, const struct inpath_addr *server)
{
	place_server(p);
	if (stop == INPATH_STOP_INFERRED)
		infer_server(p, server);
	if (p->stray_rtt_ns && !p->server_hop)
		prober_unplaced(p, p->stray_rtt_ns);
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
