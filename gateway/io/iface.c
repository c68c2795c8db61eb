/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/io/iface.h"

#include "gateway/io/netlink.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

struct iface {
	struct config_ifaces lan;
	struct config_ifaces wan;
	struct mnl_socket *news;
	bool stale;
	bool lan_missing[CONFIG_IFACES]; /* said to be missing; [0] alone for auto */
	bool wan_missing[CONFIG_IFACES];
	bool routed_by_said;
	struct iface_table table;
	struct iface_table next; /* being read; replaces `table` only when it is whole */
};

/* The slot of `index`: its own, or the empty one where it belongs. */
static uint32_t slot_of(const struct iface_table *t, uint32_t index)
{
	uint32_t slot = index & (IFACE_SLOTS - 1);

	while (t->slots[slot].index && t->slots[slot].index != index)
		slot = (slot + 1) & (IFACE_SLOTS - 1);
	return slot;
}

static struct iface_entry *find(struct iface_table *t, uint32_t index)
{
	struct iface_entry *entry = &t->slots[slot_of(t, index)];

	return index && entry->index == index ? entry : NULL;
}

static struct iface_entry *find_name(struct iface_table *t, const char *name)
{
	for (uint32_t i = 0; i < IFACE_SLOTS; i++)
		if (t->slots[i].index && strcmp(t->slots[i].name, name) == 0)
			return &t->slots[i];
	return NULL;
}

/* Is this link a port of something that hides it from the IP layer? */
static bool is_port(const struct nlattr *linkinfo)
{
	static const char *const kinds[] = { "bridge", "bond", "team" };
	const struct nlattr *attrs[IFLA_INFO_MAX + 1];
	const struct nlattr *kind;

	if (!linkinfo)
		return false;
	netlink_attrs_nested(linkinfo, attrs, IFLA_INFO_MAX + 1);
	kind = attrs[IFLA_INFO_SLAVE_KIND];
	if (!kind || mnl_attr_validate(kind, MNL_TYPE_NUL_STRING) < 0)
		return false;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(mnl_attr_get_str(kind), kinds[i]) == 0)
			return true;
	return false;
}

static int each_link(const struct nlmsghdr *nlh, void *arg)
{
	const struct ifinfomsg *link = mnl_nlmsg_get_payload(nlh);
	struct iface_table *t = arg;
	struct iface_entry *entry = &t->slots[slot_of(t, (uint32_t)link->ifi_index)];
	const struct nlattr *attrs[IFLA_MAX + 1];

	netlink_attrs(nlh, sizeof(*link), attrs, IFLA_MAX + 1);
	if (link->ifi_index <= 0 || !attrs[IFLA_IFNAME] ||
		mnl_attr_validate(attrs[IFLA_IFNAME], MNL_TYPE_NUL_STRING) < 0)
		return MNL_CB_OK;
	if (!entry->index && t->count++ >= IFACE_MAX)
		return MNL_CB_OK;
	*entry = (struct iface_entry){
		.index = (uint32_t)link->ifi_index,
		.up = link->ifi_flags & IFF_UP,
		.loopback = link->ifi_flags & IFF_LOOPBACK,
		.port = is_port(attrs[IFLA_LINKINFO]),
	};
	snprintf(entry->name, sizeof(entry->name), "%s", mnl_attr_get_str(attrs[IFLA_IFNAME]));
	return MNL_CB_OK;
}

static int each_addr(const struct nlmsghdr *nlh, void *arg)
{
	const struct ifaddrmsg *addr = mnl_nlmsg_get_payload(nlh);
	struct iface_entry *entry = find(arg, addr->ifa_index);

	if (entry)
		entry->has_addr = true;
	return MNL_CB_OK;
}

static void note_default(struct iface_table *t, uint32_t index)
{
	struct iface_entry *entry = find(t, index);

	if (entry && !entry->loopback)
		entry->has_default = true;
}

static void note_multipath(struct iface_table *t, const struct nlattr *attr)
{
	const struct rtnexthop *hop = mnl_attr_get_payload(attr);
	size_t left = mnl_attr_get_payload_len(attr);

	while (left >= sizeof(*hop) && hop->rtnh_len >= sizeof(*hop) && hop->rtnh_len <= left) {
		size_t step = RTNH_ALIGN(hop->rtnh_len);

		note_default(t, (uint32_t)hop->rtnh_ifindex);
		left -= step < left ? step : left;
		hop = (const void *)((const char *)hop + step);
	}
}

/* In whatever table: with several uplinks, each may have one of its own. */
static bool is_default(const struct rtmsg *route)
{
	return route->rtm_dst_len == 0 && route->rtm_type == RTN_UNICAST &&
	       (route->rtm_family == AF_INET || route->rtm_family == AF_INET6);
}

