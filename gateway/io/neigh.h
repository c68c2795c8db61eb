/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * neigh: which hardware address is behind a LAN address, from the kernel's neighbour table.
 *
 * Owns:   an rtnetlink socket.
 * Output: every entry of a LAN interface when asked, and each one that comes or changes.
 */
#ifndef IO_NEIGH_H
#define IO_NEIGH_H

#include "gateway/io/iface.h"
#include "inpath/types.h"

typedef void neigh_found(void *arg, const struct inpath_addr *addr, const struct inpath_mac *mac);

struct neigh;

/* Listens for changes; NULL if rtnetlink refuses. */
struct neigh *neigh_open(void);
void neigh_close(struct neigh *n);

/* Readable when something changed. */
int neigh_fd(const struct neigh *n);

/* Tells the whole table. */
void neigh_dump(const struct iface *ifaces, neigh_found *found, void *arg);

/* Takes the news from neigh_fd and tells them. */
void neigh_read(struct neigh *n, const struct iface *ifaces, neigh_found *found, void *arg);

#endif
