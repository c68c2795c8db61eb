/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * parse_icmp: ICMP and ICMPv6 errors, the packet that they quote, and where extensions follow it.
 */
#include "gateway/engine/parse_part.h"

enum {
	QUOTED_TRANSPORT = 8,   /* RFC 792: all that a quote promises */
	RFC4884_DATAGRAM = 128, /* RFC 4884 3: the least that a length field may say */
	TCP_OFFSET = 12,
	TCP_SUM = 16,           /* where TCP's checksum stands */
	QUOTED_MAX = UINT8_MAX, /* as much as is counted */
};

static bool all_zero(struct cursor in)
{
	uint8_t byte;

	while (cursor_u8(&in, &byte))
		if (byte)
			return false;
	return true;
}

/*
 * Where the first `n` bytes of a transport packet are a router's quote and its padding, how many
 * are the quote. Padding is zeros, and so may the packet's own bytes be: only where all is zero
 * from the end of a length that routers use on, the rest is taken for padding.
 */
static size_t without_padding(struct cursor in, size_t n)
{
	static const uint8_t usual[] = { QUOTED_TRANSPORT, 20, 28 };

	for (size_t i = 0; i < sizeof(usual) && usual[i] < n; i++) {
		struct cursor rest = { in.at, n };

		if (cursor_skip(&rest, usual[i]) && all_zero(rest))
			return usual[i];
	}
	return n;
}

/*
 * Is what stands behind the first 8 of these `n` bytes a TCP header's rest? No header is shorter than
 * 5 words (RFC 9293 3.1): padding is, even where a NAT "repaired" the checksum within it.
 */
static bool tcp_header_follows(struct cursor in, size_t n)
{
	uint8_t offset;

	return n <= TCP_OFFSET ||
	       (cursor_skip(&in, TCP_OFFSET) && cursor_u8(&in, &offset) && offset >> 4 >= 5);
}

/*
 * How much of the transport's packet is quoted at `v`, from its header on. `said` is what the
 * message's length field says, 0 without one; `head_len` bytes of that stand before `v`.
 */
static void quote_measure(const struct view *v, size_t said, size_t head_len, struct quote *q)
{
	struct cursor in = v->in;
	size_t n = in.left < QUOTED_MAX ? in.left : QUOTED_MAX;
	/* A length that was rewritten may deny even what is there. */
	size_t own = q->payload_len > QUOTED_TRANSPORT ? q->payload_len : QUOTED_TRANSPORT;

	if (n > own)
		n = own;
	/* Some put extensions right behind a quote that is shorter than RFC 4884 wants it. */
	if (said && said < RFC4884_DATAGRAM) {
		size_t most = said > head_len ? said - head_len : 0;

		if (most < QUOTED_TRANSPORT)
			most = QUOTED_TRANSPORT;
		n = n < most ? n : most;
	}
	if (said || v->len > own)
		n = without_padding(in, n);
	if (q->proto == INPATH_PROTO_TCP && !tcp_header_follows(in, n))
		n = QUOTED_TRANSPORT;
	q->quoted = (uint8_t)n;
	q->has_sum = q->proto == INPATH_PROTO_TCP && n >= TCP_SUM + 2 &&
		     cursor_skip(&in, TCP_SUM) && cursor_u16(&in, &q->sum);
}

/*
 * RFC 792, RFC 4443 2.4 (c): the packet that an error quotes. Its lengths are the router's word.
 * `said` is the message's length field, in bytes; 0 without one.
 */
static enum parse_result quote_parse(struct view *v, uint8_t family, uint32_t said, struct quote *q)
{
	struct ip ip = { 0 };
	struct view transport;
	struct cursor head;
	uint32_t word2, head_len;
	enum parse_result r = parse_quoted_ip(v, family, &ip);

	transport = *v;
	if (r == PARSE_OK)
		r = view_split(v, QUOTED_TRANSPORT, &head);
	if (r != PARSE_OK)
		return r;

	head_len = (family == INPATH_AF_INET6 ? IPV6_HEAD : IPV4_HEAD) + ip.extra_len;
	*q = (struct quote){
		.proto = ip.proto,
		.tos = ip.tos,
		.ttl = ip.ttl,
		.ip_id = ip.id,
		.flow_label = ip.flow_label,
		.len = ip.len,
		.payload_len = ip.len > head_len ? ip.len - head_len : 0,
		.src = ip.src,
		.dst = ip.dst,
	};
	quote_measure(&transport, said, head_len, q);
	if (ip.proto != INPATH_PROTO_TCP && ip.proto != INPATH_PROTO_UDP)
		return PARSE_OK;
	if (!cursor_u16(&head, &q->src_port) || !cursor_u16(&head, &q->dst_port) ||
		!cursor_u32(&head, &word2))
		return PARSE_SHORT;
	if (ip.proto == INPATH_PROTO_TCP)
		q->seq = word2;
	else
		q->checksum = (uint16_t)word2;
	return PARSE_OK;
}

static inline bool icmp_is_error(uint8_t family, uint8_t type)
{
	if (family == INPATH_AF_INET6)
		return type < 128;                                              /* RFC 4443 2.1 */
	return type == 3 || type == 4 || type == 5 || type == 11 || type == 12; /* RFC 792 */
}

/* RFC 4884 4: the messages that may have extensions. */
static bool icmp_extends(const struct packet *p)
{
	if (p->family == INPATH_AF_INET6)
		return p->icmp_type == 1 || p->icmp_type == 3;
	return p->icmp_type == 3 || p->icmp_type == 11 || p->icmp_type == 12;
}

/*
 * What the length field says of the quoted datagram, in bytes: RFC 4884 4.1 to 4.5, in words of
 * 32 bits (IPv4) or 64 (IPv6). 0 without one.
 */
static uint32_t icmp_said(const struct packet *p, uint32_t rest)
{
	if (!icmp_extends(p))
		return 0;
	return p->family == INPATH_AF_INET6 ? (rest >> 24) * 8 : (rest >> 16 & 0xff) * 4;
}

/*
 * Finds where extensions stand, and ends the quote there if the message says so. Without a length
 * they stand at 128 if at all (RFC 4884 5.5), and may as well be a part of a long quote: nothing
 * is cut off. A length that is too small to be one is a router's old habit: ignored.
 */
static void icmp_split(struct view *v, uint32_t said, struct packet *p)
{
	size_t at = said ? said : RFC4884_DATAGRAM;
	struct cursor in = v->in;

	if (at < RFC4884_DATAGRAM || !icmp_extends(p))
		return;
	if (cursor_skip(&in, at) && in.left) {
		p->extensions = in.at;
		p->extensions_len = (uint32_t)in.left;
		p->extensions_announced = said;
	}
	if (said)
		view_trim(v, said);
}

enum parse_result parse_icmp(struct view *v, struct packet *p)
{
	struct cursor head, rest;
	uint32_t word2, said;
	enum parse_result r = view_split(v, 4, &head);

	if (r != PARSE_OK)
		return r;
	if (!cursor_u8(&head, &p->icmp_type) || !cursor_u8(&head, &p->icmp_code))
		return PARSE_SHORT;
	p->icmp_error = icmp_is_error(p->family, p->icmp_type);
	if (!p->icmp_error)
		return PARSE_OK;
	r = view_split(v, 4, &rest);
	if (r != PARSE_OK)
		return r;
	if (!cursor_u32(&rest, &word2))
		return PARSE_SHORT;
	said = icmp_said(p, word2);
	icmp_split(v, said, p);
	return quote_parse(v, p->family, said, &p->quote);
}
