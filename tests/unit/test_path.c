/* SPDX-License-Identifier: GPL-2.0-or-later */
/* When two paths are the same path, and the label that they get. */
#include "gateway/engine/path.h"
#include "gateway/engine/ttls.h"
#include "tests/unit/stages.h"

/* A record's text, TTL by TTL ("1/10.0.0.1,2/10.0.0.2+10.0.0.3", a star for silence), as hops. */
struct hops {
	struct inpath_hop at[INPATH_MAX_HOPS];
	uint8_t count;
};

static struct hops hops_of(const char *text)
{
	struct hops h = { 0 };

	while (*text) {
		struct inpath_hop *hop = &h.at[h.count++];

		hop->ttl = (uint8_t)strtoul(text, (char **)&text, 10);
		assert_int_equal(hop->ttl, h.count);
		hop->sent = 1;
		for (text++; *text && *text != ','; text += *text == '+') {
			size_t len = strcspn(text, "+,");
			char addr[64] = "";

			memcpy(addr, text, len);
			text += len;
			if (strcmp(addr, "*") != 0)
				hop->addrs[hop->addr_count++] = wire_addr(addr);
		}
		text += *text == ',';
	}
	return h;
}

static struct path path_of(const char *text)
{
	struct hops h = hops_of(text);
	struct path p;

	memset(&p, 0xa5, sizeof(p));
	path_take(&p, h.at, h.count, NULL);
	return p;
}

/* Both ways: which of the two is the older must not matter. */
static uint8_t differs(const char *one, const char *other)
{
	struct path a = path_of(one), b = path_of(other);

	assert_int_equal(path_differs(&a, &b), path_differs(&b, &a));
	assert_int_equal(path_differs(&a, &a), 0);
	return ttls_lowest(path_differs(&a, &b));
}

static void the_same_hops_are_the_same_path(void **state)
{
	(void)state;
	assert_int_equal(differs("1/10.0.0.1,2/10.0.0.2", "1/10.0.0.1,2/10.0.0.2"), 0);
	assert_int_equal(differs("1/2001:db8::1,2/2001:db8::2", "1/2001:db8::1,2/2001:db8::2"), 0);
	assert_int_equal(differs("", ""), 0);
}

static void the_first_ttl_that_differs_is_said(void **state)
{
	(void)state;
	assert_int_equal(differs("1/10.0.0.1", "1/10.0.0.9"), 1);
	assert_int_equal(
		differs("1/10.0.0.1,2/10.0.0.2,3/10.0.0.3", "1/10.0.0.1,2/10.0.0.9,3/10.0.0.8"), 2);
	assert_int_equal(
		differs("1/10.0.0.1,2/10.0.0.2,3/10.0.0.3", "1/10.0.0.1,2/10.0.0.2,3/10.0.0.8"), 3);
}

static void a_silent_hop_equals_any(void **state)
{
	(void)state;
	assert_int_equal(
		differs("1/10.0.0.1,2/*,3/10.0.0.3", "1/10.0.0.1,2/10.0.0.2,3/10.0.0.3"), 0);
	assert_int_equal(differs("1/*,2/*,3/*", "1/10.0.0.1,2/10.0.0.2,3/10.0.0.3"), 0);
	assert_int_equal(differs("1/*,2/10.0.0.2", "1/10.0.0.1,2/*"), 0);
	assert_int_equal(differs("1/*,2/10.0.0.2", "1/10.0.0.1,2/10.0.0.9"), 2);
}

static void one_address_in_common_is_enough(void **state)
{
	(void)state;
	assert_int_equal(differs("1/10.0.0.1+10.0.0.2", "1/10.0.0.2+10.0.0.3"), 0);
	assert_int_equal(differs("1/10.0.0.1+10.0.0.2+10.0.0.3+10.0.0.4", "1/10.0.0.4"), 0);
	assert_int_equal(differs("1/10.0.0.1+10.0.0.2", "1/10.0.0.3+10.0.0.4"), 1);
	/* At that TTL, not at another. */
	assert_int_equal(differs("1/10.0.0.1,2/10.0.0.2", "1/10.0.0.2,2/10.0.0.1"), 1);
}

static void what_lies_beyond_the_shorter_path_is_not_compared(void **state)
{
	(void)state;
	assert_int_equal(differs("1/10.0.0.1", "1/10.0.0.1,2/10.0.0.2,3/10.0.0.3"), 0);
	assert_int_equal(differs("", "1/10.0.0.1"), 0);
}

