/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * control: what a person or the service manager asks of the running daemon, by a signal or over the
 * control socket.
 */
#include "gateway/daemon/daemon.h"
#include "gateway/daemon/report.h"
#include "gateway/io/clock.h"
#include "gateway/io/notify.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

enum {
	HISTORIES_AN_ANSWER = 64, /* looked at, at most */
};

static void swap_config(struct daemon *d, struct config *next)
{
	struct config *old = d->config;

	d->config = next;
	next->policies.counters = d->accounting.on;
	d->offload_said = false;
	log_configure(&d->log, next);
	inpath_engine_set_policy(d->engine, &next->policies, clock_now());
	config_free(old);
	log_say(&d->log, LOG_NOTICE, "configuration read again: %u policies, %u services",
		next->policies.policies_count, next->policies.services_count);
}

/* True if the file was taken; else `why` says why not. */
static bool reload(struct daemon *d, struct config_error *why)
{
	struct config *next;
	bool taken;

	notify_reloading();
	next = config_load(d->options->config, why);
	taken = next && config_may_replace(d->config, next, why);
	if (taken) {
		swap_config(d, next);
	} else {
		/* The log is reopened all the same: it may have been rotated. */
		log_configure(&d->log, d->config);
		if (next)
			log_say(&d->log, LOG_ERR,
				"configuration not taken, the old one stays: %s changed, which needs a "
				"restart",
				why->text);
		else
			log_say(&d->log, LOG_ERR, "configuration not taken, the old one stays: %s",
				why->text);
		config_free(next);
	}
	notify_ready();
	return taken;
}

static void stop(struct daemon *d, int signal)
{
	inpath_time now = clock_now();

	if (d->stopping) {
		/* Asked again: no patience for late answers. But who ends a whole group asks twice at once. */
		if (now - d->stop_asked > 200 * INPATH_MSEC)
			d->stop_at = now;
		return;
	}
	notify_stopping();
	inpath_engine_stop(d->engine, now);
	d->stopping = true;
	d->stop_signal = signal;
	d->stop_asked = now;
	d->stop_at = now + d->config->policies.timeout_ms * INPATH_MSEC;
}

void daemon_signal(struct daemon *d, int signal)
{
	struct config_error why;

	switch (signal) {
	case SIGHUP:
		if (d->stopping)
			break;
		reload(d, &why);
		daemon_read_leases(d);
		break;
	case SIGUSR1: report_stats(d, nfqueue_counters(d->queue), log_line, &d->log); break;
	default: stop(d, signal); break;
	}
}

/* --- records ------------------------------------------------------------------------------------- */

struct telling {
	struct daemon *daemon;
	bool logged, kept;
};

static void tell_line(void *arg, const char *line, size_t len)
{
	const struct telling *t = arg;

	if (t->logged)
		log_line(&t->daemon->log, line, len);
	if (t->kept)
		recent_line(t->daemon->recent, line, len);
}

void daemon_record(struct daemon *d, const struct inpath_record *record)
{
	bool path = record->kind == INPATH_RECORD_PATH;
	struct telling t = {
		.daemon = d,
		.logged = !path || !record->path.unlogged,
		.kept = path || record->kind == INPATH_RECORD_CHANGE,
	};

	log_format(&d->log, record, tell_line, &t);
}

/* --- the control socket ------------------------------------------------------------------------ */

struct answer {
	char *out;
	size_t used;
	bool full; /* a line had no room */
};

static void put_line(void *arg, const char *line, size_t len)
{
	struct answer *a = arg;

	if (a->used + len + 2 > CONTROL_ANSWER_BYTES) {
		a->full = true;
		return;
	}
	memcpy(a->out + a->used, line, len);
	a->used += len;
	a->out[a->used++] = '\n';
}

static void answer_reload(struct daemon *d, struct answer *a)
{
	struct config_error why = { "" };
	bool taken = !d->stopping && reload(d, &why);
	struct logfmt_pair pairs[] = { { "ok", taken ? "yes" : "no" }, { "why", why.text } };

	logfmt_event("reload", clock_wall(), pairs, taken ? 1 : 2, put_line, a);
}

/* Bytes that the line behind the histories may need. */
#define NEXT_BYTES 128

/*
 * The epochs of living flows from `cursor` on, as many as fit; the last line says where to go on:
 * ev=histories next=CURSOR, or next=end. So no answer takes longer than a batch of packets.
 */
static void answer_histories(struct daemon *d, uint32_t cursor, struct answer *a)
{
	char text[16] = "end";
	const struct logfmt_pair next = { "next", text };
	uint32_t before;

	a->used = NEXT_BYTES; /* kept free */
	for (int i = 0; i < HISTORIES_AN_ANSWER && cursor != INPATH_CURSOR_END; i++) {
		struct inpath_record record;
		size_t used = a->used;

		before = cursor;
		if (inpath_engine_history(d->engine, &cursor, &record))
			log_format(&d->log, &record, put_line, a);
		if (a->full) {
			a->used = used;
			cursor = before;
			break;
		}
	}
	memmove(a->out, a->out + NEXT_BYTES, a->used - NEXT_BYTES);
	a->used -= NEXT_BYTES;
	a->full = false;
	if (cursor != INPATH_CURSOR_END)
		snprintf(text, sizeof(text), "%u", cursor);
	logfmt_event("histories", clock_wall(), &next, 1, put_line, a);
}

static bool put_recent(void *arg, const char *line, size_t len)
{
	struct answer *a = arg;

	if (a->used + len + 1 + NEXT_BYTES > CONTROL_ANSWER_BYTES)
		return false;
	put_line(a, line, len);
	return true;
}

/* The latest records from line `cursor` on; the last line as above: ev=recent. */
static void answer_recent(struct daemon *d, uint64_t cursor, struct answer *a)
{
	char text[24] = "end";
	const struct logfmt_pair next = { "next", text };
	bool end;

	cursor = recent_tell(d->recent, cursor, put_recent, a, &end);
	if (!end)
		snprintf(text, sizeof(text), "%" PRIu64, cursor);
	logfmt_event("recent", clock_wall(), &next, 1, put_line, a);
}

/* `WORD`, or `WORD CURSOR`. */
static bool asks_pages(const char *request, const char *word, uint64_t *cursor)
{
	const char *rest = request + strlen(word);
	char *end;

	if (strncmp(request, word, strlen(word)) != 0)
		return false;
	*cursor = 0;
	if (*rest == '\0')
		return true;
	*cursor = strtoull(rest, &end, 10);
	return *rest == ' ' && *end == '\0';
}

size_t daemon_answer(void *arg, const char *request, char out[CONTROL_ANSWER_BYTES])
{
	static const struct logfmt_pair unknown = { "why",
		"unknown request: status, reload, recent, histories" };
	struct daemon *d = arg;
	struct answer a = { .out = out };
	uint64_t cursor;

	if (asks_pages(request, "recent", &cursor)) {
		answer_recent(d, cursor, &a);
	} else if (asks_pages(request, "histories", &cursor)) {
		answer_histories(
			d, cursor < INPATH_CURSOR_END ? (uint32_t)cursor : INPATH_CURSOR_END, &a);
	} else if (!strcmp(request, "status")) {
		report_state(d, put_line, &a);
		report_stats(d, nfqueue_counters(d->queue), put_line, &a);
	} else if (!strcmp(request, "reload")) {
		answer_reload(d, &a);
	} else {
		logfmt_event("error", clock_wall(), &unknown, 1, put_line, &a);
	}
	return a.used;
}
