/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A change of the path is named once, when it is sure, and nothing else is. */
#include "tests/unit/world_quic.h"

static const struct inpath_limits LIMITS = {
	.flows = 16, .names = 16, .hellos = 2, .traces = 4, .histories = 4
};

/* The flow says something, and is traced if that is due. */
/* A connection that was traced once, and is for the next time in this moment. */
static void begin(struct world *w)
{
	world_begin(w, &LIMITS);
	if (w->seen_ttl == 0)
		w->seen_ttl = (uint8_t)(64 - w->distance);
	world_hello(w);
	world_run(w, 75 * INPATH_SEC);
	assert_int_equal(world_stats(w)->traces, 1);
}

/* The latest ev=change. */
static const struct inpath_record_change *latest_change(const struct world *w)
{
	for (uint32_t i = w->records; i > 0; i--)
		if (w->record[i - 1].record.kind == INPATH_RECORD_CHANGE)
			return &w->record[i - 1].record.change;
	fail_msg("nothing has changed");
	return NULL;
}

static void assert_changes(const struct world *w, uint32_t changes, uint32_t flaps)
{
	assert_int_equal(world_count(w, INPATH_RECORD_CHANGE), changes);
	assert_int_equal(world_stats(w)->changes, changes);
	assert_int_equal(world_stats(w)->flaps, flaps);
}

static void two_traces_name_a_change(void **state)
{
	(void)state;
	EACH_FAMILY(w)
	{
		begin(&w);
		w.moved = 1 << 2 | 1 << 3;
		world_goes_on(&w, 30 * INPATH_SEC);
		assert_changes(&w, 1, 0);
		assert_int_equal(world_stats(&w)->traces, 3);
		assert_int_equal(latest_change(&w)->ttl, 3);
		assert_false(latest_change(&w)->back);
		/* The old path was seen by one trace alone. */
		assert_int_equal(latest_change(&w)->held_ns, 0);
		assert_world_path(&w);
		world_end(&w);
	}
}

/* Whoever wants every path has it, and knows which are the log's. */
static void a_path_that_the_log_leaves_out_is_told_if_asked(void **state)
{
	static const enum inpath_log_paths wanted[] = { INPATH_LOG_PATHS_CHANGES,
		INPATH_LOG_PATHS_ALL, INPATH_LOG_PATHS_NONE };

	(void)state;
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		EACH_FAMILY(w)
		{
			uint32_t logged = 0;

			world_begin(&w, &LIMITS);
			w.set.log_paths = wanted[i];
			w.set.every_path = true;
			world_hello(&w);
			world_run(&w, 75 * INPATH_SEC);
			world_goes_on(&w, 30 * INPATH_SEC);
			assert_int_equal(world_stats(&w)->traces, 2);
			assert_int_equal(world_count(&w, INPATH_RECORD_PATH), 2);
			for (uint32_t k = 0; k < w.records; k++)
				logged += !w.record[k].record.path.unlogged;
			assert_int_equal(logged, wanted[i] == INPATH_LOG_PATHS_CHANGES ? 1
						 : wanted[i] == INPATH_LOG_PATHS_ALL   ? 2
										       : 0);
			assert_int_equal(world_stats(&w)->records, logged);
			world_end(&w);
		}
	}
}

/* What the server's distance is before and after, and which routers keep silent. */
static const struct {
	uint8_t before;
	uint8_t after;
	uint64_t silent;
	uint8_t ttl; /* 0: nothing can be said */
} moves[] = {
	{ 5, 6, 0, 5 },
	{ 5, 9, 0, 5 },
	{ 5, 4, 0, 4 },
	{ 9, 3, 0, 3 },
	{ 5, 4, 1 << 3, 4 },
	{ 4, 5, 1 << 3, 4 },
	{ 4, 7, 1 << 3 | 1 << 4, 4 },
};

static void a_longer_and_a_shorter_path_differ_where_the_server_moved(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(moves) / sizeof(moves[0]); i++) {
		EACH_FAMILY(w)
		{
			w.distance = moves[i].before;
			w.silent = moves[i].silent;
			begin(&w);
			/* Where it answered no sooner, one trace may just have missed it. */
			if (moves[i].silent)
				world_goes_on(&w, 250 * INPATH_SEC);
			w.distance = moves[i].after;
			world_goes_on(&w, 50 * INPATH_SEC);
			assert_changes(&w, 1, 0);
			assert_int_equal(latest_change(&w)->ttl, moves[i].ttl);
			assert_world_path(&w);
			world_end(&w);
		}
	}
}

