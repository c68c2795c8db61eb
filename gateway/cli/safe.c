/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/cli/safe.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* Characters that turn the writing's direction or cannot be seen, and so can make a name look like another. */
static bool is_deceiving(uint32_t c)
{
	return (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
	       (c >= 0x2060 && c <= 0x206f) || c == 0xfeff || (c >= 0xfff0 && c <= 0xffff);
}

size_t safe_character(const char *text)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	const uint8_t *at = (const uint8_t *)text;
	size_t len = *at < 0x80   ? 1
		     : *at < 0xc2 ? 0
		     : *at < 0xe0 ? 2
		     : *at < 0xf0 ? 3
		     : *at < 0xf5 ? 4
				  : 0;
	uint32_t c = len == 1 ? *at : len ? *at & (0xffU >> (len + 1)) : 0;

	for (size_t i = 1; i < len; i++) {
		if ((at[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (at[i] & 0x3f);
	}
	if (len == 0 || c < 0x20 || (c >= 0x7f && c < 0xa0) || c < least[len] || c > 0x10ffff ||
		(c >= 0xd800 && c < 0xe000) || is_deceiving(c))
		return 0;
	return len;
}

size_t safe_text(char *out, size_t room, const char *text)
{
	size_t used = 0;
	bool open = room > 0;

	while (*text) {
		size_t len = safe_character(text), shown = len ? len : 4;
		char escaped[5];

		open &= used + shown < room;
		if (!len)
			snprintf(escaped, sizeof(escaped), "\\x%02x", (uint8_t)*text);
		if (open)
			memcpy(out + used, len ? text : escaped, shown);
		else if (room && used < room)
			out[used] = '\0', room = 0;
		used += shown;
		text += len ? len : 1;
	}
	if (open)
		out[used] = '\0';
	return used;
}
