/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/engine/flow.h"

#include <string.h>

enum {
	LARGE = 4096, /* flows: the table's links are in no cache */
	SPARED = 8,   /* flows that flow_idlest passes over */
};

/* In a large table a packet moves its flow's place in the order no more often: that touches three entries' links. */
#define PLACE_LASTS INPATH_SEC

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
	uint32_t hash = tuple_hash(f, tuple), slot = flow_fetch(f, hash);

	/* Nearly always it is the first one: then the table's links are not touched. */
	if (slot != TABLE_NONE && tuple_equal(&f->entries[slot].tuple, tuple))
		return slot;
	slot = table_first(&f->table, hash);
	while (slot != TABLE_NONE && !tuple_equal(&f->entries[slot].tuple, tuple))
		slot = table_next(&f->table, slot);
	return slot;
}

uint32_t flow_foresee(const struct flows *f, const struct inpath_tuple *tuple)
{
	uint32_t hash = tuple_hash(f, tuple);

	fetch(table_group(&f->table, hash), TABLE_WAYS * sizeof(*f->table.index));
	return hash;
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

void flow_touch(struct flows *f, uint32_t slot, inpath_time now)
{
	struct flow *flow = &f->entries[slot];

	if (f->table.capacity >= LARGE && now < flow->placed + PLACE_LASTS)
		return;
	flow->placed = now;
	table_touch(&f->table, slot);
}

/* One that was seen since it got its place gets another: of the many that a flood brings, none was. */
uint32_t flow_idlest(struct flows *f)
{
	for (int i = 0; i < SPARED; i++) {
		uint32_t slot = table_oldest(&f->table);
		struct flow *flow = &f->entries[slot];

		if (flow->seen <= flow->placed)
			return slot;
		flow->placed = flow->seen;
		table_touch(&f->table, slot);
	}
	return table_oldest(&f->table);
}
