/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * logfile: appends lines to a file; several programs may do so at once.
 *
 * Owns:   the descriptor. Reopened by name, so that a rotated file is let go.
 * Output: lines that could not be written are counted; the first of a row of failures is told.
 */
#ifndef IO_LOGFILE_H
#define IO_LOGFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct logfile {
	int fd; /* -1: no file */
	bool failing;
	uint64_t dropped;
};

#define LOGFILE_NONE ((struct logfile){ .fd = -1 })

/* Opens `path` anew, or nothing if it is NULL. 0, or -errno: then there is no file. */
int logfile_reopen(struct logfile *f, const char *path);

/* Writes a line, newline added. -errno for the first failure since the last success, else 0. */
int logfile_write(struct logfile *f, const char *line, size_t len);

void logfile_close(struct logfile *f);

#endif
