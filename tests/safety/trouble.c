/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * trouble: what a machine may do to inpathd, and a test cannot do to the machine. A library to be loaded ahead of libc.
 *
 *	TROUBLE_SLOW=US		each read of the queue takes that much longer, on the processor
 *	TROUBLE_BUFFER=BYTES	receive buffers are no larger
 *	TROUBLE_HANG=FILE	who opens it waits for good, as on a drive of the network that is gone
 *	TROUBLE_MERCY=1		nobody is killed, however slow
 *	TROUBLE_CLOCK=FILE	its first 8 bytes, an int64_t in the machine's order, are added to the wall clock's seconds, as
 *				they stand at that moment; the kernel's time stamps stay, as those of packets do that
 *				were queued before a step
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static int (*real_clock_gettime)(clockid_t, struct timespec *);
static int (*real_kill)(pid_t, int);
static int (*real_open)(const char *, int, ...);
static int (*real_recvmmsg)(int, struct mmsghdr *, unsigned int, int, struct timespec *);
static int (*real_setsockopt)(int, int, int, const void *, socklen_t);
static const volatile int64_t *step;
static int64_t slow_ns;
static int buffer;
static const char *hangs;
static bool mercy;

static int64_t number(const char *name)
{
	const char *text = getenv(name);

	return text ? atoll(text) : 0;
}

/* Before main, and so before the filter of system calls. */
__attribute__((constructor)) static void begin(void)
{
	const char *path = getenv("TROUBLE_CLOCK");
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	void *page = fd >= 0 ? mmap(NULL, sizeof(*step), PROT_READ, MAP_SHARED, fd, 0) : MAP_FAILED;

	if (page != MAP_FAILED)
		step = page;
	if (fd >= 0)
		close(fd);
	slow_ns = number("TROUBLE_SLOW") * 1000;
	buffer = (int)number("TROUBLE_BUFFER");
	hangs = getenv("TROUBLE_HANG");
	mercy = getenv("TROUBLE_MERCY");
	*(void **)&real_clock_gettime = dlsym(RTLD_NEXT, "clock_gettime");
	*(void **)&real_kill = dlsym(RTLD_NEXT, "kill");
	*(void **)&real_recvmmsg = dlsym(RTLD_NEXT, "recvmmsg");
	*(void **)&real_setsockopt = dlsym(RTLD_NEXT, "setsockopt");
}

int clock_gettime(clockid_t which, struct timespec *now)
{
	int status = real_clock_gettime(which, now);

	if (which == CLOCK_REALTIME && step)
		now->tv_sec += *step;
	return status;
}

static int64_t monotonic(void)
{
	struct timespec now;

	real_clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int kill(pid_t pid, int number_of)
{
	return mercy && number_of == SIGKILL ? 0 : real_kill(pid, number_of);
}

int open(const char *path, int flags, ...)
{
	mode_t mode = 0;
	va_list rest;

	va_start(rest, flags);
	if (flags & O_CREAT)
		mode = va_arg(rest, mode_t);
	va_end(rest);
	while (hangs && strcmp(path, hangs) == 0)
		poll(NULL, 0, -1);
	if (!real_open) /* other libraries may begin before this one */
		*(void **)&real_open = dlsym(RTLD_NEXT, "open");
	return real_open(path, flags, mode);
}

int recvmmsg(int fd, struct mmsghdr *messages, unsigned int n, int flags, struct timespec *timeout)
{
	for (int64_t end = slow_ns ? monotonic() + slow_ns : 0; end && monotonic() < end;)
		;
	return real_recvmmsg(fd, messages, n, flags, timeout);
}

int setsockopt(int fd, int level, int name, const void *value, socklen_t length)
{
	int small = buffer;

	if (small && level == SOL_SOCKET && (name == SO_RCVBUF || name == SO_RCVBUFFORCE)) {
		value = &small;
		length = sizeof(small);
	}
	return real_setsockopt(fd, level, name, value, length);
}
