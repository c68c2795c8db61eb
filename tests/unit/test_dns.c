/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/engine/dns.h"
#include "tests/unit/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

enum {
	A = 1,
	CNAME = 5,
	MX = 15,
	AAAA = 28,
	HTTPS = 65,
	IN = 1,
	QUERY = 0x0100,
	ANSWER = 0x8180,
	CUT = 0x0200,
	QUESTION_AT = 12,
};

struct message {
	uint8_t bytes[65535];
	size_t len;
};

static void put(struct message *m, const void *bytes, size_t len)
{
	assert_true(m->len + len <= sizeof(m->bytes));
	wire_copy_in(m->bytes + m->len, bytes, len);
	m->len += len;
}

static void put8(struct message *m, uint8_t value)
{
	put(m, &value, 1);
}

static void put16(struct message *m, uint32_t value)
{
	uint8_t b[2];

	wire_put16(b, value);
	put(m, b, sizeof(b));
}

static void put32(struct message *m, uint32_t value)
{
	uint8_t b[4];

	wire_put32(b, value);
	put(m, b, sizeof(b));
}

/* A name label by label; "*12" is a pointer to offset 12, and may stand behind labels. */
static void put_name(struct message *m, const char *name)
{
	while (*name && *name != '*') {
		size_t len = strcspn(name, ".");

		put8(m, (uint8_t)len);
		put(m, name, len);
		name += len;
		name += *name == '.';
	}
	if (*name == '*')
		put16(m, 0xc000u | (uint32_t)atoi(name + 1));
	else
		put8(m, 0);
}

static void begin(struct message *m, uint16_t flags, const char *name, uint16_t type)
{
	m->len = 0;
	put16(m, 0x1234);
	put16(m, flags);
	put16(m, 1);
	put32(m, 0);
	put16(m, 0);
	put_name(m, name);
	put16(m, type);
	put16(m, IN);
}

/* The record's head; its data is to follow. */
static void put_record(
	struct message *m, const char *owner, uint16_t type, uint32_t ttl, size_t len)
{
	uint16_t answers = (uint16_t)(m->bytes[6] << 8 | m->bytes[7]);

	wire_put16(m->bytes + 6, answers + 1u);
	put_name(m, owner);
	put16(m, type);
	put16(m, IN);
	put32(m, ttl);
	put16(m, (uint32_t)len);
}

static void put_addr(struct message *m, const char *owner, uint32_t ttl, const char *addr)
{
	struct inpath_addr a = wire_addr(addr);
	bool is_v4 = a.family == INPATH_AF_INET;

	put_record(m, owner, is_v4 ? A : AAAA, ttl, is_v4 ? 4 : 16);
	put(m, a.bytes, is_v4 ? 4 : 16);
}

static void put_cname(struct message *m, const char *owner, uint32_t ttl, const char *target)
{
	size_t at;

	put_record(m, owner, CNAME, ttl, 0);
	at = m->len;
	put_name(m, target);
	wire_put16(m->bytes + at - 2, (uint32_t)(m->len - at));
}

/* Parses the first `len` bytes; what fails must leave the result alone. */
static enum dns_result parse(const struct message *m, size_t len, struct dns_message *out)
{
	struct dns_message before;
	enum dns_result r;
	uint8_t *copy = wire_exact(m->bytes, len);

	memset(out, 0x5a, sizeof(*out));
	before = *out;
	r = dns_parse(copy, len, out);
	if (r != DNS_OK)
		assert_memory_equal(out, &before, sizeof(before));
	wire_exact_free(copy, len);
	return r;
}

static enum dns_result result_of(const struct message *m)
{
	struct dns_message out;

	return parse(m, m->len, &out);
}

static void assert_addr(const struct dns_message *out, unsigned int at, const char *addr)
{
	struct inpath_addr want = wire_addr(addr);

	assert_true(at < out->addr_count);
	assert_memory_equal(&out->addrs[at], &want, sizeof(want));
}

static void a_query_gives_its_name_and_type(void **state)
{
	struct message m;
	struct dns_message out;

	(void)state;
	begin(&m, QUERY, "wWw.Video-1.EXAMPLE.net", HTTPS);
	assert_int_equal(parse(&m, m.len, &out), DNS_OK);
	assert_int_equal(out.id, 0x1234);
	assert_false(out.answer);
	assert_int_equal(out.qtype, HTTPS);
	assert_string_equal(out.name, "www.video-1.example.net");
	assert_int_equal(out.addr_count, 0);
	assert_int_equal(out.ttl, 0);
}

