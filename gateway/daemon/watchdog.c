/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/daemon/watchdog.h"

#include "gateway/io/clock.h"
#include "gateway/io/netlink.h"
#include "gateway/io/syslog.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

enum {
	LOOK_MS = 250,
	LOOKS_LEAST = 4,
	LOOKS_ASLEEP = 2, /* each further one would wake an idle gateway once more */
	SENTENCE = 256,
};

static const inpath_time PATIENCE = INPATH_SEC;

struct keeper {
	struct heartbeat *h;
	pid_t worker;
	int signals;
	int sockets; /* the kernel's list of them; -1 until the worker works */
	bool use_syslog;
	struct syslog *syslog; /* NULL until it is needed, or may not be opened later */
	const struct priv_user *user;
	bool begun;   /* the worker works: all that is needed from here on is open */
	bool stopped; /* the worker is, by a signal */
	bool killed;  /* by us */
	bool held;    /* and packets waited for it */
	struct watchdog_memory memory;
};

void heartbeat_beat(struct heartbeat *h)
{
	uint64_t one = 1;

	atomic_store(&h->asleep, false);
	if (atomic_fetch_add(&h->beats, 1) == UINT32_MAX)
		atomic_store(&h->beats, 1); /* 0 means starting */
	if (atomic_load(&h->dozing) && atomic_exchange(&h->dozing, false))
		(void)!write(h->wake, &one, sizeof(one));
}

void heartbeat_goes_on(struct heartbeat *h)
{
	unsigned int beats = atomic_load_explicit(&h->beats, memory_order_relaxed) + 1;

	/* The worker alone writes it, so nothing has to be locked. */
	atomic_store_explicit(&h->beats, beats ? beats : 1, memory_order_relaxed);
}

void heartbeat_sleep(struct heartbeat *h)
{
	atomic_store(&h->asleep, true);
}

enum watchdog_judgement watchdog_judge(struct watchdog_memory *m, const struct watchdog_look *look)
{
	bool pending = look->stopped || !look->asleep || look->waiting;

	if (!look->beats)
		return WATCHDOG_LOOK_AGAIN;
	if (look->beats != m->beats || !m->looks) {
		*m = (struct watchdog_memory){ look->beats, 1, look->at };
		return WATCHDOG_LOOK_AGAIN;
	}
	m->looks++;
	if (!pending)
		return m->looks < LOOKS_ASLEEP ? WATCHDOG_LOOK_AGAIN : WATCHDOG_DOZE;
	if (m->looks <= LOOKS_LEAST || look->at - m->since < PATIENCE)
		return WATCHDOG_LOOK_AGAIN;
	return WATCHDOG_KILL;
}

static void open_syslog(struct keeper *k)
{
	if (k->use_syslog && !k->syslog)
		k->syslog = syslog_open(syslog_default_path(), LOG_DAEMON, clock_now());
}

