/* SPDX-License-Identifier: GPL-2.0-or-later */
/* All connections with certain mark bits: each is cleared as a dump tells of it. */
#include "gateway/io/conntrack.h"

#include "gateway/io/netlink.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <sys/socket.h>

enum {
	REQUEST_BYTES = 256,
};

struct clearing {
	struct conntrack *conntrack;
	uint32_t mask;
	void (*goes_on)(void *);
	void *arg;
	int error;
};

static int clear_told(const struct nlmsghdr *told, void *arg)
{
	const struct nlattr *attrs[CTA_MARK + 1];
	struct clearing *clearing = arg;
	int error;

	netlink_attrs(told, sizeof(struct nfgenmsg), attrs, CTA_MARK + 1);
	/* Kernels before 5.8 filter by mark alone, and some not at all. */
	if ((ntohl(netlink_u32(attrs[CTA_MARK])) & clearing->mask) != clearing->mask)
		return MNL_CB_OK;
	error = conntrack_clear_told(clearing->conntrack, told, clearing->mask);
	if (clearing->goes_on)
		clearing->goes_on(clearing->arg);
	if (error && error != ENOENT && !clearing->error)
		clearing->error = error;
	return MNL_CB_OK;
}

/* A kernel that does not know this filter answers with all connections. */
static int dump(struct mnl_socket *nl, struct clearing *clearing)
{
	_Alignas(8) char bytes[REQUEST_BYTES] = { 0 };
	struct nlmsghdr *nlh = netlink_put_dump(
		bytes, NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET, sizeof(struct nfgenmsg), 1);

	mnl_attr_put_u32(nlh, CTA_MARK, htonl(clearing->mask));
	mnl_attr_put_u32(nlh, CTA_MARK_MASK, htonl(clearing->mask));
	return -netlink_ask_all(nl, nlh, clear_told, clearing);
}

int conntrack_clear_all(struct conntrack *c, uint32_t mask, void (*goes_on)(void *), void *arg)
{
	struct mnl_socket *nl = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
	struct clearing clearing = { .conntrack = c, .mask = mask, .goes_on = goes_on, .arg = arg };
	int error;

	if (!nl)
		return errno;
	error = mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) < 0 ? errno : dump(nl, &clearing);
	mnl_socket_close(nl);
	return error ? error : clearing.error;
}
