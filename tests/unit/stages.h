/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * stages: one connection of a LAN client, for the tests of the engine's single stages. Packets are
 * built as bytes by wire.h and read by the parser, so a stage sees what it would see in the engine.
 */
#ifndef TESTS_UNIT_STAGES_H
#define TESTS_UNIT_STAGES_H

#include "gateway/engine/arena.h"
#include "gateway/engine/tcp.h"
#include "tests/unit/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define T0 (1000 * INPATH_SEC) /* when a test begins */
#define MS INPATH_MSEC

enum {
	CLIENT_PORT = 40000,
	SERVER_PORT = 443,
};

/* A packet and the bytes that it points into. */
struct held_packet {
	uint8_t bytes[WIRE_MAX];
	size_t len;
	struct packet p;
};

/* Reads a packet of which only the first `caplen` bytes were copied. */
static inline void held_read(struct held_packet *h, size_t caplen)
{
	assert_int_equal(parse_packet(h->bytes, caplen, h->len, &h->p), PARSE_OK);
}

/* A packet of the client (or of the server) as `t` says; addresses and ports are filled in. */
static inline const struct packet *held_tcp(
	struct held_packet *h, bool from_client, bool v6, struct wire_tcp t)
{
	const char *client = v6 ? "2001:db8:1::10" : "192.168.1.10";
	const char *server = v6 ? "2001:db8:2::7" : "198.51.100.7";

	t.ip.src = from_client ? client : server;
	t.ip.dst = from_client ? server : client;
	t.src_port = from_client ? CLIENT_PORT : SERVER_PORT;
	t.dst_port = from_client ? SERVER_PORT : CLIENT_PORT;
	h->len = wire_tcp(h->bytes, &t);
	held_read(h, h->len);
	return &h->p;
}

/* Takes one packet into `flow`: TCP(&flow, true, T0, .seq = 1, .flags = TCP_ACK). */
static inline uint32_t stage_take(
	struct tcp_flow *flow, bool from_client, inpath_time now, struct wire_tcp t)
{
	struct held_packet h;
	const struct packet *p = held_tcp(&h, from_client, false, t);

	return tcp_track(flow, p, from_client, 0, now);
}

#define UP(flow, now, ...)   stage_take(flow, true, now, (struct wire_tcp){ __VA_ARGS__ })
#define DOWN(flow, now, ...) stage_take(flow, false, now, (struct wire_tcp){ __VA_ARGS__ })

/*
 * Where a byte of the client's stream is known by its sequence number, so that a kept byte proves
 * where it came from.
 */
static inline uint8_t stage_byte(uint32_t seq)
{
	return (uint8_t)(seq * 151 + (seq >> 8) * 31 + 7);
}

static inline const uint8_t *stage_bytes(uint32_t seq, size_t len)
{
	static uint8_t bytes[WIRE_MAX];

	for (size_t i = 0; i < len; i++)
		bytes[i] = stage_byte(seq + (uint32_t)i);
	return bytes;
}

/* Client data of the stream that stage_byte describes. */
#define UP_DATA(flow, now, from, n, ...)                                                           \
	UP(flow, now, .seq = (from), .flags = TCP_ACK | TCP_PSH, .window = 500,                    \
		.payload = stage_bytes(from, n), .payload_len = (n), __VA_ARGS__)

/* A handshake: the client's stream begins at c, the server's at s; RTTs 20 ms up, 3 ms down. */
static inline void stage_handshake(struct tcp_flow *flow, uint32_t c, uint32_t s)
{
	UP(flow, T0, .seq = c - 1, .flags = TCP_SYN, .window = 64240, .sack_permitted = true);
	DOWN(flow, T0 + 20 * MS, .seq = s - 1, .ack = c, .flags = TCP_SYN | TCP_ACK,
		.window = 65160, .sack_permitted = true);
	UP(flow, T0 + 23 * MS, .seq = c, .ack = s, .flags = TCP_ACK, .window = 502);
}

/* The bytes that probes may repeat are [from, to), and are the client's. */
static inline void assert_kept(const struct tcp_flow *f, uint32_t from, uint32_t to)
{
	assert_int_equal(f->acked.len, to - from);
	if (from == to)
		return;
	assert_int_equal(f->acked.seq, from);
	for (uint32_t seq = from; seq != to; seq++)
		assert_int_equal(f->acked.bytes[seq - from], stage_byte(seq));
}

/* Zeroed memory in which `init` carves a stage; to be freed. */
static inline void *stage_memory(size_t used)
{
	void *memory = calloc(1, used ? used : 1);

	assert_non_null(memory);
	return memory;
}

#endif