static void addresses_come_in_order_with_the_least_ttl(void **state)
{
	struct message m;
	struct dns_message out;

	(void)state;
	begin(&m, ANSWER, "video.example.net", A);
	put_addr(&m, "*12", 300, "192.0.2.9");
	put_addr(&m, "*12", 60, "192.0.2.1");
	put_addr(&m, "VIDEO.example.*26", 300, "2001:db8::5");
	assert_int_equal(parse(&m, m.len, &out), DNS_OK);
	assert_true(out.answer);
	assert_int_equal(out.rcode, 0);
	assert_int_equal(out.addr_count, 3);
	assert_addr(&out, 0, "192.0.2.9");
	assert_addr(&out, 1, "192.0.2.1");
	assert_addr(&out, 2, "2001:db8::5");
	assert_int_equal(out.ttl, 60);
}

static void a_cname_chain_is_followed_in_any_order(void **state)
{
	struct message m;
	struct dns_message out;

	(void)state;
	begin(&m, ANSWER, "www.example.net", AAAA);
	put_addr(&m, "edge.cdn.example", 600, "2001:db8::1");
	put_cname(&m, "lb.cdn.example", 20, "edge.cdn.example");
	put_cname(&m, "*12", 900, "LB.cdn.example");
	assert_int_equal(parse(&m, m.len, &out), DNS_OK);
	assert_string_equal(out.name, "www.example.net");
	assert_int_equal(out.addr_count, 1);
	assert_addr(&out, 0, "2001:db8::1");
	assert_int_equal(out.ttl, 20);
}

static void addresses_of_other_names_are_passed_over(void **state)
{
	struct message m;
	struct dns_message out;

	(void)state;
	begin(&m, ANSWER, "www.example.net", A);
	put_addr(&m, "evil.example.org", 60, "192.0.2.66");
	put_addr(&m, "example.net", 1, "192.0.2.67");
	put_addr(&m, "x.www.example.net", 1, "192.0.2.68");
	put_record(&m, "*12", MX, 1, 3);
	put(&m, "\0\1\0", 3);
	put_addr(&m, "*12", 60, "192.0.2.1");
	/* Another class: CHAOS. */
	put_addr(&m, "*12", 1, "192.0.2.69");
	wire_put16(m.bytes + m.len - 12, 3);
	assert_int_equal(parse(&m, m.len, &out), DNS_OK);
	assert_int_equal(out.addr_count, 1);
	assert_addr(&out, 0, "192.0.2.1");
	assert_int_equal(out.ttl, 60);
}

static void other_sections_are_not_read(void **state)
{
	struct message m;
	struct dns_message out;

	(void)state;
	begin(&m, ANSWER, "www.example.net", A);
	put_addr(&m, "*12", 60, "192.0.2.1");
	wire_put16(m.bytes + 8, 1);
	wire_put16(m.bytes + 10, 1);
	put(&m, "\xff\xff", 2);
	assert_int_equal(parse(&m, m.len, &out), DNS_OK);
	assert_int_equal(out.addr_count, 1);
}

static void every_truncation_is_short(void **state)
{
	struct message m;
	struct dns_message out;

	(void)state;
	begin(&m, ANSWER, "www.example.net", A);
	put_cname(&m, "*12", 60, "lb.*16");
	put_record(&m, "*12", MX, 1, 5);
	put(&m, "\0\1\1a\0", 5);
	put_addr(&m, "lb.example.*24", 60, "192.0.2.1");
	put_addr(&m, "lb.example.net", 60, "2001:db8::1");
	for (size_t n = 0; n < m.len; n++)
		assert_int_equal(parse(&m, n, &out), DNS_SHORT);
	assert_int_equal(parse(&m, m.len, &out), DNS_OK);
	assert_int_equal(out.addr_count, 2);
}

static void a_cut_answer_yields_what_it_holds(void **state)
{
	struct message m;
	struct dns_message out;
	size_t question_end, first_end;

	(void)state;
	begin(&m, ANSWER | CUT, "www.example.net", A);
	question_end = m.len;
	put_addr(&m, "*12", 60, "192.0.2.1");
	first_end = m.len;
	put_addr(&m, "*12", 30, "192.0.2.2");
	for (size_t n = 0; n <= m.len; n++) {
		assert_int_equal(parse(&m, n, &out), n < question_end ? DNS_SHORT : DNS_OK);
		if (n >= question_end)
			assert_int_equal(out.addr_count, (n >= first_end) + (n == m.len));
		if (n >= first_end)
			assert_int_equal(out.ttl, n == m.len ? 30 : 60);
	}
}

static void pointers_lead_backwards_only(void **state)
{
	static const char *const bad[] = { "*39", "*41", "*100", "*11", "*0", "*16383", "a.*39" };
	struct message m;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		begin(&m, ANSWER, "abcdefghi.example.net", A);
		assert_int_equal(m.len, 39);
		put_addr(&m, bad[i], 60, "192.0.2.1");
		assert_int_equal(result_of(&m), DNS_MALFORMED);
	}
	/* A question has nothing behind it to point to but the header. */
	begin(&m, QUERY, "*0", A);
	assert_int_equal(result_of(&m), DNS_MALFORMED);
	begin(&m, QUERY, "a.*12", A);
	assert_int_equal(result_of(&m), DNS_MALFORMED);
}

