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

void prober_begin(struct prober *p, const struct inpath_settings *settings, uint64_t timeout_ns,
	uint8_t expected, bool known, uint64_t e2e_ns, inpath_time now)
{
	uint32_t wave = PROBER_UNKNOWN_WAVE;

	memset(p, 0, sizeof(*p));
	p->settings = *settings;
	p->timeout_ns = timeout_ns;
	/* The server is not so far away: its packets' TTL misled. */
	p->expected = expected <= INPATH_MAX_HOPS ? expected : 0;
	p->e2e_ns = e2e_ns;
	p->began = now;
	p->settled = known ? now + PROBER_SETTLE_WAIT : now;
	/* An inferred distance may be one too short; one that was seen is not. */
	if (p->expected)
		wave = known ? expected : expected + 1U;
	if (!settings->touch)
		wave = touch_from(p) - 1U;
	p->horizon = lesser(wave, settings->max_hops);
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

/* Is an answer to the newest probe with this TTL still waited for? */
static bool waited_for(const struct prober *p, uint8_t ttl, inpath_time now)
{
	const struct inpath_hop *hop = &p->hops[ttl - 1];

	return hop->sent && hop->addr_count == 0 && now < p->last_sent[ttl - 1] + wait_for(p, ttl);
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

static void survey_ttl(struct survey *s, const struct prober *p, const struct prober_view *view,
	uint8_t ttl, inpath_time now)
{
	const struct inpath_hop *hop = &p->hops[ttl - 1];
	inpath_time ready = now;

	if (hop->addr_count)
		return;
	if (hop->sent) {
		ready = p->last_sent[ttl - 1] + wait_for(p, ttl);
		if (now >= ready && hop->sent >= p->settings.attempts)
			return;
	}
	if (now < ready) {
		s->earliest = ready < s->earliest ? ready : s->earliest;
		return;
	}
	if (prober_is_touch(p, ttl)) {
		enum touch_permit permit = touch_permit(p, view, ttl, now);
		inpath_time patience = touch_patience(p, now);

		if (permit == TOUCH_LATER && now < patience && patience < s->earliest)
			s->earliest = patience;
		if (permit != TOUCH_NOW)
			return;
		if (!view->earlier_ack && s->touches >= PROBER_TOUCHES_EARLY)
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

static struct survey survey(const struct prober *p, const struct prober_view *view, inpath_time now)
{
	uint8_t limit = p->server_hop ? p->server_hop - 1 : p->horizon;
	struct survey s = { .earliest = INPATH_TIME_NEVER, .touches = touches_out(p, limit, now) };

	for (uint8_t ttl = 1; ttl <= limit; ttl++)
		survey_ttl(&s, p, view, ttl, now);
	return s;
}

/* Everything up to the horizon is settled: done, or a wider wave? True if done. */
static bool conclude(struct prober *p, const struct prober_view *view, enum inpath_stop *stop)
{
	uint8_t silent = 0;
	uint8_t gap = p->settings.gap, grow = PROBER_GROWTH;

	if (p->server_hop || p->unplaced) {
		*stop = INPATH_STOP_REACHED;
		return true;
	}
	while (silent < p->horizon && p->hops[p->horizon - 1 - silent].addr_count == 0)
		silent++;
	*stop = INPATH_STOP_GAP;
	if (silent >= gap)
		return true;
	*stop = INPATH_STOP_SHORT;
	if (!p->settings.touch)
		return true;
	if (view->empty && prober_is_touch(p, p->horizon)) {
		if (silent)
			return true;
		grow = 1;
	}
	*stop = INPATH_STOP_MAXTTL;
	if (p->horizon >= p->settings.max_hops)
		return true;
	p->horizon = lesser(
		p->horizon + (silent ? lesser(grow, gap - silent) : grow), p->settings.max_hops);
	return false;
}

struct prober_answer prober_ask(struct prober *p, const struct prober_view *view, inpath_time now)
{
	struct prober_answer answer = { .say = PROBER_DONE };
	struct survey s;

	do {
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

static void hop_answered(struct inpath_hop *hop, const struct inpath_addr *from, uint64_t rtt_ns)
{
	hop->answered++;
	if (hop->rtt_min_ns == 0 || rtt_ns < hop->rtt_min_ns)
		hop->rtt_min_ns = rtt_ns;
	if (rtt_ns > hop->rtt_max_ns)
		hop->rtt_max_ns = rtt_ns;
	for (uint8_t i = 0; i < hop->addr_count; i++)
		if (memcmp(&hop->addrs[i], from, sizeof(*from)) == 0)
			return;
	if (hop->addr_count < INPATH_HOP_ADDRS)
		hop->addrs[hop->addr_count++] = *from;
}

void prober_router(struct prober *p, uint8_t ttl, const struct prober_reply *reply)
{
	struct inpath_hop *hop = &p->hops[ttl - 1];

	hop->reply_ttl = reply->reply_ttl;
	hop->quoted_ttl = reply->quoted_ttl;
	hop->icmp_type = reply->icmp_type;
	hop->icmp_code = reply->icmp_code;
	hop->quoted = true;
	if (reply->rewritten)
		hop->rewritten |= INPATH_REWRITTEN_ADDR;
	hop_answered(hop, &reply->from, reply->rtt_ns);
}

void prober_reached(struct prober *p, uint8_t ttl, const struct inpath_addr *server,
	uint8_t reply_ttl, uint64_t rtt_ns)
{
	struct inpath_hop *hop = &p->hops[ttl - 1];

	hop->server = true;
	hop->reply_ttl = reply_ttl;
	hop_answered(hop, server, rtt_ns);
	if (p->server_hop == 0 || ttl < p->server_hop)
		p->server_hop = ttl;
}

void prober_unplaced(struct prober *p, uint64_t rtt_ns)
{
	if (!p->unplaced || rtt_ns < p->unplaced_rtt_ns)
		p->unplaced_rtt_ns = rtt_ns;
	p->unplaced = true;
}
