/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What replies tell beyond an address, in the records. */
#include "tests/unit/world.h"

static const struct inpath_limits LIMITS = {
	.flows = 16, .names = 16, .hellos = 2, .traces = 4, .histories = 4
};

static void trace_once(struct world *w)
{
	world_begin(w, &LIMITS);
	w->set.log_paths = INPATH_LOG_PATHS_ALL;
	world_hello(w);
	world_run(w, 4 * INPATH_SEC);
	assert_non_null(world_path(w));
}

static void trace_again(struct world *w)
{
	world_run(w, 91 * INPATH_SEC);
	world_request(w, "again and again", 15);
	world_run(w, 8 * INPATH_SEC);
}

static void a_plain_hop_says_nothing_odd(void **state)
{
	(void)state;
	EACH_FAMILY(w)
	{
		const struct inpath_path_notes *notes;

		trace_once(&w);
		assert_world_path(&w);
		for (int i = 0; i < 4; i++) {
			const struct inpath_hop *hop = &world_path(&w)->hops[i];

			assert_true(hop->quoted && hop->quoted_ttl == 1);
			assert_int_equal(hop->rewritten, 0);
			assert_false(
				hop->zero_ttl || hop->balanced || hop->changed || hop->unreach);
			assert_int_equal(hop->rtt_med_ns, hop->rtt_min_ns);
			/* TCP header with timestamps, and the byte. */
			assert_int_equal(hop->quoted_len, 33);
		}
		notes = &world_path(&w)->record.path.notes;
		assert_int_equal(notes->loop_count + notes->cycle_count + notes->proxy, 0);
		assert_true(notes->handshake.seen);
		assert_int_equal(notes->handshake.client_mss, 1460);
		assert_int_equal(
			notes->handshake.client_options, INPATH_OPTION_SACK | INPATH_OPTION_TS);
		world_end(&w);
	}
}

static void behind_a_proxy_routers_and_server_keep_their_places(void **state)
{
	(void)state;
	EACH_FAMILY(w)
	{
		w.distance = 7;
		w.proxy = 2;
		trace_once(&w);
		assert_world_path(&w);
		assert_int_equal(world_path(&w)->record.path.notes.proxy, 3);
		/* No answer reached the client: ACKs of both, errors of the routers. */
		assert_int_equal(w.to_client, 2);
		world_end(&w);
	}
}

static void a_proxy_before_silent_routers_is_told_by_the_distance_it_speaks_from(void **state)
{
	(void)state;
	EACH_FAMILY(w)
	{
		w.distance = 7;
		w.proxy = 2;
		w.silent = 1 << 4 | 1 << 5;
		trace_once(&w);
		assert_world_path(&w);
		assert_int_equal(world_path(&w)->record.path.notes.proxy, 3);
		world_end(&w);
	}
}

static void a_server_whose_answers_take_another_way_is_no_proxy(void **state)
{
	(void)state;
	EACH_FAMILY(w)
	{
		world_begin(&w, &LIMITS);
		world_hello(&w);
		/* From now on its packets come from one hop farther. */
		w.seen_ttl = (uint8_t)(64 - w.distance - 1);
		world_run(&w, 4 * INPATH_SEC);
		assert_world_path(&w);
		assert_int_equal(world_path(&w)->record.path.notes.proxy, 0);
		world_end(&w);
	}
}

static void a_refusal_is_put_down_to_the_router_that_refuses(void **state)
{
	(void)state;
	for (int silent = 0; silent < 2; silent++) {
		EACH_FAMILY(w)
		{
			const struct world_record *r;
			struct inpath_addr third;

			w.distance = 7;
			w.refuser = 3;
			w.silent = silent ? 1 << 2 : 0;
			trace_once(&w);
			r = world_path(&w);
			third = wire_addr(world_router(&w, 3));
			assert_int_equal(r->record.path.stop, INPATH_STOP_GAP);
			for (uint8_t ttl = 1; ttl <= r->record.path.nhop; ttl++) {
				const struct inpath_hop *hop = &r->hops[ttl - 1];

				assert_int_equal(hop->addr_count, ttl <= 3);
				assert_int_equal(hop->unreach,
					ttl == 3 ? INPATH_UNREACH_ADMIN : INPATH_UNREACH_NONE);
				/* A refused TTL is not asked again. */
				if (ttl > 3)
					assert_int_equal(hop->sent, 1);
			}
			assert_memory_equal(&r->hops[2].addrs[0], &third, sizeof(third));
			assert_int_equal(w.to_client, 2);
			world_end(&w);
		}
	}
}

