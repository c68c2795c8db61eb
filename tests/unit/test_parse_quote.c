/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How much of a probe an ICMP error quotes, and where extensions stand behind it. */
#include "gateway/engine/extension.h"
#include "tests/unit/parsing.h"

#define CLIENT    "192.168.1.10"
#define SERVER    "198.51.100.7"
#define ROUTER    "203.0.113.1"
#define CLIENT_V6 "2001:db8:1::10"
#define SERVER_V6 "2001:db8:2::7"
#define ROUTER_V6 "2001:db8:f::1"

enum {
	PROBE = 33, /* bytes of its transport: header, timestamps, one byte */
	SUM = 0xbeef,
};

/* An MPLS label stack, RFC 4950, behind the extension header of RFC 4884. */
static const uint8_t MPLS[12] = { 0x20, 0, 0x20, 0x34, 0, 8, 1, 1, 0x5d, 0xc1, 0x61, 1 };

static size_t ip_head(bool is_v6)
{
	return is_v6 ? 40 : 20;
}

/* Where an error's quote begins. */
static size_t quote_at(bool is_v6)
{
	return ip_head(is_v6) + 8;
}

static size_t probe(uint8_t *bytes, bool is_v6, char payload)
{
	size_t len = wire_tcp(bytes, &(struct wire_tcp){
					     .ip = { .src = is_v6 ? CLIENT_V6 : CLIENT,
						     .dst = is_v6 ? SERVER_V6 : SERVER },
					     .src_port = 40000,
					     .dst_port = 443,
					     .seq = 0xdeadbeef,
					     .ack = 0x01020304,
					     .flags = TCP_ACK | TCP_PSH,
					     .window = 501,
					     .timestamp = true,
					     .tsval = 0x05060708,
					     .tsecr = 0x090a0b0c,
					     .payload = &payload,
					     .payload_len = 1,
				     });

	wire_put16(bytes + ip_head(is_v6) + 16, SUM);
	return len;
}

/* How a router lays its error out. */
struct layout {
	size_t quoted; /* bytes behind the IP header */
	size_t padded; /* the quote's length then, headers included; 0: as it is */
	size_t said;   /* what the length field says, in bytes */
	bool mpls;
};

/* The error's length. */
static size_t error(uint8_t *out, bool is_v6, const uint8_t *packet, const struct layout *l)
{
	uint8_t body[WIRE_MAX] = { 0 };
	size_t len = ip_head(is_v6) + l->quoted;

	memcpy(body, packet, len);
	if (l->padded)
		len = l->padded;
	if (l->mpls) {
		memcpy(body + len, MPLS, sizeof(MPLS));
		len += sizeof(MPLS);
	}
	len = wire_icmp(out, &(struct wire_icmp){ .ip = { .src = is_v6 ? ROUTER_V6 : ROUTER,
							  .dst = is_v6 ? CLIENT_V6 : CLIENT },
				     .type = is_v6 ? 3 : 11,
				     .body = body,
				     .body_len = len });
	out[ip_head(is_v6) + (is_v6 ? 4 : 5)] = (uint8_t)(l->said / (is_v6 ? 8 : 4));
	return len;
}

static void assert_quoted(const struct packet *p, size_t quoted)
{
	assert_int_equal(p->quote.quoted, quoted);
	assert_int_equal(p->quote.has_sum, quoted >= 18);
	assert_int_equal(p->quote.sum, quoted >= 18 ? SUM : 0);
	assert_int_equal(p->quote.seq, 0xdeadbeef);
}

static void a_bare_quote_is_counted_to_its_last_byte(void **state)
{
	uint8_t bytes[WIRE_MAX], packet[WIRE_MAX];
	struct packet p;

	(void)state;
	for (int is_v6 = 0; is_v6 < 2; is_v6++) {
		probe(packet, is_v6, '\0'); /* its own zero counts */
		for (size_t quoted = 8; quoted <= PROBE; quoted++) {
			struct layout l = { .quoted = quoted };
			size_t len = error(bytes, is_v6, packet, &l);

			assert_int_equal(parse_whole(bytes, len, &p), PARSE_OK);
			assert_quoted(&p, quoted);
			assert_null(p.extensions);
			assert_int_equal(p.extensions_len, 0);
		}
	}
}

static void the_lengths_that_routers_quote_are_told_from_padding(void **state)
{
	static const size_t usual[] = { 8, 20, 28, PROBE };
	uint8_t bytes[WIRE_MAX], packet[WIRE_MAX];
	struct packet p;

	(void)state;
	for (int is_v6 = 0; is_v6 < 2; is_v6++) {
		const struct layout layouts[] = {
			{ .padded = 128, .said = 128, .mpls = true },
			{ .padded = 128, .mpls = true },
			{ .padded = 128 },
			{ .padded = 136, .said = 136, .mpls = true },
			{ .padded = 128, .said = 248, .mpls = true },
		};

		probe(packet, is_v6, 'x');
		for (size_t i = 0; i < 4 * sizeof(layouts) / sizeof(layouts[0]); i++) {
			struct layout l = layouts[i / 4];
			size_t len;

			l.quoted = usual[i % 4];
			len = error(bytes, is_v6, packet, &l);
			assert_int_equal(parse_whole(bytes, len, &p), PARSE_OK);
			assert_quoted(&p, l.quoted);
		}
	}
}

