/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/netsim/topology_behaviours.h"
#include "tests/netsim/topology_way.h"

#include <string.h>

#define NAME_OF(name, word, is) [DOES_##name] = (word),
static const char *const NAMES[BEHAVIOURS] = { BEHAVIOURS_OF_ROUTERS(NAME_OF) BEHAVIOURS_OF_LINKS(
	NAME_OF) BEHAVIOURS_OF_WAYS(NAME_OF) BEHAVIOURS_OF_EVENTS(NAME_OF) };

_Static_assert((unsigned)BEHAVIOURS <= (unsigned)TOPOLOGY_BEHAVIOURS, "room for every name");

static bool has_objects(const struct topology_router *r)
{
	return r->label_count > 0 || r->has_interface;
}

/* RFC 6598: 100.64.0.0/10. */
static bool is_shared(const struct inpath_addr *a)
{
	return a->bytes[0] == 100 && (a->bytes[1] & 0xc0) == 64;
}

static const struct topology_router *router_at(
	const struct topology *t, const struct topology_way *way, unsigned step)
{
	uint16_t place = way->steps[step].place;

	return place >= PLACE_ROUTERS && place < PLACE_SERVERS ? &t->routers[place - PLACE_ROUTERS]
							       : NULL;
}

static bool splits(const struct topology *t, const struct topology_way *way, enum balance balance)
{
	for (unsigned s = 1; s < way->step_count; s++)
		if (way->steps[s].next_count > 1 && router_at(t, way, s)->balance == balance)
			return true;
	return false;
}

static bool is_asymmetric(const struct topology *t, const struct topology_way *way)
{
	struct topology_way plain;

	if (!way->back || t->back_of[way->server] != way - t->ways)
		return false;
	way_reverse(&t->ways[t->path_of[way->server]], &plain);
	return memcmp(&plain, way, sizeof(plain)) != 0;
}

/* From the end on: how many silent routers in a row begin at each step, at most. */
static bool has_dark(const struct topology *t, const struct topology_way *way)
{
	uint8_t runs[TOPOLOGY_STEPS] = { 0 };

	for (unsigned s = way->step_count; s-- > 1;) {
		const struct topology_step *step = &way->steps[s];
		const struct topology_router *r = router_at(t, way, s);

		for (unsigned k = 0; k < step->next_count; k++)
			if (step->next[k] != WAY_END && runs[step->next[k]] > runs[s])
				runs[s] = runs[step->next[k]];
		if (!r->invisible)
			runs[s] = r->silent ? (uint8_t)(runs[s] + 1) : 0;
		if (runs[s] >= DARK_ROUTERS)
			return true;
	}
	return false;
}

#define FIND(name, word, is) found[DOES_##name] = found[DOES_##name] || (is);

static void find_in_router(const struct topology_router *r, bool *found)
{
	BEHAVIOURS_OF_ROUTERS(FIND)
}

static void find_in_link(const struct topology_link *l, bool *found)
{
	BEHAVIOURS_OF_LINKS(FIND)
}

static void find_in_way(const struct topology *t, const struct topology_way *way, bool *found)
{
	BEHAVIOURS_OF_WAYS(FIND)
}

static void find_in_event(const struct topology_event *e, bool *found)
{
	BEHAVIOURS_OF_EVENTS(FIND)
}

void behaviours_find(const struct topology *t, bool found[BEHAVIOURS])
{
	memset(found, 0, BEHAVIOURS * sizeof(found[0]));
	for (unsigned i = 0; i < t->router_count; i++)
		find_in_router(&t->routers[i], found);
	for (unsigned i = 0; i < t->link_count; i++)
		find_in_link(&t->links[i], found);
	for (unsigned i = 0; i < t->way_count; i++)
		find_in_way(t, &t->ways[i], found);
	for (unsigned i = 0; i < t->event_count; i++)
		find_in_event(&t->events[i], found);
}

unsigned topology_behaviours(const struct topology *t, const char *names[TOPOLOGY_BEHAVIOURS])
{
	bool found[BEHAVIOURS];
	unsigned count = 0;

	behaviours_find(t, found);
	for (unsigned i = 0; i < BEHAVIOURS; i++)
		if (found[i])
			names[count++] = NAMES[i];
	return count;
}
