/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What routers do, each behaviour by itself. */
#include "tests/unit/netsims.h"

#define MS INPATH_MSEC

/* r1 and r3 are plain, r2 has the options; 1 ms to r1 and from r1 to r2, no delay else. */
#define ONE_IS(options)                                                                            \
	"router r1\nrouter r2 " options "\nrouter r3\n" NETSIM_SERVED                              \
	"link gw r1 delay 1ms\nlink r1 r2 delay 1ms\npath gw r1 r2 r3 s1\n"

/* The client's packet with this TTL, and time until all has come to rest. */
static void probe(struct netsim *s, uint8_t ttl, inpath_time at)
{
	CLIENT_SENDS(s, at, .ip = { .ttl = ttl }, .seq = 100, .payload = "x", .payload_len = 1);
	while (net_next(&s->net) != INPATH_TIME_NEVER)
		net_tick(&s->net, net_next(&s->net));
}

/* How many packets came to the gateway for one that ended at r2; the last is in netsim_last. */
static size_t answers(struct netsim *s, inpath_time at)
{
	size_t before = s->count;

	probe(s, 2, at);
	return s->count - before;
}

static void a_packet_arrives_as_it_was_but_for_its_ttl(void **state)
{
	struct netsim *s = netsim_up(ONE_IS(""));
	uint8_t sent[WIRE_MAX];
	size_t len = wire_tcp(
		sent, &(struct wire_tcp){ .ip = { .src = NETSIM_CLIENT, .dst = NETSIM_SERVER } });

	(void)state;
	netsim_send(s, true, sent, len, 5 * MS);
	assert_int_equal(s->count, 0);
	assert_true(net_next(&s->net) == 6 * MS);
	net_tick(&s->net, 6 * MS);
	assert_true(net_next(&s->net) == 7 * MS);
	net_tick(&s->net, 7 * MS);
	assert_int_equal(s->count, 1);
	assert_int_equal(netsim_last(s)->to, 0);
	ip_set_ttl(sent, 61);
	assert_memory_equal(netsim_last(s)->bytes, sent, len);
	netsim_down(s);
}

static void an_error_takes_the_way_back(void **state)
{
	struct netsim *s = netsim_up(ONE_IS(""));

	(void)state;
	assert_int_equal(answers(s, 5 * MS), 1);
	assert_true(netsim_is_from(netsim_last(s), "198.18.0.2"));
	assert_true(netsim_last(s)->at == 9 * MS);
	assert_int_equal(ip_ttl(netsim_last(s)->bytes), 254);
	probe(s, 3, 20 * MS);
	/* Every third router begins with 64. */
	assert_true(netsim_is_from(netsim_last(s), "198.18.0.3"));
	assert_int_equal(ip_ttl(netsim_last(s)->bytes), 62);
	netsim_down(s);
}

/* A way back that r2 does not stand on: its errors go by r1 until that is left. */
static void an_error_off_the_way_back_joins_it(void **state)
{
	struct netsim *s =
		netsim_up("router r1\nrouter r2\nrouter b1\nrouter b2\n" NETSIM_SERVED
			  "link r1 b2 delay 3ms\nlink r1 > gw delay 50ms\nlink r2 > r1 delay 4ms\n"
			  "path gw r1 r2 s1\nback s1 b1 r1 b2 gw\n");

	(void)state;
	probe(s, 2, 1 * MS);
	assert_true(netsim_is_from(netsim_last(s), "198.18.0.2"));
	assert_true(netsim_last(s)->at == 8 * MS);
	assert_int_equal(ip_ttl(netsim_last(s)->bytes), 253);
	netsim_down(s);
}

/* Neither r3 nor r2 stands on the way back: the links by which the packet came, the other way. */
static void an_error_goes_back_as_its_cause_came(void **state)
{
	struct netsim *s = netsim_up(
		"router r1\nrouter r2\nrouter r3\nrouter b1\n" NETSIM_SERVED
		"link r3 > r2 delay 1ms\nlink r2 > r1 delay 10ms\nlink r1 > gw delay 100ms\n"
		"path gw r1 r2 r3 s1\nback s1 b1 gw\n");

	(void)state;
	probe(s, 3, 1 * MS);
	assert_true(netsim_is_from(netsim_last(s), "198.18.0.3"));
	assert_true(netsim_last(s)->at == 112 * MS);
	assert_int_equal(ip_ttl(netsim_last(s)->bytes), 62);
	netsim_down(s);
}

