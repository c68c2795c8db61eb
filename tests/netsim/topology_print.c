/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/netsim/topology_events.h"
#include "tests/netsim/topology_options.h"
#include "tests/netsim/topology_way.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <string.h>

const char *topology_name(const struct topology *t, uint16_t place)
{
	if (place == PLACE_GATEWAY)
		return "gw";
	if (place < PLACE_ROUTERS + t->router_count)
		return t->routers[place - PLACE_ROUTERS].name;
	if (place >= PLACE_SERVERS && place < PLACE_SERVERS + t->server_count)
		return t->servers[place - PLACE_SERVERS].name;
	return "?";
}

/* A whole number of 10^-places, without zeros at its end. */
static void print_decimal(uint64_t value, unsigned places, FILE *out)
{
	char digits[32];
	uint64_t unit = 1;
	int len;

	for (unsigned i = 0; i < places; i++)
		unit *= 10;
	fprintf(out, "%" PRIu64, value / unit);
	if (value % unit == 0)
		return;
	len = snprintf(digits, sizeof(digits), "%0*" PRIu64, (int)places, value % unit);
	while (digits[len - 1] == '0')
		digits[--len] = '\0';
	fprintf(out, ".%s", digits);
}

static void print_time(inpath_time t, FILE *out)
{
	unsigned places = t >= INPATH_SEC ? 9 : t >= INPATH_MSEC || t == 0 ? 6 : 3;

	print_decimal(t, places, out);
	fputs(places == 9 ? "s" : places == 6 ? "ms" : "us", out);
}

static void print_addr(const char *word, const struct inpath_addr *a, FILE *out)
{
	char text[INET6_ADDRSTRLEN] = "";

	(void)inet_ntop(
		a->family == INPATH_AF_INET ? AF_INET : AF_INET6, a->bytes, text, sizeof(text));
	fprintf(out, " %s %s", word, text);
}

static void print_addrs(const struct inpath_addr before[2], const struct inpath_addr now[2],
	const char *word, const char *word6, FILE *out)
{
	for (unsigned k = 0; k < 2; k++)
		if (memcmp(&before[k], &now[k], sizeof(now[k])) != 0)
			print_addr(k == 0 ? word : word6, &now[k], out);
}

static void print_limit(const struct topology_router *b, const struct topology_router *r, FILE *out)
{
	if (b->limit_rate == r->limit_rate && b->limit_burst == r->limit_burst)
		return;
	if (r->limit_rate == 0) {
		fputs(" limit off", out);
		return;
	}
	fputs(" limit ", out);
	print_decimal((uint64_t)(r->limit_rate * LIMIT_UNIT + 0.5), 3, out);
	fputc('/', out);
	print_decimal((uint64_t)(r->limit_burst * LIMIT_UNIT + 0.5), 3, out);
}

static void print_late(const struct topology_router *b, const struct topology_router *r, FILE *out)
{
	if (b->late_min == r->late_min && b->late_max == r->late_max)
		return;
	fputs(" late ", out);
	print_time(r->late_min, out);
	if (r->late_max == r->late_min)
		return;
	fputs("..", out);
	print_time(r->late_max, out);
}

static bool labels_equal(const struct topology_router *a, const struct topology_router *b)
{
	if (a->label_count != b->label_count)
		return false;
	for (unsigned i = 0; i < a->label_count; i++)
		if (a->labels[i].label != b->labels[i].label ||
			a->labels[i].tc != b->labels[i].tc || a->labels[i].ttl != b->labels[i].ttl)
			return false;
	return true;
}

static void print_mpls(const struct topology_router *b, const struct topology_router *r, FILE *out)
{
	if (labels_equal(b, r))
		return;
	fputs(r->label_count == 0 ? " mpls off" : " mpls ", out);
	for (unsigned i = 0; i < r->label_count; i++)
		fprintf(out, "%s%" PRIu32 ":%u:%u", i > 0 ? "," : "", r->labels[i].label,
			r->labels[i].tc, r->labels[i].ttl);
}

