/* SPDX-License-Identifier: GPL-2.0-or-later */
/* blast ADDRESS PORT SECONDS: small UDP packets of one flow, as fast as they go; prints how many. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	BATCH = 64,
	PAYLOAD = 18
};

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int connected(const char *address, const char *port)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port)) };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (inet_pton(AF_INET, address, &to.sin_addr) == 1 && fd >= 0 &&
		connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0)
		return fd;
	perror("blast");
	exit(1);
}

int main(int argc, char **argv)
{
	static char payload[PAYLOAD];
	struct iovec bytes = { .iov_base = payload, .iov_len = sizeof(payload) };
	struct mmsghdr batch[BATCH] = { 0 };
	unsigned long sent = 0;
	double end;
	int fd;

	if (argc != 4) {
		fputs("usage: blast ADDRESS PORT SECONDS\n", stderr);
		return 64;
	}
	fd = connected(argv[1], argv[2]);
	for (int i = 0; i < BATCH; i++) {
		batch[i].msg_hdr.msg_iov = &bytes;
		batch[i].msg_hdr.msg_iovlen = 1;
	}
	for (end = now() + atof(argv[3]); now() < end;) {
		int n = sendmmsg(fd, batch, BATCH, 0);

		if (n > 0)
			sent += (unsigned long)n;
		else if (errno != ENOBUFS && errno != EAGAIN && errno != EINTR) {
			perror("blast");
			return 1;
		}
	}
	printf("%lu\n", sent);
	close(fd);
	return 0;
}
