/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nfqueue: the kernel's packet queue: reads packets in batches, answers each with a verdict.
 *
 * The kernel is asked for the first NFQUEUE_COPY bytes of a packet: a ClientHello of post-quantum
 * size that segmentation offload kept in one piece, and every ICMP error, are whole in them; of a
 * 64 KiB aggregate of bulk data, 60 KiB are never copied. A verdict never carries a payload, so a
 * short copy does not trim the packet.
 *
 * Owns:   the socket, room for one batch, and the verdicts that are not sent yet; taken at start.
 * Time:   a packet carries when the kernel received it (CLOCK_MONOTONIC, at most a second ago);
 *         the kernel stamps packets because the socket asks for SO_TIMESTAMPNS.
 * Output: packets with their facts. Packets that the kernel passed by, because the socket or the
 *         queue was full (FAIL_OPEN), are told by the next packet's meta.missed: a full socket
 *         leaves a gap in the packet ids; a full queue leaves none, and is found by counting how
 *         many packets had no verdict yet when one arrived.
 */
#ifndef IO_NFQUEUE_H
#define IO_NFQUEUE_H

#include "gateway/io/error.h"
#include "gateway/io/iface.h"
#include "inpath/limits.h"
#include "inpath/packet.h"

enum {
	NFQUEUE_BATCH = INPATH_BATCH,
	NFQUEUE_COPY = 4096,
};

struct nfqueue_packet {
	struct inpath_meta meta;
	uint32_t id;
	inpath_time at;
	const uint8_t *bytes; /* from the IP header on */
	size_t caplen;
	size_t len;
};

struct nfqueue_counters {
	uint64_t gaps;       /* packets passed by a full socket */
	uint64_t full;       /* times when the queue was full, and may have passed packets by */
	uint64_t enobufs;    /* overruns that the socket reported */
	uint64_t unreadable; /* messages that were not understood */
	uint64_t refused;    /* verdicts for packets that were gone (an interface vanished) */
	uint64_t retries;    /* verdicts that had to be sent again: no memory in the kernel */
};

struct nfqueue;

/* Takes memory and a socket for `queue`; nothing is queued yet. NULL and a sentence on failure. */
struct nfqueue *nfqueue_open(uint16_t queue, uint32_t maxlen, struct io_error *err);

/*
 * Binds the queue: on 0, it is in copy mode and packets come. -errno and a sentence if another
 * program holds it, the privilege is missing, or the kernel cannot do it.
 */
int nfqueue_bind(struct nfqueue *q, struct io_error *err);

/*
 * Asks the kernel to pass what comes, accepts all that is queued, then gives the queue back; its
 * counters at the end go to `last`, unless NULL. `q` may be NULL.
 */
void nfqueue_close(struct nfqueue *q, struct nfqueue_counters *last);

/* Readable when packets wait. */
int nfqueue_fd(const struct nfqueue *q);

/* The socket's netlink port: whoever looks from outside finds it by that. */
uint32_t nfqueue_port(const struct nfqueue *q);

/*
 * Reads what waits, at most NFQUEUE_BATCH packets; never waits. Each packet is valid until the
 * next call and must get a verdict before it. meta.last is not set: see nfqueue_is_empty.
 */
size_t nfqueue_read(struct nfqueue *q, const struct iface *ifaces);
const struct nfqueue_packet *nfqueue_packet(const struct nfqueue *q, size_t i);

/* Does no packet wait in the socket at this moment? */
bool nfqueue_is_empty(const struct nfqueue *q);

/* Answers a packet. Verdicts leave in the order given, at the latest with nfqueue_flush. */
void nfqueue_verdict(
	struct nfqueue *q, const struct nfqueue_packet *p, const struct inpath_verdict *v);

/* Sends the verdicts that were given. */
void nfqueue_flush(struct nfqueue *q);

/* Did the kernel, short of memory, refuse verdicts just now? Then flush again soon. */
bool nfqueue_has_unsent(const struct nfqueue *q);

const struct nfqueue_counters *nfqueue_counters(const struct nfqueue *q);

#endif
