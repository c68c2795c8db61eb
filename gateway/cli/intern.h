/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * intern: strings of bytes, each kept once and known by a number.
 *
 * Owns: all of it, until intern_free. Grows; numbers stay, pointers hold until the next string comes.
 */
#ifndef CLI_INTERN_H
#define CLI_INTERN_H

#include "gateway/engine/hash.h"

#include <stdbool.h>

enum {
	INTERN_NONE = UINT32_MAX,
};

struct intern {
	struct hash_key key;
	char *bytes; /* each string at a multiple of 4, with a NUL behind it */
	size_t used, room;
	struct intern_entry *entries;
	uint32_t count, entries_room;
	uint32_t *slots; /* open addressing; 0: free, else the number + 1 */
	uint32_t slots_size;
};

/* Empty, under a random key: what is read was written by strangers in part. */
void intern_init(struct intern *t);
void intern_free(struct intern *t);

/* The string's number, the same each time; INTERN_NONE: no memory. */
uint32_t intern_put(struct intern *t, const void *bytes, size_t len);

/* Its bytes, aligned to 4, with a NUL behind them that `*len` (may be NULL) does not count. */
const void *intern_get(const struct intern *t, uint32_t number, size_t *len);

#endif