static void print_interface(
	const struct topology_router *b, const struct topology_router *r, FILE *out)
{
	if (b->has_interface == r->has_interface && strcmp(b->interface, r->interface) == 0 &&
		b->interface_index == r->interface_index && b->interface_mtu == r->interface_mtu)
		return;
	fprintf(out, " interface %s", r->has_interface ? r->interface : "off");
	if (r->interface_index != 0 || r->interface_mtu != 0)
		fprintf(out, ":%" PRIu32, r->interface_index);
	if (r->interface_mtu != 0)
		fprintf(out, ":%" PRIu32, r->interface_mtu);
}

static void print_kept(const char *word, int before, int now, FILE *out)
{
	if (before == now)
		return;
	if (now < 0)
		fprintf(out, " %s keep", word);
	else
		fprintf(out, " %s %d", word, now);
}

static void print_nat(const struct topology_router *b, const struct topology_router *r, FILE *out)
{
	if (b->nat == r->nat && b->nat_raw == r->nat_raw && b->nat_seq == r->nat_seq &&
		memcmp(&b->nat_addr, &r->nat_addr, sizeof(r->nat_addr)) == 0)
		return;
	if (!r->nat) {
		fputs(" nat off", out);
		return;
	}
	print_addr("nat", &r->nat_addr, out);
	if (r->nat_raw)
		fputs(" raw", out);
	if (r->nat_seq != NAT_SEQ_KEEP)
		fputs(r->nat_seq == NAT_SEQ ? " seq" : " seq-sack", out);
}

static void print_refusal(
	const char *word, const char *none, enum refusal before, enum refusal now, FILE *out)
{
	if (before != now)
		fprintf(out, " %s %s", word, now == REFUSAL_NONE ? none : REFUSAL_WORDS[now]);
}

static void print_flag(const char *on, const char *off, bool before, bool now, FILE *out)
{
	if (before != now)
		fprintf(out, " %s", now ? on : off);
}

/* What makes a router that was as *b as *r is. */
static void print_router(
	const struct topology_router *b, const struct topology_router *r, FILE *out)
{
	print_addrs(b->addr, r->addr, "addr", "addr6", out);
	print_addrs(b->from, r->from, "from", "from6", out);
	if (b->balance != r->balance)
		fprintf(out, " balance %s", BALANCE_WORDS[r->balance]);
	print_flag("silent", "answers", b->silent, r->silent, out);
	print_limit(b, r, out);
	print_late(b, r, out);
	print_flag("twice", "once", b->twice, r->twice, out);
	if (b->quote != r->quote && r->quote == UINT32_MAX)
		fputs(" quote all", out);
	else if (b->quote != r->quote)
		fprintf(out, " quote %" PRIu32, r->quote);
	print_mpls(b, r, out);
	print_interface(b, r, out);
	if (b->extensions != r->extensions)
		fprintf(out, " extensions %s", EXTENSIONS_WORDS[r->extensions]);
	print_flag("zero-ttl", "no-zero-ttl", b->zero_ttl, r->zero_ttl, out);
	print_flag("invisible", "visible", b->invisible, r->invisible, out);
	print_kept("dscp", b->dscp, r->dscp, out);
	print_kept("ecn", b->ecn, r->ecn, out);
	print_nat(b, r, out);
	print_refusal("expire", "ttl", b->expire, r->expire, out);
	print_refusal("firewall", "off", b->firewall, r->firewall, out);
	print_flag("proxy", "no-proxy", b->proxy, r->proxy, out);
	fputc('\n', out);
}

static bool link_equal(const struct topology_link *a, const struct topology_link *b)
{
	return a->delay == b->delay && a->jitter == b->jitter && a->loss == b->loss &&
	       a->rate == b->rate;
}

static bool link_opposite(const struct topology_link *a, const struct topology_link *b)
{
	return a->from == b->to && a->to == b->from && link_equal(a, b);
}

