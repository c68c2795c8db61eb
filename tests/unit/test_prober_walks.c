/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What holds of every walk, over many random ones; and what a walk's hops say. */
#include "gateway/engine/prober.h"
#include "tests/unit/stages.h"

struct random_walk {
	uint32_t random;
	struct prober p;
	struct prober_view v;
	struct inpath_settings settings;
	inpath_time now;
	uint8_t server;   /* where the server is; 0: it never answers */
	uint8_t routers;  /* in 8: how many routers answer */
	bool steady_view; /* the flow's state stays as it is */
};

static uint32_t roll(struct random_walk *w, uint32_t sides)
{
	w->random = w->random * 1664525 + 1013904223;
	return (w->random >> 8) % sides;
}

static bool is_touch(const struct random_walk *w, unsigned int ttl)
{
	return prober_is_touch(&w->p, (uint8_t)ttl);
}

static void change_view(struct random_walk *w)
{
	w->v.quiet = roll(w, 3);
	w->v.earlier_ack = roll(w, 3);
	w->v.empty = roll(w, 6) == 0;
	w->v.server_busy = roll(w, 2);
	w->v.may_end = roll(w, 8) == 0;
	w->v.hold = roll(w, 5) ? 0 : w->now + roll(w, 600) * MS;
}

static struct random_walk walk_begin(uint32_t seed)
{
	static const uint8_t expected[] = { 0, 1, 2, 3, 8, 30, 63, 64, 65, 127, 255 };
	struct random_walk w = { .random = seed * 2654435761u, .now = T0 };

	w.settings = (struct inpath_settings){
		.max_hops = (uint8_t)(roll(&w, 2) ? 1 + roll(&w, 64) : 64),
		.attempts = (uint8_t)(1 + roll(&w, 10)),
		.gap = (uint8_t)(1 + roll(&w, roll(&w, 2) ? 64 : 5)),
		.touch = roll(&w, 5),
	};
	w.server = (uint8_t)(roll(&w, 4) ? 1 + roll(&w, 40) : 0);
	w.routers = (uint8_t)roll(&w, 9);
	change_view(&w);
	w.steady_view = roll(&w, 2);
	prober_begin(&w.p, &w.settings, (enum prober_manner)roll(&w, 3), (50 + roll(&w, 3000)) * MS,
		expected[roll(&w, 11)], roll(&w, 2), roll(&w, 3) ? 0 : roll(&w, 2000) * MS, w.now);
	w.p.confirm = (uint8_t)(roll(&w, 4) ? 0 : 1 + roll(&w, 64));
	w.p.confirm_by = (uint8_t)(1 + roll(&w, PROBER_CONFIRM));
	return w;
}

/* The world's answer to the probe with this TTL, perhaps. */
static void answer(struct random_walk *w, uint8_t ttl)
{
	struct prober_arrival a = { .server = wire_addr("198.51.100.7"), .reply_ttl = 50 };
	struct prober_reply r = { .from = { INPATH_AF_INET, { 10, 0, 0, ttl } }, .quoted_ttl = 1 };

	r.rtt_ns = 1 + w->now - w->p.last_sent[ttl - 1];
	r.attempt = a.attempt = w->p.hops[ttl - 1].sent;
	a.rtt_ns = r.rtt_ns;
	a.odd = roll(w, 6) == 0;
	if (roll(w, 9) == 0) {
		r.unreach = INPATH_UNREACH_ADMIN;
		r.quoted_ttl = (uint8_t)roll(w, ttl + 3U);
	}
	if (w->server && ttl >= w->server && w->p.manner != PROBER_PROVES)
		return;
	if (w->server && ttl >= w->server) {
		if (w->v.empty || roll(w, 10) == 0)
			prober_unplaced(&w->p, r.rtt_ns);
		else
			prober_reached(&w->p, ttl, &a);
	} else if (roll(w, 8) < w->routers) {
		prober_router(&w->p, ttl, &r);
	}
}

