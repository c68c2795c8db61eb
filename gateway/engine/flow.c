/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/engine/flow.h"

#include <string.h>

void flows_init(struct flows *f, struct arena *arena, uint32_t capacity, const struct hash_key *key)
{
	f->key = key;
	table_init(&f->table, arena, capacity);
	f->entries = arena_take(arena, capacity, sizeof(*f->entries));
}

bool addr_equal(const struct inpath_addr *a, const struct inpath_addr *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

bool tuple_equal(const struct inpath_tuple *a, const struct inpath_tuple *b)
{
	return a->client_port == b->client_port && a->server_port == b->server_port &&
	       a->proto == b->proto && addr_equal(&a->client, &b->client) &&
	       addr_equal(&a->server, &b->server);
}

/* Packed, so that no padding byte takes part. */
static uint32_t tuple_hash(const struct flows *f, const struct inpath_tuple *t)
{
	uint8_t packed[2 * sizeof(t->client.bytes) + 5];
	uint8_t *at = packed;
	size_t n = t->client.family == INPATH_AF_INET ? 4 : 16;

	memcpy(at, t->client.bytes, n);
	at += n;
	memcpy(at, t->server.bytes, n);
	at += n;
	memcpy(at, &t->client_port, 2);
	memcpy(at + 2, &t->server_port, 2);
	at[4] = t->proto;
	return (uint32_t)hash_bytes(f->key, packed, 2 * n + 5);
}

uint32_t flow_find(const struct flows *f, const struct inpath_tuple *tuple)
{
	uint32_t slot = table_first(&f->table, tuple_hash(f, tuple));

	while (slot != TABLE_NONE && !tuple_equal(&f->entries[slot].tuple, tuple))
		slot = table_next(&f->table, slot);
	return slot;
}

uint32_t flow_add(struct flows *f, const struct inpath_tuple *tuple)
{
	uint32_t slot = table_insert(&f->table, tuple_hash(f, tuple));

	if (slot != TABLE_NONE) {
		f->entries[slot] = (struct flow){ 0 };
		f->entries[slot].tuple = *tuple;
	}
	return slot;
}
