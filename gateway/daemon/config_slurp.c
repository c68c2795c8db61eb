/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/daemon/config_text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	SLURP_MAX = 4 << 20,
	SLURP_FIRST = 4096,
};

static int slurp_open(const char *path, bool any_kind)
{
	struct stat st;
	/* O_NONBLOCK: a FIFO that nobody writes to must not hold the daemon. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | (any_kind ? 0 : O_NONBLOCK));

	if (fd < 0)
		return -errno;
	if (!any_kind && (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))) {
		close(fd);
		return -EINVAL;
	}
	return fd;
}

static int slurp_fd(int fd, char **bytes, size_t *len)
{
	size_t room = SLURP_FIRST;
	size_t used = 0;
	char *buffer = malloc(room + 1);
	int error = -ENOMEM;

	while (buffer != NULL) {
		ssize_t got = read(fd, buffer + used, room - used);

		if (got < 0 && errno == EINTR)
			continue;
		error = got < 0 ? -errno : 0;
		if (got <= 0)
			break;
		used += (size_t)got;
		if (used < room)
			continue;
		error = -EFBIG;
		if (room >= SLURP_MAX)
			break;
		room *= 2;
		char *bigger = realloc(buffer, room + 1);

		error = -ENOMEM;
		if (bigger == NULL)
			break;
		buffer = bigger;
	}
	if (error == 0 && memchr(buffer, '\0', used) != NULL)
		error = -EILSEQ;
	if (error != 0) {
		free(buffer);
		return error;
	}
	buffer[used] = '\0';
	*bytes = buffer;
	*len = used;
	return 0;
}

int config_slurp(const char *path, bool any_kind, char **bytes, size_t *len)
{
	int fd = slurp_open(path, any_kind);
	int error;

	if (fd < 0)
		return fd;
	error = slurp_fd(fd, bytes, len);
	close(fd);
	return error;
}

const char *config_slurp_error(int error)
{
	switch (error) {
	case -EILSEQ: return "it holds a NUL byte: not a text file";
	case -EFBIG: return "it is longer than 4 MiB";
	case -EINVAL: return "it is not a regular file";
	default: return strerror(-error);
	}
}

bool config_fail(struct config_error *err, struct config_place place, const char *format, ...)
{
	size_t room = sizeof(err->text);
	size_t used;
	va_list args;

	if (place.line != 0)
		(void)snprintf(err->text, room, "%s:%u: ", place.file, (unsigned)place.line);
	else
		(void)snprintf(err->text, room, "%s: ", place.file);
	used = strlen(err->text);
	va_start(args, format);
	(void)vsnprintf(err->text + used, room - used, format, args);
	va_end(args);
	/* Files' names may hold anything, and the text goes to a terminal or a log. */
	for (char *p = err->text; *p != '\0'; p++) {
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
	}
	return false;
}
