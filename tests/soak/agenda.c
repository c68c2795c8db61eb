/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/soak/agenda.h"

#include <stdlib.h>

static bool before(const struct agenda_item *a, const struct agenda_item *b)
{
	return a->at != b->at ? a->at < b->at : a->order < b->order;
}

static void make_room(struct agenda *a)
{
	size_t room = a->room ? 2 * a->room : 1024;
	struct agenda_item *heap;

	if (a->count < a->room)
		return;
	heap = realloc(a->heap, room * sizeof(*heap));
	if (!heap)
		abort();
	a->heap = heap;
	a->room = room;
}

void agenda_add(
	struct agenda *a, inpath_time at, enum agenda_kind kind, uint32_t what, uint32_t detail)
{
	struct agenda_item item = { at, a->order++, kind, what, detail };
	size_t i;

	make_room(a);
	i = a->count++;
	for (; i > 0 && before(&item, &a->heap[(i - 1) / 2]); i = (i - 1) / 2)
		a->heap[i] = a->heap[(i - 1) / 2];
	a->heap[i] = item;
}

bool agenda_take(struct agenda *a, inpath_time now, struct agenda_item *out)
{
	struct agenda_item last;
	size_t i = 0;

	if (a->count == 0 || a->heap[0].at > now)
		return false;
	*out = a->heap[0];
	last = a->heap[--a->count];
	for (;;) {
		size_t child = 2 * i + 1;

		if (child >= a->count)
			break;
		if (child + 1 < a->count && before(&a->heap[child + 1], &a->heap[child]))
			child++;
		if (!before(&a->heap[child], &last))
			break;
		a->heap[i] = a->heap[child];
		i = child;
	}
	a->heap[i] = last;
	return true;
}

inpath_time agenda_next(const struct agenda *a)
{
	return a->count ? a->heap[0].at : INPATH_TIME_NEVER;
}

void agenda_end(struct agenda *a)
{
	free(a->heap);
}
