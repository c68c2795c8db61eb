/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/engine/parse.h"

#include "gateway/engine/cursor.h"
#include "gateway/engine/tcp_options.h"

/* IPv6 extension headers (RFC 8200 4, RFC 4302), by protocol number. */
enum {
	EXT_HOP_BY_HOP = 0,
	EXT_ROUTING = 43,
	EXT_FRAGMENT = 44,
	EXT_AH = 51,
	EXT_DESTINATION = 60,
	EXT_MAX = 8, /* passed over in one packet; RFC 8200 4.1 has no use for more */
};

enum {
	IPV4_HEAD = 20,
	IPV6_HEAD = 40,
	TCP_HEAD = 20,
	UDP_HEAD = 8,
	QUOTED_TRANSPORT = 8,    /* RFC 792: all that a quote promises */
	RFC4884_DATAGRAM = 128,  /* RFC 4884 3: the least that a length field may say */
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

/* RFC 791 3.1. */
static enum parse_result ipv4_head(struct view *v, struct ip *ip)
{
	struct cursor head;
	uint8_t version_ihl;
	uint16_t len;

	if (!cursor_split(&v->in, IPV4_HEAD, &head) || !cursor_u8(&head, &version_ihl) ||
		!cursor_u8(&head, &ip->tos) || !cursor_u16(&head, &len) ||
		!cursor_u16(&head, &ip->id) || !cursor_u16(&head, &ip->fragment) ||
		!cursor_u8(&head, &ip->ttl) || !cursor_u8(&head, &ip->proto) ||
		!cursor_skip(&head, 2) || !cursor_bytes(&head, ip->src.bytes, 4) ||
		!cursor_bytes(&head, ip->dst.bytes, 4))
		return PARSE_SHORT;
	v->len -= IPV4_HEAD;
	if ((version_ihl & 15) < IPV4_HEAD / 4)
		return PARSE_MALFORMED;
	ip->extra_len = (version_ihl & 15u) * 4 - IPV4_HEAD;
	ip->len = len;
	ip->bare = len == 0;
	return PARSE_OK;
}

/* RFC 8200 3. */
static enum parse_result ipv6_head(struct view *v, struct ip *ip)
{
	struct cursor head;
	uint32_t first;
	uint16_t len;

	if (!cursor_split(&v->in, IPV6_HEAD, &head) || !cursor_u32(&head, &first) ||
		!cursor_u16(&head, &len) || !cursor_u8(&head, &ip->proto) ||
		!cursor_u8(&head, &ip->ttl) || !cursor_bytes(&head, ip->src.bytes, 16) ||
		!cursor_bytes(&head, ip->dst.bytes, 16))
		return PARSE_SHORT;
	v->len -= IPV6_HEAD;
	ip->tos = (uint8_t)(first >> 20);
	ip->flow_label = first & 0xfffff;
	ip->len = IPV6_HEAD + (uint32_t)len;
	ip->bare = len == 0;
	return PARSE_OK;
}

/* The fixed header; `ip` is all zero before. */
static enum parse_result ip_head(struct view *v, struct ip *ip)
{
	struct cursor peek = v->in;
	uint8_t first;

	if (!cursor_u8(&peek, &first))
		return PARSE_SHORT;
	ip->family = ip->src.family = ip->dst.family = first >> 4;
	switch (ip->family) {
	case INPATH_AF_INET: return ipv4_head(v, ip);
	case INPATH_AF_INET6: return ipv6_head(v, ip);
	}
	return PARSE_MALFORMED;
}

/* Lengths of extension headers: RFC 8200 4.3 to 4.6, RFC 4302 2.2; 0 if `proto` is none of them. */
static inline uint32_t extension_len(uint8_t proto, uint8_t len)
{
	switch (proto) {
	case EXT_HOP_BY_HOP:
	case EXT_ROUTING:
	case EXT_DESTINATION: return (len + 1u) * 8;
	case EXT_AH: return (len + 2u) * 4;
	case EXT_FRAGMENT: return 8;
	}
	return 0;
}

static enum parse_result ipv6_extensions(struct view *v, struct ip *ip)
{
	for (unsigned int i = 0; extension_len(ip->proto, 0); i++) {
		struct cursor head, peek = v->in;
		enum parse_result r;
		uint8_t next, len;
		uint16_t fragment;
		uint32_t head_len;

		if (i == EXT_MAX)
			return PARSE_UNSUPPORTED;
		if (v->len < 8)
			return PARSE_MALFORMED;
		if (!cursor_u8(&peek, &next) || !cursor_u8(&peek, &len) ||
			!cursor_u16(&peek, &fragment))
			return PARSE_SHORT;
		head_len = extension_len(ip->proto, len);
		r = view_split(v, head_len, &head);
		if (r != PARSE_OK)
			return r;
		if (ip->proto == EXT_FRAGMENT) {
			ip->fragment = (uint16_t)(fragment >> 3 | (fragment & 1 ? FRAGMENT_MF : 0));
			/* What follows a later fragment's header is the middle of something. */
			if (ip->fragment & FRAGMENT_OFFSET)
				return PARSE_FRAGMENT;
		}
		ip->extra_len += head_len;
		ip->proto = next;
	}
	return PARSE_OK;
}

/* Passes over what stands between the fixed header and the transport's. */
static inline enum parse_result ip_extras(struct view *v, struct ip *ip)
{
	struct cursor options;

	if (ip->family == INPATH_AF_INET6)
		return ipv6_extensions(v, ip);
	return view_split(v, ip->extra_len, &options);
}

/* RFC 9293 3.1. */
static enum parse_result tcp_parse(struct view *v, struct packet *p)
{
	struct cursor head, options;
	struct tcp_header *t = &p->tcp;
	uint16_t offset_flags;
	uint32_t head_len;
	enum parse_result r = view_split(v, TCP_HEAD, &head);

