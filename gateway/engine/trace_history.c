/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Histories among flows: taken, ended, told. */
#include "gateway/engine/trace.h"

#include <string.h>

enum {
	ENTRIES_A_LOOK = 64, /* that one call of inpath_engine_history passes over */
};

static void drop(struct inpath_engine *e, uint32_t slot)
{
	name_release(&e->names, e->histories.entries[slot].facts.host);
	history_drop(&e->histories, slot);
}

/* It is told if anybody wants to hear of it, and there is more to tell than its one path said. */
static void end(struct inpath_engine *e, uint32_t slot)
{
	bool worth = e->set->log_hops && e->histories.entries[slot].now.traces >= 2;

	e->flows.entries[e->histories.entries[slot].flow].history = 0;
	if (worth && history_end(&e->histories, slot))
		return;
	e->stats.epochs_lost += worth;
	drop(e, slot);
}

struct history *trace_history(struct inpath_engine *e, struct flow *f)
{
	if (f->history == 0) {
		uint32_t other = history_in_the_way(&e->histories);

		if (other != TABLE_NONE)
			end(e, other);
		f->history = history_take(&e->histories, (uint32_t)(f - e->flows.entries)) + 1;
	}
	table_touch(&e->histories.table, f->history - 1);
	return &e->histories.entries[f->history - 1];
}

void trace_history_note(struct inpath_engine *e, const struct trace *t, struct history *h)
{
	name_release(&e->names, h->facts.host);
	h->facts.host = name_share(&e->names, t->host);
	h->facts.flow = t->flow_facts;
	memcpy(h->facts.policy, t->policy, sizeof(h->facts.policy));
	memcpy(h->facts.service, t->service, sizeof(h->facts.service));
}

void trace_history_turns(struct inpath_engine *e, const struct history *h)
{
	uint32_t slot;

	if (!e->set->log_hops)
		return;
	slot = history_split(&e->histories, (uint32_t)(h - e->histories.entries));
	e->stats.epochs_lost += slot == TABLE_NONE;
	if (slot != TABLE_NONE)
		name_share(&e->names, h->facts.host);
}

void trace_history_ends(struct inpath_engine *e, const struct flow *f)
{
	if (f->history)
		end(e, f->history - 1);
}

static void tell(struct inpath_engine *e, const struct history *h, struct inpath_record *r)
{
	const struct client *c = client_find(&e->clients, &h->facts.flow.tuple.client);

	memset(r, 0, sizeof(*r));
	r->kind = INPATH_RECORD_EPOCH;
	r->at = h->now.until;
	r->flow = h->facts.flow;
	r->flow.device = c && c->name[0] ? c->name : NULL;
	r->flow.policy = h->facts.policy;
	r->flow.service = h->facts.service;
	r->flow.host = name_text(&e->names, h->facts.host);
	r->epoch = history_told(h, e->epoch_hops);
}

bool trace_histories_wait(const struct inpath_engine *e)
{
	return e->histories.count > (e->histories.told ? 1 : 0);
}

void trace_histories_report(struct inpath_engine *e)
{
	uint32_t slot = history_ended(&e->histories);
	struct inpath_action_item *item = &e->outbox.items[e->outbox.count];

	if (e->histories.told) {
		drop(e, slot);
		e->histories.told = false;
		slot = history_ended(&e->histories);
	}
	/* One a call: its hops stand in the engine's one place for them. */
	if (slot == TABLE_NONE || e->outbox.count == INPATH_OUTBOX_ACTIONS)
		return;
	item->kind = INPATH_ACTION_RECORD;
	tell(e, &e->histories.entries[slot], &item->record);
	e->outbox.count++;
	e->histories.told = true;
}

bool inpath_engine_history(struct inpath_engine *e, uint32_t *cursor, struct inpath_record *out)
{
	for (uint32_t looked = 0; looked < ENTRIES_A_LOOK; looked++) {
		const struct history *h;

		if (*cursor >= e->histories.table.fresh) {
			*cursor = INPATH_CURSOR_END;
			return false;
		}
		h = &e->histories.entries[(*cursor)++];
		if (h->state == HISTORY_LIVING) {
			e->outbox.count = 0;
			tell(e, h, out);
			return true;
		}
	}
	return false;
}
