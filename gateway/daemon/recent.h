/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * recent: the latest records, as lines, for the command to ask for: what a log would hold if it held
 * every path.
 *
 * Owns:   nothing: it lives in memory that it is given. Full means that the oldest lines go.
 * Time:   none.
 * Output: lines by their number, which counts from 0 on since the start.
 */
#ifndef RECENT_H
#define RECENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	RECENT_A_HISTORY = 512, /* bytes, for each of limits.histories: one trace or two */
	RECENT_LEAST = 4096,    /* ... and these */
};

struct recent;

/* An empty one, in `size` bytes that are aligned for anything; some of them are its own. */
struct recent *recent_init(void *memory, size_t size);

/* A logfmt_sink: keeps a line; `arg` is a struct recent. */
void recent_line(void *arg, const char *line, size_t len);

/*
 * Gives `sink` the lines from number `cursor` on, or from the oldest if that has gone, until it returns
 * false: that one was not taken. Returns the number to go on with; *end: there is no line of that
 * number yet.
 */
uint64_t recent_tell(const struct recent *r, uint64_t cursor,
	bool (*sink)(void *arg, const char *line, size_t len), void *arg, bool *end);

#endif
