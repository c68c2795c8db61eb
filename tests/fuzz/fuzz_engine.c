/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz_engine: any sequence of packets, DNS copies, ticks, refusals and time, over tiny tables.
 *
 * The input is a script: an opcode and its arguments, again and again. Two flows of each family live
 * in it, so that a short script already finds its way to probes and their answers.
 *
 * Invariants: a packet leaves nothing in the outbox; at most two probes a tick; a probe is well-formed,
 * has at most one byte, and that byte is one the client has sent at that sequence number and the
 * server has acknowledged; over UDP it is a short header of 21 bytes at most, or 8 random ones; no token is used again within 30 s; only ICMP errors and ACKs without
 * payload are dropped, and only such as quote a probe of the last 30 s or come in a flow that has one; no probe follows
 * a FIN or RST; the budget holds; each record is lines that read back; memory is what was asked for at the start, to
 * the byte; counters are asked for only where there are any; time standing
 * still, the engine comes to rest.
 */
#include "inpath/engine.h"
#include "tests/fuzz/lines.h"
#include "tests/unit/quic_wire.h"
#include "tests/unit/wire.h"

enum {
	FLOWS = 4,
	STILL_TICKS = 4096,
	TOKENS = 4096, /* more than the budget allows in 30 s */
	BUDGET = 100,
};

struct flow_state {
	uint32_t client_nxt;
	uint32_t server_nxt;
	uint32_t acked;  /* the highest that the server has acknowledged */
	uint64_t closed; /* by FIN or RST: 1 + the flows evicted until then; 0: no */
	bool has_acked;
};

struct token {
	uint8_t family;
	uint8_t proto;
	uint16_t port;
	uint16_t ip_id;
	uint32_t seq;
	inpath_time sent;
};

struct script {
	const uint8_t *at;
	size_t left;
};

struct ground {
	struct inpath_engine *engine;
	inpath_time now;
	struct flow_state flows[FLOWS];
	struct inpath_probe probes[16];
	uint32_t probe_count;
	struct token tokens[TOKENS]; /* the latest, in a ring */
	uint32_t token_count;
	struct inpath_counters counters[FLOWS];
	bool has_counters;
	bool refuse;
};

static uint8_t next(struct script *s)
{
	uint8_t byte = 0;

	if (s->left) {
		byte = *s->at++;
		s->left--;
	}
	return byte;
}

static void demand(bool truth)
{
	if (!truth)
		abort();
}

/* What every client says at a sequence number, so that a probe's byte can be checked. */
static uint8_t said(uint32_t seq)
{
	return (uint8_t)(seq * 7 + (seq >> 8));
}

/* Any packet that may be the server's: whether the engine takes it for that is its affair. */
static void note_ack(struct ground *g, const struct packet *p)
{
	struct flow_state *f = &g->flows[p->dst_port % FLOWS];

	if (p->proto != INPATH_PROTO_TCP || !(p->tcp.flags & TCP_ACK))
		return;
	if (!f->has_acked || (int32_t)(p->tcp.ack - f->acked) > 0)
		f->acked = p->tcp.ack;
	f->has_acked = true;
}

/* Law 3: does it quote a probe of the last 30 s, or answer one in this flow? */
static bool is_an_answer(const struct ground *g, const struct packet *p)
{
	const struct quote *q = &p->quote;
	uint32_t name = q->proto == INPATH_PROTO_TCP ? q->seq : q->checksum;

	for (uint32_t i = 0; i < g->token_count && i < TOKENS; i++) {
		const struct token *t = &g->tokens[i];

		if (t->family != p->family || g->now >= t->sent + 30 * INPATH_SEC)
			continue;
		if (p->icmp_error ? t->proto == q->proto && (t->seq == name || t->ip_id == q->ip_id)
				  : t->proto == p->proto && t->port == p->dst_port)
			return true;
	}
	return false;
}

/* No probe follows a FIN or RST, unless the flow was forgotten or begun anew. */
static void note_end(struct ground *g, struct flow_state *f, uint16_t flags)
{
	if ((flags & (TCP_SYN | TCP_ACK | TCP_RST)) == TCP_SYN)
		f->closed = 0;
	if (flags & (TCP_FIN | TCP_RST))
		f->closed = 1 + inpath_engine_stats(g->engine)->flows_evicted;
}

