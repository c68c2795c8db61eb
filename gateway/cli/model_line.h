/* SPDX-License-Identifier: GPL-2.0-or-later */
/* model_line: what the model keeps between two lines: paths of which parts are still to come. Private. */
#ifndef CLI_MODEL_LINE_H
#define CLI_MODEL_LINE_H

#include "gateway/cli/model.h"

enum {
	MODEL_PARTS = 8, /* paths being put together: the daemon writes a path's lines in one go */
};

/* The entries of a path read so far. */
struct model_entries {
	uint32_t count;
	struct model_step steps[MODEL_HOPS];
	uint32_t rtts[MODEL_HOPS];
};

struct model_parts {
	uint32_t turn; /* the next to be given up when all are taken */
	struct model_part {
		uint32_t run;
		uint32_t parts; /* 0: free */
		uint32_t got;
		struct model_entries entries;
	} list[MODEL_PARTS];
};

#endif
