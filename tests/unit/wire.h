/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * wire: builds packets for tests: correct lengths and checksums, everything else as told.
 *
 * A builder writes into the caller's buffer (WIRE_MAX bytes are always enough for a payload of up
 * to 1460) and returns the packet's length. The family follows from the text of `ip.src`. What is
 * not named in the initialiser is zero, but for the TTL (64) and the addresses:
 *
 *	uint8_t bytes[WIRE_MAX];
 *	size_t len = wire_tcp(bytes, &(struct wire_tcp){
 *		.ip = {.src = "192.168.1.10", .dst = "198.51.100.7"},
 *		.src_port = 40000, .dst_port = 443, .seq = 1000, .ack = 2000,
 *		.flags = TCP_ACK | TCP_PSH, .window = 502,
 *		.timestamp = true, .tsval = 77, .tsecr = 88,
 *		.sack_count = 1, .sack = {{.start = 5, .end = 6}},
 *		.payload = "GET /", .payload_len = 5});
 *
 * Independent of the parser: it shares only the struct of a SACK block and the names of TCP flags.
 */
#ifndef TESTS_UNIT_WIRE_H
#define TESTS_UNIT_WIRE_H

#include "gateway/engine/parse.h"
#include "inpath/types.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

enum {
	WIRE_MAX = 2048,
	WIRE_DEFAULT_TTL = 64, /* where `ttl` is 0; WIRE_TTL_ZERO asks for 0 itself */
	WIRE_TTL_ZERO = 256,
};

struct wire_ip {
	const char *src; /* NULL: 192.168.1.10 */
	const char *dst; /* NULL: 198.51.100.7, or 2001:db8:2::7 */
	uint8_t tos;
	uint16_t ttl;
	uint32_t flow_label; /* IPv6 */
	uint16_t id;         /* IPv4 */
	uint16_t fragment;   /* IPv4: flags and offset as on the wire; 0: DF alone */
	bool may_fragment;   /* IPv4: no DF */
	const void *extra;   /* IPv4: options, a multiple of 4; IPv6: extension headers, each of */
	size_t extra_len;    /* which names the next one; the last one's next header is filled in */
	size_t extra_last;   /* IPv6: where in `extra` the last header begins */
	uint8_t extra_first; /* IPv6: protocol number of the first of them */
};

struct wire_tcp {
	struct wire_ip ip;
	uint16_t src_port;
	uint16_t dst_port;
	uint32_t seq;
	uint32_t ack;
	uint16_t flags;  /* TCP_* */
	uint16_t window; /* raw */
	uint16_t urgent;
	/* Options stand in this order, each padded with NOPs to 4 bytes; absent if zero. */
	uint16_t mss;
	bool sack_permitted;
	bool timestamp;
	uint32_t tsval;
	uint32_t tsecr;
	bool has_window_scale;
	uint8_t window_scale;
	unsigned int sack_count;
	struct tcp_sack_block sack[TCP_SACK_BLOCKS];
	const void *options; /* more of them, raw; padded with zeros */
	size_t options_len;
	const void *payload;
	size_t payload_len;
};

struct wire_udp {
	struct wire_ip ip;
	uint16_t src_port;
	uint16_t dst_port;
	const void *payload;
	size_t payload_len;
};

/* ICMP or ICMPv6: an error with the packet that it quotes, or anything else with its body. */
struct wire_icmp {
	struct wire_ip ip;
	uint8_t type;
	uint8_t code;
	uint32_t rest; /* the header's second word */
	const void *body;
	size_t body_len;
	/* RFC 4884: if there are extensions, the quote is padded with zeros to 128 bytes and its
	 * length goes into the header. */
	const void *extensions;
	size_t extensions_len;
};

static inline void wire_put16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static inline void wire_put32(uint8_t *at, uint32_t value)
{
	wire_put16(at, value >> 16);
	wire_put16(at + 2, value);
}