static void give(struct ground *g, const uint8_t *bytes, size_t len, bool from_client)
{
	uint8_t *copy = wire_exact(bytes, len);
	struct packet p;
	struct inpath_meta meta = {
		.source = INPATH_SOURCE_FORWARD,
		.in_side = from_client ? INPATH_SIDE_LAN : INPATH_SIDE_WAN,
		.out_side = from_client ? INPATH_SIDE_WAN : INPATH_SIDE_LAN,
		.in_ifindex = from_client ? 3 : 2,
		.out_ifindex = from_client ? 2 : 3,
		.last = true,
	};
	struct inpath_verdict v;

	/* Often foreseen, and often by one that does not come. */
	if (len % 3)
		inpath_engine_foresee(g->engine, &meta, copy, len % 3 == 1 ? len : len / 2);
	v = inpath_engine_packet(g->engine, &meta, copy, len, len, g->now);
	demand(inpath_engine_outbox(g->engine)->count == 0);
	if (!from_client && parse_packet(copy, len, len, &p) == PARSE_OK)
		note_ack(g, &p);
	if (v.drop) {
		demand(parse_packet(copy, len, len, &p) == PARSE_OK);
		demand(p.icmp_error || (p.proto == INPATH_PROTO_TCP && p.payload_len == 0));
		demand(!from_client);
		demand(is_an_answer(g, &p));
	}
	wire_exact_free(copy, len);
}

/* A TCP packet of one of the flows, right but for what the script bends. */
static void say(struct ground *g, struct script *s, bool from_client)
{
	uint8_t which = next(s), bend = next(s), size = next(s), bytes[WIRE_MAX], payload[256];
	struct flow_state *f = &g->flows[which % FLOWS];
	bool v6 = which & 1;
	const char *client = v6 ? "2001:db8:1::10" : "192.168.1.10";
	const char *server = v6 ? "2001:db8:2::7" : "198.51.100.7";
	struct wire_tcp t = {
		.ip = { .src = from_client ? client : server,
			.dst = from_client ? server : client,
			.ttl = (uint16_t)(from_client ? 63 : 58 - (which >> 6)) },
		.src_port = (uint16_t)(from_client ? 40000 + which % FLOWS : 443),
		.dst_port = (uint16_t)(from_client ? 443 : 40000 + which % FLOWS),
		.seq = from_client ? f->client_nxt : f->server_nxt,
		.ack = from_client ? f->server_nxt : f->client_nxt,
		.flags = TCP_ACK,
		.window = 500,
		.payload = payload,
		.payload_len = size,
	};

	if (bend & 1)
		t.flags = TCP_SYN | (from_client ? 0 : TCP_ACK);
	if (bend & 2)
		t.seq += (uint32_t)(int8_t)next(s);
	if (bend & 4)
		t.ack += (uint32_t)(int8_t)next(s);
	if (bend & 8)
		t.flags ^= next(s);
	if (bend & 16)
		t.window = next(s);
	if (bend & 32) {
		t.sack_count = 1;
		t.sack[0].start = t.ack - next(s);
		t.sack[0].end = t.sack[0].start + 1 + (bend >> 7);
	}
	if (bend & 64)
		t.timestamp = true;
	if (t.flags & TCP_SYN) {
		t.payload_len = 0;
		t.sack_permitted = true;
	}
	for (size_t i = 0; i < t.payload_len; i++)
		payload[i] = said(t.seq + (uint32_t)i);
	give(g, bytes, wire_tcp(bytes, &t), from_client);
	note_end(g, f, t.flags);
	if (from_client)
		f->client_nxt = t.seq + (uint32_t)t.payload_len + !!(t.flags & TCP_SYN);
	else
		f->server_nxt = t.seq + (uint32_t)t.payload_len + !!(t.flags & TCP_SYN);
}

#define FIRST_ID  "8394c8f03e515708"
#define SERVER_ID "0102030405060708"

