/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * packet: what a shell tells the engine of a packet, and what the engine answers.
 */
#ifndef INPATH_PACKET_H
#define INPATH_PACKET_H

#include "inpath/types.h"

/* Where a packet was taken. */
enum inpath_source {
	INPATH_SOURCE_FORWARD, /* queue, FORWARD: a packet that crosses the gateway */
	INPATH_SOURCE_INPUT,   /* queue, INPUT: an ICMP error addressed to the gateway itself */
	INPATH_SOURCE_DNS,     /* a copy of a DNS query or answer of a LAN client */
};

/* Which side an interface is on. The shell knows the names; the engine knows the sides. */
enum inpath_side {
	INPATH_SIDE_NONE,
	INPATH_SIDE_LAN,
	INPATH_SIDE_WAN,
};

/* Facts about a packet that are not in its bytes. */
struct inpath_meta {
	enum inpath_source source;
	enum inpath_side in_side;
	enum inpath_side out_side;
	uint32_t in_ifindex;  /* 0: none */
	uint32_t out_ifindex; /* 0: none */
	uint32_t mark;        /* the packet's netfilter mark */
	bool routed_by_in;    /* its route depends on in_ifindex: no probe can follow it */
	bool has_mac;         /* `mac` is the sender's hardware address */
	bool last;       /* no packet waits behind this one: a rest asked now overtakes nothing */
	uint32_t missed; /* packets that the queue passed unseen since the previous one */
	struct inpath_mac mac; /* valid if has_mac */
};

/*
 * What to do with a packet. Bits of `mask` in the packet's mark become those of `mark`; all other
 * bits stay. A dropped packet needs no mark.
 */
struct inpath_verdict {
	bool drop;
	uint32_t mark;
	uint32_t mask;
};

#endif
