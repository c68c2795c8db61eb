/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Changes. A flow's path is the one that its first trace showed, until a change is named. A trace
 * during which one path was in force the whole time shows a change if it saw, at some TTL, a router that
 * is not of that path, and the path's own had been seen there before: so silence, and routers that
 * take turns, are none. As long as trace after trace shows it, it has to be named by the JUDGE_SHOWS-th,
 * by the first TTL at which both paths were seen and part.
 *
 * But two that take turns, of which one is silent, look like one that leaves half of the probes without an
 * answer. So a trace in which the new router leaves more than one without tells no more than that it is there,
 * however often it answers; nor does one whose flow has shown no byte to repeat, at the last TTL before
 * the server: there it may ask but once. Of such traces JUDGE_CLEAR stand for one of the others.
 *
 * A change that is named is false if the path in force is the flow's own all the time.
 */
#include "tests/soak/soak.h"

static bool has(const struct judge_ids *ids, net_id id)
{
	for (uint32_t i = 0; i < ids->count; i++)
		if (ids->id[i] == id)
			return true;
	return false;
}

static void add(struct judge_ids *ids, net_id id)
{
	if (!has(ids, id) && ids->count < NET_IDS)
		ids->id[ids->count++] = id;
}

static bool seen_on(const struct judge_seen *seen, const struct net_path *path, uint8_t ttl)
{
	for (int i = 0; i < JUDGE_ADDRS; i++)
		if (seen->who[ttl][i] != NET_NOBODY && net_path_has(path, ttl, seen->who[ttl][i]))
			return true;
	return false;
}

static void merge(struct judge_seen *into, const struct judge_seen *later)
{
	for (int ttl = 1; ttl < JUDGE_TTLS; ttl++) {
		for (int i = 0; i < JUDGE_ADDRS; i++) {
			uint16_t who = later->who[ttl][i];
			int at = 0;

			while (at < JUDGE_ADDRS && into->who[ttl][at] != who &&
				into->who[ttl][at] != NET_NOBODY)
				at++;
			if (who != NET_NOBODY && at < JUDGE_ADDRS)
				into->who[ttl][at] = who;
		}
	}
}

/* The first TTL at which these two paths part and both were seen; 0: none. */
static uint8_t parted(const struct soak *s, const struct house_flow *f, net_id old, net_id new,
	const struct judge_seen *seen)
{
	struct net_path a, b;

	net_path(&s->net, &f->route, old, &a);
	net_path(&s->net, &f->route, new, &b);
	for (uint8_t ttl = 1; ttl < JUDGE_TTLS; ttl++)
		if (net_paths_part(&a, &b, ttl) && seen_on(&f->judge.known, &a, ttl) &&
			seen_on(seen, &b, ttl))
			return ttl;
	return 0;
}

static bool shows_change(const struct soak *s, const struct house_flow *f, net_id id)
{
	const struct judge_ids *named = &f->judge.named;

	for (uint32_t i = 0; i < named->count; i++)
		if (parted(s, f, named->id[i], id, &f->judge.seen) == 0)
			return false;
	return true;
}

/* Does the record tell more of this TTL than that somebody is there? */
static bool is_clear(const struct judge_flow *own, const struct inpath_record *r, uint8_t ttl)
{
	const struct inpath_hop *hop = &r->path.hops[ttl - 1];
	bool once = own->empty >= r->at && hop->sent == 1 && ttl + 1 >= r->path.nhop;

	return hop->answered + 1 >= hop->sent && !once;
}

/* ... of any TTL at which this path parts from each that may be the flow's own? */
static bool shows_clearly(
	const struct soak *s, const struct house_flow *f, const struct inpath_record *r, net_id id)
{
	const struct judge_flow *own = &f->judge;
	struct net_path a, b;

	net_path(&s->net, &f->route, id, &b);
	for (uint32_t i = 0; i < own->named.count; i++) {
		bool clear = false;

		net_path(&s->net, &f->route, own->named.id[i], &a);
		for (uint8_t ttl = 1; ttl < JUDGE_TTLS && ttl <= r->path.nhop; ttl++)
			clear |= net_paths_part(&a, &b, ttl) && seen_on(&own->known, &a, ttl) &&
				 seen_on(&own->seen, &b, ttl) && is_clear(own, r, ttl);
		if (!clear)
			return false;
	}
	return true;
}

static void begin_with(struct judge_flow *own, const struct judge_ids *ids)
{
	own->named = *ids;
	own->taken.count = 0;
	own->known = own->seen;
	own->differed = own->shown = 0;
	own->missed = false;
}

void judge_change_gone(struct soak *s, struct house_flow *f)
{
	if (f->judge.differed == 1)
		s->judge.flaps++;
	else if (f->judge.differed > 1)
		s->judge.overtaken++;
	f->judge.differed = f->judge.shown = 0;
	f->judge.missed = false;
}

