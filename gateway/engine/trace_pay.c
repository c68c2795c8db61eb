/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a trace's probes cost, and in which windows: the gateway's, the client's, the first hops'. */
#include "gateway/engine/trace.h"
#include "gateway/engine/ttls.h"

enum {
	BILL_GATEWAY,
	BILL_CLIENT,
	BILL_FIRST_HOPS,
	BILLS = BILL_FIRST_HOPS + TRACE_FIRST_HOPS,
};

struct bill {
	struct window *window; /* NULL: nothing is due there */
	uint32_t rate;
	uint32_t count;
};

static void make_bills(
	struct inpath_engine *e, struct window *client, uint64_t ttls, struct bill bills[BILLS])
{
	const struct inpath_budget *b = &e->set->budget;
	uint32_t count = ttls_count(ttls);

	bills[BILL_GATEWAY] = (struct bill){ &e->gateway_window, b->gateway, count };
	bills[BILL_CLIENT] = (struct bill){ client, b->client, count };
	for (uint8_t i = 0; i < TRACE_FIRST_HOPS; i++)
		bills[BILL_FIRST_HOPS + i] =
			(struct bill){ ttls_has(ttls, (uint8_t)(i + 1)) ? &e->first_hop_windows[i]
									: NULL,
				b->first_hops, 1 };
}

/* The window of whoever pays for a trace; NULL if the client was forgotten meanwhile. */
static struct window *payer(const struct inpath_engine *e, const struct trace *t)
{
	return client_window(&e->clients, t->client, t->client_born);
}

/* The lowest of `ttls`, at most so many. */
static uint64_t lowest(uint64_t ttls, uint32_t most)
{
	uint64_t some = 0;

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
	make_bills(e, payer(e, t), t->claimed, bills);
	for (uint32_t i = 0; i < BILLS; i++)
		if (bills[i].window && t->claims & 1U << i)
			bills[i].window->claimed -= bills[i].count;
	t->claims = 0;
	t->claimed = 0;
}

inpath_time trace_pay(struct inpath_engine *e, struct trace *t, uint64_t ttls, inpath_time now)
{
	const struct inpath_budget *b = &e->set->budget;
	const struct client *client;
	struct bill bills[BILLS];
	inpath_time ready;

	unclaim(e, t);
	client = client_get(&e->clients, &t->flow_facts.tuple.client, now);
	t->client = (uint32_t)(client - e->clients.entries);
	t->client_born = client->born;
	ttls = lowest(ttls, b->gateway < b->client ? b->gateway : b->client);
	make_bills(e, payer(e, t), ttls, bills);
	ready = latest(now, client->not_before);
	for (uint32_t i = 0; i < BILLS; i++) {
		struct bill *bill = &bills[i];
		inpath_time room;

		if (!bill->window)
			continue;
		room = window_ready(bill->window, bill->rate, bill->count, now);
		if (room > now)
			t->claims |= (uint8_t)(1U << i);
		ready = latest(ready, room);
	}
	if (ready > now)
		t->claimed = ttls;
	else
		t->granted = ttls;
	for (uint32_t i = 0; i < BILLS; i++) {
		if (bills[i].window && ready == now)
			window_reserve(bills[i].window, bills[i].count);
		else if (bills[i].window && t->claims & 1U << i)
			bills[i].window->claimed += bills[i].count;
	}
	return ready;
}

inpath_time trace_room(struct inpath_engine *e, const struct inpath_addr *client, uint64_t ttls,
	bool *shared, inpath_time now)
{
	const struct inpath_budget *b = &e->set->budget;
	struct client *c = client_get(&e->clients, client, now);
	struct bill bills[BILLS];
	inpath_time ready = latest(now, c->not_before);

	ttls = lowest(ttls, b->gateway < b->client ? b->gateway : b->client);
	make_bills(e, &c->window, ttls, bills);
	*shared = false;
	for (uint32_t i = 0; i < BILLS; i++) {
		const struct bill *bill = &bills[i];
		inpath_time room;

		if (!bill->window)
			continue;
		room = window_ready(
			bill->window, bill->rate, bill->count + bill->window->claimed, now);
		*shared |= room > now && i != BILL_CLIENT;
		ready = latest(ready, room);
	}
	return ready;
}

void trace_spend(struct inpath_engine *e, struct trace *t, uint8_t ttl)
{
	struct bill bills[BILLS];

	make_bills(e, payer(e, t), ttl_bit(ttl), bills);
	for (uint32_t i = 0; i < BILLS; i++)
		if (bills[i].window)
			window_spend(bills[i].window, e->now);
	t->granted &= ~ttl_bit(ttl);
}

void trace_spent_late(struct inpath_engine *e, const struct trace *t, uint8_t ttl, inpath_time was,
	inpath_time now)
{
	struct bill bills[BILLS];

	make_bills(e, payer(e, t), ttl_bit(ttl), bills);
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
	make_bills(e, payer(e, t), t->granted & ~ttls, bills);
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
