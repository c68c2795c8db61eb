/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/config_place.h"

static void policies_have_names_of_their_own(void **state)
{
	struct place *p = *state;
	char long_name[128];
	char text[256];

	refused(p, "policies = (\n{ action = \"trace\"; } );", 2,
		"policies: a policy must have a name");
	refused(p, "policies = ( { name = \"\"; } );", 1,
		"policies.name: must be 1..63 bytes long");
	refused(p, "policies = ( { name = 7; } );", 1,
		"policies.name: must be a text in double quotes");
	refused(p, "policies = ( { name = \"a\"; }, { name = \"b\"; },\n { name = \"a\"; } );", 2,
		"policies.name: an earlier policy is called 'a' too");
	memset(long_name, 'n', sizeof(long_name));
	long_name[64] = '\0';
	(void)snprintf(text, sizeof(text), "policies = ( { name = \"%s\"; } );", long_name);
	refused(p, text, 1, "policies.name: is 64 bytes long; at most 63 are allowed");
	(void)snprintf(text, sizeof(text), "policies = ( { name = \"%s\"; } );", long_name + 1);
	config_free(loads(p, text));
}

static void lists_are_lists_with_something_in_them(void **state)
{
	static const char *const keys[] = { "domains", "services", "clients", "servers",
		"protocols", "ports" };

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		char key[64];
		char message[128];

		(void)snprintf(key, sizeof(key), "%s = [ ]", keys[i]);
		(void)snprintf(message, sizeof(message),
			"policies.%s: the list is empty; leave the option out instead", keys[i]);
		key_refused(*state, key, message);
		(void)snprintf(key, sizeof(key), "%s = \"tcp\"", keys[i]);
		(void)snprintf(
			message, sizeof(message), "policies.%s: must be a list, in [ ]", keys[i]);
		key_refused(*state, key, message);
	}
	key_refused(*state, "domains = [ 7 ]",
		"policies.domains: each value must be a text in double quotes");
	key_refused(*state, "ports = [ 4.5 ]",
		"policies.ports: each value must be a port or a range, as 443 or \"8000-8100\"");
}

static void bad_domains_are_refused(void **state)
{
	static const char not_domain[] =
		"policies.domains: '%s' is not a domain: letters, digits, '-', '_' and dots are allowed "
		"(other letters in their xn-- form)";
	struct place *p = *state;
	char message[256];

	key_refused(p, "domains = [ \"*.a.example\" ]",
		"policies.domains: '*.a.example' begins with '*': write the bare domain, it covers its "
		"subdomains already");
	key_refused(p, "domains = [ \".a.example\" ]",
		"policies.domains: '.a.example' begins with '.': write the bare domain, it covers its "
		"subdomains already");
	(void)snprintf(message, sizeof(message), not_domain, "a b");
	key_refused(p, "domains = [ \"a b\" ]", message);
	(void)snprintf(message, sizeof(message), not_domain, "b\xc3\xbc.example");
	key_refused(p, "domains = [ \"b\xc3\xbc.example\" ]", message);
	key_refused(p, "domains = [ \"\" ]", "policies.domains: '' is empty");
	key_refused(p, "domains = [ \"a..b\" ]",
		"policies.domains: 'a..b' is not a domain: nothing stands before a dot");
	key_refused(p, "domains = [ \"-a.b\" ]",
		"policies.domains: '-a.b' is not a domain: a part begins or ends with '-'");
	key_refused(p, "domains = [ \"a-.b\" ]",
		"policies.domains: 'a-.b' is not a domain: a part begins or ends with '-'");
	key_refused(p, "domains = [ \"192.0.2.1\" ]",
		"policies.domains: '192.0.2.1' is not a domain; addresses and prefixes belong to 'servers'");
	key_refused(p, "domains = [ \"https://a.example/\" ]",
		"policies.domains: 'https://a.example/' is not a domain; addresses and prefixes belong to "
		"'servers'");
}

