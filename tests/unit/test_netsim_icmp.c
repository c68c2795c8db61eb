/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Errors quote what they are told to, and what follows the quote is laid out by the RFCs, or wrongly on purpose. */
#include "tests/netsim/icmp.h"
#include "tests/unit/netsims.h"

struct error {
	uint8_t cause[WIRE_MAX];
	size_t cause_len;
	uint8_t bytes[ICMP_ERROR_MAX];
	size_t len;
	unsigned head;
};

/* A router's error about a TCP packet with `payload` bytes. */
static struct error error_of(const char *options, bool v6, enum refusal what, size_t payload)
{
	static const uint8_t zeros[1400];
	struct error e = { .head = v6 ? 48 : 28 };
	char text[512];
	struct ip_view ip;

	(void)snprintf(
		text, sizeof(text), "router r1 %s\n" NETSIM_SERVED "path gw r1 s1\n", options);
	e.cause_len = wire_tcp(
		e.cause, &(struct wire_tcp){ .ip = { .src = v6 ? NETSIM_CLIENT6 : NETSIM_CLIENT,
						     .dst = v6 ? NETSIM_SERVER6 : NETSIM_SERVER,
						     .ttl = 1 },
				 .src_port = 40000,
				 .dst_port = 443,
				 .seq = 7,
				 .flags = 0x18,
				 .payload = zeros,
				 .payload_len = payload });
	assert_true(ip_read(e.cause, e.cause_len, &ip));
	e.len = icmp_error(&reads(text)->routers[0], what, e.cause, &ip, 255, 9, e.bytes);
	assert_true(wire_checksums_right(e.bytes, e.len));
	assert_int_equal(ip_ttl(e.bytes), 255);
	return e;
}

static const uint8_t *told(const struct error *e)
{
	return &e->bytes[e->head - (e->head == 28 ? 3 : 4)];
}

static void an_error_says_its_type(void **state)
{
	static const uint8_t types[2][REFUSAL_ADMIN + 1][2] = {
		{ { 11, 0 }, { 0, 0 }, { 3, 0 }, { 3, 1 }, { 3, 2 }, { 3, 3 }, { 3, 13 } },
		{ { 3, 0 }, { 0, 0 }, { 1, 0 }, { 1, 3 }, { 4, 1 }, { 1, 4 }, { 1, 1 } },
	};

	(void)state;
	for (unsigned v6 = 0; v6 < 2; v6++)
		for (unsigned what = 0; what <= REFUSAL_ADMIN; what++) {
			struct error e;

			if (what == REFUSAL_DROP)
				continue;
			e = error_of("mpls 3:0:1", v6, (enum refusal)what, 1);
			assert_memory_equal(e.bytes + e.head - 8, types[v6][what], 2);
		}
}

static void it_quotes_as_much_as_told(void **state)
{
	static const struct {
		const char *options;
		size_t bytes; /* behind the IP header */
	} quotes[] = { { "quote 8", 8 }, { "quote 28", 28 }, { "quote 128", 128 } };

	(void)state;
	for (unsigned v6 = 0; v6 < 2; v6++)
		for (size_t i = 0; i < 3; i++) {
			struct error e = error_of(quotes[i].options, v6, REFUSAL_NONE, 1000);

			assert_int_equal(e.len, e.head + (v6 ? 40 : 20) + quotes[i].bytes);
			assert_memory_equal(e.bytes + e.head, e.cause, e.len - e.head);
			assert_int_equal(*told(&e), 0);
		}
	assert_int_equal(error_of("", false, REFUSAL_NONE, 1).len, 28 + 41);
	assert_int_equal(error_of("", false, REFUSAL_NONE, 1400).len, 576);
	assert_int_equal(error_of("", true, REFUSAL_NONE, 1400).len, 1280);
	assert_int_equal(error_of("mpls 3:0:1", false, REFUSAL_NONE, 1400).len, 576);
}

