/* SPDX-License-Identifier: GPL-2.0-or-later */
/* TCP options: what each one says, and that a lying length ends the reading, not the packet. */
#include "tests/unit/parsing.h"

#include <stdio.h>

static struct tcp_header options_of(const char *hex)
{
	uint8_t bytes[WIRE_MAX], options[64];
	size_t options_len = wire_hex(options, hex);
	size_t len = wire_tcp(bytes, &(struct wire_tcp){ .src_port = 1,
					     .options = options,
					     .options_len = options_len,
					     .payload = "data",
					     .payload_len = 4 });
	struct packet p;

	assert_int_equal(parse_whole(bytes, len, &p), PARSE_OK);
	assert_int_equal(p.payload_len, 4);
	assert_memory_equal(p.payload, "data", 4);
	return p.tcp;
}

static void assert_nothing_said(const struct tcp_header *t)
{
	assert_int_equal(t->mss, 0);
	assert_false(t->has_window_scale);
	assert_false(t->sack_permitted);
	assert_int_equal(t->sack_count, 0);
	assert_false(t->has_timestamp);
	assert_false(t->mptcp);
	assert_false(t->md5);
	assert_false(t->ao);
}

static void padding_and_unknown_options_say_nothing(void **state)
{
	static const char *const cases[] = {
		"",
		"01 01 01 01",
		"00 00 00 00",
		"fe 04 ab cd",       /* experimental, RFC 6994 */
		"22 02 01 01",       /* a Fast Open cookie request, RFC 7413 */
		"01 fd 03 55",       /* the shortest value */
		"fd 02 fd 02",       /* no value at all */
		"00 02 04 05 b4 08", /* behind the end of the list nothing counts */
		"00 05 01 ff",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct tcp_header t = options_of(cases[i]);

		assert_nothing_said(&t);
		assert_false(t.options_malformed);
	}
}

static void a_lying_length_is_seen_and_nothing_beyond_is_read(void **state)
{
	static const char *const cases[] = {
		"01 01 01 02", /* no length */
		"02 00 05 b4", /* length 0 would never end */
		"02 01 05 b4",
		"fd 00 01 01", /* of an unknown option too */
		"fd 01 01 01",
		"02 05 05 b4", /* beyond the options */
		"fd ff 01 01",
		"01 01 08 0a",             /* its value is not there */
		"08 0a 00 00 00 01 00 00", /* half of it is */
		"02 03 05 01",             /* not an MSS's length */
		"02 02 01 01",
		"03 04 07 00",
		"03 02 01 01",
		"04 03 00 01",
		"05 02 01 01",                         /* SACK without a block */
		"05 09 00 00 00 01 00 00 00 01 01 01", /* and with part of one */
		"08 09 00 00 00 01 00 00 00 01 01 01",
		"08 0b 00 00 00 01 00 00 00 01 01 01",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char then_sack_permitted[256];
		struct tcp_header t = options_of(cases[i]);

		if (!t.options_malformed)
			fail_msg("%s", cases[i]);
		assert_false(t.has_window_scale);
		assert_false(t.has_timestamp);
		assert_false(t.sack_permitted);
		assert_int_equal(t.sack_count, 0);

		snprintf(then_sack_permitted, sizeof(then_sack_permitted), "01 01 04 02 %s",
			cases[i]);
		t = options_of(then_sack_permitted);
		assert_true(t.options_malformed);
		assert_true(t.sack_permitted);
	}
}

static void options_may_stand_unaligned(void **state)
{
	struct tcp_header t =
		options_of("02 04 05 b4 04 02 01 08 0a 11 22 33 44 55 66 77 88 03 03 0e");

	(void)state;
	assert_false(t.options_malformed);
	assert_int_equal(t.mss, 1460);
	assert_true(t.sack_permitted);
	assert_true(t.has_timestamp);
	assert_int_equal(t.tsval, 0x11223344);
	assert_int_equal(t.tsecr, 0x55667788);
	assert_int_equal(t.window_scale, 14);
}

