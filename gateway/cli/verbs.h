/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * verbs: the verbs of the command `inpath`, and what each takes. One table tells getopt what there is, --help
 * what to say, and completion what to offer.
 */
#ifndef VERBS_H
#define VERBS_H

#include <stddef.h>
#include <stdio.h>

enum {
	VERB_WRONG =
		64, /* called wrongly (EX_USAGE of sysexits.h), apart from check's 0, 1 and 2 */
	VERB_FAILED = 2, /* what was to be read could not be */
	VERB_OPTIONS = 12,
};

struct verb_option {
	const char *name; /* long, without its dashes */
	int letter; /* what verb_option returns; the short option, too, if it is a small one */
	const char
		*value; /* what it takes: FILE, or a letter that `what` speaks of; NULL: nothing */
	const char *what;
};

struct verb {
	const char *name;
	int (*run)(const struct verb *self, int argc, char **argv); /* argv[0] is the name */
	const char *what;                                           /* in a line */
	const char *about;                                          /* in a paragraph or more */
	const char *operand;                      /* what may follow the options; NULL: nothing */
	const char *told;                         /* of that: as an option's `what` */
	const char *exits;                        /* the exit status */
	const char *example;                      /* a line, or some */
	struct verb_option options[VERB_OPTIONS]; /* ends with one without a name */
};

extern const struct verb VERB_WHY, VERB_FLOWS, VERB_PATHS, VERB_REPORT, VERB_CHECK, VERB_STATUS,
	VERB_RELOAD, VERB_COMPLETION;

/* All of them, NULL-terminated, in the order of the summary. */
extern const struct verb *const verbs[];

/* The letter of the next option as getopt_long has it: 'h' for --help, which every verb has. */
int verb_option(const struct verb *v, int argc, char **argv);

/* Prints what --help says. Returns 0. */
int verb_help(const struct verb *v, FILE *out);

/* For a verb without an operand: is something left behind the options? Then that is said. */
int verb_has_more(const struct verb *v, int argc, char **argv);

#endif
