/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/daemon/config_reader.h"

#include <stdlib.h>
#include <string.h>

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

uint32_t config_sort_domains(const char **names, uint32_t count)
{
	uint32_t kept = 0;

	qsort(names, count, sizeof(*names), by_name);
	for (uint32_t i = 0; i < count; i++) {
		if (kept == 0 || strcmp(names[kept - 1], names[i]) != 0)
			names[kept++] = names[i];
	}
	return kept;
}

static int by_first(const void *a, const void *b)
{
	const struct inpath_range *x = a;
	const struct inpath_range *y = b;

	return memcmp(&x->first, &y->first, sizeof(x->first));
}

uint32_t config_sort_ranges(struct inpath_range *ranges, uint32_t count)
{
	uint32_t kept = 0;

	qsort(ranges, count, sizeof(*ranges), by_first);
	for (uint32_t i = 0; i < count; i++) {
		struct inpath_range *top = kept ? &ranges[kept - 1] : NULL;

		/* The family is an address's first byte: two families never overlap. */
		if (top == NULL || memcmp(&top->last, &ranges[i].first, sizeof(top->last)) < 0)
			ranges[kept++] = ranges[i];
		else if (memcmp(&top->last, &ranges[i].last, sizeof(top->last)) < 0)
			top->last = ranges[i].last;
	}
	return kept;
}

static int by_port(const void *a, const void *b)
{
	const struct inpath_port_range *x = a;
	const struct inpath_port_range *y = b;

	return (int)x->first - (int)y->first;
}

uint32_t config_sort_ports(struct inpath_port_range *ports, uint32_t count)
{
	uint32_t kept = 0;

	qsort(ports, count, sizeof(*ports), by_port);
	for (uint32_t i = 0; i < count; i++) {
		if (kept == 0 || ports[kept - 1].last < ports[i].first)
			ports[kept++] = ports[i];
		else if (ports[kept - 1].last < ports[i].last)
			ports[kept - 1].last = ports[i].last;
	}
	return kept;
}

static int by_index(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a;
	uint32_t y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

uint32_t config_sort_indices(uint32_t *indices, uint32_t count)
{
	uint32_t kept = 0;

	qsort(indices, count, sizeof(*indices), by_index);
	for (uint32_t i = 0; i < count; i++) {
		if (kept == 0 || indices[kept - 1] != indices[i])
			indices[kept++] = indices[i];
	}
	return kept;
}