static void families_never_share_an_address(void **state)
{
	(void)state;
	assert_int_equal(differs("1/10.0.0.1", "1/a00:1::"), 1);
}

/* FNV-1a as its authors define it, over bytes written down here. */
static uint32_t fnv1a(const char *hex)
{
	uint8_t bytes[512];
	size_t len = wire_hex(bytes, hex);
	uint32_t hash = 0x811c9dc5;

	for (size_t i = 0; i < len; i++) {
		hash ^= bytes[i];
		hash = (uint32_t)((uint64_t)hash * 0x01000193 & 0xffffffff);
	}
	return hash;
}

static void the_fingerprint_is_fnv1a_over_ttls_and_sorted_addresses(void **state)
{
	(void)state;
	/* The published value of "a", so that the reference is not wrong likewise. */
	assert_int_equal(fnv1a("61"), 0xe40c292c);
	assert_int_equal(path_of("").fingerprint, 0x811c9dc5);
	assert_int_equal(path_of("1/*,2/*").fingerprint, 0x811c9dc5);
	assert_int_equal(path_of("1/10.0.0.1").fingerprint, fnv1a("01 0a000001"));
	assert_int_equal(path_of("1/10.0.0.1,2/*,3/198.51.100.7").fingerprint,
		fnv1a("01 0a000001 03 c6336407"));
	assert_int_equal(path_of("1/10.0.0.9+10.0.0.1+9.9.9.9+200.0.0.1").fingerprint,
		fnv1a("01 09090909 0a000001 0a000009 c8000001"));
	assert_int_equal(path_of("1/2001:db8::1,2/2001:db8::2+2001:db8::1").fingerprint,
		fnv1a("01 20010db8000000000000000000000001"
		      "02 20010db8000000000000000000000001 20010db8000000000000000000000002"));
}

static void the_order_in_which_addresses_came_is_no_matter(void **state)
{
	struct path a = path_of("1/10.0.0.3+10.0.0.1+10.0.0.2");
	struct path b = path_of("1/10.0.0.2+10.0.0.3+10.0.0.1");

	(void)state;
	assert_int_equal(a.fingerprint, b.fingerprint);
	assert_int_equal(a.count, 3);
	assert_memory_equal(a.entries, b.entries, 3 * sizeof(a.entries[0]));
}

static void a_server_without_a_ttl_has_its_part_in_the_fingerprint_alone(void **state)
{
	struct hops h = hops_of("1/10.0.0.1,2/*");
	struct inpath_addr server = wire_addr("198.51.100.7"), other = wire_addr("198.51.100.8");
	struct path a, b;

	(void)state;
	path_take(&a, h.at, h.count, &server);
	path_take(&b, h.at, h.count, &other);
	assert_int_equal(a.fingerprint, fnv1a("01 0a000001 00 c6336407"));
	assert_int_not_equal(a.fingerprint, b.fingerprint);
	assert_int_equal(path_differs(&a, &b), 0);
}

static void hops_are_taken_as_they_are(void **state)
{
	struct hops h = hops_of("1/10.0.0.9+10.0.0.1,2/10.0.0.2"), before = h;
	struct path p;

	(void)state;
	path_take(&p, h.at, 1, NULL);
	assert_int_equal(p.count, 2);
	assert_memory_equal(&h, &before, sizeof(h));
}

/* 64 hops with four addresses each: more than is kept. */
static void the_longest_path_fills_what_there_is_and_no_more(void **state)
{
	static struct inpath_hop hops[INPATH_MAX_HOPS];
	struct path *a = stage_memory(sizeof(*a)), *b = stage_memory(sizeof(*b));

	(void)state;
	for (uint8_t i = 0; i < INPATH_MAX_HOPS; i++) {
		hops[i].ttl = (uint8_t)(i + 1);
		hops[i].addr_count = INPATH_HOP_ADDRS;
		for (uint8_t k = 0; k < INPATH_HOP_ADDRS; k++)
			hops[i].addrs[k] = (struct inpath_addr){ INPATH_AF_INET, { 10, i, k, 1 } };
	}
	path_take(a, hops, INPATH_MAX_HOPS, NULL);
	assert_int_equal(a->count, PATH_ENTRIES);
	for (uint8_t i = 0; i < a->count; i++)
		assert_int_equal(a->entries[i].ttl, 1 + i / INPATH_HOP_ADDRS);
	/* The label still sees what the comparison has no room for. */
	for (uint8_t k = 0; k < INPATH_HOP_ADDRS; k++)
		hops[63].addrs[k].bytes[3] = 2;
	path_take(b, hops, INPATH_MAX_HOPS, NULL);
	assert_int_equal(path_differs(a, b), 0);
	assert_int_not_equal(a->fingerprint, b->fingerprint);
	free(a);
	free(b);
}

