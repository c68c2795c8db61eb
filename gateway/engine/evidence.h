/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * evidence: has the path changed, or do two routers take turns, packet by packet?
 *
 * At a TTL the epoch's traces have had K answers of its own router in a row, then came M of another.
 * Two that share the packets evenly at random look so once in 2^(K+M): what was seen before the step is
 * as good as what came behind it. One looks at each step, so small K add up: with M = 30 - K, no
 * fewer than 4 and no more than 24, a pair is taken for a change
 *
 *   K = 1..6    M = 24      2^-25 + 2^-26 + ...        =  0.06e-6
 *   K = 7..25   M = 30 - K  19 * 2^-30                 =  0.02e-6
 *   K = 26..    M = 4       2^-30 + 2^-31 + ...        =  0.002e-6
 *
 * once in 12 million pairs that are met. (A household's day meets some 50,000: with 26 and 20 instead of 30
 * and 24, one of twelve days had a change that was none. Two traces of PROBER_CONFIRM probes are enough for 24.)
 * Shares that are not even: with p of the packets for the old one, K = 26.. costs p^26 (1-p)^3, 0.00006
 * where it is worst (9:1), 0.00001 for 3:1; the new answers, which must be 4 at the least, see to that.
 * Where p is small the 24 do: p (1-p)^23, 0.016 where it is worst (1:23).
 *
 * K is about probes that could have met either. One that nobody answers may have met the other, in
 * a moment in which that was silent or had used up what it may answer: then half of K is gone. With
 * every second one lost, as where the other never answers, K stays at 2. A trace that leaves more than one
 * probe without an answer counts for one new answer, however many came; but for each of them if the old one
 * answers at another TTL now, and so has not fallen silent. K is gone if the old one is seen again behind the
 * other, or beside it. If a third one answers instead, K stays, and M begins anew.
 *
 * A packet is dealt for each probe, so all TTLs that differ witness to one step, and their answers are
 * added up. But the step may be behind routers that take turns: the TTL that is named must itself have
 * 20 of K + M; 5 if it leaves more than one probe of this trace without an answer, for then each trace
 * counts for one; none if its router is found at another TTL now, or the new one was before: routers that
 * take turns do so where they are. Among three, of which two are known, an answer tells less: 10 more are
 * wanted.
 *
 * Where other flows' traces have proven lately that the same router gave way to the same other (steps.h),
 * K + M = 6 is enough, with M = 2, one by each of the two traces. What they have seen less of is added to K.
 *
 * Routers that are chosen by a flow's hash show one flow the same path always. Turns by the clock
 * are changes, if each lasts for two traces.
 *
 * Owns: nothing; zeroed memory has none yet.
 */
#ifndef EVIDENCE_H
#define EVIDENCE_H

#include "gateway/engine/path.h"
#include "gateway/engine/prober.h"

struct evidence {
	/* By TTL, hops[0] is TTL 1: */
	uint8_t old[INPATH_MAX_HOPS]; /* answers of the epoch's routers, in a row */
	uint8_t new[INPATH_MAX_HOPS]; /* answers of others since */
};

/* Do probes stay unanswered there? Then it may be because another router's turn was to answer. */
bool hop_answers_seldom(const struct inpath_hop *hop);

/* A trace has shown the epoch's path at these TTLs. */
void evidence_stays(
	struct evidence *ev, const struct prober *walk, const struct path *epoch, uint64_t ttls);

/* A trace has shown another path, that differs at these. */
void evidence_differs(
	struct evidence *ev, const struct prober *walk, const struct path *epoch, uint64_t differ);

/* Not the path that differed at `before` was found again, but a third one, that differs at `differ`. */
void evidence_third(struct evidence *ev, uint64_t before, uint64_t differ);

/* What was shown at these TTLs was not found again, or routers take turns there. */
void evidence_flapped(struct evidence *ev, uint64_t ttls);

/*
 * Another path is the epoch's from now on, that differs at these TTLs. What it has in common with the last
 * one, at `common`, stays known.
 */
void evidence_turns(struct evidence *ev, uint64_t differ, uint64_t common);

/* How many more answers the path that differs is to show. All zero: it is another one. */
struct evidence_lack {
	uint8_t all;   /* at whichever of the TTLs that differ, */
	uint8_t first; /* and at the first of them alone */
};

/* `others`: what other flows have seen of the step at the first of the TTLs that differ (steps_seen). */
struct evidence_lack evidence_lacks(const struct evidence *ev, const struct prober *walk,
	const struct path *epoch, uint64_t differ, uint32_t others);

#endif
