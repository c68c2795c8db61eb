/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * report: a log on one page that can be sent to somebody else, in four forms. Private to report*.c.
 *
 * Owns:   nothing; the verb owns the model and the digest.
 * Time:   local time on the page and in Markdown, with its zone; UTC seconds in JSON and CSV.
 * Output: bounded by the digest's limits. The page loads nothing and runs nothing.
 */
#ifndef CLI_REPORT_H
#define CLI_REPORT_H

#include "gateway/cli/digest.h"
#include "gateway/cli/why.h"

#include <stdio.h>

enum {
	REPORT_RAW = 300,  /* records that are shown as they were written */
	REPORT_STAMP = 64, /* bytes of a time */
	REPORT_SPARK_BINS = 48,
};

struct report {
	const struct model *m;
	struct digest *d;
	struct why_answer why;
	model_time now;
};

/* Each writes all of it. False: no memory. */
bool report_html(const struct report *r, FILE *out);
bool report_md(const struct report *r, FILE *out);
bool report_json(const struct report *r, FILE *out);
bool report_csv(const struct report *r, FILE *out);

/* A time by strftime's format, local. Returns `out`. */
const char *report_stamp(model_time at, const char *format, char out[REPORT_STAMP]);

/* What the log covers, in words: `9 Oct 2025 08:53 to 12:53 UTC`. */
void report_period(const struct report *r, FILE *out);

/* Where a router of this address at this TTL is where a problem begins. */
bool report_hurts(const struct report *r, uint32_t ttl, const char *addr, size_t len);

/* Behind a router's address: its network, if it is known. */
void report_network(const char *addr, size_t len, FILE *out);

/* A device's letter, A to H: its mark where colours do not help. */
char report_letter(uint32_t client);

/* --- parts of the page ------------------------------------------------------------------------- */

extern const char report_style[];

/* A service: the picture of all ways, then device by device. False: no memory. */
bool report_service(const struct report *r, uint32_t service, FILE *out);

/* Round trips over the log's time: a line through the middles, a band between the tenths. */
void report_chart(const struct report *r, const char *heading, const struct spread *bins,
	uint32_t count, const struct spread *whole, FILE *out);

/* A line through the middles alone, up to `scale`. */
void report_spark(const struct spread *bins, uint32_t count, uint32_t scale, FILE *out);

/* From least to most, a bar between the tenths, the middle marked, up to `scale`. */
void report_bar(const struct spread *s, uint32_t scale, FILE *out);

/* The picture of all ways to a service. False: no memory. */
bool report_lattice(const struct report *r, uint32_t service, FILE *out);

#endif