static void where_more_answered_than_is_kept_nothing_differs(void **state)
{
	(void)state;
	assert_int_equal(differs("1/10.0.0.1+10.0.0.2+10.0.0.3", "1/10.0.0.5"), 1);
	assert_int_equal(differs("1/10.0.0.1+10.0.0.2+10.0.0.3+10.0.0.4", "1/10.0.0.5"), 0);
	assert_int_equal(differs("1/10.0.0.1+10.0.0.2+10.0.0.3+10.0.0.4,2/10.0.1.1",
				 "1/10.0.0.5,2/10.0.1.2"),
		2);
}

/* A path whose last hop is the server. */
static struct path served(const char *text, bool inferred)
{
	struct hops h = hops_of(text);
	struct path p;

	h.at[h.count - 1].server = true;
	h.at[h.count - 1].inferred = inferred;
	path_take(&p, h.at, h.count, NULL);
	return p;
}

static void a_server_that_moved_differs_where_others_are_silent(void **state)
{
	struct path near = served("1/10.0.0.1,2/10.0.9.9", false),
		    far = served("1/10.0.0.1,2/*,3/10.0.9.9", false),
		    guessed = served("1/10.0.0.1,2/*,3/10.0.9.9", true),
		    router = served("1/10.0.0.1,2/10.0.0.2,3/10.0.9.9", false),
		    turns = served("1/10.0.0.1,2/10.0.0.2+10.0.9.9,3/10.0.9.9", false);

	(void)state;
	assert_int_equal(near.server, 2);
	assert_int_equal(path_differs(&near, &far), ttl_bit(2));
	assert_int_equal(path_differs(&far, &near), ttl_bit(2));
	/* A router where the server was: the addresses tell. */
	assert_int_equal(path_differs(&near, &router), ttl_bit(2));
	assert_int_equal(path_differs(&near, &turns), 0);
	/* What nothing proves shows nothing, but for the label. */
	assert_int_equal(guessed.server, 0);
	assert_int_equal(guessed.count, 1);
	assert_int_equal(guessed.fingerprint, far.fingerprint);
	assert_int_equal(path_differs(&near, &guessed), 0);
	path_fill(&guessed, &far);
	assert_int_equal(guessed.server, 3);
}

static void a_sketch_knows_its_path_again(void **state)
{
	struct path a = path_of("1/10.0.0.1,2/10.0.0.2+10.0.0.3,3/10.0.0.4"),
		    silent = path_of("1/10.0.0.1,2/10.0.0.3,3/*,4/10.0.0.5"),
		    other = path_of("1/10.0.0.1,2/10.0.0.9,3/10.0.0.4"),
		    elsewhere = path_of("1/10.0.0.2,2/10.0.0.1");
	struct path near = served("1/10.0.0.1,2/10.0.9.9", false),
		    far = served("1/10.0.0.1,2/*,3/10.0.9.9", false);
	struct path_sketch s;

	(void)state;
	path_sketch(&s, &a);
	assert_true(path_sketch_equals(&s, &a) && path_sketch_equals(&s, &silent));
	assert_false(path_sketch_equals(&s, &other));
	assert_int_equal(path_sketch_shares(&s, &silent), ttl_bit(1) | ttl_bit(2));
	assert_int_equal(path_sketch_shares(&s, &other), ttl_bit(1) | ttl_bit(3));
	assert_int_equal(path_sketch_shares(&s, &elsewhere), 0);
	path_sketch(&s, &near);
	assert_false(path_sketch_equals(&s, &far));
	assert_true(path_sketch_equals(&s, &near));
}

