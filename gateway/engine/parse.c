/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/engine/parse.h"

#include "gateway/engine/parse_part.h"
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
	TCP_HEAD = 20,
	UDP_HEAD = 8,
};

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

enum parse_result parse_quoted_ip(struct view *v, uint8_t family, struct ip *ip)
{
	enum parse_result r = ip_head(v, ip);

	if (r == PARSE_OK && ip->family != family)
		r = PARSE_MALFORMED;
	if (r == PARSE_OK)
		r = ip_extras(v, ip);
	if (r == PARSE_FRAGMENT || (r == PARSE_OK && ip->fragment & FRAGMENT_OFFSET))
		r = PARSE_MALFORMED;
	return r;
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

static enum parse_result transport_parse(struct view *v, bool bare, struct packet *p)
{
	enum parse_result r;

	if (p->proto == (p->family == INPATH_AF_INET6 ? INPATH_PROTO_ICMPV6 : INPATH_PROTO_ICMP))
		return parse_icmp(v, p);
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

bool parse_ends(const uint8_t *bytes, size_t caplen, struct packet *out)
{
	struct view v = { .in = cursor_over(bytes, caplen), .len = caplen };
	struct ip ip = { 0 };
	uint16_t src, dst;

	if (ip_head(&v, &ip) != PARSE_OK || ip_extras(&v, &ip) != PARSE_OK ||
		(ip.proto != INPATH_PROTO_TCP && ip.proto != INPATH_PROTO_UDP) ||
		!cursor_u16(&v.in, &src) || !cursor_u16(&v.in, &dst))
		return false;
	out->proto = ip.proto;
	out->src = ip.src;
	out->dst = ip.dst;
	out->src_port = src;
	out->dst_port = dst;
	return true;
}

/* Nothing of the quote, which few packets have: to clear and copy it too was a seventh of a parse (callgrind). */
static void packet_begin(struct packet *p, const struct ip *ip)
{
	p->family = ip->family;
	p->proto = ip->proto;
	p->tos = ip->tos;
	p->ttl = ip->ttl;
	p->dont_fragment = ip->fragment & FRAGMENT_DF;
	p->ip_id = ip->id;
	p->flow_label = ip->flow_label;
	p->src = ip->src;
	p->dst = ip->dst;
	p->src_port = p->dst_port = 0;
	p->tcp = (struct tcp_header){ 0 };
	p->icmp_type = p->icmp_code = 0;
	p->icmp_error = p->extensions_announced = false;
	p->payload = p->extensions = NULL;
	p->payload_caplen = p->payload_len = p->extensions_len = 0;
}

static void packet_publish(struct packet *out, const struct packet *p)
{
	memcpy(out, p, offsetof(struct packet, quote));
	if (p->icmp_error)
		out->quote = p->quote;
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

	packet_begin(&p, &ip);
	r = transport_parse(&v, ip.bare, &p);
	if (r == PARSE_OK)
		packet_publish(out, &p); /* only a whole parse */
	return r;
}
