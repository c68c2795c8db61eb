/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a router tells behind its quote, and when it is believed. */
#include "gateway/engine/extension.h"
#include "tests/unit/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

enum {
	ROOM = 512,
};

/* A structure with these objects: version 2, checksum filled in. */
static size_t sealed(uint8_t *out, const char *objects)
{
	size_t len = 4 + wire_hex(out + 4, objects);

	wire_put32(out, 0x20000000);
	wire_put16(out + 2, (uint16_t)~wire_sum(0, out, len));
	return len;
}

/* Parses an exact-size copy, and checks that a refusal publishes nothing. */
static bool parse_exact(const uint8_t *bytes, size_t len, bool announced, struct extension *out)
{
	uint8_t *copy = wire_exact(bytes, len);
	struct extension untouched;
	bool good;

	memset(&untouched, 0xa5, sizeof(untouched));
	memcpy(out, &untouched, sizeof(*out));
	good = extension_parse(copy, len, announced, out);
	if (!good)
		assert_memory_equal(out, &untouched, sizeof(*out));
	wire_exact_free(copy, len);
	return good;
}

/* Parses sealed objects, announced and not: a right checksum makes no difference of that. */
static struct extension told(const char *objects)
{
	uint8_t bytes[ROOM];
	size_t len = sealed(bytes, objects);
	struct extension e, unannounced;

	assert_true(parse_exact(bytes, len, true, &e));
	assert_true(parse_exact(bytes, len, false, &unannounced));
	assert_int_equal(e.mpls_count, unannounced.mpls_count);
	assert_int_equal(e.interface.told, unannounced.interface.told);
	return e;
}

static void assert_label(
	const struct inpath_mpls *m, uint32_t label, unsigned int tc, bool bottom, unsigned int ttl)
{
	assert_int_equal(m->label, label);
	assert_int_equal(m->tc, tc);
	assert_int_equal(m->bottom, bottom);
	assert_int_equal(m->ttl, ttl);
}

#define assert_addr(addr, text)                                                                    \
	do {                                                                                       \
		struct inpath_addr expected_ = wire_addr(text);                                    \
		assert_memory_equal(&(addr), &expected_, sizeof(expected_));                       \
	} while (0)

static void a_label_stack_is_read_from_the_top(void **state)
{
	struct extension e = told("000c 01 01 5dc16a01 fffff1ff");

	(void)state;
	assert_int_equal(e.mpls_count, 2);
	assert_label(&e.mpls[0], 0x5dc16, 5, false, 1);
	assert_label(&e.mpls[1], 0xfffff, 0, true, 255);
	assert_false(e.interface.told);

	e = told("001c 0101 00001001 00002002 00003003 00004004 00005005 00006106");
	assert_int_equal(e.mpls_count, INPATH_MPLS_ENTRIES);
	assert_label(&e.mpls[3], 4, 0, false, 4);
	assert_int_equal(told("0004 0101").mpls_count, 0);
}

static void an_interface_is_read_with_all_that_its_type_names(void **state)
{
	struct extension e = told("0024 020f 00000003" /* incoming, all four */
				  "0001 0000 cb007101"
				  "10 78652d302f302f31 00000000000000"
				  "000005dc");

	(void)state;
	assert_int_equal(e.mpls_count, 0);
	assert_true(e.interface.told);
	assert_int_equal(e.interface.role, INPATH_INTERFACE_IN);
	assert_int_equal(e.interface.index, 3);
	assert_addr(e.interface.addr, "203.0.113.1");
	assert_string_equal(e.interface.name, "xe-0/0/1");
	assert_int_equal(e.interface.mtu, 1500);

	e = told("0018 0244 0002 0000 20010db8000f00000000000000000001");
	assert_int_equal(e.interface.role, INPATH_INTERFACE_IN_SUB);
	assert_addr(e.interface.addr, "2001:db8:f::1");
	assert_string_equal(e.interface.name, "");
	assert_int_equal(e.interface.index, 0);
	assert_int_equal(e.interface.mtu, 0);

	assert_int_equal(told("0008 0281 00000240").interface.role, INPATH_INTERFACE_OUT);
	assert_int_equal(told("0008 0281 00000240").interface.mtu, 576);
	assert_int_equal(told("0008 02c8 00000009").interface.role, INPATH_INTERFACE_NEXT);
	assert_int_equal(told("0004 0200").interface.told, true);
}

