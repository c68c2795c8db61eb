/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * check: what `inpath check` knows of this gateway, and what it makes of it.
 *
 *   gather (check_host, check_kernel: ask the system) -> struct facts -> judge (pure) -> findings
 *
 * Owns:   the facts' texts and configuration, for the life of the process.
 * Time:   none beyond the ages that the daemon reports.
 */
#ifndef CHECK_H
#define CHECK_H

#include "gateway/cli/ask.h"
#include "gateway/cli/finding.h"
#include "gateway/daemon/config.h"

#include <net/if.h>

/* What the firewall's rules do that matters here. */
struct firewall {
	bool nat;
	bool offload;  /* a rule sends flows to a flow table whether they rest or not */
	bool hardware; /* ... which is in hardware */
	bool restores; /* a rule puts a connection's whole mark on its packets */
	char offload_where[96];
	char restores_where[96];
};

/* Policy routing that matters here. */
struct routing {
	bool whole_marks;       /* a rule matches marks in bits that are inpath's */
	char whole_which[64];   /* ... such as "fwmark 0x1" */
	char lan_iif[IFNAMSIZ]; /* a rule is about packets that come in here; empty: none */
};

/* One feature of the kernel, tried in a network namespace of its own. */
struct feature {
	const char *id;
	int error;        /* 0: it works */
	bool needed;      /* without it nothing works */
	const char *does; /* what is for it: "queue packets" */
	const char *mend;
};

enum {
	FEATURES_MAX = 16,
};

struct facts {
	bool admin;
	struct config *config; /* NULL: it cannot be read */
	struct config_error config_why;
	struct config_ifaces lan, wan;
	char lan_down[IFNAMSIZ],
		wan_down[IFNAMSIZ]; /* one that is configured but not there, or down */
	int daemon_error;           /* of ask_daemon */
	struct answer daemon;
	char queue_owner[64]; /* who else has the queue; empty: nobody, or inpathd */
	int rules_status;     /* of `inpath-rules status`; -1: it could not be run */
	char rules_said[200]; /* its first line */
	struct firewall firewall;
	struct routing routing;
	size_t feature_count;
	struct feature features[FEATURES_MAX];
	char gro_list[IFNAMSIZ]; /* an interface with rx-gro-list; empty: none */
	uint64_t wall_s;         /* the clock, seconds since 1970 */
	bool clock_unsynchronised;
	uint64_t conntrack_count, conntrack_max; /* 0: unknown */
};

/* Reads `nft -j list ruleset` into `out`, beside what is there. False if it is not such a text. */
bool firewall_read_nft(const char *json, uint32_t probe, uint32_t rest, struct firewall *out);

/* Reads the text of iptables-save likewise. */
void firewall_read_iptables(const char *text, struct firewall *out);

/* Fill the facts. */
void check_gather_host(struct facts *f, const char *config_file);
void check_gather_kernel(struct facts *f);

/* Turns facts into findings. Pure. */
void check_judge(const struct facts *f, struct findings *out);

#endif
