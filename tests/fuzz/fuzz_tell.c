/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz_tell: the input fills what replies told of a path and its hops.
 *
 * Holds: each line is one of at most 900 printable bytes with the contract's fields in their order.
 * Read back, a hop's line says what the hop holds; every part of a path's line says of its hops and
 * notes what they hold, lists to their bound; names are cut only where the line is full.
 */
#include "tests/fuzz/lines.h"

#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* `words` by comma to bits, the first word's being 1; each at most once, in their order. */
static unsigned int bits_of(const char *value, const char *const *words)
{
	unsigned int bits = 0;

	for (unsigned int bit = 1; *words; words++, bit <<= 1) {
		size_t len = strlen(*words);

		if (!value || strncmp(value, *words, len) != 0)
			continue;
		if (value[len] != ',' && value[len] != '\0')
			continue;
		bits |= bit;
		value = value[len] ? value + len + 1 : NULL;
	}
	must(!value);
	return bits;
}

static unsigned int rewritten_of(const char *value)
{
	static const char *const words[] = { "dscp", "ecn", "addr", "port", "seq", "id", "sum",
		NULL };

	return bits_of(value, words);
}

/* A refusal's letter back to what it says. */
static void check_unreach(const char *value, const struct inpath_hop *hop)
{
	static const char letters[] = "?NHPpX<";
	unsigned int code;

	must((value != NULL) == (hop->unreach != INPATH_UNREACH_NONE));
	if (!value)
		return;
	must(value[0] == '!' && value[1] == letters[hop->unreach]);
	if (hop->unreach == INPATH_UNREACH_OTHER)
		must(sscanf(value, "!<%u>", &code) == 1 && code == hop->unreach_code);
}

static void check_number(const struct logfmt_line *line, const char *key, uint64_t want, bool shown)
{
	const char *value = logfmt_get(line, key);

	must((value != NULL) == shown && (!value || strtoull(value, NULL, 10) == want));
}

static void check_mpls(const char *value, const struct inpath_hop *hop)
{
	must((value != NULL) == (hop->mpls_count != 0));
	for (unsigned int i = 0; i < hop->mpls_count; i++) {
		const struct inpath_mpls *m = &hop->mpls[i];
		unsigned int label, tc, bottom, ttl;
		int n = 0;

		must(sscanf(value, "%u/%u/%u/%u%n", &label, &tc, &bottom, &ttl, &n) == 4);
		must(label == m->label && tc == m->tc && bottom == m->bottom && ttl == m->ttl);
		value += n;
		must(*value == (i + 1U < hop->mpls_count ? '+' : '\0'));
		value++;
	}
}

static void check_interface(const struct logfmt_line *line, const struct inpath_interface *in)
{
	static const char *const roles[] = { "in", "in-sub", "out", "next" };
	const char *role = logfmt_get(line, "ifrole"), *name = logfmt_get(line, "ifname");

	must((role != NULL) == in->told && (!role || strcmp(role, roles[in->role]) == 0));
	check_number(line, "ifindex", in->index, in->told && in->index);
	check_number(line, "ifmtu", in->mtu, in->told && in->mtu);
	must((logfmt_get(line, "ifaddr") != NULL) == (in->told && in->addr.family));
	must((name != NULL) == (in->told && *in->name));
	if (name) /* A name of 63 escapes may lose its last to the longest of lines. */
		must(strncmp(name, in->name, strlen(name)) == 0 &&
			strlen(name) + 2 >= strlen(in->name));
}

static void check_hop(const struct logfmt_line *line, const struct inpath_hop *hop)
{
	check_number(line, "ttl", hop->ttl, true);
	check_number(line, "qttl", hop->quoted_ttl, hop->quoted);
	check_number(line, "qlen", hop->quoted_len, hop->quoted);
	must((logfmt_get(line, "med") != NULL) == (hop->addr_count != 0));
	check_unreach(logfmt_get(line, "unreach"), hop);
	check_mpls(logfmt_get(line, "mpls"), hop);
	check_interface(line, &hop->interface);
	must(rewritten_of(logfmt_get(line, "rewritten")) == hop->rewritten);
	must(rewritten_of(logfmt_get(line, "first")) == hop->rewritten_first);
	must((logfmt_get(line, "zero") != NULL) == hop->zero_ttl);
	must((logfmt_get(line, "balanced") != NULL) == hop->balanced);
	must((logfmt_get(line, "changed") != NULL) == hop->changed);
}

static bool hop_holds(const struct inpath_hop *hop, const char *key)
{
	switch (*key) {
	case 'z': return hop->zero_ttl;
	case 'b': return hop->balanced;
	case 'c': return hop->changed;
	case 'u': return hop->unreach != INPATH_UNREACH_NONE;
	}
	return false;
}