static void a_name_ends_at_63_bytes_or_its_first_zero(void **state)
{
	char objects[300] = "0044 0202 40";
	struct extension e;

	(void)state;
	for (int i = 0; i < INPATH_INTERFACE_NAME; i++)
		strcat(objects, "7a");
	e = told(objects);
	assert_int_equal(strlen(e.interface.name), INPATH_INTERFACE_NAME);
	assert_string_equal(told("000c 0202 08 6100 6200000000").interface.name, "a");
	assert_string_equal(told("0008 0202 04 ff2280").interface.name, "\xff\"\x80");
}

static void the_interface_that_the_packet_came_in_by_is_preferred(void **state)
{
	(void)state;
	/* out, in; in, out; out, next; in, in */
	assert_int_equal(told("0008 0288 00000001 0008 0208 00000002").interface.index, 2);
	assert_int_equal(told("0008 0208 00000002 0008 0288 00000001").interface.index, 2);
	assert_int_equal(told("0008 0288 00000001 0008 02c8 00000003").interface.index, 1);
	assert_int_equal(told("0008 0208 00000001 0008 0208 00000002").interface.index, 1);
}

static void the_first_of_several_label_stacks_counts(void **state)
{
	struct extension e = told("0008 0101 00001001 0008 0101 00002002");

	(void)state;
	assert_int_equal(e.mpls_count, 1);
	assert_int_equal(e.mpls[0].label, 1);
}

static void unknown_objects_are_passed_over(void **state)
{
	struct extension e = told("0008 f700 12345678" /* of private use */
				  "0008 0102 00009009" /* another type of MPLS */
				  "0004 0301"
				  "0008 0101 5dc16101"
				  "0008 0208 00000007");

	(void)state;
	assert_int_equal(e.mpls_count, 1);
	assert_int_equal(e.mpls[0].label, 0x5dc16);
	assert_int_equal(e.interface.index, 7);
}

static void an_object_with_a_lying_length_ends_the_parse(void **state)
{
	static const char *const lies[] = { "0000", "0003", "0006", "0009", "0014", "ffff" };

	(void)state;
	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		char objects[200];
		struct extension e;

		snprintf(objects, sizeof(objects),
			"0008 0101 5dc16101 %s 0208 00000007 0008 0208 00000008", lies[i]);
		e = told(objects);
		assert_int_equal(e.mpls_count, 1);
		assert_false(e.interface.told);
	}
	assert_int_equal(told("0008 0101 5dc16101 00").mpls_count, 1);
	assert_int_equal(told("0008 0101 5dc16101 0008 02").mpls_count, 1);
}

static void an_interface_that_does_not_fit_its_object_is_passed_over(void **state)
{
	static const char *const bad[] = {
		"0004 0208",                   /* no index */
		"0008 0209 00000001",          /* no MTU */
		"0008 0204 00010000",          /* no address */
		"000c 0204 00020000 cb007101", /* too short for IPv6 */
		"000c 0204 00030000 cb007101", /* neither IPv4 nor IPv6 */
		"0004 0202",                   /* no name */
		"0008 0202 00 616263",         /* a name's length that does not count itself */
		"0008 0202 03 616263",         /* not whole words */
		"0008 0202 08 616263",         /* beyond the object */
		"0008 020a 00000001",          /* an index, and no name */
		"0004 020f",                   /* nothing of four */
		"0010 0206 00010000 cb007101 44 616263", /* a name of 67 bytes */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char objects[200];
		struct extension e;

		snprintf(objects, sizeof(objects), "%s 0008 0288 00000007", bad[i]);
		e = told(objects);
		assert_int_equal(e.interface.index, 7);
		assert_string_equal(e.interface.name, "");
	}
}