static void a_router_that_forwards_ttl_0_makes_no_loop(void **state)
{
	(void)state;
	EACH_FAMILY(w)
	{
		const struct world_record *r;
		struct inpath_addr third;

		w.distance = 6;
		w.zero_ttl = 1 << 1;
		trace_once(&w);
		r = world_path(&w);
		third = wire_addr(world_router(&w, 3));
		assert_memory_equal(&r->hops[1].addrs[0], &third, sizeof(third));
		assert_memory_equal(&r->hops[2].addrs[0], &third, sizeof(third));
		assert_true(r->hops[1].zero_ttl && !r->hops[2].zero_ttl);
		assert_int_equal(r->record.path.notes.loop_count, 0);
		world_end(&w);
	}
}

static void routers_that_take_turns_are_no_change(void **state)
{
	(void)state;
	EACH_FAMILY(w)
	{
		const struct world_record *r;

		w.turns = 1 << 2;
		trace_once(&w);
		trace_again(&w);
		trace_again(&w);
		trace_again(&w);
		assert_int_equal(world_count(&w, INPATH_RECORD_CHANGE), 0);
		/* Said once, with both; afterwards either is the path as it is known. */
		r = NULL;
		for (uint32_t i = 0; i < w.records; i++) {
			if (w.record[i].hops[2].balanced) {
				assert_null(r);
				r = &w.record[i];
			}
		}
		assert_non_null(r);
		assert_int_equal(r->record.path.why, INPATH_WHY_PERIOD);
		assert_int_equal(r->hops[2].addr_count, 2);
		assert_in_range(r->hops[2].sent, 3, 12);
		world_end(&w);
	}
}

static void a_route_that_changes_while_it_is_confirmed_is_confirmed_again(void **state)
{
	(void)state;
	EACH_FAMILY(w)
	{
		uint32_t at, before;

		trace_once(&w);
		w.moved = 1 << 2;
		trace_again(&w);
		world_request(&w, "and once more", 13);
		/* Half of the confirming probes meet another router than the rest. */
		before = w.per_ttl[3];
		for (at = 0; at < 8000 && w.per_ttl[3] < before + 1 + 5; at++)
			world_run(&w, MS);
		assert_int_equal(w.per_ttl[3], before + 1 + 5);
		w.moved = 0;
		world_run(&w, 8 * INPATH_SEC);
		assert_true(world_path(&w)->hops[2].changed && !world_path(&w)->hops[2].balanced);
		world_request(&w, "and one for luck", 16);
		world_run(&w, 8 * INPATH_SEC);
		/* It went back to where it was: there was no change to name. */
		assert_int_equal(world_count(&w, INPATH_RECORD_CHANGE), 0);
		assert_world_path(&w);
		world_end(&w);
	}
}

static void the_server_behind_a_nat_that_shifts_numbers_is_found(void **state)
{
	struct world w = { .sack = true, .timestamps = true };
	const struct world_record *r;

	(void)state;
	w.distance = 7;
	w.seq_shift = 0x12345678;
	w.shifts_back = true;
	trace_once(&w);
	r = world_path(&w);
	assert_int_equal(r->record.path.stop, INPATH_STOP_REACHED);
	assert_int_equal(r->record.path.nhop, 7);
	assert_true(r->hops[0].rewritten_first & INPATH_REWRITTEN_SEQ);
	assert_false(r->hops[1].rewritten_first & INPATH_REWRITTEN_SEQ);
	world_end(&w);
}

