/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/engine/extension.h"

#include "gateway/engine/cursor.h"

/* RFC 4884 7. */
enum {
	VERSION = 2,
	HEAD = 4, /* of the structure, and of each object */
	WORD = 4,
	SUM_NONE = 0, /* no checksum was transmitted */
};

/* Objects: class and type. RFC 4950 3, RFC 5837 4. */
enum {
	CLASS_MPLS = 1,
	MPLS_INCOMING = 1,
	CLASS_INTERFACE = 2,
};

/* RFC 5837 4.1: what an interface object holds, by bits of its type, in this order. */
enum {
	INTERFACE_INDEX = 0x08,
	INTERFACE_ADDR = 0x04,
	INTERFACE_NAME = 0x02,
	INTERFACE_MTU = 0x01,
	INTERFACE_ROLE_SHIFT = 6,
};

/* RFC 5837 4.2: address families. */
enum {
	AFI_IPV4 = 1,
	AFI_IPV6 = 2,
};

/* RFC 1071: the sum of bytes that hold their own checksum is all ones. */
static bool sum_is_right(struct cursor in)
{
	uint32_t sum = 0;
	uint16_t word;
	uint8_t last;

	while (cursor_u16(&in, &word)) {
		sum += word;
		sum = (sum & 0xffff) + (sum >> 16);
	}
	if (cursor_u8(&in, &last))
		sum += (uint32_t)last << 8;
	return (sum & 0xffff) + (sum >> 16) == 0xffff;
}

/* Passes over the structure's header, if it can be believed. */
static bool head_read(struct cursor *in, bool announced)
{
	struct cursor whole = *in;
	uint16_t version, sum;

	if (!cursor_u16(in, &version) || !cursor_u16(in, &sum) || version >> 12 != VERSION)
		return false;
	return sum == SUM_NONE ? announced : sum_is_right(whole);
}

/* RFC 4950 3, RFC 3032 2.1. */
static void mpls_read(struct cursor in, struct extension *e)
{
	uint32_t entry;

	while (e->mpls_count < INPATH_MPLS_ENTRIES && cursor_u32(&in, &entry))
		e->mpls[e->mpls_count++] = (struct inpath_mpls){
			.label = entry >> 12,
			.tc = entry >> 9 & 7,
			.bottom = entry >> 8 & 1,
			.ttl = (uint8_t)entry,
		};
}

/* RFC 5837 4.2. */
static bool addr_read(struct cursor *in, struct inpath_addr *addr)
{
	uint16_t family, reserved;

	if (!cursor_u16(in, &family) || !cursor_u16(in, &reserved))
		return false;
	if (family == AFI_IPV4) {
		addr->family = INPATH_AF_INET;
		return cursor_bytes(in, addr->bytes, 4);
	}
	addr->family = INPATH_AF_INET6;
	return family == AFI_IPV6 && cursor_bytes(in, addr->bytes, 16);
}

/* RFC 5837 4.3: the length counts its own byte; zeros fill the last word. `name` is zero before. */
static bool name_read(struct cursor *in, char name[INPATH_INTERFACE_NAME + 1])
{
	uint8_t len;

	if (!cursor_u8(in, &len) || len == 0 || len % WORD || len > INPATH_INTERFACE_NAME + 1)
		return false;
	return cursor_bytes(in, name, len - 1U);
}

/* RFC 5837 4.1. False if the object cannot hold what its type says. */
static bool interface_read(struct cursor in, uint8_t type, struct inpath_interface *i)
{
	i->told = true;
	i->role = (enum inpath_interface_role)(type >> INTERFACE_ROLE_SHIFT);
	return (!(type & INTERFACE_INDEX) || cursor_u32(&in, &i->index)) &&
	       (!(type & INTERFACE_ADDR) || addr_read(&in, &i->addr)) &&
	       (!(type & INTERFACE_NAME) || name_read(&in, i->name)) &&
	       (!(type & INTERFACE_MTU) || cursor_u32(&in, &i->mtu));
}

static void object_read(struct cursor in, uint8_t class, uint8_t type, struct extension *e)
{
	struct inpath_interface interface = { 0 };

	if (class == CLASS_MPLS && type == MPLS_INCOMING && !e->mpls_count)
		mpls_read(in, e);
	if (class != CLASS_INTERFACE || !interface_read(in, type, &interface))
		return;
	if (!e->interface.told ||
		(interface.role == INPATH_INTERFACE_IN && e->interface.role != INPATH_INTERFACE_IN))
		e->interface = interface;
}

/* Splits the next object off: its class, its type and what it holds. */
static bool object_split(struct cursor *in, uint8_t *class, uint8_t *type, struct cursor *body)
{
	uint16_t len;

	return cursor_u16(in, &len) && len >= HEAD && len % WORD == 0 && cursor_u8(in, class) &&
	       cursor_u8(in, type) && cursor_split(in, len - (size_t)HEAD, body);
}

bool extension_parse(const uint8_t *bytes, size_t len, bool announced, struct extension *out)
{
	struct cursor in = cursor_over(bytes, len), body;
	struct extension e = { 0 };
	uint8_t class, type;

	if (!head_read(&in, announced))
		return false;
	while (object_split(&in, &class, &type, &body))
		object_read(body, class, type, &e);
	*out = e;
	return true;
}
