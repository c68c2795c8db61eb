/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/config_place.h"

#include <syslog.h>

static void assert_defaults(const struct config *c)
{
	const struct inpath_policy_set *set = &c->policies;

	assert_true(c->lan.is_auto && c->wan.is_auto);
	assert_int_equal(c->queue, 537);
	assert_int_equal(c->queue_len, 256);
	assert_false(c->accounting);
	assert_int_equal(set->mark_probe, 0x04000000);
	assert_int_equal(set->mark_rest, 0x08000000);
	assert_true(c->log_syslog && c->log_names);
	assert_int_equal(c->log_facility, LOG_DAEMON);
	assert_int_equal(c->log_clients, CONFIG_CLIENTS_ADDRESS);
	assert_null(c->log_file);
	assert_null(c->mmdb);
	assert_int_equal(set->log_paths, INPATH_LOG_PATHS_CHANGES);
	assert_false(set->log_hops || set->log_probes);
	assert_int_equal(c->probe.interval_s, 60);
	assert_int_equal(c->probe.max_hops, 32);
	assert_int_equal(c->probe.attempts, 2);
	assert_int_equal(c->probe.gap, 5);
	assert_true(c->probe.touch);
	assert_int_equal(set->timeout_ms, 1000);
	assert_int_equal(set->budget.gateway, 200);
	assert_int_equal(set->budget.client, 50);
	assert_int_equal(set->budget.first_hops, 20);
	assert_int_equal(c->limits.flows, 16384);
	assert_int_equal(c->limits.names, 8192);
	assert_int_equal(c->limits.hellos, 64);
	assert_int_equal(c->limits.traces, 256);
	assert_int_equal(c->limits.histories, 2048);
}

static void assert_one_policy_all(const struct config *c)
{
	const struct inpath_policy *all = c->policies.policies;

	assert_int_equal(c->policies.policies_count, 1);
	assert_string_equal(all->name, "all");
	assert_int_equal(all->action, INPATH_TRACE);
	assert_int_equal(all->keys, 0);
	assert_int_equal(all->protocols, INPATH_PROTOCOL_TCP | INPATH_PROTOCOL_QUIC);
	assert_int_equal(all->settings.interval_s, c->probe.interval_s);
	assert_int_equal(all->settings.max_hops, c->probe.max_hops);
	assert_int_equal(all->settings.attempts, c->probe.attempts);
	assert_int_equal(all->settings.gap, c->probe.gap);
	assert_int_equal(all->settings.touch, c->probe.touch);
}

static void an_empty_file_is_all_defaults(void **state)
{
	struct place *p = *state;
	struct config_error err;
	struct config *c;

	write_file(p->conf, "", 0);
	c = config_load(p->conf, &err);
	assert_non_null(c);
	assert_defaults(c);
	assert_one_policy_all(c);
	assert_string_equal(c->services, "/etc/inpath/services");
	config_free(c);

	c = loads(p, "policies = ( );");
	assert_one_policy_all(c);
	config_free(c);
	config_free(NULL);
}

static void empty_groups_change_nothing(void **state)
{
	struct config *c =
		loads(*state, "gateway = { }; log = { }; probe = { }; budget = { }; limits = { };");

	assert_defaults(c);
	config_free(c);
}

