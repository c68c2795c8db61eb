/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a finished trace has to say, record by record, as the outbox has room. */
#include "gateway/engine/trace.h"

#include <string.h>

static struct inpath_record *put_record(struct inpath_engine *e, struct trace *t)
{
	struct inpath_action_item *item = &e->outbox.items[e->outbox.count++];
	struct inpath_record *r = &item->record;

	item->kind = INPATH_ACTION_RECORD;
	memset(r, 0, sizeof(*r));
	r->at = t->walk.first_sent;
	r->flow = t->flow_facts;
	r->flow.device = t->device[0] ? t->device : NULL;
	r->flow.policy = t->policy;
	r->flow.service = t->service;
	r->flow.host = name_text(&e->names, t->host);
	return r;
}

static void put_path(struct inpath_engine *e, struct trace *t)
{
	struct inpath_record *r = put_record(e, t);

	r->kind = INPATH_RECORD_PATH;
	r->path = (struct inpath_record_path){
		.unlogged = !t->log_path,
		.why = t->why,
		.stop = t->stop,
		.nhop = prober_last(&t->walk),
		.sent = t->walk.sent,
		.fingerprint = t->path.fingerprint,
		.e2e_ns = t->e2e_ns,
		.lan_ns = t->lan_ns,
		.hops = t->walk.hops,
		.unplaced = t->walk.unplaced && t->walk.server_hop == 0,
		.unplaced_rtt_ns = t->walk.unplaced_rtt_ns,
		.notes = t->notes,
	};
	e->stats.records += t->log_path;
}

static void put_change(struct inpath_engine *e, struct trace *t)
{
	struct inpath_record *r = put_record(e, t);

	r->kind = INPATH_RECORD_CHANGE;
	r->change = t->change;
}

static void put_probe(struct inpath_engine *e, struct trace *t, const struct sent_probe *probe)
{
	struct inpath_record *r = put_record(e, t);

	r->kind = INPATH_RECORD_PROBE;
	r->probe = (struct inpath_record_probe){
		.ttl = probe->ttl,
		.attempt = probe->attempt,
		.token = probe->ip_id ? probe->ip_id : probe->seq,
		.answered = probe->answered,
		.rtt_ns = probe->rtt_ns,
		.from = probe->from,
		.sent = probe->sent,
	};
}

/* The trace's next probe from first_probe on, or TABLE_NONE; moves first_probe behind it. */
static uint32_t next_probe(struct inpath_engine *e, struct trace *t)
{
	while (t->first_probe != TABLE_NONE) {
		uint32_t slot = t->first_probe;

		t->first_probe = table_newer(&e->probes.table, slot);
		if (e->probes.entries[slot].run == t->run)
			return slot;
	}
	return TABLE_NONE;
}

/* Writes the trace's next record; false if there is none left. */
static bool put_next(struct inpath_engine *e, struct trace *t)
{
	uint8_t last = prober_last(&t->walk);
	uint32_t at;

	if (!t->told && (t->log_path || e->set->every_path)) {
		t->told = true;
		put_path(e, t);
		return true;
	}
	if (t->log_change) {
		t->log_change = false;
		put_change(e, t);
		return true;
	}
	if (e->set->log_hops && t->reported < last) {
		struct inpath_record *r = put_record(e, t);

		r->kind = INPATH_RECORD_HOP;
		r->hop = &t->walk.hops[t->reported++];
		return true;
	}
	at = e->set->log_probes ? next_probe(e, t) : TABLE_NONE;
	if (at == TABLE_NONE)
		return false;
	put_probe(e, t, &e->probes.entries[at]);
	return true;
}

void trace_report(struct inpath_engine *e, uint32_t slot, inpath_time now)
{
	struct trace *t = &e->traces[slot];

	while (e->outbox.count < INPATH_OUTBOX_ACTIONS) {
		if (!put_next(e, t)) {
			/* Its records may stand in the outbox: the slot is free from the next call. */
			t->phase = TRACE_DONE;
			deadline_set(&e->deadlines, slot, now + 1);
			return;
		}
	}
}