/* A datagram of one of the flows: an Initial, a long or a short header, or any bytes. */
static void datagram(struct ground *g, struct script *s, bool from_client)
{
	uint8_t which = next(s), kind = next(s), size = next(s), bytes[WIRE_MAX];
	bool v6 = which & 1;
	const char *client = v6 ? "2001:db8:1::10" : "192.168.1.10";
	const char *server = v6 ? "2001:db8:2::7" : "198.51.100.7";
	struct quic_wire q = { .dcid = from_client ? FIRST_ID : "",
		.scid = from_client ? "" : SERVER_ID,
		.version = kind & 16 ? WIRE_V2 : WIRE_V1,
		.key_dcid = kind & 32 ? "00" : NULL };
	struct stream d = { 0 }, frames = { 0 }, message = { 0 };

	switch (kind & 3) {
	case 0:
		plain_hello(&message, "www.example");
		put_crypto(&frames, kind & 8 ? size : 0, message.bytes, message.len);
		put_initial(&d, &q, &frames, 1200);
		break;
	case 1: put_protected(&d, &q, kind >> 2 & 3, 60); break;
	case 2:
		put8(&d, 0x40 | (kind >> 2 & 0x3f));
		put_hex(&d, from_client ? SERVER_ID : "");
		put_fill(&d, 0x99, size);
		break;
	case 3:
		for (; size && s->left; size--)
			put8(&d, next(s));
		break;
	}
	give(g, bytes,
		wire_udp(bytes,
			&(struct wire_udp){
				.ip = { .src = from_client ? client : server,
					.dst = from_client ? server : client,
					.ttl = (uint16_t)(from_client ? 63 : 58 - (which >> 6)) },
				.src_port = (uint16_t)(from_client ? 40000 + which % FLOWS : 443),
				.dst_port = (uint16_t)(from_client ? 443 : 40000 + which % FLOWS),
				.payload = d.bytes,
				.payload_len = d.len }),
		from_client);
}

/* Law 8, over as many as are remembered here. */
static void take_token(struct ground *g, const struct packet *p, uint32_t name)
{
	struct token token = { p->family, p->proto, p->src_port, p->ip_id, name, g->now };

	for (uint32_t i = 0; i < g->token_count && i < TOKENS; i++) {
		const struct token *t = &g->tokens[i];

		demand(t->family != token.family || t->proto != token.proto ||
			t->port != token.port || t->ip_id != token.ip_id || t->seq != token.seq ||
			g->now >= t->sent + 30 * INPATH_SEC);
	}
	g->tokens[g->token_count++ % TOKENS] = token;
}

static void take_udp_probe(struct ground *g, const struct packet *p)
{
	/* 8 are other UDP's; else a short header, too short to be read and for a reset. */
	if (p->payload_len != 8)
		demand(p->payload_len <= 21 && p->payload_len >= 17 && !(p->payload[0] & 0x80));
	take_token(g, p, (uint32_t)(p->payload[-2] << 8 | p->payload[-1]));
}

/* Whatever the flow has said, its record is lines that read back. */
static void take_line(void *arg, const char *line, size_t len)
{
	static struct logfmt_line read;

	(void)arg;
	check_shape(line, len);
	demand(logfmt_read(line, len, &read));
}

static void take_probe(struct ground *g, const struct inpath_probe *probe)
{
	const struct flow_state *f;
	struct packet p;

	demand(probe->len <= INPATH_PROBE_BYTES);
	demand(wire_checksums_right(probe->bytes, probe->len));
	demand(parse_packet(probe->bytes, probe->len, probe->len, &p) == PARSE_OK);
	demand(p.ttl >= 1 && p.ttl <= INPATH_MAX_HOPS);
	g->probes[g->probe_count++ % 16] = *probe;
	/* A full bucket at the start, and its rate. */
	demand(g->probe_count <= BUDGET + 1 + (g->now - INPATH_SEC) * BUDGET / INPATH_SEC);
	if (p.proto == INPATH_PROTO_UDP) {
		take_udp_probe(g, &p);
		return;
	}
	f = &g->flows[p.src_port % FLOWS];
	demand(p.proto == INPATH_PROTO_TCP);
	demand(p.payload_len <= 1 && !(p.tcp.flags & ~(TCP_ACK | TCP_PSH)));
	demand(f->closed != 1 + inpath_engine_stats(g->engine)->flows_evicted);
	if (p.payload_len) {
		demand(p.payload[0] == said(p.tcp.seq));
		demand(f->has_acked && (int32_t)(f->acked - p.tcp.seq) > 0);
	}
	take_token(g, &p, p.tcp.seq);
}

