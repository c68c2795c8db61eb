/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * extension: the ICMP extension structure (RFC 4884 7): a router's MPLS label stack (RFC 4950) and
 * the interface that a packet came in by (RFC 5837).
 *
 * Reads through the cursor only, publishes only what it believes, keeps nothing. Says what the
 * router told, a name's bytes included: whoever writes them must escape them.
 */
#ifndef EXTENSION_H
#define EXTENSION_H

#include "inpath/record.h"

struct extension {
	uint8_t mpls_count;
	struct inpath_mpls mpls[INPATH_MPLS_ENTRIES]; /* the top of the stack first */
	struct inpath_interface interface;            /* `told` if there was one */
};

/*
 * Parses the structure at `bytes`, which ends where the message does (struct packet's `extensions`).
 * True if its version is 2 and its checksum is right. A checksum field of zero says that none was
 * sent, and is taken as right only where a length field announced the extensions: anywhere else
 * nothing but the checksum tells them from a quote. On false `*out` is untouched. No bytes (NULL and
 * 0) are no structure.
 *
 * Of several label stacks the first counts, of its entries the first INPATH_MPLS_ENTRIES. Of
 * several interfaces that of role "in" counts, else the first. Objects of other kinds, and an
 * interface whose parts do not fit its object, are passed over. An object whose own length is
 * less than its header, not in words or beyond the end ends the parse: where the next one begins is
 * not known. What was whole before it counts. What counts nowhere is zero in `*out`.
 */
bool extension_parse(const uint8_t *bytes, size_t len, bool announced, struct extension *out);

#endif
