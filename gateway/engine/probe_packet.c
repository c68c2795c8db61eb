/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/engine/probe_packet.h"

#include "gateway/engine/parse.h"

#include <string.h>

/* RFC 1071, over bytes in network order. */
static uint32_t sum(uint32_t acc, const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i + 1 < len; i += 2)
		acc += (uint32_t)(bytes[i] << 8 | bytes[i + 1]);
	if (len & 1)
		acc += (uint32_t)bytes[len - 1] << 8;
	return acc;
}

static uint16_t sum_end(uint32_t acc)
{
	while (acc >> 16)
		acc = (acc & 0xffff) + (acc >> 16);
	return (uint16_t)~acc;
}

uint16_t probe_packet(uint8_t out[INPATH_PROBE_BYTES], const struct inpath_tuple *tuple,
	const struct probe_ip *ip, uint16_t len, size_t sum_at)
{
	bool v4 = tuple->server.family == INPATH_AF_INET;
	size_t head = probe_transport_at(tuple), addr = v4 ? 4 : 16;
	uint8_t tos = ip->tos;
	uint8_t *at = out;
	uint16_t checksum;

	if (!ip->ecn || (tos & IP_ECN) == IP_ECN_CE)
		tos = (uint8_t)(tos & ~IP_ECN);
	if (v4) {
		*at++ = 0x45;
		*at++ = tos;
		at = put16(at, (uint16_t)(head + len));
		at = put16(at, ip->id);
		at = put16(at, ip->dont_fragment ? 0x4000 : 0);
		*at++ = ip->ttl;
		*at++ = tuple->proto;
		at = put16(at, 0);
	} else {
		at = put32(at, 6U << 28 | (uint32_t)tos << 20 | (ip->flow_label & 0xfffff));
		at = put16(at, len);
		*at++ = tuple->proto;
		*at++ = ip->ttl;
	}
	memcpy(at, tuple->client.bytes, addr);
	memcpy(at + addr, tuple->server.bytes, addr);

	/* The pseudo header (RFC 9293 3.1, RFC 8200 8.1): addresses, protocol, length. */
	checksum = sum_end(sum(sum(tuple->proto + (uint32_t)len, at, 2 * addr), out + head, len));
	/* A UDP checksum of 0 says that there is none (RFC 768). */
	if (checksum == 0 && tuple->proto == INPATH_PROTO_UDP)
		checksum = 0xffff;
	put16(out + head + sum_at, checksum);
	if (v4)
		put16(out + 10, sum_end(sum(0, out, head)));
	return (uint16_t)(head + len);
}
