/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nflog: copies of DNS packets from the kernel's NFLOG target. The originals are never held.
 *
 * Owns:   the socket and room for one batch, taken at start.
 * Time:   copies are not dated: they are read before the packets that follow them.
 * Output: copies with their facts, at the threshold of one packet (the default waits a second).
 */
#ifndef IO_NFLOG_H
#define IO_NFLOG_H

#include "gateway/io/error.h"
#include "gateway/io/iface.h"
#include "inpath/packet.h"

struct nflog_copy {
	struct inpath_meta meta;
	const uint8_t *bytes; /* from the IP header on */
	size_t caplen;
	size_t len;
};

struct nflog;

/*
 * Listens to `group`; NULL, errno and a sentence if it is taken (EBUSY), there is no privilege
 * (EPERM), or the kernel has no NFLOG (ENOSYS): then flows are named without DNS.
 */
struct nflog *nflog_open(uint16_t group, struct io_error *err);
void nflog_close(struct nflog *l);

int nflog_fd(const struct nflog *l);

/* The next copy, or NULL if none waits. Valid until the next call. */
const struct nflog_copy *nflog_read(struct nflog *l, const struct iface *ifaces);

/* Copies that the kernel could not deliver, as far as its numbering shows. */
uint64_t nflog_missed(const struct nflog *l);

#endif
