/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/parsing.h"

#define V6_SRC "2001:db8:1::10"
#define V6_DST "2001:db8:2::7"

static const char REQUEST[] = "GET / HTTP/1.1\r\n\r\n";

static size_t data_segment(uint8_t *bytes, const char *src)
{
	return wire_tcp(bytes, &(struct wire_tcp){
				       .ip = { .src = src,
					       .tos = 0xb9,
					       .ttl = 57,
					       .id = 0x1234,
					       .flow_label = 0xabcde },
				       .src_port = 40000,
				       .dst_port = 443,
				       .seq = 0xfffffff0,
				       .ack = 0x80000001,
				       .flags = TCP_ACK | TCP_PSH | TCP_AE,
				       .window = 0xfedc,
				       .timestamp = true,
				       .tsval = 0x01020304,
				       .tsecr = 0xf1f2f3f4,
				       .sack_count = 3,
				       .sack = { { 1, 2 }, { 0xffffffff, 5 }, { 7, 9 } },
				       .payload = REQUEST,
				       .payload_len = sizeof(REQUEST) - 1,
			       });
}

static void assert_data_segment(const struct packet *p)
{
	assert_int_equal(p->proto, INPATH_PROTO_TCP);
	assert_int_equal(p->tos, 0xb9);
	assert_int_equal(p->ttl, 57);
	assert_int_equal(p->src_port, 40000);
	assert_int_equal(p->dst_port, 443);
	assert_int_equal(p->tcp.seq, 0xfffffff0);
	assert_int_equal(p->tcp.ack, 0x80000001);
	assert_int_equal(p->tcp.flags, TCP_ACK | TCP_PSH | TCP_AE);
	assert_int_equal(p->tcp.window, 0xfedc);
	assert_true(p->tcp.has_timestamp);
	assert_int_equal(p->tcp.tsval, 0x01020304);
	assert_int_equal(p->tcp.tsecr, 0xf1f2f3f4);
	assert_int_equal(p->tcp.sack_count, 3);
	assert_int_equal(p->tcp.sack[1].start, 0xffffffff);
	assert_int_equal(p->tcp.sack[2].end, 9);
	assert_false(p->tcp.options_malformed);
	assert_false(p->tcp.has_window_scale);
	assert_false(p->tcp.sack_permitted);
	assert_int_equal(p->tcp.mss, 0);
	assert_false(p->icmp_error);
	assert_int_equal(p->payload_len, sizeof(REQUEST) - 1);
	assert_int_equal(p->payload_caplen, sizeof(REQUEST) - 1);
	assert_memory_equal(p->payload, REQUEST, sizeof(REQUEST) - 1);
}

static void a_tcp_segment_over_ipv4_is_read_whole(void **state)
{
	uint8_t bytes[WIRE_MAX];
	size_t len = data_segment(bytes, "192.168.1.10");
	struct packet p;

	(void)state;
	assert_int_equal(parse_whole(bytes, len, &p), PARSE_OK);
	assert_int_equal(p.family, INPATH_AF_INET);
	assert_true(p.dont_fragment);
	assert_int_equal(p.ip_id, 0x1234);
	assert_int_equal(p.flow_label, 0);
	assert_addr(p.src, "192.168.1.10");
	assert_addr(p.dst, "198.51.100.7");
	assert_data_segment(&p);
}

static void a_tcp_segment_over_ipv6_is_read_whole(void **state)
{
	uint8_t bytes[WIRE_MAX];
	size_t len = data_segment(bytes, V6_SRC);
	struct packet p;

	(void)state;
	assert_int_equal(parse_whole(bytes, len, &p), PARSE_OK);
	assert_int_equal(p.family, INPATH_AF_INET6);
	assert_false(p.dont_fragment);
	assert_int_equal(p.ip_id, 0);
	assert_int_equal(p.flow_label, 0xabcde);
	assert_addr(p.src, V6_SRC);
	assert_addr(p.dst, V6_DST);
	assert_data_segment(&p);
}

static void a_syn_shows_all_its_options(void **state)
{
	uint8_t bytes[WIRE_MAX];
	size_t len = wire_tcp(bytes, &(struct wire_tcp){
					     .ip = { .may_fragment = true },
					     .flags = TCP_SYN | TCP_ECE | TCP_CWR | TCP_AE,
					     .mss = 1460,
					     .sack_permitted = true,
					     .timestamp = true,
					     .tsval = 5,
					     .has_window_scale = true,
					     .window_scale = 9,
				     });
	struct packet p;

	(void)state;
	assert_int_equal(parse_whole(bytes, len, &p), PARSE_OK);
	assert_false(p.dont_fragment);
	assert_int_equal(p.tcp.flags, TCP_SYN | TCP_ECE | TCP_CWR | TCP_AE);
	assert_int_equal(p.tcp.mss, 1460);
	assert_true(p.tcp.sack_permitted);
	assert_true(p.tcp.has_timestamp);
	assert_true(p.tcp.has_window_scale);
	assert_int_equal(p.tcp.window_scale, 9);
	assert_false(p.tcp.options_malformed);
	assert_int_equal(p.payload_len, 0);
}

