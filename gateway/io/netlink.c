/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/io/netlink.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <linux/rtnetlink.h>
#include <libnetfilter_queue/libnetfilter_queue.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	MESSAGE_BYTES = 32768, /* the kernel fills dumps up to this size */
	REQUEST_BYTES = 64,    /* for all of something, without attributes */
	DUMP_TRIES = 3,
	DRAIN_READS = 64,
	LIST_BYTES = 2048, /* read at once of the list of sockets: over a dozen */
};

struct mnl_socket *netlink_listen(const int *groups)
{
	struct mnl_socket *nl = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (!nl)
		return NULL;
	if (mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) < 0)
		goto fail;
	for (; *groups; groups++) {
		int group = *groups;

		/* A kernel without IPv6 knows no IPv6 groups, and needs none. */
		if (mnl_socket_setsockopt(nl, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) < 0 &&
			errno != EINVAL)
			goto fail;
	}
	return nl;
fail:
	mnl_socket_close(nl);
	return NULL;
}

struct nlmsghdr *netlink_put_dump(void *bytes, uint16_t type, size_t header_len, uint32_t seq)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(bytes);

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	nlh->nlmsg_seq = seq;
	mnl_nlmsg_put_extra_header(nlh, header_len); /* zeroed: every family, every table */
	return nlh;
}

int netlink_ask_all(struct mnl_socket *nl, const struct nlmsghdr *nlh, mnl_cb_t each, void *arg)
{
	char bytes[MESSAGE_BYTES];
	unsigned int port = mnl_socket_get_portid(nl);

	if (mnl_socket_sendto(nl, nlh, nlh->nlmsg_len) < 0)
		return -errno;
	for (;;) {
		ssize_t n = mnl_socket_recvfrom(nl, bytes, sizeof(bytes));
		int more;

		if (n < 0)
			return -errno;
		more = mnl_cb_run(bytes, (size_t)n, nlh->nlmsg_seq, port, each, arg);
		if (more < 0)
			return -errno;
		if (more == MNL_CB_STOP)
			return 0;
	}
}

int netlink_dump(uint16_t type, size_t header_len, mnl_cb_t each, void *arg)
{
	int error = -EINTR;

	for (uint32_t try = 1; try <= DUMP_TRIES && error == -EINTR; try++) {
		struct mnl_socket *nl = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
		_Alignas(8) char bytes[REQUEST_BYTES] = { 0 };

		if (!nl)
			return -errno;
		if (mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) < 0)
			error = -errno;
		else
			error = netlink_ask_all(
				nl, netlink_put_dump(bytes, type, header_len, try), each, arg);
		mnl_socket_close(nl);
	}
	return error;
}

bool netlink_drain(struct mnl_socket *nl, mnl_cb_t each, void *arg)
{
	char bytes[MESSAGE_BYTES];
	bool whole = true;

	for (int i = 0; i < DRAIN_READS; i++) {
		ssize_t n = mnl_socket_recvfrom(nl, bytes, sizeof(bytes));

		if (n < 0 && errno == ENOBUFS) {
			whole = false;
			continue;
		}
		if (n < 0)
			break;
		mnl_cb_run(bytes, (size_t)n, 0, 0, each, arg);
	}
	return whole;
}

struct sorted {
	const struct nlattr **attrs;
	uint16_t count;
};

static int each_attr(const struct nlattr *attr, void *arg)
{
	struct sorted *sorted = arg;

	if (mnl_attr_get_type(attr) < sorted->count)
		sorted->attrs[mnl_attr_get_type(attr)] = attr;
	return MNL_CB_OK;
}

static void clear(const struct nlattr **attrs, uint16_t count)
{
	for (uint16_t i = 0; i < count; i++)
		attrs[i] = NULL;
}

void netlink_attrs(
	const struct nlmsghdr *nlh, size_t header_len, const struct nlattr **attrs, uint16_t count)
{
	struct sorted sorted = { attrs, count };

	clear(attrs, count);
	mnl_attr_parse(nlh, (unsigned int)header_len, each_attr, &sorted);
}

void netlink_attrs_nested(const struct nlattr *nest, const struct nlattr **attrs, uint16_t count)
{
	struct sorted sorted = { attrs, count };

	clear(attrs, count);
	mnl_attr_parse_nested(nest, each_attr, &sorted);
}

uint32_t netlink_u32(const struct nlattr *attr)
{
	return attr && mnl_attr_validate(attr, MNL_TYPE_U32) == 0 ? mnl_attr_get_u32(attr) : 0;
}

