/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/engine/policy.h"

#include <string.h>

/* Does the sorted list hold exactly this name? */
static bool list_holds(const struct inpath_domain_list *list, const char *name)
{
	uint32_t low = 0;
	uint32_t high = list->count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		int order = strcmp(name, list->names[middle]);

		if (order == 0)
			return true;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return false;
}

bool policy_domain_matches(const struct inpath_domain_list *list, const char *host)
{
	const char *dot;

	if (list->count == 0 || !host[0])
		return false;
	while (!list_holds(list, host)) {
		dot = memchr(host, '.', strlen(host));
		if (!dot)
			return false;
		host = dot + 1;
	}
	return true;
}

bool policy_range_matches(const struct inpath_range_list *list, const struct inpath_addr *addr)
{
	uint32_t low = 0;
	uint32_t high = list->count;

	/* The last range that begins at `addr` or before it is the only one that can hold it. */
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (memcmp(&list->ranges[middle].first, addr, sizeof(*addr)) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low > 0 && memcmp(addr, &list->ranges[low - 1].last, sizeof(*addr)) <= 0;
}

static bool service_matches(const struct inpath_service *service, const struct policy_facts *f)
{
	return (f->host && policy_domain_matches(&service->domains, f->host)) ||
	       policy_range_matches(&service->ranges, f->server);
}

/* The first service that the policy names and the flow belongs to, or NULL. */
static const struct inpath_service *service_named(const struct inpath_policy_set *set,
	const struct inpath_policy *p, const struct policy_facts *f)
{
	for (uint32_t i = 0; i < p->services_count; i++)
		if (service_matches(&set->services[p->services[i]], f))
			return &set->services[p->services[i]];
	return NULL;
}

static const struct inpath_service *service_any(
	const struct inpath_policy_set *set, const struct policy_facts *f)
{
	for (uint32_t i = 0; i < set->services_count; i++)
		if (service_matches(&set->services[i], f))
			return &set->services[i];
	return NULL;
}

static bool device_matches(const struct inpath_domain_list *names, const char *device)
{
	char lower[INPATH_HOST_MAX + 1];
	size_t len = 0;

	if (names->count == 0 || !device)
		return false;
	for (; device[len]; len++) {
		char c = device[len];

		if (len == sizeof(lower) - 1)
			return false;
		lower[len] = c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
	}
	lower[len] = '\0';
	return list_holds(names, lower);
}

static bool client_matches(const struct inpath_policy *p, const struct policy_facts *f)
{
	if (policy_range_matches(&p->client_ranges, f->client))
		return true;
	for (uint32_t i = 0; f->mac && i < p->client_macs_count; i++)
		if (memcmp(&p->client_macs[i], f->mac, sizeof(*f->mac)) == 0)
			return true;
	return device_matches(&p->client_names, f->device);
}

static bool port_matches(const struct inpath_policy *p, uint16_t port)
{
	for (uint32_t i = 0; i < p->ports_count; i++)
		if (port >= p->ports[i].first && port <= p->ports[i].last)
			return true;
	return false;
}

/* Do all keys but `services` match? */
static bool keys_match(const struct inpath_policy *p, const struct policy_facts *f)
{
	if (!(p->protocols & f->protocol))
		return false;
	if ((p->keys & INPATH_KEY_PORTS) && !port_matches(p, f->server_port))
		return false;
	if ((p->keys & INPATH_KEY_CLIENTS) && !client_matches(p, f))
		return false;
	if ((p->keys & INPATH_KEY_SERVERS) && !policy_range_matches(&p->servers, f->server))
		return false;
	if ((p->keys & INPATH_KEY_DOMAINS) &&
		!(f->host && policy_domain_matches(&p->domains, f->host)))
		return false;
	return true;
}

struct policy_choice policy_decide(
	const struct inpath_policy_set *set, const struct policy_facts *facts)
{
	for (uint32_t i = 0; i < set->policies_count; i++) {
		const struct inpath_policy *p = &set->policies[i];
		const struct inpath_service *service = NULL;
		bool by_service = p->keys & INPATH_KEY_SERVICES;

		if (!keys_match(p, facts))
			continue;
		service = by_service ? service_named(set, p, facts) : service_any(set, facts);
		if (by_service && !service)
			continue;
		return (struct policy_choice){
			.policy = p,
			.service = service ? service->name : p->name,
		};
	}
	return (struct policy_choice){ .policy = NULL };
}
