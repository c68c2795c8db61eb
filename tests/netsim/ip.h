/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ip: the headers of real packets, read and rewritten in place, as routers do. It shares no code with
 * what it is there to test.
 *
 * Owns:   nothing.
 * Time:   none.
 * Output: views and changed bytes; every checksum that a change touches is put right incrementally
 *         (RFC 1624), so that one that was wrong stays wrong.
 */
#ifndef NETSIM_IP_H
#define NETSIM_IP_H

#include "inpath/types.h"

enum {
	IP_TCP_FIN = 0x01,
	IP_TCP_SYN = 0x02,
	IP_TCP_RST = 0x04,
	IP_TCP_ACK = 0x10,
};

/* What a packet's headers say; offsets are from its first byte. */
struct ip_view {
	uint8_t version; /* 4 or 6 */
	uint8_t proto;   /* of what follows the IP headers */
	bool fragment;   /* some part of a larger packet */
	bool tail;       /* a part that does not begin it: no transport header */
	uint16_t head;   /* where the transport begins, IPv6 extension headers passed over */
	uint16_t len;    /* the packet's length, or the bytes there if those are fewer */
	bool whole;      /* nothing of it is missing */
};

/* A 5-tuple without padding: hashed and compared as bytes. IPv4 uses the first 4 bytes of an address. */
struct ip_flow {
	uint8_t src[16];
	uint8_t dst[16];
	uint16_t sport; /* 0 where there are no ports */
	uint16_t dport;
	uint8_t proto;
	uint8_t version;
};

struct ip_tcp {
	uint32_t seq;
	uint32_t ack;
	uint8_t flags;
	uint16_t window;
	uint16_t payload; /* where it begins */
	uint16_t payload_len;
	uint16_t stamps; /* where the timestamp option's values begin; 0: none */
	uint16_t sack;   /* where the first SACK block begins; 0: none */
	uint8_t sack_count;
};

/* Reads the headers of a packet, or of what a quote holds of one. False if it is no IP packet. */
bool ip_read(const uint8_t *packet, size_t len, struct ip_view *out);

/* Reads a TCP header with its options. False if it is not TCP, or not all there. */
bool ip_read_tcp(const uint8_t *packet, const struct ip_view *ip, struct ip_tcp *out);

/* The 5-tuple; ports only of TCP, UDP and echoes (their id stands for the source's), and not of fragments. */
struct ip_flow ip_flow_of(const uint8_t *packet, const struct ip_view *ip);
struct ip_flow ip_flow_reversed(const struct ip_flow *flow);

/* The address as a general one. */
struct inpath_addr ip_addr(uint8_t version, const uint8_t *bytes);

uint16_t ip_get16(const uint8_t *at);
uint32_t ip_get32(const uint8_t *at);
void ip_put16(uint8_t *at, uint32_t value);
void ip_put32(uint8_t *at, uint32_t value);

uint8_t ip_ttl(const uint8_t *packet);
void ip_set_ttl(uint8_t *packet, uint8_t ttl);
uint8_t ip_tos(const uint8_t *packet);
void ip_set_tos(uint8_t *packet, uint8_t tos);
uint32_t ip_label(const uint8_t *packet); /* 0 in IPv4 */

/* An ICMP error (RFC 792, RFC 4443 2.1): about those none is sent. */
bool ip_is_error(const uint8_t *packet, const struct ip_view *ip);

/* Where the ports begin that a NAT translates (of an echo: its id); 0 if the bytes are not there. */
uint16_t ip_port_at(const uint8_t *packet, const struct ip_view *ip, bool source);

/* Writes `len` bytes at `at`, in the transport part, and puts the transport's checksum right, where it is there. */
void ip_patch(
	uint8_t *packet, const struct ip_view *ip, uint16_t at, const void *bytes, uint16_t len);

/* Changes an IPv4 packet's source or destination address with all checksums. */
void ip_set_addr(uint8_t *packet, const struct ip_view *ip, bool source, const uint8_t addr[4]);

/* The Internet checksum (RFC 1071) of a sum: start it with ip_sum(0, ...), end it with ip_fold. */
uint32_t ip_sum(uint32_t sum, const uint8_t *bytes, size_t len);
uint16_t ip_fold(uint32_t sum);

/* Fills in the checksums of a packet that is built from scratch: IPv4 header; TCP or ICMP, ICMPv6. */
void ip_seal(uint8_t *packet, const struct ip_view *ip);

#endif
