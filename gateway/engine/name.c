/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/engine/name.h"

#include <string.h>

enum {
	REAP = 4, /* ended mappings given back with each answer */
};

void names_init(struct names *n, struct arena *arena, uint32_t capacity, const struct hash_key *key,
	struct inpath_stats *stats)
{
	*n = (struct names){ .key = key, .stats = stats };
	table_init(&n->text_table, arena, capacity);
	n->texts = arena_take(arena, capacity, sizeof(*n->texts));
	table_init(&n->mapping_table, arena, capacity);
	n->mappings = arena_take(arena, capacity, sizeof(*n->mappings));
	n->heard = arena_take(arena, capacity, sizeof(*n->heard));
	n->heard_count = capacity;
}

static bool addr_equal(const struct inpath_addr *a, const struct inpath_addr *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

static bool device_equal(const struct name_device *a, const struct name_device *b)
{
	if (a->has_mac != b->has_mac)
		return false;
	if (a->has_mac)
		return memcmp(&a->mac, &b->mac, sizeof(a->mac)) == 0;
	return addr_equal(&a->addr, &b->addr);
}

static uint32_t server_hash(const struct names *n, const struct inpath_addr *server)
{
	return (uint32_t)hash_bytes(n->key, server, sizeof(*server));
}

name_ref name_share(struct names *n, name_ref ref)
{
	if (ref)
		n->texts[ref - 1].holders++;
	return ref;
}

/* A text that nobody holds is given back at once: the table holds no others. */
void name_release(struct names *n, name_ref ref)
{
	if (ref && --n->texts[ref - 1].holders == 0)
		table_remove(&n->text_table, ref - 1);
}

const char *name_text(const struct names *n, name_ref ref)
{
	return ref ? n->texts[ref - 1].text : "";
}

static void mapping_remove(struct names *n, uint32_t slot)
{
	name_release(n, n->mappings[slot].host);
	table_remove(&n->mapping_table, slot);
}

static void mapping_evict(struct names *n, uint32_t slot)
{
	mapping_remove(n, slot);
	n->stats->names_evicted++;
}

static uint32_t text_find(const struct names *n, uint32_t hash, const char *text, size_t len)
{
	uint32_t slot = table_first(&n->text_table, hash);

	while (slot != TABLE_NONE &&
		(n->texts[slot].len != len || memcmp(n->texts[slot].text, text, len) != 0))
		slot = table_next(&n->text_table, slot);
	return slot;
}

/*
 * A slot for a new text. Where all are held, the longest unused mappings give theirs up: several
 * may have to go, because the addresses of one answer share a text.
 */
static uint32_t text_insert(struct names *n, uint32_t hash)
{
	uint32_t slot = table_insert(&n->text_table, hash);

	for (int i = 0; slot == TABLE_NONE && i < NAME_CHAIN; i++) {
		uint32_t oldest = table_oldest(&n->mapping_table);

		if (oldest == TABLE_NONE)
			break;
		mapping_evict(n, oldest);
		slot = table_insert(&n->text_table, hash);
	}
	return slot;
}

name_ref name_hold(struct names *n, const char *text)
{
	size_t len = strlen(text);
	uint32_t hash, slot;

	if (len == 0 || len > INPATH_HOST_MAX)
		return 0;
	hash = (uint32_t)hash_bytes(n->key, text, len);
	slot = text_find(n, hash, text, len);
	if (slot == TABLE_NONE) {
		slot = text_insert(n, hash);
		if (slot == TABLE_NONE) {
			n->stats->names_full++;
			return 0;
		}
		n->texts[slot].holders = 0;
		n->texts[slot].len = (uint8_t)len;
		memcpy(n->texts[slot].text, text, len + 1);
	}
	return name_share(n, slot + 1);
}

/* Never 0, which is what an unused place holds. */
static uint32_t heard_hash(const struct names *n, const char *text)
{
	return (uint32_t)hash_bytes(n->key, text, strlen(text)) | 1;
}

bool name_was_heard(const struct names *n, const char *text)
{
	uint32_t hash = heard_hash(n, text);

	return n->heard[(hash >> 1) % n->heard_count] == hash;
}

/* A walk over the live mappings of one server; those that have ended are removed on the way. */
struct walk {
	const struct inpath_addr *server;
	inpath_time now;
	uint32_t next;
};

static struct walk walk_start(
	const struct names *n, const struct inpath_addr *server, inpath_time now)
{
	return (struct walk){
		.server = server,
		.now = now,
		.next = table_first(&n->mapping_table, server_hash(n, server)),
	};
}

static uint32_t walk_step(struct names *n, struct walk *w)
{
	while (w->next != TABLE_NONE) {
		uint32_t slot = w->next;

		w->next = table_next(&n->mapping_table, slot);
		if (!addr_equal(&n->mappings[slot].server, w->server))
			continue;
		if (n->mappings[slot].expires > w->now)
			return slot;
		mapping_remove(n, slot);
	}
	return TABLE_NONE;
}

/* What is known of a server's mappings: the device's own one, and which could go for it. */
struct chain {
	uint32_t own;
	uint32_t count; /* the others */
	uint32_t first_to_end;
};

static struct chain chain_look(struct names *n, const struct name_device *device,
	const struct inpath_addr *server, inpath_time now)
{
	struct chain c = { .own = TABLE_NONE, .first_to_end = TABLE_NONE };
	struct walk w = walk_start(n, server, now);
	uint32_t slot;

	while ((slot = walk_step(n, &w)) != TABLE_NONE) {
		const struct name_mapping *m = &n->mappings[slot];

		if (device_equal(&m->device, device)) {
			c.own = slot;
			break;
		}
		c.count++;
		if (c.first_to_end == TABLE_NONE ||
			m->expires < n->mappings[c.first_to_end].expires)
			c.first_to_end = slot;
	}
	return c;
}

/* A slot whose host is 0. No server has more than NAME_CHAIN mappings, so a walk stays short. */
static uint32_t mapping_insert(
	struct names *n, const struct chain *c, const struct inpath_addr *server)
{
	uint32_t slot;

	if (c->count >= NAME_CHAIN)
		mapping_evict(n, c->first_to_end);
	else if (n->mapping_table.count == n->mapping_table.capacity)
		mapping_evict(n, table_oldest(&n->mapping_table));
	slot = table_insert(&n->mapping_table, server_hash(n, server));
	n->mappings[slot].server = *server;
	n->mappings[slot].host = 0;
	return slot;
}

/* Ended mappings are found when somebody asks for them; these nobody asked for. */
static void reap(struct names *n, inpath_time now)
{
	for (int i = 0; i < REAP; i++) {
		uint32_t slot = table_oldest(&n->mapping_table);

		if (slot == TABLE_NONE || n->mappings[slot].expires > now)
			return;
		mapping_remove(n, slot);
	}
}

static inpath_time ttl_clamp(uint32_t ttl_s)
{
	inpath_time ttl = ttl_s * INPATH_SEC;

	return ttl < NAME_TTL_FLOOR ? NAME_TTL_FLOOR : ttl > NAME_TTL_CEIL ? NAME_TTL_CEIL : ttl;
}

void name_learn(struct names *n, const struct name_device *device, const struct inpath_addr *server,
	const char *host, uint32_t ttl_s, inpath_time now)
{
	struct name_mapping *m;
	struct chain chain;
	name_ref ref;
	uint32_t hash = heard_hash(n, host);

	n->heard[(hash >> 1) % n->heard_count] = hash;
	reap(n, now);
	/* First, because it may evict the very mapping that is about to change. */
	ref = name_hold(n, host);
	chain = chain_look(n, device, server, now);
	if (!ref) {
		/* Without room for the new name the old one is no longer true either. */
		if (chain.own != TABLE_NONE)
			mapping_remove(n, chain.own);
		return;
	}
	if (chain.own == TABLE_NONE)
		chain.own = mapping_insert(n, &chain, server);
	m = &n->mappings[chain.own];
	name_release(n, m->host);
	m->host = ref;
	m->device = *device;
	m->expires = now + ttl_clamp(ttl_s);
	table_touch(&n->mapping_table, chain.own);
}

name_ref name_find(struct names *n, const struct name_device *device,
	const struct inpath_addr *server, inpath_time now)
{
	const struct name_device by_addr = { .addr = device->addr };
	struct walk w = walk_start(n, server, now);
	uint32_t own = TABLE_NONE;
	name_ref agreed = 0;
	bool disputed = false;
	uint32_t slot;

	while ((slot = walk_step(n, &w)) != TABLE_NONE) {
		const struct name_mapping *m = &n->mappings[slot];

		if (device_equal(&m->device, device)) {
			own = slot;
			break;
		}
		if (device_equal(&m->device, &by_addr))
			own = slot;
		disputed = disputed || (agreed && agreed != m->host);
		agreed = m->host;
	}
	if (own == TABLE_NONE)
		return disputed ? 0 : name_share(n, agreed);

	/* In use, so it lives on: clients use addresses beyond their TTL. */
	if (n->mappings[own].expires < now + NAME_TTL_FLOOR)
		n->mappings[own].expires = now + NAME_TTL_FLOOR;
	table_touch(&n->mapping_table, own);
	return name_share(n, n->mappings[own].host);
}
