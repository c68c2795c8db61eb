/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * control: what a person or the service manager asks of the running daemon, by a signal or over the
 * control socket.
 */
#include "gateway/daemon/daemon.h"
#include "gateway/daemon/report.h"
#include "gateway/io/clock.h"
#include "gateway/io/notify.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

static void swap_config(struct daemon *d, struct config *next)
{
	struct config *old = d->config;

	d->config = next;
	next->policies.counters = d->counters;
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
		if (!d->stopping)
			reload(d, &why);
		break;
	case SIGUSR1: report_stats(d, nfqueue_counters(d->queue), log_line, &d->log); break;
	default: stop(d, signal); break;
	}
}

/* --- the control socket ------------------------------------------------------------------------ */

struct answer {
	char *out;
	size_t used;
};

static void put_line(void *arg, const char *line, size_t len)
{
	struct answer *a = arg;

	if (a->used + len + 2 > CONTROL_ANSWER_BYTES)
		return;
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

size_t daemon_answer(void *arg, const char *request, char out[CONTROL_ANSWER_BYTES])
{
	static const struct logfmt_pair unknown = { "why", "unknown request: status, reload" };
	struct daemon *d = arg;
	struct answer a = { out, 0 };

	if (!strcmp(request, "status")) {
		report_state(d, put_line, &a);
		report_stats(d, nfqueue_counters(d->queue), put_line, &a);
	} else if (!strcmp(request, "reload")) {
		answer_reload(d, &a);
	} else {
		logfmt_event("error", clock_wall(), &unknown, 1, put_line, &a);
	}
	return a.used;
}
