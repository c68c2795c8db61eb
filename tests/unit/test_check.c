/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/cli/check.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
	PROBE = 0x04000000,
	REST = 0x08000000
};

static struct facts facts;
static struct findings findings;

/* The daemon's answer, as its socket gives it. */
static void daemon_says(const char *state, const char *stats)
{
	memset(&facts.daemon, 0, sizeof(facts.daemon));
	assert_true(logfmt_read(state, strlen(state), &facts.daemon.lines[0]));
	assert_true(logfmt_read(stats, strlen(stats), &facts.daemon.lines[1]));
	facts.daemon.count = 2;
}

/* A gateway on which all is well. */
static int begin(void **state)
{
	struct config_error why;

	(void)state;
	memset(&facts, 0, sizeof(facts));
	facts.admin = true;
	facts.config = config_load("/dev/null", &why);
	assert_non_null(facts.config);
	facts.lan = (struct config_ifaces){ .count = 1, .names = { "br-lan" } };
	facts.wan = (struct config_ifaces){ .count = 1, .names = { "wan" } };
	facts.wall_s = 1800000000;
	facts.conntrack_count = 10;
	facts.conntrack_max = 1000;
	facts.feature_count = 2;
	facts.features[0] = (struct feature){ "kernel.queue", 0, true, "queue", "load it" };
	facts.features[1] = (struct feature){ "kernel.nft", 0, false, "nft", "load it" };
	daemon_says(
		"ev=state v=1 uptime=100 mark_probe=0x04000000 accounting=off last_packet=1 last_dns=2 last_path=3",
		"ev=stats v=1 flows_traced=3");
	return 0;
}

static int end(void **state)
{
	(void)state;
	config_free(facts.config);
	return 0;
}

static const struct finding *found(const char *id)
{
	memset(&findings, 0, sizeof(findings));
	check_judge(&facts, &findings);
	for (size_t i = 0; i < findings.count; i++)
		if (!strcmp(findings.list[i].id, id))
			return &findings.list[i];
	return NULL;
}

static void assert_mark(const char *id, enum finding_mark mark)
{
	const struct finding *f = found(id);

	assert_non_null(f);
	assert_int_equal(f->mark, mark);
	assert_int_equal(findings_worst(&findings), mark);
	assert_true((mark == FINDING_OK) == (*f->mend == '\0'));
}

static void a_good_gateway_has_nothing_to_mend(void **state)
{
	(void)state;
	check_judge(&facts, &findings);
	assert_mark("privileges", FINDING_OK);
	assert_int_equal(findings_worst(&findings), 0);
	assert_true(findings.count > 15);
}

static void what_the_kernel_lacks_is_named(void **state)
{
	(void)state;
	facts.features[0].error = EPROTONOSUPPORT;
	assert_mark("kernel.queue", FINDING_BAD);
	facts.features[0].needed = false;
	assert_mark("kernel.queue", FINDING_LIMIT);
	facts.features[0].error = 0;
	facts.features[1].error = EOPNOTSUPP;
	assert_mark("kernel.rules", FINDING_BAD);
}

static void the_way_in_and_out_is_named(void **state)
{
	(void)state;
	strcpy(facts.wan_down, "wan");
	assert_mark("wan", FINDING_LIMIT);
	facts.wan.count = 0;
	assert_mark("wan", FINDING_BAD);
}

static void rules_that_are_not_there_are_named(void **state)
{
	(void)state;
	facts.rules_status = 3;
	assert_mark("rules", FINDING_BAD);
	facts.rules_status = 4;
	assert_mark("rules", FINDING_BAD);
	facts.rules_status = 1;
	assert_mark("rules", FINDING_BAD);
}

static void a_daemon_that_is_not_confined_is_named(void **state)
{
	(void)state;
	daemon_says("ev=state uptime=59 unconfined=-", "ev=stats v=1");
	assert_mark("confinement", FINDING_OK);
	daemon_says("ev=state uptime=59 unconfined=user,bounding", "ev=stats v=1");
	assert_mark("confinement", FINDING_LIMIT);
	daemon_says("ev=state uptime=59 unconfined=seccomp", "ev=stats v=1");
	assert_mark("confinement", FINDING_LIMIT);
}

static void silence_is_told_from_a_fresh_start(void **state)
{
	(void)state;
	daemon_says("ev=state uptime=59 last_packet=- last_dns=- last_path=-", "ev=stats v=1");
	assert_mark("packets", FINDING_OK);
	daemon_says("ev=state uptime=60 last_packet=- last_dns=- last_path=-", "ev=stats v=1");
	assert_mark("packets", FINDING_LIMIT);
	facts.conntrack_count = 0;
	assert_mark("packets", FINDING_OK);
	daemon_says("ev=state uptime=60 last_packet=1 last_dns=- last_path=1", "ev=stats v=1");
	assert_mark("dns", FINDING_LIMIT);
	daemon_says("ev=state uptime=59 last_packet=1 last_dns=- last_path=1", "ev=stats v=1");
	assert_mark("dns", FINDING_OK);
}

