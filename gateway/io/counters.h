/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * counters: what conntrack has counted of the connections that carry certain mark bits (ctnetlink).
 *
 * The kernel picks them out, so that a gateway's thousands of other connections cost no message. A
 * dump's messages come as they are read, a few in each round of the caller's loop.
 *
 * Owns:   a netlink socket, which never blocks.
 * Time:   none.
 * Output: each connection's counters, to the reader.
 */
#ifndef IO_COUNTERS_H
#define IO_COUNTERS_H

#include "gateway/io/error.h"
#include "inpath/engine.h"

struct counters;

typedef void counters_each(
	void *arg, const struct inpath_tuple *tuple, const struct inpath_counters *counters);

/* NULL and a sentence without memory or nfnetlink. */
struct counters *counters_open(struct io_error *err);
void counters_close(struct counters *c);

/* Readable while a dump goes on. */
int counters_fd(const struct counters *c);

/* Asks for all connections that have all bits of `mask`; not if the last dump still goes on. */
void counters_ask(struct counters *c, uint32_t mask);

/* Gives what has come to `each`: one message or two of the dump, not the whole of a long one. */
void counters_read(struct counters *c, counters_each *each, void *arg);

/* Connections that were told of so far, with or without counters. */
uint64_t counters_told(const struct counters *c);

#endif
