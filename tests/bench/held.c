/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * held: how long a program on a packet queue holds its packets: from the kernel's time stamp of each to the moment
 * when the program begins to send its verdict.
 *
 * A library to be loaded ahead of libc (LD_PRELOAD), so that any program is measured by the same hands, unchanged:
 * it looks over the shoulder of recvmmsg, recvmsg, recv and sendto. Times in ns go to the file HELD, a shared mapping
 * that is made at the start, so that nothing is written in the packets' way.
 *
 * File: uint64_t count; uint32_t ns[HELD_MAX]; in the machine's byte order.
 */
#include <arpa/inet.h>
#include <dlfcn.h>
#include <endian.h>
#include <fcntl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <linux/netlink.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	HELD_MAX = 1 << 20,
	RING = 4096, /* packets without a verdict, by id */
	QUEUE_PACKET = NFNL_SUBSYS_QUEUE << 8 | NFQNL_MSG_PACKET,
	QUEUE_VERDICT = NFNL_SUBSYS_QUEUE << 8 | NFQNL_MSG_VERDICT,
	QUEUE_VERDICT_BATCH = NFNL_SUBSYS_QUEUE << 8 | NFQNL_MSG_VERDICT_BATCH,
	ATTRS = NLMSG_LENGTH(sizeof(struct nfgenmsg)),
};

struct held {
	uint64_t count;
	uint32_t ns[HELD_MAX];
};

static struct held *held;
static uint64_t stamped[RING]; /* 0: none, or no stamp */
static uint32_t oldest;        /* packet id that has no verdict yet */

__attribute__((constructor)) static void held_open(void)
{
	const char *name = getenv("HELD");
	int fd = name ? open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0666) : -1;
	void *at;

	if (fd < 0)
		return;
	if (ftruncate(fd, sizeof(*held)) == 0) {
		at = mmap(NULL, sizeof(*held), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		held = at == MAP_FAILED ? NULL : at;
	}
	close(fd);
}

static uint64_t wall(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* The attribute of this type, or NULL. */
static const void *attribute(const uint8_t *message, size_t len, uint16_t type)
{
	for (size_t at = ATTRS; at + sizeof(struct nlattr) <= len;) {
		const struct nlattr *a = (const void *)(message + at);

		if ((a->nla_type & NLA_TYPE_MASK) == type)
			return a + 1;
		at += NLA_ALIGN(a->nla_len);
		if (a->nla_len < sizeof(*a))
			break;
	}
	return NULL;
}

static void saw_packet(const uint8_t *message, size_t len)
{
	const struct nfqnl_msg_packet_hdr *header = attribute(message, len, NFQA_PACKET_HDR);
	const void *stamp = attribute(message, len, NFQA_TIMESTAMP);
	struct nfqnl_msg_packet_timestamp at = { 0 };

	if (!header)
		return;
	if (stamp)
		memcpy(&at, stamp, sizeof(at));
	if (!oldest)
		oldest = ntohl(header->packet_id);
	stamped[ntohl(header->packet_id) % RING] =
		be64toh(at.sec) * 1000000000 + be64toh(at.usec) * 1000;
}

static void saw_verdict(uint32_t id, uint64_t now)
{
	uint64_t at = stamped[id % RING];

	stamped[id % RING] = 0;
	if (at && now > at && held->count < HELD_MAX)
		held->ns[held->count++] = now - at < UINT32_MAX ? (uint32_t)(now - at) : UINT32_MAX;
}

static void look(const void *bytes, ssize_t len, int sending)
{
	const uint8_t *message = bytes;
	uint64_t now = sending ? wall() : 0;

	if (!held)
		return;
	while (len >= (ssize_t)ATTRS) {
		const struct nlmsghdr *nlh = (const void *)message;
		const struct nfqnl_msg_verdict_hdr *verdict;

		if (nlh->nlmsg_len < ATTRS || nlh->nlmsg_len > (size_t)len)
			return;
		verdict = attribute(message, nlh->nlmsg_len, NFQA_VERDICT_HDR);
		if (!sending && nlh->nlmsg_type == QUEUE_PACKET)
			saw_packet(message, nlh->nlmsg_len);
		else if (sending && verdict && nlh->nlmsg_type == QUEUE_VERDICT)
			saw_verdict(ntohl(verdict->id), now);
		else if (sending && verdict && nlh->nlmsg_type == QUEUE_VERDICT_BATCH)
			while ((int32_t)(ntohl(verdict->id) - oldest) >= 0)
				saw_verdict(oldest++, now);
		message += NLMSG_ALIGN(nlh->nlmsg_len);
		len -= NLMSG_ALIGN(nlh->nlmsg_len);
	}
}

/* RTLD_NEXT's function, looked up once. */
#define NEXT(name)                                                                                 \
	static __typeof__(name) *next;                                                             \
	if (!next)                                                                                 \
	*(void **)&next = dlsym(RTLD_NEXT, #name)

ssize_t recv(int fd, void *bytes, size_t size, int flags)
{
	NEXT(recv);
	ssize_t n = next(fd, bytes, size, flags);

	look(bytes, n, 0);
	return n;
}

ssize_t recvmsg(int fd, struct msghdr *m, int flags)
{
	NEXT(recvmsg);
	ssize_t n = next(fd, m, flags);

	if (n > 0)
		look(m->msg_iov->iov_base, n, 0);
	return n;
}

int recvmmsg(int fd, struct mmsghdr *m, unsigned int count, int flags, struct timespec *timeout)
{
	NEXT(recvmmsg);
	int n = next(fd, m, count, flags, timeout);

	for (int i = 0; i < n; i++)
		look(m[i].msg_hdr.msg_iov->iov_base, (ssize_t)m[i].msg_len, 0);
	return n;
}

ssize_t sendto(int fd, const void *bytes, size_t len, int flags, const struct sockaddr *to,
	socklen_t to_len)
{
	NEXT(sendto);
	if (to && to->sa_family == AF_NETLINK)
		look(bytes, (ssize_t)len, 1);
	return next(fd, bytes, len, flags, to, to_len);
}
