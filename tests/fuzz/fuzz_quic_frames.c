/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Any bytes as the frames of an Initial. Pieces lie inside, one behind the other; a cut takes none of
 * those in front of it away, nor does PADDING behind; and put together they are what a plain map of
 * the stream's bytes holds.
 */
#include "gateway/engine/hello.h"
#include "gateway/engine/quic_frames.h"
#include "gateway/engine/tls.h"
#include "tests/unit/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct told {
	enum quic_frame end;
	size_t pieces;
	uint64_t sum; /* of what the pieces say */
};

static void require(bool holds)
{
	if (!holds)
		abort();
}

/* Reads an exact-size copy of the first `len` bytes, `limit` pieces at most. */
static struct told tell(const uint8_t *data, size_t len, size_t limit)
{
	uint8_t *copy = wire_exact(data, len);
	struct quic_frames f = quic_frames_over(copy, len);
	const uint8_t *behind = copy;
	struct told t = { .end = QUIC_CRYPTO };
	struct quic_crypto c;

	while (t.pieces < limit) {
		t.end = quic_frames_next(&f, &c);
		if (t.end == QUIC_FRAMES_END || t.end == QUIC_FRAMES_BAD)
			break;
		if (t.end == QUIC_CLOSE)
			continue;
		require(c.bytes > behind && c.len > 0 && c.bytes + c.len <= copy + len);
		require(c.offset < HELLO_BYTES);
		behind = c.bytes + c.len - 1;
		t.sum = t.sum * 31 + c.offset * 7 + (uint64_t)(c.bytes - copy) * 5 + c.len;
		t.pieces++;
	}
	if (t.end == QUIC_FRAMES_END || t.end == QUIC_FRAMES_BAD)
		require(quic_frames_next(&f, &c) == t.end);
	wire_exact_free(copy, len);
	return t;
}

static void check_cut(const uint8_t *data, size_t size, size_t cut)
{
	struct told part = tell(data, cut, SIZE_MAX), whole = tell(data, size, part.pieces);

	require(whole.pieces == part.pieces && whole.sum == part.sum);
}

static void check_padded(const uint8_t *data, size_t size)
{
	uint8_t *padded = malloc(size + 9);
	struct told plain = tell(data, size, SIZE_MAX), more;

	require(padded != NULL);
	wire_copy_in(padded, data, size);
	memset(padded + size, 0, 9);
	more = tell(padded, size + 9, plain.pieces);
	require(more.pieces == plain.pieces && more.sum == plain.sum);
	if (plain.end == QUIC_FRAMES_END)
		require(tell(padded, size + 9, SIZE_MAX).end == QUIC_FRAMES_END);
	free(padded);
}

static void check_together(const uint8_t *data, size_t size)
{
	static uint8_t here[HELLO_BYTES], value[HELLO_BYTES];
	static struct hello hello;
	struct quic_frames f = quic_frames_over(data, size);
	struct tls_hello tls;
	struct quic_crypto c;
	uint32_t prefix = 0;

	memset(here, 0, sizeof(here));
	hello.range_count = 0;
	while (quic_frames_next(&f, &c) == QUIC_CRYPTO) {
		if (hello.range_count == HELLO_RANGES)
			return; /* a piece may be let go from here on */
		hello_add(&hello, c.offset, c.bytes, c.len);
		for (uint32_t i = c.offset; i < c.offset + c.len && i < HELLO_BYTES; i++) {
			value[i] = here[i] ? value[i] : c.bytes[i - c.offset];
			here[i] = 1;
		}
	}
	while (prefix < HELLO_BYTES && here[prefix])
		prefix++;
	require(hello_prefix(&hello) == prefix);
	require(!memcmp(hello.bytes, value, prefix));
	tls_client_hello_message(hello.bytes, prefix, &tls);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check_together(data, size);
	check_padded(data, size);
	if (size > 0) {
		check_cut(data, size, size - 1);
		check_cut(data, size, data[size - 1] * size / 256);
	}
	return 0;
}