/* Nobody answers just before the server, and now itself does: as few traces may all have missed it there. */
static void a_nearer_server_is_a_change_once_four_traces_have_not_met_it_there(void **state)
{
	(void)state;
	for (uint32_t traces = 1; traces <= 5; traces++) {
		EACH_FAMILY(w)
		{
			w.distance = 5;
			w.silent = 1 << 3;
			begin(&w);
			while (world_stats(&w)->unchanged < traces - 1)
				world_goes_on(&w, INPATH_SEC);
			assert_int_equal(world_stats(&w)->traces, traces);
			w.distance = 4;
			world_goes_on(&w, 200 * INPATH_SEC);
			assert_changes(&w, traces >= 4, 0);
			if (traces >= 4) {
				assert_int_equal(latest_change(&w)->ttl, 4);
				assert_world_path(&w);
			}
			world_end(&w);
		}
	}
}

/* It was met once where it was thought to stand; traces that only infer that since then have asked, and show nothing. */
static void a_nearer_server_is_no_change_where_few_answers_have_placed_it(void **state)
{
	(void)state;
	EACH_FAMILY(w)
	{
		w.distance = 5;
		w.silent = 1 << 3;
		begin(&w);
		w.mute_dsack = true;
		world_goes_on(&w, 400 * INPATH_SEC);
		assert_true(world_stats(&w)->unchanged >= 5);
		w.mute_dsack = false;
		w.distance = 4;
		world_goes_on(&w, 200 * INPATH_SEC);
		assert_true(world_stats(&w)->traces > world_stats(&w)->unchanged);
		assert_changes(&w, 0, 0);
		world_end(&w);
	}
}

/*
 * Nor do those count that have placed it on another way. The new one is one shorter, but the first traces have missed that;
 * those behind them only infer it, since its answers come from an odd distance.
 */
static void a_nearer_server_is_no_change_where_another_way_has_placed_it(void **state)
{
	(void)state;
	EACH_FAMILY(w)
	{
		w.distance = 5;
		w.silent = 1 << 3;
		begin(&w);
		world_goes_on(&w, 800 * INPATH_SEC);
		w.moved = 1 << 1;
		world_goes_on(&w, 80 * INPATH_SEC);
		assert_changes(&w, 1, 0);
		w.distance = 4;
		w.seen_ttl -= 7;
		world_goes_on(&w, 400 * INPATH_SEC);
		assert_changes(&w, 1, 0);
		w.seen_ttl += 7;
		world_goes_on(&w, 200 * INPATH_SEC);
		assert_changes(&w, 1, 0);
		world_end(&w);
	}
}

/* A trace has met it nearer, but by another way. Back on its own, where it stood is still known. */
static void a_server_that_is_nearer_on_another_way_is_not_forgotten(void **state)
{
	(void)state;
	EACH_FAMILY(w)
	{
		w.distance = 5;
		w.silent = 1 << 3;
		begin(&w);
		w.distance = 4;
		w.moved = 1 << 1;
		world_request(&w, "again and again", 15);
		world_run(&w, 7 * INPATH_SEC);
		assert_int_equal(world_stats(&w)->traces, 2);
		w.distance = 6;
		w.moved = 0;
		world_goes_on(&w, 150 * INPATH_SEC);
		assert_int_equal(world_stats(&w)->changes, 1);
		assert_int_equal(latest_change(&w)->ttl, 5);
		world_end(&w);
	}
}

static void a_third_path_is_the_one_that_is_named(void **state)
{
	(void)state;
	EACH_FAMILY(w)
	{
		const struct inpath_record_change *change;

		begin(&w);
		w.moved = 1 << 2;
		world_request(&w, "again and again", 15);
		world_run(&w, 7 * INPATH_SEC);
		assert_int_equal(world_stats(&w)->traces, 2);
		assert_changes(&w, 0, 0);
		/* While a second trace is waited for, the route changes once more. */
		w.moved = 0;
		w.third = 1 << 1 | 1 << 2;
		world_goes_on(&w, 50 * INPATH_SEC);
		assert_changes(&w, 1, 1);
		change = latest_change(&w);
		assert_int_equal(change->ttl, 2);
		assert_int_equal(change->new_fingerprint, world_path(&w)->record.path.fingerprint);
		assert_world_path(&w);
		world_end(&w);
	}
}

