/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rtt: the least of several round trip times, in nanoseconds; 0: none yet. */
#ifndef RTT_H
#define RTT_H

#include "inpath/types.h"

/* Takes the time from `since` to `now` into account. It is never 0: that would say that there is none. */
static inline void rtt_least(uint64_t *into, inpath_time since, inpath_time now)
{
	uint64_t rtt = now > since ? now - since : 1;

	if (*into == 0 || rtt < *into)
		*into = rtt;
}

#endif
