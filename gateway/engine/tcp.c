/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/engine/tcp.h"

#include "gateway/engine/rtt.h"

#include <string.h>

#define ACCECN_SETUP (TCP_AE | TCP_CWR | TCP_ECE)

uint8_t ttl_distance(uint8_t ttl)
{
	/* FORWARD sees a packet after the gateway's own decrement, so the difference is the
	 * server's hop. 32 is not taken for an initial TTL: 64 with over 31 hops is as rare, and
	 * guessing it too far costs only silent probes. */
	if (ttl == 0)
		return 0;
	if (ttl < 64)
		return (uint8_t)(64 - ttl);
	if (ttl < 128)
		return (uint8_t)(128 - ttl);
	return ttl == 255 ? 1 : (uint8_t)(255 - ttl);
}

uint8_t tcp_distance(const struct tcp_flow *t)
{
	return ttl_distance(t->server_ttl);
}

bool tcp_quiet(const struct tcp_flow *t)
{
	return t->client.seq_known && t->server.ack_known && t->client.nxt == t->server.ack;
}

bool tcp_server_heard(const struct tcp_flow *t, uint32_t epoch)
{
	return t->epoch == epoch && t->server.heard;
}

bool tcp_lives(const struct tcp_flow *t, uint32_t epoch)
{
	return t->epoch == epoch && t->spoke;
}

bool tcp_server_in_flight(const struct tcp_flow *t)
{
	return !t->server.seq_known || !t->client.ack_known || t->server.nxt != t->client.ack;
}

void tcp_answered_in(struct tcp_flow *t, uint64_t rtt_ns)
{
	if (rtt_ns < t->soonest_ns)
		t->soonest_ns = rtt_ns;
}

void tcp_timing_reset(struct tcp_flow *t)
{
	t->e2e_ns = 0;
	t->lan_ns = 0;
	t->up.count = t->down.count = 0;
}

bool tcp_opens_anew(const struct tcp_flow *t, const struct packet *p, bool from_client)
{
	const struct tcp_side *side = from_client ? &t->client : &t->server;

	if ((p->tcp.flags & (TCP_SYN | TCP_ACK | TCP_RST)) != TCP_SYN)
		return false;
	if (t->closed)
		return true;
	/* A repeated SYN is no new connection, however late it comes. */
	if (from_client && t->syn_seen)
		return p->tcp.seq != t->iss;
	return t->established || (side->seq_known && side->nxt != p->tcp.seq + 1);
}

static void timing_begin(struct tcp_timing *m, uint32_t seq, inpath_time now)
{
	if (m->since)
		return;
	m->since = now;
	m->seq = seq;
}

/* True if that was a measurement's end. */
static bool timing_end(struct tcp_timing *m, uint32_t ack, uint64_t *into, inpath_time now)
{
	if (m->since == 0 || seq_before(ack, m->seq))
		return false;
	rtt_least(into, m->since, now);
	m->since = 0;
	if (m->count < UINT8_MAX)
		m->count++;
	return true;
}

/* Keeps the end of what was captured, as long as it follows what waits to be acknowledged. */
static void keep(struct tcp_flow *t, uint32_t seq, const uint8_t *bytes, uint32_t len)
{
	struct tcp_kept *k = &t->pending;

	if (k->len == 0) {
		uint32_t skip = len > TCP_KEPT ? len - TCP_KEPT : 0;

		k->seq = seq + skip;
		k->len = (uint16_t)(len - skip);
		memcpy(k->bytes, bytes + skip, k->len);
	} else if (k->seq + k->len == seq && k->len + len <= TCP_KEPT) {
		memcpy(k->bytes + k->len, bytes, len);
		k->len = (uint16_t)(k->len + len);
	}
}

