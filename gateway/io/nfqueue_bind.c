/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/io/nfqueue_bind.h"

#include "gateway/io/netlink.h"
#include "gateway/io/nfqueue.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <libnetfilter_queue/libnetfilter_queue.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

enum {
	CONFIG_BYTES = 256,
	ATTRS_MAX = 64,
	LINE_BYTES = 256,
};

static int refuse(int error, uint16_t queue, struct io_error *err);

struct mnl_socket *nfqueue_socket(uint32_t rcvbuf, struct io_error *err)
{
	struct mnl_socket *nl = netlink_open_filter(rcvbuf);
	int on = 1;

	if (!nl) {
		refuse(-errno, 0, err);
		return NULL;
	}
	/* The kernel stamps all packets once any socket asks; without, they are dated when read. */
	setsockopt(mnl_socket_get_fd(nl), SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on));
	return nl;
}

struct early {
	struct mnl_socket *nl;
	uint16_t queue;
};

static int accept_early(const struct nlmsghdr *packet, void *arg)
{
	const struct early *early = arg;
	struct nlattr *attrs[ATTRS_MAX] = { NULL };
	const struct nfqnl_msg_packet_hdr *header;
	_Alignas(8) char bytes[CONFIG_BYTES] = { 0 };
	struct nlmsghdr *nlh;

	if (nfq_nlmsg_parse(packet, attrs) < 0 || !attrs[NFQA_PACKET_HDR])
		return MNL_CB_OK;
	header = mnl_attr_get_payload(attrs[NFQA_PACKET_HDR]);
	nlh = nfq_nlmsg_put(bytes, NFQNL_MSG_VERDICT, early->queue);
	nfq_nlmsg_verdict_put(nlh, (int)ntohl(header->packet_id), NF_ACCEPT);
	mnl_socket_sendto(early->nl, nlh, nlh->nlmsg_len);
	return MNL_CB_OK;
}

static int put_flag(struct mnl_socket *nl, uint16_t queue, uint32_t flag)
{
	_Alignas(8) char bytes[CONFIG_BYTES] = { 0 };
	struct nlmsghdr *nlh = nfq_nlmsg_put(bytes, NFQNL_MSG_CONFIG, queue);
	struct early early = { nl, queue };

	mnl_attr_put_u32(nlh, NFQA_CFG_FLAGS, htonl(flag));
	mnl_attr_put_u32(nlh, NFQA_CFG_MASK, htonl(flag));
	return netlink_ask(nl, nlh, accept_early, &early);
}

int nfqueue_configure(struct mnl_socket *nl, uint16_t queue, uint32_t maxlen, struct io_error *err)
{
	_Alignas(8) char bytes[CONFIG_BYTES] = { 0 };
	struct nlmsghdr *nlh = nfq_nlmsg_put(bytes, NFQNL_MSG_CONFIG, queue);
	struct early early = { nl, queue };
	int error;

	nfq_nlmsg_cfg_put_cmd(nlh, AF_UNSPEC, NFQNL_CFG_CMD_BIND);
	nfq_nlmsg_cfg_put_params(nlh, NFQNL_COPY_PACKET, NFQUEUE_COPY);
	nfq_nlmsg_cfg_put_qmaxlen(nlh, maxlen);
	mnl_attr_put_u32(nlh, NFQA_CFG_FLAGS, htonl(NFQA_CFG_F_FAIL_OPEN));
	mnl_attr_put_u32(nlh, NFQA_CFG_MASK, htonl(NFQA_CFG_F_FAIL_OPEN));
	error = netlink_ask(nl, nlh, accept_early, &early);
	if (error)
		return refuse(error, queue, err);
	/* Without GSO the kernel cuts aggregates up before it queues them: slow, but right. */
	put_flag(nl, queue, NFQA_CFG_F_GSO);
	return 0;
}

int nfqueue_set_maxlen(struct mnl_socket *nl, uint16_t queue, uint32_t maxlen)
{
	_Alignas(8) char bytes[CONFIG_BYTES] = { 0 };
	struct nlmsghdr *nlh = nfq_nlmsg_put(bytes, NFQNL_MSG_CONFIG, queue);

	nfq_nlmsg_cfg_put_qmaxlen(nlh, maxlen);
	/* Done when sendto returns; no answer is asked for, since packets wait in front of it. */
	return mnl_socket_sendto(nl, nlh, nlh->nlmsg_len) < 0 ? -errno : 0;
}

/* The kernel's list, which root alone may read. A line is: number, netlink port, ... */
void nfqueue_holder(uint16_t queue, char *out, size_t len)
{
	FILE *list = fopen("/proc/net/netfilter/nfnetlink_queue", "re");
	char line[LINE_BYTES];
	unsigned int number, port;

	*out = '\0';
	while (list && !*out && fgets(line, sizeof(line), list)) {
		/* The kernel's own numbers, which fit. NOLINTNEXTLINE(cert-err34-c) */
		if (sscanf(line, "%u %u", &number, &port) != 2 || number != queue)
			continue;
		netlink_port_owner(port, out, len);
		if (!*out)
			snprintf(out, len, "another program");
	}
	if (list)
		fclose(list);
}

static int refuse(int error, uint16_t queue, struct io_error *err)
{
	char owner[64];

	switch (-error) {
	case EPERM:
		/* The kernel says the same when another program holds the queue. */
		if (!netlink_may_filter())
			return io_fail(err, error,
				"no privilege to use the packet queue: start inpathd as root, or with "
				"CAP_NET_ADMIN and CAP_NET_RAW");
		/* fall through */
	case EBUSY:
		nfqueue_holder(queue, owner, sizeof(owner));
		if (!*owner)
			snprintf(owner, sizeof(owner), "another program");
		return io_fail(err, error,
			"queue %u is held by %s: stop that program, or set another gateway.queue",
			queue, owner);
	case EINVAL:
	case EPROTONOSUPPORT:
	case EAFNOSUPPORT:
		return io_fail(err, error,
			"the kernel has no packet queue: load nfnetlink_queue (OpenWrt: install "
			"kmod-nfnetlink-queue, kmod-nft-queue), or build the kernel with "
			"CONFIG_NETFILTER_NETLINK_QUEUE");
	default: return io_fail(err, error, "queue %u: %s", queue, strerror(-error));
	}
}
