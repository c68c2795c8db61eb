/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * probe: builds the packets that are sent inside a client's flow, and remembers each for 30 s.
 *
 * A TCP probe is an old one-byte retransmission to every box on the way (DESIGN section 5). What
 * identifies it in a quote is its sequence number and, in IPv4, its ID; in the server's D-SACK block
 * (RFC 2883) the sequence number of its byte. UDP probes: probe_udp.h.
 *
 * Owns:   a fixed table of sent probes, ordered by time. Entries leave it PROBE_MEMORY after
 *         sending, never before: full means that no probe is built.
 * Time:   `now` is given.
 */
#ifndef PROBE_H
#define PROBE_H

#include "gateway/engine/arena.h"
#include "gateway/engine/hash.h"
#include "gateway/engine/table.h"
#include "gateway/engine/tcp.h"
#include "inpath/limits.h"
#include "inpath/types.h"

/* Law 8: so long is an answer taken off the wire, and so long is no token used again. */
#define PROBE_MEMORY (30 * INPATH_SEC)

enum {
	PROBE_SEARCH = 512, /* of the latest probes, looked at where only an ID tells them apart */
};

struct sent_probe {
	struct inpath_tuple tuple;
	struct inpath_addr from; /* who answered, if `answered` */
	uint8_t ttl;
	uint8_t attempt;
	bool touch;    /* it may reach the server */
	bool empty;    /* carries no byte */
	bool answered; /* by a router, or by the server */
	bool by_router;
	bool by_server;
	bool bare; /* an acknowledgement that names no byte was put down to it */
	uint8_t tos;
	uint16_t sum;   /* the transport's checksum */
	uint16_t ip_id; /* IPv4 */
	uint16_t len;   /* of the whole packet */
	uint32_t seq;   /* UDP: the checksum */
	uint32_t trace; /* slot of its trace, valid while that trace's run is `run` */
	uint32_t run;
	inpath_time sent;
	uint64_t rtt_ns; /* if `answered` */
};

struct probes {
	const struct hash_key *key;
	struct table table;
	struct sent_probe *entries;
	uint64_t random; /* counter of hash_random */
};

void probes_init(
	struct probes *p, struct arena *arena, uint32_t capacity, const struct hash_key *key);

/* Forgets what is older than PROBE_MEMORY. */
void probes_expire(struct probes *p, inpath_time now);

enum {
	PROBE_UDP_PAYLOAD = 21, /* bytes at most (DESIGN section 5) */
};

/* What a probe says, and what names it: a TCP probe's sequence number, or a UDP probe's checksum. */
struct probe_token {
	uint32_t seq;
	uint16_t ip_id; /* IPv4: 1..65535; IPv6: 0 */
	bool empty;     /* no byte is known that the server has acknowledged */
	uint8_t byte;
	uint8_t payload_len; /* UDP */
	uint8_t payload[PROBE_UDP_PAYLOAD];
};

/*
 * Chooses a token for the next probe of a flow: an acknowledged byte that no probe still waited
 * for uses, nor one next to it, and never the last byte sent. `patience` is how long an answer is
 * waited for. False if there is none.
 */
bool probe_choose(struct probes *p, const struct inpath_tuple *tuple, const struct tcp_flow *t,
	uint64_t patience, inpath_time now, struct probe_token *token);

/*
 * Writes the probe to `out`; returns its length. Header fields are those of the client's newest
 * packet; `ecn` keeps its ECN field, else the field is Not-ECT.
 */
uint16_t probe_build(uint8_t out[INPATH_PROBE_BYTES], const struct inpath_tuple *tuple,
	const struct tcp_flow *t, const struct probe_token *token, uint8_t ttl, bool ecn);

/* Notes of a probe's bytes what a quote of it should show. */
void probe_signature(const uint8_t bytes[INPATH_PROBE_BYTES], struct sent_probe *out);

/* Remembers a probe; the caller fills the entry. TABLE_NONE if the table is full. */
uint32_t probe_add(struct probes *p, const struct inpath_tuple *tuple, uint32_t seq);

/*
 * The newest probe to that server and port with that sequence number; then the ones before it.
 * TABLE_NONE if there is none (more).
 */
uint32_t probe_find(
	const struct probes *p, const struct inpath_addr *server, uint16_t port, uint32_t seq);
uint32_t probe_find_next(const struct probes *p, uint32_t slot);

/*
 * A walk over those of the PROBE_SEARCH latest probes that went to this server and port, the newest
 * first: where a token was rewritten on the way, and only what is left tells probes apart.
 */
struct probe_search {
	const struct inpath_addr *server;
	uint16_t port;
	uint32_t slot; /* to be looked at next */
	uint32_t left; /* probes that may still be looked at */
};

struct probe_search probe_search_over(
	const struct probes *p, const struct inpath_addr *server, uint16_t port);

/* The next one's slot, or TABLE_NONE. */
uint32_t probe_search_next(const struct probes *p, struct probe_search *search);

/*
 * An ID for a probe to this server that none of its latest has: 1..65535, because the kernel
 * replaces 0 (raw(7)); in IPv6, where there is none, 0.
 */
uint16_t probe_choose_id(struct probes *p, const struct inpath_tuple *tuple);

#endif