static inline uint16_t wire_get16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static inline uint32_t wire_get32(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* Both lengths may be 0; `bytes` may then be NULL. */
static inline void wire_copy_in(uint8_t *at, const void *bytes, size_t len)
{
	if (len)
		memcpy(at, bytes, len);
}

/* An address from its text, as the engine keeps it. A text that is no address ends the test. */
static inline struct inpath_addr wire_addr(const char *text)
{
	struct inpath_addr addr = { .family = INPATH_AF_INET };
	bool is_v6 = strchr(text, ':') != NULL;

	if (is_v6)
		addr.family = INPATH_AF_INET6;
	if (inet_pton(is_v6 ? AF_INET6 : AF_INET, text, addr.bytes) != 1)
		abort();
	return addr;
}

/* The one's complement sum of RFC 1071, continued from `sum`. */
static inline uint32_t wire_sum(uint32_t sum, const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		sum += i % 2 ? bytes[i] : (uint32_t)bytes[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

/* The sum over a transport segment and, but for ICMPv4, its pseudo header; 0xffff if it is right. */
static inline uint32_t wire_transport_sum(
	const uint8_t *ip, uint8_t proto, const uint8_t *segment, size_t len)
{
	bool is_v6 = ip[0] >> 4 == 6;
	uint32_t sum = 0;

	if (proto != INPATH_PROTO_ICMP) {
		sum = wire_sum(sum, ip + (is_v6 ? 8 : 12), is_v6 ? 32 : 8);
		sum += (uint32_t)proto + (uint32_t)len;
	}
	return wire_sum(sum, segment, len);
}

/* Writes the IP header for `len` bytes of transport; returns the header's length. */
static inline size_t wire_ip(uint8_t *out, const struct wire_ip *ip, uint8_t proto, size_t len)
{
	struct inpath_addr src = wire_addr(ip->src ? ip->src : "192.168.1.10");
	bool is_v6 = src.family == INPATH_AF_INET6;
	struct inpath_addr dst = wire_addr(ip->dst ? ip->dst
					   : is_v6 ? "2001:db8:2::7"
						   : "198.51.100.7");
	uint8_t ttl = (uint8_t)(ip->ttl ? ip->ttl : WIRE_DEFAULT_TTL);
	size_t head = (is_v6 ? 40 : 20) + ip->extra_len;

	if (src.family != dst.family)
		abort();
	memset(out, 0, head);
	wire_copy_in(out + head - ip->extra_len, ip->extra, ip->extra_len);
	if (is_v6) {
		wire_put32(out, 6u << 28 | (uint32_t)ip->tos << 20 | ip->flow_label);
		wire_put16(out + 4, (uint32_t)(ip->extra_len + len));
		out[6] = ip->extra_len ? ip->extra_first : proto;
		out[7] = ttl;
		if (ip->extra_len)
			out[40 + ip->extra_last] = proto;
		memcpy(out + 8, src.bytes, 16);
		memcpy(out + 24, dst.bytes, 16);
		return head;
	}
	out[0] = (uint8_t)(0x40 | head / 4);
	out[1] = ip->tos;
	wire_put16(out + 2, (uint32_t)(head + len));
	wire_put16(out + 4, ip->id);
	wire_put16(out + 6, ip->fragment ? ip->fragment : ip->may_fragment ? 0 : 0x4000);
	out[8] = ttl;
	out[9] = proto;
	memcpy(out + 12, src.bytes, 4);
	memcpy(out + 16, dst.bytes, 4);
	wire_put16(out + 10, ~wire_sum(0, out, head));
	return head;
}

/* Puts the checksum of the segment at `out + head` into its bytes `field`; returns the length. */
static inline size_t wire_seal(uint8_t *out, size_t head, uint8_t proto, size_t len, size_t field)
{
	uint16_t sum;

	wire_put16(out + head + field, 0);
	sum = (uint16_t)~wire_transport_sum(out, proto, out + head, len);
	if (sum == 0 && proto == INPATH_PROTO_UDP)
		sum = 0xffff; /* RFC 768: 0 says that there is none */
	wire_put16(out + head + field, sum);
	return head + len;
}

/* Writes the options that `t` asks for; returns their length, a multiple of 4. */
static inline size_t wire_tcp_options(uint8_t *out, const struct wire_tcp *t)
{
	uint8_t *at = out;

	if (t->mss) {
		wire_put32(at, 2u << 24 | 4u << 16 | t->mss);
		at += 4;
	}
	if (t->sack_permitted) {
		wire_put32(at, 0x01010402);
		at += 4;
	}
	if (t->timestamp) {
		wire_put32(at, 0x0101080a);
		wire_put32(at + 4, t->tsval);
		wire_put32(at + 8, t->tsecr);
		at += 12;
	}
	if (t->has_window_scale) {
		wire_put32(at, 0x01030300u | t->window_scale);
		at += 4;
	}
	if (t->sack_count) {
		wire_put32(at, 0x01010500u | (2 + 8 * t->sack_count));
		at += 4;
		for (unsigned int i = 0; i < t->sack_count; i++, at += 8) {
			wire_put32(at, t->sack[i].start);
			wire_put32(at + 4, t->sack[i].end);
		}
	}
	wire_copy_in(at, t->options, t->options_len);
	at += t->options_len;
	while ((at - out) % 4)
		*at++ = 0;
	if (at - out > 40)
		abort();
	return (size_t)(at - out);
}

static inline size_t wire_tcp(uint8_t *out, const struct wire_tcp *t)
{
	uint8_t options[128];
	size_t options_len = wire_tcp_options(options, t);
	size_t len = 20 + options_len + t->payload_len;
	size_t head = wire_ip(out, &t->ip, INPATH_PROTO_TCP, len);
	uint8_t *tcp = out + head;

	wire_put16(tcp, t->src_port);
	wire_put16(tcp + 2, t->dst_port);
	wire_put32(tcp + 4, t->seq);
	wire_put32(tcp + 8, t->ack);
	wire_put16(tcp + 12, (uint32_t)(20 + options_len) / 4 << 12 | t->flags);
	wire_put16(tcp + 14, t->window);
	wire_put16(tcp + 18, t->urgent);
	memcpy(tcp + 20, options, options_len);
	wire_copy_in(tcp + 20 + options_len, t->payload, t->payload_len);
	return wire_seal(out, head, INPATH_PROTO_TCP, len, 16);
}

static inline size_t wire_udp(uint8_t *out, const struct wire_udp *u)
{
	size_t len = 8 + u->payload_len;
	size_t head = wire_ip(out, &u->ip, INPATH_PROTO_UDP, len);
	uint8_t *udp = out + head;

	wire_put16(udp, u->src_port);
	wire_put16(udp + 2, u->dst_port);
	wire_put16(udp + 4, (uint32_t)len);
	wire_copy_in(udp + 8, u->payload, u->payload_len);
	return wire_seal(out, head, INPATH_PROTO_UDP, len, 6);
}

static inline size_t wire_icmp(uint8_t *out, const struct wire_icmp *i)
{
	bool is_v6 = i->ip.src && strchr(i->ip.src, ':');
	uint8_t proto = is_v6 ? INPATH_PROTO_ICMPV6 : INPATH_PROTO_ICMP;
	size_t body = i->extensions_len && i->body_len < 128 ? 128 : i->body_len;
	size_t len, head;
	uint8_t *icmp;

	/* RFC 4884 section 3: the length counts 32-bit words (IPv4), 64-bit words (IPv6). */
	if (i->extensions_len)
		body = (body + 7) & ~(size_t)7;
	len = 8 + body + i->extensions_len;
	head = wire_ip(out, &i->ip, proto, len);
	icmp = out + head;
	memset(icmp, 0, 8 + body);
	icmp[0] = i->type;
	icmp[1] = i->code;
	wire_put32(icmp + 4, i->rest);
	if (i->extensions_len)
		icmp[is_v6 ? 4 : 5] = (uint8_t)(body / (is_v6 ? 8 : 4));
	wire_copy_in(icmp + 8, i->body, i->body_len);
	wire_copy_in(icmp + 8 + body, i->extensions, i->extensions_len);
	return wire_seal(out, head, proto, len, 2);
}

/*
 * A router's "time exceeded" to the sender of `packet`, quoting all `len` bytes as the router saw
 * them: TTL 1, IPv4 header checksum to match.
 */
static inline size_t wire_time_exceeded_at(
	uint8_t *out, const char *router, const uint8_t *packet, size_t len, uint8_t left)
{
	char to[INET6_ADDRSTRLEN];
	uint8_t quote[WIRE_MAX];
	bool is_v6 = packet[0] >> 4 == 6;

	memcpy(quote, packet, len);
	quote[is_v6 ? 7 : 8] = left;
	if (is_v6) {
		inet_ntop(AF_INET6, packet + 8, to, sizeof(to));
	} else {
		size_t head = (size_t)(packet[0] & 15) * 4;

		inet_ntop(AF_INET, packet + 12, to, sizeof(to));
		wire_put16(quote + 10, 0);
		wire_put16(quote + 10, ~wire_sum(0, quote, head));
	}
	return wire_icmp(out, &(struct wire_icmp){ .ip = { .src = router, .dst = to },
				      .type = is_v6 ? 3 : 11,
				      .body = quote,
				      .body_len = len });
}

/* As of a router that forwards no packet with TTL 0. */
static inline size_t wire_time_exceeded(
	uint8_t *out, const char *router, const uint8_t *packet, size_t len)
{
	return wire_time_exceeded_at(out, router, packet, len, 1);
}

/*
 * Are the checksums of a packet right (IPv4 header, and TCP, UDP or ICMP behind an IP header
 * without extension headers)?
 */
static inline bool wire_checksums_right(const uint8_t *ip, size_t len)
{
	bool is_v6 = ip[0] >> 4 == 6;
	size_t head = is_v6 ? 40 : (size_t)(ip[0] & 15) * 4;
	uint8_t proto = ip[is_v6 ? 6 : 9];

	if (len < head || (!is_v6 && wire_sum(0, ip, head) != 0xffff))
		return false;
	return wire_transport_sum(ip, proto, ip + head, len - head) == 0xffff;
}

/* A copy on the heap with not a byte to spare, so that a sanitizer sees a read past its end. */
static inline uint8_t *wire_exact(const void *bytes, size_t len)
{
	uint8_t *copy = calloc(1, len ? len : 1);

	if (!copy)
		abort();
	wire_copy_in(copy, bytes, len);
	/* malloc(0) may be NULL, so of an empty copy the one byte there must not be read either. */
	return len ? copy : copy + 1;
}

/* Gives a wire_exact copy of `len` bytes back. */
static inline void wire_exact_free(uint8_t *copy, size_t len)
{
	free(len ? copy : copy - 1);
}

/* Writes the bytes that `text` shows as hex digits, blanks between them; returns their number. */
static inline size_t wire_hex(uint8_t *out, const char *text)
{
	size_t digits = 0;

	for (; *text; text++) {
		const char *all = "0123456789abcdef";
		const char *digit = strchr(all, *text);

		if (!digit)
			continue;
		if (digits % 2)
			out[digits / 2] = (uint8_t)(out[digits / 2] | (digit - all));
		else
			out[digits / 2] = (uint8_t)((digit - all) << 4);
		digits++;
	}
	return digits / 2;
}

#endif
