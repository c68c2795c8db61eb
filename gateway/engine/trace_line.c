/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which flow is traced when. A traced flow that is due joins the line, asleep if it rests; called when
 * its turn has come, it is woken; awake, it begins as soon as its first wave is paid for.
 */
#include "gateway/engine/trace.h"
#include "gateway/engine/ttls.h"

#include <string.h>

enum {
	WAKINGS_A_TICK = 64,
};

static bool wan_rewrites_ttl(const struct inpath_engine *e, uint32_t ifindex)
{
	for (uint32_t i = 0; i < TRACE_REWRITERS; i++)
		if (e->rewriters[i] == ifindex && ifindex)
			return true;
	return false;
}

/* Is it to be traced, sooner or later? */
static bool is_wanted(const struct inpath_engine *e, const struct flow *f)
{
	return f->state == FLOW_TRACED && f->decided == e->set_number && !e->stopping &&
	       !carrier_closed(f) && !wan_rewrites_ttl(e, f->out_ifindex) && f->out_ifindex != 0;
}

/* Can a probe be made of what is known of it now? */
static bool is_ready(const struct flow *f, inpath_time now)
{
	return carrier_ready(f, now) || (f->vouched && carrier_ready_unseen(f));
}

static void join(struct inpath_engine *e, uint32_t flow, inpath_time now)
{
	struct flow *f = &e->flows.entries[flow];
	/* What hurts now does not wait behind what is only due again; a change to be confirmed does, since
	 * that may be on many flows' ways at once. */
	enum line_rank rank = f->called && !f->rested         ? LINE_NEXT
			      : f->hasten != INPATH_WHY_START ? LINE_FIRST
							      : LINE_LAST;

	deadline_set(&e->wakings, flow, INPATH_TIME_NEVER);
	line_join(&e->line, flow, &f->tuple.client, f->service, f->history ? LINE_AGAIN : LINE_NEW,
		rank, now);
	f->in_line = true;
	e->line_at = now;
}

static void leave(struct inpath_engine *e, uint32_t flow)
{
	line_leave(&e->line, flow);
	e->flows.entries[flow].in_line = false;
}

void trace_leave_line(struct inpath_engine *e, uint32_t flow)
{
	leave(e, flow);
	e->line_at = e->now;
}

void trace_consider(struct inpath_engine *e, uint32_t flow, inpath_time now)
{
	const struct flow *f = &e->flows.entries[flow];

	if (carrier_closed(f)) {
		deadline_set(&e->wakings, flow, INPATH_TIME_NEVER);
		if (f->trace == 0)
			trace_history_ends(e, f);
	}
	if (f->trace) {
		const struct trace *t = &e->traces[f->trace - 1];

		/* What it waits for (a quiet moment, the flow's end) may just have come; a token of
		 * the budget or for a probe has not. */
		if (t->phase == TRACE_WALKING &&
			((now >= t->not_before && !t->alone) || carrier_closed(f)))
			deadline_set(&e->deadlines, f->trace - 1, now);
		return;
	}
	if (now < f->next_trace && !f->in_line)
		return; /* as most packets do */
	if (!is_wanted(e, f)) {
		if (f->in_line)
			trace_leave_line(e, flow);
		return;
	}
	if (now < f->next_trace || !is_ready(f, now) || line_is_waiting(&e->line, flow))
		return;
	if (!f->in_line) {
		join(e, flow, now);
		return;
	}
	if (line_answer(&e->line, flow))
		e->line_at = now;
}

void trace_hasten(struct inpath_engine *e, uint32_t flow, enum inpath_why why, inpath_time now)
{
	struct flow *f = &e->flows.entries[flow];

	if (!is_wanted(e, f))
		return;
	if (f->trace) {
		struct trace *t = &e->traces[f->trace - 1];

		if (t->phase == TRACE_WALKING && t->why == INPATH_WHY_PERIOD)
			t->why = why;
		return;
	}
	f->hasten = (uint8_t)why;
	f->next_trace = now;
	if (f->in_line && !line_is_waiting(&e->line, flow))
		return;
	leave(e, flow);
	join(e, flow, now);
}

/*
 * How long until the flow's next trace: an interval, an eighth more or less; the first time anything
 * from half of one to one and a half. So flows that began together are traced evenly over the
 * interval from their second trace on, and stay so.
 */
