/* SPDX-License-Identifier: GPL-2.0-or-later */
/* More to trace than the budget allows: who waits, for how long, and at what cost. */
#include "tests/unit/world.h"

enum {
	FLOWS = 2048,
	CLIENTS = 64,
	EACH = 10,     /* flows of a client */
	GREEDY = 500,  /* flows of the first one */
	RATE = 100,    /* first_hops: traces that may begin in a second */
	GATEWAY = 300, /* a trace without touches costs three probes */
	CLIENT = 50,
	AWAKE_MAX = 150,
};

static const struct inpath_limits LIMITS = {
	.flows = FLOWS, .names = 16, .hellos = 2, .traces = 256, .histories = 64
};

struct resident {
	uint32_t client;
	uint16_t port;
	bool rests;
	bool gone;
	uint32_t client_nxt;
	uint32_t server_nxt;
	uint32_t traces;
};

/* When the latest probes left that one budget pays for. */
struct meter {
	inpath_time sent[GATEWAY];
	uint32_t count;
};

struct town {
	struct world w;
	uint32_t count;
	struct resident flows[FLOWS];
	inpath_time last[CLIENTS];    /* when the client's latest trace was told of */
	inpath_time longest[CLIENTS]; /* the longest time between two of them */
	struct meter gateway, clients[CLIENTS], first_hops[3];
};

static struct town town;

static const char *address_of(uint32_t client)
{
	static char text[32];

	snprintf(text, sizeof(text), "192.168.1.%u", 10 + client);
	return text;
}

static void says(struct town *t, struct resident *f, bool from_client, uint8_t flags, size_t len)
{
	static const uint8_t text[100] = "an answer to something that nobody has asked";
	struct world *w = &t->w;
	struct inpath_verdict v;
	struct wire_tcp p;

	w->port = f->port;
	w->client_nxt = f->client_nxt;
	w->server_nxt = f->server_nxt;
	p = from_client ? world_client_tcp(w) : world_server_tcp(w);
	*(from_client ? &p.ip.src : &p.ip.dst) = address_of(f->client);
	p.flags = flags;
	p.payload = text;
	p.payload_len = len;
	v = from_client ? world_client_says(w, p) : world_server_says(w, p);
	f->client_nxt = w->client_nxt;
	f->server_nxt = w->server_nxt;
	f->rests = v.mark & v.mask & w->set.mark_rest;
}

static void opens(struct town *t, struct resident *f)
{
	f->client_nxt = WORLD_ISS + t->w.dice++ * 100000;
	f->server_nxt = WORLD_IRS;
	says(t, f, true, TCP_SYN, 0);
	says(t, f, false, TCP_SYN | TCP_ACK, 0);
	says(t, f, true, TCP_ACK, 0);
	says(t, f, true, TCP_ACK | TCP_PSH, 80);
	says(t, f, false, TCP_ACK, 0);
}

static struct resident *moves_in(struct town *t, uint32_t client)
{
	struct resident *f = &t->flows[t->count];

	*f = (struct resident){ .client = client, .port = (uint16_t)(20000 + t->count++) };
	opens(t, f);
	return f;
}

static struct town *town_of(const struct inpath_limits *limits, uint32_t interval_s)
{
	struct town *t = &town;

	memset(t, 0, sizeof(*t));
	world_begin(&t->w, limits);
	t->w.policy.settings.touch = false;
	t->w.policy.settings.interval_s = interval_s;
	t->w.set.budget = (struct inpath_budget){ GATEWAY, CLIENT, RATE };
	t->w.set.log_paths = INPATH_LOG_PATHS_ALL;
	inpath_engine_set_policy(t->w.engine, &t->w.set, t->w.now);
	return t;
}

static struct town *town_begin(uint32_t interval_s)
{
	return town_of(&LIMITS, interval_s);
}

static void assert_within(struct meter *m, uint32_t rate, inpath_time now)
{
	if (m->count >= rate)
		assert_true(now >= m->sent[(m->count - rate) % GATEWAY] + INPATH_SEC);
	m->sent[m->count++ % GATEWAY] = now;
}

static struct resident *resident_of(struct town *t, uint16_t port)
{
	assert_in_range(port, 20000, 20000 + t->count - 1);
	return &t->flows[port - 20000];
}

