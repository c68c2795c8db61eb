/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * log: where the daemon's lines go: syslog, `log.file`, and with -f standard error.
 *
 * Records and events (logfmt) go to all of them; diagnostics, which are sentences, to syslog and
 * standard error. Nothing here ever waits: what a place does not take is kept for a while (syslog)
 * or dropped, and counted.
 *
 * Owns: the places. Time: `now` is read where a line is written; lines carry wall time.
 */
#ifndef LOG_H
#define LOG_H

#include "gateway/daemon/config.h"
#include "gateway/io/logfile.h"
#include "gateway/io/syslog.h"
#include "gateway/logfmt/logfmt.h"

struct log {
	bool to_stderr;
	bool to_syslog;
	struct syslog *syslog; /* NULL until first wanted */
	struct logfile file;
	const char *file_path; /* the configuration's, for messages */
	uint64_t stderr_dropped;
	struct logfmt_options options;
};

/* Until log_configure, diagnostics go to standard error alone. */
void log_init(struct log *log, bool to_stderr, const uint64_t client_key[2]);

/* Takes `log.*` of a configuration, which must outlive it or the next call; reopens the file. */
void log_configure(struct log *log, const struct config *config);

/* Gives syslog up to `patience` to take what waits, then closes all. */
void log_close(struct log *log, inpath_time patience);

/* A diagnostic: one sentence at LOG_ERR, LOG_WARNING, LOG_NOTICE, ... */
__attribute__((format(printf, 3, 4))) void log_say(
	struct log *log, int priority, const char *format, ...);

/* Gives `sink` a record's lines, as the log would have them. */
void log_format(struct log *log, const struct inpath_record *record, logfmt_sink *sink, void *arg);

/* A logfmt_sink: writes the line of a record; `arg` is a struct log. */
void log_line(void *arg, const char *line, size_t len);

/* Lines that a place did not take. */
uint64_t log_dropped(const struct log *log);

#endif