static void domains_keep_to_their_length(void **state)
{
	struct place *p = *state;
	char label[65];
	char name[300];
	char text[512];
	struct config *c;

	memset(label, 'a', 64);
	label[64] = '\0';
	(void)snprintf(text, sizeof(text), "domains = [ \"%s.example\" ]", label);
	(void)snprintf(name, sizeof(name),
		"policies.domains: '%s.example' is not a domain: a part between dots is longer "
		"than 63 bytes",
		label);
	key_refused(p, text, name);
	/* 63 + 1 + 63 + 1 + 63 + 1 + 61 = 253 */
	(void)snprintf(name, sizeof(name), "%.63s.%.63s.%.63s.%.61s", label, label, label, label);
	(void)snprintf(text, sizeof(text),
		"policies = ( { name = \"a\"; domains = [ \"%s\" ]; } );", name);
	c = loads(p, text);
	assert_string_equal(c->policies.policies[0].domains.names[0], name);
	config_free(c);
	(void)snprintf(text, sizeof(text), "domains = [ \"%sa\" ]", name);
	(void)snprintf(name, sizeof(name),
		"policies.domains: '%.63s.%.56s...' is longer than 253 bytes", label, label);
	key_refused(p, text, name);
}

static void bad_addresses_are_refused(void **state)
{
	static const char form[] =
		"policies.servers: '%s' is not an address (192.0.2.1, 2001:db8::1) or a prefix "
		"(192.0.2.0/24, 2001:db8::/32)";
	static const char *const bad[] = { "192.0.2.256", "192.0.2", "1.2.3.4.5", "192.00.2.1",
		"2001:db8:", "2001::db8::1", "fe80::1%eth0", "server.example", "", "/24",
		"192.0.2.0 /24" };
	struct place *p = *state;
	char key[128];
	char message[256];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		(void)snprintf(key, sizeof(key), "servers = [ \"%s\" ]", bad[i]);
		(void)snprintf(message, sizeof(message), form, bad[i]);
		key_refused(p, key, message);
	}
	key_refused(p, "servers = [ \"192.0.2.0/33\" ]",
		"policies.servers: '192.0.2.0/33' is not a prefix: its length must be 0..32");
	key_refused(p, "servers = [ \"192.0.2.0/\" ]",
		"policies.servers: '192.0.2.0/' is not a prefix: its length must be 0..32");
	key_refused(p, "servers = [ \"192.0.2.0/024\" ]",
		"policies.servers: '192.0.2.0/024' is not a prefix: its length must be 0..32");
	key_refused(p, "servers = [ \"2001:db8::/129\" ]",
		"policies.servers: '2001:db8::/129' is not a prefix: its length must be 0..128");
	key_refused(p, "servers = [ \"192.0.2.77/26\" ]",
		"policies.servers: '192.0.2.77/26' has bits behind its length: the network is "
		"192.0.2.64/26");
	key_refused(p, "servers = [ \"2001:db8::1/32\" ]",
		"policies.servers: '2001:db8::1/32' has bits behind its length: the network is "
		"2001:db8::/32");
}

static void bad_clients_are_refused(void **state)
{
	struct place *p = *state;

	key_refused(p, "clients = [ \"aa:bb:cc:dd:ee:fg\" ]",
		"policies.clients: 'aa:bb:cc:dd:ee:fg' is not a hardware address: write it as "
		"aa:bb:cc:dd:ee:ff");
	key_refused(p, "clients = [ \"a:b:c:d:e:f\" ]",
		"policies.clients: 'a:b:c:d:e:f' is not a hardware address: write it as aa:bb:cc:dd:ee:ff");
	key_refused(p, "clients = [ \"01:00:5e:00:00:01\" ]",
		"policies.clients: '01:00:5e:00:00:01' is a group's hardware address: no single device has "
		"it");
	key_refused(p, "clients = [ \"192.168.1.300\" ]",
		"policies.clients: '192.168.1.300' is not an address (192.0.2.1, 2001:db8::1) or a prefix "
		"(192.0.2.0/24, 2001:db8::/32)");
	key_refused(p, "clients = [ \"living room\" ]",
		"policies.clients: 'living room' is not an address, a prefix, a hardware address or a "
		"device's name (1..63 letters, digits, '.', '_', '-')");
}

static void bad_ports_are_refused(void **state)
{
	static const char *const bad[] = { "443", "0-5", "5-4", "1-65536", "1-", "-1", "1 - 2",
		"a-b", "01-2" };
	struct place *p = *state;

	key_refused(p, "ports = [ 0 ]", "policies.ports: 0 is out of range 1..65535");
	key_refused(p, "ports = [ 65536 ]", "policies.ports: 65536 is out of range 1..65535");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char key[64];
		char message[256];

		(void)snprintf(key, sizeof(key), "ports = [ \"%s\" ]", bad[i]);
		(void)snprintf(message, sizeof(message),
			"policies.ports: '%s' is not a range of ports: write 443 or \"8000-8100\", within "
			"1..65535",
			bad[i]);
		key_refused(p, key, message);
	}
}