/* What is lost where padding and a probe's own bytes look the same: no more than the last byte. */
static void a_zero_at_a_whole_probes_end_counts_behind_other_bytes(void **state)
{
	struct layout l = { .quoted = PROBE, .padded = 128, .said = 128, .mpls = true };
	uint8_t bytes[WIRE_MAX], packet[WIRE_MAX];
	struct packet p;
	size_t len;

	(void)state;
	probe(packet, false, '\0');
	assert_int_equal(parse_whole(bytes, error(bytes, false, packet, &l), &p), PARSE_OK);
	assert_quoted(&p, PROBE);
	/* A flow without timestamps: 20 bytes of header and a zero. */
	len = wire_tcp(packet,
		&(struct wire_tcp){ .seq = 0xdeadbeef, .ack = 1, .payload = "", .payload_len = 1 });
	wire_put16(packet + 20 + 16, SUM);
	l.quoted = len - 20;
	assert_int_equal(parse_whole(bytes, error(bytes, false, packet, &l), &p), PARSE_OK);
	assert_quoted(&p, 20);
}

static void extensions_stand_where_the_length_says_or_at_128(void **state)
{
	static const struct {
		struct layout layout;
		size_t at; /* behind the message's header; 0: nowhere */
	} cases[] = {
		{ { .padded = 128, .said = 128, .mpls = true }, 128 },
		{ { .padded = 136, .said = 136, .mpls = true }, 136 },
		{ { .padded = 128, .said = 136, .mpls = true }, 136 }, /* a lie within the end */
		{ { .padded = 128, .mpls = true }, 128 },
		{ { .padded = 136, .mpls = true }, 128 },            /* the checksum says no */
		{ { .padded = 128, .said = 248, .mpls = true }, 0 }, /* beyond the end */
		{ { .padded = 128, .said = 128 }, 0 },               /* nothing behind it */
		{ { .padded = 128 }, 0 },
		{ { .padded = 136, .said = 120, .mpls = true }, 0 }, /* no length of RFC 4884's */
		{ { .padded = 80, .said = 80, .mpls = true }, 0 },
	};
	uint8_t bytes[WIRE_MAX], packet[WIRE_MAX];
	struct packet p;

	(void)state;
	for (size_t i = 0; i < 2 * sizeof(cases) / sizeof(cases[0]); i++) {
		struct layout l = cases[i / 2].layout;
		size_t at = cases[i / 2].at, len;
		bool is_v6 = i % 2;

		l.quoted = probe(packet, is_v6, 'x') - ip_head(is_v6);
		len = error(bytes, is_v6, packet, &l);
		assert_int_equal(parse_whole(bytes, len, &p), PARSE_OK);
		assert_quoted(&p, PROBE);
		if (!at) {
			assert_null(p.extensions);
			assert_int_equal(p.extensions_len, 0);
			assert_false(p.extensions_announced);
			continue;
		}
		assert_ptr_equal(p.extensions, bytes + quote_at(is_v6) + at);
		assert_int_equal(p.extensions_len, len - quote_at(is_v6) - at);
		assert_int_equal(p.extensions_announced, l.said != 0);
	}
}

/* Without padding, what follows the quote would be taken for the probe's: its checksum for one. */
static void extensions_right_behind_a_short_quote_are_no_quote(void **state)
{
	uint8_t bytes[WIRE_MAX], packet[WIRE_MAX];
	struct packet p;

	(void)state;
	for (int is_v6 = 0; is_v6 < 2; is_v6++) {
		for (size_t quoted = 8; quoted <= PROBE; quoted += quoted == 28 ? 5 : 4) {
			struct layout l = { .quoted = quoted,
				.padded = (ip_head(is_v6) + quoted + 7) & ~(size_t)7,
				.mpls = true };
			size_t len;

			l.said = l.padded;
			probe(packet, is_v6, 'x');
			len = error(bytes, is_v6, packet, &l);
			assert_int_equal(parse_whole(bytes, len, &p), PARSE_OK);
			/* Of fewer than 13 bytes it is not known whether a TCP header goes on. */
			assert_in_range(p.quote.quoted, quoted < 13 ? 8 : quoted, quoted + 7);
			assert_true(!p.quote.has_sum || quoted > 18 - 8);
			assert_null(p.extensions);
		}
	}
}