static void nothing_is_believed_without_version_2_and_a_right_checksum(void **state)
{
	uint8_t bytes[ROOM];
	size_t len = sealed(bytes, "0008 0101 5dc16101");
	struct extension e;

	(void)state;
	assert_false(extension_parse(NULL, 0, true, &e));
	for (unsigned int version = 0; version < 16; version++) {
		wire_put32(bytes, version << 28);
		wire_put16(bytes + 2, (uint16_t)~wire_sum(0, bytes, len));
		assert_int_equal(parse_exact(bytes, len, true, &e), version == 2);
		assert_int_equal(parse_exact(bytes, len, false, &e), version == 2);
	}
	sealed(bytes, "0008 0101 5dc16101");
	for (size_t bit = 0; bit < len * 8; bit++) {
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_false(parse_exact(bytes, len, true, &e));
		assert_false(parse_exact(bytes, len, false, &e));
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
}

static void a_missing_checksum_counts_only_where_extensions_were_announced(void **state)
{
	uint8_t bytes[ROOM];
	size_t len = sealed(bytes, "0008 0101 5dc16101");
	struct extension e;

	(void)state;
	wire_put16(bytes + 2, 0);
	assert_true(parse_exact(bytes, len, true, &e));
	assert_int_equal(e.mpls_count, 1);
	assert_false(parse_exact(bytes, len, false, &e));
	/* Not even where zero happens to be the sum that would be right. */
	memset(bytes, 0, sizeof(bytes));
	wire_put32(bytes, 0x20000000);
	wire_put32(bytes + 4, 0xdfff0000);
	assert_false(parse_exact(bytes, 8, false, &e));
}

static void every_truncation_is_whole_or_nothing(void **state)
{
	uint8_t bytes[ROOM];
	size_t len = sealed(bytes, "000c 0101 5dc16001 00010102"
				   "0024 020f 00000003 0001 0000 cb007101"
				   "10 78652d302f302f31 00000000000000 000005dc");
	struct extension e;

	(void)state;
	for (size_t cut = 0; cut <= len; cut++) {
		assert_int_equal(parse_exact(bytes, cut, false, &e), cut == len);
		/* Without a checksum each object counts once it is whole. */
		wire_put16(bytes + 2, 0);
		assert_int_equal(parse_exact(bytes, cut, true, &e), cut >= 4);
		if (cut >= 4) {
			assert_int_equal(e.mpls_count, cut >= 4 + 12 ? 2 : 0);
			assert_int_equal(e.interface.told, cut == len);
		}
		sealed(bytes, "000c 0101 5dc16001 00010102"
			      "0024 020f 00000003 0001 0000 cb007101"
			      "10 78652d302f302f31 00000000000000 000005dc");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_label_stack_is_read_from_the_top),
		cmocka_unit_test(an_interface_is_read_with_all_that_its_type_names),
		cmocka_unit_test(a_name_ends_at_63_bytes_or_its_first_zero),
		cmocka_unit_test(the_interface_that_the_packet_came_in_by_is_preferred),
		cmocka_unit_test(the_first_of_several_label_stacks_counts),
		cmocka_unit_test(unknown_objects_are_passed_over),
		cmocka_unit_test(an_object_with_a_lying_length_ends_the_parse),
		cmocka_unit_test(an_interface_that_does_not_fit_its_object_is_passed_over),
		cmocka_unit_test(nothing_is_believed_without_version_2_and_a_right_checksum),
		cmocka_unit_test(a_missing_checksum_counts_only_where_extensions_were_announced),
		cmocka_unit_test(every_truncation_is_whole_or_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
