/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/daemon/daemon.h"

#include "gateway/daemon/report.h"
#include "gateway/io/clock.h"
#include "gateway/io/hugepages.h"
#include "gateway/io/notify.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <syslog.h>
#include <unistd.h>

enum {
	COPIES_A_ROUND = 256,
	ROUNDS_A_POLL = 8,
	BIND_TRIES = 5,
	BIND_PAUSE_US = 50000,
};

/* What a full round may wait for; the order is that of the descriptors in wait_for_work. */
enum {
	WAIT_QUEUE,
	WAIT_COPIES,
	WAIT_SIGNALS,
	WAIT_IFACES,
	WAIT_NEIGH,
	WAIT_LEASES,
	WAIT_SYSLOG,
	WAIT_CONTROL,
	WAIT_COUNT,
};

static void say(void *arg, const char *sentence)
{
	struct daemon *d = arg;

	log_say(&d->log, LOG_NOTICE, "%s", sentence);
}

static void learn_lease(
	void *arg, const struct inpath_addr *addr, const struct inpath_mac *mac, const char *name)
{
	struct daemon *d = arg;

	inpath_engine_client_name(d->engine, addr, mac, name, clock_now());
}

static void learn_neighbour(void *arg, const struct inpath_addr *addr, const struct inpath_mac *mac)
{
	learn_lease(arg, addr, mac, NULL);
}

