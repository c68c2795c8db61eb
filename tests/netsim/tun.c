/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/netsim/tun.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/netsim/sched.h"

/* Packets that wait while the machine is busy elsewhere: what the kernel drops here no truth would know of. */
enum {
	WAITING_MAX = 5000
};

/* With the thread in the namespace: its queue is made long, its packets must fit. */
static int tune(struct ifreq *ifr, const char *name, char *why, size_t size)
{
	int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int status = -1;

	if (sock < 0) {
		snprintf(why, size, "%s: cannot open a socket: %s", name, strerror(errno));
		return -1;
	}
	ifr->ifr_qlen = WAITING_MAX;
	if (ioctl(sock, SIOCSIFTXQLEN, ifr) < 0 || ioctl(sock, SIOCGIFMTU, ifr) < 0)
		snprintf(why, size, "%s: cannot set it up: %s", name, strerror(errno));
	else if (ifr->ifr_mtu > DATAGRAM_MAX)
		snprintf(why, size, "%s: its MTU is %d, more than %d", name, ifr->ifr_mtu,
			DATAGRAM_MAX);
	else
		status = 0;
	close(sock);
	return status;
}

static int attach(const char *interface, const char *name, char *why, size_t size)
{
	struct ifreq ifr = { .ifr_flags = IFF_TUN | IFF_NO_PI };
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0) {
		snprintf(why, size, "cannot open /dev/net/tun: %s", strerror(errno));
		return -1;
	}
	memcpy(ifr.ifr_name, interface, strlen(interface) + 1);
	if (ioctl(fd, TUNSETIFF, &ifr) < 0)
		snprintf(why, size, "%s: cannot attach to it: %s", name, strerror(errno));
	else if (tune(&ifr, name, why, size) == 0)
		return fd;
	close(fd);
	return -1;
}

int tun_open(const char *name, char *why, size_t size)
{
	const char *slash = strrchr(name, '/');
	char path[300];
	int home, there, fd = -1;

	if (!slash || slash == name || !slash[1] || strlen(slash + 1) >= IFNAMSIZ) {
		snprintf(why, size, "\"%s\" is not NETNS/INTERFACE", name);
		return -1;
	}
	snprintf(path, sizeof(path), "/run/netns/%.*s", (int)(slash - name), name);
	home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	there = open(path, O_RDONLY | O_CLOEXEC);
	if (home < 0 || there < 0 || setns(there, CLONE_NEWNET) < 0) {
		snprintf(why, size, "%s: cannot enter the namespace: %s", name, strerror(errno));
	} else {
		fd = attach(slash + 1, name, why, size);
		if (setns(home, CLONE_NEWNET) < 0) {
			snprintf(why, size, "cannot return from a namespace: %s", strerror(errno));
			if (fd >= 0)
				close(fd);
			fd = -1;
		}
	}
	if (there >= 0)
		close(there);
	if (home >= 0)
		close(home);
	return fd;
}
