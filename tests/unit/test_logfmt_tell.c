/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What replies told, in ev=hop and ev=path. */
#include "tests/unit/lines.h"

#include <stdio.h>

#define LONG_ADDR "2001:db80:1111:2222:3333:4444:5555:6666"

#define HOP_START "ev=hop v=1 ts=1760000000.000 run=7f3a9c21"

/* A hop about which everything is known. */
static struct inpath_hop talkative(void)
{
	struct inpath_hop h = hop(4, "203.0.113.1", 610000);

	h.sent = h.answered = 2;
	h.rtt_med_ns = 650000;
	h.rtt_max_ns = 700000;
	h.reply_ttl = 62;
	h.quoted = true;
	h.quoted_ttl = 0;
	h.quoted_len = 33;
	h.icmp_type = 3;
	h.icmp_code = 13;
	h.unreach = INPATH_UNREACH_ADMIN;
	h.mpls_count = 2;
	h.mpls[0] = (struct inpath_mpls){ .label = 24015, .tc = 5, .ttl = 1 };
	h.mpls[1] = (struct inpath_mpls){ .label = 1048575, .bottom = true, .ttl = 255 };
	h.interface = (struct inpath_interface){ .told = true,
		.index = 3,
		.mtu = 1500,
		.addr = wire_addr("203.0.113.9"),
		.name = "xe-0/0/1" };
	h.rewritten = INPATH_REWRITTEN_DSCP | INPATH_REWRITTEN_SUM;
	h.rewritten_first = INPATH_REWRITTEN_SUM;
	h.zero_ttl = h.balanced = h.changed = true;
	return h;
}

static struct inpath_record hop_record(const struct inpath_hop *h)
{
	return (struct inpath_record){ .kind = INPATH_RECORD_HOP, .flow = flow4(), .hop = h };
}

/* A path of 5 silent hops, in the caller's room. */
static struct inpath_record path_record(struct inpath_hop hops[5])
{
	for (uint8_t i = 0; i < 5; i++)
		hops[i] = hop((uint8_t)(i + 1), NULL, 0);
	return (struct inpath_record){
		.kind = INPATH_RECORD_PATH, .flow = flow4(), .path = { .nhop = 5, .hops = hops }
	};
}

/* What stands between `lan` and `hops` in the only line. */
static void expect_notes(const struct inpath_record *record, const char *want)
{
	const char start[] = " dport=443 why=start stop=reached nhop=5 sent=0 fp=00000000";
	struct lines lines = { 0 };
	char *notes, *hops;

	logfmt_record(record, &plain, collect, &lines);
	assert_int_equal(lines.count, 1);
	notes = strstr(lines.text[0], start);
	hops = strstr(lines.text[0], " hops=1/*,2/*,3/*,4/*,5/*");
	assert_non_null(notes);
	assert_non_null(hops);
	*hops = '\0';
	assert_string_equal(notes + strlen(start), want);
}

static void a_hop_tells_all_that_its_replies_told(void **state)
{
	struct inpath_hop h = talkative();
	struct inpath_record record = hop_record(&h);

	(void)state;
	expect_line(&record, &plain,
		HOP_START
		" ttl=4 addr=203.0.113.1 sent=2 answered=2 min=0.61 med=0.65 max=0.70 rttl=62"
		" qttl=0 qlen=33 type=3 code=13 unreach=\"!X\" mpls=24015/5/0/1+1048575/0/1/255"
		" ifrole=in ifindex=3 ifname=\"xe-0/0/1\" ifaddr=203.0.113.9 ifmtu=1500"
		" rewritten=dscp,sum first=sum zero=yes balanced=yes changed=yes");
}

/* A firewall's refusals are put down to a router that may have answered nothing itself. */
static void a_silent_hop_may_have_refused(void **state)
{
	struct inpath_hop h = { .ttl = 4, .sent = 2, .unreach = INPATH_UNREACH_HOST };
	struct inpath_record record = hop_record(&h);

	(void)state;
	expect_line(&record, &plain, HOP_START " ttl=4 addr=* sent=2 answered=0 unreach=\"!H\"");
}

