/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * parse_part: what the parts of the packet parser share. Private to parse.
 *
 * A part works on the packet's bytes through a view and fills its fields of the struct, which the
 * whole parse publishes or not.
 */
#ifndef PARSE_PART_H
#define PARSE_PART_H

#include "gateway/engine/cursor.h"
#include "gateway/engine/parse.h"

enum {
	IPV4_HEAD = 20,
	IPV6_HEAD = 40,
	FRAGMENT_DF = 0x4000,    /* IPv4 */
	FRAGMENT_MF = 0x2000,    /* IPv4 */
	FRAGMENT_OFFSET = 0x1fff /* IPv4, and here IPv6 too */
};

/* What is left of a packet: `in` is the captured part of `len` bytes. */
struct view {
	struct cursor in;
	size_t len;
};

/* An IP header, of the packet itself or of a quoted one. */
struct ip {
	uint8_t family;
	uint8_t proto;
	uint8_t tos;
	uint8_t ttl;
	uint16_t id;
	uint16_t fragment; /* as IPv4 writes it; IPv6's is put in the same form */
	uint32_t flow_label;
	uint32_t extra_len; /* of options and extension headers */
	uint32_t len;       /* as the header says; without a payload length it is `bare` */
	bool bare;
	struct inpath_addr src;
	struct inpath_addr dst;
};

/* Forgets all but the next `len` bytes. */
static inline void view_trim(struct view *v, size_t len)
{
	if (v->len > len)
		v->len = len;
	if (v->in.left > len)
		v->in.left = len;
}

/* Splits a header of `n` bytes off: malformed if the packet cannot hold it, short if it is cut. */
static inline enum parse_result view_split(struct view *v, size_t n, struct cursor *part)
{
	if (n > v->len)
		return PARSE_MALFORMED;
	if (!cursor_split(&v->in, n, part))
		return PARSE_SHORT;
	v->len -= n;
	return PARSE_OK;
}

/*
 * Passes over the IP header of a quoted packet, options and extension headers included, and says
 * what is in it; `*ip` is all zero before. Malformed if it is of another family, or of a fragment
 * other than the first.
 */
enum parse_result parse_quoted_ip(struct view *v, uint8_t family, struct ip *ip);

/* The ICMP or ICMPv6 message at `v`; p->family is set. RFC 792, RFC 4443 2.1. */
enum parse_result parse_icmp(struct view *v, struct packet *p);

#endif