static inpath_time drawn_interval(struct inpath_engine *e, struct flow *f)
{
	inpath_time interval = f->policy->settings.interval_s * INPATH_SEC;
	inpath_time span = f->spread ? interval / 4 : interval;

	f->spread = true;
	return interval - span / 2 + hash_random(&e->key, &e->random) % span;
}

static void copy_label(char out[INPATH_LABEL_MAX + 1], const char *label)
{
	size_t len = strnlen(label, INPATH_LABEL_MAX);

	memcpy(out, label, len);
	out[len] = '\0';
}

static void take_facts(struct inpath_engine *e, struct trace *t, const struct flow *f)
{
	t->host = name_share(&e->names, f->host);
	t->flow_facts.run = t->run;
	t->flow_facts.tuple = f->tuple;
	t->flow_facts.by = (enum inpath_by)f->by;
	t->flow_facts.ech = f->ech;
	t->flow_facts.app = (enum inpath_app)f->app;
	copy_label(t->policy, f->policy->name);
	copy_label(t->service, f->service);
}

/* Where the server is expected; *known: an earlier trace saw it there. */
static uint8_t expected_hop(const struct flow *f, bool *known)
{
	*known = f->server_hop && carrier_manner(f) == PROBER_PROVES;
	return *known ? f->server_hop : carrier_distance(f);
}

static void begin(struct inpath_engine *e, uint32_t flow, uint64_t wave, inpath_time now)
{
	struct flow *f = &e->flows.entries[flow];
	uint32_t slot = table_insert(&e->trace_table, flow);
	struct trace *t = &e->traces[slot];
	bool known;
	uint8_t expected = expected_hop(f, &known);

	*t = (struct trace){ 0 };
	t->run = (uint32_t)hash_random(&e->key, &e->random);
	t->flow = flow;
	t->phase = TRACE_WALKING;
	t->why = f->confirming ? INPATH_WHY_CHANGE
		 : !f->history ? INPATH_WHY_START
		 : f->hasten   ? (enum inpath_why)f->hasten
			       : INPATH_WHY_PERIOD;
	t->first_probe = TABLE_NONE;
	take_facts(e, t, f);
	prober_begin(&t->walk, &f->policy->settings, carrier_manner(f),
		e->set->timeout_ms * INPATH_MSEC, expected, known, carrier_patience(f), now);
	t->walk.confirm = f->confirming;
	t->walk.confirm_by = f->confirming_by;
	/* A flow that has come to a standstill does not settle. */
	if (!carrier_ready(f, now))
		t->walk.settled = now;
	f->trace = slot + 1;
	f->next_trace = now + drawn_interval(e, f);
	f->confirming = 0;
	f->hasten = INPATH_WHY_START;
	f->vouched = false;
	f->called = false;
	e->stats.traces++;
	(void)trace_pay(e, t, wave, false, now);
	deadline_set(&e->deadlines, slot, now);
}

/* A new policy set: flows that rest under the old one are queued again, a few at a time. */
static void rearm(struct inpath_engine *e)
{
	for (; e->rearm < e->flows.table.fresh; e->rearm++) {
		struct flow *f = &e->flows.entries[e->rearm];

		if (f->decided == e->set_number)
			continue;
		trace_leave_line(e, e->rearm);
		if (!f->rested || carrier_closed(f))
			continue;
		if (e->outbox.count == INPATH_OUTBOX_ACTIONS)
			return;
		trace_arm(e, f);
	}
}

/* Traced flows whose next trace is due join the line asleep. */
static void join_sleepers(struct inpath_engine *e, inpath_time now)
{
	uint32_t slot;

	for (uint32_t i = 0; i < WAKINGS_A_TICK && deadline_first(&e->wakings, &slot) <= now; i++) {
		const struct flow *f = &e->flows.entries[slot];

		deadline_set(&e->wakings, slot, INPATH_TIME_NEVER);
		if (f->rested && !f->trace && is_wanted(e, f) && !f->in_line)
			join(e, slot, now);
	}
}

/* As many are called as the budget can begin in about two seconds. */
static uint32_t calls_at_most(const struct inpath_engine *e)
{
	uint32_t waves = trace_gateway_rate(e) / (PROBER_UNKNOWN_WAVE / 2) + 1;

	return waves < LINE_CALLED ? waves : LINE_CALLED;
}