static void a_way_back_is_told_as_one(void **state)
{
	(void)state;
	EACH_FAMILY(w)
	{
		uint32_t first;

		begin(&w);
		first = w.record[0].record.path.fingerprint;
		world_goes_on(&w, 130 * INPATH_SEC);
		w.moved = 1 << 2;
		world_goes_on(&w, 130 * INPATH_SEC);
		assert_changes(&w, 1, 0);
		assert_false(latest_change(&w)->back);
		assert_in_range(latest_change(&w)->held_ns, 120 * INPATH_SEC, 240 * INPATH_SEC);
		w.moved = 0;
		world_goes_on(&w, 130 * INPATH_SEC);
		assert_changes(&w, 2, 0);
		assert_true(latest_change(&w)->back);
		assert_int_equal(latest_change(&w)->new_fingerprint, first);
		assert_in_range(latest_change(&w)->held_ns, 50 * INPATH_SEC, 140 * INPATH_SEC);
		world_end(&w);
	}
}

static void a_flap_is_counted_and_not_named(void **state)
{
	(void)state;
	EACH_FAMILY(w)
	{
		begin(&w);
		w.moved = 1 << 2;
		world_request(&w, "again and again", 15);
		world_run(&w, 7 * INPATH_SEC);
		w.moved = 0;
		world_goes_on(&w, 130 * INPATH_SEC);
		assert_changes(&w, 0, 1);
		world_end(&w);
	}
}

/* The next one: the server's window shuts before the silent hop is asked once more. */
static void cut_a_trace_short(struct world *w)
{
	uint64_t before = world_stats(w)->traces;

	world_request(w, "again and again", 15);
	world_run(w, 250 * MS);
	w->window = 0;
	for (int i = 0; i < 14; i++) {
		world_server_says(w, world_server_tcp(w));
		world_run(w, INPATH_SEC);
	}
	assert_true(world_stats(w)->traces > before);
}

static void a_trace_cut_short_is_no_evidence(void **state)
{
	struct world w = { .sack = true, .silent = 1 << 3 };

	(void)state;
	begin(&w);
	w.moved = 1 << 2;
	cut_a_trace_short(&w);
	w.window = 500;
	w.moved = 0;
	world_goes_on(&w, 30 * INPATH_SEC);
	assert_int_equal(world_stats(&w)->traces, 2);
	world_goes_on(&w, 40 * INPATH_SEC);
	assert_int_equal(world_stats(&w)->traces, 3);
	assert_changes(&w, 0, 0);
	world_end(&w);
}

static void a_confirmation_cut_short_is_repeated_at_once(void **state)
{
	struct world w = { .sack = true, .silent = 1 << 3 };

	(void)state;
	begin(&w);
	w.moved = 1 << 2;
	world_request(&w, "again and again", 15);
	world_run(&w, 7 * INPATH_SEC);
	assert_int_equal(world_stats(&w)->traces, 2);
	cut_a_trace_short(&w);
	assert_changes(&w, 0, 0);
	w.window = 500;
	/* An interval has not passed by then. */
	world_goes_on(&w, 30 * INPATH_SEC);
	assert_changes(&w, 1, 0);
	assert_int_equal(latest_change(&w)->ttl, 3);
	world_end(&w);
}

/* So many seconds of a download; the client says nothing of its own. */
static void downloads(struct world *w, int seconds)
{
	for (int i = 0; i < 4 * seconds; i++) {
		struct wire_tcp t = world_server_tcp(w);

		t.payload = "some of a film";
		t.payload_len = 14;
		world_server_says(w, t);
		world_client_says(w, world_client_tcp(w));
		world_run(w, 250 * MS);
	}
}

