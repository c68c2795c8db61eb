/* SPDX-License-Identifier: GPL-2.0-or-later */
/* All connections with certain mark bits: asked for in one dump, then cleared one by one. */
#include "gateway/io/conntrack.h"

#include "gateway/io/netlink.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum {
	REQUEST_BYTES = 256,
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

static bool read_addr(const struct nlattr *v4, const struct nlattr *v6, struct inpath_addr *out)
{
	const struct nlattr *attr = v4 ? v4 : v6;
	size_t len = v4 ? 4 : 16;

	if (!attr || mnl_attr_get_payload_len(attr) < len)
		return false;
	*out = (struct inpath_addr){ .family = v4 ? INPATH_AF_INET : INPATH_AF_INET6 };
	memcpy(out->bytes, mnl_attr_get_payload(attr), len);
	return true;
}

static uint16_t read_port(const struct nlattr *attr)
{
	uint16_t port = 0;

	if (attr && mnl_attr_get_payload_len(attr) >= sizeof(port))
		memcpy(&port, mnl_attr_get_payload(attr), sizeof(port));
	return ntohs(port);
}

/* Of TCP or UDP; false if it is of anything else. */
static bool read_tuple(const struct nlattr *orig, struct inpath_tuple *out)
{
	const struct nlattr *parts[CTA_TUPLE_MAX + 1], *ip[CTA_IP_MAX + 1],
		*proto[CTA_PROTO_MAX + 1];

	netlink_attrs_nested(orig, parts, CTA_TUPLE_MAX + 1);
	if (!parts[CTA_TUPLE_IP] || !parts[CTA_TUPLE_PROTO])
		return false;
	netlink_attrs_nested(parts[CTA_TUPLE_IP], ip, CTA_IP_MAX + 1);
	netlink_attrs_nested(parts[CTA_TUPLE_PROTO], proto, CTA_PROTO_MAX + 1);
	memset(out, 0, sizeof(*out));
	if (!proto[CTA_PROTO_NUM] ||
		!read_addr(ip[CTA_IP_V4_SRC], ip[CTA_IP_V6_SRC], &out->client) ||
		!read_addr(ip[CTA_IP_V4_DST], ip[CTA_IP_V6_DST], &out->server))
		return false;
	out->proto = mnl_attr_get_u8(proto[CTA_PROTO_NUM]);
	out->client_port = read_port(proto[CTA_PROTO_SRC_PORT]);
	out->server_port = read_port(proto[CTA_PROTO_DST_PORT]);
	return out->proto == INPATH_PROTO_TCP || out->proto == INPATH_PROTO_UDP;
}

static int take(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlattr *attrs[CTA_MARK + 1];
	struct tuples *t = arg;
	struct inpath_tuple tuple;

	netlink_attrs(nlh, sizeof(struct nfgenmsg), attrs, CTA_MARK + 1);
	/* Kernels before 5.8 filter by mark alone, and some not at all. */
	if ((ntohl(netlink_u32(attrs[CTA_MARK])) & t->mask) != t->mask || !attrs[CTA_TUPLE_ORIG] ||
		!read_tuple(attrs[CTA_TUPLE_ORIG], &tuple))
		return MNL_CB_OK;
	if (!make_room(t)) {
		t->no_memory = true;
		return MNL_CB_OK;
	}
	t->all[t->count++] = tuple;
	return MNL_CB_OK;
}

/* A kernel that does not know this filter answers with all connections. */
static int dump(struct mnl_socket *nl, struct tuples *t)
{
	_Alignas(8) char bytes[REQUEST_BYTES] = { 0 };
	struct nlmsghdr *nlh = netlink_put_dump(
		bytes, NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET, sizeof(struct nfgenmsg), 1);

	mnl_attr_put_u32(nlh, CTA_MARK, htonl(t->mask));
	mnl_attr_put_u32(nlh, CTA_MARK_MASK, htonl(t->mask));
	return -netlink_ask_all(nl, nlh, take, t);
}

int conntrack_clear_all(struct conntrack *c, uint32_t mask, void (*goes_on)(void *), void *arg)
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

		if (goes_on)
			goes_on(arg);
		if (failed && failed != ENOENT && !error)
			error = failed;
	}
	free(t.all);
	return t.no_memory ? ENOMEM : error;
}