static void leaves(struct town *t, const struct inpath_probe *probe)
{
	uint8_t ttl = probe->bytes[8];

	assert_in_range(ttl, 1, 3);
	assert_within(&t->gateway, GATEWAY, t->w.now);
	assert_within(&t->clients[probe->client.bytes[3] - 10], CLIENT, t->w.now);
	assert_within(&t->first_hops[ttl - 1], RATE, t->w.now);
	world_carry(&t->w, probe);
}

static void is_told(struct town *t, const struct inpath_record *r)
{
	struct resident *f;
	inpath_time wait;

	if (r->kind != INPATH_RECORD_PATH)
		return;
	f = resident_of(t, r->flow.tuple.client_port);
	wait = t->w.now - t->last[f->client];
	f->traces++;
	if (t->last[f->client] && wait > t->longest[f->client])
		t->longest[f->client] = wait;
	t->last[f->client] = t->w.now;
}

static void town_tick(struct town *t)
{
	const struct inpath_outbox *box = inpath_engine_outbox(t->w.engine);
	uint32_t ids[INPATH_OUTBOX_ACTIONS], sends = 0;

	inpath_engine_tick(t->w.engine, t->w.now);
	for (uint32_t i = 0; i < box->count; i++) {
		const struct inpath_action_item *item = &box->items[i];

		if (item->kind == INPATH_ACTION_SEND) {
			ids[sends++] = item->probe.id;
			leaves(t, &item->probe);
		} else if (item->kind == INPATH_ACTION_RECORD) {
			is_told(t, &item->record);
		} else if (item->kind == INPATH_ACTION_ARM) {
			resident_of(t, item->arm.client_port)->rests = false;
		}
	}
	for (uint32_t i = 0; i < sends; i++)
		inpath_engine_sent(t->w.engine, ids[i], 0, t->w.now);
}

/* Each flow whose packets come to the queue says something; how many there are. */
static uint32_t all_talk(struct town *t)
{
	uint32_t awake = 0;

	for (uint32_t i = 0; i < t->count; i++) {
		struct resident *f = &t->flows[i];

		if (f->gone || f->rests)
			continue;
		awake++;
		says(t, f, true, TCP_ACK, 0);
		says(t, f, false, TCP_ACK, 0);
	}
	return awake;
}

/* Lets `span` pass, in which flows that are awake talk every 40 ms. The most that were at a time. */
static uint32_t live(struct town *t, inpath_time span)
{
	inpath_time end = t->w.now + span, talk = t->w.now;
	uint32_t most = 0;

	while (t->w.now < end) {
		inpath_time next;

		while (world_deliver(&t->w))
			;
		if (t->w.now >= talk) {
			uint32_t awake = all_talk(t);

			most = awake > most ? awake : most;
			talk = t->w.now + 40 * MS;
		}
		town_tick(t);
		next = inpath_engine_next_deadline(t->w.engine);
		for (uint32_t i = 0; i < t->w.event_count; i++)
			next = t->w.events[i].at < next ? t->w.events[i].at : next;
		next = talk < next ? talk : next;
		t->w.now = next > t->w.now ? next : t->w.now + 5 * INPATH_USEC;
	}
	return most;
}

static uint32_t least_traces(const struct town *t)
{
	uint32_t least = UINT32_MAX;

	for (uint32_t i = 0; i < t->count; i++)
		if (!t->flows[i].gone && t->flows[i].traces < least)
			least = t->flows[i].traces;
	return least;
}

static void fill_town(struct town *t)
{
	for (uint32_t i = 0; i < GREEDY; i++)
		moves_in(t, 0);
	for (uint32_t c = 1; c < CLIENTS; c++)
		for (uint32_t i = 0; i < EACH; i++)
			moves_in(t, c);
}

