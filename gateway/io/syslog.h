/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * syslog: lines to the system's log by a datagram socket of our own, since libc's waits for a slow
 * reader and allocates.
 *
 * The kernel lets 10 datagrams wait for a reader (net.unix.max_dgram_qlen): longer bursts wait in
 * a ring here, in order, until the socket is writable. A full ring drops the newest, counted.
 *
 * Owns:   the socket and the ring, taken at start.
 * Time:   `now` only decides when a log daemon that is away is looked for again: once a second.
 * Output: datagrams as RFC 3164 4.1 has them on a local socket: no host name.
 */
#ifndef IO_SYSLOG_H
#define IO_SYSLOG_H

#include "inpath/types.h"

enum {
	SYSLOG_RING = 256,
	SYSLOG_LINE_MAX = 1024, /* OpenWrt's logd cuts there */
};

struct syslog;

/* Where the system's log daemon listens; tests say INPATH_SYSLOG, and listen elsewhere. */
const char *syslog_default_path(void);

/* Connects to `path` (now, or when somebody listens there). NULL: no memory. */
struct syslog *syslog_open(const char *path, int facility, inpath_time now);
void syslog_close(struct syslog *s);

/* A reload may change it; `facility` as <syslog.h> has it. */
void syslog_facility(struct syslog *s, int facility);

/* Sends or keeps one line of level `priority` (LOG_INFO, ...); longer ones are cut. */
void syslog_line(struct syslog *s, int priority, const char *line, size_t len, inpath_time now);

/* Sends what the ring holds, as far as the reader takes it. */
void syslog_flush(struct syslog *s, inpath_time now);

/* To be polled for writing while lines wait; -1: nothing to poll for. */
int syslog_fd(const struct syslog *s);

/* When syslog_flush is to be called though syslog_fd says nothing; INPATH_TIME_NEVER if not. */
inpath_time syslog_deadline(const struct syslog *s);

/* Lines waiting in the ring, and lines dropped since the start. */
size_t syslog_waiting(const struct syslog *s);
uint64_t syslog_dropped(const struct syslog *s);

#endif
