/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the filter of system calls lets through: tried in this kernel, and judged as other architectures' kernels would. */
#include "gateway/io/logfile.h"
#include "gateway/io/priv_filter.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void what_is_lacking_is_told_in_words(void **state)
{
	char text[64], small[6];

	(void)state;
	priv_lacks_text(0, text, sizeof(text));
	assert_string_equal(text, "-");
	priv_lacks_text(PRIV_LACK_USER | PRIV_LACK_FILTER, text, sizeof(text));
	assert_string_equal(text, "user,seccomp");
	priv_lacks_text(15, text, sizeof(text));
	assert_string_equal(text, "user,bounding,no_new_privs,seccomp");
	priv_lacks_text(15, small, sizeof(small));
	assert_string_equal(small, "user,");
}

#ifndef INPATH_SECCOMP

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(what_is_lacking_is_told_in_words) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}

#else

enum {
	ENDED = -1, /* by SIGSYS */
};

/* Does `call` in a process of its own, confined. 0, its errno, or ENDED. */
static int confined(enum priv_role role, long (*call)(void))
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		long result;

		if (priv_filter_load(role, getppid()))
			_exit(255);
		errno = 0;
		result = call();
		_exit(result < 0 ? errno : 0);
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFSIGNALED(status)) {
		assert_int_equal(WTERMSIG(status), SIGSYS);
		return ENDED;
	}
	assert_int_not_equal(WEXITSTATUS(status), 255);
	return WEXITSTATUS(status);
}

static long run_program(void)
{
	char *const none[] = { NULL };

	return execve("/bin/true", none, none);
}

static long mount_something(void)
{
	return syscall(SYS_mount, "none", "/", "tmpfs", 0UL, NULL);
}

static long load_module(void)
{
	return syscall(SYS_init_module, NULL, 0UL, "");
}

static long become_root(void)
{
	return syscall(SYS_setresuid, 0, 0, 0);
}

static long make_stream(void)
{
	return socket(AF_INET, SOCK_STREAM, 0);
}

static long make_datagram(void)
{
	return socket(AF_INET6, SOCK_DGRAM, 0);
}

static long make_packet(void)
{
	return socket(AF_PACKET, SOCK_RAW, 0);
}

static long make_local(void)
{
	return socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
}

static long make_route(void)
{
	return socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
}

static long make_audit(void)
{
	return socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_AUDIT);
}

static long read_file(void)
{
	return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static long write_file(void)
{
	return open("/dev/null", O_WRONLY | O_CLOEXEC);
}

static long make_file(void)
{
	return open("/dev/null/x", O_RDWR | O_CREAT | O_TRUNC, 0600);
}

static long open_log(void)
{
	return open("/dev/null", LOGFILE_FLAGS, 0600);
}

static long signal_parent(void)
{
	return kill(getppid(), 0);
}

static long signal_first(void)
{
	return kill(1, 0);
}

static long unknown_call(void)
{
	return syscall(SYS_personality, 0xffffffffUL);
}

static const struct {
	const char *what;
	long (*call)(void);
	int worker, keeper;
} tries[] = {
	{ "another program", run_program, ENDED, ENDED },
	{ "a mount", mount_something, ENDED, ENDED },
	{ "a module", load_module, ENDED, ENDED },
	{ "root's identity", become_root, ENOSYS, ENOSYS },
	{ "a TCP socket", make_stream, ENOSYS, ENOSYS },
	{ "a UDP socket", make_datagram, ENOSYS, ENOSYS },
	{ "a packet socket", make_packet, ENOSYS, ENOSYS },
	{ "a local socket", make_local, 0, 0 },
	{ "rtnetlink", make_route, 0, ENOSYS },
	{ "another netlink", make_audit, ENOSYS, ENOSYS },
	{ "a file to read", read_file, 0, 0 },
	{ "a file to write", write_file, ENOSYS, ENOSYS },
	{ "a new file", make_file, ENOSYS, ENOSYS },
	{ "a log", open_log, 0, ENOSYS },
	{ "the worker signalled", signal_parent, ENOSYS, 0 },
	{ "another process signalled", signal_first, ENOSYS, ENOSYS },
	{ "a call that nobody makes", unknown_call, ENOSYS, ENOSYS },
};

static void only_what_is_needed_passes(void **state)
{
	int bad = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(tries) / sizeof(tries[0]); i++) {
		int worker = confined(PRIV_WORKER, tries[i].call);
		int keeper = confined(PRIV_KEEPER, tries[i].call);

		if (worker == tries[i].worker && keeper == tries[i].keeper)
			continue;
		print_error("%s: worker %d, keeper %d\n", tries[i].what, worker, keeper);
		bad++;
	}
	assert_int_equal(bad, 0);
}

