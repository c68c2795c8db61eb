/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A trace's probes: given a token, put into the outbox. */
#include "gateway/engine/trace.h"
#include "gateway/engine/ttls.h"

static void emit(struct inpath_engine *e, uint32_t slot, uint8_t ttl, uint32_t probe_slot,
	const struct probe_token *token)
{
	struct trace *t = &e->traces[slot];
	struct flow *f = &e->flows.entries[t->flow];
	struct sent_probe *s = &e->probes.entries[probe_slot];
	struct inpath_action_item *item = &e->outbox.items[e->outbox.count++];
	bool near = prober_is_touch(&t->walk, ttl);
	/* QUIC's server answers nothing that would have to be waited for. */
	bool touch = near && t->walk.manner == PROBER_PROVES;

	item->kind = INPATH_ACTION_SEND;
	item->probe.id = probe_slot;
	item->probe.client = f->tuple.client;
	item->probe.server = f->tuple.server;
	item->probe.out_ifindex = f->out_ifindex;
	item->probe.mark = f->mark | e->set->mark_probe;
	item->probe.len = carrier_build(item->probe.bytes, f, token, ttl, !near);

	s->ttl = ttl;
	s->touch = touch;
	s->empty = token->empty;
	s->ip_id = token->ip_id;
	s->len = (uint16_t)item->probe.len;
	probe_signature(item->probe.bytes, s);
	s->trace = slot;
	s->run = t->run;
	s->sent = e->now;
	prober_sent(&t->walk, ttl, e->now);
	s->attempt = t->walk.hops[ttl - 1].sent;
	if (touch)
		f->touch_until = e->now + t->walk.timeout_ns;
	if (t->first_probe == TABLE_NONE)
		t->first_probe = probe_slot;
}

/* The TTL that a doubt asks once more, if it is among these. */
static uint64_t doubted(const struct trace *t, uint64_t ttls)
{
	uint8_t ttl = t->walk.confirm;

	return ttl && t->walk.hops[ttl - 1].sent ? ttls & ttl_bit(ttl) : 0;
}

bool trace_send(struct inpath_engine *e, uint32_t slot, uint64_t ttls, inpath_time now)
{
	struct trace *t = &e->traces[slot];
	const struct flow *f = &e->flows.entries[t->flow];
	struct probe_token token;
	uint32_t probe_slot = TABLE_NONE;
	uint8_t ttl;

	trace_unpay(e, t, ttls);
	if (t->granted == 0) {
		uint64_t usual = ttls & ~doubted(t, ttls);
		inpath_time ready = trace_pay(e, t, usual ? usual : ttls, usual == 0, now);

		if (ready > now && t->walk.sent && now >= t->walk.first_sent + PROBER_HELD_MAX) {
			trace_finish(e, slot, INPATH_STOP_BUDGET, now);
			return false;
		}
		if (ready > now) {
			e->stats.budget_waits += !t->waited;
			t->waited = true;
			t->not_before = ready;
			deadline_set(&e->deadlines, slot, ready);
			return false;
		}
		t->waited = false;
	}
	ttl = ttls_lowest(t->granted);
	if (carrier_choose(&e->probes, f, t->walk.timeout_ns, now, &token))
		probe_slot = probe_add(&e->probes, &f->tuple, token.seq);
	if (probe_slot == TABLE_NONE) {
		e->stats.tokens_full++;
		if (now >= t->walk.began + PROBER_HELD_MAX) {
			trace_finish(e, slot, INPATH_STOP_SHORT, now);
		} else {
			t->not_before = now + t->walk.timeout_ns / 2;
			deadline_set(&e->deadlines, slot, t->not_before);
		}
		return false;
	}
	trace_spend(e, t, ttl);
	emit(e, slot, ttl, probe_slot, &token);
	deadline_set(&e->deadlines, slot, now);
	return true;
}
