/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * model: what a log's records tell, in memory: flows, the paths that they took, every trace's round
 * trips, and the changes. It is what `flows`, `paths`, `why` and `report` look at.
 *
 *   lines -> logfmt_read -> model_line -> flows, traces, epochs, paths, changes -> (tables, sentences, a page)
 *
 * Owns:   all of it, until model_free. A million traces over 13 hops take about 110 MB: texts,
 *         addresses and whole paths are kept once each.
 * Time:   the records' own (`ts`), in ms since 1970, UTC. Traces and changes are in the log's order.
 * Output: arrays, to be read only. Texts are numbers: model_text. No text holds a control byte that
 *         was not in the log; what is printed must be made safe by who prints it.
 */
#ifndef CLI_MODEL_H
#define CLI_MODEL_H

#include "gateway/cli/intern.h"
#include "gateway/logfmt/logfmt.h"

#include <stdbool.h>
#include <stdio.h>

typedef uint64_t model_time; /* ms since 1970, UTC */

enum {
	MODEL_NONE = INTERN_NONE, /* no text, no index */
	MODEL_HOPS = 80,          /* entries of the longest path that is read */
};

struct devices;

/* What is kept of the log. */
struct model_filter {
	model_time since;   /* traces from then on; 0: all */
	const char *client; /* an address, or a device's name whatever its case; NULL: all */
	const char
		*service; /* a service list's or policy's name, or a domain that the host is in */
	const struct devices *devices; /* of devices that a record has no name of; NULL: none */
};

/* One entry of a path. */
struct model_step {
	uint32_t ttl;   /* 0: the server, at no known TTL (`?`) */
	uint32_t addrs; /* text: the address, or several joined by `+`; MODEL_NONE: silent */
};

/* A flow: the same client, protocol, ports and server. All but the numbers are texts. */
struct model_flow {
	uint32_t client; /* address */
	uint32_t device; /* its name; MODEL_NONE */
	uint32_t policy, service;
	uint32_t host; /* MODEL_NONE: no name was known */
	uint32_t by;
	uint32_t proto;
	uint32_t server; /* address */
	uint16_t client_port, server_port;
	uint8_t af;
	uint32_t traces;
	uint32_t first_trace, last_trace; /* indices; MODEL_NONE: none logged */
	uint32_t first_epoch, last_epoch; /* likewise */
};

/* One record ev=path. */
struct model_trace {
	model_time at;
	uint32_t flow;
	uint32_t path; /* see model_path */
	uint32_t
		rtts; /* into model.rtts: us, one for each entry of the path; 0 where it is silent */
	uint32_t e2e_us, lan_us; /* 0: unknown */
	uint32_t fingerprint;
	uint32_t why, stop; /* texts */
	uint32_t next;      /* of the same flow, later; MODEL_NONE */
	uint32_t line;      /* its number in the log, from 1 */
	uint8_t nhop;
	uint8_t sent;
	bool told; /* an epoch has it among its figures: see model_end */
};

/* Many round trips. Without any all is 0 but `sent`. */
struct model_spread {
	uint32_t least_us, middle_us, most_us;
	uint32_t sent, answered; /* probes; of e2e and lan: 0 */
};

/* One record ev=epoch: a path as long as a flow took it. */
struct model_epoch {
	model_time since, until; /* the first and the latest trace that showed it */
	uint32_t flow;
	uint32_t path;
	uint32_t spreads; /* into model.spreads: one for each entry of the path */
	uint32_t traces, flaps;
	uint32_t logged; /* of its traces, so many are there by themselves: see model_end */
	uint32_t fingerprint;
	struct model_spread e2e, lan;
	uint32_t next; /* of the same flow, later in the log; MODEL_NONE */
};

/* One record ev=change. */
struct model_change {
	model_time at;
	uint32_t flow;
	uint32_t old_fingerprint, new_fingerprint;
	uint8_t ttl;
};

struct model {
	struct model_filter filter;
	struct intern texts;
	struct intern paths; /* of struct model_step */
	struct intern keys;  /* a flow's identity; its number is the flow's index */
	struct model_flow *flows;
	struct model_trace *traces;
	struct model_change *changes;
	struct model_epoch *epochs;
	uint32_t *rtts;
	struct model_spread *spreads;
	uint32_t flow_count, trace_count, change_count, epoch_count, rtt_count, spread_count;
	uint32_t flow_room, trace_room, change_room, epoch_room, rtt_room, spread_room;
	model_time first, last; /* of all traces and epochs that are kept; 0: none */
	/* What the lines were. */
	uint64_t lines;    /* all */
	uint64_t broken;   /* with `ev=`, but not as the daemon writes */
	uint64_t filtered; /* records that the filter left out */
	uint64_t unjoined; /* records of several parts of which one is missing */
	bool full;         /* no memory: what came later is missing */
	/* The latest records as they were written, if they are to be kept: a ring of lines. */
	struct model_raw {
		char text[LOGFMT_LINE_MAX + 1];
	} * raw;
	uint32_t raw_room;
	uint64_t raw_count; /* all that were kept at some time */
	struct model_parts *parts;
};

/* Empty. NULL: no memory. The filter's texts stay the caller's, and must outlive the model. */
struct model *model_new(const struct model_filter *filter);
void model_free(struct model *m);

/* From now on the latest `records` records are kept as they were written. False: no memory. */
bool model_keep_raw(struct model *m, uint32_t records);

/* The latest record but `back`, as it was written; NULL: so many are not kept. */
const char *model_raw(const struct model *m, uint32_t back);

/* Takes one line of a log, as syslog, logread or the journal print it. False: no memory. */
bool model_line(struct model *m, const char *line, size_t len);

/*
 * The log has ended: what waits for a missing part is given up. A trace within an epoch of its flow that
 * shows no other path is marked, and counted there: the epoch's figures have it in them.
 */
void model_end(struct model *m);

/*
 * Reads a whole log; `told` (may be NULL) is called now and then with the bytes read so far. 0, or
 * -errno (-ENOMEM: the model holds what was read until then).
 */
int model_read(struct model *m, FILE *log, void (*told)(void *arg, uint64_t bytes), void *arg);

/* Room for `more` elements of `size` bytes behind `count`; false: no memory. */
bool model_grow(void **array, uint32_t *room, uint32_t count, uint32_t more, size_t size);

/* A text by its number; "" for MODEL_NONE. */
const char *model_text(const struct model *m, uint32_t text);

/* A path's entries, by TTL; an entry without TTL last. */
const struct model_step *model_path(const struct model *m, uint32_t path, uint32_t *count);

/* A time as people write it: 90s, 10m, 2h, 3d (before `now`), or 2026-11-21, 2026-11-21T20:14[:05]
 * (local time), or a record's ts. False if it is none of these. */
bool model_time_read(const char *text, model_time now, model_time *out);

#endif
