/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * clock: the two clocks of the kernel, as the shells read them. The engine is given what they say.
 */
#ifndef IO_CLOCK_H
#define IO_CLOCK_H

#include "inpath/types.h"

#include <time.h>

static inline uint64_t clock_read(clockid_t which)
{
	struct timespec ts;

	clock_gettime(which, &ts);
	return (uint64_t)ts.tv_sec * INPATH_SEC + (uint64_t)ts.tv_nsec;
}

/* CLOCK_MONOTONIC in ns: the engine's `now`. */
static inline inpath_time clock_now(void)
{
	return clock_read(CLOCK_MONOTONIC);
}

/* Wall time in ns since 1970, UTC. */
static inline uint64_t clock_wall(void)
{
	return clock_read(CLOCK_REALTIME);
}

#endif
