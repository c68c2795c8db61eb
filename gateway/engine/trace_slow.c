/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is slow is traced at once: by conntrack's counters at rest, by what passes the queue otherwise. */
#include "gateway/engine/trace.h"

enum {
	COUNTS_A_TICK = 4, /* each is a question to the kernel, while packets wait */
};

void trace_slow_step(struct inpath_engine *e, inpath_time now)
{
	uint32_t flow;

	if (!e->set->counters || e->stopping) {
		e->slow.at = INPATH_TIME_NEVER;
		return;
	}
	for (int i = 0; i < COUNTS_A_TICK && e->outbox.count < INPATH_OUTBOX_ACTIONS &&
			slow_next(&e->slow, &flow, now);
		i++) {
		const struct flow *f = &e->flows.entries[flow];
		struct inpath_action_item *item = &e->outbox.items[e->outbox.count];

		if (!f->rested || f->state != FLOW_TRACED || carrier_closed(f)) {
			slow_woken(&e->slow, flow);
			continue;
		}
		item->kind = INPATH_ACTION_COUNT;
		item->count = f->tuple;
		e->outbox.count++;
	}
}

/* The flow is slow for a cause that `counter` counts: traced, unless that was said a moment ago. */
static void say(struct inpath_engine *e, uint32_t flow, uint64_t *counter, inpath_time now)
{
	if (!slow_say(&e->slow.flows[flow], now))
		return;
	(*counter)++;
	trace_hasten(e, flow, INPATH_WHY_SLOW, now);
}

void inpath_engine_counters(struct inpath_engine *e, const struct inpath_tuple *tuple,
	const struct inpath_counters *counters, inpath_time now)
{
	uint32_t slot = flow_find(&e->flows, tuple);
	struct slow_flow *s;
	struct flow *f;

	e->now = latest(e->now, now);
	if (slot == TABLE_NONE)
		return;
	f = &e->flows.entries[slot];
	s = &e->slow.flows[slot];
	if (!f->rested || f->state != FLOW_TRACED || carrier_closed(f) ||
		!slow_count(&e->slow, slot, counters, e->now))
		return;
	/* Farther on, what was seen last would no longer be old to the server, but new. */
	f->vouched = !slow_is_far(s);
	say(e, slot, &e->stats.slow_stall, e->now);
}

void trace_slow_repeat(struct inpath_engine *e, uint32_t flow, uint32_t seq, inpath_time now)
{
	const struct flow *f = &e->flows.entries[flow];

	if (f->state == FLOW_TRACED && f->history && slow_repeat(&e->slow.flows[flow], seq, now))
		say(e, flow, &e->stats.slow_retransmit, now);
}

/* The server's RTT: of TCP's own samples each may be a delayed acknowledgement, touches' are not. */
static uint64_t server_rtt(const struct trace *t, const struct flow *f)
{
	uint64_t passive = carrier_e2e(f), touch = 0;

	if (t->walk.manner != PROBER_PROVES)
		return passive;
	if (t->walk.server_hop)
		touch = t->walk.hops[t->walk.server_hop - 1].rtt_min_ns;
	else if (t->walk.unplaced)
		touch = t->walk.unplaced_rtt_ns;
	return touch && passive && passive < touch ? passive : touch;
}

void trace_slow_timing(struct inpath_engine *e, const struct trace *t, inpath_time now)
{
	struct slow_flow *s = &e->slow.flows[t->flow];
	const struct flow *f = &e->flows.entries[t->flow];
	bool e2e = slow_rtt(&s->e2e, server_rtt(t, f));
	bool lan = slow_rtt(&s->lan, carrier_lan_is_sure(f) ? carrier_lan(f) : 0);

	if (e2e || lan)
		say(e, t->flow, &e->stats.slow_rtt, now);
}
