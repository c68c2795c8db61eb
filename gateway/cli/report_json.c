/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The report for programs: names as in the log, times in s since 1970, round trips in ms. */
#include "gateway/cli/lattice.h"
#include "gateway/cli/report.h"
#include "gateway/cli/show.h"
#include "gateway/cli/why_words.h"

#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

static void add_number(struct json_object *to, const char *key, uint32_t value)
{
	json_object_object_add(to, key, json_object_new_int64(value));
}

static void add_text(struct json_object *to, const char *key, const struct report *r, uint32_t text)
{
	if (text != MODEL_NONE)
		json_object_object_add(to, key, json_object_new_string(model_text(r->m, text)));
}

static void add_spread(struct json_object *to, const struct spread *s)
{
	add_number(to, "answered", s->count);
	show_json_ms(to, "min", s->least_us);
	show_json_ms(to, "p10", s->low_us);
	show_json_ms(to, "med", s->middle_us);
	show_json_ms(to, "p90", s->high_us);
	show_json_ms(to, "max", s->most_us);
}

/* One entry for each bin with a value. */
static struct json_object *json_series(const struct report *r, const struct digest_pair *p,
	enum digest_kind kind, const struct digest_router *router)
{
	struct json_object *list = json_object_new_array();
	struct spread bins[BINS_MAX];
	uint32_t count = bins_worth(p->traces, r->m->first, r->m->last);

	digest_series(r->d, p, kind, router, bins, count);
	for (uint32_t i = 0; i < count; i++) {
		struct json_object *one;

		if (!bins[i].count)
			continue;
		one = json_object_new_object();
		show_json_time(one, "ts", r->m->first + (r->m->last - r->m->first) * i / count);
		add_spread(one, &bins[i]);
		json_object_array_add(list, one);
	}
	return list;
}

static struct json_object *json_whole(const struct report *r, const struct digest_pair *p,
	enum digest_kind kind, const struct spread *whole)
{
	struct json_object *one = json_object_new_object();

	add_spread(one, whole);
	json_object_object_add(one, "series", json_series(r, p, kind, NULL));
	return one;
}

static struct json_object *json_routers(const struct report *r, const struct digest_pair *p)
{
	struct digest_router routers[DIGEST_ROUTERS];
	struct json_object *list = json_object_new_array();
	uint32_t count = digest_routers(r->d, p, routers);

	for (uint32_t i = 0; i < count; i++) {
		const struct digest_router *h = &routers[i];
		struct json_object *one = json_object_new_object();

		if (h->ttl)
			add_number(one, "ttl", h->ttl);
		add_text(one, "addr", r, h->addrs);
		show_json_network(one, r->m, h->addrs);
		add_number(one, "traces", h->asked);
		add_spread(one, &h->rtt);
		if (h->rest)
			json_object_object_add(one, "others", json_object_new_boolean(true));
		else if (h->addrs != MODEL_NONE)
			json_object_object_add(one, "series", json_series(r, p, DIGEST_ROUTER, h));
		json_object_array_add(list, one);
	}
	return list;
}

static struct json_object *json_changes(const struct report *r, const struct digest_pair *p)
{
	struct digest_change changes[DIGEST_CHANGES];
	struct json_object *list = json_object_new_array();
	uint32_t count = digest_changes(r->d, p, changes);

	for (uint32_t i = 0; i < count; i++) {
		struct json_object *one = json_object_new_object();

		show_json_time(one, "ts", changes[i].at);
		add_text(one, "host", r, changes[i].host);
		add_number(one, "ttl", changes[i].ttl);
		add_text(one, "old", r, changes[i].before);
		add_text(one, "new", r, changes[i].behind);
		json_object_array_add(list, one);
	}
	return list;
}

static struct json_object *json_pair(const struct report *r, const struct digest_pair *p)
{
	struct json_object *one = json_object_new_object();

