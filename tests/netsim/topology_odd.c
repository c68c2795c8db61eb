/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/netsim/topology_draw.h"

#include <string.h>

static bool is_dumb(const struct draw *d, uint16_t router)
{
	const struct topology_router *r = &d->t->routers[router];

	return r->silent || r->zero_ttl || r->limit_rate > 0 || r->late_min >= LATE_FOR_ALL ||
	       d->goes_silent[router];
}

/* How many routers in a row may stay without an answer, from each step on. */
static bool has_long_silence(const struct draw *d, const struct topology_way *way)
{
	uint8_t runs[TOPOLOGY_STEPS] = { 0 };

	for (unsigned s = way->step_count; s-- > 1;) {
		const struct topology_step *step = &way->steps[s];
		uint16_t router = (uint16_t)(step->place - PLACE_ROUTERS);

		for (unsigned k = 0; k < step->next_count; k++)
			if (step->next[k] != WAY_END && runs[step->next[k]] > runs[s])
				runs[s] = runs[step->next[k]];
		if (!d->t->routers[router].invisible)
			runs[s] = is_dumb(d, router) ? (uint8_t)(runs[s] + 1) : 0;
		if (runs[s] > DRAW_DUMB)
			return true;
	}
	return false;
}

/* Behind a router that forwards zero stands one that answers to it. */
static bool has_bad_zero(const struct draw *d, const struct topology_way *way)
{
	for (unsigned s = 1; s < way->step_count; s++) {
		const struct topology_step *step = &way->steps[s];

		if (!d->t->routers[step->place - PLACE_ROUTERS].zero_ttl)
			continue;
		for (unsigned k = 0; k < step->next_count; k++) {
			const struct topology_router *behind;

			if (step->next[k] == WAY_END)
				return true;
			behind = &d->t->routers[way->steps[step->next[k]].place - PLACE_ROUTERS];
			if (behind->invisible || behind->zero_ttl)
				return true;
		}
	}
	return false;
}

static bool fits(const struct draw *d)
{
	for (unsigned w = 0; w < d->t->way_count; w++) {
		const struct topology_way *way = &d->t->ways[w];

		if (!way->back && (has_bad_zero(d, way) ||
					  (!draw_wants(d, DOES_DARK) && has_long_silence(d, way))))
			return false;
	}
	return true;
}

static enum refusal draw_code(struct draw *d)
{
	return (enum refusal)draw_between(d, REFUSAL_NET, REFUSAL_ADMIN);
}

static void draw_late(struct draw *d, struct topology_router *r, uint64_t low, uint64_t high)
{
	r->late_min = draw_between(d, low, high) * INPATH_MSEC;
	r->late_max = r->late_min;
	if (draw_chance(d, 50))
		r->late_max = draw_between(d, r->late_min / INPATH_MSEC, high) * INPATH_MSEC;
}

static void draw_from(struct topology_router *r, uint16_t router)
{
	const uint8_t from[] = { 198, 19, 0, (uint8_t)(router + 1) };
	const uint8_t from6[16] = { 0x20, 0x01, 0x0d, 0xb8, 0, 0xfe, [15] = (uint8_t)(router + 1) };

	r->from[0].family = INPATH_AF_INET;
	memcpy(r->from[0].bytes, from, sizeof(from));
	r->from[1].family = INPATH_AF_INET6;
	memcpy(r->from[1].bytes, from6, sizeof(from6));
}

static void draw_mpls(struct draw *d, struct topology_router *r)
{
	r->label_count = (uint8_t)(draw_chance(d, 60) ? 1 : draw_between(d, 2, TOPOLOGY_LABELS));
	for (unsigned i = 0; i < r->label_count; i++) {
		r->labels[i].label = (uint32_t)draw_between(d, 16, 0xfffff);
		r->labels[i].tc = (uint8_t)draw_below(d, 8);
		r->labels[i].ttl = (uint8_t)(draw_chance(d, 70) ? 1 : draw_between(d, 0, 255));
	}
}

static void draw_interface(struct draw *d, struct topology_router *r)
{
	static const char *const NAMES[] = { "eth0", "xe-0/0/1", "ge-1/2/3.100", "Ethernet1/1",
		"HundredGigE0/0/0/35.4094", "sfp-sfpplus1", "a" };
	const char *name = NAMES[draw_below(d, sizeof(NAMES) / sizeof(NAMES[0]))];

	r->has_interface = true;
	memcpy(r->interface, name, strlen(name));
	r->interface_index = draw_chance(d, 80) ? (uint32_t)draw_between(d, 1, 700) : 0;
	r->interface_mtu = draw_chance(d, 60) ? (uint32_t)draw_between(d, 1280, 9216) : 0;
}

static void draw_extensions(struct draw *d, struct topology_router *r, enum extensions layout)
{
	if (!r->has_interface && draw_chance(d, 50))
		draw_interface(d, r);
	else if (r->label_count == 0)
		draw_mpls(d, r);
	r->extensions = layout;
}

