/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/cli/listing.h"

#include "gateway/cli/safe.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum {
	CELL_BYTES = 1024, /* the longest cell; what is longer is cut */
	GAP = 2,           /* spaces between columns */
};

static const char ELLIPSIS[] = "…";

struct listing {
	const struct listing_column *columns;
	size_t column_count;
	char **cells;
	size_t count, room;
	bool short_of_memory;
};

struct listing *listing_new(const struct listing_column *columns, size_t count)
{
	struct listing *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->columns = columns;
	l->column_count = count;
	return l;
}

void listing_free(struct listing *l)
{
	if (!l)
		return;
	for (size_t i = 0; i < l->count; i++)
		free(l->cells[i]);
	free(l->cells);
	free(l);
}

static bool grow(struct listing *l)
{
	size_t room = l->room ? l->room * 2 : 256;
	char **cells;

	if (l->count < l->room)
		return true;
	cells = realloc(l->cells, room * sizeof(*cells));
	if (!cells)
		return false;
	l->cells = cells;
	l->room = room;
	return true;
}

void listing_cell(struct listing *l, const char *format, ...)
{
	char raw[CELL_BYTES], shown[CELL_BYTES];
	va_list args;

	va_start(args, format);
	vsnprintf(raw, sizeof(raw), format, args);
	va_end(args);
	safe_text(shown, sizeof(shown), raw);
	/* A cell that is missing would shift all that follow: none follows. */
	l->short_of_memory |= l->short_of_memory || !grow(l);
	if (l->short_of_memory)
		return;
	l->cells[l->count] = strdup(shown);
	l->short_of_memory = !l->cells[l->count];
	l->count += !l->short_of_memory;
}

/* Characters, of which each is taken to be one column wide. */
static size_t characters(const char *text)
{
	size_t count = 0;

	for (; *text; text++)
		count += (*text & 0xc0) != 0x80;
	return count;
}

/* Makes the widest column that is wider than `least` narrower by one. False: there is none. */
static bool shrink(const struct listing *l, size_t least, size_t widths[LISTING_COLUMNS])
{
	size_t *widest = NULL;

	for (size_t c = 0; c < l->column_count; c++)
		if (l->columns[c].shrinks && widths[c] > least && (!widest || widths[c] > *widest))
			widest = &widths[c];
	if (widest)
		--*widest;
	return widest != NULL;
}

/* Leaves out the last column that is not needed: its width is 0 then. False: there is none. */
static bool leave_out(const struct listing *l, size_t widths[LISTING_COLUMNS])
{
	for (size_t c = l->column_count; c-- > 0;) {
		if (l->columns[c].spare && widths[c]) {
			widths[c] = 0;
			return true;
		}
	}
	return false;
}

static size_t sum(const struct listing *l, const size_t widths[LISTING_COLUMNS])
{
	size_t all = 0;

	for (size_t c = 0; c < l->column_count; c++)
		if (widths[c])
			all += widths[c] + (all ? GAP : 0);
	return all;
}

/* Each column's width, so that the whole fits if it can. */
static void fit(const struct listing *l, size_t width, size_t widths[LISTING_COLUMNS])
{
	for (size_t c = 0; c < l->column_count; c++)
		widths[c] = characters(l->columns[c].heading);
	for (size_t i = 0; i < l->count; i++) {
		size_t len = characters(l->cells[i]), *of = &widths[i % l->column_count];

		*of = len > *of ? len : *of;
	}
	while (width && sum(l, widths) > width)
		if (!shrink(l, LISTING_GOOD, widths) && !leave_out(l, widths) &&
			!shrink(l, LISTING_LEAST, widths))
			return;
}

static void print_cell(
	const struct listing_column *column, const char *text, size_t width, bool last, FILE *out)
{
	size_t len = characters(text), pad = len < width ? width - len : 0;
	bool cut = len > width;
	size_t keep = cut ? width - 1 : len;
	const char *end = text;

	if (column->right)
		fprintf(out, "%*s", (int)pad, "");
	while (keep || (*end & 0xc0) == 0x80) {
		keep -= (*end & 0xc0) != 0x80;
		end++;
	}
	fwrite(text, 1, (size_t)(end - text), out);
	if (cut)
		fputs(ELLIPSIS, out);
	if (!column->right && !last)
		fprintf(out, "%*s", (int)pad, "");
}

bool listing_print(const struct listing *l, FILE *out, size_t width)
{
	size_t widths[LISTING_COLUMNS] = { 0 };
	size_t rows = l->count / l->column_count;

	fit(l, width, widths);
	for (size_t row = 0; row <= rows; row++) {
		for (size_t c = 0; c < l->column_count; c++) {
			const char *text = row ? l->cells[(row - 1) * l->column_count + c]
					       : l->columns[c].heading;

			if (widths[c] == 0)
				continue;
			fprintf(out, "%*s", c ? GAP : 0, "");
			print_cell(&l->columns[c], text, widths[c], c + 1 == l->column_count, out);
		}
		fputc('\n', out);
	}
	return !l->short_of_memory;
}

size_t listing_width(FILE *out)
{
	const char *columns = getenv("COLUMNS");
	unsigned long told = columns ? strtoul(columns, NULL, 10) : 0;
	struct winsize size;

	if (told)
		return told;
	if (!isatty(fileno(out)))
		return 0;
	return ioctl(fileno(out), TIOCGWINSZ, &size) == 0 && size.ws_col ? size.ws_col : 80;
}
