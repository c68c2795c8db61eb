/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/engine/tls.h"
#include "tests/unit/hello.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

typedef enum tls_result parser(const uint8_t *bytes, size_t len, struct tls_hello *out);

/* Parses the first `len` bytes; only TLS_SNI may write the result. */
static enum tls_result parse_by(
	parser *p, const struct stream *s, size_t len, struct tls_hello *out)
{
	struct tls_hello before;
	enum tls_result r;
	uint8_t *copy = wire_exact(s->bytes, len);

	memset(out, 0x5a, sizeof(*out));
	before = *out;
	r = p(copy, len, out);
	if (r != TLS_SNI)
		assert_memory_equal(out, &before, sizeof(before));
	wire_exact_free(copy, len);
	return r;
}

static enum tls_result parse(const struct stream *s, size_t len, struct tls_hello *out)
{
	return parse_by(tls_client_hello, s, len, out);
}

static enum tls_result result_of(const struct stream *message)
{
	static struct stream s;
	struct tls_hello out;
	enum tls_result bare = parse_by(tls_client_hello_message, message, message->len, &out);

	in_records(&s, message, 16384);
	assert_int_equal(parse(&s, s.len, &out), bare);
	return bare;
}

/* Every truncation is TLS_MORE up to some length, and from there on gives the same name. */
static size_t assert_found_from(parser *p, const struct stream *s, const char *name)
{
	struct tls_hello out;
	size_t from = 0;

	while (parse_by(p, s, from, &out) == TLS_MORE)
		from++;
	for (size_t n = from; n <= s->len; n++) {
		assert_int_equal(parse_by(p, s, n, &out), TLS_SNI);
		assert_string_equal(out.name, name);
	}
	return from;
}

static void real_hellos_give_their_name(void **state)
{
	struct stream s;
	struct tls_hello out;

	(void)state;
	s.len = wire_hex(s.bytes, openssl_default);
	assert_found_from(tls_client_hello, &s, "living-room.video.example.net");
	assert_int_equal(parse(&s, s.len, &out), TLS_SNI);
	assert_false(out.ech);

	s.len = wire_hex(s.bytes, openssl_tls12);
	assert_found_from(tls_client_hello, &s, "tv.example.org");
}

static void a_real_hello_without_a_name_says_so_at_its_end(void **state)
{
	struct stream s;
	struct tls_hello out;

	(void)state;
	s.len = wire_hex(s.bytes, openssl_nosni);
	for (size_t n = 0; n < s.len; n++)
		assert_int_equal(parse(&s, n, &out), TLS_MORE);
	assert_int_equal(parse(&s, s.len, &out), TLS_NO_SNI);
}

static void a_real_hello_with_a_post_quantum_key_gives_its_name(void **state)
{
	static const char key_share[] = "00330026002400 1d0020";
	struct stream real, s = { .len = 0 };
	uint8_t head[16];
	size_t head_len = wire_hex(head, key_share);
	size_t at;
	struct tls_hello out;

	/* The captured hello with its key share, the last extension, replaced by a hybrid one. */
	(void)state;
	real.len = wire_hex(real.bytes, openssl_default);
	at = real.len - X25519_LEN - head_len;
	assert_memory_equal(real.bytes + at, head, head_len);
	put(&s, real.bytes + 5, at - 5);
	put_post_quantum_key_share(&s);
	wire_put16(s.bytes + 2, (uint32_t)(s.len - 4));
	/* Where its extensions' length stands: behind 32 bytes of session id and 31 ciphers. */
	at = 4 + 2 + 32 + 1 + 32 + 2 + 62 + 2;
	wire_put16(s.bytes + at, (uint32_t)(s.len - at - 2));
	assert_true(s.len > 1500);
	in_records(&real, &s, 16384);
	assert_int_equal(parse(&real, real.len, &out), TLS_SNI);
	assert_string_equal(out.name, "living-room.video.example.net");
	assert_int_equal(parse(&real, 1400, &out), TLS_SNI);
}