static int start_engine(struct daemon *d, const uint64_t seed[2], struct io_error *err)
{
	size_t tables = inpath_engine_size(&d->config->limits);
	size_t recent = (size_t)d->config->limits.histories * RECENT_A_HISTORY;

	if (!tables)
		return io_fail(err, -EINVAL, "limits: out of range");
	tables = (tables + _Alignof(max_align_t) - 1) & ~(_Alignof(max_align_t) - 1);
	d->memory_size = tables + RECENT_LEAST + recent;
	d->memory = mmap(
		NULL, d->memory_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (d->memory == MAP_FAILED) {
		d->memory = NULL;
		return io_fail(err, -ENOMEM,
			"no memory for the tables: `limits` ask for %zu MiB; lower limits.flows and "
			"limits.names",
			(d->memory_size >> 20) + 1);
	}
	d->engine = inpath_engine_init(d->memory, &d->config->limits, seed);
	d->recent = recent_init((char *)d->memory + tables, RECENT_LEAST + recent);
	hugepages_for_flows(d->engine);
	inpath_engine_set_policy(d->engine, &d->config->policies, clock_now());
	return 0;
}

static int start_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

void daemon_read_leases(struct daemon *d)
{
	if (!d->leases)
		return;
	leases_look_again(d->leases);
	leases_read(d->leases, learn_lease, d);
}

/* Who the clients are: neighbours first, so that a lease's name finds its hardware address. */
static void start_names(struct daemon *d)
{
	/* Where the DHCP server was told to put them elsewhere; tests have files of their own. */
	const char *own = getenv("INPATH_LEASES");
	static char copy[PATH_MAX];
	const char *files[LEASES_FILES + 1] = { NULL };
	char *rest = copy;

	snprintf(copy, sizeof(copy), "%s", own ? own : "");
	for (size_t i = 0; rest && i < LEASES_FILES; i++)
		files[i] = strsep(&rest, ":");
	d->neigh = neigh_open();
	d->leases = leases_open(own ? files : leases_default_files);
	if (d->neigh)
		neigh_dump(d->ifaces, learn_neighbour, d);
}

/*
 * Binds the queue, last of all: from then on packets wait for us. The copies come after it, so
 * that a second inpathd hears of the queue.
 */
static int start_queue(struct daemon *d, struct io_error *err)
{
	int error = nfqueue_bind(d->queue, err);

	/* An inpathd that was killed a moment ago may still be giving its queue back. */
	for (int i = 0; i < BIND_TRIES && (error == -EBUSY || error == -EPERM); i++) {
		usleep(BIND_PAUSE_US);
		error = nfqueue_bind(d->queue, err);
	}
	if (error)
		return error;
	d->copies = nflog_open(d->config->queue, err);
	if (!d->copies && errno != ENOSYS)
		return -errno;
	if (!d->copies)
		log_say(&d->log, LOG_WARNING, "flows are not named by DNS: %s", err->text);
	return 0;
}

/* Behind the queue: whoever has that may have the socket's place, too. */
static void start_control(struct daemon *d)
{
	struct io_error err = { "" };

	d->control = control_socket_open(daemon_control_path(), &err);
	if (!d->control)
		log_say(&d->log, LOG_WARNING, "`inpath status` will not work: %s", err.text);
}

/* Without counters a stall at rest is seen at the next trace; all else is as with them. */
static void start_counting(struct daemon *d)
{
	int error = accounting_open(&d->accounting, d->config->accounting);

	if (error)
		log_say(&d->log, LOG_WARNING,
			"gateway.accounting: nf_conntrack_acct cannot be switched on from here (%s): "
			"`inpath check` says what to do",
			strerror(-error));
	d->config->policies.counters = d->accounting.on;
}

static void goes_on(void *heartbeat)
{
	heartbeat_goes_on(heartbeat);
}

int daemon_start(struct daemon *d, const struct options *options, struct config *config,
	const struct priv_user *user, struct heartbeat *heartbeat, struct io_error *err)
{
	uint64_t seed[4];
	int error;

	*d = (struct daemon){ .options = options,
		.config = config,
		.heartbeat = heartbeat,
		.accounting.fd = -1,
		.signals = -1,
		.log.file = LOGFILE_NONE };
	if (getrandom(seed, sizeof(seed), 0) != sizeof(seed))
		return io_fail(err, -EIO, "the kernel gave no random numbers");
	log_init(&d->log, options->foreground, &seed[2]);
	d->signals = start_signals();
	if (d->signals < 0)
		return io_fail(err, -errno, "cannot listen to signals: %s", strerror(errno));
	d->ifaces = iface_open(&config->lan, &config->wan, err);
	if (!d->ifaces)
		return -ENODEV;
	/* The first netfilter socket has our process id as its port: so others can name us. */
	d->queue = nfqueue_open(config->queue, config->queue_len, err);
	if (!d->queue)
		return -ENOMEM;
	atomic_store(&heartbeat->port, nfqueue_port(d->queue));
	d->inject = inject_open(err);
	if (!d->inject)
		return -EPERM;
	d->conntrack = conntrack_open(err);
	if (!d->conntrack)
		return -ENOMEM;
	start_counting(d);
	error = start_engine(d, seed, err);
	if (error)
		return error;
	start_names(d);
	daemon_make_places(d, user);
	error = start_queue(d, err);
	if (!error)
		error = priv_give_up(user, PRIV_WORKER, 0, &d->lacks, err);
	if (error)
		return error;
	/* Packets wait for us already: from now on we are watched. */
	heartbeat_beat(heartbeat);
	/* What others have written is read from here on. */
	daemon_read_leases(d);
	heartbeat_beat(heartbeat);
	/* What an inpathd before this one put to rest would sleep for good. */
	if (conntrack_clear_all(d->conntrack, config->policies.mark_rest, goes_on, heartbeat))
		d->arm_failed++;
	heartbeat_beat(heartbeat);
	start_control(d);
	d->started = clock_now();
	log_configure(&d->log, config);
	daemon_report_confinement(d);
	iface_report(d->ifaces, say, d);
	report_start(d);
	notify_ready();
	return 0;
}

static void read_copies(struct daemon *d)
{
	const struct nflog_copy *copy;

	for (int i = 0; d->copies && i < COPIES_A_ROUND; i++) {
		copy = nflog_read(d->copies, d->ifaces);
		if (!copy)
			return;
		d->dns_copies++;
		heartbeat_goes_on(d->heartbeat);
		d->last_dns = clock_now();
		inpath_engine_dns(
			d->engine, &copy->meta, copy->bytes, copy->caplen, copy->len, clock_now());
	}
}

static void foresee_packets(struct daemon *d, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct nfqueue_packet *p = nfqueue_packet(d->queue, i);

		inpath_engine_foresee(d->engine, &p->meta, p->bytes, p->caplen);
	}
}

/*
 * A copy of a DNS answer is taken before the answer leaves, so once the queue was read, what is
 * known of the names that its packets use waits in the copies' socket. True if more packets wait.
 */
