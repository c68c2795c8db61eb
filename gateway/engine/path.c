/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/engine/path.h"

#include "gateway/engine/ttls.h"

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
	out->server = 0;
	for (uint8_t i = 0; i < count; i++) {
		struct inpath_addr addrs[INPATH_HOP_ADDRS];

		if (hops[i].addr_count == 0)
			continue;
		memcpy(addrs, hops[i].addrs, sizeof(addrs));
		sort(addrs, hops[i].addr_count);
		out->fingerprint =
			fnv_hop(out->fingerprint, hops[i].ttl, addrs, hops[i].addr_count);
		if (hops[i].inferred)
			continue;
		if (hops[i].server)
			out->server = hops[i].ttl;
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

static bool has_any(const struct path *p, const struct path *of, uint8_t from, uint8_t end)
{
	for (uint8_t i = 0; i < p->count; i++)
		for (uint8_t k = from; k < end; k++)
			if (memcmp(&p->entries[i].addr, &of->entries[k].addr,
				    sizeof(p->entries[i].addr)) == 0)
				return true;
	return false;
}

void path_fill(struct path *path, const struct path *later)
{
	struct path whole = { .fingerprint = path->fingerprint,
		.server = path->server ? path->server : later->server };
	uint8_t own = 0, its = 0;

	for (uint8_t ttl = 1; ttl <= INPATH_MAX_HOPS; ttl++) {
		uint8_t n = entries_of(path, ttl, &own), m = entries_of(later, ttl, &its);
		const struct path *from = n ? path : later;
		uint8_t at = n ? own - n : its - m, end = n ? own : its;

		if (n == 0 && has_any(path, later, at, end))
			continue;
		if (whole.count + (end - at) > PATH_ENTRIES)
			break;
		while (at < end)
			whole.entries[whole.count++] = from->entries[at++];
	}
	*path = whole;
}

bool path_merge(struct path *path, const struct path *later, uint64_t ttls)
{
	struct path whole = { .fingerprint = path->fingerprint, .server = path->server };
	uint8_t own = 0, its = 0, before = path->count;

	for (uint8_t ttl = 1; ttl <= INPATH_MAX_HOPS; ttl++) {
		uint8_t n = entries_of(path, ttl, &own), m = entries_of(later, ttl, &its);
		uint8_t first = whole.count, all = ttls_has(ttls, ttl) ? n + m : n;

		for (uint8_t i = 0; i < all; i++) {
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
	return path->count > before;
}

void path_drop(struct path *p, uint64_t ttls)
{
	uint8_t count = p->count;

	p->count = 0;
	for (uint8_t i = 0; i < count; i++)
		if (!ttls_has(ttls, p->entries[i].ttl))
			p->entries[p->count++] = p->entries[i];
}

void path_cut(struct path *p, uint8_t ttl)
{
	while (p->count && p->entries[p->count - 1].ttl >= ttl)
		p->count--;
	if (p->server >= ttl)
		p->server = 0;
}

uint32_t path_routers(const struct path *p, uint8_t ttl)
{
	uint32_t routers = 0;

	for (uint8_t i = 0; i < p->count; i++)
		routers += p->entries[i].ttl == ttl;
	return routers;
}

bool path_has_all(const struct path *p, const struct inpath_hop *hop)
{
	uint32_t has = 0;

	for (uint8_t i = 0; i < p->count; i++)
		for (uint8_t k = 0; k < hop->addr_count && p->entries[i].ttl == hop->ttl; k++)
			has += memcmp(&p->entries[i].addr, &hop->addrs[k], sizeof(hop->addrs[k])) ==
			       0;
	return has == hop->addr_count;
}

uint64_t path_ttls(const struct path *p)
{
	uint64_t ttls = 0;

	for (uint8_t i = 0; i < p->count; i++)
		ttls |= ttl_bit(p->entries[i].ttl);
	return ttls;
}

/* Is one silent there, or may it have had addresses that were not kept? */
static bool is_open(uint8_t na, uint8_t nb)
{
	return na == 0 || nb == 0 || na >= INPATH_HOP_ADDRS || nb >= INPATH_HOP_ADDRS;
}

/* The TTL at which one has the server, and the other, whose server is farther away, nobody. */
static uint64_t server_moved(const struct path *a, const struct path *b)
{
	const struct path *nearer = a->server < b->server ? a : b, *other = nearer == a ? b : a;

	if (nearer->server == 0 || nearer->server == other->server ||
		ttls_has(path_ttls(other), nearer->server))
		return 0;
	return ttl_bit(nearer->server);
}

uint64_t path_differs(const struct path *a, const struct path *b)
{
	uint8_t ia = 0, ib = 0;
	uint64_t differ = server_moved(a, b);

	for (uint8_t ttl = 1; ttl <= INPATH_MAX_HOPS; ttl++) {
		uint8_t na = entries_of(a, ttl, &ia), nb = entries_of(b, ttl, &ib);
		bool shared = is_open(na, nb);

		for (uint8_t i = 0; i < na && !shared; i++)
			for (uint8_t k = 0; k < nb && !shared; k++)
				shared = memcmp(&a->entries[ia - 1 - i].addr,
						 &b->entries[ib - 1 - k].addr,
						 sizeof(struct inpath_addr)) == 0;
		if (!shared)
			differ |= ttl_bit(ttl);
	}
	return differ;
}

uint32_t path_entry(uint8_t ttl, const struct inpath_addr *addr)
{
	return (uint32_t)ttl << 24 | (fnv_hop(FNV_OFFSET, ttl, addr, 1) >> 8);
}

void path_sketch(struct path_sketch *out, const struct path *p)
{
	out->count = p->count;
	out->server = p->server;
	for (uint8_t i = 0; i < p->count; i++)
		out->entries[i] = path_entry(p->entries[i].ttl, &p->entries[i].addr);
}

uint64_t path_sketch_shares(const struct path_sketch *s, const struct path *p)
{
	uint64_t shares = s->server && s->server == p->server ? ttl_bit(s->server) : 0;

	for (uint8_t i = 0; i < p->count; i++) {
		uint32_t entry = path_entry(p->entries[i].ttl, &p->entries[i].addr);

		for (uint8_t k = 0; k < s->count; k++)
			if (s->entries[k] == entry)
				shares |= ttl_bit(p->entries[i].ttl);
	}
	return shares;
}

bool path_sketch_equals(const struct path_sketch *s, const struct path *p)
{
	uint64_t shares = path_sketch_shares(s, p), known = path_ttls(p);

	for (uint8_t k = 0; k < s->count; k++) {
		uint8_t ttl = (uint8_t)(s->entries[k] >> 24);

		if (ttls_has(known & ~shares, ttl))
			return false;
	}
	return s->server == 0 || p->server == 0 || s->server == p->server;
}
