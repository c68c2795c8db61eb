/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/netsim/topology_draw.h"

#include <string.h>

/* Each remainder of the seed comes twice in any hundred seeds. */
_Static_assert(BEHAVIOURS <= 50, "each behaviour is forced in 2 % of topologies");

/* splitmix64. */
static uint64_t next(struct draw *d)
{
	uint64_t z = d->state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

uint64_t draw_below(struct draw *d, uint64_t limit)
{
	return next(d) % limit;
}

uint64_t draw_between(struct draw *d, uint64_t low, uint64_t high)
{
	return low + draw_below(d, high - low + 1);
}

bool draw_chance(struct draw *d, unsigned percent)
{
	return draw_below(d, 100) < percent;
}

bool draw_wants(const struct draw *d, enum behaviour b)
{
	for (unsigned i = 0; i < d->want_count; i++)
		if (d->wants[i] == b)
			return true;
	return false;
}

bool is_special(enum behaviour b)
{
	return b == DOES_NAT_REPAIR || b == DOES_NAT_RAW || b == DOES_NAT_SEQ ||
	       b == DOES_NAT_SEQ_SACK || b == DOES_FIREWALL_DROP || b == DOES_FIREWALL_REFUSE ||
	       b == DOES_PROXY;
}

/* Whether `b` may come on top of `first`, the forced behaviour. */
static bool goes_with(enum behaviour first, enum behaviour b)
{
	if (is_special(b) || b == DOES_DARK)
		return false;
	if (is_special(first) && b == DOES_EVENT_ROUTE)
		return false;
	/* Their servers are told by few answers: those must come. */
	if (first == DOES_PROXY || first == DOES_NAT_SEQ || first == DOES_NAT_SEQ_SACK)
		return b != DOES_LOSS && b != DOES_LIMIT && b != DOES_UNEQUAL &&
		       b != DOES_BALANCE_PACKET && b != DOES_TOO_LATE;
	return true;
}

static void want_more(struct draw *d)
{
	unsigned events = d->wants[0] == DOES_EVENT_ROUTE || d->wants[0] == DOES_EVENT_LINK ||
			  d->wants[0] == DOES_EVENT_ROUTER;

	for (uint64_t n = draw_below(d, 4); n > 0; n--) {
		bool is_common = draw_chance(d, 40);
		enum behaviour b =
			is_common ? DOES_SILENT : (enum behaviour)draw_below(d, BEHAVIOURS);
		bool is_event =
			b == DOES_EVENT_ROUTE || b == DOES_EVENT_LINK || b == DOES_EVENT_ROUTER;

		if (!goes_with(d->wants[0], b) || (b != DOES_SILENT && draw_wants(d, b)) ||
			events + is_event > 2)
			continue;
		events += is_event;
		d->wants[d->want_count++] = b;
	}
	if (draw_chance(d, 30) && !draw_wants(d, DOES_ASYMMETRIC))
		d->wants[d->want_count++] = DOES_ASYMMETRIC;
}

struct topology_event *draw_event(
	struct draw *d, inpath_time at, enum event_kind kind, uint16_t index)
{
	struct topology_event *e = &d->t->events[d->t->event_count++];

	e->at = at;
	e->kind = kind;
	e->index = index;
	return e;
}

/* By time; those of one time stay in their order. */
static void sort_events(struct topology *t)
{
	struct topology_event moved;

	for (unsigned i = 1; i < t->event_count; i++) {
		unsigned to = i;

		memcpy(&moved, &t->events[i], sizeof(moved));
		for (; to > 0 && t->events[to - 1].at > moved.at; to--)
			memcpy(&t->events[to], &t->events[to - 1], sizeof(moved));
		memcpy(&t->events[to], &moved, sizeof(moved));
	}
}

void topology_draw(uint64_t seed, const struct inpath_addr *addr, const struct inpath_addr *addr6,
	struct topology *out)
{
	struct draw d = { .t = out, .state = seed, .want_count = 1 };

	memset(out, 0, sizeof(*out));
	out->seed = seed;
	out->server_count = 1;
	memcpy(out->servers[0].name, "s1", sizeof("s1"));
	memcpy(&out->servers[0].addr[0], addr, sizeof(*addr));
	memcpy(&out->servers[0].addr[1], addr6, sizeof(*addr6));
	d.wants[0] = (enum behaviour)(seed % BEHAVIOURS);
	want_more(&d);
	draw_shape(&d);
	draw_oddities(&d);
	draw_events(&d);
	sort_events(out);
}
