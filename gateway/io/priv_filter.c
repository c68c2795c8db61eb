/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/io/priv_filter.h"

#include <errno.h>

#ifndef INPATH_SECCOMP

bool priv_filter_is_built(void)
{
	return false;
}

int priv_filter_load(enum priv_role role, pid_t worker)
{
	(void)role;
	(void)worker;
	return -ENOSYS;
}

#else

#include "gateway/io/logfile.h"

#include <linux/netlink.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* Of the C library's headers; older ones lack it. */
#ifndef SO_TIMESTAMPNS_NEW
#define SO_TIMESTAMPNS_NEW 64
#endif

enum {
	SOCKETCALL_SETSOCKOPT = 14,
	WORKER = 1 << PRIV_WORKER,
	KEEPER = 1 << PRIV_KEEPER,
	BOTH = WORKER | KEEPER,
	HOT = 255, /* where the kernel compares one after the other, these come first */
};

/*
 * Whatever the arguments. One thing has several names: by architecture, by C library (glibc, musl), and by the width of
 * its time. A name that an architecture does not have is passed over.
 */
static const struct {
	const char *name;
	int roles;
	uint8_t priority;
} allowed[] = {
	/* packets */
	{ "recvmmsg", WORKER, HOT },
	{ "recvmmsg_time64", WORKER, HOT },
	{ "sendto", BOTH, HOT },
	{ "poll", BOTH, HOT },
	{ "ppoll", BOTH, HOT },
	{ "ppoll_time64", BOTH, HOT },
	{ "recvfrom", WORKER, HOT },
	{ "recvmsg", WORKER, HOT },
	{ "sendmsg", WORKER, HOT },
	{ "send", BOTH, 0 },
	{ "recv", WORKER, 0 },
	/* time */
	{ "clock_gettime", BOTH, HOT },
	{ "clock_gettime64", BOTH, HOT },
	{ "gettimeofday", BOTH, 0 },
	{ "time", BOTH, 0 },
	{ "clock_nanosleep", WORKER, 0 },
	{ "clock_nanosleep_time64", WORKER, 0 },
	{ "nanosleep", WORKER, 0 },
	/* files, with what a configuration read again needs */
	{ "read", BOTH, 0 },
	{ "readv", WORKER, 0 },
	{ "pread64", BOTH, 0 },
	{ "pwrite64", WORKER, 0 }, /* nf_conntrack_acct, back at the end */
	{ "write", BOTH, 0 },
	{ "writev", BOTH, 0 },
	{ "close", BOTH, 0 },
	{ "lseek", BOTH, 0 },
	{ "_llseek", BOTH, 0 },
	{ "fstat", BOTH, 0 },
	{ "fstat64", BOTH, 0 },
	{ "newfstatat", BOTH, 0 },
	{ "fstatat64", BOTH, 0 },
	{ "statx", BOTH, 0 },
	{ "stat", WORKER, 0 },
	{ "stat64", WORKER, 0 },
	{ "lstat", WORKER, 0 },
	{ "lstat64", WORKER, 0 },
	{ "getdents", WORKER, 0 },
	{ "getdents64", WORKER, 0 },
	{ "inotify_add_watch", WORKER, 0 },
	{ "inotify_rm_watch", WORKER, 0 },
	/* sockets, and the control socket's file */
	{ "bind", WORKER, 0 },
	{ "connect", BOTH, 0 },
	{ "listen", WORKER, 0 },
	{ "accept", WORKER, 0 },
	{ "accept4", WORKER, 0 },
	{ "getsockname", WORKER, 0 },
	{ "getsockopt", WORKER, 0 },
	{ "unlink", WORKER, 0 },
	{ "unlinkat", WORKER, 0 },
	{ "umask", WORKER, 0 },
	{ "epoll_create1", WORKER, 0 },
	{ "epoll_ctl", WORKER, 0 },
	{ "epoll_wait", WORKER, 0 },
	{ "epoll_pwait", WORKER, 0 },
	/* memory */
	{ "brk", BOTH, 0 },
	{ "munmap", BOTH, 0 },
	{ "mremap", BOTH, 0 },
	{ "madvise", BOTH, 0 },
	{ "getrandom", BOTH, 0 },
	{ "futex", BOTH, 0 },
	{ "futex_time64", BOTH, 0 },
	{ "sysinfo", WORKER, 0 }, /* glibc's qsort asks how much there is */
	/* itself */
	{ "getpid", BOTH, 0 },
	{ "getppid", BOTH, 0 },
	{ "gettid", BOTH, 0 },
	{ "getuid", WORKER, 0 },
	{ "getuid32", WORKER, 0 },
	{ "geteuid", WORKER, 0 },
	{ "geteuid32", WORKER, 0 },
	{ "rt_sigaction", BOTH, 0 },
	{ "rt_sigprocmask", BOTH, 0 },
	{ "rt_sigreturn", BOTH, 0 },
	{ "sigreturn", BOTH, 0 },
	{ "restart_syscall", BOTH, 0 },
	{ "waitid", KEEPER, 0 },
	{ "exit", BOTH, 0 },
	{ "exit_group", BOTH, 0 },
#ifdef __SANITIZE_ADDRESS__
	/* The sanitizers' own, at start, on a finding, and when they look for leaks at the end. */
	{ "clone", BOTH, 0 },
	{ "ptrace", BOTH, 0 },
	{ "prctl", BOTH, 0 },
	{ "wait4", BOTH, 0 },
	{ "mmap", BOTH, 0 },
	{ "mprotect", BOTH, 0 },
	{ "sigaltstack", BOTH, 0 },
	{ "sched_yield", BOTH, 0 },
	{ "readlink", BOTH, 0 },
	{ "tgkill", BOTH, 0 },
#endif
};

