/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * error: why a shell could not be opened: one sentence, with what would mend it.
 *
 * Owns nothing. For set-up only: while the loop runs, shells count instead.
 */
#ifndef IO_ERROR_H
#define IO_ERROR_H

#include <stdarg.h>
#include <stdio.h>

struct io_error {
	char text[400];
};

/* Writes the sentence and returns `result`, so that a failing function ends in one line. */
__attribute__((format(printf, 3, 4))) static inline int io_fail(
	struct io_error *err, int result, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(err->text, sizeof(err->text), format, args);
	va_end(args);
	return result;
}

#endif
