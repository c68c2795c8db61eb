/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A trace's probes: paid for by the budgets, given a token, put into the outbox. */
#include "gateway/engine/trace.h"
#include "gateway/engine/ttls.h"

/*
 * Pays for as many of `ttls`, lowest first, as the smallest budget can ever hold at once. Pays for
 * all of them or waits: a wave never thins out. Returns 0 if paid, else when to ask again.
 */
static inpath_time pay(struct inpath_engine *e, struct trace *t, uint64_t ttls, inpath_time now)
{
	const struct inpath_budget *b = &e->set->budget;
	struct client *client = client_get(&e->clients, &t->flow_facts.tuple.client, now);
	uint32_t most = b->gateway < b->client ? b->gateway : b->client;
	uint32_t count = 0;
	uint64_t paid = 0;
	inpath_time ready;

	for (uint8_t i = 0; i < INPATH_MAX_HOPS && count < most; i++) {
		if (ttls & 1ULL << i) {
			paid |= 1ULL << i;
			count++;
		}
	}
	ready = latest(bucket_ready(&e->gateway_bucket, b->gateway, count, now),
		bucket_ready(&client->bucket, b->client, count, now));
	for (uint8_t i = 0; i < TRACE_FIRST_HOPS; i++)
		if (paid & 1ULL << i)
			ready = latest(ready,
				bucket_ready(&e->first_hop_buckets[i], b->first_hops, 1, now));
	if (ready > now)
		return ready;
	(void)bucket_take(&e->gateway_bucket, b->gateway, count, now);
	(void)bucket_take(&client->bucket, b->client, count, now);
	for (uint8_t i = 0; i < TRACE_FIRST_HOPS; i++)
		if (paid & 1ULL << i)
			(void)bucket_take(&e->first_hop_buckets[i], b->first_hops, 1, now);
	t->granted = paid;
	return 0;
}

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

bool trace_send(struct inpath_engine *e, uint32_t slot, uint64_t ttls, inpath_time now)
{
	struct trace *t = &e->traces[slot];
	const struct flow *f = &e->flows.entries[t->flow];
	struct probe_token token;
	uint32_t probe_slot = TABLE_NONE;
	uint8_t ttl;

	t->granted &= ttls;
	if (t->granted == 0) {
		inpath_time ready = pay(e, t, ttls, now);

		if (ready && t->walk.sent && now >= t->walk.first_sent + PROBER_HELD_MAX) {
			trace_finish(e, slot, INPATH_STOP_BUDGET, now);
			return false;
		}
		if (ready) {
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
	t->granted &= ~ttl_bit(ttl);
	emit(e, slot, ttl, probe_slot, &token);
	deadline_set(&e->deadlines, slot, now);
	return true;
}
