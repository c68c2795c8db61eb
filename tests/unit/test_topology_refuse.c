/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/topologies.h"

#define END "server s1 addr 198.51.100.1\npath gw r1 s1\n"

static void refused(const char *text, size_t len, uint32_t line, const char *message)
{
	struct topology_error error;

	if (read_into(text, len, &topology_first, &error))
		fail_msg("not refused:\n%s", text);
	assert_string_equal(error.message, message);
	assert_int_equal(error.line, line);
}

/* The line stands third, in a topology that would be one without it. */
static void line_refused(const char *line, const char *message)
{
	char text[8192];

	(void)snprintf(text, sizeof(text), "router r1\n\n%s\n" END, line);
	refused(text, strlen(text), 3, message);
}

/* The line stands last, below the declarations. */
static void last_refused(const char *line, const char *message)
{
	char text[8192];

	(void)snprintf(text, sizeof(text),
		"router r1\nrouter r2\nserver s2 addr6 2001:db8::1\nlink gw r1\n" END
		"path gw r1 s2\n%s",
		line);
	refused(text, strlen(text), 8, message);
}

struct refusal_case {
	const char *words;
	const char *message;
};

static void cases_refused(const char *prefix, const struct refusal_case *cases, size_t count,
	void (*refuses)(const char *, const char *))
{
	char line[512];

	for (size_t i = 0; i < count; i++) {
		(void)snprintf(line, sizeof(line), "%s%s", prefix, cases[i].words);
		refuses(line, cases[i].message);
	}
}

#define CASES_REFUSED(prefix, cases, refuses)                                                      \
	cases_refused(prefix, cases, sizeof(cases) / sizeof((cases)[0]), refuses)

