/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/engine/name.h"
#include "tests/unit/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static const struct hash_key key = { .k0 = 0x0123456789abcdef, .k1 = 0x5eed };

enum {
	CAPACITY = 8,
	T0 = 1000000,
};

#define NOW ((inpath_time)T0)

struct house {
	void *memory;
	struct inpath_stats stats;
	struct names names;
};

static struct house *house_open(uint32_t capacity)
{
	struct house *h = calloc(1, sizeof(*h));
	struct arena arena = { .base = NULL };
	size_t measured;

	assert_non_null(h);
	names_init(&h->names, &arena, capacity, &key, &h->stats);
	measured = arena.used;
	h->memory = calloc(1, measured);
	assert_non_null(h->memory);
	arena = (struct arena){ .base = h->memory };
	names_init(&h->names, &arena, capacity, &key, &h->stats);
	assert_int_equal(arena.used, measured);
	return h;
}

static void house_close(struct house *h)
{
	free(h->memory);
	free(h);
}

static int setup(void **state)
{
	*state = house_open(CAPACITY);
	return 0;
}

static int teardown(void **state)
{
	house_close(*state);
	return 0;
}

/* A device known by its hardware address, speaking from `addr`. */
static struct name_device by_mac(uint8_t id, const char *addr)
{
	return (struct name_device){
		.has_mac = true, .mac = { { 2, 0, 0, 0, 0, id } }, .addr = wire_addr(addr)
	};
}

static struct name_device by_addr(const char *addr)
{
	return (struct name_device){ .addr = wire_addr(addr) };
}

static void learn(struct house *h, struct name_device device, const char *server, const char *host,
	uint32_t ttl, inpath_time now)
{
	struct inpath_addr s = wire_addr(server);

	name_learn(&h->names, &device, &s, host, ttl, now);
}

/* What the device calls the server; nothing stays held. */
static const char *find(
	struct house *h, struct name_device device, const char *server, inpath_time now)
{
	static char text[INPATH_HOST_MAX + 1];
	struct inpath_addr s = wire_addr(server);
	name_ref ref = name_find(&h->names, &device, &s, now);

	strcpy(text, name_text(&h->names, ref));
	name_release(&h->names, ref);
	return text;
}

static const char *numbered(const char *format, unsigned int n)
{
	static char text[2][64];
	static unsigned int at;

	at = !at;
	snprintf(text[at], sizeof(text[at]), format, n);
	return text[at];
}

static void a_text_is_kept_once_and_counted(void **state)
{
	struct house *h = *state;
	name_ref a = name_hold(&h->names, "www.example.net");
	name_ref b = name_hold(&h->names, "www.example.net");
	name_ref c = name_hold(&h->names, "www.example.ne");

	assert_int_not_equal(a, 0);
	assert_int_equal(a, b);
	assert_int_not_equal(a, c);
	assert_int_equal(name_share(&h->names, a), a);
	assert_int_equal(h->names.texts[a - 1].holders, 3);
	assert_string_equal(name_text(&h->names, a), "www.example.net");
	assert_string_equal(name_text(&h->names, c), "www.example.ne");
	assert_int_equal(h->names.text_table.count, 2);
}

static void no_name_is_never_held(void **state)
{
	struct house *h = *state;
	char text[INPATH_HOST_MAX + 2];

	assert_int_equal(name_hold(&h->names, ""), 0);
	assert_int_equal(name_share(&h->names, 0), 0);
	assert_string_equal(name_text(&h->names, 0), "");
	name_release(&h->names, 0);
	memset(text, 'a', sizeof(text));
	text[INPATH_HOST_MAX + 1] = '\0';
	assert_int_equal(name_hold(&h->names, text), 0);
	text[INPATH_HOST_MAX] = '\0';
	assert_string_equal(name_text(&h->names, name_hold(&h->names, text)), text);
}

static void a_released_text_makes_room_at_once(void **state)
{
	struct house *h = *state;

	for (unsigned int i = 0; i < 100000; i++) {
		name_ref ref = name_hold(&h->names, numbered("host%u.example", i));

		assert_int_not_equal(ref, 0);
		name_release(&h->names, ref);
	}
	assert_int_equal(h->names.text_table.count, 0);
	assert_int_equal(h->stats.names_evicted, 0);
	assert_int_equal(h->stats.names_full, 0);
}

