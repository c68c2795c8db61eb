/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * inject: puts probes on the wire, each by its flow's own interface and no other.
 *
 * One raw socket for an interface and family, bound to the device: a probe that left by another
 * WAN than its flow would make NAT destroy the flow's conntrack entry. Each send names the client
 * as its source, so that routing decides as it does for the flow, and carries the flow's mark.
 *
 * Owns:   at most INJECT_SOCKETS sockets, opened when first used; the longest unused one goes.
 * Output: 0 or the errno of the refusal. Never waits.
 */
#ifndef IO_INJECT_H
#define IO_INJECT_H

#include "gateway/io/iface.h"
#include "inpath/engine.h"

enum {
	INJECT_SOCKETS = 64,
};

struct inject;

/* NULL and a sentence without memory or privilege. */
struct inject *inject_open(struct io_error *err);
void inject_close(struct inject *j);

/* Sends one probe: 0 or an errno. ENODEV: `out_ifindex` is not a WAN interface now. */
int inject_send(struct inject *j, const struct iface *ifaces, const struct inpath_probe *probe);

/* Closes the sockets of interfaces that are no WAN any more. */
void inject_forget(struct inject *j, const struct iface *ifaces);

#endif
