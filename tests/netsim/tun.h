/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tun: the other end of a TUN interface in a network namespace.
 *
 * Owns:   nothing; the caller closes what it gets.
 */
#ifndef NETSIM_TUN_H
#define NETSIM_TUN_H

#include <stddef.h>

/*
 * Opens NETNS/INTERFACE, which is made if it is not there, for reading packets without waiting. The calling
 * thread is in its own namespace again afterwards. Returns the descriptor, or -1 with one sentence in `why`.
 */
int tun_open(const char *name, char *why, size_t size);

#endif
