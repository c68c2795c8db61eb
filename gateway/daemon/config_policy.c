/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/daemon/config_reader.h"

#include <stddef.h>
#include <string.h>

static bool read_name(struct config_reader *r, const config_setting_t *s, void *base)
{
	struct inpath_policy *p = base;
	const char *name;

	if (!config_string(r, s, INPATH_LABEL_MAX, &name))
		return false;
	if (*name == '\0')
		return config_refuse(r, s, "must be 1..%d bytes long", INPATH_LABEL_MAX);
	(void)snprintf(p->name, sizeof(p->name), "%s", name);
	return true;
}

static bool read_action(struct config_reader *r, const config_setting_t *s, void *base)
{
	static const struct config_word words[] = {
		{ "trace", INPATH_TRACE },
		{ "ignore", INPATH_IGNORE },
	};
	struct inpath_policy *p = base;
	int action = 0;

	if (!config_choice(r, s, words, 2, &action))
		return false;
	p->action = (enum inpath_action)action;
	return true;
}

static bool read_domains(struct config_reader *r, const config_setting_t *s, void *base)
{
	struct inpath_policy *p = base;
	char option[CONFIG_OPTION_PATH_MAX];
	const char **names;
	uint32_t count;

	if (!config_filled_list(r, s))
		return false;
	count = (uint32_t)config_setting_length(s);
	names = config_alloc(r, count, sizeof(*names));
	for (uint32_t i = 0; i < count; i++) {
		struct config_item item;

		if (names == NULL || !config_list_item(r, s, i, option, &item) ||
			!config_domain(r, &item, &names[i]))
			return false;
	}
	p->domains.names = names;
	p->domains.count = config_sort_domains(names, count);
	p->keys |= INPATH_KEY_DOMAINS;
	return true;
}

static bool find_service(struct config_reader *r, const struct config_item *item, uint32_t *out)
{
	const struct inpath_policy_set *set = &r->config->policies;

	for (uint32_t i = 0; i < set->services_count; i++) {
		if (strcmp(set->services[i].name, item->text) == 0) {
			*out = i;
			return true;
		}
	}
	return config_refuse_item(r, item,
		"is not a service: no file of that name, with .conf behind, is in %s",
		r->config->services);
}

static bool read_services(struct config_reader *r, const config_setting_t *s, void *base)
{
	struct inpath_policy *p = base;
	char option[CONFIG_OPTION_PATH_MAX];
	uint32_t *indices;
	uint32_t count;

	if (!config_filled_list(r, s))
		return false;
	count = (uint32_t)config_setting_length(s);
	indices = config_alloc(r, count, sizeof(*indices));
	for (uint32_t i = 0; i < count; i++) {
		struct config_item item;

		if (indices == NULL || !config_list_item(r, s, i, option, &item) ||
			!find_service(r, &item, &indices[i]))
			return false;
	}
	p->services = indices;
	p->services_count = config_sort_indices(indices, count);
	p->keys |= INPATH_KEY_SERVICES;
	return true;
}

/* A policy's clients while they are read: room for all in each array. */
struct client_draft {
	struct inpath_range *ranges;
	struct inpath_mac *macs;
	const char **names;
	uint32_t ranges_count;
	uint32_t macs_count;
	uint32_t names_count;
};

static bool read_client(
	struct config_reader *r, struct client_draft *d, const struct config_item *item)
{
	const char *text = item->text;
	size_t colons = 0;

	for (const char *p = text; *p != '\0'; p++)
		colons += *p == ':';
	/* Six groups make a hardware address; an IPv6 address of six groups has a "::" in it. */
	if (colons == 5 && strstr(text, "::") == NULL && strchr(text, '/') == NULL)
		return config_mac(r, item, &d->macs[d->macs_count++]);
	if (config_looks_like_prefix(text))
		return config_prefix(r, item, &d->ranges[d->ranges_count++]);
	return config_device(r, item, &d->names[d->names_count++]);
}

