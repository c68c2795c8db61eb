/* SPDX-License-Identifier: GPL-2.0-or-later */
/* conntrack_message: the words of ctnetlink that more than one asker needs. Owns nothing. */
#ifndef IO_CONNTRACK_MESSAGE_H
#define IO_CONNTRACK_MESSAGE_H

#include "inpath/types.h"

#include <libmnl/libmnl.h>

/*
 * Writes a request for all connections that have all bits of `mask` in their marks; `bytes` has room for
 * 256. A kernel that does not know this filter answers with all connections: whoever reads looks at the mark.
 */
struct nlmsghdr *conntrack_put_dump(void *bytes, uint32_t mask, uint32_t seq);

/* Reads CTA_TUPLE_ORIG (or NULL): false if it is not one of TCP or UDP. */
bool conntrack_read_tuple(const struct nlattr *orig, struct inpath_tuple *out);

#endif