/* Its probes have no byte to carry. Of such segments a server answers one in half a second: the confirming trace waits. */
static void a_download_whose_request_was_not_seen_confirms_its_change_at_once(void **state)
{
	(void)state;
	EACH_FAMILY(w)
	{
		world_begin(&w, &LIMITS);
		world_connect(&w);
		w.client_nxt += 500; /* the request */
		downloads(&w, 20);
		assert_int_equal(world_stats(&w)->traces_reached, 1);
		w.moved = 1 << 2;
		while (world_stats(&w)->traces == 1)
			downloads(&w, 1);
		downloads(&w, 2);
		assert_int_equal(world_stats(&w)->traces, world_stats(&w)->traces_reached);
		assert_changes(&w, 1, 0);
		world_end(&w);
	}
}

static void what_a_trace_cut_short_has_shown_is_known(void **state)
{
	struct world w = { .sack = true, .silent = 1 << 1 | 1 << 3 };

	(void)state;
	begin(&w);
	w.silent = 1 << 3;
	cut_a_trace_short(&w);
	assert_int_equal(world_stats(&w)->unchanged, 0);
	w.window = 500;
	/* There it has shown a router, and now there is another. */
	w.moved = 1 << 1 | 1 << 2;
	world_goes_on(&w, 90 * INPATH_SEC);
	assert_changes(&w, 1, 0);
	assert_int_equal(latest_change(&w)->ttl, 2);
	world_end(&w);
}

/*
 * The flow's route is another one for a minute, with somebody at TTL 5, where it is silent itself. It goes back and
 * over once more as a trace begins: TTL 3 has answered from the old one, TTL 5 does when it is asked again.
 */
static void what_a_mixture_has_shown_is_not_known(void **state)
{
	struct world w = { .sack = true, .timestamps = true, .distance = 8, .silent = 1 << 4 };
	uint32_t asked;

	(void)state;
	begin(&w);
	w.set.log_paths = INPATH_LOG_PATHS_ALL;
	w.moved = 1 << 2;
	world_request(&w, "again and again", 15);
	world_run(&w, 7 * INPATH_SEC);
	assert_int_equal(world_stats(&w)->traces, 2);
	w.moved = 0;
	asked = w.per_ttl[3];
	world_request(&w, "again and again", 15);
	for (int i = 0; i < 2000 && w.per_ttl[3] == asked; i++)
		world_run(&w, 1 * MS);
	w.moved = 1 << 2;
	w.silent = 0;
	world_run(&w, 7 * INPATH_SEC);
	assert_int_equal(world_path(&w)->hops[2].addr_count, 2);
	assert_int_equal(world_path(&w)->hops[4].addr_count, 1);
	/* It is back, and its own router is heard. */
	w.moved = 0;
	w.third = 1 << 4;
	world_goes_on(&w, 300 * INPATH_SEC);
	assert_int_equal(world_stats(&w)->changes, 0);
	world_end(&w);
}

/* But what stands before the TTL at which the route changed, with one between that did not. */
static void what_stands_before_a_mixture_is_known(void **state)
{
	struct world w = { .sack = true, .timestamps = true, .distance = 8, .silent = 1 };
	uint32_t asked;

	(void)state;
	begin(&w);
	w.moved = 1 << 2;
	world_request(&w, "again and again", 15);
	world_run(&w, 7 * INPATH_SEC);
	assert_int_equal(world_stats(&w)->traces, 2);
	w.silent = 0;
	asked = w.per_ttl[3];
	world_request(&w, "again and again", 15);
	for (int i = 0; i < 2000 && w.per_ttl[3] < asked + 4; i++)
		world_run(&w, 1 * MS);
	w.moved = 0;
	world_run(&w, 7 * INPATH_SEC);
	assert_int_equal(world_stats(&w)->traces, 3);
	w.third = 1;
	world_goes_on(&w, 200 * INPATH_SEC);
	assert_int_equal(world_stats(&w)->changes, 1);
	assert_int_equal(latest_change(&w)->ttl, 1);
	world_end(&w);
}