static void a_name_is_found_while_the_hello_goes_on(void **state)
{
	struct stream message, s;
	struct tls_hello out;

	(void)state;
	browser_hello(&message, "www.example.net", false, 200);
	in_records(&s, &message, 16384);
	assert_true(s.len > 1700 && s.len < 2500);
	assert_true(assert_found_from(tls_client_hello, &s, "www.example.net") < 200);
	assert_int_equal(parse(&s, 1400, &out), TLS_SNI);
	assert_false(out.ech); /* its extension has not come yet */
	assert_int_equal(parse(&s, s.len, &out), TLS_SNI);
	assert_true(out.ech);
}

static void a_name_behind_a_large_key_is_found(void **state)
{
	struct stream message, s;
	struct tls_hello out;

	(void)state;
	browser_hello(&message, "www.example.net", true, 900);
	in_records(&s, &message, 16384);
	assert_true(s.len > 2400);
	assert_int_equal(parse(&s, 1400, &out), TLS_MORE);
	assert_true(assert_found_from(tls_client_hello, &s, "www.example.net") > 2300);
	assert_int_equal(parse(&s, s.len, &out), TLS_SNI);
	assert_true(out.ech);
}

static void a_hello_may_span_records_of_any_size(void **state)
{
	struct stream message, s;

	(void)state;
	browser_hello(&message, "www.example.net", true, 0);
	for (size_t size = 1; size < message.len; size = size < 64 ? size + 1 : size * 2) {
		in_records(&s, &message, size);
		assert_found_from(tls_client_hello, &s, "www.example.net");
	}
}

static void a_bare_message_is_read_alike(void **state)
{
	struct stream message;

	(void)state;
	browser_hello(&message, "quic.example.net", true, 0);
	assert_found_from(tls_client_hello_message, &message, "quic.example.net");
	assert_int_equal(result_of(&message), TLS_SNI);
}

static void other_records_between_are_not_tls(void **state)
{
	struct stream message, s;
	struct tls_hello out;

	(void)state;
	plain_hello(&message, "www.example.net");
	for (unsigned int type = 0; type < 256; type++) {
		in_records(&s, &message, 30);
		s.bytes[35] = (uint8_t)type; /* of the second record */
		assert_int_equal(parse(&s, s.len, &out), type == 22 ? TLS_SNI : TLS_NOT_TLS);
	}
}

static void records_of_forbidden_sizes_are_not_tls(void **state)
{
	struct stream message, framed, s;
	struct tls_hello out;

	(void)state;
	plain_hello(&message, "www.example.net");
	in_records(&s, &message, 16384);
	wire_put16(s.bytes + 3, 0);
	assert_int_equal(parse(&s, s.len, &out), TLS_NOT_TLS);
	/* RFC 8446 5.1: no empty fragments of handshake messages, not even before whole ones. */
	s.len = 0;
	put(&s, "\x16\x03\x01\0\0", 5);
	in_records(&framed, &message, 16384);
	put(&s, framed.bytes, framed.len);
	assert_int_equal(parse(&s, s.len, &out), TLS_NOT_TLS);
	in_records(&s, &message, 16384);
	wire_put16(s.bytes + 3, 16385);
	assert_int_equal(parse(&s, s.len, &out), TLS_NOT_TLS);
	wire_put16(s.bytes + 3, 16384);
	assert_int_equal(parse(&s, s.len, &out), TLS_SNI);
}

static void other_protocols_are_known_by_their_first_bytes(void **state)
{
	static const char *const texts[] = { "GET / HTTP/1.1\r\n", "SSH-2.0-x", "\x80\x2e\x01\x03",
		"\x16\x02", "\x16\x03\x01\x01\x01\x02", "\023BitTorrent", "\x15\x03\x03" };
	static const size_t sure[] = { 1, 1, 1, 2, 6, 1, 1 };
	struct stream s;
	struct tls_hello out;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		s.len = 0;
		put(&s, texts[i], strlen(texts[i]));
		for (size_t n = 0; n <= s.len; n++)
			assert_int_equal(parse(&s, n, &out), n < sure[i] ? TLS_MORE : TLS_NOT_TLS);
	}
}

