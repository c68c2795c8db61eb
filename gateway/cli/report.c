/* SPDX-License-Identifier: GPL-2.0-or-later */
/* inpath report: what a log tells, on one page that can be sent to somebody else. */
#include "gateway/cli/report.h"

#include "gateway/cli/source.h"
#include "gateway/cli/verbs.h"
#include "gateway/io/clock.h"

#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const struct format {
	const char *name;
	bool (*write)(const struct report *r, FILE *out);
} formats[] = {
	{ "html", report_html },
	{ "md", report_md },
	{ "json", report_json },
	{ "csv", report_csv },
};

/* NULL: there is none of this name. */
static const struct format *format_of(const char *name)
{
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
		if (!strcmp(formats[i].name, name))
			return &formats[i];
	return NULL;
}

const char *report_stamp(model_time at, const char *format, char out[REPORT_STAMP])
{
	time_t seconds = (time_t)(at / 1000);
	struct tm tm;
	char *text = out;

	if (!localtime_r(&seconds, &tm) || !strftime(out, REPORT_STAMP, format, &tm))
		*out = '\0';
	/* %e pads. */
	while (*text == ' ')
		text++;
	return text;
}

void report_period(const struct report *r, FILE *out)
{
	char from[REPORT_STAMP], until[REPORT_STAMP], day[2][REPORT_STAMP];
	bool same = !strcmp(
		report_stamp(r->m->first, "%F", day[0]), report_stamp(r->m->last, "%F", day[1]));

	if (r->d->traces == 0)
		fputs("No path was logged.", out);
	else
		fprintf(out, "%s to %s", report_stamp(r->m->first, "%e %b %Y, %H:%M", from),
			report_stamp(r->m->last, same ? "%H:%M %Z" : "%e %b %Y, %H:%M %Z", until));
}

bool report_hurts(const struct report *r, uint32_t ttl, const char *addr, size_t len)
{
	for (uint32_t i = 0; i < r->why.count; i++) {
		const struct why_problem *p = &r->why.problems[i];
		const char *bad = model_text(r->m, p->bad_addrs);

		if (p->segment != WHY_LAN && p->bad_ttl == ttl && strlen(bad) == len &&
			!memcmp(bad, addr, len))
			return true;
	}
	return false;
}

char report_letter(uint32_t client)
{
	return (char)('A' + client);
}

/* The exit status. */
static int write_to(const struct report *r, const struct format *format, const char *name)
{
	bool named = name && strcmp(name, "-") != 0, good;
	FILE *out = named ? fopen(name, "we") : stdout;
	int error = 0;

	if (!out) {
		fprintf(stderr, "inpath: %s: %s\n", name, strerror(errno));
		return VERB_FAILED;
	}
	good = format->write(r, out);
	if (fflush(out) || ferror(out))
		error = errno;
	if (named && fclose(out) && !error)
		error = errno;
	if (!good)
		return SOURCE_NO_MEMORY;
	if (!error)
		return 0;
	fprintf(stderr, "inpath: %s: %s\n", named ? name : "standard output", strerror(error));
	return VERB_FAILED;
}

static int report(const struct model *m, const struct format *format, const char *name)
{
	static struct report r;
	int status = SOURCE_NO_MEMORY;

	r = (struct report){ .m = m, .now = clock_wall() / INPATH_MSEC };
	if (why_ask(m, &r.why))
		r.d = digest_new(m);
	if (r.d)
		status = write_to(&r, format, name);
	digest_free(r.d);
	if (status != SOURCE_NO_MEMORY)
		return status;
	fputs("inpath: out of memory\n", stderr);
	return VERB_FAILED;
}

/* By --format, else by the name's end, else a page. NULL: there is no such format, and that was said. */
static const struct format *choose_format(const char *wanted, const char *name, bool json)
{
	const char *end = name ? strrchr(name, '.') : NULL;
	const struct format *format = wanted ? format_of(wanted)
				      : json ? format_of("json")
				      : end  ? format_of(end + 1)
					     : NULL;

	if (wanted && !format)
		fprintf(stderr, "inpath: --format %s is none of html, md, json, csv\n", wanted);
	return format || wanted ? format : format_of("html");
}

static int run(const struct verb *self, int argc, char **argv)
{
	struct source source = { .raw = REPORT_RAW };
	const char *wanted = NULL, *name = NULL;
	const struct format *format;
	struct model *m;
	int c, status;

	while ((c = verb_option(self, argc, argv)) != -1) {
		if (c == 'h')
			return verb_help(self, stdout);
		if (c == 'o')
			name = optarg;
		else if (c == 'F')
			wanted = optarg;
		else if (!source_option(&source, c, optarg))
			return VERB_WRONG;
	}
	format = choose_format(wanted, name, source.json);
	if (!format || !source_operands(&source, argc - optind, argv + optind))
		return VERB_WRONG;
	if (!name && format->write == report_html && isatty(STDOUT_FILENO)) {
		fputs("inpath: a page is for a browser: name a file with -o report.html\n", stderr);
		return VERB_WRONG;
	}
	m = source_read(&source);
	if (!m)
		return VERB_FAILED;
	status = report(m, format, name);
	model_free(m);
	return status;
}

const struct verb VERB_REPORT = {
	.name = "report",
	.run = run,
	.what = "all of that on one page that can be sent to somebody else",
	.about =
		"A report that can be sent to somebody else, such as the provider: where it hurts, and then for each\n"
		"device and service all ways, the round trips of every hop and over time, the changes, the records.\n"
		"The page needs nothing but itself: no network, no script.",
	SOURCE_OPERAND,
	.exits = "0; 2 if something could not be read or written",
	.example = "sudo inpath report --since 1d -o report.html",
	.options = { { "output", 'o', "FILE", "write it there, not to standard output" },
		{ "format", 'F', "F",
			"html (a page), md (Markdown), json, or csv (a row for each hop); without it what\n"
			"the name behind -o ends with, else html" },
		SOURCE_MMDB, SOURCE_OPTIONS },
};
