/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/soak/talk.h"

#include "tests/soak/packets.h"
#include "tests/soak/soak.h"

#include <stdio.h>
#include <string.h>

/* Answers, records and an ARM may still come when a flow is over. */
#define LINGER  (70 * INPATH_SEC)
#define LAN_RTT (3 * INPATH_MSEC)
#define REQUEST 180 /* bytes, at most */
#define SEGMENT 300

enum say {
	SAY_OPEN,
	SAY_ACCEPT,
	SAY_HELLO,
	SAY_GREET,
	SAY_THANK,
	SAY_ASK,
	SAY_REPLY,
	SAY_AGAIN, /* the last request is repeated: it was lost behind the gateway */
	SAY_BYE,
};

static void next(struct soak *s, uint32_t slot, enum say say, inpath_time wait)
{
	agenda_add(&s->agenda, s->now + wait, AGENDA_SAY, slot, say);
}

void talk_begin(struct soak *s, struct house_flow *f, uint32_t slot, inpath_time dies)
{
	f->talking = true;
	f->client_nxt = f->iss;
	next(s, slot, SAY_OPEN, 0);
	next(s, slot, SAY_BYE, dies - s->now);
}

static uint8_t ttl_of(struct soak *s, const struct house_flow *f, bool from_client)
{
	return from_client ? 63 : net_back(&s->net, &f->route, s->now);
}

static struct inpath_verdict tcp_says(struct soak *s, struct house_flow *f, bool from_client,
	struct tcp_words words, const void *payload, size_t len)
{
	uint8_t bytes[PACKET_MAX];
	uint32_t clock = (uint32_t)(s->now / INPATH_MSEC);

	if (f->stamps) {
		words.tsval = from_client ? clock : clock ^ 0x10000000;
		words.tsecr = from_client ? clock ^ 0x10000000 : clock;
	}
	return house_pass(s, f, from_client, bytes,
		packet_tcp(bytes, &f->tuple, from_client, ttl_of(s, f, from_client), &words,
			payload, len),
		words.flags & (TCP_FIN | TCP_RST));
}

static struct tcp_words words_of(const struct house_flow *f, bool from_client)
{
	return (struct tcp_words){
		.seq = from_client ? f->client_nxt : f->server_nxt,
		.ack = from_client ? f->server_nxt : f->acked,
		.flags = TCP_ACK,
		.window = from_client ? 400 : 500,
		.sack = f->sack,
	};
}

static void client_sends(struct soak *s, struct house_flow *f, const void *payload, size_t len)
{
	struct tcp_words words = words_of(f, true);

	if (len)
		words.flags |= TCP_PSH;
	f->client_nxt += (uint32_t)len;
	tcp_says(s, f, true, words, payload, len);
}

static void udp_says(
	struct soak *s, struct house_flow *f, bool from_client, const void *payload, size_t len)
{
	uint8_t bytes[PACKET_MAX];

	house_pass(s, f, from_client, bytes,
		packet_udp(bytes, &f->tuple, from_client, ttl_of(s, f, from_client), payload, len),
		false);
}

/* The greeting names the server, or DNS has done so before. */
static void says_hello(struct soak *s, struct house_flow *f)
{
	static const char plain[] = "HELO my.own.protocol, of which nobody has heard before\r\n";
	uint32_t server = f->tuple.server.bytes[f->v6 ? 15 : 3];
	uint8_t payload[PACKET_MAX];
	char host[64];
	size_t len;

	selection_host(f->route.service, server, host, sizeof(host));
	if (f->quic) {
		len = payload_initial(payload, host);
		udp_says(s, f, true, payload, len);
	} else if (f->tls) {
		len = payload_hello(payload, host);
		client_sends(s, f, payload, len);
	} else {
		client_sends(s, f, plain, sizeof(plain) - 1);
	}
	f->talk_from = f->client_nxt;
}

