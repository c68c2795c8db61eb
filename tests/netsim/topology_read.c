/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/netsim/topology_events.h"
#include "tests/netsim/topology_options.h"
#include "tests/netsim/topology_way.h"

#include <stdlib.h>
#include <string.h>

struct reader {
	struct topology *t;
	struct topology_error *error;
	bool has_seed;
	uint32_t server_lines[TOPOLOGY_SERVERS];
	uint16_t pending_count;
	struct pending pending[TOPOLOGY_EVENTS];
	/* By server, then by event: their order in the file does not matter. step_count 0: none. */
	struct topology_way paths[TOPOLOGY_SERVERS];
	struct topology_way backs[TOPOLOGY_SERVERS];
	struct topology_way changes[TOPOLOGY_EVENTS];
};

static bool read_seed(struct reader *r, struct words *w)
{
	if (r->has_seed)
		return words_refuse(w, "a second seed");
	r->has_seed = true;
	return words_number(w, "seed", 0, UINT64_MAX, &r->t->seed) && words_end(w);
}

static bool is_name(const char *word)
{
	static const char REST[] =
		"0123456789-_abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
	size_t len = strlen(word);

	return strcspn(word, REST + strlen("0123456789-_")) == 0 && strspn(word, REST) == len &&
	       len <= TOPOLOGY_NAME_MAX;
}

/* The name of something new. */
static bool read_name(struct reader *r, struct words *w, const char *what, char *out)
{
	if (!words_want(w, what))
		return false;
	if (!is_name(w->word))
		return words_refuse(w,
			"\"%.40s\" is no name: a letter, then letters, digits, - and _, %d at most",
			w->word, TOPOLOGY_NAME_MAX);
	if (topology_find(r->t, w->word) != PLACE_NONE)
		return words_refuse(w, "\"%s\" is declared already", w->word);
	memcpy(out, w->word, strlen(w->word));
	return true;
}

static bool find_router(struct reader *r, struct words *w, uint16_t *index)
{
	uint16_t place;

	if (!words_want(w, "the router"))
		return false;
	place = topology_find(r->t, w->word);
	if (place < PLACE_ROUTERS || place >= PLACE_SERVERS)
		return words_refuse(w, "router \"%.40s\" is not declared", w->word);
	*index = (uint16_t)(place - PLACE_ROUTERS);
	return true;
}

static bool is_same(const struct inpath_addr *a, const struct inpath_addr *b)
{
	return a->family != INPATH_AF_NONE && memcmp(a, b, sizeof(*a)) == 0;
}

/* Refuses an address of `place` that another place has: the truth could not tell them apart. */
static bool check_addrs(
	struct reader *r, struct words *w, uint16_t place, const struct inpath_addr addr[2])
{
	const struct topology *t = r->t;

	for (unsigned k = 0; k < 2; k++) {
		for (uint16_t i = 0; i < t->router_count; i++)
			if (PLACE_ROUTERS + i != place && is_same(&addr[k], &t->routers[i].addr[k]))
				return words_refuse(w, "its IPv%c address is that of \"%s\"",
					k == 0 ? '4' : '6', t->routers[i].name);
		for (uint16_t i = 0; i < t->server_count; i++)
			if (PLACE_SERVERS + i != place && is_same(&addr[k], &t->servers[i].addr[k]))
				return words_refuse(w, "its IPv%c address is that of \"%s\"",
					k == 0 ? '4' : '6', t->servers[i].name);
	}
	return true;
}

static bool read_router(struct reader *r, struct words *w)
{
	uint16_t index = r->t->router_count;
	struct topology_router *router = &r->t->routers[index];

	if (index == TOPOLOGY_ROUTERS)
		return words_refuse(w, "more than %d routers", TOPOLOGY_ROUTERS);
	router_default(router, index);
	if (!read_name(r, w, "the router's name", router->name) || !options_router(w, router))
		return false;
	r->t->router_count++;
	return check_addrs(r, w, (uint16_t)(PLACE_ROUTERS + index), router->addr);
}

