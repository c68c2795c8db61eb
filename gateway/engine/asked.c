/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/engine/asked.h"

#include <string.h>

enum {
	LEAST = 64, /* questions, however few names are kept */
};

void asked_init(struct asked *a, struct arena *arena, uint32_t names, const struct hash_key *key)
{
	uint32_t count = names / 8 > LEAST ? names / 8 : LEAST;

	a->key = key;
	a->buckets = count / ASKED_WAYS;
	a->questions = arena_take(arena, (size_t)a->buckets * ASKED_WAYS, sizeof(*a->questions));
}

static uint64_t what_of(const struct asked *a, const struct inpath_addr *client, uint16_t port,
	const struct dns_message *m)
{
	uint8_t packed[sizeof(*client) + 4 + INPATH_HOST_MAX];
	size_t len = strnlen(m->name, INPATH_HOST_MAX);
	uint64_t hash;

	memcpy(packed, client, sizeof(*client));
	memcpy(packed + sizeof(*client), &port, 2);
	memcpy(packed + sizeof(*client) + 2, &m->id, 2);
	memcpy(packed + sizeof(*client) + 4, m->name, len);
	hash = hash_bytes(a->key, packed, sizeof(*client) + 4 + len);
	return hash ? hash : 1;
}

static uint64_t whom_of(const struct asked *a, const struct inpath_addr *resolver)
{
	return hash_bytes(a->key, resolver, sizeof(*resolver));
}

static struct asked_question *bucket_of(const struct asked *a, uint64_t what)
{
	return &a->questions[what % a->buckets * ASKED_WAYS];
}

void asked_note(struct asked *a, const struct inpath_addr *client, uint16_t port,
	const struct inpath_addr *resolver, const struct dns_message *question, inpath_time now)
{
	struct asked_question q = { what_of(a, client, port, question), whom_of(a, resolver), now };
	struct asked_question *bucket = bucket_of(a, q.what), *place = bucket;

	for (int i = 0; i < ASKED_WAYS; i++) {
		if (bucket[i].what == q.what && bucket[i].whom == q.whom) {
			place = &bucket[i];
			break;
		}
		if (bucket[i].at < place->at)
			place = &bucket[i];
	}
	*place = q;
}

bool asked_was(const struct asked *a, const struct inpath_addr *client, uint16_t port,
	const struct inpath_addr *resolver, const struct dns_message *answer, bool local,
	inpath_time now)
{
	uint64_t what = what_of(a, client, port, answer), whom = whom_of(a, resolver);
	const struct asked_question *bucket = bucket_of(a, what);

	for (int i = 0; i < ASKED_WAYS; i++)
		if (bucket[i].what == what && (local || bucket[i].whom == whom) &&
			now < bucket[i].at + ASKED_MEMORY)
			return true;
	return false;
}
