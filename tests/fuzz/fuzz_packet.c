/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz_packet: any bytes, as an IP packet. Beyond not crashing:
 *
 * - whose packet it is, is guessed right wherever it is known;
 * - a failed parse leaves its output alone, a good one is good again and says the same; so with the quote, which only an
 *   ICMP error has;
 * - the payload lies inside the bytes, and no length contradicts another;
 * - extensions lie inside the bytes, behind 128 of the quote; no more is quoted than is there;
 * - bytes behind the packet's end, and whether they are there, change nothing;
 * - a packet of which less was captured says the same, or that it is short.
 */
#include "gateway/engine/parse.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void insist(bool kept)
{
	if (!kept)
		abort();
}

static bool same_addr(const struct inpath_addr *a, const struct inpath_addr *b)
{
	return a->family == b->family && !memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

static bool same_ends(const struct packet *a, const struct packet *b)
{
	return a->proto == b->proto && same_addr(&a->src, &b->src) && same_addr(&a->dst, &b->dst) &&
	       a->src_port == b->src_port && a->dst_port == b->dst_port;
}

/* Parses; `out` has every byte defined, whatever the result. */
static enum parse_result parse(const uint8_t *data, size_t caplen, size_t len, struct packet *out)
{
	struct packet untouched, guessed;
	enum parse_result r;

	memset(&untouched, 0xa5, sizeof(untouched));
	memcpy(out, &untouched, sizeof(*out));
	r = parse_packet(data, caplen, len, out);
	insist(r == PARSE_OK || !memcmp(out, &untouched, sizeof(*out)));
	insist((r == PARSE_OK && out->icmp_error) ||
		!memcmp(&out->quote, &untouched.quote, sizeof(out->quote)));
	if (r == PARSE_OK && (out->proto == INPATH_PROTO_TCP || out->proto == INPATH_PROTO_UDP))
		insist(parse_ends(data, caplen, &guessed) && same_ends(&guessed, out));
	else
		(void)parse_ends(data, caplen, &guessed);
	return r;
}

static bool addr_is(const struct inpath_addr *addr, uint8_t family)
{
	static const uint8_t zero[12];

	return addr->family == family &&
	       (family == INPATH_AF_INET6 || !memcmp(addr->bytes + 4, zero, sizeof(zero)));
}

static bool same_tcp(const struct tcp_header *a, const struct tcp_header *b)
{
	return a->seq == b->seq && a->ack == b->ack && a->flags == b->flags &&
	       a->window == b->window && a->has_timestamp == b->has_timestamp &&
	       a->tsval == b->tsval && a->tsecr == b->tsecr && a->mss == b->mss &&
	       a->has_window_scale == b->has_window_scale && a->window_scale == b->window_scale &&
	       a->sack_permitted == b->sack_permitted && a->mptcp == b->mptcp && a->md5 == b->md5 &&
	       a->ao == b->ao && a->options_malformed == b->options_malformed &&
	       a->sack_count == b->sack_count && !memcmp(a->sack, b->sack, sizeof(a->sack));
}

static bool same_quote(const struct quote *a, const struct quote *b)
{
	return a->proto == b->proto && a->tos == b->tos && a->ttl == b->ttl &&
	       a->ip_id == b->ip_id && a->flow_label == b->flow_label && a->len == b->len &&
	       a->payload_len == b->payload_len && same_addr(&a->src, &b->src) &&
	       same_addr(&a->dst, &b->dst) && a->src_port == b->src_port &&
	       a->dst_port == b->dst_port && a->seq == b->seq && a->checksum == b->checksum;
}

/* All but where payload and extensions are and how much of these and of the quote was captured. */
static bool same_packet(const struct packet *a, const struct packet *b)
{
	return a->family == b->family && a->tos == b->tos && a->ttl == b->ttl &&
	       a->dont_fragment == b->dont_fragment && a->ip_id == b->ip_id &&
	       a->flow_label == b->flow_label && same_ends(a, b) && same_tcp(&a->tcp, &b->tcp) &&
	       a->icmp_type == b->icmp_type && a->icmp_code == b->icmp_code &&
	       a->icmp_error == b->icmp_error &&
	       (!a->icmp_error || same_quote(&a->quote, &b->quote)) &&
	       a->payload_len == b->payload_len;
}

/* What is said of the bytes that an error quotes, and of those behind them. */
static void check_quoted(const uint8_t *data, size_t caplen, const struct packet *p)
{
	const struct quote *q = &p->quote;
	size_t heads = p->family == INPATH_AF_INET6 ? 40 + 8 : 20 + 8;

	insist(q->quoted >= 8 && (q->quoted <= 8 || q->quoted <= q->payload_len));
	insist(q->quoted + heads + heads - 8 <= caplen);
	insist(!q->has_sum || (q->proto == INPATH_PROTO_TCP && q->quoted >= 18));
	insist(q->has_sum || q->sum == 0);
	if (!p->extensions)
		return;
	insist(p->extensions_len > 0 && p->extensions >= data + heads + 128);
	insist(p->extensions + p->extensions_len <= data + caplen);
	if (p->extensions_announced)
		insist(q->quoted <= p->extensions - data - heads);
}

static void check_fields(const uint8_t *data, size_t caplen, size_t len, const struct packet *p)
{
	static const struct tcp_header no_tcp;
	bool is_v6 = p->family == INPATH_AF_INET6;
	bool is_tcp = p->proto == INPATH_PROTO_TCP;

	insist(p->family == data[0] >> 4);
	insist(addr_is(&p->src, p->family) && addr_is(&p->dst, p->family));
	insist(p->flow_label < 1u << 20 && (is_v6 || p->flow_label == 0));
	insist(!is_v6 || (p->ip_id == 0 && !p->dont_fragment));
	insist(p->tcp.sack_count <= TCP_SACK_BLOCKS && p->tcp.window_scale <= 14);
	insist(is_tcp || same_tcp(&p->tcp, &no_tcp));
	insist(p->icmp_error || !p->extensions);
	insist(p->extensions || (!p->extensions_len && !p->extensions_announced));

	if (is_tcp || p->proto == INPATH_PROTO_UDP) {
		const size_t least = (is_v6 ? 40 : 20) + (is_tcp ? 20 : 8);

		insist(p->payload >= data + least && p->payload <= data + caplen);
		insist(p->payload_caplen <= (size_t)(data + caplen - p->payload));
		insist(p->payload_caplen <= p->payload_len);
		insist((size_t)(p->payload - data) + p->payload_len <= len);
		return;
	}
	insist(p->proto == (is_v6 ? INPATH_PROTO_ICMPV6 : INPATH_PROTO_ICMP));
	insist(!p->payload && p->payload_len == 0 && p->payload_caplen == 0);
	insist(p->src_port == 0 && p->dst_port == 0);
	if (!p->icmp_error)
		return;
	insist(caplen >= (is_v6 ? 40 + 8 + 40 + 8 : 20 + 8 + 20 + 8));
	insist(p->quote.payload_len <= p->quote.len);
	insist(addr_is(&p->quote.src, p->family) && addr_is(&p->quote.dst, p->family));
	check_quoted(data, caplen, p);
}

/* The same packet, `cut` bytes of it captured, in a copy that ends there. */
static enum parse_result check_cut(
	const uint8_t *data, size_t cut, size_t len, const struct packet *whole)
{
	uint8_t *copy = malloc(cut + 1);
	struct packet p;
	enum parse_result r;

	insist(copy);
	memcpy(copy + 1, data, cut);
	r = parse(copy + 1, cut, len, &p);
	insist(r == PARSE_OK || r == PARSE_SHORT);
	if (r == PARSE_OK) {
		check_fields(copy + 1, cut, len, &p);
		insist(same_packet(&p, whole));
		/* Cut before its length, a TCP header cannot be told from padding. */
		insist(p.quote.quoted <= whole->quote.quoted || p.quote.quoted <= 12);
		insist(!p.extensions || p.extensions - copy - 1 == whole->extensions - data);
	}
	free(copy);
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct packet p, other;
	size_t longer = size + 70000;

	/* Captured in part: the header may speak of more bytes than are here. */
	if (parse(data, size, longer, &p) == PARSE_OK)
		check_fields(data, size, longer, &p);

	if (parse(data, size, size, &p) != PARSE_OK)
		return 0;
	check_fields(data, size, size, &p);
	insist(parse(data, size, size, &other) == PARSE_OK && same_packet(&p, &other));
	insist(p.extensions == other.extensions && p.extensions_len == other.extensions_len);

	/* Where the header has a length, the true one is of no account. */
	if (data[0] >> 4 == 4 ? data[2] | data[3] : data[4] | data[5])
		insist(parse(data, size, longer, &other) == PARSE_OK && same_packet(&p, &other));

	check_cut(data, size / 2, size, &p);
	if (p.payload) {
		size_t headers = (size_t)(p.payload - data);

		insist(check_cut(data, headers, size, &p) == PARSE_OK);
		insist(check_cut(data, headers - 1, size, &p) == PARSE_SHORT);
	}
	return 0;
}
