/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fetch: memory that will be needed soon is asked for early, all of it at once: waiting for one cache line after
 * the other is what a packet costs where a table is larger than the caches. Owns nothing; changes nothing.
 */
#ifndef FETCH_H
#define FETCH_H

#include <stddef.h>
#include <stdint.h>

/* gcc leaves out calls of a function that only prefetches, as one without effect: so it must not be called. */
#define FETCH_INLINE static inline __attribute__((always_inline))

enum {
	FETCH_LINE = 64,
};

FETCH_INLINE void fetch(const void *at, size_t bytes)
{
	const uint8_t *byte = at;

	for (size_t i = 0; i < bytes; i += FETCH_LINE)
		__builtin_prefetch(byte + i, 1);
	/* It need not begin at a line's start. */
	__builtin_prefetch(byte + bytes - 1, 1);
}

#endif
