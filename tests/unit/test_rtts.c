/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Round trip times in few bytes. */
#include "gateway/engine/rtts.h"
#include "tests/unit/stages.h"

static void none_are_nothing(void **state)
{
	const struct rtts r = { 0 };
	struct inpath_rtts told = rtts_told(&r);

	(void)state;
	assert_int_equal(told.count, 0);
	assert_int_equal(told.min_ns | told.med_ns | told.max_ns | told.jitter_ns, 0);
}

static void the_median_is_of_the_latest_fifteen(void **state)
{
	struct rtts r = { 0 };

	(void)state;
	rtts_add(&r, 5 * INPATH_MSEC);
	rtts_add(&r, 1 * INPATH_MSEC);
	/* Of two, the lower. */
	assert_int_equal(rtts_told(&r).med_ns, 1 * INPATH_MSEC);
	rtts_add(&r, 3 * INPATH_MSEC);
	assert_int_equal(rtts_told(&r).med_ns, 3 * INPATH_MSEC);
	for (int i = 0; i < 15; i++)
		rtts_add(&r, 100 * INPATH_MSEC);
	assert_int_equal(rtts_told(&r).med_ns, 100 * INPATH_MSEC);
	assert_int_equal(rtts_told(&r).min_ns, 1 * INPATH_MSEC);
	assert_int_equal(rtts_told(&r).max_ns, 100 * INPATH_MSEC);
	assert_int_equal(rtts_told(&r).count, 18);
}

/* Against RFC 3550 section 6.4.1 as it stands, J += (|D| - J) / 16, in floating point. */
static void jitter_is_that_of_rfc_3550(void **state)
{
	struct rtts r = { 0 };
	double jitter = 0, before = 0;
	uint32_t dice = 1;

	(void)state;
	for (int i = 0; i < 2000; i++) {
		double rtt;

		dice = dice * 1664525 + 1013904223;
		rtt = (double)(10000 + dice % 20000);
		rtts_add(&r, (uint64_t)rtt * INPATH_USEC);
		if (i) {
			double d = rtt > before ? rtt - before : before - rtt;

			jitter += (d - jitter) / 16;
		}
		before = rtt;
		assert_true((double)rtts_told(&r).jitter_ns < jitter * 1000 + 2000);
		assert_true((double)rtts_told(&r).jitter_ns > jitter * 1000 - 2000);
	}
}

static void the_greatest_and_the_least_numbers_are_borne(void **state)
{
	struct rtts r = { 0 };

	(void)state;
	for (int i = 0; i < 1000; i++) {
		rtts_add(&r, 0);
		rtts_add(&r, UINT64_MAX);
	}
	assert_int_equal(rtts_told(&r).min_ns, INPATH_USEC);
	assert_int_equal(rtts_told(&r).max_ns, UINT32_MAX * INPATH_USEC);
	assert_true(rtts_told(&r).jitter_ns <= UINT32_MAX / 16 * INPATH_USEC);
	r.count = UINT32_MAX - 1;
	for (int i = 0; i < 40; i++)
		rtts_add(&r, INPATH_MSEC);
	assert_true(r.count > RTTS_RING);
	assert_int_equal(rtts_told(&r).med_ns, INPATH_MSEC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(none_are_nothing),
		cmocka_unit_test(the_median_is_of_the_latest_fifteen),
		cmocka_unit_test(jitter_is_that_of_rfc_3550),
		cmocka_unit_test(the_greatest_and_the_least_numbers_are_borne),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
