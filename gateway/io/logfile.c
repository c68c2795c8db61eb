/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/io/logfile.h"

#include <errno.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
	MODE = 0640, /* records tell who talks to whom: not for everybody to read */
};

void logfile_prepare(const char *path, uid_t uid, gid_t gid)
{
	int fd = open(path, LOGFILE_FLAGS | O_EXCL | O_NOFOLLOW, MODE);

	if (fd < 0)
		return; /* whether it can be written to is seen, and said, by who opens it */
	(void)!fchown(fd, uid, gid);
	close(fd);
}

int logfile_reopen(struct logfile *f, const char *path)
{
	logfile_close(f);
	f->failing = false;
	if (!path)
		return 0;
	f->fd = open(path, LOGFILE_FLAGS, MODE);
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
