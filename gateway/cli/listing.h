/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * listing: rows of text under headings, as wide as the terminal: where that is too narrow, columns
 * that may shrink are cut a little, those that are not needed left out, and then the cuts go deeper.
 *
 * Owns:   its cells, until listing_free.
 * Output: printable text only: what strangers wrote cannot drive a terminal.
 */
#ifndef CLI_LISTING_H
#define CLI_LISTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum {
	LISTING_COLUMNS = 12,
	LISTING_GOOD = 14, /* a column is not cut to less while one that is not needed is there */
	LISTING_LEAST = 6, /* nor ever to less */
};

struct listing_column {
	const char *heading;
	bool right;   /* numbers stand at the right */
	bool shrinks; /* may be cut */
	bool spare;   /* not needed; the last of them is left out first */
};

struct listing;

/* `columns` stays the caller's. NULL: no memory. */
struct listing *listing_new(const struct listing_column *columns, size_t count);
void listing_free(struct listing *l);

/* The next cell, row by row. */
__attribute__((format(printf, 2, 3))) void listing_cell(struct listing *l, const char *format, ...);

/* Prints headings and rows. `width`: the terminal's columns; 0: as wide as it takes. False: memory
 * was short, and rows are missing. */
bool listing_print(const struct listing *l, FILE *out, size_t width);

/* COLUMNS of the environment, else the width of the terminal that `out` is, else 0. */
size_t listing_width(FILE *out);

#endif
