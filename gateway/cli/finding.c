/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/cli/finding.h"

#include <json-c/json.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	COLUMNS = 100,
	INDENT = 9,
};

static const char *const words[] = { "ok", "limit", "bad" };

struct finding *finding_add(
	struct findings *all, const char *id, enum finding_mark mark, const char *format, ...)
{
	static struct finding spare;
	struct finding *f = &spare;
	va_list args;

	if (all->count < sizeof(all->list) / sizeof(all->list[0]))
		f = &all->list[all->count++];
	*f = (struct finding){ .id = id, .mark = mark };
	va_start(args, format);
	vsnprintf(f->text, sizeof(f->text), format, args);
	va_end(args);
	return f;
}

void finding_mend(struct finding *f, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(f->mend, sizeof(f->mend), format, args);
	va_end(args);
}

int findings_worst(const struct findings *all)
{
	enum finding_mark worst = FINDING_OK;

	for (size_t i = 0; i < all->count; i++)
		worst = all->list[i].mark > worst ? all->list[i].mark : worst;
	return (int)worst;
}

/* Prints words from column `at` on, breaking lines between them. */
static void print_wrapped(const char *text, size_t at)
{
	while (*text) {
		size_t len = strcspn(text, " ");

		if (at > INDENT && at + 1 + len > COLUMNS) {
			printf("\n%*s", INDENT, "");
			at = INDENT;
		} else if (at > INDENT) {
			putchar(' ');
			at++;
		}
		printf("%.*s", (int)len, text);
		at += len;
		text += len + strspn(text + len, " ");
	}
	putchar('\n');
}

void findings_print(const struct findings *all)
{
	static const char *const colours[] = { "\033[32m", "\033[33m", "\033[31m" };
	static const char *const summaries[] = { "All good.", "It works, with limits.",
		"It does not work." };
	bool colour = isatty(STDOUT_FILENO) && !getenv("NO_COLOR");

	for (size_t i = 0; i < all->count; i++) {
		const struct finding *f = &all->list[i];

		printf("%s%-5s%s    ", colour ? colours[f->mark] : "", words[f->mark],
			colour ? "\033[0m" : "");
		print_wrapped(f->text, INDENT);
		if (*f->mend) {
			printf("%*s-> ", INDENT - 3, "");
			print_wrapped(f->mend, INDENT);
		}
	}
	printf("\n%s\n", summaries[findings_worst(all)]);
}

void findings_print_json(const struct findings *all)
{
	struct json_object *top = json_object_new_object();
	struct json_object *list = json_object_new_array();

	json_object_object_add(top, "status", json_object_new_int(findings_worst(all)));
	for (size_t i = 0; i < all->count; i++) {
		const struct finding *f = &all->list[i];
		struct json_object *one = json_object_new_object();

		json_object_object_add(one, "id", json_object_new_string(f->id));
		json_object_object_add(one, "mark", json_object_new_string(words[f->mark]));
		json_object_object_add(one, "finding", json_object_new_string(f->text));
		json_object_object_add(one, "mend", json_object_new_string(f->mend));
		json_object_array_add(list, one);
	}
	json_object_object_add(top, "findings", list);
	puts(json_object_to_json_string_ext(top, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
							 JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(top);
}
