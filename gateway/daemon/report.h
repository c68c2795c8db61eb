/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * report: what the daemon says of itself, as records: start, stop, counters, state.
 *
 * Owns:   nothing.
 * Output: lines, to the log or to whoever asked (a logfmt_sink).
 */
#ifndef REPORT_H
#define REPORT_H

#include "gateway/daemon/daemon.h"

/* ev=start. */
void report_start(struct daemon *d);

/* ev=stop, behind the last ev=stats. */
void report_stop(struct daemon *d);

/* ev=stats: the engine's counters, then the shells' own, told apart by `of`. */
void report_stats(
	struct daemon *d, const struct nfqueue_counters *queue, logfmt_sink *sink, void *arg);

/* ev=state: what it is doing now. Ages are seconds since, `-` for never. */
void report_state(struct daemon *d, logfmt_sink *sink, void *arg);

#endif
