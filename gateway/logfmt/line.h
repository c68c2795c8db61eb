/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * line: one line of the log in the making. Private to logfmt.
 *
 * Owns:   nothing; the caller keeps it on its stack. Never allocates.
 * Output: `bytes`, NUL-terminated. `len` counts what was asked for, as snprintf does, so that a
 *         line can be measured by writing it: if `len` exceeds LOGFMT_LINE_MAX, the rest is not there.
 */
#ifndef LOGFMT_INTERNAL_LINE_H
#define LOGFMT_INTERNAL_LINE_H

#include "gateway/logfmt/logfmt.h"

struct line {
	size_t len;
	char bytes[LOGFMT_LINE_MAX + 1];
};

/* No limit on a value's length. */
#define LINE_UNCUT SIZE_MAX

void line_start(struct line *l);

/* Text that needs no quotes: the writer's own words and numbers. */
void line_put(struct line *l, const char *format, ...) __attribute__((format(printf, 2, 3)));

/*
 * ` KEY="VALUE"`, escaped. Of the escaped value at most `cap` bytes are written; it is cut between
 * characters, never within an escape.
 */
void line_quoted(struct line *l, const char *key, const char *value, size_t cap);

/* ` KEY=VALUE`, in quotes only if the value holds anything outside [A-Za-z0-9._:+/,*?-]. */
void line_field(struct line *l, const char *key, const char *value, size_t cap);

/* The bytes that line_quoted and line_field write for `value`, quotes not counted. */
size_t line_escaped_len(const char *value);

/* An address as inet_ntop prints it; "-" for one of no family. */
void line_addr(struct line *l, const struct inpath_addr *addr);

/* A duration in ms with two decimals or one, rounded half up. */
void line_ms2(struct line *l, uint64_t ns);
void line_ms1(struct line *l, uint64_t ns);

/* ` ts=SECONDS.MILLISECONDS`, rounded down as clocks are. */
void line_ts(struct line *l, uint64_t wall_ns);

#endif