	add_text(one, "dev", r, r->d->clients[p->client].name);
	add_text(one, "cl", r, r->d->clients[p->client].address);
	add_number(one, "traces", p->traces);
	add_number(one, "connections", p->flows);
	add_number(one, "servers", p->servers);
	add_number(one, "changes", p->changes);
	json_object_object_add(one, "lan", json_whole(r, p, DIGEST_LAN, &p->lan));
	json_object_object_add(one, "e2e", json_whole(r, p, DIGEST_E2E, &p->e2e));
	json_object_object_add(one, "hops", json_routers(r, p));
	json_object_object_add(one, "changed", json_changes(r, p));
	return one;
}

static struct json_object *json_clients(const struct report *r, uint8_t clients)
{
	struct json_object *list = json_object_new_array();

	for (uint32_t c = 0; c < r->d->client_count; c++)
		if (clients & 1U << c)
			json_object_array_add(list,
				json_object_new_string(model_text(r->m, r->d->clients[c].name)));
	return list;
}

static struct json_object *json_node(const struct report *r, const struct lattice_node *n)
{
	struct json_object *one = json_object_new_object();

	add_number(one, "ttl", n->ttl);
	if (n->addr)
		json_object_object_add(
			one, "addr", json_object_new_string_len(n->addr, (int)n->addr_len));
	add_text(one, "host", r, n->host);
	if (n->rest)
		json_object_object_add(one, "others", json_object_new_boolean(true));
	json_object_object_add(one, "clients", json_clients(r, n->clients));
	return one;
}

/* Nodes, and links between their indices. NULL: no memory. */
static struct json_object *json_lattice(const struct report *r, uint32_t service)
{
	struct lattice *l = malloc(sizeof(*l));
	struct json_object *one, *nodes, *links;

	if (!l || !lattice_draw(r->d, service, l)) {
		free(l);
		return NULL;
	}
	one = json_object_new_object();
	nodes = json_object_new_array();
	links = json_object_new_array();
	for (uint32_t i = 0; i < l->node_count; i++)
		json_object_array_add(nodes, json_node(r, &l->nodes[i]));
	for (uint32_t i = 0; i < l->link_count; i++) {
		struct json_object *k = json_object_new_object();

		add_number(k, "from", l->links[i].from);
		add_number(k, "to", l->links[i].to);
		json_object_object_add(k, "clients", json_clients(r, l->links[i].clients));
		json_object_array_add(links, k);
	}
	json_object_object_add(one, "nodes", nodes);
	json_object_object_add(one, "links", links);
	free(l);
	return one;
}

static bool add_service(const struct report *r, uint32_t service, struct json_object *to)
{
	struct json_object *one = json_object_new_object(), *pairs = json_object_new_array();
	struct json_object *ways = json_lattice(r, service);

	for (uint32_t i = 0; i < r->d->pair_count; i++)
		if (r->d->pairs[i].service == service)
			json_object_array_add(pairs, json_pair(r, &r->d->pairs[i]));
	add_text(one, "svc", r, r->d->services[service].name);
	json_object_object_add(one, "ways", ways);
	json_object_object_add(one, "devices", pairs);
	json_object_array_add(to, one);
	return ways != NULL;
}

bool report_json(const struct report *r, FILE *out)
{
	struct json_object *top = json_object_new_object(), *list = json_object_new_array();
	bool good = true;

	show_json_time(top, "ts", r->now);
	show_json_time(top, "since", r->m->first);
	show_json_time(top, "until", r->m->last);
	add_number(top, "traces", r->d->traces);
	add_number(top, "pairs", r->d->pairs_seen);
	add_number(top, "told", r->d->pair_count);
	json_object_object_add(top, "why", why_json(r->m, &r->why));
	for (uint32_t i = 0; i < r->d->service_count; i++)
		good &= add_service(r, i, list);
	json_object_object_add(top, "services", list);
	fputs(json_object_to_json_string_ext(top, JSON_C_TO_STRING_PRETTY |
							  JSON_C_TO_STRING_SPACED |
							  JSON_C_TO_STRING_NOSLASHESCAPE),
		out);
	fputc('\n', out);
	json_object_put(top);
	return good;
}
