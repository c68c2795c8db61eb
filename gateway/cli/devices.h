/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * devices: what this machine calls the devices of its LAN: by the DHCP server's leases and a hosts file. For
 * records that do not tell; what is called so today need not have been then.
 *
 * Owns: all of it, until devices_free.
 */
#ifndef CLI_DEVICES_H
#define CLI_DEVICES_H

#include "gateway/cli/intern.h"

#include <stdio.h>

struct devices {
	struct intern addrs; /* as text; a number is an index into `list` */
	struct intern texts;
	uint32_t *list; /* the texts' numbers */
	uint32_t room;
};

void devices_init(struct devices *n);
void devices_free(struct devices *n);

/* Takes one, unless its address has a name already. Without memory it is left out. */
void devices_add(struct devices *n, const char *addr, const char *name);

/* Takes a hosts file's (hosts(5)): of each address the first name; not those of the machine itself. */
void devices_add_hosts(struct devices *n, FILE *hosts);

/* Takes what this machine knows: leases first. */
void devices_add_known(struct devices *n);

/* The name of an address; NULL if it has none. */
const char *devices_find(const struct devices *n, const char *addr);

#endif
