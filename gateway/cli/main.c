/* SPDX-License-Identifier: GPL-2.0-or-later */
/* inpath: what a person types. One verb a file; this only finds it. */
#include "gateway/cli/verbs.h"

#include <string.h>

static void print_help(FILE *out)
{
	fputs("usage: inpath VERB [OPTION...]\n\n", out);
	for (size_t i = 0; verbs[i]; i++)
		fprintf(out, "  %-12s%s\n", verbs[i]->name, verbs[i]->what);
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
	for (size_t i = 0; verbs[i]; i++)
		if (!strcmp(argv[1], verbs[i]->name))
			return verbs[i]->run(verbs[i], argc - 1, argv + 1);
	fprintf(stderr, "inpath: there is no verb '%s': see inpath --help\n", argv[1]);
	return VERB_WRONG;
}
