/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/engine/probe.h"

#include "gateway/engine/probe_packet.h"

#include <string.h>

enum {
	TCP_HEADER = 20,
	TCP_SUM = 16,        /* where TCP's checksum stands */
	UDP_SUM = 6,         /* where UDP's does */
	TCP_TIMESTAMPS = 12, /* NOP, NOP, option 8 (RFC 7323 appendix A) */
	EMPTY_TOKENS = 64,   /* sequence numbers used for probes without a byte */
};

void probes_init(
	struct probes *p, struct arena *arena, uint32_t capacity, const struct hash_key *key)
{
	p->key = key;
	table_init(&p->table, arena, capacity);
	p->entries = arena_take(arena, capacity, sizeof(*p->entries));
}

void probes_expire(struct probes *p, inpath_time now)
{
	uint32_t slot = table_oldest(&p->table);

	while (slot != TABLE_NONE && now >= p->entries[slot].sent + PROBE_MEMORY) {
		table_remove(&p->table, slot);
		slot = table_oldest(&p->table);
	}
}

/* By what a quote is sure to show unchanged: the client's side may have been rewritten further out. */
static uint32_t probe_hash(
	const struct probes *p, const struct inpath_addr *server, uint16_t port, uint32_t seq)
{
	uint8_t packed[sizeof(*server) + 6];

	memcpy(packed, server, sizeof(*server));
	memcpy(packed + sizeof(*server), &port, 2);
	memcpy(packed + sizeof(*server) + 2, &seq, 4);
	return (uint32_t)hash_bytes(p->key, packed, sizeof(packed));
}

static bool probe_is(
	const struct sent_probe *e, const struct inpath_addr *server, uint16_t port, uint32_t seq)
{
	return e->seq == seq && e->tuple.server_port == port &&
	       memcmp(&e->tuple.server, server, sizeof(*server)) == 0;
}

uint32_t probe_find(
	const struct probes *p, const struct inpath_addr *server, uint16_t port, uint32_t seq)
{
	uint32_t slot = table_first(&p->table, probe_hash(p, server, port, seq));

	/* A chain's head is its newest entry. */
	while (slot != TABLE_NONE && !probe_is(&p->entries[slot], server, port, seq))
		slot = table_next(&p->table, slot);
	return slot;
}

uint32_t probe_find_next(const struct probes *p, uint32_t slot)
{
	const struct sent_probe *e = &p->entries[slot];

	do {
		slot = table_next(&p->table, slot);
	} while (slot != TABLE_NONE &&
		 !probe_is(&p->entries[slot], &e->tuple.server, e->tuple.server_port, e->seq));
	return slot;
}

struct probe_search probe_search_over(
	const struct probes *p, const struct inpath_addr *server, uint16_t port)
{
	return (struct probe_search){
		.server = server,
		.port = port,
		.slot = p->table.count ? p->table.newest : TABLE_NONE,
		.left = PROBE_SEARCH,
	};
}

uint32_t probe_search_next(const struct probes *p, struct probe_search *search)
{
	while (search->left && search->slot != TABLE_NONE) {
		uint32_t slot = search->slot;
		const struct sent_probe *e = &p->entries[slot];

		search->left--;
		search->slot = p->table.links[slot].older;
		if (e->tuple.server_port == search->port &&
			memcmp(&e->tuple.server, search->server, sizeof(*search->server)) == 0)
			return slot;
	}
	return TABLE_NONE;
}

static bool id_free(const struct probes *p, const struct inpath_tuple *tuple, uint16_t id)
{
	struct probe_search search = probe_search_over(p, &tuple->server, tuple->server_port);
	uint32_t slot;

	while ((slot = probe_search_next(p, &search)) != TABLE_NONE)
		if (p->entries[slot].ip_id == id)
			return false;
	return true;
}

uint16_t probe_choose_id(struct probes *p, const struct inpath_tuple *tuple)
{
	uint16_t id;

	if (tuple->server.family != INPATH_AF_INET)
		return 0;
	id = (uint16_t)(1 + hash_random(p->key, &p->random) % 65535);
	while (!id_free(p, tuple, id))
		id = id == UINT16_MAX ? 1 : (uint16_t)(id + 1);
	return id;
}

