/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/cli/intern.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum {
	SLOTS_FIRST = 1024,
	ALIGN = 4,
};

struct intern_entry {
	size_t at;
	uint32_t len;
	uint32_t hash;
};

void intern_init(struct intern *t)
{
	*t = (struct intern){ 0 };
	/* Without randomness it works the same, only not against those who would slow it down. */
	if (getrandom(&t->key, sizeof(t->key), GRND_NONBLOCK) != (ssize_t)sizeof(t->key))
		t->key = (struct hash_key){ 1, 2 };
}

void intern_free(struct intern *t)
{
	free(t->bytes);
	free(t->entries);
	free(t->slots);
	*t = (struct intern){ 0 };
}

static uint32_t *slot_of(const struct intern *t, uint32_t hash, const void *bytes, size_t len)
{
	uint32_t at = hash & (t->slots_size - 1);

	for (;; at = (at + 1) & (t->slots_size - 1)) {
		const struct intern_entry *e;

		if (t->slots[at] == 0)
			return &t->slots[at];
		e = &t->entries[t->slots[at] - 1];
		if (e->hash == hash && e->len == len &&
			(len == 0 || memcmp(t->bytes + e->at, bytes, len) == 0))
			return &t->slots[at];
	}
}

/* Keeps at least half of the slots free. */
static bool grow_slots(struct intern *t)
{
	uint32_t size = t->slots_size ? t->slots_size * 2 : SLOTS_FIRST;
	uint32_t *slots;

	if (t->count < t->slots_size / 2)
		return true;
	slots = size > t->slots_size ? calloc(size, sizeof(*slots)) : NULL;
	if (!slots)
		return false;
	for (uint32_t i = 0; i < t->count; i++) {
		uint32_t at = t->entries[i].hash & (size - 1);

		while (slots[at])
			at = (at + 1) & (size - 1);
		slots[at] = i + 1;
	}
	free(t->slots);
	t->slots = slots;
	t->slots_size = size;
	return true;
}

static bool grow_entries(struct intern *t)
{
	uint32_t room = t->entries_room ? t->entries_room * 2 : SLOTS_FIRST / 2;
	struct intern_entry *entries;

	if (t->count < t->entries_room)
		return true;
	entries = room > t->entries_room ? realloc(t->entries, room * sizeof(*entries)) : NULL;
	if (!entries)
		return false;
	t->entries = entries;
	t->entries_room = room;
	return true;
}

static bool grow_bytes(struct intern *t, size_t more)
{
	size_t room = t->room ? t->room : 65536;
	char *bytes;

	while (room - t->used < more)
		room *= 2;
	if (room == t->room)
		return true;
	bytes = realloc(t->bytes, room);
	if (!bytes)
		return false;
	t->bytes = bytes;
	t->room = room;
	return true;
}

uint32_t intern_put(struct intern *t, const void *bytes, size_t len)
{
	uint32_t hash = (uint32_t)hash_bytes(&t->key, bytes, len);
	size_t padded = (len + ALIGN) / ALIGN * ALIGN;
	uint32_t *slot;

	if (len >= UINT32_MAX || !grow_slots(t) || !grow_entries(t) || !grow_bytes(t, padded))
		return INTERN_NONE;
	slot = slot_of(t, hash, bytes, len);
	if (*slot)
		return *slot - 1;
	memcpy(t->bytes + t->used, bytes, len);
	memset(t->bytes + t->used + len, 0, padded - len);
	t->entries[t->count] = (struct intern_entry){ t->used, (uint32_t)len, hash };
	t->used += padded;
	*slot = ++t->count;
	return t->count - 1;
}

const void *intern_get(const struct intern *t, uint32_t number, size_t *len)
{
	const struct intern_entry *e = &t->entries[number];

	if (len)
		*len = e->len;
	return t->bytes + e->at;
}
