/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * talk: what a flow's two ends say, step by step. TCP and QUIC.
 *
 * Owns: nothing of its own. Time: the world's; a step puts the next one into the agenda.
 */
#ifndef TESTS_SOAK_TALK_H
#define TESTS_SOAK_TALK_H

#include "tests/soak/household.h"

/* The flow in `slot` opens now, and says good-bye at `dies`. */
void talk_begin(struct soak *s, struct house_flow *f, uint32_t slot, inpath_time dies);

/* It was at rest and is queued again: much may have been said. */
void talk_catch_up(struct soak *s, struct house_flow *f, uint32_t slot);

/* The server's answer to a probe comes to the gateway. */
void talk_answers(struct soak *s, struct house_flow *f, const struct house_answer *a);

#endif
