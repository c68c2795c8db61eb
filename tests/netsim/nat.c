/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/netsim/nat.h"

#include <stdlib.h>
#include <string.h>

#include "tests/netsim/sched.h"

enum {
	PORT_FIRST = 1024,
	NATS_MAX = TOPOLOGY_HOPS
};

void nat_init(struct nat *n, uint64_t seed)
{
	memset(n, 0, sizeof(*n));
	n->key = (struct hash_key){ seed, 0x6e6174 };
}

void nat_free(struct nat *n)
{
	free(n->mappings);
	n->mappings = NULL;
	n->count = n->capacity = 0;
}

static uint64_t hash_end(const struct nat *n, const uint8_t addr[4], uint16_t port, uint8_t proto)
{
	uint8_t bytes[7];

	memcpy(bytes, addr, 4);
	ip_put16(bytes + 4, port);
	bytes[6] = proto;
	return hash_bytes(&n->key, bytes, sizeof(bytes));
}

static const struct nat_mapping *find_outside(
	const struct nat *n, const uint8_t addr[4], uint16_t port, uint8_t proto)
{
	int32_t i = n->outside[hash_end(n, addr, port, proto) % NAT_LISTS];

	for (; i; i = n->mappings[i - 1].next_outside) {
		const struct nat_mapping *m = &n->mappings[i - 1];

		if (m->outside_port == port && m->proto == proto &&
			memcmp(m->outside, addr, 4) == 0)
			return m;
	}
	return NULL;
}

static struct nat_mapping *add(struct nat *n)
{
	if (n->count == n->capacity) {
		n->capacity = n->capacity ? n->capacity * 2 : 64;
		n->mappings = must_alloc(n->mappings, (size_t)n->capacity * sizeof(*n->mappings));
	}
	return &n->mappings[n->count++];
}

const struct nat_mapping *nat_map(struct nat *n, const struct topology *t, uint16_t router,
	const uint8_t addr[4], uint16_t port, uint8_t proto)
{
	const uint8_t *outside = t->routers[router].nat_addr.bytes;
	uint64_t hash = hash_end(n, addr, port, proto);
	int32_t *list = &n->inside[hash % NAT_LISTS];
	uint16_t drawn = port ? (uint16_t)(PORT_FIRST + (hash >> 20) % (0x10000 - PORT_FIRST)) : 0;
	struct nat_mapping *m;

	for (int32_t i = *list; i; i = n->mappings[i - 1].next_inside) {
		m = &n->mappings[i - 1];
		if (m->router == router && m->inside_port == port && m->proto == proto &&
			memcmp(m->inside, addr, 4) == 0 && memcmp(m->outside, outside, 4) == 0)
			return m;
	}
	while (find_outside(n, outside, drawn, proto))
		drawn = drawn == UINT16_MAX ? PORT_FIRST : (uint16_t)(drawn + 1);
	m = add(n);
	*m = (struct nat_mapping){
		.inside_port = port, .outside_port = drawn, .proto = proto, .router = router
	};
	memcpy(m->inside, addr, 4);
	memcpy(m->outside, outside, 4);
	m->next_inside = *list;
	*list = n->count;
	list = &n->outside[hash_end(n, outside, drawn, proto) % NAT_LISTS];
	m->next_outside = *list;
	*list = n->count;
	return m;
}

uint32_t nat_shift(const struct nat *n, const struct topology *t, const struct nat_mapping *m,
	const uint8_t server[4], uint16_t server_port)
{
	uint8_t bytes[12];

	if (t->routers[m->router].nat_seq == NAT_SEQ_KEEP || m->proto != INPATH_PROTO_TCP)
		return 0;
	memcpy(bytes, m->outside, 4);
	ip_put16(bytes + 4, m->outside_port);
	memcpy(bytes + 6, server, 4);
	ip_put16(bytes + 10, server_port);
	return (uint32_t)hash_bytes(&n->key, bytes, sizeof(bytes)) | 1;
}