static void one_text_too_many_is_refused_and_counted(void **state)
{
	struct house *h = *state;
	name_ref first = name_hold(&h->names, "host0.example");

	for (unsigned int i = 1; i < CAPACITY; i++)
		assert_int_not_equal(name_hold(&h->names, numbered("host%u.example", i)), 0);
	assert_int_equal(h->stats.names_full, 0);
	assert_int_equal(name_hold(&h->names, "one.over.example"), 0);
	assert_int_equal(h->stats.names_full, 1);
	assert_int_equal(name_hold(&h->names, "host0.example"), first);
	learn(h, by_mac(1, "192.168.1.2"), "192.0.2.1", "two.over.example", 60, NOW);
	assert_int_equal(h->stats.names_full, 2);
	assert_int_equal(h->names.mapping_table.count, 0);
}

static void a_full_table_of_texts_takes_from_the_longest_unused_mapping(void **state)
{
	struct house *h = *state;
	struct name_device tv = by_mac(1, "192.168.1.2");

	/* Two addresses of one host, the longest unused: both must go before its text does. */
	learn(h, tv, "192.0.2.100", "old.example", 60, NOW);
	learn(h, tv, "192.0.2.101", "old.example", 60, NOW);
	for (unsigned int i = 1; i < CAPACITY - 1; i++)
		learn(h, tv, numbered("192.0.2.%u", i), numbered("h%u.example", i), 60, NOW);
	assert_int_equal(h->names.mapping_table.count, CAPACITY);
	name_hold(&h->names, "held.example");
	assert_int_equal(h->names.text_table.count, CAPACITY);
	assert_int_equal(h->stats.names_evicted, 0);

	assert_int_not_equal(name_hold(&h->names, "new.example"), 0);
	assert_int_equal(h->stats.names_evicted, 2);
	assert_int_equal(h->stats.names_full, 0);
	assert_string_equal(find(h, tv, "192.0.2.100", NOW), "");
	assert_string_equal(find(h, tv, "192.0.2.101", NOW), "");
	assert_string_equal(find(h, tv, "192.0.2.1", NOW), "h1.example");
}

static void one_mapping_too_many_evicts_the_longest_unused(void **state)
{
	struct house *h = *state;
	struct name_device tv = by_mac(1, "192.168.1.2");

	for (unsigned int i = 0; i < CAPACITY; i++)
		learn(h, tv, numbered("192.0.2.%u", i), "www.example.net", 60, NOW);
	assert_int_equal(h->stats.names_evicted, 0);
	assert_string_equal(find(h, tv, "192.0.2.0", NOW), "www.example.net"); /* used */
	learn(h, tv, "192.0.2.200", "www.example.net", 60, NOW);
	assert_int_equal(h->stats.names_evicted, 1);
	assert_int_equal(h->names.mapping_table.count, CAPACITY);
	assert_string_equal(find(h, tv, "192.0.2.0", NOW), "www.example.net");
	assert_string_equal(find(h, tv, "192.0.2.1", NOW), "");
	assert_string_equal(find(h, tv, "192.0.2.200", NOW), "www.example.net");
}

static void a_hardware_address_serves_all_of_a_devices_addresses(void **state)
{
	struct house *h = *state;

	learn(h, by_mac(1, "fe80::1"), "192.0.2.1", "tv.example", 60, NOW);
	learn(h, by_mac(2, "fe80::2"), "192.0.2.1", "laptop.example", 60, NOW);
	assert_string_equal(find(h, by_mac(1, "192.168.1.2"), "192.0.2.1", NOW), "tv.example");
	assert_string_equal(find(h, by_mac(2, "192.168.1.3"), "192.0.2.1", NOW), "laptop.example");
	assert_string_equal(find(h, by_mac(1, "2001:db8::2"), "192.0.2.1", NOW), "tv.example");
}

static void the_hardware_address_is_preferred_then_the_address(void **state)
{
	struct house *h = *state;

	learn(h, by_addr("192.168.1.2"), "192.0.2.1", "addr.example", 60, NOW);
	learn(h, by_addr("192.168.1.3"), "192.0.2.1", "other.example", 60, NOW);
	assert_string_equal(find(h, by_mac(1, "192.168.1.2"), "192.0.2.1", NOW), "addr.example");
	learn(h, by_mac(1, "fe80::1"), "192.0.2.1", "mac.example", 60, NOW);
	assert_string_equal(find(h, by_mac(1, "192.168.1.2"), "192.0.2.1", NOW), "mac.example");
	assert_string_equal(find(h, by_addr("192.168.1.2"), "192.0.2.1", NOW), "addr.example");
}

