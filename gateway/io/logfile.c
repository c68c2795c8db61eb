/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/io/logfile.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

int logfile_reopen(struct logfile *f, const char *path)
{
	logfile_close(f);
	f->failing = false;
	if (!path)
		return 0;
	/* Records tell who talks to whom: not for everybody to read. A FIFO must not block. */
	f->fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0640);
	return f->fd < 0 ? -errno : 0;
}

int logfile_write(struct logfile *f, const char *line, size_t len)
{
	struct iovec parts[] = { { (void *)line, len }, { (void *)"\n", 1 } };
	ssize_t n;
	bool first;

	if (f->fd < 0)
		return 0;
	n = writev(f->fd, parts, 2);
	if (n == (ssize_t)len + 1) {
		f->failing = false;
		return 0;
	}
	f->dropped++;
	first = !f->failing;
	f->failing = true;
	if (!first)
		return 0;
	return n < 0 ? -errno : -ENOSPC;
}

void logfile_close(struct logfile *f)
{
	if (f->fd >= 0)
		close(f->fd);
	f->fd = -1;
}
