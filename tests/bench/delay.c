/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * delay IF_A IF_B MICROSECONDS: a line between two Ethernet interfaces that holds each frame for so long, each way.
 * For kernels without netem. In order, without loss but for frames that find the line full.
 *
 * The interfaces at the other ends must finish checksums and cut frames themselves (ethtool -K IF tx off
 * gso off tso off).
 */
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <arpa/inet.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum {
	FRAMES = 8192, /* in flight, each way */
	FRAME_BYTES = 2048,
	RECEIVE_BYTES = 64 << 20,
};

struct frame {
	uint64_t due;
	size_t len;
	uint8_t bytes[FRAME_BYTES];
};

struct way {
	int in, out;
	uint32_t head, tail; /* of the ring; as numbers that grow */
	struct frame *ring;
};

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static int open_interface(const char *name)
{
	struct sockaddr_ll at = { .sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = (int)if_nametoindex(name) };
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, htons(ETH_P_ALL)), on = 1;

	setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on));
	/* A burst waits here while the machine has no time for this process. */
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &(int){ RECEIVE_BYTES }, sizeof(int));
	if (fd < 0 || !at.sll_ifindex || bind(fd, (struct sockaddr *)&at, sizeof(at))) {
		perror(name);
		exit(EXIT_FAILURE);
	}
	return fd;
}

static void take(struct way *w, uint64_t delay)
{
	static uint8_t spare[FRAME_BYTES];

	for (;;) {
		bool full = w->head - w->tail == FRAMES;
		struct frame *f = &w->ring[w->head % FRAMES];
		ssize_t n = recv(w->in, full ? spare : f->bytes, FRAME_BYTES, MSG_TRUNC);

		if (n <= 0)
			return;
		if (full || n > FRAME_BYTES)
			continue;
		f->len = (size_t)n;
		f->due = now_ns() + delay;
		w->head++;
	}
}

static void give(struct way *w, uint64_t now)
{
	while (w->tail != w->head && w->ring[w->tail % FRAMES].due <= now) {
		const struct frame *f = &w->ring[w->tail++ % FRAMES];

		(void)!send(w->out, f->bytes, f->len, 0);
	}
}

static uint64_t earliest(const struct way *w, uint64_t until)
{
	uint64_t due = w->tail == w->head ? UINT64_MAX : w->ring[w->tail % FRAMES].due;

	return due < until ? due : until;
}

int main(int argc, char **argv)
{
	struct way ways[2];
	uint64_t delay;
	int a, b;

	if (argc != 4) {
		fputs("usage: delay IF_A IF_B MICROSECONDS\n", stderr);
		return EXIT_FAILURE;
	}
	delay = strtoull(argv[3], NULL, 10) * 1000;
	a = open_interface(argv[1]);
	b = open_interface(argv[2]);
	for (int i = 0; i < 2; i++)
		ways[i] = (struct way){ .in = i ? b : a,
			.out = i ? a : b,
			.ring = calloc(FRAMES, sizeof(struct frame)) };
	if (!ways[0].ring || !ways[1].ring)
		return EXIT_FAILURE;
	puts("ready");
	fflush(stdout);
	for (;;) {
		struct pollfd fds[2] = { { a, POLLIN, 0 }, { b, POLLIN, 0 } };
		uint64_t now = now_ns(), until;
		struct timespec left;

		give(&ways[0], now);
		give(&ways[1], now);
		until = earliest(&ways[0], earliest(&ways[1], now + 1000000000));
		left.tv_sec = (time_t)((until - now) / 1000000000);
		left.tv_nsec = (long)((until - now) % 1000000000);
		ppoll(fds, 2, &left, NULL);
		take(&ways[0], delay);
		take(&ways[1], delay);
	}
}
