/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fault: inpathd's calls of the system and of the heap, one of which fails. Linked with --wrap for each of them.
 *
 * FAULT=CALL:N	the N-th CALL of each process fails, as it may in life
 *
 * It says `fault` on standard error when it does: a file could not be made any more once privileges are given up.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
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
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

int __real_open(const char *path, int flags, ...);
ssize_t __real_write(int fd, const void *bytes, size_t len);

/* Counts the calls of this name; true for the one that is to fail. */
static bool fails(const char *call, int *count)
{
	const char *fault = getenv("FAULT");
	size_t len = strlen(call);

	if (!fault || strncmp(fault, call, len) != 0 || fault[len] != ':' ||
		++*count != atoi(fault + len + 1))
		return false;
	(void)!__real_write(STDERR_FILENO, "fault\n", 6);
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