static void the_households_name_serves_only_if_all_agree(void **state)
{
	struct house *h = *state;
	struct name_device guest = by_mac(9, "192.168.1.99");

	assert_string_equal(find(h, guest, "192.0.2.1", NOW), "");
	learn(h, by_mac(1, "192.168.1.2"), "192.0.2.1", "a.example", 60, NOW);
	assert_string_equal(find(h, guest, "192.0.2.1", NOW), "a.example");
	learn(h, by_mac(2, "192.168.1.3"), "192.0.2.1", "a.example", 900, NOW);
	assert_string_equal(find(h, guest, "192.0.2.1", NOW), "a.example");
	assert_string_equal(find(h, guest, "192.0.2.2", NOW), "");
	learn(h, by_addr("192.168.1.4"), "192.0.2.1", "b.example", 60, NOW);
	assert_string_equal(find(h, guest, "192.0.2.1", NOW), "");
	assert_string_equal(find(h, by_mac(1, "192.168.1.2"), "192.0.2.1", NOW), "a.example");
	/* Of the live ones, once the one that disagreed has ended. */
	assert_string_equal(find(h, guest, "192.0.2.1", NOW + NAME_TTL_FLOOR), "a.example");
}

static void the_newest_answer_wins_and_frees_the_old_text(void **state)
{
	struct house *h = *state;
	struct name_device tv = by_mac(1, "192.168.1.2");

	for (unsigned int i = 0; i < 1000; i++) {
		learn(h, tv, "192.0.2.1", numbered("h%u.example", i), 60, NOW);
		assert_string_equal(find(h, tv, "192.0.2.1", NOW), numbered("h%u.example", i));
		assert_int_equal(h->names.text_table.count, 1);
		assert_int_equal(h->names.mapping_table.count, 1);
	}
	assert_int_equal(h->stats.names_evicted, 0);
}

static void a_mapping_lives_for_its_ttl_within_bounds(void **state)
{
	static const struct {
		uint32_t ttl;
		inpath_time lives;
	} cases[] = {
		{ 0, NAME_TTL_FLOOR },
		{ 299, NAME_TTL_FLOOR },
		{ 301, 301 * INPATH_SEC },
		{ 86400, NAME_TTL_CEIL },
		{ 86401, NAME_TTL_CEIL },
		{ UINT32_MAX, NAME_TTL_CEIL },
	};
	struct house *h = *state;
	struct name_device guest = by_mac(9, "192.168.1.99");

	/* Asked by another device, whose use does not prolong it. */
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		learn(h, by_mac(1, "192.168.1.2"), "192.0.2.1", "a.example", cases[i].ttl, NOW);
		assert_string_equal(
			find(h, guest, "192.0.2.1", NOW + cases[i].lives - 1), "a.example");
		assert_string_equal(find(h, guest, "192.0.2.1", NOW + cases[i].lives), "");
		assert_int_equal(h->names.mapping_table.count, 0);
		assert_int_equal(h->names.text_table.count, 0);
	}
	assert_int_equal(h->stats.names_evicted, 0);
}

static void a_mapping_in_use_lives_on(void **state)
{
	struct house *h = *state;
	struct name_device tv = by_mac(1, "192.168.1.2");
	inpath_time now = NOW;

	learn(h, tv, "192.0.2.1", "a.example", 1, now);
	for (int i = 0; i < 100; i++) {
		now += NAME_TTL_FLOOR - 1;
		assert_string_equal(find(h, tv, "192.0.2.1", now), "a.example");
	}
	assert_string_equal(find(h, tv, "192.0.2.1", now + NAME_TTL_FLOOR), "");

	/* Use never shortens a long TTL. */
	learn(h, tv, "192.0.2.1", "a.example", 3600, now);
	assert_string_equal(find(h, tv, "192.0.2.1", now), "a.example");
	assert_string_equal(find(h, tv, "192.0.2.1", now + 3599 * INPATH_SEC), "a.example");
}

