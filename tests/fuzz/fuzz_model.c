/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz_model: the input is read as a log, line by line, each from an exact-size copy.
 *
 * Holds: every number that the model holds is one of a text, path or flow that it has; a flow's traces and
 * epochs are a chain, in the log's order, and all chains together hold each once; the lines are counted, each
 * as one thing; reading the same again gives the same. `why` and the tables take whatever it is, and
 * `why` names nothing that is not in it.
 */
#include "gateway/cli/model.h"
#include "gateway/cli/sights.h"
#include "gateway/cli/verbs.h"
#include "gateway/cli/why.h"

#include <fcntl.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static struct model *reading(const uint8_t *data, size_t size)
{
	struct model *m = model_new(NULL);

	must(m != NULL);
	while (size) {
		const uint8_t *end = memchr(data, '\n', size);
		size_t len = end ? (size_t)(end - data) + 1 : size;
		char *copy = malloc(len);

		must(copy != NULL);
		memcpy(copy, data, len);
		must(model_line(m, copy, len));
		free(copy);
		data += len;
		size -= len;
	}
	model_end(m);
	return m;
}

static void check_text(const struct model *m, uint32_t text, bool may_be_none)
{
	must((may_be_none && text == MODEL_NONE) || text < m->texts.count);
	must(strlen(model_text(m, text)) < 1000);
}

/* The entries of a path. */
static uint32_t check_path(const struct model *m, uint32_t path)
{
	uint32_t count;
	const struct model_step *steps;

	must(path < m->paths.count);
	steps = model_path(m, path, &count);
	must(count >= 1 && count <= MODEL_HOPS);
	for (uint32_t i = 0; i < count; i++)
		check_text(m, steps[i].addrs, true);
	return count;
}

static void check_trace(const struct model *m, const struct model_trace *t, uint32_t flow)
{
	must(t->flow == flow);
	must((uint64_t)t->rtts + check_path(m, t->path) <= m->rtt_count);
	must(t->line >= 1 && t->line <= m->lines);
	/* A time of 0 is none. */
	must(t->at <= m->last && (t->at == 0 || t->at >= m->first));
	check_text(m, t->why, true);
	check_text(m, t->stop, true);
}

static void check_epoch(const struct model *m, const struct model_epoch *e, uint32_t flow)
{
	must(e->flow == flow);
	must((uint64_t)e->spreads + check_path(m, e->path) <= m->spread_count);
}

static void check_flow(const struct model *m, uint32_t index, uint32_t *traces, uint32_t *epochs)
{
	const struct model_flow *f = &m->flows[index];
	uint32_t last = MODEL_NONE, count = 0;

	check_text(m, f->client, false);
	check_text(m, f->server, false);
	check_text(m, f->proto, false);
	check_text(m, f->policy, false);
	check_text(m, f->service, false);
	check_text(m, f->by, false);
	check_text(m, f->device, true);
	check_text(m, f->host, true);
	for (uint32_t i = f->first_trace; i != MODEL_NONE; i = m->traces[i].next, count++) {
		must(i < m->trace_count && (last == MODEL_NONE || i > last));
		check_trace(m, &m->traces[i], index);
		last = i;
	}
	must(f->last_trace == last && f->traces == count);
	*traces += count;
	last = MODEL_NONE;
	for (uint32_t i = f->first_epoch; i != MODEL_NONE; i = m->epochs[i].next, ++*epochs) {
		must(i < m->epoch_count && (last == MODEL_NONE || i > last));
		check_epoch(m, &m->epochs[i], index);
		last = i;
	}
	must(f->last_epoch == last);
}

static void check_model(const struct model *m)
{
	uint32_t traces = 0, epochs = 0, count, told = 0;
	struct sight *sights = sights_of(m, &count);

	for (uint32_t i = 0; i < m->flow_count; i++)
		check_flow(m, i, &traces, &epochs);
	must(traces == m->trace_count && epochs == m->epoch_count &&
		m->keys.count == m->flow_count);
	for (uint32_t i = 0; i < m->change_count; i++)
		must(m->changes[i].flow < m->flow_count);
	must(m->trace_count + m->epoch_count + m->change_count + m->broken + m->filtered <=
		m->lines);
	must(m->unjoined <= m->lines && m->filtered == 0 && !m->full);
	for (uint32_t i = 0; i < m->trace_count; i++)
		told += m->traces[i].told;
	must(sights && count == m->trace_count - told + m->epoch_count);
	must(told == 0 || m->epoch_count);
	free(sights);
}

static void check_why(const struct model *m, const struct why_answer *a)
{
	must(a->count <= WHY_PROBLEMS);
	must(a->servers <= a->servers_seen && a->clients <= a->clients_seen);
	must(a->servers_seen <= m->flow_count && a->clients_seen <= m->flow_count);
	for (uint32_t i = 0; i < a->count; i++) {
		const struct why_problem *p = &a->problems[i];

		must(p->flow < m->flow_count);
		must(p->since <= m->last && (p->since == 0 || p->since >= m->first));
		must(p->broken || p->now_us > p->before_us);
		check_text(m, p->good_addrs, true);
		check_text(m, p->bad_addrs, true);
		must(p->segment == WHY_LAN || (p->servers >= 1 && p->servers <= a->servers_seen));
	}
}

static void check_same(const struct model *m, const struct model *n)
{
	must(m->flow_count == n->flow_count && m->trace_count == n->trace_count &&
		m->change_count == n->change_count && m->epoch_count == n->epoch_count &&
		m->rtt_count == n->rtt_count && m->spread_count == n->spread_count);
	must(m->lines == n->lines && m->broken == n->broken && m->unjoined == n->unjoined);
	must(m->texts.count == n->texts.count && m->paths.count == n->paths.count);
	must(m->first == n->first && m->last == n->last);
	must(m->rtt_count == 0 || !memcmp(m->rtts, n->rtts, m->rtt_count * sizeof(*m->rtts)));
}

/* A verb over the same log, its words thrown away. */
static void run_verb(const struct verb *verb, const uint8_t *data, size_t size, bool json)
{
	static char name[] = "verb", option[] = "--json";
	int log = memfd_create("log", MFD_CLOEXEC), null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	int out = dup(STDOUT_FILENO), err = dup(STDERR_FILENO), status;
	char file[64];
	char *argv[] = { name, file, json ? option : NULL, NULL };

	snprintf(file, sizeof(file), "/proc/self/fd/%d", log);
	must(log >= 0 && null >= 0 && write(log, data, size) == (ssize_t)size);
	fflush(stdout);
	dup2(null, STDOUT_FILENO);
	dup2(null, STDERR_FILENO);
	optind = 0;
	status = verb->run(verb, json ? 3 : 2, argv);
	fflush(stdout);
	dup2(out, STDOUT_FILENO);
	dup2(err, STDERR_FILENO);
	close(out);
	close(err);
	close(null);
	close(log);
	must(status >= 0 && status <= 3 && status != VERB_FAILED);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct model *m = reading(data, size), *again = reading(data, size);
	static struct why_answer answer, same;

	check_model(m);
	check_same(m, again);
	must(why_ask(m, &answer) && why_ask(again, &same));
	check_why(m, &answer);
	must(answer.count == same.count && answer.servers == same.servers &&
		answer.clients == same.clients);
	model_free(m);
	model_free(again);
	/* The tables are the slower part: some of the inputs are enough. */
	if (size % 8 == 0) {
		run_verb(&VERB_FLOWS, data, size, size & 8);
		run_verb(&VERB_PATHS, data, size, size & 8);
		run_verb(&VERB_WHY, data, size, size & 8);
	}
	return 0;
}
