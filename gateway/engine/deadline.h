/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * deadline: which of a fixed number of owners wants to be called next: a binary heap.
 *
 * Owns: its arrays, carved from the arena. Owners are numbers below `capacity`.
 * Time: absolute; INPATH_TIME_NEVER is not in the heap.
 */
#ifndef DEADLINE_H
#define DEADLINE_H

#include "gateway/engine/arena.h"
#include "inpath/types.h"

struct deadlines {
	uint32_t count;
	uint32_t *heap;   /* owners, the earliest first */
	uint32_t *places; /* by owner: index in `heap` plus one; 0: not there */
	inpath_time *at;  /* by owner */
};

void deadlines_init(struct deadlines *d, struct arena *arena, uint32_t capacity);

/* Moves an owner's deadline; INPATH_TIME_NEVER takes it away. */
void deadline_set(struct deadlines *d, uint32_t owner, inpath_time at);

/* The earliest deadline, or INPATH_TIME_NEVER; its owner in *owner. */
inpath_time deadline_first(const struct deadlines *d, uint32_t *owner);

#endif
