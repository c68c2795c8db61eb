/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * resolve: the names of addresses by reverse DNS, many at a time. The system's resolver is asked, and with it
 * whoever that asks: so only where a person wants it.
 *
 * Owns:   threads that may still wait for an answer when the time is over; they end with the program, and so
 *         does what they hold. One at a time.
 * Time:   RESOLVE_MS in all.
 * Output: names as strangers wrote them: to be made safe by who prints them.
 */
#ifndef CLI_RESOLVE_H
#define CLI_RESOLVE_H

enum {
	RESOLVE_MS = 3000,
	RESOLVE_MOST = 2048, /* addresses; more have no name */
};

/* Asks for one more; or several, joined by `+`. Before resolve_wait. */
void resolve_want(const char *addrs);

/* Asks for all that are wanted, and waits for their names as long as there is time. */
void resolve_wait(void);

/* The name of one of them: the first `len` bytes of `addr`. NULL: none is known. */
const char *resolve_name(const char *addr, unsigned long len);

#endif
