/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * household: its clients and their flows, which come, talk, rest, and go.
 *
 *   BIRTH -> OPEN ACCEPT HELLO GREET THANK -> (ASK REPLY THANK)... -> BYE -> GONE (its slot is free)
 *
 * It also plays the kernel: a flow whose verdict carries the rest mark does not come to the engine until
 * it is armed; FIN and RST always do.
 *
 * Owns: the flows' slots; probes' answers on their way.
 * Time: the world's.
 */
#ifndef TESTS_SOAK_HOUSEHOLD_H
#define TESTS_SOAK_HOUSEHOLD_H

#include "inpath/engine.h"
#include "tests/soak/judge.h"

enum {
	HOUSE_FLOWS = 16384, /* living, or just gone */
	/* A flow's port is this and its slot; by turns HOUSE_FLOWS more, so that no flow is taken for the
	 * one before it, which the engine may still know. */
	HOUSE_PORT = 20000,
	HOUSE_ANSWERS = 16384,
	HOUSE_SERVERS = 8, /* of each service */
	HOUSE_LAN = 2,
	HOUSE_WAN = 3,
};

struct house_flow {
	bool used;
	bool upper;      /* its port is the higher one */
	uint32_t serial; /* the how manieth flow of the household it is */
	uint32_t client;
	struct inpath_tuple tuple;
	struct net_route route;
	bool v6;
	bool quic;
	bool tls;      /* its greeting names the server; else DNS does */
	bool selected; /* a policy traces it */
	bool sack;
	bool blocks; /* the server names the bytes that it has had before */
	bool deaf;   /* ... or says nothing to them at all */
	bool pushes; /* the server sends without being asked */
	bool stamps; /* TCP timestamps */
	bool ready;  /* handshake and greeting are over */
	bool closed; /* FIN or RST has passed; QUIC: it is silent for good */
	bool resting;
	bool talking; /* a step of its talk is in the agenda */
	bool spin;
	inpath_time pause; /* between two exchanges, on average */
	inpath_time rested_at;
	inpath_time closed_at;
	uint32_t iss;
	uint32_t talk_from; /* from here on the client says said() */
	uint32_t client_nxt;
	uint32_t server_nxt;
	uint32_t acked; /* what the server has acknowledged */
	uint32_t interval_s;
	struct judge_flow judge;
};

struct house_answer {
	uint32_t slot;
	uint32_t serial;
	uint16_t router; /* or NET_SERVER */
	uint8_t ttl;
	uint32_t seq;
	bool byte; /* the probe carries one, which the server can name */
	inpath_time sent;
	uint32_t len;
	uint8_t probe[INPATH_PROBE_BYTES];
	uint32_t next_free;
};

struct house {
	struct dice dice;  /* of flows: what the engine does changes none */
	struct dice moods; /* of what they say */
	uint32_t clients;
	uint32_t flows_an_hour;
	uint64_t born;
	uint64_t living;
	uint16_t of_address[JUDGE_CLIENTS]; /* of them, those that a policy traces */
	uint32_t addresses;                 /* that have such */
	uint64_t packets;
	struct house_flow *flows;
	uint32_t free[HOUSE_FLOWS]; /* a ring: the slot that is free for the longest comes first */
	uint32_t free_first;
	uint32_t free_count;
	struct house_answer *answers;
	uint32_t answer_free;
};

void house_begin(struct soak *s);
void house_end(struct soak *s);

/* AGENDA_BIRTH, AGENDA_SAY, AGENDA_GONE, AGENDA_ANSWER. */
void house_birth(struct soak *s);
void house_say(struct soak *s, const struct agenda_item *item);
void house_gone(struct soak *s, const struct agenda_item *item);
void house_answer(struct soak *s, const struct agenda_item *item);

/* A flow that a policy traces begins, or is over. */
void house_count(struct house *h, const struct house_flow *f, bool begins);

/* The flow with this tuple, or NULL. */
struct house_flow *house_find(struct soak *s, const struct inpath_tuple *tuple);

/* What the engine wants done. */
void house_send(struct soak *s, const struct inpath_probe *probe);
void house_arm(struct soak *s, const struct inpath_tuple *tuple);

/* Gives the engine a packet of the flow, unless it rests; what the verdict says is done. */
struct inpath_verdict house_pass(struct soak *s, struct house_flow *f, bool from_client,
	const uint8_t *bytes, size_t len, bool ends);

/* The router with this address, NET_SERVER for the flow's server, NET_NOBODY for anyone else. */
uint16_t house_who(const struct house_flow *f, const struct inpath_addr *addr);

#endif
