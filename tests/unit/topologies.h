/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * topologies: reading them in a test. A topology is large, so there are two of them, kept here.
 */
#ifndef TESTS_TOPOLOGIES_H
#define TESTS_TOPOLOGIES_H

#include "tests/netsim/topology.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct topology topology_first, topology_second;

/* Reads an exact-size copy, into memory that was not zero: a sanitizer sees one byte over. */
static inline bool read_into(
	const char *text, size_t len, struct topology *out, struct topology_error *error)
{
	char *copy = malloc(len > 0 ? len : 1);
	bool is_read;

	assert_non_null(copy);
	memcpy(copy, text, len);
	memset(out, 0xa5, sizeof(*out));
	is_read = topology_read(copy, len, out, error);
	free(copy);
	return is_read;
}

static inline char *print(const struct topology *t)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	assert_non_null(out);
	topology_print(t, out);
	assert_int_equal(fclose(out), 0);
	return text;
}

/* Reads a topology that is one, and holds its print against it. */
static inline const struct topology *reads(const char *text)
{
	struct topology_error error;
	char *printed;

	if (!read_into(text, strlen(text), &topology_first, &error))
		fail_msg("line %u: %s\n%s", error.line, error.message, text);
	printed = print(&topology_first);
	if (!read_into(printed, strlen(printed), &topology_second, &error))
		fail_msg("its print, line %u: %s\n%s", error.line, error.message, printed);
	if (memcmp(&topology_first, &topology_second, sizeof(topology_first)) != 0)
		fail_msg("its print is another topology:\n%s", printed);
	free(printed);
	return &topology_first;
}

#endif
