/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/cli/verbs.h"

#include <ctype.h>
#include <getopt.h>
#include <string.h>

enum {
	USAGE_COLUMNS = 100,
	OPTION_COLUMNS = 20, /* of --help's left column */
};

const struct verb *const verbs[] = { &VERB_WHY, &VERB_FLOWS, &VERB_PATHS, &VERB_REPORT, &VERB_CHECK,
	&VERB_STATUS, &VERB_RELOAD, &VERB_COMPLETION, NULL };

int verb_option(const struct verb *v, int argc, char **argv)
{
	struct option longs[VERB_OPTIONS + 1] = { { "help", no_argument, NULL, 'h' } };
	char shorts[2 * VERB_OPTIONS + 2] = "h";
	size_t used = 1;

	for (size_t i = 0; v->options[i].name; i++) {
		const struct verb_option *o = &v->options[i];

		longs[i + 1] = (struct option){ o->name, o->value ? required_argument : no_argument,
			NULL, o->letter };
		if (!islower(o->letter))
			continue;
		shorts[used++] = (char)o->letter;
		if (o->value)
			shorts[used++] = ':';
	}
	return getopt_long(argc, argv, shorts, longs, NULL);
}

static void print_usage(const struct verb *v, FILE *out)
{
	int used = fprintf(out, "usage: inpath %s", v->name);

	for (size_t i = 0; v->options[i].name; i++) {
		char text[64];
		int len = snprintf(text, sizeof(text), " [--%s%s%s]", v->options[i].name,
			v->options[i].value ? " " : "",
			v->options[i].value ? v->options[i].value : "");

		if (used + len > USAGE_COLUMNS)
			used = fprintf(out, "\n              ") - 1;
		used += fprintf(out, "%s", text);
	}
	fprintf(out, "%s%s\n\n", v->operand ? " " : "", v->operand ? v->operand : "");
}

/* `what` may have several lines. */
static void print_row(FILE *out, const char *left, const char *what)
{
	fprintf(out, "  %-*s", OPTION_COLUMNS, left);
	for (; *what; what++) {
		fputc(*what, out);
		if (*what == '\n')
			fprintf(out, "  %-*s", OPTION_COLUMNS, "");
	}
	fputc('\n', out);
}

int verb_help(const struct verb *v, FILE *out)
{
	print_usage(v, out);
	fprintf(out, "%s\n\n", v->about);
	for (size_t i = 0; v->options[i].name; i++) {
		const struct verb_option *o = &v->options[i];
		char left[64];

		snprintf(left, sizeof(left), "--%s%s%s", o->name, o->value ? " " : "",
			o->value ? o->value : "");
		if (islower(o->letter))
			snprintf(left + strlen(left), sizeof(left) - strlen(left), ", -%c",
				o->letter);
		print_row(out, left, o->what);
	}
	if (v->operand)
		print_row(out, v->operand, v->told);
	if (v->operand || v->options[0].name)
		fputc('\n', out);
	fprintf(out, "Exit status: %s.\n\nExample: %s\n", v->exits, v->example);
	return 0;
}

int verb_has_more(const struct verb *v, int argc, char **argv)
{
	if (optind >= argc)
		return 0;
	fprintf(stderr, "inpath %s: %s is too much: see inpath %s --help\n", v->name, argv[optind],
		v->name);
	return 1;
}
