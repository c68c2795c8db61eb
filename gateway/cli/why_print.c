/* SPDX-License-Identifier: GPL-2.0-or-later */
/* inpath why: the answer in sentences, or as JSON. */
#include "gateway/cli/show.h"
#include "gateway/cli/source.h"
#include "gateway/cli/why_words.h"

#include <stdio.h>

enum {
	WHY_NO_DATA = 3, /* exit status */
};

static void print_words(const struct model *m, const struct why_answer *a)
{
	for (uint32_t i = 0; i < a->count; i++) {
		printf("[%s] ", why_segment_name(a->problems[i].segment));
		why_words_problem(m, &a->problems[i], stdout);
		putchar('\n');
	}
	if (a->count)
		return;
	why_words_none(a, stdout);
	putchar('\n');
}

static int print(const struct model *m, const struct source *s)
{
	static struct why_answer answer;

	if (!why_ask(m, &answer))
		return SOURCE_NO_MEMORY;
	if (s->json)
		show_json_print(why_json(m, &answer));
	else
		print_words(m, &answer);
	if (answer.count)
		return 1;
	return why_knows_nothing(&answer) ? WHY_NO_DATA : 0;
}

static int run(const struct verb *self, int argc, char **argv)
{
	return source_verb(self, argc, argv, print);
}

const struct verb VERB_WHY = {
	.name = "why",
	.run = run,
	.what = "where it hurts: the answer in sentences",
	.about =
		"Where it hurts: one sentence a problem, with its figures: the device's link (Wi-Fi or cabling),\n"
		"the provider's first routers (access), a link farther on (transit) or the service itself. Everything is\n"
		"compared with its own past, so a log must go back to when all was well, and hold all paths:\n"
		"log.paths = \"all\". The running daemon holds the latest of them itself, whatever it logs.\n"
		"A router that answers late, while those behind it do not, is no problem.",
	SOURCE_OPERAND,
	.exits = "0 no problem, 1 a problem was named, 2 nothing could be read, 3 not enough data",
	.example = "sudo inpath why\n"
		   "         inpath why --client livingroom-tv --since 2h /var/log/inpath.log",
	.options = { SOURCE_MMDB, SOURCE_OPTIONS },
};