static void routers_answer_as_told(void **state)
{
	struct netsim *s = netsim_up(ONE_IS("silent"));

	(void)state;
	assert_int_equal(answers(s, MS), 0);
	netsim_down(s);

	s = netsim_up(ONE_IS("twice"));
	assert_int_equal(answers(s, MS), 2);
	netsim_down(s);

	s = netsim_up(ONE_IS("late 20ms..30ms"));
	assert_int_equal(answers(s, MS), 1);
	assert_in_range(netsim_last(s)->at, 25 * MS, 35 * MS);
	netsim_down(s);

	s = netsim_up(ONE_IS("expire host"));
	assert_int_equal(answers(s, MS), 1);
	assert_memory_equal(netsim_last(s)->bytes + 20, "\3\1", 2);
	netsim_down(s);
}

static void a_limit_is_a_token_bucket(void **state)
{
	struct netsim *s = netsim_up(ONE_IS("limit 10/3"));
	size_t told = 0;

	(void)state;
	for (unsigned i = 0; i < 6; i++)
		told += answers(s, (100 + i) * MS);
	assert_int_equal(told, 3);
	assert_int_equal(answers(s, 150 * MS), 0);
	assert_int_equal(answers(s, 250 * MS), 1);
	assert_int_equal(answers(s, 260 * MS), 0);
	netsim_down(s);
}

static void nobody_answers_an_error(void **state)
{
	struct netsim *s = netsim_up(ONE_IS(""));
	uint8_t cause[WIRE_MAX], bytes[WIRE_MAX];
	size_t len = wire_tcp(
		cause, &(struct wire_tcp){ .ip = { .src = NETSIM_SERVER, .dst = NETSIM_CLIENT } });

	(void)state;
	len = wire_icmp(bytes,
		&(struct wire_icmp){ .ip = { .src = NETSIM_CLIENT, .dst = NETSIM_SERVER, .ttl = 1 },
			.type = 3,
			.code = 3,
			.body = cause,
			.body_len = len });
	netsim_send(s, true, bytes, len, MS);
	net_tick(&s->net, INPATH_SEC);
	assert_int_equal(s->count, 0);
	netsim_down(s);
}

static void a_zero_ttl_goes_one_further(void **state)
{
	struct netsim *s = netsim_up(ONE_IS("zero-ttl"));

	(void)state;
	probe(s, 2, MS);
	assert_true(netsim_is_from(netsim_last(s), "198.18.0.3"));
	assert_int_equal(ip_ttl(netsim_last(s)->bytes + 28), 0);
	assert_true(wire_checksums_right(netsim_last(s)->bytes + 28, netsim_last(s)->len - 28));
	probe(s, 3, 2 * MS);
	assert_true(netsim_is_from(netsim_last(s), "198.18.0.3"));
	assert_int_equal(ip_ttl(netsim_last(s)->bytes + 28), 1);
	netsim_down(s);
}

static void the_tos_changes_on_the_way_there_alone(void **state)
{
	struct netsim *s = netsim_up(ONE_IS("dscp 10 ecn 3"));

	(void)state;
	CLIENT_SENDS(s, MS, .ip = { .tos = 0xb9 });
	net_tick(&s->net, 10 * MS);
	assert_int_equal(ip_tos(netsim_last(s)->bytes), 10 << 2 | 3);
	assert_true(wire_checksums_right(netsim_last(s)->bytes, netsim_last(s)->len));
	SERVER_SENDS(s, 20 * MS, .ip = { .tos = 0xb9 });
	net_tick(&s->net, 30 * MS);
	assert_int_equal(ip_tos(netsim_last(s)->bytes), 0xb9);
	/* Its own errors show the packet as it came. */
	CLIENT_SENDS(s, 40 * MS, .ip = { .tos = 0xb9, .ttl = 2 });
	net_tick(&s->net, 50 * MS);
	assert_int_equal(ip_tos(netsim_last(s)->bytes + 28), 0xb9);
	netsim_down(s);
}

static void dscp_and_ecn_are_kept_apart(void **state)
{
	static const struct {
		const char *text;
		uint8_t becomes; /* of 0xb9 */
	} cases[] = {
		{ ONE_IS("dscp 10"), 10 << 2 | 1 },
		{ ONE_IS("ecn 0"), 0xb8 },
		{ ONE_IS("dscp 0 ecn 2"), 2 },
	};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct netsim *s = netsim_up(cases[i].text);

		CLIENT_SENDS(s, MS, .ip = { .tos = 0xb9 });
		net_tick(&s->net, 10 * MS);
		assert_int_equal(ip_tos(netsim_last(s)->bytes), cases[i].becomes);
		netsim_down(s);
	}
}

