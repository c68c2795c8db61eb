/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Answers to probes: which trace they count for, and whether they do (law 8). */
#include "gateway/engine/trace.h"

#include "gateway/engine/extension.h"

#include <string.h>

/* See is_due. */
#define BARE_SLACK  (1 * INPATH_MSEC)
/* Linux answers one segment without data that is out of the window, and in the 500 ms behind it no other
 * (tcp_invalid_ratelimit). */
#define EMPTY_PAUSE (600 * INPATH_MSEC)

/* The trace that a probe belongs to, if it still walks and the answer is in time. */
static struct trace *open_trace(
	struct inpath_engine *e, const struct sent_probe *s, inpath_time now)
{
	struct trace *t = &e->traces[s->trace];

	if (t->run != s->run || t->phase != TRACE_WALKING || now > s->sent + t->walk.timeout_ns)
		return NULL;
	return t;
}

static uint64_t rtt_of(const struct sent_probe *s, inpath_time now)
{
	return now > s->sent ? now - s->sent : 1;
}

/*
 * Law 8: an answer counts once, and in time. The trace that it counts for, or NULL. A probe may be
 * answered by a router and by the server: where a proxy answers what it forwards.
 */
static struct trace *answer(struct inpath_engine *e, struct sent_probe *s,
	const struct inpath_addr *from, bool server, inpath_time now)
{
	struct trace *t = open_trace(e, s, now);
	bool again = server ? s->by_server : s->by_router;

	if (again) {
		e->stats.replies_again++;
		return NULL;
	}
	s->by_server |= server;
	s->by_router |= !server;
	/* What a router says beats what is said in the server's name. */
	if (!s->answered || !server) {
		s->rtt_ns = rtt_of(s, now);
		s->from = *from;
	}
	s->answered = true;
	if (!t) {
		e->stats.replies_late++;
		return NULL;
	}
	deadline_set(&e->deadlines, s->trace, now);
	return t;
}

static void router_answered(struct inpath_engine *e, struct sent_probe *s,
	const struct prober_reply *reply, inpath_time now)
{
	struct prober_reply r = *reply;
	struct trace *t = answer(e, s, &reply->from, false, now);

	if (!t)
		return;
	r.rtt_ns = s->rtt_ns;
	r.attempt = s->attempt;
	prober_router(&t->walk, s->ttl, &r);
}

/*
 * A reply whose token was rewritten on the way counts once a second one of the trace agrees on the
 * offset; the first one counts then, too, as of when it came. True if this one counts.
 */
static bool shifted_reply(struct inpath_engine *e, struct trace *t, const struct reply_match *m,
	const struct prober_reply *reply, inpath_time now)
{
	struct trace_shift *shift = &t->shift;

	if (shift->kind != m->kind || shift->shift != m->shift) {
		if (!shift->confirmed)
			*shift = (struct trace_shift){ m->kind, false, m->shift, m->slot, now,
				*reply };
		return false;
	}
	if (!shift->confirmed && m->slot == shift->slot)
		return false;
	if (!shift->confirmed) {
		struct flow *f = &e->flows.entries[t->flow];

		shift->confirmed = true;
		f->shift_kind = (uint8_t)m->kind;
		f->shift = m->shift;
		router_answered(e, &e->probes.entries[shift->slot], &shift->reply, shift->at);
	}
	router_answered(e, &e->probes.entries[m->slot], reply, now);
	return true;
}

/* Has a trace of this flow shown that its tokens come back with this offset? */
static bool shift_is_known(
	const struct inpath_engine *e, const struct sent_probe *s, const struct reply_match *m)
{
	uint32_t slot = flow_find(&e->flows, &s->tuple);
	const struct flow *f = slot == TABLE_NONE ? NULL : &e->flows.entries[slot];

	return f && f->shift_kind == m->kind && f->shift == m->shift;
}

static struct prober_reply reply_facts(
	const struct reply_match *m, const struct sent_probe *s, const struct packet *p)
{
	struct prober_reply reply = {
		.from = p->src,
		.reply_ttl = p->ttl,
		.quoted_ttl = p->quote.ttl,
		.quoted_len = p->quote.quoted,
		.icmp_type = p->icmp_type,
		.icmp_code = p->icmp_code,
		.rewritten = reply_rewritten(m, s, &p->quote),
		.unreach = reply_unreach(p),
	};
	struct extension ext;

	if (extension_parse(p->extensions, p->extensions_len, p->extensions_announced, &ext)) {
		reply.mpls_count = ext.mpls_count;
		memcpy(reply.mpls, ext.mpls, sizeof(reply.mpls));
		reply.interface = ext.interface;
	}
	return reply;
}

bool trace_reply(struct inpath_engine *e, const struct reply_match *m, const struct packet *p,
	inpath_time now)
{
	struct sent_probe *s = &e->probes.entries[m->slot];
	struct trace *t = open_trace(e, s, now);
	struct prober_reply reply;
	bool known;

	/* It quotes a probe, but does not say where that one ended: a redirect, a quench. */
	if (!reply_expired(p) && !reply_unreach(p))
		return m->kind == REPLY_EXACT;
	reply = reply_facts(m, s, p);
	if (m->kind == REPLY_EXACT) {
		router_answered(e, s, &reply, now);
		return true;
	}
	known = shift_is_known(e, s, m);
	if (t)
		return shifted_reply(e, t, m, &reply, now) || known;
	/* Late: it counts for nothing. One that is only suspected to be ours passes. */
	if (known)
		router_answered(e, s, &reply, now);
	return known;
}

static void note_rewriter(struct inpath_engine *e, uint32_t ifindex)
{
	for (uint32_t i = 0; i < TRACE_REWRITERS; i++) {
		if (e->rewriters[i] == 0) {
			e->rewriters[i] = ifindex;
			return;
		}
	}
}