static void options_of_routers_are_refused(void **state)
{
	static const char LATE[] = "late is a time or T..T, the longer one last, not ";
	static const struct refusal_case CASES[] = {
		{ "loud", "\"loud\" is no option of a router" },
		{ "addr", "an IPv4 address is missing" },
		{ "addr 2001:db8::2", "\"2001:db8::2\" is no IPv4 address" },
		{ "addr 1.2.3.256", "\"1.2.3.256\" is no IPv4 address" },
		{ "addr 198.18.0.1", "its IPv4 address is that of \"r1\"" },
		{ "addr6 1.2.3.4", "\"1.2.3.4\" is no IPv6 address" },
		{ "addr6 2001:db8:ff::1", "its IPv6 address is that of \"r1\"" },
		{ "from 2001:db8::2", "\"2001:db8::2\" is no IPv4 address" },
		{ "from6 1.2.3.4", "\"1.2.3.4\" is no IPv6 address" },
		{ "balance", "flow, destination or packet is missing" },
		{ "balance port", "balance is flow, destination or packet, not \"port\"" },
		{ "limit", "a limit, N/BURST or off is missing" },
		{ "late", "a time is missing" },
		{ "quote", "8, 28, 128 or all is missing" },
		{ "quote 64", "quote is 8, 28, 128 or all, not \"64\"" },
		{ "mpls", "a stack, LABEL:TC:TTL[,...] or off is missing" },
		{ "mpls 1:1:1,2:2:2,3:3:3,4:4:4,5:5:5", "mpls has at most 4 entries" },
		{ "interface", "an interface, NAME[:INDEX[:MTU]] or off is missing" },
		{ "interface :1", "an interface's name has 1 to 63 bytes, and is not \"off\"" },
		{ "interface off:1", "an interface's name has 1 to 63 bytes, and is not \"off\"" },
		{ "interface xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
			"an interface's name has 1 to 63 bytes, and is not \"off\"" },
		{ "extensions", "good, legacy, unpadded, overlong or badsum is missing" },
		{ "extensions bad",
			"extensions are good, legacy, unpadded, overlong or badsum, not \"bad\"" },
		{ "dscp", "dscp is missing" },
		{ "dscp 64", "dscp must be a whole number from 0 to 63, not \"64\"" },
		{ "dscp -1", "dscp must be a whole number from 0 to 63, not \"-1\"" },
		{ "dscp 1.5", "dscp must be a whole number from 0 to 63, not \"1.5\"" },
		{ "ecn 4", "ecn must be a whole number from 0 to 3, not \"4\"" },
		{ "nat", "an IPv4 address is missing" },
		{ "nat 2001:db8::2", "\"2001:db8::2\" is no IPv4 address" },
		{ "nat 1.2.3.4 seq raw", "\"raw\" is no option of a router" },
		{ "nat 1.2.3.4 repair raw", "\"raw\" is no option of a router" },
		{ "expire", "a code is missing" },
		{ "expire drop",
			"expire is ttl, net, host, protocol, port or admin, not \"drop\"" },
		{ "expire off", "expire is ttl, net, host, protocol, port or admin, not \"off\"" },
		{ "firewall ttl",
			"firewall is off, drop, net, host, protocol, port or admin, not \"ttl\"" },
		{ "silent { }", "\"{\" is no option of a router" },
	};
	static const char *const LIMITS[] = { "1", "1/", "/1", "0/1", "-1/1", "nan/1", "inf/1",
		"1/0.999", "1e3/1", "0.0001/1", "1000000.001/1", "1/1000000.001", "1/2/3", "1/2x",
		"99999999999999999999999/1" };
	static const char *const TIMES[] = { "1", "1h", "-1ms", "nan", "inf", "0x1ms", "1e3ms",
		"ms", ".5ms", "3600.000000001s", "3600001ms", "1..2ms", "1ms..", "1ms..2",
		"0.0000000001s", "18446744073709551616us", "1m", "2ms..1ms", "1ms..2ms..3ms" };
	static const char *const STACKS[] = { "1", "1:2", "1:2:", "1048576:0:0", "0:8:0", "0:0:256",
		"1:2:3,", ",1:2:3", "1:2:3:4", "-1:0:0", "1:2:3;1:2:3" };
	static const char *const INTERFACES[] = { "eth0:", "eth0:x", "eth0:1:", "eth0:1:2:3",
		"eth0:4294967296", "eth0:1:4294967296", "eth0:-1", "eth0::1" };
	char words[128], message[256];

	(void)state;
	CASES_REFUSED("router r9 ", CASES, line_refused);
	for (size_t i = 0; i < sizeof(LIMITS) / sizeof(LIMITS[0]); i++) {
		(void)snprintf(words, sizeof(words), "router r9 limit %s", LIMITS[i]);
		(void)snprintf(message, sizeof(message),
			"limit is off or N/BURST, 0.001..1000000/1..1000000, not \"%s\"",
			LIMITS[i]);
		line_refused(words, message);
	}
	for (size_t i = 0; i < sizeof(TIMES) / sizeof(TIMES[0]); i++) {
		(void)snprintf(words, sizeof(words), "router r9 late %s", TIMES[i]);
		(void)snprintf(message, sizeof(message), "%s\"%s\"", LATE, TIMES[i]);
		line_refused(words, message);
	}
	for (size_t i = 0; i < sizeof(STACKS) / sizeof(STACKS[0]); i++) {
		(void)snprintf(words, sizeof(words), "router r9 mpls %s", STACKS[i]);
		(void)snprintf(message, sizeof(message),
			"mpls is off or LABEL:TC:TTL[,...], up to 1048575:7:255, not \"%s\"",
			STACKS[i]);
		line_refused(words, message);
	}
	for (size_t i = 0; i < sizeof(INTERFACES) / sizeof(INTERFACES[0]); i++) {
		(void)snprintf(words, sizeof(words), "router r9 interface %s", INTERFACES[i]);
		(void)snprintf(message, sizeof(message),
			"interface is off or NAME[:INDEX[:MTU]], not \"%s\"", INTERFACES[i]);
		line_refused(words, message);
	}
}

