/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ICMP and ICMPv6: which messages are errors, and the packets that these quote. */
#include "tests/unit/parsing.h"

#define CLIENT    "192.168.1.10"
#define SERVER    "198.51.100.7"
#define ROUTER    "203.0.113.1"
#define CLIENT_V6 "2001:db8:1::10"
#define SERVER_V6 "2001:db8:2::7"
#define ROUTER_V6 "2001:db8:f::1"

/* A probe as the engine sends it: one old byte, timestamps. */
static size_t probe(uint8_t *bytes, bool is_v6)
{
	return wire_tcp(bytes, &(struct wire_tcp){
				       .ip = { .src = is_v6 ? CLIENT_V6 : CLIENT,
					       .dst = is_v6 ? SERVER_V6 : SERVER,
					       .tos = 0x28,
					       .ttl = 4,
					       .id = 0xbeef,
					       .flow_label = 0x54321 },
				       .src_port = 40000,
				       .dst_port = 443,
				       .seq = 0xdeadbeef,
				       .ack = 7,
				       .flags = TCP_ACK | TCP_PSH,
				       .window = 501,
				       .timestamp = true,
				       .tsval = 1,
				       .tsecr = 2,
				       .payload = "x",
				       .payload_len = 1,
			       });
}

static void assert_probe_quoted(const struct packet *p, bool is_v6)
{
	const struct quote *q = &p->quote;

	assert_true(p->icmp_error);
	assert_int_equal(q->proto, INPATH_PROTO_TCP);
	assert_int_equal(q->tos, 0x28);
	assert_int_equal(q->ttl, 1);
	assert_int_equal(q->ip_id, is_v6 ? 0 : 0xbeef);
	assert_int_equal(q->flow_label, is_v6 ? 0x54321 : 0);
	assert_int_equal(q->len, is_v6 ? 73 : 53);
	assert_int_equal(q->payload_len, 33);
	assert_addr(q->src, is_v6 ? CLIENT_V6 : CLIENT);
	assert_addr(q->dst, is_v6 ? SERVER_V6 : SERVER);
	assert_int_equal(q->src_port, 40000);
	assert_int_equal(q->dst_port, 443);
	assert_int_equal(q->seq, 0xdeadbeef);
	assert_int_equal(q->checksum, 0);
}

static void a_time_exceeded_shows_the_probe_that_it_quotes(void **state)
{
	uint8_t bytes[WIRE_MAX], quoted[WIRE_MAX];
	struct packet p;

	(void)state;
	for (int is_v6 = 0; is_v6 < 2; is_v6++) {
		size_t len = wire_time_exceeded(
			bytes, is_v6 ? ROUTER_V6 : ROUTER, quoted, probe(quoted, is_v6));

		assert_int_equal(parse_whole(bytes, len, &p), PARSE_OK);
		assert_int_equal(p.proto, is_v6 ? INPATH_PROTO_ICMPV6 : INPATH_PROTO_ICMP);
		assert_addr(p.src, is_v6 ? ROUTER_V6 : ROUTER);
		assert_addr(p.dst, is_v6 ? CLIENT_V6 : CLIENT);
		assert_int_equal(p.icmp_type, is_v6 ? 3 : 11);
		assert_int_equal(p.icmp_code, 0);
		assert_int_equal(p.payload_len, 0);
		assert_null(p.payload);
		assert_probe_quoted(&p, is_v6);
		/* The outer header, ICMP's, the quoted header and 8 bytes. */
		assert_every_truncation(bytes, len, is_v6 ? 40 + 8 + 40 + 8 : 20 + 8 + 20 + 8);
	}
}

