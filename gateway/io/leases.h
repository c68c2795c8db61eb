/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * leases: what dnsmasq and odhcpd know of the LAN's devices: address, hardware address, name.
 *
 * dnsmasq rewrites its file in place, odhcpd puts another there; each change is heard by inotify and the file is read anew.
 *
 * Owns:   an inotify descriptor.
 * Output: every lease of the file, each time that it is read.
 */
#ifndef IO_LEASES_H
#define IO_LEASES_H

#include "inpath/types.h"

/*
 * Is called for every lease; `mac` and `name` are NULL if the lease does not tell. A lease's name
 * was chosen by the device: it is text of up to 255 bytes that no control byte is part of.
 */
typedef void leases_found(
	void *arg, const struct inpath_addr *addr, const struct inpath_mac *mac, const char *name);

/* The files that they keep leases in when they are not told otherwise, NULL-terminated. */
extern const char *const leases_default_files[];

enum {
	LEASES_FILES = 6,
};

struct leases;

/*
 * Watches `files` (NULL-terminated, at most LEASES_FILES, none of which need exist; the strings
 * stay the caller's). One that is not there, in a directory that everybody may write to, is not waited for
 * but on OpenWrt. NULL: no memory or no inotify; then names come from elsewhere, or not.
 */
struct leases *leases_open(const char *const *files);
void leases_close(struct leases *l);

/* Watches those files, too, that have come where none was waited for. */
void leases_look_again(struct leases *l);

/* Readable when a file may have changed. */
int leases_fd(const struct leases *l);

/* Takes the news from leases_fd; true if leases_read would tell something new. */
bool leases_changed(struct leases *l);

/* Reads the files and tells every lease in them. */
void leases_read(struct leases *l, leases_found *found, void *arg);

/*
 * One line of a lease file, without its newline: `EXPIRY MAC ADDRESS NAME CLIENT-ID`, or for IPv6
 * `EXPIRY IAID ADDRESS NAME DUID`, NAME being `*` where there is none. odhcpd has several addresses a line,
 * `# INTERFACE DUID IAID NAME EXPIRY ID LENGTH ADDRESS/LENGTH...`, for IPv4 the hardware address as DUID and `ipv4` as
 * IAID; NAME is `-` where there is none. True and told by `found`, address by address, if it is a lease; a `duid` line,
 * a delegated prefix, and anything else, is not.
 */
bool leases_line(const char *line, leases_found *found, void *arg);

#endif
