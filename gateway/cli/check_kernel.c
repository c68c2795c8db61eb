/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the kernel can do, tried: in a child with a network namespace of its own, so that nothing of
 * the gateway is touched.
 */
#include "gateway/cli/check.h"
#include "gateway/io/conntrack.h"
#include "gateway/io/netlink.h"
#include "gateway/io/nflog.h"
#include "gateway/io/nfqueue.h"
#include "gateway/io/nfqueue_bind.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <libnetfilter_queue/libnetfilter_queue.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	TRY_QUEUE = 537,
};

static int try_queue(void)
{
	struct io_error err = { "" };
	struct mnl_socket *nl = nfqueue_socket(65536, &err);
	int error;

	if (!nl)
		return errno ? errno : EPROTONOSUPPORT;
	error = -nfqueue_configure(nl, TRY_QUEUE, 16, &err);
	mnl_socket_close(nl);
	return error;
}

/* A flag that the kernel may not know, on a queue that is bound. */
static int try_flag(uint32_t flag)
{
	_Alignas(8) char bytes[256];
	struct io_error err = { "" };
	struct mnl_socket *nl = nfqueue_socket(65536, &err);
	struct nlmsghdr *nlh;
	int error;

	if (!nl)
		return EPROTONOSUPPORT;
	error = -nfqueue_configure(nl, TRY_QUEUE, 16, &err);
	if (!error) {
		nlh = nfq_nlmsg_put(bytes, NFQNL_MSG_CONFIG, TRY_QUEUE);
		mnl_attr_put_u32(nlh, NFQA_CFG_FLAGS, htonl(flag));
		mnl_attr_put_u32(nlh, NFQA_CFG_MASK, htonl(flag));
		error = -netlink_ask(nl, nlh, NULL, NULL);
	}
	mnl_socket_close(nl);
	return error;
}

static int try_gso(void)
{
	return try_flag(NFQA_CFG_F_GSO);
}

static int try_copies(void)
{
	struct io_error err = { "" };
	struct nflog *log = nflog_open(TRY_QUEUE, &err);

	if (!log)
		return errno ? errno : ENOSYS;
	nflog_close(log);
	return 0;
}

/* A connection that is not there: ENOENT is the answer of a kernel that can look. */
static int try_ctnetlink(void)
{
	static const struct inpath_tuple nobody = {
		.client = { .family = INPATH_AF_INET, .bytes = { 192, 0, 2, 1 } },
		.server = { .family = INPATH_AF_INET, .bytes = { 192, 0, 2, 2 } },
		.client_port = 1,
		.server_port = 1,
		.proto = INPATH_PROTO_TCP,
	};
	struct inpath_connection found;
	struct io_error err = { "" };
	struct conntrack *c = conntrack_open(&err);
	int error;

	if (!c)
		return EPROTONOSUPPORT;
	error = conntrack_look(c, &nobody, &found);
	conntrack_close(c);
	return error == ENOENT ? 0 : error ? error : EPROTO;
}

static int try_raw(int family)
{
	int fd = socket(family, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW), error = 0;

	if (fd < 0)
		return errno;
	if (setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", 3))
		error = errno;
	close(fd);
	return error;
}

static int try_raw4(void)
{
	return try_raw(AF_INET);
}

static int try_raw6(void)
{
	return try_raw(AF_INET6);
}

static int try_program(const char *const argv[])
{
	int status;
	char *said = ask_program(argv, true, &status);

	if (!said)
		return ENOENT;
	free(said);
	return status ? EOPNOTSUPP : 0;
}

static int try_nft(void)
{
	static const char *const argv[] = { "nft",
		"add table inet t; add chain inet t c { type filter hook forward priority 20; }; "
		"add rule inet t c ct mark and 1 == 1 queue num 537 bypass; "
		"add rule inet t c ct mark set ct mark or 1; add rule inet t c log group 537",
		NULL };

	return try_program(argv);
}

static int try_iptables(void)
{
	static const char *const script[] = { "sh", "-c",
		"iptables -t mangle -A FORWARD -p tcp -m connmark --mark 1/1 -m conntrack --ctstate "
		"RELATED -j NFQUEUE --queue-num 537 --queue-bypass && "
		"iptables -t mangle -A OUTPUT -j CONNMARK --set-xmark 1/1 && "
		"iptables -t mangle -A OUTPUT -j NFLOG --nflog-group 537",
		NULL };

	return try_program(script);
}

static const struct {
	struct feature feature;
	int (*try)(void);
} trials[] = {
	{ { "kernel.queue", 0, true, "queue packets for inpathd",
		  "load nfnetlink_queue (OpenWrt: kmod-nfnetlink-queue)" },
		try_queue },
	{ { "kernel.gso", 0, false, "queue aggregated packets whole (without, bulk flows are slow)",
		  "use a kernel of 3.10 or later" },
		try_gso },
	{ { "kernel.copies", 0, false, "copy DNS answers (without, names come from TLS alone)",
		  "load nfnetlink_log (OpenWrt: kmod-nfnetlink-log)" },
		try_copies },
	{ { "kernel.conntrack", 0, false,
		  "look connections up and change their marks (without, a reload does not reach "
		  "flows at rest)",
		  "load nf_conntrack_netlink (OpenWrt: kmod-nf-conntrack-netlink)" },
		try_ctnetlink },
	{ { "kernel.raw4", 0, true, "send probes over IPv4", "use a kernel with raw sockets" },
		try_raw4 },
	{ { "kernel.raw6", 0, false, "send probes over IPv6",
		  "none is needed where there is no IPv6" },
		try_raw6 },
	{ { "kernel.nft", 0, false, "queue by nft rules",
		  "load nft_queue (OpenWrt: kmod-nft-queue), or use iptables" },
		try_nft },
	{ { "kernel.iptables", 0, false, "queue by iptables rules",
		  "install iptables with xt_NFQUEUE and xt_connmark, or use nft" },
		try_iptables },
};

enum {
	TRIALS = sizeof(trials) / sizeof(trials[0]),
};

static _Noreturn void try_all(int out)
{
	int errors[TRIALS];

	if (unshare(CLONE_NEWNET))
		_exit(EXIT_FAILURE);
	for (size_t i = 0; i < TRIALS; i++) {
		errno = 0;
		errors[i] = trials[i].try();
	}
	(void)!write(out, errors, sizeof(errors));
	_exit(EXIT_SUCCESS);
}

void check_gather_kernel(struct facts *f)
{
	int fds[2], errors[TRIALS], status;
	pid_t pid;

	if (pipe(fds))
		return;
	fflush(NULL);
	pid = fork();
	if (pid == 0)
		try_all(fds[1]);
	close(fds[1]);
	if (pid > 0 && read(fds[0], errors, sizeof(errors)) == sizeof(errors)) {
		f->feature_count = TRIALS;
		for (size_t i = 0; i < TRIALS; i++) {
			f->features[i] = trials[i].feature;
			f->features[i].error = errors[i];
		}
	}
	close(fds[0]);
	if (pid > 0)
		waitpid(pid, &status, 0);
}
