/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A client's Initial opens with the keys of its first connection id, and with no others. */
#include "gateway/engine/quic_initial.h"
#include "tests/unit/quic_vectors.h"
#include "tests/unit/quic_wire.h"

#define SERVER_CID "f067a5502a4262b5"

static struct quic_cid cid_of(const char *hex)
{
	struct quic_cid cid = { .len = 0 };

	cid.len = (uint8_t)wire_hex(cid.bytes, hex);
	return cid;
}

static struct quic_keys keys_of(uint32_t version, const char *dcid)
{
	struct quic_cid cid = cid_of(dcid);
	struct quic_keys keys;

	assert_true(quic_client_keys(version, &cid, &keys));
	return keys;
}

static struct quic_packet first_of(const uint8_t *datagram, size_t len)
{
	struct quic_walk w = quic_walk_over(datagram, len);
	struct quic_packet p;

	assert_int_equal(quic_next(&w, &p), QUIC_PACKET);
	assert_int_equal(p.kind, QUIC_INITIAL);
	return p;
}

/* Opens an exact-size copy of a packet into a buffer of `room` bytes; the frames go to `out`. */
static enum quic_opened open_into(
	const struct quic_keys *keys, struct quic_packet p, size_t room, struct stream *out)
{
	uint8_t *copy = wire_exact(p.bytes, p.len), *buffer = malloc(room ? room : 1);
	enum quic_opened r;

	assert_non_null(buffer);
	p.bytes = copy;
	out->len = 99999;
	r = quic_open(keys, &p, buffer, room, &out->len);
	if (r == QUIC_OPENED) {
		assert_true(out->len <= room && out->len <= sizeof(out->bytes));
		memcpy(out->bytes, buffer, out->len);
	} else {
		assert_int_equal(out->len, 99999);
	}
	free(buffer);
	wire_exact_free(copy, p.len);
	return r;
}

static enum quic_opened open_packet(
	const struct quic_keys *keys, struct quic_packet p, struct stream *out)
{
	return open_into(keys, p, p.len, out);
}

static enum quic_opened open_datagram(
	const struct stream *datagram, const char *dcid, struct stream *out)
{
	struct quic_packet p = first_of(datagram->bytes, datagram->len);
	struct quic_keys keys = keys_of(p.version, dcid);

	return open_packet(&keys, p, out);
}

static void assert_bytes(const uint8_t *bytes, const char *hex)
{
	uint8_t expected[64] = { 0 };
	size_t len = wire_hex(expected, hex);

	assert_memory_equal(bytes, expected, len);
}

static void the_keys_are_those_of_the_rfcs(void **state)
{
	struct quic_keys k = keys_of(QUIC_VERSION_1, RFC_DCID);

	(void)state;
	assert_bytes(k.key, "1f369613dd76d5467730efcbe3b1a22d");
	assert_bytes(k.iv, "fa044b2f42a3fd3b46fb255c");
	assert_bytes(k.hp, "9f50449e04a0e810283a1e9933adedd2");
	k = keys_of(QUIC_VERSION_2, RFC_DCID);
	assert_bytes(k.key, "8b1a0bc121284290a29e0971b5cd045d");
	assert_bytes(k.iv, "91f73e2351d8fa91660e909f");
	assert_bytes(k.hp, "45b95e15235d6f45a6b19cbcb0294ba9");
}

static void other_versions_have_no_keys(void **state)
{
	static const uint32_t versions[] = { 0, 2, 0xff00001d, 0x0a0a0a0a, 0x709a50c4 };
	struct quic_cid cid = cid_of(RFC_DCID);
	struct quic_keys keys, before;

	(void)state;
	memset(&before, 0x5a, sizeof(before));
	for (unsigned int i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
		keys = before;
		assert_false(quic_client_keys(versions[i], &cid, &keys));
		assert_memory_equal(&keys, &before, sizeof(keys));
	}
}

static void the_sample_initials_open(void **state)
{
	static const char *const samples[] = { rfc_client_v1, rfc_client_v2 };
	struct stream expected = { .len = 0 };

	(void)state;
	put_hex(&expected, rfc_crypto);
	put_fill(&expected, 0, 1162 - expected.len);
	for (unsigned int i = 0; i < 2; i++) {
		struct stream datagram = { .len = 0 }, frames;

		put_hex(&datagram, samples[i]);
		assert_int_equal(open_datagram(&datagram, RFC_DCID, &frames), QUIC_OPENED);
		assert_int_equal(frames.len, expected.len);
		assert_memory_equal(frames.bytes, expected.bytes, expected.len);
	}
}

