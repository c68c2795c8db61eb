/* SPDX-License-Identifier: GPL-2.0-or-later */
/* inpath flows: the connections that were traced, the latest first. */
#include "gateway/cli/listing.h"
#include "gateway/cli/show.h"
#include "gateway/cli/sights.h"
#include "gateway/cli/source.h"

#include <inttypes.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

static const struct listing_column COLUMNS[] = {
	{ "LAST", .shrinks = false },
	{ "CLIENT", .shrinks = true },
	{ "SERVICE", .shrinks = true },
	{ "HOST", .shrinks = true },
	{ "PROTO", .spare = true },
	{ "E2E", .right = true },
	{ "LAN", .right = true },
	{ "HOPS", .right = true },
	{ "TRACES", .right = true },
	{ "CHANGES", .right = true, .spare = true },
	{ "STOP", .spare = true },
};

/* What a row says beyond the flow itself. */
struct row {
	const struct model_flow *flow;
	model_time since, last;
	uint32_t traces, changes;
	uint32_t nhop, stop;
	uint32_t e2e_us, lan_us; /* medians; 0: unknown */
};

static int later_first(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	return x->last < y->last ? 1 : x->last > y->last ? -1 : 0;
}

static void note(struct row *r, model_time since, model_time until, uint32_t traces)
{
	r->since = r->traces && r->since < since ? r->since : since;
	r->last = r->last > until ? r->last : until;
	r->traces += traces;
}

/* `values` have room for what all sights may add. */
static struct row row_of(const struct model *m, const struct model_flow *f, uint32_t *values)
{
	struct row r = { .flow = f, .stop = MODEL_NONE };
	struct sights_sum sum = { .values = values };

	for (uint32_t i = f->first_epoch; i != MODEL_NONE; i = m->epochs[i].next) {
		const struct model_epoch *e = &m->epochs[i];

		note(&r, e->since, e->until, e->traces);
		(void)model_path(m, e->path, &r.nhop);
		sights_add_spread(&sum, &e->e2e, e->traces);
	}
	for (uint32_t i = f->first_trace; i != MODEL_NONE; i = m->traces[i].next) {
		const struct model_trace *t = &m->traces[i];

		note(&r, t->at, t->at, !t->told);
		r.nhop = t->nhop;
		r.stop = t->stop;
		sights_add_value(&sum, t->told ? 0 : t->e2e_us);
	}
	r.e2e_us = sights_told(&sum).middle_us;
	for (uint32_t i = f->first_epoch; i != MODEL_NONE; i = m->epochs[i].next)
		sights_add_spread(&sum, &m->epochs[i].lan, m->epochs[i].traces);
	for (uint32_t i = f->first_trace; i != MODEL_NONE; i = m->traces[i].next)
		sights_add_value(&sum, m->traces[i].told ? 0 : m->traces[i].lan_us);
	r.lan_us = sights_told(&sum).middle_us;
	return r;
}

/* The rows of flows that were traced. NULL: no memory. */
static struct row *rows_of(const struct model *m, size_t *count)
{
	struct row *rows = calloc(m->flow_count + 1UL, sizeof(*rows));
	uint32_t *changes = calloc(m->flow_count + 1UL, sizeof(*changes));
	uint32_t *values = calloc(sights_room(m), sizeof(*values));

	*count = 0;
	if (!rows || !changes || !values) {
		free(rows);
		rows = NULL;
	}
	for (uint32_t i = 0; rows && i < m->change_count; i++)
		changes[m->changes[i].flow]++;
	for (uint32_t i = 0; rows && i < m->flow_count; i++) {
		const struct model_flow *f = &m->flows[i];

		if (f->first_trace == MODEL_NONE && f->first_epoch == MODEL_NONE)
			continue;
		rows[*count] = row_of(m, f, values);
		rows[(*count)++].changes = changes[i];
	}
	if (rows)
		qsort(rows, *count, sizeof(*rows), later_first);
	free(changes);
	free(values);
	return rows;
}

static bool print_rows(const struct model *m, const struct row *rows, size_t count)
{
	struct listing *l = listing_new(COLUMNS, sizeof(COLUMNS) / sizeof(COLUMNS[0]));
	char ms[SHOW_MS_BYTES];
	bool whole;

	if (!l)
		return false;
	for (size_t i = 0; i < count; i++) {
		const struct model_flow *f = rows[i].flow;
		char at[SHOW_TIME_BYTES];

		listing_cell(l, "%s", show_time(rows[i].last, at));
		listing_cell(l, "%s", show_client(m, f));
		listing_cell(l, "%s", model_text(m, f->service));
		listing_cell(l, "%s", show_host(m, f));
		listing_cell(l, "%s", model_text(m, f->proto));
		listing_cell(l, "%s", show_ms(rows[i].e2e_us, ms));
		listing_cell(l, "%s", show_ms(rows[i].lan_us, ms));
		listing_cell(l, "%" PRIu32, rows[i].nhop);
		listing_cell(l, "%" PRIu32, rows[i].traces);
		listing_cell(l, "%" PRIu32, rows[i].changes);
		listing_cell(
			l, "%s", rows[i].stop == MODEL_NONE ? "-" : model_text(m, rows[i].stop));
	}
	whole = listing_print(l, stdout, listing_width(stdout));
	listing_free(l);
	return whole;
}

static void print_json(const struct model *m, const struct row *rows, size_t count)
{
	struct json_object *top = json_object_new_array();

	for (size_t i = 0; i < count; i++) {
		struct json_object *one = show_json_flow(m, rows[i].flow);

		show_json_time(one, "since", rows[i].since);
		show_json_time(one, "ts", rows[i].last);
		json_object_object_add(one, "traces", json_object_new_int64(rows[i].traces));
		json_object_object_add(one, "changes", json_object_new_int64(rows[i].changes));
		json_object_object_add(one, "nhop", json_object_new_int64(rows[i].nhop));
		if (rows[i].stop != MODEL_NONE)
			json_object_object_add(
				one, "stop", json_object_new_string(model_text(m, rows[i].stop)));
		show_json_ms(one, "e2e", rows[i].e2e_us);
		show_json_ms(one, "lan", rows[i].lan_us);
		json_object_array_add(top, one);
	}
	show_json_print(top);
}

static int print(const struct model *m, const struct source *s)
{
	size_t count;
	struct row *rows = rows_of(m, &count);
	bool whole = rows != NULL;

	if (rows && s->json)
		print_json(m, rows, count);
	else if (rows)
		whole = print_rows(m, rows, count);
	free(rows);
	return whole ? 0 : SOURCE_NO_MEMORY;
}

static int run(const struct verb *self, int argc, char **argv)
{
	return source_verb(self, argc, argv, print);
}

const struct verb VERB_FLOWS = {
	.name = "flows",
	.run = run,
	.what = "the connections that were traced",
	.about =
		"The connections that were traced, the latest first: whose, to where, how often, how many hops,\n"
		"and the median round trip on the server's side (e2e) and on the device's (lan), in ms.",
	SOURCE_OPERAND,
	.exits = "0; 2 if nothing could be read",
	.example = "sudo inpath flows --client livingroom-tv --since 1h",
	.options = { SOURCE_OPTIONS },
};
