/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/io/leases.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	LINE_BYTES = 1024,
	FILE_BYTES = 1 << 20, /* more than that is read of no lease file */
};

const char *const leases_default_files[] = {
	"/tmp/dhcp.leases",                /* OpenWrt */
	"/var/lib/misc/dnsmasq.leases",    /* Debian and most others */
	"/var/lib/dnsmasq/dnsmasq.leases", /* Fedora */
	"/tmp/hosts/odhcpd",               /* OpenWrt's other DHCP server */
	"/tmp/odhcpd.leases",              /* ... and its later versions */
	NULL,
};

struct leases {
	int fd;
	size_t count;
	struct {
		const char *path;
		int file_watch; /* -1: the file is not there */
	} files[LEASES_FILES];
};

static void watch_file(struct leases *l, size_t i)
{
	/* Rewritten in place, and left open: so not its closing but its changing is heard. */
	l->files[i].file_watch = inotify_add_watch(l->fd, l->files[i].path,
		IN_MODIFY | IN_CLOSE_WRITE | IN_DELETE_SELF | IN_MOVE_SELF);
}

/* May everybody write there? Then others' files come and go, and each would wake us. */
static bool is_shared(const char *dir)
{
	struct stat st;

	return stat(dir, &st) == 0 && (st.st_mode & S_IWOTH);
}

/*
 * Hears when the file appears: only that, since its directory may be a busy one. In a shared one, a file that is
 * not there is looked for when we are told to read all anew; but on OpenWrt dnsmasq may start after us.
 */
static void watch_directory(struct leases *l, const char *path, bool there)
{
	const char *slash = strrchr(path, '/');
	char dir[512];

	if (!slash)
		snprintf(dir, sizeof(dir), ".");
	else
		snprintf(dir, sizeof(dir), "%.*s", slash == path ? 1 : (int)(slash - path), path);
	if (!there && is_shared(dir) && access("/etc/openwrt_release", F_OK) != 0)
		return;
	inotify_add_watch(l->fd, dir, IN_CREATE | IN_MOVED_TO | IN_ONLYDIR | IN_MASK_ADD);
}

struct leases *leases_open(const char *const *files)
{
	struct leases *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (l->fd < 0) {
		free(l);
		return NULL;
	}
	for (; *files && l->count < LEASES_FILES; files++) {
		l->files[l->count].path = *files;
		watch_directory(l, *files, access(*files, F_OK) == 0);
		watch_file(l, l->count++);
	}
	return l;
}

void leases_look_again(struct leases *l)
{
	for (size_t i = 0; i < l->count; i++)
		if (l->files[i].file_watch < 0)
			watch_file(l, i);
}

void leases_close(struct leases *l)
{
	if (!l)
		return;
	close(l->fd);
	free(l);
}

int leases_fd(const struct leases *l)
{
	return l->fd;
}

static bool concerns(struct leases *l, const struct inotify_event *event)
{
	if (event->mask & IN_Q_OVERFLOW)
		return true;
	for (size_t i = 0; i < l->count; i++) {
		const char *slash = strrchr(l->files[i].path, '/');

		if (event->wd == l->files[i].file_watch && event->len == 0)
			return true;
		if (event->len > 0 &&
			strcmp(event->name, slash ? slash + 1 : l->files[i].path) == 0) {
			watch_file(l, i);
			return true;
		}
	}
	return false;
}

bool leases_changed(struct leases *l)
{
	_Alignas(struct inotify_event) char bytes[4096];
	bool changed = false;
	ssize_t n;

	while ((n = read(l->fd, bytes, sizeof(bytes))) > 0) {
		for (char *at = bytes; at < bytes + n;) {
			const struct inotify_event *event = (const void *)at;

			changed |= concerns(l, event);
			at += sizeof(*event) + event->len;
		}
	}
	return changed;
}

