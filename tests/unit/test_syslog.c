/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/io/syslog.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#include <cmocka.h>

#define START (100 * INPATH_SEC)

/* A log daemon of its own for each test. */
struct place {
	char dir[64];
	char path[80];
	int reader; /* -1: it does not run */
};

static void start_reader(struct place *p)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };

	memcpy(at.sun_path, p->path, strlen(p->path) + 1);
	p->reader = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	assert_true(p->reader >= 0);
	assert_int_equal(bind(p->reader, (const struct sockaddr *)&at, sizeof(at)), 0);
}

static void stop_reader(struct place *p)
{
	close(p->reader);
	unlink(p->path);
	p->reader = -1;
}

static int setup(void **state)
{
	const char *base = getenv("TMPDIR");
	struct place *p = calloc(1, sizeof(*p));

	assert_non_null(p);
	(void)snprintf(p->dir, sizeof(p->dir), "%.40s/inpath-XXXXXX", base ? base : "/tmp");
	assert_non_null(mkdtemp(p->dir));
	(void)snprintf(p->path, sizeof(p->path), "%s/log", p->dir);
	p->reader = -1;
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	struct place *p = *state;

	if (p->reader >= 0)
		stop_reader(p);
	rmdir(p->dir);
	free(p);
	return 0;
}

static void say(struct syslog *s, const char *text, inpath_time now)
{
	syslog_line(s, LOG_INFO, text, strlen(text), now);
}

/* The next line that the reader gets, or NULL. */
static const char *heard(const struct place *p)
{
	static char line[2 * SYSLOG_LINE_MAX];
	ssize_t n = recv(p->reader, line, sizeof(line) - 1, 0);

	if (n < 0)
		return NULL;
	line[n] = '\0';
	return line;
}

/* The text of a line behind its tag. */
static const char *text_of(const char *line)
{
	const char *text = line ? strstr(line, "]: ") : NULL;

	return text ? text + 3 : "";
}

static void a_line_has_priority_time_and_tag(void **state)
{
	struct place *p = *state;
	struct syslog *s;
	char expected[64];
	const char *line;

	start_reader(p);
	s = syslog_open(p->path, LOG_DAEMON, START);
	syslog_line(s, LOG_WARNING, "ev=start v=1", 12, START);
	line = heard(p);
	assert_non_null(line);
	(void)snprintf(expected, sizeof(expected), "<%d>", LOG_DAEMON | LOG_WARNING);
	assert_memory_equal(line, expected, strlen(expected));
	line += strlen(expected);
	assert_true(strnlen(line, SYSLOG_LINE_MAX) > strlen("Jan  1 00:00:00 "));
	/* `Mmm dd hh:mm:ss `, RFC 3164 4.1.2 */
	assert_memory_equal(line + 3, " ", 1);
	assert_memory_equal(line + 6, " ", 1);
	assert_memory_equal(line + 9, ":", 1);
	assert_memory_equal(line + 12, ":", 1);
	(void)snprintf(expected, sizeof(expected), " inpathd[%d]: ev=start v=1", (int)getpid());
	assert_string_equal(line + 15, expected);

	syslog_facility(s, LOG_LOCAL3);
	say(s, "x", START);
	(void)snprintf(expected, sizeof(expected), "<%d>", LOG_LOCAL3 | LOG_INFO);
	assert_memory_equal(heard(p), expected, strlen(expected));
	syslog_close(s);
}

static void a_long_line_is_cut(void **state)
{
	struct place *p = *state;
	char text[3 * SYSLOG_LINE_MAX];
	struct syslog *s;

	memset(text, 'x', sizeof(text));
	start_reader(p);
	s = syslog_open(p->path, LOG_DAEMON, START);
	syslog_line(s, LOG_INFO, text, sizeof(text), START);
	assert_int_equal(strlen(heard(p)), SYSLOG_LINE_MAX - 1);
	assert_int_equal(syslog_dropped(s), 0);
	syslog_close(s);
}

/* Says `count` numbered lines to a reader that does not read: comes back, whatever happens. */
static void say_many(struct syslog *s, unsigned int count)
{
	char text[16];

	for (unsigned int i = 0; i < count; i++) {
		(void)snprintf(text, sizeof(text), "%u", i);
		say(s, text, START);
	}
}

