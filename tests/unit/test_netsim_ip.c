/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Headers are read within their bounds, and rewritten with every checksum right. */
#include "tests/unit/netsims.h"

static const char *const ends[2][2] = {
	{ NETSIM_CLIENT, NETSIM_SERVER },
	{ NETSIM_CLIENT6, NETSIM_SERVER6 },
};

static size_t some_tcp(uint8_t *bytes, unsigned family)
{
	return wire_tcp(
		bytes, &(struct wire_tcp){
			       .ip = { .src = ends[family][0],
				       .dst = ends[family][1],
				       .flow_label = 0x12345 },
			       .src_port = 40000,
			       .dst_port = 443,
			       .seq = 0x01020304,
			       .ack = 0x0a0b0c0d,
			       .flags = 0x18,
			       .window = 502,
			       .timestamp = true,
			       .tsval = 77,
			       .tsecr = 88,
			       .sack_count = 2,
			       .sack = { { .start = 5, .end = 6 }, { .start = 9, .end = 12 } },
			       .payload = "hello",
			       .payload_len = 5,
		       });
}

static void a_packet_is_read(void **state)
{
	for (unsigned family = 0; family < 2; family++) {
		uint8_t bytes[WIRE_MAX];
		size_t len = some_tcp(bytes, family);
		struct ip_view ip;
		struct ip_tcp tcp;
		struct ip_flow flow, back;

		(void)state;
		assert_true(ip_read(bytes, len, &ip));
		assert_true(ip.whole);
		assert_int_equal(ip.head, family ? 40 : 20);
		assert_true(ip_read_tcp(bytes, &ip, &tcp));
		assert_int_equal(tcp.seq, 0x01020304);
		assert_int_equal(tcp.ack, 0x0a0b0c0d);
		assert_int_equal(tcp.payload_len, 5);
		assert_memory_equal(bytes + tcp.payload, "hello", 5);
		assert_int_equal(ip_get32(bytes + tcp.stamps), 77);
		assert_int_equal(tcp.sack_count, 2);
		assert_int_equal(ip_get32(bytes + tcp.sack + 8), 9);
		flow = ip_flow_of(bytes, &ip);
		assert_int_equal(flow.sport, 40000);
		back = ip_flow_reversed(&flow);
		assert_int_equal(back.dport, 40000);
		assert_memory_equal(back.dst, flow.src, 16);
		assert_int_equal(ip_label(bytes), family ? 0x12345 : 0);
	}
}

static void no_byte_beyond_the_end_is_read(void **state)
{
	for (unsigned family = 0; family < 2; family++) {
		uint8_t bytes[WIRE_MAX];
		size_t len = some_tcp(bytes, family);

		(void)state;
		for (size_t cut = 0; cut < len; cut++) {
			uint8_t *copy = wire_exact(bytes, cut);
			struct ip_view ip;
			struct ip_tcp tcp;

			if (ip_read(copy, cut, &ip)) {
				assert_false(ip.whole);
				assert_int_equal(ip.len, cut);
				(void)ip_flow_of(copy, &ip);
				(void)ip_is_error(copy, &ip);
				assert_true(ip_port_at(copy, &ip, false) + 2u <= cut);
				ip_set_ttl(copy, 3);
				ip_patch(copy, &ip, ip.head, "", ip.len > ip.head);
				if (ip_read_tcp(copy, &ip, &tcp))
					assert_true(tcp.payload <= cut);
			} else {
				assert_true(cut < (family ? 40 : 20));
			}
			wire_exact_free(copy, cut);
		}
	}
}

