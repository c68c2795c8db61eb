/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * control: what a person or the service manager asks of the running daemon, and what it says of
 * itself: reload, counters, start and stop.
 */
#include "gateway/daemon/daemon.h"
#include "gateway/io/clock.h"
#include "gateway/io/notify.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

enum {
	PAIRS_MAX = 16,
	NUMBER_BYTES = 24,
};

/* Pairs under construction, and the text of their numbers. */
struct pairs {
	size_t count;
	struct logfmt_pair pairs[PAIRS_MAX];
	char numbers[PAIRS_MAX][NUMBER_BYTES];
};

static void put_text(struct pairs *p, const char *key, const char *value)
{
	p->pairs[p->count++] = (struct logfmt_pair){ key, value };
}

static void put_number(struct pairs *p, const char *key, uint64_t value)
{
	snprintf(p->numbers[p->count], NUMBER_BYTES, "%" PRIu64, value);
	put_text(p, key, p->numbers[p->count]);
}

static void join_names(const struct config_ifaces *list, char *out, size_t len)
{
	size_t used = 0;

	snprintf(out, len, "-");
	for (uint32_t i = 0; i < list->count && used < len; i++)
		used += (size_t)snprintf(
			out + used, len - used, "%s%s", i ? "," : "", list->names[i]);
}

void daemon_say_start(struct daemon *d)
{
	const struct config *c = d->config;
	struct config_ifaces lan = { 0 }, wan = { 0 };
	char lan_names[240], wan_names[240];
	struct pairs p = { 0 };
	struct io_error err = { "" };

	iface_resolve(&c->lan, &c->wan, &lan, &wan, &err);
	join_names(&lan, lan_names, sizeof(lan_names));
	join_names(&wan, wan_names, sizeof(wan_names));
	put_text(&p, "version", INPATH_VERSION);
	put_number(&p, "queue", c->queue);
	put_number(&p, "queue_len", c->queue_len);
	put_text(&p, "lan", lan_names);
	put_text(&p, "wan", wan_names);
	put_number(&p, "policies", c->policies.policies_count);
	put_number(&p, "services", c->policies.services_count);
	put_number(&p, "flows", c->limits.flows);
	put_number(&p, "memory", d->memory_size);
	log_event(&d->log, "start", p.pairs, p.count);
}

/* The engine's counters, then the shells' own, told apart by `of`. */
static void say_stats(struct daemon *d, const struct nfqueue_counters *queue)
{
	struct pairs p = { 0 };

	log_stats(&d->log, inpath_engine_stats(d->engine));
	put_text(&p, "of", "shells");
	put_number(&p, "queue_gaps", queue->gaps);
	put_number(&p, "queue_full", queue->full);
	put_number(&p, "queue_enobufs", queue->enobufs);
	put_number(&p, "queue_unreadable", queue->unreadable);
	put_number(&p, "verdicts_refused", queue->refused);
	put_number(&p, "verdicts_retried", queue->retries);
	put_number(&p, "dns_copies", d->dns_copies);
	put_number(&p, "dns_missed", d->copies ? nflog_missed(d->copies) : 0);
	put_number(&p, "arm_failed", d->arm_failed);
	put_number(&p, "log_dropped", log_dropped(&d->log));
	log_event(&d->log, "stats", p.pairs, p.count);
}

void daemon_say_stop(struct daemon *d)
{
	const struct inpath_stats *stats = inpath_engine_stats(d->engine);
	struct pairs p = { 0 };

	say_stats(d, &d->queue_counters);
	put_text(&p, "why", d->stop_signal == SIGINT ? "INT" : "TERM");
	put_number(&p, "uptime", (clock_now() - d->started) / INPATH_SEC);
	put_number(&p, "packets", stats->packets);
	put_number(&p, "traces", stats->traces);
	put_number(&p, "probes", stats->probes);
	put_number(&p, "records", stats->records);
	log_event(&d->log, "stop", p.pairs, p.count);
}

static void swap_config(struct daemon *d, struct config *next)
{
	struct config *old = d->config;

	d->config = next;
	d->offload_said = false;
	log_configure(&d->log, next);
	inpath_engine_set_policy(d->engine, &next->policies, clock_now());
	config_free(old);
	log_say(&d->log, LOG_NOTICE, "configuration read again: %u policies, %u services",
		next->policies.policies_count, next->policies.services_count);
}

static void reload(struct daemon *d)
{
	struct config_error why;
	struct config *next;

	notify_reloading();
	next = config_load(d->options->config, &why);
	if (next && config_may_replace(d->config, next, &why)) {
		swap_config(d, next);
	} else {
		/* The log is reopened all the same: it may have been rotated. */
		log_configure(&d->log, d->config);
		if (next)
			log_say(&d->log, LOG_ERR,
				"configuration not taken, the old one stays: %s changed, which needs a "
				"restart",
				why.text);
		else
			log_say(&d->log, LOG_ERR, "configuration not taken, the old one stays: %s",
				why.text);
		config_free(next);
	}
	notify_ready();
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
	switch (signal) {
	case SIGHUP:
		if (!d->stopping)
			reload(d);
		break;
	case SIGUSR1: say_stats(d, nfqueue_counters(d->queue)); break;
	default: stop(d, signal); break;
	}
}
