/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/netsim/sched.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *must_alloc(void *old, size_t size)
{
	void *memory = realloc(old, size);

	if (!memory) {
		fputs("netsim: out of memory\n", stderr);
		exit(1);
	}
	return memory;
}

struct datagram *datagram_new(struct sched *s)
{
	struct datagram *d = s->free;

	if (d)
		s->free = d->pool;
	else
		d = must_alloc(NULL, sizeof(*d));
	memset(d, 0, offsetof(struct datagram, trail));
	d->flow = NOBODY;
	d->probe = NOBODY;
	return d;
}

void datagram_free(struct sched *s, struct datagram *d)
{
	d->pool = s->free;
	s->free = d;
}

void sched_free(struct sched *s)
{
	while (s->count > 0)
		datagram_free(s, s->heap[--s->count]);
	while (s->free) {
		struct datagram *d = s->free;

		s->free = d->pool;
		free(d);
	}
	free(s->heap);
	*s = (struct sched){ 0 };
}

static bool before(const struct datagram *a, const struct datagram *b)
{
	return a->at != b->at ? a->at < b->at : a->order < b->order;
}

void sched_push(struct sched *s, struct datagram *d)
{
	size_t at = s->count++;

	if (s->count > s->capacity) {
		s->capacity = s->capacity ? s->capacity * 2 : 256;
		s->heap = must_alloc(s->heap, s->capacity * sizeof(struct datagram *));
	}
	d->order = s->order++;
	for (; at > 0 && before(d, s->heap[(at - 1) / 2]); at = (at - 1) / 2)
		s->heap[at] = s->heap[(at - 1) / 2];
	s->heap[at] = d;
}

inpath_time sched_first(const struct sched *s)
{
	return s->count ? s->heap[0]->at : INPATH_TIME_NEVER;
}

struct datagram *sched_pop(struct sched *s)
{
	struct datagram *first = s->heap[0];
	struct datagram *last = s->heap[--s->count];
	size_t at = 0;

	for (size_t child = 1; child < s->count; child = at * 2 + 1) {
		if (child + 1 < s->count && before(s->heap[child + 1], s->heap[child]))
			child++;
		if (!before(s->heap[child], last))
			break;
		s->heap[at] = s->heap[child];
		at = child;
	}
	s->heap[at] = last;
	return first;
}
