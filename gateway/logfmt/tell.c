/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/logfmt/tell.h"

#include <inttypes.h>

enum {
	LIST_MAX = 4,      /* entries of a list that may have one for each hop */
	REWRITTEN_MAX = 8, /* of what was rewritten: all its bits */
};

/* A bit and its word; tables end with a bit of 0. */
struct word {
	unsigned int bit;
	const char *text;
};

static const struct word rewritten_words[] = {
	{ INPATH_REWRITTEN_DSCP, "dscp" },
	{ INPATH_REWRITTEN_ECN, "ecn" },
	{ INPATH_REWRITTEN_ADDR, "addr" },
	{ INPATH_REWRITTEN_PORT, "port" },
	{ INPATH_REWRITTEN_SEQ, "seq" },
	{ INPATH_REWRITTEN_ID, "id" },
	{ INPATH_REWRITTEN_SUM, "sum" },
	{ 0, NULL },
};

static const struct word option_words[] = {
	{ INPATH_OPTION_SACK, "sack" },
	{ INPATH_OPTION_TS, "ts" },
	{ INPATH_OPTION_WS, "ws" },
	{ 0, NULL },
};

static const char *role_word(enum inpath_interface_role role)
{
	switch (role) {
	case INPATH_INTERFACE_IN: return "in";
	case INPATH_INTERFACE_IN_SUB: return "in-sub";
	case INPATH_INTERFACE_OUT: return "out";
	case INPATH_INTERFACE_NEXT: return "next";
	}
	return "-";
}

/* A value in the making: entries by comma. */
struct list {
	unsigned int count;
	struct line text;
};

/* Makes room for one more of at most `max` entries. */
static bool list_next(struct list *list, unsigned int max)
{
	if (list->count == max)
		return false;
	if (list->count++)
		line_put(&list->text, ",");
	return true;
}

/* Writes the field, if there is anything in its list, and empties this for another. */
static void list_field(struct list *list, struct line *l, const char *key)
{
	if (list->count)
		line_field(l, key, list->text.bytes, LINE_UNCUT);
	list->count = 0;
	line_start(&list->text);
}

/* The words of `bits`, by comma; `ttl`, if not 0, stands behind each. */
static void list_words(
	struct list *list, const struct word *words, unsigned int bits, unsigned int ttl)
{
	for (; words->bit; words++) {
		if (!(bits & words->bit) || !list_next(list, REWRITTEN_MAX))
			continue;
		line_put(&list->text, "%s", words->text);
		if (ttl)
			line_put(&list->text, "@%u", ttl);
	}
}

/* As traceroute prints it. */
static void put_unreach(struct line *l, const struct inpath_hop *hop)
{
	switch (hop->unreach) {
	case INPATH_UNREACH_NONE: break;
	case INPATH_UNREACH_NET: line_put(l, "!N"); break;
	case INPATH_UNREACH_HOST: line_put(l, "!H"); break;
	case INPATH_UNREACH_PROTOCOL: line_put(l, "!P"); break;
	case INPATH_UNREACH_PORT: line_put(l, "!p"); break;
	case INPATH_UNREACH_ADMIN: line_put(l, "!X"); break;
	case INPATH_UNREACH_OTHER: line_put(l, "!<%u>", hop->unreach_code); break;
	}
}

static void put_mpls(struct line *l, const struct inpath_hop *hop)
{
	for (unsigned int i = 0; i < hop->mpls_count; i++) {
		const struct inpath_mpls *m = &hop->mpls[i];

		line_put(l, "%s%" PRIu32 "/%u/%u/%u", i ? "+" : " mpls=", m->label, m->tc,
			m->bottom, m->ttl);
	}
}

static void put_interface(struct line *l, const struct inpath_interface *i, size_t cap)
{
	if (!i->told)
		return;
	line_put(l, " ifrole=%s", role_word(i->role));
	if (i->index)
		line_put(l, " ifindex=%" PRIu32, i->index);
	if (*i->name)
		line_quoted(l, "ifname", i->name, cap);
	if (i->addr.family != INPATH_AF_NONE) {
		line_put(l, " ifaddr=");
		line_addr(l, &i->addr);
	}
	if (i->mtu)
		line_put(l, " ifmtu=%" PRIu32, i->mtu);
}

void tell_hop(struct line *l, const struct inpath_hop *hop, size_t cap)
{
	struct list list = { 0 };

	if (hop->unreach != INPATH_UNREACH_NONE && list_next(&list, 1))
		put_unreach(&list.text, hop);
	list_field(&list, l, "unreach");
	put_mpls(l, hop);
	put_interface(l, &hop->interface, cap);
	list_words(&list, rewritten_words, hop->rewritten, 0);
	list_field(&list, l, "rewritten");
	list_words(&list, rewritten_words, hop->rewritten_first, 0);
	list_field(&list, l, "first");
	if (hop->zero_ttl)
		line_put(l, " zero=yes");
	if (hop->balanced)
		line_put(l, " balanced=yes");
	if (hop->changed)
		line_put(l, " changed=yes");
}

