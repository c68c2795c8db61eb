/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hugepages: a large table of flows on few pages. Each packet is of any of its flows: with 100,000 of them the pages of
 * 4 KB are more than a processor's TLB knows, and finding the page costs as much as the memory behind it. Measured: a
 * packet takes the engine a quarter less. Only that table: the others are sparse, and would be resident as a whole.
 */
#ifndef IO_HUGEPAGES_H
#define IO_HUGEPAGES_H

#include "inpath/engine.h"

#include <sys/mman.h>
#include <unistd.h>

enum {
	HUGEPAGES_LEAST = 32 << 20, /* bytes; below that memory is what is short */
};

/* A kernel without huge pages says no, and all is as before. */
static inline void hugepages_for_flows(const struct inpath_engine *engine)
{
	size_t bytes, skipped, page = (size_t)sysconf(_SC_PAGESIZE);
	char *flows = inpath_engine_flows(engine, &bytes);

	skipped = -(uintptr_t)flows & (page - 1);
	if (bytes >= HUGEPAGES_LEAST)
		madvise(flows + skipped, bytes - skipped, MADV_HUGEPAGE);
}

#endif
