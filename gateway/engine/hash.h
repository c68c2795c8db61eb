/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hash: SipHash-1-3 (Aumasson, Bernstein: "SipHash: a fast short-input PRF", 2012) under the
 * engine's random key, so that a stranger cannot choose flows that collide; and a generator of
 * unpredictable tokens.
 */
#ifndef HASH_H
#define HASH_H

#include <stddef.h>
#include <stdint.h>

struct hash_key {
	uint64_t k0;
	uint64_t k1;
};

uint64_t hash_bytes(const struct hash_key *key, const void *bytes, size_t len);

/*
 * The same of bytes that stand in words already, the first in the lowest bits. The last word has fewer than 8 of them and, in
 * its highest 8 bits, their number or whatever else tells apart what may be hashed under this key.
 */
uint64_t hash_words(const struct hash_key *key, const uint64_t *words, size_t count);

/* The next of a sequence of 64-bit numbers that cannot be told from random without the key. */
uint64_t hash_random(const struct hash_key *key, uint64_t *counter);

#endif
