/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hello: builds ClientHellos for tests, and holds three that were captured. Everything is written
 * into a stream of fixed size; a handshake message becomes a stream of records by in_records.
 */
#ifndef TESTS_UNIT_HELLO_H
#define TESTS_UNIT_HELLO_H

#include "tests/unit/wire.h"

#include <stdarg.h>
#include <setjmp.h>

#include <cmocka.h>

enum {
	STREAM_MAX = 32768,
	SERVER_NAME = 0,
	KEY_SHARE = 51,
	ECH = 0xfe0d,
	GREASE = 0x3a3a, /* RFC 8701 */
	X25519 = 0x001d,
	X25519MLKEM768 = 0x11ec,
	X25519_LEN = 32,
	X25519MLKEM768_LEN = 1184 + 32,
};

/* openssl s_client 3.0 -servername Living-Room.Video.Example.net -alpn h2,http/1.1 */
static const char openssl_default[] =
	"160301015c010001580303b68e4177846e53ab8fad7772117199d3fb8120c894"
	"d113a53893c51e5aad8e5c2002e01e5d6c4259e35d8dae73da25e092630f4d77"
	"d7e0568b3a00986e9779411d003e130213031301c02cc030009fcca9cca8ccaa"
	"c02bc02f009ec024c028006bc023c0270067c00ac0140039c009c0130033009d"
	"009c003d003c0035002f00ff010000d100000022002000001d4c6976696e672d"
	"526f6f6d2e566964656f2e4578616d706c652e6e6574000b000403000102000a"
	"00160014001d0017001e0019001801000101010201030104002300000010000e"
	"000c02683208687474702f312e310016000000170000000d002a002804030503"
	"0603080708080809080a080b0804080508060401050106010303030103020402"
	"05020602002b0009080304030303020301002d00020101003300260024001d00"
	"2099af557a044ea2e58176223c1851b150e90f91dca78be92bcb700aa16c51b3"
	"44";

/* openssl s_client 3.0 -tls1_2 -servername tv.example.org */
static const char openssl_tls12[] =
	"16030100ce010000ca0303a690dded312e754d3d880d6e49e25cafc9cc727bcb"
	"7d4ae7c5903ccc448ee749000038c02cc030009fcca9cca8ccaac02bc02f009e"
	"c024c028006bc023c0270067c00ac0140039c009c0130033009d009c003d003c"
	"0035002f00ff0100006900000013001100000e74762e6578616d706c652e6f72"
	"67000b000403000102000a000c000a001d0017001e0019001800230000001600"
	"0000170000000d002a0028040305030603080708080809080a080b0804080508"
	"06040105010601030303010302040205020602";

/* openssl s_client 3.0 -noservername */
static const char openssl_nosni[] =
	"16030101240100012003039b8b6877de61cc64fb6647815d147649bbbab6cdde"
	"0959aaaa691979576db9dd206ed09aeaa53ee60397783438f6cf9e4f5d0b32dd"
	"dc4f1e3c5f174685e17c1453003e130213031301c02cc030009fcca9cca8ccaa"
	"c02bc02f009ec024c028006bc023c0270067c00ac0140039c009c0130033009d"
	"009c003d003c0035002f00ff01000099000b000403000102000a00160014001d"
	"0017001e0019001801000101010201030104002300000016000000170000000d"
	"002a0028040305030603080708080809080a080b080408050806040105010601"
	"030303010302040205020602002b0009080304030303020301002d0002010100"
	"3300260024001d0020f627a3efbc9acd895dfbee1eb085061f085d2131619609"
	"5c0a48a29a76a0970c";

struct stream {
	uint8_t bytes[STREAM_MAX];
	size_t len;
};

static inline void put(struct stream *s, const void *bytes, size_t len)
{
	if (len > sizeof(s->bytes) - s->len)
		abort(); /* no assertion of cmocka: fuzz targets have none */
	wire_copy_in(s->bytes + s->len, bytes, len);
	s->len += len;
}

static inline void put8(struct stream *s, uint32_t value)
{
	uint8_t b = (uint8_t)value;

	put(s, &b, 1);
}