/* Three addresses a hop but for the first: the last that is kept would be cut in two. */
static void a_hop_is_kept_whole_or_not_at_all(void **state)
{
	static struct inpath_hop hops[INPATH_MAX_HOPS];
	struct path a, b, filled;

	(void)state;
	for (uint8_t i = 0; i < INPATH_MAX_HOPS; i++) {
		hops[i].ttl = (uint8_t)(i + 1);
		hops[i].addr_count = i ? 3 : 2;
		for (uint8_t k = 0; k < 3; k++)
			hops[i].addrs[k] = (struct inpath_addr){ INPATH_AF_INET, { 10, i, k, 1 } };
	}
	hops[40].addr_count = 1; /* it would fit again, but what lies before it did not */
	path_take(&a, hops, INPATH_MAX_HOPS, NULL);
	assert_int_equal(a.count, 47);
	assert_int_equal(a.entries[46].ttl, 16);
	/* The same hop, answered by the last of its addresses alone. */
	hops[16].addrs[0] = hops[16].addrs[2];
	hops[16].addr_count = 1;
	path_take(&b, hops, INPATH_MAX_HOPS, NULL);
	assert_int_equal(path_differs(&a, &b), 0);
	/* What is filled in keeps to that. */
	hops[0].addr_count = 0;
	path_take(&filled, hops, INPATH_MAX_HOPS, NULL);
	assert_int_equal(filled.count, 46);
	path_fill(&filled, &a);
	assert_int_equal(filled.count, 48);
	assert_int_equal(path_differs(&filled, &a), 0);
	hops[16].addr_count = 3;
	hops[0].addr_count = 0;
	path_take(&filled, hops, INPATH_MAX_HOPS, NULL);
	assert_int_equal(filled.count, 48);
	path_fill(&filled, &a);
	assert_int_equal(filled.count, 47);
}

static void what_was_silent_is_filled_in_and_nothing_else(void **state)
{
	struct hops h = hops_of("1/10.0.0.1,2/*,3/10.0.0.3"),
		    later = hops_of("1/10.0.0.9,2/10.0.0.2+10.0.0.8,3/10.0.0.3,4/10.0.0.4"),
		    both = hops_of("1/10.0.0.1,2/10.0.0.2+10.0.0.8,3/10.0.0.3,4/10.0.0.4");
	struct path path, p, want;

	(void)state;
	path_take(&path, h.at, 4, NULL);
	path_take(&p, later.at, 4, NULL);
	path_take(&want, both.at, 4, NULL);
	want.fingerprint = path.fingerprint; /* the label is that of what was said */
	path_fill(&path, &p);
	assert_int_equal(path.count, want.count);
	assert_int_equal(path.fingerprint, want.fingerprint);
	assert_memory_equal(path.entries, want.entries, want.count * sizeof(want.entries[0]));
}

/* The route changed as the trace began: of TTL 2 it has shown the router that was at TTL 3 until then. */
static void what_is_known_at_another_ttl_is_not_filled_in(void **state)
{
	struct path path = path_of("1/10.0.0.1,2/*,3/10.0.0.3,4/*,5/*"),
		    p = path_of("1/10.0.0.1,2/10.0.0.3,3/10.0.0.3,4/10.0.0.4,5/10.0.0.5+10.0.0.1");

	(void)state;
	path_fill(&path, &p);
	assert_int_equal(path_ttls(&path), ttl_bit(1) | ttl_bit(3) | ttl_bit(4));
	assert_int_equal(path.count, 3);
}

static void what_is_dropped_is_at_these_ttls(void **state)
{
	struct path p = path_of("1/10.0.0.1,2/10.0.0.2+10.0.0.8,3/10.0.0.3,4/10.0.0.4"),
		    rest = path_of("1/10.0.0.1,2/*,3/10.0.0.3,4/*");

	(void)state;
	path_drop(&p, 0);
	assert_int_equal(p.count, 5);
	path_drop(&p, ttl_bit(2) | ttl_bit(4) | ttl_bit(9));
	assert_int_equal(p.count, rest.count);
	assert_memory_equal(p.entries, rest.entries, rest.count * sizeof(rest.entries[0]));
}