static void tick(struct ground *g)
{
	const struct inpath_outbox *box;
	const struct inpath_connection found = { .offloaded = true };
	struct inpath_tuple looks[INPATH_OUTBOX_ACTIONS];
	uint32_t sends = 0, looked = 0, ids[INPATH_OUTBOX_ACTIONS];

	inpath_engine_tick(g->engine, g->now);
	box = inpath_engine_outbox(g->engine);
	demand(box->count <= INPATH_OUTBOX_ACTIONS);
	for (uint32_t i = 0; i < box->count; i++) {
		if (box->items[i].kind == INPATH_ACTION_LOOK)
			looks[looked++] = box->items[i].look;
		if (box->items[i].kind == INPATH_ACTION_RECORD)
			logfmt_record(&box->items[i].record,
				&(struct logfmt_options){ .names = true }, take_line, NULL);
		if (box->items[i].kind == INPATH_ACTION_COUNT)
			demand(g->has_counters);
		if (box->items[i].kind != INPATH_ACTION_SEND)
			continue;
		take_probe(g, &box->items[i].probe);
		ids[sends++] = box->items[i].probe.id;
	}
	demand(sends <= INPATH_SENDS_A_TICK);
	for (uint32_t i = 0; i < sends; i++)
		inpath_engine_sent(g->engine, ids[i], g->refuse ? 1 : 0, g->now);
	for (uint32_t i = 0; i < looked; i++)
		inpath_engine_connection(g->engine, &looks[i], &found, g->now);
}

/* A router's or the server's answer to one of the latest probes, bent as the script says. */
static void answer(struct ground *g, struct script *s)
{
	uint8_t which = next(s), bend = next(s), at = next(s), bytes[WIRE_MAX];
	struct inpath_probe probe;
	struct packet p;

	if (g->probe_count == 0)
		return;
	probe = g->probes[which % (g->probe_count < 16 ? g->probe_count : 16)];
	demand(parse_packet(probe.bytes, probe.len, probe.len, &p) == PARSE_OK);
	if (bend & 1 && p.proto == INPATH_PROTO_TCP) {
		char client[INET6_ADDRSTRLEN], server[INET6_ADDRSTRLEN];
		int family = p.family == INPATH_AF_INET ? AF_INET : AF_INET6;
		const struct flow_state *f = &g->flows[p.src_port % FLOWS];

		inet_ntop(family, p.src.bytes, client, sizeof(client));
		inet_ntop(family, p.dst.bytes, server, sizeof(server));
		give(g, bytes,
			wire_tcp(bytes,
				&(struct wire_tcp){
					.ip = { .src = server, .dst = client, .ttl = 58 },
					.src_port = 443,
					.dst_port = p.src_port,
					.seq = f->server_nxt,
					.ack = f->client_nxt,
					.flags = TCP_ACK,
					.window = (uint16_t)(500 + (bend >> 7)),
					.sack_count = bend >> 6 & 1,
					.sack = { { p.tcp.seq, p.tcp.seq + 1 } } }),
			false);
		return;
	}
	if (bend & 2)
		probe.bytes[4 + at % (probe.len - 4)] ^= bend; /* not the version */
	give(g, bytes,
		wire_time_exceeded(bytes, p.family == INPATH_AF_INET ? "10.0.0.9" : "2001:db8::9",
			probe.bytes, probe.len),
		bend & 4);
}

/* What conntrack has counted of one of the flows: more than before, or anything. */
static void count(struct ground *g, struct script *s)
{
	uint8_t which = next(s), kind = next(s), down = next(s);
	struct inpath_counters *c = &g->counters[which % FLOWS];
	bool v6 = which & 1;
	const struct inpath_tuple tuple = {
		.client = wire_addr(v6 ? "2001:db8:1::10" : "192.168.1.10"),
		.server = wire_addr(v6 ? "2001:db8:2::7" : "198.51.100.7"),
		.client_port = (uint16_t)(40000 + which % FLOWS),
		.server_port = 443,
		.proto = kind & 1 ? INPATH_PROTO_UDP : INPATH_PROTO_TCP,
	};

	if (kind & 2)
		c->down_bytes = (uint64_t)down << (kind >> 2);
	c->down_bytes += (uint64_t)down << 12;
	c->up_bytes += kind & 4 ? 100 : 0;
	if (g->has_counters)
		inpath_engine_counters(g->engine, &tuple, c, g->now);
}

/* The question of a DNS answer, so that this one is believed. */
static void ask(struct ground *g, const uint8_t *answer, size_t len)
{
	struct inpath_meta meta = { .source = INPATH_SOURCE_DNS, .in_side = INPATH_SIDE_LAN };
	uint8_t bytes[WIRE_MAX], question[256];
	size_t whole;

	memcpy(question, answer, len);
	if (len < 12)
		return;
	question[2] &= 0x79;
	memset(question + 6, 0, 6);
	whole = wire_udp(
		bytes, &(struct wire_udp){ .ip = { .src = "192.168.1.10", .dst = "192.168.1.1" },
			       .src_port = 5000,
			       .dst_port = 53,
			       .payload = question,
			       .payload_len = len });
	inpath_engine_dns(g->engine, &meta, bytes, whole, whole, g->now);
}

