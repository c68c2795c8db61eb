/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Any bytes as a topology. Either they are refused, with a line that is there and that alone, with
 * those before it, is refused in the same words; or what comes out is whole: names and numbers in
 * their range, each step of a way leads to a later one or to its end, no way is longer than it may be,
 * events are in order; and its print reads back equal.
 */
#include "tests/netsim/topology.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct topology first, second;

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void check_name(const char *name)
{
	size_t len = strnlen(name, TOPOLOGY_NAME_MAX + 1);

	require(len > 0 && len <= TOPOLOGY_NAME_MAX && strcmp(name, "gw") != 0);
}

static void check_family(const struct inpath_addr *a, uint8_t family)
{
	require(a->family == family || a->family == INPATH_AF_NONE);
	for (unsigned k = 4; a->family != INPATH_AF_INET6 && k < sizeof(a->bytes); k++)
		require(a->bytes[k] == 0);
}

static void check_router(const struct topology_router *r)
{
	check_name(r->name);
	check_family(&r->from[0], INPATH_AF_INET);
	check_family(&r->from[1], INPATH_AF_INET6);
	require(r->addr[0].family == INPATH_AF_INET && r->addr[1].family == INPATH_AF_INET6);
	require(r->balance <= BALANCE_PACKET && r->extensions <= EXTENSIONS_BADSUM);
	require(r->limit_rate >= 0 && r->limit_rate <= 1e6 && r->limit_burst <= 1e6);
	require((r->limit_rate > 0) == (r->limit_burst >= 1));
	require(r->late_min <= r->late_max && r->late_max <= 3600 * INPATH_SEC);
	require(r->quote == 8 || r->quote == 28 || r->quote == 128 || r->quote == UINT32_MAX);
	require(r->label_count <= TOPOLOGY_LABELS);
	for (unsigned i = 0; i < r->label_count; i++)
		require(r->labels[i].label <= 0xfffff && r->labels[i].tc <= 7);
	require(r->has_interface == (r->interface[0] != '\0'));
	require(memchr(r->interface, '\0', sizeof(r->interface)) != NULL);
	require(r->dscp >= -1 && r->dscp <= 63 && r->ecn >= -1 && r->ecn <= 3);
	require(r->nat == (r->nat_addr.family == INPATH_AF_INET));
	require(r->nat || (!r->nat_raw && r->nat_seq == NAT_SEQ_KEEP));
	require(r->nat_seq <= NAT_SEQ_SACK && r->firewall <= REFUSAL_ADMIN);
	require(r->expire <= REFUSAL_ADMIN && r->expire != REFUSAL_DROP);
}

static bool is_place(const struct topology *t, uint16_t place)
{
	return strcmp(topology_name(t, place), "?") != 0;
}

static void check_link(const struct topology *t, const struct topology_link *l)
{
	require(is_place(t, l->from) && is_place(t, l->to) && l->from != l->to);
	require(l->delay <= 3600 * INPATH_SEC && l->jitter <= 3600 * INPATH_SEC);
	require(l->loss >= 0 && l->loss <= 1 && l->rate >= 0 && l->rate <= 1e12);
}

static void check_way(const struct topology *t, const struct topology_way *way)
{
	uint8_t longest[TOPOLOGY_STEPS] = { 0 };

	require(way->server < t->server_count);
	require(way->step_count >= 2 && way->step_count <= TOPOLOGY_STEPS);
	require(way->steps[0].place == (way->back ? PLACE_SERVERS + way->server : PLACE_GATEWAY));
	for (unsigned s = way->step_count; s-- > 0;) {
		const struct topology_step *step = &way->steps[s];

		require(s == 0 || (step->place >= PLACE_ROUTERS && step->place < PLACE_SERVERS));
		require(is_place(t, step->place));
		require(step->next_count >= 1 && step->next_count <= TOPOLOGY_BRANCHES);
		for (unsigned k = 0; k < step->next_count; k++) {
			uint16_t next = step->next[k];

			require(next == WAY_END || (next > s && next < way->step_count));
			if (next != WAY_END && longest[next] + 1 > longest[s])
				longest[s] = (uint8_t)(longest[next] + 1);
		}
	}
	require(longest[0] >= 1 && longest[0] <= TOPOLOGY_HOPS);
}

