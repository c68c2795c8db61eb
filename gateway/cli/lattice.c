/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/cli/lattice.h"

#include <stdlib.h>
#include <string.h>

enum {
	ADDRS = 4, /* routers of one entry that are drawn */
};

/* A path that was taken to the service, and how often. */
struct use {
	uint32_t path, uses, flow;
	uint8_t clients;
};

/* One that is drawn. */
struct way {
	uint32_t flow;
	uint8_t clients;
	uint32_t count;
	uint32_t addrs[LATTICE_TTLS]; /* by TTL from 1 on: text; MODEL_NONE: silent */
};

/* --- the ways ----------------------------------------------------------------------------------- */

static int most_used_first(const void *a, const void *b)
{
	const struct use *x = a, *y = b;

	if (x->uses != y->uses)
		return x->uses < y->uses ? 1 : -1;
	return x->path < y->path ? -1 : x->path > y->path;
}

static void lay_out(const struct model *m, const struct use *use, struct way *w)
{
	uint32_t count;
	const struct model_step *steps = model_path(m, use->path, &count);

	*w = (struct way){ .flow = use->flow, .clients = use->clients };
	for (uint32_t i = 0; i < count; i++) {
		/* A server at no known TTL stands behind the last that is known. */
		uint32_t ttl = steps[i].ttl ? steps[i].ttl : w->count + 1;

		if (ttl > LATTICE_TTLS)
			continue;
		while (w->count < ttl)
			w->addrs[w->count++] = MODEL_NONE;
		w->addrs[ttl - 1] = steps[i].addrs;
	}
}

/* Counts each path's uses. False: no memory. */
static bool count_uses(const struct digest *d, uint32_t service, struct use **uses, uint32_t *count)
{
	uint32_t *place = calloc(d->m->paths.count + 1, sizeof(*place)); /* + 1; 0: not met */
	bool good = place != NULL;
	uint32_t room = 0;

	for (uint32_t i = 0; good && i < d->pair_count; i++) {
		const struct digest_pair *p = &d->pairs[i];

		for (uint32_t k = 0; p->service == service && k < p->count; k++) {
			struct sight s = digest_sight(d, d->order[p->first + k]);
			struct use *use;

			good = model_grow((void **)uses, &room, *count, 1, sizeof(**uses));
			if (!good)
				break;
			if (place[s.path] == 0) {
				(*uses)[*count] = (struct use){ .path = s.path };
				place[s.path] = ++*count;
			}
			use = &(*uses)[place[s.path] - 1];
			use->uses += s.traces;
			use->flow = s.flow;
			use->clients |= (uint8_t)(1U << p->client);
		}
	}
	free(place);
	return good;
}

static bool are_equal(const struct way *a, const struct way *b)
{
	for (uint32_t i = 0; i < a->count && i < b->count; i++)
		if (a->addrs[i] != b->addrs[i] && a->addrs[i] != MODEL_NONE &&
			b->addrs[i] != MODEL_NONE)
			return false;
	return true;
}

/* Silent hops are wildcards: they take what the most used of the equal ways shows. */
static void fill_silent(struct way *ways, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		for (uint32_t k = 0; k < count; k++) {
			if (k == i || !are_equal(&ways[i], &ways[k]))
				continue;
			for (uint32_t t = 0; t < ways[i].count && t < ways[k].count; t++)
				if (ways[i].addrs[t] == MODEL_NONE)
					ways[i].addrs[t] = ways[k].addrs[t];
		}
}

/* --- the picture -------------------------------------------------------------------------------- */

static bool is_at(const struct lattice_node *n, uint32_t ttl, const char *addr, size_t len)
{
	return n->ttl == ttl && !n->rest && (n->addr == NULL) == (addr == NULL) &&
	       (!addr || (n->addr_len == len && !memcmp(n->addr, addr, len)));
}

/* The node for an address at a TTL; the one for the rest where there are too many. */
static uint32_t node_of(struct lattice *l, uint32_t ttl, const char *addr, size_t len)
{
	uint32_t lanes = 0, rest = MODEL_NONE;

	for (uint32_t i = 0; i < l->node_count; i++) {
		if (is_at(&l->nodes[i], ttl, addr, len))
			return i;
		lanes += l->nodes[i].ttl == ttl;
		rest = l->nodes[i].ttl == ttl && l->nodes[i].rest ? i : rest;
	}
	if (lanes >= LATTICE_LANES && rest != MODEL_NONE)
		return rest;
	if (l->node_count == LATTICE_NODES)
		return MODEL_NONE;
	l->nodes[l->node_count] = (struct lattice_node){ .ttl = ttl,
		.lane = lanes,
		.addr = lanes < LATTICE_LANES ? addr : NULL,
		.addr_len = (uint32_t)len,
		.host = MODEL_NONE,
		.rest = lanes >= LATTICE_LANES };
	l->lanes = l->lanes > lanes + 1 ? l->lanes : lanes + 1;
	return l->node_count++;
}

