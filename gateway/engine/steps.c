/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/engine/steps.h"

#include "gateway/engine/ttls.h"

enum {
	CHANCE = 4,
	MOST = 12, /* that one flow adds */
};

static uint32_t name_of(const struct inpath_addr *addr)
{
	return path_entry(0, addr);
}

/* STEPS: there is none. */
static uint32_t find(const struct steps *s, uint32_t from, uint32_t to)
{
	uint32_t i = 0;

	while (i < STEPS &&
		(s->entries[i].at == 0 || s->entries[i].from != from || s->entries[i].to != to))
		i++;
	return i;
}

/* A free one is older than any. */
static uint32_t oldest(const struct steps *s)
{
	uint32_t at = 0;

	for (uint32_t i = 1; i < STEPS; i++)
		if (s->entries[i].at < s->entries[at].at)
			at = i;
	return at;
}

static void forget(struct steps *s, uint32_t from, uint32_t to)
{
	uint32_t at = find(s, from, to);

	if (at < STEPS)
		s->entries[at].at = 0;
}

/* The entry of this step, made if there is none that is still remembered. */
static struct step *take(struct steps *s, uint32_t from, uint32_t to, inpath_time now)
{
	uint32_t at = find(s, from, to);

	if (at == STEPS || now >= s->entries[at].at + STEPS_SPAN) {
		at = at == STEPS ? oldest(s) : at;
		s->entries[at] = (struct step){ .from = from, .to = to };
	}
	s->entries[at].at = now;
	return &s->entries[at];
}

/* Each of `epoch`'s routers at the hop's TTL has a step to each of the hop's: it is worth so much more. */
static void add(struct steps *s, const struct path *epoch, const struct inpath_hop *hop,
	int32_t worth, inpath_time now)
{
	for (uint8_t i = 0; i < epoch->count; i++) {
		for (uint8_t k = 0; k < hop->addr_count && epoch->entries[i].ttl == hop->ttl; k++) {
			struct step *step = take(
				s, name_of(&epoch->entries[i].addr), name_of(&hop->addrs[k]), now);

			if (step->sum < STEPS_PROVEN)
				step->sum += worth;
		}
	}
}

void steps_add(
	struct steps *s, const struct path *epoch, const struct inpath_hop *hop, inpath_time now)
{
	add(s, epoch, hop, INT16_MAX, now);
}

static int32_t worth_of(uint32_t old)
{
	return old < MOST + CHANCE ? (int32_t)old - CHANCE : MOST;
}

void steps_suspect(struct steps *s, const struct path *epoch, const struct inpath_hop *hop,
	uint32_t old, inpath_time now)
{
	add(s, epoch, hop, worth_of(old), now);
}

void steps_withdraw(struct steps *s, const struct path *epoch, uint64_t ttls)
{
	for (uint8_t i = 0; i < epoch->count; i++) {
		uint32_t from = name_of(&epoch->entries[i].addr);

		for (uint32_t k = 0; k < STEPS && ttls_has(ttls, epoch->entries[i].ttl); k++)
			if (s->entries[k].from == from && s->entries[k].sum < STEPS_PROVEN)
				s->entries[k].at = 0;
	}
}

uint32_t steps_seen(const struct steps *s, const struct path *epoch, const struct inpath_hop *hop,
	uint32_t old, inpath_time now)
{
	int32_t most = 0;

	for (uint8_t i = 0; i < epoch->count; i++) {
		for (uint8_t k = 0; k < hop->addr_count && epoch->entries[i].ttl == hop->ttl; k++) {
			uint32_t at =
				find(s, name_of(&epoch->entries[i].addr), name_of(&hop->addrs[k]));
			const struct step *step = &s->entries[at < STEPS ? at : 0];
			int32_t sum =
				step->sum < STEPS_PROVEN ? step->sum - worth_of(old) : step->sum;

			if (at < STEPS && now < step->at + STEPS_SPAN && sum > most)
				most = sum;
		}
	}
	return (uint32_t)most;
}

void steps_forget(struct steps *s, const struct inpath_hop *hop)
{
	for (uint8_t i = 0; i < hop->addr_count; i++)
		for (uint8_t k = 0; k < hop->addr_count; k++)
			forget(s, name_of(&hop->addrs[i]), name_of(&hop->addrs[k]));
}