static void paths_that_fail_to_come_are_named(void **state)
{
	(void)state;
	daemon_says("ev=state uptime=90 last_packet=1 last_dns=1 last_path=-",
		"ev=stats flows_traced=1");
	assert_mark("paths", FINDING_LIMIT);
	daemon_says("ev=state uptime=9000 last_packet=1 last_dns=1 last_path=7200", "ev=stats v=1");
	assert_mark("paths", FINDING_LIMIT);
	daemon_says(
		"ev=state uptime=9000 last_packet=7200 last_dns=1 last_path=7200", "ev=stats v=1");
	assert_mark("paths", FINDING_OK);
}

static void losses_are_named(void **state)
{
	static const struct {
		const char *stats, *id;
	} cases[] = {
		{ "ev=stats probes_refused=1", "probes" },
		{ "ev=stats queue_full=1", "queue" },
		{ "ev=stats queue_enobufs=1", "queue" },
		{ "ev=stats log_dropped=1", "log" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		daemon_says("ev=state uptime=1 mark_probe=0x1 last_packet=1 last_dns=1 last_path=1",
			cases[i].stats);
		assert_mark(cases[i].id, FINDING_LIMIT);
	}
}

static void accounting_is_short_only_if_it_was_asked_for(void **state)
{
	(void)state;
	assert_mark("accounting", FINDING_OK);
	facts.config->accounting = true;
	assert_mark("accounting", FINDING_LIMIT);
	daemon_says("ev=state uptime=1 accounting=on", "ev=stats v=1");
	assert_mark("accounting", FINDING_OK);
	facts.config->accounting = false;
	assert_mark("accounting", FINDING_OK);
}

static void a_clock_that_is_off_is_named(void **state)
{
	(void)state;
	facts.clock_unsynchronised = true;
	assert_mark("clock", FINDING_LIMIT);
	facts.clock_unsynchronised = false;
	facts.wall_s = 1000000000;
	assert_mark("clock", FINDING_LIMIT);
}

static void the_rest_of_the_machine_is_looked_at(void **state)
{
	(void)state;
	strcpy(facts.gro_list, "wan");
	assert_mark("driver", FINDING_LIMIT);
	*facts.gro_list = '\0';
	facts.conntrack_count = 901;
	assert_mark("conntrack", FINDING_LIMIT);
	facts.conntrack_count = 900;
	assert_mark("conntrack", FINDING_OK);
}

static void marks_are_in_danger_only_if_both_rules_are_there(void **state)
{
	(void)state;
	facts.routing.whole_marks = true;
	assert_mark("marks", FINDING_OK);
	facts.firewall.restores = true;
	assert_mark("marks", FINDING_LIMIT);
	facts.routing.whole_marks = false;
	assert_mark("marks", FINDING_OK);
	strcpy(facts.routing.lan_iif, "br-lan");
	assert_mark("iif", FINDING_LIMIT);
}

static void no_daemon_and_a_stolen_queue_are_told_apart(void **state)
{
	(void)state;
	facts.daemon_error = -ENOENT;
	facts.daemon.count = 0;
	assert_mark("daemon", FINDING_BAD);
	assert_null(strstr(found("daemon")->text, "other"));
	strcpy(facts.queue_owner, "other (pid 7)");
	assert_non_null(strstr(found("daemon")->text, "other (pid 7)"));
}

static const char RULESET[] =
	"{\"nftables\": [{\"metainfo\": {\"version\": \"1.0.6\"}},"
	"{\"flowtable\": {\"family\": \"inet\", \"name\": \"ft\", \"table\": \"fw4\", \"flags\": \"offload\"}},"
	"{\"rule\": {\"family\": \"inet\", \"table\": \"fw4\", \"chain\": \"srcnat\", \"expr\": [{\"masquerade\": null}]}},"
	"{\"rule\": {\"family\": \"inet\", \"table\": \"own\", \"chain\": \"pre\", \"expr\": [{\"mangle\": {\"key\":"
	" {\"meta\": {\"key\": \"mark\"}}, \"value\": {\"ct\": {\"key\": \"mark\"}}}}]}},"
	"{\"rule\": {\"family\": \"inet\", \"table\": \"fw4\", \"chain\": \"forward\", \"expr\": [%s"
	"{\"flow\": {\"op\": \"add\", \"flowtable\": \"@ft\"}}]}}]}";

static bool read_ruleset(const char *condition, struct firewall *out)
{
	char text[sizeof(RULESET) + 256];

	snprintf(text, sizeof(text), RULESET, condition);
	memset(out, 0, sizeof(*out));
	return firewall_read_nft(text, PROBE, REST, out);
}

static void other_peoples_rules_are_read(void **state)
{
	struct firewall f;

	(void)state;
	assert_true(read_ruleset("", &f));
	assert_true(f.nat && f.offload && f.hardware && f.restores);
	assert_string_equal(f.offload_where, "chain forward of table inet fw4");
	assert_true(read_ruleset(
		"{\"match\": {\"op\": \"==\", \"left\": {\"&\": [{\"ct\": {\"key\": \"mark\"}},"
		" 201326592]}, \"right\": 134217728}},",
		&f));
	assert_false(f.offload);
	/* Flows that were probed would leave, too. */
	assert_true(read_ruleset(
		"{\"match\": {\"op\": \"==\", \"left\": {\"&\": [{\"ct\": {\"key\": \"mark\"}},"
		" 134217728]}, \"right\": 134217728}},",
		&f));
	assert_true(f.offload);
}

static void a_ruleset_cut_off_is_none(void **state)
{
	char text[sizeof(RULESET)];
	size_t len = (size_t)snprintf(text, sizeof(text), RULESET, "");

	(void)state;
	for (size_t n = 0; n < len; n++) {
		struct firewall f = { 0 };
		char *copy = malloc(n + 1);

		memcpy(copy, text, n);
		copy[n] = '\0';
		assert_false(firewall_read_nft(copy, PROBE, REST, &f));
		free(copy);
	}
}

static void odd_rulesets_are_survived(void **state)
{
	static const char *const odd[] = {
		"", "null", "[]", "{}", "{\"nftables\": 7}",
		("{\"nftables\": [7, null, [], {\"rule\": 1}, {\"rule\": {\"expr\": {}}}, {\"rule\": {\"expr\": [1, null,"
		 " {\"match\": []}, {\"mangle\": 1}, {\"flow\": null}, {\"match\": {\"op\": \"==\", \"left\": {\"&\": [1, 2]}}}]}}]}")
	};

	(void)state;
	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		struct firewall f = { 0 };

		assert_int_equal(firewall_read_nft(odd[i], PROBE, REST, &f), i == 5);
	}
}

