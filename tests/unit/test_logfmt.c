/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/lines.h"

#include <stdio.h>

/* The record of the contract's example. `hops` is the caller's room for 5. */
static struct inpath_record example(struct inpath_hop hops[5])
{
	struct inpath_record record = { .kind = INPATH_RECORD_PATH, .flow = flow4() };

	record.at = 123 * INPATH_MSEC + 999999;
	hops[0] = hop(1, "100.64.0.1", 420000);
	hops[1] = hop(2, "10.1.0.2", 610000);
	hops[2] = hop(3, NULL, 0);
	hops[3] = hop(4, "10.9.0.1", 9100000);
	hops[3].addrs[hops[3].addr_count++] = wire_addr("10.9.0.5");
	hops[4] = hop(5, "45.57.91.12", 27900000);
	hops[4].server = true;
	record.path = (struct inpath_record_path){
		.why = INPATH_WHY_START,
		.stop = INPATH_STOP_REACHED,
		.nhop = 5,
		.sent = 6,
		.fingerprint = 0x9c1e04aa,
		.e2e_ns = 27900000,
		.lan_ns = 3200000,
		.hops = hops,
	};
	return record;
}

static void a_path_reads_as_in_the_contract(void **state)
{
	struct inpath_hop hops[5];
	struct inpath_record record = example(hops);

	(void)state;
	expect_line(&record, &plain,
		"ev=path v=1 ts=1760000000.123 run=7f3a9c21 cl=192.168.1.57 dev=\"livingroom-tv\""
		" pol=tv svc=netflix host=\"x.nflxvideo.net\" by=sni proto=tcp af=4 sport=51544"
		" dst=45.57.91.12 dport=443 why=start stop=reached nhop=5 sent=6 fp=9c1e04aa"
		" e2e=27.9 lan=3.2 hops=1/100.64.0.1/0.42,2/10.1.0.2/0.61,3/*,"
		"4/10.9.0.1+10.9.0.5/9.10,5/45.57.91.12/27.90");
}

static void what_is_unknown_is_left_out(void **state)
{
	struct inpath_hop hops[5];
	struct inpath_record record = example(hops);

	(void)state;
	record.flow.device = NULL;
	record.flow.host = "";
	record.flow.by = INPATH_BY_ADDR;
	record.path.e2e_ns = 0;
	record.path.lan_ns = 0;
	record.path.nhop = 1;
	record.path.stop = INPATH_STOP_MAXTTL;
	expect_line(&record, &plain,
		"ev=path v=1 ts=1760000000.123 run=7f3a9c21 cl=192.168.1.57 pol=tv svc=netflix"
		" by=addr proto=tcp af=4 sport=51544 dst=45.57.91.12 dport=443 why=start"
		" stop=maxttl nhop=1 sent=6 fp=9c1e04aa hops=1/100.64.0.1/0.42");
}

static void an_unplaced_server_is_the_last_entry(void **state)
{
	struct inpath_hop hops[5];
	struct inpath_record record = example(hops);
	struct lines lines = { 0 };

	(void)state;
	record.path.nhop = 3;
	record.path.unplaced = true;
	record.path.unplaced_rtt_ns = 27905000;
	logfmt_record(&record, &plain, collect, &lines);
	assert_int_equal(lines.count, 1);
	assert_non_null(strstr(
		lines.text[0], " hops=1/100.64.0.1/0.42,2/10.1.0.2/0.61,3/*,?/45.57.91.12/27.91"));
	assert_string_equal(strrchr(lines.text[0], ','), ",?/45.57.91.12/27.91");
}

static void ipv6_reads_as_inet_ntop_prints_it(void **state)
{
	struct inpath_hop hops[1] = { hop(1, "2001:db8:0:1::1", 10000) };
	struct inpath_record record = { .kind = INPATH_RECORD_PATH, .flow = flow4() };
	struct lines lines = { 0 };

	(void)state;
	record.flow.tuple.client = wire_addr("fd00::2");
	record.flow.tuple.server = wire_addr("2001:0db8:0000:0000:0000:0000:0000:0001");
	record.path = (struct inpath_record_path){ .nhop = 1, .hops = hops };
	logfmt_record(&record, &plain, collect, &lines);
	assert_non_null(strstr(lines.text[0], " cl=fd00::2 "));
	assert_non_null(strstr(lines.text[0], " af=6 sport=51544 dst=2001:db8::1 dport=443 "));
	assert_non_null(strstr(lines.text[0], " hops=1/2001:db8:0:1::1/0.01"));
}

