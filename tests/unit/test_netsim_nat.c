/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A NAT translates there and back, and quotes as it is told to. */
#include "tests/unit/netsims.h"

#define NATTED(options)                                                                            \
	"router r1 nat 100.64.0.9 " options "\nrouter r2\n" NETSIM_SERVED "path gw r1 r2 s1\n"

static void flows_get_ports_of_their_own(void **state)
{
	struct netsim *s = netsim_up(NATTED(""));
	uint16_t first;

	(void)state;
	CLIENT_SENDS(s, 1, .src_port = 40000);
	assert_true(netsim_is_from(netsim_last(s), "100.64.0.9"));
	assert_true(wire_checksums_right(netsim_last(s)->bytes, netsim_last(s)->len));
	first = ip_get16(netsim_last(s)->bytes + 20);
	CLIENT_SENDS(s, 2, .src_port = 40001);
	assert_int_not_equal(ip_get16(netsim_last(s)->bytes + 20), first);
	CLIENT_SENDS(s, 3, .src_port = 40000);
	assert_int_equal(ip_get16(netsim_last(s)->bytes + 20), first);
	netsim_down(s);
}

/* All ports of an address in use: each client's comes back to it. */
static void no_two_share_a_port(void **state)
{
	enum {
		CLIENTS = 5000
	};
	static bool used[0x10000];
	struct topology *t = &topology_first;
	struct nat n;

	(void)state;
	reads(NATTED(""));
	nat_init(&n, 1);
	for (uint16_t i = 0; i < CLIENTS; i++) {
		const uint8_t addr[4] = { 192, 0, 2, (uint8_t)(i % 3) };
		uint16_t port =
			nat_map(&n, t, 0, addr, (uint16_t)(i + 1), INPATH_PROTO_TCP)->outside_port;

		assert_false(used[port]);
		used[port] = true;
		assert_int_equal(
			nat_map(&n, t, 0, addr, (uint16_t)(i + 1), INPATH_PROTO_TCP)->outside_port,
			port);
	}
	nat_free(&n);
}

static void what_comes_back_is_the_clients(void **state)
{
	static const char *const modes[] = { "", "repair seq", "repair seq-sack" };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		char text[512];
		struct netsim *s;
		uint32_t shift;
		uint16_t port;
		struct netsim_packet *p;
		struct ip_view ip;
		struct ip_tcp tcp;

		(void)snprintf(text, sizeof(text), NATTED("%s"), modes[i]);
		s = netsim_up(text);
		CLIENT_SENDS(s, 1, .seq = 1000, .payload = "x", .payload_len = 1);
		port = ip_get16(netsim_last(s)->bytes + 20);
		shift = ip_get32(netsim_last(s)->bytes + 24) - 1000;
		assert_true((shift == 0) == (i == 0));
		SERVER_SENDS(s, 2, .dst_port = port, .ip = { .dst = "100.64.0.9" }, .seq = 77,
			.ack = 1001 + shift, .timestamp = true, .sack_count = 2,
			.sack = { { .start = 1000 + shift, .end = 1001 + shift },
				{ .start = 5 + shift, .end = 6 + shift } });
		p = netsim_last(s);
		assert_int_equal(p->to, TO_GATEWAY);
		assert_true(wire_checksums_right(p->bytes, p->len));
		assert_memory_equal(p->bytes + 16, wire_addr(NETSIM_CLIENT).bytes, 4);
		assert_true(ip_read(p->bytes, p->len, &ip) && ip_read_tcp(p->bytes, &ip, &tcp));
		assert_int_equal(ip_get16(p->bytes + 22), 40000);
		assert_int_equal(tcp.seq, 77);
		assert_int_equal(tcp.ack, 1001);
		assert_int_equal(ip_get32(p->bytes + tcp.sack) - 1000, i == 1 ? shift : 0);
		assert_int_equal(ip_get32(p->bytes + tcp.sack + 12) - 6, i == 1 ? shift : 0);
		netsim_down(s);
	}
}

