/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/netsim/ip.h"

#include <string.h>

uint32_t ip_sum(uint32_t sum, const uint8_t *bytes, size_t len)
{
	for (; len > 1; bytes += 2, len -= 2)
		sum += ip_get16(bytes);
	return len > 0 ? sum + (uint32_t)(bytes[0] << 8) : sum;
}

uint16_t ip_fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

/* RFC 1624: HC' = ~(~HC + ~m + m'), for the sums of what was there and what is now. */
static void adjust(uint8_t *at, uint32_t before, uint32_t after)
{
	uint32_t sum = (uint16_t)~ip_get16(at);

	sum += (uint16_t)~ip_fold(before);
	sum += ip_fold(after);
	ip_put16(at, (uint16_t)~ip_fold(sum));
}

/* Writes bytes and mends the checksum at `sum_at` that covers them; 0: there is none. */
static void patch(uint8_t *packet, uint16_t sum_at, uint16_t at, const void *bytes, uint16_t len)
{
	uint16_t from = at & 0xfffe;
	uint16_t span = (uint16_t)(at - from + len);
	uint32_t before = ip_sum(0, packet + from, span);

	memcpy(packet + at, bytes, len);
	if (sum_at)
		adjust(packet + sum_at, before, ip_sum(0, packet + from, span));
}

/* Where a transport's checksum is; 0 if it has none, or if it is not among the bytes there. */
static uint16_t sum_at(const uint8_t *packet, const struct ip_view *ip)
{
	uint16_t at;

	if (ip->tail)
		return 0;
	switch (ip->proto) {
	case INPATH_PROTO_TCP: at = 16; break;
	case INPATH_PROTO_UDP: at = 6; break;
	case INPATH_PROTO_ICMP:
	case INPATH_PROTO_ICMPV6: at = 2; break;
	default: return 0;
	}
	at = (uint16_t)(at + ip->head);
	if (at + 2 > ip->len)
		return 0;
	/* RFC 768: a UDP checksum of 0 says that there is none. */
	return ip->proto == INPATH_PROTO_UDP && ip_get16(packet + at) == 0 ? 0 : at;
}

static void no_zero(uint8_t *packet, const struct ip_view *ip, uint16_t at)
{
	if (at && ip->proto == INPATH_PROTO_UDP && ip_get16(packet + at) == 0)
		ip_put16(packet + at, 0xffff);
}

void ip_patch(
	uint8_t *packet, const struct ip_view *ip, uint16_t at, const void *bytes, uint16_t len)
{
	uint16_t sum = sum_at(packet, ip);

	patch(packet, sum, at, bytes, len);
	no_zero(packet, ip, sum);
}

void ip_set_addr(uint8_t *packet, const struct ip_view *ip, bool source, const uint8_t addr[4])
{
	uint16_t at = source ? 12 : 16;
	uint32_t before = ip_sum(0, packet + at, 4);
	uint16_t sum = ip->proto == INPATH_PROTO_ICMP ? 0 : sum_at(packet, ip);

	patch(packet, 10, at, addr, 4);
	/* The pseudo header holds the address, too. */
	if (sum)
		adjust(packet + sum, before, ip_sum(0, addr, 4));
	no_zero(packet, ip, sum);
}

void ip_set_ttl(uint8_t *packet, uint8_t ttl)
{
	if (packet[0] >> 4 == 4)
		patch(packet, 10, 8, &ttl, 1);
	else
		packet[7] = ttl;
}

void ip_set_tos(uint8_t *packet, uint8_t tos)
{
	if (packet[0] >> 4 == 4) {
		patch(packet, 10, 1, &tos, 1);
	} else {
		packet[0] = (uint8_t)(0x60 | tos >> 4);
		packet[1] = (uint8_t)(tos << 4 | (packet[1] & 15));
	}
}

void ip_seal(uint8_t *packet, const struct ip_view *ip)
{
	uint16_t size = (uint16_t)(ip->len - ip->head);
	uint32_t sum = 0;
	uint16_t at;

	if (ip->version == 4) {
		ip_put16(packet + 10, 0);
		ip_put16(packet + 10, (uint16_t)~ip_fold(ip_sum(0, packet, ip->head)));
	}
	at = sum_at(packet, ip);
	if (!at)
		return;
	ip_put16(packet + at, 0);
	if (ip->version == 6)
		sum = ip_sum((uint32_t)ip->proto + size, packet + 8, 32);
	else if (ip->proto != INPATH_PROTO_ICMP)
		sum = ip_sum((uint32_t)ip->proto + size, packet + 12, 8);
	ip_put16(packet + at, (uint16_t)~ip_fold(ip_sum(sum, packet + ip->head, size)));
}
