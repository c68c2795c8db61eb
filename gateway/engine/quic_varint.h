/* SPDX-License-Identifier: GPL-2.0-or-later */
/* quic_varint: QUIC's numbers of 1, 2, 4 or 8 bytes (RFC 9000 16), read by the cursor's rules. */
#ifndef QUIC_VARINT_H
#define QUIC_VARINT_H

#include "gateway/engine/cursor.h"

static inline bool cursor_varint(struct cursor *c, uint64_t *out)
{
	struct cursor in = *c;
	uint64_t value;
	uint8_t b;

	if (!cursor_u8(&in, &b))
		return false;
	value = b & 0x3f;
	for (int more = (1 << (b >> 6)) - 1; more > 0; more--) {
		if (!cursor_u8(&in, &b))
			return false;
		value = value << 8 | b;
	}
	*c = in;
	*out = value;
	return true;
}

#endif