static void lengths_that_contradict_each_other_are_not_tls(void **state)
{
	/* Offsets of length fields in plain_hello, none of which may be one more or less. */
	static const size_t fields[] = { 3, 38, 40, 47, 50, 54, 56, 59 };
	struct stream s;

	(void)state;
	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++) {
		for (int by = -1; by <= 1; by += 2) {
			plain_hello(&s, "www.example.net");
			assert_int_equal(result_of(&s), TLS_SNI);
			s.bytes[fields[i]] = (uint8_t)(s.bytes[fields[i]] + by);
			/* The cut message's end may also just be missing. */
			assert_int_not_equal(result_of(&s), TLS_SNI);
			assert_int_not_equal(result_of(&s), TLS_NO_SNI);
		}
	}
}

static void an_extension_ends_within_its_message(void **state)
{
	struct stream s;
	size_t from;

	(void)state;
	hello_begin(&s, 0);
	from = open16(&s);
	put_extension(&s, 10, 4);
	hello_end(&s, from);
	assert_int_equal(result_of(&s), TLS_NO_SNI);
	wire_put16(s.bytes + from + 2, 5);
	put_fill(&s, 1, 100);
	assert_int_equal(result_of(&s), TLS_NOT_TLS);
}

static void only_a_client_hello_of_a_known_kind_counts(void **state)
{
	struct stream s;

	(void)state;
	plain_hello(&s, "www.example.net");
	s.bytes[0] = 2;
	assert_int_equal(result_of(&s), TLS_NOT_TLS);
	plain_hello(&s, "www.example.net");
	s.bytes[1] = 0x80; /* longer than any hello */
	assert_int_equal(result_of(&s), TLS_NOT_TLS);
	plain_hello(&s, "www.example.net");
	s.bytes[4] = 2; /* version */
	assert_int_equal(result_of(&s), TLS_NOT_TLS);
	hello_begin(&s, 33);
	hello_end(&s, open16(&s));
	assert_int_equal(result_of(&s), TLS_NOT_TLS);
}

static void a_hello_may_do_without_extensions(void **state)
{
	struct stream s;

	(void)state;
	hello_begin(&s, 32);
	wire_put16(s.bytes + 2, (uint32_t)(s.len - 4));
	assert_int_equal(result_of(&s), TLS_NO_SNI);
	hello_begin(&s, 0);
	hello_end(&s, open16(&s));
	assert_int_equal(result_of(&s), TLS_NO_SNI);
}

static void a_name_is_a_host_name_or_none(void **state)
{
	struct stream s;
	struct tls_hello out;
	size_t from;

	(void)state;
	for (unsigned int c = 0; c < 256; c++) {
		uint8_t name[3] = { 'a', (uint8_t)c, 'b' };
		bool good = c && strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
					"0123456789._-",
					 (int)c);

		hello_begin(&s, 0);
		from = open16(&s);
		put_sni_bytes(&s, name, sizeof(name));
		hello_end(&s, from);
		assert_int_equal(result_of(&s), good ? TLS_SNI : TLS_NO_SNI);
	}
	plain_hello(&s, "WWW.Example.NET.");
	assert_int_equal(parse_by(tls_client_hello_message, &s, s.len, &out), TLS_SNI);
	assert_string_equal(out.name, "www.example.net");
	plain_hello(&s, "");
	assert_int_equal(result_of(&s), TLS_NO_SNI);
	plain_hello(&s, ".");
	assert_int_equal(result_of(&s), TLS_NO_SNI);
	plain_hello(&s, ".a");
	assert_int_equal(result_of(&s), TLS_NO_SNI);
	plain_hello(&s, "a..b");
	assert_int_equal(result_of(&s), TLS_NO_SNI);
	plain_hello(&s, "a..");
	assert_int_equal(result_of(&s), TLS_NO_SNI);
	plain_hello(&s, "2001:db8::1");
	assert_int_equal(result_of(&s), TLS_NO_SNI);
}

