/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A flow at rest whose throughput stalls is traced at once, also without a packet of it. */
#include "gateway/engine/slow.h"
#include "tests/unit/world_quic.h"

static const struct inpath_limits LIMITS = {
	.flows = 16, .names = 16, .hellos = 2, .traces = 4, .histories = 4
};

static struct inpath_counters counted;

static struct inpath_tuple the_flow(const struct world *w, uint8_t proto)
{
	return (struct inpath_tuple){
		.client = wire_addr(world_client(w)),
		.server = wire_addr(world_server(w)),
		.client_port = w->port,
		.server_port = 443,
		.proto = proto,
	};
}

/* The kernel alone forwards `samples` samples' bytes of it, at that rate. */
static void streams(struct world *w, uint8_t proto, uint32_t samples, uint64_t bytes_a_second)
{
	struct inpath_tuple tuple = the_flow(w, proto);

	for (uint32_t i = 0; i < samples; i++) {
		uint32_t before = w->counts;

		world_run(w, SLOW_INTERVAL);
		counted.down_bytes += 2 * bytes_a_second;
		counted.up_bytes += 2 * bytes_a_second / 50;
		assert_in_range(w->counts - before, 0, 1);
		if (w->counts > before)
			inpath_engine_counters(w->engine, &tuple, &counted, w->now);
	}
}

/* Traced once, and at rest. */
static void begin_at_rest(struct world *w)
{
	counted = (struct inpath_counters){ .down_bytes = 4000, .up_bytes = 900 };
	world_begin(w, &LIMITS);
	w->set.counters = true;
	w->policy.settings.interval_s = 600;
	world_hello(w);
	world_run(w, 3 * INPATH_SEC);
	assert_int_equal(w->records, 1);
	w->now += MS;
	assert_int_equal(world_server_says(w, world_server_tcp(w)).mark, w->set.mark_rest);
}

static void a_stall_is_traced_without_a_packet(void **state)
{
	(void)state;
	EACH_FAMILY(w)
	{
		begin_at_rest(&w);
		streams(&w, INPATH_PROTO_TCP, 8, 500000);
		assert_int_equal(w.armed, 0);
		w.sends = 0;
		/* The way is cut behind the third router. */
		w.silent = 1 << 3;
		w.deaf = true;
		streams(&w, INPATH_PROTO_TCP, 2, 0);
		assert_int_equal(world_stats(&w)->slow_stall, 1);
		world_run(&w, 8 * INPATH_SEC);
		assert_int_equal(w.armed, 1);
		assert_int_equal(w.records, 2);
		assert_int_equal(world_path(&w)->record.path.why, INPATH_WHY_SLOW);
		assert_int_equal(world_path(&w)->hops[2].addr_count, 1);
		assert_int_equal(world_path(&w)->hops[3].addr_count, 0);
		assert_int_equal(world_path(&w)->hops[4].addr_count, 0);
		/* What was said before it rested, and nothing else. */
		assert_int_equal(w.last_probe.len, (w.v6 ? 40 : 20) + 32 + 1);
		/* And that is all. */
		world_run(&w, 500 * INPATH_SEC);
		assert_int_equal(world_stats(&w)->traces, 2);
		world_end(&w);
	}
}

static void its_probes_say_nothing_new(void **state)
{
	(void)state;
	EACH_FAMILY(w)
	{
		uint32_t client_nxt, server_nxt;

		begin_at_rest(&w);
		client_nxt = w.client_nxt;
		server_nxt = w.server_nxt;
		streams(&w, INPATH_PROTO_TCP, 8, 500000);
		w.sends = 0;
		w.touched = 0;
		streams(&w, INPATH_PROTO_TCP, 2, 0);
		world_run(&w, 8 * INPATH_SEC);
		assert_true(w.sends >= 5);
		for (uint32_t i = 0; i < w.sends; i++) {
			const uint8_t *tcp = w.sent[i].bytes + (w.v6 ? 40 : 20);

			assert_true((int32_t)(client_nxt - wire_get32(tcp + 4)) > 0);
			assert_true((int32_t)(wire_get32(tcp + 8) - server_nxt) <= 0);
			assert_int_equal(tcp[13], TCP_ACK | TCP_PSH);
		}
		/* The server's answers pass: what its last packet was is not known. */
		assert_int_equal(w.touched, 1);
		assert_int_equal(world_stats(&w)->with_news, 1);
		assert_int_equal(world_path(&w)->record.path.stop, INPATH_STOP_REACHED);
		world_end(&w);
	}
}

static void a_flow_that_stands_still_is_traced_once(void **state)
{
	struct world w = { .sack = true };

	(void)state;
	begin_at_rest(&w);
	streams(&w, INPATH_PROTO_TCP, 8, 500000);
	streams(&w, INPATH_PROTO_TCP, 100, 0);
	assert_int_equal(world_stats(&w)->slow_stall, 1);
	assert_int_equal(world_stats(&w)->traces, 2);
	world_end(&w);
}