static void iptables_rules_are_read(void **state)
{
	static const struct {
		const char *text;
		bool nat, offload, restores;
	} cases[] = {
		{ "*nat\n-A POSTROUTING -o wan -j MASQUERADE\nCOMMIT\n", true, false, false },
		{ "-A FORWARD -j FLOWOFFLOAD --hw", false, true, false },
		{ "-A PREROUTING -j CONNMARK --restore-mark --nfmask 0xffffffff --ctmask 0xffffffff\n",
			false, false, true },
		{ "-A PREROUTING -j CONNMARK --restore-mark\n", false, false, true },
		{ "-A PREROUTING -j CONNMARK --restore-mark --nfmask 0x3f00 --ctmask 0x3f00\n",
			false, false, false },
		{ "", false, false, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct firewall f = { 0 };

		firewall_read_iptables(cases[i].text, &f);
		assert_int_equal(f.nat, cases[i].nat);
		assert_int_equal(f.offload, cases[i].offload);
		assert_int_equal(f.restores, cases[i].restores);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_good_gateway_has_nothing_to_mend, begin, end),
		cmocka_unit_test_setup_teardown(what_the_kernel_lacks_is_named, begin, end),
		cmocka_unit_test_setup_teardown(the_way_in_and_out_is_named, begin, end),
		cmocka_unit_test_setup_teardown(rules_that_are_not_there_are_named, begin, end),
		cmocka_unit_test_setup_teardown(a_daemon_that_is_not_confined_is_named, begin, end),
		cmocka_unit_test_setup_teardown(silence_is_told_from_a_fresh_start, begin, end),
		cmocka_unit_test_setup_teardown(paths_that_fail_to_come_are_named, begin, end),
		cmocka_unit_test_setup_teardown(losses_are_named, begin, end),
		cmocka_unit_test_setup_teardown(
			accounting_is_short_only_if_it_was_asked_for, begin, end),
		cmocka_unit_test_setup_teardown(a_clock_that_is_off_is_named, begin, end),
		cmocka_unit_test_setup_teardown(the_rest_of_the_machine_is_looked_at, begin, end),
		cmocka_unit_test_setup_teardown(
			marks_are_in_danger_only_if_both_rules_are_there, begin, end),
		cmocka_unit_test_setup_teardown(
			no_daemon_and_a_stolen_queue_are_told_apart, begin, end),
		cmocka_unit_test(other_peoples_rules_are_read),
		cmocka_unit_test(a_ruleset_cut_off_is_none),
		cmocka_unit_test(odd_rulesets_are_survived),
		cmocka_unit_test(iptables_rules_are_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