static void check_send(const struct random_walk *w, uint64_t ttls)
{
	assert_true(ttls != 0 && (w->v.hold == 0 || w->v.hold <= w->now));
	for (unsigned int ttl = 1; ttl <= 64; ttl++) {
		if (!(ttls >> (ttl - 1) & 1))
			continue;
		assert_true(ttl <= w->settings.max_hops);
		if (ttl == w->p.confirm) {
			assert_true(w->p.hops[ttl - 1].sent < PROBER_CONFIRM);
		} else {
			unsigned int more = ttl + 1 == w->p.server_hop ? PROBER_BOUNDARY : 0;

			assert_true(w->p.hops[ttl - 1].sent < w->settings.attempts + more);
			assert_int_equal(w->p.hops[ttl - 1].addr_count, 0);
		}
		if (!is_touch(w, ttl))
			continue;
		assert_true(w->settings.touch);
		/* A router has just answered there: it will not reach the server. */
		assert_true(!w->p.unplaced || (ttl == w->p.confirm && w->p.hops[ttl - 1].answered));
		if (w->v.empty)
			assert_false(w->p.hops[ttl - 1].sent || w->v.may_end || w->v.server_busy);
	}
}

/* Of the touches that leave at this moment, and those that have no answer. */
static void check_touches(const struct random_walk *w, uint64_t wave)
{
	unsigned int leaving = 0, unanswered = 0;

	for (unsigned int ttl = 1; ttl <= 64; ttl++) {
		if (!is_touch(w, ttl))
			continue;
		leaving += (wave >> (ttl - 1) & 1) != 0;
		unanswered += w->p.hops[ttl - 1].sent && !w->p.hops[ttl - 1].addr_count;
	}
	if (!w->v.earlier_ack)
		assert_true(leaving <= PROBER_TOUCHES_EARLY);
	if (w->v.empty && w->steady_view)
		assert_true(unanswered <= 1);
	if (!w->v.quiet && !w->v.empty && w->steady_view)
		assert_true(leaving <= 1);
}

static void every_walk_ends_and_keeps_its_bounds(void **state)
{
	unsigned int stops[INPATH_STOP_INFERRED + 1] = { 0 };
	struct inpath_addr server = wire_addr("198.51.100.7");

	(void)state;
	for (uint32_t seed = 1; seed <= 6000; seed++) {
		struct random_walk w = walk_begin(seed);
		unsigned int steps = 0;
		uint64_t wave = 0;

		for (;;) {
			struct prober before;
			struct prober_answer a = prober_ask(&w.p, &w.v, w.now), b;

			before = w.p;
			b = prober_ask(&w.p, &w.v, w.now);
			assert_memory_equal(&w.p, &before, sizeof(before));
			assert_true(a.say == b.say && a.ttls == b.ttls && a.until == b.until);
			assert_true(++steps < 20000);
			/* Every attempt at every TTL in turn, and all that it may be held. */
			assert_true(w.now <= T0 + 64 * 12 * w.p.timeout_ns + 2 * PROBER_HELD_MAX);
			if (a.say == PROBER_SEND) {
				uint8_t ttl = 1;

				check_send(&w, a.ttls);
				while (!(a.ttls >> (ttl - 1) & 1))
					ttl++;
				prober_sent(&w.p, ttl, w.now);
				assert_false(wave >> (ttl - 1) & 1);
				wave |= 1ULL << (ttl - 1);
				check_touches(&w, wave);
				continue;
			}
			if (a.say == PROBER_DONE) {
				stops[a.stop]++;
				break;
			}
			assert_true(a.until > w.now && a.until != INPATH_TIME_NEVER);
			w.now = roll(&w, 3) ? a.until : w.now + 1 + roll(&w, 300) * MS;
			wave = 0;
			for (uint8_t ttl = 1; ttl <= 64; ttl++)
				if (w.p.hops[ttl - 1].sent && roll(&w, 2))
					answer(&w, ttl);
			if (!w.steady_view)
				change_view(&w);
			else if (w.v.hold && w.v.hold <= w.now && roll(&w, 2))
				w.v.hold = w.now + roll(&w, 600) * MS;
		}
		assert_true(prober_last(&w.p) <= w.settings.max_hops);
		prober_sum_up(&w.p, INPATH_STOP_INFERRED, &server);
		assert_true(prober_last(&w.p) <= w.settings.max_hops);
	}
	/* The test saw all that a walk alone can end by. */
	assert_true(stops[INPATH_STOP_REACHED] && stops[INPATH_STOP_GAP] &&
		    stops[INPATH_STOP_MAXTTL] && stops[INPATH_STOP_SHORT] &&
		    stops[INPATH_STOP_INFERRED]);
}

