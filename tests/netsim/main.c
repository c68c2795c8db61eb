/* SPDX-License-Identifier: GPL-2.0-or-later */
/* netsim: a synthetic internet between a gateway's WAN and real servers. TRUTH.md says what it does. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "tests/netsim/net.h"
#include "tests/netsim/tun.h"

enum {
	STATUS_UNTRUE = 3, /* what was crossed is not what was to be crossed */
	STATUS_USAGE = 64,
	FILE_LEN_MAX = 1 << 20,
	BATCH = 64, /* packets read from one side before the other has its turn */
	TUNS_MAX = 1 + TOPOLOGY_SERVERS + 1,
};

static const char usage[] =
	"usage: netsim -w NETNS/INTERFACE -s [SERVER=]NETNS/INTERFACE... [-t TRUTH.json] FILE | -r SEED\n"
	"       netsim -p FILE | -r SEED\n"
	"\n"
	"  -w  the gateway's WAN, a TUN interface\n"
	"  -s  a server's TUN interface; without SERVER= that of all which have none of their own\n"
	"  -t  where the truth is written, at the end and upon USR1\n"
	"  -r  draws the topology from a seed\n"
	"  -p  prints the topology as it is understood\n";

struct options {
	const char *wan;
	const char *servers[TUNS_MAX];
	int server_count;
	const char *truth;
	const char *file;
	bool drawn;
	bool print;
	uint64_t seed;
};

struct sides {
	struct net net;
	int wan;
	int server_of[TOPOLOGY_SERVERS]; /* descriptors */
	struct pollfd polled[TUNS_MAX];
	int polled_count;
};

static volatile sig_atomic_t ended;
static volatile sig_atomic_t asked;
static bool gone; /* an interface, with its namespace */

static void on_signal(int signal)
{
	if (signal == SIGUSR1)
		asked = 1;
	else
		ended = 1;
}

static _Noreturn void fail(const char *what)
{
	fprintf(stderr, "netsim: %s\n", what);
	exit(1);
}

static inpath_time clock_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (inpath_time)now.tv_sec * INPATH_SEC + (inpath_time)now.tv_nsec;
}

/* --- the topology ---------------------------------------------------------------------------------- */

static void read_file(const char *name, struct topology *t)
{
	char *text = must_alloc(NULL, FILE_LEN_MAX + 1);
	FILE *file = strcmp(name, "-") == 0 ? stdin : fopen(name, "r");
	struct topology_error error;
	char why[256];
	size_t len;

	if (!file) {
		snprintf(why, sizeof(why), "%s: %s", name, strerror(errno));
		fail(why);
	}
	len = fread(text, 1, FILE_LEN_MAX + 1, file);
	if (len > FILE_LEN_MAX)
		fail("the topology is longer than 1 MiB");
	if (file != stdin)
		fclose(file);
	if (!topology_read(text, len, t, &error)) {
		fprintf(stderr, "%s:%u: %s\n", name, error.line, error.message);
		exit(1);
	}
	free(text);
}

static void get_topology(const struct options *o, struct topology *t)
{
	/* 198.51.100.1 and 2001:db8:5::1 */
	static const struct inpath_addr addr = { INPATH_AF_INET, { 198, 51, 100, 1 } };
	static const struct inpath_addr addr6 = { INPATH_AF_INET6,
		{ 0x20, 0x01, 0x0d, 0xb8, 0, 5, [15] = 1 } };

	if (o->drawn)
		topology_draw(o->seed, &addr, &addr6, t);
	else
		read_file(o->file, t);
}

/* --- both sides ------------------------------------------------------------------------------------ */

static void out(void *arg, int to, const uint8_t *packet, size_t len)
{
	struct sides *s = arg;

	/* A TUN that is down takes nothing: a cable that is not plugged in. */
	(void)!write(to == TO_GATEWAY ? s->wan : s->server_of[to], packet, len);
}

static int open_side(struct sides *s, const char *name)
{
	char why[512];
	int fd = tun_open(name, why, sizeof(why));

	if (fd < 0)
		fail(why);
	s->polled[s->polled_count++] = (struct pollfd){ .fd = fd, .events = POLLIN };
	return fd;
}

static void open_sides(struct sides *s, const struct options *o)
{
	const struct topology *t = &s->net.t;
	char why[256];
	int rest = -1;

	for (uint16_t i = 0; i < t->server_count; i++)
		s->server_of[i] = -1;
	s->wan = open_side(s, o->wan);
	for (int i = 0; i < o->server_count; i++) {
		const char *equals = strchr(o->servers[i], '=');
		size_t len = equals ? (size_t)(equals - o->servers[i]) : 0;
		int fd = open_side(s, equals ? equals + 1 : o->servers[i]);
		bool known = !equals;

		if (!equals)
			rest = fd;
		for (uint16_t k = 0; equals && k < t->server_count; k++)
			if (strlen(t->servers[k].name) == len &&
				strncmp(t->servers[k].name, o->servers[i], len) == 0) {
				s->server_of[k] = fd;
				known = true;
			}
		if (!known) {
			snprintf(why, sizeof(why), "-s %s: the topology has no such server",
				o->servers[i]);
			fail(why);
		}
	}
	for (uint16_t i = 0; i < t->server_count; i++) {
		if (s->server_of[i] < 0)
			s->server_of[i] = rest;
		if (s->server_of[i] < 0) {
			snprintf(why, sizeof(why), "server %s has no -s", t->servers[i].name);
			fail(why);
		}
	}
}