static bool read_server(struct reader *r, struct words *w)
{
	uint16_t index = r->t->server_count;
	struct topology_server *server = &r->t->servers[index];

	if (index == TOPOLOGY_SERVERS)
		return words_refuse(w, "more than %d servers", TOPOLOGY_SERVERS);
	if (!read_name(r, w, "the server's name", server->name) || !options_server(w, server))
		return false;
	if (server->addr[0].family == INPATH_AF_NONE && server->addr[1].family == INPATH_AF_NONE)
		return words_refuse(w, "server \"%s\" has no address", server->name);
	r->server_lines[index] = w->line;
	r->t->server_count++;
	return check_addrs(r, w, (uint16_t)(PLACE_SERVERS + index), server->addr);
}

static bool read_place(struct reader *r, struct words *w, uint16_t *out)
{
	if (!words_want(w, "an end of the link"))
		return false;
	*out = topology_find(r->t, w->word);
	return *out != PLACE_NONE || words_refuse(w, "\"%.40s\" is not declared", w->word);
}

/* `A B` or `A > B`. */
static bool read_ends(struct reader *r, struct words *w, uint16_t ends[2], unsigned *directions)
{
	if (!read_place(r, w, &ends[0]))
		return false;
	*directions = words_take(w, ">") ? 1 : 2;
	if (!read_place(r, w, &ends[1]))
		return false;
	return ends[0] != ends[1] || words_refuse(w, "a link to itself");
}

static uint16_t find_link(const struct topology *t, uint16_t from, uint16_t to)
{
	uint16_t i = 0;

	while (i < t->link_count && (t->links[i].from != from || t->links[i].to != to))
		i++;
	return i;
}

static bool read_link(struct reader *r, struct words *w)
{
	struct topology *t = r->t;
	struct words options;
	uint16_t ends[2];
	unsigned directions = 0;

	if (!read_ends(r, w, ends, &directions))
		return false;
	options = *w;
	for (unsigned k = 0; k < directions; k++) {
		uint16_t from = ends[k], to = ends[1 - k];

		if (find_link(t, from, to) < t->link_count)
			return words_refuse(w, "link %s > %s is declared already",
				topology_name(t, from), topology_name(t, to));
		if (t->link_count == TOPOLOGY_LINKS)
			return words_refuse(w, "more than %d directions of links", TOPOLOGY_LINKS);
		*w = options;
		link_default(&t->links[t->link_count], from, to);
		if (!options_link(w, &t->links[t->link_count]))
			return false;
		t->link_count++;
	}
	return true;
}

static bool read_way(struct reader *r, struct words *w, bool is_back)
{
	struct topology_way *way = calloc(1, sizeof(*way));
	struct topology_way *kept;
	bool is_read;

	if (way == NULL)
		return words_refuse(w, "out of memory");
	is_read = way_read(w, r->t, is_back, way);
	kept = is_back ? &r->backs[way->server] : &r->paths[way->server];
	if (is_read && kept->step_count > 0)
		is_read = words_refuse(w, "a second %s of \"%s\"", is_back ? "back" : "path",
			r->t->servers[way->server].name);
	if (is_read)
		memcpy(kept, way, sizeof(*kept));
	free(way);
	return is_read;
}

static bool add_event(struct reader *r, const struct words *options, inpath_time at,
	enum event_kind kind, uint16_t index)
{
	struct pending *p = &r->pending[r->pending_count];

	if (r->pending_count == TOPOLOGY_EVENTS) {
		struct words w = *options;

		return words_refuse(&w, "more than %d events, each direction of a link counted",
			TOPOLOGY_EVENTS);
	}
	*p = (struct pending){ at, kind, index, r->pending_count++, *options };
	return true;
}

static bool read_router_event(struct reader *r, struct words *w, inpath_time at)
{
	struct topology_router router;
	uint16_t index = 0;

	if (!find_router(r, w, &index) || !add_event(r, w, at, EVENT_ROUTER, index))
		return false;
	memcpy(&router, &r->t->routers[index], sizeof(router));
	return options_router(w, &router) &&
	       check_addrs(r, w, (uint16_t)(PLACE_ROUTERS + index), router.addr);
}