static int each_route(const struct nlmsghdr *nlh, void *arg)
{
	const struct rtmsg *route = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *attrs[RTA_MAX + 1];

	if (!is_default(route))
		return MNL_CB_OK;
	netlink_attrs(nlh, sizeof(*route), attrs, RTA_MAX + 1);
	note_default(arg, netlink_u32(attrs[RTA_OIF]));
	if (attrs[RTA_MULTIPATH])
		note_multipath(arg, attrs[RTA_MULTIPATH]);
	return MNL_CB_OK;
}

/* A rule `iif NAME`: routing depends on the interface that a packet comes in by. */
static int each_rule(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlattr *attrs[FRA_IIFNAME + 1];
	struct iface_entry *entry;

	netlink_attrs(nlh, sizeof(struct fib_rule_hdr), attrs, FRA_IIFNAME + 1);
	if (!attrs[FRA_IIFNAME] || mnl_attr_validate(attrs[FRA_IIFNAME], MNL_TYPE_NUL_STRING) < 0)
		return MNL_CB_OK;
	entry = find_name(arg, mnl_attr_get_str(attrs[FRA_IIFNAME]));
	if (entry)
		entry->routed_by = true;
	return MNL_CB_OK;
}

static bool names_it(const struct config_ifaces *list, const char *name)
{
	for (uint32_t i = 0; !list->is_auto && i < list->count; i++)
		if (strcmp(list->names[i], name) == 0)
			return true;
	return false;
}

static enum inpath_side side_of(const struct iface_entry *entry, const struct config_ifaces *lan,
	const struct config_ifaces *wan)
{
	if (names_it(wan, entry->name))
		return INPATH_SIDE_WAN;
	if (names_it(lan, entry->name))
		return INPATH_SIDE_LAN;
	if (entry->has_default)
		return wan->is_auto ? INPATH_SIDE_WAN : INPATH_SIDE_NONE;
	if (lan->is_auto && entry->up && !entry->loopback && !entry->port && entry->has_addr)
		return INPATH_SIDE_LAN;
	return INPATH_SIDE_NONE;
}

static int read_table(
	struct iface_table *t, const struct config_ifaces *lan, const struct config_ifaces *wan)
{
	int error;

	memset(t, 0, sizeof(*t));
	error = netlink_dump(RTM_GETLINK, sizeof(struct ifinfomsg), each_link, t);
	if (!error)
		error = netlink_dump(RTM_GETADDR, sizeof(struct ifaddrmsg), each_addr, t);
	if (!error)
		error = netlink_dump(RTM_GETROUTE, sizeof(struct rtmsg), each_route, t);
	/* A kernel without policy routing has no rules to tell of. */
	if (!error)
		(void)netlink_dump(RTM_GETRULE, sizeof(struct fib_rule_hdr), each_rule, t);
	for (uint32_t i = 0; i < IFACE_SLOTS; i++)
		if (t->slots[i].index)
			t->slots[i].side = side_of(&t->slots[i], lan, wan);
	return error;
}

static bool any_of(const struct iface_table *t, enum inpath_side side)
{
	for (uint32_t i = 0; i < IFACE_SLOTS; i++)
		if (t->slots[i].index && t->slots[i].side == side)
			return true;
	return false;
}

static void report_side(struct iface *f, enum inpath_side side, iface_say *say, void *arg)
{
	const struct config_ifaces *list = side == INPATH_SIDE_LAN ? &f->lan : &f->wan;
	bool *missing = side == INPATH_SIDE_LAN ? f->lan_missing : f->wan_missing;
	const char *key = side == INPATH_SIDE_LAN ? "lan" : "wan";
	uint32_t count = list->is_auto ? 1 : list->count;
	char text[160];

	for (uint32_t i = 0; i < count; i++) {
		bool gone = list->is_auto ? !any_of(&f->table, side)
					  : !find_name(&f->table, list->names[i]);

		if (gone == missing[i])
			continue;
		missing[i] = gone;
		if (list->is_auto)
			snprintf(text, sizeof(text),
				gone ? "gateway.%s = \"auto\": no such interface now; waiting for one"
				     : "gateway.%s = \"auto\": found one again",
				key);
		else
			snprintf(text, sizeof(text),
				gone ? "interface %s of gateway.%s does not exist now; waiting for it"
				     : "interface %s of gateway.%s is back",
				list->names[i], key);
		say(arg, text);
	}
}

static void report_routed_by(struct iface *f, iface_say *say, void *arg)
{
	const struct iface_entry *found = NULL;
	char text[200];

	for (uint32_t i = 0; i < IFACE_SLOTS; i++) {
		const struct iface_entry *entry = &f->table.slots[i];

		if (entry->index && entry->routed_by && entry->side == INPATH_SIDE_LAN)
			found = entry;
	}
	if (!found == !f->routed_by_said)
		return;
	f->routed_by_said = found;
	if (found)
		snprintf(text, sizeof(text),
			"routing depends on the interface that packets come in by (ip rule iif %s): probes "
			"cannot follow, so flows from there are not traced",
			found->name);
	else
		snprintf(text, sizeof(text),
			"routing does not depend on the incoming interface any more: new flows are traced");
	say(arg, text);
}