static void routers_that_take_turns_are_all_kept(void **state)
{
	struct hops h = hops_of("1/10.0.0.1,2/*,3/10.0.0.3"),
		    later = hops_of("1/10.0.0.9,2/10.0.0.2,3/10.0.0.3+10.0.0.8"),
		    third = hops_of("1/10.0.0.7,2/10.0.0.2,3/10.0.0.8");
	struct path path, p, other;

	(void)state;
	path_take(&path, h.at, 3, NULL);
	path_take(&p, later.at, 3, NULL);
	path_take(&other, third.at, 3, NULL);
	path_merge(&path, &p, ~0ULL);
	assert_int_equal(path.count, 5);
	assert_int_equal(path_differs(&path, &p), 0);
	assert_int_equal(path_differs(&path, &other), ttl_bit(1));
	path_merge(&path, &other, ~0ULL);
	assert_int_equal(path.count, 6);
	assert_int_equal(path_differs(&path, &other), 0);
	/* What is there already is not added again; what does not fit is left out. */
	path_merge(&path, &p, ~0ULL);
	assert_int_equal(path.count, 6);
	for (uint8_t i = 0; i < PATH_ENTRIES; i++) {
		p.entries[i].ttl = 3;
		p.entries[i].addr = (struct inpath_addr){ INPATH_AF_INET, { 10, 1, i, 1 } };
	}
	p.count = PATH_ENTRIES;
	path_merge(&path, &p, ~0ULL);
	assert_int_equal(path.count, PATH_ENTRIES);
}

static void a_full_path_is_filled_no_further(void **state)
{
	static struct inpath_hop hops[INPATH_MAX_HOPS];
	struct path *a = stage_memory(sizeof(*a)), *b = stage_memory(sizeof(*b));

	(void)state;
	for (uint8_t i = 0; i < INPATH_MAX_HOPS; i++) {
		hops[i].ttl = (uint8_t)(i + 1);
		hops[i].addr_count = i == 0 ? 0 : INPATH_HOP_ADDRS;
		for (uint8_t k = 0; k < INPATH_HOP_ADDRS; k++)
			hops[i].addrs[k] = (struct inpath_addr){ INPATH_AF_INET, { 10, i, k, 1 } };
	}
	path_take(a, hops, INPATH_MAX_HOPS, NULL);
	hops[0].addr_count = 1;
	path_take(b, hops, INPATH_MAX_HOPS, NULL);
	path_fill(a, b);
	/* The one hop that is new takes the place of the farthest. */
	assert_int_equal(a->count, PATH_ENTRIES - INPATH_HOP_ADDRS + 1);
	assert_int_equal(a->entries[0].ttl, 1);
	assert_int_equal(a->entries[1].ttl, 2);
	free(a);
	free(b);
}

static void what_is_cut_is_all_from_that_ttl_on(void **state)
{
	(void)state;
	for (uint8_t ttl = 1; ttl <= 6; ttl++) {
		struct path p = path_of("1/10.0.0.1,2/*,3/10.0.0.3+10.0.0.4,4/10.0.0.5"), whole = p;

		p.server = 4;
		path_cut(&p, ttl);
		assert_int_equal(p.count, ttl == 1 ? 0 : ttl <= 3 ? 1 : ttl == 4 ? 3 : 4);
		assert_int_equal(p.server, ttl <= 4 ? 0 : 4);
		assert_memory_equal(p.entries, whole.entries, p.count * sizeof(p.entries[0]));
		/* The label is that of what was said. */
		assert_int_equal(p.fingerprint, whole.fingerprint);
	}
}

/* Whose place is known, though nobody before it answered. */
static void a_cut_takes_the_server_from_where_it_is_or_behind(void **state)
{
	struct path p = { .server = 5 };

	(void)state;
	path_cut(&p, 6);
	assert_int_equal(p.server, 5);
	path_cut(&p, 5);
	assert_int_equal(p.server, 0);
	path_cut(&p, 1);
	assert_int_equal(p.count, 0);
}

static void routers_are_counted_by_ttl(void **state)
{
	struct path p = path_of("1/10.0.0.1,2/*,3/10.0.0.3+10.0.0.4+10.0.0.1,4/10.0.0.5");

	(void)state;
	assert_int_equal(path_routers(&p, 1), 1);
	assert_int_equal(path_routers(&p, 2), 0);
	assert_int_equal(path_routers(&p, 3), 3);
	assert_int_equal(path_routers(&p, 4), 1);
	assert_int_equal(path_routers(&p, INPATH_MAX_HOPS), 0);
}

static bool has_all(const char *path, const char *hops)
{
	struct path p = path_of(path);
	struct hops h = hops_of(hops);

	return path_has_all(&p, &h.at[h.count - 1]);
}

