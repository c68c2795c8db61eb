/* SPDX-License-Identifier: GPL-2.0-or-later */
/* inpath paths: the ways that connections took, hop by hop, with the round trips of all their traces. */
#include "gateway/cli/asn.h"
#include "gateway/cli/listing.h"
#include "gateway/cli/resolve.h"
#include "gateway/cli/safe.h"
#include "gateway/cli/show.h"
#include "gateway/cli/sights.h"
#include "gateway/cli/source.h"

#include <inttypes.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

static const struct listing_column COLUMNS[] = {
	{ "  HOP", .right = true }, { "ROUTER", .shrinks = true }, { "LEAST", .right = true },
	{ "MIDDLE", .right = true }, { "MOST", .right = true }, { "ANSWERED", .right = true },
	{ "NETWORK", .shrinks = true }, /* the last: only where networks are known */
};

enum {
	ROUTER_BYTES = 1024,
	NAMES_BYTES = 512,
};

/* All sights of one device, service, server, protocol and path. */
struct way {
	uint32_t client, service, host, server, proto, path;
	const struct model_flow *flow; /* of the newest sight */
	const struct sight *sights;
	uint32_t count;
	uint32_t traces;
	uint32_t stop; /* of the newest trace; MODEL_NONE: only epochs are known */
	uint32_t nhop; /* likewise, else the path's entries */
	model_time since, until;
};

