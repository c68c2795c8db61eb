/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Is a finished trace's path the flow's last one? What is remembered, and what is worth saying.
 *
 * A router that deals packet by packet shows another path in every other trace, and one that
 * answers seldom hides that. So the first TTL that differs is asked more often, in the trace that
 * differs and in one more behind it, and a change is one only if all answers are the new path's, and
 * enough of them: see evidence.h.
 */
#include "gateway/engine/evidence.h"
#include "gateway/engine/trace.h"
#include "gateway/engine/ttls.h"

#include <string.h>

enum {
	MISSES = 4, /* traces, or answers, in a row that may miss the server where it stands */
	DOUBTS = 3, /* TTLs that one trace asks about: routers that deal lie behind each other */
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
		if (!hop_answers_seldom(hop))
			return 0;
	}
	return 0;
}

/* Does the path show what is doubted, among what differs? */
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

/* What speaks for another path, with this trace. */
static struct evidence with_trace(
	const struct history *h, const struct trace *t, const struct path *path, uint64_t differ)
{
	struct evidence ev = h->evidence;

	if (h->doubt.ttl && !is_found_again(&h->doubt, path, differ))
		evidence_third(&ev, h->doubt.ttls, differ);
	evidence_differs(&ev, &t->walk, &h->path, differ);
	return ev;
}

/* What have other flows seen of the step at the first of these TTLs? */
static uint32_t seen_by_others(const struct inpath_engine *e, const struct history *h,
	const struct trace *t, uint64_t differ)
{
	uint8_t first = (uint8_t)(ttls_lowest(differ) - 1);

	return steps_seen(
		&e->steps, &h->path, &t->walk.hops[first], h->evidence.old[first], e->now);
}

static uint32_t half(uint32_t answers)
{
	return (answers + 1) / 2;
}

/*
 * How many more answers of this TTL is the trace to get? One that has only just found the difference
 * leaves a half to the next, which shows one answer of each TTL in any case.
 */
static uint32_t answers_wanted(
	const struct evidence_lack *lack, uint8_t ttl, uint64_t differ, bool again)
{
	uint32_t shown = ttls_count(differ), all = lack->all;
	uint32_t first = ttl == ttls_lowest(differ) ? lack->first : 0;

	if (!again) {
		all = all > shown ? half(all - shown) : 0;
		first = first > 1 ? half(first - 1) : 0;
	}
	return all > first ? all : first;
}