/* New programs, new processes, other namespaces, the kernel itself, other processes' memory. */
static const char *const deadly[] = {
	"execve",
	"execveat",
	"fork",
	"vfork",
#ifndef __SANITIZE_ADDRESS__
	"clone",
	"ptrace",
#endif
	"process_vm_readv",
	"process_vm_writev",
	"unshare",
	"setns",
	"mount",
	"umount2",
	"pivot_root",
	"chroot",
	"open_by_handle_at",
	"bpf",
	"perf_event_open",
	"userfaultfd",
	"init_module",
	"finit_module",
	"delete_module",
	"kexec_load",
	"kexec_file_load",
	"keyctl",
	"add_key",
	"request_key",
	"reboot",
};

static int allow_names(scmp_filter_ctx filter, enum priv_role role)
{
	int error = 0;

	for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]) && !error; i++) {
		int call = seccomp_syscall_resolve_name(allowed[i].name);

		if (call == __NR_SCMP_ERROR || !(allowed[i].roles & 1 << role))
			continue;
		error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 0);
		if (!error && allowed[i].priority)
			error = seccomp_syscall_priority(filter, call, allowed[i].priority);
	}
	return error;
}

static int end_names(scmp_filter_ctx filter)
{
	int error = 0;

	for (size_t i = 0; i < sizeof(deadly) / sizeof(deadly[0]) && !error; i++) {
		int call = seccomp_syscall_resolve_name(deadly[i]);

		/* Of one thread: the process ends with it. */
		if (call != __NR_SCMP_ERROR)
			error = seccomp_rule_add(filter, SCMP_ACT_KILL_THREAD, call, 0);
	}
	return error;
}

/* A rule with arguments: the first failure stays. */
#define ALLOW(call, ...)                                                                           \
	do {                                                                                       \
		const struct scmp_arg_cmp args[] = { __VA_ARGS__ };                                \
                                                                                                   \
		if (!error)                                                                        \
			error = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, call,               \
				sizeof(args) / sizeof(args[0]), args);                             \
	} while (0)

/* Arguments of type int: what the upper half of a register holds is no part of them. */
#define INT_IS(n, value)       SCMP_CMP(n, SCMP_CMP_MASKED_EQ, UINT32_MAX, (uint32_t)(value))
#define BITS_ARE(n, mask, set) SCMP_CMP(n, SCMP_CMP_MASKED_EQ, (uint32_t)(mask), (uint32_t)(set))

/* Memory is never made executable. Beside that: what asks how it is confined, and abort(). */
static int allow_itself(scmp_filter_ctx filter, pid_t self)
{
	int error = 0;

#ifdef __SANITIZE_ADDRESS__
	(void)filter; /* these are allowed by name */
	(void)self;
#else
	ALLOW(SCMP_SYS(mmap), BITS_ARE(2, PROT_EXEC, 0));
	ALLOW(SCMP_SYS(mmap2), BITS_ARE(2, PROT_EXEC, 0));
	ALLOW(SCMP_SYS(mprotect), BITS_ARE(2, PROT_EXEC, 0));
	ALLOW(SCMP_SYS(prctl), INT_IS(0, PR_GET_SECCOMP));
	ALLOW(SCMP_SYS(tgkill), INT_IS(0, self));
#endif
	return error;
}

