/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/netsim/route.h"

#include <string.h>

uint16_t route_choose(const struct topology *t, struct chance *chance,
	const struct topology_step *step, const struct route_header *header)
{
	struct hash_key key = { t->seed, 0x726f757465u + ((uint64_t)step->place << 40) };
	enum balance balance = BALANCE_FLOW;
	uint64_t hash = 0;

	if (step->next_count < 2)
		return step->next[0];
	if (step->place >= PLACE_ROUTERS && step->place < PLACE_SERVERS)
		balance = t->routers[step->place - PLACE_ROUTERS].balance;
	switch (balance) {
	case BALANCE_FLOW: {
		uint8_t bytes[sizeof(header->flow) + 4];

		memcpy(bytes, &header->flow, sizeof(header->flow));
		ip_put32(bytes + sizeof(header->flow), header->label);
		hash = hash_bytes(&key, bytes, sizeof(bytes));
		break;
	}
	case BALANCE_DESTINATION:
		hash = hash_bytes(&key, header->flow.dst, sizeof(header->flow.dst));
		break;
	case BALANCE_PACKET: hash = chance_below(chance, step->next_count); break;
	}
	return step->next[hash % step->next_count];
}

uint16_t route_stands(const struct topology_way *way, uint16_t place)
{
	for (uint16_t i = way->step_count; i-- > 1;)
		if (way->steps[i].place == place)
			return i;
	return WAY_END;
}

/*
 * The walk goes over all steps that chance may take, with the header as NATs have made it and the TTL
 * as routers have. A way may come together again with different ones of both, so each combination is
 * a state of its own, looked at once.
 */
enum {
	HEADERS = 8,
	LOST_MAX = TOPOLOGY_HOPS + 1
};

struct walker {
	const struct topology *t;
	const struct topology_way *way;
	struct nat *nat;
	struct route_walk *out;
	struct route_header headers[HEADERS];
	uint8_t header_count;
	/* By decrements, header and whether it may come with TTL 0. */
	bool seen[TOPOLOGY_STEPS][LOST_MAX + 1][HEADERS][2];
};

static void stand(struct route_walk *out, const struct topology *t, uint16_t router,
	uint8_t version, unsigned ttl, bool crossed, bool expires)
{
	const struct topology_router *r = &t->routers[router];
	unsigned family = version == 6;
	uint16_t at = 0;

	while (at < out->count &&
		(out->stands[at].ttl < ttl ||
			(out->stands[at].ttl == ttl && out->stands[at].router < router)))
		at++;
	if (at == out->count || out->stands[at].ttl != ttl || out->stands[at].router != router) {
		if (out->count == ROUTE_STANDS)
			return;
		memmove(&out->stands[at + 1], &out->stands[at],
			(size_t)(out->count - at) * sizeof(out->stands[0]));
		out->count++;
		memset(&out->stands[at], 0, sizeof(out->stands[at]));
		out->stands[at].ttl = (uint8_t)ttl;
		out->stands[at].router = router;
		out->stands[at].addr = r->from[family].family ? r->from[family] : r->addr[family];
	}
	out->stands[at].crossed |= crossed;
	out->stands[at].expires |= expires;
}

static uint8_t translated(struct walker *w, uint8_t header, uint16_t router)
{
	struct route_header h = w->headers[header];
	const struct nat_mapping *m;
	uint8_t i;

	if (h.flow.version != 4 || !w->t->routers[router].nat)
		return header;
	m = nat_map(w->nat, w->t, router, h.flow.src, h.flow.sport, h.flow.proto);
	memcpy(h.flow.src, m->outside, 4);
	h.flow.sport = m->outside_port;
	for (i = 0; i < w->header_count; i++)
		if (memcmp(&w->headers[i].flow, &h.flow, sizeof(h.flow)) == 0)
			return i;
	if (w->header_count == HEADERS)
		return header;
	w->headers[w->header_count++] = h;
	return i;
}

static void walk(struct walker *w, uint16_t at, unsigned lost, uint8_t header, bool zero);

static void walk_on(struct walker *w, uint16_t at, unsigned lost, uint8_t header, bool zero)
{
	const struct topology_step *step = &w->way->steps[at];
	bool chance = step->place >= PLACE_ROUTERS && step->place < PLACE_SERVERS &&
		      w->t->routers[step->place - PLACE_ROUTERS].balance == BALANCE_PACKET;

	if (!chance)
		walk(w, route_choose(w->t, NULL, step, &w->headers[header]), lost, header, zero);
	for (uint8_t i = 0; chance && i < step->next_count; i++)
		walk(w, step->next[i], lost, header, zero);
}

/* `lost`: what is gone from its TTL when it arrives at step `at`; `zero`: one with that very TTL arrives, too. */
static void walk(struct walker *w, uint16_t at, unsigned lost, uint8_t header, bool zero)
{
	const struct topology_router *r;
	uint16_t router;

	if (lost > LOST_MAX)
		return;
	if (at == WAY_END) {
		w->out->server[zero ? lost : lost + 1 > LOST_MAX ? LOST_MAX : lost + 1] = true;
		return;
	}
	if (w->seen[at][lost][header][zero])
		return;
	w->seen[at][lost][header][zero] = true;
	router = (uint16_t)(w->way->steps[at].place - PLACE_ROUTERS);
	r = &w->t->routers[router];
	if (r->invisible) {
		walk_on(w, at, lost, translated(w, header, router), zero);
		return;
	}
	if (zero)
		stand(w->out, w->t, router, w->headers[0].flow.version, lost, false, true);
	stand(w->out, w->t, router, w->headers[0].flow.version, lost + 1, true, !r->zero_ttl);
	walk_on(w, at, lost + 1, translated(w, header, router), r->zero_ttl);
}

void route_walk(const struct topology *t, struct nat *nat, uint16_t server,
	const struct route_header *header, struct route_walk *out)
{
	static struct walker w;

	memset(&w, 0, sizeof(w));
	memset(out, 0, sizeof(*out));
	w.t = t;
	w.way = &t->ways[t->path_of[server]];
	w.nat = nat;
	w.out = out;
	w.headers[0] = *header;
	w.header_count = 1;
	walk_on(&w, 0, 0, 0, false);
}
