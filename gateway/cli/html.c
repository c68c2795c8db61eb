/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/cli/html.h"

#include "gateway/cli/safe.h"

#include <stdint.h>
#include <string.h>

void html_bytes(FILE *out, const char *text, size_t len)
{
	const char *end = text + len;

	while (text < end) {
		size_t size = safe_character(text);

		if (size == 0 || size > (size_t)(end - text)) {
			fprintf(out, "\\x%02x", (uint8_t)*text++);
			continue;
		}
		switch (*text) {
		case '<': fputs("&lt;", out); break;
		case '>': fputs("&gt;", out); break;
		case '&': fputs("&amp;", out); break;
		case '"': fputs("&quot;", out); break;
		case '\'': fputs("&#39;", out); break;
		default: fwrite(text, 1, size, out); break;
		}
		text += size;
	}
}

void html_text(FILE *out, const char *text)
{
	html_bytes(out, text, strlen(text));
}
