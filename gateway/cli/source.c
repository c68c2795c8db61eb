/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/cli/source.h"

#include "gateway/cli/ask.h"
#include "gateway/cli/asn.h"
#include "gateway/cli/devices.h"
#include "gateway/daemon/config.h"
#include "gateway/io/clock.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool source_option(struct source *s, int option, const char *value)
{
	switch (option) {
	case 'C': s->filter.client = value; return true;
	case 'S': s->filter.service = value; return true;
	case 'j': s->json = true; return true;
	case 'M': s->mmdb = value; return true;
	case 'N': s->no_names = true; return true;
	case 'R': s->resolve = true; return true;
	case 'T':
		if (model_time_read(value, clock_wall() / INPATH_MSEC, &s->filter.since))
			return true;
		fprintf(stderr,
			"inpath: --since %s is no time: 90s, 10m, 2h, 3d, or 2026-11-21T20:14\n",
			value);
		return false;
	default: return false;
	}
}

bool source_operands(struct source *s, int argc, char **argv)
{
	if (argc > 1) {
		fprintf(stderr, "inpath: one log at a time: %s is too much\n", argv[1]);
		return false;
	}
	s->file = argc ? argv[0] : NULL;
	return true;
}

/* What is said on the terminal while a long log is read. */
struct progress {
	inpath_time began;
	uint64_t whole; /* bytes; 0: unknown */
	bool shown;
};

static void progress_tell(void *arg, uint64_t bytes)
{
	struct progress *p = arg;

	if (clock_now() - p->began < INPATH_SEC)
		return;
	p->shown = true;
	if (p->whole)
		fprintf(stderr, "\rreading: %3" PRIu64 " %%", bytes * 100 / p->whole);
	else
		fprintf(stderr, "\rreading: %" PRIu64 " MB", bytes >> 20);
}

static int read_log(struct model *m, FILE *log)
{
	struct progress p = { .began = clock_now() };
	struct stat st;
	int error;

	if (fstat(fileno(log), &st) == 0 && S_ISREG(st.st_mode))
		p.whole = (uint64_t)st.st_size;
	error = model_read(m, log, isatty(STDERR_FILENO) ? progress_tell : NULL, &p);
	if (p.shown)
		fputs("\r\033[K", stderr);
	return error;
}

static void say_doubts(const struct model *m, const char *name)
{
	if (m->broken)
		fprintf(stderr,
			"inpath: %s: %" PRIu64 " lines that are no whole records are left out\n",
			name, m->broken);
	if (m->unjoined)
		fprintf(stderr,
			"inpath: %s: %" PRIu64 " paths of which a part is missing are left out\n",
			name, m->unjoined);
}

static bool take_line(void *arg, const char *line, size_t len)
{
	return model_line(arg, line, len);
}

/* What the daemon knows: the latest records, and then the paths of living flows as a whole. */
static struct model *read_daemon(const struct source *s)
{
	static const char *const requests[] = { "recent", "histories" };
	struct model *m = model_new(&s->filter);
	int error = m && (!s->raw || model_keep_raw(m, s->raw)) ? 0 : -ENOMEM;

	for (size_t i = 0; !error && i < sizeof(requests) / sizeof(requests[0]); i++)
		error = ask_pages(requests[i], take_line, m);
	if (error) {
		model_free(m);
		if (error == -ENOMEM)
			fputs("inpath: out of memory\n", stderr);
		else
			ask_say_why(error);
		return NULL;
	}
	model_end(m);
	return m;
}

static struct model *read_file(const struct source *s)
{
	bool input = s->file && !strcmp(s->file, "-");
	const char *name = input ? "standard input" : s->file;
	struct model *m;
	FILE *log;
	int error;

	log = input ? stdin : fopen(s->file, "re");
	if (!log) {
		fprintf(stderr, "inpath: %s: %s\n", name, strerror(errno));
		return NULL;
	}
	m = model_new(&s->filter);
	error = m && (!s->raw || model_keep_raw(m, s->raw)) ? read_log(m, log) : -ENOMEM;
	if (!input)
		fclose(log);
	if (error) {
		fprintf(stderr, "inpath: %s: %s\n", name, strerror(-error));
		model_free(m);
		return NULL;
	}
	say_doubts(m, name);
	return m;
}

/* What the configuration names; a bad one is inpathd's to tell of. */
static void open_configured(void)
{
	struct config_error why;
	struct config *config = config_load(NULL, &why);

	if (config && config->mmdb)
		asn_open(config->mmdb);
	config_free(config);
}

struct model *source_read(const struct source *s)
{
	struct source named = *s;
	struct devices devices;
	struct model *m;

	if (s->mmdb && !asn_open(s->mmdb))
		return NULL;
	if (!s->mmdb)
		open_configured();
	devices_init(&devices);
	devices_add_known(&devices);
	named.filter.devices = &devices;
	m = s->file ? read_file(&named) : read_daemon(&named);
	devices_free(&devices);
	if (m)
		m->filter.devices = NULL;
	for (uint32_t i = 0; m && s->no_names && i < m->flow_count; i++)
		m->flows[i].device = MODEL_NONE;
	return m;
}

int source_verb(const struct verb *self, int argc, char **argv,
	int (*print)(const struct model *m, const struct source *s))
{
	struct source source = { .json = false };
	struct model *m;
	int c, status;

	while ((c = verb_option(self, argc, argv)) != -1) {
		if (c == 'h')
			return verb_help(self, stdout);
		if (!source_option(&source, c, optarg))
			return VERB_WRONG;
	}
	if (!source_operands(&source, argc - optind, argv + optind))
		return VERB_WRONG;
	m = source_read(&source);
	if (!m)
		return VERB_FAILED;
	status = print(m, &source);
	model_free(m);
	if (status != SOURCE_NO_MEMORY)
		return status;
	fputs("inpath: out of memory\n", stderr);
	return VERB_FAILED;
}
