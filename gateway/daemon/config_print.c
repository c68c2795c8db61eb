/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/daemon/config.h"

#include <errno.h>
#include <string.h>
#include <syslog.h>

static bool same_ifaces(const struct config_ifaces *a, const struct config_ifaces *b)
{
	/* Names are padded with zeros: a list is as equal as its bytes. */
	return a->is_auto == b->is_auto && a->count == b->count &&
	       memcmp(a->names, b->names, sizeof(a->names)) == 0;
}

bool config_may_replace(
	const struct config *old, const struct config *next, struct config_error *why)
{
	const struct {
		const char *option;
		bool same;
	} fixed[] = {
		{ "gateway.lan", same_ifaces(&old->lan, &next->lan) },
		{ "gateway.wan", same_ifaces(&old->wan, &next->wan) },
		{ "gateway.queue", old->queue == next->queue },
		{ "gateway.queue_len", old->queue_len == next->queue_len },
		{ "gateway.mark_probe", old->policies.mark_probe == next->policies.mark_probe },
		{ "gateway.mark_rest", old->policies.mark_rest == next->policies.mark_rest },
		{ "gateway.accounting", old->accounting == next->accounting },
		{ "limits.flows", old->limits.flows == next->limits.flows },
		{ "limits.names", old->limits.names == next->limits.names },
		{ "limits.hellos", old->limits.hellos == next->limits.hellos },
		{ "limits.traces", old->limits.traces == next->limits.traces },
		{ "limits.histories", old->limits.histories == next->limits.histories },
	};

	for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++) {
		if (!fixed[i].same) {
			(void)snprintf(why->text, sizeof(why->text), "%s", fixed[i].option);
			return false;
		}
	}
	return true;
}

/* Text inside of single quotes; a quote ends them, stands escaped, and opens them again. */
static void put_quoted(FILE *out, const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text == '\'')
			(void)fputs("'\\''", out);
		else
			(void)putc(*text, out);
	}
}

static void put_text(FILE *out, const char *name, const char *value)
{
	(void)fprintf(out, "INPATH_%s='", name);
	put_quoted(out, value);
	(void)fputs("'\n", out);
}

static void put_number(FILE *out, const char *name, uint32_t value)
{
	(void)fprintf(out, "INPATH_%s='%u'\n", name, (unsigned)value);
}

static void put_bool(FILE *out, const char *name, bool value)
{
	put_text(out, name, value ? "true" : "false");
}

static void put_ifaces(FILE *out, const char *name, const struct config_ifaces *ifaces)
{
	(void)fprintf(out, "INPATH_%s='", name);
	for (uint32_t i = 0; i < ifaces->count; i++) {
		if (i > 0)
			(void)putc(' ', out);
		put_quoted(out, ifaces->names[i]);
	}
	(void)fputs("'\n", out);
}

static const char *facility_name(int facility)
{
	static const char *const local[] = { "local0", "local1", "local2", "local3", "local4",
		"local5", "local6", "local7" };

	if (facility >= LOG_LOCAL0 && facility <= LOG_LOCAL7)
		return local[(facility - LOG_LOCAL0) >> 3];
	return facility == LOG_USER ? "user" : facility == LOG_SYSLOG ? "syslog" : "daemon";
}

static void put_log(FILE *out, const struct config *c)
{
	static const char *const paths[] = { [INPATH_LOG_PATHS_CHANGES] = "changes",
		[INPATH_LOG_PATHS_ALL] = "all",
		[INPATH_LOG_PATHS_NONE] = "none" };
	static const char *const clients[] = { [CONFIG_CLIENTS_ADDRESS] = "address",
		[CONFIG_CLIENTS_HASH] = "hash",
		[CONFIG_CLIENTS_NONE] = "none" };

	put_bool(out, "LOG_SYSLOG", c->log_syslog);
	put_text(out, "LOG_FACILITY", facility_name(c->log_facility));
	put_text(out, "LOG_PATHS", paths[c->policies.log_paths]);
	put_bool(out, "LOG_HOPS", c->policies.log_hops);
	put_bool(out, "LOG_PROBES", c->policies.log_probes);
	put_bool(out, "LOG_NAMES", c->log_names);
	put_text(out, "LOG_CLIENTS", clients[c->log_clients]);
	put_text(out, "LOG_FILE", c->log_file != NULL ? c->log_file : "");
}

static void put_numbers(FILE *out, const struct config *c)
{
	put_number(out, "PROBE_INTERVAL", c->probe.interval_s);
	put_number(out, "PROBE_MAX_HOPS", c->probe.max_hops);
	put_number(out, "PROBE_ATTEMPTS", c->probe.attempts);
	put_number(out, "PROBE_GAP", c->probe.gap);
	put_number(out, "PROBE_TIMEOUT_MS", c->policies.timeout_ms);
	put_bool(out, "PROBE_TOUCH", c->probe.touch);
	put_number(out, "BUDGET_GATEWAY", c->policies.budget.gateway);
	put_number(out, "BUDGET_CLIENT", c->policies.budget.client);
	put_number(out, "BUDGET_FIRST_HOPS", c->policies.budget.first_hops);
	put_number(out, "LIMITS_FLOWS", c->limits.flows);
	put_number(out, "LIMITS_NAMES", c->limits.names);
	put_number(out, "LIMITS_HELLOS", c->limits.hellos);
	put_number(out, "LIMITS_TRACES", c->limits.traces);
	put_number(out, "LIMITS_HISTORIES", c->limits.histories);
}

int config_print(const struct config *c, const struct config_ifaces *lan,
	const struct config_ifaces *wan, FILE *out)
{
	put_number(out, "QUEUE", c->queue);
	put_number(out, "QUEUE_LEN", c->queue_len);
	(void)fprintf(out, "INPATH_MARK_PROBE='0x%x'\n", (unsigned)c->policies.mark_probe);
	(void)fprintf(out, "INPATH_MARK_REST='0x%x'\n", (unsigned)c->policies.mark_rest);
	put_ifaces(out, "LAN", lan);
	put_ifaces(out, "WAN", wan);
	put_bool(out, "ACCOUNTING", c->accounting);
	put_log(out, c);
	put_numbers(out, c);
	put_text(out, "SERVICES", c->services);
	put_text(out, "MMDB", c->mmdb != NULL ? c->mmdb : "");
	(void)fputs("INPATH_POLICIES='", out);
	for (uint32_t i = 0; i < c->policies.policies_count; i++) {
		if (i > 0)
			(void)putc(' ', out);
		put_quoted(out, c->policies.policies[i].name);
	}
	(void)fputs("'\n", out);
	return fflush(out) != 0 || ferror(out) ? -EIO : 0;
}
