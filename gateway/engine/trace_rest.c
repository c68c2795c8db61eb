/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * When a traced flow rests (DESIGN section 8): between two traces, and in a trace while that waits for
 * routers only. Their answers come to the queue by a rule of their own, so of the second or more that a
 * trace may last (silent hops are given time), a flow's packets need to be seen for a moment only: from
 * the carrier to the answer to the last touch. Whatever is sent later is modelled on a packet of that
 * moment: the flow is brought back first. Measured: of a stream of 300,000 datagrams in 2 s that is traced
 * at its start some 110 come to the queue.
 */
#include "gateway/engine/trace.h"

/* Coming and going is not worth a shorter wait than this. */
#define REST_IN_TRACE_LEAST (20 * INPATH_MSEC)
/* A flow that was brought back may have nothing to say: then its trace goes on by what is known of it. */
#define CARRIER_WAIT        (200 * INPATH_MSEC)
/* Where a flow has shown that no bit of ours stays on connections, no other is put to rest in a trace for so long. */
#define RESTLESS_MEMORY     (600 * INPATH_SEC)

bool trace_may_rest(const struct inpath_engine *e, const struct flow *f, inpath_time now)
{
	const struct trace *t = f->trace ? &e->traces[f->trace - 1] : NULL;

	if (f->decided != e->set_number)
		return false;
	/* Whoever is not called soon keeps its place, and waits asleep. */
	if (f->in_line) {
		uint32_t flow = (uint32_t)(f - e->flows.entries);

		return line_is_waiting(&e->line, flow) &&
		       now >= e->line.places[flow].since + TRACE_AWAKE_MAX;
	}
	if (f->next_trace < now + TRACE_REST_LEAST)
		return false;
	/* Each hop of a climb would bring it back. */
	return !t || ((!e->restless_at || now > e->restless_at + RESTLESS_MEMORY) && t->alone &&
			     t->phase == TRACE_WALKING && t->walk.manner != PROBER_CLIMBS &&
			     t->alone_till >= now + REST_IN_TRACE_LEAST &&
			     !prober_may_reach(&t->walk, now));
}

void trace_rested(struct inpath_engine *e, struct flow *f)
{
	uint32_t flow = (uint32_t)(f - e->flows.entries);

	f->expected = false;
	if (f->trace)
		e->traces[f->trace - 1].woken = 0;
	if (!f->in_line)
		deadline_set(&e->wakings, flow, f->next_trace);
	if (e->set->counters)
		slow_rested(&e->slow, flow, e->now);
}

/* One whose packets came all the while, where no bit of ours may stand on connections, was not unseen. */
void trace_arm(struct inpath_engine *e, struct flow *f)
{
	struct inpath_action_item *item = &e->outbox.items[e->outbox.count++];

	f->rested = false;
	if (!f->restless)
		carrier_was_unseen(f);
	f->restless = false;
	item->kind = INPATH_ACTION_ARM;
	item->arm = f->tuple;
}

bool trace_at_hand(struct inpath_engine *e, uint32_t slot, inpath_time now)
{
	struct trace *t = &e->traces[slot];
	struct flow *f = &e->flows.entries[t->flow];

	if (f->rested && !f->restless) {
		trace_arm(e, f);
		t->woken = now;
	}
	if (!t->woken || now >= t->woken + CARRIER_WAIT ||
		(f->seen >= t->woken && carrier_ready(f, now)))
		return true;
	deadline_set(&e->deadlines, slot, t->woken + CARRIER_WAIT);
	return false;
}