/* A request of 10 bytes at 100, and its acknowledgement. */
static void converse(struct netsim *s)
{
	CLIENT_SENDS(s, MS, .seq = 100, .payload = "0123456789", .payload_len = 10);
	net_tick(&s->net, 10 * MS);
	SERVER_SENDS(s, 11 * MS, .seq = 500, .ack = 110, .window = 77, .timestamp = true,
		.tsval = 42, .payload = "abc", .payload_len = 3);
	net_tick(&s->net, 20 * MS);
}

static void a_firewall_refuses_what_is_old(void **state)
{
	(void)state;
	for (unsigned refuses = 0; refuses < 2; refuses++) {
		struct netsim *s = refuses ? netsim_up(ONE_IS("firewall admin"))
					   : netsim_up(ONE_IS("firewall drop"));
		size_t before;

		converse(s);
		before = s->count;
		CLIENT_SENDS(s, 21 * MS, .seq = 103, .ip = { .ttl = 9 }, .payload = "3",
			.payload_len = 1);
		net_tick(&s->net, 30 * MS);
		assert_int_equal(s->count - before, refuses);
		if (refuses) {
			assert_int_equal(netsim_last(s)->to, TO_GATEWAY);
			assert_memory_equal(netsim_last(s)->bytes + 20, "\3\15", 2);
			assert_int_equal(ip_ttl(netsim_last(s)->bytes + 28), 8);
		}
		before = s->count;
		/* An old ACK without bytes likewise; news, and what ends before it, not. */
		CLIENT_SENDS(s, 31 * MS, .seq = 109);
		net_tick(&s->net, 40 * MS);
		assert_int_equal(s->count - before, refuses);
		before = s->count;
		CLIENT_SENDS(s, 41 * MS, .seq = 110);
		CLIENT_SENDS(s, 41 * MS, .seq = 109, .payload = "9x", .payload_len = 2);
		CLIENT_SENDS(s, 41 * MS, .seq = 100, .flags = 0x14);
		net_tick(&s->net, 50 * MS);
		assert_int_equal(s->count - before, 3);
		assert_int_equal(netsim_last(s)->to, 0);
		netsim_down(s);
	}
}

static void a_proxy_answers_as_the_server(void **state)
{
	struct netsim *s = netsim_up(ONE_IS("proxy"));
	const struct netsim_packet *p;
	struct ip_view ip;
	struct ip_tcp tcp;
	size_t before;

	(void)state;
	converse(s);
	before = s->count;
	CLIENT_SENDS(s, 21 * MS, .seq = 103, .timestamp = true, .tsval = 7, .ip = { .ttl = 40 },
		.payload = "3", .payload_len = 1);
	net_tick(&s->net, 30 * MS);
	assert_int_equal(s->count - before, 2);
	assert_int_equal(s->out[before].to, 0);
	p = netsim_last(s);
	assert_int_equal(p->to, TO_GATEWAY);
	assert_true(netsim_is_from(p, NETSIM_SERVER));
	assert_true(wire_checksums_right(p->bytes, p->len));
	assert_true(ip_read(p->bytes, p->len, &ip) && ip_read_tcp(p->bytes, &ip, &tcp));
	assert_int_equal(tcp.flags, IP_TCP_ACK);
	assert_int_equal(tcp.seq, 503);
	assert_int_equal(tcp.ack, 110);
	assert_int_equal(tcp.window, 77);
	assert_int_equal(ip_get32(p->bytes + tcp.stamps), 42);
	assert_int_equal(ip_get32(p->bytes + tcp.stamps + 4), 7);
	assert_int_equal(tcp.sack_count, 1);
	assert_int_equal(ip_get32(p->bytes + tcp.sack), 103);
	assert_int_equal(ip_get32(p->bytes + tcp.sack + 4), 104);
	assert_int_equal(ip_ttl(p->bytes), 63);
	/* It is not the server's. */
	assert_int_equal(s->net.truth.flows[0].probes[0].end, END_SERVER);
	assert_int_equal(s->net.truth.flows[0].probes[0].answer_count, 1);
	assert_int_equal(s->net.truth.flows[0].probes[0].answers[0] & 1, 1);
	netsim_down(s);
}

