/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * reading: what a whole path tells that no single hop does: loops, cycles, where something was first
 * seen rewritten, a carrier's address space.
 *
 * Owns:   nothing. Time: none. Output: notes, and `rewritten_first` of the hops.
 */
#ifndef READING_H
#define READING_H

#include "inpath/record.h"

/* Reads `count` hops, TTL 1 first. Sets loops, cycles and nat_shared of *notes; leaves the rest. */
void reading_take(struct inpath_hop *hops, uint8_t count, struct inpath_path_notes *notes);

#endif
