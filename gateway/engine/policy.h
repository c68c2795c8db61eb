/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * policy: which policy a flow falls under. Pure look-ups in a compiled set (inpath/policy.h).
 */
#ifndef ENGINE_POLICY_H
#define ENGINE_POLICY_H

#include "inpath/policy.h"

/* What is known of a flow when it is decided. */
struct policy_facts {
	const struct inpath_addr *client;
	const struct inpath_mac *mac; /* NULL if unknown */
	const char *device; /* the client's name, NULL if unknown; compared without case */
	const struct inpath_addr *server;
	uint16_t server_port;
	uint32_t protocol; /* one INPATH_PROTOCOL_* bit */
	const char *host;  /* in lower case; "" or NULL if unknown */
};

struct policy_choice {
	const struct inpath_policy *policy; /* NULL: no policy matches; the flow is ignored */
	/* What a record's `svc` says: the service of the policy that matched; else, if the policy
	 * names no services, the first service of the set that holds host or server; else the
	 * policy's name. NULL without a policy. */
	const char *service;
};

struct policy_choice policy_decide(
	const struct inpath_policy_set *set, const struct policy_facts *facts);

/* Does `list` hold `host` or one of its parents, by whole labels? */
bool policy_domain_matches(const struct inpath_domain_list *list, const char *host);

/* Does `list` hold `addr`? */
bool policy_range_matches(const struct inpath_range_list *list, const struct inpath_addr *addr);

#endif
