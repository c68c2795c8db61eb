/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/io/syslog.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define RETRY_AFTER INPATH_SEC

struct syslog {
	struct sockaddr_un to;
	int fd; /* -1: nobody listens */
	int facility;
	inpath_time retry_at;
	uint64_t dropped;
	size_t first;
	size_t count;
	struct {
		size_t len;
		char text[SYSLOG_LINE_MAX];
	} ring[SYSLOG_RING];
};

static void disconnect(struct syslog *s, inpath_time now)
{
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
	s->retry_at = now + RETRY_AFTER;
}

static bool try_connect(struct syslog *s, inpath_time now)
{
	if (s->fd >= 0)
		return true;
	if (now < s->retry_at)
		return false;
	s->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s->fd >= 0 && connect(s->fd, (const struct sockaddr *)&s->to, sizeof(s->to)) == 0)
		return true;
	disconnect(s, now);
	return false;
}

const char *syslog_default_path(void)
{
	const char *own = getenv("INPATH_SYSLOG");

	return own ? own : "/dev/log";
}

struct syslog *syslog_open(const char *path, int facility, inpath_time now)
{
	struct syslog *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->fd = -1;
	s->facility = facility;
	s->to.sun_family = AF_UNIX;
	snprintf(s->to.sun_path, sizeof(s->to.sun_path), "%s", path);
	tzset(); /* reads the zone's file: now, not in the loop */
	try_connect(s, now);
	return s;
}

void syslog_close(struct syslog *s)
{
	if (!s)
		return;
	disconnect(s, 0);
	free(s);
}

void syslog_facility(struct syslog *s, int facility)
{
	s->facility = facility;
}

/* True: sent, or never to be sent. False: to be tried again. */
static bool send_line(struct syslog *s, const char *text, size_t len, inpath_time now)
{
	/* A log daemon that was restarted listens under the same name, but on another socket. */
	for (int try = 0; try < 2; try++) {
		if (!try_connect(s, now))
			return false;
		if (send(s->fd, text, len, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
			return true;
		if (errno == EMSGSIZE) {
			s->dropped++;
			return true;
		}
		if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS || errno == EINTR)
			return false;
		disconnect(s, now);
		s->retry_at = try == 0 ? now : now + RETRY_AFTER;
	}
	return false;
}

static size_t format_line(
	const struct syslog *s, int priority, const char *line, size_t len, char *out)
{
	/* RFC 3164 4.1.2 names the months in English, whatever the locale. */
	static const char months[][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug",
		"Sep", "Oct", "Nov", "Dec" };
	time_t wall = time(NULL);
	struct tm tm;
	int n;

	localtime_r(&wall, &tm);
	n = snprintf(out, SYSLOG_LINE_MAX, "<%d>%s %2d %02d:%02d:%02d inpathd[%d]: %.*s",
		s->facility | priority, months[tm.tm_mon], tm.tm_mday, tm.tm_hour, tm.tm_min,
		tm.tm_sec, (int)getpid(), (int)len, line);
	return n < SYSLOG_LINE_MAX ? (size_t)n : SYSLOG_LINE_MAX - 1;
}

void syslog_line(struct syslog *s, int priority, const char *line, size_t len, inpath_time now)
{
	char text[SYSLOG_LINE_MAX];
	size_t n =
		format_line(s, priority, line, len < SYSLOG_LINE_MAX ? len : SYSLOG_LINE_MAX, text);
	size_t slot;

	syslog_flush(s, now);
	if (s->count == 0 && send_line(s, text, n, now))
		return;
	if (s->count == SYSLOG_RING) {
		s->dropped++;
		return;
	}
	slot = (s->first + s->count++) % SYSLOG_RING;
	memcpy(s->ring[slot].text, text, n);
	s->ring[slot].len = n;
}

void syslog_flush(struct syslog *s, inpath_time now)
{
	while (s->count > 0) {
		if (!send_line(s, s->ring[s->first].text, s->ring[s->first].len, now))
			return;
		s->first = (s->first + 1) % SYSLOG_RING;
		s->count--;
	}
}

int syslog_fd(const struct syslog *s)
{
	return s->count > 0 ? s->fd : -1;
}

inpath_time syslog_deadline(const struct syslog *s)
{
	return s->count > 0 && s->fd < 0 ? s->retry_at : INPATH_TIME_NEVER;
}

size_t syslog_waiting(const struct syslog *s)
{
	return s->count;
}

uint64_t syslog_dropped(const struct syslog *s)
{
	return s->dropped;
}
