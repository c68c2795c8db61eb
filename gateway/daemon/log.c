/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/daemon/log.h"

#include "gateway/io/clock.h"

#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <syslog.h>
#include <unistd.h>

void log_init(struct log *log, bool to_stderr, const uint64_t client_key[2])
{
	*log = (struct log){ .to_stderr = to_stderr, .file = LOGFILE_NONE };
	memcpy(log->options.client_key, client_key, sizeof(log->options.client_key));
}

void log_configure(struct log *log, const struct config *config)
{
	static const enum logfmt_clients clients[] = {
		[CONFIG_CLIENTS_ADDRESS] = LOGFMT_CLIENTS_ADDRESS,
		[CONFIG_CLIENTS_HASH] = LOGFMT_CLIENTS_HASH,
		[CONFIG_CLIENTS_NONE] = LOGFMT_CLIENTS_NONE,
	};
	int error;

	log->to_syslog = config->log_syslog;
	if (log->to_syslog && !log->syslog)
		log->syslog = syslog_open(syslog_default_path(), config->log_facility, clock_now());
	if (log->syslog)
		syslog_facility(log->syslog, config->log_facility);
	log->options.names = config->log_names;
	log->options.clients = clients[config->log_clients];
	log->file_path = config->log_file;
	error = logfile_reopen(&log->file, config->log_file);
	if (error)
		log_say(log, LOG_WARNING, "cannot open log.file %s: %s", config->log_file,
			strerror(-error));
}

void log_close(struct log *log, inpath_time patience)
{
	inpath_time end = clock_now() + patience;

	while (log->syslog && syslog_fd(log->syslog) >= 0 && clock_now() < end) {
		struct pollfd fd = { .fd = syslog_fd(log->syslog), .events = POLLOUT };

		poll(&fd, 1, (int)((end - clock_now()) / INPATH_MSEC) + 1);
		syslog_flush(log->syslog, clock_now());
	}
	syslog_close(log->syslog);
	logfile_close(&log->file);
}

/* A pipe that poll calls writable has room for PIPE_BUF bytes: no line is longer. */
static void write_stderr(struct log *log, const char *line, size_t len)
{
	struct pollfd fd = { .fd = STDERR_FILENO, .events = POLLOUT };
	struct iovec parts[] = { { (void *)line, len }, { (void *)"\n", 1 } };

	if (poll(&fd, 1, 0) != 1 || !(fd.revents & POLLOUT) || writev(STDERR_FILENO, parts, 2) < 0)
		log->stderr_dropped++;
}

void log_say(struct log *log, int priority, const char *format, ...)
{
	char line[512];
	va_list args;
	size_t len;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	len = strlen(line);
	if (log->to_syslog && log->syslog)
		syslog_line(log->syslog, priority, line, len, clock_now());
	if (log->to_stderr || !log->to_syslog) {
		char prefixed[sizeof(line) + 16];

		len = (size_t)snprintf(prefixed, sizeof(prefixed), "inpathd: %s", line);
		write_stderr(log, prefixed, len);
	}
}

void log_line(void *arg, const char *line, size_t len)
{
	struct log *log = arg;
	int error = logfile_write(&log->file, line, len);

	if (log->to_syslog && log->syslog)
		syslog_line(log->syslog, LOG_INFO, line, len, clock_now());
	if (log->to_stderr)
		write_stderr(log, line, len);
	if (error)
		log_say(log, LOG_WARNING, "cannot write to log.file %s: %s", log->file_path,
			strerror(-error));
}

void log_format(struct log *log, const struct inpath_record *record, logfmt_sink *sink, void *arg)
{
	log->options.wall_offset = (int64_t)(clock_wall() - clock_now());
	logfmt_record(record, &log->options, sink, arg);
}

uint64_t log_dropped(const struct log *log)
{
	return (log->syslog ? syslog_dropped(log->syslog) : 0) + log->file.dropped +
	       log->stderr_dropped;
}