static void ended_mappings_make_room_uncounted(void **state)
{
	struct house *h = *state;
	struct name_device tv = by_mac(1, "192.168.1.2");

	for (unsigned int i = 0; i < CAPACITY; i++)
		learn(h, tv, numbered("192.0.2.%u", i), numbered("h%u.example", i), 60, NOW);
	for (unsigned int i = 0; i < CAPACITY; i++)
		learn(h, tv, numbered("198.51.100.%u", i), numbered("n%u.example", i), 60,
			NOW + NAME_TTL_FLOOR);
	assert_int_equal(h->stats.names_evicted, 0);
	assert_int_equal(h->stats.names_full, 0);
	assert_int_equal(h->names.mapping_table.count, CAPACITY);
}

static void an_evicted_mapping_leaves_its_text_to_other_holders(void **state)
{
	struct house *h = *state;
	struct name_device tv = by_mac(1, "192.168.1.2");
	struct inpath_addr server = wire_addr("192.0.2.1");
	name_ref ref;

	learn(h, tv, "192.0.2.1", "flow.example", 60, NOW);
	ref = name_find(&h->names, &tv, &server, NOW);
	for (unsigned int i = 0; i < 3 * CAPACITY; i++)
		learn(h, tv, numbered("198.51.100.%u", i), numbered("h%u.example", i), 60, NOW);
	assert_int_equal(name_find(&h->names, &tv, &server, NOW), 0);
	assert_string_equal(name_text(&h->names, ref), "flow.example");
	assert_int_equal(h->names.texts[ref - 1].holders, 1);
}

static void without_room_for_the_new_name_the_old_one_is_not_kept(void **state)
{
	struct house *h = *state;
	struct name_device tv = by_mac(1, "192.168.1.2");

	learn(h, tv, "192.0.2.1", "old.example", 60, NOW);
	name_hold(&h->names, "old.example");
	for (unsigned int i = 1; i < CAPACITY; i++)
		name_hold(&h->names, numbered("h%u.example", i));
	learn(h, tv, "192.0.2.1", "new.example", 60, NOW);
	assert_int_equal(h->stats.names_full, 1);
	assert_string_equal(find(h, tv, "192.0.2.1", NOW), "");
	assert_int_equal(h->names.mapping_table.count, 0);
}

static void one_server_has_no_more_mappings_than_are_looked_at(void **state)
{
	struct house *h = house_open(4 * NAME_CHAIN);

	(void)state;
	for (unsigned int i = 0; i < NAME_CHAIN; i++)
		learn(h, by_mac((uint8_t)i, "192.168.1.2"), "192.0.2.1", numbered("h%u.example", i),
			1000 + (i + 50) % NAME_CHAIN, NOW);
	assert_int_equal(h->stats.names_evicted, 0);
	assert_string_equal(find(h, by_mac(14, "192.168.1.2"), "192.0.2.1", NOW), "h14.example");
	learn(h, by_mac(200, "192.168.1.2"), "192.0.2.1", "over.example", 60, NOW);
	/* That which would have ended first went. */
	assert_int_equal(h->stats.names_evicted, 1);
	assert_int_equal(h->names.mapping_table.count, NAME_CHAIN);
	assert_string_equal(find(h, by_mac(14, "192.168.1.2"), "192.0.2.1", NOW), "");
	assert_string_equal(find(h, by_mac(13, "192.168.1.2"), "192.0.2.1", NOW), "h13.example");
	assert_string_equal(find(h, by_mac(200, "192.168.1.2"), "192.0.2.1", NOW), "over.example");
	house_close(h);
}

#define OPENED(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		OPENED(a_text_is_kept_once_and_counted),
		OPENED(no_name_is_never_held),
		OPENED(a_released_text_makes_room_at_once),
		OPENED(one_text_too_many_is_refused_and_counted),
		OPENED(a_full_table_of_texts_takes_from_the_longest_unused_mapping),
		OPENED(one_mapping_too_many_evicts_the_longest_unused),
		OPENED(a_hardware_address_serves_all_of_a_devices_addresses),
		OPENED(the_hardware_address_is_preferred_then_the_address),
		OPENED(the_households_name_serves_only_if_all_agree),
		OPENED(the_newest_answer_wins_and_frees_the_old_text),
		OPENED(a_mapping_lives_for_its_ttl_within_bounds),
		OPENED(a_mapping_in_use_lives_on),
		OPENED(ended_mappings_make_room_uncounted),
		OPENED(an_evicted_mapping_leaves_its_text_to_other_holders),
		OPENED(without_room_for_the_new_name_the_old_one_is_not_kept),
		cmocka_unit_test(one_server_has_no_more_mappings_than_are_looked_at),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
