/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * stats: the engine's counters by cause, since its start. Each has the name that ev=stats prints.
 */
#ifndef INPATH_STATS_H
#define INPATH_STATS_H

#include <stdint.h>

/* X(name, what is counted). The order is that of the ev=stats line. */
#define INPATH_STATS(X)                                                                            \
	X(packets, "packets taken from the queue")                                                 \
	X(missed, "packets that the queue passed unseen")                                          \
	X(short_packets, "passed: cut off")                                                        \
	X(malformed, "passed: malformed")                                                          \
	X(fragments, "passed: fragments")                                                          \
	X(other_proto, "passed: no flow's packet, no ICMP error")                                  \
	X(flows_new, "flows entered in the table")                                                 \
	X(flows_evicted, "flows evicted from a full table, the idlest first")                      \
	X(flows_traced, "flows that a policy traces")                                              \
	X(flows_ignored, "flows that a policy ignores, or none names")                             \
	X(flows_untraceable, "flows not traced: MPTCP, TCP-MD5 or -AO, from the WAN, ip rule iif") \
	X(offloaded, "flows that flow offload took from the queue")                                \
	X(rested, "verdicts that put a flow to rest")                                              \
	X(hellos_full, "ClientHellos not put together: no room")                                   \
	X(hellos_sni, "ClientHellos that gave a name")                                             \
	X(initials_opened, "QUIC Initials that were opened")                                       \
	X(initials_sealed, "QUIC Initials that did not open: forged, or cut off")                  \
	X(initials_capped, "QUIC Initials left alone: their flow or the second has had its share") \
	X(dns_answers, "DNS answers read")                                                         \
	X(dns_unasked, "DNS answers that nobody here asked for, or asked elsewhere")               \
	X(dns_malformed, "DNS packets not understood")                                             \
	X(names_evicted, "names and mappings evicted from a full table")                           \
	X(names_full, "names not kept: no room")                                                   \
	X(traces, "traces begun")                                                                  \
	X(waiting, "flows that are to be traced now, and wait for their turn")                     \
	X(behind_ms, "how long the first of them has waited, in milliseconds")                     \
	X(traces_reached, "traces that reached the server")                                        \
	X(budget_waits, "waves that had to wait for the budget")                                   \
	X(probes, "probes sent")                                                                   \
	X(probes_refused, "probes that the kernel refused (EPERM: a firewall, or no connection)")  \
	X(probes_failed, "probes not sent for another reason")                                     \
	X(tokens_full, "probes that had to wait for a free token")                                 \
	X(ttl_rewritten, "traces given up: the WAN rewrites TTLs, so no hop can be told")          \
	X(touches, "probes that reached the server")                                               \
	X(with_news, "answers to touches that carried news, and were passed")                      \
	X(swallowed_icmp, "dropped: ICMP errors that quote a probe")                               \
	X(swallowed_ack, "dropped: pure ACKs that answer a probe")                                 \
	X(replies_late, "answers that came too late to count")                                     \
	X(replies_again, "answers that came again")                                                \
	X(icmp_foreign, "passed: ICMP errors that quote no probe")                                 \
	X(slow_stall, "flows at rest whose throughput stalled")                                    \
	X(slow_retransmit, "flows with a burst of retransmissions")                                \
	X(slow_rtt, "flows whose RTT jumped above their usual one")                                \
	X(records, "path records written")                                                         \
	X(unchanged, "paths equal to the flow's last one")                                         \
	X(changes, "changes of a flow's path, each confirmed by a second trace")                   \
	X(flaps, "differences that the confirming trace did not find again")                       \
	X(epochs_lost, "ends of paths not told in full: too many at a time")

struct inpath_stats {
#define INPATH_STATS_FIELD(name, what) uint64_t name;
	INPATH_STATS(INPATH_STATS_FIELD)
#undef INPATH_STATS_FIELD
};

#endif