/* To read; to write only as a log is. musl opens large files by a flag. */
static int allow_files(scmp_filter_ctx filter, enum priv_role role)
{
	static const int commands[] = { F_GETFD, F_SETFD, F_GETFL, F_SETFL };
	int error = 0;

	ALLOW(SCMP_SYS(open), BITS_ARE(1, O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY));
	ALLOW(SCMP_SYS(openat), BITS_ARE(2, O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY));
	if (role == PRIV_WORKER) {
		ALLOW(SCMP_SYS(open), BITS_ARE(1, ~O_LARGEFILE, LOGFILE_FLAGS));
		ALLOW(SCMP_SYS(openat), BITS_ARE(2, ~O_LARGEFILE, LOGFILE_FLAGS));
		for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
			ALLOW(SCMP_SYS(fcntl), INT_IS(1, commands[i]));
			ALLOW(SCMP_SYS(fcntl64), INT_IS(1, commands[i]));
		}
		ALLOW(SCMP_SYS(ioctl), INT_IS(1, SIOCGIFNAME));
	}
	return error;
}

static int allow_sockets(scmp_filter_ctx filter, enum priv_role role)
{
	int error = 0;

	ALLOW(SCMP_SYS(socket), INT_IS(0, AF_UNIX));
	if (role != PRIV_WORKER)
		return error;
	ALLOW(SCMP_SYS(socket), INT_IS(0, AF_NETLINK), INT_IS(2, NETLINK_ROUTE));
	ALLOW(SCMP_SYS(socket), INT_IS(0, AF_NETLINK), INT_IS(2, NETLINK_NETFILTER));
	ALLOW(SCMP_SYS(socket), INT_IS(0, AF_INET),
		INT_IS(1, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK), INT_IS(2, IPPROTO_RAW));
	ALLOW(SCMP_SYS(socket), INT_IS(0, AF_INET6),
		INT_IS(1, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK), INT_IS(2, IPPROTO_RAW));
	return error;
}

/* Without these, a raw socket's options would load firewall rules and socket filters. */
static int allow_options(scmp_filter_ctx filter)
{
	static const struct {
		int level, option;
	} options[] = {
		{ SOL_SOCKET, SO_MARK },
		{ SOL_SOCKET, SO_SNDBUF },
		{ SOL_SOCKET, SO_RCVBUF },
		{ SOL_SOCKET, SO_RCVBUFFORCE },
		{ SOL_SOCKET, SO_BINDTODEVICE },
		{ SOL_SOCKET, SO_TIMESTAMPNS },
		{ SOL_SOCKET, SO_TIMESTAMPNS_NEW },
		{ IPPROTO_IP, IP_HDRINCL },
		{ IPPROTO_IPV6, IPV6_HDRINCL },
		{ IPPROTO_IPV6, IPV6_FREEBIND },
		{ SOL_NETLINK, NETLINK_ADD_MEMBERSHIP },
		{ SOL_NETLINK, NETLINK_NO_ENOBUFS },
	};
	int error = 0;

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		ALLOW(SCMP_SYS(setsockopt), INT_IS(1, options[i].level),
			INT_IS(2, options[i].option));
	/* i386's glibc makes all calls about sockets by one, whose arguments lie in memory, where no filter sees them. */
	ALLOW(SCMP_SYS(socketcall), INT_IS(0, SOCKETCALL_SETSOCKOPT));
	return error;
}

int priv_filter_rules(scmp_filter_ctx filter, enum priv_role role, pid_t self, pid_t worker)
{
	int error = allow_names(filter, role);

	if (!error)
		error = end_names(filter);
	if (!error)
		error = allow_itself(filter, self);
	if (!error)
		error = allow_files(filter, role);
	if (!error)
		error = allow_sockets(filter, role);
	if (!error && role == PRIV_WORKER)
		error = allow_options(filter);
	if (role == PRIV_KEEPER)
		ALLOW(SCMP_SYS(kill), INT_IS(0, worker));
	return error;
}

bool priv_filter_is_built(void)
{
	return true;
}

int priv_filter_load(enum priv_role role, pid_t worker)
{
	scmp_filter_ctx filter;
	int error;

	if (prctl(PR_GET_SECCOMP) < 0)
		return -ENOSYS;
	filter = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
	if (!filter)
		return -ENOMEM;
	/* Where the kernel can: what is refused is in its log, and speculation is left as it is, since no foreign code
	 * runs here for which it would have to be held back. */
	(void)seccomp_attr_set(filter, SCMP_FLTATR_CTL_LOG, 1);
	(void)seccomp_attr_set(filter, SCMP_FLTATR_CTL_SSB, 1);
	error = priv_filter_rules(filter, role, getpid(), worker);
	if (!error)
		error = seccomp_load(filter);
	seccomp_release(filter);
	return error;
}

#endif