static void a_hop_tells_what_was_learnt(void **state)
{
	const struct inpath_settings settings = { 60, 32, 2, 5, true };
	struct prober_reply r = { .reply_ttl = 61, .quoted_ttl = 1, .icmp_type = 11 };
	const struct inpath_hop *hop;
	struct prober p;

	(void)state;
	prober_begin(&p, &settings, PROBER_PROVES, 1000 * MS, 8, false, 0, T0);
	prober_sent(&p, 2, T0 + MS);
	prober_sent(&p, 2, T0 + 2 * MS);
	r.from = wire_addr("10.0.0.2");
	r.rtt_ns = 9 * MS;
	r.attempt = 1;
	prober_router(&p, 2, &r);
	r.rtt_ns = 4 * MS;
	r.attempt = 2;
	r.rewritten = INPATH_REWRITTEN_DSCP;
	prober_router(&p, 2, &r);
	r.rewritten = 0;
	hop = &p.hops[1];
	assert_int_equal(hop->ttl, 2);
	assert_int_equal(hop->sent, 2);
	assert_int_equal(hop->answered, 2);
	assert_int_equal(hop->addr_count, 1);
	assert_int_equal(hop->rtt_min_ns, 4 * MS);
	assert_int_equal(hop->rtt_max_ns, 9 * MS);
	assert_int_equal(hop->reply_ttl, 61);
	assert_int_equal(hop->quoted_ttl, 1);
	assert_int_equal(hop->icmp_type, 11);
	assert_true(hop->rewritten && !hop->server);
	assert_int_equal(p.sent, 2);
	assert_int_equal(p.first_sent, T0 + MS);
}

static void a_hop_keeps_as_many_addresses_as_it_has_room_for(void **state)
{
	const struct inpath_settings settings = { 60, 32, 10, 5, true };
	struct prober_reply r = { .rtt_ns = MS };
	struct prober p;

	(void)state;
	prober_begin(&p, &settings, PROBER_PROVES, 1000 * MS, 8, false, 0, T0);
	for (uint8_t i = 0; i < 2 * INPATH_HOP_ADDRS; i++) {
		r.from = (struct inpath_addr){ INPATH_AF_INET, { 10, 0, 0, i } };
		prober_sent(&p, 64, T0);
		prober_router(&p, 64, &r);
		assert_int_equal(
			p.hops[63].addr_count, i < INPATH_HOP_ADDRS ? i + 1 : INPATH_HOP_ADDRS);
	}
	assert_int_equal(p.hops[63].answered, 2 * INPATH_HOP_ADDRS);
	assert_int_equal(p.hops[63].addrs[INPATH_HOP_ADDRS - 1].bytes[3], INPATH_HOP_ADDRS - 1);
}

static void the_record_ends_at_the_server_or_at_the_last_probe(void **state)
{
	const struct inpath_settings settings = { 60, 32, 2, 5, true };
	struct prober_arrival a = { .attempt = 1, .server = wire_addr("198.51.100.7") };
	struct prober p;

	(void)state;
	prober_begin(&p, &settings, PROBER_PROVES, 1000 * MS, 8, false, 0, T0);
	assert_int_equal(prober_last(&p), 0);
	prober_sent(&p, 7, T0);
	assert_int_equal(prober_last(&p), 7);
	prober_sent(&p, 64, T0);
	assert_int_equal(prober_last(&p), 64);
	prober_unsent(&p, 64);
	assert_int_equal(prober_last(&p), 7);
	prober_reached(&p, 6, &a);
	prober_reached(&p, 7, &a);
	assert_int_equal(prober_last(&p), 6);
}

static void of_answers_without_a_ttl_the_quickest_is_told(void **state)
{
	const struct inpath_settings settings = { 60, 32, 2, 5, true };
	struct prober p;

	(void)state;
	prober_begin(&p, &settings, PROBER_PROVES, 1000 * MS, 8, false, 0, T0);
	assert_false(p.unplaced);
	prober_unplaced(&p, 9 * MS);
	prober_unplaced(&p, 5 * MS);
	prober_unplaced(&p, 7 * MS);
	assert_true(p.unplaced);
	assert_int_equal(p.unplaced_rtt_ns, 5 * MS);
}

static void touches_begin_one_hop_before_the_server(void **state)
{
	const struct inpath_settings settings = { 60, 32, 2, 5, true };

	(void)state;
	for (unsigned int expected = 0; expected < 256; expected++) {
		struct prober p;

		prober_begin(
			&p, &settings, PROBER_PROVES, 1000 * MS, (uint8_t)expected, false, 0, T0);
		for (unsigned int ttl = 1; ttl <= 64; ttl++)
			assert_int_equal(prober_is_touch(&p, (uint8_t)ttl),
				expected == 0 || expected > 64 || ttl + 1 >= expected);
	}
}