void iface_report(struct iface *f, iface_say *say, void *arg)
{
	report_side(f, INPATH_SIDE_LAN, say, arg);
	report_side(f, INPATH_SIDE_WAN, say, arg);
	report_routed_by(f, say, arg);
}

static int check_named(struct iface *f, const struct config_ifaces *list, enum inpath_side side,
	struct io_error *err)
{
	const char *key = side == INPATH_SIDE_LAN ? "lan" : "wan";

	if (list->is_auto || list->count == 0 || any_of(&f->table, side))
		return 0;
	return io_fail(err, -ENODEV,
		"gateway.%s: interface %s%s does not exist: correct the name (see `ip link`), or write "
		"\"auto\"",
		key, list->names[0], list->count > 1 ? " (nor any other of the list)" : "");
}

struct iface *iface_open(
	const struct config_ifaces *lan, const struct config_ifaces *wan, struct io_error *err)
{
	static const int groups[] = { RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR,
		RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE, RTNLGRP_IPV4_RULE, RTNLGRP_IPV6_RULE, 0 };
	struct iface *f = calloc(1, sizeof(*f));
	int error;

	if (!f) {
		io_fail(err, -ENOMEM, "no memory for the table of interfaces");
		return NULL;
	}
	f->lan = *lan;
	f->wan = *wan;
	f->news = netlink_listen(groups); /* before the first read: no change goes unheard */
	error = f->news ? read_table(&f->table, lan, wan) : -errno;
	if (error) {
		io_fail(err, error, "cannot read the interfaces by rtnetlink: %s",
			strerror(-error));
		goto fail;
	}
	if (check_named(f, lan, INPATH_SIDE_LAN, err) || check_named(f, wan, INPATH_SIDE_WAN, err))
		goto fail;
	return f;
fail:
	iface_close(f);
	return NULL;
}

void iface_close(struct iface *f)
{
	if (!f)
		return;
	if (f->news)
		mnl_socket_close(f->news);
	free(f);
}

int iface_fd(const struct iface *f)
{
	return mnl_socket_get_fd(f->news);
}

/* A gateway with a full routing table hears of many routes: only default ones matter here. */
static int each_news(const struct nlmsghdr *nlh, void *arg)
{
	struct iface *f = arg;

	if ((nlh->nlmsg_type != RTM_NEWROUTE && nlh->nlmsg_type != RTM_DELROUTE) ||
		is_default(mnl_nlmsg_get_payload(nlh)))
		f->stale = true;
	return MNL_CB_OK;
}

bool iface_read(struct iface *f, iface_say *say, void *arg)
{
	if (!netlink_drain(f->news, each_news, f))
		f->stale = true;
	if (!f->stale || read_table(&f->next, &f->lan, &f->wan))
		return false; /* if still stale, they are changing now: more news will come */
	f->table = f->next;
	f->stale = false;
	iface_report(f, say, arg);
	return true;
}

enum inpath_side iface_side(const struct iface *f, uint32_t index)
{
	return index ? f->table.slots[slot_of(&f->table, index)].side : INPATH_SIDE_NONE;
}

bool iface_routed_by(const struct iface *f, uint32_t index)
{
	return index && f->table.slots[slot_of(&f->table, index)].routed_by;
}

bool iface_exists(const struct iface *f, uint32_t index)
{
	return index && f->table.slots[slot_of(&f->table, index)].index == index;
}

static void list_side(const struct iface_table *t, const struct config_ifaces *configured,
	enum inpath_side side, struct config_ifaces *out)
{
	if (!configured->is_auto) {
		*out = *configured;
		return;
	}
	memset(out, 0, sizeof(*out));
	for (uint32_t i = 0; i < IFACE_SLOTS && out->count < CONFIG_IFACES; i++)
		if (t->slots[i].index && t->slots[i].side == side)
			memcpy(out->names[out->count++], t->slots[i].name, IFNAMSIZ);
}

int iface_resolve(const struct config_ifaces *lan, const struct config_ifaces *wan,
	struct config_ifaces *lan_out, struct config_ifaces *wan_out, struct io_error *err)
{
	struct iface_table *t = malloc(sizeof(*t));
	int error = t ? read_table(t, lan, wan) : -ENOMEM;

	if (error) {
		io_fail(err, error, "cannot read the interfaces by rtnetlink: %s",
			strerror(-error));
	} else {
		list_side(t, lan, INPATH_SIDE_LAN, lan_out);
		list_side(t, wan, INPATH_SIDE_WAN, wan_out);
	}
	free(t);
	return error;
}