/* What makes a link that was as *b as *l is, in one direction or both. */
static void print_link(const struct topology *t, const struct topology_link *b,
	const struct topology_link *l, bool is_both, FILE *out)
{
	fprintf(out, "link %s%s%s", topology_name(t, l->from), is_both ? " " : " > ",
		topology_name(t, l->to));
	if (b->delay != l->delay) {
		fputs(" delay ", out);
		print_time(l->delay, out);
	}
	if (b->jitter != l->jitter) {
		fputs(" jitter ", out);
		print_time(l->jitter, out);
	}
	if (b->loss != l->loss) {
		fputs(" loss ", out);
		print_decimal((uint64_t)(l->loss * LOSS_UNIT + 0.5), 6, out);
		fputc('%', out);
	}
	if (b->rate != l->rate) {
		bool is_mega = l->rate >= 1e6;

		fputs(l->rate == 0 ? " rate off" : " rate ", out);
		if (l->rate != 0) {
			print_decimal((uint64_t)l->rate, is_mega ? 6 : 3, out);
			fputs(is_mega ? "mbit" : "kbit", out);
		}
	}
	fputc('\n', out);
}

static void print_links(const struct topology *t, FILE *out)
{
	for (uint16_t i = 0; i < t->link_count; i++) {
		const struct topology_link *l = &t->links[i];
		bool is_both = i + 1 < t->link_count && link_opposite(l, l + 1);
		struct topology_link before;

		link_default(&before, l->from, l->to);
		print_link(t, &before, l, is_both, out);
		i = (uint16_t)(i + is_both);
	}
}

static void print_way(const struct topology *t, uint16_t index, FILE *out)
{
	const struct topology_way *way = &t->ways[index];
	const char *server = t->servers[way->server].name;

	fprintf(out, way->back ? "back %s" : "path gw", server);
	way_print(t, way, out);
	fprintf(out, " %s\n", way->back ? "gw" : server);
}

/* Both directions of a link that changed alike stand side by side, and are one line. */
static bool event_both(const struct topology *t, uint16_t e)
{
	const struct topology_event *a = &t->events[e], *b = a + 1;

	return e + 1 < t->event_count && b->kind == EVENT_LINK && a->at == b->at &&
	       link_opposite(&a->link, &b->link) &&
	       link_opposite(
		       topology_link_before(t, e), topology_link_before(t, (uint16_t)(e + 1)));
}

static void print_events(const struct topology *t, FILE *out)
{
	for (uint16_t i = 0; i < t->event_count; i++) {
		const struct topology_event *e = &t->events[i];
		bool is_both;

		fputs("at ", out);
		print_time(e->at, out);
		fputc(' ', out);
		switch (e->kind) {
		case EVENT_ROUTER:
			fprintf(out, "router %s", t->routers[e->index].name);
			print_router(topology_router_before(t, i), &e->router, out);
			break;
		case EVENT_LINK:
			is_both = event_both(t, i);
			print_link(t, topology_link_before(t, i), &e->link, is_both, out);
			i = (uint16_t)(i + is_both);
			break;
		case EVENT_WAY: print_way(t, e->way, out); break;
		}
	}
}

static void print_behaviours(const struct topology *t, FILE *out)
{
	const char *names[TOPOLOGY_BEHAVIOURS];
	unsigned count = topology_behaviours(t, names);

	fputs("# behaviours:", out);
	for (unsigned i = 0; i < count; i++)
		fprintf(out, " %s", names[i]);
	fputc('\n', out);
}

void topology_print(const struct topology *t, FILE *out)
{
	static const struct inpath_addr NONE[2];
	struct topology_router before;

	print_behaviours(t, out);
	fprintf(out, "seed %" PRIu64 "\n", t->seed);
	for (uint16_t i = 0; i < t->router_count; i++) {
		router_default(&before, i);
		fprintf(out, "router %s", t->routers[i].name);
		print_router(&before, &t->routers[i], out);
	}
	for (uint16_t i = 0; i < t->server_count; i++) {
		fprintf(out, "server %s", t->servers[i].name);
		print_addrs(NONE, t->servers[i].addr, "addr", "addr6", out);
		fputc('\n', out);
	}
	print_links(t, out);
	for (uint16_t i = 0; i < t->server_count; i++) {
		print_way(t, t->path_of[i], out);
		print_way(t, t->back_of[i], out);
	}
	print_events(t, out);
}
