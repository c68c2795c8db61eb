/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/engine/reply.h"

#include <string.h>

#define ACE (TCP_AE | TCP_CWR | TCP_ECE)

/* What names a probe in a quote beside the ID: DESIGN section 5. */
static uint32_t quoted_token(const struct quote *q)
{
	return q->proto == INPATH_PROTO_TCP ? q->seq : q->checksum;
}

/* By how much a token was moved: sums are counted in ones' complement (RFC 1624). */
static uint32_t shift_of(const struct sent_probe *e, const struct quote *q)
{
	uint32_t sum;

	if (q->proto == INPATH_PROTO_TCP)
		return q->seq - e->seq;
	sum = q->checksum + (~e->seq & 0xffff);
	return (sum & 0xffff) + (sum >> 16);
}

static bool same_client(const struct sent_probe *e, const struct quote *q)
{
	return e->tuple.client_port == q->src_port &&
	       memcmp(&e->tuple.client, &q->src, sizeof(q->src)) == 0;
}

/* By the ID, newest first: for carriers' NATs that rewrite sequence numbers. IPv4 only. */
static struct reply_match match_by_id(const struct probes *probes, const struct quote *q)
{
	struct reply_match m = { .kind = REPLY_NONE };
	struct probe_search search = probe_search_over(probes, &q->dst, q->dst_port);
	uint32_t slot;

	while ((slot = probe_search_next(probes, &search)) != TABLE_NONE) {
		const struct sent_probe *e = &probes->entries[slot];
		bool same = same_client(e, q);

		if (e->ip_id != q->ip_id || e->len != q->len || e->tuple.proto != q->proto)
			continue;
		/* Where the quote was not translated back, the client is another, too. */
		if (same || m.kind == REPLY_NONE)
			m = (struct reply_match){ REPLY_SEQ, slot, shift_of(e, q) };
		if (same)
			break;
	}
	return m;
}

/*
 * No link is too narrow for a probe (RFC 791 3.2: 68 bytes; RFC 8200 5: 1280). So this is about
 * another packet, and the client's path MTU discovery waits for it (RFC 1191, RFC 8201).
 */
static bool about_size(const struct packet *p)
{
	if (p->family == INPATH_AF_INET)
		return p->icmp_type == 3 && p->icmp_code == 4;
	return p->icmp_type == 2;
}

/* Can an error of this kind be about a probe? */
static bool is_quote(const struct packet *p)
{
	return (p->quote.proto == INPATH_PROTO_TCP || p->quote.proto == INPATH_PROTO_UDP) &&
	       !about_size(p);
}

/* Can this quote a probe of ours? A datagram of the client's own may have the same checksum: it is longer. */
static bool may_quote(const struct sent_probe *e, const struct quote *q)
{
	return e->tuple.proto == q->proto && (q->proto != INPATH_PROTO_UDP || e->len == q->len);
}

/*
 * An IPv4 quote has an ID beside the number, and the port may be another where a NAT further out does not
 * repair quotes. An IPv6 quote has the number alone, for UDP one of 16 bits; but what translates
 * IPv6 leaves ports as they are (RFC 6296): so the port counts.
 */
static bool is_exact(const struct sent_probe *e, const struct quote *q, bool v4)
{
	return v4 ? e->ip_id == q->ip_id : e->tuple.client_port == q->src_port;
}

struct reply_match reply_match_icmp(const struct probes *probes, const struct packet *p)
{
	const struct quote *q = &p->quote;
	struct reply_match m = { .kind = REPLY_NONE };

	if (!is_quote(p))
		return m;
	for (uint32_t slot = probe_find(probes, &q->dst, q->dst_port, quoted_token(q));
		slot != TABLE_NONE; slot = probe_find_next(probes, slot)) {
		const struct sent_probe *e = &probes->entries[slot];
		bool same = same_client(e, q);

		if (!may_quote(e, q) || !is_exact(e, q, p->family == INPATH_AF_INET))
			continue;
		/* Two clients of one server may use the same number: their own goes first. */
		if (same || m.kind == REPLY_NONE)
			m = (struct reply_match){ REPLY_EXACT, slot, 0 };
		if (same)
			break;
	}
	return m;
}

struct reply_match reply_suspect_icmp(const struct probes *probes, const struct packet *p)
{
	const struct quote *q = &p->quote;

	if (!is_quote(p) || p->family != INPATH_AF_INET || q->len > INPATH_PROBE_BYTES)
		return (struct reply_match){ .kind = REPLY_NONE };
	for (uint32_t slot = probe_find(probes, &q->dst, q->dst_port, quoted_token(q));
		slot != TABLE_NONE; slot = probe_find_next(probes, slot)) {
		const struct sent_probe *e = &probes->entries[slot];

		if (may_quote(e, q) && e->len == q->len && same_client(e, q))
			return (struct reply_match){ REPLY_ID, slot,
				(uint16_t)(q->ip_id - e->ip_id) };
	}
	return match_by_id(probes, q);
}

