/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/netsim/topology_way.h"

#include <string.h>

/* A place among `next` that is not known yet. */
struct exit {
	uint8_t step;
	uint8_t slot;
};

/* A brace that is open. */
struct brace {
	uint8_t chooser; /* the step that chooses */
	uint8_t count;   /* alternatives, the one at hand included */
	bool has_empty;
	uint16_t base;   /* the exits of its alternatives begin here */
	uint16_t branch; /* and those of the one at hand */
	uint8_t first;   /* the first step of the one at hand */
};

struct reader {
	struct words *w;
	const struct topology *t;
	struct topology_way *way;
	uint16_t exit_count;
	struct exit exits[TOPOLOGY_STEPS * TOPOLOGY_BRANCHES];
	unsigned depth;
	struct brace braces[TOPOLOGY_DEPTH];
	bool may_open;  /* the word before was a router */
	bool has_ended; /* the word before was a closing brace, at the outermost level */
};

uint16_t topology_find(const struct topology *t, const char *name)
{
	if (strcmp(name, "gw") == 0)
		return PLACE_GATEWAY;
	for (uint16_t i = 0; i < t->router_count; i++)
		if (strcmp(t->routers[i].name, name) == 0)
			return (uint16_t)(PLACE_ROUTERS + i);
	for (uint16_t i = 0; i < t->server_count; i++)
		if (strcmp(t->servers[i].name, name) == 0)
			return (uint16_t)(PLACE_SERVERS + i);
	return PLACE_NONE;
}

static bool is_router(uint16_t place)
{
	return place >= PLACE_ROUTERS && place < PLACE_SERVERS;
}

/* Lets the exits of the alternative at hand lead to `next`. */
static void resolve(struct reader *r, uint16_t next)
{
	uint16_t from = r->depth > 0 ? r->braces[r->depth - 1].branch : 0;

	for (uint16_t i = from; i < r->exit_count; i++)
		r->way->steps[r->exits[i].step].next[r->exits[i].slot] = next;
	r->exit_count = from;
}

static void add_exit(struct reader *r, uint8_t step, uint8_t slot)
{
	r->exits[r->exit_count++] = (struct exit){ step, slot };
	r->way->steps[step].next_count = (uint8_t)(slot + 1);
}

static bool read_step(struct reader *r, uint16_t place)
{
	uint8_t step = r->way->step_count;

	if (step == TOPOLOGY_STEPS)
		return words_refuse(
			r->w, "a way has at most %d routers in all", TOPOLOGY_STEPS - 1);
	resolve(r, step);
	r->way->steps[step].place = place;
	r->way->step_count++;
	add_exit(r, step, 0);
	r->may_open = true;
	r->has_ended = false;
	return true;
}

static void begin_branch(struct reader *r, struct brace *b)
{
	b->branch = r->exit_count;
	b->first = r->way->step_count;
	add_exit(r, b->chooser, b->count++);
	r->may_open = false;
}

static bool open_brace(struct reader *r)
{
	struct brace *b;

	if (!r->may_open)
		return words_refuse(r->w, "a router must stand before a brace: it chooses");
	if (r->depth == TOPOLOGY_DEPTH)
		return words_refuse(r->w, "braces are nested more than %d deep", TOPOLOGY_DEPTH);
	b = &r->braces[r->depth++];
	*b = (struct brace){ .chooser = (uint8_t)(r->way->step_count - 1) };
	b->base = --r->exit_count;
	begin_branch(r, b);
	return true;
}

static bool end_branch(struct reader *r, const char *word)
{
	struct brace *b;

	if (r->depth == 0)
		return words_refuse(r->w, "\"%s\" stands outside of braces", word);
	b = &r->braces[r->depth - 1];
	if (b->first == r->way->step_count) {
		if (b->has_empty)
			return words_refuse(r->w, "a second alternative is empty");
		b->has_empty = true;
	}
	return true;
}

static bool next_branch(struct reader *r)
{
	struct brace *b;

	if (!end_branch(r, "|"))
		return false;
	b = &r->braces[r->depth - 1];
	if (b->count == TOPOLOGY_BRANCHES)
		return words_refuse(
			r->w, "more than %d alternatives at one place", TOPOLOGY_BRANCHES);
	begin_branch(r, b);
	return true;
}

static bool close_brace(struct reader *r)
{
	if (!end_branch(r, "}"))
		return false;
	/* The exits from its base on are now those of the alternative around it. */
	r->depth--;
	r->may_open = false;
	r->has_ended = r->depth == 0;
	return true;
}

/* The way's end: `word` names it. */
static bool read_end(struct reader *r, uint16_t place)
{
	if (r->depth > 0)
		return words_refuse(r->w, "a brace is not closed");
	if (r->way->step_count == 1)
		return words_refuse(r->w, "a way without routers");
	if (r->has_ended)
		return words_refuse(r->w, "a router must stand behind the alternatives");
	if (place >= PLACE_SERVERS)
		r->way->server = (uint16_t)(place - PLACE_SERVERS);
	resolve(r, WAY_END);
	if (way_longest(r->way) > TOPOLOGY_HOPS)
		return words_refuse(r->w, "the way is longer than %d routers", TOPOLOGY_HOPS);
	return words_end(r->w);
}

static bool find_place(struct words *w, const struct topology *t, const char *what, uint16_t *out)
{
	*out = topology_find(t, w->word);
	return *out != PLACE_NONE || words_refuse(w, "%s \"%.40s\" is not declared", what, w->word);
}