uint32_t probe_add(struct probes *p, const struct inpath_tuple *tuple, uint32_t seq)
{
	uint32_t slot =
		table_insert(&p->table, probe_hash(p, &tuple->server, tuple->server_port, seq));

	if (slot != TABLE_NONE) {
		p->entries[slot] = (struct sent_probe){ 0 };
		p->entries[slot].tuple = *tuple;
		p->entries[slot].seq = seq;
	}
	return slot;
}

/* What a token is chosen for. */
struct choice {
	struct probes *p;
	const struct inpath_tuple *tuple;
	const struct tcp_flow *t;
	uint64_t patience;
	inpath_time now;
};

/* The newest probe of this flow with that sequence number from `slot` on, or TABLE_NONE. */
static uint32_t own_probe(const struct choice *c, uint32_t slot)
{
	while (slot != TABLE_NONE) {
		const struct inpath_tuple *its = &c->p->entries[slot].tuple;

		if (its->client_port == c->tuple->client_port &&
			memcmp(&its->client, &c->tuple->client, sizeof(its->client)) == 0)
			break;
		slot = probe_find_next(c->p, slot);
	}
	return slot;
}

static uint32_t own_first(const struct choice *c, uint32_t seq)
{
	return own_probe(c, probe_find(c->p, &c->tuple->server, c->tuple->server_port, seq));
}

static uint32_t own_next(const struct choice *c, uint32_t slot)
{
	return own_probe(c, probe_find_next(c->p, slot));
}

/* Does a probe sent less than `patience` ago that has no answer carry this byte? */
static bool byte_outstanding(const struct choice *c, uint32_t seq, uint64_t patience)
{
	for (uint32_t slot = own_first(c, seq); slot != TABLE_NONE; slot = own_next(c, slot)) {
		const struct sent_probe *e = &c->p->entries[slot];

		if (!e->empty && !e->answered && c->now < e->sent + patience)
			return true;
	}
	return false;
}

/*
 * Is this token another than all in memory? In IPv6 the sequence number is all of it. In IPv4 the
 * ID tells probes apart in quotes, so there a byte may serve again once its probe's answer is in or
 * no longer waited for: only a D-SACK block needs the byte to be unique.
 */
static bool token_free(const struct choice *c, const struct probe_token *token)
{
	for (uint32_t slot = own_first(c, token->seq); slot != TABLE_NONE; slot = own_next(c, slot))
		if (c->tuple->server.family == INPATH_AF_INET6 ||
			c->p->entries[slot].ip_id == token->ip_id)
			return false;
	return true;
}

/* An even or an odd byte (`parity`) that has not been out for `unused`; none next to one that is. */
static bool choose_byte(
	const struct choice *c, uint32_t parity, uint64_t unused, struct probe_token *token)
{
	const struct tcp_kept *k = &c->t->acked;
	uint32_t first = k->seq + ((k->seq ^ parity) & 1);
	uint32_t end = k->seq + k->len;
	uint32_t count, start;

	/* The last byte sent is what a keep-alive repeats. */
	if (end == c->t->client.nxt)
		end--;
	if (!seq_before(first, end))
		return false;
	count = (end - first + 1) / 2;
	start = (uint32_t)(hash_random(c->p->key, &c->p->random) % count);
	for (uint32_t i = 0; i < count; i++) {
		token->seq = first + 2 * ((start + i) % count);
		token->byte = k->bytes[token->seq - k->seq];
		if (token_free(c, token) && !byte_outstanding(c, token->seq, unused) &&
			!byte_outstanding(c, token->seq - 1, c->patience) &&
			!byte_outstanding(c, token->seq + 1, c->patience))
			return true;
	}
	return false;
}

