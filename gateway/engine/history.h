/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * history: the last path of each flow that was traced.
 *
 * Owns:   a fixed table of entries. Full means that the path longest unused is forgotten; its flow
 *         is then traced as if for the first time.
 */
#ifndef HISTORY_H
#define HISTORY_H

#include "gateway/engine/arena.h"
#include "gateway/engine/path.h"
#include "gateway/engine/table.h"

struct history {
	uint32_t flow; /* slot of the flow that holds it */
	struct path path;
};

struct histories {
	struct table table; /* by age only */
	struct history *entries;
};

void histories_init(struct histories *h, struct arena *arena, uint32_t capacity);

/*
 * Takes an entry for `flow`. If one had to be taken from another flow, *robbed is that flow's slot,
 * which must forget it; else TABLE_NONE.
 */
uint32_t history_take(struct histories *h, uint32_t flow, uint32_t *robbed);

/* Gives an entry back. */
void history_drop(struct histories *h, uint32_t slot);

#endif