/* The one that showed a difference is silent now; what the trace shows elsewhere is known all the same. */
static void what_is_shown_beside_a_doubt_is_known(void **state)
{
	struct world w = { .sack = true, .timestamps = true, .distance = 8, .silent = 1 << 5 };

	(void)state;
	begin(&w);
	w.moved = 1 << 2;
	world_request(&w, "again and again", 15);
	world_run(&w, 7 * INPATH_SEC);
	assert_int_equal(world_stats(&w)->traces, 2);
	w.silent = 1 << 2;
	world_goes_on(&w, 10 * INPATH_SEC);
	w.silent |= 1 << 1;
	w.third = 1 << 5;
	world_goes_on(&w, 200 * INPATH_SEC);
	assert_int_equal(world_stats(&w)->changes, 1);
	assert_int_equal(latest_change(&w)->ttl, 6);
	world_end(&w);
}

/* Nor is what stands before the first TTL that differs lost, with one between that does not. */
static void what_stands_before_a_difference_is_known(void **state)
{
	struct world w = { .sack = true, .timestamps = true, .distance = 8, .silent = 1 << 1 };

	(void)state;
	begin(&w);
	w.moved = 1 << 5;
	w.silent = 0;
	world_request(&w, "again and again", 15);
	world_run(&w, 7 * INPATH_SEC);
	assert_int_equal(world_stats(&w)->traces, 2);
	assert_int_equal(world_stats(&w)->unchanged, 0);
	w.moved = 0;
	w.third = 1 << 1;
	world_goes_on(&w, 200 * INPATH_SEC);
	assert_int_equal(world_stats(&w)->changes, 1);
	assert_int_equal(latest_change(&w)->ttl, 2);
	world_end(&w);
}

/*
 * The trace that confirms a change asks TTL 6 again, and meets the router of TTL 7 there: as where the route has changed
 * back meanwhile. The next one shows its own.
 */
static void who_answers_again_at_anothers_ttl_is_not_taken_for_the_path(void **state)
{
	struct world w = { .sack = true, .timestamps = true, .distance = 9 };
	uint32_t asked;

	(void)state;
	begin(&w);
	w.moved = 1 << 2 | 1 << 5;
	world_request(&w, "again and again", 15);
	world_run(&w, 7 * INPATH_SEC);
	assert_int_equal(world_stats(&w)->traces, 2);
	w.silent = 1 << 5;
	asked = w.per_ttl[6];
	world_request(&w, "again and again", 15);
	for (int i = 0; i < 2000 && w.per_ttl[6] == asked; i++)
		world_run(&w, 1 * MS);
	w.silent = 0;
	w.zero_ttl = 1 << 5;
	world_run(&w, 7 * INPATH_SEC);
	assert_int_equal(world_stats(&w)->changes, 1);
	assert_int_equal(latest_change(&w)->ttl, 3);
	assert_int_equal(world_path(&w)->hops[5].addr_count, 1);
	w.zero_ttl = 0;
	world_goes_on(&w, 400 * INPATH_SEC);
	assert_int_equal(world_stats(&w)->changes, 1);
	world_end(&w);
}

/* Behind it two pairs take turns of which the path has but one each: what they show goes to and fro. */
static void a_change_before_routers_that_take_turns_is_named(void **state)
{
	(void)state;
	for (uint32_t seed = 0; seed < 60; seed++) {
		struct world w = { .sack = true, .timestamps = true, .distance = 10 };

		w.dice = seed * 2654435761U;
		begin(&w);
		w.deals = 1 << 5 | 1 << 7;
		w.third = 1 << 2;
		for (int i = 0; i < 600 && world_stats(&w)->changes == 0; i++)
			world_goes_on(&w, 1 * INPATH_SEC);
		assert_int_equal(world_stats(&w)->changes, 1);
		assert_int_equal(latest_change(&w)->ttl, 3);
		assert_in_range(world_stats(&w)->traces, 3, 6);
		world_end(&w);
	}
}

/* Routers behind a balancer that deals packet by packet, at random, and some answer seldom. */
static void who_takes_turns_at_random_makes_no_change(void **state)
{
	(void)state;
	for (uint32_t seed = 0; seed < 200; seed++) {
		struct world w = { .sack = true, .timestamps = true, .distance = 8 };

		w.dice = seed * 2654435761U;
		w.deals = 1 << 2 | (seed % 3 == 0 ? 1 << 3 | 1 << 4 : 0);
		w.stingy = seed % 2 ? 1 << 2 : 0;
		begin(&w);
		for (int i = 0; i < 6; i++)
			world_goes_on(&w, 60 * INPATH_SEC);
		assert_int_equal(world_stats(&w)->changes, 0);
		world_end(&w);
	}
}

