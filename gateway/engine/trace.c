/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/engine/trace.h"

#include <errno.h>
#include <string.h>

static uint32_t probe_capacity(const struct inpath_limits *limits)
{
	/* Every trace may have a probe for every TTL in memory; the rate is bounded by it (trace_pay.c). */
	return limits->traces * INPATH_MAX_HOPS;
}

void trace_init(struct inpath_engine *e, struct arena *arena, const struct inpath_limits *limits)
{
	probes_init(&e->probes, arena, probe_capacity(limits), &e->key);
	histories_init(&e->histories, arena, limits->histories);
	table_init(&e->trace_table, arena, limits->traces);
	e->traces = arena_take(arena, limits->traces, sizeof(*e->traces));
	line_init(&e->line, arena, limits->flows, client_capacity(limits->flows), &e->key);
	deadlines_init(&e->deadlines, arena, limits->traces);
	deadlines_init(&e->wakings, arena, limits->flows);
	slow_init(&e->slow, arena, limits->flows);
}

static void detach(struct inpath_engine *e, struct trace *t)
{
	struct flow *f;

	if (t->flow == TABLE_NONE)
		return;
	f = &e->flows.entries[t->flow];
	t->e2e_ns = carrier_e2e(f);
	t->lan_ns = carrier_lan(f);
	if (f->tuple.proto == INPATH_PROTO_TCP)
		t->notes.handshake = f->tcp.handshake;
	f->trace = 0;
	t->flow = TABLE_NONE;
}

/* Gives the slot back at once: nothing of it is in the outbox. */
void trace_drop(struct inpath_engine *e, uint32_t slot)
{
	struct trace *t = &e->traces[slot];

	detach(e, t);
	trace_unpay(e, t, 0);
	name_release(&e->names, t->host);
	/* Answers to its probes may still come: they count for no trace. */
	t->phase = TRACE_DONE;
	deadline_set(&e->deadlines, slot, INPATH_TIME_NEVER);
	table_remove(&e->trace_table, slot);
	e->line_at = e->now;
}

/*
 * What a trace that was cut short did not see is no change. One that found no room for its doubts is not
 * repeated at once: there will be none, either.
 */
static void compare(
	struct inpath_engine *e, struct trace *t, struct flow *f, bool starved, inpath_time now)
{
	inpath_time due = f->next_trace;

	trace_compare(e, t, f, now);
	if (starved && f->confirming)
		f->next_trace = due;
}

void trace_finish(struct inpath_engine *e, uint32_t slot, enum inpath_stop stop, inpath_time now)
{
	struct trace *t = &e->traces[slot];
	struct flow *f = t->flow == TABLE_NONE ? NULL : &e->flows.entries[t->flow];
	bool starved = stop == INPATH_STOP_BUDGET;
	uint8_t last;

	if (t->walk.sent == 0) {
		trace_drop(e, slot);
		return;
	}
	/* Budget or tokens ran out, or the flow did not pause: what was asked for its doubts is not missed. */
	if ((starved || stop == INPATH_STOP_SHORT) && t->doubts)
		stop = t->settled;
	if ((starved || stop == INPATH_STOP_SHORT || stop == INPATH_STOP_ENDED) &&
		prober_is_complete(&t->walk))
		stop = INPATH_STOP_REACHED;
	trace_unpay(e, t, 0);
	/* Where the server stands by its newest packet: the route may have changed since the trace began. */
	if (f && stop == INPATH_STOP_INFERRED)
		t->walk.expected = carrier_distance(f);
	prober_sum_up(&t->walk, stop, &t->flow_facts.tuple.server);
	if (f)
		trace_slow_timing(e, t, now);
	if ((stop == INPATH_STOP_GAP || stop == INPATH_STOP_MAXTTL) && t->walk.unplaced)
		stop = INPATH_STOP_REACHED;
	last = prober_last(&t->walk);
	reading_take(t->walk.hops, last, &t->notes);
	t->notes.proxy = t->walk.proxy;
	t->stop = stop;
	t->phase = TRACE_REPORTING;
	t->log_path = e->set->log_paths != INPATH_LOG_PATHS_NONE;
	t->told = false;
	if (stop == INPATH_STOP_REACHED)
		e->stats.traces_reached++;
	path_take(&t->path, t->walk.hops, last,
		t->walk.unplaced && !t->walk.server_hop ? &t->flow_facts.tuple.server : NULL);
	if (f) {
		const struct client *c = client_find(&e->clients, &f->tuple.client);

		if (c) {
			t->flow_facts.has_mac = c->has_mac;
			t->flow_facts.mac = c->mac;
			memcpy(t->device, c->name, sizeof(t->device));
		}
		f->server_hop = t->walk.server_hop;
		compare(e, t, f, starved, now);
		/* Where a flow is slow is worth saying, whether its way is another or not. */
		t->log_path |=
			t->why == INPATH_WHY_SLOW && e->set->log_paths != INPATH_LOG_PATHS_NONE;
		/* It went to rest while the trace was under way, and may be due at once. */
		if (f->rested)
			deadline_set(&e->wakings, t->flow, f->next_trace);
		detach(e, t);
		carrier_timing_reset(f);
		if (carrier_closed(f))
			trace_history_ends(e, f);
	}
	deadline_set(&e->deadlines, slot, now);
}