/* Routers cut quotes where they like; RFC 792 asks for 8 bytes of transport. */
static void a_quote_counts_from_8_transport_bytes_on(void **state)
{
	uint8_t bytes[WIRE_MAX], quoted[WIRE_MAX];
	struct packet p;

	(void)state;
	for (int is_v6 = 0; is_v6 < 2; is_v6++) {
		size_t whole = probe(quoted, is_v6);
		size_t enough = (is_v6 ? 40 : 20) + 8;

		for (size_t quote_len = 0; quote_len <= whole; quote_len++) {
			size_t len = wire_time_exceeded(
				bytes, is_v6 ? ROUTER_V6 : ROUTER, quoted, whole);
			size_t cut = whole - quote_len;
			enum parse_result r;

			len -= cut;
			wire_put16(bytes + (is_v6 ? 4 : 2), (uint32_t)(is_v6 ? len - 40 : len));
			r = parse_whole(bytes, len, &p);
			if (quote_len >= enough) {
				assert_int_equal(r, PARSE_OK);
				assert_probe_quoted(&p, is_v6);
			} else {
				assert_true(r == PARSE_SHORT || r == PARSE_MALFORMED);
			}
		}
	}
}

static void a_quoted_datagram_shows_its_checksum(void **state)
{
	uint8_t bytes[WIRE_MAX], quoted[WIRE_MAX];
	size_t quoted_len = wire_udp(quoted,
		&(struct wire_udp){
			.src_port = 33000, .dst_port = 33434, .payload = "ab", .payload_len = 2 });
	size_t len = wire_icmp(bytes, &(struct wire_icmp){ .ip = { .src = ROUTER, .dst = CLIENT },
					      .type = 3,
					      .code = 3,
					      .body = quoted,
					      .body_len = quoted_len });
	struct packet p;

	(void)state;
	assert_int_equal(parse_whole(bytes, len, &p), PARSE_OK);
	assert_true(p.icmp_error);
	assert_int_equal(p.icmp_code, 3);
	assert_int_equal(p.quote.proto, INPATH_PROTO_UDP);
	assert_int_equal(p.quote.src_port, 33000);
	assert_int_equal(p.quote.dst_port, 33434);
	assert_int_equal(p.quote.checksum, quoted[26] << 8 | quoted[27]);
	assert_int_equal(p.quote.seq, 0);
	assert_int_equal(p.quote.ttl, 64);
}

static void a_quoted_ping_has_no_ports(void **state)
{
	uint8_t bytes[WIRE_MAX], quoted[WIRE_MAX];
	size_t quoted_len = wire_icmp(quoted,
		&(struct wire_icmp){ .ip = { .dst = SERVER }, .type = 8, .rest = 0x12340001 });
	size_t len = wire_time_exceeded(bytes, ROUTER, quoted, quoted_len);
	struct packet p;

	(void)state;
	assert_int_equal(parse_whole(bytes, len, &p), PARSE_OK);
	assert_int_equal(p.quote.proto, INPATH_PROTO_ICMP);
	assert_int_equal(p.quote.src_port, 0);
	assert_int_equal(p.quote.dst_port, 0);
	assert_int_equal(p.quote.seq, 0);
}

static void quoted_options_and_extension_headers_are_passed_over(void **state)
{
	static const uint8_t options[12] = { 7, 11, 4 }; /* record route */
	static const uint8_t extensions[32] = { 43, 0, 1, 4, 0, 0, 0, 0, 60, 0, 0, 0, 0, 0, 0, 0, 0,
		1, 1, 4 };
	uint8_t bytes[WIRE_MAX], quoted[WIRE_MAX];
	struct packet p;

	(void)state;
	for (int is_v6 = 0; is_v6 < 2; is_v6++) {
		size_t extra = is_v6 ? sizeof(extensions) : sizeof(options);
		size_t quoted_len =
			wire_tcp(quoted, &(struct wire_tcp){
						 .ip = { .src = is_v6 ? CLIENT_V6 : CLIENT,
							 .extra = is_v6 ? extensions : options,
							 .extra_len = extra,
							 .extra_last = 16 },
						 .src_port = 40000,
						 .dst_port = 443,
						 .seq = 99,
					 });
		size_t len =
			wire_time_exceeded(bytes, is_v6 ? ROUTER_V6 : ROUTER, quoted, quoted_len);

		assert_int_equal(parse_whole(bytes, len, &p), PARSE_OK);
		assert_int_equal(p.quote.dst_port, 443);
		assert_int_equal(p.quote.seq, 99);
		assert_int_equal(p.quote.payload_len, 20);
		assert_int_equal(p.quote.len, quoted_len);
		assert_every_truncation(
			bytes, len, (is_v6 ? 40 + 8 + 40 : 20 + 8 + 20) + extra + 8);
	}
}

