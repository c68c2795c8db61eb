/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lines: records for the tests of the log's writer, and the lines that it makes of them.
 */
#ifndef TESTS_UNIT_LINES_H
#define TESTS_UNIT_LINES_H

#include "gateway/logfmt/logfmt.h"
#include "tests/unit/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum {
	LINES_MAX = 80,
};

/* The lines that a call has written. */
struct lines {
	size_t count;
	char text[LINES_MAX][LOGFMT_LINE_MAX + 1];
};

static inline void collect(void *arg, const char *line, size_t len)
{
	struct lines *lines = arg;

	assert_in_range(len, 1, LOGFMT_LINE_MAX);
	assert_int_equal(strlen(line), len);
	assert_null(strpbrk(line, "\r\n\t"));
	assert_true(lines->count < LINES_MAX);
	memcpy(lines->text[lines->count++], line, len + 1);
}

static inline struct inpath_hop hop(uint8_t ttl, const char *from, uint64_t rtt_ns)
{
	struct inpath_hop h = { .ttl = ttl, .sent = 1 };

	if (from) {
		h.addrs[h.addr_count++] = wire_addr(from);
		h.answered = 1;
		h.rtt_min_ns = rtt_ns;
		h.rtt_max_ns = rtt_ns;
	}
	return h;
}

static inline struct inpath_record_flow flow4(void)
{
	struct inpath_record_flow flow = {
		.run = 0x7f3a9c21,
		.device = "livingroom-tv",
		.policy = "tv",
		.service = "netflix",
		.host = "x.nflxvideo.net",
		.by = INPATH_BY_SNI,
		.app = INPATH_APP_TCP,
	};

	flow.tuple.client = wire_addr("192.168.1.57");
	flow.tuple.server = wire_addr("45.57.91.12");
	flow.tuple.client_port = 51544;
	flow.tuple.server_port = 443;
	flow.tuple.proto = INPATH_PROTO_TCP;
	return flow;
}

static const struct logfmt_options plain = {
	.names = true,
	.wall_offset = 1760000000000000000,
};

static inline void expect_line(
	const struct inpath_record *record, const struct logfmt_options *options, const char *want)
{
	struct lines lines = { 0 };

	logfmt_record(record, options, collect, &lines);
	assert_int_equal(lines.count, 1);
	assert_string_equal(lines.text[0], want);
}

/* Strings of `n` times `c`. */
static inline char *repeated(char c, size_t n)
{
	char *text = malloc(n + 1);

	assert_non_null(text);
	memset(text, c, n);
	text[n] = '\0';
	return text;
}

#endif