static void options_of_links_are_refused(void **state)
{
	static const struct refusal_case CASES[] = {
		{ "late 1ms", "\"late\" is no option of a link" },
		{ "> gw", "\">\" is no option of a link" },
		{ "delay", "a time is missing" },
		{ "delay 3", "\"3\" is no time such as 250us, 3ms or 1.5s, an hour at most" },
		{ "jitter -3ms",
			"\"-3ms\" is no time such as 250us, 3ms or 1.5s, an hour at most" },
		{ "loss", "a loss is missing" },
		{ "loss 5", "loss is 0% to 100%, not \"5\"" },
		{ "loss -5%", "loss is 0% to 100%, not \"-5%\"" },
		{ "loss nan%", "loss is 0% to 100%, not \"nan%\"" },
		{ "loss 100.000001%", "loss is 0% to 100%, not \"100.000001%\"" },
		{ "loss 0.0000001%", "loss is 0% to 100%, not \"0.0000001%\"" },
		{ "rate", "a rate is missing" },
		{ "rate 5", "rate is off, or up to a million Mbit/s as Nkbit or Nmbit, not \"5\"" },
		{ "rate 0kbit",
			"rate is off, or up to a million Mbit/s as Nkbit or Nmbit, not \"0kbit\"" },
		{ "rate 5kbits",
			"rate is off, or up to a million Mbit/s as Nkbit or Nmbit, not \"5kbits\"" },
		{ "rate -5mbit",
			"rate is off, or up to a million Mbit/s as Nkbit or Nmbit, not \"-5mbit\"" },
		{ "rate 1000000.1mbit",
			"rate is off, or up to a million Mbit/s as Nkbit or Nmbit, not \"1000000.1mbit\"" },
		{ "rate 0.0001kbit",
			"rate is off, or up to a million Mbit/s as Nkbit or Nmbit, not \"0.0001kbit\"" },
	};

	(void)state;
	CASES_REFUSED("link gw > r1 ", CASES, line_refused);
}

static void statements_are_refused(void **state)
{
	static const struct refusal_case CASES[] = {
		{ "rooter r9", "\"rooter\" is no statement: seed, router, server, link, path, back "
			       "or at" },
		{ "seed", "seed is missing" },
		{ "seed -1",
			"seed must be a whole number from 0 to 18446744073709551615, not \"-1\"" },
		{ "seed 18446744073709551616",
			"seed must be a whole number from 0 to 18446744073709551615, not "
			"\"18446744073709551616\"" },
		{ "seed 1 2", "nothing may follow here, not \"2\"" },
		{ "router", "the router's name is missing" },
		{ "router r1", "\"r1\" is declared already" },
		{ "router gw", "\"gw\" is declared already" },
		{ "router 1r",
			"\"1r\" is no name: a letter, then letters, digits, - and _, 15 at most" },
		{ "router r.1",
			"\"r.1\" is no name: a letter, then letters, digits, - and _, 15 at most" },
		{ "router r123456789012345",
			"\"r123456789012345\" is no name: a letter, then letters, digits, - and _, "
			"15 at most" },
		{ "server", "the server's name is missing" },
		{ "server r1 addr 1.2.3.4", "\"r1\" is declared already" },
		{ "server s9", "server \"s9\" has no address" },
		{ "server s9 addr 198.18.0.1", "its IPv4 address is that of \"r1\"" },
		{ "server s9 addr 2001:db8::2", "\"2001:db8::2\" is no IPv4 address" },
		{ "server s9 addr6 1.2.3.4", "\"1.2.3.4\" is no IPv6 address" },
		{ "server s9 silent", "\"silent\" is no option of a server" },
		{ "server s9 addr 1.2.3.4", "server \"s9\" has no path" },
		{ "link", "an end of the link is missing" },
		{ "link gw", "an end of the link is missing" },
		{ "link gw >", "an end of the link is missing" },
		{ "link gw r9", "\"r9\" is not declared" },
		{ "link r1 r1", "a link to itself" },
		{ "at", "a time is missing" },
		{ "at 1s", "router, link, path or back is missing" },
		{ "at 5 router r1",
			"\"5\" is no time such as 250us, 3ms or 1.5s, an hour at most" },
		{ "at 1s seed 3", "router, link, path or back may change, not \"seed\"" },
		{ "at 1s router", "the router is missing" },
		{ "at 1s router r9", "router \"r9\" is not declared" },
		{ "at 1s router gw", "router \"gw\" is not declared" },
		{ "at 1s router r1 loud", "\"loud\" is no option of a router" },
		{ "at 1s link gw r1 delay 2ms", "link gw > r1 is not declared" },
		{ "at 1s path gw r9 s1", "router \"r9\" is not declared" },
		{ "router r9 \x01", "byte 0x01 belongs to no word" },
		{ "router r\xc3\xa9", "byte 0xc3 belongs to no word" },
		{ "router r9\r", "byte 0x0d belongs to no word" },
	};

	(void)state;
	CASES_REFUSED("", CASES, line_refused);
}

