/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/cli/resolve.h"

#include <netdb.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

enum {
	THREADS = 32,
	ADDR_BYTES = 64,
};

/* Threads outlive the wait, so it is nobody's stack or heap. */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t done;
	unsigned int count, next, answered;
	struct {
		char addr[ADDR_BYTES];
		char name[NI_MAXHOST]; /* "": none yet */
	} list[RESOLVE_MOST];
} all = { .lock = PTHREAD_MUTEX_INITIALIZER };

static bool find(const char *addr, unsigned long len, unsigned int *at)
{
	for (*at = 0; *at < all.count; ++*at)
		if (strlen(all.list[*at].addr) == len && !memcmp(all.list[*at].addr, addr, len))
			return true;
	return false;
}

void resolve_want(const char *addrs)
{
	while (*addrs) {
		unsigned long len = strcspn(addrs, "+");
		unsigned int at;

		if (len && len < ADDR_BYTES && all.count < RESOLVE_MOST && !find(addrs, len, &at))
			memcpy(all.list[all.count++].addr, addrs, len);
		addrs += len + (addrs[len] == '+');
	}
}

static void ask(const char *addr, char name[NI_MAXHOST])
{
	const struct addrinfo numeric = { .ai_flags = AI_NUMERICHOST };
	struct addrinfo *found;

	if (getaddrinfo(addr, NULL, &numeric, &found))
		return;
	if (getnameinfo(found->ai_addr, found->ai_addrlen, name, NI_MAXHOST, NULL, 0, NI_NAMEREQD))
		*name = '\0';
	freeaddrinfo(found);
}

static void *work(void *arg)
{
	(void)arg;
	pthread_mutex_lock(&all.lock);
	while (all.next < all.count) {
		unsigned int mine = all.next++;
		char name[NI_MAXHOST] = "";

		pthread_mutex_unlock(&all.lock);
		ask(all.list[mine].addr, name);
		pthread_mutex_lock(&all.lock);
		memcpy(all.list[mine].name, name, sizeof(name));
		all.answered++;
		pthread_cond_signal(&all.done);
	}
	pthread_mutex_unlock(&all.lock);
	return NULL;
}

void resolve_wait(void)
{
	pthread_condattr_t clock;
	struct timespec until;
	pthread_t thread;

	pthread_condattr_init(&clock);
	pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
	pthread_cond_init(&all.done, &clock);
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += RESOLVE_MS / 1000;
	for (unsigned int i = 0; i < THREADS && i < all.count; i++)
		if (!pthread_create(&thread, NULL, work, NULL))
			pthread_detach(thread);
	pthread_mutex_lock(&all.lock);
	while (all.answered < all.count && !pthread_cond_timedwait(&all.done, &all.lock, &until))
		;
	/* What comes from now on is for nobody: names stay as they are. */
	all.next = all.count;
	pthread_mutex_unlock(&all.lock);
}

const char *resolve_name(const char *addr, unsigned long len)
{
	const char *name = NULL;
	unsigned int at;

	pthread_mutex_lock(&all.lock);
	if (find(addr, len, &at) && all.list[at].name[0])
		name = all.list[at].name;
	pthread_mutex_unlock(&all.lock);
	return name;
}
