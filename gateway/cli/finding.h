/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * finding: what `inpath check` found: a mark, a sentence, and what mends it.
 *
 * Owns: a list of fixed size; one that is full loses nothing that was there.
 */
#ifndef FINDING_H
#define FINDING_H

#include <stdbool.h>
#include <stddef.h>

enum finding_mark {
	FINDING_OK,
	FINDING_LIMIT, /* works, but not all of it */
	FINDING_BAD,   /* does not work */
};

struct finding {
	const char *id; /* a word that stays the same */
	enum finding_mark mark;
	char text[320];
	char mend[320]; /* empty: nothing to do */
};

struct findings {
	size_t count;
	struct finding list[64];
};

/* Adds a finding without a mend; it is returned so that finding_mend can give it one. */
__attribute__((format(printf, 4, 5))) struct finding *finding_add(
	struct findings *all, const char *id, enum finding_mark mark, const char *format, ...);

__attribute__((format(printf, 2, 3))) void finding_mend(struct finding *f, const char *format, ...);

/* The worst mark: 0, 1 or 2, which is the exit status. */
int findings_worst(const struct findings *all);

/* Prints them for a person, in colour on a terminal unless NO_COLOR is set; or as JSON. */
void findings_print(const struct findings *all);
void findings_print_json(const struct findings *all);

#endif
