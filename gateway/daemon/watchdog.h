/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * watchdog: the parent process, which handles no packets and ends a worker that holds them back.
 *
 *	                 fork
 *	inpathd (keeper) ------> worker: the daemon
 *	   |                        |
 *	   |  looks every 250 ms    |  beats once a round of its loop
 *	   |<-----------------------|
 *	   |  SIGCHLD: it stopped   |  wakes a dozing keeper when it wakes from its own sleep
 *
 *	        no beat since the last look,             for a second, and over several looks
 *	 BEATING ---------------------------> STILL ------------------------------------------> killed
 *	    |  ^      work is pending            |
 *	    |  +------ a beat -------------------+
 *	    | asleep, nothing pending, over two looks
 *	    v
 *	 DOZING: no timer at all, so that an idle gateway's processor sleeps
 *
 * Work is pending while the worker is awake, is stopped, or packets wait in its queue's socket. That
 * socket closes with the worker, and the rules' `bypass` lets traffic flow again. The keeper then
 * ends with a failure: starting anew is the service manager's part.
 *
 * Several looks, because on a machine that gives nobody a turn the keeper starves beside its worker.
 *
 * Owns:   the worker's process, and the page that both share.
 * Time:   reads the clock itself; watchdog_judge is given it.
 */
#ifndef WATCHDOG_H
#define WATCHDOG_H

#include "gateway/io/priv.h"
#include "inpath/types.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* The page that both processes share. */
struct heartbeat {
	atomic_uint beats;  /* 0: the worker is still starting, and not watched */
	atomic_bool asleep; /* the worker waits for work */
	atomic_bool dozing; /* the keeper waits to be woken */
	int wake;           /* an eventfd that wakes it */
	atomic_uint port;   /* of the socket that the worker's packets wait in; 0: none yet */
};

/* The worker's side. A beat: one more round has begun. No system call unless the keeper dozes. */
void heartbeat_beat(struct heartbeat *h);
/* Within a round: it goes on. On a slow machine a round of many packets may take a second. */
void heartbeat_goes_on(struct heartbeat *h);
/* The worker is about to wait for work; its next beat ends the wait. */
void heartbeat_sleep(struct heartbeat *h);

/* What the keeper saw. */
struct watchdog_look {
	uint32_t beats;
	bool asleep;
	bool stopped;
	uint32_t waiting; /* what the worker has not read of its queue, in bytes */
	inpath_time at;
};

/* What the keeper remembers from look to look. All zero to begin with. */
struct watchdog_memory {
	uint32_t beats;
	uint32_t looks;    /* since the last beat */
	inpath_time since; /* the first of them */
};

enum watchdog_judgement {
	WATCHDOG_LOOK_AGAIN,
	WATCHDOG_DOZE, /* nothing to look at until the worker wakes or stops */
	WATCHDOG_KILL,
};

/* One look's judgement. Pure. */
enum watchdog_judgement watchdog_judge(struct watchdog_memory *m, const struct watchdog_look *look);

/*
 * Forks: `work` runs in the worker, which exits with its result. When that has begun to beat, the keeper becomes
 * `user` and gives up all that a keeper does not need (NULL: it does not). The keeper hands on
 * HUP, USR1, TERM and INT, and returns when the worker has ended: with its exit status, or with
 * EXIT_FAILURE after one sentence on standard error and, if `use_syslog`, in the system's log when
 * it was killed, by the watchdog or otherwise. The worker ends when the keeper does.
 */
int watchdog_keep(bool use_syslog, const struct priv_user *user,
	int (*work)(struct heartbeat *h, void *arg), void *arg);

#endif