static void without_counters_nothing_is_asked(void **state)
{
	struct world w = { .sack = true };
	struct inpath_tuple tuple;

	(void)state;
	begin_at_rest(&w);
	world_end(&w);
	w = (struct world){ .sack = true };
	world_begin(&w, &LIMITS);
	world_hello(&w);
	world_run(&w, 3 * INPATH_SEC);
	w.now += MS;
	world_server_says(&w, world_server_tcp(&w));
	world_run(&w, 50 * INPATH_SEC);
	assert_int_equal(w.counts, 0);
	/* Of a connection that is not known nothing follows. */
	tuple = the_flow(&w, INPATH_PROTO_TCP);
	tuple.client_port++;
	inpath_engine_counters(w.engine, &tuple, &counted, w.now);
	world_end(&w);
}

static void while_nothing_rests_nothing_is_asked(void **state)
{
	struct world w = { .sack = true };

	(void)state;
	begin_at_rest(&w);
	world_run(&w, 20 * INPATH_SEC);
	/* Ever less often, since nobody says that it moves. */
	assert_int_equal(w.counts, 7);
	world_fin(&w, true);
	w.counts = 0;
	world_run(&w, 700 * INPATH_SEC);
	assert_int_equal(w.counts, 0);
	assert_true(inpath_engine_next_deadline(w.engine) > w.now + INPATH_SEC);
	world_end(&w);
}

static void a_flow_that_has_ended_is_left_alone(void **state)
{
	struct world w = { .sack = true };

	(void)state;
	begin_at_rest(&w);
	streams(&w, INPATH_PROTO_TCP, 8, 500000);
	world_fin(&w, false);
	streams(&w, INPATH_PROTO_TCP, 20, 0);
	assert_int_equal(world_stats(&w)->traces, 1);
	world_end(&w);
}

/* So much has passed unseen that what was acknowledged last may look new again. */
static void after_a_gigabyte_it_waits_for_a_packet(void **state)
{
	struct world w = { .sack = true };

	(void)state;
	begin_at_rest(&w);
	streams(&w, INPATH_PROTO_TCP, 8, 100000000);
	w.sends = 0;
	streams(&w, INPATH_PROTO_TCP, 10, 0);
	assert_int_equal(world_stats(&w)->slow_stall, 1);
	assert_int_equal(w.armed, 1);
	assert_int_equal(w.sends, 0);
	w.server_nxt += 800000000;
	world_server_says(&w, world_server_tcp(&w));
	world_client_says(&w, world_client_tcp(&w));
	world_run(&w, 8 * INPATH_SEC);
	assert_int_equal(world_path(&w)->record.path.why, INPATH_WHY_SLOW);
	world_end(&w);
}

static void the_budget_holds(void **state)
{
	struct world w = { .sack = true };

	(void)state;
	begin_at_rest(&w);
	w.set.budget.client = 1;
	streams(&w, INPATH_PROTO_TCP, 8, 500000);
	w.sends = 0;
	streams(&w, INPATH_PROTO_TCP, 2, 0);
	world_run(&w, 3 * INPATH_SEC);
	assert_in_range(w.sends, 1, 4);
	world_end(&w);
}

static void a_new_flow_on_the_same_ports_begins_afresh(void **state)
{
	struct world w = { .sack = true };

	(void)state;
	begin_at_rest(&w);
	streams(&w, INPATH_PROTO_TCP, 8, 500000);
	world_fin(&w, false);
	world_hello(&w);
	world_run(&w, 3 * INPATH_SEC);
	w.now += MS;
	assert_int_equal(world_server_says(&w, world_server_tcp(&w)).mark, w.set.mark_rest);
	counted = (struct inpath_counters){ 0 };
	streams(&w, INPATH_PROTO_TCP, 20, 0);
	assert_int_equal(world_stats(&w)->slow_stall, 0);
	world_end(&w);
}

static void quic_stalls_as_well(void **state)
{
	(void)state;
	EACH_FAMILY(w)
	{
		counted = (struct inpath_counters){ 0 };
		world_begin(&w, &LIMITS);
		w.set.counters = true;
		w.policy.settings.interval_s = 600;
		w.policy.protocols |= INPATH_PROTOCOL_QUIC;
		world_quic_open(&w, "www.movies.example");
		world_run(&w, 3 * INPATH_SEC);
		assert_int_equal(world_short(&w, true, QUIC_SERVER_ID, 0x41).mark, w.set.mark_rest);
		streams(&w, INPATH_PROTO_UDP, 8, 500000);
		w.sends = 0;
		streams(&w, INPATH_PROTO_UDP, 2, 0);
		world_run(&w, 8 * INPATH_SEC);
		assert_true(w.sends >= 5);
		assert_int_equal(world_path(&w)->record.path.why, INPATH_WHY_SLOW);
		world_end(&w);
	}
}

static void with_paths_switched_off_it_is_only_counted(void **state)
{
	struct world w = { .sack = true };

	(void)state;
	begin_at_rest(&w);
	w.set.log_paths = INPATH_LOG_PATHS_NONE;
	streams(&w, INPATH_PROTO_TCP, 8, 500000);
	streams(&w, INPATH_PROTO_TCP, 8, 0);
	assert_int_equal(world_stats(&w)->traces, 2);
	assert_int_equal(w.records, 1);
	world_end(&w);
}