static void every_option_is_taken(void **state)
{
	struct config *c = loads(*state,
		"gateway = { lan = [ \"br-lan\", \"eth1.2\" ]; wan = \"eth0\"; queue = 0; queue_len = 65536;"
		" mark_probe = 0x80000000; mark_rest = 1; accounting = true; };\n"
		"log = { syslog = false; facility = \"local3\"; paths = \"all\"; hops = true; probes = true;"
		" names = false; clients = \"hash\"; file = \"/var/log/inpath.log\"; };\n"
		"probe = { interval = 86400; max_hops = 64; attempts = 10; gap = 64; timeout_ms = 50;"
		" touch = false; };\n"
		"budget = { gateway = 100000; client = 1; first_hops = 2; };\n"
		"limits = { flows = 64; names = 1048576; hellos = 4096; traces = 1; histories = 3; };\n"
		"mmdb = \"/usr/share/asn.mmdb\";\n");

	assert_false(c->lan.is_auto);
	assert_int_equal(c->lan.count, 2);
	assert_string_equal(c->lan.names[1], "eth1.2");
	assert_string_equal(c->wan.names[0], "eth0");
	assert_int_equal(c->queue, 0);
	assert_int_equal(c->queue_len, 65536);
	assert_true(c->accounting);
	assert_true(c->policies.mark_probe == 0x80000000);
	assert_int_equal(c->policies.mark_rest, 1);
	assert_false(c->log_syslog || c->log_names);
	assert_int_equal(c->log_facility, LOG_LOCAL3);
	assert_int_equal(c->policies.log_paths, INPATH_LOG_PATHS_ALL);
	assert_true(c->policies.log_hops && c->policies.log_probes);
	assert_int_equal(c->log_clients, CONFIG_CLIENTS_HASH);
	assert_string_equal(c->log_file, "/var/log/inpath.log");
	assert_string_equal(c->mmdb, "/usr/share/asn.mmdb");
	assert_int_equal(c->probe.interval_s, 86400);
	assert_int_equal(c->probe.max_hops, 64);
	assert_int_equal(c->probe.attempts, 10);
	assert_int_equal(c->probe.gap, 64);
	assert_false(c->probe.touch);
	assert_int_equal(c->policies.timeout_ms, 50);
	assert_int_equal(c->policies.budget.gateway, 100000);
	assert_int_equal(c->policies.budget.client, 1);
	assert_int_equal(c->policies.budget.first_hops, 2);
	assert_int_equal(c->limits.flows, 64);
	assert_int_equal(c->limits.names, 1048576);
	assert_int_equal(c->limits.hellos, 4096);
	assert_int_equal(c->limits.traces, 1);
	assert_int_equal(c->limits.histories, 3);
	assert_one_policy_all(c);
	config_free(c);
}

static void sections_may_come_in_any_order(void **state)
{
	struct config *c = loads(*state,
		"policies = ( { name = \"a\"; services = [ \"netflix\" ]; } ); probe = { gap = 9; };");

	assert_int_equal(c->policies.policies[0].settings.gap, 9);
	config_free(c);
}

static void comments_and_brackets_in_texts_stay(void **state)
{
	struct config *c = loads(*state,
		"# [ ) {\n// \" @include \"x\"\n/* [\n\n */ log = { file = \"/a[b]{#//\\\"c\"; };\r\n"
		"gateway /**/ = { queue = 0x0000000010; };");

	assert_string_equal(c->log_file, "/a[b]{#//\"c");
	assert_int_equal(c->queue, 16);
	config_free(c);
}

static const char DESIGN_EXAMPLE[] =
	"gateway  = { lan = \"auto\"; wan = \"auto\"; queue = 537; queue_len = 256; mark_probe = "
	"0x04000000; mark_rest = 0x08000000; };\n"
	"log      = { syslog = true; facility = \"daemon\"; paths = \"changes\"; hops = false; probes = "
	"false; names = true;\n"
	"             clients = \"address\"; file = \"\"; };\n"
	"probe    = { interval = 60; max_hops = 32; attempts = 2; gap = 5; timeout_ms = 1000; touch = "
	"true; };\n"
	"budget   = { gateway = 200; client = 50; first_hops = 20; };    // probes per second\n"
	"limits   = { flows = 16384; names = 8192; hellos = 64; traces = 256; histories = 2048; };\n"
	"policies = (\n"
	"  { name = \"bank\";    action = \"ignore\"; domains = [ \"bank.example\" ]; },\n"
	"  { name = \"netflix\"; action = \"trace\";  services = [ \"netflix\" ]; },\n"
	"  { name = \"tv\";      action = \"trace\";  clients = [ \"192.168.1.23\", \"192.168.7.0/24\", "
	"\"aa:bb:cc:dd:ee:ff\", \"Livingroom-TV\" ];\n"
	"                      protocols = [ \"tcp\", \"quic\" ]; ports = [ 443, \"8000-8100\" ]; "
	"interval = 30; }\n"
	");\n";

