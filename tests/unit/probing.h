/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * probing: a memory of probes, and a flow whose bytes they may repeat.
 */
#ifndef TESTS_UNIT_PROBING_H
#define TESTS_UNIT_PROBING_H

#include "gateway/engine/probe.h"
#include "tests/unit/stages.h"

static const struct hash_key PROBING_KEY = { 0x0123456789abcdef, 0xfedcba9876543210 };

#define PATIENCE (1000 * MS)

struct fixture {
	struct probes p;
	void *memory;
};

static inline struct fixture probes_of(uint32_t capacity)
{
	struct arena measure = { 0 }, arena = { 0 };
	struct fixture f = { 0 };

	probes_init(&f.p, &measure, capacity, &PROBING_KEY);
	f.memory = stage_memory(measure.used);
	arena.base = f.memory;
	f.p = (struct probes){ 0 };
	probes_init(&f.p, &arena, capacity, &PROBING_KEY);
	return f;
}

static inline struct inpath_tuple tuple_of(bool v6)
{
	return (struct inpath_tuple){
		.client = wire_addr(v6 ? "2001:db8:1::10" : "192.168.1.10"),
		.server = wire_addr(v6 ? "2001:db8:2::7" : "198.51.100.7"),
		.client_port = CLIENT_PORT,
		.server_port = SERVER_PORT,
		.proto = INPATH_PROTO_TCP,
	};
}

/* A flow that has sent up to `nxt`, all acknowledged; its `len` bytes from `seq` on are kept. */
static inline struct tcp_flow flow_of(uint32_t seq, uint16_t len, uint32_t nxt)
{
	struct tcp_flow t = {
		.client = { .nxt = nxt,
			.ack = 5600,
			.window = 4321,
			.seq_known = true,
			.ack_known = true },
		.server = { .nxt = 5600,
			.ack = nxt,
			.window = 77,
			.seq_known = true,
			.ack_known = true },
		.has_earlier = true,
		.earlier_ack = 5500,
		.dont_fragment = true,
		.client_flags = TCP_ACK | TCP_ECE | TCP_AE,
		.tsval = 0xa1b2c3d4,
		.tsecr = 0x01020304,
		.tos = 0xba,
		.flow_label = 0xabcde,
		.acked = { .seq = seq, .len = len },
	};

	for (uint16_t i = 0; i < len; i++)
		t.acked.bytes[i] = stage_byte(seq + i);
	return t;
}

/* Chooses and remembers, as the engine does. */
static inline bool send_probe(struct probes *p, const struct inpath_tuple *tuple,
	const struct tcp_flow *t, inpath_time now, struct probe_token *token, uint32_t *slot)
{
	if (!probe_choose(p, tuple, t, PATIENCE, now, token))
		return false;
	*slot = probe_add(p, tuple, token->seq);
	if (*slot == TABLE_NONE)
		return false;
	p->entries[*slot].sent = now;
	p->entries[*slot].ip_id = token->ip_id;
	p->entries[*slot].empty = token->empty;
	return true;
}

#endif