/* The way became shorter by two: a probe that is no touch by what was expected comes to the server. */
static void until_the_server_is_found_any_probe_may_reach_it(void **state)
{
	const struct inpath_settings settings = { 60, 32, 2, 5, true };
	const struct prober_arrival arrival = { .attempt = 1, .rtt_ns = 20 * MS };
	struct prober p;

	(void)state;
	prober_begin(&p, &settings, PROBER_PROVES, 1000 * MS, 8, true, 20 * MS, T0);
	prober_sent(&p, 5, T0 + 1 * MS);
	assert_false(prober_is_touch(&p, 5));
	assert_true(prober_may_reach(&p, T0 + 21 * MS));
	assert_false(prober_may_reach(&p, T0 + 40 * MS));
	prober_sent(&p, 6, T0 + 41 * MS);
	assert_true(prober_may_reach(&p, T0 + 42 * MS));
	prober_reached(&p, 6, &arrival);
	assert_false(prober_may_reach(&p, T0 + 42 * MS));
	assert_true(prober_is_touch(&p, 6));
	assert_true(prober_is_touch(&p, 7));
	assert_false(prober_is_touch(&p, 5));
	/* A while later that need not be so any more. */
	prober_sent(&p, 4, T0 + 141 * MS);
	assert_false(prober_may_reach(&p, T0 + 177 * MS));
	prober_sent(&p, 5, T0 + 142 * MS);
	assert_true(prober_may_reach(&p, T0 + 143 * MS));
	assert_false(prober_may_reach(&p, T0 + 177 * MS));
	/* How long an answer takes is not known; or there is none. */
	prober_begin(&p, &settings, PROBER_PROVES, 1000 * MS, 8, true, 0, T0);
	prober_sent(&p, 5, T0);
	assert_true(prober_may_reach(&p, T0 + 900 * MS));
	prober_begin(&p, &settings, PROBER_INFERS, 1000 * MS, 8, true, 0, T0);
	prober_sent(&p, 5, T0);
	assert_false(prober_may_reach(&p, T0 + 1 * MS));
}

/* Its answer to a farther one may overtake that to a nearer: which those behind the last router may be. */
static void the_server_may_stand_nearer_than_it_was_found(void **state)
{
	const struct inpath_settings settings = { 60, 32, 2, 5, true };
	const struct prober_arrival arrival = { .attempt = 1, .rtt_ns = 20 * MS };
	const struct prober_reply reply = { .attempt = 1, .rtt_ns = 15 * MS };
	struct prober p;

	(void)state;
	for (int known = 0; known < 2; known++) {
		prober_begin(
			&p, &settings, PROBER_PROVES, 1000 * MS, 8, true, known ? 20 * MS : 0, T0);
		for (uint8_t ttl = 1; ttl <= 8; ttl++)
			prober_sent(&p, ttl, T0);
		prober_router(&p, 5, &reply);
		prober_reached(&p, 7, &arrival);
		prober_reached(&p, 8, &arrival);
		/* TTL 6. */
		assert_true(prober_may_reach(&p, T0 + 34 * MS));
		assert_false(prober_may_reach(&p, T0 + 35 * MS));
		prober_reached(&p, 6, &arrival);
		assert_false(prober_may_reach(&p, T0 + 21 * MS));
		prober_begin(
			&p, &settings, PROBER_PROVES, 1000 * MS, 8, true, known ? 20 * MS : 0, T0);
		for (uint8_t ttl = 1; ttl <= 8; ttl++)
			prober_sent(&p, ttl, T0);
		prober_router(&p, 6, &reply);
		prober_reached(&p, 7, &arrival);
		assert_true(prober_may_reach(&p, T0 + 34 * MS));
		prober_reached(&p, 8, &arrival);
		assert_false(prober_may_reach(&p, T0 + 21 * MS));
	}
}

