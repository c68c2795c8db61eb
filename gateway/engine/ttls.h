/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ttls: sets of TTLs as bits of a word, TTL 1 the lowest. */
#ifndef TTLS_H
#define TTLS_H

#include "inpath/limits.h"
#include "inpath/types.h"

static inline uint64_t ttl_bit(uint8_t ttl)
{
	return 1ULL << (ttl - 1);
}

static inline bool ttls_has(uint64_t ttls, uint8_t ttl)
{
	return ttls & ttl_bit(ttl);
}

/* 1 to `last`. */
static inline uint64_t ttls_up_to(uint8_t last)
{
	return last >= INPATH_MAX_HOPS ? ~0ULL : ttl_bit((uint8_t)(last + 1)) - 1;
}

static inline uint32_t ttls_count(uint64_t ttls)
{
	uint32_t count = 0;

	for (; ttls; ttls &= ttls - 1)
		count++;
	return count;
}

/* The lowest TTL of a set; 0 if it is empty. */
static inline uint8_t ttls_lowest(uint64_t ttls)
{
	for (uint8_t ttl = 1; ttl <= INPATH_MAX_HOPS; ttl++)
		if (ttls_has(ttls, ttl))
			return ttl;
	return 0;
}

/* The highest; 0 if it is empty. */
static inline uint8_t ttls_highest(uint64_t ttls)
{
	for (uint8_t ttl = INPATH_MAX_HOPS; ttl > 0; ttl--)
		if (ttls_has(ttls, ttl))
			return ttl;
	return 0;
}

#endif
