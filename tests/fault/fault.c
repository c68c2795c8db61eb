/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fault: inpathd's calls of the system and of the heap, one of which fails. Linked with --wrap for each of them.
 *
 * FAULT=CALL:N			the N-th CALL of each process fails, as it may in life
 * FAULT=CALL:running:N		the N-th since its loop has begun
 * FAULT=each:running:N		the N-th of each kind since then
 * FAULT=STEP:fails:PROCESS	a step by which PROCESS (worker, keeper) gives up privileges is refused
 * FAULT=STEP:lies:PROCESS	it is without effect, and nobody says so
 *
 * It says `fault: CALL` on standard error when it does: a file could not be made any more once privileges are given up.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <libmnl/libmnl.h>
#include <net/if.h>
#include <poll.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>
#ifdef INPATH_SECCOMP
#include <seccomp.h>
#endif

int __real_open(const char *path, int flags, ...);
ssize_t __real_write(int fd, const void *bytes, size_t len);
int __real_prctl(int option, ...);
long __real_syscall(long number, ...);

static void say(const char *call)
{
	char line[64];
	int len = snprintf(line, sizeof(line), "fault: %s\n", call);

	(void)!__real_write(STDERR_FILENO, line, (size_t)len);
}

/* What stands behind `word` and a colon in `text`; NULL where it does not begin so. */
static const char *behind(const char *text, const char *word)
{
	size_t len = strlen(word);

	return text && strncmp(text, word, len) == 0 && text[len] == ':' ? text + len + 1 : NULL;
}

/* Counts the calls of this name; true for the one that is to fail. */
static bool fails(const char *call, int *count)
{
	static bool runs;
	const char *which = behind(getenv("FAULT"), call), *number;

	runs = runs || strcmp(call, "ppoll") == 0; /* what the loop waits with, and nobody else */
	if (!which)
		which = behind(getenv("FAULT"), "each");
	number = behind(which, "running");
	if (!which || (number && !runs) || ++*count != atoi(number ? number : which))
		return false;
	say(call);
	return true;
}