static void asks_dns(struct soak *s, const struct house_flow *f)
{
	struct inpath_tuple question = { .client = f->tuple.client,
		.server = f->tuple.client,
		.client_port = f->tuple.client_port,
		.server_port = 53,
		.proto = INPATH_PROTO_UDP };
	struct inpath_meta up = { .source = INPATH_SOURCE_DNS, .in_side = INPATH_SIDE_LAN };
	struct inpath_meta down = { .source = INPATH_SOURCE_DNS, .out_side = INPATH_SIDE_LAN };
	uint8_t bytes[PACKET_MAX];
	char host[64];
	size_t len;

	selection_host(f->route.service, f->tuple.server.bytes[f->v6 ? 15 : 3], host, sizeof(host));
	question.server.bytes[f->v6 ? 15 : 3] = 1;
	len = packet_dns(bytes, &question, host, NULL);
	inpath_engine_dns(s->engine, &up, bytes, len, len, s->now);
	len = packet_dns(bytes, &question, host, &f->tuple.server);
	inpath_engine_dns(s->engine, &down, bytes, len, len, s->now);
}

static void opens(struct soak *s, struct house_flow *f)
{
	struct tcp_words words = words_of(f, true);

	if (!f->tls)
		asks_dns(s, f);
	if (f->quic) {
		says_hello(s, f);
		return;
	}
	words.opening = true;
	words.flags = TCP_SYN;
	words.ack = 0;
	tcp_says(s, f, true, words, NULL, 0);
	f->client_nxt = f->iss + 1;
}

static void accepts(struct soak *s, struct house_flow *f)
{
	struct tcp_words words;
	uint8_t payload[PACKET_MAX];

	if (f->quic) {
		udp_says(s, f, false, payload, payload_handshake(payload));
		return;
	}
	f->acked = f->client_nxt;
	words = words_of(f, false);
	words.opening = true;
	words.flags = TCP_SYN | TCP_ACK;
	tcp_says(s, f, false, words, NULL, 0);
	f->server_nxt++;
}

/* The client's short header; TCP's last ACK of the handshake, and the request behind it. */
static void greets(struct soak *s, struct house_flow *f)
{
	uint8_t payload[PACKET_MAX];

	if (f->quic) {
		udp_says(s, f, true, payload, payload_short(payload, true, f->spin, 60));
		return;
	}
	client_sends(s, f, NULL, 0);
	says_hello(s, f);
}

/* The server's data, which acknowledge all that the client has sent. */
static void replies(struct soak *s, struct house_flow *f)
{
	static const uint8_t data[SEGMENT];
	uint8_t payload[PACKET_MAX];
	size_t len = dice_between(&s->house.moods, 20, SEGMENT);
	struct tcp_words words;

	if (f->quic) {
		udp_says(s, f, false, payload, payload_short(payload, false, f->spin, 80));
		return;
	}
	f->acked = f->client_nxt;
	words = words_of(f, false);
	f->server_nxt += (uint32_t)len;
	tcp_says(s, f, false, words, data, len);
}

static void asks(struct soak *s, struct house_flow *f)
{
	uint8_t payload[PACKET_MAX];
	size_t len = dice_between(&s->house.moods, 1, REQUEST);

	if (f->quic) {
		f->spin = !f->spin;
		udp_says(s, f, true, payload, payload_short(payload, true, f->spin, 60));
		return;
	}
	for (size_t i = 0; i < len; i++)
		payload[i] = said(f->client_nxt + (uint32_t)i);
	client_sends(s, f, payload, len);
}

static void repeats(struct soak *s, struct house_flow *f)
{
	struct tcp_words words = words_of(f, true);
	uint8_t payload[REQUEST];
	uint32_t len = f->client_nxt - f->acked;

	if (f->quic || len == 0 || len > sizeof(payload))
		return;
	words.seq = f->acked;
	for (uint32_t i = 0; i < len; i++)
		payload[i] = said(f->acked + i);
	tcp_says(s, f, true, words, payload, len);
}

static void says_bye(struct soak *s, struct house_flow *f, uint32_t slot)
{
	struct tcp_words words = words_of(f, true);

	s->house.living--;
	house_count(&s->house, f, false);
	if (!f->quic) {
		words.flags = dice_permille(&s->house.moods, 150) ? TCP_RST : TCP_FIN | TCP_ACK;
		tcp_says(s, f, true, words, NULL, 0);
	}
	f->closed = true;
	f->closed_at = s->now;
	judge_note(s, f, "is over");
	agenda_add(&s->agenda, s->now + LINGER, AGENDA_GONE, slot, 0);
}

