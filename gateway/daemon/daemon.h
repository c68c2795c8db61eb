/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * daemon: the engine among its shells: starts them, runs the one loop, stops them in order.
 *
 *	        set-up                 TERM, INT                     timeout_ms over, or TERM again
 *	START ---------> RUNNING ------------------> SWALLOWING ------------------------> drained, gone
 *	                 |     ^                     no probes; answers to earlier ones
 *	                 +-----+ HUP: reload         are still taken off the wire
 *
 * A round of the loop: read a batch from the queue; read the copies of DNS answers; let the engine
 * judge each packet and tell the kernel; only then do what the engine wants done: at most two
 * probes, records, and flows brought back to the queue. Then everything else that is waiting, and sleep if nothing is due.
 *
 * Owns:   every shell, the engine's memory and the configuration.
 * Time:   reads the clock once a step; the engine is given it.
 */
#ifndef DAEMON_H
#define DAEMON_H

#include "gateway/daemon/config.h"
#include "gateway/daemon/log.h"
#include "gateway/daemon/options.h"
#include "gateway/daemon/recent.h"
#include "gateway/daemon/watchdog.h"
#include "gateway/io/accounting.h"
#include "gateway/io/conntrack.h"
#include "gateway/io/control_socket.h"
#include "gateway/io/iface.h"
#include "gateway/io/inject.h"
#include "gateway/io/leases.h"
#include "gateway/io/neigh.h"
#include "gateway/io/nflog.h"
#include "gateway/io/nfqueue.h"
#include "gateway/io/priv.h"
#include "inpath/engine.h"

struct daemon {
	const struct options *options;
	struct heartbeat *heartbeat; /* the watchdog's */
	unsigned int lacks;          /* what it could not be confined by; see priv.h */
	struct config *config;
	struct log log;
	struct iface *ifaces;
	struct nfqueue *queue;
	struct nflog *copies; /* NULL: the kernel has no NFLOG */
	struct inject *inject;
	struct conntrack *conntrack;
	struct accounting accounting;
	struct leases *leases;          /* NULL: no inotify */
	struct neigh *neigh;            /* NULL: rtnetlink refused */
	struct control_socket *control; /* NULL: no place for it */
	int signals;
	void *memory;
	size_t memory_size;
	struct inpath_engine *engine;
	struct recent *recent; /* behind the engine, in the same memory */
	uint64_t dns_copies;
	inpath_time last_packet; /* 0: none yet */
	inpath_time last_dns;
	inpath_time last_path;
	int refused;       /* errno of the newest probe that the kernel refused */
	bool offload_said; /* that flow offload takes flows away; once, and again after a reload */
	uint64_t counted;  /* counters read */
	uint64_t arm_failed; /* flows that could not be brought back to the queue */
	struct nfqueue_counters queue_counters; /* as they were when the queue was closed */
	inpath_time started;
	bool stopping;
	int stop_signal;
	inpath_time stop_asked;
	inpath_time stop_at;
};

/*
 * Opens everything, binds the queue, and becomes `user` with the least privileges. Takes `config`, in any case. 0, or -errno and a sentence;
 * daemon_stop is due in both cases.
 */
int daemon_start(struct daemon *d, const struct options *options, struct config *config,
	const struct priv_user *user, struct heartbeat *heartbeat, struct io_error *err);

/*
 * In confine.c: makes the places for socket and log that `user` could not make. A file system may keep whoever asks it
 * waiting for good: so not while packets wait, and nobody watches yet.
 */
void daemon_make_places(const struct daemon *d, const struct priv_user *user);

/* In confine.c: says what of that this system does not have, and what will not work because of it. */
void daemon_report_confinement(struct daemon *d);

/* Where the control socket is. */
const char *daemon_control_path(void);

/* The loop: returns when it was told to end. */
void daemon_run(struct daemon *d);

/* Drains and closes the queue, says ev=stop if it had started, and gives everything back. */
void daemon_stop(struct daemon *d);

/* Reads the lease files, those that have come since the last time, too. */
void daemon_read_leases(struct daemon *d);

/* In control.c: what signals ask for. */
void daemon_signal(struct daemon *d, int signal);

/* In control.c: a record of the engine's goes to the log, and is kept for whoever asks. */
void daemon_record(struct daemon *d, const struct inpath_record *record);

/* In control.c: the answer to a request over the control socket; a control_answer. */
size_t daemon_answer(void *arg, const char *request, char out[CONTROL_ANSWER_BYTES]);

#endif
