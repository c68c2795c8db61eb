/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * limits: how much memory the engine takes at start, and the bounds that are fixed when it is built.
 */
#ifndef INPATH_LIMITS_H
#define INPATH_LIMITS_H

#include <stdint.h>

/* Sizes of the engine's tables, from the configuration's `limits`. */
struct inpath_limits {
	uint32_t flows;     /* flows known at a time */
	uint32_t names;     /* host names, and mappings from a server's address to one */
	uint32_t hellos;    /* ClientHellos being put together at a time */
	uint32_t traces;    /* traces under way at a time */
	uint32_t histories; /* flows whose paths are remembered: 5 KB each, in the engine */
};

#define INPATH_LIMITS_DEFAULT                                                                      \
	((struct inpath_limits){                                                                   \
		.flows = 16384, .names = 8192, .hellos = 64, .traces = 256, .histories = 2048 })

enum {
	INPATH_MAX_HOPS = 64,      /* the highest `max_hops` */
	INPATH_HOP_ADDRS = 4,      /* addresses kept for one TTL of one trace */
	INPATH_HOST_MAX = 253,     /* a host name's text, without the closing NUL (RFC 1035) */
	INPATH_EPOCH_HOPS = 32,    /* TTLs of which an epoch keeps round trip times */
	INPATH_LABEL_MAX = 63,     /* a policy's, service's or device's name */
	INPATH_PROBE_BYTES = 96,   /* the longest probe: IPv6 + TCP with timestamps + 1 byte */
	INPATH_OUTBOX_ACTIONS = 8, /* actions that one call may leave behind */
	INPATH_SENDS_A_TICK = 2,   /* law 2: probes sent between two reads of the queue */
	INPATH_BATCH = 64,         /* packets of a batch that are foreseen at most */
};

#endif