/* ... and of one client as many as is its share: else those whose client has had its fill would keep
 * the others' from being called. */
static uint32_t calls_of_one(const struct inpath_engine *e)
{
	uint32_t rate = trace_gateway_rate(e);
	uint64_t share = (uint64_t)LINE_CALLED * e->set->budget.client / (rate ? rate : 1);

	return share < 1 ? 1 : share < LINE_CALLED ? (uint32_t)share : LINE_CALLED;
}

/* Calls the next ones. True if there may be more to call at once. */
static bool call(struct inpath_engine *e, inpath_time now)
{
	uint32_t all = calls_at_most(e), each = calls_of_one(e), flow;

	while (e->outbox.count < INPATH_OUTBOX_ACTIONS) {
		struct flow *f;

		flow = line_call(&e->line, all, each, now);
		if (flow == TABLE_NONE)
			return false;
		f = &e->flows.entries[flow];
		if (!is_wanted(e, f)) {
			leave(e, flow);
			continue;
		}
		f->called = true;
		if (f->rested)
			trace_arm(e, f);
		if (is_ready(f, now))
			(void)line_answer(&e->line, flow);
	}
	return true;
}

static uint64_t first_wave(const struct flow *f)
{
	bool known;
	uint8_t expected = expected_hop(f, &known);
	uint8_t count = prober_first_wave(carrier_manner(f), expected, known);
	uint8_t most = f->policy->settings.max_hops;

	return ttls_up_to(count < most ? count : most);
}

/* Begins a called flow, or drops it if it has nothing to say. False if no other may begin before it;
 * *again is when to look again. */
static bool try_to_begin(
	struct inpath_engine *e, const struct line_call *c, inpath_time *again, inpath_time now)
{
	const struct flow *f = &e->flows.entries[c->flow];
	uint32_t flow = c->flow;
	inpath_time at;
	bool shared;
	uint64_t wave;

	if (!c->awake) {
		if (now < c->at + LINE_PATIENCE)
			*again = earliest(*again, c->at + LINE_PATIENCE);
		else
			trace_leave_line(e, flow);
		return true;
	}
	if (!is_wanted(e, f) || !is_ready(f, now)) {
		trace_leave_line(e, flow);
		return true;
	}
	if (e->trace_table.count == e->trace_table.capacity)
		return false; /* the end of a trace is waited for */
	wave = first_wave(f);
	at = trace_room(e, &f->tuple.client, wave, &shared, now);
	if (at > now) {
		e->stats.budget_waits += !e->line_waited;
		e->line_waited = true;
		*again = earliest(*again, at);
		return !shared;
	}
	e->line_waited = false;
	trace_leave_line(e, flow);
	begin(e, flow, wave, now);
	return true;
}

/* Begins the called ones that can, in the order of calling. */
static inpath_time begin_called(struct inpath_engine *e, inpath_time now)
{
	inpath_time again = INPATH_TIME_NEVER;
	uint32_t i = 0;

	while (i < e->line.calls_count) {
		uint32_t count = e->line.calls_count;
		struct line_call c = e->line.calls[i];
		bool more = try_to_begin(e, &c, &again, now);

		if (!more)
			break;
		i += e->line.calls_count == count;
	}
	return again;
}

void trace_line_step(struct inpath_engine *e, inpath_time now)
{
	uint32_t slot;

	rearm(e);
	join_sleepers(e, now);
	/* Those under way go before those that have not begun. */
	if (now >= e->line_at && deadline_first(&e->deadlines, &slot) > now) {
		bool more = call(e, now);
		uint32_t called = e->line.count;
		inpath_time again = begin_called(e, now);

		/* Where one has left there is room for the next one. */
		e->line_at = more || e->line.count != called ? now : again;
	}
	e->stats.waiting = e->line.count;
	e->stats.behind_ms = (now - line_oldest(&e->line, now)) / INPATH_MSEC;
}

inpath_time trace_line_deadline(const struct inpath_engine *e)
{
	uint32_t slot;
	inpath_time at = deadline_first(&e->wakings, &slot);

	if (e->rearm < e->flows.table.fresh)
		return e->now;
	return e->line.count ? earliest(at, e->line_at) : at;
}