/* Each trace may show another of the two; none of them shows the old one. */
static void a_change_to_routers_that_take_turns_is_named(void **state)
{
	(void)state;
	for (uint32_t seed = 0; seed < 100; seed++) {
		struct world w = { .sack = true, .timestamps = true, .distance = 8 };
		uint64_t before;

		w.dice = seed * 2654435761U;
		w.third = 1 << 2;
		begin(&w);
		world_goes_on(&w, 600 * INPATH_SEC);
		before = world_stats(&w)->traces;
		w.third = 0;
		w.deals = 1 << 2;
		for (int i = 0; i < 300 && world_stats(&w)->changes == 0; i++)
			world_goes_on(&w, 1 * INPATH_SEC);
		assert_int_equal(world_stats(&w)->changes, 1);
		assert_int_equal(latest_change(&w)->ttl, 3);
		assert_in_range(world_stats(&w)->traces - before, 2, 6);
		world_goes_on(&w, 200 * INPATH_SEC);
		assert_int_equal(world_stats(&w)->changes, 1);
		world_end(&w);
	}
}

/* Connections from ports one behind the other, which say the same. */
struct crowd {
	struct world w;
	uint16_t first;
	uint32_t count;
	uint32_t client_nxt;
};

static void crowd_begin(struct crowd *c, uint32_t count)
{
	struct world *w = &c->w;

	world_begin(w, &LIMITS);
	w->seen_ttl = (uint8_t)(64 - w->distance);
	c->first = w->port;
	c->count = count;
	for (uint32_t i = 0; i < count; i++) {
		w->port = (uint16_t)(c->first + i);
		world_hello(w);
	}
	c->client_nxt = w->client_nxt;
}

/* Each says something every second. */
static void crowd_goes_on(struct crowd *c, inpath_time span)
{
	struct world *w = &c->w;

	for (inpath_time end = w->now + span; w->now < end;) {
		for (uint32_t i = 0; i < c->count; i++) {
			w->port = (uint16_t)(c->first + i);
			w->client_nxt = c->client_nxt;
			world_request(w, "again and again and again", 25);
			world_run(w, INPATH_SEC / c->count);
		}
		c->client_nxt = w->client_nxt;
	}
}

/* Of a router that answers one probe in four a flow alone sees too little for minutes. */
static void what_no_flow_can_prove_they_prove_together(void **state)
{
	(void)state;
	for (uint32_t count = 1; count <= 4; count += 3) {
		struct crowd c = {
			.w = { .sack = true, .timestamps = true, .distance = 8, .deaf = true }
		};
		struct world *w = &c.w;

		crowd_begin(&c, count);
		w->policy.settings.attempts = 4;
		crowd_goes_on(&c, 900 * INPATH_SEC);
		assert_int_equal(world_stats(w)->changes, 0);
		w->moved = w->stingy = 1 << 2;
		crowd_goes_on(&c, 100 * INPATH_SEC);
		assert_int_equal(world_stats(w)->changes, count == 1 ? 0 : count);
		for (uint32_t i = 0; i < w->records; i++)
			if (w->record[i].record.kind == INPATH_RECORD_CHANGE)
				assert_int_equal(w->record[i].record.change.ttl, 3);
		world_end(w);
	}
}

static void a_change_behind_a_balancer_is_named(void **state)
{
	struct world w = { .sack = true, .timestamps = true, .distance = 8, .turns = 1 << 2 };

	(void)state;
	begin(&w);
	world_goes_on(&w, 130 * INPATH_SEC);
	w.third = 1 << 5;
	world_goes_on(&w, 130 * INPATH_SEC);
	assert_changes(&w, 1, 0);
	assert_int_equal(latest_change(&w)->ttl, 6);
	world_end(&w);
}

