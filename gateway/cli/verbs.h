/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * verbs: the verbs of the command `inpath`. Each takes its own name as argv[0] and returns the exit
 * status.
 */
#ifndef VERBS_H
#define VERBS_H

enum {
	VERB_WRONG =
		64, /* called wrongly (EX_USAGE of sysexits.h), apart from check's 0, 1 and 2 */
	VERB_FAILED = 2, /* what was to be read could not be */
};

int verb_check(int argc, char **argv);
int verb_status(int argc, char **argv);
int verb_reload(int argc, char **argv);
int verb_why(int argc, char **argv);
int verb_flows(int argc, char **argv);
int verb_paths(int argc, char **argv);
int verb_report(int argc, char **argv);

#endif
