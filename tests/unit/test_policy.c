/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/engine/policy.h"
#include "tests/unit/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum {
	TCP_QUIC = INPATH_PROTOCOL_TCP | INPATH_PROTOCOL_QUIC,
	LOOKUPS = 200000,
	MANY = 50000,
};

#define COUNT(array) (sizeof(array) / sizeof(*(array)))
#define LIST(array)                                                                                \
	{                                                                                          \
		.names = (array), .count = COUNT(array)                                            \
	}

/* A flow to 198.51.100.7 port 443 from 192.168.1.2, TCP, nothing else known. */
struct flow {
	struct inpath_addr client;
	struct inpath_addr server;
	struct inpath_mac mac;
	struct policy_facts facts;
};

static struct policy_facts *flow_open(struct flow *f)
{
	f->client = wire_addr("192.168.1.2");
	f->server = wire_addr("198.51.100.7");
	f->mac = (struct inpath_mac){ { 2, 0, 0, 0, 0, 1 } };
	f->facts = (struct policy_facts){ .client = &f->client,
		.server = &f->server,
		.server_port = 443,
		.protocol = INPATH_PROTOCOL_TCP };
	return &f->facts;
}

static struct inpath_range range(const char *first, const char *last)
{
	return (struct inpath_range){ .first = wire_addr(first), .last = wire_addr(last) };
}

static struct policy_choice decide(
	const struct inpath_policy *policies, size_t count, const struct policy_facts *facts)
{
	struct inpath_policy_set set = { .policies = policies, .policies_count = (uint32_t)count };

	return policy_decide(&set, facts);
}

static bool decides(const struct inpath_policy *p, const struct policy_facts *facts)
{
	struct policy_choice c = decide(p, 1, facts);

	assert_true(c.policy == NULL || c.policy == p);
	assert_true((c.policy == NULL) == (c.service == NULL));
	return c.policy == p;
}

static void a_domain_matches_whole_labels_only(void **state)
{
	static const char *const names[] = { "a", "example.org", "netflix.com", "nflxvideo.net" };
	static const struct inpath_domain_list list = LIST(names);
	static const struct inpath_domain_list none = { .count = 0 };

	(void)state;
	assert_true(policy_domain_matches(&list, "netflix.com"));
	assert_true(policy_domain_matches(&list, "www.netflix.com"));
	assert_true(policy_domain_matches(&list, "a.b.c.nflxvideo.net"));
	assert_true(policy_domain_matches(&list, "b.a"));
	assert_false(policy_domain_matches(&list, "notnetflix.com"));
	assert_false(policy_domain_matches(&list, "netflix.com.evil.example"));
	assert_false(policy_domain_matches(&list, "netflix.co"));
	assert_false(policy_domain_matches(&list, "com"));
	assert_false(policy_domain_matches(&list, "xa"));
	assert_false(policy_domain_matches(&list, ""));
	assert_false(policy_domain_matches(&none, "netflix.com"));
}

static void a_range_holds_its_ends_and_nothing_beside(void **state)
{
	const struct inpath_range ranges[] = {
		range("10.0.0.0", "10.0.0.255"),
		range("192.0.2.5", "192.0.2.5"),
		range("255.255.255.0", "255.255.255.255"),
		range("2001:db8::", "2001:db8:0:ffff:ffff:ffff:ffff:ffff"),
	};
	static const struct {
		const char *addr;
		bool in;
	} cases[] = { { "9.255.255.255", false }, { "10.0.0.0", true }, { "10.0.0.77", true },
		{ "10.0.0.255", true }, { "10.0.1.0", false }, { "192.0.2.4", false },
		{ "192.0.2.5", true }, { "192.0.2.6", false }, { "255.255.255.255", true },
		{ "::", false }, { "2001:db7:ffff::", false }, { "2001:db8::", true },
		{ "2001:db8:0:ffff:ffff:ffff:ffff:ffff", true }, { "2001:db8:1::", false },
		/* The bytes of 10.0.0.77, but of the other family. */
		{ "a00:4d::", false } };
	struct inpath_range_list list = { .ranges = ranges, .count = COUNT(ranges) };

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct inpath_addr addr = wire_addr(cases[i].addr);

		assert_int_equal(policy_range_matches(&list, &addr), cases[i].in);
	}
	list.count = 0;
	assert_false(policy_range_matches(&list, &ranges[0].first));
}

