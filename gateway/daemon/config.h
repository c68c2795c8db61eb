/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * config: reads inpath.conf and the service lists (libconfig), checks every value, and compiles
 * the policy set that the engine reads.
 *
 * Owns: all memory of a struct config, given back by config_free. A load either succeeds whole or
 *       leaves nothing behind.
 */
#ifndef CONFIG_H
#define CONFIG_H

#include "inpath/limits.h"
#include "inpath/policy.h"

#include <net/if.h>
#include <stdio.h>

#define CONFIG_DEFAULT_FILE "/etc/inpath/inpath.conf"

enum {
	CONFIG_IFACES = 32,
};

/* `lan` or `wan`: names as written, or "auto". */
struct config_ifaces {
	bool is_auto;
	uint32_t count;
	char names[CONFIG_IFACES][IFNAMSIZ];
};

/* How a record shows the client: `log.clients`. */
enum config_clients {
	CONFIG_CLIENTS_ADDRESS,
	CONFIG_CLIENTS_HASH,
	CONFIG_CLIENTS_NONE,
};

struct config_block;

struct config {
	/* gateway: fixed until restart */
	struct config_ifaces lan;
	struct config_ifaces wan;
	uint16_t queue; /* NFQUEUE number, and the NFLOG group of the DNS copies */
	uint32_t queue_len;
	bool accounting; /* switch nf_conntrack_acct on */

	/* log */
	bool log_syslog;
	int log_facility; /* LOG_DAEMON, ... as <syslog.h> has it */
	bool log_names;
	enum config_clients log_clients;
	char *log_file; /* NULL: none */

	struct inpath_settings probe; /* what a policy without settings of its own uses */
	char *services;               /* the directory of the service lists */
	char *mmdb;                   /* names networks, for the command; NULL: none */

	struct inpath_limits limits;       /* fixed until restart */
	struct inpath_policy_set policies; /* marks included; see also inpath/policy.h */

	struct config_block *blocks; /* everything that the pointers above lead to */
};

/* Why a load failed: "FILE:LINE: message", or "FILE: message" where no line applies. */
struct config_error {
	char text[512];
};

/*
 * Reads `path`; NULL means CONFIG_DEFAULT_FILE, and if that does not exist, the defaults. On
 * success the caller owns *out. On failure returns NULL and says why in `err`.
 */
struct config *config_load(const char *path, struct config_error *err);

void config_free(struct config *c);

/*
 * May `next` replace `old` without a restart? If not, says which option in `why`
 * ("gateway.queue", "gateway.mark_rest", "limits.flows", ...).
 */
bool config_may_replace(
	const struct config *old, const struct config *next, struct config_error *why);

/*
 * Writes the configuration as shell assignments, one a line, values in single quotes:
 * INPATH_QUEUE='537', INPATH_QUEUE_LEN, INPATH_MARK_PROBE='0x4000000', INPATH_MARK_REST,
 * INPATH_LAN='br-lan eth1' and INPATH_WAN (interface names with a space between, `auto` resolved),
 * then every other option by its path in capitals: INPATH_LOG_FILE, INPATH_PROBE_INTERVAL, ...
 */
int config_print(const struct config *c, const struct config_ifaces *lan,
	const struct config_ifaces *wan, FILE *out);

#endif
