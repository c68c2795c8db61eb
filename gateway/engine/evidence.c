/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/engine/evidence.h"

#include "gateway/engine/steps.h"
#include "gateway/engine/ttls.h"

#include <string.h>

enum {
	BOTH = 30,     /* answers before the step and behind it, together */
	NEW_LEAST = 4, /* of these, behind it */
	NEW_ENOUGH = 24,
	EACH = 10,      /* more for each further router that is known to take turns there */
	NEW_SERVER = 8, /* where the server has come nearer, or gone: touches are few */
	OWN = 20,       /* before the step and behind it, of the TTL that is named; */
	OWN_SELDOM = 5, /* ... where it leaves probes without an answer: a trace counts for one */
	PROVEN = 6,     /* instead of all these, where other flows have proven it; */
	PROVEN_NEW = 2,
	COUNT_MOST = 64,
};

static void count(uint8_t *at, uint32_t answers)
{
	*at = (uint8_t)(*at + answers < COUNT_MOST ? *at + answers : COUNT_MOST);
}

bool hop_answers_seldom(const struct inpath_hop *hop)
{
	return hop->answered + 1 < hop->sent;
}

void evidence_stays(
	struct evidence *ev, const struct prober *walk, const struct path *epoch, uint64_t ttls)
{
	for (uint8_t i = 0; i < INPATH_MAX_HOPS; i++) {
		const struct inpath_hop *hop = &walk->hops[i];

		if (!ttls_has(ttls, i + 1))
			continue;
		if (!path_has_all(epoch, hop)) {
			ev->old[i] = 0;
			continue;
		}
		if (hop->answered < hop->sent)
			ev->old[i] /= 2;
		count(&ev->old[i], hop->answered);
	}
}

static bool hop_has(const struct inpath_hop *hop, const struct inpath_addr *addr)
{
	for (uint8_t i = 0; i < hop->addr_count; i++)
		if (memcmp(&hop->addrs[i], addr, sizeof(*addr)) == 0)
			return true;
	return false;
}

/* Does the router of this TTL answer at another one now, or did the one that answers there now before? */
static bool has_moved(const struct prober *walk, const struct path *epoch, uint8_t ttl)
{
	for (uint8_t i = 0; i < epoch->count; i++) {
		uint8_t was = epoch->entries[i].ttl;

		for (uint8_t k = 1; k <= INPATH_MAX_HOPS; k++)
			if (was != k && (was == ttl || k == ttl) &&
				hop_has(&walk->hops[k - 1], &epoch->entries[i].addr))
				return true;
	}
	return false;
}

/* How many answers is this TTL's part in the trace worth? */
static uint32_t worth(const struct prober *walk, const struct path *epoch, uint8_t ttl)
{
	const struct inpath_hop *hop = &walk->hops[ttl - 1];

	/* The server was there, and is farther away: silence shows it. */
	if (hop->addr_count == 0)
		return hop->sent;
	return hop_answers_seldom(hop) && !has_moved(walk, epoch, ttl) ? 1 : hop->answered;
}

void evidence_differs(
	struct evidence *ev, const struct prober *walk, const struct path *epoch, uint64_t differ)
{
	for (uint8_t i = 0; i < INPATH_MAX_HOPS; i++)
		if (ttls_has(differ, i + 1))
			count(&ev->new[i], worth(walk, epoch, (uint8_t)(i + 1)));
}

void evidence_third(struct evidence *ev, uint64_t before, uint64_t differ)
{
	evidence_flapped(ev, before & ~differ);
	for (uint8_t i = 0; i < INPATH_MAX_HOPS; i++)
		if (ttls_has(before, i + 1))
			ev->new[i] = 0;
}

void evidence_flapped(struct evidence *ev, uint64_t ttls)
{
	for (uint8_t i = 0; i < INPATH_MAX_HOPS; i++)
		if (ttls_has(ttls, i + 1))
			ev->old[i] = ev->new[i] = 0;
}

void evidence_turns(struct evidence *ev, uint64_t differ, uint64_t common)
{
	for (uint8_t i = 0; i < INPATH_MAX_HOPS; i++)
		if (ttls_has(differ, i + 1) || !ttls_has(common, i + 1))
			ev->old[i] = 0;
	memset(ev->new, 0, sizeof(ev->new));
}

static uint32_t sum(const uint8_t *answers, uint64_t ttls)
{
	uint32_t all = 0;

	for (uint8_t i = 0; i < INPATH_MAX_HOPS; i++)
		if (ttls_has(ttls, i + 1))
			all += answers[i];
	return all;
}

static uint32_t lesser(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static uint32_t greater(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

static uint32_t lack(uint32_t wanted, uint32_t have)
{
	return wanted > have ? wanted - have : 0;
}

/* Behind the step, where nothing but the TTLs' own answers speaks for it. */
static uint32_t wanted(const struct prober *walk, const struct path *epoch, uint8_t ttl,
	uint32_t old, uint32_t others)
{
	const struct inpath_hop *first = &walk->hops[ttl - 1];
	uint32_t known = path_routers(epoch, ttl);
	uint32_t most = first->addr_count > known ? first->addr_count : known;
	uint32_t further = most > 1 ? EACH * (most - 1) : 0;

	return greater(
		lack(lesser(lack(BOTH + further, old), NEW_ENOUGH + further), others), NEW_LEAST);
}

/* Before the step and behind it, of the TTL that is named, among others that differ. */
static uint32_t own_wanted(const struct prober *walk, const struct path *epoch, uint8_t ttl)
{
	if (has_moved(walk, epoch, ttl))
		return 0;
	return hop_answers_seldom(&walk->hops[ttl - 1]) ? OWN_SELDOM : OWN;
}

struct evidence_lack evidence_lacks(const struct evidence *ev, const struct prober *walk,
	const struct path *epoch, uint64_t differ, uint32_t others)
{
	uint8_t ttl = ttls_lowest(differ);
	uint32_t old = sum(ev->old, differ), new = sum(ev->new, differ);

	if (walk->hops[ttl - 1].server || walk->hops[ttl - 1].addr_count == 0)
		return (struct evidence_lack){ .all = (uint8_t)lack(NEW_SERVER, new) };
	if (others >= STEPS_PROVEN)
		return (struct evidence_lack){
			.all = (uint8_t)lack(greater(lack(PROVEN, old), PROVEN_NEW), new)
		};
	return (struct evidence_lack){
		.all = (uint8_t)lack(wanted(walk, epoch, ttl, old, others), new),
		.first = (uint8_t)lack(own_wanted(walk, epoch, ttl),
			(uint32_t)ev->old[ttl - 1] + ev->new[ttl - 1]),
	};
}