uint8_t reply_rewritten(
	const struct reply_match *m, const struct sent_probe *sent, const struct quote *q)
{
	uint8_t changed = sent->tos ^ q->tos, what = 0;

	if (changed & ~IP_ECN)
		what |= INPATH_REWRITTEN_DSCP;
	if (changed & IP_ECN)
		what |= INPATH_REWRITTEN_ECN;
	if (memcmp(&sent->tuple.client, &q->src, sizeof(q->src)) != 0)
		what |= INPATH_REWRITTEN_ADDR;
	if (sent->tuple.client_port != q->src_port)
		what |= INPATH_REWRITTEN_PORT;
	if (m->kind == REPLY_SEQ)
		what |= q->proto == INPATH_PROTO_TCP ? INPATH_REWRITTEN_SEQ : INPATH_REWRITTEN_SUM;
	if (m->kind == REPLY_ID)
		what |= INPATH_REWRITTEN_ID;
	if (q->has_sum && q->sum != sent->sum)
		what |= INPATH_REWRITTEN_SUM;
	return what;
}

/* RFC 792, RFC 1812 5.2.7.1. */
static enum inpath_unreach unreach4(uint8_t code)
{
	switch (code) {
	case 0:
	case 6:
	case 11: return INPATH_UNREACH_NET;
	case 1:
	case 7:
	case 12: return INPATH_UNREACH_HOST;
	case 2: return INPATH_UNREACH_PROTOCOL;
	case 3: return INPATH_UNREACH_PORT;
	case 9:
	case 10:
	case 13: return INPATH_UNREACH_ADMIN;
	}
	return INPATH_UNREACH_OTHER;
}

/* RFC 4443 3.1. */
static enum inpath_unreach unreach6(uint8_t code)
{
	switch (code) {
	case 0: return INPATH_UNREACH_NET;
	case 1: return INPATH_UNREACH_ADMIN;
	case 3: return INPATH_UNREACH_HOST;
	case 4: return INPATH_UNREACH_PORT;
	}
	return INPATH_UNREACH_OTHER;
}

enum inpath_unreach reply_unreach(const struct packet *p)
{
	if (p->family == INPATH_AF_INET && p->icmp_type == 3)
		return unreach4(p->icmp_code);
	if (p->family == INPATH_AF_INET6 && p->icmp_type == 1)
		return unreach6(p->icmp_code);
	/* RFC 4443 3.4: "unrecognized next header" is what IPv4 calls protocol unreachable. */
	if (p->family == INPATH_AF_INET6 && p->icmp_type == 4 && p->icmp_code == 1)
		return INPATH_UNREACH_PROTOCOL;
	return INPATH_UNREACH_NONE;
}

bool reply_expired(const struct packet *p)
{
	return p->icmp_type == (p->family == INPATH_AF_INET ? 11 : 3) && p->icmp_code == 0;
}

uint32_t reply_match_dsack(const struct probes *probes, const struct inpath_tuple *tuple,
	const struct packet *p, uint32_t shift)
{
	const struct tcp_sack_block *b = &p->tcp.sack[0];
	uint32_t slot, newest = TABLE_NONE, again = TABLE_NONE;

	if (p->tcp.sack_count == 0 || b->end - b->start != 1 ||
		seq_before(p->tcp.ack, b->end - shift))
		return TABLE_NONE;
	slot = probe_find(probes, &tuple->server, tuple->server_port, b->start - shift);
	for (; slot != TABLE_NONE; slot = probe_find_next(probes, slot)) {
		const struct sent_probe *e = &probes->entries[slot];

		if (e->empty || e->tuple.proto != INPATH_PROTO_TCP ||
			e->tuple.client_port != tuple->client_port ||
			memcmp(&e->tuple.client, &tuple->client, sizeof(tuple->client)) != 0)
			continue;
		if (!e->answered)
			return slot;
		/* What the server has named already, it names again. */
		if (e->by_server && again == TABLE_NONE)
			again = slot;
		/* Answered by a router: then a proxy before that router may answer, too. */
		if (newest == TABLE_NONE)
			newest = slot;
	}
	return again == TABLE_NONE ? newest : again;
}

uint32_t reply_match_stray(const struct probes *probes, const struct packet *p)
{
	const struct tcp_header *h = &p->tcp;
	struct probe_search search = probe_search_over(probes, &p->src, p->src_port);
	uint32_t slot, other_port = TABLE_NONE;

	if (p->payload_len || (h->flags & ~ACE) != TCP_ACK || h->sack_count == 0 ||
		h->sack[0].end - h->sack[0].start != 1)
		return TABLE_NONE;
	while ((slot = probe_search_next(probes, &search)) != TABLE_NONE) {
		const struct sent_probe *e = &probes->entries[slot];

		if (!e->touch || e->empty)
			continue;
		if (e->tuple.client_port == p->dst_port)
			return slot;
		/* The gateway's own NAT may have given it another port. */
		if (other_port == TABLE_NONE)
			other_port = slot;
	}
	return other_port;
}

bool reply_is_pure(const struct tcp_flow *t, const struct packet *p, uint8_t blocks, uint32_t epoch)
{
	const struct tcp_header *h = &p->tcp;

	return p->payload_len == 0 && (h->flags & ~ACE) == TCP_ACK && t->server_seen &&
	       tcp_server_heard(t, epoch) && (h->flags & ACE) == (t->server_flags & ACE) &&
	       (p->tos & IP_ECN) != IP_ECN_CE && h->sack_count <= blocks && !h->mptcp &&
	       !h->options_malformed && h->ack == t->server_said && h->window == t->server.window &&
	       !seq_before(h->seq, t->server.nxt);
}

bool reply_is_bare(const struct tcp_flow *t, const struct packet *p, uint32_t epoch)
{
	return reply_is_pure(t, p, 0, epoch) && p->tcp.seq == t->server.nxt && tcp_quiet(t);
}
