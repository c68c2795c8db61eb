/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * conntrack: clears bits of a connection's mark, so that its packets are queued again, and looks
 * connections up (ctnetlink).
 *
 * Owns:   a netlink socket.
 * Output: 0 or an errno; the kernel answers at once.
 */
#ifndef IO_CONNTRACK_H
#define IO_CONNTRACK_H

#include "gateway/io/error.h"
#include "inpath/engine.h"

struct conntrack;
struct nlmsghdr;

/* NULL and a sentence without memory or nfnetlink. */
struct conntrack *conntrack_open(struct io_error *err);
void conntrack_close(struct conntrack *c);

/*
 * Clears the bits of `mask` in the mark of the connection whose original direction, before NAT, is
 * `tuple`. ENOENT: there is none. EINVAL: the kernel has no ctnetlink.
 */
int conntrack_clear_mark(struct conntrack *c, const struct inpath_tuple *tuple, uint32_t mask);

/* The same for the connection that a message of the kernel's tells of: of any protocol, in any zone. */
int conntrack_clear_told(struct conntrack *c, const struct nlmsghdr *told, uint32_t mask);

/*
 * Clears the bits of `mask` in the marks of all connections that have them all: whoever was here
 * before may have put them to rest, and nobody else would wake them. `goes_on`, unless NULL, hears
 * of each. 0 or an errno: of asking for them, or the first of clearing them (not ENOENT).
 */
int conntrack_clear_all(struct conntrack *c, uint32_t mask, void (*goes_on)(void *), void *arg);

/*
 * Fills `out` with what conntrack knows of the connection whose original direction, before NAT, is
 * `tuple`. 0 or an errno; ENOENT: there is none.
 */
int conntrack_look(
	struct conntrack *c, const struct inpath_tuple *tuple, struct inpath_connection *out);

/*
 * Fills `out` with that connection's counters. ENODATA: it has none (it began before nf_conntrack_acct
 * was on), or flow offload forwards it, and its packets are not always counted.
 *
 * Asked one by one: a dump of all with our mark bits takes the kernel through its whole table in one
 * system call (24 ms where that has 262,144 buckets), in which no packet gets its verdict.
 */
int conntrack_count(
	struct conntrack *c, const struct inpath_tuple *tuple, struct inpath_counters *out);

#endif
