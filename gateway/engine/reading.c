/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/engine/reading.h"

#include <string.h>

static bool share_addr(const struct inpath_hop *a, const struct inpath_hop *b)
{
	for (uint8_t i = 0; i < a->addr_count; i++)
		for (uint8_t k = 0; k < b->addr_count; k++)
			if (memcmp(&a->addrs[i], &b->addrs[k], sizeof(a->addrs[i])) == 0)
				return true;
	return false;
}

/* RFC 6598: 100.64.0.0/10 stands between a carrier's NAT and its customers. */
static bool is_shared_space(const struct inpath_addr *a)
{
	return a->family == INPATH_AF_INET && a->bytes[0] == 100 && (a->bytes[1] & 0xc0) == 64;
}

/*
 * The same address at two TTLs (Augustin et al., IMC 2006): a loop where they follow each other, a
 * cycle where another address answered in between. Silence in between tells neither.
 */
static void find_again(const struct inpath_hop *hops, uint8_t at, struct inpath_path_notes *notes)
{
	bool other = false;

	for (uint8_t before = at; before-- > 0;) {
		if (!share_addr(&hops[before], &hops[at])) {
			other |= hops[before].addr_count != 0;
			continue;
		}
		/* Forwarded with TTL 0: it answered for the TTL before as well. */
		if (before + 1 == at && !hops[before].zero_ttl && notes->loop_count < INPATH_LOOPS)
			notes->loops[notes->loop_count++] = hops[at].ttl;
		if (other && notes->cycle_count < INPATH_LOOPS) {
			notes->cycles[notes->cycle_count].first = hops[before].ttl;
			notes->cycles[notes->cycle_count].again = hops[at].ttl;
			notes->cycle_count++;
		}
		return;
	}
}

void reading_take(struct inpath_hop *hops, uint8_t count, struct inpath_path_notes *notes)
{
	uint8_t seen = 0;

	notes->loop_count = 0;
	notes->cycle_count = 0;
	notes->nat_shared = 0;
	for (uint8_t i = 0; i < count; i++) {
		hops[i].rewritten_first = hops[i].rewritten & (uint8_t)~seen;
		seen |= hops[i].rewritten;
		find_again(hops, i, notes);
		for (uint8_t k = 0; k < hops[i].addr_count && notes->nat_shared == 0; k++)
			if (is_shared_space(&hops[i].addrs[k]))
				notes->nat_shared = hops[i].ttl;
	}
}