static bool judge_packets(struct daemon *d)
{
	size_t n = nfqueue_read(d->queue, d->ifaces);
	bool empty = true;

	if (n)
		d->last_packet = nfqueue_packet(d->queue, n - 1)->at;
	read_copies(d);
	foresee_packets(d, n);
	for (size_t i = 0; i < n; i++) {
		const struct nfqueue_packet *p = nfqueue_packet(d->queue, i);
		struct inpath_meta meta = p->meta;
		struct inpath_verdict v;

		if (i + 1 == n)
			empty = meta.last = nfqueue_is_empty(d->queue);
		v = inpath_engine_packet(d->engine, &meta, p->bytes, p->caplen, p->len, p->at);
		nfqueue_verdict(d->queue, p, &v);
		heartbeat_goes_on(d->heartbeat);
	}
	nfqueue_flush(d->queue);
	return !empty;
}

static void arm(struct daemon *d, const struct inpath_tuple *tuple)
{
	int error = conntrack_clear_mark(d->conntrack, tuple, d->config->policies.mark_rest);

	if (error && error != ENOENT) /* a connection that ended meanwhile is no failure */
		d->arm_failed++;
}

/* What the engine wants to know of connections, until all else is done. */
struct looks {
	uint32_t count;
	struct inpath_tuple tuples[INPATH_OUTBOX_ACTIONS];
};

static void look_up(struct daemon *d, const struct looks *looks)
{
	uint64_t before = inpath_engine_stats(d->engine)->offloaded;
	struct inpath_connection found;

	for (uint32_t i = 0; i < looks->count; i++)
		if (!conntrack_look(d->conntrack, &looks->tuples[i], &found))
			inpath_engine_connection(d->engine, &looks->tuples[i], &found, clock_now());
	if (d->offload_said || inpath_engine_stats(d->engine)->offloaded == before)
		return;
	d->offload_said = true;
	log_say(&d->log, LOG_WARNING,
		"flow offload takes flows away from the queue, so that they cannot be traced: "
		"`inpath check` says what to do, ev=stats counts them (offloaded)");
}

static void count_up(struct daemon *d, const struct looks *counts)
{
	struct inpath_counters found;

	for (uint32_t i = 0; i < counts->count; i++) {
		if (conntrack_count(d->conntrack, &counts->tuples[i], &found))
			continue;
		d->counted++;
		inpath_engine_counters(d->engine, &counts->tuples[i], &found, clock_now());
	}
}

/* The outbox lives until the engine's next call: probes are reported when all else is done. */
static void do_what_is_due(struct daemon *d)
{
	struct {
		uint32_t id;
		int error;
		inpath_time at;
	} sent[INPATH_OUTBOX_ACTIONS];
	const struct inpath_outbox *outbox;
	struct looks looks = { 0 }, counts = { 0 };
	uint32_t count = 0;

	inpath_engine_tick(d->engine, clock_now());
	outbox = inpath_engine_outbox(d->engine);
	for (uint32_t i = 0; i < outbox->count; i++) {
		const struct inpath_action_item *item = &outbox->items[i];

		heartbeat_goes_on(d->heartbeat);
		switch (item->kind) {
		case INPATH_ACTION_SEND:
			/* The clock first: on a short way the answer is here before the send returns. */
			sent[count].id = item->probe.id;
			sent[count].at = clock_now();
			sent[count++].error = inject_send(d->inject, d->ifaces, &item->probe);
			break;
		case INPATH_ACTION_RECORD:
			daemon_record(d, &item->record);
			d->last_path = clock_now();
			break;
		case INPATH_ACTION_ARM: arm(d, &item->arm); break;
		case INPATH_ACTION_COUNT: counts.tuples[counts.count++] = item->count; break;
		case INPATH_ACTION_LOOK: looks.tuples[looks.count++] = item->look; break;
		}
	}
	for (uint32_t i = 0; i < count; i++) {
		d->refused = sent[i].error ? sent[i].error : d->refused;
		inpath_engine_sent(d->engine, sent[i].id, sent[i].error, sent[i].at);
	}
	look_up(d, &looks);
	count_up(d, &counts);
}

static inpath_time earlier(inpath_time a, inpath_time b)
{
	return a < b ? a : b;
}

static inpath_time next_deadline(const struct daemon *d)
{
	inpath_time at = inpath_engine_next_deadline(d->engine);

	if (d->log.syslog)
		at = earlier(at, syslog_deadline(d->log.syslog));
	if (d->stopping)
		at = earlier(at, d->stop_at);
	if (nfqueue_has_unsent(d->queue))
		at = earlier(at, clock_now() + INPATH_MSEC);
	return at;
}

