/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * topology_words: one line of a topology's language, word by word, and what a word may stand for.
 * `{`, `}`, `|` and `>` are words of their own, with or without space around them; `#` ends the line.
 *
 * Owns:   nothing; the line must outlive it.
 * Output: every reader returns false once it has put the line's number and what is wrong into *error.
 */
#ifndef TOPOLOGY_WORDS_H
#define TOPOLOGY_WORDS_H

#include "tests/netsim/topology.h"

enum {
	WORD_MAX = 127
};

/* No time in a topology is longer, so sums of them do not overflow. */
#define TOPOLOGY_TIME_MAX (3600 * INPATH_SEC)

/* Links' and limits' rates, and losses, are kept in these units: so each prints as it was read. */
#define LIMIT_UNIT 1000.0 /* a thousandth of an error a second, at most a million */
#define LOSS_UNIT  1e8    /* a millionth of a percent */
#define RATE_MAX   1e12   /* bits a second, whole ones */

struct words {
	const char *at;
	const char *end;
	uint32_t line;
	struct topology_error *error;
	char word[WORD_MAX + 1]; /* the newest */
};

/* False if the line holds what no line may: a NUL, a control character, a word that is too long. */
bool words_over(struct words *w, const char *line, size_t len, uint32_t number,
	struct topology_error *error);

/* Puts the next word into w->word; false at the line's end, which is no error. */
bool words_next(struct words *w);

/* Takes the next word if it is this one. */
bool words_take(struct words *w, const char *word);

/* The next word, which must be there; `what` names it. */
bool words_want(struct words *w, const char *what);

/* True if the line has ended; an error otherwise. */
bool words_end(struct words *w);

/* Fills in the error; always false. */
__attribute__((format(printf, 2, 3))) bool words_refuse(struct words *w, const char *format, ...);

/*
 * Reads digits, with at most `places` of them behind a point, as a whole number of 10^-places.
 * False, without an error, if there are none, if there are more, or above `max`. Moves *text behind.
 */
bool decimal_read(const char **text, unsigned places, uint64_t max, uint64_t *out);

/* The next word as a whole number from `min` to `max`. */
bool words_number(struct words *w, const char *what, uint64_t min, uint64_t max, uint64_t *out);

/* The next word as a time; then the same of a word already in hand, without an error. */
bool words_time(struct words *w, inpath_time *out);
bool time_read(const char **text, inpath_time *out);

/* The next word as an address of that family. */
bool words_addr(struct words *w, enum inpath_family family, struct inpath_addr *out);

#endif