/* The builder that the other tests trust writes what the RFCs print. */
static void the_tests_builder_writes_the_sample_initials(void **state)
{
	static const char *const samples[] = { rfc_client_v1, rfc_client_v2 };
	static const uint32_t versions[] = { WIRE_V1, WIRE_V2 };

	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		struct stream frames = { .len = 0 }, built = { .len = 0 }, sample = { .len = 0 };

		put_hex(&frames, rfc_crypto);
		put_hex(&sample, samples[i]);
		put_initial(&built,
			&(struct quic_wire){
				.version = versions[i], .dcid = RFC_DCID, .number = 2 },
			&frames, 1200);
		assert_int_equal(built.len, sample.len);
		assert_memory_equal(built.bytes, sample.bytes, sample.len);
	}
}

static void a_packet_with_any_byte_changed_stays_sealed(void **state)
{
	struct stream datagram = { .len = 0 }, frames;
	struct quic_keys keys = keys_of(QUIC_VERSION_1, RFC_DCID);
	struct quic_packet p;

	(void)state;
	put_hex(&datagram, rfc_client_v1);
	p = first_of(datagram.bytes, datagram.len);
	for (size_t i = 0; i < p.len; i++) {
		datagram.bytes[i] ^= (uint8_t)(1 << i % 8);
		assert_int_equal(open_packet(&keys, p, &frames), QUIC_SEALED);
		datagram.bytes[i] ^= (uint8_t)(1 << i % 8);
	}
	assert_int_equal(open_packet(&keys, p, &frames), QUIC_OPENED);
}

static void a_packet_that_is_cut_stays_sealed(void **state)
{
	struct stream datagram = { .len = 0 }, frames;
	struct quic_keys keys = keys_of(QUIC_VERSION_1, RFC_DCID);
	struct quic_packet p;
	size_t whole;

	(void)state;
	put_hex(&datagram, rfc_client_v1);
	p = first_of(datagram.bytes, datagram.len);
	whole = p.len;
	for (p.len = p.number_at; p.len < whole; p.len++)
		assert_int_equal(open_packet(&keys, p, &frames),
			p.len - p.number_at < 20 ? QUIC_TOO_SHORT : QUIC_SEALED);
}

static void other_keys_do_not_open(void **state)
{
	struct stream datagram = { .len = 0 }, frames;

	(void)state;
	put_hex(&datagram, rfc_client_v1);
	assert_int_equal(open_datagram(&datagram, "8394c8f03e515709", &frames), QUIC_SEALED);
	assert_int_equal(open_datagram(&datagram, "8394c8f03e5157", &frames), QUIC_SEALED);
	assert_int_equal(open_datagram(&datagram, "", &frames), QUIC_SEALED);
	/* The other version's keys. */
	wire_put32(datagram.bytes + 1, QUIC_VERSION_2);
	datagram.bytes[0] = 0xd0;
	assert_int_equal(open_datagram(&datagram, RFC_DCID, &frames), QUIC_SEALED);
	/* The server's Initial is for the client alone. */
	datagram.len = 0;
	put_hex(&datagram, rfc_server_v1);
	assert_int_equal(open_datagram(&datagram, RFC_DCID, &frames), QUIC_SEALED);
}

static void a_packet_needs_its_own_length_of_room(void **state)
{
	struct stream datagram = { .len = 0 }, frames;
	struct quic_keys keys = keys_of(QUIC_VERSION_1, RFC_DCID);
	struct quic_packet p;

	(void)state;
	put_hex(&datagram, rfc_client_v1);
	p = first_of(datagram.bytes, datagram.len);
	assert_int_equal(open_into(&keys, p, 1200, &frames), QUIC_OPENED);
	assert_int_equal(open_into(&keys, p, 1199, &frames), QUIC_NO_ROOM);
	assert_int_equal(open_into(&keys, p, 0, &frames), QUIC_NO_ROOM);
}

static void numbers_tokens_and_ids_of_every_length_open(void **state)
{
	static const char *const ids[] = { "", "01", "0102030405060708",
		"000102030405060708090a0b0c0d0e0f10111213" };
	static const size_t tokens[] = { 0, 1, 63, 64, 500 };
	struct stream text = { .len = 0 };

	(void)state;
	put_crypto(&text, 0, "abcdefgh", 8);
	for (unsigned int n = 0; n < 4 * 4 * 5 * 2; n++) {
		struct stream datagram = { .len = 0 }, frames;
		struct quic_wire q = { .version = n % 2 ? WIRE_V2 : WIRE_V1,
			.dcid = ids[n / 2 % 4],
			.scid = ids[3 - n / 2 % 4],
			.number_len = (uint8_t)(1 + n / 8 % 4),
			.number = 0x12345678u >> 8 * (3 - n / 8 % 4),
			.token_len = tokens[n / 32 % 5],
			.unfixed = n / 32 % 5 == 1 };

		put_initial(&datagram, &q, &text, 1200);
		assert_int_equal(datagram.len, 1200);
		assert_int_equal(open_datagram(&datagram, q.dcid, &frames), QUIC_OPENED);
		assert_memory_equal(frames.bytes, text.bytes, text.len);
	}
}