static void durations_are_rounded_half_up(void **state)
{
	static const struct {
		uint64_t ns;
		const char *two, *one;
	} cases[] = {
		{ 1, "0.00", "0.0" },
		{ 4999, "0.00", "0.0" },
		{ 5000, "0.01", "0.0" },
		{ 49999, "0.05", "0.0" },
		{ 50000, "0.05", "0.1" },
		{ 999994999, "999.99", "1000.0" },
		{ 999995000, "1000.00", "1000.0" },
		{ UINT64_MAX, "18446744073709.55", "18446744073709.6" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct inpath_hop hops[1] = { hop(1, "10.0.0.1", cases[i].ns) };
		struct inpath_record record = { .kind = INPATH_RECORD_PATH, .flow = flow4() };
		struct lines lines = { 0 };
		struct logfmt_line line;
		char want[64];

		record.path = (struct inpath_record_path){
			.nhop = 1, .hops = hops, .e2e_ns = cases[i].ns, .lan_ns = cases[i].ns
		};
		logfmt_record(&record, &plain, collect, &lines);
		assert_true(logfmt_read(lines.text[0], strlen(lines.text[0]), &line));
		snprintf(want, sizeof(want), "1/10.0.0.1/%s", cases[i].two);
		assert_string_equal(logfmt_get(&line, "hops"), want);
		assert_string_equal(logfmt_get(&line, "e2e"), cases[i].one);
		assert_string_equal(logfmt_get(&line, "lan"), cases[i].one);
	}
}

static void an_epoch_tells_each_hop_in_numbers(void **state)
{
	struct inpath_epoch_hop hops[3] = { { .ttl = 1, .addr_count = 2, .sent = 12, .missing = 1 },
		{ .ttl = 2, .sent = 20, .missing = 20 },
		{ .ttl = 3, .addr_count = 1, .sent = 2, .missing = 0 } };
	struct inpath_record record = { .kind = INPATH_RECORD_EPOCH, .flow = flow4() };

	(void)state;
	hops[0].addrs[0] = wire_addr("100.64.0.1");
	hops[0].addrs[1] = wire_addr("100.64.0.2");
	hops[0].rtt = (struct inpath_rtts){ 11, 410000, 500000, 9000000, 120000 };
	hops[2].addrs[0] = wire_addr("45.57.91.12");
	record.at = 90 * INPATH_SEC;
	record.epoch = (struct inpath_record_epoch){ .since = 5 * INPATH_SEC + 7 * INPATH_MSEC,
		.until = 90 * INPATH_SEC,
		.traces = 10,
		.flaps = 1,
		.fingerprint = 0x9c1e04aa,
		.e2e = { 10, 27900000, 28000000, 140000000, 0 },
		.nhop = 3,
		.hops = hops };
	expect_line(&record, &plain,
		"ev=epoch v=1 ts=1760000090.000 run=7f3a9c21 cl=192.168.1.57"
		" dev=\"livingroom-tv\" pol=tv svc=netflix host=\"x.nflxvideo.net\" by=sni"
		" proto=tcp af=4 sport=51544 dst=45.57.91.12 dport=443"
		" since=1760000005.007 until=1760000090.000 traces=10 flaps=1 fp=9c1e04aa"
		" e2e=27.9/28.0/140.0"
		" hops=1/100.64.0.1+100.64.0.2/0.41/0.50/9.00/0.12/1-of-12,2/*/20-of-20,"
		"3/45.57.91.12/0-of-2");
}

static void a_long_epoch_is_split_between_hops(void **state)
{
	struct inpath_epoch_hop hops[INPATH_EPOCH_HOPS] = { 0 };
	struct inpath_record record = { .kind = INPATH_RECORD_EPOCH, .flow = flow4() };
	static struct lines lines;
	unsigned int entries = 0;

	(void)state;
	for (uint8_t i = 0; i < INPATH_EPOCH_HOPS; i++) {
		hops[i].ttl = (uint8_t)(i + 1);
		hops[i].addr_count = INPATH_HOP_ADDRS;
		for (int k = 0; k < INPATH_HOP_ADDRS; k++)
			hops[i].addrs[k] = wire_addr("2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff");
		hops[i].sent = hops[i].missing = UINT32_MAX;
		hops[i].rtt = (struct inpath_rtts){ 1, 4000000000000, 4000000000000, 4000000000000,
			4000000000000 };
	}
	record.epoch.nhop = INPATH_EPOCH_HOPS;
	record.epoch.hops = hops;
	logfmt_record(&record, &plain, collect, &lines);
	assert_true(lines.count > 1);
	for (size_t i = 0; i < lines.count; i++) {
		struct logfmt_line line;
		const char *at;

		assert_true(logfmt_read(lines.text[i], strlen(lines.text[i]), &line));
		for (at = logfmt_get(&line, "hops"); at; at = strchr(at, ',')) {
			at += *at == ',';
			assert_int_equal(strtoul(at, NULL, 10), ++entries);
		}
	}
	assert_int_equal(entries, INPATH_EPOCH_HOPS);
}

static void a_change_a_hop_and_a_probe_have_lines_of_their_own(void **state)
{
	struct inpath_hop h = hop(3, "10.1.0.2", 610000);
	struct inpath_hop silent = hop(4, NULL, 0);
	struct inpath_record record = { .kind = INPATH_RECORD_CHANGE, .flow = flow4() };

	(void)state;
	record.change = (struct inpath_record_change){ 0x0000000a, 0x9c1e04aa, 4, false, 0 };
	expect_line(&record, &plain,
		"ev=change v=1 ts=1760000000.000 run=7f3a9c21 cl=192.168.1.57"
		" dev=\"livingroom-tv\" pol=tv svc=netflix host=\"x.nflxvideo.net\" by=sni"
		" proto=tcp af=4 sport=51544 dst=45.57.91.12 dport=443"
		" old=0000000a new=9c1e04aa ttl=4 held=0");
	record.change.back = true;
	record.change.held_ns = 90 * INPATH_SEC + 999 * INPATH_MSEC;
	expect_line(&record, &plain,
		"ev=change v=1 ts=1760000000.000 run=7f3a9c21 cl=192.168.1.57"
		" dev=\"livingroom-tv\" pol=tv svc=netflix host=\"x.nflxvideo.net\" by=sni"
		" proto=tcp af=4 sport=51544 dst=45.57.91.12 dport=443"
		" old=0000000a new=9c1e04aa ttl=4 back=yes held=90");

	record.kind = INPATH_RECORD_HOP;
	record.hop = &h;
	h.sent = h.answered = 2;
	h.rtt_med_ns = 650000;
	h.rtt_max_ns = 700000;
	h.reply_ttl = 62;
	h.quoted_ttl = 1;
	h.quoted_len = 33;
	h.quoted = true;
	h.icmp_type = 11;
	expect_line(&record, &plain,
		"ev=hop v=1 ts=1760000000.000 run=7f3a9c21 ttl=3 addr=10.1.0.2 sent=2 answered=2"
		" min=0.61 med=0.65 max=0.70 rttl=62 qttl=1 qlen=33 type=11 code=0");
	h.quoted = false;
	expect_line(&record, &plain,
		"ev=hop v=1 ts=1760000000.000 run=7f3a9c21 ttl=3 addr=10.1.0.2 sent=2 answered=2"
		" min=0.61 med=0.65 max=0.70 rttl=62");
	h.answered = h.reply_ttl = 0; /* a server whose place is inferred */
	expect_line(&record, &plain,
		"ev=hop v=1 ts=1760000000.000 run=7f3a9c21 ttl=3 addr=10.1.0.2 sent=2 answered=0"
		" min=0.61 med=0.65 max=0.70");
	record.hop = &silent;
	expect_line(&record, &plain,
		"ev=hop v=1 ts=1760000000.000 run=7f3a9c21 ttl=4 addr=* sent=1 answered=0");

	record.kind = INPATH_RECORD_PROBE;
	record.probe = (struct inpath_record_probe){
		.ttl = 2, .attempt = 1, .token = 0xbeef, .sent = 7 * INPATH_MSEC
	};
	expect_line(&record, &plain,
		"ev=probe v=1 ts=1760000000.007 run=7f3a9c21 ttl=2 attempt=1 token=0xbeef");
	record.probe.answered = true;
	record.probe.rtt_ns = 5000;
	record.probe.from = wire_addr("2001:db8::9");
	expect_line(&record, &plain,
		"ev=probe v=1 ts=1760000000.007 run=7f3a9c21 ttl=2 attempt=1 token=0xbeef"
		" from=2001:db8::9 rtt=0.01");
}

static void privacy_options_leave_out_what_they_say(void **state)
{
	struct inpath_hop hops[5];
	struct inpath_record record = example(hops);
	struct logfmt_options options = plain;
	struct logfmt_line line;
	struct lines first = { 0 }, again = { 0 }, rekeyed = { 0 }, none = { 0 };
	char hash[17];

	(void)state;
	options.names = false;
	options.clients = LOGFMT_CLIENTS_HASH;
	logfmt_record(&record, &options, collect, &first);
	assert_null(strstr(first.text[0], "host="));
	assert_null(strstr(first.text[0], "dev="));
	assert_null(strstr(first.text[0], "192.168.1.57"));
	assert_true(logfmt_read(first.text[0], strlen(first.text[0]), &line));
	snprintf(hash, sizeof(hash), "%s", logfmt_get(&line, "cl"));
	assert_int_equal(strspn(hash, "0123456789abcdef"), 16);

	record.flow.tuple.client_port++;
	logfmt_record(&record, &options, collect, &again);
	assert_non_null(strstr(again.text[0], hash));
	options.client_key[1] = 1;
	logfmt_record(&record, &options, collect, &rekeyed);
	assert_null(strstr(rekeyed.text[0], hash));
	options.clients = LOGFMT_CLIENTS_NONE;
	logfmt_record(&record, &options, collect, &none);
	assert_non_null(strstr(none.text[0], " cl=- pol="));
}

/* Writes a record with these texts and gives back the only line, read. */
static void round_trip(const char *host, const char *device, const char *policy,
	struct lines *lines, struct logfmt_line *line)
{
	struct inpath_hop hops[1] = { hop(1, "10.0.0.1", 1) };
	struct inpath_record record = { .kind = INPATH_RECORD_PATH, .flow = flow4() };

	lines->count = 0;
	record.flow.host = host;
	record.flow.device = device;
	record.flow.policy = policy;
	record.flow.service = policy;
	record.path = (struct inpath_record_path){ .nhop = 1, .hops = hops };
	logfmt_record(&record, &plain, collect, lines);
	assert_int_equal(lines->count, 1);
	assert_true(logfmt_read(lines->text[0], strlen(lines->text[0]), line));
}

static void no_name_can_forge_a_field(void **state)
{
	static const char evil[] = "x\" ev=path v=1\nev=path\\\x01\x7f\xff dst=6.6.6.6";
	struct logfmt_line line;
	struct lines lines;

	(void)state;
	round_trip(evil, evil, evil, &lines, &line);
	assert_string_equal(logfmt_get(&line, "host"), evil);
	assert_string_equal(logfmt_get(&line, "dev"), evil);
	assert_string_equal(logfmt_get(&line, "pol"), evil);
	assert_string_equal(logfmt_get(&line, "svc"), evil);
	assert_string_equal(logfmt_get(&line, "dst"), "45.57.91.12");
	assert_null(strstr(lines.text[0], " ev="));
	assert_ptr_equal(strstr(lines.text[0], "dst="), strstr(lines.text[0], "dst=45.57.91.12"));
	assert_non_null(strstr(lines.text[0],
		"host=\"x\\\" ev\\x3dpath v\\x3d1\\x0aev\\x3dpath\\\\\\x01\\x7f\\xff dst\\x3d6.6.6.6\""));
}

static void every_byte_comes_back(void **state)
{
	struct logfmt_line line;
	struct lines lines;

	(void)state;
	for (int c = 1; c < 256; c++) {
		char text[] = { 'a', (char)c, 'b', (char)c, '\0' };

		round_trip(text, text, text, &lines, &line);
		assert_string_equal(logfmt_get(&line, "host"), text);
		assert_string_equal(logfmt_get(&line, "dev"), text);
		assert_string_equal(logfmt_get(&line, "pol"), text);
		assert_null(strstr(lines.text[0], " ev="));
	}
}

static void quotes_stand_only_where_they_must(void **state)
{
	struct logfmt_line line;
	struct lines lines;

	(void)state;
	round_trip("h", "d", "Az09._:+/,*?-", &lines, &line);
	assert_non_null(strstr(lines.text[0], " pol=Az09._:+/,*?- svc=Az09._:+/,*?- host=\"h\""));
	round_trip("h", "d", "my tv", &lines, &line);
	assert_non_null(strstr(lines.text[0], " dev=\"d\" pol=\"my tv\" svc=\"my tv\" host="));
}

static void texts_too_long_for_a_line_are_cut_between_characters(void **state)
{
	char *host = repeated('\x80', INPATH_HOST_MAX);
	char *label = repeated('"', INPATH_LABEL_MAX);
	char *endless = repeated('z', 5000);
	struct logfmt_line line;
	struct lines lines;

	(void)state;
	round_trip(host, label, label, &lines, &line);
	assert_in_range(strlen(lines.text[0]), LOGFMT_LINE_MAX - 8, LOGFMT_LINE_MAX);
	assert_memory_equal(logfmt_get(&line, "host"), host, strlen(logfmt_get(&line, "host")));
	assert_in_range(strlen(logfmt_get(&line, "host")), 30, INPATH_HOST_MAX - 1);
	assert_string_equal(logfmt_get(&line, "dev"), label);
	assert_string_equal(logfmt_get(&line, "pol"), label);

	round_trip(endless, endless, endless, &lines, &line);
	assert_string_equal(logfmt_get(&line, "host"), "");
	assert_string_equal(logfmt_get(&line, "dev"), "");
	assert_in_range(strlen(logfmt_get(&line, "pol")), 1, LOGFMT_LINE_MAX);
	assert_string_equal(logfmt_get(&line, "hops"), "1/10.0.0.1/0.00");
	free(host);
	free(label);
	free(endless);
}

/* Cuts " part=i/n" and all from "hops=" on out of a line; returns the hops. */
static const char *split_part(char *line, unsigned int *number, unsigned int *of)
{
	char *hops = strstr(line, " hops=");
	char *part = strstr(line, " part=");
	char *end;

	assert_non_null(hops);
	assert_non_null(part);
	assert_int_equal(sscanf(part, " part=%u/%u", number, of), 2);
	assert_memory_equal(part - 8 - 4, "run=", 4);
	*hops = '\0';
	end = strchr(part + 1, ' ');
	memmove(part, end, strlen(end) + 1);
	return hops + strlen(" hops=");
}

static void a_long_path_is_split_between_hops(void **state)
{
	static struct inpath_hop hops[INPATH_MAX_HOPS];
	struct inpath_record record = { .kind = INPATH_RECORD_PATH, .flow = flow4() };
	struct lines lines = { 0 };
	char all[LINES_MAX * LOGFMT_LINE_MAX] = "";
	unsigned int number, of;
	struct logfmt_line line;
	char *host = repeated('h', INPATH_HOST_MAX);
	char *label = repeated('d', INPATH_LABEL_MAX);
	const char *addresses = "2001:db8:1111:2222:3333:4444:5555:6666";

	(void)state;
	for (uint8_t i = 0; i < INPATH_MAX_HOPS; i++) {
		hops[i] = hop((uint8_t)(i + 1), addresses, 99999990000);
		for (int k = 1; k < INPATH_HOP_ADDRS; k++)
			hops[i].addrs[hops[i].addr_count++] = wire_addr(addresses);
	}
	record.flow.tuple.client = wire_addr(addresses);
	record.flow.tuple.server = wire_addr(addresses);
	record.flow.host = host;
	record.flow.device = label;
	record.path = (struct inpath_record_path){ .nhop = INPATH_MAX_HOPS,
		.hops = hops,
		.e2e_ns = 99999900000,
		.lan_ns = 99999900000,
		.unplaced = true };
	logfmt_record(&record, &plain, collect, &lines);
	assert_true(lines.count > 1);
	for (size_t i = 0; i < lines.count; i++) {
		const char *part;

		assert_true(logfmt_read(lines.text[i], strlen(lines.text[i]), &line));
		assert_string_equal(logfmt_get(&line, "host"), host);
		assert_string_equal(logfmt_get(&line, "dev"), label);
		part = split_part(lines.text[i], &number, &of);
		assert_int_equal(number, i + 1);
		assert_int_equal(of, lines.count);
		assert_string_equal(lines.text[i], lines.text[0]);
		if (i)
			strcat(all, ",");
		strcat(all, part);
	}
	for (unsigned int i = 0; i < INPATH_MAX_HOPS; i++) {
		char want[256];
		int len = snprintf(want, sizeof(want), "%u/%s+%s+%s+%s/99999.99,", i + 1, addresses,
			addresses, addresses, addresses);

		assert_memory_equal(all, want, (size_t)len);
		memmove(all, all + len, strlen(all + len) + 1);
	}
	assert_string_equal(all, "?/2001:db8:1111:2222:3333:4444:5555:6666/0.00");
	free(host);
	free(label);
}

static void a_line_holds_900_bytes_and_is_split_at_901(void **state)
{
	struct inpath_hop hops[8];
	struct inpath_record record = { .kind = INPATH_RECORD_PATH, .flow = flow4() };
	struct lines lines = { 0 };
	size_t one;

	(void)state;
	for (uint8_t i = 0; i < 8; i++) {
		hops[i] = hop((uint8_t)(i + 1), "203.0.113.1", 10000);
		for (int k = 1; k < INPATH_HOP_ADDRS; k++)
			hops[i].addrs[hops[i].addr_count++] = wire_addr("203.0.113.1");
	}
	record.path = (struct inpath_record_path){ .nhop = 8, .hops = hops };
	record.flow.host = "h";
	logfmt_record(&record, &plain, collect, &lines);
	assert_int_equal(lines.count, 1);
	one = strlen(lines.text[0]);
	assert_in_range(one, LOGFMT_LINE_MAX - INPATH_HOST_MAX, LOGFMT_LINE_MAX);
	for (size_t more = 0; more < 2; more++) {
		char *host = repeated('h', 1 + LOGFMT_LINE_MAX - one + more);

		record.flow.host = host;
		lines.count = 0;
		logfmt_record(&record, &plain, collect, &lines);
		assert_int_equal(lines.count, 1 + more);
		if (!more)
			assert_int_equal(strlen(lines.text[0]), LOGFMT_LINE_MAX);
		free(host);
	}
}

static void stats_name_every_counter(void **state)
{
	struct inpath_stats stats;
	struct lines lines = { 0 };
	struct logfmt_line line;
	size_t seen = 0;
	uint64_t value = UINT64_MAX;

	(void)state;
#define SET(name, what) stats.name = value--;
	INPATH_STATS(SET)
	logfmt_stats(&stats, 1760000000 * INPATH_SEC, collect, &lines);
	assert_true(lines.count > 1);
	for (size_t i = 0; i < lines.count; i++) {
		char part[48];

		snprintf(part, sizeof(part), "%zu/%zu", i + 1, lines.count);
		assert_true(logfmt_read(lines.text[i], strlen(lines.text[i]), &line));
		assert_string_equal(logfmt_get(&line, "ev"), "stats");
		assert_string_equal(logfmt_get(&line, "ts"), "1760000000.000");
		assert_string_equal(logfmt_get(&line, "part"), part);
#define CHECK(name, what)                                                                          \
	if (logfmt_get(&line, #name)) {                                                            \
		assert_int_equal(strtoull(logfmt_get(&line, #name), NULL, 10), stats.name);        \
		seen++;                                                                            \
	}
		INPATH_STATS(CHECK)
	}
#define COUNT(name, what) +1
	assert_int_equal(seen, 0 INPATH_STATS(COUNT));
}

static void an_event_writes_its_pairs(void **state)
{
	static const struct logfmt_pair pairs[] = {
		{ "version", "0.1" },
		{ "why", "said \"no\"" },
		{ "none", "" },
	};
	struct lines lines = { 0 };
	struct logfmt_line line;
	struct logfmt_pair many[150];
	char *endless = repeated('\\', 1000);

	(void)state;
	logfmt_event("start", 1760000000 * INPATH_SEC + 5 * INPATH_MSEC, pairs, 3, collect, &lines);
	logfmt_event("stop", 0, NULL, 0, collect, &lines);
	assert_int_equal(lines.count, 2);
	assert_string_equal(lines.text[0],
		"ev=start v=1 ts=1760000000.005 version=0.1 why=\"said \\\"no\\\"\" none=");
	assert_string_equal(lines.text[1], "ev=stop v=1 ts=0.000");
	assert_true(logfmt_read(lines.text[0], strlen(lines.text[0]), &line));
	assert_string_equal(logfmt_get(&line, "none"), "");

	/* No more pairs in a line than its reader keeps, and a value longer than a line is cut. */
	for (size_t i = 0; i < 150; i++)
		many[i] = (struct logfmt_pair){ "k", "" };
	many[149].value = endless;
	lines.count = 0;
	logfmt_event("x", 0, many, 150, collect, &lines);
	assert_int_equal(lines.count, 4);
	assert_int_equal(strncmp(lines.text[3], "ev=x v=1 ts=0.000 part=4/4 k=\"\\\\\\\\", 34), 0);
	assert_in_range(strlen(lines.text[3]), LOGFMT_LINE_MAX - 8, LOGFMT_LINE_MAX);
	free(endless);
}

static bool reads(const char *text, struct logfmt_line *line)
{
	size_t len = strlen(text);
	char *copy = malloc(len ? len : 1);
	bool good;

	assert_non_null(copy);
	memcpy(copy, text, len);
	good = logfmt_read(copy, len, line);
	free(copy);
	return good;
}

static void a_reader_starts_at_the_first_event(void **state)
{
	struct logfmt_line line;

	(void)state;
	assert_true(reads("Nov 21 01:00:00 gw inpathd[77]: prev=1 ev=path v=1\n", &line));
	assert_int_equal(line.count, 2);
	assert_string_equal(logfmt_get(&line, "ev"), "path");
	assert_string_equal(logfmt_get(&line, "v"), "1");
	assert_null(logfmt_get(&line, "prev"));
	assert_true(reads("ev=stop", &line));
	assert_true(reads("ev=x host=\"a b\\x41\\\"\\\\\" hops=", &line));
	assert_string_equal(logfmt_get(&line, "host"), "a bA\"\\");
	assert_string_equal(logfmt_get(&line, "hops"), "");
}

static void a_reader_refuses_what_the_writer_never_writes(void **state)
{
	static const char *const bad[] = {
		"",
		"\n",
		"ev",
		"v=1 eve=1",
		"prev=path",
		"ev=path ",
		"ev=path  v=1",
		"ev=path\tv=1",
		"ev=path v=1\r\n",
		"ev=path v=1\n\n",
		"ev=path ev=path",
		"ev=path v=1 v=1",
		"ev=path V=1",
		"ev=path =1",
		"ev=path 1=1",
		"ev=path v",
		"ev=path a=b=c",
		"ev=path a=b\"c\"",
		"ev=path a=\"b",
		"ev=path a=\"b\\",
		"ev=path a=\"b\\x",
		"ev=path a=\"b\\x4",
		"ev=path a=\"b\\x4\"",
		"ev=path a=\"b\\x4g\"",
		"ev=path a=\"b\\x00\"",
		"ev=path a=\"b\\n\"",
		"ev=path a=\"b\"c",
		"ev=path a=\"b\x80\"",
		"ev=path a=\"b\nc\"",
		"ev=path a=\xc3",
		"x ev=path a=\" ev=path b=1",
	};
	struct logfmt_line line;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(reads(bad[i], &line));
}

static void a_reader_keeps_64_fields_and_refuses_65(void **state)
{
	char text[LOGFMT_LINE_MAX] = "ev=x";
	struct logfmt_line line;

	(void)state;
	for (unsigned int i = 1; i < LOGFMT_FIELDS_MAX; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), " k%u=%u", i, i);
	assert_true(reads(text, &line));
	assert_int_equal(line.count, LOGFMT_FIELDS_MAX);
	assert_string_equal(logfmt_get(&line, "k63"), "63");
	strcat(text, " more=1");
	assert_false(reads(text, &line));
}

static void a_reader_takes_900_bytes_behind_any_prefix_and_no_more(void **state)
{
	char text[2000];
	struct logfmt_line line;

	(void)state;
	for (size_t more = 0; more < 2; more++) {
		memset(text, 'p', 1000);
		memcpy(text + 999, " ev=", 4);
		memset(text + 1003, 'x', LOGFMT_LINE_MAX - 3 + more);
		text[1000 + LOGFMT_LINE_MAX + more] = '\0';
		assert_int_equal(reads(text, &line), !more);
		if (!more)
			assert_int_equal(strlen(logfmt_get(&line, "ev")), LOGFMT_LINE_MAX - 3);
	}
}

static void a_reader_survives_every_truncation(void **state)
{
	struct inpath_hop hops[5];
	struct inpath_record record = example(hops);
	struct lines lines = { 0 };
	struct logfmt_line line;
	size_t len;

	(void)state;
	record.flow.host = "\"\\\x01 ev=";
	logfmt_record(&record, &plain, collect, &lines);
	len = strlen(lines.text[0]);
	for (size_t n = 0; n <= len; n++) {
		char *copy = malloc(n ? n : 1);
		bool good;

		assert_non_null(copy);
		memcpy(copy, lines.text[0], n);
		good = logfmt_read(copy, n, &line);
		free(copy);
		/* A cut that falls on a bare value's end cannot be told from a whole line. */
		assert_true(good || n < len);
		if (good)
			assert_string_equal(line.fields[0].value,
				n < 7 ? (n == 3 ? "" : line.fields[0].value) : "path");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_path_reads_as_in_the_contract),
		cmocka_unit_test(what_is_unknown_is_left_out),
		cmocka_unit_test(an_unplaced_server_is_the_last_entry),
		cmocka_unit_test(ipv6_reads_as_inet_ntop_prints_it),
		cmocka_unit_test(durations_are_rounded_half_up),
		cmocka_unit_test(an_epoch_tells_each_hop_in_numbers),
		cmocka_unit_test(a_long_epoch_is_split_between_hops),
		cmocka_unit_test(a_change_a_hop_and_a_probe_have_lines_of_their_own),
		cmocka_unit_test(privacy_options_leave_out_what_they_say),
		cmocka_unit_test(no_name_can_forge_a_field),
		cmocka_unit_test(every_byte_comes_back),
		cmocka_unit_test(quotes_stand_only_where_they_must),
		cmocka_unit_test(texts_too_long_for_a_line_are_cut_between_characters),
		cmocka_unit_test(a_long_path_is_split_between_hops),
		cmocka_unit_test(a_line_holds_900_bytes_and_is_split_at_901),
		cmocka_unit_test(stats_name_every_counter),
		cmocka_unit_test(an_event_writes_its_pairs),
		cmocka_unit_test(a_reader_starts_at_the_first_event),
		cmocka_unit_test(a_reader_refuses_what_the_writer_never_writes),
		cmocka_unit_test(a_reader_keeps_64_fields_and_refuses_65),
		cmocka_unit_test(a_reader_takes_900_bytes_behind_any_prefix_and_no_more),
		cmocka_unit_test(a_reader_survives_every_truncation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