/* It takes longer, but it is named. */
static void a_change_among_routers_that_answer_seldom_is_named(void **state)
{
	struct world w = { .sack = true, .timestamps = true, .distance = 8, .stingy = 1 << 2 };

	(void)state;
	begin(&w);
	world_goes_on(&w, 200 * INPATH_SEC);
	w.moved = 1 << 2;
	world_goes_on(&w, 720 * INPATH_SEC);
	assert_changes(&w, 1, 0);
	assert_int_equal(latest_change(&w)->ttl, 3);
	world_end(&w);
}

/* Asked no more often than it answers, it shows as much as any other. */
static void a_router_that_limits_its_answers_is_named_as_soon_as_any_other(void **state)
{
	(void)state;
	EACH_FAMILY(w)
	{
		w.distance = 8;
		w.limited = 1 << 2;
		begin(&w);
		w.moved = 1 << 2;
		world_goes_on(&w, 60 * INPATH_SEC);
		assert_changes(&w, 1, 0);
		assert_int_equal(latest_change(&w)->ttl, 3);
		assert_in_range(world_stats(&w)->traces, 3, 4);
		world_end(&w);
	}
}

static void a_guess_where_the_server_stands_is_no_path(void **state)
{
	(void)state;
	EACH_FAMILY(w)
	{
		world_begin(&w, &LIMITS);
		w.policy.protocols |= INPATH_PROTOCOL_QUIC;
		w.policy.settings.interval_s = 4;
		world_quic_open(&w, "www.movies.example");
		for (int i = 0; i < 24; i++) {
			world_run(&w, 3 * INPATH_SEC);
			world_short(&w, true, QUIC_SERVER_ID, 0x41);
			world_short(&w, false, QUIC_CLIENT_ID, 0x41);
			world_run(&w, 3 * INPATH_SEC);
			/* The way back is longer or shorter, the last router silent at times. */
			w.seen_ttl = (uint8_t)(64 - 4 - i % 4);
			w.silent = i % 3 == 0 ? 1 << 3 : 0;
		}
		assert_true(world_stats(&w)->traces > 10);
		assert_changes(&w, 0, 0);
		world_end(&w);
	}
}

/* The acceptance of continuous tracing, in virtual time. */
static void twenty_changes_are_named_twenty_times(void **state)
{
	static const uint64_t ways[] = { 0, 1 << 1, 1 << 2 | 1 << 3, 1 << 3, 1 << 1 | 1 << 2 };
	static const uint8_t ttls[5][5] = { { 0, 2, 3, 4, 2 }, { 2, 0, 2, 2, 3 }, { 3, 2, 0, 3, 2 },
		{ 4, 2, 3, 0, 2 }, { 2, 3, 2, 2, 0 } };

	(void)state;
	EACH_FAMILY(w)
	{
		uint8_t way = 0;

		world_begin(&w, &LIMITS);
		w.policy.settings.interval_s = 5;
		world_hello(&w);
		world_goes_on(&w, 12 * INPATH_SEC);
		for (uint8_t i = 0; i < 20; i++) {
			uint8_t next = (uint8_t)(way + 1 + i % 4) % 5;

			w.moved = ways[next];
			world_goes_on(&w, 15 * INPATH_SEC);
			assert_changes(&w, i + 1, 0);
			assert_int_equal(latest_change(&w)->ttl, ttls[way][next]);
			way = next;
		}
		assert_world_path(&w);
		world_end(&w);
	}
}

/* In IPv6 tokens are few, and a long path traced often takes most of them: what it finds is confirmed all the same. */
static void there_are_tokens_left_to_confirm_a_change(void **state)
{
	struct world w = { .v6 = true, .sack = true, .timestamps = true, .distance = 14 };

	(void)state;
	world_begin(&w, &LIMITS);
	w.seen_ttl = (uint8_t)(64 - w.distance);
	w.policy.settings.interval_s = 5;
	world_hello(&w);
	for (int i = 0; i < 40; i++) {
		/* An answer is all that passes: nothing new is there to be repeated. */
		world_server_says(&w, world_server_tcp(&w));
		world_client_says(&w, world_client_tcp(&w));
		world_run(&w, INPATH_SEC);
	}
	for (uint32_t i = 1; i <= 10; i++) {
		w.moved = i % 2 ? 1 << 7 : 0;
		for (int s = 0; s < 60; s++) {
			world_server_says(&w, world_server_tcp(&w));
			world_client_says(&w, world_client_tcp(&w));
			world_run(&w, INPATH_SEC);
		}
		assert_changes(&w, i, 0);
		assert_int_equal(latest_change(&w)->ttl, 8);
	}
	world_end(&w);
}

