/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the internet does with a probe, and what the truth about a path is. */
#include "tests/soak/internet.h"

#include <string.h>

enum {
	FIRST_ISP = 1,
	FIRST_TRANSIT = FIRST_ISP + NET_ISPS,
	FIRST_SERVICE = FIRST_TRANSIT + NET_TRANSITS,
	LOST = 3, /* of a thousand probes or answers */
};

struct net_route net_route(uint16_t service, bool v6, uint32_t hash)
{
	uint32_t of_service = (uint32_t)dice_stir(service * 2u + v6 + 1);

	return (struct net_route){
		.segments = { 0, (uint16_t)(FIRST_ISP + of_service % NET_ISPS),
			(uint16_t)(FIRST_TRANSIT + of_service / NET_ISPS % NET_TRANSITS),
			(uint16_t)(FIRST_SERVICE + 2 * service + v6) },
		.hash = hash,
		.service = service,
	};
}

static uint8_t way_at(const struct net_segment *s, inpath_time at)
{
	uint8_t way = s->now;

	for (uint32_t i = s->changes; i > 0 && i + NET_CHANGES > s->changes; i--) {
		if (s->change[(i - 1) % NET_CHANGES].at <= at)
			break;
		way = s->change[(i - 1) % NET_CHANGES].before;
	}
	return way;
}

net_id net_id_at(const struct net *n, const struct net_route *r, inpath_time at)
{
	net_id id = 0;

	for (int i = 0; i < NET_ROW; i++)
		id = id << 8 | way_at(&n->segment[r->segments[i]], at);
	return id;
}

static void add_id(net_id ids[NET_IDS], uint32_t *count, net_id id)
{
	for (uint32_t i = 0; i < *count; i++)
		if (ids[i] == id)
			return;
	if (*count < NET_IDS)
		ids[(*count)++] = id;
}

uint32_t net_ids(const struct net *n, const struct net_route *r, inpath_time from,
	inpath_time until, net_id ids[NET_IDS])
{
	uint32_t count = 0;

	add_id(ids, &count, net_id_at(n, r, from));
	for (int row = 0; row < NET_ROW; row++) {
		const struct net_segment *s = &n->segment[r->segments[row]];

		for (uint32_t i = s->changes; i > 0 && i + NET_CHANGES > s->changes; i--) {
			inpath_time at = s->change[(i - 1) % NET_CHANGES].at;

			if (at <= from)
				break;
			if (at <= until)
				add_id(ids, &count, net_id_at(n, r, at));
		}
	}
	return count;
}

static uint8_t branch_of(const struct net_way *w, const struct net_route *r, int row)
{
	return (uint8_t)(dice_stir(r->hash + (uint32_t)row) % w->branches);
}

void net_path(const struct net *n, const struct net_route *r, net_id id, struct net_path *out)
{
	out->count = 0;
	for (int row = 0; row < NET_ROW; row++) {
		uint8_t number = (uint8_t)(id >> 8 * (NET_ROW - 1 - row));
		const struct net_way *w = &n->segment[r->segments[row]].way[number];
		uint8_t branch = branch_of(w, r, row);

		memcpy(&out->hops[out->count], w->hops[branch],
			w->length[branch] * sizeof(w->hops[branch][0]));
		out->count = (uint8_t)(out->count + w->length[branch]);
	}
}

bool net_path_has(const struct net_path *p, uint8_t ttl, uint16_t who)
{
	if (ttl > p->count)
		return ttl == p->count + 1 && who == NET_SERVER;
	return who != NET_NOBODY &&
	       (p->hops[ttl - 1].routers[0] == who || p->hops[ttl - 1].routers[1] == who);
}

bool net_paths_part(const struct net_path *a, const struct net_path *b, uint8_t ttl)
{
	if (ttl > a->count + 1 || ttl > b->count + 1)
		return false;
	if (ttl > a->count || ttl > b->count)
		return a->count != b->count;
	for (int i = 0; i < 2; i++)
		if (net_path_has(b, ttl, a->hops[ttl - 1].routers[i]))
			return false;
	return true;
}

/* Does it answer at this moment? */
static bool router_answers(struct net_router *router, inpath_time now)
{
	switch (router->manner) {
	case NET_ANSWERS:
	case NET_SLOW: return true;
	case NET_SILENT: return false;
	case NET_FLAPS: return !router->mute;
	case NET_LIMITED: break;
	}
	if (router->second != now / INPATH_SEC) {
		router->second = now / INPATH_SEC;
		router->used = 0;
	}
	if (router->used == router->rate)
		return false;
	router->used++;
	return true;
}

/* Most answers come in time; a few late, and very few when nobody waits for them any more. */
static inpath_time jitter(struct net *n)
{
	uint32_t what = dice_below(&n->weather, 1000);
	inpath_time most = what == 0   ? 4 * INPATH_SEC
			   : what < 20 ? 250 * INPATH_MSEC
				       : 2 * INPATH_MSEC;

	return dice_roll(&n->weather) % most;
}

inpath_time net_rtt(const struct net *n, const struct net_route *r)
{
	inpath_time rtt = INPATH_MSEC;

	for (int row = 0; row < NET_ROW; row++)
		rtt += n->segment[r->segments[row]].delay;
	return rtt;
}

struct net_fate net_carry(struct net *n, const struct net_route *r, uint8_t ttl, inpath_time now)
{
	struct net_fate fate = { .end = NET_LOST };
	struct net_router *router;
	struct net_path path;

	net_path(n, r, net_id_at(n, r, now), &path);
	if (dice_permille(&n->weather, LOST))
		return fate;
	if (ttl > path.count) {
		fate.end = NET_ARRIVED;
		fate.rtt = net_rtt(n, r) + jitter(n) % (3 * INPATH_MSEC);
		return fate;
	}
	fate.router = path.hops[ttl - 1].routers[0];
	if (path.hops[ttl - 1].routers[1] != NET_NOBODY && dice_roll(&n->weather) & 1)
		fate.router = path.hops[ttl - 1].routers[1];
	router = &n->router[fate.router];
	if (!router_answers(router, now) || dice_permille(&n->weather, LOST))
		return fate;
	fate.end = NET_EXPIRED;
	fate.rtt = net_rtt(n, r) * ttl / (path.count + 1u) + jitter(n);
	if (router->manner == NET_SLOW)
		fate.rtt += dice_between(&n->weather, 20, 80) * INPATH_MSEC;
	return fate;
}

uint8_t net_back(const struct net *n, const struct net_route *r, inpath_time now)
{
	net_id id = net_id_at(n, r, now);
	uint8_t begins_with = r->service % 3 ? 64 : 128;
	uint64_t how = dice_stir(id ^ dice_stir(r->service)) % 20;
	struct net_path path;
	int length;

	net_path(n, r, id, &path);
	length = path.count + 1;
	if (how < 4)
		length += (int)how - 2;
	return (uint8_t)(begins_with - length);
}
