/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * digest: what of a log fits on a page: the devices and services that were seen most, and for each pair
 * of them the routers on the way, how round trips lay over time, and the changes. Pure.
 *
 *   model -> pairs of a device and a service -> spreads, bins
 *
 * Each trace counts by itself. Those that the log tells of only together (an epoch: log.paths = "changes")
 * count as so many values of its median, spread over its time.
 *
 * Owns:   its arrays, until digest_free; 16 bytes a trace. The model must outlive it.
 * Time:   the records'.
 * Output: bounded by the limits below, however long the log is; how much was left out is told.
 */
#ifndef CLI_DIGEST_H
#define CLI_DIGEST_H

#include "gateway/cli/bins.h"
#include "gateway/cli/sights.h"

enum {
	DIGEST_CLIENTS = 8,
	DIGEST_SERVICES = 12,
	DIGEST_PAIRS = 24,
	DIGEST_AT_TTL = 6,        /* routers told of one TTL */
	DIGEST_ROUTERS = 48,      /* ... and of a pair */
	DIGEST_CHANGES = 12,      /* the latest of a pair */
	DIGEST_WEIGHT = 24,       /* values of an epoch: near enough to each other for a line */
	DIGEST_WEIGHTS = 1 << 20, /* ... of all epochs; of many, each has fewer */
};

/* A device, or a service. */
struct digest_one {
	uint32_t name;    /* text */
	uint32_t address; /* a device's latest; text */
	uint32_t traces;
};

/* A device's connections to a service. */
struct digest_pair {
	uint32_t client, service; /* indices of those that are told of; MODEL_NONE: left out */
	uint32_t first, count;    /* its sights, in digest.order */
	uint32_t traces;
	uint32_t flows, servers, changes;
	uint32_t hops; /* of the newest trace */
	struct spread lan, e2e;
};

struct digest {
	const struct model *m;
	struct digest_one clients[DIGEST_CLIENTS], services[DIGEST_SERVICES];
	struct digest_pair pairs[DIGEST_PAIRS]; /* service by service, each by its devices */
	uint32_t client_count, service_count, pair_count;
	uint32_t clients_seen, services_seen, pairs_seen;
	uint32_t traces;     /* all */
	uint32_t weight;     /* of an epoch: values, at most */
	uint32_t *order;     /* pair by pair: of traces their indices, of epochs trace_count more */
	uint32_t *flow_pair; /* of each flow: index of `pairs`, or MODEL_NONE */
	struct sample *samples; /* scratch: for all values */
	uint32_t *values;
};

/* A router at a TTL of a pair's ways. */
struct digest_router {
	uint32_t ttl;   /* 0: the server at no known TTL */
	uint32_t addrs; /* text; MODEL_NONE: no router answered at this TTL */
	uint32_t asked; /* traces that asked this TTL */
	bool server;
	bool rest; /* stands for those that did not fit */
	struct spread rtt;
};

/* What a series is of. */
enum digest_kind {
	DIGEST_LAN,
	DIGEST_E2E,
	DIGEST_ROUTER,
};

/* One change of a pair's ways: what stood at the TTL before and behind; MODEL_NONE: not known. */
struct digest_change {
	model_time at;
	uint32_t host; /* text: the server's name or address */
	uint32_t ttl, before, behind;
};

/* NULL: no memory. */
struct digest *digest_new(const struct model *m);
void digest_free(struct digest *d);

/* The routers of a pair by TTL, of each those seen most first. Returns how many. */
uint32_t digest_routers(
	struct digest *d, const struct digest_pair *p, struct digest_router out[DIGEST_ROUTERS]);

/* What the index in digest.order stands for; of an epoch the traces that the log has not by themselves. */
struct sight digest_sight(const struct digest *d, uint32_t index);

/* All round trips as one. `router` only for DIGEST_ROUTER. */
struct spread digest_whole(struct digest *d, const struct digest_pair *p, enum digest_kind kind,
	const struct digest_router *router);

/* Round trips over the log's time, in `bins` bins. */
void digest_series(struct digest *d, const struct digest_pair *p, enum digest_kind kind,
	const struct digest_router *router, struct spread *out, uint32_t bins);

/* The latest changes of a pair, newest first. Returns how many. */
uint32_t digest_changes(const struct digest *d, const struct digest_pair *p,
	struct digest_change out[DIGEST_CHANGES]);

/* The entry of a path at a TTL (0: the server at none); its index, or MODEL_NONE. */
uint32_t digest_entry(const struct model_step *steps, uint32_t count, uint32_t ttl);

#endif