static bool read_addr(const char *text, struct inpath_addr *addr)
{
	*addr = (struct inpath_addr){ 0 };
	if (inet_pton(AF_INET, text, addr->bytes) == 1)
		addr->family = INPATH_AF_INET;
	else if (inet_pton(AF_INET6, text, addr->bytes) == 1)
		addr->family = INPATH_AF_INET6;
	return addr->family != INPATH_AF_NONE;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Ethernet's, six bytes: dnsmasq puts `TYPE-` in front of those of other hardware. */
static bool read_mac(const char *text, struct inpath_mac *mac)
{
	if (strlen(text) != 17)
		return false;
	for (int i = 0; i < 6; i++, text += 3) {
		int high = hex_digit(text[0]), low = hex_digit(text[1]);

		if (high < 0 || low < 0 || text[2] != (i < 5 ? ':' : '\0'))
			return false;
		mac->bytes[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

static bool is_name(const char *text)
{
	if (strcmp(text, "*") == 0)
		return false;
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			return false;
	return true;
}

/* Six bytes without colons, too. */
static bool read_bare_mac(const char *text, struct inpath_mac *mac)
{
	if (strlen(text) != 12)
		return read_mac(text, mac);
	for (int i = 0; i < 6; i++, text += 2) {
		int high = hex_digit(text[0]), low = hex_digit(text[1]);

		if (high < 0 || low < 0)
			return false;
		mac->bytes[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

/* ADDRESS/LENGTH, if it is that of one host. */
static bool read_host(const char *text, size_t len, struct inpath_addr *addr)
{
	char copy[64];
	char *slash;

	if (len >= sizeof(copy))
		return false;
	memcpy(copy, text, len);
	copy[len] = '\0';
	slash = strchr(copy, '/');
	if (!slash)
		return false;
	*slash++ = '\0';
	return read_addr(copy, addr) &&
	       !strcmp(slash, addr->family == INPATH_AF_INET ? "32" : "128");
}

/* odhcpd's. A name that it would not give to others (`broken\x20NAME`) is none. */
static bool read_odhcpd(const char *line, leases_found *found, void *arg)
{
	char duid[300], iaid[24], name[256];
	struct inpath_addr addr;
	struct inpath_mac mac;
	bool has_mac, named, told = false;
	int at = -1;

	if (sscanf(line, "# %*s %299s %23s %255s %*s %*s %*s %n", duid, iaid, name, &at) != 3 ||
		at < 0)
		return false;
	has_mac = !strcmp(iaid, "ipv4") && read_bare_mac(duid, &mac);
	named = is_name(name) && strcmp(name, "-") != 0 && !strchr(name, '\\');
	for (line += at; *line; line += strspn(line, " ")) {
		size_t len = strcspn(line, " ");

		if (read_host(line, len, &addr)) {
			found(arg, &addr, has_mac ? &mac : NULL, named ? name : NULL);
			told = true;
		}
		line += len;
	}
	return told;
}

bool leases_line(const char *line, leases_found *found, void *arg)
{
	char expiry[24], hardware[64], address[64], name[256];
	struct inpath_addr addr;
	struct inpath_mac mac;
	bool has_mac;

	if (*line == '#')
		return read_odhcpd(line, found, arg);
	if (sscanf(line, "%23s %63s %63s %255s", expiry, hardware, address, name) != 4 ||
		strspn(expiry, "0123456789") != strlen(expiry) || !read_addr(address, &addr))
		return false;
	has_mac = addr.family == INPATH_AF_INET && read_mac(hardware, &mac);
	found(arg, &addr, has_mac ? &mac : NULL, is_name(name) ? name : NULL);
	return true;
}

static void read_file(const char *path, leases_found *found, void *arg)
{
	char bytes[LINE_BYTES];
	size_t have = 0, total = 0;
	bool overlong = false;
	ssize_t n;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0)
		return;
	while (total < FILE_BYTES && (n = read(fd, bytes + have, sizeof(bytes) - have)) > 0) {
		char *line = bytes, *end;

		total += (size_t)n;
		have += (size_t)n;
		/* What has no newline yet is being written now: its end will be heard of. */
		while ((end = memchr(line, '\n', have - (size_t)(line - bytes)))) {
			*end = '\0';
			if (!overlong)
				leases_line(line, found, arg);
			overlong = false;
			line = end + 1;
		}
		have -= (size_t)(line - bytes);
		memmove(bytes, line, have);
		if (have == sizeof(bytes)) {
			overlong = true;
			have = 0;
		}
	}
	close(fd);
}

void leases_read(struct leases *l, leases_found *found, void *arg)
{
	for (size_t i = 0; i < l->count; i++)
		read_file(l->files[i].path, found, arg);
}
