/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/io/conntrack.h"

#include "gateway/io/netlink.h"

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum {
	RCVBUF_BYTES = 16384,
	REQUEST_BYTES = 256,
	ORIG_BYTES = 160, /* what a request has room for; the longest original tuple has 80 */
};

struct conntrack {
	struct mnl_socket *nl;
};

struct conntrack *conntrack_open(struct io_error *err)
{
	struct conntrack *c = calloc(1, sizeof(*c));

	if (!c) {
		io_fail(err, -ENOMEM, "no memory for conntrack's socket");
		return NULL;
	}
	c->nl = netlink_open_filter(RCVBUF_BYTES);
	if (c->nl)
		return c;
	io_fail(err, -errno, "cannot open a netlink socket for conntrack: %s", strerror(errno));
	free(c);
	return NULL;
}

void conntrack_close(struct conntrack *c)
{
	if (!c)
		return;
	mnl_socket_close(c->nl);
	free(c);
}

static void put_addresses(struct nlmsghdr *nlh, const struct inpath_tuple *tuple)
{
	struct nlattr *ip = mnl_attr_nest_start(nlh, CTA_TUPLE_IP);

	if (tuple->client.family == INPATH_AF_INET) {
		mnl_attr_put(nlh, CTA_IP_V4_SRC, 4, tuple->client.bytes);
		mnl_attr_put(nlh, CTA_IP_V4_DST, 4, tuple->server.bytes);
	} else {
		mnl_attr_put(nlh, CTA_IP_V6_SRC, 16, tuple->client.bytes);
		mnl_attr_put(nlh, CTA_IP_V6_DST, 16, tuple->server.bytes);
	}
	mnl_attr_nest_end(nlh, ip);
}

static void put_ports(struct nlmsghdr *nlh, const struct inpath_tuple *tuple)
{
	struct nlattr *proto = mnl_attr_nest_start(nlh, CTA_TUPLE_PROTO);

	mnl_attr_put_u8(nlh, CTA_PROTO_NUM, tuple->proto);
	mnl_attr_put_u16(nlh, CTA_PROTO_SRC_PORT, htons(tuple->client_port));
	mnl_attr_put_u16(nlh, CTA_PROTO_DST_PORT, htons(tuple->server_port));
	mnl_attr_nest_end(nlh, proto);
}

static struct nlmsghdr *put_header(void *bytes, uint16_t type, uint8_t family)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(bytes);
	struct nfgenmsg *nfg = mnl_nlmsg_put_extra_header(nlh, sizeof(*nfg));

	nlh->nlmsg_type = (uint16_t)(NFNL_SUBSYS_CTNETLINK << 8 | type);
	nfg->nfgen_family = family;
	nfg->version = NFNETLINK_V0;
	return nlh;
}

/* A request about one connection, so far with its original tuple alone. */
static struct nlmsghdr *put_request(void *bytes, uint16_t type, const struct inpath_tuple *tuple)
{
	bool v4 = tuple->client.family == INPATH_AF_INET;
	struct nlmsghdr *nlh = put_header(bytes, type, v4 ? AF_INET : AF_INET6);
	struct nlattr *orig = mnl_attr_nest_start(nlh, CTA_TUPLE_ORIG);

	put_addresses(nlh, tuple);
	put_ports(nlh, tuple);
	mnl_attr_nest_end(nlh, orig);
	return nlh;
}

/* No NLM_F_CREATE, and the original tuple, mark and mask alone: more is refused for a connection with NAT. */
static int clear(struct conntrack *c, struct nlmsghdr *nlh, uint32_t mask)
{
	mnl_attr_put_u32(nlh, CTA_MARK, htonl(0));
	mnl_attr_put_u32(nlh, CTA_MARK_MASK, htonl(mask));
	return -netlink_ask(c->nl, nlh, NULL, NULL);
}

int conntrack_clear_mark(struct conntrack *c, const struct inpath_tuple *tuple, uint32_t mask)
{
	_Alignas(8) char bytes[REQUEST_BYTES] = { 0 };

	return clear(c, put_request(bytes, IPCTNL_MSG_CT_NEW, tuple), mask);
}

