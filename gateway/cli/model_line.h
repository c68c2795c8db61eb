/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * model_line: what reads a line shares, and what the model keeps between two lines: paths of which parts
 * are still to come. Private to the model.
 */
#ifndef CLI_MODEL_LINE_H
#define CLI_MODEL_LINE_H

#include "gateway/cli/model.h"

enum {
	MODEL_PARTS = 8, /* paths being put together: the daemon writes a path's lines in one go */
};

/* The entries of a path or an epoch read so far. */
struct model_entries {
	uint32_t count;
	struct model_step steps[MODEL_HOPS];
	uint32_t rtts[MODEL_HOPS];               /* a path's */
	struct model_spread spreads[MODEL_HOPS]; /* an epoch's */
};

struct model_parts {
	uint32_t turn; /* the next to be given up when all are taken */
	struct model_part {
		uint32_t run;
		bool epoch;     /* it has the run of its latest trace */
		uint32_t parts; /* 0: free */
		uint32_t got;
		struct model_entries entries;
	} list[MODEL_PARTS];
};

/* The number of a text; MODEL_NONE: no memory. */
uint32_t model_put(struct model *m, const char *text, size_t len);

/* N[.NNN...] in thousandths, rounded down; what follows it is left in *text. */
uint64_t model_thousandths(const char **text);
uint32_t model_u32(uint64_t value);

/* MIN/MED/MAX in ms; false if it is not that. Moves behind it. */
bool model_read_spread(const char **text, struct model_spread *out);

/* Reads the value of `hops` behind what *out holds; false if it is none, of a path or an epoch. */
bool model_read_hops(struct model *m, const char *hops, bool epoch, struct model_entries *out);

/* Marks the traces that epochs tell of. */
void model_mark_told(struct model *m);

#endif
