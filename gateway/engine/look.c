/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/engine/look.h"

void look_expect(struct look *l, struct flow *f, bool more, inpath_time now)
{
	f->seen = now;
	f->expected = more;
	if (!more || l->at)
		return;
	l->at = now + LOOK_SILENCE;
	l->next = 0;
	l->again = false;
}

/* The pass is over: another one if there are flows that may still fall silent. */
static void end_pass(struct look *l, inpath_time now)
{
	l->at = l->again ? now + LOOK_SILENCE : 0;
	l->next = 0;
	l->again = false;
}

void look_step(
	struct look *l, const struct flows *flows, struct inpath_outbox *outbox, inpath_time now)
{
	uint32_t end, looks = 0;

	if (!l->at || now < l->at)
		return;
	end = flows->table.fresh - l->next > LOOK_SLICE ? l->next + LOOK_SLICE : flows->table.fresh;
	for (; l->next < end; l->next++) {
		struct flow *f = &flows->entries[l->next];
		struct inpath_action_item *item;

		if (!f->expected)
			continue;
		if (now - f->seen < LOOK_SILENCE) {
			l->again = true;
			continue;
		}
		if (looks == LOOKS_A_TICK || outbox->count == INPATH_OUTBOX_ACTIONS)
			return;
		if (!window_take(&l->window, LOOK_RATE, now)) {
			l->at = window_ready(&l->window, LOOK_RATE, 1, now);
			return;
		}
		f->expected = false;
		looks++;
		item = &outbox->items[outbox->count++];
		item->kind = INPATH_ACTION_LOOK;
		item->look = f->tuple;
	}
	if (l->next == flows->table.fresh)
		end_pass(l, now);
}

inpath_time look_deadline(const struct look *l)
{
	return l->at ? l->at : INPATH_TIME_NEVER;
}
