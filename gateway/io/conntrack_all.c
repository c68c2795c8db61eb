/* SPDX-License-Identifier: GPL-2.0-or-later */
/* All connections with certain mark bits: asked for in one dump, then cleared one by one. */
#include "gateway/io/conntrack.h"

#include "gateway/io/conntrack_message.h"
#include "gateway/io/netlink.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <stdlib.h>
#include <sys/socket.h>

enum {
	MESSAGE_BYTES = 32768, /* the kernel fills what it is given */
};

struct tuples {
	uint32_t mask;
	size_t count;
	size_t room;
	struct inpath_tuple *all;
	bool no_memory;
};

static bool make_room(struct tuples *t)
{
	size_t room = t->room ? 2 * t->room : 64;
	struct inpath_tuple *all;

	if (t->count < t->room)
		return true;
	all = realloc(t->all, room * sizeof(*all));
	if (!all)
		return false;
	t->all = all;
	t->room = room;
	return true;
}

static int take(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlattr *attrs[CTA_MARK + 1];
	struct tuples *t = arg;
	struct inpath_tuple tuple;

	netlink_attrs(nlh, sizeof(struct nfgenmsg), attrs, CTA_MARK + 1);
	/* Kernels before 5.8 filter by mark alone, and some not at all. */
	if ((ntohl(netlink_u32(attrs[CTA_MARK])) & t->mask) != t->mask ||
		!conntrack_read_tuple(attrs[CTA_TUPLE_ORIG], &tuple))
		return MNL_CB_OK;
	if (!make_room(t)) {
		t->no_memory = true;
		return MNL_CB_OK;
	}
	t->all[t->count++] = tuple;
	return MNL_CB_OK;
}

static int dump(struct mnl_socket *nl, struct tuples *t)
{
	_Alignas(8) char bytes[MESSAGE_BYTES];
	struct nlmsghdr *nlh = conntrack_put_dump(bytes, t->mask, 1);
	int more = MNL_CB_OK;

	if (mnl_socket_sendto(nl, nlh, nlh->nlmsg_len) < 0)
		return errno;
	while (more > MNL_CB_STOP) {
		ssize_t n = mnl_socket_recvfrom(nl, bytes, sizeof(bytes));

		if (n < 0)
			return errno;
		more = mnl_cb_run(bytes, (size_t)n, 1, mnl_socket_get_portid(nl), take, t);
	}
	return more < 0 ? errno : 0;
}

int conntrack_clear_all(struct conntrack *c, uint32_t mask)
{
	struct mnl_socket *nl = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
	struct tuples t = { .mask = mask };
	int error;

	if (!nl)
		return errno;
	error = mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) < 0 ? errno : dump(nl, &t);
	mnl_socket_close(nl);
	for (size_t i = 0; i < t.count; i++) {
		int failed = conntrack_clear_mark(c, &t.all[i], mask);

		if (failed && failed != ENOENT && !error)
			error = failed;
	}
	free(t.all);
	return t.no_memory ? ENOMEM : error;
}
