/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * arena: carves the engine's tables out of the one block of memory that it is given at start.
 *
 * Run once over no block (base NULL) it only adds up: so the size that inpath_engine_size
 * promises and the layout that inpath_engine_init makes come from the same lines.
 */
#ifndef ARENA_H
#define ARENA_H

#include <stddef.h>
#include <stdint.h>

struct arena {
	uint8_t *base; /* NULL: measure */
	size_t used;
};

/* `count` times `size` bytes, aligned to 64 if the block is; NULL while measuring. Never more than was measured. */
static inline void *arena_take(struct arena *a, size_t count, size_t size)
{
	size_t at = a->used;

	a->used += (count * size + 63) & ~(size_t)63;
	return a->base ? a->base + at : NULL;
}

#endif
