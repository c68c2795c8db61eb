/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Is a finished trace's path the flow's last one? What is remembered, and what is worth saying.
 *
 * A router that deals packet by packet shows another path in every other trace, and one that
 * answers seldom hides that. So the first TTL that differs is asked PROBER_CONFIRM times, in the
 * trace that differs and in one more behind it, and a change is one only if all answers are the new
 * path's: two routers that take turns at random look like that once in 2^18.
 */
#include "gateway/engine/trace.h"
#include "gateway/engine/ttls.h"

enum {
	DOUBTS = 3, /* TTLs that one trace asks about: routers that deal lie behind each other */
	/* Answers that show a difference, for each address by which it does so: the more take turns,
	 * the longer one of them may be missing. A touch's answer costs the server's attention. */
	ANSWERS_BASE = 8,
	ANSWERS_EACH = 10,
	/* Where a TTL cannot be asked: the server's answers do not name probes, so touches are few. */
	ANSWERS_TOUCH = 10,
};

/* Did it end before it was over? Then what it shows is no evidence. */
static bool is_cut_short(const struct trace *t)
{
	switch (t->stop) {
	case INPATH_STOP_REACHED:
	case INPATH_STOP_GAP:
	case INPATH_STOP_MAXTTL:
	case INPATH_STOP_INFERRED: return false;
	case INPATH_STOP_ENDED:
	case INPATH_STOP_BUDGET: return true;
	/* On purpose, or because the flow gave no more occasion? */
	case INPATH_STOP_SHORT: return t->walk.manner != PROBER_CLIMBS && t->walk.settings.touch;
	}
	return true;
}

/* The TTLs that were asked as often as they may be. */
static uint64_t asked(const struct trace *t)
{
	return t->walk.confirm ? t->asked | ttl_bit(t->walk.confirm) : t->asked;
}

/* Do probes stay unanswered there? Then it may be because another router's turn was to answer. */
static bool answers_seldom(const struct inpath_hop *hop)
{
	return hop->answered + 1 < hop->sent;
}

/*
 * Which of the TTLs that differ is to be asked? The first one, since it is the one that is named; if
 * that answers seldom, one behind it, too. What the server answers is asked by the next trace
 * alone: touches are few. 0: none.
 */
static uint8_t to_be_asked(const struct trace *t, uint64_t differ)
{
	for (uint8_t i = 0; i < INPATH_MAX_HOPS; i++) {
		const struct inpath_hop *hop = &t->walk.hops[i];

		if (!ttls_has(differ, i + 1) || hop->answered == 0 || hop->server)
			continue;
		if (!ttls_has(asked(t), i + 1))
			return (uint8_t)(i + 1);
		if (!answers_seldom(hop))
			return 0;
	}
	return 0;
}

bool trace_doubts(struct inpath_engine *e, struct trace *t, const struct flow *f)
{
	struct path path;
	uint8_t ttl;

	if (f->history == 0 || t->doubts == DOUBTS)
		return false;
	path_take(&path, t->walk.hops, prober_last(&t->walk), NULL);
	ttl = to_be_asked(t, path_differs(&e->histories.entries[f->history - 1].path, &path));
	if (ttl == 0)
		return false;
	t->asked = asked(t);
	t->walk.confirm = ttl;
	t->doubts++;
	return true;
}

/* The trace has shown the epoch's path: what it measured is the epoch's. */
static void measure(
	struct inpath_engine *e, const struct trace *t, const struct flow *f, struct history *h)
{
	uint64_t e2e = carrier_e2e(f), lan = carrier_lan(f);

	trace_history_note(e, t, h);
	history_measure(h, &t->walk, prober_last(&t->walk), !is_cut_short(t));
	if (e2e)
		rtts_add(&h->e2e, e2e);
	if (lan)
		rtts_add(&h->lan, lan);
}

/* Routers that took turns in this trace, and the old path is of one of them. */
static uint64_t balanced_ttls(const struct trace *t, const struct path *old)
{
	uint64_t differ = path_differs(old, &t->path), ttls = 0;

	for (uint8_t i = 0; i < INPATH_MAX_HOPS; i++)
		if (t->walk.hops[i].balanced)
			ttls |= ttl_bit(i + 1);
	return ttls & ~differ;
}