/* --- in the queue -------------------------------------------------------------------------------- */

/* A minute goes by, the flow is armed, and the server answers a request after `rtt`. */
static void a_period(struct world *w, inpath_time rtt)
{
	struct wire_tcp t;

	world_run(w, 91 * INPATH_SEC);
	t = world_client_tcp(w);
	t.payload = (const uint8_t *)"and so on, and so on";
	t.payload_len = 20;
	world_client_says(w, t);
	w->now += rtt;
	world_server_says(w, world_server_tcp(w));
	world_run(w, 8 * INPATH_SEC);
	w->now += MS;
	world_server_says(w, world_server_tcp(w));
}

static void an_rtt_that_jumps_is_said(void **state)
{
	(void)state;
	EACH_FAMILY(w)
	{
		world_begin(&w, &LIMITS);
		world_hello(&w);
		world_run(&w, 3 * INPATH_SEC);
		w.now += MS;
		world_server_says(&w, world_server_tcp(&w));
		for (int i = 0; i < 4; i++)
			a_period(&w, 10 * MS);
		assert_int_equal(w.records, 1);
		/* One delayed acknowledgement is no jump: the server's answers come as fast as ever. */
		a_period(&w, 100 * MS);
		assert_int_equal(w.records, 1);
		w.hop_rtt = 20 * MS;
		a_period(&w, 100 * MS);
		assert_int_equal(world_stats(&w)->slow_rtt, 1);
		assert_int_equal(world_stats(&w)->traces, 7);
		assert_int_equal(w.records, 2);
		assert_int_equal(world_path(&w)->record.path.why, INPATH_WHY_SLOW);
		assert_world_path(&w);
		world_end(&w);
	}
}

/* The server sends `count` segments, again if they were sent before. */
static void server_sends(struct world *w, uint32_t from, uint32_t count)
{
	static const uint8_t segment[100] = { 0 };
	struct wire_tcp t;

	for (uint32_t i = 0; i < count; i++) {
		t = world_server_tcp(w);
		t.seq = from + i * 100;
		t.payload = segment;
		t.payload_len = sizeof(segment);
		world_server_says(w, t);
		w->now += MS;
	}
}

static void a_burst_of_retransmissions_is_traced(void **state)
{
	(void)state;
	EACH_FAMILY(w)
	{
		uint32_t from;

		begin_at_rest(&w);
		world_run(&w, 1 * INPATH_SEC);
		/* It comes to the queue all the same: a gateway where nothing can rest. */
		from = w.server_nxt;
		server_sends(&w, from, 12);
		world_client_says(&w, world_client_tcp(&w));
		world_run(&w, 2 * INPATH_SEC);
		server_sends(&w, from, SLOW_BURST - 1);
		world_run(&w, 2 * INPATH_SEC);
		assert_int_equal(world_stats(&w)->traces, 1);
		server_sends(&w, from, 12);
		assert_int_equal(world_stats(&w)->slow_retransmit, 1);
		w.sends = 0;
		world_tick(&w);
		assert_int_equal(w.sends, 0);
		/* It has what it asked for, and no probe leaves before that. */
		world_client_says(&w, world_client_tcp(&w));
		world_run(&w, 8 * INPATH_SEC);
		assert_int_equal(world_stats(&w)->traces, 2);
		assert_int_equal(world_path(&w)->record.path.why, INPATH_WHY_SLOW);
		world_end(&w);
	}
}

static void a_first_trace_is_the_first_whatever_else(void **state)
{
	struct world w = { .sack = true };
	uint32_t from;

	(void)state;
	world_begin(&w, &LIMITS);
	world_hello(&w);
	from = w.server_nxt;
	server_sends(&w, from, 12);
	server_sends(&w, from, 12);
	world_client_says(&w, world_client_tcp(&w));
	world_run(&w, 8 * INPATH_SEC);
	assert_int_equal(w.records, 1);
	assert_int_equal(world_path(&w)->record.path.why, INPATH_WHY_START);
	assert_int_equal(world_stats(&w)->slow_retransmit, 0);
	world_end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_stall_is_traced_without_a_packet),
		cmocka_unit_test(its_probes_say_nothing_new),
		cmocka_unit_test(a_flow_that_stands_still_is_traced_once),
		cmocka_unit_test(without_counters_nothing_is_asked),
		cmocka_unit_test(while_nothing_rests_nothing_is_asked),
		cmocka_unit_test(a_flow_that_has_ended_is_left_alone),
		cmocka_unit_test(after_a_gigabyte_it_waits_for_a_packet),
		cmocka_unit_test(the_budget_holds),
		cmocka_unit_test(a_new_flow_on_the_same_ports_begins_afresh),
		cmocka_unit_test(quic_stalls_as_well),
		cmocka_unit_test(with_paths_switched_off_it_is_only_counted),
		cmocka_unit_test(an_rtt_that_jumps_is_said),
		cmocka_unit_test(a_burst_of_retransmissions_is_traced),
		cmocka_unit_test(a_first_trace_is_the_first_whatever_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
