/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/io/conntrack_message.h"

#include "gateway/io/netlink.h"

#include <arpa/inet.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <string.h>
#include <sys/socket.h>

struct nlmsghdr *conntrack_put_dump(void *bytes, uint32_t mask, uint32_t seq)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(bytes);
	struct nfgenmsg *nfg = mnl_nlmsg_put_extra_header(nlh, sizeof(*nfg));

	nlh->nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	nlh->nlmsg_seq = seq;
	nfg->nfgen_family = AF_UNSPEC;
	nfg->version = NFNETLINK_V0;
	mnl_attr_put_u32(nlh, CTA_MARK, htonl(mask));
	mnl_attr_put_u32(nlh, CTA_MARK_MASK, htonl(mask));
	return nlh;
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

bool conntrack_read_tuple(const struct nlattr *orig, struct inpath_tuple *out)
{
	const struct nlattr *parts[CTA_TUPLE_MAX + 1], *ip[CTA_IP_MAX + 1],
		*proto[CTA_PROTO_MAX + 1];

	if (!orig)
		return false;
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