static void a_quote_of_a_fragment_counts_only_if_it_is_the_first(void **state)
{
	static const uint8_t first[8] = { 0, 0, 0x00, 0x01, 1, 2, 3, 4 };
	static const uint8_t later[8] = { 0, 0, 0x00, 0x09, 1, 2, 3, 4 };
	static const struct {
		struct wire_ip ip;
		enum parse_result expected;
	} cases[] = {
		{ { .src = CLIENT, .fragment = 0x2000 }, PARSE_OK },
		{ { .src = CLIENT, .fragment = 0x2001 }, PARSE_MALFORMED },
		{ { .src = CLIENT, .fragment = 0x0001 }, PARSE_MALFORMED },
		{ { .src = CLIENT_V6, .extra = first, .extra_len = 8, .extra_first = 44 },
			PARSE_OK },
		{ { .src = CLIENT_V6, .extra = later, .extra_len = 8, .extra_first = 44 },
			PARSE_MALFORMED },
	};
	uint8_t bytes[WIRE_MAX], quoted[WIRE_MAX];
	struct packet p;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bool is_v6 = strchr(cases[i].ip.src, ':');
		size_t quoted_len =
			wire_udp(quoted, &(struct wire_udp){ .ip = cases[i].ip, .dst_port = 443 });
		size_t len =
			wire_time_exceeded(bytes, is_v6 ? ROUTER_V6 : ROUTER, quoted, quoted_len);

		assert_int_equal(parse_whole(bytes, len, &p), cases[i].expected);
		if (cases[i].expected == PARSE_OK)
			assert_int_equal(p.quote.dst_port, 443);
	}
}

/* Some routers change the quoted length (BSD's host order, a header less): it stays their word. */
static void a_quoted_length_that_lies_does_no_harm(void **state)
{
	static const uint16_t lengths[] = { 0, 1, 19, 20, 27, 40, 0xffff };
	uint8_t bytes[WIRE_MAX], quoted[WIRE_MAX];
	struct packet p;

	(void)state;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		size_t len = wire_time_exceeded(bytes, ROUTER, quoted, probe(quoted, false));

		wire_put16(bytes + 28 + 2, lengths[i]);
		assert_int_equal(parse_whole(bytes, len, &p), PARSE_OK);
		assert_int_equal(p.quote.len, lengths[i]);
		assert_int_equal(p.quote.payload_len, lengths[i] > 20 ? lengths[i] - 20 : 0);
		assert_int_equal(p.quote.seq, 0xdeadbeef);
	}
}