static void say(struct keeper *k, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void say(struct keeper *k, const char *format, ...)
{
	char text[SENTENCE];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	fprintf(stderr, "inpathd: %s\n", text);
	open_syslog(k);
	if (k->syslog)
		syslog_line(k->syslog, LOG_ERR, text, strlen(text), clock_now());
}

/* --- the keeper ------------------------------------------------------------------------------- */

static void look(struct keeper *k, int *timeout)
{
	struct watchdog_look seen = {
		.beats = atomic_load(&k->h->beats),
		.asleep = atomic_load(&k->h->asleep),
		.stopped = k->stopped,
		.waiting = netlink_unread(k->sockets, atomic_load(&k->h->port)),
		.at = clock_now(),
	};

	*timeout = LOOK_MS;
	switch (watchdog_judge(&k->memory, &seen)) {
	case WATCHDOG_LOOK_AGAIN: break;
	case WATCHDOG_DOZE:
		atomic_store(&k->h->dozing, true);
		/* Woken in between, it may not have seen that we doze. */
		if (atomic_load(&k->h->beats) == seen.beats)
			*timeout = -1;
		k->memory.looks = 0;
		break;
	case WATCHDOG_KILL:
		k->killed = true;
		k->held = seen.waiting;
		kill(k->worker, SIGKILL);
		break;
	}
}

/* Takes note of what became of the worker. True once it has ended, with its status in `out`. */
static bool worker_ended(struct keeper *k, int *out)
{
	siginfo_t info = { 0 };

	while (!waitid(P_PID, (id_t)k->worker, &info, WEXITED | WSTOPPED | WCONTINUED | WNOHANG) &&
		info.si_pid) {
		switch (info.si_code) {
		case CLD_STOPPED: k->stopped = true; break;
		case CLD_CONTINUED: k->stopped = false; break;
		case CLD_EXITED: *out = info.si_status; return true;
		case CLD_KILLED:
		case CLD_DUMPED:
			*out = EXIT_FAILURE;
			if (k->killed)
				say(k,
					"the worker stood still for a second%s: killed, traffic passes "
					"by without it",
					k->held ? " with packets waiting" : "");
			else
				say(k, "the worker was ended by signal %d (%s)", info.si_status,
					strsignal(info.si_status));
			return true;
		default: break;
		}
		info.si_pid = 0;
	}
	return false;
}

static void hand_on(const struct keeper *k, const struct signalfd_siginfo *info)
{
	/* A terminal's Ctrl-C goes to the whole process group, the worker included. */
	if ((int)info->ssi_signo == SIGINT && info->ssi_code == SI_KERNEL)
		return;
	kill(k->worker, (int)info->ssi_signo);
}

/* Not earlier: until the worker is another user itself, a keeper of that user could not end it. */
static bool begin(struct keeper *k)
{
	struct io_error err = { "" };
	unsigned int lacks;

	k->begun = true;
	k->sockets = netlink_list();
	open_syslog(k);
	if (!k->user || !priv_give_up(k->user, PRIV_KEEPER, k->worker, &lacks, &err))
		return true;
	say(k, "%s", err.text);
	return false;
}

static int keep(struct keeper *k)
{
	struct pollfd fds[2] = { { k->signals, POLLIN, 0 }, { k->h->wake, POLLIN, 0 } };
	struct signalfd_siginfo info;
	uint64_t woken;
	int timeout = LOOK_MS, status;

	for (;;) {
		poll(fds, 2, timeout);
		(void)!read(k->h->wake, &woken, sizeof(woken));
		while (read(k->signals, &info, sizeof(info)) == sizeof(info))
			if (info.ssi_signo != SIGCHLD)
				hand_on(k, &info);
		if (worker_ended(k, &status))
			return status;
		if (!k->begun && atomic_load(&k->h->beats) && !begin(k)) {
			kill(k->worker, SIGKILL);
			return EXIT_FAILURE;
		}
		look(k, &timeout);
	}
}

/* --- both ------------------------------------------------------------------------------------- */

static struct heartbeat *share(void)
{
	struct heartbeat *h =
		mmap(NULL, sizeof(*h), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (h == MAP_FAILED)
		return NULL;
	h->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	/* The worker's first beat wakes the keeper. */
	atomic_store(&h->dozing, true);
	return h->wake < 0 ? NULL : h;
}

static _Noreturn void be_worker(
	struct keeper *k, pid_t keeper, int (*work)(struct heartbeat *h, void *arg), void *arg)
{
	sigset_t child;

	/* The others stay blocked, so that one that comes during the start is read after it. */
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_UNBLOCK, &child, NULL);
	close(k->signals);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != keeper)
		exit(EXIT_FAILURE);
	exit(work(k->h, arg));
}

int watchdog_keep(bool use_syslog, const struct priv_user *user,
	int (*work)(struct heartbeat *h, void *arg), void *arg)
{
	struct keeper k = {
		.sockets = -1,
		.use_syslog = use_syslog,
		.user = user,
		.h = share(),
	};
	pid_t self = getpid();
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	k.signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	k.worker = k.h && k.signals >= 0 ? fork() : -1;
	if (k.worker < 0) {
		say(&k, "cannot start the worker: %s", strerror(errno));
		return EXIT_FAILURE;
	}
	if (!k.worker)
		be_worker(&k, self, work, arg);
	/* Who stops all processes of the daemon's name must not stop the keeper along with the worker. */
	prctl(PR_SET_NAME, "inpath-watchdog");
	return keep(&k);
}
