/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/soak/packets.h"

#include "tests/unit/quic_wire.h"

#define FIRST_ID  "8394c8f03e515708"
#define SERVER_ID "0102030405060708"

static size_t packet_ip(uint8_t *out, const struct inpath_addr *src, const struct inpath_addr *dst,
	uint8_t ttl, uint8_t proto, size_t len)
{
	if (src->family == INPATH_AF_INET6) {
		memset(out, 0, 8);
		out[0] = 0x60;
		wire_put16(out + 4, (uint32_t)len);
		out[6] = proto;
		out[7] = ttl;
		memcpy(out + 8, src->bytes, 16);
		memcpy(out + 24, dst->bytes, 16);
		return 40;
	}
	memset(out, 0, 12);
	out[0] = 0x45;
	wire_put16(out + 2, (uint32_t)len + 20);
	out[6] = 0x40;
	out[8] = ttl;
	out[9] = proto;
	memcpy(out + 12, src->bytes, 4);
	memcpy(out + 16, dst->bytes, 4);
	wire_put16(out + 10, ~wire_sum(0, out, 20));
	return 20;
}

static size_t packet_of(uint8_t *out, const struct inpath_tuple *flow, bool from_client,
	uint8_t ttl, size_t len, size_t sum_at)
{
	const struct inpath_addr *src = from_client ? &flow->client : &flow->server;
	const struct inpath_addr *dst = from_client ? &flow->server : &flow->client;
	size_t head = packet_ip(out, src, dst, ttl, flow->proto, len);

	wire_put16(out + head, from_client ? flow->client_port : flow->server_port);
	wire_put16(out + head + 2, from_client ? flow->server_port : flow->client_port);
	return wire_seal(out, head, flow->proto, len, sum_at);
}

static size_t head_of(const struct inpath_tuple *flow)
{
	return flow->server.family == INPATH_AF_INET6 ? 40 : 20;
}

size_t packet_tcp(uint8_t *out, const struct inpath_tuple *flow, bool from_client, uint8_t ttl,
	const struct tcp_words *t, const void *payload, size_t payload_len)
{
	uint8_t *tcp = out + head_of(flow), *at = tcp + 20;

	memset(tcp, 0, 20);
	wire_put32(tcp + 4, t->seq);
	wire_put32(tcp + 8, t->ack);
	wire_put16(tcp + 14, t->window);
	if (t->opening) {
		wire_put32(at, 0x020405b4);
		at += 4;
		if (t->sack) {
			wire_put32(at, 0x01010402);
			at += 4;
		}
	}
	if (t->tsval) {
		wire_put32(at, 0x0101080a);
		wire_put32(at + 4, t->tsval);
		wire_put32(at + 8, t->tsecr);
		at += 12;
	}
	if (t->block) {
		wire_put32(at, 0x0101050a);
		wire_put32(at + 4, t->block);
		wire_put32(at + 8, t->block + 1);
		at += 12;
	}
	wire_put16(tcp + 12, (uint32_t)(at - tcp) / 4 << 12 | t->flags);
	wire_copy_in(at, payload, payload_len);
	return packet_of(out, flow, from_client, ttl, (size_t)(at - tcp) + payload_len, 16);
}

size_t packet_udp(uint8_t *out, const struct inpath_tuple *flow, bool from_client, uint8_t ttl,
	const void *payload, size_t payload_len)
{
	uint8_t *udp = out + head_of(flow);

	wire_put16(udp + 4, (uint32_t)payload_len + 8);
	wire_copy_in(udp + 8, payload, payload_len);
	return packet_of(out, flow, from_client, ttl, payload_len + 8, 6);
}

size_t packet_time_exceeded(
	uint8_t *out, const struct inpath_addr *router, const uint8_t *probe, size_t probe_len)
{
	bool v6 = router->family == INPATH_AF_INET6;
	uint8_t proto = v6 ? INPATH_PROTO_ICMPV6 : INPATH_PROTO_ICMP;
	struct inpath_addr client = { .family = router->family };
	uint8_t *icmp = out + (v6 ? 40 : 20), *quote = icmp + 8;
	size_t head;

	memcpy(client.bytes, probe + (v6 ? 8 : 12), v6 ? 16 : 4);
	memset(icmp, 0, 8);
	icmp[0] = v6 ? 3 : 11;
	memcpy(quote, probe, probe_len);
	quote[v6 ? 7 : 8] = 1;
	if (!v6) {
		wire_put16(quote + 10, 0);
		wire_put16(quote + 10, ~wire_sum(0, quote, 20));
	}
	head = packet_ip(out, router, &client, 60, proto, 8 + probe_len);
	return wire_seal(out, head, proto, 8 + probe_len, 2);
}

static size_t put_name(uint8_t *out, const char *name)
{
	uint8_t *at = out;

	while (*name) {
		size_t label = strcspn(name, ".");

		*at++ = (uint8_t)label;
		memcpy(at, name, label);
		at += label;
		name += label + (name[label] == '.');
	}
	*at++ = 0;
	return (size_t)(at - out);
}

size_t packet_dns(uint8_t *out, const struct inpath_tuple *flow, const char *name,
	const struct inpath_addr *addr)
{
	bool v6 = flow->server.family == INPATH_AF_INET6;
	uint8_t message[400] = { 0x12, 0x34, addr ? 0x81 : 0x01, addr ? 0x80 : 0, 0, 1, 0, !!addr };
	size_t len = 12 + put_name(message + 12, name);

	wire_put16(message + len, v6 ? 28 : 1);
	wire_put16(message + len + 2, 1);
	len += 4;
	if (!addr)
		return packet_udp(out, flow, true, 64, message, len);
	wire_put16(message + len, 0xc00c);
	wire_put16(message + len + 2, v6 ? 28 : 1);
	wire_put16(message + len + 4, 1);
	wire_put32(message + len + 6, 300);
	wire_put16(message + len + 10, v6 ? 16 : 4);
	memcpy(message + len + 12, addr->bytes, v6 ? 16 : 4);
	return packet_udp(out, flow, false, 64, message, len + 12 + (v6 ? 16 : 4));
}

size_t payload_hello(uint8_t *out, const char *name)
{
	struct stream message, records;

	message.len = records.len = 0;
	plain_hello(&message, name);
	in_records(&records, &message, 16384);
	memcpy(out, records.bytes, records.len);
	return records.len;
}

size_t payload_initial(uint8_t *out, const char *name)
{
	struct quic_wire client = { .dcid = FIRST_ID };
	struct stream message, frames, datagram;

	message.len = frames.len = datagram.len = 0;
	plain_hello(&message, name);
	put_crypto(&frames, 0, message.bytes, message.len);
	put_initial(&datagram, &client, &frames, 1200);
	memcpy(out, datagram.bytes, datagram.len);
	return datagram.len;
}

size_t payload_handshake(uint8_t *out)
{
	struct quic_wire server = { .scid = SERVER_ID };
	struct stream datagram;

	datagram.len = 0;
	put_protected(&datagram, &server, WIRE_HANDSHAKE, 900);
	memcpy(out, datagram.bytes, datagram.len);
	return datagram.len;
}

size_t payload_short(uint8_t *out, bool from_client, bool spin, size_t len)
{
	size_t at = 1;

	out[0] = (uint8_t)(0x41 | spin << 5);
	if (from_client)
		at += wire_hex(out + 1, SERVER_ID);
	memset(out + at, 0x99, len);
	return at + len;
}
