/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/engine/tcp_options.h"

/* Option kinds, as IANA numbers them. */
enum {
	KIND_END = 0,
	KIND_NOP = 1,
	KIND_MSS = 2,
	KIND_WINDOW_SCALE = 3,
	KIND_SACK_PERMITTED = 4,
	KIND_SACK = 5,
	KIND_TIMESTAMPS = 8,
	KIND_MD5 = 19,
	KIND_AO = 29,
	KIND_MPTCP = 30,
	WINDOW_SCALE_MAX = 14, /* RFC 7323 2.3 */
};

/*
 * One option's value, its kind and length being read. RFC 9293 3.1 (MSS), RFC 7323 (window scale,
 * timestamps), RFC 2018 (SACK). False if the length is not that of its kind.
 */
static inline bool tcp_option(uint8_t kind, struct cursor value, struct tcp_header *t)
{
	switch (kind) {
	case KIND_MSS: return value.left == 2 && cursor_u16(&value, &t->mss);
	case KIND_WINDOW_SCALE:
		if (value.left != 1 || !cursor_u8(&value, &t->window_scale))
			return false;
		if (t->window_scale > WINDOW_SCALE_MAX)
			t->window_scale = WINDOW_SCALE_MAX;
		t->has_window_scale = true;
		return true;
	case KIND_SACK_PERMITTED:
		if (value.left != 0)
			return false;
		t->sack_permitted = true;
		return true;
	case KIND_SACK:
		if (value.left == 0 || value.left % 8)
			return false;
		while (t->sack_count < TCP_SACK_BLOCKS &&
			cursor_u32(&value, &t->sack[t->sack_count].start) &&
			cursor_u32(&value, &t->sack[t->sack_count].end))
			t->sack_count++;
		return true;
	case KIND_TIMESTAMPS:
		if (value.left != 8 || !cursor_u32(&value, &t->tsval) ||
			!cursor_u32(&value, &t->tsecr))
			return false;
		t->has_timestamp = true;
		return true;
	/* These three matter by being there: whatever their length, the flow is not for probing. */
	case KIND_MD5: t->md5 = true; return value.left == 16;
	case KIND_AO: t->ao = true; return value.left >= 2;
	case KIND_MPTCP: t->mptcp = true; return value.left >= 1;
	}
	return true;
}

void tcp_options_read(struct cursor in, struct tcp_header *t)
{
	uint8_t kind, len;

	while (cursor_u8(&in, &kind) && kind != KIND_END) {
		struct cursor value;

		if (kind == KIND_NOP)
			continue;
		if (!cursor_u8(&in, &len) || len < 2 || !cursor_split(&in, len - 2u, &value) ||
			!tcp_option(kind, value, t)) {
			t->options_malformed = true;
			return;
		}
	}
}