/* Bytes of the script as they are: as a packet, or as a DNS message behind right headers. */
static void raw(struct ground *g, struct script *s, bool dns)
{
	size_t len = next(s);
	struct inpath_meta meta = { .source = INPATH_SOURCE_DNS, .out_side = INPATH_SIDE_LAN };
	uint8_t bytes[WIRE_MAX];

	len = len < s->left ? len : s->left;
	if (dns) {
		size_t whole = wire_udp(bytes,
			&(struct wire_udp){ .ip = { .src = "192.168.1.1", .dst = "192.168.1.10" },
				.src_port = 53,
				.dst_port = 5000,
				.payload = s->at,
				.payload_len = len });

		ask(g, s->at, len);
		inpath_engine_dns(g->engine, &meta, bytes, whole, whole, g->now);
		demand(inpath_engine_outbox(g->engine)->count == 0);
	} else {
		give(g, s->at, len, len & 1);
	}
	s->at += len;
	s->left -= len;
}

static void come_to_rest(struct ground *g)
{
	for (int i = 0; inpath_engine_next_deadline(g->engine) <= g->now; i++) {
		demand(i < STILL_TICKS);
		tick(g);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct inpath_limits limits = {
		.flows = 3, .names = 4, .hellos = 1, .traces = 2, .histories = 1
	};
	static const uint64_t seed[2] = { 3, 4 };
	struct inpath_policy policy = {
		.name = "all",
		.action = INPATH_TRACE,
		.protocols = INPATH_PROTOCOL_TCP | INPATH_PROTOCOL_QUIC,
		.settings = { .interval_s = 1,
			.max_hops = 16,
			.attempts = 2,
			.gap = 3,
			.touch = true },
	};
	struct inpath_policy_set set = {
		.policies = &policy,
		.policies_count = 1,
		.budget = { .gateway = BUDGET, .client = BUDGET, .first_hops = 50 },
		.timeout_ms = 1000,
		.mark_probe = 1,
		.mark_rest = 2,
		.log_hops = true,
		.log_probes = true,
	};
	struct script s = { data, size };
	struct ground g = { .now = INPATH_SEC };
	void *memory = calloc(1, inpath_engine_size(&limits));

	demand(memory != NULL);
	g.engine = inpath_engine_init(memory, &limits, seed);
	inpath_engine_set_policy(g.engine, &set, g.now);
	for (uint32_t i = 0; i < FLOWS; i++)
		g.flows[i] = (struct flow_state){ .client_nxt = i * 0x7fffff00U,
			.server_nxt = i * 0x55555500U };
	while (s.left) {
		switch (next(&s) % 17) {
		case 0:
		case 1: say(&g, &s, true); break;
		case 2:
		case 3: say(&g, &s, false); break;
		case 4: tick(&g); break;
		case 5: g.now += (uint64_t)next(&s) * INPATH_MSEC; break;
		case 6: g.now += (uint64_t)next(&s) * 200 * INPATH_MSEC; break;
		case 7:
		case 8: answer(&g, &s); break;
		case 9: raw(&g, &s, next(&s) & 1); break;
		case 10: come_to_rest(&g); break;
		case 11:
			g.refuse = next(&s) & 1;
			policy.settings.touch = next(&s) & 1;
			policy.action = next(&s) & 1 ? INPATH_TRACE : INPATH_IGNORE;
			inpath_engine_set_policy(g.engine, &set, g.now);
			break;
		case 12: datagram(&g, &s, true); break;
		case 13: datagram(&g, &s, false); break;
		case 14:
			policy.protocols = next(&s) & 7;
			inpath_engine_set_policy(g.engine, &set, g.now);
			break;
		case 15:
			policy.settings.interval_s = next(&s) & 1 ? 60 : 1;
			set.counters = g.has_counters = next(&s) & 1;
			inpath_engine_set_policy(g.engine, &set, g.now);
			break;
		case 16: count(&g, &s); break;
		}
	}
	come_to_rest(&g);
	inpath_engine_stop(g.engine, g.now);
	come_to_rest(&g);
	free(memory);
	return 0;
}
