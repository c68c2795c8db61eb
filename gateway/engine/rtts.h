/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rtts: many round trip times in few bytes: least, greatest, the median of the latest RTTS_RING,
 * and the jitter of RFC 3550 section 6.4.1.
 *
 * Owns: nothing; zeroed memory is none yet. In microseconds, so that 32 bits reach for an hour.
 */
#ifndef RTTS_H
#define RTTS_H

#include "inpath/record.h"
#include "inpath/types.h"

enum {
	RTTS_RING = 15,
};

struct rtts {
	uint32_t count; /* goes no farther than UINT32_MAX */
	uint32_t least;
	uint32_t most;
	uint32_t jitter; /* times 16, as RFC 3550 A.8 keeps it */
	uint32_t latest[RTTS_RING];
};

void rtts_add(struct rtts *r, uint64_t rtt_ns);

/* What they come to; all zero if there are none. */
struct inpath_rtts rtts_told(const struct rtts *r);

#endif
