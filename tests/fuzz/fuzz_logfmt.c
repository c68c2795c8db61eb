/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz_logfmt: the input is read as a line, and it also fills a record's texts and numbers.
 *
 * Holds: the reader stays within an exact-size copy. Whatever a record holds, each of its lines is
 * one line of at most 900 printable bytes with one `ev=` at its start and the contract's fields in
 * their order; read back, behind any prefix, the values are the record's (a text is cut only where
 * the line is full); the notes of all parts are the same, and say what the record says; and the
 * hops of the parts, joined, are the record's hops. So with a hop's line.
 */
#include "tests/fuzz/lines.h"

#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_exact(const uint8_t *data, size_t size)
{
	char *copy = malloc(size ? size : 1);
	struct logfmt_line line;

	if (!copy)
		return;
	if (size)
		memcpy(copy, data, size);
	if (logfmt_read(copy, size, &line)) {
		must(line.count >= 1 && line.count <= LOGFMT_FIELDS_MAX);
		must(strcmp(line.fields[0].key, "ev") == 0);
		for (size_t i = 0; i < line.count; i++)
			must(logfmt_get(&line, line.fields[i].key) == line.fields[i].value);
	}
	free(copy);
}

/* What a record was made of, and what its lines were so far. */
struct check {
	const struct inpath_record *record;
	const struct logfmt_options *options;
	unsigned int lines;
	unsigned int parts;
	unsigned int entries;
};

/* Does the line hold `text`, or as much of it as there was room for? */
static void check_text(const struct logfmt_line *line, const char *key, const char *text,
	bool shown, bool may_be_cut)
{
	const char *value = logfmt_get(line, key);

	must((value != NULL) == shown);
	if (!shown)
		return;
	must(strncmp(text, value, strlen(value)) == 0);
	must(may_be_cut || strcmp(text, value) == 0);
}

static void check_texts(const struct check *c, const struct logfmt_line *line)
{
	const struct inpath_record_flow *flow = &c->record->flow;
	const char *device = flow->device ? flow->device : "";
	size_t bytes =
		strlen(flow->host) + strlen(device) + strlen(flow->policy) + strlen(flow->service);
	/* Four bytes an escape; a head and a longest entry need less than this beside the texts. */
	size_t rest = c->record->kind == INPATH_RECORD_EPOCH ? 700 : 530;
	bool may_be_cut = 4 * bytes > LOGFMT_LINE_MAX - rest;

	check_text(line, "host", flow->host, c->options->names && *flow->host, may_be_cut);
	check_text(line, "dev", device, c->options->names && *device, may_be_cut);
	check_text(line, "pol", flow->policy, true, may_be_cut);
	check_text(line, "svc", flow->service, true, may_be_cut);
}

/* Counts the entries of this part's hops, which go on where the last part's ended. */
static void check_hops(struct check *c, const char *hops)
{
	const struct inpath_record *r = c->record;
	unsigned int nhop = r->kind == INPATH_RECORD_EPOCH ? r->epoch.nhop : r->path.nhop;

	while (*hops) {
		char want[8];

		snprintf(want, sizeof(want), c->entries < nhop ? "%u/" : "?/", c->entries + 1);
		must(strncmp(hops, want, strlen(want)) == 0);
		c->entries++;
		hops += strcspn(hops, ",");
		hops += *hops == ',';
	}
}

static void check_line(void *arg, const char *text, size_t len)
{
	struct check *c = arg;
	struct logfmt_line line, prefixed;
	char buffer[LOGFMT_LINE_MAX + 64];
	int n = snprintf(buffer, sizeof(buffer), "<30>Nov 21 01:02:03 gw inpathd[7]: %s\n", text);
	const char *part;

	check_shape(text, len);
	must(logfmt_read(text, len, &line));
	must(logfmt_read(buffer, (size_t)n, &prefixed));
	must(line.count == prefixed.count);
	for (size_t i = 0; i < line.count; i++) {
		must(strcmp(line.fields[i].key, prefixed.fields[i].key) == 0);
		must(strcmp(line.fields[i].value, prefixed.fields[i].value) == 0);
	}
	check_order(&line);
	check_texts(c, &line);
	c->lines++;
	part = logfmt_get(&line, "part");
	if (part) {
		unsigned int number;

		must(sscanf(part, "%u/%u", &number, &c->parts) == 2);
		must(number == c->lines);
	}
	if (c->record->kind != INPATH_RECORD_CHANGE)
		check_hops(c, logfmt_get(&line, "hops"));
}

