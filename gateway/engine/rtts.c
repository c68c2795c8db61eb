/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/engine/rtts.h"

void rtts_add(struct rtts *r, uint64_t rtt_ns)
{
	uint64_t us = rtt_ns / INPATH_USEC;
	uint32_t rtt = us == 0 ? 1 : us > UINT32_MAX ? UINT32_MAX : (uint32_t)us;
	uint32_t before = r->latest[(r->count + RTTS_RING - 1) % RTTS_RING];

	if (r->count) {
		uint32_t d = rtt > before ? rtt - before : before - rtt;

		/* RFC 3550 A.8: J += |D| - J / 16, in sixteenths. It stays below 16 times |D|. */
		d = d > UINT32_MAX / 16 ? UINT32_MAX / 16 : d;
		r->jitter += d - ((r->jitter + 8) >> 4);
	}
	if (r->count == 0 || rtt < r->least)
		r->least = rtt;
	if (rtt > r->most)
		r->most = rtt;
	r->latest[r->count % RTTS_RING] = rtt;
	/* UINT32_MAX is a multiple of RTTS_RING: the place in the ring goes on behind it. */
	r->count += r->count < UINT32_MAX ? 1U : 1U - RTTS_RING;
}

/* Of an even number, the lower of the two in the middle. */
static uint32_t median(const struct rtts *r)
{
	uint32_t sorted[RTTS_RING] = { 0 };
	uint32_t count = r->count < RTTS_RING ? r->count : RTTS_RING;

	for (uint32_t i = 0; i < count; i++) {
		uint32_t at = i;

		for (; at > 0 && sorted[at - 1] > r->latest[i]; at--)
			sorted[at] = sorted[at - 1];
		sorted[at] = r->latest[i];
	}
	return count ? sorted[(count - 1) / 2] : 0;
}

struct inpath_rtts rtts_told(const struct rtts *r)
{
	return (struct inpath_rtts){
		.count = r->count,
		.min_ns = r->least * INPATH_USEC,
		.med_ns = median(r) * INPATH_USEC,
		.max_ns = r->most * INPATH_USEC,
		.jitter_ns = (r->jitter >> 4) * INPATH_USEC,
	};
}
