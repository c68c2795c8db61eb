/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tell: the fields of ev=hop and ev=path that say what replies told, each only where there is
 * something to say. Private to logfmt.
 *
 * Owns:   nothing. Never allocates.
 * Output: is bounded: lists end after their first entries, so that a line has room for the rest.
 */
#ifndef LOGFMT_INTERNAL_TELL_H
#define LOGFMT_INTERNAL_TELL_H

#include "gateway/logfmt/line.h"

/* `[unreach]` to `[changed=yes]` of ev=hop; of the interface's escaped name `cap` bytes at most. */
void tell_hop(struct line *l, const struct inpath_hop *hop, size_t cap);

/* `[mss]` to `[nat]` of ev=path. */
void tell_path(struct line *l, const struct inpath_record_path *path);

#endif