static void a_stalled_reader_gets_a_burst_in_order_once_it_reads(void **state)
{
	struct place *p = *state;
	struct pollfd fd = { .events = POLLOUT };
	unsigned int next = 0, said = 0;
	char text[16];
	const char *line;
	struct syslog *s;

	start_reader(p);
	s = syslog_open(p->path, LOG_DAEMON, START);
	/* How much the kernel takes for a reader that stalls is the system's setting. */
	while (syslog_waiting(s) < 100 && said < 10000) {
		(void)snprintf(text, sizeof(text), "%u", said++);
		say(s, text, START);
	}
	assert_int_equal(syslog_waiting(s), 100);
	assert_int_equal(syslog_dropped(s), 0);
	fd.fd = syslog_fd(s);
	assert_true(fd.fd >= 0);
	assert_int_equal(poll(&fd, 1, 0), 0); /* no waking for nothing */

	while (next < said) {
		while ((line = heard(p)))
			assert_int_equal(strtol(text_of(line), NULL, 10), next++);
		if (next < said)
			assert_int_equal(poll(&fd, 1, 0), 1); /* it reads again: we are told */
		syslog_flush(s, START);
	}
	assert_int_equal(syslog_waiting(s), 0);
	assert_int_equal(syslog_fd(s), -1); /* nothing to poll for */
	syslog_close(s);
}

static void a_full_ring_drops_the_newest_and_counts(void **state)
{
	struct place *p = *state;
	unsigned int taken = 0;
	struct syslog *s;
	const char *line;

	start_reader(p);
	s = syslog_open(p->path, LOG_DAEMON, START);
	while (syslog_waiting(s) < SYSLOG_RING) {
		say_many(s, 1);
		taken++;
	}
	assert_int_equal(syslog_dropped(s), 0);
	say(s, "one over", START);
	assert_int_equal(syslog_dropped(s), 1);
	assert_int_equal(syslog_waiting(s), SYSLOG_RING);

	for (unsigned int got = 0; got < taken;) {
		while ((line = heard(p))) {
			assert_string_equal(text_of(line), "0");
			got++;
		}
		syslog_flush(s, START);
	}
	assert_null(heard(p));
	syslog_close(s);
}

static void a_restarted_reader_is_found_again_at_once(void **state)
{
	struct place *p = *state;
	struct syslog *s;

	start_reader(p);
	s = syslog_open(p->path, LOG_DAEMON, START);
	say(s, "before", START);
	assert_string_equal(text_of(heard(p)), "before");
	stop_reader(p);
	start_reader(p);
	say(s, "after", START);
	assert_string_equal(text_of(heard(p)), "after");
	syslog_close(s);
}

static void lines_wait_for_a_reader_that_is_away_and_it_is_looked_for_once_a_second(void **state)
{
	struct place *p = *state;
	struct syslog *s = syslog_open(p->path, LOG_DAEMON, START);

	assert_int_equal(syslog_deadline(s), INPATH_TIME_NEVER); /* nothing to say: no looking */
	say(s, "first", START);
	say(s, "second", START);
	assert_int_equal(syslog_waiting(s), 2);
	assert_int_equal(syslog_fd(s), -1);
	assert_int_equal(syslog_deadline(s), START + INPATH_SEC);

	start_reader(p);
	syslog_flush(s, START + INPATH_SEC - 1);
	assert_null(heard(p));
	syslog_flush(s, START + INPATH_SEC);
	assert_string_equal(text_of(heard(p)), "first");
	assert_string_equal(text_of(heard(p)), "second");
	assert_int_equal(syslog_deadline(s), INPATH_TIME_NEVER);
	syslog_close(s);
}

static void a_reader_that_never_comes_costs_a_full_ring_and_then_counts(void **state)
{
	struct place *p = *state;
	struct syslog *s = syslog_open(p->path, LOG_DAEMON, START);

	say_many(s, SYSLOG_RING + 7);
	assert_int_equal(syslog_waiting(s), SYSLOG_RING);
	assert_int_equal(syslog_dropped(s), 7);
	syslog_close(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_line_has_priority_time_and_tag, setup, teardown),
		cmocka_unit_test_setup_teardown(a_long_line_is_cut, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_stalled_reader_gets_a_burst_in_order_once_it_reads, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_full_ring_drops_the_newest_and_counts, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_restarted_reader_is_found_again_at_once, setup, teardown),
		cmocka_unit_test_setup_teardown(
			lines_wait_for_a_reader_that_is_away_and_it_is_looked_for_once_a_second,
			setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_reader_that_never_comes_costs_a_full_ring_and_then_counts, setup,
			teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
