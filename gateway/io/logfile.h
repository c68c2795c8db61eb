/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * logfile: appends lines to a file; several programs may do so at once.
 *
 * Owns:   the descriptor. Reopened by name, so that a rotated file is let go.
 * Output: lines that could not be written are counted; the first of a row of failures is told.
 */
#ifndef IO_LOGFILE_H
#define IO_LOGFILE_H

#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct logfile {
	int fd; /* -1: no file */
	bool failing;
	uint64_t dropped;
};

#define LOGFILE_NONE ((struct logfile){ .fd = -1 })

/* How a log is opened. A FIFO must not block. */
#define LOGFILE_FLAGS (O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)

/*
 * As root, for the user that the process is about to become: makes an empty file if there is none, and gives it to them.
 * What is there already is left as it is: in a folder of that user's it might be a link to anything.
 */
void logfile_prepare(const char *path, uid_t uid, gid_t gid);

/* Opens `path` anew, or nothing if it is NULL. 0, or -errno: then there is no file. */
int logfile_reopen(struct logfile *f, const char *path);

/* Writes a line, newline added. -errno for the first failure since the last success, else 0. */
int logfile_write(struct logfile *f, const char *line, size_t len);

void logfile_close(struct logfile *f);

#endif
