/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/daemon/config_text.h"

#include <ctype.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum {
	INCLUDE_DEPTH_MAX = 8,
	FILES_MAX = 256,
	TEXT_MAX = 16 << 20, /* all files together */
	HEX_DIGITS_MAX = 8,  /* these and fewer fit 32 bits */
	DECIMAL_DIGITS_MAX = 9,
	BRACKETS_MAX = 16, /* open at a time; a policy's list is the third */
};

/* Where a scan is in the grammar, as far as this file has to know it. */
enum scan_state {
	SCAN_PLAIN,
	SCAN_STRING,
	SCAN_LINE_COMMENT,
	SCAN_BLOCK_COMMENT,
};

/* What is open, across all files. */
struct shape {
	unsigned depth;
	char last; /* the latest character that is neither blank nor comment; a string's is '"' */
	char open[BRACKETS_MAX];
	struct config_place where[BRACKETS_MAX];
};

struct scan {
	struct config_text *text;
	struct config_error *err;
	struct shape *shape;
	struct config_place here;    /* the line being scanned */
	struct config_place comment; /* where it began */
	enum scan_state state;
	bool in_name;
	unsigned depth; /* of includes */
};

static bool scan_file(struct scan *outer, const char *path, bool any_kind);

static bool out_of_memory(struct scan *s)
{
	return config_fail(s->err, s->here, "out of memory");
}

static bool text_put(struct scan *s, char c)
{
	struct config_text *t = s->text;

	if (t->len + 1 >= t->room) {
		size_t room = t->room ? t->room * 2 : 4096;
		char *bigger = room <= TEXT_MAX ? realloc(t->bytes, room) : NULL;

		if (bigger == NULL)
			return out_of_memory(s);
		t->bytes = bigger;
		t->room = room;
	}
	t->bytes[t->len++] = c;
	t->bytes[t->len] = '\0';
	t->lines += c == '\n';
	return true;
}

/* The next line put into the text is `place`. */
static bool text_span(struct scan *s, struct config_place place)
{
	struct config_text *t = s->text;
	struct config_span *spans =
		realloc(t->spans, (t->spans_count + 1) * sizeof(struct config_span));

	if (spans == NULL)
		return out_of_memory(s);
	t->spans = spans;
	t->spans[t->spans_count++] = (struct config_span){ .start = t->lines + 1, .place = place };
	return true;
}

/* Keeps a file's name for as long as the text lives. */
static const char *text_file(struct scan *s, const char *path)
{
	struct config_text *t = s->text;
	char **files = realloc(t->files, (t->files_count + 1) * sizeof(char *));

	if (files == NULL)
		return NULL;
	t->files = files;
	files[t->files_count] = strdup(path);
	return files[t->files_count] ? files[t->files_count++] : NULL;
}

static const char *skip_blanks(const char *p)
{
	while (*p == ' ' || *p == '\t' || *p == '\r')
		p++;
	return p;
}

/* Is `p`, at a line's start, an include? Then returns what follows the opening quote. */
static const char *include_start(const char *p)
{
	static const char word[] = "@include";
	const char *after;

	p = skip_blanks(p);
	if (strncmp(p, word, sizeof(word) - 1) != 0)
		return NULL;
	p += sizeof(word) - 1;
	after = skip_blanks(p);
	return after != p && *after == '"' ? after + 1 : NULL;
}

/* Makes the path to open of `name`, which stands in the file `from`. */
static bool include_path(const char *from, const char *name, size_t len, char path[PATH_MAX])
{
	const char *slash = strrchr(from, '/');
	size_t dir = name[0] != '/' && slash != NULL ? (size_t)(slash - from) + 1 : 0;

	if (len == 0 || dir + len >= PATH_MAX)
		return false;
	memcpy(path, from, dir);
	memcpy(path + dir, name, len);
	path[dir + len] = '\0';
	return true;
}