static bool read_clients(struct config_reader *r, const config_setting_t *s, void *base)
{
	struct inpath_policy *p = base;
	struct client_draft d = { .ranges_count = 0 };
	char option[CONFIG_OPTION_PATH_MAX];
	uint32_t count;

	if (!config_filled_list(r, s))
		return false;
	count = (uint32_t)config_setting_length(s);
	d.ranges = config_alloc(r, count, sizeof(*d.ranges));
	d.macs = config_alloc(r, count, sizeof(*d.macs));
	d.names = config_alloc(r, count, sizeof(*d.names));
	if (d.ranges == NULL || d.macs == NULL || d.names == NULL)
		return false;
	for (uint32_t i = 0; i < count; i++) {
		struct config_item item;

		if (!config_list_item(r, s, i, option, &item) || !read_client(r, &d, &item))
			return false;
	}
	p->client_ranges.ranges = d.ranges;
	p->client_ranges.count = config_sort_ranges(d.ranges, d.ranges_count);
	p->client_macs = d.macs;
	p->client_macs_count = d.macs_count;
	p->client_names.names = d.names;
	p->client_names.count = config_sort_domains(d.names, d.names_count);
	p->keys |= INPATH_KEY_CLIENTS;
	return true;
}

static bool read_servers(struct config_reader *r, const config_setting_t *s, void *base)
{
	struct inpath_policy *p = base;
	char option[CONFIG_OPTION_PATH_MAX];
	struct inpath_range *ranges;
	uint32_t count;

	if (!config_filled_list(r, s))
		return false;
	count = (uint32_t)config_setting_length(s);
	ranges = config_alloc(r, count, sizeof(*ranges));
	for (uint32_t i = 0; i < count; i++) {
		struct config_item item;

		if (ranges == NULL || !config_list_item(r, s, i, option, &item) ||
			!config_prefix(r, &item, &ranges[i]))
			return false;
	}
	p->servers.ranges = ranges;
	p->servers.count = config_sort_ranges(ranges, count);
	p->keys |= INPATH_KEY_SERVERS;
	return true;
}

static bool read_protocols(struct config_reader *r, const config_setting_t *s, void *base)
{
	static const struct config_word words[] = {
		{ "tcp", INPATH_PROTOCOL_TCP },
		{ "quic", INPATH_PROTOCOL_QUIC },
		{ "udp", INPATH_PROTOCOL_UDP },
	};
	struct inpath_policy *p = base;

	if (!config_filled_list(r, s))
		return false;
	p->protocols = 0;
	for (unsigned i = 0; i < (unsigned)config_setting_length(s); i++) {
		int bit = 0;

		if (!config_choice(r, config_setting_get_elem(s, i), words, 3, &bit))
			return false;
		p->protocols |= (uint32_t)bit;
	}
	return true;
}

static bool read_port(struct config_reader *r, const config_setting_t *list, uint32_t i,
	struct inpath_port_range *out)
{
	const config_setting_t *s = config_setting_get_elem(list, i);
	char option[CONFIG_OPTION_PATH_MAX];
	struct config_item item;
	uint32_t port;

	if (config_setting_type(s) == CONFIG_TYPE_STRING)
		return config_list_item(r, list, i, option, &item) &&
		       config_port_range(r, &item, out);
	if (config_setting_type(s) != CONFIG_TYPE_INT &&
		config_setting_type(s) != CONFIG_TYPE_INT64)
		return config_refuse(
			r, s, "each value must be a port or a range, as 443 or \"8000-8100\"");
	if (!config_whole_number(r, s, 1, UINT16_MAX, &port))
		return false;
	*out = (struct inpath_port_range){ (uint16_t)port, (uint16_t)port };
	return true;
}