static void a_udp_datagram_is_read_whole(void **state)
{
	static const char *const sources[] = { "192.168.1.10", V6_SRC };
	uint8_t bytes[WIRE_MAX];
	struct packet p;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		size_t len = wire_udp(bytes, &(struct wire_udp){ .ip = { .src = sources[i] },
						     .src_port = 50000,
						     .dst_port = 53,
						     .payload = "query",
						     .payload_len = 5 });

		assert_int_equal(parse_whole(bytes, len, &p), PARSE_OK);
		assert_int_equal(p.proto, INPATH_PROTO_UDP);
		assert_int_equal(p.src_port, 50000);
		assert_int_equal(p.dst_port, 53);
		assert_int_equal(p.payload_len, 5);
		assert_memory_equal(p.payload, "query", 5);
		assert_every_truncation(bytes, len, len - 5);
	}
}

static void every_truncation_is_short_until_the_headers_are_there(void **state)
{
	static const char *const sources[] = { "192.168.1.10", V6_SRC };
	uint8_t bytes[WIRE_MAX];

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		size_t len = data_segment(bytes, sources[i]);

		assert_every_truncation(bytes, len, len - (sizeof(REQUEST) - 1));
	}
}

static void a_cut_payload_keeps_its_true_length(void **state)
{
	uint8_t bytes[WIRE_MAX];
	size_t len = data_segment(bytes, V6_SRC);
	struct packet p;

	(void)state;
	assert_int_equal(parse_exact(bytes, len - 10, len, &p), PARSE_OK);
	assert_int_equal(p.payload_len, sizeof(REQUEST) - 1);
	assert_int_equal(p.payload_caplen, sizeof(REQUEST) - 1 - 10);
}

static void what_stands_behind_the_packet_is_ignored(void **state)
{
	static const char *const sources[] = { "192.168.1.10", V6_SRC };
	uint8_t bytes[WIRE_MAX + 6];
	struct packet p;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		size_t len = data_segment(bytes, sources[i]);

		memset(bytes + len, 0xee, 6);
		assert_int_equal(parse_whole(bytes, len + 6, &p), PARSE_OK);
		assert_data_segment(&p);
		/* More bytes than the packet is said to have: not looked at either. */
		assert_int_equal(parse_exact(bytes, len + 6, len, &p), PARSE_OK);
		assert_data_segment(&p);
	}
}

static void a_packet_too_long_for_its_length_field_takes_the_given_length(void **state)
{
	uint8_t bytes[WIRE_MAX];
	size_t len = data_segment(bytes, "192.168.1.10");
	struct packet p;

	(void)state;
	wire_put16(bytes + 2, 0);
	assert_int_equal(parse_exact(bytes, len, 150000, &p), PARSE_OK);
	assert_int_equal(p.payload_len, 150000 - 80);
	assert_int_equal(p.payload_caplen, sizeof(REQUEST) - 1);
	assert_int_equal(parse_exact(bytes, len, len - 5, &p), PARSE_OK);
	assert_int_equal(p.payload_len, sizeof(REQUEST) - 1 - 5);
	assert_int_equal(p.payload_caplen, sizeof(REQUEST) - 1 - 5);

	len = data_segment(bytes, V6_SRC);
	wire_put16(bytes + 4, 0);
	assert_int_equal(parse_exact(bytes, len, 150000, &p), PARSE_OK);
	assert_int_equal(p.payload_len, 150000 - 100);
	assert_int_equal(p.payload_caplen, sizeof(REQUEST) - 1);

	len = wire_udp(bytes, &(struct wire_udp){ .ip = { .src = V6_SRC }, .payload_len = 0 });
	wire_put16(bytes + 4, 0);
	wire_put16(bytes + 44, 0);
	assert_int_equal(parse_exact(bytes, len, 90000, &p), PARSE_OK);
	assert_int_equal(p.payload_len, 90000 - 48);
}