void trace_forget_flow(struct inpath_engine *e, uint32_t flow)
{
	struct flow *f = &e->flows.entries[flow];

	deadline_set(&e->wakings, flow, INPATH_TIME_NEVER);
	slow_forget(&e->slow, flow);
	trace_leave_line(e, flow);
	if (f->trace) {
		uint32_t slot = f->trace - 1;

		if (e->traces[slot].phase == TRACE_WALKING)
			trace_finish(e, slot, INPATH_STOP_ENDED, e->now);
		else
			detach(e, &e->traces[slot]);
	}
	/* Last: the trace's end may just have made one. */
	trace_history_ends(e, f);
}

/* The walk knows all that it wants to: unless it is another path than the flow's, it is over. */
static void conclude(struct inpath_engine *e, uint32_t slot, enum inpath_stop stop, inpath_time now)
{
	struct trace *t = &e->traces[slot];

	if (!trace_doubts(e, t, &e->flows.entries[t->flow])) {
		trace_finish(e, slot, stop, now);
		return;
	}
	t->settled = stop;
	deadline_set(&e->deadlines, slot, now);
}

/* Lets a trace take its next step. True if it sent a probe. */
static bool step(struct inpath_engine *e, uint32_t slot, inpath_time now)
{
	struct trace *t = &e->traces[slot];
	const struct flow *f;
	struct prober_view view;
	struct prober_answer answer;

	if (t->phase == TRACE_REPORTING) {
		trace_report(e, slot, now);
		return false;
	}
	if (t->phase == TRACE_DONE) {
		trace_drop(e, slot);
		return false;
	}
	f = &e->flows.entries[t->flow];
	if (carrier_closed(f) || e->stopping) {
		inpath_time until = prober_answers_until(&t->walk);

		trace_unpay(e, t, 0);
		/* What is on its way may still count; nothing more is sent. */
		if (until > now && !e->stopping)
			deadline_set(&e->deadlines, slot, until);
		else
			trace_finish(e, slot, INPATH_STOP_ENDED, now);
		return false;
	}
	/* A new policy may have spoken: a flow that rests is not probed. */
	if (carrier_untouchable(f) || t->refused || f->state != FLOW_TRACED) {
		trace_finish(e, slot, INPATH_STOP_SHORT, now);
		return false;
	}
	view = carrier_view(f, e->epoch, now);
	if (view.empty)
		view.empty_from = trace_empty_from(e, f, now);
	answer = prober_ask(&t->walk, &view, now);
	/* What is not sent now is left to others. */
	if (answer.say != PROBER_SEND)
		trace_unpay(e, t, 0);
	t->alone = answer.say == PROBER_WAIT && answer.alone;
	t->alone_till = answer.until;
	switch (answer.say) {
	case PROBER_SEND:
		return trace_at_hand(e, slot, now) && trace_send(e, slot, answer.ttls, now);
	case PROBER_WAIT: deadline_set(&e->deadlines, slot, answer.until); return false;
	case PROBER_DONE: conclude(e, slot, answer.stop, now); return false;
	}
	return false;
}

inpath_time inpath_engine_next_deadline(const struct inpath_engine *e)
{
	uint32_t slot;

	if (trace_histories_wait(e))
		return e->now;
	return earliest(earliest(deadline_first(&e->deadlines, &slot), trace_line_deadline(e)),
		earliest(look_deadline(&e->look), e->slow.at));
}

void inpath_engine_tick(struct inpath_engine *e, inpath_time now)
{
	uint32_t sends = 0, slot;

	e->now = latest(e->now, now);
	now = e->now;
	e->outbox.count = 0;
	if (!e->set)
		return;
	probes_expire(&e->probes, now);
	trace_line_step(e, now);
	while (sends < INPATH_SENDS_A_TICK && e->outbox.count < INPATH_OUTBOX_ACTIONS &&
		deadline_first(&e->deadlines, &slot) <= now)
		sends += step(e, slot, now);
	look_step(&e->look, &e->flows, &e->outbox, now);
	trace_slow_step(e, now);
	trace_histories_report(e);
}

void inpath_engine_sent(struct inpath_engine *e, uint32_t id, int error, inpath_time now)
{
	struct sent_probe *s = &e->probes.entries[id];
	struct trace *t = &e->traces[s->trace];

	e->now = latest(e->now, now);
	e->stats.probes += error == 0;
	if (t->run == s->run)
		trace_spent_late(e, t, s->ttl, s->sent, now);
	if (t->run != s->run || t->phase != TRACE_WALKING)
		return;
	if (error == 0) {
		s->sent = now;
		t->walk.last_sent[s->ttl - 1] = now;
		t->walk.newest_sent = now;
		return;
	}
	if (error != EPERM) {
		/* A full buffer: the attempt is spent, and the next one makes up for it. */
		e->stats.probes_failed++;
		return;
	}
	/* A firewall, or conntrack says that the probe is not part of the connection (law 5):
	 * this flow's probes do not get out, so leave it alone until its next interval. */
	e->stats.probes_refused++;
	prober_unsent(&t->walk, s->ttl);
	t->refused = true;
	deadline_set(&e->deadlines, s->trace, e->now);
}
