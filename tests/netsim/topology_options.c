/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/netsim/topology_options.h"

#include <string.h>

const char *const BALANCE_WORDS[] = { "flow", "destination", "packet", NULL };
const char *const EXTENSIONS_WORDS[] = { "good", "legacy", "unpadded", "overlong", "badsum", NULL };
const char *const REFUSAL_WORDS[] = { "", "drop", "net", "host", "protocol", "port", "admin",
	NULL };

void router_default(struct topology_router *out, uint16_t index)
{
	static const uint8_t ADDR6[] = { 0x20, 0x01, 0x0d, 0xb8, 0x00, 0xff };
	uint32_t number = index + 1u;

	memset(out, 0, sizeof(*out));
	out->addr[0].family = INPATH_AF_INET;
	out->addr[0].bytes[0] = 198;
	out->addr[0].bytes[1] = 18;
	out->addr[0].bytes[2] = (uint8_t)(number >> 8);
	out->addr[0].bytes[3] = (uint8_t)number;
	out->addr[1].family = INPATH_AF_INET6;
	memcpy(out->addr[1].bytes, ADDR6, sizeof(ADDR6));
	out->addr[1].bytes[14] = (uint8_t)(number >> 8);
	out->addr[1].bytes[15] = (uint8_t)number;
	out->quote = UINT32_MAX;
	out->dscp = -1;
	out->ecn = -1;
}

/* The index among `words` of the newest word, or -1. */
static int word_index(const struct words *w, const char *const *words)
{
	for (int i = 0; words[i] != NULL; i++)
		if (strcmp(words[i], w->word) == 0)
			return i;
	return -1;
}

static bool option_addr(struct words *w, struct topology_router *r)
{
	return words_addr(w, INPATH_AF_INET, &r->addr[0]);
}

static bool option_addr6(struct words *w, struct topology_router *r)
{
	return words_addr(w, INPATH_AF_INET6, &r->addr[1]);
}

static bool option_from(struct words *w, struct topology_router *r)
{
	return words_addr(w, INPATH_AF_INET, &r->from[0]);
}

static bool option_from6(struct words *w, struct topology_router *r)
{
	return words_addr(w, INPATH_AF_INET6, &r->from[1]);
}

static bool option_balance(struct words *w, struct topology_router *r)
{
	int i;

	if (!words_want(w, "flow, destination or packet"))
		return false;
	i = word_index(w, BALANCE_WORDS);
	if (i < 0)
		return words_refuse(
			w, "balance is flow, destination or packet, not \"%.40s\"", w->word);
	r->balance = (enum balance)i;
	return true;
}

static bool option_limit(struct words *w, struct topology_router *r)
{
	const uint64_t max = (uint64_t)(1e6 * LIMIT_UNIT);
	const char *p = w->word;
	uint64_t rate = 0, burst = 0;

	if (!words_want(w, "a limit, N/BURST or off"))
		return false;
	if (strcmp(w->word, "off") != 0 &&
		(!decimal_read(&p, 3, max, &rate) || rate == 0 || *p++ != '/' ||
			!decimal_read(&p, 3, max, &burst) || burst < (uint64_t)LIMIT_UNIT ||
			*p != '\0'))
		return words_refuse(w,
			"limit is off or N/BURST, 0.001..1000000/1..1000000, not \"%.40s\"",
			w->word);
	r->limit_rate = (double)rate / LIMIT_UNIT;
	r->limit_burst = (double)burst / LIMIT_UNIT;
	return true;
}

static bool read_range(const char *p, inpath_time *from, inpath_time *to)
{
	if (!time_read(&p, from))
		return false;
	*to = *from;
	if (strncmp(p, "..", 2) == 0 && (p += 2, !time_read(&p, to)))
		return false;
	return *p == '\0' && *from <= *to;
}

static bool option_late(struct words *w, struct topology_router *r)
{
	if (!words_want(w, "a time"))
		return false;
	return read_range(w->word, &r->late_min, &r->late_max) ||
	       words_refuse(
		       w, "late is a time or T..T, the longer one last, not \"%.40s\"", w->word);
}

