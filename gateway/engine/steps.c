/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/engine/steps.h"

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

void steps_add(
	struct steps *s, const struct path *epoch, const struct inpath_hop *hop, inpath_time now)
{
	for (uint8_t i = 0; i < epoch->count; i++) {
		for (uint8_t k = 0; k < hop->addr_count && epoch->entries[i].ttl == hop->ttl; k++) {
			uint32_t from = path_entry(hop->ttl, &epoch->entries[i].addr);
			uint32_t to = path_entry(hop->ttl, &hop->addrs[k]);
			uint32_t at = find(s, from, to);

			if (at == STEPS)
				at = oldest(s);
			s->entries[at] = (struct step){ from, to, now };
		}
	}
}

bool steps_has(const struct steps *s, const struct path *epoch, const struct inpath_hop *hop,
	inpath_time now)
{
	for (uint8_t i = 0; i < epoch->count; i++) {
		for (uint8_t k = 0; k < hop->addr_count && epoch->entries[i].ttl == hop->ttl; k++) {
			uint32_t at = find(s, path_entry(hop->ttl, &epoch->entries[i].addr),
				path_entry(hop->ttl, &hop->addrs[k]));

			if (at < STEPS && now < s->entries[at].at + STEPS_SPAN)
				return true;
		}
	}
	return false;
}

void steps_forget(struct steps *s, const struct inpath_hop *hop)
{
	for (uint8_t i = 0; i < hop->addr_count; i++)
		for (uint8_t k = 0; k < hop->addr_count; k++)
			forget(s, path_entry(hop->ttl, &hop->addrs[i]),
				path_entry(hop->ttl, &hop->addrs[k]));
}