int conntrack_clear_told(struct conntrack *c, const struct nlmsghdr *told, uint32_t mask)
{
	_Alignas(8) char bytes[REQUEST_BYTES] = { 0 };
	const struct nfgenmsg *about = mnl_nlmsg_get_payload(told);
	struct nlmsghdr *nlh = put_header(bytes, IPCTNL_MSG_CT_NEW, about->nfgen_family);
	const struct nlattr *attrs[CTA_ZONE + 1], *orig, *zone;

	netlink_attrs(told, sizeof(*about), attrs, CTA_ZONE + 1);
	orig = attrs[CTA_TUPLE_ORIG];
	zone = attrs[CTA_ZONE];
	if (!orig || mnl_attr_get_payload_len(orig) > ORIG_BYTES)
		return EPROTO;
	mnl_attr_put(nlh, NLA_F_NESTED | CTA_TUPLE_ORIG, mnl_attr_get_payload_len(orig),
		mnl_attr_get_payload(orig));
	if (zone && mnl_attr_validate(zone, MNL_TYPE_U16) == 0)
		mnl_attr_put_u16(nlh, CTA_ZONE, mnl_attr_get_u16(zone));
	return clear(c, nlh, mask);
}

static int read_status(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlattr *attrs[CTA_STATUS + 1];
	struct inpath_connection *out = arg;
	uint32_t status;

	netlink_attrs(nlh, sizeof(struct nfgenmsg), attrs, CTA_STATUS + 1);
	status = ntohl(netlink_u32(attrs[CTA_STATUS]));
	out->in_hardware = status & IPS_HW_OFFLOAD;
	out->offloaded = status & (IPS_OFFLOAD | IPS_HW_OFFLOAD);
	return MNL_CB_OK;
}

int conntrack_look(
	struct conntrack *c, const struct inpath_tuple *tuple, struct inpath_connection *out)
{
	_Alignas(8) char bytes[REQUEST_BYTES] = { 0 };
	struct nlmsghdr *nlh = put_request(bytes, IPCTNL_MSG_CT_GET, tuple);

	*out = (struct inpath_connection){ 0 };
	return -netlink_ask(c->nl, nlh, read_status, out);
}

static uint64_t number(const struct nlattr *attr)
{
	uint64_t value = 0;

	if (attr && mnl_attr_get_payload_len(attr) >= sizeof(value))
		memcpy(&value, mnl_attr_get_payload(attr), sizeof(value));
	return be64toh(value);
}

static bool read_side(const struct nlattr *nest, uint64_t *packets, uint64_t *bytes)
{
	const struct nlattr *attrs[CTA_COUNTERS_BYTES + 1];

	if (!nest)
		return false;
	netlink_attrs_nested(nest, attrs, CTA_COUNTERS_BYTES + 1);
	*packets = number(attrs[CTA_COUNTERS_PACKETS]);
	*bytes = number(attrs[CTA_COUNTERS_BYTES]);
	return attrs[CTA_COUNTERS_BYTES] != NULL;
}

struct count {
	struct inpath_counters counters;
	bool counted;
};

static int read_counters(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlattr *attrs[CTA_COUNTERS_REPLY + 1];
	struct inpath_counters found;
	struct count *count = arg;

	netlink_attrs(nlh, sizeof(struct nfgenmsg), attrs, CTA_COUNTERS_REPLY + 1);
	count->counted =
		!(ntohl(netlink_u32(attrs[CTA_STATUS])) & (IPS_OFFLOAD | IPS_HW_OFFLOAD)) &&
		read_side(attrs[CTA_COUNTERS_ORIG], &found.up_packets, &found.up_bytes) &&
		read_side(attrs[CTA_COUNTERS_REPLY], &found.down_packets, &found.down_bytes);
	if (count->counted)
		count->counters = found;
	return MNL_CB_OK;
}

int conntrack_count(
	struct conntrack *c, const struct inpath_tuple *tuple, struct inpath_counters *out)
{
	_Alignas(8) char bytes[REQUEST_BYTES] = { 0 };
	struct nlmsghdr *nlh = put_request(bytes, IPCTNL_MSG_CT_GET, tuple);
	struct count count = { 0 };
	int error = -netlink_ask(c->nl, nlh, read_counters, &count);

	*out = count.counters;
	return error || count.counted ? error : ENODATA;
}
