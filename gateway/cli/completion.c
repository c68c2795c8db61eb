/* SPDX-License-Identifier: GPL-2.0-or-later */
/* inpath completion: what a shell needs to complete the command's verbs and options, from their table. */
#include "gateway/cli/verbs.h"

#include <getopt.h>
#include <stdbool.h>
#include <string.h>

static bool takes_file(const struct verb_option *o)
{
	return o->value && !strcmp(o->value, "FILE");
}

/* The first line of a text within single quotes; `escape` comes in front of what would end them. */
static void print_quoted(const char *text, const char *escape)
{
	for (; *text && *text != '\n'; text++) {
		if (*text == '\'')
			fputs(escape, stdout);
		if (*text != '[' && *text != ']')
			putchar(*text);
	}
}

/* Has no verb before this one an option of that name? */
static bool is_new(size_t verb, const char *name)
{
	for (size_t i = 0; i < verb; i++)
		for (const struct verb_option *o = verbs[i]->options; o->name; o++)
			if (!strcmp(o->name, name))
				return false;
	return true;
}

static void print_bash(void)
{
	fputs("# bash completion for inpath\n"
	      "_inpath() {\n"
	      "\tlocal word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} offer=\n"
	      "\tCOMPREPLY=()\n"
	      "\tcase $COMP_CWORD-${COMP_WORDS[1]} in\n"
	      "\t1-*) offer='",
		stdout);
	for (size_t i = 0; verbs[i]; i++)
		printf("%s ", verbs[i]->name);
	fputs("--help --version' ;;\n"
	      "\t2-completion) offer='bash zsh fish --help' ;;\n",
		stdout);
	for (size_t i = 0; verbs[i]; i++) {
		printf("\t*-%s) offer='", verbs[i]->name);
		for (const struct verb_option *o = verbs[i]->options; o->name; o++)
			printf("--%s ", o->name);
		fputs("--help' ;;\n", stdout);
	}
	fputs("\tesac\n"
	      "\tcase $before in\n",
		stdout);
	for (size_t i = 0; verbs[i]; i++)
		for (const struct verb_option *o = verbs[i]->options; o->name; o++)
			if (o->value && !takes_file(o) && is_new(i, o->name))
				printf("\t--%s) return ;;\n", o->name);
	fputs("\tesac\n"
	      "\tif [ \"$COMP_CWORD\" -eq 1 ] || [ \"${COMP_WORDS[1]}\" = completion ] || [ \"${word#-}\" != \"$word\" ]; then\n"
	      "\t\tmapfile -t COMPREPLY < <(compgen -W \"$offer\" -- \"$word\")\n"
	      "\telse\n"
	      "\t\tmapfile -t COMPREPLY < <(compgen -f -- \"$word\")\n"
	      "\tfi\n"
	      "}\n"
	      "complete -o filenames -F _inpath inpath\n",
		stdout);
}

static void print_zsh(void)
{
	static const char *const quote = "'\\'";

	fputs("#compdef inpath\n"
	      "_inpath() {\n"
	      "\tlocal -a verbs\n"
	      "\tverbs=(\n",
		stdout);
	for (size_t i = 0; verbs[i]; i++) {
		printf("\t\t'%s:", verbs[i]->name);
		print_quoted(verbs[i]->what, quote);
		fputs("'\n", stdout);
	}
	fputs("\t)\n"
	      "\tif (( CURRENT == 2 )); then\n"
	      "\t\t_describe verb verbs\n"
	      "\t\treturn\n"
	      "\tfi\n"
	      "\tshift words\n"
	      "\t(( CURRENT-- ))\n"
	      "\tcase $words[1] in\n",
		stdout);
	for (size_t i = 0; verbs[i]; i++) {
		printf("\t%s) _arguments", verbs[i]->name);
		for (const struct verb_option *o = verbs[i]->options; o->name; o++) {
			printf(" \\\n\t\t'--%s[", o->name);
			print_quoted(o->what, quote);
			printf("]%s%s%s'", o->value ? ":" : "", o->value ? o->value : "",
				takes_file(o) ? ":_files"
				: o->value    ? ":"
					      : "");
		}
		fputs(" \\\n\t\t'--help[what it does]'", stdout);
		if (verbs[i] == &VERB_COMPLETION)
			fputs(" \\\n\t\t'1:shell:(bash zsh fish)'", stdout);
		else if (verbs[i]->operand)
			fputs(" \\\n\t\t'1:log:_files'", stdout);
		fputs(" ;;\n", stdout);
	}
	fputs("\tesac\n"
	      "}\n"
	      "if [ \"$funcstack[1]\" = _inpath ]; then\n"
	      "\t_inpath \"$@\"\n"
	      "else\n"
	      "\tcompdef _inpath inpath\n"
	      "fi\n",
		stdout);
}

static void print_fish(void)
{
	fputs("# fish completion for inpath\n"
	      "complete -c inpath -f\n"
	      "complete -c inpath -n __fish_use_subcommand -l version -d 'the version'\n",
		stdout);
	for (size_t i = 0; verbs[i]; i++) {
		printf("complete -c inpath -n __fish_use_subcommand -a %s -d '", verbs[i]->name);
		print_quoted(verbs[i]->what, "\\");
		fputs("'\n", stdout);
		for (const struct verb_option *o = verbs[i]->options; o->name; o++) {
			printf("complete -c inpath -n '__fish_seen_subcommand_from %s' -l %s%s -d '",
				verbs[i]->name, o->name,
				takes_file(o) ? " -r -F"
				: o->value    ? " -x"
					      : "");
			print_quoted(o->what, "\\");
			fputs("'\n", stdout);
		}
		if (verbs[i] == &VERB_COMPLETION)
			fputs("complete -c inpath -n '__fish_seen_subcommand_from completion' -a 'bash zsh fish'\n",
				stdout);
		else if (verbs[i]->operand)
			printf("complete -c inpath -n '__fish_seen_subcommand_from %s' -F\n",
				verbs[i]->name);
	}
	fputs("complete -c inpath -l help -d 'what it does'\n", stdout);
}

static int run(const struct verb *self, int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*print)(void);
	} shells[] = { { "bash", print_bash }, { "zsh", print_zsh }, { "fish", print_fish } };
	int c = verb_option(self, argc, argv);
	const char *wanted = optind < argc ? argv[optind++] : "";

	if (c == 'h')
		return verb_help(self, stdout);
	if (c != -1 || verb_has_more(self, argc, argv))
		return VERB_WRONG;
	for (size_t i = 0; i < sizeof(shells) / sizeof(shells[0]); i++) {
		if (!strcmp(wanted, shells[i].name)) {
			shells[i].print();
			return 0;
		}
	}
	fputs("inpath completion: for which shell? bash, zsh or fish\n", stderr);
	return VERB_WRONG;
}

const struct verb VERB_COMPLETION = {
	.name = "completion",
	.run = run,
	.what = "what a shell needs to complete these words",
	.about =
		"Prints a script that lets a shell complete this command's verbs and options. `make install`\n"
		"puts them where the shells look.",
	.operand = "bash|zsh|fish",
	.told = "the shell",
	.exits = "0",
	.example = "inpath completion bash >~/.local/share/bash-completion/completions/inpath",
};