static void a_quote_of_the_wrong_kind_is_malformed(void **state)
{
	uint8_t bytes[WIRE_MAX], quoted[WIRE_MAX];
	size_t len;
	struct packet p;

	(void)state;
	len = wire_icmp(bytes, &(struct wire_icmp){ .ip = { .src = ROUTER, .dst = CLIENT },
				       .type = 11,
				       .body = quoted,
				       .body_len = probe(quoted, true) });
	assert_int_equal(parse_whole(bytes, len, &p), PARSE_MALFORMED);
	len = wire_icmp(bytes, &(struct wire_icmp){ .ip = { .src = ROUTER_V6, .dst = CLIENT_V6 },
				       .type = 3,
				       .body = quoted,
				       .body_len = probe(quoted, false) });
	assert_int_equal(parse_whole(bytes, len, &p), PARSE_MALFORMED);
	probe(quoted, false);
	quoted[0] = 0x44;
	len = wire_icmp(bytes, &(struct wire_icmp){ .ip = { .src = ROUTER, .dst = CLIENT },
				       .type = 11,
				       .body = quoted,
				       .body_len = 53 });
	assert_int_equal(parse_whole(bytes, len, &p), PARSE_MALFORMED);
	bytes[28] = 0x4f; /* 60 bytes of header: more than was quoted */
	assert_int_equal(parse_whole(bytes, len, &p), PARSE_MALFORMED);
}

/* An MPLS label stack, RFC 4950, behind the extension header of RFC 4884. */
static const uint8_t MPLS[12] = { 0x20, 0, 0x20, 0x34, 0, 8, 1, 1, 0x5d, 0xc1, 0x61, 1 };

static void extensions_are_no_part_of_the_quote(void **state)
{
	uint8_t bytes[WIRE_MAX], quoted[WIRE_MAX];
	struct packet p;

	(void)state;
	for (int is_v6 = 0; is_v6 < 2; is_v6++) {
		size_t quoted_len = probe(quoted, is_v6);
		size_t len;

		quoted[is_v6 ? 7 : 8] = 1;
		len = wire_icmp(
			bytes, &(struct wire_icmp){ .ip = { .src = is_v6 ? ROUTER_V6 : ROUTER,
							    .dst = is_v6 ? CLIENT_V6 : CLIENT },
				       .type = is_v6 ? 3 : 11,
				       .body = quoted,
				       .body_len = quoted_len,
				       .extensions = MPLS,
				       .extensions_len = sizeof(MPLS) });
		assert_int_equal(bytes[is_v6 ? 44 : 25], is_v6 ? 16 : 32);
		assert_int_equal(parse_whole(bytes, len, &p), PARSE_OK);
		assert_probe_quoted(&p, is_v6);
		assert_every_truncation(bytes, len, is_v6 ? 40 + 8 + 40 + 8 : 20 + 8 + 20 + 8);
	}
}

static void whatever_the_length_field_says_the_quote_is_found(void **state)
{
	uint8_t bytes[WIRE_MAX], quoted[WIRE_MAX];
	struct packet p;

	(void)state;
	for (int is_v6 = 0; is_v6 < 2; is_v6++) {
		size_t len = wire_time_exceeded(
			bytes, is_v6 ? ROUTER_V6 : ROUTER, quoted, probe(quoted, is_v6));

		for (unsigned int words = 0; words < 256; words++) {
			bytes[is_v6 ? 44 : 25] = (uint8_t)words;
			assert_int_equal(parse_whole(bytes, len, &p), PARSE_OK);
			assert_probe_quoted(&p, is_v6);
		}
	}
}

/* The quoted packet's own headers fill the 128 bytes: its ports were not quoted. */
static void extension_headers_do_not_reach_into_the_extensions(void **state)
{
	static const uint8_t extra[88] = { 0, 10 };
	uint8_t bytes[WIRE_MAX], quoted[WIRE_MAX];
	struct packet p;
	size_t len;

	(void)state;
	wire_tcp(quoted,
		&(struct wire_tcp){ .ip = { .src = CLIENT_V6, .extra = extra, .extra_len = 88 } });
	len = wire_icmp(bytes, &(struct wire_icmp){ .ip = { .src = ROUTER_V6, .dst = CLIENT_V6 },
				       .type = 3,
				       .body = quoted,
				       .body_len = 128,
				       .extensions = MPLS,
				       .extensions_len = sizeof(MPLS) });
	assert_int_equal(parse_whole(bytes, len, &p), PARSE_MALFORMED);
	bytes[44] = 0; /* without a length field all of it is the quote */
	assert_int_equal(parse_whole(bytes, len, &p), PARSE_OK);
	bytes[44] = 15; /* and with one that RFC 4884 does not allow */
	assert_int_equal(parse_whole(bytes, len, &p), PARSE_OK);
}

