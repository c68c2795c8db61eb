/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/config_place.h"

struct range_case {
	const char *group;
	const char *option;
	long long min;
	long long max;
};

static const struct range_case RANGES[] = {
	{ "gateway", "queue", 0, 65535 },
	{ "gateway", "queue_len", 16, 65536 },
	{ "gateway", "mark_probe", 1, 4294967295 },
	{ "gateway", "mark_rest", 1, 4294967295 },
	{ "probe", "interval", 1, 86400 },
	{ "probe", "max_hops", 1, 64 },
	{ "probe", "attempts", 1, 10 },
	{ "probe", "gap", 1, 64 },
	{ "probe", "timeout_ms", 50, 10000 },
	{ "budget", "gateway", 1, 100000 },
	{ "budget", "client", 1, 100000 },
	{ "budget", "first_hops", 1, 100000 },
	{ "limits", "flows", 64, 1048576 },
	{ "limits", "names", 64, 1048576 },
	{ "limits", "hellos", 1, 4096 },
	{ "limits", "traces", 1, 4096 },
	{ "limits", "histories", 1, 1048576 },
};

static void number_refused(
	const struct place *p, const struct range_case *r, const char *value, const char *problem)
{
	char text[256];
	char message[256];

	(void)snprintf(text, sizeof(text), "\n%s = {\n  %s = %s; };", r->group, r->option, value);
	(void)snprintf(message, sizeof(message), "%s.%s: %s %lld..%lld", r->group, r->option,
		problem, r->min, r->max);
	refused(p, text, 3, message);
}

static void numbers_keep_to_their_range(void **state)
{
	struct place *p = *state;

	for (size_t i = 0; i < sizeof(RANGES) / sizeof(RANGES[0]); i++) {
		const struct range_case *r = &RANGES[i];
		const long long bad[] = { r->min - 1, r->max + 1, -1, 99999999999 };
		char value[64];
		char problem[128];

		for (size_t k = 0; k < sizeof(bad) / sizeof(bad[0]); k++) {
			(void)snprintf(value, sizeof(value), "%lld", bad[k]);
			(void)snprintf(problem, sizeof(problem), "%lld is out of range", bad[k]);
			number_refused(p, r, value, problem);
		}
		number_refused(p, r, "60.0", "must be a whole number,");
		number_refused(p, r, "\"60\"", "must be a whole number,");
		number_refused(p, r, "true", "must be a whole number,");
		number_refused(p, r, "[ 60 ]", "must be a whole number,");
		number_refused(p, r, "{ a = 1; }", "must be a whole number,");
	}
	refused(p, "probe = { gap = 0; };", 1, "probe.gap: 0 is out of range 1..64");
	refused(p, "gateway = { mark_rest = 0x100000001; };", 1,
		"gateway.mark_rest: 4294967297 is out of range 1..4294967295");
	refused(p, "probe = { gap = 4294967301; };", 1,
		"probe.gap: 4294967301 is out of range 1..64");
	refused(p, "probe = { gap = 1e1; };", 1, "probe.gap: must be a whole number, 1..64");
}

static void booleans_are_true_or_false(void **state)
{
	static const char *const options[][2] = { { "log", "syslog" }, { "log", "hops" },
		{ "log", "probes" }, { "log", "names" }, { "probe", "touch" } };
	static const char *const values[] = { "1", "\"true\"", "1.0", "[ true ]" };

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		for (size_t k = 0; k < sizeof(values) / sizeof(values[0]); k++) {
			char text[128];
			char message[128];

			(void)snprintf(text, sizeof(text), "%s = { %s = %s; };", options[i][0],
				options[i][1], values[k]);
			(void)snprintf(message, sizeof(message), "%s.%s: must be true or false",
				options[i][0], options[i][1]);
			refused(*state, text, 1, message);
		}
	}
}