/* --- other architectures --------------------------------------------------------------------------- */

/* A filter as the kernel runs it: RET, and loads, jumps and AND on the data of a call. */
static uint32_t judge(const struct sock_filter *code, size_t len, const struct seccomp_data *data)
{
	uint32_t a = 0;

	for (size_t pc = 0; pc < len; pc++) {
		const struct sock_filter *f = &code[pc];
		bool jump = false;

		switch (f->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			assert_true(f->k + sizeof(a) <= sizeof(*data));
			memcpy(&a, (const char *)data + f->k, sizeof(a));
			continue;
		case BPF_ALU | BPF_AND | BPF_K: a &= f->k; continue;
		case BPF_RET | BPF_K: return f->k;
		case BPF_JMP | BPF_JA: pc += f->k; continue;
		case BPF_JMP | BPF_JEQ | BPF_K: jump = a == f->k; break;
		case BPF_JMP | BPF_JGE | BPF_K: jump = a >= f->k; break;
		case BPF_JMP | BPF_JGT | BPF_K: jump = a > f->k; break;
		default: fail_msg("instruction 0x%x", f->code);
		}
		pc += jump ? f->jt : f->jf;
	}
	fail_msg("no verdict");
	return 0;
}

/* Big-endian MIPS has the numbers of little-endian MIPS. */
static const uint32_t architectures[] = { SCMP_ARCH_X86_64, SCMP_ARCH_X86, SCMP_ARCH_ARM,
	SCMP_ARCH_AARCH64, SCMP_ARCH_MIPSEL };

struct program {
	size_t len;
	struct sock_filter code[4096];
};

/* The filter of one architecture alone. */
static void compile(uint32_t arch, enum priv_role role, struct program *out)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
	int fds[2];
	ssize_t n;

	assert_non_null(filter);
	if (arch != seccomp_arch_native()) {
		assert_int_equal(seccomp_arch_add(filter, arch), 0);
		assert_int_equal(seccomp_arch_remove(filter, SCMP_ARCH_NATIVE), 0);
	}
	assert_int_equal(priv_filter_rules(filter, role, 4711, 815), 0);
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(seccomp_export_bpf(filter, fds[1]), 0);
	close(fds[1]);
	out->len = 0;
	while ((n = read(fds[0], (char *)out->code + out->len, sizeof(out->code) - out->len)) > 0)
		out->len += (size_t)n;
	close(fds[0]);
	out->len /= sizeof(out->code[0]);
	seccomp_release(filter);
}

/* The verdict on a call by its name; -1 where that architecture has no such call. */
static int64_t verdict(const struct program *p, uint32_t arch, const char *name, uint64_t a0,
	uint64_t a1, uint64_t a2)
{
	int nr = seccomp_syscall_resolve_name_arch(arch, name);
	struct seccomp_data data = { .nr = nr, .arch = arch, .args = { a0, a1, a2 } };

	return nr < 0 ? -1 : (int64_t)judge(p->code, p->len, &data);
}

static bool passes(const struct program *p, uint32_t arch, const char *name)
{
	return verdict(p, arch, name, 0, 0, 0) == SECCOMP_RET_ALLOW;
}

/* One of those that i386 and MIPS have in two ways; libseccomp has no number of their own for it. */
static bool is_of_socketcall(uint32_t arch, const char *name)
{
	int nr = seccomp_syscall_resolve_name_arch(arch, name);

	return nr <= -101 && nr >= -120;
}

/* What either C library calls for one thing: one of the names exists, and every one that exists passes. */
static void one_of(const struct program *p, uint32_t arch, const char *const names[])
{
	bool any = false;

	for (; *names; names++) {
		any |= is_of_socketcall(arch, *names);
		if (verdict(p, arch, *names, 0, 0, 0) < 0)
			continue;
		any = true;
		if (!passes(p, arch, *names))
			fail_msg("architecture 0x%x: %s does not pass", arch, *names);
	}
	assert_true(any);
}