static void errors_are_told_from_other_messages(void **state)
{
	uint8_t bytes[WIRE_MAX], quoted[WIRE_MAX];
	struct packet p;

	(void)state;
	for (int is_v6 = 0; is_v6 < 2; is_v6++) {
		size_t quoted_len = probe(quoted, is_v6);

		for (unsigned int type = 0; type < 256; type++) {
			struct wire_icmp w = { .ip = { .src = is_v6 ? ROUTER_V6 : ROUTER,
						       .dst = is_v6 ? CLIENT_V6 : CLIENT },
				.type = (uint8_t)type,
				.code = 9,
				.body = quoted,
				.body_len = quoted_len };
			bool error = is_v6 ? type < 128
					   : type == 3 || type == 4 || type == 5 || type == 11 ||
						     type == 12;

			assert_int_equal(parse_whole(bytes, wire_icmp(bytes, &w), &p), PARSE_OK);
			assert_int_equal(p.icmp_error, error);
			assert_int_equal(p.icmp_type, type);
			assert_int_equal(p.icmp_code, 9);
			if (error)
				assert_int_equal(p.quote.dst_port, 443);
			/* Without a body an error says nothing; another message needs none. */
			w.body_len = 0;
			assert_int_equal(parse_whole(bytes, wire_icmp(bytes, &w), &p),
				error ? PARSE_SHORT : PARSE_OK);
		}
	}
}

/* As hop 3 of a fibre line sent it: MPLS behind 128 bytes, the length field filled in. */
static void a_named_packet_of_a_transit_router(void **state)
{
	static const char HEX[] =
		"45c000a8 00010000 f5010000 cb007101 c0a8010a" /* 168 bytes, TTL 245 */
		"0b00 0000 0020 0000"
		"45000035 beef4000 01060000 c0a8010a c6336407" /* TTL 1 */
		"9c4001bb deadbeef 00000007 801801f5 00000000 0101080a 00000001 00000002 78"
		"00000000000000000000000000000000000000000000000000000000000000000000000000"
		"00000000000000000000000000000000000000000000000000000000000000000000000000"
		"00"
		"20002034 00080101 5dc16101";
	struct packet p;

	(void)state;
	assert_int_equal(parse_hex(HEX, &p), PARSE_OK);
	assert_int_equal(p.tos, 0xc0);
	assert_int_equal(p.ttl, 245);
	assert_int_equal(p.quote.ttl, 1);
	assert_int_equal(p.quote.ip_id, 0xbeef);
	assert_int_equal(p.quote.seq, 0xdeadbeef);
	assert_int_equal(p.quote.payload_len, 33);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_time_exceeded_shows_the_probe_that_it_quotes),
		cmocka_unit_test(a_quote_counts_from_8_transport_bytes_on),
		cmocka_unit_test(a_quoted_datagram_shows_its_checksum),
		cmocka_unit_test(a_quoted_ping_has_no_ports),
		cmocka_unit_test(quoted_options_and_extension_headers_are_passed_over),
		cmocka_unit_test(a_quote_of_a_fragment_counts_only_if_it_is_the_first),
		cmocka_unit_test(a_quoted_length_that_lies_does_no_harm),
		cmocka_unit_test(a_quote_of_the_wrong_kind_is_malformed),
		cmocka_unit_test(extensions_are_no_part_of_the_quote),
		cmocka_unit_test(whatever_the_length_field_says_the_quote_is_found),
		cmocka_unit_test(extension_headers_do_not_reach_into_the_extensions),
		cmocka_unit_test(errors_are_told_from_other_messages),
		cmocka_unit_test(a_named_packet_of_a_transit_router),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
