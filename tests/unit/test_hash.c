/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/engine/hash.h"

#include "tests/unit/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

/* The paper's key, bytes 00 01 ... 0f. */
static const struct hash_key KEY = { .k0 = 0x0706050403020100, .k1 = 0x0f0e0d0c0b0a0908 };

/*
 * SipHash-1-3 of the bytes 00 01 ... of each length under KEY: from a second implementation, itself
 * checked against the paper's vectors for 2-4 and another program's string hash for 1-3.
 */
static const uint64_t VECTORS[] = {
	0xabac0158050fc4dc,
	0xc9f49bf37d57ca93,
	0x82cb9b024dc7d44d,
	0x8bf80ab8e7ddf7fb,
	0xcf75576088d38328,
	0xdef9d52f49533b67,
	0xc50d2b50c59f22a7,
	0xd3927d989bb11140,
	0x369095118d299a8e,
	0x25a48eb36c063de4,
	0x79de85ee92ff097f,
	0x70c118c1f94dc352,
	0x78a384b157b4d9a2,
	0x306f760c1229ffa7,
	0x605aa111c0f95d34,
	0xd320d86d2a519956,
	0xcc4fdd1a7d908b66,
	0x9cf2689063dbd80c,
	0x8ffc389cb473e63e,
	0xf21f9de58d297d1c,
	0xc0dc2f46a6cce040,
	0xb992abfe2b45f844,
	0x7ffe7b9ba320872e,
	0x525a0e7fdae6c123,
	0xf464aeb267349c8c,
	0x45cd5928705b0979,
	0x3a3e35e3ca9913a5,
	0xa91dc74e4ade3b35,
	0xfb0bed02ef6cd00d,
	0x88d93cb44ab1e1f4,
	0x540f11d643c5e663,
	0x2370dd1f8c21d1bc,
	0x81157b6c16a7b60d,
};

static void words_hash_as_their_bytes(void **state)
{
	(void)state;
	for (size_t len = 0; len < sizeof(VECTORS) / sizeof(VECTORS[0]); len++) {
		uint64_t words[sizeof(VECTORS) / sizeof(VECTORS[0]) / 8 + 1] = { 0 };

		for (size_t i = 0; i < len; i++)
			words[i / 8] |= (uint64_t)i << 8 * (i % 8);
		words[len / 8] |= (uint64_t)len << 56;
		assert_int_equal(hash_words(&KEY, words, len / 8 + 1), VECTORS[len]);
	}
}

static void every_length_hashes_as_the_paper_says(void **state)
{
	uint8_t bytes[sizeof(VECTORS) / sizeof(VECTORS[0])];

	(void)state;
	for (size_t len = 0; len < sizeof(bytes); len++) {
		uint8_t *exact;

		bytes[len] = (uint8_t)len;
		exact = wire_exact(bytes, len);
		assert_int_equal(hash_bytes(&KEY, exact, len), VECTORS[len]);
		wire_exact_free(exact, len);
	}
}

static void alignment_does_not_matter(void **state)
{
	uint8_t bytes[8 + 23];

	(void)state;
	for (size_t shift = 0; shift < 8; shift++) {
		for (size_t i = 0; i < 23; i++)
			bytes[shift + i] = (uint8_t)i;
		assert_int_equal(hash_bytes(&KEY, bytes + shift, 23), VECTORS[23]);
	}
}

static void both_halves_of_the_key_count(void **state)
{
	struct hash_key k0 = KEY, k1 = KEY;

	(void)state;
	k0.k0 ^= 1;
	k1.k1 ^= 1;
	assert_int_not_equal(hash_bytes(&k0, "abc", 3), hash_bytes(&KEY, "abc", 3));
	assert_int_not_equal(hash_bytes(&k1, "abc", 3), hash_bytes(&KEY, "abc", 3));
}

static void tokens_are_the_wide_variant_of_a_counter(void **state)
{
	static const uint64_t expected[] = {
		0xe2b3f81d9780e3df,
		0x7c2f445a304629bd,
		0x44d4515fb260258f,
		0xaf3355947af4ccbe,
	};
	uint64_t counter = 0;

	(void)state;
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(hash_random(&KEY, &counter), expected[i]);
	assert_int_equal(counter, 4);
}

static void tokens_go_on_when_the_counter_wraps(void **state)
{
	uint64_t counter = UINT64_MAX;

	(void)state;
	assert_int_equal(hash_random(&KEY, &counter), 0x772d5bb1d8d6400b);
	assert_int_equal(counter, 0);
	assert_int_equal(hash_random(&KEY, &counter), 0xe2b3f81d9780e3df);
}

static void a_token_is_no_hash_of_its_counter(void **state)
{
	uint64_t counter = 0;
	uint8_t zeros[16] = { 0 };
	uint64_t token = hash_random(&KEY, &counter);

	(void)state;
	for (size_t len = 0; len <= sizeof(zeros); len++)
		assert_int_not_equal(hash_bytes(&KEY, zeros, len), token);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_length_hashes_as_the_paper_says),
		cmocka_unit_test(words_hash_as_their_bytes),
		cmocka_unit_test(alignment_does_not_matter),
		cmocka_unit_test(both_halves_of_the_key_count),
		cmocka_unit_test(tokens_are_the_wide_variant_of_a_counter),
		cmocka_unit_test(tokens_go_on_when_the_counter_wraps),
		cmocka_unit_test(a_token_is_no_hash_of_its_counter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