static void the_documented_example_loads(void **state)
{
	static const uint8_t mac[6] = { 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff };
	struct config *c = loads(*state, DESIGN_EXAMPLE);
	const struct inpath_policy *tv = &c->policies.policies[2];
	const struct inpath_policy *netflix = &c->policies.policies[1];

	assert_defaults(c);
	assert_int_equal(c->policies.policies_count, 3);
	assert_int_equal(c->policies.policies[0].action, INPATH_IGNORE);
	assert_int_equal(c->policies.policies[0].keys, INPATH_KEY_DOMAINS);
	assert_int_equal(netflix->keys, INPATH_KEY_SERVICES);
	assert_int_equal(netflix->services_count, 1);
	assert_string_equal(c->policies.services[netflix->services[0]].name, "netflix");
	assert_int_equal(tv->keys, INPATH_KEY_CLIENTS | INPATH_KEY_PORTS);
	assert_int_equal(tv->client_ranges.count, 2);
	assert_range(&tv->client_ranges.ranges[0], "192.168.1.23", "192.168.1.23");
	assert_int_equal(tv->client_macs_count, 1);
	assert_memory_equal(tv->client_macs[0].bytes, mac, 6);
	assert_int_equal(tv->client_names.count, 1);
	assert_string_equal(tv->client_names.names[0], "livingroom-tv");
	assert_int_equal(tv->ports_count, 2);
	assert_int_equal(tv->ports[1].first, 8000);
	assert_int_equal(tv->ports[1].last, 8100);
	assert_int_equal(tv->protocols, INPATH_PROTOCOL_TCP | INPATH_PROTOCOL_QUIC);
	assert_int_equal(tv->settings.interval_s, 30);
	assert_int_equal(tv->settings.gap, 5);
	config_free(c);
}

static void a_reload_may_change_only_what_needs_no_restart(void **state)
{
	static const struct {
		const char *text;
		const char *why; /* NULL: may be replaced */
	} cases[] = {
		{ "probe = { gap = 9; }; log = { file = \"/x\"; clients = \"none\"; };", NULL },
		{ "policies = ( { name = \"x\"; } ); budget = { client = 9; };", NULL },
		{ "gateway = { lan = \"eth1\"; };", "gateway.lan" },
		{ "gateway = { wan = \"eth1\"; };", "gateway.wan" },
		{ "gateway = { queue = 1; };", "gateway.queue" },
		{ "gateway = { queue_len = 512; };", "gateway.queue_len" },
		{ "gateway = { mark_probe = 1; };", "gateway.mark_probe" },
		{ "gateway = { mark_rest = 1; };", "gateway.mark_rest" },
		{ "gateway = { accounting = true; };", "gateway.accounting" },
		{ "limits = { flows = 100; };", "limits.flows" },
		{ "limits = { names = 100; };", "limits.names" },
		{ "limits = { hellos = 100; };", "limits.hellos" },
		{ "limits = { traces = 100; };", "limits.traces" },
		{ "limits = { histories = 100; };", "limits.histories" },
	};
	struct config *old = loads(*state, "");

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct config *next = loads(*state, cases[i].text);
		struct config_error why = { "" };
		bool may = config_may_replace(old, next, &why);

		assert_int_equal(may, cases[i].why == NULL);
		assert_string_equal(why.text, may ? "" : cases[i].why);
		config_free(next);
	}
	config_free(old);
}

