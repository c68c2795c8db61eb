/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/engine/path.h"

#include <string.h>

/* FNV-1a, 32 bits (draft-eastlake-fnv). */
#define FNV_OFFSET 2166136261U
#define FNV_PRIME  16777619U

static uint32_t fnv(uint32_t h, const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		h = (h ^ bytes[i]) * FNV_PRIME;
	return h;
}

static uint32_t fnv_hop(uint32_t h, uint8_t ttl, const struct inpath_addr *addrs, uint8_t count)
{
	h = fnv(h, &ttl, 1);
	for (uint8_t i = 0; i < count; i++)
		h = fnv(h, addrs[i].bytes, addrs[i].family == INPATH_AF_INET ? 4 : 16);
	return h;
}

/* Insertion sort: a hop has at most INPATH_HOP_ADDRS addresses. */
static void sort(struct inpath_addr *addrs, uint8_t count)
{
	for (uint8_t i = 1; i < count; i++) {
		struct inpath_addr moving = addrs[i];
		uint8_t at = i;

		for (; at > 0 && memcmp(&addrs[at - 1], &moving, sizeof(moving)) > 0; at--)
			addrs[at] = addrs[at - 1];
		addrs[at] = moving;
	}
}

void path_take(struct path *out, const struct inpath_hop *hops, uint8_t count,
	const struct inpath_addr *unplaced)
{
	bool room = true;

	out->fingerprint = FNV_OFFSET;
	out->count = 0;
	for (uint8_t i = 0; i < count; i++) {
		struct inpath_addr addrs[INPATH_HOP_ADDRS];

		if (hops[i].addr_count == 0)
			continue;
		memcpy(addrs, hops[i].addrs, sizeof(addrs));
		sort(addrs, hops[i].addr_count);
		out->fingerprint =
			fnv_hop(out->fingerprint, hops[i].ttl, addrs, hops[i].addr_count);
		/* All of a hop or nothing: a part of it might share no address with another part. */
		room = room && out->count + hops[i].addr_count <= PATH_ENTRIES;
		for (uint8_t k = 0; k < hops[i].addr_count && room; k++) {
			out->entries[out->count].ttl = hops[i].ttl;
			out->entries[out->count].addr = addrs[k];
			out->count++;
		}
	}
	if (unplaced)
		out->fingerprint = fnv_hop(out->fingerprint, 0, unplaced, 1);
}

/* The entries of `ttl` from *at on: how many; *at moves to the first one of a later TTL. */
static uint8_t entries_of(const struct path *p, uint8_t ttl, uint8_t *at)
{
	uint8_t n = 0;

	while (*at < p->count && p->entries[*at].ttl == ttl) {
		(*at)++;
		n++;
	}
	return n;
}

void path_fill(struct path *path, const struct path *later)
{
	struct path whole = { .fingerprint = path->fingerprint };
	uint8_t own = 0, its = 0;

	for (uint8_t ttl = 1; ttl <= INPATH_MAX_HOPS; ttl++) {
		uint8_t n = entries_of(path, ttl, &own), m = entries_of(later, ttl, &its);
		const struct path *from = n ? path : later;
		uint8_t at = n ? own - n : its - m, end = n ? own : its;

		if (whole.count + (end - at) > PATH_ENTRIES)
			break;
		while (at < end)
			whole.entries[whole.count++] = from->entries[at++];
	}
	*path = whole;
}

void path_merge(struct path *path, const struct path *later)
{
	struct path whole = { .fingerprint = path->fingerprint };
	uint8_t own = 0, its = 0;

	for (uint8_t ttl = 1; ttl <= INPATH_MAX_HOPS; ttl++) {
		uint8_t n = entries_of(path, ttl, &own), m = entries_of(later, ttl, &its);
		uint8_t first = whole.count;

		for (uint8_t i = 0; i < n + m; i++) {
			const struct inpath_addr *addr =
				i < n ? &path->entries[own - n + i].addr
				      : &later->entries[its - m + (i - n)].addr;
			uint8_t at = first;

			while (at < whole.count &&
				memcmp(&whole.entries[at].addr, addr, sizeof(*addr)) != 0)
				at++;
			if (at < whole.count || whole.count == PATH_ENTRIES)
				continue;
			whole.entries[whole.count].ttl = ttl;
			whole.entries[whole.count++].addr = *addr;
		}
	}
	*path = whole;
}

uint8_t path_differs(const struct path *a, const struct path *b)
{
	uint8_t ia = 0, ib = 0;

	for (uint8_t ttl = 1; ttl <= INPATH_MAX_HOPS; ttl++) {
		uint8_t na = entries_of(a, ttl, &ia), nb = entries_of(b, ttl, &ib);
		bool shared = na == 0 || nb == 0;

		for (uint8_t i = 0; i < na && !shared; i++)
			for (uint8_t k = 0; k < nb && !shared; k++)
				shared = memcmp(&a->entries[ia - 1 - i].addr,
						 &b->entries[ib - 1 - k].addr,
						 sizeof(struct inpath_addr)) == 0;
		if (!shared)
			return ttl;
	}
	return 0;
}