/*
 * The route changes at TTLs 3 and 4. Of its new router 3 little is heard, so that TTL 4 is asked instead;
 * and in the midst of the trace that is to confirm it that one changes once more.
 */
static void a_trace_that_shows_two_routers_without_turns_names_no_change(void **state)
{
	(void)state;
	for (uint32_t ms = 0; ms < 100; ms += 4) {
		struct world w = { .sack = true, .timestamps = true, .distance = 8 };
		uint32_t sends;

		w.stingy = 1 << 3;
		begin(&w);
		world_goes_on(&w, 600 * INPATH_SEC);
		w.stingy = 1 << 2;
		w.moved = 1 << 2 | 1 << 3;
		for (uint64_t before = world_stats(&w)->traces; world_stats(&w)->traces == before;)
			world_goes_on(&w, 1 * INPATH_SEC);
		world_run(&w, 7 * INPATH_SEC);
		sends = w.sends;
		w.stingy = 0;
		world_request(&w, "again and again", 15);
		for (int i = 0; i < 2000 && w.sends == sends; i++)
			world_run(&w, 1 * MS);
		world_run(&w, ms * MS);
		w.third = 1 << 3;
		for (int i = 0; i < 40; i++) {
			world_goes_on(&w, 5 * INPATH_SEC);
			if (world_stats(&w)->changes)
				assert_int_equal(world_path(&w)->hops[3].addr_count, 1);
		}
		assert_in_range(world_stats(&w)->changes, 1, 2);
		assert_world_path(&w);
		world_end(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_path_that_the_log_leaves_out_is_told_if_asked),
		cmocka_unit_test(two_traces_name_a_change),
		cmocka_unit_test(a_longer_and_a_shorter_path_differ_where_the_server_moved),
		cmocka_unit_test(
			a_nearer_server_is_a_change_once_four_traces_have_not_met_it_there),
		cmocka_unit_test(a_nearer_server_is_no_change_where_few_answers_have_placed_it),
		cmocka_unit_test(a_nearer_server_is_no_change_where_another_way_has_placed_it),
		cmocka_unit_test(a_server_that_is_nearer_on_another_way_is_not_forgotten),
		cmocka_unit_test(a_third_path_is_the_one_that_is_named),
		cmocka_unit_test(a_way_back_is_told_as_one),
		cmocka_unit_test(a_flap_is_counted_and_not_named),
		cmocka_unit_test(a_trace_cut_short_is_no_evidence),
		cmocka_unit_test(a_confirmation_cut_short_is_repeated_at_once),
		cmocka_unit_test(a_download_whose_request_was_not_seen_confirms_its_change_at_once),
		cmocka_unit_test(what_a_trace_cut_short_has_shown_is_known),
		cmocka_unit_test(what_a_mixture_has_shown_is_not_known),
		cmocka_unit_test(what_stands_before_a_mixture_is_known),
		cmocka_unit_test(what_is_shown_beside_a_doubt_is_known),
		cmocka_unit_test(what_stands_before_a_difference_is_known),
		cmocka_unit_test(who_answers_again_at_anothers_ttl_is_not_taken_for_the_path),
		cmocka_unit_test(a_change_before_routers_that_take_turns_is_named),
		cmocka_unit_test(who_takes_turns_at_random_makes_no_change),
		cmocka_unit_test(a_change_to_routers_that_take_turns_is_named),
		cmocka_unit_test(what_no_flow_can_prove_they_prove_together),
		cmocka_unit_test(a_change_behind_a_balancer_is_named),
		cmocka_unit_test(a_change_among_routers_that_answer_seldom_is_named),
		cmocka_unit_test(a_router_that_limits_its_answers_is_named_as_soon_as_any_other),
		cmocka_unit_test(a_guess_where_the_server_stands_is_no_path),
		cmocka_unit_test(there_are_tokens_left_to_confirm_a_change),
		cmocka_unit_test(a_trace_that_shows_two_routers_without_turns_names_no_change),
		cmocka_unit_test(twenty_changes_are_named_twenty_times),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