static void put_mss(struct line *l, uint16_t mss)
{
	if (mss)
		line_put(l, "%u", mss);
	else
		line_put(l, "-");
}

static void put_options(struct line *l, unsigned int options)
{
	struct list list = { 0 };

	list_words(&list, option_words, options, 0);
	line_put(l, "%s", list.count ? list.text.bytes : "-");
}

static void put_handshake(struct line *l, const struct inpath_handshake *h)
{
	struct list odd = { 0 };

	if (!h->seen)
		return;
	line_put(l, " mss=");
	put_mss(l, h->client_mss);
	line_put(l, "/");
	put_mss(l, h->server_mss);
	line_put(l, " opts=");
	put_options(l, h->client_options);
	line_put(l, "/");
	put_options(l, h->server_options);
	list_words(&odd, option_words, h->odd, 0);
	list_field(&odd, l, "odd");
}

static bool is_zero(const struct inpath_hop *hop)
{
	return hop->zero_ttl;
}

static bool is_balanced(const struct inpath_hop *hop)
{
	return hop->balanced;
}

static bool is_changed(const struct inpath_hop *hop)
{
	return hop->changed;
}

/* The TTLs of the hops of which something holds. */
static void put_ttls(struct line *l, const char *key, const struct inpath_record_path *path,
	bool (*holds)(const struct inpath_hop *hop))
{
	struct list list = { 0 };

	for (unsigned int i = 0; i < path->nhop; i++)
		if (holds(&path->hops[i]) && list_next(&list, LIST_MAX))
			line_put(&list.text, "%u", path->hops[i].ttl);
	list_field(&list, l, key);
}

/* What the hops say was done to the packets that reached them. */
static void put_treatment(struct line *l, const struct inpath_record_path *path)
{
	struct list list = { 0 };

	for (unsigned int i = 0; i < path->nhop; i++) {
		const struct inpath_hop *hop = &path->hops[i];

		if (hop->unreach == INPATH_UNREACH_NONE || !list_next(&list, LIST_MAX))
			continue;
		line_put(&list.text, "%u", hop->ttl);
		put_unreach(&list.text, hop);
	}
	list_field(&list, l, "unreach");
	for (unsigned int i = 0; i < path->nhop; i++)
		list_words(
			&list, rewritten_words, path->hops[i].rewritten_first, path->hops[i].ttl);
	list_field(&list, l, "rewritten");
	put_ttls(l, "zero", path, is_zero);
}

static void put_rounds(struct line *l, const struct inpath_path_notes *notes)
{
	struct list list = { 0 };

	for (unsigned int i = 0; i < notes->loop_count && list_next(&list, LIST_MAX); i++)
		line_put(&list.text, "%u", notes->loops[i]);
	list_field(&list, l, "loop");
	for (unsigned int i = 0; i < notes->cycle_count && list_next(&list, LIST_MAX); i++)
		line_put(&list.text, "%u-%u", notes->cycles[i].first, notes->cycles[i].again);
	list_field(&list, l, "cycle");
}

/* The TTL from which on quotes show another client than the flow's; 0 if none does. */
static unsigned int nat_quoted(const struct inpath_record_path *path)
{
	for (unsigned int i = 0; i < path->nhop; i++)
		if (path->hops[i].rewritten_first & (INPATH_REWRITTEN_ADDR | INPATH_REWRITTEN_PORT))
			return path->hops[i].ttl;
	return 0;
}

static void put_nat(struct line *l, const struct inpath_record_path *path)
{
	struct list list = { 0 };
	unsigned int quoted = nat_quoted(path);

	if (quoted && list_next(&list, LIST_MAX))
		line_put(&list.text, "quote@%u", quoted);
	if (path->notes.nat_shared && list_next(&list, LIST_MAX))
		line_put(&list.text, "shared@%u", path->notes.nat_shared);
	list_field(&list, l, "nat");
}

void tell_path(struct line *l, const struct inpath_record_path *path)
{
	put_handshake(l, &path->notes.handshake);
	put_treatment(l, path);
	put_rounds(l, &path->notes);
	put_ttls(l, "balanced", path, is_balanced);
	put_ttls(l, "changed", path, is_changed);
	if (path->notes.proxy)
		line_put(l, " proxy=%u", path->notes.proxy);
	put_nat(l, path);
}