/* A list of TTLs: the first 4 of the hops that `key` is about, with what else stands behind them. */
static void check_ttls(
	const struct logfmt_line *line, const char *key, const struct inpath_record_path *path)
{
	const char *value = logfmt_get(line, key);
	unsigned int listed = 0;

	for (unsigned int i = 0; i < path->nhop && listed < 4; i++) {
		char *behind;

		if (!hop_holds(&path->hops[i], key))
			continue;
		must(value);
		must(strtoul(value, &behind, 10) == path->hops[i].ttl);
		must(*behind == '\0' || *behind == ',' || *behind == '!');
		listed++;
		value = strchr(behind, ',');
		value = value ? value + 1 : NULL;
	}
	must(!value);
}

/* The first 8 of what was rewritten, by hop, and the first hop that shows another client. */
static void check_rewritten(const struct logfmt_line *line, const struct inpath_record_path *path)
{
	const char *value = logfmt_get(line, "rewritten"), *nat = logfmt_get(line, "nat");
	unsigned int listed = 0, quoted = 0;

	for (unsigned int i = 0; i < path->nhop; i++) {
		const struct inpath_hop *hop = &path->hops[i];

		for (unsigned int left = hop->rewritten_first; left && listed < 8;
			left &= left - 1) {
			char word[8];
			unsigned int ttl;

			must(value && sscanf(value, "%7[a-z]@%u", word, &ttl) == 2);
			must(rewritten_of(word) == (left & ~(left - 1)) && ttl == hop->ttl);
			listed++;
			value = strchr(value, ',');
			value = value ? value + 1 : NULL;
		}
		if (!quoted &&
			hop->rewritten_first & (INPATH_REWRITTEN_ADDR | INPATH_REWRITTEN_PORT))
			quoted = hop->ttl;
	}
	must(!value);
	must((nat != NULL) == (quoted || path->notes.nat_shared));
	if (nat && quoted)
		must(strncmp(nat, "quote@", 6) == 0 && strtoul(nat + 6, NULL, 10) == quoted);
	if (nat && path->notes.nat_shared)
		must(strstr(nat, "shared@") != NULL);
}

static void check_notes(const struct logfmt_line *line, const struct inpath_record_path *path)
{
	static const char *const options[] = { "sack", "ts", "ws", NULL };
	const struct inpath_path_notes *notes = &path->notes;
	const struct inpath_handshake *h = &notes->handshake;
	const char *mss = logfmt_get(line, "mss"), *odd = logfmt_get(line, "odd");
	char want[32];

	snprintf(want, sizeof(want), "%u/%u", h->client_mss, h->server_mss);
	must((mss != NULL) == h->seen && (logfmt_get(line, "opts") != NULL) == h->seen);
	if (mss && h->client_mss && h->server_mss)
		must(strcmp(mss, want) == 0);
	must(bits_of(odd, options) == (h->seen ? h->odd : 0U));
	check_ttls(line, "unreach", path);
	check_ttls(line, "zero", path);
	check_ttls(line, "balanced", path);
	check_ttls(line, "changed", path);
	check_rewritten(line, path);
	must((logfmt_get(line, "loop") != NULL) == (notes->loop_count != 0));
	must((logfmt_get(line, "cycle") != NULL) == (notes->cycle_count != 0));
	check_number(line, "proxy", notes->proxy, notes->proxy);
}

/* What a record was made of, and how many of its hops its lines have shown. */
struct check {
	const struct inpath_record *record;
	unsigned int lines;
	unsigned int entries;
};

static void check_path(struct check *c, const char *text, const struct logfmt_line *line)
{
	const struct inpath_record *record = c->record;
	const char *host = logfmt_get(line, "host"), *hops = logfmt_get(line, "hops");

	check_notes(line, &record->path);
	must(host && strncmp(host, record->flow.host, strlen(host)) == 0);
	/* A part of a path has room left only if the next hop has none there. */
	must(strcmp(host, record->flow.host) == 0 || strlen(text) > LOGFMT_LINE_MAX - 220);
	must(hops);
	for (; *hops; hops += *hops == ',') {
		must(strtoul(hops, NULL, 10) == ++c->entries);
		hops += strcspn(hops, ",");
	}
}

static void check_line(void *arg, const char *text, size_t len)
{
	struct check *c = arg;
	struct logfmt_line line;

	check_shape(text, len);
	must(logfmt_read(text, len, &line));
	check_order(&line);
	c->lines++;
	if (c->record->kind == INPATH_RECORD_HOP)
		check_hop(&line, c->record->hop);
	else
		check_path(c, text, &line);
}