static void the_first_policy_that_matches_wins(void **state)
{
	static const char *const bank[] = { "bank.example" };
	static const struct inpath_policy policies[] = {
		{ .name = "bank",
			.action = INPATH_IGNORE,
			.protocols = TCP_QUIC,
			.keys = INPATH_KEY_DOMAINS,
			.domains = LIST(bank) },
		{ .name = "all", .action = INPATH_TRACE, .protocols = TCP_QUIC },
		{ .name = "never", .action = INPATH_IGNORE, .protocols = TCP_QUIC },
	};
	struct flow f;
	struct policy_facts *facts = flow_open(&f);

	(void)state;
	facts->host = "www.bank.example";
	assert_ptr_equal(decide(policies, 3, facts).policy, &policies[0]);
	facts->host = "www.example.net";
	assert_ptr_equal(decide(policies, 3, facts).policy, &policies[1]);
	facts->host = NULL;
	assert_ptr_equal(decide(policies, 3, facts).policy, &policies[1]);
}

static void without_a_match_there_is_no_policy(void **state)
{
	static const char *const names[] = { "example.org" };
	static const struct inpath_policy policy = { .name = "p",
		.protocols = TCP_QUIC,
		.keys = INPATH_KEY_DOMAINS,
		.domains = LIST(names) };
	struct flow f;
	struct policy_choice none = decide(NULL, 0, flow_open(&f));

	(void)state;
	assert_null(none.policy);
	assert_null(none.service);
	assert_false(decides(&policy, &f.facts));
	f.facts.host = "";
	assert_false(decides(&policy, &f.facts));
	f.facts.host = "example.net";
	assert_false(decides(&policy, &f.facts));
}

static void a_policy_covers_only_its_protocols(void **state)
{
	struct inpath_policy policy = { .name = "p" };
	struct flow f;
	struct policy_facts *facts = flow_open(&f);

	(void)state;
	for (uint32_t has = 0; has < 8; has++) {
		policy.protocols = has;
		for (uint32_t bit = 1; bit < 8; bit *= 2) {
			facts->protocol = bit;
			assert_int_equal(decides(&policy, facts), (has & bit) != 0);
		}
	}
}

static void ports_match_within_their_ranges(void **state)
{
	static const struct inpath_port_range ports[] = { { 443, 443 }, { 8000, 8100 }, { 0, 1 },
		{ 65535, 65535 } };
	static const struct inpath_policy policy = { .name = "p",
		.protocols = TCP_QUIC,
		.keys = INPATH_KEY_PORTS,
		.ports = ports,
		.ports_count = COUNT(ports) };
	struct flow f;
	struct policy_facts *facts = flow_open(&f);

	(void)state;
	for (uint32_t port = 0; port < 65536; port++) {
		facts->server_port = (uint16_t)port;
		assert_int_equal(decides(&policy, facts),
			port < 2 || port == 443 || (port >= 8000 && port <= 8100) || port == 65535);
	}
}

static void a_client_is_an_address_a_hardware_address_or_a_name(void **state)
{
	static const char *const names[] = { "laptop", "livingroom-tv" };
	static const struct inpath_mac macs[] = { { { 2, 0, 0, 0, 0, 9 } },
		{ { 2, 0, 0, 0, 0, 1 } } };
	const struct inpath_range ranges[] = { range("192.168.7.0", "192.168.7.255") };
	const struct inpath_policy policy = { .name = "p",
		.protocols = TCP_QUIC,
		.keys = INPATH_KEY_CLIENTS,
		.client_ranges = { .ranges = ranges, .count = 1 },
		.client_macs = macs,
		.client_macs_count = COUNT(macs),
		.client_names = LIST(names) };
	struct flow f;
	struct policy_facts *facts = flow_open(&f);
	char longest[400];

	(void)state;
	assert_false(decides(&policy, facts));
	f.client = wire_addr("192.168.7.3");
	assert_true(decides(&policy, facts));

	facts = flow_open(&f);
	facts->mac = &f.mac;
	assert_true(decides(&policy, facts));
	f.mac.bytes[5] = 2;
	assert_false(decides(&policy, facts));

	facts->device = "LivingRoom-TV";
	assert_true(decides(&policy, facts));
	facts->device = "old-laptop";
	assert_false(decides(&policy, facts));
	facts->device = "x.laptop"; /* whole, not by labels */
	assert_false(decides(&policy, facts));
	facts->device = "";
	assert_false(decides(&policy, facts));
	memset(longest, 'a', sizeof(longest));
	longest[sizeof(longest) - 1] = '\0';
	facts->device = longest;
	assert_false(decides(&policy, facts));
}