bool trace_doubts(struct inpath_engine *e, struct trace *t, const struct flow *f)
{
	const struct history *h = f->history ? &e->histories.entries[f->history - 1] : NULL;
	struct evidence_lack lack;
	struct evidence ev;
	struct path path;
	uint64_t differ;
	uint32_t wanted;
	uint8_t ttl;

	if (!h || t->doubts == DOUBTS)
		return false;
	path_take(&path, t->walk.hops, prober_last(&t->walk), NULL);
	differ = path_differs(&h->path, &path);
	ttl = to_be_asked(t, differ);
	if (ttl == 0)
		return false;
	ev = with_trace(h, t, &path, differ);
	lack = evidence_lacks(&ev, &t->walk, &h->path, differ, seen_by_others(e, h, t, differ));
	wanted = answers_wanted(&lack, ttl, differ, is_found_again(&h->doubt, &path, differ));
	if (wanted == 0)
		return false;
	t->asked = asked(t);
	t->walk.confirm = ttl;
	t->walk.confirm_by = (uint8_t)(t->walk.hops[ttl - 1].answered + wanted);
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
static uint64_t balanced_ttls(
	struct inpath_engine *e, const struct trace *t, const struct path *old)
{
	uint64_t differ = path_differs(old, &t->path), ttls = 0;

	for (uint8_t i = 0; i < INPATH_MAX_HOPS; i++) {
		if (!t->walk.hops[i].balanced)
			continue;
		ttls |= ttl_bit(i + 1);
		steps_forget(&e->steps, &t->walk.hops[i]);
	}
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

/*
 * Two routers at one TTL, neither in turns nor known to take them: the trace may have begun on one path
 * and ended on another. The first such TTL, 0: there is none.
 */
static uint8_t first_mixed(const struct trace *t, const struct path *old)
{
	for (uint8_t i = 0; i < INPATH_MAX_HOPS; i++) {
		const struct inpath_hop *hop = &t->walk.hops[i];

		if (hop->changed ||
			(hop->addr_count > 1 && !hop->balanced && !path_has_all(old, hop)))
			return (uint8_t)(i + 1);
	}
	return 0;
}

/*
 * A hop that was silent so far is known from now on. Where the path differs, or the trace is a mixture, those up to
 * the last one before that at which it is what it was.
 */
static void fill_in(const struct trace *t, struct path *path, uint64_t differ)
{
	uint8_t mixed = first_mixed(t, path);
	uint64_t other = differ | (mixed ? ttl_bit(mixed) : 0);
	struct path later = t->path;

	if (other) {
		uint64_t before = ttl_bit(ttls_lowest(other)) - 1;
		uint64_t same = path_ttls(path) & path_ttls(&later) & before;

		path_cut(&later, (uint8_t)(ttls_highest(same) + 1));
	}
	path_fill(path, &later);
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

/* How many answers of this TTL is the next trace to get? The others that differ give one each. */
static uint32_t next_wanted(const struct evidence_lack *lack, uint8_t ttl, uint64_t differ)
{
	uint32_t others = ttls_count(differ & ~ttl_bit(ttl));
	uint32_t all = lack->all > others ? lack->all - others : 1;
	uint32_t first = ttl == ttls_lowest(differ) ? lack->first : 0;

	return all > first ? all : first;
}

/*
 * The next trace is to tell, by so many answers; if the last ones could not, it is that of the next
 * interval.
 */
static void ask_again(struct flow *f, struct doubt *d, uint32_t answers, inpath_time now)
{
	if (d->rounds == HISTORY_ROUNDS)
		return;
	d->rounds++;
	f->confirming = d->ttl;
	f->confirming_by = (uint8_t)(answers < PROBER_CONFIRM ? answers : PROBER_CONFIRM);
	f->next_trace = now;
}

/* What was doubted was not found again, but the epoch's path (`differ` is 0), or a third one. */
static void flapped(struct inpath_engine *e, struct history *h, uint64_t differ)
{
	e->stats.flaps++;
	h->now.flaps++;
	evidence_third(&h->evidence, h->doubt.ttls, differ);
}

/* The path is the epoch's, as far as it was seen. */
static void take_same(struct inpath_engine *e, struct trace *t, struct flow *f, struct history *h,
	inpath_time now)
{
	struct doubt *d = &h->doubt;
	bool amid = is_amid_change(t);

	if (amid && t->walk.confirm && d->ttl == 0) {
		d->ttl = t->walk.confirm;
		d->ttls = ttl_bit(d->ttl);
		d->since = t->walk.first_sent;
		path_sketch(&d->path, &t->path);
	}
	fill_in(t, &h->path, 0);
	if (amid && d->ttl) {
		/* Both routes in one trace: which of them is left? */
		ask_again(f, d, PROBER_CONFIRM, now);
		return;
	}
	e->stats.unchanged++;
	if (d->ttl && !ttls_has(path_ttls(&t->path), d->ttl))
		return; /* silent just there */
	if (d->ttl) {
		steps_withdraw(&e->steps, &h->path, d->ttls & path_ttls(&t->path));
		flapped(e, h, 0);
	}
	d->ttl = 0;
	evidence_stays(&h->evidence, &t->walk, &h->path, ~0ULL);
	history_goes_on(h, t->walk.first_sent);
	measure(e, t, f, h);
}

/*
 * TTLs that have answered only when they were asked again, by a router that had answered at another one by then. So
 * it is where the route changes back meanwhile: who stands there is left to the next trace.
 */
static uint64_t misplaced(const struct trace *t)
{
	uint64_t ttls = 0;

	for (uint8_t i = 0; i < INPATH_MAX_HOPS; i++) {
		const struct inpath_hop *hop = &t->walk.hops[i];

		for (uint8_t k = 0; k < INPATH_MAX_HOPS && hop->answered < hop->sent; k++) {
			const struct inpath_hop *other = &t->walk.hops[k];

			if (k != i && hop->addr_count && other->addr_count &&
				other->answered == other->sent &&
				memcmp(&hop->addrs[0], &other->addrs[0], sizeof(hop->addrs[0])) ==
					0)
				ttls |= ttl_bit(i + 1);
		}
	}
	return ttls;
}

/*
 * The new path, and who takes turns at the TTLs that it has in common with the old one. Where it was
 * silent nothing is known: the paths may part before the first TTL that shows it.
 */
static struct path new_path(const struct trace *t, const struct path *old, uint64_t differ)
{
	struct path path = t->path;

	path_drop(&path, misplaced(t));
	(void)path_merge(&path, old, path_ttls(&path) & ~differ);
	return path;
}

static void say_change(struct inpath_engine *e, struct trace *t, const struct flow *f,
	struct history *h, uint64_t differ, inpath_time now)
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
	steps_add(&e->steps, &h->path, &t->walk.hops[ttl - 1], now);
	trace_history_turns(e, h);
	/* On another way the server may be nearer: that it is not is to be seen anew. */
	evidence_turns(&h->evidence, differ | (path.server ? ttl_bit(path.server) : 0),
		path_ttls(&h->path) & path_ttls(&path));
	history_turn(h, &path, h->doubt.since, t->walk.first_sent);
	evidence_stays(&h->evidence, &t->walk, &h->path, differ);
	measure(e, t, f, h);
}

/* The path is another one, at these TTLs. */
static void take_other(struct inpath_engine *e, struct trace *t, struct flow *f, struct history *h,
	uint64_t differ, inpath_time now)
{
	struct doubt *d = &h->doubt;
	bool again = is_found_again(d, &t->path, differ);
	/* What is as it was, where the last trace showed it otherwise: before the first, one more is to tell. */
	uint64_t back = d->ttls & path_ttls(&t->path) & ~differ;
	bool third = d->ttl && !again, sure;
	uint8_t first = ttls_lowest(differ);
	uint32_t others;
	struct evidence_lack lack;

	steps_withdraw(&e->steps, &h->path, back);
	if (d->ttl == 0)
		steps_suspect(&e->steps, &h->path, &t->walk.hops[first - 1],
			h->evidence.old[first - 1], now);
	others = seen_by_others(e, h, t, differ);
	/* Nor is it named by a TTL that one trace alone has shown: routers may take turns before the step. */
	sure = again && (back & (ttl_bit(first) - 1)) == 0 &&
	       (others >= STEPS_PROVEN || ttls_has(d->ttls, first));
	if (third)
		flapped(e, h, differ);
	if (!again) {
		d->since = t->walk.first_sent;
		d->ttls = back = 0;
	}
	evidence_flapped(&h->evidence, back);
	d->ttls = (d->ttls & ~back) | differ;
	evidence_stays(&h->evidence, &t->walk, &h->path, ~d->ttls);
	evidence_differs(&h->evidence, &t->walk, &h->path, differ);
	lack = evidence_lacks(&h->evidence, &t->walk, &h->path, differ, others);
	if (sure && lack.all == 0 && lack.first == 0 && !first_mixed(t, &h->path)) {
		say_change(e, t, f, h, differ, now);
		return;
	}
	fill_in(t, &h->path, differ);
	d->ttl = best_asked(t, differ);
	path_sketch(&d->path, &t->path);
	/* Of a third one it is asked who else there is. */
	ask_again(f, d, third ? PROBER_CONFIRM : next_wanted(&lack, d->ttl, differ), now);
}

/*
 * Does the server stand where nobody answered, and nobody up to where it was thought to stand? Then its
 * answers to touches of that TTL may just have been lost, as long as few traces have asked, or as it was
 * seen itself where it was thought to stand by a few answers only, however many traces have only
 * inferred since where it must be.
 */
static bool was_missed(const struct history *h, const struct path *path)
{
	uint64_t between;

	if (path->server == 0 || path->server >= h->path.server ||
		(h->now.traces >= MISSES && h->evidence.old[h->path.server - 1] >= MISSES))
		return false;
	between = ttls_up_to((uint8_t)(h->path.server - 1)) & ~(ttl_bit(path->server) - 1);
	return (path_ttls(&h->path) & between) == 0;
}

void trace_compare(struct inpath_engine *e, struct trace *t, struct flow *f, inpath_time now)
{
	bool first = f->history == 0;
	struct history *h = trace_history(e, f);
	uint64_t differ, balanced;
	struct path known;

	if (t->stop != INPATH_STOP_REACHED)
		t->path.server = 0;
	t->log_path = e->set->log_paths == INPATH_LOG_PATHS_ALL;
	if (first) {
		t->log_path = e->set->log_paths != INPATH_LOG_PATHS_NONE;
		history_turn(h, &t->path, t->walk.first_sent, t->walk.first_sent);
		evidence_stays(&h->evidence, &t->walk, &h->path, ~0ULL);
		measure(e, t, f, h);
		return;
	}
	if (is_cut_short(t)) {
		/* But what it shows where the path was silent so far has been seen. */
		if (h->doubt.ttl == 0 && path_differs(&h->path, &t->path) == 0)
			fill_in(t, &h->path, 0);
		/* What it was to confirm is still to be. */
		if (h->doubt.ttl && t->why == INPATH_WHY_CHANGE && t->stop == INPATH_STOP_SHORT)
			ask_again(f, &h->doubt, t->walk.confirm_by, now);
		return;
	}
	if (t->why != INPATH_WHY_CHANGE)
		h->doubt.rounds = 0;
	balanced = balanced_ttls(e, t, &h->path);
	if (balanced && path_merge(&h->path, &t->path, balanced)) {
		t->log_path = e->set->log_paths != INPATH_LOG_PATHS_NONE;
		evidence_flapped(&h->evidence, balanced);
	}
	known = h->path;
	if (was_missed(h, &t->path))
		path_cut(&known, t->path.server);
	differ = path_differs(&known, &t->path);
	if (differ) {
		take_other(e, t, f, h, differ, now);
		return;
	}
	/* On the same way it has been nearer all the time. */
	h->path = known;
	take_same(e, t, f, h, now);
}