/* Did the route change while TTLs were asked? Then the trace may be a mixture of both. */
static bool is_amid_change(const struct trace *t)
{
	for (uint8_t i = 0; i < INPATH_MAX_HOPS; i++)
		if (t->walk.hops[i].changed)
			return true;
	return false;
}

/* How many of the hop's routers the path has had there. */
static uint8_t known_of(const struct path *path, const struct inpath_hop *hop)
{
	uint8_t known = 0;

	for (uint8_t i = 0; i < path->count; i++)
		for (uint8_t k = 0; k < hop->addr_count && path->entries[i].ttl == hop->ttl; k++)
			known += addr_equal(&path->entries[i].addr, &hop->addrs[k]);
	return known;
}

/*
 * Two routers at one TTL, neither in turns nor known to take them: the trace may have begun on one path
 * and ended on another.
 */
static bool is_mixture(const struct trace *t, const struct path *old)
{
	for (uint8_t i = 0; i < INPATH_MAX_HOPS; i++) {
		const struct inpath_hop *hop = &t->walk.hops[i];

		if (hop->changed || (hop->addr_count > 1 && !hop->balanced &&
					    known_of(old, hop) < hop->addr_count))
			return true;
	}
	return false;
}

/* By how many answers does the trace show that these TTLs differ? */
static uint32_t answers_at(const struct trace *t, uint64_t differ)
{
	const struct inpath_hop *first = &t->walk.hops[ttls_lowest(differ) - 1];
	uint32_t answers = 0;

	for (uint8_t i = 0; i < INPATH_MAX_HOPS; i++) {
		const struct inpath_hop *hop = &t->walk.hops[i];

		if (ttls_has(differ, i + 1))
			answers += answers_seldom(hop) ? 1 : hop->answered;
	}
	/* The server was there, and is farther away: silence shows it. */
	return first->addr_count ? answers : answers + first->sent;
}

/* Which TTL is the next trace to ask? The one that answered best. */
static uint8_t best_asked(const struct trace *t, uint64_t differ)
{
	uint8_t best = ttls_lowest(differ);

	for (uint8_t i = best; i < INPATH_MAX_HOPS; i++)
		if (ttls_has(differ, i + 1) && !t->walk.hops[i].server &&
			t->walk.hops[i].answered > t->walk.hops[best - 1].answered)
			best = (uint8_t)(i + 1);
	return best;
}

static uint32_t answers_wanted(const struct trace *t, uint64_t differ)
{
	const struct inpath_hop *first = &t->walk.hops[ttls_lowest(differ) - 1];

	if (first->server || first->addr_count == 0)
		return ANSWERS_BASE;
	if (first->sent < PROBER_CONFIRM)
		return ANSWERS_TOUCH;
	return ANSWERS_BASE + ANSWERS_EACH * first->addr_count;
}

/* The next trace is to tell; if the last ones could not, it is that of the next interval. */
static void ask_again(struct flow *f, struct doubt *d, inpath_time now)
{
	if (d->rounds == HISTORY_ROUNDS)
		return;
	d->rounds++;
	f->confirming = d->ttl;
	f->next_trace = now;
}

static void flapped(struct inpath_engine *e, struct history *h)
{
	e->stats.flaps++;
	h->now.flaps++;
}

/* The path is the epoch's, as far as it was seen. */
static void take_same(struct inpath_engine *e, struct trace *t, struct flow *f, struct history *h,
	inpath_time now)
{
	struct doubt *d = &h->doubt;
	bool amid = is_amid_change(t);

	if (amid && t->walk.confirm && d->ttl == 0) {
		d->ttl = t->walk.confirm;
		d->answers = 0;
		d->since = t->walk.first_sent;
		path_sketch(&d->path, &t->path);
	}
	if (amid && d->ttl) {
		/* Both routes in one trace: which of them is left? */
		ask_again(f, d, now);
		return;
	}
	e->stats.unchanged++;
	if (d->ttl && !ttls_has(path_ttls(&t->path), d->ttl))
		return; /* silent just there */
	if (d->ttl)
		flapped(e, h);
	d->ttl = 0;
	/* A hop that was silent so far is known from now on. */
	path_fill(&h->path, &t->path);
	history_goes_on(h, t->walk.first_sent);
	measure(e, t, f, h);
}

