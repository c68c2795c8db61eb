/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ask: what the command learns from others: the running daemon over its control socket, and other
 * programs by what they print.
 *
 * Owns:   what it returns, until freed by the caller.
 * Time:   a daemon that does not answer is given up after 3 s.
 */
#ifndef ASK_H
#define ASK_H

#include "gateway/logfmt/logfmt.h"

#include <stdbool.h>
#include <stdint.h>

enum {
	ASK_LINES = 16,
};

/* The daemon's answer: its lines, read. */
struct answer {
	size_t count;
	struct logfmt_line lines[ASK_LINES];
};

/* Sends `request`. 0, or -errno: -ENOENT and -ECONNREFUSED: nobody listens; -EACCES: not allowed. */
int ask_daemon(const char *request, struct answer *out);

/*
 * Asks page by page for what is too much for one answer: `request`, then `request CURSOR` as each page's
 * last line (ev=WORD next=CURSOR) says, until that says `end`. Every other line goes to `take`, which
 * returns false to end it (-ENOMEM). 0 or -errno, as above; -EPROTO: an inpathd that does not know the
 * request.
 */
int ask_pages(
	const char *request, bool (*take)(void *arg, const char *line, size_t len), void *arg);

/* Says why nobody answered, from the result of one of these. Returns the exit status: VERB_FAILED. */
int ask_say_why(int error);

/* The value of `key` in the lines of event `ev`; NULL if it is not there. */
const char *answer_get(const struct answer *a, const char *ev, const char *key);

/* The same as a number; `otherwise` if it is none. */
uint64_t answer_number(const struct answer *a, const char *ev, const char *key, uint64_t otherwise);

/*
 * Runs a program; what it prints, both outputs together if `both`, NUL-terminated; NULL if it
 * could not be run. *status: its exit status.
 */
char *ask_program(const char *const argv[], bool both, int *status);

#endif
