/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/engine/carrier.h"

#include "gateway/engine/probe_udp.h"

/* A flow that never sends data is traced by empty probes when it has been here so long. */
#define EMPTY_AFTER (700 * INPATH_MSEC)
/* A flow that retransmits is left alone until that is acknowledged, but for no longer than this. */
#define CALM        (300 * INPATH_MSEC)

enum {
	LAN_SAMPLES = 4, /* hardly ever are as many in a row delayed (RFC 9293 3.8.6.3) */
};

static bool is_tcp(const struct flow *f)
{
	return f->tuple.proto == INPATH_PROTO_TCP;
}

static bool tcp_ready(const struct tcp_flow *t, inpath_time now)
{
	if (!t->established || t->closed || t->untouchable || !t->server_seen ||
		!t->client.ack_known)
		return false;
	/* From the first acknowledgement of client data on there is a byte to repeat. */
	return t->acked.len > 1 || now >= t->first_seen + EMPTY_AFTER;
}

/* QUIC: one round trip behind the handshake; without the length of the server's id there is nothing
 * that a probe could be addressed to. */
static bool udp_ready(const struct udp_flow *u)
{
	return !u->quic || (u->client_short && u->server_short);
}

bool carrier_ready(const struct flow *f, inpath_time now)
{
	if (is_tcp(f))
		return tcp_ready(&f->tcp, now);
	/* A probe leaves only where conntrack has seen both sides (law 5). */
	return f->udp.heard && udp_ready(&f->udp);
}

bool carrier_ready_unseen(const struct flow *f)
{
	const struct tcp_flow *t = &f->tcp;

	if (!is_tcp(f))
		return udp_ready(&f->udp);
	return t->established && !t->closed && !t->untouchable && t->unseen && t->acked.len > 1;
}

bool carrier_answered(const struct flow *f)
{
	return is_tcp(f) ? f->tcp.server.seq_known : f->udp.server_seen;
}

bool carrier_closed(const struct flow *f)
{
	return is_tcp(f) && f->tcp.closed;
}

bool carrier_untouchable(const struct flow *f)
{
	return is_tcp(f) && (f->tcp.untouchable || f->tcp.from_wan);
}

enum prober_manner carrier_manner(const struct flow *f)
{
	if (is_tcp(f))
		return PROBER_PROVES;
	return f->udp.quic ? PROBER_INFERS : PROBER_CLIMBS;
}

uint8_t carrier_distance(const struct flow *f)
{
	return is_tcp(f) ? tcp_distance(&f->tcp) : udp_distance(&f->udp);
}

uint64_t carrier_e2e(const struct flow *f)
{
	return is_tcp(f) ? f->tcp.e2e_ns : f->udp.e2e_ns;
}

uint64_t carrier_lan(const struct flow *f)
{
	return is_tcp(f) ? f->tcp.lan_ns : f->udp.lan_ns;
}

bool carrier_lan_is_sure(const struct flow *f)
{
	return !is_tcp(f) || f->tcp.down.count >= LAN_SAMPLES;
}

uint64_t carrier_patience(const struct flow *f)
{
	if (!is_tcp(f) && f->udp.e2e_ns == 0)
		return f->udp.handshake_ns;
	return carrier_e2e(f);
}

void carrier_timing_reset(struct flow *f)
{
	if (is_tcp(f))
		tcp_timing_reset(&f->tcp);
	else
		udp_timing_reset(&f->udp);
}

void carrier_was_unseen(struct flow *f)
{
	if (is_tcp(f))
		tcp_was_unseen(&f->tcp);
	else
		udp_was_unseen(&f->udp);
}

static struct prober_view tcp_view(const struct tcp_flow *t, uint32_t epoch, inpath_time now)
{
	struct prober_view v = {
		.quiet = tcp_quiet(t) && t->server_seen,
		.caught_up = t->server_spoke,
		.earlier_ack = t->has_earlier,
		.empty = t->acked.len <= 1,
		.server_busy = tcp_server_in_flight(t),
		.may_end = !tcp_server_heard(t, epoch),
	};

	if (tcp_recovering(t) && now < t->retransmit_at + CALM)
		v.hold = t->retransmit_at + CALM;
	if (t->server.window == 0 || !tcp_lives(t, epoch))
		v.hold = now + CALM;
	return v;
}

struct prober_view carrier_view(const struct flow *f, uint32_t epoch, inpath_time now)
{
	if (is_tcp(f))
		return tcp_view(&f->tcp, epoch, now);
	/* No answer of the server's can be mistaken for news: it gives none. */
	return (struct prober_view){ .quiet = true, .caught_up = true, .earlier_ack = true };
}

bool carrier_choose(struct probes *p, const struct flow *f, uint64_t patience, inpath_time now,
	struct probe_token *token)
{
	if (is_tcp(f))
		return probe_choose(p, &f->tuple, &f->tcp, patience, now, token);
	return probe_udp_choose(p, &f->tuple, &f->udp, token);
}

uint16_t carrier_build(uint8_t out[INPATH_PROBE_BYTES], const struct flow *f,
	const struct probe_token *token, uint8_t ttl, bool ecn)
{
	if (is_tcp(f))
		return probe_build(out, &f->tuple, &f->tcp, token, ttl, ecn);
	return probe_udp_build(out, &f->tuple, &f->udp, token, ttl, ecn);
}