/*
 * The new path, and who takes turns at the TTLs that it has in common with the old one. Where it was
 * silent nothing is known: the paths may part before the first TTL that shows it.
 */
static struct path new_path(const struct trace *t, const struct path *old, uint64_t differ)
{
	struct path path = t->path;

	(void)path_merge(&path, old, path_ttls(&path) & ~differ);
	return path;
}

static void say_change(struct inpath_engine *e, struct trace *t, const struct flow *f,
	struct history *h, uint64_t differ)
{
	struct path path = new_path(t, &h->path, differ);
	uint8_t ttl = ttls_lowest(differ);

	e->stats.changes++;
	t->log_path = e->set->log_paths != INPATH_LOG_PATHS_NONE;
	t->log_change = true;
	t->change = (struct inpath_record_change){
		.old_fingerprint = h->now.fingerprint,
		.new_fingerprint = t->path.fingerprint,
		.ttl = ttl,
		.back = history_knows(h, &t->path, ttl),
		.held_ns = h->now.until - h->now.since,
	};
	trace_history_turns(e, h);
	history_turn(h, &path, h->doubt.since, t->walk.first_sent);
	measure(e, t, f, h);
}

/* Does the trace show what is doubted, among what differs? */
static bool is_found_again(const struct doubt *d, const struct path *path, uint64_t differ)
{
	if (d->ttl == 0)
		return false;
	if (path_sketch_shares(&d->path, path) & differ)
		return true;
	/* The server has gone from there, to where it was found before. */
	return ttls_has(differ, d->ttl) && !ttls_has(path_ttls(path), d->ttl) && path->server &&
	       path->server == d->path.server;
}

/* The path is another one, at these TTLs. */
static void take_other(struct inpath_engine *e, struct trace *t, struct flow *f, struct history *h,
	uint64_t differ, inpath_time now)
{
	struct doubt *d = &h->doubt;
	bool again = is_found_again(d, &t->path, differ);

	if (d->ttl && !again)
		flapped(e, h); /* a third path */
	if (!again) {
		d->answers = 0;
		d->since = t->walk.first_sent;
	}
	d->answers = (uint16_t)(d->answers + answers_at(t, differ));
	if (again && ttls_has(asked(t), ttls_lowest(differ)) && !is_mixture(t, &h->path) &&
		d->answers >= answers_wanted(t, differ)) {
		say_change(e, t, f, h, differ);
		return;
	}
	d->ttl = best_asked(t, differ);
	path_sketch(&d->path, &t->path);
	ask_again(f, d, now);
}

void trace_compare(struct inpath_engine *e, struct trace *t, struct flow *f, inpath_time now)
{
	bool first = f->history == 0;
	struct history *h = trace_history(e, f);
	uint64_t differ, balanced;

	if (t->stop != INPATH_STOP_REACHED)
		t->path.server = 0;
	t->log_path = e->set->log_paths == INPATH_LOG_PATHS_ALL;
	if (first) {
		t->log_path = e->set->log_paths != INPATH_LOG_PATHS_NONE;
		history_turn(h, &t->path, t->walk.first_sent, t->walk.first_sent);
		measure(e, t, f, h);
		return;
	}
	if (is_cut_short(t))
		return;
	if (t->why != INPATH_WHY_CHANGE)
		h->doubt.rounds = 0;
	balanced = balanced_ttls(t, &h->path);
	if (balanced && path_merge(&h->path, &t->path, balanced))
		t->log_path = e->set->log_paths != INPATH_LOG_PATHS_NONE;
	differ = path_differs(&h->path, &t->path);
	if (differ)
		take_other(e, t, f, h, differ, now);
	else
		take_same(e, t, f, h, now);
}