	if (r != PARSE_OK)
		return r;
	if (!cursor_u16(&head, &p->src_port) || !cursor_u16(&head, &p->dst_port) ||
		!cursor_u32(&head, &t->seq) || !cursor_u32(&head, &t->ack) ||
		!cursor_u16(&head, &offset_flags) || !cursor_u16(&head, &t->window))
		return PARSE_SHORT;
	t->flags = offset_flags & 0xfff;
	head_len = (offset_flags >> 12) * 4u;
	if (head_len < TCP_HEAD)
		return PARSE_MALFORMED;
	r = view_split(v, head_len - TCP_HEAD, &options);
	if (r != PARSE_OK)
		return r;
	tcp_options_read(options, t);
	return PARSE_OK;
}

/* RFC 768; RFC 2675 4: a packet too long for a length field has 0 in UDP's as well. */
static enum parse_result udp_parse(struct view *v, bool bare, struct packet *p)
{
	struct cursor head;
	uint16_t len;
	enum parse_result r = view_split(v, UDP_HEAD, &head);

	if (r != PARSE_OK)
		return r;
	if (!cursor_u16(&head, &p->src_port) || !cursor_u16(&head, &p->dst_port) ||
		!cursor_u16(&head, &len))
		return PARSE_SHORT;
	if (len == 0 && bare)
		return PARSE_OK;
	if (len < UDP_HEAD || len - (size_t)UDP_HEAD > v->len)
		return PARSE_MALFORMED;
	view_trim(v, len - (size_t)UDP_HEAD);
	return PARSE_OK;
}

/* RFC 792, RFC 4443 2.4 (c): the packet that an error quotes. Its lengths are the router's word. */
static enum parse_result quote_parse(struct view *v, uint8_t family, struct quote *q)
{
	struct ip ip = { 0 };
	struct cursor head;
	uint32_t word2, head_len;
	enum parse_result r = ip_head(v, &ip);

	if (r == PARSE_OK && ip.family != family)
		r = PARSE_MALFORMED;
	if (r == PARSE_OK)
		r = ip_extras(v, &ip);
	if (r == PARSE_FRAGMENT || (r == PARSE_OK && ip.fragment & FRAGMENT_OFFSET))
		r = PARSE_MALFORMED;
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

/*
 * Where the quoted datagram ends and extensions begin: RFC 4884 4.1 to 4.5, in words of 32 bits
 * (IPv4) or 64 (IPv6). A length that is too small to be one is a router's old habit: ignored.
 */
static void icmp_trim(struct view *v, uint8_t family, uint8_t type, uint32_t rest)
{
	uint32_t len = 0;

	if (family == INPATH_AF_INET && (type == 3 || type == 11 || type == 12))
		len = (rest >> 16 & 0xff) * 4;
	else if (family == INPATH_AF_INET6 && (type == 1 || type == 3))
		len = (rest >> 24) * 8;
	if (len >= RFC4884_DATAGRAM)
		view_trim(v, len);
}

/* RFC 792, RFC 4443 2.1. */
static enum parse_result icmp_parse(struct view *v, struct packet *p)
{
	struct cursor head, rest;
	uint32_t word2;
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
	icmp_trim(v, p->family, p->icmp_type, word2);
	return quote_parse(v, p->family, &p->quote);
}

static enum parse_result transport_parse(struct view *v, bool bare, struct packet *p)
{
	enum parse_result r;

	if (p->proto == (p->family == INPATH_AF_INET6 ? INPATH_PROTO_ICMPV6 : INPATH_PROTO_ICMP))
		return icmp_parse(v, p);
	if (p->proto == INPATH_PROTO_TCP)
		r = tcp_parse(v, p);
	else if (p->proto == INPATH_PROTO_UDP)
		r = udp_parse(v, bare, p);
	else
		return PARSE_UNSUPPORTED;

	p->payload = v->in.at;
	p->payload_caplen = (uint32_t)v->in.left;
	p->payload_len = (uint32_t)v->len;
	return r;
}

enum parse_result parse_packet(const uint8_t *bytes, size_t caplen, size_t len, struct packet *out)
{
	struct view v = { .in = cursor_over(bytes, caplen < len ? caplen : len), .len = len };
	struct ip ip = { 0 };
	struct packet p;
	enum parse_result r = ip_head(&v, &ip);

	if (r != PARSE_OK)
		return r;
	/* What the kernel put together may be too long for the header to say (GSO, RFC 2675). */
	if (!ip.bare) {
		uint32_t head_len = (uint32_t)(len - v.len);

		if (ip.len > len || ip.len < head_len)
			return PARSE_MALFORMED;
		view_trim(&v, ip.len - head_len);
	}
	r = ip_extras(&v, &ip);
	if (r != PARSE_OK)
		return r;
	if (ip.fragment & (FRAGMENT_MF | FRAGMENT_OFFSET))
		return PARSE_FRAGMENT;

	p = (struct packet){
		.family = ip.family,
		.proto = ip.proto,
		.tos = ip.tos,
		.ttl = ip.ttl,
		.dont_fragment = ip.fragment & FRAGMENT_DF,
		.ip_id = ip.id,
		.flow_label = ip.flow_label,
		.src = ip.src,
		.dst = ip.dst,
	};
	r = transport_parse(&v, ip.bare, &p);
	if (r == PARSE_OK)
		*out = p; /* publish only a whole parse */
	return r;
}