static void all_keys_must_match(void **state)
{
	static const char *const names[] = { "example.net" };
	static const struct inpath_port_range ports[] = { { 443, 443 } };
	const struct inpath_range clients[] = { range("192.168.1.0", "192.168.1.255") };
	const struct inpath_range servers[] = { range("198.51.100.0", "198.51.100.255") };
	const struct inpath_policy policy = { .name = "p",
		.protocols = TCP_QUIC,
		.keys = INPATH_KEY_DOMAINS | INPATH_KEY_CLIENTS | INPATH_KEY_SERVERS |
			INPATH_KEY_PORTS,
		.domains = LIST(names),
		.client_ranges = { .ranges = clients, .count = 1 },
		.servers = { .ranges = servers, .count = 1 },
		.ports = ports,
		.ports_count = 1 };
	struct flow f;

	(void)state;
	flow_open(&f)->host = "www.example.net";
	assert_true(decides(&policy, &f.facts));
	f.facts.host = "www.example.com";
	assert_false(decides(&policy, &f.facts));

	flow_open(&f)->host = "www.example.net";
	f.client = wire_addr("192.168.2.1");
	assert_false(decides(&policy, &f.facts));

	flow_open(&f)->host = "www.example.net";
	f.server = wire_addr("198.51.101.1");
	assert_false(decides(&policy, &f.facts));

	flow_open(&f)->host = "www.example.net";
	f.facts.server_port = 80;
	assert_false(decides(&policy, &f.facts));

	flow_open(&f)->host = "www.example.net";
	f.facts.protocol = INPATH_PROTOCOL_UDP;
	assert_false(decides(&policy, &f.facts));
}

static void a_key_without_values_matches_nothing(void **state)
{
	struct inpath_policy policy = { .name = "p", .protocols = TCP_QUIC };
	struct flow f;

	(void)state;
	flow_open(&f)->host = "www.example.net";
	f.facts.device = "tv";
	f.facts.mac = &f.mac;
	for (uint32_t key = INPATH_KEY_DOMAINS; key <= INPATH_KEY_PORTS; key *= 2) {
		policy.keys = key;
		assert_false(decides(&policy, &f.facts));
	}
}

/* Two services by domain, one by address, and a set that has them all. */
static const char *const tube_names[] = { "tube.example", "tubevideo.example" };
static const char *const wide_names[] = { "example" };
static struct inpath_range game_ranges[1];
static struct inpath_service services[] = {
	{ .name = "tube", .domains = LIST(tube_names) },
	{ .name = "games", .ranges = { .ranges = game_ranges, .count = 1 } },
	{ .name = "wide", .domains = LIST(wide_names) },
};

static struct policy_choice decide_with_services(
	const struct inpath_policy *policy, const struct policy_facts *facts)
{
	struct inpath_policy_set set = { .policies = policy,
		.policies_count = 1,
		.services = services,
		.services_count = COUNT(services) };

	game_ranges[0] = range("203.0.113.0", "203.0.113.255");
	return policy_decide(&set, facts);
}

static void a_policys_own_services_match_and_are_named(void **state)
{
	static const uint32_t own[] = { 2, 1, 0 };
	static const struct inpath_policy policy = { .name = "p",
		.protocols = TCP_QUIC,
		.keys = INPATH_KEY_SERVICES,
		.services = own,
		.services_count = COUNT(own) };
	struct flow f;
	struct policy_facts *facts = flow_open(&f);

	(void)state;
	/* The first in the policy's order, not in the set's. */
	facts->host = "www.tube.example";
	assert_string_equal(decide_with_services(&policy, facts).service, "wide");
	facts->host = "www.example.net";
	assert_null(decide_with_services(&policy, facts).policy);
	/* By address, whatever the name, and without one. */
	f.server = wire_addr("203.0.113.9");
	assert_string_equal(decide_with_services(&policy, facts).service, "games");
	facts->host = NULL;
	assert_string_equal(decide_with_services(&policy, facts).service, "games");
	assert_ptr_equal(decide_with_services(&policy, facts).policy, &policy);
}