static void link_nodes(struct lattice *l, uint32_t from, uint32_t to, uint8_t clients)
{
	for (uint32_t i = 0; i < l->link_count; i++)
		if (l->links[i].from == from && l->links[i].to == to) {
			l->links[i].clients |= clients;
			return;
		}
	if (l->link_count < LATTICE_LINKS)
		l->links[l->link_count++] = (struct lattice_link){ from, to, clients };
}

/* The nodes of one entry of a way: one for each address that takes turns there. */
static uint32_t nodes_of(struct lattice *l, const struct digest *d, const struct way *w,
	uint32_t at, uint32_t out[ADDRS])
{
	const struct model_flow *f = &d->m->flows[w->flow];
	bool silent = w->addrs[at] == MODEL_NONE;
	const char *text = silent ? NULL : model_text(d->m, w->addrs[at]);
	uint32_t count = 0;

	do {
		size_t len = silent ? 0 : strcspn(text, "+");
		uint32_t node = node_of(l, at + 1, text, len);

		if (node == MODEL_NONE)
			break;
		if (!l->nodes[node].rest && w->addrs[at] == f->server) {
			l->nodes[node].server = true;
			l->nodes[node].host = f->host;
		}
		l->nodes[node].routers++;
		l->nodes[node].clients |= w->clients;
		out[count++] = node;
		text = silent || !text[len] ? NULL : text + len + 1;
	} while (text && count < ADDRS);
	return count;
}

static void draw_way(struct lattice *l, const struct digest *d, const struct way *w)
{
	uint32_t before[ADDRS] = { 0 }, before_count = 1;

	l->nodes[0].clients |= w->clients;
	for (uint32_t at = 0; at < w->count; at++) {
		uint32_t here[ADDRS] = { 0 }, count = nodes_of(l, d, w, at, here);

		if (count == 0)
			return;
		for (uint32_t i = 0; i < before_count; i++)
			for (uint32_t k = 0; k < count; k++)
				link_nodes(l, before[i], here[k], w->clients);
		memcpy(before, here, sizeof(before));
		before_count = count;
	}
}

/* By TTL and lane, a row each; links follow. */
static void order_rows(struct lattice *l)
{
	struct lattice_node sorted[LATTICE_NODES] = { { 0 } };
	uint32_t row_of[LATTICE_NODES] = { 0 }, rows = 0;

	for (uint32_t ttl = 0; ttl <= LATTICE_TTLS; ttl++)
		for (uint32_t i = 0; i < l->node_count; i++) {
			if (l->nodes[i].ttl != ttl)
				continue;
			row_of[i] = rows;
			sorted[rows] = l->nodes[i];
			sorted[rows].row = rows;
			rows++;
		}
	memcpy(l->nodes, sorted, rows * sizeof(sorted[0]));
	for (uint32_t i = 0; i < l->link_count; i++) {
		l->links[i].from = row_of[l->links[i].from];
		l->links[i].to = row_of[l->links[i].to];
	}
}

bool lattice_draw(const struct digest *d, uint32_t service, struct lattice *out)
{
	struct way *ways = calloc(LATTICE_WAYS, sizeof(*ways));
	struct use *uses = NULL;
	uint32_t count = 0;
	bool good = ways && count_uses(d, service, &uses, &count);

	*out = (struct lattice){ .node_count = 1, .lanes = 1 };
	out->nodes[0].host = MODEL_NONE;
	if (good && count) {
		qsort(uses, count, sizeof(*uses), most_used_first);
		out->ways_seen = count;
		out->ways = count < LATTICE_WAYS ? count : LATTICE_WAYS;
		for (uint32_t i = 0; i < out->ways; i++)
			lay_out(d->m, &uses[i], &ways[i]);
		fill_silent(ways, out->ways);
		for (uint32_t i = 0; i < out->ways; i++)
			draw_way(out, d, &ways[i]);
	}
	order_rows(out);
	free(uses);
	free(ways);
	return good;
}