static bool read_begin(struct reader *r)
{
	uint16_t place;

	if (!words_want(r->w, r->way->back ? "the server" : "gw"))
		return false;
	if (!r->way->back && strcmp(r->w->word, "gw") != 0)
		return words_refuse(r->w, "a path begins at gw, not at \"%.40s\"", r->w->word);
	if (!find_place(r->w, r->t, "server", &place))
		return false;
	if (r->way->back && place < PLACE_SERVERS)
		return words_refuse(
			r->w, "a way back begins at a server, not at \"%.40s\"", r->w->word);
	if (r->way->back)
		r->way->server = (uint16_t)(place - PLACE_SERVERS);
	r->way->steps[0].place = place;
	r->way->step_count = 1;
	add_exit(r, 0, 0);
	return true;
}

bool way_read(struct words *w, const struct topology *t, bool is_back, struct topology_way *out)
{
	struct reader r = { .w = w, .t = t, .way = out };
	uint16_t place;

	memset(out, 0, sizeof(*out));
	out->back = is_back;
	if (!read_begin(&r))
		return false;
	while (words_next(w)) {
		bool is_read;

		if (strcmp(w->word, "{") == 0)
			is_read = open_brace(&r);
		else if (strcmp(w->word, "|") == 0)
			is_read = next_branch(&r);
		else if (strcmp(w->word, "}") == 0)
			is_read = close_brace(&r);
		else if (!find_place(w, t, "router", &place))
			return false;
		else if (is_router(place))
			is_read = read_step(&r, place);
		else if (is_back == (place == PLACE_GATEWAY))
			return read_end(&r, place);
		else
			return words_refuse(w, "a way %s, not at \"%.40s\"",
				is_back ? "back ends at gw" : "there ends at a server", w->word);
		if (!is_read)
			return false;
	}
	if (r.depth > 0)
		return words_refuse(w, "a brace is not closed");
	return words_refuse(
		w, "the way does not end: %s is missing", is_back ? "gw" : "the server");
}

void way_reverse(const struct topology_way *path, struct topology_way *out)
{
	uint16_t routers[TOPOLOGY_HOPS];
	uint8_t count = 0;

	for (uint16_t s = path->steps[0].next[0]; s != WAY_END; s = path->steps[s].next[0])
		routers[count++] = path->steps[s].place;
	memset(out, 0, sizeof(*out));
	out->server = path->server;
	out->back = true;
	out->step_count = (uint8_t)(count + 1);
	out->steps[0].place = (uint16_t)(PLACE_SERVERS + path->server);
	for (uint8_t i = 0; i <= count; i++) {
		if (i > 0)
			out->steps[i].place = routers[count - i];
		out->steps[i].next_count = 1;
		out->steps[i].next[0] = i < count ? (uint16_t)(i + 1) : (uint16_t)WAY_END;
	}
}

uint16_t way_add(struct topology *t, const struct topology_way *way)
{
	memcpy(&t->ways[t->way_count], way, sizeof(*way));
	return t->way_count++;
}

unsigned way_longest(const struct topology_way *way)
{
	uint8_t longest[TOPOLOGY_STEPS] = { 0 };

	for (unsigned s = way->step_count; s-- > 0;) {
		const struct topology_step *step = &way->steps[s];

		for (unsigned k = 0; k < step->next_count; k++)
			if (step->next[k] != WAY_END && longest[step->next[k]] + 1 > longest[s])
				longest[s] = (uint8_t)(longest[step->next[k]] + 1);
	}
	return longest[0];
}

unsigned way_shortest(const struct topology_way *way)
{
	uint8_t shortest[TOPOLOGY_STEPS] = { 0 };

	for (unsigned s = way->step_count; s-- > 0;) {
		const struct topology_step *step = &way->steps[s];

		shortest[s] = UINT8_MAX;
		for (unsigned k = 0; k < step->next_count; k++) {
			unsigned len = step->next[k] == WAY_END ? 0 : shortest[step->next[k]] + 1u;

			if (len < shortest[s])
				shortest[s] = (uint8_t)len;
		}
	}
	return shortest[0];
}

/*
 * Where all ways from each step meet again, WAY_END included: the nearest step that none of them
 * passes by. Steps only lead to later ones, so one pass from the end on is enough.
 */
static void find_joins(const struct topology_way *way, uint16_t *joins)
{
	for (unsigned s = way->step_count; s-- > 0;) {
		const struct topology_step *step = &way->steps[s];
		uint16_t join = step->next[0];

		for (unsigned k = 1; k < step->next_count; k++) {
			uint16_t other = step->next[k];

			while (join != other) {
				uint16_t *earlier = join < other ? &join : &other;

				*earlier = joins[*earlier];
			}
		}
		joins[s] = join;
	}
}

/* Prints steps from `step` on to `until`; recursion ends at TOPOLOGY_DEPTH. */
static void print_run(const struct topology *t, const struct topology_way *way,
	const uint16_t *joins, uint16_t step, uint16_t until, FILE *out)
{
	while (step != until) {
		const struct topology_step *s = &way->steps[step];

		fprintf(out, " %s", topology_name(t, s->place));
		for (unsigned k = 0; s->next_count > 1 && k < s->next_count; k++) {
			fputs(k == 0 ? " {" : " |", out);
			print_run(t, way, joins, s->next[k], joins[step], out);
		}
		if (s->next_count > 1)
			fputs(" }", out);
		step = joins[step];
	}
}

void way_print(const struct topology *t, const struct topology_way *way, FILE *out)
{
	uint16_t joins[TOPOLOGY_STEPS];

	find_joins(way, joins);
	print_run(t, way, joins, way->steps[0].next[0], WAY_END, out);
}
