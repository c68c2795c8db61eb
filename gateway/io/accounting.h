/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * accounting: whether conntrack counts the packets and bytes of new connections: the network
 * namespace's nf_conntrack_acct.
 *
 * Owns:   the open sysctl, where it has switched it on: so that it can be set back at the end, by whatever
 *         user that is.
 */
#ifndef IO_ACCOUNTING_H
#define IO_ACCOUNTING_H

#include <stdbool.h>

struct accounting {
	bool on;
	int fd; /* of the sysctl if it was switched on here, else -1 */
};

/* Reads it and, if it is off and `want`, switches it on. 0, or -errno of that. */
int accounting_open(struct accounting *a, bool want);

/* Sets it back, if it was switched on here. */
void accounting_close(struct accounting *a);

/* Is it on? False as well where it cannot be read. */
bool accounting_is_on(void);

#endif
