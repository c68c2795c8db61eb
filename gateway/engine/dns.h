/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dns: reads one DNS message (RFC 1035): the question, and the addresses that answer it.
 *
 * Reads through the cursor only, publishes only a whole parse, keeps nothing. Compression pointers
 * only point backwards, and the work for one message is bounded.
 */
#ifndef DNS_H
#define DNS_H

#include "inpath/limits.h"
#include "inpath/types.h"

enum dns_result {
	DNS_OK,
	DNS_SHORT,       /* the message ends inside a name or a record */
	DNS_MALFORMED,   /* a loop, a label too long, counts that contradict each other */
	DNS_UNSUPPORTED, /* not a standard query for one A, AAAA or HTTPS name in class IN */
};

enum {
	DNS_ADDRS = 32, /* addresses kept from one answer; the rest are passed over */
};

struct dns_message {
	uint16_t id;
	bool answer; /* the QR bit */
	uint8_t rcode;
	uint16_t qtype; /* 1 A, 28 AAAA, 65 HTTPS */
	/* The question's name in lower case, no dot at its end; any byte outside [a-z0-9_-] in a
	 * label is refused as DNS_UNSUPPORTED: such a name cannot be a host's. "" is the root. */
	char name[INPATH_HOST_MAX + 1];
	/* Addresses of the question's name, CNAME chains followed, in the order of the answer. */
	uint8_t addr_count;
	struct inpath_addr addrs[DNS_ADDRS];
	/* Seconds: the least of the records on the way to these addresses; 0 without any. */
	uint32_t ttl;
};

/*
 * Parses the `len` bytes of a DNS message at `bytes`. A and AAAA records count when their owner is
 * the question's name or what its CNAME chain leads to, in whatever order the records stand; all
 * other records are passed over, those of the authority and additional sections unread. A truncated
 * answer (TC) yields what it holds.
 * On anything but DNS_OK, `*out` is untouched.
 */
enum dns_result dns_parse(const uint8_t *bytes, size_t len, struct dns_message *out);

#endif