static void extensions_stand_behind_128_bytes(void **state)
{
	/* RFC 4884: version 2, checksum; RFC 4950: length 12, class 1, type 1, two entries. */
	static const uint8_t stack[12] = { 0, 12, 1, 1, 0x00, 0x06, 0x4a, 0x03, 0x00, 0x01, 0x01,
		0x04 };

	(void)state;
	for (unsigned v6 = 0; v6 < 2; v6++) {
		struct error e = error_of("mpls 100:5:3,16:0:4 quote 8", v6, REFUSAL_NONE, 1);
		size_t head = v6 ? 40 : 20;
		const uint8_t *at = e.bytes + e.head + 128;

		assert_int_equal(*told(&e), v6 ? 16 : 32);
		assert_int_equal(e.len, e.head + 128 + 16);
		assert_memory_equal(e.bytes + e.head, e.cause, head + 8);
		for (size_t i = head + 8; i < 128; i++)
			assert_int_equal(e.bytes[e.head + i], 0);
		assert_int_equal(at[0], 0x20);
		assert_int_equal(wire_sum(0, at, 16), 0xffff);
		assert_memory_equal(at + 4, stack, sizeof(stack));
	}
}

static void an_interface_is_told_by_rfc_5837(void **state)
{
	static const uint8_t all[] = { 0, 32, 2, 0x0f, 0, 0, 0, 3, 0, 1, 0, 0, 198, 18, 0, 1, 12,
		'x', 'e', '-', '0', '/', '0', '/', '1', 0, 0, 0, 0, 0, 5, 220 };
	static const uint8_t some[] = { 0, 16, 2, 0x06, 0, 1, 0, 0, 198, 18, 0, 1, 4, 'e', 't',
		'h' };
	struct error e = error_of("interface xe-0/0/1:3:1500", false, REFUSAL_NONE, 1);

	(void)state;
	assert_int_equal(e.len, 28 + 128 + 4 + sizeof(all));
	assert_memory_equal(e.bytes + 28 + 132, all, sizeof(all));
	e = error_of("interface eth", false, REFUSAL_NONE, 1);
	assert_int_equal(e.len, 28 + 128 + 4 + sizeof(some));
	assert_memory_equal(e.bytes + 28 + 132, some, sizeof(some));
}

static void wrong_extensions_are_wrong_as_told(void **state)
{
	(void)state;
	for (unsigned v6 = 0; v6 < 2; v6++) {
		unsigned unit = v6 ? 8 : 4;
		struct error e;

		for (size_t payload = 1; payload <= 1000; payload += 999) {
			e = error_of("mpls 3:0:1 extensions legacy", v6, REFUSAL_NONE, payload);
			assert_int_equal(*told(&e), 0);
			assert_int_equal(e.len, e.head + 128 + 12);
			assert_int_equal(wire_sum(0, e.bytes + e.head + 128, 12), 0xffff);
		}

		e = error_of("mpls 3:0:1 extensions unpadded", v6, REFUSAL_NONE, 1);
		assert_true(*told(&e) * unit < 128);
		assert_true(*told(&e) * unit >= e.cause_len);
		assert_int_equal(e.len, e.head + *told(&e) * unit + 12);
		e = error_of("mpls 3:0:1 extensions unpadded", v6, REFUSAL_NONE, 1000);
		assert_true(*told(&e) * unit < 128);

		e = error_of("mpls 3:0:1 extensions overlong", v6, REFUSAL_NONE, 1);
		assert_true(e.head + *told(&e) * unit > e.len);

		e = error_of("mpls 3:0:1 extensions badsum", v6, REFUSAL_NONE, 1);
		assert_int_equal(*told(&e) * unit, 128);
		assert_int_not_equal(wire_sum(0, e.bytes + e.head + 128, 12), 0xffff);
	}
}

static void another_address_may_answer(void **state)
{
	struct error e = error_of("from 203.0.113.9", false, REFUSAL_NONE, 1);

	(void)state;
	assert_memory_equal(e.bytes + 12, "\xcb\0\x71\x09", 4);
	e = error_of("from 203.0.113.9", true, REFUSAL_NONE, 1);
	assert_memory_equal(e.bytes + 8, wire_addr("2001:db8:ff::1").bytes, 16);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_error_says_its_type),
		cmocka_unit_test(it_quotes_as_much_as_told),
		cmocka_unit_test(extensions_stand_behind_128_bytes),
		cmocka_unit_test(an_interface_is_told_by_rfc_5837),
		cmocka_unit_test(wrong_extensions_are_wrong_as_told),
		cmocka_unit_test(another_address_may_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