void trace_reached(struct inpath_engine *e, uint32_t probe, const struct packet *p, inpath_time now)
{
	struct sent_probe *s = &e->probes.entries[probe];
	bool first = !s->answered && !s->bare;
	struct trace *t = open_trace(e, s, now);
	struct prober_arrival arrival = {
		.attempt = s->attempt,
		.reply_ttl = p->ttl,
		.server = p->src,
		.rtt_ns = rtt_of(s, now),
	};

	if (t) {
		struct flow *f = &e->flows.entries[t->flow];

		arrival.odd = f->tcp.server_ttl && p->ttl != f->tcp.server_ttl;
		if (!arrival.odd)
			tcp_answered_in(&f->tcp, arrival.rtt_ns);
	}
	/* Behind a proxy's answer the server's own may come: it alone is from the right distance. */
	if (s->by_server && t && !arrival.odd && prober_was_odd(&t->walk, s->ttl))
		s->by_server = false;
	t = answer(e, s, &p->src, true, now);
	e->stats.touches += first;
	if (!t)
		return;
	if (s->ttl == 1 && t->walk.expected > 2) {
		/* TTL 1 reached a server that is hops away: every TTL does on this WAN. */
		e->stats.ttl_rewritten++;
		note_rewriter(e, e->flows.entries[t->flow].out_ifindex);
		trace_drop(e, s->trace);
		return;
	}
	prober_reached(&t->walk, s->ttl, &arrival);
}

bool trace_stray(struct inpath_engine *e, const struct packet *p, inpath_time now)
{
	uint32_t slot = reply_match_stray(&e->probes, p), flow, exact = TABLE_NONE;
	const struct sent_probe *s;
	struct trace *t;

	if (slot == TABLE_NONE)
		return false;
	s = &e->probes.entries[slot];
	flow = flow_find(&e->flows, &s->tuple);
	if (flow != TABLE_NONE && e->flows.entries[flow].shift_kind == REPLY_SEQ)
		exact = reply_match_dsack(&e->probes, &s->tuple, p, e->flows.entries[flow].shift);
	if (exact != TABLE_NONE) {
		trace_reached(e, exact, p, now);
		return true;
	}
	/* By how much the block is off is not known, or not yet: so no TTL is. */
	t = open_trace(e, s, now);
	if (t)
		prober_stray(&t->walk, rtt_of(s, now));
	return true;
}

/*
 * The flow's oldest touch that is still waited for, or NULL. Its trace may be over by now: a server
 * is given `timeout_ms` to answer, a trace waits only as long as it can learn something.
 */
static struct sent_probe *oldest_touch(
	const struct inpath_engine *e, const struct flow *f, inpath_time now)
{
	const struct table *t = &e->probes.table;
	inpath_time patience = e->set->timeout_ms * INPATH_MSEC;
	struct sent_probe *oldest = NULL;

	if (now > f->touch_until)
		return NULL;
	if (f->tuple.proto != INPATH_PROTO_TCP)
		return NULL;
	for (uint32_t at = t->newest; at != TABLE_NONE; at = t->links[at].older) {
		struct sent_probe *s = &e->probes.entries[at];

		if (now > s->sent + patience)
			break;
		if (s->touch && !s->answered && !s->bare && tuple_equal(&s->tuple, &f->tuple))
			oldest = s;
	}
	return oldest;
}

/*
 * Can this be the answer to the touch? Not in half the time that the server took to answer when it was
 * soonest; of so short a time that processors decide it, nothing can be said.
 */
static bool is_due(const struct flow *f, const struct sent_probe *s, inpath_time now)
{
	return now + BARE_SLACK >= s->sent + f->tcp.soonest_ns / 2;
}

bool trace_touch_outstanding(const struct inpath_engine *e, const struct flow *f, inpath_time now)
{
	return oldest_touch(e, f, now) != NULL;
}

inpath_time trace_empty_from(const struct inpath_engine *e, const struct flow *f, inpath_time now)
{
	const struct table *t = &e->probes.table;

	if (now > f->touch_until + EMPTY_PAUSE)
		return 0;
	for (uint32_t at = t->newest; at != TABLE_NONE; at = t->links[at].older) {
		const struct sent_probe *s = &e->probes.entries[at];

		if (now >= s->sent + EMPTY_PAUSE)
			break;
		if (s->touch && s->empty && (s->bare || s->by_server) &&
			tuple_equal(&s->tuple, &f->tuple))
			return s->sent + EMPTY_PAUSE;
	}
	return 0;
}

bool trace_bare_ack(struct inpath_engine *e, uint32_t flow, inpath_time now)
{
	struct flow *f = &e->flows.entries[flow];
	struct sent_probe *s = oldest_touch(e, f, now);
	struct trace *t;

	if (!s)
		return false;
	/* Its own affair: the client's ACKs have overtaken each other, say. */
	if (f->names_bytes && !s->empty)
		return false;
	if (!is_due(f, s, now)) {
		/* Or only the SYN was held up: then whatever is answered is answered so soon, again. */
		if (now > s->sent)
			tcp_answered_in(&f->tcp, now - s->sent);
		return false;
	}
	e->stats.touches++;
	/* It may be the server's own affair: one that names this probe's byte still counts as its answer. */
	s->bare = true;
	t = open_trace(e, s, now);
	if (!t) {
		e->stats.replies_late++;
		return true;
	}
	deadline_set(&e->deadlines, s->trace, now);
	prober_unplaced(&t->walk, rtt_of(s, now));
	t->walk.unplaced_lone |= s->empty;
	return true;
}
