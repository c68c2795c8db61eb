/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/engine/prober.h"

#include "gateway/engine/ttls.h"

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
	/* Where the way has become shorter, the server is nearer than was expected. */
	return p->expected == 0 || ttl >= touch_from(p) || (p->server_hop && ttl >= p->server_hop);
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

uint8_t prober_first_wave(enum prober_manner manner, uint8_t expected, bool known)
{
	if (manner == PROBER_CLIMBS)
		return 1;
	if (expected == 0 || expected > INPATH_MAX_HOPS)
		return PROBER_UNKNOWN_WAVE;
	/* An inferred distance may be one too short; one that was seen is not. */
	return (uint8_t)(known ? expected : expected + 1);
}

void prober_begin(struct prober *p, const struct inpath_settings *settings,
	enum prober_manner manner, uint64_t timeout_ns, uint8_t expected, bool known,
	uint64_t e2e_ns, inpath_time now)
{
	uint32_t wave;

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
	wave = prober_first_wave(manner, p->expected, known);
	if (!settings->touch && manner != PROBER_CLIMBS)
		wave = touch_from(p) - 1U;
	if (manner == PROBER_CLIMBS) {
		p->settings.max_hops =
			p->expected > PROBER_MARGIN
				? lesser(p->expected - PROBER_MARGIN, settings->max_hops)
				: 0;
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

/* Has this TTL told what it has to tell? */
static bool is_settled(const struct prober *p, uint8_t ttl)
{
	const struct inpath_hop *hop = &p->hops[ttl - 1];

	if (ttls_has(p->refused, ttl))
		return true;
	return hop->addr_count && (ttl != p->confirm || hop->answered >= p->confirm_by);
}

/* Is the newest probe with this TTL answered, by whomever? */
static bool newest_answered(const struct prober *p, uint8_t ttl)
{
	const struct inpath_hop *hop = &p->hops[ttl - 1];

	return ttls_has(p->refused, ttl) || (hop->sent && hop->sent <= PROBER_SAMPLES &&
						    p->samples[ttl - 1].who[hop->sent - 1] != 0);
}

/* May an answer of the server to a probe that was sent then be on its way? */
static bool may_come(inpath_time sent, uint64_t rtt, inpath_time now)
{
	return rtt == 0 || now < sent + rtt + rtt / 2 + PROBER_SLACK;
}

bool prober_may_reach(const struct prober *p, inpath_time now)
{
	const struct inpath_hop *server = p->server_hop ? &p->hops[p->server_hop - 1] : NULL;
	uint64_t rtt = p->e2e_ns || !server ? p->e2e_ns : server->rtt_min_ns;

	if (p->manner != PROBER_PROVES)
		return false;
	if (!server || p->newest_sent > p->last_sent[p->server_hop - 1] + PROBER_WAIT_FLOOR)
		return may_come(p->newest_sent, p->e2e_ns, now);
	/* It may stand nearer still: answers overtake each other. But no nearer than a router that answers. */
	for (uint8_t ttl = (uint8_t)(ttls_highest(p->routers) + 1); ttl <= p->horizon; ttl++)
		if (p->hops[ttl - 1].sent && !newest_answered(p, ttl) &&
			may_come(p->last_sent[ttl - 1], rtt, now))
			return true;
	return false;
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

/* How many probes with this TTL, until one is answered, or as many as are to confirm it. */
static uint8_t attempts_for(const struct prober *p, uint8_t ttl)
{
	uint8_t attempts = p->settings.attempts;

	if (ttl == p->confirm && p->confirm_by > 1)
		return lesser(p->confirm_by + attempts, PROBER_CONFIRM);
	/* Were both answers of the server lost, its hop would be one too far. */
	if (attempts > 1 && ttl + 1 == p->server_hop && p->server_hop != p->known)
		attempts = (uint8_t)(attempts + PROBER_BOUNDARY);
	return attempts < PROBER_SAMPLES ? attempts : PROBER_SAMPLES;
}

enum touch_permit {
	TOUCH_NOW,
	TOUCH_LATER, /* a better moment may come */
	TOUCH_NEVER, /* time alone changes nothing */
};

/* Is it asked again and again, though a touch? Where a router has just answered stands no server. */
static bool is_asked_again(const struct prober *p, uint8_t ttl)
{
	return ttl == p->confirm && p->hops[ttl - 1].answered && !p->hops[ttl - 1].server;
}

/*
 * When time alone may next allow a touch, or forbid it: of one that is to be asked again, and may not be by
 * empty probes, until when the client is given time to send a byte.
 */
static inpath_time touch_patience(
	const struct prober *p, const struct prober_view *view, uint8_t ttl, inpath_time now)
{
	if (view->empty && is_asked_again(p, ttl))
		return p->last_sent[ttl - 1] + PROBER_PACE + PROBER_QUIET_WAIT;
	if (view->empty && now < view->empty_from)
		return view->empty_from;
	return now < p->settled ? p->settled : p->settled + PROBER_QUIET_WAIT;
}

/* May the touch with this TTL leave now? Nothing there has answered in the server's name from an odd distance. */
static enum touch_permit touch_permit(
	const struct prober *p, const struct prober_view *view, uint8_t ttl, inpath_time now)
{
	bool patient = now < touch_patience(p, view, ttl, now);
	const struct inpath_hop *before = ttl > 1 ? &p->hops[ttl - 2] : NULL;

	if (is_asked_again(p, ttl))
		return !view->empty ? TOUCH_NOW : patient ? TOUCH_LATER : TOUCH_NEVER;
	if (p->unplaced)
		return TOUCH_NEVER;
	if (view->empty) {
		/* At most one may reach the server: so the one before must have been answered by a
		 * router, and none is sent twice. */
		if (p->hops[ttl - 1].sent || view->may_end)
			return TOUCH_NEVER;
		if (before && ttl > touch_from(p) && before->addr_count == 0)
			return TOUCH_NEVER; /* its turn comes with that answer, if ever */
		if (now < view->empty_from)
			return TOUCH_LATER;
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
	bool watches;     /* a touch waits for a moment that the flow's packets show */
};

/*
 * How far apart its probes are sent: where all are answered, one follows the other. Who has left one
 * without an answer may have used up what it gives in a second: it is asked a second later, and from then
 * on half as often as it answered at first, in a row.
 */
static uint64_t pace_of(const struct prober *p, uint8_t ttl)
{
	const struct inpath_hop *hop = &p->hops[ttl - 1];
	uint8_t row = 0;

	if (ttl != p->confirm || p->confirm_by < 2 || hop->answered >= hop->sent)
		return 0;
	while (row < PROBER_SAMPLES && p->samples[ttl - 1].who[row])
		row++;
	return row > 2 && newest_answered(p, ttl) ? 2 * PROBER_PACE / row : PROBER_PACE;
}

/* Until when the newest probe with this TTL keeps the walk from going on with it. */
static inpath_time patience_of(const struct prober *p, uint8_t ttl)
{
	inpath_time paced = p->last_sent[ttl - 1] + pace_of(p, ttl), expected;

	if (newest_answered(p, ttl))
		return paced;
	/* The last one may be answered until its patience is over; but where something answered in
	 * the server's name, a router's answer is all that may still come. */
	if (p->hops[ttl - 1].sent >= attempts_for(p, ttl) && !ttls_has(p->odd, ttl))
		return p->last_sent[ttl - 1] + p->timeout_ns;
	expected = expected_by(p, ttl);
	return paced > expected ? paced : expected;
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
		if (now < expected_by(p, ttl) && !newest_answered(p, ttl))
			ready = expected_by(p, ttl);
		s->earliest = ready < s->earliest ? ready : s->earliest;
		return;
	}
	if (hop->sent >= attempts_for(p, ttl) || ttls_has(p->odd, ttl))
		return;
	if (prober_is_touch(p, ttl)) {
		enum touch_permit permit = touch_permit(p, view, ttl, now);
		inpath_time patience = touch_patience(p, view, ttl, now);

		if (permit == TOUCH_LATER && now < patience && patience < s->earliest)
			s->earliest = patience;
		s->watches |= permit == TOUCH_LATER || (permit == TOUCH_NEVER && !p->unplaced);
		if (permit != TOUCH_NOW)
			return;
		if ((!view->earlier_ack && s->touches >= PROBER_TOUCHES_EARLY) ||
			(!view->quiet && !view->empty && s->touches)) {
			s->watches = true;
			return;
		}
		s->touches++;
	}
	s->want |= ttl_bit(ttl);
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
	return p->server_hop || p->unplaced || ttls_highest(p->odd) > ttls_highest(p->routers);
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
	if (p->horizon == 0 || !ttls_has(p->routers, p->horizon))
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
			answer.alone = !s.watches;
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
		if (p->hops[ttl - 1].addr_count == 0 && !ttls_has(p->refused, ttl) &&
			p->hops[ttl - 1].sent < p->settings.attempts)
			return false;
	return true;
}

void prober_sent(struct prober *p, uint8_t ttl, inpath_time now)
{
	struct inpath_hop *hop = &p->hops[ttl - 1];

	hop->sent++;
	p->sent++;
	p->last_sent[ttl - 1] = now;
	p->newest_sent = now;
	if (p->first_sent == 0)
		p->first_sent = now;
}

void prober_unsent(struct prober *p, uint8_t ttl)
{
	p->hops[ttl - 1].sent--;
	p->sent--;
}
