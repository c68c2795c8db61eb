/* SPDX-License-Identifier: GPL-2.0-or-later */
/* safe: strangers' text (host names, devices' names) made fit for a terminal. */
#ifndef CLI_SAFE_H
#define CLI_SAFE_H

#include <stddef.h>

/*
 * Writes `text` so that no byte of it drives a terminal: whole UTF-8 characters that print stay,
 * every other byte becomes \xHH. NUL-terminated if `room` is not 0; cut between characters. Returns
 * the length of the whole, as snprintf does.
 */
size_t safe_text(char *out, size_t room, const char *text);

/* Bytes of the UTF-8 character at `text` (RFC 3629) if it is whole and no control; else 0. */
size_t safe_character(const char *text);

#endif
