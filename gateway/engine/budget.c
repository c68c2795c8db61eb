/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/engine/budget.h"

#define TOKEN INPATH_SEC /* billionths in one token */

void bucket_fill(struct bucket *b, uint32_t rate, inpath_time now)
{
	b->at = now;
	b->tokens = (uint64_t)rate * TOKEN;
}

static void bucket_run(struct bucket *b, uint32_t rate, inpath_time now)
{
	uint64_t full = (uint64_t)rate * TOKEN;

	if (now > b->at) {
		inpath_time gone = now - b->at;

		/* After a second it is full, whatever it held: and the product cannot overflow. */
		b->tokens = gone >= INPATH_SEC ? full : b->tokens + gone * rate;
		b->at = now;
	}
	if (b->tokens > full)
		b->tokens = full;
}

inpath_time bucket_ready(struct bucket *b, uint32_t rate, uint32_t want, inpath_time now)
{
	uint64_t need = (uint64_t)(want < rate ? want : rate) * TOKEN;

	bucket_run(b, rate, now);
	if (rate == 0)
		return INPATH_TIME_NEVER;
	if (b->tokens >= need)
		return b->at;
	return b->at + (need - b->tokens + rate - 1) / rate;
}

bool bucket_take(struct bucket *b, uint32_t rate, uint32_t count, inpath_time now)
{
	bucket_run(b, rate, now);
	if (b->tokens < count * TOKEN)
		return false;
	b->tokens -= count * TOKEN;
	return true;
}