static void names_are_bounded(void **state)
{
	struct stream s;
	struct tls_hello out;
	char name[1001];

	(void)state;
	for (size_t len = 250; len <= 1000; len++) {
		memset(name, 'a', len);
		name[len] = '\0';
		plain_hello(&s, name);
		assert_int_equal(result_of(&s), len <= INPATH_HOST_MAX ? TLS_SNI : TLS_NO_SNI);
		name[len - 1] = '.';
		plain_hello(&s, name);
		assert_int_equal(result_of(&s), len <= INPATH_HOST_MAX + 1 ? TLS_SNI : TLS_NO_SNI);
	}
	memset(name, 'a', INPATH_HOST_MAX);
	name[INPATH_HOST_MAX] = '\0';
	plain_hello(&s, name);
	assert_int_equal(parse_by(tls_client_hello_message, &s, s.len, &out), TLS_SNI);
	assert_string_equal(out.name, name);
}

/* One server_name extension with these bytes as its list. */
static enum tls_result list_result(const char *list, size_t len)
{
	struct stream s;
	size_t from, extension;

	hello_begin(&s, 0);
	from = open16(&s);
	put16(&s, SERVER_NAME);
	extension = open16(&s);
	put(&s, list, len);
	close16(&s, extension);
	hello_end(&s, from);
	return result_of(&s);
}

static void a_list_of_names_gives_its_first_host(void **state)
{
	(void)state;
	assert_int_equal(list_result("\0\4\0\0\1a", 6), TLS_SNI);
	assert_int_equal(list_result("\0\10\1\0\1x\0\0\1a", 10), TLS_SNI);
	assert_int_equal(list_result("\0\4\1\0\1a", 6), TLS_NO_SNI);
	/* The second of two names cannot stand in for a first that is unusable. */
	assert_int_equal(list_result("\0\10\0\0\1:\0\0\1a", 10), TLS_NO_SNI);
	assert_int_equal(list_result("", 0), TLS_NOT_TLS);
	assert_int_equal(list_result("\0\0", 2), TLS_NOT_TLS);
	assert_int_equal(list_result("\0\3\0\0\0x", 6), TLS_NOT_TLS);
	assert_int_equal(list_result("\0\4\0\0\2a", 6), TLS_NOT_TLS);
	assert_int_equal(list_result("\0\10\0\0\1a\0\0\2a", 10), TLS_NOT_TLS);
}

static void what_follows_the_hello_does_not_matter(void **state)
{
	struct stream message, s;
	struct tls_hello out;

	(void)state;
	plain_hello(&message, "www.example.net");
	in_records(&s, &message, 16384);
	put_fill(&s, 0xff, 100);
	assert_int_equal(parse(&s, s.len, &out), TLS_SNI);
	put_fill(&message, 0xff, 100);
	assert_int_equal(parse_by(tls_client_hello_message, &message, message.len, &out), TLS_SNI);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(real_hellos_give_their_name),
		cmocka_unit_test(a_real_hello_without_a_name_says_so_at_its_end),
		cmocka_unit_test(a_real_hello_with_a_post_quantum_key_gives_its_name),
		cmocka_unit_test(a_name_is_found_while_the_hello_goes_on),
		cmocka_unit_test(a_name_behind_a_large_key_is_found),
		cmocka_unit_test(a_hello_may_span_records_of_any_size),
		cmocka_unit_test(a_bare_message_is_read_alike),
		cmocka_unit_test(other_records_between_are_not_tls),
		cmocka_unit_test(records_of_forbidden_sizes_are_not_tls),
		cmocka_unit_test(other_protocols_are_known_by_their_first_bytes),
		cmocka_unit_test(lengths_that_contradict_each_other_are_not_tls),
		cmocka_unit_test(an_extension_ends_within_its_message),
		cmocka_unit_test(only_a_client_hello_of_a_known_kind_counts),
		cmocka_unit_test(a_hello_may_do_without_extensions),
		cmocka_unit_test(a_name_is_a_host_name_or_none),
		cmocka_unit_test(names_are_bounded),
		cmocka_unit_test(a_list_of_names_gives_its_first_host),
		cmocka_unit_test(what_follows_the_hello_does_not_matter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