/* TYPE NAME(PARAMETERS): what it says when it fails, and why. */
#define WRAP(type, name, bad, why, parameters, arguments)                                          \
	type __real_##name parameters;                                                             \
	type __wrap_##name parameters;                                                             \
	type __wrap_##name parameters                                                              \
	{                                                                                          \
		static int count;                                                                  \
                                                                                                   \
		if (fails(#name, &count)) {                                                        \
			errno = why;                                                               \
			return bad;                                                                \
		}                                                                                  \
		return __real_##name arguments;                                                    \
	}

WRAP(void *, malloc, NULL, ENOMEM, (size_t size), (size))
WRAP(void *, calloc, NULL, ENOMEM, (size_t count_of, size_t size), (count_of, size))
WRAP(void *, realloc, NULL, ENOMEM, (void *at, size_t size), (at, size))
WRAP(void *, mmap, MAP_FAILED, ENOMEM,
	(void *at, size_t len, int prot, int flags, int fd, off_t off),
	(at, len, prot, flags, fd, off))
WRAP(FILE *, fopen, NULL, EMFILE, (const char *path, const char *mode), (path, mode))
WRAP(int, socket, -1, EMFILE, (int domain, int type, int protocol), (domain, type, protocol))
WRAP(int, bind, -1, EADDRINUSE, (int fd, const struct sockaddr *a, socklen_t len), (fd, a, len))
WRAP(int, connect, -1, ECONNREFUSED, (int fd, const struct sockaddr *a, socklen_t len),
	(fd, a, len))
WRAP(int, listen, -1, EADDRINUSE, (int fd, int backlog), (fd, backlog))
WRAP(int, setsockopt, -1, ENOMEM, (int fd, int level, int name, const void *value, socklen_t len),
	(fd, level, name, value, len))
WRAP(ssize_t, send, -1, ENOBUFS, (int fd, const void *bytes, size_t len, int flags),
	(fd, bytes, len, flags))
WRAP(ssize_t, sendto, -1, ENOBUFS,
	(int fd, const void *bytes, size_t len, int flags, const struct sockaddr *a,
		socklen_t size),
	(fd, bytes, len, flags, a, size))
WRAP(ssize_t, recv, -1, ENOBUFS, (int fd, void *bytes, size_t len, int flags),
	(fd, bytes, len, flags))
WRAP(ssize_t, read, -1, EIO, (int fd, void *bytes, size_t len), (fd, bytes, len))
WRAP(ssize_t, write, -1, ENOSPC, (int fd, const void *bytes, size_t len), (fd, bytes, len))
WRAP(ssize_t, writev, -1, ENOSPC, (int fd, const struct iovec *iov, int count_of),
	(fd, iov, count_of))
WRAP(int, fstat, -1, EIO, (int fd, struct stat *st), (fd, st))
WRAP(int, mkdir, -1, EROFS, (const char *path, mode_t mode), (path, mode))
WRAP(pid_t, fork, -1, EAGAIN, (void), ())
WRAP(int, eventfd, -1, EMFILE, (unsigned int value, int flags), (value, flags))
WRAP(int, signalfd, -1, EMFILE, (int fd, const sigset_t *set, int flags), (fd, set, flags))
WRAP(int, epoll_create1, -1, EMFILE, (int flags), (flags))
WRAP(int, epoll_ctl, -1, ENOMEM, (int ep, int op, int fd, struct epoll_event *event),
	(ep, op, fd, event))
WRAP(int, inotify_init1, -1, EMFILE, (int flags), (flags))
WRAP(int, inotify_add_watch, -1, ENOSPC, (int fd, const char *path, uint32_t mask),
	(fd, path, mask))
WRAP(ssize_t, getrandom, -1, ENOSYS, (void *bytes, size_t len, unsigned int flags),
	(bytes, len, flags))
WRAP(char *, strdup, NULL, ENOMEM, (const char *text), (text))
WRAP(int, accept4, -1, EMFILE, (int fd, struct sockaddr *a, socklen_t *len, int flags),
	(fd, a, len, flags))
WRAP(int, getsockopt, -1, ENOBUFS, (int fd, int level, int name, void *value, socklen_t *len),
	(fd, level, name, value, len))
WRAP(ssize_t, sendmsg, -1, ENOBUFS, (int fd, const struct msghdr *message, int flags),
	(fd, message, flags))
WRAP(int, recvmmsg, -1, ENOBUFS,
	(int fd, struct mmsghdr *messages, unsigned int n, int flags, struct timespec *timeout),
	(fd, messages, n, flags, timeout))
WRAP(ssize_t, pread, -1, EIO, (int fd, void *bytes, size_t len, off_t at), (fd, bytes, len, at))
WRAP(ssize_t, pwrite, -1, EIO, (int fd, const void *bytes, size_t len, off_t at),
	(fd, bytes, len, at))
WRAP(char *, fgets, NULL, EIO, (char *line, int size, FILE *file), (line, size, file))
WRAP(int, stat, -1, EIO, (const char *path, struct stat *st), (path, st))
WRAP(int, access, -1, EACCES, (const char *path, int mode), (path, mode))
WRAP(int, unlink, -1, EBUSY, (const char *path), (path))
WRAP(int, fchown, -1, EPERM, (int fd, uid_t uid, gid_t gid), (fd, uid, gid))
WRAP(int, lchown, -1, EPERM, (const char *path, uid_t uid, gid_t gid), (path, uid, gid))
WRAP(int, scandir, -1, ENOMEM,
	(const char *path, struct dirent ***list, int (*filter)(const struct dirent *),
		int (*compare)(const struct dirent **, const struct dirent **)),
	(path, list, filter, compare))
WRAP(int, poll, -1, EINTR, (struct pollfd * fds, nfds_t n, int timeout), (fds, n, timeout))
WRAP(int, ppoll, -1, EINTR,
	(struct pollfd * fds, nfds_t n, const struct timespec *timeout, const sigset_t *set),
	(fds, n, timeout, set))
WRAP(int, epoll_wait, -1, EINTR, (int ep, struct epoll_event *events, int most, int timeout),
	(ep, events, most, timeout))
WRAP(char *, if_indextoname, NULL, ENXIO, (unsigned int index, char *name), (index, name))
WRAP(struct passwd *, getpwnam, NULL, EIO, (const char *name), (name))
WRAP(int, getgrouplist, -1, ENOMEM, (const char *name, gid_t gid, gid_t *groups, int *count_of),
	(name, gid, groups, count_of))
WRAP(struct mnl_socket *, mnl_socket_open2, NULL, EMFILE, (int bus, int flags), (bus, flags))
WRAP(int, mnl_socket_bind, -1, EADDRINUSE,
	(struct mnl_socket * nl, unsigned int groups, pid_t port), (nl, groups, port))
WRAP(int, mnl_socket_setsockopt, -1, ENOMEM,
	(const struct mnl_socket *nl, int type, void *value, socklen_t len), (nl, type, value, len))
WRAP(ssize_t, mnl_socket_sendto, -1, ENOBUFS,
	(const struct mnl_socket *nl, const void *bytes, size_t len), (nl, bytes, len))
WRAP(ssize_t, mnl_socket_recvfrom, -1, ENOBUFS,
	(const struct mnl_socket *nl, void *bytes, size_t len), (nl, bytes, len))

int __wrap_open(const char *path, int flags, ...);

int __wrap_open(const char *path, int flags, ...)
{
	static int count;
	va_list rest;
	mode_t mode = 0;

	if (flags & O_CREAT) {
		va_start(rest, flags);
		mode = va_arg(rest, mode_t);
		va_end(rest);
	}
	if (fails("open", &count)) {
		errno = EMFILE;
		return -1;
	}
	return __real_open(path, flags, mode);
}

/* --- giving up privileges ---------------------------------------------------------------------- */

enum outcome {
	AS_EVER,
	FAILS,
	LIES,
};

static pid_t keeper;

static void __attribute__((constructor)) begin(void)
{
	keeper = getpid();
}

static enum outcome outcome_of(const char *step)
{
	const char *how = behind(getenv("FAULT"), step), *lies = behind(how, "lies"),
		   *whose = lies ? lies : behind(how, "fails");

	if (!whose || strcmp(whose, getpid() == keeper ? "keeper" : "worker") != 0)
		return AS_EVER;
	say(step);
	return lies ? LIES : FAILS;
}

/* NAME(PARAMETERS), a step of that name. */
#define WRAP_STEP(type, name, refusal, parameters, arguments)                                      \
	type __real_##name parameters;                                                             \
	type __wrap_##name parameters;                                                             \
	type __wrap_##name parameters                                                              \
	{                                                                                          \
		switch (outcome_of(#name)) {                                                       \
		case AS_EVER: break;                                                               \
		case FAILS: errno = EPERM; return refusal;                                         \
		case LIES: return 0;                                                               \
		}                                                                                  \
		return __real_##name arguments;                                                    \
	}

WRAP_STEP(int, setgroups, -1, (size_t count, const gid_t *groups), (count, groups))
WRAP_STEP(int, setresgid, -1, (gid_t real, gid_t effective, gid_t saved), (real, effective, saved))
WRAP_STEP(int, setresuid, -1, (uid_t real, uid_t effective, uid_t saved), (real, effective, saved))
WRAP_STEP(int, setrlimit, -1, (__rlimit_resource_t what, const struct rlimit *limit), (what, limit))
#ifdef INPATH_SECCOMP
WRAP_STEP(int, seccomp_load, -EPERM, (scmp_filter_ctx filter), (filter))
#endif

/* As in the C library, all arguments are taken that there may be, whether they were given or not. */
#define TAKES_ALL __attribute__((no_sanitize_address))

int __wrap_prctl(int option, ...);

/* A step has the name of its option. */
TAKES_ALL
int __wrap_prctl(int option, ...)
{
	static const struct {
		int option;
		const char *step;
	} steps[] = {
		{ PR_SET_KEEPCAPS, "keepcaps" },
		{ PR_CAPBSET_DROP, "bounding" },
		{ PR_CAP_AMBIENT, "ambient" },
		{ PR_SET_DUMPABLE, "dumpable" },
		{ PR_SET_NO_NEW_PRIVS, "no_new_privs" },
		{ PR_SET_PDEATHSIG, "pdeathsig" },
	};
	enum outcome outcome = AS_EVER;
	unsigned long a[4];
	va_list rest;

	va_start(rest, option);
	for (size_t i = 0; i < 4; i++)
		a[i] = va_arg(rest, unsigned long);
	va_end(rest);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		if (steps[i].option == option &&
			(option != PR_CAP_AMBIENT || a[0] == PR_CAP_AMBIENT_CLEAR_ALL))
			outcome = outcome_of(steps[i].step);
	if (outcome == AS_EVER)
		return __real_prctl(option, a[0], a[1], a[2], a[3]);
	errno = EPERM;
	return outcome == FAILS ? -1 : 0;
}

long __wrap_syscall(long number, ...);

TAKES_ALL
long __wrap_syscall(long number, ...)
{
	enum outcome outcome = number == SYS_capset ? outcome_of("capset") : AS_EVER;
	long a[6];
	va_list rest;

	va_start(rest, number);
	for (size_t i = 0; i < 6; i++)
		a[i] = va_arg(rest, long);
	va_end(rest);
	if (outcome == AS_EVER)
		return __real_syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
	errno = EPERM;
	return outcome == FAILS ? -1 : 0;
}