static bool option_quote(struct words *w, struct topology_router *r)
{
	static const char *const WORDS[] = { "8", "28", "128", "all", NULL };
	static const uint32_t BYTES[] = { 8, 28, 128, UINT32_MAX };
	int i;

	if (!words_want(w, "8, 28, 128 or all"))
		return false;
	i = word_index(w, WORDS);
	if (i < 0)
		return words_refuse(w, "quote is 8, 28, 128 or all, not \"%.40s\"", w->word);
	r->quote = BYTES[i];
	return true;
}

static bool read_label(const char **p, struct topology_label *out)
{
	uint64_t label, tc, ttl;

	if (!decimal_read(p, 0, 0xfffff, &label) || *(*p)++ != ':' || !decimal_read(p, 0, 7, &tc) ||
		*(*p)++ != ':' || !decimal_read(p, 0, 255, &ttl))
		return false;
	/* Member by member: what lies between them stays zero, and topologies compare by memcmp. */
	out->label = (uint32_t)label;
	out->tc = (uint8_t)tc;
	out->ttl = (uint8_t)ttl;
	return true;
}

static bool option_mpls(struct words *w, struct topology_router *r)
{
	struct topology_label labels[TOPOLOGY_LABELS];
	const char *p = w->word;
	uint8_t count = 0;

	if (!words_want(w, "a stack, LABEL:TC:TTL[,...] or off"))
		return false;
	memset(labels, 0, sizeof(labels));
	if (strcmp(w->word, "off") == 0)
		p = "";
	while (*p != '\0') {
		if (count == TOPOLOGY_LABELS)
			return words_refuse(w, "mpls has at most %d entries", TOPOLOGY_LABELS);
		if (!read_label(&p, &labels[count++]) || (*p == ',' ? *++p == '\0' : *p != '\0'))
			return words_refuse(w,
				"mpls is off or LABEL:TC:TTL[,...], up to 1048575:7:255, not \"%.40s\"",
				w->word);
	}
	r->label_count = count;
	memcpy(r->labels, labels, sizeof(labels));
	return true;
}

static bool option_interface(struct words *w, struct topology_router *r)
{
	char name[sizeof(r->interface)] = "";
	uint64_t index = 0, mtu = 0;
	const char *p = w->word;
	size_t len;

	if (!words_want(w, "an interface, NAME[:INDEX[:MTU]] or off"))
		return false;
	len = strcspn(p, ":");
	r->has_interface = strcmp(w->word, "off") != 0;
	if (len == 0 || len >= sizeof(name) || (r->has_interface && strncmp(p, "off:", 4) == 0))
		return words_refuse(w, "an interface's name has 1 to 63 bytes, and is not \"off\"");
	if (r->has_interface)
		memcpy(name, p, len);
	p += len;
	if ((*p == ':' && (p++, !decimal_read(&p, 0, UINT32_MAX, &index))) ||
		(*p == ':' && (p++, !decimal_read(&p, 0, UINT32_MAX, &mtu))) || *p != '\0')
		return words_refuse(
			w, "interface is off or NAME[:INDEX[:MTU]], not \"%.80s\"", w->word);
	memcpy(r->interface, name, sizeof(name));
	r->interface_index = (uint32_t)index;
	r->interface_mtu = (uint32_t)mtu;
	return true;
}

static bool option_extensions(struct words *w, struct topology_router *r)
{
	int i;

	if (!words_want(w, "good, legacy, unpadded, overlong or badsum"))
		return false;
	i = word_index(w, EXTENSIONS_WORDS);
	if (i < 0)
		return words_refuse(w,
			"extensions are good, legacy, unpadded, overlong or badsum, not \"%.40s\"",
			w->word);
	r->extensions = (enum extensions)i;
	return true;
}

static bool read_keep(struct words *w, const char *what, uint64_t max, int *out)
{
	uint64_t value;

	if (words_take(w, "keep")) {
		*out = -1;
		return true;
	}
	if (!words_number(w, what, 0, max, &value))
		return false;
	*out = (int)value;
	return true;
}

