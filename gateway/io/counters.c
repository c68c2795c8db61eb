/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/io/counters.h"

#include "gateway/io/conntrack_message.h"
#include "gateway/io/netlink.h"

#include <endian.h>
#include <arpa/inet.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <stdlib.h>
#include <string.h>
#include <errno.h>

enum {
	MESSAGE_BYTES = 16384, /* the kernel fills what it is given: some 60 connections */
	READS_A_ROUND = 2,
	RCVBUF_BYTES = 4 * MESSAGE_BYTES,
};

struct counters {
	struct mnl_socket *nl;
	uint32_t mask;
	uint32_t seq; /* of the newest dump */
	bool goes_on;
	uint64_t told;
	counters_each *each; /* while reading */
	void *arg;
	_Alignas(8) char bytes[MESSAGE_BYTES];
};

struct counters *counters_open(struct io_error *err)
{
	struct counters *c = calloc(1, sizeof(*c));

	if (!c) {
		io_fail(err, -ENOMEM, "no memory for the counters' socket");
		return NULL;
	}
	c->nl = netlink_open_filter(RCVBUF_BYTES);
	if (c->nl)
		return c;
	io_fail(err, -errno, "cannot open a netlink socket for counters: %s", strerror(errno));
	free(c);
	return NULL;
}

void counters_close(struct counters *c)
{
	if (!c)
		return;
	mnl_socket_close(c->nl);
	free(c);
}

int counters_fd(const struct counters *c)
{
	return mnl_socket_get_fd(c->nl);
}

uint64_t counters_told(const struct counters *c)
{
	return c->told;
}

void counters_ask(struct counters *c, uint32_t mask)
{
	struct nlmsghdr *nlh;

	if (c->goes_on)
		return;
	nlh = conntrack_put_dump(c->bytes, mask, ++c->seq);
	c->mask = mask;
	c->goes_on = mnl_socket_sendto(c->nl, nlh, nlh->nlmsg_len) >= 0;
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

static int take(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlattr *attrs[CTA_COUNTERS_REPLY + 1];
	struct counters *c = arg;
	struct inpath_counters found = { 0 };
	struct inpath_tuple tuple;

	netlink_attrs(nlh, sizeof(struct nfgenmsg), attrs, CTA_COUNTERS_REPLY + 1);
	c->told++;
	/* What flow offload forwards is not always counted. A connection from before nf_conntrack_acct was switched on has no counters. */
	if ((ntohl(netlink_u32(attrs[CTA_MARK])) & c->mask) == c->mask &&
		!(ntohl(netlink_u32(attrs[CTA_STATUS])) & (IPS_OFFLOAD | IPS_HW_OFFLOAD)) &&
		conntrack_read_tuple(attrs[CTA_TUPLE_ORIG], &tuple) &&
		read_side(attrs[CTA_COUNTERS_ORIG], &found.up_packets, &found.up_bytes) &&
		read_side(attrs[CTA_COUNTERS_REPLY], &found.down_packets, &found.down_bytes))
		c->each(c->arg, &tuple, &found);
	return MNL_CB_OK;
}

void counters_read(struct counters *c, counters_each *each, void *arg)
{
	c->each = each;
	c->arg = arg;
	for (int i = 0; i < READS_A_ROUND && c->goes_on; i++) {
		ssize_t n = mnl_socket_recvfrom(c->nl, c->bytes, sizeof(c->bytes));

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		/* The dump's end, or a failure: the next one is another try. */
		c->goes_on = n >= 0 && mnl_cb_run(c->bytes, (size_t)n, c->seq,
					       mnl_socket_get_portid(c->nl), take, c) > MNL_CB_STOP;
	}
}