static void the_least_packet_opens(void **state)
{
	struct stream datagram = { .len = 0 }, text = { .len = 0 }, frames;

	(void)state;
	/* A number of four bytes and nothing behind it: a sample is there, frames are not. */
	put_initial(&datagram, &(struct quic_wire){ .dcid = RFC_DCID }, &text, 0);
	assert_int_equal(open_datagram(&datagram, RFC_DCID, &frames), QUIC_OPENED);
	assert_int_equal(frames.len, 0);
}

static void reserved_bits_are_not_let_pass(void **state)
{
	(void)state;
	for (uint8_t bits = 0; bits < 4; bits++) {
		struct stream datagram = { .len = 0 }, text = { .len = 0 }, frames;

		put_crypto(&text, 0, "abcdefgh", 8);
		put_initial(&datagram,
			&(struct quic_wire){ .dcid = RFC_DCID, .reserved = (uint8_t)(bits << 2) },
			&text, 1200);
		assert_int_equal(open_datagram(&datagram, RFC_DCID, &frames),
			bits ? QUIC_RESERVED : QUIC_OPENED);
	}
}

static void the_first_ids_keys_last_when_the_server_has_named_its_own(void **state)
{
	struct stream datagram = { .len = 0 }, text = { .len = 0 }, frames;

	(void)state;
	put_crypto(&text, 0, "abcdefgh", 8);
	put_initial(&datagram, &(struct quic_wire){ .dcid = SERVER_CID, .key_dcid = RFC_DCID },
		&text, 1200);
	assert_int_equal(open_datagram(&datagram, SERVER_CID, &frames), QUIC_SEALED);
	assert_int_equal(open_datagram(&datagram, RFC_DCID, &frames), QUIC_OPENED);
}

static void behind_a_retry_its_id_makes_the_keys(void **state)
{
	struct stream datagram = { .len = 0 }, text = { .len = 0 }, frames;

	(void)state;
	put_crypto(&text, 0, "abcdefgh", 8);
	put_initial(&datagram,
		&(struct quic_wire){ .dcid = SERVER_CID, .token_len = 5, .number = 1 }, &text,
		1200);
	assert_int_equal(open_datagram(&datagram, RFC_DCID, &frames), QUIC_SEALED);
	assert_int_equal(open_datagram(&datagram, SERVER_CID, &frames), QUIC_OPENED);
}

static void an_initial_opens_among_coalesced_packets(void **state)
{
	struct stream datagram = { .len = 0 }, text = { .len = 0 }, frames;
	struct quic_wire q = { .dcid = RFC_DCID, .scid = "0102" };
	struct quic_keys keys = keys_of(QUIC_VERSION_1, RFC_DCID);
	struct quic_packet p;
	struct quic_walk w;

	(void)state;
	put_crypto(&text, 0, "abcdefgh", 8);
	put_protected(&datagram, &q, WIRE_ZERO_RTT, 300);
	put_initial(&datagram, &q, &text, 0);
	put_protected(&datagram, &q, WIRE_HANDSHAKE, 300);
	w = quic_walk_over(datagram.bytes, datagram.len);
	assert_int_equal(quic_next(&w, &p), QUIC_PACKET);
	assert_int_equal(p.kind, QUIC_ZERO_RTT);
	assert_int_equal(quic_next(&w, &p), QUIC_PACKET);
	assert_int_equal(open_packet(&keys, p, &frames), QUIC_OPENED);
	assert_int_equal(frames.len, text.len);
	assert_memory_equal(frames.bytes, text.bytes, text.len);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_keys_are_those_of_the_rfcs),
		cmocka_unit_test(other_versions_have_no_keys),
		cmocka_unit_test(the_sample_initials_open),
		cmocka_unit_test(the_tests_builder_writes_the_sample_initials),
		cmocka_unit_test(a_packet_with_any_byte_changed_stays_sealed),
		cmocka_unit_test(a_packet_that_is_cut_stays_sealed),
		cmocka_unit_test(other_keys_do_not_open),
		cmocka_unit_test(a_packet_needs_its_own_length_of_room),
		cmocka_unit_test(numbers_tokens_and_ids_of_every_length_open),
		cmocka_unit_test(the_least_packet_opens),
		cmocka_unit_test(reserved_bits_are_not_let_pass),
		cmocka_unit_test(the_first_ids_keys_last_when_the_server_has_named_its_own),
		cmocka_unit_test(behind_a_retry_its_id_makes_the_keys),
		cmocka_unit_test(an_initial_opens_among_coalesced_packets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