static const char *const needed[][6] = {
	{ "recvmmsg", "recvmmsg_time64" },
	{ "sendto" },
	{ "recvfrom" },
	{ "recvmsg" },
	{ "sendmsg" },
	{ "poll", "ppoll", "ppoll_time64" },
	{ "clock_gettime", "clock_gettime64" },
	{ "clock_nanosleep", "clock_nanosleep_time64", "nanosleep" },
	{ "read" },
	{ "writev" },
	{ "pread64" },
	{ "lseek", "_llseek" },
	{ "newfstatat", "fstatat64", "statx", "stat64", "stat" },
	{ "fstat", "fstat64" },
	{ "getdents64" },
	{ "accept4" },
	{ "bind" },
	{ "connect" },
	{ "epoll_wait", "epoll_pwait" },
	{ "inotify_add_watch" },
	{ "unlink", "unlinkat" },
	{ "brk" },
	{ "munmap" },
	{ "madvise" },
	{ "getrandom" },
	{ "futex", "futex_time64" },
	{ "rt_sigreturn" },
	{ "geteuid", "geteuid32" },
	{ "exit_group" },
};

static void it_holds_on_other_architectures(void **state)
{
	static struct program p;

	(void)state;
	for (size_t i = 0; i < sizeof(architectures) / sizeof(architectures[0]); i++) {
		uint32_t arch = architectures[i];

		compile(arch, PRIV_WORKER, &p);
		for (size_t j = 0; j < sizeof(needed) / sizeof(needed[0]); j++)
			one_of(&p, arch, needed[j]);
		assert_int_equal(verdict(&p, arch, "execve", 0, 0, 0), SECCOMP_RET_KILL_THREAD);
		assert_int_equal(verdict(&p, arch, "mount", 0, 0, 0), SECCOMP_RET_KILL_THREAD);
		assert_int_equal(
			verdict(&p, arch, "openat", 0, 0, O_RDONLY | O_CLOEXEC), SECCOMP_RET_ALLOW);
		assert_int_equal(verdict(&p, arch, "openat", 0, 0, LOGFILE_FLAGS | O_LARGEFILE),
			SECCOMP_RET_ALLOW);
		assert_int_equal(
			verdict(&p, arch, "openat", 0, 0, O_RDWR), SECCOMP_RET_ERRNO | ENOSYS);
		assert_int_equal(
			verdict(&p, arch, "sethostname", 0, 0, 0), SECCOMP_RET_ERRNO | ENOSYS);
		if (is_of_socketcall(arch, "socket"))
			continue;
		assert_int_equal(verdict(&p, arch, "socket", AF_NETLINK, SOCK_RAW, NETLINK_ROUTE),
			SECCOMP_RET_ALLOW);
		assert_int_equal(verdict(&p, arch, "socket", AF_PACKET, SOCK_RAW, 0),
			SECCOMP_RET_ERRNO | ENOSYS);
	}
}

/* i386's glibc makes all calls about sockets by one, whose arguments lie in memory: which socket, no filter can see. */
static void sockets_of_i386_pass_by_either_way(void **state)
{
	static const uint64_t kinds[] = { 1 /* socket */, 2 /* bind */, 3 /* connect */,
		11 /* sendto */, 12 /* recvfrom */, 14 /* setsockopt */, 15 /* getsockopt */,
		16 /* sendmsg */, 17 /* recvmsg */, 18 /* accept4 */ };
	static struct program p;

	(void)state;
	compile(SCMP_ARCH_X86, PRIV_WORKER, &p);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (verdict(&p, SCMP_ARCH_X86, "socketcall", kinds[i], 0, 0) != SECCOMP_RET_ALLOW)
			fail_msg("socketcall %d does not pass", (int)kinds[i]);
}

static void a_foreign_architectures_call_ends_it(void **state)
{
	static struct program p;
	struct seccomp_data data = { .nr = 3, .arch = SCMP_ARCH_X86 };

	(void)state;
	compile(SCMP_ARCH_AARCH64, PRIV_WORKER, &p);
	assert_int_equal(judge(p.code, p.len, &data), SECCOMP_RET_KILL_THREAD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_lacking_is_told_in_words),
		cmocka_unit_test(only_what_is_needed_passes),
		cmocka_unit_test(it_holds_on_other_architectures),
		cmocka_unit_test(sockets_of_i386_pass_by_either_way),
		cmocka_unit_test(a_foreign_architectures_call_ends_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

#endif
