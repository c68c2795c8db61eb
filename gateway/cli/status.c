/* SPDX-License-Identifier: GPL-2.0-or-later */
/* inpath status, inpath reload: the running daemon asked over its control socket. */
#include "gateway/cli/ask.h"
#include "gateway/cli/verbs.h"

#include <stdbool.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

/* X(name, what is counted): of the line with of=shells. */
#define SHELL_STATS(X)                                                                             \
	X(queue_gaps, "packets that the queue passed unseen")                                      \
	X(queue_full, "times that the queue was full")                                             \
	X(queue_enobufs, "times that the queue's socket was full")                                 \
	X(queue_unreadable, "messages of the queue that could not be read")                        \
	X(verdicts_refused, "verdicts that the kernel did not take")                               \
	X(verdicts_retried, "verdicts that the kernel took later")                                 \
	X(dns_copies, "copies of DNS packets that came")                                           \
	X(dns_missed, "copies of DNS packets that were lost")                                      \
	X(arm_failed, "flows that could not be brought back to the queue")                         \
	X(log_dropped, "lines that a log did not take in time")

static const struct {
	const char *name;
	const char *what;
} counters[] = {
#define COUNTER(name, what) { #name, what },
	INPATH_STATS(COUNTER) SHELL_STATS(COUNTER)
#undef COUNTER
};

static const char *text_of(const struct answer *a, const char *key)
{
	const char *value = answer_get(a, "state", key);

	return value ? value : "-";
}

static void print_age(const char *what, const struct answer *a, const char *key)
{
	uint64_t age = answer_number(a, "state", key, UINT64_MAX);

	if (age == UINT64_MAX)
		printf("%s never", what);
	else if (age < 120)
		printf("%s %" PRIu64 " s ago", what, age);
	else if (age < 7200)
		printf("%s %" PRIu64 " min ago", what, age / 60);
	else
		printf("%s %" PRIu64 " h ago", what, age / 3600);
}

static void print_words(const struct answer *a)
{
	uint64_t up = answer_number(a, "state", "uptime", 0);

	printf("inpathd %s runs since %" PRIu64 " h %" PRIu64 " min %" PRIu64
	       " s (pid %s), queue %s, lan %s, wan %s.\n",
		text_of(a, "version"), up / 3600, up / 60 % 60, up % 60, text_of(a, "pid"),
		text_of(a, "queue"), text_of(a, "lan"), text_of(a, "wan"));
	print_age("Last packet", a, "last_packet");
	print_age(", last DNS packet", a, "last_dns");
	print_age(", last path", a, "last_path");
	printf(".\n\nSince then, what is not zero:\n");
	for (size_t i = 0; i < sizeof(counters) / sizeof(counters[0]); i++) {
		uint64_t value = answer_number(a, "stats", counters[i].name, 0);

		if (value)
			printf("%12" PRIu64 "  %s\n", value, counters[i].what);
	}
}

static void print_json(const struct answer *a)
{
	struct json_object *top = json_object_new_object();

	for (size_t i = 0; i < a->count; i++)
		for (size_t k = 0; k < a->lines[i].count; k++) {
			const char *key = a->lines[i].fields[k].key;
			const char *value = a->lines[i].fields[k].value;

			if (!strcmp(key, "ev") || !strcmp(key, "v") || !strcmp(key, "of") ||
				!strcmp(key, "part") || (i && !strcmp(key, "ts")))
				continue;
			json_object_object_add(top, key,
				*value && strspn(value, "0123456789") == strlen(value)
					? json_object_new_int64((int64_t)answer_number(
						  a, i ? "stats" : "state", key, 0))
					: json_object_new_string(value));
		}
	puts(json_object_to_json_string_ext(top, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
							 JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(top);
}

static int run_status(const struct verb *self, int argc, char **argv)
{
	static struct answer a;
	bool json = false;
	int c, error;

	while ((c = verb_option(self, argc, argv)) != -1) {
		switch (c) {
		case 'j': json = true; break;
		case 'h': return verb_help(self, stdout);
		default: return VERB_WRONG;
		}
	}
	if (verb_has_more(self, argc, argv))
		return VERB_WRONG;
	error = ask_daemon("status", &a);
	if (error)
		return ask_say_why(error);
	if (json)
		print_json(&a);
	else
		print_words(&a);
	return 0;
}

const struct verb VERB_STATUS = {
	.name = "status",
	.run = run_status,
	.what = "what inpathd has seen and done, in words",
	.about = "What inpathd is doing, and its counters by cause, in words.",
	.exits = "0; 2 if it does not run or does not answer",
	.example = "sudo inpath status --json | jq .offloaded",
	.options = { { "json", 'j', NULL, "for programs; counters are named as in the log" } },
};

static int run_reload(const struct verb *self, int argc, char **argv)
{
	static struct answer a;
	const char *ok, *why;
	int c = verb_option(self, argc, argv), error;

	if (c == 'h')
		return verb_help(self, stdout);
	if (c != -1 || verb_has_more(self, argc, argv))
		return VERB_WRONG;
	error = ask_daemon("reload", &a);
	if (error)
		return ask_say_why(error);
	ok = answer_get(&a, "reload", "ok");
	why = answer_get(&a, "reload", "why");
	if (ok && !strcmp(ok, "yes"))
		return 0;
	fprintf(stderr, "inpath: not taken, the old configuration stays: %s\n", why ? why : "-");
	return 1;
}

const struct verb VERB_RELOAD = {
	.name = "reload",
	.run = run_reload,
	.what = "let inpathd read its configuration again",
	.about = "Lets inpathd read its configuration again. A file that is not good is not taken.",
	.exits = "0 taken; 1 not taken, said why; 2 inpathd does not run",
	.example = "sudo inpath reload",
};
