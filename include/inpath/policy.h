/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * policy: which flows are traced, and how: the configuration in the form that the engine reads.
 *
 * Owns: nothing. Whoever compiles a policy set owns every byte that it points to and keeps it
 *       unchanged until the engine was given another one. The engine only reads it.
 */
#ifndef INPATH_POLICY_H
#define INPATH_POLICY_H

#include "inpath/limits.h"
#include "inpath/types.h"

/* Domains in lower case, without dots at either end, sorted by strcmp, no duplicates. */
struct inpath_domain_list {
	const char *const *names;
	uint32_t count;
};

/* An inclusive range of addresses of one family. */
struct inpath_range {
	struct inpath_addr first;
	struct inpath_addr last;
};

/* Disjoint ranges, sorted by memcmp of `first` (family first): a binary search finds an address. */
struct inpath_range_list {
	const struct inpath_range *ranges;
	uint32_t count;
};

/* A named list of domains and prefixes. */
struct inpath_service {
	char name[INPATH_LABEL_MAX + 1];
	struct inpath_domain_list domains;
	struct inpath_range_list ranges;
};

struct inpath_port_range {
	uint16_t first;
	uint16_t last;
};

enum inpath_action {
	INPATH_IGNORE,
	INPATH_TRACE,
};

/* Bits of inpath_policy.protocols: what a policy's `protocols` names. */
enum {
	INPATH_PROTOCOL_TCP = 1 << 0,
	INPATH_PROTOCOL_QUIC = 1 << 1,
	INPATH_PROTOCOL_UDP = 1 << 2, /* UDP that is not QUIC */
};

/* Bits of inpath_policy.keys: the keys that a policy has. A key that it has not, matches all. */
enum {
	INPATH_KEY_DOMAINS = 1 << 0,
	INPATH_KEY_SERVICES = 1 << 1,
	INPATH_KEY_CLIENTS = 1 << 2,
	INPATH_KEY_SERVERS = 1 << 3,
	INPATH_KEY_PORTS = 1 << 4,
};

/* How a flow is traced: the configuration's `probe`, or a policy's own. */
struct inpath_settings {
	uint32_t interval_s; /* seconds from one trace of a flow to its next */
	uint8_t max_hops;    /* 1..INPATH_MAX_HOPS */
	uint8_t attempts;    /* probes for one TTL, 1..10 */
	uint8_t gap;         /* silent hops in a row that end a trace, 1..INPATH_MAX_HOPS */
	bool touch;          /* may probes reach the server? */
};

struct inpath_policy {
	char name[INPATH_LABEL_MAX + 1];
	enum inpath_action action;
	uint32_t keys;      /* INPATH_KEY_* */
	uint32_t protocols; /* INPATH_PROTOCOL_*; always set: tcp and quic if not written */
	struct inpath_settings settings;

	struct inpath_domain_list domains;
	const uint32_t *services; /* indices into inpath_policy_set.services */
	uint32_t services_count;
	struct inpath_range_list client_ranges;
	const struct inpath_mac *client_macs;
	uint32_t client_macs_count;
	struct inpath_domain_list client_names; /* device names, whole, in lower case */
	struct inpath_range_list servers;
	const struct inpath_port_range *ports;
	uint32_t ports_count;
};

/* The most probes in any second. */
struct inpath_budget {
	uint32_t gateway;    /* all probes */
	uint32_t client;     /* those in one client's flows */
	uint32_t first_hops; /* those with TTL 1, with TTL 2 and with TTL 3, each */
};

/* Which path records are written. */
enum inpath_log_paths {
	INPATH_LOG_PATHS_CHANGES, /* a flow's first path, then only paths that differ */
	INPATH_LOG_PATHS_ALL,
	INPATH_LOG_PATHS_NONE,
};

/* All that a reload may change. */
struct inpath_policy_set {
	const struct inpath_policy *policies; /* in order: the first that matches wins */
	uint32_t policies_count;
	const struct inpath_service *services;
	uint32_t services_count;
	struct inpath_budget budget;
	uint32_t timeout_ms; /* the longest that an answer is waited for */
	uint32_t mark_probe; /* bits that a probe's mark carries */
	uint32_t mark_rest;  /* bits that put a flow to rest */
	bool counters;       /* the host can ask for connections' counters: INPATH_ACTION_COUNT */
	enum inpath_log_paths log_paths;
	bool every_path; /* tell every path: those that log_paths leaves out with `unlogged` set */
	bool log_hops;   /* write ev=hop */
	bool log_probes; /* write ev=probe */
};

#endif