static void pointers_to_pointers_are_bounded(void **state)
{
	struct message m;
	struct dns_message out;
	char name[16] = "*12";

	(void)state;
	begin(&m, ANSWER, "a.example", A);
	for (int i = 1; i <= 32; i++) {
		size_t at = m.len;

		put_addr(&m, name, 60, "192.0.2.1");
		snprintf(name, sizeof(name), "*%zu", at);
	}
	assert_int_equal(parse(&m, m.len, &out), DNS_OK);
	assert_int_equal(out.addr_count, 32);
	put_addr(&m, name, 60, "192.0.2.1");
	assert_int_equal(result_of(&m), DNS_MALFORMED);
}

static void names_are_bounded(void **state)
{
	struct message m;
	struct dns_message out;
	char name[300];

	(void)state;
	/* 63 + 63 + 63 + 61 and three dots: 253 bytes of text, 255 on the wire. */
	memset(name, 'a', sizeof(name));
	name[63] = name[127] = name[191] = '.';
	name[253] = '\0';
	begin(&m, QUERY, name, A);
	assert_int_equal(parse(&m, m.len, &out), DNS_OK);
	assert_string_equal(out.name, name);

	name[253] = 'a';
	name[254] = '\0';
	begin(&m, QUERY, name, A);
	assert_int_equal(result_of(&m), DNS_MALFORMED);

	/* Longer by a pointer: 192 + 192 bytes. */
	name[191] = '\0';
	begin(&m, ANSWER, name, A);
	strcpy(name + 191, ".*12");
	put_addr(&m, name, 60, "192.0.2.1");
	assert_int_equal(result_of(&m), DNS_MALFORMED);

	/* Length bytes of 64..191 were never assigned. */
	for (uint32_t len = 64; len < 192; len++) {
		begin(&m, QUERY, "abc", A);
		m.bytes[QUESTION_AT] = (uint8_t)len;
		assert_int_equal(result_of(&m), DNS_MALFORMED);
	}
}

static void cname_loops_are_malformed(void **state)
{
	struct message m;

	(void)state;
	begin(&m, ANSWER, "a.example", A);
	put_cname(&m, "*12", 60, "A.example");
	assert_int_equal(result_of(&m), DNS_MALFORMED);

	begin(&m, ANSWER, "a.example", A);
	put_cname(&m, "*12", 60, "b.example");
	put_cname(&m, "b.example", 60, "*12");
	put_addr(&m, "b.example", 60, "192.0.2.1");
	assert_int_equal(result_of(&m), DNS_MALFORMED);
}

static void cname_chains_are_bounded(void **state)
{
	struct message m;
	struct dns_message out;
	char from[16] = "h0", to[16];

	(void)state;
	begin(&m, ANSWER, from, A);
	for (int i = 1; i <= 12; i++) {
		snprintf(to, sizeof(to), "h%d", i);
		put_cname(&m, from, 60, to);
		strcpy(from, to);
	}
	put_addr(&m, to, 60, "192.0.2.1");
	assert_int_equal(parse(&m, m.len, &out), DNS_OK);
	assert_int_equal(out.addr_count, 1);
	put_cname(&m, to, 60, "h13");
	assert_int_equal(result_of(&m), DNS_MALFORMED);
}

static void surplus_addresses_and_records_are_passed_over(void **state)
{
	struct message m;
	struct dns_message out;
	char addr[32];

	(void)state;
	begin(&m, ANSWER, "a.example", A);
	for (int i = 0; i < 300; i++) {
		snprintf(addr, sizeof(addr), "192.0.%d.%d", i / 200, i % 200);
		put_addr(&m, "*12", (uint32_t)(1000 - i), addr);
		assert_int_equal(parse(&m, m.len, &out), DNS_OK);
		assert_int_equal(out.addr_count, i < DNS_ADDRS ? i + 1 : DNS_ADDRS);
		assert_int_equal(out.ttl, 1001 - out.addr_count);
	}
	assert_addr(&out, 31, "192.0.0.31");
}