/* What the server has acknowledged becomes what probes may repeat. True if anything has. */
static bool promote(struct tcp_flow *t)
{
	struct tcp_kept *a = &t->acked;
	struct tcp_kept *p = &t->pending;

	if (p->len == 0 || seq_before(t->server.ack, p->seq + p->len))
		return false;
	if (a->len && a->seq + a->len == p->seq && p->len < TCP_KEPT) {
		/* It follows: keep the last TCP_KEPT bytes of both, so that short requests add up. */
		uint16_t room = (uint16_t)(TCP_KEPT - p->len);
		uint16_t old = a->len < room ? a->len : room;

		memmove(a->bytes, a->bytes + (a->len - old), old);
		memcpy(a->bytes + old, p->bytes, p->len);
		a->seq = p->seq - old;
		a->len = (uint16_t)(old + p->len);
	} else if (p->len >= TCP_KEPT_LEAST || p->len >= a->len) {
		*a = *p;
	}
	p->len = 0;
	return true;
}

/* The streams moved on unseen: the bytes kept may lie a whole round of sequence numbers back. */
static void lose_track(struct tcp_flow *t)
{
	t->acked.len = 0;
	t->pending.len = 0;
	t->has_earlier = false;
	t->up.since = 0;
	t->down.since = 0;
}

void tcp_was_unseen(struct tcp_flow *t)
{
	struct tcp_kept acked = t->acked;

	lose_track(t);
	/* If the client has sent nothing in the meantime, what it sent last may be repeated. */
	if (t->client.seq_known) {
		t->rest_nxt = t->client.nxt;
		t->unseen = true;
	}
	if (t->unseen)
		t->acked = acked;
	t->client.seq_known = false;
	t->client.ack_known = false;
	t->server.seq_known = false;
	t->server.ack_known = false;
	t->server_seen = false;
}

/* Is `b` so far from `a` that no window spans both? */
static bool far_apart(uint32_t a, uint32_t b)
{
	return b - a > TCP_FAR && a - b > TCP_FAR;
}

/* One byte that the peer has acknowledged, the last one sent (RFC 9293 3.8.4). */
static bool keeps_alive(
	const struct tcp_side *side, const struct tcp_side *peer, const struct packet *p)
{
	return p->payload_len == 1 && p->tcp.seq + 1 == side->nxt && peer->ack_known &&
	       peer->ack == side->nxt;
}

/* `ack` acknowledges what `side` has sent. */
static void recover(struct tcp_side *side, uint32_t ack)
{
	if (side->recovering && !seq_before(ack, side->recover))
		side->recovering = false;
}

bool tcp_recovering(const struct tcp_flow *t)
{
	return t->client.recovering || t->server.recovering;
}

/* What a packet carries. */
enum data {
	DATA_NONE, /* or nothing but a keep-alive */
	DATA_NEW,
	DATA_REPEATED,
};

/* Advances a side's stream, which `peer` acknowledges. */
static enum data advance(struct tcp_flow *t, struct tcp_side *side, const struct tcp_side *peer,
	const struct packet *p, struct tcp_timing *timing, inpath_time now)
{
	uint32_t seq = p->tcp.seq;
	uint32_t end = seq + p->payload_len + ((p->tcp.flags & TCP_FIN) ? 1 : 0);
	enum data data = DATA_NONE;

	if (side->seq_known && far_apart(side->nxt, seq)) {
		lose_track(t);
		side->seq_known = false;
	}
	if (!side->seq_known) {
		side->seq_known = true;
		side->nxt = seq;
	}
	if (p->payload_len && !seq_before(seq, side->nxt)) {
		data = DATA_NEW;
	} else if (p->payload_len && !keeps_alive(side, peer, p)) {
		data = DATA_REPEATED;
		t->retransmit_at = now;
		side->recovering = true;
		side->recover = side->nxt;
		timing->since = 0;
	}
	if (seq_before(side->nxt, end))
		side->nxt = end;
	return data;
}

static void take_options(struct tcp_flow *t, const struct tcp_header *h)
{
	/* A signature would cover the probe; MPTCP maps sequence space of its own; and either may
	 * hide behind an option whose length lies. */
	if (h->mptcp || h->md5 || h->ao || h->options_malformed)
		t->untouchable = true;
	if (h->sack_count)
		t->sack = true; /* met in mid-stream: the blocks tell */
}