static void a_length_is_read_only_in_messages_that_have_one(void **state)
{
	static const struct {
		uint8_t type[2]; /* of ICMP, of ICMPv6 */
		bool extends;
	} cases[] = {
		{ { 3, 1 }, true },
		{ { 11, 3 }, true },
		{ { 12, 3 }, true },
		{ { 4, 2 }, false },
		{ { 5, 4 }, false },
	};
	uint8_t bytes[WIRE_MAX], packet[WIRE_MAX];
	struct packet p;

	(void)state;
	for (size_t i = 0; i < 4 * sizeof(cases) / sizeof(cases[0]); i++) {
		bool is_v6 = i % 2;
		struct layout l = { .padded = 128, .said = i % 4 < 2 ? 128 : 0, .mpls = true };
		size_t len;

		l.quoted = probe(packet, is_v6, 'x') - ip_head(is_v6);
		len = error(bytes, is_v6, packet, &l);
		bytes[ip_head(is_v6)] = cases[i / 4].type[is_v6];
		assert_int_equal(parse_whole(bytes, len, &p), PARSE_OK);
		assert_int_equal(p.extensions != NULL, cases[i / 4].extends);
		assert_quoted(&p, PROBE);
	}
}

static void a_quoted_length_that_lies_leaves_8_bytes(void **state)
{
	static const struct {
		uint16_t says;
		size_t quoted;
	} cases[] = { { 0, 8 }, { 20, 8 }, { 27, 8 }, { 33, 13 }, { 0x3500, PROBE } };
	struct layout l = { .quoted = PROBE };
	uint8_t bytes[WIRE_MAX], packet[WIRE_MAX];
	struct packet p;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		probe(packet, false, 'x');
		wire_put16(packet + 2, cases[i].says);
		assert_int_equal(parse_whole(bytes, error(bytes, false, packet, &l), &p), PARSE_OK);
		assert_quoted(&p, cases[i].quoted);
	}
}

static void a_long_quote_counts_to_255_and_a_datagram_has_no_tcp_sum(void **state)
{
	uint8_t bytes[WIRE_MAX], packet[WIRE_MAX], data[400];
	struct packet p;
	size_t len;

	(void)state;
	memset(data, 'x', sizeof(data));
	for (size_t n = 240; n <= sizeof(data); n++) {
		len = wire_udp(packet, &(struct wire_udp){ .payload = data, .payload_len = n });
		len = wire_time_exceeded(bytes, ROUTER, packet, len);
		assert_int_equal(parse_whole(bytes, len, &p), PARSE_OK);
		assert_int_equal(p.quote.quoted, n + 8 < 255 ? n + 8 : 255);
		assert_false(p.quote.has_sum);
		/* A long quote's own bytes at 128 are no structure. */
		assert_non_null(p.extensions);
		assert_false(extension_parse(p.extensions, p.extensions_len, p.extensions_announced,
			&(struct extension){ 0 }));
	}
}

static void only_what_was_captured_is_quoted_and_extended(void **state)
{
	struct layout l = { .quoted = PROBE, .padded = 128, .said = 128, .mpls = true };
	uint8_t bytes[WIRE_MAX], packet[WIRE_MAX];
	struct packet p;

	(void)state;
	for (int is_v6 = 0; is_v6 < 2; is_v6++) {
		size_t quote = quote_at(is_v6), transport = quote + ip_head(is_v6), len;

		probe(packet, is_v6, 'x');
		len = error(bytes, is_v6, packet, &l);
		for (size_t cut = transport + 8; cut <= len; cut++) {
			size_t quoted = cut - transport < PROBE ? cut - transport : PROBE;

			assert_int_equal(parse_exact(bytes, cut, len, &p), PARSE_OK);
			assert_quoted(&p, quoted);
			assert_int_equal(
				p.extensions_len, cut > quote + 128 ? cut - quote - 128 : 0);
			assert_int_equal(p.extensions != NULL, p.extensions_len != 0);
		}
	}
}

static void a_routers_labels_come_from_its_error(void **state)
{
	uint8_t bytes[WIRE_MAX], packet[WIRE_MAX];
	struct packet p;

	(void)state;
	for (int i = 0; i < 4; i++) {
		bool is_v6 = i % 2;
		struct layout l = {
			.quoted = PROBE, .padded = 128, .said = i < 2 ? 128 : 0, .mpls = true
		};
		struct extension e;
		size_t len;

		probe(packet, is_v6, 'x');
		len = error(bytes, is_v6, packet, &l);
		assert_int_equal(parse_whole(bytes, len, &p), PARSE_OK);
		assert_true(extension_parse(
			p.extensions, p.extensions_len, p.extensions_announced, &e));
		assert_int_equal(e.mpls_count, 1);
		assert_int_equal(e.mpls[0].label, 0x5dc16);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_bare_quote_is_counted_to_its_last_byte),
		cmocka_unit_test(the_lengths_that_routers_quote_are_told_from_padding),
		cmocka_unit_test(a_zero_at_a_whole_probes_end_counts_behind_other_bytes),
		cmocka_unit_test(extensions_stand_where_the_length_says_or_at_128),
		cmocka_unit_test(extensions_right_behind_a_short_quote_are_no_quote),
		cmocka_unit_test(a_length_is_read_only_in_messages_that_have_one),
		cmocka_unit_test(a_quoted_length_that_lies_leaves_8_bytes),
		cmocka_unit_test(a_long_quote_counts_to_255_and_a_datagram_has_no_tcp_sum),
		cmocka_unit_test(only_what_was_captured_is_quoted_and_extended),
		cmocka_unit_test(a_routers_labels_come_from_its_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
