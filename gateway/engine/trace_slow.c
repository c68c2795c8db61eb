/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is slow is traced at once: what conntrack has counted of flows at rest. */
#include "gateway/engine/trace.h"

void trace_slow_step(struct inpath_engine *e, inpath_time now)
{
	struct inpath_action_item *item;

	if (now < e->slow.at || e->outbox.count == INPATH_OUTBOX_ACTIONS)
		return;
	if (!e->wakings.count || !e->set->counters || e->stopping) {
		e->slow.at = INPATH_TIME_NEVER;
		return;
	}
	item = &e->outbox.items[e->outbox.count++];
	item->kind = INPATH_ACTION_COUNT;
	e->slow.at = now + SLOW_INTERVAL;
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
		!slow_count(s, counters, e->now) || !slow_say(s, e->now))
		return;
	e->stats.slow_stall++;
	/* Farther on, what was seen last would no longer be old to the server, but new. */
	f->vouched = s->unseen < TCP_FAR;
	trace_hasten(e, slot, INPATH_WHY_SLOW, e->now);
}