static void a_repaired_quote_is_the_packet_that_was_sent(void **state)
{
	struct netsim *s = netsim_up(NATTED("repair"));
	uint8_t sent[WIRE_MAX];
	struct netsim_packet *p;
	size_t len = wire_tcp(sent,
		&(struct wire_tcp){
			.ip = { .src = NETSIM_CLIENT, .dst = NETSIM_SERVER, .ttl = 2, .id = 5 },
			.src_port = 40000,
			.dst_port = 443,
			.seq = 9,
			.flags = 0x18,
			.payload = "y",
			.payload_len = 1,
		});

	(void)state;
	netsim_send(s, true, sent, len, 1);
	p = netsim_last(s);
	assert_int_equal(p->len, 28 + len);
	assert_true(wire_checksums_right(p->bytes, p->len));
	assert_memory_equal(p->bytes + 16, wire_addr(NETSIM_CLIENT).bytes, 4);
	ip_set_ttl(sent, 1);
	assert_memory_equal(p->bytes + 28, sent, len);
	netsim_down(s);
}

/* As it was outside; its sequence numbers, too, where the quote is repaired otherwise. */
static void quotes_stay_raw_where_told(void **state)
{
	static const char *const modes[] = { "raw", "raw seq", "repair seq" };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		char text[512];
		struct netsim *s;
		struct netsim_packet *p;
		uint32_t shift;

		(void)snprintf(text, sizeof(text), NATTED("%s"), modes[i]);
		s = netsim_up(text);
		CLIENT_SENDS(s, 1, .seq = 9);
		shift = ip_get32(netsim_last(s)->bytes + 24) - 9;
		assert_true((shift == 0) == (i == 0));
		CLIENT_SENDS(s, 2, .seq = 9, .ip = { .ttl = 2 });
		p = netsim_last(s);
		assert_int_equal(p->to, TO_GATEWAY);
		assert_true(wire_checksums_right(p->bytes, p->len));
		assert_true(wire_checksums_right(p->bytes + 28, p->len - 28));
		assert_memory_equal(p->bytes + 16, wire_addr(NETSIM_CLIENT).bytes, 4);
		assert_memory_equal(p->bytes + 28 + 12,
			wire_addr(i < 2 ? "100.64.0.9" : NETSIM_CLIENT).bytes, 4);
		assert_true((ip_get16(p->bytes + 48) == 40000) == (i == 2));
		assert_int_equal(ip_get32(p->bytes + 52), 9 + shift);
		netsim_down(s);
	}
}

/* The NAT's own answer is about the packet as it came, and goes to the client itself. */
static void its_own_error_is_not_translated(void **state)
{
	struct netsim *s = netsim_up(NATTED("raw"));

	(void)state;
	CLIENT_SENDS(s, 1, .ip = { .ttl = 1 });
	assert_true(netsim_is_from(netsim_last(s), "198.18.0.1"));
	assert_memory_equal(netsim_last(s)->bytes + 28 + 12, wire_addr(NETSIM_CLIENT).bytes, 4);
	netsim_down(s);
}

static void echoes_come_back(void **state)
{
	struct netsim *s = netsim_up(NATTED(""));
	uint8_t bytes[WIRE_MAX];
	struct netsim_packet *p;
	size_t len = wire_icmp(
		bytes, &(struct wire_icmp){
			       .ip = { .src = NETSIM_CLIENT }, .type = 8, .rest = 7u << 16 | 1 });

	(void)state;
	memcpy(bytes + 16, wire_addr(NETSIM_SERVER).bytes, 4);
	ip_put16(bytes + 10, 0);
	ip_put16(bytes + 10, (uint16_t)~wire_sum(0, bytes, 20));
	netsim_send(s, true, bytes, len, 1);
	p = netsim_last(s);
	assert_true(netsim_is_from(p, "100.64.0.9"));
	assert_true(wire_checksums_right(p->bytes, p->len));
	assert_int_not_equal(ip_get16(p->bytes + 24), 7);
	len = wire_icmp(
		bytes, &(struct wire_icmp){ .ip = { .src = NETSIM_SERVER, .dst = "100.64.0.9" },
			       .rest = ip_get32(p->bytes + 24) });
	netsim_send(s, false, bytes, len, 2);
	p = netsim_last(s);
	assert_int_equal(p->to, TO_GATEWAY);
	assert_int_equal(ip_get32(p->bytes + 24), 7u << 16 | 1);
	assert_true(wire_checksums_right(p->bytes, p->len));
	netsim_down(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(flows_get_ports_of_their_own),
		cmocka_unit_test(no_two_share_a_port),
		cmocka_unit_test(what_comes_back_is_the_clients),
		cmocka_unit_test(a_repaired_quote_is_the_packet_that_was_sent),
		cmocka_unit_test(quotes_stay_raw_where_told),
		cmocka_unit_test(its_own_error_is_not_translated),
		cmocka_unit_test(echoes_come_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
