/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * iface: the gateway's interfaces: index to name and side, by rtnetlink.
 *
 * `auto`: wan = interfaces that hold a default route of the main table (IPv4 or IPv6, every next
 * hop of a multipath one); lan = every other one that is up, not loopback, no port of a bridge or
 * bond, and has an address. An interface that is named on one side is never taken for the other.
 *
 * Owns:   a table of IFACE_MAX interfaces; further ones are on no side.
 * Time:   none; the table is read again when links, addresses or default routes change.
 * Output: sides for the queue and the copies; sentences when a configured interface goes or comes.
 */
#ifndef IO_IFACE_H
#define IO_IFACE_H

#include "gateway/daemon/config.h"
#include "gateway/io/error.h"
#include "inpath/packet.h"

enum {
	IFACE_MAX = 256,
	IFACE_SLOTS = 512, /* a power of two, so that a look-up ends soon */
};

struct iface_entry {
	uint32_t index; /* 0: an empty slot */
	char name[IFNAMSIZ];
	bool up;
	bool loopback;
	bool port; /* of a bridge or bond: packets are never seen to come from it */
	bool has_addr;
	bool has_default; /* in any routing table */
	bool routed_by;   /* a rule routes by what comes in here */
	enum inpath_side side;
};

struct iface_table {
	uint32_t count;
	struct iface_entry slots[IFACE_SLOTS];
};

struct iface;

/* A sentence for the log; valid for the call. */
typedef void iface_say(void *arg, const char *sentence);

/*
 * Reads the interfaces and listens for changes; NULL and a sentence if rtnetlink refuses, or if
 * none of the interfaces named for a side exists.
 */
struct iface *iface_open(
	const struct config_ifaces *lan, const struct config_ifaces *wan, struct io_error *err);
void iface_close(struct iface *f);

/* Readable when something changed. */
int iface_fd(const struct iface *f);

/*
 * Takes the news from iface_fd; what a person should know goes to `say`. True if the table was
 * read anew.
 */
bool iface_read(struct iface *f, iface_say *say, void *arg);

/* Says which configured interfaces are missing now; the start's counterpart of iface_read. */
void iface_report(struct iface *f, iface_say *say, void *arg);

enum inpath_side iface_side(const struct iface *f, uint32_t index);

/* Does routing depend on whether a packet comes in here? Then what the gateway sends cannot follow. */
bool iface_routed_by(const struct iface *f, uint32_t index);

/* Is there an interface of that index now? */
bool iface_exists(const struct iface *f, uint32_t index);

/*
 * The interfaces of both sides by name: as configured, `auto` resolved. Needs no privilege.
 * 0, or -errno and a sentence. More than CONFIG_IFACES of one side are cut off.
 */
int iface_resolve(const struct config_ifaces *lan, const struct config_ifaces *wan,
	struct config_ifaces *lan_out, struct config_ifaces *wan_out, struct io_error *err);

#endif
