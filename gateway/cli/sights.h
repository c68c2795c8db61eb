/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sights: how paths were seen: trace by trace, or as an epoch that tells of many. What an epoch tells of
 * is not there twice.
 *
 * Owns: nothing; what sights_of returns is the caller's.
 */
#ifndef CLI_SIGHTS_H
#define CLI_SIGHTS_H

#include "gateway/cli/model.h"

enum {
	SIGHTS_WEIGHT = 15, /* of an epoch's median, at most: it is that of so many values */
};

struct sight {
	uint32_t flow, path;
	const struct model_trace *trace; /* one of the two is NULL */
	const struct model_epoch *epoch;
	model_time since, until;
	uint32_t traces;
};

/* One of them. An epoch's may stand for some of its traces alone. */
struct sight sight_of_trace(const struct model_trace *t);
struct sight sight_of_epoch(const struct model_epoch *e, uint32_t traces);

/* One value as a spread; 0: none. */
struct model_spread sight_value(uint32_t us);

/* The round trips of its path's entry. */
struct model_spread sight_hop(const struct model *m, const struct sight *s, uint32_t entry);

/* *s has what `more` has, too, at its ends. `more` is of some value. */
void sight_widen(struct model_spread *s, const struct model_spread *more);

/* All of a model's, in the order of the log: traces, then epochs. NULL: no memory. */
struct sight *sights_of(const struct model *m, uint32_t *count);

/* Many round trips put together from some sights'. */
struct sights_sum {
	uint32_t *values; /* room for sights_room; the caller's */
	size_t count;
	struct model_spread spread;
};

/* The values that all sights of a model may add. */
size_t sights_room(const struct model *m);

void sights_add_value(struct sights_sum *s, uint32_t us);
void sights_add_spread(struct sights_sum *s, const struct model_spread *spread, uint32_t traces);

/* Adds what `sight` tells of its path's entry. */
void sights_add_hop(
	struct sights_sum *s, const struct model *m, const struct sight *sight, uint32_t entry);

/* What they come to. *s can be begun anew with the same values. */
struct model_spread sights_told(struct sights_sum *s);

#endif