static uint8_t options_of(const struct tcp_header *h)
{
	uint8_t options = 0;

	if (h->sack_permitted)
		options |= INPATH_OPTION_SACK;
	if (h->has_timestamp)
		options |= INPATH_OPTION_TS;
	if (h->has_window_scale)
		options |= INPATH_OPTION_WS;
	return options;
}

/*
 * A server answers only options that it was asked for, and echoes the SYN's timestamp (RFC 2018 2,
 * RFC 7323 2.2, 3.2). Of two SYNs it is not known which one is answered.
 */
static void handshake_answered(struct tcp_flow *t, const struct tcp_header *h)
{
	struct inpath_handshake *hs = &t->handshake;

	hs->seen = true;
	hs->server_mss = h->mss;
	hs->server_options = options_of(h);
	hs->odd = hs->server_options & (uint8_t)~hs->client_options;
	if (hs->server_options & hs->client_options & INPATH_OPTION_TS && t->syn_at &&
		h->tsecr != t->syn_tsval)
		hs->odd |= INPATH_OPTION_TS;
}

static void client_syn(struct tcp_flow *t, const struct packet *p, inpath_time now)
{
	const struct tcp_header *h = &p->tcp;

	/* A SYN sent twice times nothing. */
	t->syn_at = t->syn_seen ? 0 : now;
	if (t->established)
		return;
	t->syn_seen = true;
	t->iss = h->seq;
	t->client.nxt = h->seq + 1;
	t->client.seq_known = true;
	t->client.window = h->window;
	t->sack_offered = h->sack_permitted;
	t->syn_tsval = h->tsval;
	t->handshake.client_mss = h->mss;
	t->handshake.client_options = options_of(h);
	t->accecn = (h->flags & ACCECN_SETUP) == ACCECN_SETUP;
}

static uint32_t client_packet(struct tcp_flow *t, const struct packet *p, inpath_time now)
{
	const struct tcp_header *h = &p->tcp;
	enum data data;

	/* It goes on where it was: nothing was sent unseen, not even a whole round of numbers, which
	 * would have to be one to the byte. */
	if (t->unseen && h->seq != t->rest_nxt)
		t->acked.len = 0;
	t->unseen = false;
	data = advance(t, &t->client, &t->server, p, &t->up, now);
	if (data == DATA_NEW) {
		keep(t, h->seq, p->payload, p->payload_caplen);
		timing_begin(&t->up, h->seq + p->payload_len, now);
	}
	if (h->flags & TCP_ACK) {
		if (!t->client.ack_known || far_apart(t->client.ack, h->ack)) {
			t->client.ack_known = true;
			t->client.ack = h->ack;
			t->has_earlier = false;
		} else if (seq_before(t->client.ack, h->ack)) {
			t->earlier_ack = t->client.ack;
			t->has_earlier = true;
			t->client.ack = h->ack;
		}
		if (t->synack_at)
			rtt_least(&t->lan_ns, t->synack_at, now);
		t->synack_at = 0;
		/* It has had the SYN/ACK, seen or unseen; or it was met in mid-stream. */
		if (!(h->flags & TCP_SYN))
			t->established = true;
		(void)timing_end(&t->down, h->ack, &t->lan_ns, now);
		recover(&t->server, h->ack);
	}
	t->client.window = h->window;
	t->client_flags = h->flags;
	t->has_timestamp = h->has_timestamp;
	t->tsval = h->tsval;
	t->tsecr = h->tsecr;
	/* Pure ACKs are not ECN-capable in classic ECN (RFC 3168 6.1.4): data tells. */
	t->tos = p->payload_len ? p->tos : (uint8_t)((p->tos & ~IP_ECN) | (t->tos & IP_ECN));
	t->dont_fragment = p->dont_fragment;
	t->flow_label = p->flow_label;
	return data == DATA_REPEATED ? TCP_SAW_REPEATED : 0;
}

