/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nat: carriers' NATs, IPv4. A source becomes the NAT's address and a port of its own; what comes back for
 * that address and port is translated back. All translation back is done where a packet is handed to
 * the gateway: where on the way back it happens can be seen by nobody.
 *
 * Owns:   the mappings; they are never forgotten.
 * Time:   none.
 */
#ifndef NETSIM_NAT_H
#define NETSIM_NAT_H

#include "gateway/engine/hash.h"
#include "tests/netsim/ip.h"
#include "tests/netsim/topology.h"

struct nat_mapping {
	uint8_t inside[4];
	uint8_t outside[4];
	uint16_t inside_port;
	uint16_t outside_port;
	uint8_t proto;
	uint16_t router;     /* index */
	int32_t next_inside; /* in the lists of the tables below */
	int32_t next_outside;
};

enum {
	NAT_LISTS = 4096
};

struct nat {
	struct hash_key key;
	struct nat_mapping *mappings;
	int32_t count;
	int32_t capacity;
	int32_t inside[NAT_LISTS]; /* one more than the first mapping's index; 0: none */
	int32_t outside[NAT_LISTS];
};

void nat_init(struct nat *n, uint64_t seed);
void nat_free(struct nat *n);

/* What a NAT router makes of a source; makes the mapping if it is new. */
const struct nat_mapping *nat_map(struct nat *n, const struct topology *t, uint16_t router,
	const uint8_t addr[4], uint16_t port, uint8_t proto);

/* What is added to a client's sequence numbers. */
uint32_t nat_shift(const struct nat *n, const struct topology *t, const struct nat_mapping *m,
	const uint8_t server[4], uint16_t server_port);

/* Translates a packet on its way to a server. Returns what was added to its sequence number. */
uint32_t nat_out(struct nat *n, const struct topology *t, uint16_t router, uint8_t *packet,
	const struct ip_view *ip);

/* Translates a packet back, through as many NATs as it takes. */
void nat_back(
	const struct nat *n, const struct topology *t, uint8_t *packet, const struct ip_view *ip);

#endif