static void draw_nat(struct draw *d, struct topology_router *r, bool is_raw, enum nat_seq seq)
{
	const uint8_t addr[] = { 203, 0, 113, (uint8_t)draw_between(d, 1, 254) };

	r->nat = true;
	r->nat_addr.family = INPATH_AF_INET;
	memcpy(r->nat_addr.bytes, addr, sizeof(addr));
	r->nat_raw = is_raw;
	r->nat_seq = seq;
}

static void draw_shared(struct draw *d, struct topology_router *r, uint16_t router)
{
	const uint8_t addr[] = { 100, (uint8_t)draw_between(d, 64, 127),
		(uint8_t)draw_below(d, 256), (uint8_t)(router + 1) };

	memcpy(r->addr[0].bytes, addr, sizeof(addr));
}

/* Gives router number `router` the behaviour, if it is one of a router. */
static bool make_router(struct draw *d, enum behaviour b, uint16_t router)
{
	struct topology_router *r = &d->t->routers[router];

	switch (b) {
	case DOES_SILENT: r->silent = true; return true;
	case DOES_LIMIT:
		r->limit_rate = (double)draw_between(d, 1, 50);
		r->limit_burst = (double)draw_between(d, 1, 20);
		return true;
	case DOES_LATE: draw_late(d, r, 20, 600); return true;
	case DOES_TOO_LATE: draw_late(d, r, 1500, 3000); return true;
	case DOES_TWICE: r->twice = true; return true;
	case DOES_FROM: draw_from(r, router); return true;
	case DOES_QUOTE_8: r->quote = 8; return true;
	case DOES_QUOTE_28: r->quote = 28; return true;
	case DOES_QUOTE_128: r->quote = 128; return true;
	case DOES_MPLS: draw_mpls(d, r); return true;
	case DOES_INTERFACE: draw_interface(d, r); return true;
	case DOES_LEGACY: draw_extensions(d, r, EXTENSIONS_LEGACY); return true;
	case DOES_UNPADDED: draw_extensions(d, r, EXTENSIONS_UNPADDED); return true;
	case DOES_OVERLONG: draw_extensions(d, r, EXTENSIONS_OVERLONG); return true;
	case DOES_BADSUM: draw_extensions(d, r, EXTENSIONS_BADSUM); return true;
	case DOES_ZERO_TTL: r->zero_ttl = true; return true;
	case DOES_INVISIBLE: r->invisible = true; return true;
	case DOES_DSCP: r->dscp = draw_chance(d, 40) ? 0 : (int)draw_below(d, 64); return true;
	/* Not CE: that would slow the flow down. */
	case DOES_ECN: r->ecn = draw_chance(d, 60) ? 0 : (int)draw_below(d, 3); return true;
	case DOES_NAT_REPAIR: draw_nat(d, r, false, NAT_SEQ_KEEP); return true;
	case DOES_NAT_RAW: draw_nat(d, r, true, NAT_SEQ_KEEP); return true;
	case DOES_NAT_SEQ: draw_nat(d, r, false, NAT_SEQ); return true;
	case DOES_NAT_SEQ_SACK: draw_nat(d, r, false, NAT_SEQ_SACK); return true;
	case DOES_EXPIRE: r->expire = draw_code(d); return true;
	case DOES_FIREWALL_DROP: r->firewall = REFUSAL_DROP; return true;
	case DOES_FIREWALL_REFUSE: r->firewall = draw_code(d); return true;
	case DOES_PROXY: r->proxy = true; return true;
	case DOES_CGN_SPACE: draw_shared(d, r, router); return true;
	case DOES_DELAY:
	case DOES_JITTER:
	case DOES_LOSS:
	case DOES_RATE:
	case DOES_BALANCE_FLOW:
	case DOES_BALANCE_DESTINATION:
	case DOES_BALANCE_PACKET:
	case DOES_UNEQUAL:
	case DOES_ASYMMETRIC:
	case DOES_DARK:
	case DOES_EVENT_ROUTE:
	case DOES_EVENT_LINK:
	case DOES_EVENT_ROUTER:
	case BEHAVIOURS: break;
	}
	return false;
}

/* A router on the path that nothing else has been drawn for, on the trunk if that is asked for. */
static bool draw_router(struct draw *d, bool is_on_trunk, uint16_t *out)
{
	for (unsigned tries = 0; tries < 64; tries++) {
		uint16_t router = is_on_trunk ? d->trunk[draw_below(d, d->trunk_count)]
					      : (uint16_t)draw_below(d, d->path_routers);

		if (d->is_taken[router])
			continue;
		*out = router;
		return true;
	}
	return false;
}