static void print(const struct config *c, char *out, size_t room)
{
	struct config_ifaces lan = { .count = 2, .names = { "br-lan", "eth1" } };
	struct config_ifaces wan = { .count = 0 };
	FILE *f = fmemopen(out, room, "w");

	assert_non_null(f);
	assert_int_equal(config_print(c, &lan, &wan, f), 0);
	assert_int_equal(fclose(f), 0);
}

static void every_option_is_printed(void **state)
{
	struct config *c = loads(*state, DESIGN_EXAMPLE);
	char expected[2048];
	char out[2048];

	print(c, out, sizeof(out));
	(void)snprintf(expected, sizeof(expected),
		"INPATH_QUEUE='537'\nINPATH_QUEUE_LEN='256'\nINPATH_MARK_PROBE='0x4000000'\n"
		"INPATH_MARK_REST='0x8000000'\nINPATH_LAN='br-lan eth1'\nINPATH_WAN=''\nINPATH_ACCOUNTING='false'\n"
		"INPATH_LOG_SYSLOG='true'\nINPATH_LOG_FACILITY='daemon'\nINPATH_LOG_PATHS='changes'\n"
		"INPATH_LOG_HOPS='false'\nINPATH_LOG_PROBES='false'\nINPATH_LOG_NAMES='true'\n"
		"INPATH_LOG_CLIENTS='address'\nINPATH_LOG_FILE=''\nINPATH_PROBE_INTERVAL='60'\n"
		"INPATH_PROBE_MAX_HOPS='32'\nINPATH_PROBE_ATTEMPTS='2'\nINPATH_PROBE_GAP='5'\n"
		"INPATH_PROBE_TIMEOUT_MS='1000'\nINPATH_PROBE_TOUCH='true'\nINPATH_BUDGET_GATEWAY='200'\n"
		"INPATH_BUDGET_CLIENT='50'\nINPATH_BUDGET_FIRST_HOPS='20'\nINPATH_LIMITS_FLOWS='16384'\n"
		"INPATH_LIMITS_NAMES='8192'\nINPATH_LIMITS_HELLOS='64'\nINPATH_LIMITS_TRACES='256'\n"
		"INPATH_LIMITS_HISTORIES='2048'\nINPATH_SERVICES='%s'\n"
		"INPATH_MMDB=''\n"
		"INPATH_POLICIES='bank netflix tv'\n",
		c->services);
	assert_string_equal(out, expected);
	config_free(c);
}

static void printed_values_are_safe_in_a_shell(void **state)
{
	struct config *c = loads(*state, "log = { file = \"/a'; touch $(x) `y` \\\\ 'b\"; };");
	char out[2048];

	print(c, out, sizeof(out));
	assert_non_null(strstr(out, "\nINPATH_LOG_FILE='/a'\\''; touch $(x) `y` \\ '\\''b'\n"));
	config_free(c);
}

static void a_full_disk_is_told(void **state)
{
	struct config *c = loads(*state, "");
	struct config_ifaces none = { .count = 0 };
	FILE *full = fopen("/dev/full", "w");

	if (full == NULL) {
		config_free(c);
		skip();
	}
	assert_true(config_print(c, &none, &none, full) < 0);
	(void)fclose(full);
	config_free(c);
}

static void the_shipped_file_is_the_default(void **state)
{
	struct config_error err;
	struct config *c = config_load("etc/inpath.conf", &err);

	(void)state;
	if (c == NULL)
		fail_msg("%s", err.text);
	assert_defaults(c);
	assert_one_policy_all(c);
	config_free(c);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(an_empty_file_is_all_defaults),
		TEST(empty_groups_change_nothing),
		TEST(every_option_is_taken),
		TEST(sections_may_come_in_any_order),
		TEST(comments_and_brackets_in_texts_stay),
		TEST(the_documented_example_loads),
		TEST(a_reload_may_change_only_what_needs_no_restart),
		TEST(every_option_is_printed),
		TEST(printed_values_are_safe_in_a_shell),
		TEST(a_full_disk_is_told),
		TEST(the_shipped_file_is_the_default),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