static void server_syn(struct tcp_flow *t, const struct packet *p, inpath_time now)
{
	const struct tcp_header *h = &p->tcp;
	bool again = t->server.seq_known;

	if (again && t->established)
		return;
	t->server.nxt = h->seq + 1;
	t->server.seq_known = true;
	if (!(h->flags & TCP_ACK)) {
		t->from_wan = true;
		return;
	}
	t->sack = t->sack_offered && h->sack_permitted;
	if (t->syn_seen)
		handshake_answered(t, h);
	t->server.ack = h->ack;
	t->server.ack_known = true;
	t->server.window = h->window;
	if (t->syn_at && !again) {
		rtt_least(&t->soonest_ns, t->syn_at, now);
		rtt_least(&t->e2e_ns, t->syn_at, now);
	}
	t->syn_at = 0;
	/* Nor does a SYN/ACK: which of them is answered? */
	t->synack_at = again ? 0 : now;
}

static uint32_t server_packet(struct tcp_flow *t, const struct packet *p, inpath_time now)
{
	const struct tcp_header *h = &p->tcp;
	uint32_t saw = 0;

	if (!t->server.seq_known && !t->syn_seen)
		t->established = true; /* met in mid-stream */
	switch (advance(t, &t->server, &t->client, p, &t->down, now)) {
	case DATA_NONE: break;
	case DATA_NEW: timing_begin(&t->down, h->seq + p->payload_len, now); break;
	case DATA_REPEATED: saw |= TCP_SAW_REPEATED; break;
	}
	if (h->flags & TCP_ACK) {
		bool first = !t->server.ack_known, moved = false;

		if (!first && far_apart(t->server.ack, h->ack)) {
			lose_track(t);
			t->client.seq_known = false;
			first = true;
		}
		if (first || seq_before(t->server.ack, h->ack)) {
			moved = true;
			t->server.ack = h->ack;
			t->server.ack_known = true;
			if (!t->client.seq_known || seq_before(t->client.nxt, h->ack)) {
				/* What it acknowledges passed unseen. */
				t->client.nxt = h->ack;
				t->client.seq_known = true;
			}
			if (!t->data_acked && !first && (!t->syn_seen || h->ack != t->iss + 1)) {
				t->data_acked = true;
				saw |= TCP_SAW_DATA_ACKED;
			}
		}
		if (timing_end(&t->up, h->ack, &t->e2e_ns, now))
			tcp_answered_in(t, t->e2e_ns);
		recover(&t->client, h->ack);
		moved |= promote(t);
		/* `acked` is in a cache line that nothing else here needs. */
		if (moved && far_apart(t->acked.seq, t->server.ack))
			t->acked.len = 0;
		t->server_said = h->ack;
	}
	t->server.window = h->window;
	t->server_flags = h->flags;
	t->server_spoke = p->payload_len != 0;
	t->server.heard = true;
	t->server_seen = true;
	return saw;
}

uint32_t tcp_track(struct tcp_flow *t, const struct packet *p, bool from_client, uint32_t epoch,
	inpath_time now)
{
	uint32_t saw = 0;
	bool syn = p->tcp.flags & TCP_SYN;

	if (t->epoch != epoch) {
		t->epoch = epoch;
		t->server.heard = t->spoke = false;
	}
	if (t->first_seen == 0 || p->payload_len)
		t->spoke = true;
	if (t->first_seen == 0)
		t->first_seen = now;
	take_options(t, &p->tcp);
	/* Something on the way may speak in the server's name; its data comes from itself alone. */
	if (!from_client && (syn || p->payload_len || t->server_ttl == 0))
		t->server_ttl = p->ttl;
	if (!t->closed && (p->tcp.flags & (TCP_FIN | TCP_RST))) {
		t->closed = true;
		saw |= TCP_SAW_CLOSE;
	}
	if (p->tcp.flags & TCP_RST)
		return saw;
	if (syn && from_client && !(p->tcp.flags & TCP_ACK))
		client_syn(t, p, now);
	else if (syn && !from_client)
		server_syn(t, p, now);
	else if (from_client)
		saw |= client_packet(t, p, now);
	else
		saw |= server_packet(t, p, now);
	return saw;
}
