/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * client: the LAN's devices by address: hardware address, name, and each one's share of the budget.
 *
 * Owns:   a fixed table of entries (see client_capacity); full means that the longest unseen goes.
 * Time:   `now` is given.
 */
#ifndef CLIENT_H
#define CLIENT_H

#include "gateway/engine/arena.h"
#include "gateway/engine/budget.h"
#include "gateway/engine/hash.h"
#include "gateway/engine/name.h"
#include "gateway/engine/table.h"
#include "inpath/types.h"

struct client {
	struct inpath_addr addr;
	bool has_mac;
	struct inpath_mac mac;
	char name[INPATH_LABEL_MAX + 1]; /* "" if unknown */
	uint32_t born;                   /* no two entries have the same number */
	inpath_time not_before;          /* no probe earlier than this */
	struct window window;            /* probes in its flows */
};

struct clients {
	const struct hash_key *key;
	struct table table;
	struct client *entries;
	uint32_t births;
	inpath_time forgotten; /* when one that had spent in the last second was let go; 0: never */
};

/* A household has far fewer devices than flows: a sixteenth of `flows`, 64 to 4096. */
uint32_t client_capacity(uint32_t flows);

void clients_init(
	struct clients *c, struct arena *arena, uint32_t capacity, const struct hash_key *key);

/*
 * The entry of `addr`, made if there is none; it becomes the newest. Never NULL. Valid until the
 * next client_get. It may have been here before: so, where one had to go that had spent in the last
 * second, new ones wait until that second is over.
 */
struct client *client_get(struct clients *c, const struct inpath_addr *addr, inpath_time now);

/* The window of the entry `slot` if it is still the one that was `born` so, or NULL. */
struct window *client_window(const struct clients *c, uint32_t slot, uint32_t born);

/* The entry of `addr` as it is, or NULL. */
const struct client *client_find(const struct clients *c, const struct inpath_addr *addr);

/*
 * Learns a device: what is NULL is left as it was. A device's name is also given to its other
 * addresses (same hardware address) that are known and have none, when `name` comes, and taken
 * from them when a new address with a known hardware address comes.
 */
void client_learn(struct clients *c, const struct inpath_addr *addr, const struct inpath_mac *mac,
	const char *name, inpath_time now);

/* The device behind an address, as names are kept for it. */
struct name_device client_device(const struct clients *c, const struct inpath_addr *addr);

#endif
