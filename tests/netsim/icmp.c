/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/netsim/icmp.h"

#include <string.h>

enum {
	ICMP_HEAD = 8,
	QUOTE_PADDED = 128, /* RFC 4884 section 4: at least so much, padded with zeros */
	ERROR_MAX_4 = 576,  /* RFC 1812 4.3.2.3 */
	EXTENSIONS_MAX = 256,
	CLASS_MPLS = 1,
	CLASS_INTERFACE = 2,
	ROLE_INCOMING = 0 << 6, /* RFC 5837 4.1 */
	HAS_INDEX = 8,
	HAS_ADDR = 4,
	HAS_NAME = 2,
	HAS_MTU = 1,
};

static const struct {
	uint8_t type;
	uint8_t code;
} errors[2][REFUSAL_ADMIN + 1] = {
	{
		[REFUSAL_NONE] = { 11, 0 },
		[REFUSAL_NET] = { 3, 0 },
		[REFUSAL_HOST] = { 3, 1 },
		[REFUSAL_PROTOCOL] = { 3, 2 },
		[REFUSAL_PORT] = { 3, 3 },
		[REFUSAL_ADMIN] = { 3, 13 },
	},
	{
		[REFUSAL_NONE] = { 3, 0 },
		[REFUSAL_NET] = { 1, 0 },
		[REFUSAL_HOST] = { 1, 3 },
		[REFUSAL_PROTOCOL] = { 4, 1 },
		[REFUSAL_PORT] = { 1, 4 },
		[REFUSAL_ADMIN] = { 1, 1 },
	},
};

static size_t put_object(uint8_t *out, size_t len, uint8_t class, uint8_t kind)
{
	ip_put16(out, (uint32_t)len);
	out[2] = class;
	out[3] = kind;
	return len;
}

/* RFC 4950 section 3. */
static size_t put_labels(const struct topology_router *r, uint8_t *out)
{
	size_t len = 4;

	for (uint8_t i = 0; i < r->label_count; i++, len += 4) {
		const struct topology_label *l = &r->labels[i];
		uint32_t bottom = i + 1 == r->label_count;

		ip_put32(out + len, l->label << 12 | (uint32_t)l->tc << 9 | bottom << 8 | l->ttl);
	}
	return put_object(out, len, CLASS_MPLS, 1);
}

/* RFC 5837 section 4: index, address, name, MTU, in this order. */
static size_t put_interface(const struct topology_router *r, unsigned family, uint8_t *out)
{
	size_t name = strlen(r->interface);
	size_t size = family ? 16 : 4;
	uint8_t kind = ROLE_INCOMING | HAS_ADDR | HAS_NAME;
	size_t len = 4;

	if (r->interface_index) {
		kind |= HAS_INDEX;
		ip_put32(out + len, r->interface_index);
		len += 4;
	}
	ip_put16(out + len, family ? 2 : 1);
	ip_put16(out + len + 2, 0);
	memcpy(out + len + 4, r->addr[family].bytes, size);
	len += 4 + size;
	/* The length counts itself and the padding. */
	size = (1 + name + 3) / 4 * 4;
	memset(out + len, 0, size);
	out[len] = (uint8_t)size;
	memcpy(out + len + 1, r->interface, name);
	len += size;
	if (r->interface_mtu) {
		kind |= HAS_MTU;
		ip_put32(out + len, r->interface_mtu);
		len += 4;
	}
	return put_object(out, len, CLASS_INTERFACE, kind);
}

/* RFC 4884 section 7. Returns the length, 0 if there is nothing to say. */
static size_t put_extensions(const struct topology_router *r, unsigned family, uint8_t *out)
{
	size_t len = 4;
	uint16_t sum;

	if (r->label_count == 0 && !r->has_interface)
		return 0;
	ip_put32(out, 0x20000000);
	if (r->label_count)
		len += put_labels(r, out + len);
	if (r->has_interface)
		len += put_interface(r, family, out + len);
	sum = (uint16_t)~ip_fold(ip_sum(0, out, len));
	if (r->extensions == EXTENSIONS_BADSUM)
		sum ^= 0x5a5a;
	/* A sum of 0 would say that there is none. */
	ip_put16(out + 2, sum == 0 ? 0xffff : sum);
	return len;
}

