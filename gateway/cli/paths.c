/* SPDX-License-Identifier: GPL-2.0-or-later */
/* inpath paths: the ways that connections took, hop by hop, with the round trips of all their traces. */
#include "gateway/cli/listing.h"
#include "gateway/cli/quantile.h"
#include "gateway/cli/safe.h"
#include "gateway/cli/show.h"
#include "gateway/cli/source.h"
#include "gateway/cli/verbs.h"

#include <inttypes.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

static const char HELP[] =
	"usage: inpath paths [--client X] [--service Y] [--since T] [--json] [FILE|-]\n\n"
	"The ways that each device's connections took to each service, hop by hop, with the least, middle\n"
	"and greatest round trip of all traces, in ms. A slow hop is no slow path: routers answer when they\n"
	"have time. Only what stays on all later hops counts.\n" SOURCE_HELP
	"\nExit status: 0; 2 if nothing could be read.\n\n"
	"Example: journalctl -t inpathd -o cat | inpath paths --service netflix -\n";

static const struct listing_column COLUMNS[] = {
	{ "  HOP", .right = true },
	{ "ROUTER", .shrinks = true },
	{ "LEAST", .right = true },
	{ "MIDDLE", .right = true },
	{ "MOST", .right = true },
	{ "ANSWERED", .right = true },
};

/* All traces of one device, service, server, protocol and path. */
struct way {
	uint32_t client, service, host, server, proto, path;
	const struct model_flow *flow; /* of the newest trace */
	const struct model_trace *newest;
	uint32_t first, count; /* its traces, in the array that was sorted */
	model_time since;
};

static int compare(uint32_t a, uint32_t b)
{
	return a < b ? -1 : a > b;
}

static int by_way(const void *a, const void *b, void *arg)
{
	const struct model *m = arg;
	const struct model_trace *x = &m->traces[*(const uint32_t *)a];
	const struct model_trace *y = &m->traces[*(const uint32_t *)b];
	const struct model_flow *f = &m->flows[x->flow], *g = &m->flows[y->flow];
	const int parts[] = { compare(f->client, g->client), compare(f->service, g->service),
		compare(f->host, g->host), compare(f->server, g->server),
		compare(f->proto, g->proto), compare(x->path, y->path),
		compare(*(const uint32_t *)a, *(const uint32_t *)b) };

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (parts[i])
			return parts[i];
	return 0;
}

static bool same_way(const struct model *m, const struct way *w, const struct model_trace *t)
{
	const struct model_flow *f = &m->flows[t->flow];

	return w->client == f->client && w->service == f->service && w->host == f->host &&
	       w->server == f->server && w->proto == f->proto && w->path == t->path;
}

/* Devices in the order of the log, of each the services, and of each the newest way first. */
static int in_order(const void *a, const void *b)
{
	const struct way *x = a, *y = b;
	const int parts[] = { compare(x->client, y->client), compare(x->service, y->service),
		compare(x->host, y->host),
		x->newest->at < y->newest->at   ? 1
		: x->newest->at > y->newest->at ? -1
						: 0,
		compare(x->first, y->first) };

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (parts[i])
			return parts[i];
	return 0;
}

/* The ways, and in *order the indices of all traces, way by way. NULL: no memory. */
static struct way *ways_of(const struct model *m, uint32_t **order, size_t *count)
{
	struct way *ways = calloc(m->trace_count + 1, sizeof(*ways));

	*count = 0;
	*order = calloc(m->trace_count + 1, sizeof(**order));
	if (!ways || !*order) {
		free(ways);
		free(*order);
		*order = NULL;
		return NULL;
	}
	for (uint32_t i = 0; i < m->trace_count; i++)
		(*order)[i] = i;
	qsort_r(*order, m->trace_count, sizeof(**order), by_way, (void *)m);
	for (uint32_t i = 0; i < m->trace_count; i++) {
		const struct model_trace *t = &m->traces[(*order)[i]];
		const struct model_flow *f = &m->flows[t->flow];
		struct way *w = *count ? &ways[*count - 1] : NULL;

		if (!w || !same_way(m, w, t)) {
			w = &ways[(*count)++];
			*w = (struct way){ f->client, f->service, f->host, f->server, f->proto,
				t->path, f, t, i, 0, t->at };
		}
		w->count++;
		w->since = t->at < w->since ? t->at : w->since;
		if (t->at >= w->newest->at) {
			w->newest = t;
			w->flow = f;
		}
	}
	qsort(ways, *count, sizeof(*ways), in_order);
	return ways;
}

/* What one hop's round trips were. */
struct spread {
	uint32_t answered, least_us, middle_us, most_us;
};

