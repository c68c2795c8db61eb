/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * visits serve ADDRESS PORT PORTS BYTES: on PORT and the PORTS - 1 behind it, answers a TLS greeting with BYTES and closes.
 * visits make ADDRESS PORT PORTS PARALLEL COUNT [FIRST]: COUNT connections, PARALLEL at a time, over these ports in turns:
 * connects, greets, reads the answer to its end, closes. Prints `CONNECTIONS/s MB/s`. No two have the same ports, nor have those
 * of a run whose FIRST is COUNT lower, but for as many as the ports that others held then; without FIRST it begins anywhere.
 *
 * No cryptography on either side: what is measured is what lies between them.
 */
#include "tests/unit/hello.h"

#include <errno.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	EVENTS = 128,
	FDS = 4096,
	CHUNK = 256 << 10,
	BACKLOG = 4096,
	SOURCES = 50000, /* source ports ... */
	LOWEST = 10000,  /* ... from here on */
};

static uint8_t buffer[CHUNK];
static int epoll;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static struct sockaddr_in place(const char *address, int port)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };

	if (inet_pton(AF_INET, address, &at.sin_addr) != 1)
		die(address);
	return at;
}

static void watch(int fd, uint32_t events, int how)
{
	struct epoll_event event = { .events = events, .data.fd = fd };

	if (fd >= FDS || epoll_ctl(epoll, how, fd, &event) != 0)
		die("epoll");
}

/* --- the server ----------------------------------------------------------------------------------- */

static size_t left[FDS]; /* of the answer, by connection */
static bool listens[FDS];

static void listen_at(const char *address, int port)
{
	struct sockaddr_in at = place(address, port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), on = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) || listen(fd, BACKLOG))
		die("listen");
	listens[fd] = true;
	watch(fd, EPOLLIN, EPOLL_CTL_ADD);
}

static void take_new(int listener, size_t bytes)
{
	int fd;

	while ((fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0) {
		watch(fd, EPOLLIN, EPOLL_CTL_ADD);
		left[fd] = bytes;
	}
}

static void answer(int fd, uint32_t events)
{
	ssize_t n;

	if (events & EPOLLIN) {
		if (recv(fd, buffer, sizeof(buffer), 0) <= 0) {
			close(fd);
			return;
		}
		watch(fd, EPOLLOUT, EPOLL_CTL_MOD);
	}
	n = send(fd, buffer, left[fd] < CHUNK ? left[fd] : CHUNK, MSG_NOSIGNAL);
	if (n > 0)
		left[fd] -= (size_t)n;
	if (left[fd] == 0 || (n < 0 && errno != EAGAIN))
		close(fd);
}

static _Noreturn void serve(const char *address, int port, int ports, size_t bytes)
{
	struct epoll_event events[EVENTS];

	for (int i = 0; i < ports; i++)
		listen_at(address, port + i);
	puts("ready");
	fflush(stdout);
	for (;;) {
		int n = epoll_wait(epoll, events, EVENTS, -1);

		for (int i = 0; i < n; i++) {
			if (listens[events[i].data.fd])
				take_new(events[i].data.fd, bytes);
			else
				answer(events[i].data.fd, events[i].events);
		}
	}
}

/* --- the client ----------------------------------------------------------------------------------- */

struct visits {
	const char *address;
	int port, ports;
	long first, begun, done, count;
	long passed; /* ports that others hold */
	uint64_t bytes;
	uint8_t hello[WIRE_MAX];
	size_t hello_len;
};

/* A connection from that port to that place; -1 if another socket holds the port. */
static int connection(const struct sockaddr_in *from, const struct sockaddr_in *to)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), on = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (fd >= 0 && bind(fd, (const struct sockaddr *)from, sizeof(*from)) == 0 &&
		(connect(fd, (const struct sockaddr *)to, sizeof(*to)) == 0 ||
			errno == EINPROGRESS))
		return fd;
	if (errno != EADDRINUSE)
		die("connect");
	close(fd);
	return -1;
}

static void begin(struct visits *v)
{
	int fd = -1;

	for (int tries = 0; fd < 0; tries++) {
		long number = v->first + v->begun + v->passed;
		struct sockaddr_in to = place(v->address, v->port + (int)(number % v->ports));
		struct sockaddr_in from =
			place("0.0.0.0", LOWEST + (int)(number / v->ports % SOURCES));

		fd = connection(&from, &to);
		v->passed += fd < 0;
		if (tries == SOURCES)
			die("no port is free");
	}
	v->begun++;
	watch(fd, EPOLLOUT, EPOLL_CTL_ADD);
}

static void go_on(struct visits *v, int fd, uint32_t events)
{
	ssize_t n;

	if (events & EPOLLOUT) {
		if (send(fd, v->hello, v->hello_len, MSG_NOSIGNAL) != (ssize_t)v->hello_len)
			die("send");
		watch(fd, EPOLLIN, EPOLL_CTL_MOD);
		return;
	}
	n = recv(fd, buffer, sizeof(buffer), 0);
	if (n < 0 && errno != EAGAIN)
		die("recv");
	if (n > 0)
		v->bytes += (uint64_t)n;
	if (n != 0)
		return;
	close(fd);
	v->done++;
	if (v->begun < v->count)
		begin(v);
}

static void make(struct visits *v, long parallel)
{
	struct epoll_event events[EVENTS];
	double started = now(), took;

	v->hello_len = wire_hex(v->hello, openssl_default);
	while (v->begun < parallel && v->begun < v->count)
		begin(v);
	while (v->done < v->count) {
		int n = epoll_wait(epoll, events, EVENTS, 20000);

		if (n <= 0)
			die("no answer");
		for (int i = 0; i < n; i++)
			go_on(v, events[i].data.fd, events[i].events);
	}
	took = now() - started;
	printf("%.1f %.1f\n", (double)v->count / took, (double)v->bytes / took / 1e6);
}

int main(int argc, char **argv)
{
	epoll = epoll_create1(EPOLL_CLOEXEC);
	if (argc == 6 && strcmp(argv[1], "serve") == 0)
		serve(argv[2], atoi(argv[3]), atoi(argv[4]), strtoul(argv[5], NULL, 10));
	if (argc >= 7 && strcmp(argv[1], "make") == 0) {
		static struct visits v;

		v.address = argv[2];
		v.port = atoi(argv[3]);
		v.ports = atoi(argv[4]);
		v.count = atol(argv[6]);
		v.first =
			argc > 7 ? atol(argv[7]) : (long)(now() * 1e6) % ((long)SOURCES * v.ports);
		make(&v, atol(argv[5]));
		return 0;
	}
	fputs("usage: visits serve ADDRESS PORT PORTS BYTES | visits make ADDRESS PORT PORTS PARALLEL "
	      "COUNT [FIRST]\n",
		stderr);
	return 64;
}