/* Sleeps until something is to be done, at once if it is already. */
static void wait_for_work(const struct daemon *d, struct pollfd fds[WAIT_COUNT])
{
	inpath_time deadline = next_deadline(d), now = clock_now();
	inpath_time left = deadline > now ? deadline - now : 0;
	struct timespec timeout = {
		.tv_sec = (time_t)(left / INPATH_SEC),
		.tv_nsec = (long)(left % INPATH_SEC),
	};

	/* poll passes over descriptors of -1. */
	fds[WAIT_QUEUE] = (struct pollfd){ nfqueue_fd(d->queue), POLLIN, 0 };
	fds[WAIT_COPIES] = (struct pollfd){ d->copies ? nflog_fd(d->copies) : -1, POLLIN, 0 };
	fds[WAIT_SIGNALS] = (struct pollfd){ d->signals, POLLIN, 0 };
	fds[WAIT_IFACES] = (struct pollfd){ iface_fd(d->ifaces), POLLIN, 0 };
	fds[WAIT_NEIGH] = (struct pollfd){ d->neigh ? neigh_fd(d->neigh) : -1, POLLIN, 0 };
	fds[WAIT_LEASES] = (struct pollfd){ d->leases ? leases_fd(d->leases) : -1, POLLIN, 0 };
	fds[WAIT_SYSLOG] =
		(struct pollfd){ d->log.syslog ? syslog_fd(d->log.syslog) : -1, POLLOUT, 0 };
	fds[WAIT_CONTROL] =
		(struct pollfd){ d->control ? control_socket_fd(d->control) : -1, POLLIN, 0 };
	heartbeat_sleep(d->heartbeat);
	if (ppoll(fds, WAIT_COUNT, deadline == INPATH_TIME_NEVER ? NULL : &timeout, NULL) < 0)
		for (int i = 0; i < WAIT_COUNT; i++)
			fds[i].revents = 0;
	heartbeat_beat(d->heartbeat);
}

static void read_signals(struct daemon *d)
{
	struct signalfd_siginfo info;

	while (read(d->signals, &info, sizeof(info)) == sizeof(info))
		daemon_signal(d, (int)info.ssi_signo);
}

static void serve_the_rest(struct daemon *d, const struct pollfd fds[WAIT_COUNT])
{
	if (fds[WAIT_IFACES].revents && iface_read(d->ifaces, say, d)) {
		inject_forget(d->inject, d->ifaces);
		if (d->neigh)
			neigh_dump(d->ifaces, learn_neighbour, d);
	}
	if (fds[WAIT_NEIGH].revents)
		neigh_read(d->neigh, d->ifaces, learn_neighbour, d);
	if (fds[WAIT_LEASES].revents && leases_changed(d->leases))
		leases_read(d->leases, learn_lease, d);
	if (d->log.syslog)
		syslog_flush(d->log.syslog, clock_now());
	if (fds[WAIT_CONTROL].revents)
		control_socket_serve(d->control, daemon_answer, d);
	if (fds[WAIT_SIGNALS].revents)
		read_signals(d);
}

void daemon_run(struct daemon *d)
{
	struct pollfd fds[WAIT_COUNT];
	bool more = false;

	for (unsigned int round = 0; !d->stopping || clock_now() < d->stop_at; round++) {
		/* Where packets are known to wait, the other descriptors are asked now and then. */
		bool asks = !more || round % ROUNDS_A_POLL == 0;

		if (asks)
			wait_for_work(d, fds);
		else
			heartbeat_beat(d->heartbeat);
		more = judge_packets(d);
		do_what_is_due(d);
		if (asks)
			serve_the_rest(d, fds);
	}
}

void daemon_stop(struct daemon *d)
{
	nfqueue_close(d->queue, &d->queue_counters);
	if (d->started)
		report_stop(d);
	control_socket_close(d->control);
	nflog_close(d->copies);
	inject_close(d->inject);
	accounting_close(&d->accounting);
	conntrack_close(d->conntrack);
	leases_close(d->leases);
	neigh_close(d->neigh);
	iface_close(d->ifaces);
	if (d->memory)
		munmap(d->memory, d->memory_size);
	log_close(&d->log, 200 * INPATH_MSEC);
	if (d->signals >= 0)
		close(d->signals);
	config_free(d->config);
}
