/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/netsim/guard.h"

#include <string.h>

static bool after(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) > 0;
}

void guard_learn(struct guard *g, const uint8_t *packet, const struct ip_view *ip)
{
	struct ip_tcp tcp;
	uint32_t next;

	if (!ip_read_tcp(packet, ip, &tcp) || !(tcp.flags & IP_TCP_ACK) || tcp.flags & IP_TCP_RST)
		return;
	next = tcp.seq + tcp.payload_len + !!(tcp.flags & IP_TCP_SYN) + !!(tcp.flags & IP_TCP_FIN);
	if (!g->knows || after(tcp.ack, g->ack))
		g->ack = tcp.ack;
	if (!g->knows || after(next, g->next))
		g->next = next;
	g->knows = true;
	g->window = tcp.window;
	g->stamps = tcp.stamps != 0;
	if (tcp.stamps)
		g->stamp = ip_get32(packet + tcp.stamps);
}

bool guard_is_old(
	const struct guard *g, const uint8_t *packet, const struct ip_view *ip, uint32_t shift)
{
	struct ip_tcp tcp;
	uint32_t seq;

	if (!g->knows || !ip_read_tcp(packet, ip, &tcp) ||
		tcp.flags & (IP_TCP_SYN | IP_TCP_FIN | IP_TCP_RST))
		return false;
	seq = tcp.seq - shift;
	return tcp.payload_len > 0 ? !after(seq + tcp.payload_len, g->ack) : after(g->ack, seq);
}

/* No-operation twice before each option, as is usual; then all is a multiple of 4. */
static uint16_t put_options(const struct guard *g, const uint8_t *packet, const struct ip_tcp *tcp,
	uint32_t seq, uint8_t *at)
{
	uint16_t len = 0;

	if (g->stamps) {
		ip_put32(at, 0x0101080a);
		ip_put32(at + 4, g->stamp);
		ip_put32(at + 8, tcp->stamps ? ip_get32(packet + tcp->stamps) : 0);
		len = 12;
	}
	ip_put32(at + len, 0x0101050a);
	ip_put32(at + len + 4, seq);
	ip_put32(at + len + 8, seq + tcp->payload_len);
	return (uint16_t)(len + 12);
}

static uint16_t put_head(const struct ip_flow *flow, uint16_t payload, uint8_t *out)
{
	if (flow->version == 4) {
		memset(out, 0, 20);
		out[0] = 0x45;
		ip_put16(out + 2, 20u + payload);
		ip_put16(out + 6, 0x4000);
		out[8] = 64;
		out[9] = INPATH_PROTO_TCP;
		memcpy(out + 12, flow->dst, 4);
		memcpy(out + 16, flow->src, 4);
		return 20;
	}
	memset(out, 0, 40);
	out[0] = 0x60;
	ip_put16(out + 4, payload);
	out[6] = INPATH_PROTO_TCP;
	out[7] = 64;
	memcpy(out + 8, flow->dst, 16);
	memcpy(out + 24, flow->src, 16);
	return 40;
}

size_t guard_answer(const struct guard *g, const struct ip_flow *flow, const uint8_t *packet,
	const struct ip_view *ip, uint32_t shift, uint8_t *out)
{
	struct ip_view made;
	struct ip_tcp tcp;
	uint8_t *at;
	uint16_t head, size;

	if (!ip_read_tcp(packet, ip, &tcp) || tcp.payload_len == 0)
		return 0;
	size = (uint16_t)(20 + (g->stamps ? 24 : 12));
	head = put_head(flow, size, out);
	at = out + head;
	memset(at, 0, 20);
	ip_put16(at, flow->dport);
	ip_put16(at + 2, flow->sport);
	ip_put32(at + 4, g->next);
	ip_put32(at + 8, g->ack);
	at[12] = (uint8_t)(size / 4 << 4);
	at[13] = IP_TCP_ACK;
	ip_put16(at + 14, g->window);
	put_options(g, packet, &tcp, tcp.seq - shift, at + 20);
	ip_read(out, (size_t)head + size, &made);
	ip_seal(out, &made);
	return (size_t)head + size;
}