static void take_hops(struct source *s, struct inpath_hop *hops, uint8_t count, uint8_t family)
{
	for (uint8_t i = 0; i < count; i++) {
		hops[i] = (struct inpath_hop){ .ttl = (uint8_t)(i + 1) };
		hops[i].addr_count = take(s) % (INPATH_HOP_ADDRS + 1);
		hops[i].rtt_min_ns = take_bits(s, 5);
		for (unsigned int k = 0; k < hops[i].addr_count; k++)
			hops[i].addrs[k] = take_addr(s, family);
	}
}

static void take_rtts(struct source *s, struct inpath_rtts *rtts)
{
	*rtts = (struct inpath_rtts){ .count = take(s) };
	rtts->min_ns = take_bits(s, 5);
	rtts->med_ns = take_bits(s, 5);
	rtts->max_ns = take_bits(s, 6);
	rtts->jitter_ns = take_bits(s, 3);
}

static void take_epoch(struct source *s, struct inpath_record_epoch *epoch,
	struct inpath_epoch_hop *hops, uint8_t family)
{
	epoch->nhop = take(s) % (INPATH_EPOCH_HOPS + 1);
	epoch->hops = hops;
	epoch->since = take_bits(s, 7);
	epoch->until = take_bits(s, 7);
	take_rtts(s, &epoch->e2e);
	take_rtts(s, &epoch->lan);
	for (uint8_t i = 0; i < epoch->nhop; i++) {
		hops[i] = (struct inpath_epoch_hop){ .ttl = (uint8_t)(i + 1) };
		hops[i].addr_count = take(s) % (INPATH_HOP_ADDRS + 1);
		hops[i].sent = (uint32_t)take_bits(s, 4);
		hops[i].missing = (uint32_t)take_bits(s, 4);
		take_rtts(s, &hops[i].rtt);
		for (unsigned int k = 0; k < hops[i].addr_count; k++)
			hops[i].addrs[k] = take_addr(s, family);
	}
}

static void write_and_check(struct source *s)
{
	struct inpath_epoch_hop epoch_hops[INPATH_EPOCH_HOPS];
	char host[INPATH_HOST_MAX + 1], device[INPATH_LABEL_MAX + 1], policy[INPATH_LABEL_MAX + 1],
		service[INPATH_LABEL_MAX + 1];
	struct inpath_hop hops[INPATH_MAX_HOPS];
	uint8_t how = take(s), family = how & 1 ? INPATH_AF_INET6 : INPATH_AF_INET;
	struct logfmt_options options = { .names = (how & 6) != 0,
		.clients = (enum logfmt_clients)(how >> 3 & 3) % 3,
		.wall_offset = 1760000000000000000 };
	struct inpath_record record = { .kind = how & 0x80   ? INPATH_RECORD_CHANGE
						: how & 0x20 ? INPATH_RECORD_EPOCH
							     : INPATH_RECORD_PATH };
	struct check check = { .record = &record, .options = &options };

	take_text(s, host, INPATH_HOST_MAX);
	take_text(s, device, INPATH_LABEL_MAX);
	take_text(s, policy, INPATH_LABEL_MAX);
	take_text(s, service, INPATH_LABEL_MAX);
	record.at = take_bits(s, 7);
	record.flow = (struct inpath_record_flow){ .run = (uint32_t)take_bits(s, 4),
		.device = how & 0x40 ? device : NULL,
		.policy = policy,
		.service = service,
		.host = host };
	record.flow.tuple.client = take_addr(s, family);
	record.flow.tuple.server = take_addr(s, family);
	if (record.kind == INPATH_RECORD_PATH) {
		record.path.nhop = take(s) % (INPATH_MAX_HOPS + 1);
		record.path.unplaced = take(s) & 1;
		record.path.e2e_ns = take_bits(s, 5);
		record.path.lan_ns = take_bits(s, 5);
		record.path.hops = hops;
		take_hops(s, hops, record.path.nhop, family);
	}
	if (record.kind == INPATH_RECORD_EPOCH)
		take_epoch(s, &record.epoch, epoch_hops, family);
	logfmt_record(&record, &options, check_line, &check);
	must(check.lines >= 1 && (check.parts ? check.parts == check.lines : check.lines == 1));
	if (record.kind == INPATH_RECORD_EPOCH)
		must(check.entries == record.epoch.nhop);
	if (record.kind == INPATH_RECORD_PATH)
		must(check.entries == record.path.nhop + (record.path.unplaced ? 1U : 0U));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct source s = { data, size };

	read_exact(data, size);
	write_and_check(&s);
	return 0;
}
