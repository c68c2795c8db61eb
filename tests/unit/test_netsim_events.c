/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Links take their time, events come at theirs, and the truth knows both. */
#include "tests/unit/netsims.h"

#include <json-c/json.h>

#define MS INPATH_MSEC

#define LINKED(options)                                                                            \
	"router r1\nrouter r2\nrouter r3\n" NETSIM_SERVED "link gw > r1 " options "\n"             \
	"path gw r1 r2 s1\n"

/* Lets time pass until nothing waits any more, or until `end`. */
static void pass(struct netsim *s, inpath_time end)
{
	while (net_next(&s->net) <= end)
		net_tick(&s->net, net_next(&s->net));
	net_tick(&s->net, end);
}

static void a_rate_spaces_packets(void **state)
{
	struct netsim *s = netsim_up(LINKED("rate 1mbit delay 10ms"));

	(void)state;
	/* 40 and 125 bytes: 0.32 ms and 1 ms. */
	CLIENT_SENDS(s, MS);
	CLIENT_SENDS(s, MS, .payload = (const uint8_t[85]){ 0 }, .payload_len = 85);
	pass(s, 100 * MS);
	assert_int_equal(s->count, 2);
	assert_true(s->out[0].at == 11320000);
	assert_true(s->out[1].at == 12320000);
	netsim_down(s);
}

/* More than 200 ms of packets are not held. */
static void a_full_link_drops(void **state)
{
	struct netsim *s = netsim_up(LINKED("rate 64kbit"));

	(void)state;
	for (unsigned i = 0; i < 1000; i++)
		CLIENT_SENDS(s, MS);
	pass(s, 10 * INPATH_SEC);
	/* Each takes 5 ms. */
	assert_in_range(s->count, 40, 42);
	netsim_down(s);
}

static void jitter_keeps_the_order(void **state)
{
	struct netsim *s = netsim_up(LINKED("delay 5ms jitter 20ms"));
	inpath_time least = INPATH_TIME_NEVER, most = 0;

	(void)state;
	for (uint32_t i = 0; i < 60; i++)
		CLIENT_SENDS(s, (1 + i) * MS, .seq = i);
	pass(s, INPATH_SEC);
	assert_int_equal(s->count, 60);
	for (uint32_t i = 0; i < 60; i++) {
		inpath_time took = s->out[i].at - (1 + i) * MS;

		assert_int_equal(ip_get32(s->out[i].bytes + 24), i);
		least = took < least ? took : least;
		most = took > most ? took : most;
	}
	assert_true(least >= 5 * MS && most <= 25 * MS);
	assert_true(most - least > 5 * MS);
	netsim_down(s);
}

static void loss_is_as_large_as_told(void **state)
{
	struct netsim *s = netsim_up(LINKED("loss 10%"));

	(void)state;
	for (uint32_t i = 0; i < 5000; i++)
		CLIENT_SENDS(s, 1 + i, .ip = { .ttl = (uint8_t)(i ? 40 : 64) });
	assert_in_range(s->count, 4400, 4600);
	assert_int_equal(s->net.truth.flows[0].probe_count, 4999);
	netsim_down(s);
}

/* The same seed, the same chance. */
static void chance_repeats_itself(void **state)
{
	inpath_time times[2][10];

	(void)state;
	for (unsigned round = 0; round < 2; round++) {
		struct netsim *s = netsim_up(LINKED("jitter 1s"));

		for (unsigned i = 0; i < 10; i++) {
			CLIENT_SENDS(s, 1 + i * 2 * INPATH_SEC);
			pass(s, (2 * i + 2) * INPATH_SEC);
		}
		for (unsigned i = 0; i < 10; i++)
			times[round][i] = s->out[i].at;
		netsim_down(s);
	}
	assert_memory_equal(times[0], times[1], sizeof(times[0]));
	assert_true(times[0][0] != times[0][1] - 2 * INPATH_SEC);
}

/* At 5 s the way changes, counted from the first packet; what is on its way keeps it. */
static void a_way_changes_at_its_time(void **state)
{
	struct netsim *s = netsim_up(LINKED("delay 100ms") "at 5s path gw r1 r3 s1\n");
	const inpath_time zero = 1000 * INPATH_SEC;
	const struct truth_flow *f;
	char message[200];

	(void)state;
	CLIENT_SENDS(s, zero);
	/* It passes r1 after the change, and still goes to r2. */
	CLIENT_SENDS(s, zero + 4950 * MS);
	pass(s, zero + 5010 * MS);
	CLIENT_SENDS(s, zero + 5010 * MS, .ip = { .ttl = 2 });
	pass(s, zero + 5500 * MS);
	assert_true(netsim_is_from(netsim_last(s), "198.18.0.3"));
	f = &s->net.truth.flows[0];
	assert_int_equal(f->path_count, 2);
	assert_true(f->paths[1].from == zero + 5 * INPATH_SEC);
	assert_int_equal(f->crossed_count, 2);
	assert_int_equal(f->crossed[1].packets, 2);
	assert_true(truth_holds(&s->net.truth, message, sizeof(message)));
	netsim_down(s);
}