static bool option_dscp(struct words *w, struct topology_router *r)
{
	return read_keep(w, "dscp", 63, &r->dscp);
}

static bool option_ecn(struct words *w, struct topology_router *r)
{
	return read_keep(w, "ecn", 3, &r->ecn);
}

static bool option_nat(struct words *w, struct topology_router *r)
{
	bool is_off = words_take(w, "off");

	memset(&r->nat_addr, 0, sizeof(r->nat_addr));
	r->nat = !is_off;
	r->nat_raw = false;
	r->nat_seq = NAT_SEQ_KEEP;
	if (is_off)
		return true;
	if (!words_addr(w, INPATH_AF_INET, &r->nat_addr))
		return false;
	r->nat_raw = !words_take(w, "repair") && words_take(w, "raw");
	if (words_take(w, "seq"))
		r->nat_seq = NAT_SEQ;
	else if (words_take(w, "seq-sack"))
		r->nat_seq = NAT_SEQ_SACK;
	return true;
}

static bool read_refusal(
	struct words *w, const char *option, const char *none, bool may_drop, enum refusal *out)
{
	int i;

	if (!words_want(w, "a code"))
		return false;
	i = strcmp(w->word, none) == 0 ? REFUSAL_NONE : word_index(w, REFUSAL_WORDS);
	if (i < 0 || (i == REFUSAL_DROP && !may_drop))
		return words_refuse(w,
			"%s is %s%s, net, host, protocol, port or admin, not \"%.40s\"", option,
			none, may_drop ? ", drop" : "", w->word);
	*out = (enum refusal)i;
	return true;
}

static bool option_expire(struct words *w, struct topology_router *r)
{
	return read_refusal(w, "expire", "ttl", false, &r->expire);
}

static bool option_firewall(struct words *w, struct topology_router *r)
{
	return read_refusal(w, "firewall", "off", true, &r->firewall);
}

/* Words that stand alone; those that something follows. */
static bool flag_router(const char *word, struct topology_router *r)
{
	const struct {
		const char *on, *off;
		bool *flag;
	} flags[] = {
		{ "silent", "answers", &r->silent },
		{ "twice", "once", &r->twice },
		{ "zero-ttl", "no-zero-ttl", &r->zero_ttl },
		{ "invisible", "visible", &r->invisible },
		{ "proxy", "no-proxy", &r->proxy },
	};

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		bool is_on = strcmp(word, flags[i].on) == 0;

		if (is_on || strcmp(word, flags[i].off) == 0) {
			*flags[i].flag = is_on;
			return true;
		}
	}
	return false;
}

static const struct {
	const char *word;
	bool (*read)(struct words *w, struct topology_router *r);
} ROUTER_OPTIONS[] = {
	{ "addr", option_addr },
	{ "addr6", option_addr6 },
	{ "from", option_from },
	{ "from6", option_from6 },
	{ "balance", option_balance },
	{ "limit", option_limit },
	{ "late", option_late },
	{ "quote", option_quote },
	{ "mpls", option_mpls },
	{ "interface", option_interface },
	{ "extensions", option_extensions },
	{ "dscp", option_dscp },
	{ "ecn", option_ecn },
	{ "nat", option_nat },
	{ "expire", option_expire },
	{ "firewall", option_firewall },
};

bool options_router(struct words *w, struct topology_router *r)
{
	const size_t count = sizeof(ROUTER_OPTIONS) / sizeof(ROUTER_OPTIONS[0]);

	while (words_next(w)) {
		size_t i = 0;

		if (flag_router(w->word, r))
			continue;
		while (i < count && strcmp(ROUTER_OPTIONS[i].word, w->word) != 0)
			i++;
		if (i == count)
			return words_refuse(w, "\"%.40s\" is no option of a router", w->word);
		if (!ROUTER_OPTIONS[i].read(w, r))
			return false;
	}
	return true;
}