static int compare(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

static int by_way(const void *a, const void *b, void *arg)
{
	const struct model *m = arg;
	const struct sight *x = a, *y = b;
	const struct model_flow *f = &m->flows[x->flow], *g = &m->flows[y->flow];
	const int parts[] = { compare(f->client, g->client), compare(f->service, g->service),
		compare(f->host, g->host), compare(f->server, g->server),
		compare(f->proto, g->proto), compare(x->path, y->path), compare(x->until, y->until),
		compare(x->flow, y->flow) };

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (parts[i])
			return parts[i];
	return 0;
}

static bool same_way(const struct model *m, const struct way *w, const struct sight *s)
{
	const struct model_flow *f = &m->flows[s->flow];

	return w->client == f->client && w->service == f->service && w->host == f->host &&
	       w->server == f->server && w->proto == f->proto && w->path == s->path;
}

/* Devices in the order of the log, of each the services, and of each the newest way first. */
static int in_order(const void *a, const void *b)
{
	const struct way *x = a, *y = b;
	const int parts[] = { compare(x->client, y->client), compare(x->service, y->service),
		compare(x->host, y->host), compare(y->until, x->until),
		x->sights < y->sights ? -1 : 1 };

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (parts[i])
			return parts[i];
	return 0;
}

static void add_sight(const struct model *m, struct way *w, const struct sight *s)
{
	w->count++;
	w->traces += s->traces;
	w->since = s->since < w->since ? s->since : w->since;
	w->until = s->until > w->until ? s->until : w->until;
	w->flow = &m->flows[s->flow];
	if (s->trace) {
		w->stop = s->trace->stop;
		w->nhop = s->trace->nhop;
	}
}

/* Sorts the sights, way by way. NULL: no memory. */
static struct way *ways_of(
	const struct model *m, struct sight *sights, uint32_t sight_count, size_t *count)
{
	struct way *ways = calloc(sight_count + 1UL, sizeof(*ways));

	*count = 0;
	if (!ways)
		return NULL;
	qsort_r(sights, sight_count, sizeof(*sights), by_way, (void *)m);
	for (uint32_t i = 0; i < sight_count; i++) {
		const struct sight *s = &sights[i];
		const struct model_flow *f = &m->flows[s->flow];
		struct way *w = *count ? &ways[*count - 1] : NULL;

		if (!w || !same_way(m, w, s)) {
			w = &ways[(*count)++];
			*w = (struct way){ f->client, f->service, f->host, f->server, f->proto,
				s->path, f, s, .stop = MODEL_NONE, .since = s->since };
			(void)model_path(m, s->path, &w->nhop);
		}
		add_sight(m, w, s);
	}
	qsort(ways, *count, sizeof(*ways), in_order);
	return ways;
}

static struct model_spread spread_of(
	const struct model *m, const struct way *w, uint32_t hop, uint32_t *values)
{
	struct sights_sum sum = { .values = values };

	for (uint32_t i = 0; i < w->count; i++)
		sights_add_hop(&sum, m, &w->sights[i], hop);
	return sights_told(&sum);
}

static void print_heading(const struct model *m, const struct way *w)
{
	char client[256], host[512], service[256], since[SHOW_TIME_BYTES], last[SHOW_TIME_BYTES];

	safe_text(client, sizeof(client), show_client(m, w->flow));
	safe_text(host, sizeof(host), show_host(m, w->flow));
	safe_text(service, sizeof(service), model_text(m, w->service));
	printf("%s to %s, %s%s%s%s, %s: ", client, service, host, w->host == MODEL_NONE ? "" : " (",
		w->host == MODEL_NONE ? "" : model_text(m, w->server),
		w->host == MODEL_NONE ? "" : ")", model_text(m, w->proto));
	if (w->stop != MODEL_NONE)
		printf("%s, ", model_text(m, w->stop));
	printf("%" PRIu32 " %s, %s", w->traces, w->traces == 1 ? "trace" : "traces",
		show_time(w->since, since));
	if (w->traces > 1)
		printf(" to %s", show_time(w->until, last));
	putchar('\n');
}

/* Its names, by `+` as its addresses are; "" if none of them has one. */
static void names_of(const struct model *m, const struct model_step *step, char out[NAMES_BYTES])
{
	const char *at = model_text(m, step->addrs);
	size_t used = 0;

	for (*out = '\0'; *at && used < NAMES_BYTES;) {
		size_t len = strcspn(at, "+");
		const char *name = resolve_name(at, len);

		if (name)
			used += (size_t)snprintf(
				out + used, NAMES_BYTES - used, "%s%s", used ? "+" : "", name);
		at += len + (at[len] == '+');
	}
}

/* An entry as people are shown it. */
static const char *router_of(
	const struct model *m, const struct model_step *step, char out[ROUTER_BYTES])
{
	char names[NAMES_BYTES];

	names_of(m, step, names);
	if (step->addrs == MODEL_NONE)
		return "*";
	snprintf(out, ROUTER_BYTES, "%s%s%s", model_text(m, step->addrs), *names ? " " : "", names);
	return out;
}

static bool print_way(const struct model *m, const struct way *w, uint32_t *values)
{
	bool networks = asn_known();
	size_t columns = sizeof(COLUMNS) / sizeof(COLUMNS[0]) - !networks;
	struct listing *l = listing_new(COLUMNS, columns);
	uint32_t count;
	const struct model_step *steps = model_path(m, w->path, &count);
	char ms[SHOW_MS_BYTES], router[ROUTER_BYTES], network[ASN_BYTES];
	bool whole;

	if (!l)
		return false;
	print_heading(m, w);
	for (uint32_t hop = 0; hop < count; hop++) {
		struct model_spread s = spread_of(m, w, hop, values);

		if (steps[hop].ttl)
			listing_cell(l, "%" PRIu32, steps[hop].ttl);
		else
			listing_cell(l, "?");
		listing_cell(l, "%s", router_of(m, &steps[hop], router));
		listing_cell(l, "%s", show_ms(s.least_us, ms));
		listing_cell(l, "%s", show_ms(s.middle_us, ms));
		listing_cell(l, "%s", show_ms(s.most_us, ms));
		listing_cell(l, "%" PRIu32 "/%" PRIu32, s.answered, s.sent);
		if (networks)
			listing_cell(l, "%s",
				*show_network(m, steps[hop].addrs, network) ? network : "-");
	}
	whole = listing_print(l, stdout, listing_width(stdout));
	putchar('\n');
	listing_free(l);
	return whole;
}

static struct json_object *json_way(const struct model *m, const struct way *w, uint32_t *values)
{
	struct json_object *one = show_json_flow(m, w->flow), *hops = json_object_new_array();
	uint32_t count;
	const struct model_step *steps = model_path(m, w->path, &count);
	char names[NAMES_BYTES];

	show_json_time(one, "since", w->since);
	show_json_time(one, "ts", w->until);
	json_object_object_add(one, "traces", json_object_new_int64(w->traces));
	if (w->stop != MODEL_NONE)
		json_object_object_add(one, "stop", json_object_new_string(model_text(m, w->stop)));
	json_object_object_add(one, "nhop", json_object_new_int64(w->nhop));
	for (uint32_t hop = 0; hop < count; hop++) {
		struct model_spread s = spread_of(m, w, hop, values);
		struct json_object *h = json_object_new_object();

		if (steps[hop].ttl)
			json_object_object_add(h, "ttl", json_object_new_int64(steps[hop].ttl));
		if (steps[hop].addrs != MODEL_NONE)
			json_object_object_add(
				h, "addr", json_object_new_string(model_text(m, steps[hop].addrs)));
		show_json_network(h, m, steps[hop].addrs);
		names_of(m, &steps[hop], names);
		if (*names)
			json_object_object_add(h, "name", json_object_new_string(names));
		json_object_object_add(h, "sent", json_object_new_int64(s.sent));
		json_object_object_add(h, "answered", json_object_new_int64(s.answered));
		show_json_ms(h, "min", s.least_us);
		show_json_ms(h, "med", s.middle_us);
		show_json_ms(h, "max", s.most_us);
		json_object_array_add(hops, h);
	}
	json_object_object_add(one, "hops", hops);
	return one;
}

static void resolve(const struct model *m, const struct way *ways, size_t way_count)
{
	for (size_t i = 0; i < way_count; i++) {
		uint32_t count;
		const struct model_step *steps = model_path(m, ways[i].path, &count);

		for (uint32_t hop = 0; hop < count; hop++)
			resolve_want(model_text(m, steps[hop].addrs));
	}
	resolve_wait();
}

static int print(const struct model *m, const struct source *s)
{
	struct json_object *top = s->json ? json_object_new_array() : NULL;
	uint32_t sight_count;
	struct sight *sights = sights_of(m, &sight_count);
	uint32_t *values = calloc(sights_room(m), sizeof(*values));
	size_t count = 0;
	struct way *ways = sights && values ? ways_of(m, sights, sight_count, &count) : NULL;
	bool whole = ways != NULL;

	if (ways && s->resolve)
		resolve(m, ways, count);
	for (size_t i = 0; ways && i < count; i++) {
		if (s->json)
			json_object_array_add(top, json_way(m, &ways[i], values));
		else
			whole &= print_way(m, &ways[i], values);
	}
	if (s->json && whole)
		show_json_print(top);
	else
		json_object_put(top);
	free(ways);
	free(values);
	free(sights);
	return whole ? 0 : SOURCE_NO_MEMORY;
}

static int run(const struct verb *self, int argc, char **argv)
{
	return source_verb(self, argc, argv, print);
}

const struct verb VERB_PATHS = {
	.name = "paths",
	.run = run,
	.what = "the ways that they took, hop by hop",
	.about =
		"The ways that each device's connections took to each service, hop by hop, with the least, middle\n"
		"and greatest round trip of all traces, in ms. A slow hop is no slow path: routers answer when they\n"
		"have time. Only what stays on all later hops counts. Where a whole time is told in one (ev=epoch),\n"
		"its median is that of its latest 15 round trips, and probes are counted, not traces.",
	SOURCE_OPERAND,
	.exits = "0; 2 if nothing could be read",
	.example = "sudo inpath paths --service netflix\n"
		   "         journalctl -t inpathd -o cat | inpath paths --service netflix -",
	.options = { { "resolve", 'R', NULL,
			     "routers' names, too, by reverse DNS: what is known after 3 seconds" },
		SOURCE_MMDB, SOURCE_OPTIONS },
};
