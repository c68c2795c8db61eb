/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * agenda: what happens when in the virtual world. Things of one moment come in the order of adding.
 *
 * Owns: its heap, which grows. Time: absolute, the world's.
 */
#ifndef TESTS_SOAK_AGENDA_H
#define TESTS_SOAK_AGENDA_H

#include "inpath/types.h"

enum agenda_kind {
	AGENDA_BIRTH,   /* a flow begins, another is to follow */
	AGENDA_SAY,     /* flow `what` does step `detail` of its talk */
	AGENDA_GONE,    /* flow `what` is over for good */
	AGENDA_ANSWER,  /* answer `what` comes to the gateway */
	AGENDA_REROUTE, /* a segment's route changes: `what`, or any (detail 0) */
	AGENDA_FLAP,    /* router `what` falls silent, or answers again */
	AGENDA_HOUR,
};

struct agenda_item {
	inpath_time at;
	uint64_t order;
	enum agenda_kind kind;
	uint32_t what;
	uint32_t detail;
};

struct agenda {
	struct agenda_item *heap;
	size_t count;
	size_t room;
	uint64_t order;
};

void agenda_add(
	struct agenda *a, inpath_time at, enum agenda_kind kind, uint32_t what, uint32_t detail);

/* The earliest thing that is due by `now`; false if there is none. */
bool agenda_take(struct agenda *a, inpath_time now, struct agenda_item *out);

/* When the earliest is due; INPATH_TIME_NEVER if there is none. */
inpath_time agenda_next(const struct agenda *a);

void agenda_end(struct agenda *a);

#endif
