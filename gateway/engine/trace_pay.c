/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a trace's probes cost, and in which windows: the gateway's, the client's, the first hops'.
 *
 * Each probe is remembered for PROBE_MEMORY. Where the memory holds fewer than the gateway's rate makes in that
 * time (`limits` for small routers), it would be full after some seconds and stay so for the rest, and traces that
 * have begun would stand: so no more is sent in any second than it holds for each of these.
 *
 * A router that all paths have in common puts every flow in doubt at once when it is replaced, and each asks
 * about it by many more probes than a trace has for that TTL. So doubts have a share of their own: half of
 * what there is as long as others wait for a trace, and no less than that, so that neither starves the other.
 */
#include "gateway/engine/trace.h"
#include "gateway/engine/ttls.h"

#include <string.h>

enum {
	BILL_GATEWAY,
	BILL_CLIENT,
	BILL_FIRST_HOPS,
	BILL_DOUBTS =
		BILL_FIRST_HOPS + TRACE_FIRST_HOPS, /* of the gateway, and of each first hop */
	BILLS = BILL_DOUBTS + TRACE_DOUBTS,
	/* A memory of probes that holds fewer for as long as it has to is not made for a household. */
	RATE_LEAST = 2 * PROBER_UNKNOWN_WAVE,
	/* One for so many, as by default, is not a small router's: a budget beyond it is meant for bursts. */
	RATE_ENOUGH = 500,
};

uint32_t trace_gateway_rate(const struct inpath_engine *e)
{
	uint32_t room = e->probes.table.capacity / (PROBE_MEMORY / INPATH_SEC + 1);

	if (room >= RATE_ENOUGH)
		return e->set->budget.gateway;
	room = room > RATE_LEAST ? room : RATE_LEAST;
	return e->set->budget.gateway < room ? e->set->budget.gateway : room;
}

struct bill {
	struct window *window; /* NULL: nothing is due there */
	uint32_t rate;
	uint32_t count;
};

/* What doubts may take of a rate while others wait. */
static uint32_t share_of(uint32_t rate)
{
	return rate > 1 ? rate / 2 : rate;
}

static void make_doubt_bills(
	struct inpath_engine *e, uint64_t ttls, struct bill bills[TRACE_DOUBTS])
{
	const struct inpath_budget *b = &e->set->budget;

	for (uint8_t i = 0; i < TRACE_DOUBTS; i++) {
		uint32_t rate = i ? b->first_hops : trace_gateway_rate(e);

		bills[i] = (struct bill){
			i == 0 || ttls_has(ttls, i) ? &e->doubt_windows[i] : NULL,
			e->line.count ? share_of(rate) : rate,
			i ? 1 : ttls_count(ttls),
		};
	}
}

/* `doubts`: these TTLs are asked once more because of a doubt. */
static void make_bills(struct inpath_engine *e, struct window *client, uint64_t ttls, bool doubts,
	struct bill bills[BILLS])
{
	const struct inpath_budget *b = &e->set->budget;
	uint32_t count = ttls_count(ttls);

	memset(bills, 0, BILLS * sizeof(*bills));
	bills[BILL_GATEWAY] = (struct bill){ &e->gateway_window, trace_gateway_rate(e), count };
	bills[BILL_CLIENT] = (struct bill){ client, b->client, count };
	for (uint8_t i = 0; i < TRACE_FIRST_HOPS; i++)
		bills[BILL_FIRST_HOPS + i] =
			(struct bill){ ttls_has(ttls, (uint8_t)(i + 1)) ? &e->first_hop_windows[i]
									: NULL,
				b->first_hops, 1 };
	if (doubts)
		make_doubt_bills(e, ttls, &bills[BILL_DOUBTS]);
}

/* The window of whoever pays for a trace; NULL if the client was forgotten meanwhile. */
static struct window *payer(const struct inpath_engine *e, const struct trace *t)
{
	return client_window(&e->clients, t->client, t->client_born);
}

/* The lowest of `ttls`, as many as can ever be paid for at once. */
static uint64_t affordable(const struct inpath_engine *e, uint64_t ttls)
{
	uint32_t most = trace_gateway_rate(e);
	uint64_t some = 0;

	if (e->set->budget.client < most)
		most = e->set->budget.client;
	for (; ttls && most; most--) {
		some |= ttls & -ttls;
		ttls &= ttls - 1;
	}
	return some;
}

static void unclaim(struct inpath_engine *e, struct trace *t)
{
	struct bill bills[BILLS];

	if (t->claims == 0)
		return;
	make_bills(e, payer(e, t), t->claimed, t->doubting, bills);
	for (uint32_t i = 0; i < BILLS; i++)
		if (bills[i].window && t->claims & 1U << i)
			bills[i].window->claimed -= bills[i].count;
	t->claims = 0;
	t->claimed = 0;
}

