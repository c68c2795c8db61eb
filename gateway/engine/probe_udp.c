/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/engine/probe_udp.h"

#include "gateway/engine/probe_packet.h"

#include <string.h>

enum {
	UDP_HEADER = 8,
	UDP_SUM = 6,      /* where the checksum stands */
	PROTECTED = 0x1f, /* bits of a short header's first byte under header protection */
	RANDOM_MOST = 19, /* bytes behind the id */
	OTHER_RANDOM = 8, /* bytes in a probe of other UDP */
	DRAWS = 64,       /* payloads tried before there is none */
};

static void draw(struct probes *p, uint8_t *out, size_t len)
{
	for (size_t i = 0; i < len; i += 8) {
		uint64_t random = hash_random(p->key, &p->random);

		memcpy(out + i, &random, len - i < 8 ? len - i : 8);
	}
}

static void draw_payload(struct probes *p, const struct udp_flow *u, struct probe_token *token)
{
	size_t id = u->dcid.len, random = 20 - id < RANDOM_MOST ? 20 - id : RANDOM_MOST;

	if (!u->quic) {
		token->payload_len = OTHER_RANDOM;
		draw(p, token->payload, OTHER_RANDOM);
		return;
	}
	token->payload[0] = u->first;
	memcpy(token->payload + 1, u->dcid.bytes, id);
	draw(p, token->payload + 1 + id, random);
	if (random == 0) {
		uint8_t bits;

		draw(p, &bits, 1);
		token->payload[0] = (uint8_t)((u->first & ~PROTECTED) | (bits & PROTECTED));
	}
	token->payload_len = (uint8_t)(1 + id + random);
}

/* Of the same server and port: whose quote is whose only the token tells. */
static bool is_taken(
	const struct probes *p, const struct inpath_tuple *tuple, const struct probe_token *token)
{
	uint32_t slot = probe_find(p, &tuple->server, tuple->server_port, token->seq);

	for (; slot != TABLE_NONE; slot = probe_find_next(p, slot))
		if (tuple->server.family == INPATH_AF_INET6 ||
			p->entries[slot].ip_id == token->ip_id)
			return true;
	return false;
}

bool probe_udp_choose(struct probes *p, const struct inpath_tuple *tuple, const struct udp_flow *u,
	struct probe_token *token)
{
	*token = (struct probe_token){ .ip_id = probe_choose_id(p, tuple) };
	for (int i = 0; i < DRAWS; i++) {
		uint8_t bytes[INPATH_PROBE_BYTES];
		const uint8_t *udp = bytes + probe_transport_at(tuple);

		draw_payload(p, u, token);
		(void)probe_udp_build(bytes, tuple, u, token, 1, false);
		token->seq = (uint32_t)(udp[UDP_SUM] << 8 | udp[UDP_SUM + 1]);
		if (!is_taken(p, tuple, token))
			return true;
	}
	return false;
}

uint16_t probe_udp_build(uint8_t out[INPATH_PROBE_BYTES], const struct inpath_tuple *tuple,
	const struct udp_flow *u, const struct probe_token *token, uint8_t ttl, bool ecn)
{
	const struct probe_ip ip = {
		.tos = u->tos,
		.ecn = ecn,
		.dont_fragment = u->dont_fragment,
		.id = token->ip_id,
		.flow_label = u->flow_label,
		.ttl = ttl,
	};
	uint16_t len = (uint16_t)(UDP_HEADER + token->payload_len);
	uint8_t *at = out + probe_transport_at(tuple);

	memset(out, 0, INPATH_PROBE_BYTES);
	at = put16(at, tuple->client_port);
	at = put16(at, tuple->server_port);
	at = put16(at, len);
	at = put16(at, 0);
	memcpy(at, token->payload, token->payload_len);
	return probe_packet(out, tuple, &ip, len, UDP_SUM);
}
