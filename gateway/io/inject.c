/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/io/inject.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	SNDBUF_BYTES =
		65536, /* probes are small; those behind a stuck interface are lost, not kept */
};

struct raw_socket {
	int fd; /* -1: free */
	uint32_t ifindex;
	uint8_t family; /* enum inpath_family */
	uint32_t mark;  /* as the socket has it */
	uint64_t used;
};

struct inject {
	uint64_t sends;
	struct raw_socket sockets[INJECT_SOCKETS];
};

static int set_int(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value));
}

static int open_raw(uint8_t family)
{
	int domain = family == INPATH_AF_INET ? AF_INET : AF_INET6;
	int fd = socket(domain, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_RAW);

	if (fd < 0)
		return -errno;
	/* IPPROTO_RAW implies it, save for IPv6 on kernels before 4.5. */
	if (family == INPATH_AF_INET)
		set_int(fd, IPPROTO_IP, IP_HDRINCL, 1);
	else
		set_int(fd, IPPROTO_IPV6, IPV6_HDRINCL, 1);
	set_int(fd, SOL_SOCKET, SO_SNDBUF, SNDBUF_BYTES);
	return fd;
}

/* A raw socket that leaves by `ifindex` alone and may name any source. */
static int open_bound(uint32_t ifindex, uint8_t family)
{
	char name[IFNAMSIZ];
	int fd, error;

	if (!if_indextoname(ifindex, name))
		return -ENODEV;
	fd = open_raw(family);
	if (fd < 0)
		return fd;
	if (setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, (socklen_t)strlen(name) + 1) == 0 &&
		(family == INPATH_AF_INET || set_int(fd, IPPROTO_IPV6, IPV6_FREEBIND, 1) == 0))
		return fd;
	error = -errno;
	close(fd);
	return error;
}

static void forget(struct raw_socket *s)
{
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
	s->used = 0;
}

/* The socket for an interface and family, opened if there is none; NULL and an errno. */
static struct raw_socket *socket_for(struct inject *j, uint32_t ifindex, uint8_t family, int *error)
{
	struct raw_socket *oldest = &j->sockets[0];

	for (struct raw_socket *s = j->sockets; s < j->sockets + INJECT_SOCKETS; s++) {
		if (s->fd >= 0 && s->ifindex == ifindex && s->family == family)
			return s;
		if (s->used < oldest->used)
			oldest = s;
	}
	forget(oldest);
	oldest->fd = open_bound(ifindex, family);
	if (oldest->fd < 0) {
		*error = -oldest->fd;
		oldest->fd = -1;
		return NULL;
	}
	oldest->ifindex = ifindex;
	oldest->family = family;
	oldest->mark = 0;
	return oldest;
}

static void put_source(struct msghdr *msg, const struct inpath_addr *client)
{
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(msg);

	/* No interface index: it would be forgotten when an OUTPUT rule changes the mark. */
	if (client->family == INPATH_AF_INET) {
		struct in_pktinfo info = { 0 };

		memcpy(&info.ipi_spec_dst, client->bytes, sizeof(info.ipi_spec_dst));
		cmsg->cmsg_level = IPPROTO_IP;
		cmsg->cmsg_type = IP_PKTINFO;
		cmsg->cmsg_len = CMSG_LEN(sizeof(info));
		memcpy(CMSG_DATA(cmsg), &info, sizeof(info));
	} else {
		struct in6_pktinfo info = { 0 };

		memcpy(&info.ipi6_addr, client->bytes, sizeof(info.ipi6_addr));
		cmsg->cmsg_level = IPPROTO_IPV6;
		cmsg->cmsg_type = IPV6_PKTINFO;
		cmsg->cmsg_len = CMSG_LEN(sizeof(info));
		memcpy(CMSG_DATA(cmsg), &info, sizeof(info));
	}
	msg->msg_controllen = CMSG_ALIGN(cmsg->cmsg_len);
}

static int send_probe(const struct raw_socket *s, const struct inpath_probe *probe)
{
	/* The port stays 0: IPv6 raw sockets take it for a protocol number. */
	struct sockaddr_in to4 = { .sin_family = AF_INET };
	struct sockaddr_in6 to6 = { .sin6_family = AF_INET6 };
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(struct in6_pktinfo))] = { 0 };
	struct iovec iov = { (void *)probe->bytes, probe->len };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};

	if (probe->server.family == INPATH_AF_INET) {
		memcpy(&to4.sin_addr, probe->server.bytes, sizeof(to4.sin_addr));
		msg.msg_name = &to4;
		msg.msg_namelen = sizeof(to4);
	} else {
		memcpy(&to6.sin6_addr, probe->server.bytes, sizeof(to6.sin6_addr));
		msg.msg_name = &to6;
		msg.msg_namelen = sizeof(to6);
	}
	put_source(&msg, &probe->client);
	return sendmsg(s->fd, &msg, MSG_DONTWAIT) < 0 ? errno : 0;
}

int inject_send(struct inject *j, const struct iface *ifaces, const struct inpath_probe *probe)
{
	struct raw_socket *s;
	int error = 0;

	if (iface_side(ifaces, probe->out_ifindex) != INPATH_SIDE_WAN)
		return ENODEV;
	s = socket_for(j, probe->out_ifindex, probe->server.family, &error);
	if (!s)
		return error;
	s->used = ++j->sends;
	/* Older kernels ignore a mark given with the send, and the probe would pass the guard that
	 * looks for it. The socket's own mark always counts, and seldom changes. */
	if (s->mark != probe->mark) {
		if (set_int(s->fd, SOL_SOCKET, SO_MARK, (int)probe->mark) < 0)
			return errno;
		s->mark = probe->mark;
	}
	error = send_probe(s, probe);
	if (error == ENODEV || error == ENXIO)
		forget(s);
	return error;
}

void inject_forget(struct inject *j, const struct iface *ifaces)
{
	for (struct raw_socket *s = j->sockets; s < j->sockets + INJECT_SOCKETS; s++)
		if (s->fd >= 0 && iface_side(ifaces, s->ifindex) != INPATH_SIDE_WAN)
			forget(s);
}

struct inject *inject_open(struct io_error *err)
{
	struct inject *j = calloc(1, sizeof(*j));
	int fd = open_raw(INPATH_AF_INET);

	if (!j || fd < 0) {
		int error = j ? fd : -ENOMEM;

		if (error == -EPERM)
			io_fail(err, error,
				"no privilege to send raw packets: start inpathd as root, or with "
				"CAP_NET_ADMIN and CAP_NET_RAW");
		else
			io_fail(err, error, "cannot open a raw socket: %s", strerror(-error));
		if (fd >= 0)
			close(fd);
		free(j);
		return NULL;
	}
	close(fd); /* only tried: sockets are opened for the interfaces that are used */
	for (size_t i = 0; i < INJECT_SOCKETS; i++)
		j->sockets[i].fd = -1;
	return j;
}

void inject_close(struct inject *j)
{
	if (!j)
		return;
	for (size_t i = 0; i < INJECT_SOCKETS; i++)
		forget(&j->sockets[i]);
	free(j);
}