/* Options that end beyond the header, or say a length that cannot be. */
static void broken_options_are_passed_over(void **state)
{
	static const uint8_t broken[][4] = {
		{ 5, 10, 0, 0 },
		{ 8, 1, 0, 0 },
		{ 5, 0, 0, 0 },
		{ 1, 1, 1, 8 },
		{ 0, 5, 10, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
		uint8_t bytes[WIRE_MAX];
		struct ip_view ip;
		struct ip_tcp tcp;
		size_t len = wire_tcp(
			bytes, &(struct wire_tcp){ .options = broken[i], .options_len = 4 });
		uint8_t *copy = wire_exact(bytes, len);

		assert_true(ip_read(copy, len, &ip));
		assert_true(ip_read_tcp(copy, &ip, &tcp));
		assert_int_equal(tcp.sack, 0);
		assert_int_equal(tcp.stamps, 0);
		wire_exact_free(copy, len);
	}
}

static void what_is_rewritten_has_right_checksums(void **state)
{
	struct chance chance;

	(void)state;
	chance_init(&chance, 1);
	for (unsigned round = 0; round < 400; round++) {
		uint8_t bytes[WIRE_MAX], value[4];
		unsigned family = round % 2;
		size_t len = some_tcp(bytes, family);
		struct ip_view ip;

		assert_true(ip_read(bytes, len, &ip));
		ip_put32(value, (uint32_t)chance_below(&chance, UINT32_MAX));
		ip_set_ttl(bytes, value[0]);
		assert_int_equal(ip_ttl(bytes), value[0]);
		ip_set_tos(bytes, value[1]);
		assert_int_equal(ip_tos(bytes), value[1]);
		assert_int_equal(ip_label(bytes), family ? 0x12345 : 0);
		if (!family)
			ip_set_addr(bytes, &ip, round % 4 < 2, value);
		/* Even and odd places, the header's length and its checksum left alone. */
		ip_patch(bytes, &ip, (uint16_t)(ip.head + chance_below(&chance, 9)), value, 4);
		ip_patch(bytes, &ip, (uint16_t)(ip.len - 1 - chance_below(&chance, 5)), value, 1);
		assert_true(wire_checksums_right(bytes, len));
	}
}

static void a_wrong_checksum_stays_wrong(void **state)
{
	uint8_t bytes[WIRE_MAX];
	size_t len = some_tcp(bytes, 0);
	struct ip_view ip;
	uint16_t sum;

	(void)state;
	assert_true(ip_read(bytes, len, &ip));
	sum = (uint16_t)(ip_get16(bytes + 36) ^ 0x00ff);
	ip_put16(bytes + 36, sum);
	ip_patch(bytes, &ip, 24, "\1\2\3\4", 4);
	assert_false(wire_checksums_right(bytes, len));
}

static void udp_without_a_checksum_gets_none(void **state)
{
	uint8_t bytes[WIRE_MAX];
	size_t len = wire_udp(
		bytes, &(struct wire_udp){
			       .src_port = 1, .dst_port = 2, .payload = "x", .payload_len = 1 });
	struct ip_view ip;

	(void)state;
	assert_true(ip_read(bytes, len, &ip));
	ip_put16(bytes + 26, 0);
	ip_patch(bytes, &ip, 20, "\7\7", 2);
	ip_set_addr(bytes, &ip, true, (const uint8_t *)"\1\2\3\4");
	assert_int_equal(ip_get16(bytes + 26), 0);
}

static void extension_headers_are_passed_over(void **state)
{
	static const uint8_t extra[8] = { 0, 0, 1, 4 };
	uint8_t bytes[WIRE_MAX];
	struct ip_view ip;
	size_t len = wire_udp(bytes, &(struct wire_udp){ .ip = { .src = NETSIM_CLIENT6,
								 .extra = extra,
								 .extra_len = 8,
								 .extra_first = 60 },
					     .src_port = 9,
					     .dst_port = 7 });

	(void)state;
	assert_true(ip_read(bytes, len, &ip));
	assert_int_equal(ip.head, 48);
	assert_int_equal(ip.proto, INPATH_PROTO_UDP);
	assert_int_equal(ip_flow_of(bytes, &ip).sport, 9);
	assert_false(ip_read(bytes, 47, &ip));
}

static void fragments_have_no_ports(void **state)
{
	uint8_t bytes[WIRE_MAX];
	struct ip_view ip;
	size_t len = wire_udp(bytes,
		&(struct wire_udp){ .ip = { .fragment = 0x2001 }, .src_port = 9, .dst_port = 7 });

	(void)state;
	assert_true(ip_read(bytes, len, &ip));
	assert_true(ip.tail);
	assert_int_equal(ip_flow_of(bytes, &ip).sport, 0);
	assert_int_equal(ip_port_at(bytes, &ip, true), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_packet_is_read),
		cmocka_unit_test(no_byte_beyond_the_end_is_read),
		cmocka_unit_test(broken_options_are_passed_over),
		cmocka_unit_test(what_is_rewritten_has_right_checksums),
		cmocka_unit_test(a_wrong_checksum_stays_wrong),
		cmocka_unit_test(udp_without_a_checksum_gets_none),
		cmocka_unit_test(extension_headers_are_passed_over),
		cmocka_unit_test(fragments_have_no_ports),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