static inline void put16(struct stream *s, uint32_t value)
{
	put8(s, value >> 8);
	put8(s, value);
}

static inline void put_fill(struct stream *s, uint32_t byte, size_t len)
{
	while (len-- > 0)
		put8(s, byte);
}

/* Writes into the two bytes before `from` how many bytes came since. */
static inline void close16(struct stream *s, size_t from)
{
	wire_put16(s->bytes + from - 2, (uint32_t)(s->len - from));
}

static inline size_t open16(struct stream *s)
{
	put16(s, 0);
	return s->len;
}

/* A handshake message up to its extensions. */
static inline void hello_begin(struct stream *s, size_t session_id_len)
{
	s->len = 0;
	put8(s, 1);
	put8(s, 0);
	put16(s, 0);
	put16(s, 0x0303);
	put_fill(s, 0x11, 32);
	put8(s, (uint32_t)session_id_len);
	put_fill(s, 0x22, session_id_len);
	put16(s, 6);
	put16(s, GREASE);
	put16(s, 0x1301);
	put16(s, 0x1302);
	put8(s, 1);
	put8(s, 0);
}

/* The extensions began at `from`. */
static inline void hello_end(struct stream *s, size_t from)
{
	close16(s, from);
	wire_put16(s->bytes + 2, (uint32_t)(s->len - 4));
}

static inline void put_extension(struct stream *s, uint16_t type, size_t len)
{
	put16(s, type);
	put16(s, (uint32_t)len);
	put_fill(s, 0, len);
}

static inline void put_sni_bytes(struct stream *s, const void *name, size_t len)
{
	size_t extension, list;

	put16(s, SERVER_NAME);
	extension = open16(s);
	list = open16(s);
	put8(s, 0);
	put16(s, (uint32_t)len);
	put(s, name, len);
	close16(s, list);
	close16(s, extension);
}

static inline void put_sni(struct stream *s, const char *name)
{
	put_sni_bytes(s, name, strlen(name));
}

/* As Chrome and Firefox send it: a GREASE group, the hybrid one, the classical one. */
static inline void put_post_quantum_key_share(struct stream *s)
{
	size_t extension, list;

	put16(s, KEY_SHARE);
	extension = open16(s);
	list = open16(s);
	put16(s, GREASE);
	put16(s, 1);
	put8(s, 0);
	put16(s, X25519MLKEM768);
	put16(s, X25519MLKEM768_LEN);
	put_fill(s, 0x33, X25519MLKEM768_LEN);
	put16(s, X25519);
	put16(s, X25519_LEN);
	put_fill(s, 0x44, X25519_LEN);
	close16(s, list);
	close16(s, extension);
}

/* A browser's hello, `name` at its start or at its end; 1.7 to 2.5 KB with `padding`. */
static inline void browser_hello(struct stream *s, const char *name, bool name_last, size_t padding)
{
	size_t from;

	hello_begin(s, 32);
	from = open16(s);
	put_extension(s, GREASE, 0);
	if (!name_last)
		put_sni(s, name);
	put_extension(s, 10, 12);
	put_post_quantum_key_share(s);
	put_extension(s, ECH, 186);
	put_extension(s, 21, padding);
	if (name_last)
		put_sni(s, name);
	put_extension(s, 0x1a1a, 1);
	hello_end(s, from);
}

/* A hello with one extension block made by hand. */
static inline void plain_hello(struct stream *s, const char *name)
{
	size_t from;

	hello_begin(s, 0);
	from = open16(s);
	put_sni(s, name);
	hello_end(s, from);
}

/* The message in records of at most `size` bytes. */
static inline void in_records(struct stream *out, const struct stream *message, size_t size)
{
	out->len = 0;
	for (size_t at = 0; at < message->len; at += size) {
		size_t len = message->len - at < size ? message->len - at : size;

		put8(out, 22);
		put16(out, 0x0301);
		put16(out, (uint32_t)len);
		put(out, message->bytes + at, len);
	}
}

#endif
