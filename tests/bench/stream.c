/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * stream serve ADDRESS PORT [BYTES [WINDOW]]: sends datagrams of BYTES (1200) to whoever asks, as QUIC looks from outside.
 * stream fetch ADDRESS PORT SECONDS [BYTES [WINDOW]]: asks, and prints how many came a second, and how many were lost.
 *
 * The handshake is the sample Initial of RFC 9001 and a long header that tells the server's id; behind it short
 * headers. At most WINDOW (96) datagrams are on their way: the client says which one it had last, as a
 * transport would, so that what is measured is what gets through and not what is thrown at the gateway.
 */
#include "tests/unit/quic_vectors.h"
#include "tests/unit/wire.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	DATAGRAM = 1200, /* the greetings' length, and the longest */
	BATCH = 32,
	ID = 8,
	ACK = 1 + ID + 8 + 24, /* longer than any probe */
	LONG_HEADER = 1 + 4 + 1 + 1 + ID + 2,
	REPAIR_MS = 50, /* without a word for so long, what was on its way is lost */
};

static const uint8_t SERVER_ID[ID] = { 1, 2, 3, 4, 5, 6, 7, 8 };

static size_t datagram = DATAGRAM;
static uint64_t window = 96;

static void fail(const char *what)
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

static int open_at(const char *address, const char *port, struct sockaddr_in *at)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), room = 1 << 20;

	*at = (struct sockaddr_in){ .sin_family = AF_INET,
		.sin_port = htons((uint16_t)atoi(port)) };
	if (fd < 0 || inet_pton(AF_INET, address, &at->sin_addr) != 1)
		fail("stream");
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	return fd;
}

static bool readable(int fd, int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, ms) > 0;
}

/* --- the server ----------------------------------------------------------------------------------- */

struct client {
	struct sockaddr_in at;
	uint64_t sent;
	uint64_t had; /* by the client's word */
	bool here;
};

static void greet(int fd, const struct client *c)
{
	uint8_t hello[DATAGRAM] = { 0xe0, 0, 0, 0, 1, 0, ID };

	memcpy(hello + 7, SERVER_ID, ID);
	hello[7 + ID] = 0x40 | (DATAGRAM - LONG_HEADER) >> 8;
	hello[8 + ID] = (DATAGRAM - LONG_HEADER) & 0xff;
	(void)sendto(fd, hello, sizeof(hello), 0, (const struct sockaddr *)&c->at, sizeof(c->at));
}

/* Takes what the clients say. False if nothing came in time. */
static bool hear(int fd, struct client *c)
{
	uint8_t said[2048];
	struct sockaddr_in from;
	socklen_t size = sizeof(from);
	ssize_t len;
	uint64_t had;

	if (!readable(fd, REPAIR_MS))
		return false;
	while ((len = recvfrom(fd, said, sizeof(said), MSG_DONTWAIT, (struct sockaddr *)&from,
			&size)) > 0) {
		if (len == DATAGRAM && said[0] & 0x80) {
			*c = (struct client){ .at = from, .here = true };
			greet(fd, c);
		} else if (len == ACK && from.sin_port == c->at.sin_port) {
			memcpy(&had, said + 1 + ID, sizeof(had));
			c->here = had != UINT64_MAX;
			c->had = had > c->had ? had : c->had;
		}
	}
	return true;
}

static void send_window(int fd, struct client *c)
{
	static uint8_t bytes[BATCH][DATAGRAM];
	struct iovec parts[BATCH];
	struct mmsghdr batch[BATCH] = { 0 };
	uint32_t count = 0;
	int sent;

	for (; count < BATCH && c->sent + count < c->had + window; count++) {
		uint64_t number = c->sent + count + 1;

		bytes[count][0] = 0x41;
		memcpy(bytes[count] + 1, &number, sizeof(number));
		parts[count] = (struct iovec){ bytes[count], datagram };
		batch[count].msg_hdr = (struct msghdr){ .msg_name = &c->at,
			.msg_namelen = sizeof(c->at),
			.msg_iov = &parts[count],
			.msg_iovlen = 1 };
	}
	sent = count ? sendmmsg(fd, batch, count, 0) : 0;
	if (sent > 0)
		c->sent += (uint64_t)sent;
}

