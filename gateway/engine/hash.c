/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/engine/hash.h"

struct sip {
	uint64_t v0;
	uint64_t v1;
	uint64_t v2;
	uint64_t v3;
};

static inline uint64_t rotl(uint64_t x, unsigned int n)
{
	return x << n | x >> (64 - n);
}

static inline void sip_round(struct sip *s)
{
	s->v0 += s->v1;
	s->v1 = rotl(s->v1, 13) ^ s->v0;
	s->v0 = rotl(s->v0, 32);
	s->v2 += s->v3;
	s->v3 = rotl(s->v3, 16) ^ s->v2;
	s->v0 += s->v3;
	s->v3 = rotl(s->v3, 21) ^ s->v0;
	s->v2 += s->v1;
	s->v1 = rotl(s->v1, 17) ^ s->v2;
	s->v2 = rotl(s->v2, 32);
}

static inline struct sip sip_begin(const struct hash_key *key)
{
	return (struct sip){
		.v0 = key->k0 ^ 0x736f6d6570736575,
		.v1 = key->k1 ^ 0x646f72616e646f6d,
		.v2 = key->k0 ^ 0x6c7967656e657261,
		.v3 = key->k1 ^ 0x7465646279746573,
	};
}

static inline void sip_word(struct sip *s, uint64_t word)
{
	s->v3 ^= word;
	sip_round(s);
	s->v0 ^= word;
}

static inline uint64_t sip_end(struct sip *s, uint64_t mark)
{
	s->v2 ^= mark;
	sip_round(s);
	sip_round(s);
	sip_round(s);
	return s->v0 ^ s->v1 ^ s->v2 ^ s->v3;
}

static inline uint64_t word_at(const uint8_t *at)
{
	return (uint64_t)at[0] | (uint64_t)at[1] << 8 | (uint64_t)at[2] << 16 |
	       (uint64_t)at[3] << 24 | (uint64_t)at[4] << 32 | (uint64_t)at[5] << 40 |
	       (uint64_t)at[6] << 48 | (uint64_t)at[7] << 56;
}

uint64_t hash_words(const struct hash_key *key, const uint64_t *words, size_t count)
{
	struct sip s = sip_begin(key);

	for (size_t i = 0; i < count; i++)
		sip_word(&s, words[i]);
	return sip_end(&s, 0xff);
}

uint64_t hash_bytes(const struct hash_key *key, const void *bytes, size_t len)
{
	const uint8_t *at = bytes;
	struct sip s = sip_begin(key);
	uint64_t last = (uint64_t)len << 56;

	for (; len >= 8; at += 8, len -= 8)
		sip_word(&s, word_at(at));
	for (size_t i = 0; i < len; i++)
		last |= (uint64_t)at[i] << 8 * i;
	sip_word(&s, last);
	return sip_end(&s, 0xff);
}

/*
 * The first half of SipHash-1-3-128 of the counter's 8 bytes: the marks 0xee, which set the
 * 128-bit variant apart, keep the tokens apart from every hash under the same key.
 */
uint64_t hash_random(const struct hash_key *key, uint64_t *counter)
{
	struct sip s = sip_begin(key);

	s.v1 ^= 0xee;
	sip_word(&s, (*counter)++);
	sip_word(&s, (uint64_t)8 << 56);
	return sip_end(&s, 0xee);
}
