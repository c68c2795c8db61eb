/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cursor: a checked walk over untrusted bytes. The only way in which the engine reads them.
 *
 * A read that does not fit returns false and moves nothing. Big-endian on the wire, host order out.
 * Owns nothing: the bytes must outlive the cursor.
 */
#ifndef CURSOR_H
#define CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct cursor {
	const uint8_t *at;
	size_t left;
};

static inline struct cursor cursor_over(const uint8_t *bytes, size_t len)
{
	return (struct cursor){ .at = bytes, .left = len };
}

static inline bool cursor_skip(struct cursor *c, size_t n)
{
	if (n > c->left)
		return false;
	c->at += n;
	c->left -= n;
	return true;
}

static inline bool cursor_bytes(struct cursor *c, void *out, size_t n)
{
	if (n > c->left)
		return false;
	memcpy(out, c->at, n);
	return cursor_skip(c, n);
}

static inline bool cursor_u8(struct cursor *c, uint8_t *out)
{
	return cursor_bytes(c, out, 1);
}

static inline bool cursor_u16(struct cursor *c, uint16_t *out)
{
	uint8_t b[2];

	if (!cursor_bytes(c, b, sizeof(b)))
		return false;
	*out = (uint16_t)(b[0] << 8 | b[1]);
	return true;
}

static inline bool cursor_u24(struct cursor *c, uint32_t *out)
{
	uint8_t b[3];

	if (!cursor_bytes(c, b, sizeof(b)))
		return false;
	*out = (uint32_t)b[0] << 16 | (uint32_t)b[1] << 8 | b[2];
	return true;
}

static inline bool cursor_u32(struct cursor *c, uint32_t *out)
{
	uint8_t b[4];

	if (!cursor_bytes(c, b, sizeof(b)))
		return false;
	*out = (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
	return true;
}

/* Splits the next `n` bytes off into `part`. */
static inline bool cursor_split(struct cursor *c, size_t n, struct cursor *part)
{
	if (n > c->left)
		return false;
	*part = cursor_over(c->at, n);
	return cursor_skip(c, n);
}

#endif