/* Though the server has answered, and no other touch will be sent. */
static void where_a_byte_is_waited_for_the_flow_is_watched(void **state)
{
	const struct inpath_settings settings = { 60, 32, 2, 5, true };
	const struct prober_reply reply = { .attempt = 1, .rtt_ns = 5 * MS };
	struct prober_view view = { .quiet = true, .caught_up = true, .empty = true };
	struct prober_answer answer;
	struct prober p;

	(void)state;
	prober_begin(&p, &settings, PROBER_PROVES, 1000 * MS, 3, true, 20 * MS, T0);
	p.confirm = 2;
	p.confirm_by = 5;
	for (uint8_t ttl = 1; ttl <= 3; ttl++)
		prober_sent(&p, ttl, T0);
	prober_router(&p, 1, &reply);
	prober_router(&p, 2, &reply);
	prober_unplaced(&p, 20 * MS);
	answer = prober_ask(&p, &view, T0 + 200 * MS);
	assert_int_equal(answer.say, PROBER_WAIT);
	assert_int_equal(answer.until, T0 + PROBER_PACE + PROBER_QUIET_WAIT);
	assert_false(answer.alone);
	view.empty = false;
	answer = prober_ask(&p, &view, T0 + 200 * MS);
	assert_int_equal(answer.say, PROBER_SEND);
	assert_int_equal(answer.ttls, 1 << 1);
}

/* Who answered a TTL's probes, a letter each; '.': nobody. */
static const struct {
	const char *row;
	bool balanced;
	bool changed;
} rows[] = {
	{ "AAAA", false, false },
	{ "A", false, false },
	{ "", false, false },
	/* One step: of both sides there must be two. */
	{ "AABB", false, true },
	{ "AA..BB", false, true },
	{ "ABBB", false, false },
	{ "AAAB", false, false },
	{ "A.B", false, false },
	/* Two: a block of one between the other's. */
	{ "AABBA", false, true },
	{ "ABBA", false, true },
	{ "AAABAAA", true, false },
	{ "ABA", true, false },
	{ "ABAB", true, false },
	{ "AABBAABB", true, false },
	/* Two that take turns behind one that does not, or before it. */
	{ "AABCBC", false, true },
	{ "BCBBCAA", false, true },
	{ "AABBCC", false, true },
	{ "ABBABCDCCD", false, true },
	{ "ABBABCDCCDB", true, false },
	{ "ABCBCB", false, true },
	{ "AABCBA", true, false },
	{ "BCBCAAB", true, false },
	{ "ABC", false, true },
	{ "ABCBAC", true, false },
	{ "ABABABC", false, true },
	/* There is no room for the fifth and the sixth. */
	{ "ABCDAEFEF", false, true },
	{ "ABCDAEFEFA", true, false },
	{ "ABCDEFEF", false, true },
};

static void turns_and_steps_are_told_apart(void **state)
{
	const struct inpath_settings settings = { 60, 32, 2, 5, true };
	const struct inpath_addr server = { INPATH_AF_INET, { 198, 51, 100, 7 } };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct prober p;

		prober_begin(&p, &settings, PROBER_PROVES, 1000 * MS, 8, true, 20 * MS, T0);
		for (uint8_t k = 0; rows[i].row[k]; k++) {
			struct prober_reply reply = { .attempt = (uint8_t)(k + 1),
				.from = { INPATH_AF_INET, { 10, 0, 0, (uint8_t)rows[i].row[k] } },
				.rtt_ns = 5 * MS };

			prober_sent(&p, 3, T0 + k * MS);
			if (rows[i].row[k] != '.')
				prober_router(&p, 3, &reply);
		}
		prober_sum_up(&p, INPATH_STOP_GAP, &server);
		if (p.hops[2].balanced != rows[i].balanced || p.hops[2].changed != rows[i].changed)
			fail_msg("%s: balanced %d, changed %d", rows[i].row, p.hops[2].balanced,
				p.hops[2].changed);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_walk_ends_and_keeps_its_bounds),
		cmocka_unit_test(a_hop_tells_what_was_learnt),
		cmocka_unit_test(a_hop_keeps_as_many_addresses_as_it_has_room_for),
		cmocka_unit_test(the_record_ends_at_the_server_or_at_the_last_probe),
		cmocka_unit_test(of_answers_without_a_ttl_the_quickest_is_told),
		cmocka_unit_test(touches_begin_one_hop_before_the_server),
		cmocka_unit_test(until_the_server_is_found_any_probe_may_reach_it),
		cmocka_unit_test(the_server_may_stand_nearer_than_it_was_found),
		cmocka_unit_test(where_a_byte_is_waited_for_the_flow_is_watched),
		cmocka_unit_test(turns_and_steps_are_told_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