static bool read_ports(struct config_reader *r, const config_setting_t *s, void *base)
{
	struct inpath_policy *p = base;
	struct inpath_port_range *ports;
	uint32_t count;

	if (!config_filled_list(r, s))
		return false;
	count = (uint32_t)config_setting_length(s);
	ports = config_alloc(r, count, sizeof(*ports));
	for (uint32_t i = 0; i < count; i++) {
		if (ports == NULL || !read_port(r, s, i, &ports[i]))
			return false;
	}
	p->ports = ports;
	p->ports_count = config_sort_ports(ports, count);
	p->keys |= INPATH_KEY_PORTS;
	return true;
}

#define SETTING(member) offsetof(struct inpath_policy, settings.member)

static const struct config_option POLICY_OPTIONS[] = {
	{ "name", CONFIG_KIND_CUSTOM, 0, 0, 0, read_name },
	{ "action", CONFIG_KIND_CUSTOM, 0, 0, 0, read_action },
	{ "domains", CONFIG_KIND_CUSTOM, 0, 0, 0, read_domains },
	{ "services", CONFIG_KIND_CUSTOM, 0, 0, 0, read_services },
	{ "clients", CONFIG_KIND_CUSTOM, 0, 0, 0, read_clients },
	{ "servers", CONFIG_KIND_CUSTOM, 0, 0, 0, read_servers },
	{ "protocols", CONFIG_KIND_CUSTOM, 0, 0, 0, read_protocols },
	{ "ports", CONFIG_KIND_CUSTOM, 0, 0, 0, read_ports },
	{ "interval", CONFIG_KIND_U32, SETTING(interval_s), 1, CONFIG_INTERVAL_MAX, NULL },
	{ "max_hops", CONFIG_KIND_U8, SETTING(max_hops), 1, INPATH_MAX_HOPS, NULL },
	{ "attempts", CONFIG_KIND_U8, SETTING(attempts), 1, CONFIG_ATTEMPTS_MAX, NULL },
	{ "gap", CONFIG_KIND_U8, SETTING(gap), 1, INPATH_MAX_HOPS, NULL },
	{ "touch", CONFIG_KIND_BOOL, SETTING(touch), 0, 0, NULL },
};

#undef SETTING

static void policy_defaults(const struct config_reader *r, struct inpath_policy *p)
{
	p->action = INPATH_TRACE;
	p->protocols = INPATH_PROTOCOL_TCP | INPATH_PROTOCOL_QUIC;
	p->settings = r->config->probe;
}

static bool policy_load(struct config_reader *r, const config_setting_t *s,
	struct inpath_policy *policies, uint32_t index)
{
	struct inpath_policy *p = &policies[index];

	policy_defaults(r, p);
	if (!config_group(
		    r, s, POLICY_OPTIONS, sizeof(POLICY_OPTIONS) / sizeof(*POLICY_OPTIONS), p))
		return false;
	if (p->name[0] == '\0')
		return config_refuse(r, s, "a policy must have a name");
	for (uint32_t i = 0; i < index; i++) {
		if (strcmp(policies[i].name, p->name) == 0)
			return config_refuse(r, config_setting_get_member(s, "name"),
				"an earlier policy is called '%s' too", p->name);
	}
	return true;
}

bool config_policies_load(struct config_reader *r, const config_setting_t *s)
{
	struct inpath_policy_set *set = &r->config->policies;
	struct inpath_policy *policies;
	uint32_t count = 0;

	if (s != NULL && !config_setting_is_list(s))
		return config_refuse(r, s, "must be a list of groups, in ( )");
	if (s != NULL)
		count = (uint32_t)config_setting_length(s);
	policies = config_alloc(r, count + 1, sizeof(*policies));
	if (policies == NULL)
		return false;
	for (uint32_t i = 0; i < count; i++) {
		if (!policy_load(r, config_setting_get_elem(s, i), policies, i))
			return false;
	}
	if (count == 0) {
		policy_defaults(r, &policies[0]);
		(void)snprintf(policies[0].name, sizeof(policies[0].name), "all");
		count = 1;
	}
	set->policies = policies;
	set->policies_count = count;
	return true;
}
