/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The frames of an opened Initial. */
#include "gateway/engine/hello.h"
#include "gateway/engine/quic_frames.h"
#include "gateway/engine/quic_varint.h"
#include "tests/unit/quic_vectors.h"
#include "tests/unit/quic_wire.h"

#include <stdio.h>

enum {
	TEXT_MAX = 2048,
};

/* What frames say: "CRYPTO 0+241 CLOSE END", or "BAD". */
static const char *told(const uint8_t *bytes, size_t len)
{
	static char text[TEXT_MAX];
	uint8_t *copy = wire_exact(bytes, len);
	struct quic_frames f = quic_frames_over(copy, len);
	struct quic_crypto c, before;
	size_t at = 0;

	memset(&before, 0x5a, sizeof(before));
	for (;;) {
		enum quic_frame frame;

		memcpy(&c, &before, sizeof(c));
		frame = quic_frames_next(&f, &c);
		assert_true(at + 64 < sizeof(text));
		if (frame == QUIC_CRYPTO) {
			assert_true(c.bytes >= copy && c.bytes + c.len <= copy + len);
			assert_true(c.len > 0 && c.offset < HELLO_BYTES);
			at += (size_t)sprintf(text + at, "CRYPTO %u+%u ", c.offset, c.len);
			continue;
		}
		assert_memory_equal(&c, &before, sizeof(c));
		if (frame == QUIC_CLOSE) {
			at += (size_t)sprintf(text + at, "CLOSE ");
			continue;
		}
		sprintf(text + at, "%s%s", frame == QUIC_FRAMES_BAD ? "BAD" : "END",
			f.beyond ? " beyond" : "");
		assert_int_equal(quic_frames_next(&f, &c), frame);
		break;
	}
	wire_exact_free(copy, len);
	return text;
}

static void assert_told(const char *hex, const char *expected)
{
	uint8_t bytes[WIRE_MAX] = { 0 };

	assert_string_equal(told(bytes, wire_hex(bytes, hex)), expected);
}

static void numbers_have_one_two_four_or_eight_bytes(void **state)
{
	static const struct {
		const char *hex;
		uint64_t value;
	} numbers[] = {
		{ "c2197c5eff14e88c", UINT64_C(151288809941952652) }, /* RFC 9000 A.1 */
		{ "9d7f3e7d", 494878333 },
		{ "7bbd", 15293 },
		{ "25", 37 },
		{ "4025", 37 },
		{ "ffffffffffffffff", (UINT64_C(1) << 62) - 1 },
	};

	(void)state;
	for (unsigned int i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		uint8_t bytes[16] = { 0 };
		size_t len = wire_hex(bytes, numbers[i].hex);

		for (size_t cut = 0; cut <= len; cut++) {
			uint8_t *copy = wire_exact(bytes, cut);
			struct cursor in = cursor_over(copy, cut);
			uint64_t value = 1;

			assert_int_equal(cursor_varint(&in, &value), cut == len);
			assert_true(value == (cut == len ? numbers[i].value : 1));
			assert_int_equal(in.left, cut == len ? 0 : cut);
			wire_exact_free(copy, cut);
		}
	}
}

static void the_sample_initial_holds_one_piece(void **state)
{
	struct stream s = { .len = 0 };

	(void)state;
	put_hex(&s, rfc_crypto);
	put_fill(&s, 0, 917);
	assert_string_equal(told(s.bytes, s.len), "CRYPTO 0+241 END");
}

static void pieces_are_told_between_other_frames(void **state)
{
	(void)state;
	assert_told("", "END");
	assert_told("00 00 01 00 01", "END");
	assert_told("06 00 02 aabb", "CRYPTO 0+2 END");
	assert_told("01 06 4100 01 aa 00 00 06 03 02 bbcc 01", "CRYPTO 256+1 CRYPTO 3+2 END");
	assert_told("02 05 00 00 00 06 00 01 aa", "CRYPTO 0+1 END");
	assert_told("06 00 00 06 05 00", "END");
	assert_told("1c 00 00 00 00", "CLOSE END");
	assert_told("1c 4128 06 03 616263 06 00 01 aa", "CLOSE CRYPTO 0+1 END");
}

