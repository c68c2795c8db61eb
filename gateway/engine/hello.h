/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hello: puts a client's first bytes together, in whatever order their segments pass.
 *
 * Owns:   `limits.hellos` buffers of HELLO_BYTES. Full: the table's oldest has stood still the
 *         longest, if whoever adds to one touches it.
 */
#ifndef HELLO_H
#define HELLO_H

#include "gateway/engine/arena.h"
#include "gateway/engine/table.h"

#include <stdbool.h>

enum {
	HELLO_BYTES = 8192, /* DESIGN section 9: after 8 KiB a flow is decided without a name */
	/* Separate pieces kept at a time; a further one is let go. Browsers cut what a QUIC packet
	 * holds of a hello into up to 11 pieces and shuffle them. At most every other piece of a
	 * hello lies apart from the rest, so this bears five packets in the worst of orders. */
	HELLO_RANGES = 32,
};

struct hello {
	uint32_t flow; /* slot of the flow that holds it */
	uint8_t range_count;
	struct {
		uint16_t start;
		uint16_t end;
	} ranges[HELLO_RANGES]; /* what is here, sorted, never touching */
	uint8_t bytes[HELLO_BYTES];
};

struct hellos {
	struct table table; /* by age only */
	struct hello *entries;
};

void hellos_init(struct hellos *h, struct arena *arena, uint32_t capacity);

/* A buffer for `flow`, empty; TABLE_NONE if all are taken. */
uint32_t hello_take(struct hellos *h, uint32_t flow);

void hello_drop(struct hellos *h, uint32_t slot);

/*
 * Adds `len` bytes at `offset` of the stream. What lies beyond HELLO_BYTES is cut. Bytes that are
 * here already stay as they were.
 */
void hello_add(struct hello *h, uint32_t offset, const uint8_t *bytes, uint32_t len);

/* How many bytes from the stream's start are here without a hole. */
uint32_t hello_prefix(const struct hello *h);

#endif
