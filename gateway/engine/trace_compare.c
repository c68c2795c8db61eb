/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Is a finished trace's path the flow's last one? What is remembered, and what is worth saying. */
#include "gateway/engine/trace.h"

static void remember_path(struct inpath_engine *e, struct flow *f, const struct path *path)
{
	if (f->history == 0) {
		uint32_t robbed;
		uint32_t slot =
			history_take(&e->histories, (uint32_t)(f - e->flows.entries), &robbed);

		if (robbed != TABLE_NONE)
			e->flows.entries[robbed].history = 0;
		f->history = slot + 1;
	}
	table_touch(&e->histories.table, f->history - 1);
	e->histories.entries[f->history - 1].path = *path;
}

/* Did routers take turns at the TTL that was to show it? Then the path is as it was. */
static bool is_balanced(const struct trace *t)
{
	return t->walk.confirm && t->walk.hops[t->walk.confirm - 1].balanced;
}

/* Did the route change while it was being confirmed? */
static bool is_amid_change(const struct trace *t)
{
	return t->walk.confirm && t->walk.hops[t->walk.confirm - 1].changed;
}

/*
 * Compares with the flow's last path. A difference is confirmed by a second trace before it is
 * said: a route in the midst of changing shows a mixture of both.
 */
void trace_compare(struct inpath_engine *e, struct trace *t, struct flow *f, inpath_time now)
{
	struct path *old;
	uint8_t ttl;

	t->log_path = e->set->log_paths != INPATH_LOG_PATHS_NONE;
	if (f->history == 0) {
		remember_path(e, f, &t->path);
		return;
	}
	old = &e->histories.entries[f->history - 1].path;
	if (is_balanced(t)) {
		/* What differs farther on in the same trace is taken for the same balancer's doing. */
		path_merge(old, &t->path);
		table_touch(&e->histories.table, f->history - 1);
		return;
	}
	/* A mixture of both routes differs from neither. */
	ttl = is_amid_change(t) ? t->walk.confirm : path_differs(old, &t->path);
	if (ttl == 0) {
		/* A hop that was silent so far is known from now on. */
		path_fill(old, &t->path);
		table_touch(&e->histories.table, f->history - 1);
		e->stats.unchanged++;
		t->log_path = e->set->log_paths == INPATH_LOG_PATHS_ALL;
		return;
	}
	if (t->why != INPATH_WHY_CHANGE || is_amid_change(t)) {
		f->confirming = ttl;
		f->next_trace = now;
		t->log_path = e->set->log_paths == INPATH_LOG_PATHS_ALL;
		return;
	}
	t->log_change = true;
	t->change_ttl = ttl;
	t->old_fingerprint = old->fingerprint;
	remember_path(e, f, &t->path);
}