static void a_window_scale_beyond_14_is_14(void **state)
{
	(void)state;
	assert_int_equal(options_of("03 03 00 00").window_scale, 0);
	assert_true(options_of("03 03 00 00").has_window_scale);
	assert_int_equal(options_of("03 03 0f 00").window_scale, 14);
	assert_int_equal(options_of("03 03 ff 00").window_scale, 14);
}

static void as_many_sack_blocks_as_fit_are_read(void **state)
{
	(void)state;
	for (unsigned int count = 1; count <= TCP_SACK_BLOCKS; count++) {
		struct wire_tcp w = { .sack_count = count };
		uint8_t bytes[WIRE_MAX];
		struct packet p;

		for (unsigned int i = 0; i < count; i++)
			w.sack[i] =
				(struct tcp_sack_block){ .start = 100 * i, .end = 100 * i + 50 };
		assert_int_equal(parse_whole(bytes, wire_tcp(bytes, &w), &p), PARSE_OK);
		assert_int_equal(p.tcp.sack_count, count);
		assert_memory_equal(p.tcp.sack, w.sack, sizeof(w.sack));
		assert_false(p.tcp.options_malformed);
	}
}

static void blocks_of_several_sack_options_stand_in_a_row(void **state)
{
	struct tcp_header t =
		options_of("05 0a 00000001 00000002 05 0a 00000003 00000004 05 0a 00000005 00000006"
			   "05 0a 00000007 00000008");

	(void)state;
	assert_false(t.options_malformed);
	assert_int_equal(t.sack_count, 4);
	for (uint32_t i = 0; i < 4; i++) {
		assert_int_equal(t.sack[i].start, 2 * i + 1);
		assert_int_equal(t.sack[i].end, 2 * i + 2);
	}
}

static void flows_that_must_not_be_probed_are_seen_even_if_their_option_lies(void **state)
{
	(void)state;
	assert_true(options_of("1e 0c 00 81 1122334455667788").mptcp);
	assert_false(options_of("1e 0c 00 81 1122334455667788").options_malformed);
	assert_true(options_of("1e 02 01 01").mptcp);
	assert_true(options_of("13 12 00112233445566778899aabbccddeeff 01 01").md5);
	assert_false(options_of("13 12 00112233445566778899aabbccddeeff 01 01").options_malformed);
	assert_true(options_of("13 04 00 00").md5);
	assert_true(options_of("13 04 00 00").options_malformed);
	assert_true(options_of("1d 10 01 02 00112233445566778899aabb").ao);
	assert_false(options_of("1d 10 01 02 00112233445566778899aabb").options_malformed);
	assert_true(options_of("1d 03 00 00").ao);
	assert_true(options_of("1d 03 00 00").options_malformed);
}

/* All values of the first three bytes, and every size of the options. */
static void no_options_make_the_parser_leave_the_header(void **state)
{
	uint8_t bytes[WIRE_MAX] = { 0 };
	struct packet p;

	(void)state;
	for (size_t size = 4; size <= 40; size += 4) {
		size_t len = wire_tcp(
			bytes, &(struct wire_tcp){ .options = bytes + 1000, .options_len = size });

		for (uint32_t value = 0; value < 0x10000; value += size == 4 ? 1 : 7) {
			bytes[40] = (uint8_t)(value >> 8);
			bytes[41] = (uint8_t)value;
			bytes[40 + size - 2] = (uint8_t)value;
			bytes[40 + size - 1] = (uint8_t)(value >> 8);
			assert_int_equal(parse_whole(bytes, len, &p), PARSE_OK);
			assert_true(p.tcp.sack_count <= TCP_SACK_BLOCKS);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(padding_and_unknown_options_say_nothing),
		cmocka_unit_test(a_lying_length_is_seen_and_nothing_beyond_is_read),
		cmocka_unit_test(options_may_stand_unaligned),
		cmocka_unit_test(a_window_scale_beyond_14_is_14),
		cmocka_unit_test(as_many_sack_blocks_as_fit_are_read),
		cmocka_unit_test(blocks_of_several_sack_options_stand_in_a_row),
		cmocka_unit_test(flows_that_must_not_be_probed_are_seen_even_if_their_option_lies),
		cmocka_unit_test(no_options_make_the_parser_leave_the_header),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
