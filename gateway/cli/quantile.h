/* SPDX-License-Identifier: GPL-2.0-or-later */
/* quantile: the middle of many values, and how far they lie from it. */
#ifndef CLI_QUANTILE_H
#define CLI_QUANTILE_H

#include <stddef.h>
#include <stdint.h>

/* The k-th smallest of `count` values, k from 0; it changes their order. */
uint32_t quantile_nth(uint32_t *values, size_t count, size_t k);

/* The median: of an even number the lower one of the two in the middle. Changes the order. 0 of none. */
uint32_t quantile_median(uint32_t *values, size_t count);

/* The median of their distances from `from` (MAD where that is their median). Overwrites them. */
uint32_t quantile_spread(uint32_t *values, size_t count, uint32_t from);

#endif