static void take_interface(struct source *s, struct inpath_interface *in)
{
	uint8_t how = take(s);

	in->told = how & 1;
	in->role = (enum inpath_interface_role)(how >> 6);
	in->index = how & 2 ? (uint32_t)take_bits(s, 4) : 0;
	in->mtu = how & 4 ? (uint32_t)take_bits(s, 4) : 0;
	if (how & 8)
		in->addr = take_addr(s, how & 16 ? INPATH_AF_INET6 : INPATH_AF_INET);
	take_text(s, in->name, INPATH_INTERFACE_NAME);
}

/* What a hop's replies told, while the input lasts. */
static void take_told(struct source *s, struct inpath_hop *hop)
{
	uint8_t how = take(s);

	hop->quoted = how & 1;
	hop->zero_ttl = how & 2;
	hop->balanced = how & 4;
	hop->changed = how & 8;
	hop->unreach = (enum inpath_unreach)(how >> 4) % (INPATH_UNREACH_OTHER + 1);
	hop->unreach_code = take(s);
	hop->rewritten = take(s) & 0x7f;
	hop->rewritten_first = take(s) & hop->rewritten;
	hop->quoted_ttl = hop->quoted_len = take(s);
	hop->rtt_med_ns = hop->rtt_max_ns = hop->rtt_min_ns;
	hop->mpls_count = take(s) % (INPATH_MPLS_ENTRIES + 1);
	for (unsigned int i = 0; i < hop->mpls_count; i++) {
		uint32_t entry = (uint32_t)take_bits(s, 4);

		hop->mpls[i] = (struct inpath_mpls){ entry >> 12, entry >> 9 & 7, entry >> 8 & 1,
			(uint8_t)entry };
	}
	take_interface(s, &hop->interface);
}

static void take_notes(struct source *s, struct inpath_path_notes *notes)
{
	notes->loop_count = take(s) % (INPATH_LOOPS + 1);
	notes->cycle_count = take(s) % (INPATH_LOOPS + 1);
	for (unsigned int i = 0; i < INPATH_LOOPS; i++) {
		notes->loops[i] = take(s);
		notes->cycles[i].first = take(s);
		notes->cycles[i].again = take(s);
	}
	notes->proxy = take(s);
	notes->nat_shared = take(s);
	notes->handshake = (struct inpath_handshake){ .seen = take(s) & 1,
		.client_mss = (uint16_t)take_bits(s, 2),
		.server_mss = (uint16_t)take_bits(s, 2),
		.client_options = take(s) & 7,
		.server_options = take(s) & 7,
		.odd = take(s) & 7 };
}

static void take_hop(struct source *s, struct inpath_hop *hop, uint8_t ttl, uint8_t family)
{
	*hop = (struct inpath_hop){ .ttl = ttl };
	hop->addr_count = take(s) % (INPATH_HOP_ADDRS + 1);
	hop->rtt_min_ns = take_bits(s, 8);
	for (unsigned int k = 0; k < hop->addr_count; k++)
		hop->addrs[k] = take_addr(s, family);
	take_told(s, hop);
}

static void write_and_check(const struct inpath_record *record)
{
	static const struct logfmt_options options = { .names = true };
	struct check check = { .record = record };

	logfmt_record(record, &options, check_line, &check);
	must(check.lines >= 1);
	must(record->kind == INPATH_RECORD_HOP ? check.lines == 1
					       : check.entries == record->path.nhop);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct source s = { data, size };
	uint8_t how = take(&s), family = how & 1 ? INPATH_AF_INET6 : INPATH_AF_INET;
	struct inpath_record record = { .kind = INPATH_RECORD_PATH };
	struct inpath_hop hops[INPATH_MAX_HOPS];
	char host[INPATH_HOST_MAX + 1];

	take_text(&s, host, INPATH_HOST_MAX);
	if (!*host)
		strcpy(host, "h");
	record.flow =
		(struct inpath_record_flow){ .policy = "all", .service = "all", .host = host };
	record.flow.tuple.client = take_addr(&s, family);
	record.flow.tuple.server = take_addr(&s, family);
	take_notes(&s, &record.path.notes);
	record.path.e2e_ns = record.path.lan_ns = take_bits(&s, 8);
	record.path.nhop = take(&s) % (INPATH_MAX_HOPS + 1);
	record.path.hops = hops;
	for (uint8_t i = 0; i < record.path.nhop; i++) {
		struct inpath_record one = { .kind = INPATH_RECORD_HOP, .hop = &hops[i] };

		take_hop(&s, &hops[i], (uint8_t)(i + 1), family);
		write_and_check(&one);
	}
	write_and_check(&record);
	return 0;
}
