/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/engine/client.h"

#include <string.h>

enum {
	FLOWS_A_CLIENT = 16,
	CAPACITY_MIN = 64,
	CAPACITY_MAX = 4096,
};

uint32_t client_capacity(uint32_t flows)
{
	uint32_t n = flows / FLOWS_A_CLIENT;

	return n < CAPACITY_MIN ? CAPACITY_MIN : n > CAPACITY_MAX ? CAPACITY_MAX : n;
}

void clients_init(
	struct clients *c, struct arena *arena, uint32_t capacity, const struct hash_key *key)
{
	*c = (struct clients){ .key = key };
	table_init(&c->table, arena, capacity);
	c->entries = arena_take(arena, capacity, sizeof(*c->entries));
}

static uint32_t addr_hash(const struct clients *c, const struct inpath_addr *addr)
{
	return (uint32_t)hash_bytes(c->key, addr, sizeof(*addr));
}

static uint32_t slot_find(const struct clients *c, uint32_t hash, const struct inpath_addr *addr)
{
	uint32_t slot = table_first(&c->table, hash);

	while (slot != TABLE_NONE && memcmp(&c->entries[slot].addr, addr, sizeof(*addr)) != 0)
		slot = table_next(&c->table, slot);
	return slot;
}

static void evict(struct clients *c, inpath_time now)
{
	uint32_t oldest = table_oldest(&c->table);

	if (window_is_used(&c->entries[oldest].window, now))
		c->forgotten = now;
	table_remove(&c->table, oldest);
}

struct client *client_get(struct clients *c, const struct inpath_addr *addr, inpath_time now)
{
	uint32_t hash = addr_hash(c, addr);
	uint32_t slot = slot_find(c, hash, addr);

	if (slot != TABLE_NONE) {
		table_touch(&c->table, slot);
		return &c->entries[slot];
	}
	if (c->table.count == c->table.capacity)
		evict(c, now);
	slot = table_insert(&c->table, hash);
	c->entries[slot] = (struct client){ .addr = *addr, .born = ++c->births };
	if (c->forgotten)
		c->entries[slot].not_before = c->forgotten + WINDOW_SLOTS * WINDOW_SLOT;
	return &c->entries[slot];
}

struct window *client_window(const struct clients *c, uint32_t slot, uint32_t born)
{
	return c->entries[slot].born == born ? &c->entries[slot].window : NULL;
}

const struct client *client_find(const struct clients *c, const struct inpath_addr *addr)
{
	uint32_t slot = slot_find(c, addr_hash(c, addr), addr);

	return slot == TABLE_NONE ? NULL : &c->entries[slot];
}

static bool same_device(const struct client *a, const struct client *b)
{
	return a->has_mac && b->has_mac && memcmp(&a->mac, &b->mac, sizeof(a->mac)) == 0;
}

/* One name for all addresses of the device behind `self`: given to or taken from the others. */
static void name_spread(struct clients *c, struct client *self)
{
	uint32_t slot = c->table.newest;

	for (; slot != TABLE_NONE; slot = c->table.links[slot].older) {
		struct client *other = &c->entries[slot];

		if (other == self || !same_device(self, other))
			continue;
		if (!other->name[0])
			memcpy(other->name, self->name, sizeof(other->name));
		else if (!self->name[0])
			memcpy(self->name, other->name, sizeof(self->name));
	}
}

/* Cut at INPATH_LABEL_MAX; true if that changed it. */
static bool name_set(struct client *e, const char *name)
{
	size_t len = 0;

	while (len < INPATH_LABEL_MAX && name[len])
		len++;
	if (strlen(e->name) == len && memcmp(e->name, name, len) == 0)
		return false;
	memcpy(e->name, name, len);
	e->name[len] = '\0';
	return true;
}

void client_learn(struct clients *c, const struct inpath_addr *addr, const struct inpath_mac *mac,
	const char *name, inpath_time now)
{
	struct client *e = client_get(c, addr, now);
	bool news = false;

	if (mac && (!e->has_mac || memcmp(&e->mac, mac, sizeof(*mac)) != 0)) {
		e->has_mac = true;
		e->mac = *mac;
		news = true;
	}
	if (name && name_set(e, name))
		news = true;
	/* Hardware addresses come with every packet: walk over all devices only for news. */
	if (news && e->has_mac)
		name_spread(c, e);
}

struct name_device client_device(const struct clients *c, const struct inpath_addr *addr)
{
	const struct client *e = client_find(c, addr);

	if (!e || !e->has_mac)
		return (struct name_device){ .addr = *addr };
	return (struct name_device){ .has_mac = true, .mac = e->mac, .addr = *addr };
}
