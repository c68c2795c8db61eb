/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/daemon/recent.h"

#include <string.h>

/* Lines stand behind each other, each behind its length; none is broken at the ring's end. */
struct recent {
	size_t size;
	size_t oldest; /* where it stands */
	size_t next;   /* where the next one will */
	size_t wrap; /* where the last one before the ring's end ends; SIZE_MAX: the newest is it */
	uint64_t first; /* the number of the oldest */
	uint64_t count;
	char bytes[];
};

enum {
	LENGTH = sizeof(uint16_t),
};

struct recent *recent_init(void *memory, size_t size)
{
	struct recent *r = memory;

	*r = (struct recent){ .size = size - sizeof(*r), .wrap = SIZE_MAX };
	return r;
}

static size_t len_at(const struct recent *r, size_t at)
{
	uint16_t len;

	memcpy(&len, r->bytes + at, LENGTH);
	return len;
}

/* Where the line behind that at `at` stands. */
static size_t behind(const struct recent *r, size_t at)
{
	at += LENGTH + len_at(r, at);
	return at == r->wrap ? 0 : at;
}

static void drop_oldest(struct recent *r)
{
	r->oldest = behind(r, r->oldest);
	if (r->oldest == 0)
		r->wrap = SIZE_MAX;
	r->first++;
	r->count--;
}

void recent_line(void *arg, const char *line, size_t len)
{
	struct recent *r = arg;
	const uint16_t length = (uint16_t)len;
	const size_t need = LENGTH + len;

	if (len > UINT16_MAX || need > r->size)
		return;
	if (need > r->size - r->next) {
		/* What lies between here and the ring's end is older than what stands at its beginning. */
		while (r->count && r->oldest >= r->next)
			drop_oldest(r);
		r->wrap = r->next;
		r->next = 0;
	}
	while (r->count && r->oldest >= r->next && r->oldest < r->next + need)
		drop_oldest(r);
	if (r->count == 0)
		r->oldest = r->next;
	memcpy(r->bytes + r->next, &length, LENGTH);
	memcpy(r->bytes + r->next + LENGTH, line, len);
	r->next += need;
	r->count++;
}

uint64_t recent_tell(const struct recent *r, uint64_t cursor,
	bool (*sink)(void *arg, const char *line, size_t len), void *arg, bool *end)
{
	uint64_t number = r->first;
	size_t at = r->oldest;

	for (; number < r->first + r->count; number++, at = behind(r, at))
		if (number >= cursor && !sink(arg, r->bytes + at + LENGTH, len_at(r, at)))
			break;
	*end = number == r->first + r->count;
	return number;
}