static void a_path_has_a_hop_if_it_has_each_of_its_routers(void **state)
{
	(void)state;
	assert_true(has_all("1/10.0.0.1,2/10.0.0.2+10.0.0.3", "1/*,2/10.0.0.2"));
	assert_true(has_all("1/10.0.0.1,2/10.0.0.2+10.0.0.3", "1/*,2/10.0.0.3+10.0.0.2"));
	assert_false(has_all("1/10.0.0.1,2/10.0.0.2+10.0.0.3", "1/*,2/10.0.0.2+10.0.0.4"));
	assert_false(has_all("1/10.0.0.1,2/10.0.0.2", "1/*,2/10.0.0.2+10.0.0.3"));
	/* A router of another TTL is none of this. */
	assert_false(has_all("1/10.0.0.1,2/10.0.0.2", "1/*,2/10.0.0.1"));
	assert_false(has_all("1/10.0.0.1", "1/*,2/10.0.0.1"));
	assert_false(has_all("1/10.0.0.1", "1/a00:1::"));
	/* Nobody is in any. */
	assert_true(has_all("1/10.0.0.1", "1/*"));
	assert_true(has_all("", "1/*"));
}

static void an_entry_is_of_its_ttl_and_its_address(void **state)
{
	struct inpath_addr one = wire_addr("10.0.0.1"), other = wire_addr("10.0.0.2"),
			   six = wire_addr("2001:db8::1");
	struct path p = path_of("1/10.0.0.1,2/10.0.0.2");
	struct path_sketch s;

	(void)state;
	assert_int_equal(path_entry(1, &one), 1U << 24 | fnv1a("01 0a000001") >> 8);
	assert_int_equal(path_entry(INPATH_MAX_HOPS, &six),
		(uint32_t)INPATH_MAX_HOPS << 24 |
			fnv1a("40 20010db8000000000000000000000001") >> 8);
	assert_int_not_equal(path_entry(1, &one), path_entry(2, &one));
	assert_int_not_equal(path_entry(1, &one), path_entry(1, &other));
	/* Even a hash of zeroes is no free place. */
	for (uint32_t i = 0; i < 1 << 16; i++) {
		struct inpath_addr a = { INPATH_AF_INET, { 10, 0, (uint8_t)(i >> 8), (uint8_t)i } };

		assert_int_equal(path_entry(1, &a) >> 24, 1);
	}
	path_sketch(&s, &p);
	assert_int_equal(s.entries[0], path_entry(1, &one));
	assert_int_equal(s.entries[1], path_entry(2, &other));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_hops_are_the_same_path),
		cmocka_unit_test(the_first_ttl_that_differs_is_said),
		cmocka_unit_test(a_silent_hop_equals_any),
		cmocka_unit_test(one_address_in_common_is_enough),
		cmocka_unit_test(what_lies_beyond_the_shorter_path_is_not_compared),
		cmocka_unit_test(families_never_share_an_address),
		cmocka_unit_test(the_fingerprint_is_fnv1a_over_ttls_and_sorted_addresses),
		cmocka_unit_test(the_order_in_which_addresses_came_is_no_matter),
		cmocka_unit_test(a_server_without_a_ttl_has_its_part_in_the_fingerprint_alone),
		cmocka_unit_test(hops_are_taken_as_they_are),
		cmocka_unit_test(the_longest_path_fills_what_there_is_and_no_more),
		cmocka_unit_test(where_more_answered_than_is_kept_nothing_differs),
		cmocka_unit_test(a_server_that_moved_differs_where_others_are_silent),
		cmocka_unit_test(a_sketch_knows_its_path_again),
		cmocka_unit_test(a_hop_is_kept_whole_or_not_at_all),
		cmocka_unit_test(what_was_silent_is_filled_in_and_nothing_else),
		cmocka_unit_test(what_is_known_at_another_ttl_is_not_filled_in),
		cmocka_unit_test(what_is_dropped_is_at_these_ttls),
		cmocka_unit_test(routers_that_take_turns_are_all_kept),
		cmocka_unit_test(a_full_path_is_filled_no_further),
		cmocka_unit_test(what_is_cut_is_all_from_that_ttl_on),
		cmocka_unit_test(a_cut_takes_the_server_from_where_it_is_or_behind),
		cmocka_unit_test(routers_are_counted_by_ttl),
		cmocka_unit_test(a_path_has_a_hop_if_it_has_each_of_its_routers),
		cmocka_unit_test(an_entry_is_of_its_ttl_and_its_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
