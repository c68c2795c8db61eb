/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a synthetic router lays out, well or wrongly, is read as tests/netsim/TRUTH.md says. */
#include "gateway/engine/extension.h"
#include "gateway/engine/parse.h"
#include "tests/netsim/icmp.h"
#include "tests/unit/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static const uint32_t quotes[] = { 8, 28, 128, UINT32_MAX };

static struct topology_router router(uint32_t quote, enum extensions how)
{
	return (struct topology_router){
		.addr = { wire_addr("198.18.0.1"), wire_addr("2001:db8:ff::1") },
		.quote = quote,
		.label_count = 2,
		.labels = { { 16, 5, 1 }, { 1048575, 0, 255 } },
		.has_interface = true,
		.interface = "xe-0/0/1",
		.interface_index = 3,
		.interface_mtu = 1500,
		.extensions = how,
		.dscp = -1,
		.ecn = -1,
	};
}

/* A probe's transport, in bytes: TCP with timestamps, without, and a datagram with a QUIC probe's bytes. */
static size_t probe(uint8_t *out, bool is_v6, int kind)
{
	static const char random[] = "\x43 eight id's bytes and ";
	struct wire_ip ip = { .src = is_v6 ? "2001:db8:2::2" : "192.0.2.2",
		.dst = is_v6 ? "2001:db8:5::1" : "198.51.100.1",
		.ttl = 1 };

	if (kind == 2)
		return wire_udp(
			out, &(struct wire_udp){ .ip = ip, .payload = random, .payload_len = 21 });
	return wire_tcp(out, &(struct wire_tcp){ .ip = ip,
				     .seq = 0xdeadbeef,
				     .ack = 7,
				     .flags = TCP_ACK | TCP_PSH,
				     .window = 501,
				     .timestamp = kind == 0,
				     .tsval = 0x01020304,
				     .tsecr = 0x05060708,
				     .payload = "x",
				     .payload_len = 1 });
}

/* The error of `r` about a probe, as the gateway reads it; its bytes are in `out`. */
static struct packet error_of(const struct topology_router *r, bool is_v6, int kind,
	uint8_t out[ICMP_ERROR_MAX], size_t *transport, uint16_t *sum)
{
	uint8_t cause[WIRE_MAX];
	size_t len = probe(cause, is_v6, kind), head = is_v6 ? 40 : 20;
	struct ip_view ip;
	struct packet p;

	assert_true(ip_read(cause, len, &ip));
	*transport = len - head;
	*sum = (uint16_t)(cause[head + 16] << 8 | cause[head + 17]);
	len = icmp_error(r, REFUSAL_NONE, cause, &ip, 64, 9, out);
	assert_int_equal(parse_packet(out, len, len, &p), PARSE_OK);
	return p;
}

static void assert_told(const struct extension *e, const struct topology_router *r, bool is_v6)
{
	assert_int_equal(e->mpls_count, 2);
	assert_int_equal(e->mpls[0].label, 16);
	assert_int_equal(e->mpls[0].tc, 5);
	assert_false(e->mpls[0].bottom);
	assert_int_equal(e->mpls[1].label, 1048575);
	assert_true(e->mpls[1].bottom);
	assert_int_equal(e->mpls[1].ttl, 255);
	assert_int_equal(e->interface.role, INPATH_INTERFACE_IN);
	assert_int_equal(e->interface.index, 3);
	assert_int_equal(e->interface.mtu, 1500);
	assert_string_equal(e->interface.name, "xe-0/0/1");
	assert_memory_equal(&e->interface.addr, &r->addr[is_v6], sizeof(e->interface.addr));
}

static void good_and_legacy_layouts_are_read_and_no_others(void **state)
{
	uint8_t bytes[ICMP_ERROR_MAX];
	size_t transport;
	uint16_t sum;

	(void)state;
	for (int how = EXTENSIONS_GOOD; how <= EXTENSIONS_BADSUM; how++)
		for (unsigned int i = 0; i < 4 * 2 * 3; i++) {
			struct topology_router r = router(quotes[i % 4], (enum extensions)how);
			bool is_v6 = i / 4 % 2;
			struct packet p =
				error_of(&r, is_v6, (int)(i / 8), bytes, &transport, &sum);
			struct extension e;
			bool told = extension_parse(
				p.extensions, p.extensions_len, p.extensions_announced, &e);

			assert_int_equal(told, how == EXTENSIONS_GOOD || how == EXTENSIONS_LEGACY);
			if (told)
				assert_told(&e, &r, is_v6);
		}
}

/* In every layout: else a checksum that was not quoted would be taken for one that was rewritten. */
static void what_was_quoted_is_told_from_what_stands_behind_it(void **state)
{
	uint8_t bytes[ICMP_ERROR_MAX];
	size_t transport;
	uint16_t sum;

	(void)state;
	for (int how = EXTENSIONS_GOOD; how <= EXTENSIONS_BADSUM; how++)
		for (unsigned int i = 0; i < 4 * 2 * 3; i++) {
			struct topology_router r = router(quotes[i % 4], (enum extensions)how);
			struct packet p =
				error_of(&r, i / 4 % 2, (int)(i / 8), bytes, &transport, &sum);
			size_t quoted = quotes[i % 4] < transport ? quotes[i % 4] : transport;

			assert_int_equal(p.quote.quoted, quoted);
			assert_int_equal(p.quote.has_sum, i / 8 < 2 && quoted >= 18);
			if (p.quote.has_sum)
				assert_int_equal(p.quote.sum, sum);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_and_legacy_layouts_are_read_and_no_others),
		cmocka_unit_test(what_was_quoted_is_told_from_what_stands_behind_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