/* Takes in the file whose name begins at `name`; `*end` is set to the newline or NUL behind it. */
static bool scan_include(struct scan *s, const char *name, const char **end)
{
	char path[PATH_MAX];
	size_t len = strcspn(name, "\"\\\n");
	const char *rest;

	if (name[len] != '"')
		return config_fail(s->err, s->here,
			"@include: the file's name must end in \" on this line, without \\");
	rest = skip_blanks(name + len + 1);
	if (*rest == '#' || strncmp(rest, "//", 2) == 0)
		rest += strcspn(rest, "\n");
	if (*rest != '\n' && *rest != '\0')
		return config_fail(s->err, s->here, "@include: nothing else may stand on its line");
	if (s->depth + 1 > INCLUDE_DEPTH_MAX)
		return config_fail(s->err, s->here,
			"@include: more than %d files deep; does a file include itself?",
			INCLUDE_DEPTH_MAX);
	if (s->text->files_count >= FILES_MAX)
		return config_fail(s->err, s->here, "@include: more than %d files", FILES_MAX);
	if (!include_path(s->here.file, name, len, path))
		return config_fail(s->err, s->here, "@include: a file's name must be 1..%d bytes",
			PATH_MAX - 1);
	*end = rest;
	return scan_file(s, path, false) &&
	       text_span(s, (struct config_place){ s->here.file, s->here.line });
}

/*
 * Copies the number at `p`. Libconfig cuts one that does not fit an int without a word, unless an L
 * says that it is long: say so.
 */
static bool scan_number(struct scan *s, const char *p, size_t *used)
{
	bool hex = p[0] == '0' && (p[1] == 'x' || p[1] == 'X');
	size_t zeros = hex ? 2 + strspn(p + 2, "0") : strspn(p, "0");
	size_t digits = strspn(p + zeros, hex ? "0123456789abcdefABCDEF" : "0123456789");
	char next = p[zeros + digits];

	*used = zeros + digits;
	for (size_t i = 0; i < *used; i++) {
		if (!text_put(s, p[i]))
			return false;
	}
	if (isalnum((unsigned char)next) || next == '_' || next == '.')
		return true;
	return digits <= (hex ? HEX_DIGITS_MAX : DECIMAL_DIGITS_MAX) || text_put(s, 'L');
}

/* Does `c` go on with a name, or begin one? Digits in it are no number. */
static bool in_name(bool before, char c)
{
	return isalpha((unsigned char)c) || c == '*' ||
	       (before && (isdigit((unsigned char)c) || c == '_' || c == '-'));
}

static bool scan_open(struct scan *s, char *c)
{
	struct shape *shape = s->shape;

	if (shape->depth > 0 && shape->open[shape->depth - 1] == '[')
		return config_fail(s->err, s->here,
			"'%c' inside of '[ ]': only plain values may stand there", *c);
	if (shape->depth == BRACKETS_MAX)
		return config_fail(s->err, s->here, "more than %d brackets are open", BRACKETS_MAX);
	shape->open[shape->depth] = *c;
	shape->where[shape->depth++] = s->here;
	if (*c == '[')
		*c = '(';
	return true;
}

static bool scan_close(struct scan *s, char *c)
{
	char opener = (char)(*c == ']' ? '[' : *c == '}' ? '{' : '(');
	struct shape *shape = s->shape;

	if (shape->depth == 0)
		return config_fail(s->err, s->here, "'%c' without a '%c'", *c, opener);
	shape->depth--;
	if (shape->open[shape->depth] != opener)
		return config_fail(s->err, s->here, "'%c' does not close the '%c' of line %u", *c,
			shape->open[shape->depth], (unsigned)shape->where[shape->depth].line);
	if (*c == ']')
		*c = ')';
	return true;
}

/* Libconfig leaks a string that stands where none may: let none through. */
static bool scan_quote(struct scan *s)
{
	const struct shape *shape = s->shape;
	bool in_list = shape->depth > 0 && shape->open[shape->depth - 1] != '{';

	if (shape->last == '\0' || strchr("=:\"([", shape->last) == NULL) {
		if (shape->last != ',' || !in_list)
			return config_fail(s->err, s->here,
				"a text in quotes may only stand behind '=' or in a list, with commas between");
	}
	s->state = SCAN_STRING;
	return true;
}

/* Scans the character at `p`; `*used` is how many were taken. `start` is the file's text. */
static bool scan_plain(struct scan *s, const char *start, const char *p, size_t *used)
{
	bool fraction = p > start && p[-1] == '.';
	bool good = true;
	char c = *p;

	if (c == '#') {
		s->state = SCAN_LINE_COMMENT;
		return true;
	}
	if (c == '/' && (p[1] == '*' || p[1] == '/')) {
		s->state = p[1] == '*' ? SCAN_BLOCK_COMMENT : SCAN_LINE_COMMENT;
		s->comment = s->here;
		s->in_name = false;
		*used = 2;
		/* A comment parts two words, as a blank does. */
		return text_put(s, ' ');
	}
	s->in_name = in_name(s->in_name, c);
	if (c == '"')
		good = scan_quote(s);
	else if (strchr("[({", c) != NULL)
		good = scan_open(s, &c);
	else if (strchr("])}", c) != NULL)
		good = scan_close(s, &c);
	if (!good)
		return false;
	if (!isspace((unsigned char)c))
		s->shape->last = *p;
	if (isdigit((unsigned char)c) && !s->in_name && !fraction)
		return scan_number(s, p, used);
	return text_put(s, c);
}

