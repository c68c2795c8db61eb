/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/engine/ahead.h"

enum {
	ENTRIES = 3, /* asked for beyond the packet that is being judged */
};

void ahead_foresee(struct ahead *a, const struct flows *f, const struct inpath_tuple *tuple)
{
	struct ahead_packet *p;

	if (a->judged)
		a->count = a->judged = a->fetched = 0;
	if (a->count == INPATH_BATCH)
		return;
	p = &a->packets[a->count++];
	p->any = tuple != NULL;
	if (!tuple)
		return;
	p->tuple = *tuple;
	p->hash = flow_foresee(f, tuple);
}

void ahead_judge(struct ahead *a, const struct flows *f)
{
	if (a->judged == a->count)
		a->judged = a->count = a->fetched = 0;
	else
		a->judged++;
	for (; a->fetched < a->count && a->fetched < a->judged + ENTRIES; a->fetched++)
		if (a->packets[a->fetched].any)
			(void)flow_fetch(f, a->packets[a->fetched].hash);
}

uint32_t ahead_find(const struct ahead *a, const struct flows *f, const struct inpath_tuple *tuple)
{
	const struct ahead_packet *p = a->judged ? &a->packets[a->judged - 1] : NULL;

	if (p && p->any && tuple_equal(&p->tuple, tuple))
		return flow_find_hashed(f, tuple, p->hash);
	return flow_find(f, tuple);
}