static void words_come_from_their_list(void **state)
{
	struct place *p = *state;

	refused(p, "log = {\npaths = \"some\"; };", 2,
		"log.paths: 'some' is none of \"changes\", \"all\", \"none\"");
	refused(p, "log = { paths = true; };", 1,
		"log.paths: must be one of \"changes\", \"all\", \"none\"");
	refused(p, "log = { clients = \"mac\\x0a\"; };", 1,
		"log.clients: 'mac\\x0a' is none of \"address\", \"hash\", \"none\"");
	refused(p, "log = { facility = \"mail\"; };", 1,
		"log.facility: 'mail' is none of \"daemon\", \"user\", \"local0\", \"local1\", \"local2\", "
		"\"local3\", \"local4\", \"local5\", \"local6\", \"local7\", \"syslog\"");
	refused(p, "policies = ( { name = \"a\";\n action = \"drop\"; } );", 2,
		"policies.action: 'drop' is none of \"trace\", \"ignore\"");
	refused(p, "policies = ( { name = \"a\";\n protocols = [ \"tcp\",\n \"icmp\" ]; } );", 3,
		"policies.protocols: 'icmp' is none of \"tcp\", \"quic\", \"udp\"");
}

static void texts_are_texts(void **state)
{
	struct place *p = *state;

	refused(p, "log = { file = 7; };", 1, "log.file: must be a text in double quotes");
	refused(p, "log = { file = \"a\\x07\"; };", 1,
		"log.file: must not hold control characters");
	refused(p, "log = { file = \"/var/log/x; };\n", 1,
		"a string is not closed by a \" on its line");
}

static void unknown_keys_are_refused_at_every_level(void **state)
{
	struct place *p = *state;

	refused(p, "\n\ngatewy = { };", 3,
		"gatewy: unknown option; allowed here: gateway log probe budget limits services mmdb policies");
	refused(p, "gateway = {\n que = 1; };", 2,
		"gateway.que: unknown option; allowed here: lan wan queue queue_len mark_probe mark_rest accounting");
	refused(p, "log = {\n level = 1; };", 2,
		"log.level: unknown option; allowed here: syslog facility paths hops probes names clients "
		"file");
	refused(p, "probe = {\n hops = 1; };", 2,
		"probe.hops: unknown option; allowed here: interval max_hops attempts gap timeout_ms touch");
	refused(p, "budget = {\n lan = 1; };", 2,
		"budget.lan: unknown option; allowed here: gateway client first_hops");
	refused(p, "limits = {\n hops = 1; };", 2,
		"limits.hops: unknown option; allowed here: flows names hellos traces histories");
	refused(p, "policies = ( { name = \"a\"; },\n{ name = \"b\";\n timeout_ms = 100; } );", 3,
		"policies.timeout_ms: unknown option; allowed here: name action domains services clients "
		"servers protocols ports interval max_hops attempts gap touch");
	refused(p, "probe = 5;", 1, "probe: must be a group, in { }");
	refused(p, "policies = { };", 1, "policies: must be a list of groups, in ( )");
	refused(p, "policies = (\n\"all\" );", 2, "policies: must be a group, in { }");
}

#define QUOTES "a text in quotes may only stand behind '=' or in a list, with commas between"

static void syntax_errors_name_their_line(void **state)
{
	struct place *p = *state;

	refused(p, "\nprobe = { gap = 1;\n gap = 2; };", 3, "duplicate setting name");
	refused(p, "\nprobe = {\n gap 1; };", 3, "syntax error");
	refused(p, "\n\n/* no end", 3, "this comment is not closed by */");
	refused(p, "\npolicies = [ { name = 1; } ];", 2,
		"'{' inside of '[ ]': only plain values may stand there");
	refused(p, "\ngateway = { lan = [\n \"a\" ) };", 3, "')' does not close the '[' of line 2");
	refused(p, "\ngateway = { lan = \"a\" ] };", 2, "']' does not close the '{' of line 2");
	refused(p, "\n}", 2, "'}' without a '{'");
	refused(p, "\ngateway = { lan = [\n", 2, "this '[' is not closed");
	refused(p, "\ngateway = {\n", 2, "this '{' is not closed");
	refused(p, "a = ((((((((((((((((\n(", 2, "more than 16 brackets are open");
	refused(p, "\nlog = { file \"a\"; };", 2, QUOTES);
	refused(p, "\nlog = { hops = true, \"a\"; };", 2, QUOTES);
	refused(p, "\ngateway = { lan = [ 2 \"a\" ]; };", 2, QUOTES);
	refused(p, "\ngateway = { lan = [ \"a\" 2 ]; };", 2, "syntax error");
	refused(p, "\ngateway = { lan = [ \"a\" \"b\" c ]; };", 2, "syntax error");
}