static bool scan_char(struct scan *s, const char *start, const char *p, size_t *used)
{
	*used = 1;
	switch (s->state) {
	case SCAN_PLAIN: return scan_plain(s, start, p, used);
	case SCAN_STRING:
		if (*p == '"')
			s->state = SCAN_PLAIN;
		if (*p != '\\' || p[1] == '\0' || p[1] == '\n')
			return text_put(s, *p);
		*used = 2;
		return text_put(s, p[0]) && text_put(s, p[1]);
	case SCAN_LINE_COMMENT: return true;
	case SCAN_BLOCK_COMMENT:
		if (p[0] == '*' && p[1] == '/') {
			s->state = SCAN_PLAIN;
			*used = 2;
		}
		return true;
	}
	return true;
}

static bool scan_newline(struct scan *s)
{
	if (s->state == SCAN_STRING)
		return config_fail(s->err, s->here, "a string is not closed by a \" on its line");
	if (s->state == SCAN_LINE_COMMENT)
		s->state = SCAN_PLAIN;
	s->here.line++;
	return text_put(s, '\n');
}

static bool scan_bytes(struct scan *s, const char *start)
{
	bool line_start = true;
	const char *p = start;

	while (*p != '\0') {
		const char *name;
		size_t used = 1;

		name = line_start && s->state == SCAN_PLAIN ? include_start(p) : NULL;
		line_start = *p == '\n';
		if (name != NULL) {
			if (!scan_include(s, name, &p))
				return false;
			continue;
		}
		if (!line_start && p[0] == '\r' && p[1] == '\n')
			used = 1;
		else if (!(line_start ? scan_newline(s) : scan_char(s, start, p, &used)))
			return false;
		p += used;
	}
	return scan_newline(s);
}

static bool scan_file(struct scan *outer, const char *path, bool any_kind)
{
	struct scan s = { outer->text, outer->err, outer->shape, .depth = outer->depth + 1 };
	char *bytes;
	size_t len;
	int error = config_slurp(path, any_kind, &bytes, &len);
	bool done;

	if (error != 0 && outer->here.line != 0)
		return config_fail(outer->err, outer->here, "@include: cannot read %s: %s", path,
			config_slurp_error(error));
	if (error != 0)
		return config_fail(outer->err, outer->here, "cannot read the configuration: %s",
			config_slurp_error(error));
	s.here = (struct config_place){ text_file(&s, path), 1 };
	done = s.here.file != NULL ? text_span(&s, s.here) && scan_bytes(&s, bytes)
				   : out_of_memory(outer);
	free(bytes);
	if (done && s.state == SCAN_BLOCK_COMMENT)
		return config_fail(s.err, s.comment, "this comment is not closed by */");
	return done;
}

bool config_text_load(struct config_text *t, const char *path, struct config_error *err)
{
	struct shape shape = { .depth = 0 };
	struct scan s = { t, err, &shape, .here = { path, 0 } };

	memset(t, 0, sizeof(*t));
	if (!scan_file(&s, path, true))
		return false;
	if (shape.depth > 0)
		return config_fail(err, shape.where[shape.depth - 1], "this '%c' is not closed",
			shape.open[shape.depth - 1]);
	return true;
}

void config_text_free(struct config_text *t)
{
	for (size_t i = 0; i < t->files_count; i++)
		free(t->files[i]);
	free(t->files);
	free(t->spans);
	free(t->bytes);
	memset(t, 0, sizeof(*t));
}

struct config_place config_text_place(const struct config_text *t, uint32_t line)
{
	struct config_place place = { t->files_count ? t->files[0] : "", line };

	for (size_t i = 0; i < t->spans_count && t->spans[i].start <= line; i++) {
		place = t->spans[i].place;
		place.line += line - t->spans[i].start;
	}
	return place;
}
