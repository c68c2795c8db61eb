/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * source: where the verbs that look at records have them from, and which: the options that they share,
 * [--client X] [--service Y] [--since T] [--mmdb FILE] [--json] [FILE|-].
 *
 * Owns: what source_read returns is the caller's. Time: the wall clock, for `--since 2h`.
 * Output: on standard error: what went wrong, and progress where it takes more than a second.
 */
#ifndef CLI_SOURCE_H
#define CLI_SOURCE_H

#include "gateway/cli/model.h"
#include "gateway/cli/verbs.h"

struct source {
	struct model_filter filter;
	bool json;
	bool no_names;    /* devices are shown by their addresses */
	const char *mmdb; /* names networks; NULL: what the configuration names */
	bool resolve;     /* routers' names are asked for: an option of paths alone */
	uint32_t raw;     /* so many of the latest records are kept as they were written */
	const char *file; /* `-`: standard input; NULL: the running daemon */
};

enum {
	SOURCE_NO_MEMORY = -1,
};

/* In the table of a verb: behind its own options, and what follows them. */
#define SOURCE_OPTIONS                                                                             \
	{ "client", 'C', "X", "only this device: its address or its name" },                       \
		{ "service", 'S', "Y", "only this service, policy or domain" },                    \
		{ "since", 'T', "T",                                                               \
			"only records from then on: 90s, 10m, 2h, 3d ago, or 2026-11-21T20:14" },  \
		{ "no-names", 'N', NULL, "devices by their addresses alone" },                     \
		{ "json", 'j', NULL, "for programs; fields are named as in the log" },             \
	{                                                                                          \
		NULL, 0, NULL, NULL                                                                \
	}
/* Of a verb that names routers, in front of these. */
#define SOURCE_MMDB                                                                                             \
	{                                                                                                       \
		"mmdb", 'M', "FILE",                                                                            \
			"routers' networks (AS number and name) from this file in MaxMind's format, not from\n" \
			"what the configuration names"                                                          \
	}
#define SOURCE_OPERAND                                                                               \
	.operand = "[FILE|-]",                                                                       \
	.told = "a log that holds inpathd's lines (syslog, logread, journalctl); - reads standard\n" \
		"input. Without it the running daemon is asked"

/* Takes one of the shared options. False: it is wrong, and that was said. */
bool source_option(struct source *s, int option, const char *value);

/* Takes what follows the options. False: there is too much, and that was said. */
bool source_operands(struct source *s, int argc, char **argv);

/*
 * Reads it, and opens the file that names networks. NULL: one of them could not be read, or memory was short, and that
 * was said. A file that only the configuration names may be missing: that is said, too, and it does without.
 */
struct model *source_read(const struct source *s);

/*
 * A whole verb that has no options of its own: reads what its arguments say and prints it. `print`
 * returns the exit status, or SOURCE_NO_MEMORY. Returns the exit status.
 */
int source_verb(const struct verb *self, int argc, char **argv,
	int (*print)(const struct model *m, const struct source *s));

#endif