/* Where nothing drops them, the gateway itself would reset the connection for each. */
static void answers_that_conntrack_cannot_place_are_taken_in(void **state)
{
	(void)state;
	for (int silent = 0; silent < 2; silent++) {
		struct world w = { .sack = true, .timestamps = true };
		const struct world_record *r;

		w.distance = 7;
		w.seq_shift = 0x12345678;
		w.shifts_back = w.strays = true;
		w.silent = silent ? 0x3f : 0;
		trace_once(&w);
		r = world_path(&w);
		assert_int_equal(r->record.path.stop, INPATH_STOP_REACHED);
		assert_true(w.touched > 0);
		if (silent) {
			/* No router's quote tells by how much the blocks are off. */
			assert_true(r->record.path.unplaced);
		} else {
			assert_int_equal(r->record.path.nhop, 7);
			assert_false(r->record.path.unplaced);
		}
		/* Nothing is left for the gateway to answer; the first shifted quote passes. */
		assert_int_equal(w.to_client, silent ? 2 : 3);
		world_end(&w);
	}
}

static void what_else_conntrack_cannot_place_is_the_gateways(void **state)
{
	struct world w = { .sack = true, .timestamps = true };
	struct wire_tcp t;
	uint8_t bytes[WIRE_MAX];

	(void)state;
	w.deaf = true;
	trace_once(&w);
	w.strays = true;
	t = world_server_tcp(&w);
	t.sack_count = 1;
	t.sack[0] = (struct tcp_sack_block){ 5000, 5001 };
	assert_true(world_give(&w, false, bytes, wire_tcp(bytes, &t)).drop);
	t.sack[0].end = 5002; /* more than a probe holds */
	assert_false(world_give(&w, false, bytes, wire_tcp(bytes, &t)).drop);
	t.sack[0].end = 5001;
	t.payload = "x";
	t.payload_len = 1;
	assert_false(world_give(&w, false, bytes, wire_tcp(bytes, &t)).drop);
	t.payload_len = 0;
	t.flags = TCP_ACK | TCP_FIN;
	assert_false(world_give(&w, false, bytes, wire_tcp(bytes, &t)).drop);
	t.flags = TCP_ACK;
	t.src_port = 444; /* no touch went there */
	assert_false(world_give(&w, false, bytes, wire_tcp(bytes, &t)).drop);
	t.src_port = 443;
	world_run(&w, 31 * INPATH_SEC);
	assert_false(world_give(&w, false, bytes, wire_tcp(bytes, &t)).drop);
	world_end(&w);
}

static void a_redirect_that_quotes_a_probe_is_no_answer(void **state)
{
	struct world w = { .sack = true, .timestamps = true };
	uint8_t bytes[WIRE_MAX];
	size_t len;

	(void)state;
	w.silent = 1 << 3;
	world_begin(&w, &LIMITS);
	world_hello(&w);
	world_run(&w, 1 * MS);
	len = wire_icmp(
		bytes, &(struct wire_icmp){
			       .ip = { .src = "10.0.0.77", .dst = world_client(&w), .ttl = 60 },
			       .type = 5,
			       .code = 1,
			       .body = w.sent[3].bytes,
			       .body_len = w.sent[3].len });
	assert_true(world_give(&w, false, bytes, len).drop);
	world_run(&w, 4 * INPATH_SEC);
	assert_world_path(&w);
	world_end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_plain_hop_says_nothing_odd),
		cmocka_unit_test(behind_a_proxy_routers_and_server_keep_their_places),
		cmocka_unit_test(
			a_proxy_before_silent_routers_is_told_by_the_distance_it_speaks_from),
		cmocka_unit_test(a_server_whose_answers_take_another_way_is_no_proxy),
		cmocka_unit_test(a_refusal_is_put_down_to_the_router_that_refuses),
		cmocka_unit_test(a_router_that_forwards_ttl_0_makes_no_loop),
		cmocka_unit_test(routers_that_take_turns_are_no_change),
		cmocka_unit_test(a_route_that_changes_while_it_is_confirmed_is_confirmed_again),
		cmocka_unit_test(the_server_behind_a_nat_that_shifts_numbers_is_found),
		cmocka_unit_test(answers_that_conntrack_cannot_place_are_taken_in),
		cmocka_unit_test(what_else_conntrack_cannot_place_is_the_gateways),
		cmocka_unit_test(a_redirect_that_quotes_a_probe_is_no_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
