/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * priv: gives up what a process does not need any more, and makes sure that it is gone.
 *
 *   opened what it needs -> user, groups, capabilities, core, no_new_privs -> looked at -> system call filter -> tried
 *
 * What remains: the worker's CAP_NET_ADMIN (verdicts, queue, conntrack, marks) and CAP_NET_RAW (raw sockets, which are
 * opened anew as interfaces come), and the system calls of priv_filter.c. The keeper keeps no capability.
 *
 * What the platform does not have is told (`lacks`) and done without; what it has and does not take is a failure.
 *
 * Owns:   nothing.
 * Time:   none; once, before the first packet is read. The user is looked up ahead of it, since that may take a while.
 */
#ifndef IO_PRIV_H
#define IO_PRIV_H

#include "gateway/io/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#ifndef INPATH_USER
#define INPATH_USER "inpath"
#endif

enum {
	PRIV_GROUPS = 16,
};

struct priv_user {
	bool become;   /* started by root that may, and there is such a user */
	bool is_other; /* not started by root: nothing to become */
	uid_t uid;
	gid_t gid;
	int group_count;
	gid_t groups[PRIV_GROUPS];
};

enum priv_role {
	PRIV_WORKER, /* reads what strangers send */
	PRIV_KEEPER, /* the watchdog's process: may end its worker, and log */
};

/* What the platform does not have; bits of `lacks`. */
enum priv_lack {
	PRIV_LACK_USER =
		1
		<< 0, /* no user INPATH_USER, or no right to become it: it stays root, with those capabilities alone */
	PRIV_LACK_BOUNDING =
		1 << 1, /* the bounding set could not be emptied, and holds more than is used */
	PRIV_LACK_NO_NEW = 1 << 2, /* no PR_SET_NO_NEW_PRIVS */
	PRIV_LACK_FILTER = 1 << 3, /* no system call filter: of the kernel, or of this build */
};

/* Looks INPATH_USER up, and its groups. */
void priv_find_user(struct priv_user *out);

/*
 * Gives up all but what `role` needs; a keeper may then signal `worker` alone. 0 and the bits of `lacks`, or -errno and
 * a sentence: then what was given up is undefined, and the process must end. For a process of one thread.
 */
int priv_give_up(const struct priv_user *user, enum priv_role role, pid_t worker,
	unsigned int *lacks, struct io_error *err);

/* The bits in words, by comma; "-" for none. */
void priv_lacks_text(unsigned int lacks, char *out, size_t len);

/* --- priv_filter.c ---------------------------------------------------------------------------- */

/*
 * Confines the process to the system calls that `role` uses. 0; -ENOSYS where kernel or build have no filter; or
 * another -errno.
 */
int priv_filter_load(enum priv_role role, pid_t worker);

/* Can this build filter at all? */
bool priv_filter_is_built(void);

#endif
