/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * config_text: the configuration's text, put together from its files, as libconfig gets it.
 *
 * Two things are done here rather than by libconfig. `@include` is resolved (relative to the file
 * it stands in), so that every line of the whole can be told by file and line whatever libconfig's
 * version, and only regular files are opened. And `[ ]` becomes `( )`, since libconfig's arrays
 * refuse `[ 443, "8000-8100" ]`, where its lists do not. Neither moves a line.
 *
 * Owns: the text and the files' names, given back by config_text_free.
 */
#ifndef CONFIG_TEXT_H
#define CONFIG_TEXT_H

#include "gateway/daemon/config.h"

/* A place to point to; line 0: the file as a whole. */
struct config_place {
	const char *file;
	uint32_t line;
};

/* From line `start` of the whole text on, the lines are those of `place` and after. */
struct config_span {
	uint32_t start;
	struct config_place place;
};

struct config_text {
	char *bytes; /* NUL-terminated */
	size_t len;
	size_t room;
	uint32_t lines; /* newlines in `bytes` */
	struct config_span *spans;
	size_t spans_count;
	char **files;
	size_t files_count;
};

/* Reads `path` and what it includes. False: refused, with the reason in `err`. */
bool config_text_load(struct config_text *t, const char *path, struct config_error *err);
void config_text_free(struct config_text *t);

/* Where line `line` (from 1) of the whole text comes from. */
struct config_place config_text_place(const struct config_text *t, uint32_t line);

/* Writes "FILE:LINE: message" to `err`. Always false. */
bool config_fail(struct config_error *err, struct config_place place, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * Reads a whole file, at most 4 MiB, without NUL bytes; `*bytes` is NUL-terminated and the caller's
 * to free. Returns 0 or -errno; -EILSEQ: a NUL byte; -EFBIG: too long. Unless `any_kind`, only a
 * regular file is read, and anything else is -EINVAL.
 */
int config_slurp(const char *path, bool any_kind, char **bytes, size_t *len);

/* What an error of config_slurp means, in words. */
const char *config_slurp_error(int error);

#endif