/* One more trace shows another path. */
static void differs_to(
	struct soak *s, struct house_flow *f, const struct inpath_record *r, net_id id)
{
	struct judge_flow *own = &f->judge;

	if (own->differed && own->differed_to != id)
		judge_change_gone(s, f);
	if (own->shown >= JUDGE_SHOWS * JUDGE_CLEAR && !own->missed) {
		own->missed = true;
		s->judge.changes_missed++;
		judge_miss(s, f, "a change that %d traces in a row have shown was not named",
			own->differed);
	}
	own->differed++;
	own->differed_to = id;
	own->shown += shows_clearly(s, f, r, id) ? JUDGE_CLEAR : 1;
}

/* Was the trace ended before it had seen all? */
static bool cut_short(const struct inpath_record_path *p)
{
	return p->stop == INPATH_STOP_ENDED || p->stop == INPATH_STOP_BUDGET ||
	       p->stop == INPATH_STOP_SHORT;
}

void judge_path_seen(struct soak *s, struct house_flow *f, const struct inpath_record *r,
	const struct judge_ids *now, const struct judge_seen *seen)
{
	struct judge_flow *own = &f->judge;
	bool of_it = false;

	own->run = r->flow.run;
	own->now = *now;
	own->seen = *seen;
	if (own->named.count && r->path.why == INPATH_WHY_START)
		judge_miss(s, f, "its path was forgotten");
	if (own->named.count == 0 || r->path.why == INPATH_WHY_START) {
		begin_with(own, now);
		return;
	}
	if (now->count == 1 && shows_change(s, f, now->id[0])) {
		if (cut_short(&r->path))
			return;
		differs_to(s, f, r, now->id[0]);
		return;
	}
	judge_change_gone(s, f);
	for (uint32_t i = 0; i < now->count; i++)
		of_it |= has(&own->named, now->id[i]) || has(&own->taken, now->id[i]);
	for (uint32_t i = 0; i < now->count; i++)
		if (!has(&own->named, now->id[i]))
			add(&own->taken, now->id[i]);
	/* Where the route went over from one that was new to another, nobody can tell who of those seen
	 * was of which, and none of it is of the flow's own. */
	if (of_it || now->count == 1)
		merge(&own->known, seen);
}

/* Could it be this change, with this TTL? */
static bool may_be(const struct soak *s, const struct house_flow *f, net_id old, net_id new,
	uint8_t ttl, bool *differ)
{
	uint8_t first = parted(s, f, old, new, &f->judge.seen);
	struct net_path a, b;

	if (old == new)
		return false;
	*differ = true;
	net_path(&s->net, &f->route, old, &a);
	net_path(&s->net, &f->route, new, &b);
	return net_paths_part(&a, &b, ttl) && (first == 0 || first >= ttl);
}

static bool is_true(const struct soak *s, const struct house_flow *f, uint8_t ttl, bool *differ)
{
	const struct judge_flow *own = &f->judge;
	bool good = false;

	for (uint32_t k = 0; k < own->now.count; k++) {
		for (uint32_t i = 0; i < own->named.count; i++)
			good |= may_be(s, f, own->named.id[i], own->now.id[k], ttl, differ);
		for (uint32_t i = 0; i < own->taken.count; i++)
			good |= may_be(s, f, own->taken.id[i], own->now.id[k], ttl, differ);
	}
	return good;
}

void judge_change_named(struct soak *s, struct house_flow *f, const struct inpath_record *r)
{
	struct judge_flow *own = &f->judge;
	struct judge_ids now = { 0 };
	bool differ = false, good = is_true(s, f, r->change.ttl, &differ);

	judge_note(s, f, "run=%08x change at TTL %u", r->flow.run, r->change.ttl);
	if (r->flow.run != own->run)
		judge_miss(s, f, "a change by a trace that no record showed");
	if (!differ) {
		s->judge.changes_false++;
		judge_miss(s, f, "a change at TTL %u that was none", r->change.ttl);
	} else if (!good) {
		judge_miss(s, f, "a change at TTL %u, which is not the first that differs",
			r->change.ttl);
	}
	s->judge.changes_named += differ;
	s->judge.changes_mixed += own->differed == 0;
	s->judge.took[own->differed < JUDGE_SHOWS ? own->differed : JUDGE_SHOWS]++;
	/* It is another one than the old; but where any of several may have been that, any may be the new. */
	for (uint32_t i = 0; i < own->now.count; i++)
		if (own->named.count > 1 || !has(&own->named, own->now.id[i]))
			add(&now, own->now.id[i]);
	begin_with(own, now.count ? &now : &own->now);
}