static void refusals_have_the_letters_of_traceroute(void **state)
{
	static const struct {
		enum inpath_unreach unreach;
		const char *hop, *path;
	} cases[] = {
		{ INPATH_UNREACH_NONE, "", "" },
		{ INPATH_UNREACH_NET, " unreach=\"!N\"", " unreach=\"3!N\"" },
		{ INPATH_UNREACH_HOST, " unreach=\"!H\"", " unreach=\"3!H\"" },
		{ INPATH_UNREACH_PROTOCOL, " unreach=\"!P\"", " unreach=\"3!P\"" },
		{ INPATH_UNREACH_PORT, " unreach=\"!p\"", " unreach=\"3!p\"" },
		{ INPATH_UNREACH_ADMIN, " unreach=\"!X\"", " unreach=\"3!X\"" },
		{ INPATH_UNREACH_OTHER, " unreach=\"!<12>\"", " unreach=\"3!<12>\"" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct inpath_hop hops[5];
		struct inpath_record record = path_record(hops), one = hop_record(&hops[2]);
		char want[200];

		hops[2].unreach = cases[i].unreach;
		hops[2].unreach_code = 12;
		snprintf(want, sizeof(want), HOP_START " ttl=3 addr=* sent=1 answered=0%s",
			cases[i].hop);
		expect_line(&one, &plain, want);
		expect_notes(&record, cases[i].path);
	}
}

static void an_interface_shows_only_what_was_told(void **state)
{
	static const struct {
		struct inpath_interface interface;
		const char *want;
	} cases[] = {
		{ { .told = false, .index = 3, .name = "x" }, "" },
		{ { .told = true }, " ifrole=in" },
		{ { .told = true, .role = INPATH_INTERFACE_IN_SUB, .index = UINT32_MAX },
			" ifrole=in-sub ifindex=4294967295" },
		{ { .told = true, .role = INPATH_INTERFACE_OUT, .mtu = 576 },
			" ifrole=out ifmtu=576" },
		{ { .told = true,
			  .role = INPATH_INTERFACE_NEXT,
			  .addr = { .family = INPATH_AF_INET6, .bytes = { 0xfe, 0x80 } } },
			" ifrole=next ifaddr=fe80::" },
		{ { .told = true, .name = "a\" ev=path\xff\n" },
			" ifrole=in ifname=\"a\\\" ev\\x3dpath\\xff\\x0a\"" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct inpath_hop h = hop(3, NULL, 0);
		struct inpath_record record = hop_record(&h);
		char want[300];

		h.interface = cases[i].interface;
		snprintf(want, sizeof(want), HOP_START " ttl=3 addr=* sent=1 answered=0%s",
			cases[i].want);
		expect_line(&record, &plain, want);
	}
}

static void a_hop_names_all_that_was_rewritten(void **state)
{
	struct inpath_hop h = hop(3, NULL, 0);
	struct inpath_record record = hop_record(&h);

	(void)state;
	h.rewritten = 0x7f;
	h.rewritten_first = INPATH_REWRITTEN_ECN;
	expect_line(&record, &plain,
		HOP_START " ttl=3 addr=* sent=1 answered=0"
			  " rewritten=dscp,ecn,addr,port,seq,id,sum first=ecn");
}

static void a_path_tells_what_its_hops_and_its_handshake_told(void **state)
{
	struct inpath_hop hops[5];
	struct inpath_record record = path_record(hops);

	(void)state;
	expect_notes(&record, "");
	hops[1].unreach = INPATH_UNREACH_ADMIN;
	hops[1].rewritten = hops[1].rewritten_first = INPATH_REWRITTEN_DSCP;
	hops[2].rewritten = INPATH_REWRITTEN_DSCP | INPATH_REWRITTEN_PORT | INPATH_REWRITTEN_ADDR;
	hops[2].rewritten_first = INPATH_REWRITTEN_PORT | INPATH_REWRITTEN_ADDR;
	hops[3].unreach = INPATH_UNREACH_NET;
	hops[3].zero_ttl = true;
	hops[3].balanced = true;
	hops[4].changed = true;
	record.path.notes = (struct inpath_path_notes){ .loop_count = 2,
		.loops = { 2, 4 },
		.cycle_count = 1,
		.cycles = { { 1, 5 } },
		.proxy = 3,
		.nat_shared = 1,
		.handshake = { .seen = true,
			.client_mss = 1460,
			.server_mss = 1400,
			.client_options = INPATH_OPTION_SACK | INPATH_OPTION_TS | INPATH_OPTION_WS,
			.server_options = INPATH_OPTION_SACK | INPATH_OPTION_WS,
			.odd = INPATH_OPTION_TS } };
	expect_notes(&record,
		" mss=1460/1400 opts=sack,ts,ws/sack,ws odd=ts unreach=\"2!X,4!N\""
		" rewritten=\"dscp@2,addr@3,port@3\" zero=4 loop=2,4 cycle=1-5 balanced=4"
		" changed=5 proxy=3 nat=\"quote@3,shared@1\"");
}

static void a_handshake_that_told_nothing_says_so(void **state)
{
	struct inpath_hop hops[5];
	struct inpath_record record = path_record(hops);
	struct inpath_handshake *h = &record.path.notes.handshake;

	(void)state;
	h->client_mss = 1460; /* not seen: of no account */
	expect_notes(&record, "");
	h->seen = true;
	expect_notes(&record, " mss=1460/- opts=-/-");
	h->client_mss = 0;
	h->server_mss = 536;
	h->server_options = h->odd = INPATH_OPTION_SACK;
	expect_notes(&record, " mss=-/536 opts=-/sack odd=sack");
}

static void nat_is_named_by_what_showed_it(void **state)
{
	static const struct {
		uint8_t rewritten; /* first at TTL 4 */
		uint8_t shared;
		const char *want;
	} cases[] = {
		{ 0, 2, " nat=\"shared@2\"" },
		{ INPATH_REWRITTEN_PORT, 0, " rewritten=\"port@4\" nat=\"quote@4\"" },
		{ INPATH_REWRITTEN_ADDR, 0, " rewritten=\"addr@4\" nat=\"quote@4\"" },
		{ INPATH_REWRITTEN_SUM, 0, " rewritten=\"sum@4\"" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct inpath_hop hops[5];
		struct inpath_record record = path_record(hops);

		hops[3].rewritten_first = cases[i].rewritten;
		hops[4].rewritten = INPATH_REWRITTEN_PORT; /* shown there, but not first */
		record.path.notes.nat_shared = cases[i].shared;
		expect_notes(&record, cases[i].want);
	}
}

static void lists_of_a_path_end_after_4_entries(void **state)
{
	struct inpath_hop hops[5];
	struct inpath_record record = path_record(hops);

	(void)state;
	for (unsigned int i = 0; i < 5; i++) {
		hops[i].unreach = INPATH_UNREACH_ADMIN;
		hops[i].zero_ttl = hops[i].balanced = hops[i].changed = true;
	}
	record.path.notes.loop_count = record.path.notes.cycle_count = INPATH_LOOPS;
	for (uint8_t i = 0; i < INPATH_LOOPS; i++) {
		record.path.notes.loops[i] = i + 2;
		record.path.notes.cycles[i].first = i + 1;
		record.path.notes.cycles[i].again = i + 3;
	}
	expect_notes(&record,
		" unreach=\"1!X,2!X,3!X,4!X\" zero=1,2,3,4 loop=2,3,4,5 cycle=1-3,2-4,3-5,4-6"
		" balanced=1,2,3,4 changed=1,2,3,4");
}

/* As much as a record can hold, with values of the greatest length. */
static void fill(struct inpath_record *record, struct inpath_hop hops[INPATH_MAX_HOPS])
{
	struct inpath_path_notes *notes = &record->path.notes;

	for (unsigned int i = 0; i < INPATH_MAX_HOPS; i++) {
		hops[i] = hop((uint8_t)(i + 1), LONG_ADDR, UINT64_MAX);
		for (int k = 1; k < INPATH_HOP_ADDRS; k++)
			hops[i].addrs[hops[i].addr_count++] = wire_addr(LONG_ADDR);
		if (i < 50)
			continue;
		hops[i].unreach = INPATH_UNREACH_OTHER;
		hops[i].unreach_code = 255;
		hops[i].zero_ttl = hops[i].balanced = hops[i].changed = true;
		hops[i].rewritten_first = 0x7f;
	}
	record->flow.tuple.client = record->flow.tuple.server = wire_addr(LONG_ADDR);
	record->path = (struct inpath_record_path){ .why = INPATH_WHY_CHANGE,
		.stop = INPATH_STOP_INFERRED,
		.nhop = INPATH_MAX_HOPS,
		.sent = UINT16_MAX,
		.fingerprint = UINT32_MAX,
		.e2e_ns = UINT64_MAX,
		.lan_ns = UINT64_MAX,
		.hops = hops,
		.unplaced = true,
		.unplaced_rtt_ns = UINT64_MAX };
	notes->loop_count = notes->cycle_count = INPATH_LOOPS;
	memset(notes->loops, 64, sizeof(notes->loops));
	memset(notes->cycles, 64, sizeof(notes->cycles));
	notes->proxy = notes->nat_shared = 64;
	notes->handshake = (struct inpath_handshake){ .seen = true,
		.client_mss = UINT16_MAX,
		.server_mss = UINT16_MAX,
		.client_options = 7,
		.server_options = 7,
		.odd = 7 };
}

static void assert_prefix(const struct logfmt_line *line, const char *key, const char *text)
{
	const char *value = logfmt_get(line, key);

	assert_non_null(value);
	assert_memory_equal(value, text, strlen(value));
}

/* Every part of the longest record is a line of 900 bytes at most, with all fields. */
static void nothing_but_a_text_is_cut_to_make_a_line_fit(void **state)
{
	static const char *const fields[][2] = {
		{ "e2e", "18446744073709.6" },
		{ "mss", "65535/65535" },
		{ "opts", "sack,ts,ws/sack,ts,ws" },
		{ "odd", "sack,ts,ws" },
		{ "unreach", "51!<255>,52!<255>,53!<255>,54!<255>" },
		{ "rewritten", "dscp@51,ecn@51,addr@51,port@51,seq@51,id@51,sum@51,dscp@52" },
		{ "zero", "51,52,53,54" },
		{ "loop", "64,64,64,64" },
		{ "cycle", "64-64,64-64,64-64,64-64" },
		{ "balanced", "51,52,53,54" },
		{ "changed", "51,52,53,54" },
		{ "proxy", "64" },
		{ "nat", "quote@51,shared@64" },
	};
	static struct inpath_hop hops[INPATH_MAX_HOPS];
	struct inpath_record record = { .kind = INPATH_RECORD_PATH, .flow = flow4() };
	struct lines lines = { 0 };
	struct logfmt_line line;
	unsigned int ttl = 0;
	char *host = repeated('\x80', INPATH_HOST_MAX), *label = repeated('"', INPATH_LABEL_MAX);

	(void)state;
	fill(&record, hops);
	record.flow.host = host;
	record.flow.device = record.flow.policy = record.flow.service = label;
	logfmt_record(&record, &plain, collect, &lines);
	for (size_t i = 0; i < lines.count; i++) {
		char part[48], want[16];
		const char *at;

		assert_true(logfmt_read(lines.text[i], strlen(lines.text[i]), &line));
		snprintf(part, sizeof(part), "%zu/%zu", i + 1, lines.count);
		assert_string_equal(logfmt_get(&line, "part"), part);
		for (size_t f = 0; f < sizeof(fields) / sizeof(fields[0]); f++)
			assert_string_equal(logfmt_get(&line, fields[f][0]), fields[f][1]);
		assert_prefix(&line, "host", host);
		assert_prefix(&line, "dev", label);
		assert_prefix(&line, "pol", label);
		assert_prefix(&line, "svc", label);
		for (at = logfmt_get(&line, "hops"); at; at = strchr(at, ',')) {
			at += *at == ',';
			ttl++;
			snprintf(want, sizeof(want), ttl > 64 ? "?/" : "%u/", ttl);
			assert_memory_equal(at, want, strlen(want));
		}
	}
	assert_int_equal(ttl, INPATH_MAX_HOPS + 1);
	free(host);
	free(label);
}

/* What households see: a path with all its notes and plain names is not cut at all. */
static void plain_names_stand_beside_all_notes(void **state)
{
	static struct inpath_hop hops[INPATH_MAX_HOPS];
	struct inpath_record record = { .kind = INPATH_RECORD_PATH, .flow = flow4() };
	struct lines lines = { 0 };
	struct logfmt_line line;
	char *host = repeated('h', 60);

	(void)state;
	fill(&record, hops);
	for (unsigned int i = 0; i < INPATH_MAX_HOPS; i++) {
		hops[i].rtt_min_ns = 999 * INPATH_MSEC;
		for (int k = 0; k < INPATH_HOP_ADDRS; k++)
			hops[i].addrs[k] = wire_addr("203.200.113.199");
	}
	record.path.e2e_ns = record.path.lan_ns = record.path.unplaced_rtt_ns = 999 * INPATH_MSEC;
	record.flow.tuple.client = record.flow.tuple.server = wire_addr("203.200.113.199");
	record.flow.host = host;
	logfmt_record(&record, &plain, collect, &lines);
	for (size_t i = 0; i < lines.count; i++) {
		assert_true(logfmt_read(lines.text[i], strlen(lines.text[i]), &line));
		assert_string_equal(logfmt_get(&line, "host"), host);
		assert_string_equal(logfmt_get(&line, "dev"), record.flow.device);
		assert_string_equal(logfmt_get(&line, "svc"), record.flow.service);
		assert_string_equal(logfmt_get(&line, "pol"), record.flow.policy);
	}
	free(host);
}

static void a_plain_host_name_is_not_cut_beside_some_notes(void **state)
{
	static struct inpath_hop hops[INPATH_MAX_HOPS];
	struct inpath_record record = { .kind = INPATH_RECORD_PATH, .flow = flow4() };
	struct lines lines = { 0 };
	struct logfmt_line line;
	char *host = repeated('h', INPATH_HOST_MAX), *label = repeated('l', INPATH_LABEL_MAX);

	(void)state;
	for (unsigned int i = 0; i < INPATH_MAX_HOPS; i++) {
		hops[i] = hop((uint8_t)(i + 1), "203.200.113.199", 9999 * INPATH_MSEC);
		for (int k = 1; k < INPATH_HOP_ADDRS; k++)
			hops[i].addrs[hops[i].addr_count++] = wire_addr("203.200.113.199");
	}
	hops[20].rewritten_first = INPATH_REWRITTEN_DSCP;
	hops[30].unreach = INPATH_UNREACH_ADMIN;
	record.flow.tuple.client = record.flow.tuple.server = wire_addr("203.200.113.199");
	record.flow.host = host;
	record.flow.device = record.flow.service = record.flow.policy = label;
	record.path = (struct inpath_record_path){ .why = INPATH_WHY_CHANGE,
		.stop = INPATH_STOP_INFERRED,
		.nhop = INPATH_MAX_HOPS,
		.sent = 999,
		.e2e_ns = 9999 * INPATH_MSEC,
		.lan_ns = 9999 * INPATH_MSEC,
		.hops = hops };
	record.path.notes.handshake = (struct inpath_handshake){
		.seen = true,
		.client_mss = 1460,
		.server_mss = 1400,
		.client_options = 7,
		.server_options = 7,
	};
	logfmt_record(&record, &plain, collect, &lines);
	for (size_t i = 0; i < lines.count; i++) {
		const char *from = strstr(lines.text[i], " mss="), *to = strstr(from, " hops=");

		assert_in_range(to - from, 75, 85);
		assert_true(logfmt_read(lines.text[i], strlen(lines.text[i]), &line));
		assert_string_equal(logfmt_get(&line, "host"), host);
		assert_string_equal(logfmt_get(&line, "dev"), label);
	}
	free(host);
	free(label);
}

static void only_an_interfaces_name_is_cut_to_make_a_hop_fit(void **state)
{
	struct inpath_hop h = talkative();
	struct inpath_record record = hop_record(&h);
	struct lines lines = { 0 };
	struct logfmt_line line;
	const char *name;

	(void)state;
	record.at = UINT64_MAX - 1760000000000000000u;
	h.ttl = h.sent = h.answered = h.reply_ttl = h.quoted_ttl = h.quoted_len = 255;
	h.icmp_type = h.icmp_code = h.unreach_code = 255;
	h.unreach = INPATH_UNREACH_OTHER;
	h.rtt_min_ns = h.rtt_med_ns = h.rtt_max_ns = UINT64_MAX;
	h.addr_count = INPATH_HOP_ADDRS;
	for (int k = 0; k < INPATH_HOP_ADDRS; k++)
		h.addrs[k] = wire_addr(LONG_ADDR);
	h.mpls_count = INPATH_MPLS_ENTRIES;
	for (int k = 0; k < INPATH_MPLS_ENTRIES; k++)
		h.mpls[k] = (struct inpath_mpls){ 1048575, 7, true, 255 };
	h.rewritten = h.rewritten_first = 0x7f;
	h.interface.role = INPATH_INTERFACE_IN_SUB;
	h.interface.index = h.interface.mtu = UINT32_MAX;
	h.interface.addr = wire_addr(LONG_ADDR);
	memset(h.interface.name, '\xff', INPATH_INTERFACE_NAME);
	logfmt_record(&record, &plain, collect, &lines);
	assert_int_equal(lines.count, 1);
	assert_true(logfmt_read(lines.text[0], strlen(lines.text[0]), &line));
	name = logfmt_get(&line, "ifname");
	assert_in_range(strlen(name), INPATH_INTERFACE_NAME - 2, INPATH_INTERFACE_NAME - 1);
	assert_memory_equal(name, h.interface.name, strlen(name));
	assert_string_equal(logfmt_get(&line, "ifaddr"), LONG_ADDR);
	assert_string_equal(logfmt_get(&line, "ifmtu"), "4294967295");
	assert_string_equal(logfmt_get(&line, "first"), "dscp,ecn,addr,port,seq,id,sum");
	assert_string_equal(logfmt_get(&line, "changed"), "yes");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_hop_tells_all_that_its_replies_told),
		cmocka_unit_test(a_silent_hop_may_have_refused),
		cmocka_unit_test(refusals_have_the_letters_of_traceroute),
		cmocka_unit_test(an_interface_shows_only_what_was_told),
		cmocka_unit_test(a_hop_names_all_that_was_rewritten),
		cmocka_unit_test(a_path_tells_what_its_hops_and_its_handshake_told),
		cmocka_unit_test(a_handshake_that_told_nothing_says_so),
		cmocka_unit_test(nat_is_named_by_what_showed_it),
		cmocka_unit_test(lists_of_a_path_end_after_4_entries),
		cmocka_unit_test(nothing_but_a_text_is_cut_to_make_a_line_fit),
		cmocka_unit_test(plain_names_stand_beside_all_notes),
		cmocka_unit_test(a_plain_host_name_is_not_cut_beside_some_notes),
		cmocka_unit_test(only_an_interfaces_name_is_cut_to_make_a_hop_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
