/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * parse: bytes of an IP packet to one plain struct: IPv4, IPv6 with extension headers, TCP, UDP,
 * ICMP and ICMPv6 errors with the packet that they quote.
 *
 * Reads through the cursor only, publishes only a whole parse, keeps nothing. Never judges a
 * checksum: the kernel did, or (GSO) has not finished it.
 */
#ifndef PARSE_H
#define PARSE_H

#include "inpath/types.h"

enum parse_result {
	PARSE_OK,
	PARSE_SHORT,       /* the bytes end before a header does */
	PARSE_MALFORMED,   /* lengths or versions that contradict each other */
	PARSE_FRAGMENT,    /* part of a fragmented packet, the first part included */
	PARSE_UNSUPPORTED, /* neither TCP, UDP, ICMP nor ICMPv6; or too many extension headers */
};

/* TCP flags as a number: the 12 bits beside the data offset (RFC 9293; AE: AccECN). */
enum {
	TCP_FIN = 0x001,
	TCP_SYN = 0x002,
	TCP_RST = 0x004,
	TCP_PSH = 0x008,
	TCP_ACK = 0x010,
	TCP_URG = 0x020,
	TCP_ECE = 0x040,
	TCP_CWR = 0x080,
	TCP_AE = 0x100,
};

/* The ECN field's two bits in `tos` (RFC 3168 5). */
enum {
	IP_ECN = 0x03,
	IP_ECN_CE = 0x03,
};

enum {
	TCP_SACK_BLOCKS = 4, /* as many as fit in the options (RFC 2018) */
};

struct tcp_sack_block {
	uint32_t start; /* first sequence number of the block */
	uint32_t end;   /* the one after its last */
};

struct tcp_header {
	uint32_t seq;
	uint32_t ack;
	uint16_t flags;  /* TCP_* */
	uint16_t window; /* raw, not scaled */
	bool has_timestamp;
	uint32_t tsval;
	uint32_t tsecr;
	uint16_t mss; /* 0: absent */
	bool has_window_scale;
	uint8_t window_scale;
	bool sack_permitted;    /* RFC 2018 */
	bool mptcp;             /* option kind 30, RFC 8684 */
	bool md5;               /* option kind 19, RFC 2385 */
	bool ao;                /* option kind 29, RFC 5925 */
	bool options_malformed; /* an option's length lies; options before it were read */
	uint8_t sack_count;
	struct tcp_sack_block sack[TCP_SACK_BLOCKS];
};

/*
 * The packet that an ICMP error quotes. RFC 792 promises the IP header and 8 bytes: all that
 * matching needs. Fields beyond what was quoted are zero and their `has_` is false.
 */
struct quote {
	uint8_t proto; /* transport protocol */
	uint8_t tos;   /* DSCP and ECN */
	uint8_t ttl;   /* as the router saw it */
	/* Bytes of the transport's header and data that were quoted and captured, at most 255; 8 or
	 * more. Bytes behind the quoted packet's own end, or behind what a length field says, are
	 * none. Where there is such a field, or the message goes on behind that end, the quote may be
	 * padded with zeros, which are not told apart from a probe's own: if all is zero from byte
	 * 8, 20 or 28 on, that is the end. */
	uint8_t quoted;
	bool has_sum;         /* TCP, of which 18 bytes were quoted */
	uint16_t ip_id;       /* IPv4 only */
	uint32_t flow_label;  /* IPv6 only */
	uint32_t len;         /* the quoted packet's whole length, from its IP header */
	uint32_t payload_len; /* transport header and data: `len` less IP header and extensions */
	struct inpath_addr src;
	struct inpath_addr dst;
	uint16_t src_port; /* TCP, UDP */
	uint16_t dst_port;
	uint32_t seq;      /* TCP */
	uint16_t checksum; /* UDP */
	uint16_t sum;      /* TCP: its checksum, if has_sum */
};

struct packet {
	uint8_t family; /* enum inpath_family */
	uint8_t proto;  /* transport protocol, extension headers passed */
	uint8_t tos;    /* DSCP and ECN */
	uint8_t ttl;
	bool dont_fragment; /* IPv4 DF */
	uint16_t ip_id;     /* IPv4 */
	uint32_t flow_label;
	struct inpath_addr src;
	struct inpath_addr dst;
	uint16_t src_port; /* TCP, UDP */
	uint16_t dst_port;

	struct tcp_header tcp; /* proto TCP */

	uint8_t icmp_type; /* proto ICMP, ICMPv6 */
	uint8_t icmp_code;
	bool icmp_error; /* an error message */
	bool extensions_announced;

	const uint8_t *payload;  /* TCP, UDP: the captured part; into the caller's bytes */
	uint32_t payload_caplen; /* bytes captured at `payload` */
	uint32_t payload_len;    /* bytes in the packet, captured or not */

	/* ICMP errors: where the extensions of RFC 4884 stand, if there are any; NULL: nowhere. The
	 * captured part, into the caller's bytes. Not announced by a length field: the bytes at 128
	 * of what is quoted, which may as well be the quoted packet's own. */
	uint32_t extensions_len;
	const uint8_t *extensions;

	struct quote quote; /* if icmp_error; else as it was */
};

/*
 * Parses the packet at `bytes`, `caplen` of its `len` bytes being there. The true length is the IP
 * header's; where that says 0 (a GSO packet of over 64 KiB) it is `len`. Bytes behind the IP
 * packet's end are ignored. A packet whose IP length is greater than `len` is malformed.
 * On anything but PARSE_OK, `*out` is untouched. An ICMP message that is not an error is PARSE_OK
 * with icmp_error false; an ICMP error whose quote is too short to hold a whole IP header and 8
 * bytes, or quotes a fragment other than the first, is PARSE_SHORT or PARSE_MALFORMED.
 * ICMP errors: types 3, 4, 5, 11, 12 (RFC 792); ICMPv6: types below 128 (RFC 4443 2.1).
 */
enum parse_result parse_packet(const uint8_t *bytes, size_t caplen, size_t len, struct packet *out);

/*
 * A guess at whose packet this is, for what may be wrong: lengths are not looked at. True if it can be of TCP or UDP;
 * then, of *out, `proto`, the addresses and the ports are set, and else nothing.
 */
bool parse_ends(const uint8_t *bytes, size_t caplen, struct packet *out);

#endif