/* --- life ------------------------------------------------------------------------------------------ */

static void write_truth(const struct sides *s, const char *name)
{
	char aside[4096], why[4200];
	FILE *file;

	if (!name)
		return;
	snprintf(aside, sizeof(aside), "%s.new", name);
	file = fopen(aside, "w");
	if (file) {
		bool good;

		truth_write(&s->net.truth, file);
		good = !ferror(file);
		good &= fclose(file) == 0;
		if (good && rename(aside, name) == 0)
			return;
	}
	snprintf(why, sizeof(why), "%s: %s", name, strerror(errno));
	fail(why);
}

static void take_batch(struct sides *s, int fd)
{
	for (int i = 0; i < BATCH; i++) {
		struct datagram *d = net_datagram(&s->net);
		ssize_t len = read(fd, d->bytes, sizeof(d->bytes));

		if (len <= 0) {
			datagram_free(&s->net.sched, d);
			/* Nothing more to read, or, EBADFD, nothing to read it from any more. */
			if (len < 0 && errno == EBADFD) {
				gone = true;
				ended = 1;
			}
			return;
		}
		d->len = (uint16_t)len;
		net_take(&s->net, d, fd == s->wan, clock_now());
	}
}

static void run(struct sides *s, const char *truth, const sigset_t *mask)
{
	while (!ended) {
		inpath_time now = clock_now();
		inpath_time next;
		struct timespec wait;

		net_tick(&s->net, now);
		next = net_next(&s->net);
		wait.tv_sec = next <= now ? 0 : (time_t)((next - now) / INPATH_SEC);
		wait.tv_nsec = next <= now ? 0 : (long)((next - now) % INPATH_SEC);
		if (ppoll(s->polled, (nfds_t)s->polled_count,
			    next == INPATH_TIME_NEVER ? NULL : &wait, mask) > 0)
			for (int i = 0; i < s->polled_count; i++)
				if (s->polled[i].revents)
					take_batch(s, s->polled[i].fd);
		if (asked) {
			asked = 0;
			write_truth(s, truth);
		}
	}
}

/* Signals come only while it waits. `mask` is what to wait with. */
static void take_signals(sigset_t *mask)
{
	static const int taken[] = { SIGTERM, SIGINT, SIGUSR1 };
	struct sigaction action = { .sa_handler = on_signal };
	sigset_t held;

	sigemptyset(&held);
	for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++) {
		sigaddset(&held, taken[i]);
		sigaction(taken[i], &action, NULL);
	}
	sigprocmask(SIG_BLOCK, &held, mask);
	for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++)
		sigdelset(mask, taken[i]);
}

static int simulate(const struct options *o, const struct topology *t)
{
	static struct sides s;
	char message[256];
	sigset_t mask;
	int status = 0;

	take_signals(&mask);
	/* Packets are sent at their moment, not when it suits the machine. */
	prctl(PR_SET_TIMERSLACK, 1UL);
	net_init(&s.net, t);
	s.net.out = out;
	s.net.arg = &s;
	open_sides(&s, o);
	puts("ready");
	fflush(stdout);
	run(&s, o->truth, &mask);
	write_truth(&s, o->truth);
	if (gone) {
		fputs("netsim: a TUN interface is gone\n", stderr);
		status = 1;
	}
	if (!truth_holds(&s.net.truth, message, sizeof(message))) {
		fprintf(stderr, "netsim: %s\n", message);
		status = STATUS_UNTRUE;
	}
	for (int i = 0; i < s.polled_count; i++)
		close(s.polled[i].fd);
	net_free(&s.net);
	return status;
}

static _Noreturn void misused(void)
{
	fputs(usage, stderr);
	exit(STATUS_USAGE);
}

static struct options get_options(int argc, char **argv)
{
	struct options o = { 0 };
	char *end;
	int c;

	while ((c = getopt(argc, argv, "w:s:t:r:ph")) != -1) {
		switch (c) {
		case 'w': o.wan = optarg; break;
		case 's':
			if (o.server_count == TUNS_MAX - 1)
				misused();
			o.servers[o.server_count++] = optarg;
			break;
		case 't': o.truth = optarg; break;
		case 'r':
			o.drawn = true;
			errno = 0;
			o.seed = strtoull(optarg, &end, 10);
			if (errno || end == optarg || *end || *optarg == '-')
				misused();
			break;
		case 'p': o.print = true; break;
		case 'h': fputs(usage, stdout); exit(0);
		default: misused();
		}
	}
	if (argc - optind != !o.drawn || (!o.print && (!o.wan || o.server_count == 0)))
		misused();
	o.file = argv[optind];
	return o;
}

int main(int argc, char **argv)
{
	static struct topology t;
	struct options o = get_options(argc, argv);

	get_topology(&o, &t);
	if (!o.print)
		return simulate(&o, &t);
	topology_print(&t, stdout);
	return fflush(stdout) == 0 ? 0 : 1;
}