static void what_is_there_already_is_refused(void **state)
{
	static const struct refusal_case CASES[] = {
		{ "path gw r1 s1", "a second path of \"s1\"" },
		{ "link r1 > gw", "link r1 > gw is declared already" },
		{ "at 1s link r1 r2", "link r1 > r2 is not declared" },
		{ "at 1s link gw r1 late 1s", "\"late\" is no option of a link" },
		{ "at 1s router r2 addr 198.18.0.1", "its IPv4 address is that of \"r1\"" },
		{ "at 1s back s1 r1", "the way does not end: gw is missing" },
	};
	static const char SEEDS[] = "seed 1\nseed 2\n";
	static const char BACKS[] = "router r1\n" END "back s1 r1 gw\n\nback s1 r1 gw\n";

	(void)state;
	CASES_REFUSED("", CASES, last_refused);
	refused(SEEDS, strlen(SEEDS), 2, "a second seed");
	refused(BACKS, strlen(BACKS), 6, "a second back of \"s1\"");
}

static void ways_are_refused(void **state)
{
	static const struct refusal_case CASES[] = {
		{ "path", "gw is missing" },
		{ "path r1 s1", "a path begins at gw, not at \"r1\"" },
		{ "path gw", "the way does not end: the server is missing" },
		{ "path gw r1", "the way does not end: the server is missing" },
		{ "path gw s1", "a way without routers" },
		{ "path gw r9 s1", "router \"r9\" is not declared" },
		{ "path gw r1 gw", "a way there ends at a server, not at \"gw\"" },
		{ "path gw r1 s1 r2", "nothing may follow here, not \"r2\"" },
		{ "path gw { r1 | r2 } r1 s1", "a router must stand before a brace: it chooses" },
		{ "path gw r1 { { r1 | r2 } | } r1 s1",
			"a router must stand before a brace: it chooses" },
		{ "path gw r1 { r1 | r2 } { r1 | r2 } r1 s1",
			"a router must stand before a brace: it chooses" },
		{ "path gw r1 { r1 | r2 } s1", "a router must stand behind the alternatives" },
		{ "path gw r1 { r2 | r1 s1", "a brace is not closed" },
		{ "path gw r1 { r2 | r1", "a brace is not closed" },
		{ "path gw r1 { r2 | { r1 } s1", "a router must stand before a brace: it chooses" },
		{ "path gw r1 } r2 s1", "\"}\" stands outside of braces" },
		{ "path gw r1 | r2 s1", "\"|\" stands outside of braces" },
		{ "path gw r1 { r2 | | } r2 s1", "a second alternative is empty" },
		{ "path gw r1 { | } r2 s1", "a second alternative is empty" },
		{ "path gw r1 { r1 | r1 | r1 | r1 | r1 | r1 | r1 | r1 | r1 } r1 s1",
			"more than 8 alternatives at one place" },
		{ "path gw r1 { r1 { r1 { r1 { r1 { r1 } } } } } r1 s1",
			"braces are nested more than 4 deep" },
		{ "path gw r1 > r2 s1", "router \">\" is not declared" },
		{ "back", "the server is missing" },
		{ "back gw r1 s1", "a way back begins at a server, not at \"gw\"" },
		{ "back s9 r1 gw", "server \"s9\" is not declared" },
		{ "back s1 gw", "a way without routers" },
		{ "back s1 r1", "the way does not end: gw is missing" },
		{ "back s1 r1 s2", "a way back ends at gw, not at \"s2\"" },
		{ "back s1 r1 gw gw", "nothing may follow here, not \"gw\"" },
	};

	(void)state;
	CASES_REFUSED("", CASES, last_refused);
	CASES_REFUSED("at 1s ", CASES, last_refused);
}

