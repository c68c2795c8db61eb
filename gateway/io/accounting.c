/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/io/accounting.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static const char PATH[] = "/proc/sys/net/netfilter/nf_conntrack_acct";

static bool is_on(int fd)
{
	char digit = '0';

	return pread(fd, &digit, 1, 0) == 1 && digit != '0';
}

bool accounting_is_on(void)
{
	int fd = open(PATH, O_RDONLY | O_CLOEXEC);
	bool on = fd >= 0 && is_on(fd);

	if (fd >= 0)
		close(fd);
	return on;
}

int accounting_open(struct accounting *a, bool want)
{
	int error = 0;

	*a = (struct accounting){ .on = accounting_is_on(), .fd = -1 };
	if (a->on || !want)
		return 0;
	a->fd = open(PATH, O_RDWR | O_CLOEXEC);
	if (a->fd < 0)
		return -errno;
	if (pwrite(a->fd, "1", 1, 0) == 1) {
		a->on = true;
		return 0;
	}
	error = -errno;
	close(a->fd);
	a->fd = -1;
	return error;
}

void accounting_close(struct accounting *a)
{
	if (a->fd < 0)
		return;
	(void)!pwrite(a->fd, "0", 1, 0);
	close(a->fd);
	a->fd = -1;
}