/*
 * The quote, and what the length field says of it (in its own unit). `room` is what there is for the quote,
 * `extended` that extensions follow.
 */
static size_t put_quote(const struct topology_router *r, const uint8_t *packet,
	const struct ip_view *ip, size_t room, bool extended, uint8_t *out, uint8_t *told)
{
	size_t unit = ip->version == 4 ? 4 : 8;
	size_t head = ip->version == 4 ? ip->head : 40;
	size_t len = ip->len - head > r->quote ? head + r->quote : ip->len;
	size_t padded;

	*told = 0;
	if (extended && r->extensions == EXTENSIONS_LEGACY)
		room = QUOTE_PADDED;
	if (extended && r->extensions == EXTENSIONS_UNPADDED)
		room = QUOTE_PADDED - unit;
	if (len > room)
		len = room;
	memcpy(out, packet, len);
	if (!extended)
		return len;
	padded = (len + unit - 1) / unit * unit;
	if (padded > room)
		padded = room / unit * unit;
	if (r->extensions != EXTENSIONS_UNPADDED && padded < QUOTE_PADDED)
		padded = QUOTE_PADDED;
	if (padded > len)
		memset(out + len, 0, padded - len);
	switch (r->extensions) {
	case EXTENSIONS_LEGACY: break;
	case EXTENSIONS_OVERLONG: *told = UINT8_MAX; break;
	case EXTENSIONS_GOOD:
	case EXTENSIONS_UNPADDED:
	case EXTENSIONS_BADSUM: *told = (uint8_t)(padded / unit); break;
	}
	return padded;
}

static size_t put_head(const struct topology_router *r, const uint8_t *packet,
	const struct ip_view *ip, uint8_t ttl, uint16_t id, uint8_t *out)
{
	unsigned family = ip->version == 6;
	const struct inpath_addr *from =
		r->from[family].family ? &r->from[family] : &r->addr[family];

	if (!family) {
		memset(out, 0, 20);
		out[0] = 0x45;
		out[1] = 0xc0; /* RFC 1812 4.3.2.5: internetwork control */
		ip_put16(out + 4, id);
		out[8] = ttl;
		out[9] = INPATH_PROTO_ICMP;
		memcpy(out + 12, from->bytes, 4);
		memcpy(out + 16, packet + 12, 4);
		return 20;
	}
	memset(out, 0, 40);
	out[0] = 0x60;
	out[6] = INPATH_PROTO_ICMPV6;
	out[7] = ttl;
	memcpy(out + 8, from->bytes, 16);
	memcpy(out + 24, packet + 8, 16);
	return 40;
}

size_t icmp_error(const struct topology_router *r, enum refusal what, const uint8_t *packet,
	const struct ip_view *ip, uint8_t ttl, uint16_t id, uint8_t *out)
{
	unsigned family = ip->version == 6;
	uint8_t extensions[EXTENSIONS_MAX];
	/* RFC 4884 does not extend ICMPv6 parameter problems; their pointer names the next header's field. */
	bool pointer = family && what == REFUSAL_PROTOCOL;
	size_t extra = pointer ? 0 : put_extensions(r, family, extensions);
	size_t head = put_head(r, packet, ip, ttl, id, out);
	uint8_t *icmp = out + head;
	size_t room = (family ? ICMP_ERROR_MAX : ERROR_MAX_4) - head - ICMP_HEAD - extra;
	struct ip_view made;
	size_t len;
	uint8_t told;

	memset(icmp, 0, ICMP_HEAD);
	icmp[0] = errors[family][what].type;
	icmp[1] = errors[family][what].code;
	len = head + ICMP_HEAD;
	len += put_quote(r, packet, ip, room, extra > 0, icmp + ICMP_HEAD, &told);
	icmp[family ? 4 : 5] = told;
	if (pointer)
		ip_put32(icmp + 4, 6);
	memcpy(out + len, extensions, extra);
	len += extra;
	if (family)
		ip_put16(out + 4, (uint32_t)(len - 40));
	else
		ip_put16(out + 2, (uint32_t)len);
	ip_read(out, len, &made);
	ip_seal(out, &made);
	return len;
}