/* What was under way when a router went out of sight met others at other TTLs: that is no path's fault. */
static void packets_under_way_are_not_counted_wrongly(void **state)
{
	struct netsim *s = netsim_up(
		"router r1\nrouter r2\nrouter r3\n" NETSIM_SERVED
		"link r1 r2 delay 100ms\npath gw r1 r2 r3 s1\nat 1s router r1 invisible\nat 1s router r2 invisible\n");
	char message[200] = "";

	(void)state;
	CLIENT_SENDS(s, MS);
	CLIENT_SENDS(s, 950 * MS);
	CLIENT_SENDS(s, 1950 * MS);
	pass(s, 3000 * MS);
	assert_int_equal(s->count, 3);
	assert_int_equal(s->net.truth.flows[0].path_count, 2);
	if (!truth_holds(&s->net.truth, message, sizeof(message)))
		fail_msg("%s", message);
	netsim_down(s);
}

static void routers_and_links_change_at_their_time(void **state)
{
	struct netsim *s = netsim_up(LINKED(
		"delay 1ms") "at 1s router r1 silent\nat 2s router r1 answers\nat 3s link gw > r1 loss 100%\n");

	(void)state;
	CLIENT_SENDS(s, MS, .ip = { .ttl = 1 });
	pass(s, 1100 * MS);
	assert_int_equal(s->count, 1);
	CLIENT_SENDS(s, 1100 * MS, .ip = { .ttl = 1 });
	pass(s, 2100 * MS);
	assert_int_equal(s->count, 1);
	CLIENT_SENDS(s, 2100 * MS, .ip = { .ttl = 1 });
	pass(s, 3100 * MS);
	assert_int_equal(s->count, 2);
	CLIENT_SENDS(s, 3100 * MS, .ip = { .ttl = 1 });
	pass(s, 4000 * MS);
	assert_int_equal(s->count, 2);
	assert_int_equal(s->net.truth.flows[0].path_count, 1);
	netsim_down(s);
}

/* Linux gives a flow another label when it retransmits: then its packets may go another way. */
static void a_new_flow_label_is_a_new_way(void **state)
{
	struct netsim *s = netsim_up(
		"router r1\nrouter r2\nrouter r3\n" NETSIM_SERVED "path gw r1 { r2 | r3 } r1 s1\n");
	char message[200];

	(void)state;
	for (uint32_t i = 0; i < 40; i++)
		netsim_tcp(s, true, true, (1 + i) * MS,
			(struct wire_tcp){ .ip = { .flow_label = i / 2 } });
	assert_in_range(s->net.truth.flows[0].path_count, 3, 19);
	assert_int_equal(s->net.truth.flows[0].crossed_count, 4);
	assert_true(truth_holds(&s->net.truth, message, sizeof(message)));
	netsim_down(s);
}

static void what_no_path_has_is_found_out(void **state)
{
	struct netsim *s = netsim_up(LINKED("delay 0ms"));
	char message[200] = "";

	(void)state;
	CLIENT_SENDS(s, MS);
	assert_true(truth_holds(&s->net.truth, message, sizeof(message)));
	s->net.truth.flows[0].crossed[1].ttl = 1;
	assert_false(truth_holds(&s->net.truth, message, sizeof(message)));
	assert_non_null(strstr(message, "crossed r2 at TTL 1"));
	netsim_down(s);
}

static struct json_object *member(struct json_object *of, const char *name)
{
	struct json_object *value = NULL;

	assert_true(json_object_object_get_ex(of, name, &value));
	return value;
}

/* What is written is JSON, and says what happened. */
static void the_truth_file_can_be_read(void **state)
{
	struct netsim *s = netsim_up(LINKED("delay 1ms"));
	struct json_object *truth, *flow, *path, *probe;
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	(void)state;
	CLIENT_SENDS(s, 7 * INPATH_SEC, .ip = { .ttl = 64 });
	CLIENT_SENDS(s, 7 * INPATH_SEC, .ip = { .ttl = 2 });
	pass(s, 8 * INPATH_SEC);
	assert_non_null(out);
	truth_write(&s->net.truth, out);
	assert_int_equal(fclose(out), 0);
	truth = json_tokener_parse(text);
	assert_non_null(truth);
	assert_int_equal(json_object_get_int(member(truth, "seed")), 1);
	flow = json_object_array_get_idx(member(truth, "flows"), 0);
	assert_string_equal(json_object_get_string(member(flow, "src")), NETSIM_CLIENT);
	assert_int_equal(json_object_get_int(member(flow, "packets")), 1);
	path = json_object_array_get_idx(member(flow, "paths"), 0);
	assert_null(member(path, "until"));
	assert_int_equal(json_object_array_length(member(path, "hops")), 2);
	assert_int_equal(
		json_object_get_int(json_object_array_get_idx(member(path, "server"), 0)), 3);
	assert_int_equal(json_object_array_length(member(flow, "crossed")), 2);
	probe = json_object_array_get_idx(member(flow, "probes"), 0);
	assert_string_equal(json_object_get_string(member(probe, "end")), "expired");
	assert_string_equal(json_object_get_string(member(probe, "router")), "r2");
	assert_true(json_object_get_double(
			    json_object_array_get_idx(member(probe, "answers"), 0)) == 0.001);
	json_object_put(truth);
	free(text);
	netsim_down(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_rate_spaces_packets),
		cmocka_unit_test(a_full_link_drops),
		cmocka_unit_test(jitter_keeps_the_order),
		cmocka_unit_test(loss_is_as_large_as_told),
		cmocka_unit_test(chance_repeats_itself),
		cmocka_unit_test(a_way_changes_at_its_time),
		cmocka_unit_test(packets_under_way_are_not_counted_wrongly),
		cmocka_unit_test(routers_and_links_change_at_their_time),
		cmocka_unit_test(a_new_flow_label_is_a_new_way),
		cmocka_unit_test(what_no_path_has_is_found_out),
		cmocka_unit_test(the_truth_file_can_be_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