static void services_that_a_policy_does_not_name_do_not_match(void **state)
{
	static const uint32_t own[] = { 1 };
	static const struct inpath_policy policy = { .name = "p",
		.protocols = TCP_QUIC,
		.keys = INPATH_KEY_SERVICES,
		.services = own,
		.services_count = COUNT(own) };
	struct flow f;

	(void)state;
	flow_open(&f)->host = "www.tube.example";
	assert_null(decide_with_services(&policy, &f.facts).policy);
}

static void a_policy_without_services_is_named_by_the_first_of_the_set(void **state)
{
	static const struct inpath_policy policy = { .name = "p", .protocols = TCP_QUIC };
	struct flow f;
	struct policy_facts *facts = flow_open(&f);

	(void)state;
	facts->host = "www.tube.example";
	assert_string_equal(decide_with_services(&policy, facts).service, "tube");
	facts->host = "www.other.example";
	assert_string_equal(decide_with_services(&policy, facts).service, "wide");
	f.server = wire_addr("203.0.113.9");
	assert_string_equal(decide_with_services(&policy, facts).service, "games");
	facts = flow_open(&f);
	assert_string_equal(decide_with_services(&policy, facts).service, "p");
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Names of every length and shape that sort in other ways than they count. */
static void lookups_in_long_lists_agree_with_plain_search(void **state)
{
	char(*text)[32] = calloc(MANY, sizeof(*text));
	const char **names = calloc(MANY, sizeof(*names));
	struct inpath_range *ranges = calloc(MANY, sizeof(*ranges));
	struct inpath_domain_list domains = { .names = names, .count = MANY };
	struct inpath_range_list list = { .ranges = ranges, .count = MANY };

	(void)state;
	assert_true(text && names && ranges);
	for (uint32_t i = 0; i < MANY; i++) {
		/* Even numbers are in the list; ranges are 3 addresses wide, 8 apart. */
		snprintf(text[i], sizeof(*text), "h%u.example", 2 * i);
		names[i] = text[i];
		ranges[i] = range("10.0.0.0", "10.0.0.0");
		wire_put32(ranges[i].first.bytes, 0x0a000000 + 8 * i);
		wire_put32(ranges[i].last.bytes, 0x0a000000 + 8 * i + 2);
	}
	qsort(names, MANY, sizeof(*names), by_text);
	for (uint32_t i = 0; i < LOOKUPS; i++) {
		struct inpath_addr addr = wire_addr("10.0.0.0");
		char host[48];

		snprintf(host, sizeof(host), "www.h%u.example", i);
		assert_int_equal(policy_domain_matches(&domains, host), i % 2 == 0 && i < 2 * MANY);
		wire_put32(addr.bytes, 0x0a000000 + i);
		assert_int_equal(policy_range_matches(&list, &addr), i % 8 <= 2);
	}
	free(text);
	free(names);
	free(ranges);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_domain_matches_whole_labels_only),
		cmocka_unit_test(a_range_holds_its_ends_and_nothing_beside),
		cmocka_unit_test(the_first_policy_that_matches_wins),
		cmocka_unit_test(without_a_match_there_is_no_policy),
		cmocka_unit_test(a_policy_covers_only_its_protocols),
		cmocka_unit_test(ports_match_within_their_ranges),
		cmocka_unit_test(a_client_is_an_address_a_hardware_address_or_a_name),
		cmocka_unit_test(all_keys_must_match),
		cmocka_unit_test(a_key_without_values_matches_nothing),
		cmocka_unit_test(a_policys_own_services_match_and_are_named),
		cmocka_unit_test(services_that_a_policy_does_not_name_do_not_match),
		cmocka_unit_test(a_policy_without_services_is_named_by_the_first_of_the_set),
		cmocka_unit_test(lookups_in_long_lists_agree_with_plain_search),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
