/* SPDX-License-Identifier: GPL-2.0-or-later */
/* IPv6 extension headers: those that are passed over, how many, and what lies about its length. */
#include "tests/unit/parsing.h"

#define V6_SRC "2001:db8:1::10"

/* An IPv6 TCP segment behind the extension headers `extra`. */
static size_t extended(
	uint8_t *bytes, uint8_t first, const uint8_t *extra, size_t extra_len, size_t last)
{
	return wire_tcp(bytes, &(struct wire_tcp){
				       .ip = { .src = V6_SRC,
					       .extra = extra,
					       .extra_len = extra_len,
					       .extra_last = last,
					       .extra_first = first },
				       .src_port = 40000,
				       .dst_port = 443,
				       .payload = "x",
				       .payload_len = 1,
			       });
}

static void every_extension_header_is_passed_over(void **state)
{
	static const struct {
		uint8_t proto;
		uint8_t len; /* the header's second byte */
		size_t bytes;
	} cases[] = {
		{ 0, 0, 8 },                      /* hop-by-hop options */
		{ 0, 2, 24 }, { 43, 2, 24 },      /* routing */
		{ 60, 1, 16 },                    /* destination options */
		{ 60, 255, 2048 }, { 51, 4, 24 }, /* AH counts 4-byte words, less two */
		{ 51, 0, 8 }, { 44, 0, 8 },       /* an atomic fragment, RFC 6946 */
		{ 44, 0xff, 8 },                  /* whose second byte is reserved */
	};
	uint8_t bytes[WIRE_MAX + 256], extra[2048];
	struct packet p;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t len;

		memset(extra, 0, sizeof(extra));
		extra[1] = cases[i].len;
		len = extended(bytes, cases[i].proto, extra, cases[i].bytes, 0);
		assert_int_equal(parse_whole(bytes, len, &p), PARSE_OK);
		assert_int_equal(p.proto, INPATH_PROTO_TCP);
		assert_int_equal(p.dst_port, 443);
		assert_int_equal(p.payload_len, 1);
		assert_every_truncation(bytes, len, len - 1);
	}
}

static void eight_extension_headers_are_read_and_nine_are_too_many(void **state)
{
	uint8_t bytes[WIRE_MAX], extra[9 * 8] = { 0 };
	struct packet p;

	(void)state;
	for (size_t i = 0; i < 9; i++)
		extra[i * 8] = 60;
	assert_int_equal(
		parse_whole(bytes, extended(bytes, 60, extra, 8 * 8, 7 * 8), &p), PARSE_OK);
	assert_int_equal(parse_whole(bytes, extended(bytes, 60, extra, 9 * 8, 8 * 8), &p),
		PARSE_UNSUPPORTED);
}

static void an_extension_header_that_leaves_the_packet_is_malformed(void **state)
{
	uint8_t bytes[WIRE_MAX], extra[8] = { 0 };
	size_t len = extended(bytes, 0, extra, sizeof(extra), 0);
	struct packet p;

	(void)state;
	bytes[41] = 3; /* 32 bytes of 29: 8 + 20 + 1 */
	assert_int_equal(parse_whole(bytes, len, &p), PARSE_MALFORMED);
	bytes[41] = 2; /* 24 bytes: no room for TCP behind them */
	assert_int_equal(parse_whole(bytes, len, &p), PARSE_MALFORMED);
	bytes[41] = 0;
	for (uint32_t left = 1; left < 8; left++) {
		wire_put16(bytes + 4, left); /* the payload ends in the extension header */
		assert_int_equal(parse_whole(bytes, len, &p), PARSE_MALFORMED);
	}
}

static void ipv6_fragments_are_told_apart(void **state)
{
	static const uint8_t first[8] = { 0, 0, 0x00, 0x01, 1, 2, 3, 4 };
	static const uint8_t middle[8] = { 0, 0, 0x05, 0xa9, 1, 2, 3, 4 };
	static const uint8_t last[8] = { 0, 0, 0x05, 0xa8, 1, 2, 3, 4 };
	static const uint8_t reserved[8] = { 0, 0, 0x00, 0x06, 1, 2, 3, 4 };
	uint8_t bytes[WIRE_MAX];
	struct packet p;

	(void)state;
	assert_int_equal(parse_whole(bytes, extended(bytes, 44, first, 8, 0), &p), PARSE_FRAGMENT);
	assert_int_equal(parse_whole(bytes, extended(bytes, 44, middle, 8, 0), &p), PARSE_FRAGMENT);
	assert_int_equal(parse_whole(bytes, extended(bytes, 44, last, 8, 0), &p), PARSE_FRAGMENT);
	assert_int_equal(parse_whole(bytes, extended(bytes, 44, reserved, 8, 0), &p), PARSE_OK);
}

static void what_is_no_known_header_is_unsupported(void **state)
{
	static const uint8_t others[] = { 1 /* ICMP over IPv6 */, 4, 41, 47, 50, 59, 89, 132, 135,
		139, 140, 253, 255 };
	uint8_t bytes[WIRE_MAX];
	struct packet p;

	(void)state;
	for (size_t i = 0; i < sizeof(others); i++) {
		size_t len = wire_ip(bytes, &(struct wire_ip){ .src = V6_SRC }, others[i], 32);

		memset(bytes + len, 0, 32);
		assert_int_equal(parse_whole(bytes, len + 32, &p), PARSE_UNSUPPORTED);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_extension_header_is_passed_over),
		cmocka_unit_test(eight_extension_headers_are_read_and_nine_are_too_many),
		cmocka_unit_test(an_extension_header_that_leaves_the_packet_is_malformed),
		cmocka_unit_test(ipv6_fragments_are_told_apart),
		cmocka_unit_test(what_is_no_known_header_is_unsupported),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