/* By its turn each client is traced RATE / CLIENTS times a second, however many flows it has. */
static void nobody_waits_longer_than_all_others_turns(void **state)
{
	struct town *t = town_begin(4);
	uint32_t before, all;

	(void)state;
	fill_town(t);
	(void)live(t, 30 * INPATH_SEC);
	memset(t->longest, 0, sizeof(t->longest));
	before = (uint32_t)world_stats(&t->w)->traces;
	/* What waits costs the queue nothing: awake are the called, the traced, and the new. */
	assert_in_range(live(t, 60 * INPATH_SEC), 1, AWAKE_MAX);
	all = (uint32_t)world_stats(&t->w)->traces - before;
	assert_in_range(all, 60 * RATE * 8 / 10, 60 * RATE);
	for (uint32_t c = 0; c < CLIENTS; c++)
		assert_true(t->longest[c] <= CLIENTS * INPATH_SEC / RATE + 2 * INPATH_SEC);
	for (uint32_t i = GREEDY; i < t->count; i++)
		assert_true(t->flows[i].traces >= 3);
	/* The greedy one's flows take as many turns as there are. */
	(void)live(t, (GREEDY * CLIENTS / RATE) * INPATH_SEC * 5 / 4);
	assert_true(least_traces(t) >= 1);
	world_end(&t->w);
}

/* A small router's memory of probes holds those of a lower rate: that is kept, and traces go on evenly. */
static void no_trace_stands_for_want_of_memory(void **state)
{
	static const struct {
		uint32_t traces, rate;
	} sizes[] = { { 64, 64 * INPATH_MAX_HOPS / 31 }, { 32, 32 * INPATH_MAX_HOPS / 31 } };

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct inpath_limits small = LIMITS;
		struct town *t;

		small.traces = sizes[i].traces;
		t = town_of(&small, 4);
		fill_town(t);
		for (int ten = 0; ten < 9; ten++) {
			uint64_t before = world_stats(&t->w)->probes, sent;

			(void)live(t, 10 * INPATH_SEC);
			sent = world_stats(&t->w)->probes - before;
			assert_in_range(sent, 10 * sizes[i].rate * 8 / 10, 10 * sizes[i].rate);
		}
		assert_int_equal(world_stats(&t->w)->tokens_full, 0);
		world_end(&t->w);
	}
}

static void what_is_said_of_the_line_is_so(void **state)
{
	struct town *t = town_begin(4);
	const struct inpath_stats *st = world_stats(&t->w);

	(void)state;
	fill_town(t);
	town_tick(t);
	assert_in_range(st->waiting, GREEDY, t->count);
	(void)live(t, 20 * INPATH_SEC);
	/* Of the greedy one's flows most are still waiting for their first turn. */
	assert_in_range(st->waiting, GREEDY / 2, t->count);
	assert_in_range(st->behind_ms, 19000, 20100);
	for (uint32_t i = 0; i < t->count; i++) {
		t->flows[i].gone = true;
		says(t, &t->flows[i], true, TCP_ACK | TCP_RST, 0);
	}
	(void)live(t, 3 * INPATH_SEC);
	assert_int_equal(st->waiting, 0);
	assert_int_equal(st->behind_ms, 0);
	world_end(&t->w);
}

/* Flows are forgotten, begin anew, and are decided anew, all while they wait. */
static void the_line_outlives_its_flows(void **state)
{
	struct town *t = town_begin(4);
	const struct inpath_stats *st = world_stats(&t->w);
	struct inpath_policy ignore = t->w.policy;
	struct inpath_policy_set none = t->w.set;

	(void)state;
	for (uint32_t i = 0; i < FLOWS; i++)
		moves_in(t, i % CLIENTS);
	town_tick(t);
	/* The table is full: whoever comes now takes a waiting one's place. */
	t->count = FLOWS / 2;
	for (uint32_t i = 0; i < 100; i++) {
		t->flows[i].port = (uint16_t)(t->flows[i].port - 10000);
		opens(t, &t->flows[i]);
		t->flows[i].gone = true;
	}
	assert_in_range(st->flows_evicted, 100, 100);
	for (uint32_t i = 500; i < 600; i++)
		opens(t, &t->flows[i]);
	town_tick(t);
	assert_in_range(st->waiting, 1, FLOWS);
	/* Nothing is traced any more, and then all again. */
	ignore.action = INPATH_IGNORE;
	none.policies = &ignore;
	inpath_engine_set_policy(t->w.engine, &none, t->w.now);
	t->count = FLOWS;
	for (uint32_t i = 0; i < 10; i++)
		town_tick(t);
	assert_int_equal(st->waiting, 0);
	world_end(&t->w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody_waits_longer_than_all_others_turns),
		cmocka_unit_test(no_trace_stands_for_want_of_memory),
		cmocka_unit_test(what_is_said_of_the_line_is_so),
		cmocka_unit_test(the_line_outlives_its_flows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