static void lengths_that_contradict_each_other_are_malformed(void **state)
{
	/* A change of one 16-bit field of a TCP segment (20 + 60 + 18) or a datagram (20 + 8 + 5). */
	static const struct {
		const char *what;
		bool udp;
		size_t at;
		uint16_t value;
		enum parse_result expected;
	} cases[] = {
		{ "version 5", false, 0, 0x55b9, PARSE_MALFORMED },
		{ "version 0", false, 0, 0x05b9, PARSE_MALFORMED },
		{ "IP header of 16 bytes", false, 0, 0x44b9, PARSE_MALFORMED },
		{ "IP header of 0 bytes", false, 0, 0x40b9, PARSE_MALFORMED },
		{ "total length greater than the packet", false, 2, 99, PARSE_MALFORMED },
		{ "total length below the IP header's", false, 2, 19, PARSE_MALFORMED },
		{ "total length that ends in the TCP header", false, 2, 39, PARSE_MALFORMED },
		{ "total length that ends in the TCP options", false, 2, 79, PARSE_MALFORMED },
		{ "total length that ends with the TCP header", false, 2, 80, PARSE_OK },
		{ "data offset of 4 words", false, 32, 0x4018, PARSE_MALFORMED },
		{ "data offset of no words", false, 32, 0x0018, PARSE_MALFORMED },
		{ "data offset of 15 words", false, 32, 0xf018, PARSE_OK },
		{ "UDP length greater than the packet's", true, 24, 14, PARSE_MALFORMED },
		{ "UDP length below the header's", true, 24, 7, PARSE_MALFORMED },
		{ "UDP length of 0 with an IP length", true, 24, 0, PARSE_MALFORMED },
		{ "UDP length that leaves bytes over", true, 24, 10, PARSE_OK },
		{ "total length that ends in the UDP header", true, 2, 27, PARSE_MALFORMED },
		{ "GRE", true, 8, 64 << 8 | 47, PARSE_UNSUPPORTED },
		{ "ICMPv6 over IPv4", true, 8, 64 << 8 | 58, PARSE_UNSUPPORTED },
		{ "an AH over IPv4", true, 8, 64 << 8 | 51, PARSE_UNSUPPORTED },
	};
	uint8_t bytes[WIRE_MAX];
	struct packet p;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t len = cases[i].udp ? wire_udp(bytes, &(struct wire_udp){ .payload = "query",
								    .payload_len = 5 })
					  : data_segment(bytes, "192.168.1.10");

		wire_put16(bytes + cases[i].at, cases[i].value);
		if (parse_whole(bytes, len, &p) != cases[i].expected)
			fail_msg("%s", cases[i].what);
		for (size_t cut = 0; cut < len; cut++)
			parse_exact(bytes, cut, len, &p);
	}
}

static void a_datagram_ends_where_its_own_length_says(void **state)
{
	uint8_t bytes[WIRE_MAX];
	size_t len = wire_udp(bytes, &(struct wire_udp){ .payload = "query", .payload_len = 5 });
	struct packet p;

	(void)state;
	wire_put16(bytes + 24, 8 + 2);
	assert_int_equal(parse_whole(bytes, len, &p), PARSE_OK);
	assert_int_equal(p.payload_len, 2);
	assert_int_equal(p.payload_caplen, 2);
}

static void ipv4_options_are_passed_over(void **state)
{
	uint8_t bytes[WIRE_MAX];
	uint8_t options[40] = { 0x94, 0x04, 0x00, 0x00 }; /* router alert, RFC 2113; then the end */
	struct packet p;

	(void)state;
	for (size_t extra = 4; extra <= sizeof(options); extra += 4) {
		size_t len = wire_tcp(
			bytes, &(struct wire_tcp){ .ip = { .extra = options, .extra_len = extra },
				       .dst_port = 443,
				       .payload = "x",
				       .payload_len = 1 });

		assert_int_equal(parse_whole(bytes, len, &p), PARSE_OK);
		assert_int_equal(p.dst_port, 443);
		assert_int_equal(p.payload_len, 1);
		assert_every_truncation(bytes, len, len - 1);
	}
}

static void fragments_are_told_apart(void **state)
{
	static const struct {
		uint16_t field;
		enum parse_result expected;
	} cases[] = {
		{ 0x2000, PARSE_FRAGMENT },                             /* the first one */
		{ 0x2001, PARSE_FRAGMENT }, { 0x00b9, PARSE_FRAGMENT }, /* the last one */
		{ 0x6000, PARSE_FRAGMENT },                 /* with DF, as some stacks do */
		{ 0x4000, PARSE_OK }, { 0x8000, PARSE_OK }, /* the reserved bit says nothing */
	};
	uint8_t bytes[WIRE_MAX];
	struct packet p;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t len =
			wire_tcp(bytes, &(struct wire_tcp){ .ip = { .fragment = cases[i].field } });

		assert_int_equal(parse_whole(bytes, len, &p), cases[i].expected);
		if (cases[i].expected == PARSE_OK)
			assert_int_equal(p.dont_fragment, cases[i].field == 0x4000);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_tcp_segment_over_ipv4_is_read_whole),
		cmocka_unit_test(a_tcp_segment_over_ipv6_is_read_whole),
		cmocka_unit_test(a_syn_shows_all_its_options),
		cmocka_unit_test(a_udp_datagram_is_read_whole),
		cmocka_unit_test(every_truncation_is_short_until_the_headers_are_there),
		cmocka_unit_test(a_cut_payload_keeps_its_true_length),
		cmocka_unit_test(what_stands_behind_the_packet_is_ignored),
		cmocka_unit_test(a_packet_too_long_for_its_length_field_takes_the_given_length),
		cmocka_unit_test(lengths_that_contradict_each_other_are_malformed),
		cmocka_unit_test(a_datagram_ends_where_its_own_length_says),
		cmocka_unit_test(ipv4_options_are_passed_over),
		cmocka_unit_test(fragments_are_told_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
