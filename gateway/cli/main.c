/* SPDX-License-Identifier: GPL-2.0-or-later */
/* inpath: what a person types. One verb a file; this only finds it. */
#include "gateway/cli/verbs.h"

#include <stdio.h>
#include <string.h>

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *what;
} verbs[] = {
	{ "why", verb_why, "where it hurts: the answer in sentences" },
	{ "flows", verb_flows, "the connections that were traced" },
	{ "paths", verb_paths, "the ways that they took, hop by hop" },
	{ "report", verb_report, "all of that on one page that can be sent to somebody else" },
	{ "check", verb_check,
		"what on this gateway will or will not work, and what to do about it" },
	{ "status", verb_status, "what inpathd has seen and done, in words" },
	{ "reload", verb_reload, "let inpathd read its configuration again" },
};

static void print_help(FILE *out)
{
	fputs("usage: inpath VERB [OPTION...]\n\n", out);
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		fprintf(out, "  %-8s %s\n", verbs[i].name, verbs[i].what);
	fputs("\n`inpath VERB --help` says more about each. inpath --version prints the version.\n",
		out);
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		print_help(stderr);
		return VERB_WRONG;
	}
	if (!strcmp(argv[1], "-h") || !strcmp(argv[1], "--help") || !strcmp(argv[1], "help")) {
		print_help(stdout);
		return 0;
	}
	if (!strcmp(argv[1], "-V") || !strcmp(argv[1], "--version")) {
		puts("inpath " INPATH_VERSION);
		return 0;
	}
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (!strcmp(argv[1], verbs[i].name))
			return verbs[i].run(argc - 1, argv + 1);
	fprintf(stderr, "inpath: there is no verb '%s': see inpath --help\n", argv[1]);
	return VERB_WRONG;
}
