/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is told of a path, as long as a flow takes it and when it ends. */
#include "tests/unit/world.h"

static const struct inpath_limits LIMITS = {
	.flows = 16, .names = 16, .hellos = 2, .traces = 4, .histories = 2
};

static void begin(struct world *w)
{
	world_begin(w, &LIMITS);
	w->set.log_hops = true;
	w->policy.settings.interval_s = 10;
	world_hello(w);
	world_run(w, 3 * INPATH_SEC);
}

/* The latest ev=epoch, or NULL. */
static const struct world_record *latest_epoch(const struct world *w)
{
	for (uint32_t i = w->records; i > 0; i--)
		if (w->record[i - 1].record.kind == INPATH_RECORD_EPOCH)
			return &w->record[i - 1];
	return NULL;
}

static void says_goodbye(struct world *w)
{
	struct wire_tcp t = world_client_tcp(w);

	t.flags |= TCP_FIN;
	world_client_says(w, t);
	world_run(w, INPATH_SEC);
}

static void an_epoch_is_told_when_the_path_changes_and_when_the_flow_ends(void **state)
{
	(void)state;
	EACH_FAMILY(w)
	{
		const struct world_record *r;
		inpath_time began = w.now;

		w.silent = 1 << 3;
		begin(&w);
		began = w.record[0].record.at;
		world_goes_on(&w, 60 * INPATH_SEC);
		assert_null(latest_epoch(&w));
		w.moved = 1 << 2;
		world_goes_on(&w, 30 * INPATH_SEC);
		assert_int_equal(world_count(&w, INPATH_RECORD_EPOCH), 1);
		r = latest_epoch(&w);
		assert_int_equal(r->record.epoch.since, began);
		assert_in_range(r->record.epoch.until - began, 40 * INPATH_SEC, 62 * INPATH_SEC);
		assert_int_equal(r->record.at, r->record.epoch.until);
		assert_in_range(r->record.epoch.traces, 5, 8);
		assert_int_equal(r->record.epoch.nhop, 5);
		assert_int_equal(r->record.epoch.e2e.count, r->record.epoch.traces);
		assert_int_equal(w.epoch_hops[0].rtt.min_ns, 2 * MS);
		assert_int_equal(w.epoch_hops[0].rtt.med_ns, 2 * MS);
		assert_int_equal(w.epoch_hops[0].rtt.jitter_ns, 0);
		assert_int_equal(w.epoch_hops[0].sent, r->record.epoch.traces);
		assert_int_equal(w.epoch_hops[0].missing, 0);
		assert_int_equal(w.epoch_hops[3].addr_count, 0);
		assert_int_equal(w.epoch_hops[3].missing, w.epoch_hops[3].sent);
		assert_true(w.epoch_hops[3].missing >= 2 * r->record.epoch.traces);
		assert_int_equal(r->record.flow.tuple.client_port, w.port);
		says_goodbye(&w);
		assert_int_equal(world_count(&w, INPATH_RECORD_EPOCH), 2);
		assert_true(latest_epoch(&w)->record.epoch.since > r->record.epoch.until);
		assert_true(latest_epoch(&w)->record.epoch.traces >= 2);
		world_end(&w);
	}
}

static void one_trace_is_no_epoch(void **state)
{
	(void)state;
	EACH_FAMILY(w)
	{
		begin(&w);
		says_goodbye(&w);
		assert_null(latest_epoch(&w));
		world_end(&w);
	}
}

static void none_is_told_unasked(void **state)
{
	(void)state;
	EACH_FAMILY(w)
	{
		begin(&w);
		w.set.log_hops = false;
		world_goes_on(&w, 60 * INPATH_SEC);
		w.moved = 1 << 2;
		world_goes_on(&w, 30 * INPATH_SEC);
		says_goodbye(&w);
		assert_int_equal(world_stats(&w)->changes, 1);
		assert_null(latest_epoch(&w));
		world_end(&w);
	}
}

static void who_must_make_room_is_told_all_the_same(void **state)
{
	struct world w = { .sack = true };
	uint16_t first;

	(void)state;
	begin(&w);
	first = w.port;
	world_goes_on(&w, 30 * INPATH_SEC);
	for (uint16_t i = 1; i <= 2; i++) {
		w.port = (uint16_t)(first + i);
		world_hello(&w);
		world_run(&w, INPATH_SEC);
	}
	assert_int_equal(world_count(&w, INPATH_RECORD_EPOCH), 1);
	assert_int_equal(latest_epoch(&w)->record.flow.tuple.client_port, first);
	assert_int_equal(world_stats(&w)->epochs_lost, 0);
	world_end(&w);
}

static void the_living_are_walked_one_by_one(void **state)
{
	struct world w = { .sack = true };
	struct inpath_record r;
	uint32_t cursor = 0, found = 0;

	(void)state;
	begin(&w);
	world_goes_on(&w, 30 * INPATH_SEC);
	w.port++;
	world_hello(&w);
	world_run(&w, INPATH_SEC);
	while (cursor != INPATH_CURSOR_END) {
		if (!inpath_engine_history(w.engine, &cursor, &r))
			continue;
		found++;
		assert_int_equal(r.kind, INPATH_RECORD_EPOCH);
		assert_int_equal(r.flow.tuple.client_port, w.port - 2 + found);
		assert_string_equal(r.flow.policy, "all");
		assert_string_equal(r.flow.host, "");
		assert_int_equal(r.epoch.nhop, 5);
		assert_int_equal(r.epoch.hops[4].addr_count, 1);
	}
	assert_int_equal(found, 2);
	/* Behind the end there is nothing, wherever a stranger says that he is. */
	for (uint32_t i = 0; i < 3; i++) {
		cursor = UINT32_MAX - i;
		assert_false(inpath_engine_history(w.engine, &cursor, &r));
		assert_int_equal(cursor, INPATH_CURSOR_END);
	}
	says_goodbye(&w);
	cursor = 0;
	assert_true(inpath_engine_history(w.engine, &cursor, &r));
	assert_int_equal(r.flow.tuple.client_port, w.port - 1);
	assert_false(inpath_engine_history(w.engine, &cursor, &r));
	world_end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_epoch_is_told_when_the_path_changes_and_when_the_flow_ends),
		cmocka_unit_test(one_trace_is_no_epoch),
		cmocka_unit_test(none_is_told_unasked),
		cmocka_unit_test(who_must_make_room_is_told_all_the_same),
		cmocka_unit_test(the_living_are_walked_one_by_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