/* An old empty segment: only sequence numbers that the server has certainly acknowledged. */
static bool choose_empty(const struct choice *c, struct probe_token *token)
{
	const struct tcp_flow *t = c->t;
	uint32_t count = EMPTY_TOKENS;
	uint32_t start;

	if (!t->server.ack_known)
		return false;
	if (t->syn_seen && t->server.ack - t->iss < count)
		count = t->server.ack - t->iss;
	if (count == 0)
		return false;
	start = (uint32_t)(hash_random(c->p->key, &c->p->random) % count);
	for (uint32_t i = 0; i < count; i++) {
		token->seq = t->server.ack - 1 - (start + i) % count;
		if (token_free(c, token))
			return true;
	}
	return false;
}

bool probe_choose(struct probes *p, const struct inpath_tuple *tuple, const struct tcp_flow *t,
	uint64_t patience, inpath_time now, struct probe_token *token)
{
	const struct choice c = { p, tuple, t, patience, now };

	*token = (struct probe_token){ 0 };
	token->ip_id = probe_choose_id(p, tuple);
	/* Even bytes first: mixed with odd ones they would keep each other from being used. A byte
	 * whose answer may still come late would name two TTLs: only if there is no other. */
	if (t->acked.len &&
		(choose_byte(&c, 0, PROBE_MEMORY, token) ||
			choose_byte(&c, 1, PROBE_MEMORY, token) ||
			choose_byte(&c, 0, patience, token) || choose_byte(&c, 1, patience, token)))
		return true;
	if (t->acked.len > 1)
		return false;
	token->empty = true;
	token->byte = 0;
	return choose_empty(&c, token);
}

static uint16_t build_tcp(uint8_t *tcp, const struct inpath_tuple *tuple, const struct tcp_flow *t,
	const struct probe_token *token)
{
	uint16_t header = t->has_timestamp ? TCP_HEADER + TCP_TIMESTAMPS : TCP_HEADER;
	uint16_t flags = token->empty ? TCP_ACK : TCP_ACK | TCP_PSH;
	uint8_t *at = tcp;

	if (t->accecn)
		flags |= t->client_flags & (TCP_AE | TCP_CWR | TCP_ECE);
	at = put16(at, tuple->client_port);
	at = put16(at, tuple->server_port);
	at = put32(at, token->seq);
	at = put32(at, t->has_earlier ? t->earlier_ack : t->client.ack);
	at = put16(at, (uint16_t)((header / 4) << 12 | flags));
	at = put16(at, t->client.window);
	at = put32(at, 0); /* checksum, urgent pointer */
	if (t->has_timestamp) {
		at = put32(at, 0x0101080a);
		at = put32(at, t->tsval);
		at = put32(at, t->tsecr);
	}
	if (!token->empty)
		*at++ = token->byte;
	return (uint16_t)(at - tcp);
}

uint16_t probe_build(uint8_t out[INPATH_PROBE_BYTES], const struct inpath_tuple *tuple,
	const struct tcp_flow *t, const struct probe_token *token, uint8_t ttl, bool ecn)
{
	const struct probe_ip ip = {
		.tos = t->tos,
		.ecn = ecn,
		.dont_fragment = t->dont_fragment,
		.id = token->ip_id,
		.flow_label = t->flow_label,
		.ttl = ttl,
	};
	uint16_t len;

	memset(out, 0, INPATH_PROBE_BYTES);
	len = build_tcp(out + probe_transport_at(tuple), tuple, t, token);
	return probe_packet(out, tuple, &ip, len, TCP_SUM);
}

void probe_signature(const uint8_t bytes[INPATH_PROBE_BYTES], struct sent_probe *out)
{
	bool v4 = bytes[0] >> 4 == 4;
	bool tcp = bytes[v4 ? 9 : 6] == INPATH_PROTO_TCP;
	const uint8_t *sum =
		bytes + (v4 ? PROBE_IP4_HEADER : PROBE_IP6_HEADER) + (tcp ? TCP_SUM : UDP_SUM);

	out->tos = (uint8_t)(v4 ? bytes[1] : bytes[0] << 4 | bytes[1] >> 4);
	out->sum = (uint16_t)(sum[0] << 8 | sum[1]);
}
