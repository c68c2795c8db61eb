/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/netsim/ip.h"

#include <string.h>

enum {
	HEAD4 = 20,
	HEAD6 = 40,
	HOP_BY_HOP = 0,
	ROUTING = 43,
	FRAGMENT = 44,
	DESTINATION = 60,
	OPTION_SACK = 5,
	OPTION_STAMPS = 8,
};

uint16_t ip_get16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

uint32_t ip_get32(const uint8_t *at)
{
	return (uint32_t)ip_get16(at) << 16 | ip_get16(at + 2);
}

void ip_put16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

void ip_put32(uint8_t *at, uint32_t value)
{
	ip_put16(at, value >> 16);
	ip_put16(at + 2, value);
}

static bool read4(const uint8_t *p, size_t len, struct ip_view *out)
{
	size_t head = (size_t)(p[0] & 15) * 4;
	size_t total = len < 4 ? 0 : ip_get16(p + 2);
	uint16_t part;

	if (len < HEAD4 || head < HEAD4 || head > len || total < head)
		return false;
	part = ip_get16(p + 6);
	out->proto = p[9];
	out->fragment = (part & 0x3fff) != 0;
	out->tail = (part & 0x1fff) != 0;
	out->head = (uint16_t)head;
	out->len = (uint16_t)(total < len ? total : len);
	out->whole = total <= len;
	return true;
}

/* RFC 8200 section 4: the extension headers that a router or a NAT may meet. */
static bool read6(const uint8_t *p, size_t len, struct ip_view *out)
{
	size_t head = HEAD6;
	size_t total;
	uint8_t next;

	if (len < HEAD6)
		return false;
	total = HEAD6 + (size_t)ip_get16(p + 4);
	out->whole = total <= len;
	if (total < len)
		len = total;
	for (next = p[6];
		next == HOP_BY_HOP || next == ROUTING || next == FRAGMENT || next == DESTINATION;) {
		if (len - head < 8)
			return false;
		if (next == FRAGMENT) {
			out->fragment = true;
			out->tail = (ip_get16(p + head + 2) & 0xfff8) != 0;
		}
		next = p[head];
		head += next == FRAGMENT || out->tail ? 8 : 8 + (size_t)p[head + 1] * 8;
		if (head > len)
			return false;
		if (out->tail)
			break;
	}
	out->proto = next;
	out->head = (uint16_t)head;
	out->len = (uint16_t)(len > UINT16_MAX ? UINT16_MAX : len);
	return true;
}

bool ip_read(const uint8_t *packet, size_t len, struct ip_view *out)
{
	struct ip_view v = { 0 };
	bool good = false;

	if (len > 0) {
		v.version = packet[0] >> 4;
		good = v.version == 4   ? read4(packet, len, &v)
		       : v.version == 6 ? read6(packet, len, &v)
					: false;
	}
	if (good)
		*out = v;
	return good;
}

/* RFC 9293 3.2, RFC 2018 section 3, RFC 7323 3.2. */
static void read_options(const uint8_t *p, uint16_t at, uint16_t end, struct ip_tcp *out)
{
	while (at < end && p[at] != 0) {
		uint8_t len;

		if (p[at] == 1) {
			at++;
			continue;
		}
		if (end - at < 2 || p[at + 1] < 2 || p[at + 1] > end - at)
			return;
		len = p[at + 1];
		if (p[at] == OPTION_STAMPS && len == 10)
			out->stamps = (uint16_t)(at + 2);
		if (p[at] == OPTION_SACK && len >= 10) {
			out->sack = (uint16_t)(at + 2);
			out->sack_count = (uint8_t)((len - 2) / 8);
		}
		at = (uint16_t)(at + len);
	}
}

bool ip_read_tcp(const uint8_t *packet, const struct ip_view *ip, struct ip_tcp *out)
{
	const uint8_t *tcp = packet + ip->head;
	struct ip_tcp t = { 0 };
	uint16_t size;

	if (ip->proto != INPATH_PROTO_TCP || ip->tail || ip->len - ip->head < 20)
		return false;
	size = (uint16_t)((tcp[12] >> 4) * 4);
	if (size < 20 || size > ip->len - ip->head)
		return false;
	t.seq = ip_get32(tcp + 4);
	t.ack = ip_get32(tcp + 8);
	t.flags = tcp[13];
	t.window = ip_get16(tcp + 14);
	t.payload = (uint16_t)(ip->head + size);
	t.payload_len = (uint16_t)(ip->len - t.payload);
	read_options(packet, (uint16_t)(ip->head + 20), t.payload, &t);
	*out = t;
	return true;
}

bool ip_is_error(const uint8_t *packet, const struct ip_view *ip)
{
	uint8_t type;

	if (ip->tail || ip->len <= ip->head)
		return false;
	type = packet[ip->head];
	if (ip->proto == INPATH_PROTO_ICMPV6)
		return type < 128;
	return ip->proto == INPATH_PROTO_ICMP &&
	       (type == 3 || type == 4 || type == 5 || type == 11 || type == 12);
}

uint16_t ip_port_at(const uint8_t *packet, const struct ip_view *ip, bool source)
{
	uint16_t at = ip->head;

	if (ip->tail)
		return 0;
	switch (ip->proto) {
	case INPATH_PROTO_TCP:
	case INPATH_PROTO_UDP: at = (uint16_t)(at + (source ? 0 : 2)); break;
	case INPATH_PROTO_ICMP:
		/* An echo goes out with an id, and comes back with it. */
		if (ip->len <= ip->head || packet[at] != (source ? 8 : 0))
			return 0;
		at = (uint16_t)(at + 4);
		break;
	default: return 0;
	}
	return ip->len - at >= 2 ? at : 0;
}

struct ip_flow ip_flow_of(const uint8_t *packet, const struct ip_view *ip)
{
	struct ip_flow flow = { .proto = ip->proto, .version = ip->version };
	size_t size = ip->version == 4 ? 4 : 16;

	memcpy(flow.src, packet + (ip->version == 4 ? 12 : 8), size);
	memcpy(flow.dst, packet + (ip->version == 4 ? 16 : 24), size);
	if (!ip->fragment && ip->len - ip->head >= 4 &&
		(ip->proto == INPATH_PROTO_TCP || ip->proto == INPATH_PROTO_UDP)) {
		flow.sport = ip_get16(packet + ip->head);
		flow.dport = ip_get16(packet + ip->head + 2);
	}
	return flow;
}

struct ip_flow ip_flow_reversed(const struct ip_flow *flow)
{
	struct ip_flow back = *flow;

	memcpy(back.src, flow->dst, sizeof(back.src));
	memcpy(back.dst, flow->src, sizeof(back.dst));
	back.sport = flow->dport;
	back.dport = flow->sport;
	return back;
}

struct inpath_addr ip_addr(uint8_t version, const uint8_t *bytes)
{
	struct inpath_addr addr = { .family = version };

	memcpy(addr.bytes, bytes, version == 4 ? 4 : 16);
	return addr;
}

uint8_t ip_ttl(const uint8_t *packet)
{
	return packet[0] >> 4 == 4 ? packet[8] : packet[7];
}

uint8_t ip_tos(const uint8_t *packet)
{
	return packet[0] >> 4 == 4 ? packet[1] : (uint8_t)(ip_get16(packet) >> 4);
}

uint32_t ip_label(const uint8_t *packet)
{
	return packet[0] >> 4 == 4 ? 0 : ip_get32(packet) & 0xfffff;
}