static void check_event(const struct topology *t, const struct topology_event *e)
{
	switch (e->kind) {
	case EVENT_ROUTER:
		require(e->index < t->router_count);
		require(strcmp(e->router.name, t->routers[e->index].name) == 0);
		check_router(&e->router);
		return;
	case EVENT_LINK:
		require(e->index < t->link_count);
		require(e->link.from == t->links[e->index].from);
		require(e->link.to == t->links[e->index].to);
		check_link(t, &e->link);
		return;
	case EVENT_WAY:
		require(e->way < t->way_count && e->index == t->ways[e->way].server);
		return;
	}
	abort();
}

static void check_topology(const struct topology *t)
{
	require(t->router_count >= 1 && t->router_count <= TOPOLOGY_ROUTERS);
	require(t->server_count >= 1 && t->server_count <= TOPOLOGY_SERVERS);
	require(t->link_count <= TOPOLOGY_LINKS && t->event_count <= TOPOLOGY_EVENTS);
	require(t->way_count <= TOPOLOGY_WAYS);
	for (unsigned i = 0; i < t->router_count; i++)
		check_router(&t->routers[i]);
	for (unsigned i = 0; i < t->link_count; i++)
		check_link(t, &t->links[i]);
	for (unsigned i = 0; i < t->way_count; i++)
		check_way(t, &t->ways[i]);
	for (unsigned i = 0; i < t->event_count; i++) {
		check_event(t, &t->events[i]);
		require(i == 0 || t->events[i - 1].at <= t->events[i].at);
	}
	for (unsigned i = 0; i < t->server_count; i++) {
		check_name(t->servers[i].name);
		require(t->path_of[i] < t->way_count && t->back_of[i] < t->way_count);
		require(!t->ways[t->path_of[i]].back && t->ways[t->path_of[i]].server == i);
		require(t->ways[t->back_of[i]].back && t->ways[t->back_of[i]].server == i);
	}
}

static void check_print(const struct topology *t)
{
	struct topology_error error;
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	require(out != NULL);
	topology_print(t, out);
	require(fclose(out) == 0);
	memset(&second, 0xff, sizeof(second));
	require(topology_read(text, len, &second, &error));
	require(memcmp(t, &second, sizeof(second)) == 0);
	free(text);
}

/* How many bytes the first lines have; more than there are if there are not so many. */
static size_t size_of_lines(const char *text, size_t size, uint32_t lines)
{
	const char *at = text;

	for (; lines > 0 && at < text + size; lines--) {
		const char *newline = memchr(at, '\n', size - (size_t)(at - text));

		at = newline != NULL ? newline + 1 : text + size;
	}
	return lines > 0 ? size + 1 : (size_t)(at - text);
}

static void check_error(const char *text, size_t size, const struct topology_error *error)
{
	size_t part = size_of_lines(text, size, error->line);
	struct topology_error again;

	require(memchr(error->message, '\0', sizeof(error->message)) != NULL);
	require(error->message[0] != '\0' && part <= size);
	for (const char *p = error->message; *p != '\0'; p++)
		require(*p >= 0x20 && *p < 0x7f);
	/* Only the end of the file tells that a server has no path. */
	if (error->line == 0 || strstr(error->message, " has no path") != NULL)
		return;
	require(!topology_read(text, part, &second, &again));
	require(again.line == error->line && strcmp(again.message, error->message) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct topology_error error;
	const char *text = (const char *)data;

	memset(&first, 0xa5, sizeof(first));
	if (!topology_read(text, size, &first, &error)) {
		check_error(text, size, &error);
		return 0;
	}
	check_topology(&first);
	check_print(&first);
	return 0;
}
