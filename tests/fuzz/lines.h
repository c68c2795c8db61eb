/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lines: what the fuzz targets of the log's writer share: how their input becomes a record's values,
 * and what holds for every line.
 */
#ifndef TESTS_FUZZ_LINES_H
#define TESTS_FUZZ_LINES_H

#include "gateway/logfmt/logfmt.h"

#include <stdlib.h>
#include <string.h>

static inline void must(bool holds)
{
	if (!holds)
		abort();
}

/* Takes the input's bytes, and zeros behind its end. */
struct source {
	const uint8_t *at;
	size_t left;
};

static inline uint8_t take(struct source *s)
{
	if (!s->left)
		return 0;
	s->left--;
	return *s->at++;
}

static inline uint64_t take_bits(struct source *s, unsigned int bytes)
{
	uint64_t value = 0;

	while (bytes--)
		value = value << 8 | take(s);
	return value;
}

/* A text of at most `max` bytes; a NUL ends it. */
static inline void take_text(struct source *s, char *out, size_t max)
{
	size_t len = take(s) % (max + 1);

	while (len-- && (*out = (char)take(s)))
		out++;
	*out = '\0';
}

static inline struct inpath_addr take_addr(struct source *s, uint8_t family)
{
	struct inpath_addr addr = { .family = family };

	for (unsigned int i = 0; i < (family == INPATH_AF_INET ? 4 : 16); i++)
		addr.bytes[i] = take(s);
	return addr;
}

static inline void check_shape(const char *line, size_t len)
{
	bool quoted = false;

	must(len <= LOGFMT_LINE_MAX && strlen(line) == len);
	must(strncmp(line, "ev=", 3) == 0 && !strstr(line, " ev="));
	for (size_t i = 0; i < len; i++) {
		must(line[i] >= 0x20 && line[i] < 0x7f);
		must(line[i] != '=' || !quoted);
		if (quoted && line[i] == '\\')
			i++;
		else if (line[i] == '"')
			quoted = !quoted;
	}
	must(!quoted);
}

/* Each field of the line is one of the contract's, in its order. */
static inline void check_order(const struct logfmt_line *line)
{
	static const char *const flow[] = { "ev", "v", "ts", "run", "part", "cl", "dev", "pol",
		"svc", "host", "by", "proto", "af", "sport", "dst", "dport", "why", "stop", "nhop",
		"sent", "fp", "e2e", "lan", "mss", "opts", "odd", "unreach", "rewritten", "zero",
		"loop", "cycle", "balanced", "changed", "proxy", "nat", "hops", "old", "new", "ttl",
		"back", "held", NULL };
	static const char *const hop[] = { "ev", "v", "ts", "run", "ttl", "addr", "sent",
		"answered", "min", "med", "max", "rttl", "qttl", "qlen", "type", "code", "unreach",
		"mpls", "ifrole", "ifindex", "ifname", "ifaddr", "ifmtu", "rewritten", "first",
		"zero", "balanced", "changed", NULL };
	static const char *const epoch[] = { "ev", "v", "ts", "run", "part", "cl", "dev", "pol",
		"svc", "host", "by", "proto", "af", "sport", "dst", "dport", "since", "until",
		"traces", "flaps", "fp", "e2e", "lan", "hops", NULL };
	const char *ev = logfmt_get(line, "ev");
	const char *const *at = strcmp(ev, "hop") == 0     ? hop
				: strcmp(ev, "epoch") == 0 ? epoch
							   : flow;

	for (size_t i = 0; i < line->count; i++, at++)
		while (must(*at), strcmp(*at, line->fields[i].key) != 0)
			at++;
}

#endif
