/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * name: host names, and what each device was told that a server's address is called.
 *
 * Two fixed tables of `limits.names` entries each: texts (each host name once, counted by its
 * holders) and mappings (device, server address -> text). A mapping belongs to a device: to its
 * hardware address if known, else to the client's address.
 *
 * Owns:   the texts. A name_ref is valid while its holder holds it.
 * Full:   the longest unused mapping is evicted; a text that nobody holds goes first. Counted.
 * Time:   `now` is given; a mapping ends NAME_TTL_FLOOR after its answer at the earliest, because
 *         clients use addresses beyond their TTL, and later if it is used meanwhile.
 */
#ifndef NAME_H
#define NAME_H

#include "gateway/engine/arena.h"
#include "gateway/engine/hash.h"
#include "gateway/engine/table.h"
#include "inpath/limits.h"
#include "inpath/stats.h"
#include "inpath/types.h"

#define NAME_TTL_FLOOR (300 * INPATH_SEC)
#define NAME_TTL_CEIL  (86400 * INPATH_SEC)

/* A host name: a slot of the table of texts plus one; 0 is no name. */
typedef uint32_t name_ref;

/* Whose mapping it is. `mac` counts if has_mac, else the address. */
struct name_device {
	bool has_mac;
	struct inpath_mac mac;
	struct inpath_addr addr;
};

struct name_text {
	uint32_t holders;
	uint8_t len;
	char text[INPATH_HOST_MAX + 1];
};

struct name_mapping {
	struct inpath_addr server;
	struct name_device device;
	name_ref host;
	inpath_time expires;
};

struct names {
	const struct hash_key *key;
	struct inpath_stats *stats; /* names_evicted, names_full */
	struct table text_table;
	struct name_text *texts;
	struct table mapping_table; /* hashed by server address alone */
	struct name_mapping *mappings;
	uint32_t heard_count;
	uint32_t *heard; /* hashes of the names that DNS told, each in its place */
};

void names_init(struct names *n, struct arena *arena, uint32_t capacity, const struct hash_key *key,
	struct inpath_stats *stats);

/*
 * The reference of `text` (NUL-terminated, at most INPATH_HOST_MAX), held once more for the
 * caller; 0 if there is no room or the text is empty.
 */
name_ref name_hold(struct names *n, const char *text);

/* Holds a reference once more; 0 stays 0. */
name_ref name_share(struct names *n, name_ref ref);

/* Gives a hold back; 0 is allowed. */
void name_release(struct names *n, name_ref ref);

/*
 * Did an answer of DNS name this host, as far as is remembered? Names that were heard longer ago may
 * be forgotten: each takes the place of another.
 */
bool name_was_heard(const struct names *n, const char *text);

/* The text, valid while held; "" for 0. */
const char *name_text(const struct names *n, name_ref ref);

/* The device was told that `host` is at `server`: newest answer wins. `ttl_s` as in the answer. */
void name_learn(struct names *n, const struct name_device *device, const struct inpath_addr *server,
	const char *host, uint32_t ttl_s, inpath_time now);

/*
 * What `device` calls `server`, held for the caller, or 0. A mapping of the device's hardware
 * address is preferred, then of its address; if there is none, the name that all live mappings of
 * that server agree on. A server has at most NAME_CHAIN mappings: one more evicts that which would
 * end first. Only the device's own use makes a mapping live on.
 */
name_ref name_find(struct names *n, const struct name_device *device,
	const struct inpath_addr *server, inpath_time now);

enum {
	NAME_CHAIN = 64,
};

#endif
