/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/io/nflog.h"

#include "gateway/io/netlink.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_log.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum {
	COPY_BYTES = 4096, /* of a packet: no resolver offers EDNS answers beyond that */
	MESSAGE_BYTES = 16384,
	RCVBUF_BYTES = 262144,
};

struct nflog {
	struct mnl_socket *nl;
	struct nflog_copy copy;
	struct nlmsghdr *next; /* in `message`; valid while `left` holds a message */
	int left;
	bool any;
	uint32_t next_seq;
	uint64_t missed;
	_Alignas(8) char message[MESSAGE_BYTES];
};

static struct nlmsghdr *put_config(char *bytes, uint16_t group)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(bytes);
	struct nfgenmsg *nfg = mnl_nlmsg_put_extra_header(nlh, sizeof(*nfg));

	nlh->nlmsg_type = NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_CONFIG;
	nfg->nfgen_family = AF_UNSPEC;
	nfg->version = NFNETLINK_V0;
	nfg->res_id = htons(group);
	return nlh;
}

static int configure(struct mnl_socket *nl, uint16_t group)
{
	_Alignas(8) char bytes[256] = { 0 };
	struct nlmsghdr *nlh = put_config(bytes, group);
	struct nfulnl_msg_config_cmd bind = { .command = NFULNL_CFG_CMD_BIND };
	struct nfulnl_msg_config_mode mode = {
		.copy_range = htonl(COPY_BYTES),
		.copy_mode = NFULNL_COPY_PACKET,
	};

	mnl_attr_put(nlh, NFULA_CFG_CMD, sizeof(bind), &bind);
	mnl_attr_put(nlh, NFULA_CFG_MODE, sizeof(mode), &mode);
	mnl_attr_put_u32(nlh, NFULA_CFG_QTHRESH, htonl(1));
	mnl_attr_put_u32(
		nlh, NFULA_CFG_TIMEOUT, htonl(1)); /* 10 ms; 0 is the default of a second */
	mnl_attr_put_u16(nlh, NFULA_CFG_FLAGS, htons(NFULNL_CFG_F_SEQ));
	return netlink_ask(nl, nlh, NULL, NULL);
}

/* Writes the sentence, and returns the error as nflog_open tells it. */
static int refuse(int error, uint16_t group, struct io_error *err)
{
	switch (-error) {
	case EPERM:
		if (!netlink_may_filter())
			return io_fail(err, EPERM,
				"no privilege to listen to DNS answers by NFLOG: start inpathd as root, "
				"or with CAP_NET_ADMIN and CAP_NET_RAW");
		/* The kernel says the same when another program holds the group. */
		/* fall through */
	case EBUSY:
		return io_fail(err, EBUSY,
			"NFLOG group %u is held by another program (a second inpathd?): stop it, or set "
			"another gateway.queue",
			group);
	case EINVAL:
	case EPROTONOSUPPORT:
	case EAFNOSUPPORT:
		return io_fail(err, ENOSYS,
			"the kernel has no NFLOG: load nfnetlink_log (OpenWrt: install "
			"kmod-nfnetlink-log), or build the kernel with CONFIG_NETFILTER_NETLINK_LOG");
	default: return io_fail(err, -error, "NFLOG group %u: %s", group, strerror(-error));
	}
}

struct nflog *nflog_open(uint16_t group, struct io_error *err)
{
	struct nflog *l = calloc(1, sizeof(*l));
	int error;

	if (!l) {
		errno = io_fail(err, ENOMEM, "no memory for NFLOG group %u", group);
		return NULL;
	}
	l->nl = netlink_open_filter(RCVBUF_BYTES);
	error = l->nl ? configure(l->nl, group) : -errno;
	if (!error)
		return l;
	error = refuse(error, group, err);
	nflog_close(l);
	errno = error;
	return NULL;
}

void nflog_close(struct nflog *l)
{
	if (!l)
		return;
	if (l->nl)
		mnl_socket_close(l->nl);
	free(l);
}

int nflog_fd(const struct nflog *l)
{
	return mnl_socket_get_fd(l->nl);
}

uint64_t nflog_missed(const struct nflog *l)
{
	return l->missed;
}

static uint32_t be32(const struct nlattr *attr)
{
	return ntohl(netlink_u32(attr));
}

static void count_missed(struct nflog *l, uint32_t seq)
{
	if (l->any)
		l->missed += seq - l->next_seq;
	l->any = true;
	l->next_seq = seq + 1;
}

static void read_mac(const struct nlattr *attr, struct inpath_meta *meta)
{
	const struct nfulnl_msg_packet_hw *hw;

	if (!attr || mnl_attr_get_payload_len(attr) < sizeof(*hw) ||
		meta->in_side != INPATH_SIDE_LAN)
		return;
	hw = mnl_attr_get_payload(attr);
	meta->has_mac = ntohs(hw->hw_addrlen) == sizeof(meta->mac.bytes);
	memcpy(meta->mac.bytes, hw->hw_addr, sizeof(meta->mac.bytes));
}

/* NFLOG does not tell a cut packet's length; a copy that fills its room may have been longer. */
static bool read_copy(struct nflog *l, const struct nlmsghdr *nlh, const struct iface *ifaces)
{
	const struct nlattr *attrs[NFULA_MAX + 1];
	struct nflog_copy *copy = &l->copy;

	netlink_attrs(nlh, sizeof(struct nfgenmsg), attrs, NFULA_MAX + 1);
	if (attrs[NFULA_SEQ])
		count_missed(l, be32(attrs[NFULA_SEQ]));
	if (!attrs[NFULA_PAYLOAD])
		return false;
	*copy = (struct nflog_copy){
		.meta.source = INPATH_SOURCE_DNS,
		.meta.in_ifindex = be32(attrs[NFULA_IFINDEX_INDEV]),
		.meta.out_ifindex = be32(attrs[NFULA_IFINDEX_OUTDEV]),
		.meta.mark = be32(attrs[NFULA_MARK]),
		.bytes = mnl_attr_get_payload(attrs[NFULA_PAYLOAD]),
		.caplen = mnl_attr_get_payload_len(attrs[NFULA_PAYLOAD]),
		.len = mnl_attr_get_payload_len(attrs[NFULA_PAYLOAD]),
	};
	copy->meta.in_side = iface_side(ifaces, copy->meta.in_ifindex);
	copy->meta.out_side = iface_side(ifaces, copy->meta.out_ifindex);
	read_mac(attrs[NFULA_HWADDR], &copy->meta);
	return true;
}

const struct nflog_copy *nflog_read(struct nflog *l, const struct iface *ifaces)
{
	for (;;) {
		while (l->left > 0 && mnl_nlmsg_ok(l->next, l->left)) {
			const struct nlmsghdr *nlh = l->next;

			l->next = mnl_nlmsg_next(l->next, &l->left);
			if (nlh->nlmsg_type == (NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_PACKET) &&
				read_copy(l, nlh, ifaces))
				return &l->copy;
		}
		l->next = (void *)l->message;
		l->left = (int)recv(nflog_fd(l), l->message, sizeof(l->message), MSG_DONTWAIT);
		if (l->left < 0 && errno != ENOBUFS)
			return NULL;
	}
}