static void serve(const char *address, const char *port)
{
	struct client c = { 0 };
	struct sockaddr_in at;
	int fd = open_at(address, port, &at);

	if (bind(fd, (struct sockaddr *)&at, sizeof(at)) != 0)
		fail("bind");
	printf("ready\n");
	fflush(stdout);
	for (;;) {
		bool full = !c.here || c.sent >= c.had + window;

		if ((full || readable(fd, 0)) && !hear(fd, &c) && c.here)
			c.had = c.sent;
		/* A flow whose client has not yet spoken behind the handshake has nothing to carry. */
		if (c.here && c.had)
			send_window(fd, &c);
	}
}

/* --- the client ----------------------------------------------------------------------------------- */

static void say(int fd, uint64_t had)
{
	uint8_t ack[ACK] = { 0x41 };

	memcpy(ack + 1, SERVER_ID, ID);
	memcpy(ack + 1 + ID, &had, sizeof(had));
	(void)send(fd, ack, sizeof(ack), 0);
}

static void shake_hands(int fd)
{
	uint8_t bytes[WIRE_MAX];
	size_t len = wire_hex(bytes, rfc_client_v1);

	for (int i = 0; i < 100; i++) {
		if (send(fd, bytes, len, 0) == (ssize_t)len && readable(fd, 100) &&
			recv(fd, bytes, 1, 0) == 1)
			return;
	}
	fputs("stream: no answer\n", stderr);
	exit(1);
}

/* Datagrams that are there; the newest one's number goes to `newest`. */
static uint64_t take(int fd, uint64_t *newest)
{
	static uint8_t bytes[BATCH][DATAGRAM];
	struct iovec parts[BATCH];
	struct mmsghdr batch[BATCH] = { 0 };
	uint64_t number, taken = 0;
	int count;

	for (int i = 0; i < BATCH; i++) {
		parts[i] = (struct iovec){ bytes[i], DATAGRAM };
		batch[i].msg_hdr = (struct msghdr){ .msg_iov = &parts[i], .msg_iovlen = 1 };
	}
	count = recvmmsg(fd, batch, BATCH, MSG_DONTWAIT, NULL);
	for (int i = 0; i < count; i++) {
		memcpy(&number, bytes[i] + 1, sizeof(number));
		if (batch[i].msg_len != datagram || bytes[i][0] != 0x41)
			continue;
		taken++;
		*newest = number > *newest ? number : *newest;
	}
	return taken;
}

static void fetch(const char *address, const char *port, double seconds)
{
	uint64_t count = 0, newest = 1, said = 0;
	struct sockaddr_in at;
	int fd = open_at(address, port, &at);
	double begin, end;

	if (connect(fd, (struct sockaddr *)&at, sizeof(at)) != 0)
		fail("connect");
	shake_hands(fd);
	say(fd, 1);
	begin = now();
	for (end = begin; end < begin + seconds; end = now()) {
		if (!readable(fd, REPAIR_MS)) {
			say(fd, newest);
			continue;
		}
		count += take(fd, &newest);
		if (newest >= said + (window + 3) / 4)
			say(fd, said = newest);
	}
	say(fd, UINT64_MAX);
	printf("%.0f %.0f\n", (double)count / (end - begin), (double)(newest - count));
}

int main(int argc, char **argv)
{
	bool fetches = argc >= 5 && strcmp(argv[1], "fetch") == 0;
	int more = fetches ? 5 : 4;

	if (argc > more)
		datagram = strtoul(argv[more], NULL, 10);
	if (argc > more + 1)
		window = strtoul(argv[more + 1], NULL, 10);
	if (argc < more || datagram < 1 + sizeof(uint64_t) || datagram > DATAGRAM || !window) {
		fputs("usage: stream serve ADDRESS PORT [BYTES [WINDOW]] | stream fetch ADDRESS PORT "
		      "SECONDS [BYTES [WINDOW]]\n",
			stderr);
		return 64;
	}
	if (!fetches)
		serve(argv[2], argv[3]);
	fetch(argv[2], argv[3], atof(argv[4]));
	return 0;
}