/* Once its greeting is answered and something came back, it may be traced. */
static void becomes_ready(struct soak *s, struct house_flow *f)
{
	if (f->ready)
		return;
	f->ready = true;
	f->judge.ready = s->now;
}

static void pauses(struct soak *s, struct house_flow *f, uint32_t slot)
{
	inpath_time wait =
		f->pause / 2 +
		dice_below(&s->house.moods, (uint32_t)(f->pause / INPATH_USEC)) * INPATH_USEC;

	/* At rest nobody looks; a flow of which nothing is wanted is at rest for good. */
	f->talking = !f->resting;
	if (f->talking)
		next(s, slot, f->pushes ? SAY_REPLY : SAY_ASK, wait);
}

static void asked(struct soak *s, struct house_flow *f, uint32_t slot)
{
	inpath_time rtt = net_rtt(&s->net, &f->route);

	asks(s, f);
	if (dice_permille(&s->house.moods, 5)) {
		next(s, slot, SAY_AGAIN, 200 * INPATH_MSEC + rtt);
		return;
	}
	next(s, slot, SAY_REPLY, rtt);
}

void house_say(struct soak *s, const struct agenda_item *item)
{
	struct house_flow *f = &s->house.flows[item->what];
	inpath_time rtt = net_rtt(&s->net, &f->route);

	if (f->closed)
		return;
	switch ((enum say)item->detail) {
	case SAY_OPEN:
		opens(s, f);
		next(s, item->what, SAY_ACCEPT, rtt);
		return;
	case SAY_ACCEPT:
		accepts(s, f);
		next(s, item->what, SAY_HELLO, LAN_RTT);
		return;
	case SAY_HELLO:
		greets(s, f);
		next(s, item->what, SAY_GREET, rtt);
		return;
	case SAY_GREET:
		replies(s, f);
		next(s, item->what, SAY_THANK, LAN_RTT);
		return;
	case SAY_THANK:
		if (!f->quic)
			client_sends(s, f, NULL, 0);
		becomes_ready(s, f);
		pauses(s, f, item->what);
		return;
	case SAY_ASK: asked(s, f, item->what); return;
	case SAY_AGAIN:
		repeats(s, f);
		next(s, item->what, SAY_REPLY, rtt);
		return;
	case SAY_REPLY:
		replies(s, f);
		next(s, item->what, SAY_THANK, LAN_RTT);
		return;
	case SAY_BYE: says_bye(s, f, item->what); return;
	}
}

void talk_catch_up(struct soak *s, struct house_flow *f, uint32_t slot)
{
	inpath_time rested = s->now - f->rested_at;

	if (!f->quic && !f->closed) {
		f->client_nxt += f->pushes ? 0 : (uint32_t)dice_about(&s->house.moods, 20000);
		f->server_nxt += (uint32_t)(rested / 1000 * dice_below(&s->house.moods, 100));
		f->acked = f->client_nxt;
	}
	if (f->closed || f->talking)
		return;
	f->talking = true;
	next(s, slot, f->pushes || dice_roll(&s->house.moods) & 1 ? SAY_REPLY : SAY_ASK,
		dice_below(&s->house.moods, (uint32_t)(f->pause / INPATH_USEC)) * INPATH_USEC);
}

void talk_answers(struct soak *s, struct house_flow *f, const struct house_answer *a)
{
	struct tcp_words words = words_of(f, false);

	if (f->closed)
		return;
	judge_note(s, f, "the server answers TTL %u after %.1f ms", a->ttl,
		(double)(s->now - a->sent) / 1e6);
	if (f->resting) {
		judge_miss(s, f, "the server's answer came when the flow was at rest");
		return;
	}
	if (f->blocks && a->byte) {
		words.block = a->seq;
		judge_answer(s, f, a->ttl, true, a->sent);
	}
	if (!tcp_says(s, f, false, words, NULL, 0).drop)
		s->judge.with_news++;
}
