/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lattice: all ways to a service in one picture: routers in rows, TTL by TTL, in lanes where ways part,
 * joined by links that know whose they are. Pure.
 *
 *	row 0   o          the gateway
 *	row 1   o          hop 1
 *	row 2   o          hop 2: here two ways part
 *	row 3   |  o
 *	row 4   o          hop 3: and meet again
 *
 * A silent hop is a wildcard: it is taken for the router that answers there on the most used way that
 * is equal otherwise; where there is none it stands as a silent hop.
 *
 * Owns:   nothing; addresses point into the model's texts.
 * Output: bounded: the LATTICE_WAYS most used ways, LATTICE_LANES routers of a TTL, and one place
 *         for all others there.
 */
#ifndef CLI_LATTICE_H
#define CLI_LATTICE_H

#include "gateway/cli/digest.h"

enum {
	LATTICE_WAYS = 200,
	LATTICE_LANES = 6, /* and one for the rest */
	LATTICE_TTLS = 40,
	LATTICE_NODES = 160,
	LATTICE_LINKS = 640,
};

struct lattice_node {
	uint32_t ttl; /* 0: the gateway */
	uint32_t lane, row;
	const char *addr; /* not NUL-terminated; NULL: silent, or the gateway */
	uint32_t addr_len;
	uint32_t host;    /* text: the server's name; MODEL_NONE: no server, or no name */
	uint32_t routers; /* of `rest`: how many ways lead through it */
	uint8_t clients;  /* bits: whose ways lead through it */
	bool server, rest;
};

struct lattice_link {
	uint32_t from, to; /* nodes */
	uint8_t clients;
};

struct lattice {
	uint32_t node_count, link_count, lanes;
	uint32_t ways, ways_seen;
	struct lattice_node nodes[LATTICE_NODES]; /* by row */
	struct lattice_link links[LATTICE_LINKS];
};

/* All ways of the devices that are told of to one of d->services. False: no memory. */
bool lattice_draw(const struct digest *d, uint32_t service, struct lattice *out);

#endif