static bool read_link_event(struct reader *r, struct words *w, inpath_time at)
{
	const struct topology *t = r->t;
	struct topology_link link;
	uint16_t ends[2];
	unsigned directions = 0;

	if (!read_ends(r, w, ends, &directions))
		return false;
	for (unsigned k = 0; k < directions; k++) {
		uint16_t index = find_link(t, ends[k], ends[1 - k]);

		if (index == t->link_count)
			return words_refuse(w, "link %s > %s is not declared",
				topology_name(t, ends[k]), topology_name(t, ends[1 - k]));
		if (!add_event(r, w, at, EVENT_LINK, index))
			return false;
	}
	link_default(&link, ends[0], ends[1]);
	return options_link(w, &link);
}

static bool read_way_event(struct reader *r, struct words *w, inpath_time at, bool is_back)
{
	struct topology_way *way = &r->changes[r->pending_count % TOPOLOGY_EVENTS];

	if (!add_event(r, w, at, EVENT_WAY, 0) || !way_read(w, r->t, is_back, way))
		return false;
	r->pending[r->pending_count - 1].index = way->server;
	return true;
}

static bool read_event(struct reader *r, struct words *w)
{
	inpath_time at;

	if (!words_time(w, &at) || !words_want(w, "router, link, path or back"))
		return false;
	if (strcmp(w->word, "router") == 0)
		return read_router_event(r, w, at);
	if (strcmp(w->word, "link") == 0)
		return read_link_event(r, w, at);
	if (strcmp(w->word, "path") == 0)
		return read_way_event(r, w, at, false);
	if (strcmp(w->word, "back") == 0)
		return read_way_event(r, w, at, true);
	return words_refuse(w, "router, link, path or back may change, not \"%.40s\"", w->word);
}

static bool read_line(struct reader *r, struct words *w)
{
	if (!words_next(w))
		return true;
	if (strcmp(w->word, "seed") == 0)
		return read_seed(r, w);
	if (strcmp(w->word, "router") == 0)
		return read_router(r, w);
	if (strcmp(w->word, "server") == 0)
		return read_server(r, w);
	if (strcmp(w->word, "link") == 0)
		return read_link(r, w);
	if (strcmp(w->word, "path") == 0)
		return read_way(r, w, false);
	if (strcmp(w->word, "back") == 0)
		return read_way(r, w, true);
	if (strcmp(w->word, "at") == 0)
		return read_event(r, w);
	return words_refuse(w,
		"\"%.40s\" is no statement: seed, router, server, link, path, back or at", w->word);
}

static bool read_lines(struct reader *r, const char *text, size_t len)
{
	const char *end = text + len;
	uint32_t number = 1;

	for (const char *line = text; line < end; number++) {
		const char *newline = memchr(line, '\n', (size_t)(end - line));
		const char *stop = newline != NULL ? newline : end;
		struct words w;

		if (!words_over(&w, line, (size_t)(stop - line), number, r->error) ||
			!read_line(r, &w))
			return false;
		line = stop + 1;
	}
	return true;
}

static bool place_ways(struct reader *r)
{
	struct topology *t = r->t;
	struct words w = { .error = r->error };

	if (t->server_count == 0)
		return words_refuse(&w, "no server is declared");
	for (uint16_t i = 0; i < t->server_count; i++) {
		w.line = r->server_lines[i];
		if (r->paths[i].step_count == 0)
			return words_refuse(&w, "server \"%s\" has no path", t->servers[i].name);
		if (r->backs[i].step_count == 0)
			way_reverse(&r->paths[i], &r->backs[i]);
		t->path_of[i] = way_add(t, &r->paths[i]);
		t->back_of[i] = way_add(t, &r->backs[i]);
	}
	return true;
}

bool topology_read(const char *text, size_t len, struct topology *out, struct topology_error *error)
{
	struct reader *r = calloc(1, sizeof(*r));
	bool is_read;

	memset(out, 0, sizeof(*out));
	memset(error, 0, sizeof(*error));
	if (r == NULL) {
		(void)snprintf(error->message, sizeof(error->message), "out of memory");
		return false;
	}
	out->seed = 1;
	r->t = out;
	r->error = error;
	is_read = read_lines(r, text, len) && place_ways(r) &&
		  events_place(out, r->pending, r->pending_count, r->changes);
	free(r);
	return is_read;
}
