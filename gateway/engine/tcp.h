/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tcp: one TCP connection as seen from the middle: what each side has said and acknowledged, what a
 * probe must look like, and how long each side takes to answer.
 *
 *	       client (LAN)                gateway                server (WAN)
 *	  client.nxt, client.ack  ------------------------->
 *	                          <-------------------------  server.nxt, server.ack
 *	         lan_ns: data down, ACK up        e2e_ns: data up, ACK down
 *
 * Owns:   nothing; a flow embeds it by value. All zero is a connection of which nothing was seen.
 * Time:   `now` is when the kernel took the packet.
 * Output: TCP_SAW_* bits of what a packet meant.
 *
 * Sequence numbers wrap (RFC 9293 3.4): only differences are compared.
 */
#ifndef TCP_H
#define TCP_H

#include "gateway/engine/parse.h"
#include "inpath/record.h"
#include "inpath/types.h"

enum {
	TCP_KEPT = 90,       /* bytes kept of what the client sent */
	TCP_KEPT_LEAST = 64, /* so many are enough: newer ones replace them, fewer do not */
};

/* The largest window (RFC 7323 2.3). What is farther off than that passed unseen in between. */
#define TCP_FAR (1U << 30)

/* How a packet changed the picture. */
enum {
	TCP_SAW_CLOSE = 1 << 0,      /* the first FIN or RST */
	TCP_SAW_DATA_ACKED = 1 << 1, /* the server acknowledged client data for the first time */
	TCP_SAW_REPEATED = 1 << 2,   /* data that was sent before */
};

struct tcp_side {
	uint32_t nxt;     /* one past the highest sequence number that this side has sent */
	uint32_t ack;     /* the newest acknowledgement that it has sent */
	uint32_t recover; /* a retransmission is made up for once this is acknowledged (RFC 6675) */
	uint16_t window;  /* raw, of its newest packet */
	bool seq_known : 1;
	bool ack_known : 1;
	bool recovering : 1;
	bool heard : 1; /* in the flow's epoch */
};

/* Bytes that the client sent, in order, with the sequence number of the first. */
struct tcp_kept {
	uint32_t seq;
	uint16_t len;
	uint8_t bytes[TCP_KEPT];
};

/* One RTT measurement under way: Karn's algorithm drops it at a retransmission. */
struct tcp_timing {
	inpath_time since; /* 0: none */
	uint32_t seq;      /* ends when this is acknowledged */
	uint8_t count;     /* that ended since tcp_timing_reset, as far as UINT8_MAX */
};

struct tcp_flow {
	struct tcp_side client;
	struct tcp_side server;

	bool syn_seen : 1;      /* the client's SYN passed: the stream's start is known */
	bool established : 1;   /* the handshake is complete, or the flow was met in mid-stream */
	bool from_wan : 1;      /* the WAN side opened it */
	bool closed : 1;        /* FIN or RST was seen */
	bool sack_offered : 1;  /* in the client's SYN */
	bool sack : 1;          /* both sides use SACK */
	bool accecn : 1;        /* the SYN asked for AccECN (draft-ietf-tcpm-accurate-ecn) */
	bool untouchable : 1;   /* MPTCP, TCP-MD5 or TCP-AO, or options that cannot be read */
	bool data_acked : 1;    /* the server acknowledged client data */
	bool server_seen : 1;   /* a server packet was seen; its flags and `server` are its own */
	bool server_spoke : 1;  /* the server's newest packet carried data */
	bool has_earlier : 1;   /* `earlier_ack` is valid */
	bool has_timestamp : 1; /* the client's packets carry the option */
	bool unseen : 1; /* it comes back from rest: what the client sent meanwhile is not known */
	bool dont_fragment : 1;
	bool spoke : 1;     /* data passed in the flow's epoch, either way, or it began there */
	uint8_t tos;        /* of the client's newest packet */
	uint8_t server_ttl; /* of the server's newest SYN or data, as the gateway forwards it */
	uint16_t client_flags;
	uint16_t server_flags;
	uint32_t server_said; /* the acknowledgement in the server's newest packet */
	uint32_t epoch;       /* of the packet ids, when the newest packet was seen */
	uint32_t flow_label;
	uint32_t tsval;
	uint32_t tsecr;
	uint32_t earlier_ack; /* one that the client sent before its newest */

	struct tcp_timing up;
	struct tcp_timing down;
	inpath_time first_seen;
	inpath_time synack_at;
	uint64_t e2e_ns; /* the least since tcp_timing_reset; 0 none */
	uint64_t lan_ns;
	/* The soonest that the server has answered anything, its SYN to begin with: on a waking line, or a busy
	 * machine, that one alone may take many times the way. 0: the SYN was not seen. */
	uint64_t soonest_ns;

	struct tcp_kept pending; /* the server has not yet acknowledged these */
	/* Few packets need more than whether there are any, and what follows. */
	struct tcp_kept acked;     /* it has acknowledged these */
	inpath_time retransmit_at; /* the latest retransmission, either side's; 0 none */
	inpath_time syn_at;        /* 0: none, or sent twice */
	uint32_t rest_nxt;  /* the client's next sequence number when it went to rest, if unseen */
	uint32_t iss;       /* the client's initial sequence number, if syn_seen */
	uint32_t syn_tsval; /* of the client's SYN, if it had the option */
	struct inpath_handshake handshake;
};

/* Is a before b, in sequence space? */
static inline bool seq_before(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) < 0;
}

/* Does this packet open another connection than the one in `t`? */
bool tcp_opens_anew(const struct tcp_flow *t, const struct packet *p, bool from_client);

/*
 * Takes a packet of the flow. `epoch` counts the gaps in the queue's packet ids.
 * Returns TCP_SAW_*.
 */
uint32_t tcp_track(struct tcp_flow *t, const struct packet *p, bool from_client, uint32_t epoch,
	inpath_time now);

/* Was a packet of the server seen since the latest gap in the queue's packet ids? */
bool tcp_server_heard(const struct tcp_flow *t, uint32_t epoch);

/*
 * Is it known to live? What a gap hid may have been its end; one in which data still passes, either
 * way, has not ended.
 */
bool tcp_lives(const struct tcp_flow *t, uint32_t epoch);

/* Has the server acknowledged all that the client sent? Then an answer to a probe carries no news. */
bool tcp_quiet(const struct tcp_flow *t);

/* Is data of the server on its way to the client? */
bool tcp_server_in_flight(const struct tcp_flow *t);

/* The server has answered something in so long. */
void tcp_answered_in(struct tcp_flow *t, uint64_t rtt_ns);

/* Has a side said something again that the other has not acknowledged since? */
bool tcp_recovering(const struct tcp_flow *t);

/* Hops from the gateway to the server, inferred from the TTL of its packets; 0 unknown. */
uint8_t tcp_distance(const struct tcp_flow *t);

/* The flow comes back from rest: any number of packets may have passed unseen. */
void tcp_was_unseen(struct tcp_flow *t);

/* A new armed period: the least RTTs start afresh. */
void tcp_timing_reset(struct tcp_flow *t);

/* Distance from the common initial TTLs (32, 64, 128, 255) to one seen in FORWARD; 0 if `ttl` is. */
uint8_t ttl_distance(uint8_t ttl);

#endif