static struct spread spread_of(const struct model *m, const struct way *w, const uint32_t *order,
	uint32_t hop, uint32_t *scratch)
{
	struct spread s = { .least_us = UINT32_MAX };

	for (uint32_t i = 0; i < w->count; i++) {
		uint32_t rtt = m->rtts[m->traces[order[w->first + i]].rtts + hop];

		if (rtt == 0)
			continue;
		scratch[s.answered++] = rtt;
		s.least_us = rtt < s.least_us ? rtt : s.least_us;
		s.most_us = rtt > s.most_us ? rtt : s.most_us;
	}
	if (s.answered == 0)
		s.least_us = 0;
	s.middle_us = quantile_median(scratch, s.answered);
	return s;
}

static void print_heading(const struct model *m, const struct way *w)
{
	char client[256], host[512], service[256], since[SHOW_TIME_BYTES], last[SHOW_TIME_BYTES];

	safe_text(client, sizeof(client), show_client(m, w->flow));
	safe_text(host, sizeof(host), show_host(m, w->flow));
	safe_text(service, sizeof(service), model_text(m, w->service));
	printf("%s to %s, %s%s%s%s, %s: %s, %" PRIu32 " %s, %s", client, service, host,
		w->host == MODEL_NONE ? "" : " (",
		w->host == MODEL_NONE ? "" : model_text(m, w->server),
		w->host == MODEL_NONE ? "" : ")", model_text(m, w->proto),
		model_text(m, w->newest->stop), w->count, w->count == 1 ? "trace" : "traces",
		show_time(w->since, since));
	if (w->count > 1)
		printf(" to %s", show_time(w->newest->at, last));
	putchar('\n');
}

static bool print_way(
	const struct model *m, const struct way *w, const uint32_t *order, uint32_t *scratch)
{
	struct listing *l = listing_new(COLUMNS, sizeof(COLUMNS) / sizeof(COLUMNS[0]));
	uint32_t count;
	const struct model_step *steps = model_path(m, w->path, &count);
	char ms[SHOW_MS_BYTES];
	bool whole;

	if (!l)
		return false;
	print_heading(m, w);
	for (uint32_t hop = 0; hop < count; hop++) {
		struct spread s = spread_of(m, w, order, hop, scratch);

		if (steps[hop].ttl)
			listing_cell(l, "%" PRIu32, steps[hop].ttl);
		else
			listing_cell(l, "?");
		listing_cell(l, "%s",
			steps[hop].addrs == MODEL_NONE ? "*" : model_text(m, steps[hop].addrs));
		listing_cell(l, "%s", show_ms(s.least_us, ms));
		listing_cell(l, "%s", show_ms(s.middle_us, ms));
		listing_cell(l, "%s", show_ms(s.most_us, ms));
		listing_cell(l, "%" PRIu32 "/%" PRIu32, s.answered, w->count);
	}
	whole = listing_print(l, stdout, listing_width(stdout));
	putchar('\n');
	listing_free(l);
	return whole;
}

static struct json_object *json_way(
	const struct model *m, const struct way *w, const uint32_t *order, uint32_t *scratch)
{
	struct json_object *one = show_json_flow(m, w->flow), *hops = json_object_new_array();
	uint32_t count;
	const struct model_step *steps = model_path(m, w->path, &count);

	show_json_time(one, "since", w->since);
	show_json_time(one, "ts", w->newest->at);
	json_object_object_add(one, "traces", json_object_new_int64(w->count));
	json_object_object_add(one, "stop", json_object_new_string(model_text(m, w->newest->stop)));
	json_object_object_add(one, "nhop", json_object_new_int(w->newest->nhop));
	for (uint32_t hop = 0; hop < count; hop++) {
		struct spread s = spread_of(m, w, order, hop, scratch);
		struct json_object *h = json_object_new_object();

		if (steps[hop].ttl)
			json_object_object_add(h, "ttl", json_object_new_int64(steps[hop].ttl));
		if (steps[hop].addrs != MODEL_NONE)
			json_object_object_add(
				h, "addr", json_object_new_string(model_text(m, steps[hop].addrs)));
		json_object_object_add(h, "answered", json_object_new_int64(s.answered));
		show_json_ms(h, "min", s.least_us);
		show_json_ms(h, "med", s.middle_us);
		show_json_ms(h, "max", s.most_us);
		json_object_array_add(hops, h);
	}
	json_object_object_add(one, "hops", hops);
	return one;
}

static int print(const struct model *m, bool json)
{
	struct json_object *top = json ? json_object_new_array() : NULL;
	uint32_t *scratch = calloc(m->trace_count + 1, sizeof(*scratch)), *order = NULL;
	size_t count = 0;
	struct way *ways = scratch ? ways_of(m, &order, &count) : NULL;
	bool whole = ways != NULL;

	for (size_t i = 0; ways && i < count; i++) {
		if (json)
			json_object_array_add(top, json_way(m, &ways[i], order, scratch));
		else
			whole &= print_way(m, &ways[i], order, scratch);
	}
	if (json && whole)
		show_json_print(top);
	free(ways);
	free(order);
	free(scratch);
	return whole ? 0 : SOURCE_NO_MEMORY;
}

int verb_paths(int argc, char **argv)
{
	return source_verb(argc, argv, HELP, print);
}