/* Behind a NAT that shifts sequence numbers, what is old is so in the client's. */
static void a_guard_behind_a_nat_counts_as_the_client(void **state)
{
	static const char *const guards[] = { "firewall admin", "proxy" };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		char text[512];
		struct netsim *s;
		uint16_t port;
		uint32_t shift;
		struct ip_view ip;
		struct ip_tcp tcp;

		(void)snprintf(text, sizeof(text),
			"router r1 nat 100.64.0.9 seq-sack\nrouter r2 %s\nrouter r3\n" NETSIM_SERVED
			"path gw r1 r2 r3 s1\n",
			guards[i]);
		s = netsim_up(text);
		CLIENT_SENDS(s, MS, .seq = 100, .payload = "0123456789", .payload_len = 10);
		port = ip_get16(netsim_last(s)->bytes + 20);
		shift = ip_get32(netsim_last(s)->bytes + 24) - 100;
		assert_int_not_equal(shift, 0);
		SERVER_SENDS(s, 2 * MS, .ip = { .dst = "100.64.0.9" }, .dst_port = port, .seq = 500,
			.ack = 110 + shift);
		CLIENT_SENDS(s, 3 * MS, .seq = 110, .payload = "x", .payload_len = 1);
		assert_int_equal(netsim_last(s)->to, 0);
		CLIENT_SENDS(s, 4 * MS, .seq = 104, .payload = "4", .payload_len = 1);
		if (i == 0) {
			assert_memory_equal(netsim_last(s)->bytes + 20, "\3\15", 2);
		} else {
			const struct netsim_packet *p = &s->out[s->count - 2];

			assert_int_equal(p->to, TO_GATEWAY);
			assert_true(
				ip_read(p->bytes, p->len, &ip) && ip_read_tcp(p->bytes, &ip, &tcp));
			assert_int_equal(tcp.ack, 110);
			assert_int_equal(ip_get32(p->bytes + tcp.sack), 104);
			assert_memory_equal(p->bytes + 16, wire_addr(NETSIM_CLIENT).bytes, 4);
		}
		netsim_down(s);
	}
}

static void the_servers_answer_belongs_to_its_probe(void **state)
{
	struct netsim *s = netsim_up(ONE_IS(""));
	const struct truth_probe *probes;

	(void)state;
	converse(s);
	for (unsigned i = 0; i < 3; i++)
		CLIENT_SENDS(s, (21 + i) * MS, .seq = 102 + 2 * i,
			.ip = { .ttl = (uint8_t)(40 + i) }, .payload = "z", .payload_len = 1);
	net_tick(&s->net, 30 * MS);
	SERVER_SENDS(s, 30 * MS, .seq = 503, .ack = 110, .sack_count = 1,
		.sack = { { .start = 104, .end = 105 } });
	SERVER_SENDS(s, 30 * MS, .seq = 503, .ack = 110, .sack_count = 1,
		.sack = { { .start = 103, .end = 104 } });
	net_tick(&s->net, 40 * MS);
	probes = s->net.truth.flows[0].probes;
	assert_int_equal(s->net.truth.flows[0].probe_count, 3);
	assert_int_equal(probes[0].answer_count, 0);
	assert_int_equal(probes[1].answer_count, 1);
	assert_int_equal(probes[1].ttl, 41);
	assert_int_equal(probes[2].answer_count, 0);
	netsim_down(s);
}

static void nobodys_address_has_no_route(void **state)
{
	struct netsim *s = netsim_up(ONE_IS(""));

	(void)state;
	CLIENT_SENDS(s, MS, .ip = { .dst = "203.0.113.1" });
	net_tick(&s->net, 5 * MS);
	assert_int_equal(s->count, 1);
	assert_true(netsim_is_from(netsim_last(s), "198.18.0.1"));
	assert_memory_equal(netsim_last(s)->bytes + 20, "\3\0", 2);
	/* Multicast is nobody's business, nor is a server's unknown address. */
	CLIENT_SENDS(s, 6 * MS, .ip = { .dst = "224.0.0.22" });
	SERVER_SENDS(s, 7 * MS, .ip = { .src = "203.0.113.1" });
	net_tick(&s->net, 10 * MS);
	assert_int_equal(s->count, 1);
	netsim_down(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_packet_arrives_as_it_was_but_for_its_ttl),
		cmocka_unit_test(an_error_takes_the_way_back),
		cmocka_unit_test(an_error_off_the_way_back_joins_it),
		cmocka_unit_test(an_error_goes_back_as_its_cause_came),
		cmocka_unit_test(a_guard_behind_a_nat_counts_as_the_client),
		cmocka_unit_test(routers_answer_as_told),
		cmocka_unit_test(a_limit_is_a_token_bucket),
		cmocka_unit_test(nobody_answers_an_error),
		cmocka_unit_test(a_zero_ttl_goes_one_further),
		cmocka_unit_test(the_tos_changes_on_the_way_there_alone),
		cmocka_unit_test(dscp_and_ecn_are_kept_apart),
		cmocka_unit_test(a_firewall_refuses_what_is_old),
		cmocka_unit_test(a_proxy_answers_as_the_server),
		cmocka_unit_test(the_servers_answer_belongs_to_its_probe),
		cmocka_unit_test(nobodys_address_has_no_route),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
