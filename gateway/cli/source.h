/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * source: where the verbs that look at records have them from, and which: the options that they share,
 * [--client X] [--service Y] [--since T] [--json] [FILE|-].
 *
 * Owns: what source_read returns is the caller's. Time: the wall clock, for `--since 2h`.
 * Output: on standard error: what went wrong, and progress where it takes more than a second.
 */
#ifndef CLI_SOURCE_H
#define CLI_SOURCE_H

#include "gateway/cli/model.h"

#include <getopt.h>

struct source {
	struct model_filter filter;
	bool json;
	uint32_t raw;     /* so many of the latest records are kept as they were written */
	const char *file; /* `-`: standard input; NULL: the running daemon */
};

enum {
	SOURCE_NO_MEMORY = -1,
};

/* For getopt_long: a verb's own options stand in front. */
#define SOURCE_SHORTS "hj"
#define SOURCE_LONGS                                                                               \
	{ "client", required_argument, NULL, 'C' }, { "service", required_argument, NULL, 'S' },   \
		{ "since", required_argument, NULL, 'T' }, { "json", no_argument, NULL, 'j' },     \
		{ "help", no_argument, NULL, 'h' },                                                \
	{                                                                                          \
		NULL, 0, NULL, 0                                                                   \
	}

/* What --help says of them. */
#define SOURCE_HELP                                                                                 \
	"  --client X    only this device: its address or its name\n"                               \
	"  --service Y   only this service, policy or domain\n"                                     \
	"  --since T     only records from then on: 90s, 10m, 2h, 3d ago, or 2026-11-21T20:14\n"    \
	"  --json        for programs; fields are named as in the log\n"                            \
	"  FILE          a log that holds inpathd's lines (syslog, logread, journalctl); - reads\n" \
	"                standard input. Without it the running daemon is asked.\n"

/* Takes one of the shared options. False: it is wrong, and that was said. */
bool source_option(struct source *s, int option, const char *value);

/* Takes what follows the options. False: there is too much, and that was said. */
bool source_operands(struct source *s, int argc, char **argv);

/* Reads it. NULL: it could not be read, or memory was short, and that was said. */
struct model *source_read(const struct source *s);

/*
 * A whole verb that has no options of its own: reads what its arguments say and prints it. `print`
 * returns the exit status, or SOURCE_NO_MEMORY. Returns the exit status.
 */
int source_verb(
	int argc, char **argv, const char *help, int (*print)(const struct model *m, bool json));

#endif