/*
 * Which of the windows does a trace claim that waits for one in `full`? Those; but doubts go before
 * newcomers by no more than their share.
 */
static uint16_t claims_of(bool doubts, const struct bill bills[BILLS], uint16_t full)
{
	uint16_t claims = 0;

	if (!doubts)
		return full;
	for (uint32_t i = BILL_DOUBTS; i < BILLS; i++)
		if (bills[i].window)
			claims |= (uint16_t)(1U << i);
	return claims;
}

inpath_time trace_pay(
	struct inpath_engine *e, struct trace *t, uint64_t ttls, bool doubts, inpath_time now)
{
	const struct client *client;
	struct bill bills[BILLS];
	inpath_time ready;
	uint16_t full = 0;

	unclaim(e, t);
	t->doubting = doubts;
	client = client_get(&e->clients, &t->flow_facts.tuple.client, now);
	t->client = (uint32_t)(client - e->clients.entries);
	t->client_born = client->born;
	ttls = affordable(e, ttls);
	make_bills(e, payer(e, t), ttls, doubts, bills);
	ready = latest(now, client->not_before);
	for (uint32_t i = 0; i < BILLS; i++) {
		struct bill *bill = &bills[i];
		inpath_time room;

		if (!bill->window)
			continue;
		room = window_ready(bill->window, bill->rate, bill->count, now);
		if (room > now)
			full |= (uint16_t)(1U << i);
		ready = latest(ready, room);
	}
	if (ready > now) {
		t->claimed = ttls;
		t->claims = claims_of(doubts, bills, full);
	} else {
		t->granted = ttls;
	}
	for (uint32_t i = 0; i < BILLS; i++) {
		if (bills[i].window && ready == now)
			window_reserve(bills[i].window, bills[i].count);
		else if (bills[i].window && t->claims & 1U << i)
			bills[i].window->claimed += bills[i].count;
	}
	return ready;
}

/* How much of a window is left to doubts that wait for it? */
static uint32_t left_to_doubts(struct window *doubts, uint32_t rate, inpath_time now)
{
	uint32_t left = window_left(doubts, share_of(rate), now);

	return doubts->claimed < left ? doubts->claimed : left;
}

inpath_time trace_room(struct inpath_engine *e, const struct inpath_addr *client, uint64_t ttls,
	bool *shared, inpath_time now)
{
	struct client *c = client_get(&e->clients, client, now);
	struct bill bills[BILLS];
	inpath_time ready = latest(now, c->not_before);

	ttls = affordable(e, ttls);
	make_bills(e, &c->window, ttls, false, bills);
	*shared = false;
	for (uint32_t i = 0; i < BILLS; i++) {
		const struct bill *bill = &bills[i];
		uint32_t before;
		inpath_time room;

		if (!bill->window)
			continue;
		before = bill->window->claimed;
		if (i == BILL_GATEWAY)
			before += left_to_doubts(&e->doubt_windows[0], bill->rate, now);
		else if (i >= BILL_FIRST_HOPS)
			before += left_to_doubts(
				&e->doubt_windows[1 + i - BILL_FIRST_HOPS], bill->rate, now);
		room = window_ready(bill->window, bill->rate, bill->count + before, now);
		*shared |= room > now && i != BILL_CLIENT;
		ready = latest(ready, room);
	}
	return ready;
}

void trace_spend(struct inpath_engine *e, struct trace *t, uint8_t ttl)
{
	struct bill bills[BILLS];

	make_bills(e, payer(e, t), ttl_bit(ttl), t->doubting, bills);
	for (uint32_t i = 0; i < BILLS; i++)
		if (bills[i].window)
			window_spend(bills[i].window, e->now);
	t->granted &= ~ttl_bit(ttl);
}

void trace_spent_late(struct inpath_engine *e, const struct trace *t, uint8_t ttl, inpath_time was,
	inpath_time now)
{
	struct bill bills[BILLS];

	make_bills(e, payer(e, t), ttl_bit(ttl), false, bills);
	for (uint32_t i = 0; i < BILLS; i++)
		if (bills[i].window)
			window_delay(bills[i].window, was, now);
}

void trace_unpay(struct inpath_engine *e, struct trace *t, uint64_t ttls)
{
	struct bill bills[BILLS];

	unclaim(e, t);
	/* What a client has paid that was forgotten since, it may pay again, unknown. */
	if (!payer(e, t))
		ttls = 0;
	if ((t->granted & ~ttls) == 0)
		return;
	make_bills(e, payer(e, t), t->granted & ~ttls, t->doubting, bills);
	for (uint32_t i = 0; i < BILLS; i++)
		if (bills[i].window)
			window_release(bills[i].window, bills[i].count);
	t->granted &= ttls;
}

void trace_unpay_all(struct inpath_engine *e)
{
	for (uint32_t i = 0; i < e->trace_table.fresh; i++)
		trace_unpay(e, &e->traces[i], 0);
}