static void make_odd_router(struct draw *d, enum behaviour b)
{
	bool is_on_trunk =
		b == DOES_ZERO_TTL || b == DOES_INVISIBLE || b == DOES_DSCP || b == DOES_ECN;
	struct topology_router before;
	uint16_t router;

	for (unsigned tries = 0; tries < 64 && draw_router(d, is_on_trunk, &router); tries++) {
		memcpy(&before, &d->t->routers[router], sizeof(before));
		if (!make_router(d, b, router))
			return;
		d->is_taken[router] = true;
		if (fits(d))
			return;
		memcpy(&d->t->routers[router], &before, sizeof(before));
		d->is_taken[router] = false;
	}
}

/* The special router, and those behind it that must answer. */
static void make_special(struct draw *d, enum behaviour b)
{
	(void)make_router(d, b, d->trunk[d->special]);
	d->is_taken[d->trunk[d->special]] = true;
	if (b == DOES_NAT_SEQ || b == DOES_NAT_SEQ_SACK) {
		d->is_taken[d->trunk[d->special + 1]] = true;
		d->is_taken[d->trunk[d->special + 2]] = true;
	}
	if (b == DOES_PROXY) {
		d->is_taken[d->trunk[d->trunk_count - 2]] = true;
		d->is_taken[d->trunk[d->trunk_count - 1]] = true;
	}
}

static void make_dark(struct draw *d)
{
	unsigned count = (unsigned)draw_between(d, DARK_ROUTERS, DARK_ROUTERS + 2);

	for (unsigned k = d->trunk_count - count; k < d->trunk_count; k++) {
		d->t->routers[d->trunk[k]].silent = true;
		d->is_taken[d->trunk[k]] = true;
	}
}

static void make_link(struct draw *d, enum behaviour b)
{
	struct topology_link *l = &d->t->links[draw_below(d, d->path_links / 2) * 2];
	unsigned from = (unsigned)draw_below(d, 2);
	unsigned to = draw_chance(d, 60) ? 1 : from;

	for (unsigned k = to == from ? from : 0; k <= to; k++) {
		if (b == DOES_JITTER)
			l[k].jitter = draw_between(d, 1, 30) * 100 * INPATH_USEC;
		else if (b == DOES_LOSS)
			l[k].loss = (double)draw_between(d, 1, 10) / 1000;
		else if (b == DOES_RATE)
			l[k].rate = (double)draw_between(d, 20, 1000) * 1e6;
	}
}

void draw_oddities(struct draw *d)
{
	for (unsigned i = 0; i < d->want_count; i++) {
		enum behaviour b = d->wants[i];

		if (is_special(b))
			make_special(d, b);
		else if (b == DOES_DARK)
			make_dark(d);
		else if (b == DOES_JITTER || b == DOES_LOSS || b == DOES_RATE)
			make_link(d, b);
		else
			make_odd_router(d, b);
	}
}

static void draw_link_event(struct draw *d, inpath_time at, inpath_time until)
{
	unsigned first = (unsigned)draw_below(d, d->path_links / 2) * 2;
	bool is_slow = draw_chance(d, 50) || is_special(d->wants[0]);
	inpath_time more = draw_between(d, 5, 40) * INPATH_MSEC;
	double loss = (double)draw_between(d, 5, 20) / 1000;

	for (unsigned k = first; k < first + 2; k++) {
		struct topology_link *l = &draw_event(d, at, EVENT_LINK, (uint16_t)k)->link;

		memcpy(l, &d->t->links[k], sizeof(*l));
		if (is_slow)
			l->delay += more;
		else
			l->loss = loss;
	}
	for (unsigned k = first; k < first + 2; k++)
		memcpy(&draw_event(d, until, EVENT_LINK, (uint16_t)k)->link, &d->t->links[k],
			sizeof(d->t->links[k]));
}

static void draw_router_event(struct draw *d, inpath_time at, inpath_time until)
{
	struct topology_router *r;
	uint16_t router;

	for (unsigned tries = 0; tries < 64 && draw_router(d, false, &router); tries++) {
		d->goes_silent[router] = true;
		if (!fits(d)) {
			d->goes_silent[router] = false;
			continue;
		}
		r = &draw_event(d, at, EVENT_ROUTER, router)->router;
		memcpy(r, &d->t->routers[router], sizeof(*r));
		r->silent = true;
		r = &draw_event(d, until, EVENT_ROUTER, router)->router;
		memcpy(r, &d->t->routers[router], sizeof(*r));
		return;
	}
}

void draw_events(struct draw *d)
{
	for (unsigned i = 0; i < d->want_count; i++) {
		inpath_time at = draw_between(d, 300, 3000) * INPATH_MSEC;
		inpath_time until = at + draw_between(d, 500, 3000) * INPATH_MSEC;

		if (d->wants[i] == DOES_EVENT_LINK)
			draw_link_event(d, at, until);
		else if (d->wants[i] == DOES_EVENT_ROUTER)
			draw_router_event(d, at, until);
	}
}
