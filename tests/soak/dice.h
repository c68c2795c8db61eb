/* SPDX-License-Identifier: GPL-2.0-or-later */
/* dice: random numbers that come again from the same seed (splitmix64). Owns nothing. */
#ifndef TESTS_SOAK_DICE_H
#define TESTS_SOAK_DICE_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

struct dice {
	uint64_t state;
};

/* A number's bits stirred: what belongs to a thing for good is drawn from its number. */
static inline uint64_t dice_stir(uint64_t x)
{
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
	return x ^ (x >> 31);
}

static inline uint64_t dice_roll(struct dice *d)
{
	d->state += 0x9e3779b97f4a7c15U;
	return dice_stir(d->state);
}

/* 0 .. n - 1; n is not 0. */
static inline uint32_t dice_below(struct dice *d, uint32_t n)
{
	return (uint32_t)(dice_roll(d) % n);
}

/* least .. most. */
static inline uint64_t dice_between(struct dice *d, uint64_t least, uint64_t most)
{
	return least + dice_roll(d) % (most - least + 1);
}

/* True in so many cases of a thousand. */
static inline bool dice_permille(struct dice *d, uint32_t n)
{
	return dice_below(d, 1000) < n;
}

/* Exponentially distributed with this mean: the time to the next of events that know of no other. */
static inline uint64_t dice_about(struct dice *d, uint64_t mean)
{
	double u = (double)((dice_roll(d) >> 11) + 1) / 9007199254740992.0;

	return (uint64_t)(-log(u) * (double)mean) + 1;
}

#endif