static void a_way_is_not_too_long(void **state)
{
	char line[TOPOLOGY_LINE] = "path gw";

	(void)state;
	for (int i = 0; i < 65; i++)
		strcat(line, " r1");
	strcat(line, " s1");
	last_refused(line, "the way is longer than 64 routers");
	strcpy(line, "path gw r1 { r2 | r1");
	for (int i = 0; i < 62; i++)
		strcat(line, " r1");
	strcat(line, " } r1 s1");
	last_refused(line, "the way is longer than 64 routers");
	strcpy(line, "path gw");
	for (int i = 0; i < 128; i++)
		strcat(line, " r1");
	strcat(line, " s1");
	last_refused(line, "a way has at most 127 routers in all");
}

static void tables_that_are_full_are_refused(void **state)
{
	static const struct {
		const char *format;
		uint32_t limit;
		const char *message;
	} CASES[] = {
		{ "router x%u\n", TOPOLOGY_ROUTERS - 1, "more than 512 routers" },
		{ "server x%u addr6 2001:db8:1::%x\n", TOPOLOGY_SERVERS, "more than 64 servers" },
		{ "at 1ms router r1\n#%u\n", TOPOLOGY_EVENTS,
			"more than 64 events, each direction of a link counted" },
	};
	static char text[65536];

	(void)state;
	for (size_t k = 0; k < sizeof(CASES) / sizeof(CASES[0]); k++) {
		size_t len = (size_t)snprintf(text, sizeof(text), "router r1\n");
		uint32_t lines = k == 2 ? 2 : 1;

		for (uint32_t i = 0; i <= CASES[k].limit; i++)
			len += (size_t)snprintf(
				text + len, sizeof(text) - len, CASES[k].format, i, i);
		refused(text, len, CASES[k].limit * lines + 2, CASES[k].message);
	}
}

static void links_that_are_too_many_are_refused(void **state)
{
	static char text[65536];
	size_t len = 0;
	uint32_t lines = 0;

	(void)state;
	for (unsigned i = 0; i < 40; i++, lines++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "router x%u\n", i);
	for (unsigned i = 0, n = 0; n < TOPOLOGY_LINKS + 1; i++) {
		if (i / 40 == i % 40)
			continue;
		len += (size_t)snprintf(
			text + len, sizeof(text) - len, "link x%u > x%u\n", i / 40, i % 40);
		n++, lines++;
	}
	refused(text, len, lines, "more than 1024 directions of links");
}

static void a_file_as_a_whole_is_refused(void **state)
{
	(void)state;
	refused("", 0, 0, "no server is declared");
	refused("router r1\n", 10, 0, "no server is declared");
}

static void lines_are_bounded(void **state)
{
	static const char NUL[] = "router r1\nrouter r2 # \0\n";
	char line[TOPOLOGY_LINE + 2];
	char text[2 * TOPOLOGY_LINE];

	(void)state;
	refused(NUL, sizeof(NUL) - 1, 2, "a NUL byte");
	memset(line, ' ', sizeof(line) - 1);
	line[sizeof(line) - 1] = '\0';
	line_refused(line, "the line is longer than 4096 bytes");
	line[TOPOLOGY_LINE] = '\0';
	(void)snprintf(text, sizeof(text), "router r1\n%s\n" END, line);
	(void)reads(text);
	memset(line, 'x', 128);
	line_refused(line, "a word is longer than 127 bytes");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_of_routers_are_refused),
		cmocka_unit_test(options_of_links_are_refused),
		cmocka_unit_test(statements_are_refused),
		cmocka_unit_test(what_is_there_already_is_refused),
		cmocka_unit_test(ways_are_refused),
		cmocka_unit_test(a_way_is_not_too_long),
		cmocka_unit_test(tables_that_are_full_are_refused),
		cmocka_unit_test(links_that_are_too_many_are_refused),
		cmocka_unit_test(a_file_as_a_whole_is_refused),
		cmocka_unit_test(lines_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