static void a_nul_byte_is_refused(void **state)
{
	struct place *p = *state;
	struct config_error err;

	write_file(p->conf, "probe = { };\0gap", 16);
	assert_null(config_load(p->conf, &err));
	assert_non_null(strstr(err.text, "it holds a NUL byte: not a text file"));
}

static void interfaces_are_names(void **state)
{
	struct place *p = *state;

	refused(p, "gateway = {\n lan = \"\"; };", 2,
		"gateway.lan: an interface's name must be 1..15 letters, digits, '.', '_', '-'");
	refused(p, "gateway = { lan = \"eth*\"; };", 1,
		"gateway.lan: an interface's name must be 1..15 letters, digits, '.', '_', '-'");
	refused(p, "gateway = { lan = \"-j\"; };", 1,
		"gateway.lan: an interface's name must be 1..15 letters, digits, '.', '_', '-'");
	refused(p, "gateway = { wan = \"abcdefghijklmnop\"; };", 1,
		"gateway.wan: is 16 bytes long; at most 15 are allowed");
	refused(p, "gateway = { wan = [ ]; };", 1,
		"gateway.wan: the list is empty; \"auto\" finds the interfaces");
	refused(p, "gateway = { wan = [ \"eth0\",\n\"auto\" ]; };", 2,
		"gateway.wan: \"auto\" must stand alone, outside of a list");
	refused(p, "gateway = { wan = [ \"a\", \"a\" ]; };", 1, "gateway.wan: 'a' is named twice");
	refused(p, "gateway = { wan = [ 1 ]; };", 1,
		"gateway.wan: must be a text in double quotes");
	refused(p, "gateway = { wan = 1; };", 1,
		"gateway.wan: must be \"auto\", an interface's name, or a list of names");
	refused(p, "gateway = { lan = \"a\";\n wan = \"a\"; };", 2,
		"gateway.wan: 'a' is in gateway.lan too");
}

static void a_list_of_interfaces_may_be_full_and_no_more(void **state)
{
	char text[1024] = "gateway = { lan = [ ";
	struct config *c;

	for (int i = 0; i < CONFIG_IFACES; i++)
		(void)snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s\"e%d\"",
			i ? "," : "", i);
	(void)snprintf(text + strlen(text), sizeof(text) - strlen(text), " ]; };");
	c = loads(*state, text);
	assert_int_equal(c->lan.count, CONFIG_IFACES);
	config_free(c);
	(void)snprintf(text + strlen(text) - 5, sizeof(text) - strlen(text) + 5, ",\"more\" ]; };");
	refused(*state, text, 1, "gateway.lan: more than 32 interfaces");
}

static void marks_share_no_bits(void **state)
{
	refused(*state, "gateway = { mark_probe = 0x6;\n mark_rest = 0x4; };", 2,
		"gateway.mark_rest: mark_probe 0x6 and mark_rest 0x4 share bits");
	refused(*state, "gateway = {\n mark_probe = 0x0c000000; };", 2,
		"gateway.mark_probe: mark_probe 0xc000000 and mark_rest 0x8000000 share bits");
}

static void a_named_file_must_exist(void **state)
{
	struct place *p = *state;
	struct config_error err;
	char expected[256];

	assert_null(config_load(p->conf, &err));
	(void)snprintf(expected, sizeof(expected),
		"%s: cannot read the configuration: No such file or directory", p->conf);
	assert_string_equal(err.text, expected);
	assert_null(config_load(p->dir, &err));
	(void)snprintf(expected, sizeof(expected),
		"%s: cannot read the configuration: Is a directory", p->dir);
	assert_string_equal(err.text, expected);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(numbers_keep_to_their_range),
		TEST(booleans_are_true_or_false),
		TEST(words_come_from_their_list),
		TEST(texts_are_texts),
		TEST(unknown_keys_are_refused_at_every_level),
		TEST(syntax_errors_name_their_line),
		TEST(a_nul_byte_is_refused),
		TEST(interfaces_are_names),
		TEST(a_list_of_interfaces_may_be_full_and_no_more),
		TEST(marks_share_no_bits),
		TEST(a_named_file_must_exist),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
