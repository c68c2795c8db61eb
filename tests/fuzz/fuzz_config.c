/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Any bytes as a configuration file. Either they are refused, with a text that names the file, or
 * what comes out keeps every promise of inpath/policy.h: lists sorted and without a double, ranges
 * apart, numbers in their range, names that end; it may replace itself, and prints as shell
 * assignments that a shell reads as one word each.
 */
#include "gateway/daemon/config.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void check_domains(const struct inpath_domain_list *l)
{
	for (uint32_t i = 0; i < l->count; i++) {
		size_t len = strlen(l->names[i]);

		require(len > 0 && len <= INPATH_HOST_MAX);
		require(l->names[i][0] != '.' && l->names[i][len - 1] != '.');
		require(strspn(l->names[i], "abcdefghijklmnopqrstuvwxyz0123456789._-") == len);
		require(i == 0 || strcmp(l->names[i - 1], l->names[i]) < 0);
	}
}

static void check_devices(const struct inpath_domain_list *l)
{
	for (uint32_t i = 0; i < l->count; i++) {
		require(strlen(l->names[i]) > 0 && strlen(l->names[i]) <= INPATH_LABEL_MAX);
		require(i == 0 || strcmp(l->names[i - 1], l->names[i]) < 0);
	}
}

static void check_ranges(const struct inpath_range_list *l)
{
	for (uint32_t i = 0; i < l->count; i++) {
		const struct inpath_range *r = &l->ranges[i];

		require(r->first.family == r->last.family);
		require(r->first.family == INPATH_AF_INET || r->first.family == INPATH_AF_INET6);
		require(memcmp(&r->first, &r->last, sizeof(r->first)) <= 0);
		require(i == 0 || memcmp(&r[-1].last, &r->first, sizeof(r->first)) < 0);
		for (size_t k = 4; r->first.family == INPATH_AF_INET && k < 16; k++)
			require(r->first.bytes[k] == 0 && r->last.bytes[k] == 0);
	}
}

static void check_settings(const struct inpath_settings *s)
{
	require(s->interval_s >= 1 && s->interval_s <= 86400);
	require(s->max_hops >= 1 && s->max_hops <= INPATH_MAX_HOPS);
	require(s->attempts >= 1 && s->attempts <= 10);
	require(s->gap >= 1 && s->gap <= INPATH_MAX_HOPS);
}

static void check_policy(const struct inpath_policy_set *set, const struct inpath_policy *p)
{
	require(p->name[0] != '\0' && memchr(p->name, '\0', sizeof(p->name)) != NULL);
	require(p->action == INPATH_TRACE || p->action == INPATH_IGNORE);
	require(p->protocols >= 1 && p->protocols <= 7);
	check_settings(&p->settings);
	check_domains(&p->domains);
	check_ranges(&p->servers);
	check_ranges(&p->client_ranges);
	check_devices(&p->client_names);
	require(!(p->keys & INPATH_KEY_DOMAINS) == !p->domains.count);
	require(!(p->keys & INPATH_KEY_SERVICES) == !p->services_count);
	require(!(p->keys & INPATH_KEY_SERVERS) == !p->servers.count);
	require(!(p->keys & INPATH_KEY_PORTS) == !p->ports_count);
	require(!(p->keys & INPATH_KEY_CLIENTS) ==
		!(p->client_ranges.count + p->client_macs_count + p->client_names.count));
	for (uint32_t i = 0; i < p->services_count; i++)
		require(p->services[i] < set->services_count &&
			(i == 0 || p->services[i - 1] < p->services[i]));
	for (uint32_t i = 0; i < p->ports_count; i++)
		require(p->ports[i].first > 0 && p->ports[i].first <= p->ports[i].last &&
			(i == 0 || p->ports[i - 1].last < p->ports[i].first));
	for (const struct inpath_policy *q = set->policies; q != p; q++)
		require(strcmp(q->name, p->name) != 0);
}

static void check_limits(const struct config *c)
{
	const struct inpath_limits *l = &c->limits;
	const struct inpath_budget *b = &c->policies.budget;

	require(l->flows >= 64 && l->flows <= 1048576 && l->names >= 64 && l->names <= 1048576);
	require(l->hellos >= 1 && l->hellos <= 4096 && l->traces >= 1 && l->traces <= 4096);
	require(l->histories >= 1 && l->histories <= 1048576);
	require(b->gateway >= 1 && b->gateway <= 100000 && b->client >= 1 && b->client <= 100000);
	require(b->first_hops >= 1 && b->first_hops <= 100000);
	require(c->policies.timeout_ms >= 50 && c->policies.timeout_ms <= 10000);
	require(c->queue_len >= 16 && c->queue_len <= 65536);
	require(c->policies.mark_probe != 0 && c->policies.mark_rest != 0);
	require((c->policies.mark_probe & c->policies.mark_rest) == 0);
	check_settings(&c->probe);
}

/* NAME='...' with nothing but '\'' to end the quotes for a moment. */
static void check_line(const char *line)
{
	const char *p = line + strspn(line, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_");

	require(strncmp(line, "INPATH_", 7) == 0 && strncmp(p, "='", 2) == 0);
	for (p += 2;; p += 4) {
		p = strchr(p, '\'');
		require(p != NULL);
		if (p[1] == '\0')
			return;
		require(strncmp(p, "'\\''", 4) == 0);
	}
}

static void check_print(const struct config *c)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	require(out != NULL);
	require(config_print(c, &c->lan, &c->wan, out) == 0 && fclose(out) == 0);
	for (char *line = text, *end; *line != '\0'; line = end + 1) {
		end = strchr(line, '\n');
		require(end != NULL);
		*end = '\0';
		check_line(line);
	}
	free(text);
}

static void check_config(const struct config *c)
{
	struct config_error why;

	check_limits(c);
	require(c->policies.policies_count > 0);
	for (uint32_t i = 0; i < c->policies.policies_count; i++)
		check_policy(&c->policies, &c->policies.policies[i]);
	for (uint32_t i = 0; i < c->policies.services_count; i++) {
		check_domains(&c->policies.services[i].domains);
		check_ranges(&c->policies.services[i].ranges);
	}
	require(c->lan.is_auto == (c->lan.count == 0) && c->wan.is_auto == (c->wan.count == 0));
	require(config_may_replace(c, c, &why));
	check_print(c);
}

static void check_error(const struct config_error *err)
{
	require(memchr(err->text, '\0', sizeof(err->text)) != NULL);
	/* The file, one of its includes, or the directory of its services: all have a path. */
	require(strchr(err->text, '/') != NULL && strstr(err->text, ": ") != NULL);
	for (const char *p = err->text; *p != '\0'; p++)
		require((unsigned char)*p >= 0x20 && *p != 0x7f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config_error err;
	struct config *c;
	char path[64];
	int fd = memfd_create("inpath.conf", MFD_CLOEXEC);

	require(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	c = config_load(path, &err);
	if (c != NULL)
		check_config(c);
	else
		check_error(&err);
	config_free(c);
	(void)close(fd);
	return 0;
}
