/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * topology_behaviours: what a topology does that a plain one does not, by name.
 */
#ifndef TOPOLOGY_BEHAVIOURS_H
#define TOPOLOGY_BEHAVIOURS_H

#include "tests/netsim/topology.h"

/* A name, the word for it, and what is true of a router r, link l, way or event e that has it. */
#define BEHAVIOURS_OF_ROUTERS(X)                                                                   \
	X(SILENT, "silent", r->silent)                                                             \
	X(LIMIT, "limit", r->limit_rate > 0)                                                       \
	X(LATE, "late", r->late_max > 0 && r->late_min < LATE_FOR_ALL)                             \
	X(TOO_LATE, "late-too-late", r->late_min >= LATE_FOR_ALL)                                  \
	X(TWICE, "twice", r->twice)                                                                \
	X(FROM, "from",                                                                            \
		r->from[0].family != INPATH_AF_NONE || r->from[1].family != INPATH_AF_NONE)        \
	X(QUOTE_8, "quote8", r->quote == 8)                                                        \
	X(QUOTE_28, "quote28", r->quote == 28)                                                     \
	X(QUOTE_128, "quote128", r->quote == 128)                                                  \
	X(MPLS, "mpls", r->label_count > 0)                                                        \
	X(INTERFACE, "interface", r->has_interface)                                                \
	X(LEGACY, "legacy", has_objects(r) && r->extensions == EXTENSIONS_LEGACY)                  \
	X(UNPADDED, "unpadded", has_objects(r) && r->extensions == EXTENSIONS_UNPADDED)            \
	X(OVERLONG, "overlong", has_objects(r) && r->extensions == EXTENSIONS_OVERLONG)            \
	X(BADSUM, "badsum", has_objects(r) && r->extensions == EXTENSIONS_BADSUM)                  \
	X(ZERO_TTL, "zero-ttl", r->zero_ttl)                                                       \
	X(INVISIBLE, "invisible", r->invisible)                                                    \
	X(DSCP, "dscp", r->dscp >= 0)                                                              \
	X(ECN, "ecn", r->ecn >= 0)                                                                 \
	X(NAT_REPAIR, "nat-repair", r->nat && !r->nat_raw && r->nat_seq == NAT_SEQ_KEEP)           \
	X(NAT_RAW, "nat-raw", r->nat && r->nat_raw)                                                \
	X(NAT_SEQ, "nat-seq", r->nat && r->nat_seq == NAT_SEQ)                                     \
	X(NAT_SEQ_SACK, "nat-seq-sack", r->nat && r->nat_seq == NAT_SEQ_SACK)                      \
	X(EXPIRE, "expire", r->expire != REFUSAL_NONE)                                             \
	X(FIREWALL_DROP, "firewall-drop", r->firewall == REFUSAL_DROP)                             \
	X(FIREWALL_REFUSE, "firewall-refuse", r->firewall > REFUSAL_DROP)                          \
	X(PROXY, "proxy", r->proxy)                                                                \
	X(CGN_SPACE, "cgn-space", is_shared(&r->addr[0]))

#define BEHAVIOURS_OF_LINKS(X)                                                                     \
	X(DELAY, "delay", l->delay > 0)                                                            \
	X(JITTER, "jitter", l->jitter > 0)                                                         \
	X(LOSS, "loss", l->loss > 0)                                                               \
	X(RATE, "rate", l->rate > 0)

#define BEHAVIOURS_OF_WAYS(X)                                                                      \
	X(BALANCE_FLOW, "balance-flow", splits(t, way, BALANCE_FLOW))                              \
	X(BALANCE_DESTINATION, "balance-destination", splits(t, way, BALANCE_DESTINATION))         \
	X(BALANCE_PACKET, "balance-packet", splits(t, way, BALANCE_PACKET))                        \
	X(UNEQUAL, "unequal", way_shortest(way) != way_longest(way))                               \
	X(ASYMMETRIC, "asymmetric", is_asymmetric(t, way))                                         \
	X(DARK, "dark", !way->back && has_dark(t, way))

#define BEHAVIOURS_OF_EVENTS(X)                                                                    \
	X(EVENT_ROUTE, "event-route", e->kind == EVENT_WAY)                                        \
	X(EVENT_LINK, "event-link", e->kind == EVENT_LINK)                                         \
	X(EVENT_ROUTER, "event-router", e->kind == EVENT_ROUTER)

/* An answer that is later comes too late for any probe. */
#define LATE_FOR_ALL (1500 * INPATH_MSEC)

/* So many silent routers in a row are where a prober stops looking. */
enum {
	DARK_ROUTERS = 5
};

#define BEHAVIOUR_OF(name, word, is) DOES_##name,
enum behaviour {
	BEHAVIOURS_OF_ROUTERS(BEHAVIOUR_OF)
	BEHAVIOURS_OF_LINKS(BEHAVIOUR_OF) BEHAVIOURS_OF_WAYS(BEHAVIOUR_OF)
		BEHAVIOURS_OF_EVENTS(BEHAVIOUR_OF) BEHAVIOURS
};
#undef BEHAVIOUR_OF

/* Which of them a topology has. */
void behaviours_find(const struct topology *t, bool found[BEHAVIOURS]);

#endif
