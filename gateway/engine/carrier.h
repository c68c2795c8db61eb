/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * carrier: what a trace wants to know of its flow's transport, and how a probe of it is made. The one
 * place of the sending half that tells TCP, QUIC and other UDP apart.
 *
 * Owns:   nothing; reads a flow. Time: `now` is given.
 */
#ifndef CARRIER_H
#define CARRIER_H

#include "gateway/engine/flow.h"
#include "gateway/engine/probe.h"
#include "gateway/engine/prober.h"

/* Is enough known of the flow for probes to be modelled on it? */
bool carrier_ready(const struct flow *f, inpath_time now);

/*
 * Nothing has been seen of the flow since it rested: is enough known from before? The caller vouches
 * that conntrack has the connection, with packets of both sides, and that what TCP's probes repeat of that
 * time, a byte and an acknowledgement, is no further back than an old packet may be (TCP_FAR).
 */
bool carrier_ready_unseen(const struct flow *f);

/* Has the server spoken? */
bool carrier_answered(const struct flow *f);

/* Has the flow ended, as far as it shows? */
bool carrier_closed(const struct flow *f);

/* Must no probe ever enter it? */
bool carrier_untouchable(const struct flow *f);

enum prober_manner carrier_manner(const struct flow *f);

/* Hops to the server, inferred from its packets; 0 unknown. */
uint8_t carrier_distance(const struct flow *f);

/* Passive RTTs: the least of this armed period; 0 none. */
uint64_t carrier_e2e(const struct flow *f);
uint64_t carrier_lan(const struct flow *f);

/* Is carrier_lan no mere delayed acknowledgement? */
bool carrier_lan_is_sure(const struct flow *f);

/* The server's RTT by which a walk measures its patience; 0 unknown. */
uint64_t carrier_patience(const struct flow *f);

/* A new armed period: the least RTTs start afresh. */
void carrier_timing_reset(struct flow *f);

/* The flow comes back from rest: any number of packets may have passed unseen. */
void carrier_was_unseen(struct flow *f);

/* What the flow allows at the moment. `epoch` counts the gaps in the queue's packet ids. */
struct prober_view carrier_view(const struct flow *f, uint32_t epoch, inpath_time now);

/* Chooses a token (probe.h), and builds the probe. */
bool carrier_choose(struct probes *p, const struct flow *f, uint64_t patience, inpath_time now,
	struct probe_token *token);
uint16_t carrier_build(uint8_t out[INPATH_PROBE_BYTES], const struct flow *f,
	const struct probe_token *token, uint8_t ttl, bool ecn);

#endif