struct mnl_socket *netlink_open_filter(uint32_t rcvbuf)
{
	struct mnl_socket *nl = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC | SOCK_NONBLOCK);
	int size = rcvbuf < INT32_MAX / 2 ? (int)rcvbuf : INT32_MAX / 2;
	int on = 1;

	if (!nl)
		return NULL;
	if (mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) < 0) {
		mnl_socket_close(nl);
		return NULL;
	}
	/* Without the privilege the smaller buffer stays; what needs it will be refused anyway. */
	setsockopt(mnl_socket_get_fd(nl), SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	/* An overrun socket that reports ENOBUFS takes nothing until it is empty: do not report. */
	mnl_socket_setsockopt(nl, NETLINK_NO_ENOBUFS, &on, sizeof(on));
	return nl;
}

int netlink_ask(struct mnl_socket *nl, struct nlmsghdr *nlh, mnl_cb_t each, void *arg)
{
	_Alignas(8) char bytes[MESSAGE_BYTES];
	uint32_t seq = nlh->nlmsg_seq = nlh->nlmsg_seq ? nlh->nlmsg_seq : 1;

	nlh->nlmsg_flags |= NLM_F_REQUEST | NLM_F_ACK;
	if (mnl_socket_sendto(nl, nlh, nlh->nlmsg_len) < 0)
		return -errno;
	for (;;) {
		ssize_t n = mnl_socket_recvfrom(nl, bytes, sizeof(bytes));
		const struct nlmsghdr *answer = (const void *)bytes;
		int left = (int)n;

		if (n < 0 && errno != ENOBUFS && errno != EINTR)
			return -errno;
		for (; n > 0 && mnl_nlmsg_ok(answer, left);
			answer = mnl_nlmsg_next(answer, &left)) {
			if (answer->nlmsg_type == NLMSG_ERROR && answer->nlmsg_seq == seq)
				return ((const struct nlmsgerr *)mnl_nlmsg_get_payload(answer))
					->error;
			if (answer->nlmsg_type >= NLMSG_MIN_TYPE && each)
				each(answer, arg);
		}
	}
}

bool netlink_may_filter(void)
{
	_Alignas(8) char bytes[256] = { 0 };
	struct nlmsghdr *nlh = nfq_nlmsg_put(bytes, NFQNL_MSG_CONFIG, 0);
	struct mnl_socket *nl = netlink_open_filter(0);
	int error;

	if (!nl)
		return false;
	/* A command without effect since Linux 3.8, but refused to whoever lacks the privilege. */
	nfq_nlmsg_cfg_put_cmd(nlh, AF_INET, NFQNL_CFG_CMD_PF_UNBIND);
	error = netlink_ask(nl, nlh, NULL, NULL);
	mnl_socket_close(nl);
	return error != -EPERM;
}

void netlink_port_owner(uint32_t port, char *out, size_t len)
{
	char path[64], name[32] = "";
	FILE *comm;

	*out = '\0';
	snprintf(path, sizeof(path), "/proc/%u/comm", port);
	comm = fopen(path, "re");
	if (!comm)
		return;
	if (fgets(name, sizeof(name), comm) && strcspn(name, "\n") > 0)
		snprintf(out, len, "%.*s (pid %u)", (int)strcspn(name, "\n"), name, port);
	fclose(comm);
}

int netlink_list(void)
{
	int fd = open("/proc/net/netlink", O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* A line is: address, protocol, port, groups, bytes that wait to be read, ... */
static bool is_filter_of(const char *line, uint32_t port, uint32_t *unread)
{
	unsigned int protocol, its_port, waits;

	/* The kernel's own numbers, which fit. NOLINTNEXTLINE(cert-err34-c) */
	if (sscanf(line, "%*s %u %u %*x %u", &protocol, &its_port, &waits) != 3 ||
		protocol != NETLINK_NETFILTER || its_port != port)
		return false;
	*unread = waits;
	return true;
}

uint32_t netlink_unread(int list, uint32_t port)
{
	char text[LIST_BYTES + 1];
	uint32_t unread;
	size_t kept = 0;
	off_t at = 0;
	ssize_t n;

	while ((n = pread(list, text + kept, LIST_BYTES - kept, at)) > 0) {
		char *line = text, *end;

		at += n;
		text[kept + (size_t)n] = '\0';
		for (; (end = strchr(line, '\n')); line = end + 1)
			if (is_filter_of(line, port, &unread))
				return unread;
		kept = strlen(line);
		memmove(text, line, kept);
	}
	return 0;
}