static void acknowledgements_are_passed_over(void **state)
{
	(void)state;
	assert_told("02 00 00 00 00", "END");
	assert_told("02 0a 4400 02 01 00 00 02 02", "END"); /* 9-10, 7, 3-5 */
	assert_told("03 0a 00 00 00 01 02 03", "END");
	assert_told("02 0a 00 01 0a 00 00", "BAD"); /* down to 0, and on */
	assert_told("02 0a 00 00 0b", "BAD");
	assert_told("02 0a 00 01 00 08 00", "END");
	assert_told("02 0a 00 01 00 09 00", "BAD");
	assert_told("02 0a 00 01 00 08 01", "BAD");
	assert_told("02 0a 00 01 00 ffffffffffffffff 00", "BAD");
	assert_told("02 0a 00 ffffffffffffffff 00 00 00", "BAD"); /* ranges that are not there */
	assert_told("03 0a 00 00 00 01 02", "BAD");
}

static void every_other_frame_is_malformed(void **state)
{
	(void)state;
	for (unsigned int type = 0; type < 256; type++) {
		uint8_t bytes[16] = { (uint8_t)type };
		bool allowed = type <= 3 || type == 6;

		assert_string_equal(told(bytes, sizeof(bytes)), type == 0x1c ? "CLOSE END"
								: allowed    ? "END"
									     : "BAD");
	}
	/* A type in more bytes than it needs (RFC 9000 12.4). */
	assert_told("4006 00 01 aa", "BAD");
	assert_told("06 00 01 aa 08", "CRYPTO 0+1 BAD");
}

static void offsets_that_lie_are_bounded(void **state)
{
	(void)state;
	assert_told("06 5fff 02 aabb", "CRYPTO 8191+2 END");
	assert_told("06 6000 02 aabb 06 00 01 cc", "CRYPTO 0+1 END beyond");
	assert_told("06 6000 00", "END");
	assert_told("06 c000000100000000 01 aa", "END beyond");
	assert_told("06 fffffffffffffffe 01 aa", "END beyond");
	assert_told("06 fffffffffffffffe 02 aabb", "BAD");
	assert_told("06 ffffffffffffffff 01 aa", "BAD");
	assert_told("06 00 02 aa", "BAD");
	assert_told("06 00 ffffffffffffffff aa", "BAD");
	assert_told("1c 00 00 02 aa", "BAD");
	assert_told("1c 00 00 ffffffffffffffff aa", "BAD");
}

static void a_cut_tells_what_is_whole(void **state)
{
	/* Each frame, and where it ends. */
	static const char *const parts[] = { "06 00 03 aabbcc", "01", "02 0a 00 01 00 08 00",
		"06 4010 02 ddee", "03 00 00 00 00 01 02 03", "1c 00 00 02 6162", "06 03 01 ff" };
	struct stream s = { .len = 0 };
	size_t ends[8] = { 0 };
	char whole[TEXT_MAX];

	(void)state;
	for (unsigned int i = 0; i < 7; i++) {
		put_hex(&s, parts[i]);
		ends[i + 1] = s.len;
	}
	strcpy(whole, told(s.bytes, s.len));
	assert_string_equal(whole, "CRYPTO 0+3 CRYPTO 16+2 CLOSE CRYPTO 3+1 END");
	for (size_t cut = 0; cut < s.len; cut++) {
		const char *text = told(s.bytes, cut);
		size_t len = strlen(text);
		bool between = false;

		for (unsigned int i = 0; i < 8; i++)
			between |= cut == ends[i];
		assert_string_equal(text + len - 3, between ? "END" : "BAD");
		assert_memory_equal(text, whole, len - 3);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_have_one_two_four_or_eight_bytes),
		cmocka_unit_test(the_sample_initial_holds_one_piece),
		cmocka_unit_test(pieces_are_told_between_other_frames),
		cmocka_unit_test(acknowledgements_are_passed_over),
		cmocka_unit_test(every_other_frame_is_malformed),
		cmocka_unit_test(offsets_that_lie_are_bounded),
		cmocka_unit_test(a_cut_tells_what_is_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
