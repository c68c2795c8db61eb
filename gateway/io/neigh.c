/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/io/neigh.h"

#include "gateway/io/netlink.h"

#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

struct neigh {
	struct mnl_socket *news;
};

struct teller {
	const struct iface *ifaces;
	neigh_found *found;
	void *arg;
};

static bool copy_addr(const struct ndmsg *entry, const struct nlattr *dst, struct inpath_addr *addr)
{
	size_t len = entry->ndm_family == AF_INET ? 4 : 16;

	if (!dst || (entry->ndm_family != AF_INET && entry->ndm_family != AF_INET6) ||
		mnl_attr_get_payload_len(dst) != len)
		return false;
	*addr = (struct inpath_addr){
		.family = entry->ndm_family == AF_INET ? INPATH_AF_INET : INPATH_AF_INET6,
	};
	memcpy(addr->bytes, mnl_attr_get_payload(dst), len);
	return true;
}

static int each_entry(const struct nlmsghdr *nlh, void *arg)
{
	const struct ndmsg *entry = mnl_nlmsg_get_payload(nlh);
	const struct teller *teller = arg;
	const struct nlattr *attrs[NDA_MAX + 1];
	struct inpath_addr addr;
	struct inpath_mac mac;

	if (nlh->nlmsg_type != RTM_NEWNEIGH ||
		!(entry->ndm_state &
			(NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT)) ||
		iface_side(teller->ifaces, (uint32_t)entry->ndm_ifindex) != INPATH_SIDE_LAN)
		return MNL_CB_OK;
	netlink_attrs(nlh, sizeof(*entry), attrs, NDA_MAX + 1);
	if (!copy_addr(entry, attrs[NDA_DST], &addr) || !attrs[NDA_LLADDR] ||
		mnl_attr_get_payload_len(attrs[NDA_LLADDR]) != sizeof(mac.bytes))
		return MNL_CB_OK;
	memcpy(mac.bytes, mnl_attr_get_payload(attrs[NDA_LLADDR]), sizeof(mac.bytes));
	teller->found(teller->arg, &addr, &mac);
	return MNL_CB_OK;
}

struct neigh *neigh_open(void)
{
	static const int groups[] = { RTNLGRP_NEIGH, 0 };
	struct neigh *n = calloc(1, sizeof(*n));

	if (!n)
		return NULL;
	n->news = netlink_listen(groups);
	if (n->news)
		return n;
	free(n);
	return NULL;
}

void neigh_close(struct neigh *n)
{
	if (!n)
		return;
	mnl_socket_close(n->news);
	free(n);
}

int neigh_fd(const struct neigh *n)
{
	return mnl_socket_get_fd(n->news);
}

void neigh_dump(const struct iface *ifaces, neigh_found *found, void *arg)
{
	struct teller teller = { ifaces, found, arg };

	netlink_dump(RTM_GETNEIGH, sizeof(struct ndmsg), each_entry, &teller);
}

void neigh_read(struct neigh *n, const struct iface *ifaces, neigh_found *found, void *arg)
{
	struct teller teller = { ifaces, found, arg };

	if (!netlink_drain(n->news, each_entry, &teller))
		neigh_dump(ifaces, found, arg);
}
