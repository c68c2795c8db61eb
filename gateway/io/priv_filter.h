/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * priv_filter: which system calls a process of ours makes; part of priv.
 *
 *   on the list, with arguments as we give them     done
 *   what turns a foothold into more (execve, ...)   the process is ended
 *   anything else                                   refused: ENOSYS
 *
 * Refused, because a C library of tomorrow tries calls that this list does not know, and falls back when they do not
 * exist: tracing must not end with an update. Ended, because no library tries those for us: who does is not our code.
 * The queue's socket closes with the process, and traffic passes by without it.
 *
 * Owns:   nothing.
 */
#ifndef IO_PRIV_FILTER_H
#define IO_PRIV_FILTER_H

#include "gateway/io/priv.h"

#ifdef INPATH_SECCOMP
#include <seccomp.h>

/* Adds the rules to a filter whose default is ENOSYS. `self` is the process that it is for. 0 or -errno. */
int priv_filter_rules(scmp_filter_ctx filter, enum priv_role role, pid_t self, pid_t worker);
#endif

#endif
