/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * types: the words that every part of inpath shares. Plain data; nothing here owns memory.
 *
 * All numbers are in host byte order, except the bytes of an address, which are in network order.
 */
#ifndef INPATH_TYPES_H
#define INPATH_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* CLOCK_MONOTONIC in nanoseconds. The engine never reads a clock: it is given one. */
typedef uint64_t inpath_time;

#define INPATH_TIME_NEVER UINT64_MAX
#define INPATH_USEC       1000ULL
#define INPATH_MSEC       1000000ULL
#define INPATH_SEC        1000000000ULL

enum inpath_family {
	INPATH_AF_NONE = 0,
	INPATH_AF_INET = 4,
	INPATH_AF_INET6 = 6,
};

/* IANA protocol numbers, the few that inpath knows by name. */
enum inpath_proto {
	INPATH_PROTO_ICMP = 1,
	INPATH_PROTO_TCP = 6,
	INPATH_PROTO_UDP = 17,
	INPATH_PROTO_ICMPV6 = 58,
};

/* An address. IPv4 uses the first 4 bytes; the other 12 are zero, so addresses compare by memcmp. */
struct inpath_addr {
	uint8_t family; /* enum inpath_family */
	uint8_t bytes[16];
};

struct inpath_mac {
	uint8_t bytes[6];
};

/* A flow's identity as seen from the LAN side: the client is always the LAN's end. */
struct inpath_tuple {
	struct inpath_addr client;
	struct inpath_addr server;
	uint16_t client_port;
	uint16_t server_port;
	uint8_t proto; /* enum inpath_proto */
};

#endif
