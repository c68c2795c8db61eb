/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/logfmt/logfmt.h"

#include "gateway/engine/cursor.h"

#include <string.h>

/* Where the next byte of text goes. It cannot run over: a value is never longer than its escapes. */
struct text_out {
	char *at;
};

static char *text_begin(const struct text_out *t)
{
	return t->at;
}

static void text_add(struct text_out *t, uint8_t byte)
{
	*t->at++ = (char)byte;
}

static bool peek(const struct cursor *in, uint8_t byte)
{
	return in->left && *in->at == byte;
}

static bool is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

static bool is_lower(uint8_t c)
{
	return c >= 'a' && c <= 'z';
}

static bool is_bare(uint8_t c)
{
	return is_lower(c) || is_digit(c) || (c >= 'A' && c <= 'Z') ||
	       (c && strchr("._:+/,*?-", c));
}

/* KEY= of lower-case letters, digits and `_`, with a letter first. */
static bool read_key(struct cursor *in, struct text_out *out)
{
	uint8_t c;

	if (!cursor_u8(in, &c) || !is_lower(c))
		return false;
	do {
		text_add(out, c);
		if (!cursor_u8(in, &c))
			return false;
	} while (is_lower(c) || is_digit(c) || c == '_');
	text_add(out, '\0');
	return c == '=';
}

static bool hex_digit(uint8_t c, uint8_t *value)
{
	if (is_digit(c))
		*value = (uint8_t)(c - '0');
	else if (c >= 'a' && c <= 'f')
		*value = (uint8_t)(c - 'a' + 10);
	else if (c >= 'A' && c <= 'F')
		*value = (uint8_t)(c - 'A' + 10);
	else
		return false;
	return true;
}

/* What follows a backslash. \x00 is refused: a value is NUL-terminated text. */
static bool read_escape(struct cursor *in, uint8_t *byte)
{
	uint8_t c, high, low;

	if (!cursor_u8(in, &c))
		return false;
	if (c == '"' || c == '\\') {
		*byte = c;
		return true;
	}
	if (c != 'x' || !cursor_u8(in, &high) || !cursor_u8(in, &low) || !hex_digit(high, &high) ||
		!hex_digit(low, &low))
		return false;
	*byte = (uint8_t)(high << 4 | low);
	return *byte != 0;
}

/* The rest of a value behind its opening quote. */
static bool read_quoted(struct cursor *in, struct text_out *out)
{
	uint8_t c;

	while (cursor_u8(in, &c) && c >= 0x20 && c < 0x7f) {
		if (c == '"') {
			text_add(out, '\0');
			return true;
		}
		if (c == '\\' && !read_escape(in, &c))
			return false;
		text_add(out, c);
	}
	return false;
}

static bool read_value(struct cursor *in, struct text_out *out)
{
	uint8_t c;

	if (peek(in, '"'))
		return cursor_skip(in, 1) && read_quoted(in, out);
	while (in->left && is_bare(*in->at) && cursor_u8(in, &c))
		text_add(out, c);
	text_add(out, '\0');
	return true;
}

/* One more field, of a key that the line did not have yet. */
static bool read_field(struct cursor *in, struct text_out *out, struct logfmt_line *line)
{
	const char *key = text_begin(out);
	const char *value;

	if (line->count == LOGFMT_FIELDS_MAX || !read_key(in, out))
		return false;
	value = text_begin(out);
	if (!read_value(in, out) || logfmt_get(line, key))
		return false;
	line->fields[line->count].key = key;
	line->fields[line->count].value = value;
	line->count++;
	return true;
}

/* Moves to the first `ev=` at the start or behind a space. */
static bool find_event(struct cursor *in)
{
	bool boundary = true;

	for (; in->left >= 3; cursor_skip(in, 1)) {
		if (boundary && memcmp(in->at, "ev=", 3) == 0)
			return true;
		boundary = *in->at == ' ';
	}
	return false;
}

bool logfmt_read(const char *line, size_t len, struct logfmt_line *out)
{
	struct cursor in = cursor_over((const uint8_t *)line, len);
	/* cppcheck-suppress ctuuninitvar; `text` is written here, not read */
	struct text_out text = { out->text };

	if (in.left && in.at[in.left - 1] == '\n')
		in.left--;
	if (!find_event(&in) || in.left > LOGFMT_LINE_MAX)
		return false;
	out->count = 0;
	while (read_field(&in, &text, out)) {
		if (!in.left)
			return true;
		if (!peek(&in, ' '))
			return false;
		cursor_skip(&in, 1);
	}
	return false;
}

const char *logfmt_get(const struct logfmt_line *line, const char *key)
{
	for (size_t i = 0; i < line->count; i++)
		if (strcmp(line->fields[i].key, key) == 0)
			return line->fields[i].value;
	return NULL;
}
