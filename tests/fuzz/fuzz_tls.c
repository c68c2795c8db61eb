/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Any bytes as a client's stream, and as a bare handshake message. A name that is found is a host's
 * name; nothing else writes the result; once an answer is given, more bytes do not change it; and
 * a message gives the same answer in records of any size as it does bare.
 */
#include "gateway/engine/tls.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef enum tls_result parser(const uint8_t *bytes, size_t len, struct tls_hello *out);

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void check_name(const char *name)
{
	size_t len = strnlen(name, INPATH_HOST_MAX + 1);

	require(len > 0 && len <= INPATH_HOST_MAX);
	for (size_t i = 0; i < len; i++) {
		char c = name[i];

		require((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
			(c == '.' && i > 0 && i + 1 < len && name[i - 1] != '.'));
	}
}

/* Parses an exact-size copy of the first `len` bytes. */
static enum tls_result parse(parser *p, const uint8_t *data, size_t len, struct tls_hello *out)
{
	uint8_t *copy = malloc(len ? len : 1);
	struct tls_hello before;
	enum tls_result r;

	require(copy != NULL);
	if (len)
		memcpy(copy, data, len);
	memset(&before, 0x5a, sizeof(before));
	*out = before;
	r = p(copy, len, out);
	free(copy);
	if (r == TLS_SNI)
		check_name(out->name);
	else
		require(!memcmp(out, &before, sizeof(before)));
	return r;
}

/* What the first `len` bytes gave must be what all of them give, unless they asked for more. */
static void check_cut(parser *p, const uint8_t *data, size_t size, size_t len)
{
	struct tls_hello cut, whole;
	enum tls_result r = parse(p, data, len, &cut);

	if (r == TLS_MORE)
		return;
	require(parse(p, data, size, &whole) == r);
	require(r != TLS_SNI || !strcmp(cut.name, whole.name));
}

/* The message in records of `size` bytes, the last one shorter. */
static void check_records(const uint8_t *message, size_t len, size_t size)
{
	uint8_t *stream = malloc(len + (len / size + 1) * 5);
	struct tls_hello bare, framed;
	enum tls_result r;
	size_t at = 0;

	require(stream != NULL);
	for (size_t from = 0; from < len; from += size) {
		size_t part = len - from < size ? len - from : size;

		memcpy(stream + at, "\x16\x03\x01", 3);
		stream[at + 3] = (uint8_t)(part >> 8);
		stream[at + 4] = (uint8_t)part;
		memcpy(stream + at + 5, message + from, part);
		at += 5 + part;
	}
	r = parse(tls_client_hello_message, message, len, &bare);
	require(parse(tls_client_hello, stream, at, &framed) == r);
	if (r == TLS_SNI)
		require(!strcmp(bare.name, framed.name) && bare.ech == framed.ech);
	free(stream);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tls_hello hello;

	parse(tls_client_hello, data, size, &hello);
	if (size < 2)
		return 0;
	check_cut(tls_client_hello, data, size, size - 1);
	check_cut(tls_client_hello, data, size, data[size - 1] * size / 256);
	check_cut(tls_client_hello_message, data, size, size - 1);
	check_cut(tls_client_hello_message, data, size, data[size - 1] * size / 256);
	check_records(data, size, data[size - 1] ? data[size - 1] : 16384);
	return 0;
}
