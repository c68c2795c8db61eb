/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/daemon/report.h"

#include "gateway/io/clock.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
	PAIRS_MAX = 24,
	NUMBER_BYTES = 24,
};

/* Pairs under construction, and the text of their numbers. */
struct pairs {
	size_t count;
	struct logfmt_pair pairs[PAIRS_MAX];
	char numbers[PAIRS_MAX][NUMBER_BYTES];
	char lan[240];
	char wan[240];
	char lacks[64];
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

static void put_interfaces(struct pairs *p, const struct config *c)
{
	struct config_ifaces lan = { 0 }, wan = { 0 };
	struct io_error err = { "" };

	iface_resolve(&c->lan, &c->wan, &lan, &wan, &err);
	join_names(&lan, p->lan, sizeof(p->lan));
	join_names(&wan, p->wan, sizeof(p->wan));
	put_text(p, "lan", p->lan);
	put_text(p, "wan", p->wan);
}

static void put_mark(struct pairs *p, const char *key, uint32_t mark)
{
	snprintf(p->numbers[p->count], NUMBER_BYTES, "0x%08" PRIx32, mark);
	put_text(p, key, p->numbers[p->count]);
}

/* As whom it runs, and what it could not be confined by. */
static void put_confinement(struct pairs *p, const struct daemon *d)
{
	put_number(p, "uid", getuid());
	priv_lacks_text(d->lacks, p->lacks, sizeof(p->lacks));
	put_text(p, "unconfined", p->lacks);
}

/* Seconds since `at`; `-` if that never was. */
static void put_age(struct pairs *p, const char *key, inpath_time at)
{
	if (at)
		put_number(p, key, (clock_now() - at) / INPATH_SEC);
	else
		put_text(p, key, "-");
}

void report_start(struct daemon *d)
{
	const struct config *c = d->config;
	struct pairs p = { 0 };

	put_text(&p, "version", INPATH_VERSION);
	put_number(&p, "queue", c->queue);
	put_number(&p, "queue_len", c->queue_len);
	put_interfaces(&p, c);
	put_number(&p, "policies", c->policies.policies_count);
	put_number(&p, "services", c->policies.services_count);
	put_number(&p, "flows", c->limits.flows);
	put_number(&p, "memory", d->memory_size);
	put_text(&p, "accounting", d->accounting.on ? "on" : "off");
	put_confinement(&p, d);
	logfmt_event("start", clock_wall(), p.pairs, p.count, log_line, &d->log);
}

void report_stats(
	struct daemon *d, const struct nfqueue_counters *queue, logfmt_sink *sink, void *arg)
{
	struct pairs p = { 0 };

	logfmt_stats(inpath_engine_stats(d->engine), clock_wall(), sink, arg);
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
	put_number(&p, "counted", d->counted);
	put_number(&p, "log_dropped", log_dropped(&d->log));
	logfmt_event("stats", clock_wall(), p.pairs, p.count, sink, arg);
}

void report_stop(struct daemon *d)
{
	const struct inpath_stats *stats = inpath_engine_stats(d->engine);
	struct pairs p = { 0 };

	report_stats(d, &d->queue_counters, log_line, &d->log);
	put_text(&p, "why", d->stop_signal == SIGINT ? "INT" : "TERM");
	put_number(&p, "uptime", (clock_now() - d->started) / INPATH_SEC);
	put_number(&p, "packets", stats->packets);
	put_number(&p, "traces", stats->traces);
	put_number(&p, "probes", stats->probes);
	put_number(&p, "records", stats->records);
	logfmt_event("stop", clock_wall(), p.pairs, p.count, log_line, &d->log);
}

/* glibc alone knows the names of errors. */
static const char *refusal(int error)
{
	switch (error) {
	case 0: return "-";
	case EPERM: return "EPERM";
	case ENOBUFS: return "ENOBUFS";
	case ENETUNREACH: return "ENETUNREACH";
	case EHOSTUNREACH: return "EHOSTUNREACH";
	case EMSGSIZE: return "EMSGSIZE";
	case ENODEV: return "ENODEV";
	case ENETDOWN: return "ENETDOWN";
	default: return "other";
	}
}

void report_state(struct daemon *d, logfmt_sink *sink, void *arg)
{
	const struct config *c = d->config;
	struct pairs p = { 0 };

	put_text(&p, "version", INPATH_VERSION);
	put_number(&p, "pid", (uint64_t)getpid());
	put_number(&p, "uptime", (clock_now() - d->started) / INPATH_SEC);
	put_text(&p, "config", d->options->config ? d->options->config : CONFIG_DEFAULT_FILE);
	put_number(&p, "queue", c->queue);
	put_number(&p, "queue_len", c->queue_len);
	put_mark(&p, "mark_probe", c->policies.mark_probe);
	put_mark(&p, "mark_rest", c->policies.mark_rest);
	put_interfaces(&p, c);
	put_number(&p, "policies", c->policies.policies_count);
	put_number(&p, "services", c->policies.services_count);
	put_number(&p, "memory", d->memory_size);
	put_text(&p, "accounting", d->accounting.on ? "on" : "off");
	put_age(&p, "last_packet", d->last_packet);
	put_age(&p, "last_dns", d->last_dns);
	put_age(&p, "last_path", d->last_path);
	put_text(&p, "refused", refusal(d->refused));
	put_confinement(&p, d);
	logfmt_event("state", clock_wall(), p.pairs, p.count, sink, arg);
}
