/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/engine/client.h"
#include "tests/unit/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static const struct hash_key key = { .k0 = 3, .k1 = 5 };

enum {
	CAPACITY = 64,
};

#define NOW (100 * INPATH_SEC)

struct lan {
	void *memory;
	struct clients clients;
};

static int setup(void **state)
{
	static struct lan lan;
	struct arena arena = { .base = NULL };

	clients_init(&lan.clients, &arena, CAPACITY, &key);
	lan.memory = calloc(1, arena.used);
	assert_non_null(lan.memory);
	arena = (struct arena){ .base = lan.memory };
	clients_init(&lan.clients, &arena, CAPACITY, &key);
	*state = &lan;
	return 0;
}

static int teardown(void **state)
{
	struct lan *lan = *state;

	free(lan->memory);
	return 0;
}

static struct inpath_addr numbered(unsigned int n)
{
	char text[32];

	snprintf(text, sizeof(text), "192.168.%u.%u", n / 256, n % 256);
	return wire_addr(text);
}

static struct inpath_mac mac(uint8_t id)
{
	return (struct inpath_mac){ { 2, 0, 0, 0, 0, id } };
}

/* `id` 0: hardware address unknown. */
static void learn(struct lan *lan, const char *addr, uint8_t id, const char *name)
{
	struct inpath_addr a = wire_addr(addr);
	struct inpath_mac m = mac(id);

	client_learn(&lan->clients, &a, id ? &m : NULL, name, NOW);
}

static const char *name_of(struct lan *lan, const char *addr)
{
	struct inpath_addr a = wire_addr(addr);
	const struct client *e = client_find(&lan->clients, &a);

	assert_non_null(e);
	return e->name;
}

static void capacity_follows_the_flows_within_bounds(void **state)
{
	(void)state;
	assert_int_equal(client_capacity(1), 64);
	assert_int_equal(client_capacity(1024), 64);
	assert_int_equal(client_capacity(16384), 1024);
	assert_int_equal(client_capacity(65536), 4096);
	assert_int_equal(client_capacity(UINT32_MAX), 4096);
}

static void an_address_has_one_entry(void **state)
{
	struct lan *lan = *state;
	struct inpath_addr a = wire_addr("192.168.1.2");
	struct client *e;

	assert_null(client_find(&lan->clients, &a));
	e = client_get(&lan->clients, &a, NOW);
	assert_memory_equal(&e->addr, &a, sizeof(a));
	assert_false(e->has_mac);
	assert_string_equal(e->name, "");
	assert_ptr_equal(client_get(&lan->clients, &a, NOW), e);
	assert_ptr_equal(client_find(&lan->clients, &a), e);
	assert_int_equal(lan->clients.table.count, 1);
}

static void spend(struct client *e)
{
	window_reserve(&e->window, 1);
	window_spend(&e->window, NOW);
}

static void a_client_keeps_its_window_as_long_as_it_is_known(void **state)
{
	struct lan *lan = *state;
	struct inpath_addr a = wire_addr("192.168.1.2");
	struct client *e = client_get(&lan->clients, &a, NOW);
	uint32_t slot = (uint32_t)(e - lan->clients.entries);

	spend(e);
	e = client_get(&lan->clients, &a, NOW);
	assert_int_equal(e->window.spent, 1);
	assert_ptr_equal(client_window(&lan->clients, slot, e->born), &e->window);
	assert_null(client_window(&lan->clients, slot, e->born + 1));
}

/* It may come back as a new one: so no new one spends before the second is over. */
static void what_a_forgotten_client_has_spent_is_waited_for(void **state)
{
	struct lan *lan = *state;
	struct inpath_addr first = numbered(0), a;
	struct client *e = client_get(&lan->clients, &first, NOW);
	uint32_t slot = (uint32_t)(e - lan->clients.entries), born = e->born;

	spend(e);
	for (unsigned int i = 1; i <= CAPACITY; i++) {
		a = numbered(i);
		e = client_get(&lan->clients, &a, NOW);
		if (i < CAPACITY)
			assert_true(e->not_before == 0);
	}
	assert_null(client_window(&lan->clients, slot, born));
	assert_true(e->not_before >= NOW + INPATH_SEC);
	e = client_get(&lan->clients, &first, NOW);
	assert_true(e->not_before >= NOW + INPATH_SEC);
	assert_true(e->not_before <= NOW + 2 * INPATH_SEC);
	assert_int_equal(e->window.spent, 0);
}

static void one_client_too_many_evicts_the_longest_unseen(void **state)
{
	struct lan *lan = *state;
	struct inpath_addr a;

	for (unsigned int i = 0; i < CAPACITY; i++) {
		a = numbered(i);
		client_learn(&lan->clients, &a, NULL, "old", NOW);
	}
	a = numbered(0);
	client_get(&lan->clients, &a, NOW); /* seen again */
	a = numbered(CAPACITY);
	assert_string_equal(client_get(&lan->clients, &a, NOW)->name, "");
	assert_int_equal(lan->clients.table.count, CAPACITY);
	a = numbered(0);
	assert_non_null(client_find(&lan->clients, &a));
	a = numbered(1);
	assert_null(client_find(&lan->clients, &a));
	for (unsigned int i = 2; i <= CAPACITY; i++) {
		a = numbered(i);
		assert_non_null(client_find(&lan->clients, &a));
	}
}

