/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * why_words: why's answer in sentences, and as JSON with the log's names.
 *
 * Owns:   nothing; JSON objects are the caller's.
 * Time:   local time in sentences.
 * Output: printable text without newline: what strangers wrote is made safe.
 */
#ifndef CLI_WHY_WORDS_H
#define CLI_WHY_WORDS_H

#include "gateway/cli/why.h"

#include <stdio.h>

struct json_object;

/* lan, access, transit, service: the rule that spoke. */
const char *why_segment_name(enum why_segment segment);

/* One problem, with its figures. */
void why_words_problem(const struct model *m, const struct why_problem *p, FILE *out);

/* What is said where there is none: that all is well, or that too little is known. */
void why_words_none(const struct why_answer *a, FILE *out);

/* Either of these as a string, which the caller frees; `p` is NULL where there is no problem. NULL: no memory. */
char *why_words_text(
	const struct model *m, const struct why_answer *a, const struct why_problem *p);

/* Neither a problem nor its absence can be told. */
bool why_knows_nothing(const struct why_answer *a);

struct json_object *why_json(const struct model *m, const struct why_answer *a);

#endif
