/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * udp: one UDP flow as seen from the middle: whether it is QUIC, what a probe of it must look like,
 * and how long each side takes to answer.
 *
 *	       client (LAN)                gateway                server (WAN)
 *	       Initial ----------------------------------------->             first_at
 *	                             <--------------------------- long header: e2e_ns
 *	       spin flips ---------------------------------------->           up_edge
 *	                             <--------------------------- flips, too: e2e_ns; down_edge
 *	       flips back ---------------------------------------->           lan_ns
 *
 * Owns:   nothing; a flow embeds it by value. All zero is a flow of which nothing was seen.
 * Time:   `now` is when the kernel took the packet.
 */
#ifndef UDP_H
#define UDP_H

#include "gateway/engine/parse.h"
#include "gateway/engine/quic_header.h"
#include "gateway/engine/quic_initial.h"
#include "inpath/types.h"

/* Spin of one direction (RFC 9000 17.4). */
struct udp_spin {
	bool known;
	bool value;
	inpath_time edge; /* when it flipped; 0: answered, or not yet */
};

struct udp_flow {
	bool quic; /* it began as a QUIC connection does */
	bool client_short; /* a short header came from the client: `first` and `dcid` are its newest one's */
	bool server_short; /* ... from the server */
	bool server_seen;
	bool heard; /* the server has spoken since the last silence: so conntrack knows both ways */
	bool dont_fragment;
	bool spin_false;     /* an answer to a flip came sooner than it can: it does not spin */
	bool first_repeated; /* the client began twice: its first packet times nothing */
	bool has_keys;       /* `keys` are those of the client's Initials */
	uint8_t opened;      /* Initials on which work was spent */
	uint8_t tos;         /* of the client's newest packet */
	uint8_t server_ttl;  /* of the server's newest packet, as the gateway forwards it */
	uint8_t first;
	struct quic_cid dcid;
	struct quic_ids ids;
	uint32_t flow_label;
	struct udp_spin client_spin;
	struct udp_spin server_spin;
	inpath_time newest; /* of either side's packets */
	inpath_time up_edge;
	inpath_time down_edge;
	uint64_t e2e_ns; /* the least since udp_timing_reset; 0 none */
	uint64_t lan_ns;
	uint64_t handshake_ns; /* the server's RTT from its first answer; 0 unknown */
	inpath_time first_at;
	struct quic_keys keys;
};

/* Takes a datagram of the flow. */
void udp_track(struct udp_flow *u, const struct packet *p, bool from_client, inpath_time now);

/* Hops from the gateway to the server, inferred from the TTL of its packets; 0 unknown. */
uint8_t udp_distance(const struct udp_flow *u);

/* The flow comes back from rest: what was half measured is void. */
void udp_was_unseen(struct udp_flow *u);

/* A new armed period: the least RTTs start afresh. */
void udp_timing_reset(struct udp_flow *u);

#endif