static void data_of_a_wrong_length_is_malformed(void **state)
{
	static const uint16_t types[] = { A, AAAA, CNAME };
	static const uint16_t lengths[] = { 4, 16, 3 };
	struct message m;

	(void)state;
	for (int i = 0; i < 3; i++) {
		for (uint16_t len = 0; len < 20; len++) {
			begin(&m, ANSWER, "a.example", A);
			put_record(&m, "*12", types[i], 60, len);
			put(&m, "\1b\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20);
			assert_int_equal(result_of(&m), len == lengths[i] ? DNS_OK : DNS_MALFORMED);
		}
	}
}

static void what_is_no_address_question_is_unsupported(void **state)
{
	struct message m;

	(void)state;
	begin(&m, QUERY, "a.example", MX);
	assert_int_equal(result_of(&m), DNS_UNSUPPORTED);
	begin(&m, QUERY, "a.example", A);
	wire_put16(m.bytes + m.len - 2, 3); /* class CHAOS */
	assert_int_equal(result_of(&m), DNS_UNSUPPORTED);
	for (uint32_t opcode = 1; opcode < 16; opcode++) {
		begin(&m, (uint16_t)(QUERY | opcode << 11), "a.example", A);
		assert_int_equal(result_of(&m), DNS_UNSUPPORTED);
	}
	begin(&m, QUERY, "a.example", A);
	wire_put16(m.bytes + 4, 0);
	assert_int_equal(result_of(&m), DNS_UNSUPPORTED);
	wire_put16(m.bytes + 4, 2);
	assert_int_equal(result_of(&m), DNS_UNSUPPORTED);
}

static void a_query_with_answers_is_malformed(void **state)
{
	struct message m;

	(void)state;
	begin(&m, QUERY, "a.example", A);
	put_addr(&m, "*12", 60, "192.0.2.1");
	assert_int_equal(result_of(&m), DNS_MALFORMED);
}

static void a_question_is_a_host_name_or_unsupported(void **state)
{
	struct message m;
	struct dns_message out;

	(void)state;
	for (unsigned int c = 0; c < 256; c++) {
		bool good = strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				   "0123456789_-",
				    (int)c) &&
			    c;

		begin(&m, QUERY, "a?c.example", A);
		m.bytes[QUESTION_AT + 2] = (uint8_t)c;
		assert_int_equal(parse(&m, m.len, &out), good ? DNS_OK : DNS_UNSUPPORTED);
	}
	begin(&m, QUERY, "", A);
	assert_int_equal(parse(&m, m.len, &out), DNS_OK);
	assert_string_equal(out.name, "");
}

static void a_ttl_with_its_highest_bit_set_is_zero(void **state)
{
	struct message m;
	struct dns_message out;

	(void)state;
	begin(&m, ANSWER, "a.example", A);
	put_addr(&m, "*12", 0x7fffffff, "192.0.2.1");
	assert_int_equal(parse(&m, m.len, &out), DNS_OK);
	assert_int_equal(out.ttl, 0x7fffffff);
	put_addr(&m, "*12", 0x80000000, "192.0.2.1");
	assert_int_equal(parse(&m, m.len, &out), DNS_OK);
	assert_int_equal(out.ttl, 0);
}

static void a_refusal_is_told(void **state)
{
	struct message m;
	struct dns_message out;

	(void)state;
	begin(&m, ANSWER | 3, "gone.example", A);
	assert_int_equal(parse(&m, m.len, &out), DNS_OK);
	assert_int_equal(out.rcode, 3);
	assert_int_equal(out.addr_count, 0);
}

static void the_largest_message_is_read(void **state)
{
	static struct message m;
	struct dns_message out;

	(void)state;
	begin(&m, ANSWER, "a.example", A);
	while (m.len + 16 <= sizeof(m.bytes))
		put_addr(&m, "*12", 60, "192.0.2.1");
	for (size_t n = m.len - 20; n < m.len; n++)
		assert_int_equal(parse(&m, n, &out), DNS_SHORT);
	assert_int_equal(parse(&m, m.len, &out), DNS_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_query_gives_its_name_and_type),
		cmocka_unit_test(addresses_come_in_order_with_the_least_ttl),
		cmocka_unit_test(a_cname_chain_is_followed_in_any_order),
		cmocka_unit_test(addresses_of_other_names_are_passed_over),
		cmocka_unit_test(other_sections_are_not_read),
		cmocka_unit_test(every_truncation_is_short),
		cmocka_unit_test(a_cut_answer_yields_what_it_holds),
		cmocka_unit_test(pointers_lead_backwards_only),
		cmocka_unit_test(pointers_to_pointers_are_bounded),
		cmocka_unit_test(names_are_bounded),
		cmocka_unit_test(cname_loops_are_malformed),
		cmocka_unit_test(cname_chains_are_bounded),
		cmocka_unit_test(surplus_addresses_and_records_are_passed_over),
		cmocka_unit_test(data_of_a_wrong_length_is_malformed),
		cmocka_unit_test(what_is_no_address_question_is_unsupported),
		cmocka_unit_test(a_query_with_answers_is_malformed),
		cmocka_unit_test(a_question_is_a_host_name_or_unsupported),
		cmocka_unit_test(a_ttl_with_its_highest_bit_set_is_zero),
		cmocka_unit_test(a_refusal_is_told),
		cmocka_unit_test(the_largest_message_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
