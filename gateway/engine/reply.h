/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * reply: which of our probes an ICMP error or a server's ACK answers, and whether the client may be
 * spared it (DESIGN section 6).
 *
 * Owns:   nothing; reads the table of sent probes and a flow's TCP state.
 * Time:   none: what is in the table still matches.
 */
#ifndef REPLY_H
#define REPLY_H

#include "gateway/engine/parse.h"
#include "gateway/engine/probe.h"
#include "gateway/engine/tcp.h"
#include "inpath/record.h"

enum reply_kind {
	REPLY_NONE,  /* quotes no probe of ours */
	REPLY_EXACT, /* server, port and token are a probe's */
	REPLY_ID,    /* all but the IPv4 ID, which is off by `shift` */
	REPLY_SEQ,   /* all but the sequence number (UDP: the checksum), which is off by `shift` */
};

struct reply_match {
	enum reply_kind kind;
	uint32_t slot;  /* of the probe */
	uint32_t shift; /* REPLY_ID: modulo 2^16; REPLY_SEQ: modulo 2^32 */
};

/* The probe that an ICMP error (p->icmp_error is set) quotes, by all of its token: REPLY_EXACT or REPLY_NONE. */
struct reply_match reply_match_icmp(const struct probes *probes, const struct packet *p);

/*
 * Where reply_match_icmp finds none: the probe that an error may quote whose token was rewritten on the way.
 * REPLY_ID and REPLY_SEQ are only suspicions: they count when two replies of one trace agree on the shift.
 * A look over up to PROBE_SEARCH probes, so that the caller limits how often it is asked.
 */
struct reply_match reply_suspect_icmp(const struct probes *probes, const struct packet *p);

/* What the quote of a matched probe shows to have been rewritten: INPATH_REWRITTEN_*. */
uint8_t reply_rewritten(
	const struct reply_match *m, const struct sent_probe *sent, const struct quote *q);

/* What an ICMP error says that cannot be reached; INPATH_UNREACH_NONE if it is of another kind. */
enum inpath_unreach reply_unreach(const struct packet *p);

/* Does it say that the quoted packet's TTL was used up on the way (RFC 792, RFC 4443 3.3)? */
bool reply_expired(const struct packet *p);

/*
 * The probe that the first SACK block of a server's packet names as received again (D-SACK,
 * RFC 2883): its block is exactly the probe's byte and lies below the acknowledgement. TABLE_NONE
 * if there is none. `shift` is by how much a NAT on the way raises the client's sequence numbers
 * without putting right the blocks that come back; 0 if there is none.
 */
uint32_t reply_match_dsack(const struct probes *probes, const struct inpath_tuple *tuple,
	const struct packet *p, uint32_t shift);

/*
 * An ACK that conntrack could not place and that is addressed to the gateway itself: nothing but a
 * D-SACK block of one byte, from a server that a touch went to. The newest such probe, or TABLE_NONE.
 */
uint32_t reply_match_stray(const struct probes *probes, const struct packet *p);

/*
 * Does this ACK of the server say nothing but that something old came again? It has no payload and
 * at most `blocks` SACK blocks, is flagged as ACK alone with the ECN counters of the server's
 * previous packet, is not marked CE, repeats that packet's acknowledgement and raw window, and no
 * packet was missed since (`epoch`).
 */
bool reply_is_pure(
	const struct tcp_flow *t, const struct packet *p, uint8_t blocks, uint32_t epoch);

/*
 * Is it a bare duplicate ACK that can only answer a touch: pure, no SACK block, at the server's
 * newest sequence number (a keep-alive is one below), and the client has nothing unacknowledged?
 */
bool reply_is_bare(const struct tcp_flow *t, const struct packet *p, uint32_t epoch);

#endif