static void unknown_services_are_refused(void **state)
{
	struct place *p = *state;
	char message[256];

	(void)snprintf(message, sizeof(message),
		"policies.services: 'nope' is not a service: no file of that name, with .conf behind, is in %s",
		p->services);
	key_refused(p, "services = [ \"netflix\", \"nope\" ]", message);
}

static void policy_settings_keep_to_their_range(void **state)
{
	key_refused(*state, "interval = 0", "policies.interval: 0 is out of range 1..86400");
	key_refused(*state, "max_hops = 65", "policies.max_hops: 65 is out of range 1..64");
	key_refused(*state, "attempts = 11", "policies.attempts: 11 is out of range 1..10");
	key_refused(*state, "gap = 0", "policies.gap: 0 is out of range 1..64");
	key_refused(*state, "touch = 1", "policies.touch: must be true or false");
}

static void ranges_come_out_sorted_and_apart(void **state)
{
	struct config *c = loads(*state,
		"policies = ( { name = \"a\"; servers = [ \"2001:db8::/32\", \"192.0.2.128/25\", "
		"\"10.0.0.0/8\", \"10.1.0.0/16\", \"192.0.2.0/24\", \"2001:db8::1\", \"10.0.0.0/8\", "
		"\"198.51.100.7\" ]; }, { name = \"b\"; "
		"servers = [ \"0.0.0.0/0\", \"::/0\", \"1.2.3.4\" ]; } );");
	const struct inpath_range_list *l = &c->policies.policies[0].servers;

	assert_int_equal(l->count, 4);
	assert_range(&l->ranges[0], "10.0.0.0", "10.255.255.255");
	assert_range(&l->ranges[1], "192.0.2.0", "192.0.2.255");
	assert_range(&l->ranges[2], "198.51.100.7", "198.51.100.7");
	assert_range(&l->ranges[3], "2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff");
	l = &c->policies.policies[1].servers;
	assert_int_equal(l->count, 2);
	assert_range(&l->ranges[0], "0.0.0.0", "255.255.255.255");
	assert_range(&l->ranges[1], "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
	for (size_t i = 4; i < 16; i++)
		assert_int_equal(l->ranges[0].last.bytes[i], 0);
	config_free(c);
}

static void domains_come_out_sorted_once_and_in_lower_case(void **state)
{
	struct config *c = loads(*state,
		"policies = ( { name = \"a\"; domains = [ \"B.example\", \"a.example.\", \"b.example\", "
		"\"x--y_1.a.example\" ]; } );");
	const struct inpath_domain_list *l = &c->policies.policies[0].domains;

	assert_int_equal(l->count, 3);
	assert_string_equal(l->names[0], "a.example");
	assert_string_equal(l->names[1], "b.example");
	assert_string_equal(l->names[2], "x--y_1.a.example");
	config_free(c);
}

static void a_policy_takes_udp_and_settings_of_its_own(void **state)
{
	struct config *c = loads(*state,
		"policies = ( { name = \"a\"; protocols = ( \"udp\" ); ports = ( \"80-90\", 85, \"90-100\" ); "
		"max_hops = 3; attempts = 1; gap = 2; touch = false; } );");
	const struct inpath_policy *a = c->policies.policies;

	assert_int_equal(a->protocols, INPATH_PROTOCOL_UDP);
	assert_int_equal(a->ports_count, 1);
	assert_int_equal(a->ports[0].first, 80);
	assert_int_equal(a->ports[0].last, 100);
	assert_int_equal(a->settings.max_hops, 3);
	assert_int_equal(a->settings.attempts, 1);
	assert_int_equal(a->settings.gap, 2);
	assert_false(a->settings.touch);
	assert_true(c->probe.touch);
	config_free(c);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(policies_have_names_of_their_own),
		TEST(lists_are_lists_with_something_in_them),
		TEST(bad_domains_are_refused),
		TEST(domains_keep_to_their_length),
		TEST(bad_addresses_are_refused),
		TEST(bad_clients_are_refused),
		TEST(bad_ports_are_refused),
		TEST(unknown_services_are_refused),
		TEST(policy_settings_keep_to_their_range),
		TEST(ranges_come_out_sorted_and_apart),
		TEST(domains_come_out_sorted_once_and_in_lower_case),
		TEST(a_policy_takes_udp_and_settings_of_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