uint32_t nat_out(struct nat *n, const struct topology *t, uint16_t router, uint8_t *packet,
	const struct ip_view *ip)
{
	uint16_t port_at = ip_port_at(packet, ip, true);
	uint16_t port = port_at ? ip_get16(packet + port_at) : 0;
	const struct nat_mapping *m;
	struct ip_tcp tcp;
	uint32_t shift = 0;
	uint8_t bytes[4];

	if (ip->version != 4)
		return 0;
	m = nat_map(n, t, router, packet + 12, port, ip->proto);
	if (ip_read_tcp(packet, ip, &tcp)) {
		shift = nat_shift(n, t, m, packet + 16, ip_get16(packet + ip->head + 2));
		ip_put32(bytes, tcp.seq + shift);
		ip_patch(packet, ip, (uint16_t)(ip->head + 4), bytes, 4);
	}
	ip_set_addr(packet, ip, true, m->outside);
	if (port_at) {
		ip_put16(bytes, m->outside_port);
		ip_patch(packet, ip, port_at, bytes, 2);
	}
	return shift;
}

static void patch_port(uint8_t *packet, const struct ip_view *ip, uint16_t at, uint16_t port)
{
	uint8_t bytes[2];

	ip_put16(bytes, port);
	ip_patch(packet, ip, at, bytes, 2);
}

/* The server acknowledges shifted numbers: what it says is put into the client's. */
static void unshift(uint8_t *packet, const struct ip_view *ip, const struct nat *n,
	const struct topology *t, const struct nat_mapping *m)
{
	struct ip_tcp tcp;
	uint8_t bytes[4];
	uint32_t shift;

	if (!ip_read_tcp(packet, ip, &tcp))
		return;
	shift = nat_shift(n, t, m, packet + 12, ip_get16(packet + ip->head));
	if (shift == 0)
		return;
	if (tcp.flags & IP_TCP_ACK) {
		ip_put32(bytes, tcp.ack - shift);
		ip_patch(packet, ip, (uint16_t)(ip->head + 8), bytes, 4);
	}
	if (t->routers[m->router].nat_seq != NAT_SEQ_SACK)
		return;
	for (uint16_t i = 0; i < tcp.sack_count * 2; i++) {
		uint16_t at = (uint16_t)(tcp.sack + i * 4);

		ip_put32(bytes, ip_get32(packet + at) - shift);
		ip_patch(packet, ip, at, bytes, 4);
	}
}

/* An error's quote shows the packet as it was outside. `at` is where the quote begins. */
static const struct nat_mapping *error_back(const struct nat *n, const struct topology *t,
	uint8_t *packet, const struct ip_view *ip, uint16_t at)
{
	const struct nat_mapping *m;
	struct ip_view inner;
	uint8_t *quote = packet + at;
	uint16_t port_at;

	if (at > ip->len || !ip_read(quote, (size_t)(ip->len - at), &inner) || inner.version != 4)
		return NULL;
	port_at = ip_port_at(quote, &inner, true);
	m = find_outside(n, quote + 12, port_at ? ip_get16(quote + port_at) : 0, inner.proto);
	if (m && !t->routers[m->router].nat_raw) {
		ip_set_addr(quote, &inner, true, m->inside);
		if (port_at)
			patch_port(quote, &inner, port_at, m->inside_port);
	}
	return m;
}

void nat_back(
	const struct nat *n, const struct topology *t, uint8_t *packet, const struct ip_view *ip)
{
	const struct nat_mapping *m;

	if (ip->version != 4 || n->count == 0)
		return;
	for (int i = 0; i < NATS_MAX; i++) {
		bool error = ip_is_error(packet, ip);
		uint16_t port_at = ip_port_at(packet, ip, false);

		m = error ? error_back(n, t, packet, ip, (uint16_t)(ip->head + 8))
			  : find_outside(n, packet + 16, port_at ? ip_get16(packet + port_at) : 0,
				    ip->proto);
		if (!m || memcmp(packet + 16, m->outside, 4) != 0)
			break;
		if (!error)
			unshift(packet, ip, n, t, m);
		ip_set_addr(packet, ip, false, m->inside);
		if (port_at)
			patch_port(packet, ip, port_at, m->inside_port);
		if (error)
			ip_seal(packet, ip);
	}
}