static void a_reused_entry_remembers_nothing(void **state)
{
	struct lan *lan = *state;
	struct inpath_addr a = numbered(0);
	struct inpath_mac m = mac(1);
	struct client *e;

	client_learn(&lan->clients, &a, &m, "tv", NOW);
	e = client_get(&lan->clients, &a, NOW);
	spend(e);
	for (unsigned int i = 1; i <= CAPACITY; i++) {
		a = numbered(i);
		e = client_get(&lan->clients, &a, NOW);
	}
	assert_false(e->has_mac);
	assert_string_equal(e->name, "");
	assert_int_equal(e->window.spent, 0);
}

static void what_is_unknown_is_left_as_it_was(void **state)
{
	struct lan *lan = *state;
	struct inpath_addr a = wire_addr("192.168.1.2");
	struct inpath_mac m = mac(7);
	const struct client *e;

	learn(lan, "192.168.1.2", 7, "tv");
	learn(lan, "192.168.1.2", 0, NULL);
	e = client_find(&lan->clients, &a);
	assert_true(e->has_mac);
	assert_memory_equal(&e->mac, &m, sizeof(m));
	assert_string_equal(e->name, "tv");
	learn(lan, "192.168.1.2", 0, "television");
	assert_string_equal(e->name, "television");
	assert_true(e->has_mac);
	learn(lan, "192.168.1.2", 8, NULL);
	m = mac(8);
	assert_memory_equal(&e->mac, &m, sizeof(m));
	assert_string_equal(e->name, "television");
}

static void a_name_is_given_to_the_devices_other_addresses(void **state)
{
	struct lan *lan = *state;

	learn(lan, "fe80::1", 1, NULL);
	learn(lan, "2001:db8::1", 1, NULL);
	learn(lan, "2001:db8::2", 2, NULL);
	learn(lan, "2001:db8::3", 0, NULL);
	learn(lan, "2001:db8::4", 1, "own-name");
	learn(lan, "192.168.1.2", 1, "tv");
	assert_string_equal(name_of(lan, "192.168.1.2"), "tv");
	assert_string_equal(name_of(lan, "2001:db8::2"), "");
	assert_string_equal(name_of(lan, "2001:db8::3"), "");
	assert_string_equal(name_of(lan, "2001:db8::4"), "own-name");
	/* These took the first name that their device had. */
	assert_string_equal(name_of(lan, "fe80::1"), "own-name");
	assert_string_equal(name_of(lan, "2001:db8::1"), "own-name");
}

static void a_new_address_takes_its_devices_name(void **state)
{
	struct lan *lan = *state;

	learn(lan, "192.168.1.2", 1, "tv");
	learn(lan, "192.168.1.3", 2, "laptop");
	learn(lan, "2001:db8::1", 1, NULL);
	assert_string_equal(name_of(lan, "2001:db8::1"), "tv");
	learn(lan, "2001:db8::2", 0, NULL);
	assert_string_equal(name_of(lan, "2001:db8::2"), "");
	learn(lan, "2001:db8::2", 2, NULL);
	assert_string_equal(name_of(lan, "2001:db8::2"), "laptop");
}

static void a_name_known_before_its_hardware_address_is_given_too(void **state)
{
	struct lan *lan = *state;

	learn(lan, "192.168.1.2", 0, "tv");
	learn(lan, "2001:db8::1", 1, NULL);
	assert_string_equal(name_of(lan, "2001:db8::1"), "");
	learn(lan, "192.168.1.2", 1, NULL);
	assert_string_equal(name_of(lan, "2001:db8::1"), "tv");
}

static void names_are_cut(void **state)
{
	struct lan *lan = *state;
	char name[INPATH_LABEL_MAX + 20];

	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	learn(lan, "192.168.1.2", 1, name);
	assert_int_equal(strlen(name_of(lan, "192.168.1.2")), INPATH_LABEL_MAX);
	learn(lan, "192.168.1.2", 1, "n");
	assert_string_equal(name_of(lan, "192.168.1.2"), "n");
	learn(lan, "192.168.1.2", 1, "");
	assert_string_equal(name_of(lan, "192.168.1.2"), "");
}

static void a_device_is_its_hardware_address_or_else_its_address(void **state)
{
	struct lan *lan = *state;
	struct inpath_addr a = wire_addr("192.168.1.2");
	struct inpath_mac m = mac(1);
	struct name_device d = client_device(&lan->clients, &a);

	assert_false(d.has_mac);
	assert_memory_equal(&d.addr, &a, sizeof(a));
	assert_int_equal(lan->clients.table.count, 0);
	learn(lan, "192.168.1.2", 0, "tv");
	assert_false(client_device(&lan->clients, &a).has_mac);
	learn(lan, "192.168.1.2", 1, NULL);
	d = client_device(&lan->clients, &a);
	assert_true(d.has_mac);
	assert_memory_equal(&d.mac, &m, sizeof(m));
	assert_memory_equal(&d.addr, &a, sizeof(a));
}

#define OPENED(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(capacity_follows_the_flows_within_bounds),
		OPENED(an_address_has_one_entry),
		OPENED(a_client_keeps_its_window_as_long_as_it_is_known),
		OPENED(what_a_forgotten_client_has_spent_is_waited_for),
		OPENED(one_client_too_many_evicts_the_longest_unseen),
		OPENED(a_reused_entry_remembers_nothing),
		OPENED(what_is_unknown_is_left_as_it_was),
		OPENED(a_name_is_given_to_the_devices_other_addresses),
		OPENED(a_new_address_takes_its_devices_name),
		OPENED(a_name_known_before_its_hardware_address_is_given_too),
		OPENED(names_are_cut),
		OPENED(a_device_is_its_hardware_address_or_else_its_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
