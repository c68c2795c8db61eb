/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * parsing: runs the packet parser as its tests want it: over an exact-size copy, so that a
 * sanitizer sees one byte over, and with a check that a failed parse publishes nothing.
 */
#ifndef TESTS_UNIT_PARSING_H
#define TESTS_UNIT_PARSING_H

#include "gateway/engine/parse.h"
#include "tests/unit/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

/* A pointer into `copy` to the same place in `bytes`. */
static inline void parse_move(
	const uint8_t **at, uint32_t len, const uint8_t *copy, size_t caplen, const uint8_t *bytes)
{
	if (!*at)
		return;
	assert_true(*at >= copy);
	assert_true(*at + len <= copy + caplen);
	*at = bytes + (*at - copy);
}

/* Parses the first `caplen` of a packet of `len` bytes; pointers in `out` are into `bytes`. */
static inline enum parse_result parse_exact(
	const uint8_t *bytes, size_t caplen, size_t len, struct packet *out)
{
	uint8_t *copy = wire_exact(bytes, caplen);
	struct packet untouched, guessed;
	enum parse_result r;
	bool guesses = parse_ends(copy, caplen, &guessed);

	memset(&untouched, 0xa5, sizeof(untouched));
	memcpy(out, &untouched, sizeof(*out));
	r = parse_packet(copy, caplen, len, out);
	if (r != PARSE_OK) {
		assert_memory_equal(out, &untouched, sizeof(*out));
	} else {
		parse_move(&out->payload, out->payload_caplen, copy, caplen, bytes);
		parse_move(&out->extensions, out->extensions_len, copy, caplen, bytes);
		if (out->proto == INPATH_PROTO_TCP || out->proto == INPATH_PROTO_UDP) {
			assert_true(guesses);
			assert_memory_equal(&guessed.src, &out->src, sizeof(out->src));
			assert_memory_equal(&guessed.dst, &out->dst, sizeof(out->dst));
			assert_int_equal(guessed.src_port, out->src_port);
			assert_int_equal(guessed.dst_port, out->dst_port);
			assert_int_equal(guessed.proto, out->proto);
		}
	}
	wire_exact_free(copy, caplen);
	return r;
}

/* A whole packet. */
static inline enum parse_result parse_whole(const uint8_t *bytes, size_t len, struct packet *out)
{
	return parse_exact(bytes, len, len, out);
}

/* A packet shown as hex digits. */
static inline enum parse_result parse_hex(const char *hex, struct packet *out)
{
	uint8_t bytes[WIRE_MAX];
	size_t len = wire_hex(bytes, hex);
	enum parse_result r = parse_whole(bytes, len, out);

	if (r == PARSE_OK)
		out->payload = out->extensions = NULL; /* they would point into `bytes` */
	return r;
}

/*
 * A packet whose headers end at `headers`: cut anywhere before it is short, cut anywhere behind it
 * is fine; and a packet that is said to be no longer than the cut never passes: its IP header
 * says more.
 */
static inline void assert_every_truncation(const uint8_t *bytes, size_t len, size_t headers)
{
	struct packet p;

	for (size_t cut = 0; cut < len; cut++) {
		assert_int_equal(
			parse_exact(bytes, cut, len, &p), cut < headers ? PARSE_SHORT : PARSE_OK);
		assert_int_not_equal(parse_whole(bytes, cut, &p), PARSE_OK);
	}
	assert_int_equal(parse_whole(bytes, len, &p), PARSE_OK);
}

#define assert_addr(addr, text)                                                                    \
	do {                                                                                       \
		struct inpath_addr expected_ = wire_addr(text);                                    \
		assert_memory_equal(&(addr), &expected_, sizeof(expected_));                       \
	} while (0)

#endif
