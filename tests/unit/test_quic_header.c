/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The headers of QUIC's packets: what is told without a key, and where each packet ends. */
#include "gateway/engine/quic_header.h"
#include "tests/unit/quic_vectors.h"
#include "tests/unit/quic_wire.h"

enum {
	PACKETS_MAX = 16,
};

/* What a datagram was found to hold. */
struct found {
	struct quic_packet packets[PACKETS_MAX];
	unsigned int count;
	enum quic_step end;
};

/* Walks over an exact-size copy of the first `len` bytes; pointers are moved back into `bytes`. */
static struct found walk(const uint8_t *bytes, size_t len)
{
	uint8_t *copy = wire_exact(bytes, len);
	struct quic_walk w = quic_walk_over(copy, len);
	struct found f = { .count = 0 };
	struct quic_packet p, before;
	size_t at = 0;

	memset(&before, 0x5a, sizeof(before));
	for (;;) {
		memcpy(&p, &before, sizeof(p));
		f.end = quic_next(&w, &p);
		if (f.end != QUIC_PACKET)
			break;
		assert_true(f.count < PACKETS_MAX);
		assert_ptr_equal(p.bytes, copy + at);
		assert_true(p.len > 0 && p.len <= len - at);
		assert_true(p.number_at <= p.len && p.token_len <= p.len);
		p.bytes = bytes + at;
		at += p.len;
		f.packets[f.count++] = p;
	}
	assert_memory_equal(&p, &before, sizeof(p));
	assert_int_equal(quic_next(&w, &p), f.end);
	wire_exact_free(copy, len);
	return f;
}

static struct found walk_hex(const char *hex)
{
	static uint8_t bytes[WIRE_MAX];

	return walk(bytes, wire_hex(bytes, hex));
}

static void assert_cid(const struct quic_cid *cid, const char *hex)
{
	uint8_t bytes[QUIC_CID_MAX] = { 0 };

	assert_int_equal(cid->len, wire_hex(bytes, hex));
	assert_memory_equal(cid->bytes, bytes, sizeof(bytes));
}

static void assert_one(struct found f, enum quic_kind kind, const char *dcid, const char *scid)
{
	assert_int_equal(f.count, 1);
	assert_int_equal(f.end, QUIC_END);
	assert_int_equal(f.packets[0].kind, kind);
	assert_cid(&f.packets[0].dcid, dcid);
	assert_cid(&f.packets[0].scid, scid);
}

static void the_sample_packets_are_what_the_rfcs_say(void **state)
{
	struct found f;

	(void)state;
	f = walk_hex(rfc_client_v1);
	assert_one(f, QUIC_INITIAL, RFC_DCID, "");
	assert_int_equal(f.packets[0].version, QUIC_VERSION_1);
	assert_int_equal(f.packets[0].len, 1200);
	assert_int_equal(f.packets[0].token_len, 0);
	assert_int_equal(f.packets[0].number_at, 18);
	f = walk_hex(rfc_client_v2);
	assert_one(f, QUIC_INITIAL, RFC_DCID, "");
	assert_int_equal(f.packets[0].version, QUIC_VERSION_2);
	assert_int_equal(f.packets[0].number_at, 18);
	assert_one(walk_hex(rfc_server_v1), QUIC_INITIAL, "", "f067a5502a4262b5");
	assert_one(walk_hex(rfc_server_v2), QUIC_INITIAL, "", "f067a5502a4262b5");
	f = walk_hex(rfc_retry_v1);
	assert_one(f, QUIC_RETRY, "", "f067a5502a4262b5");
	assert_int_equal(f.packets[0].token_len, 5);
	f = walk_hex(rfc_retry_v2);
	assert_one(f, QUIC_RETRY, "", "f067a5502a4262b5");
	assert_int_equal(f.packets[0].token_len, 5);
	assert_one(walk_hex(rfc_short_v1), QUIC_SHORT, "", "");
}

static void each_version_numbers_its_types_in_its_own_way(void **state)
{
	static const enum quic_kind kinds[] = { QUIC_INITIAL, QUIC_ZERO_RTT, QUIC_HANDSHAKE };
	static const uint32_t versions[] = { WIRE_V1, WIRE_V2 };

	(void)state;
	for (unsigned int v = 0; v < 2; v++)
		for (uint8_t type = 0; type < 3; type++) {
			struct stream s = { .len = 0 };

			put_long(&s, &(struct quic_wire){ .version = versions[v], .scid = "0102" },
				type);
			if (type == WIRE_INITIAL)
				put8(&s, 0);
			put_varint(&s, 30);
			put_fill(&s, 0, 30);
			assert_one(walk(s.bytes, s.len), kinds[type], "", "0102");
		}
}

/* One Initial with a token, a 0-RTT, a Handshake and a 1-RTT packet. */
static void put_coalesced(struct stream *s, size_t ends[4])
{
	struct quic_wire q = { .dcid = RFC_DCID, .scid = "aabbccdd", .token_len = 70 };

	put_long(s, &q, WIRE_INITIAL);
	put_varint(s, 70);
	put_fill(s, 0x77, 70);
	put_varint(s, 100);
	put_fill(s, 0x55, 100);
	ends[0] = s->len;
	put_protected(s, &q, WIRE_ZERO_RTT, 40);
	ends[1] = s->len;
	put_protected(s, &q, WIRE_HANDSHAKE, 25);
	ends[2] = s->len;
	put8(s, 0x40);
	put_fill(s, 0x33, 40);
	ends[3] = s->len;
}

static void coalesced_packets_are_found_one_by_one(void **state)
{
	static const enum quic_kind kinds[] = { QUIC_INITIAL, QUIC_ZERO_RTT, QUIC_HANDSHAKE,
		QUIC_SHORT };
	struct stream s = { .len = 0 };
	size_t ends[4], from = 0;
	struct found f;

	(void)state;
	put_coalesced(&s, ends);
	f = walk(s.bytes, s.len);
	assert_int_equal(f.count, 4);
	assert_int_equal(f.end, QUIC_END);
	assert_int_equal(f.packets[0].token_len, 70);
	for (unsigned int i = 0; i < 4; i++) {
		assert_int_equal(f.packets[i].kind, kinds[i]);
		assert_int_equal(f.packets[i].len, ends[i] - from);
		from = ends[i];
		if (i < 3)
			assert_cid(&f.packets[i].dcid, RFC_DCID);
	}
}

/* A packet that is cut is none, those in front of it stay what they were. */
static void every_truncation_ends_at_the_packet_that_is_cut(void **state)
{
	struct stream s = { .len = 0 };
	size_t ends[4];

	(void)state;
	put_coalesced(&s, ends);
	for (size_t cut = 0; cut < s.len; cut++) {
		struct found f = walk(s.bytes, cut);
		unsigned int whole = (cut >= ends[0]) + (cut >= ends[1]) + (cut >= ends[2]);
		bool within = cut > 0 && cut != ends[0] && cut != ends[1] && cut < ends[2];

		/* A short header has no end of its own. */
		assert_int_equal(f.count, whole + (cut > ends[2]));
		assert_int_equal(f.end, within ? QUIC_BAD : QUIC_END);
	}
}

static void lengths_that_lie_make_no_packet(void **state)
{
	static const char *const lies[] = {
		"c0 00000001 00 00 00 05 01020304",           /* length, by one */
		"c0 00000001 00 00 00 ffffffffffffffff 0102", /* ... by 2^62 */
		"c0 00000001 00 00 05 01020304",              /* token, by one */
		"c0 00000001 00 00 ffffffffffffffff 0102",    /* ... by 2^62 */
		"c0 00000001 00 00 00 40",                    /* a number that is cut */
		"c0 00000001 15 000102030405060708090a0b0c0d0e0f1011121314 00 00 00", /* 21 bytes */
		"c0 00000001 00 15 000102030405060708090a0b0c0d0e0f1011121314 00 00",
		"e0 00000001 15 000102030405060708090a0b0c0d0e0f1011121314 00 01 ff",
		("f0 00000001 00 15 000102030405060708090a0b0c0d0e0f1011121314"
		 "000102030405060708090a0b0c0d0e0f10"),
		"e0 00000001 00 00 05 01020304",
		"f0 00000001 00 00 000102030405060708090a0b0c0d0e0f", /* Retry without a token */
		"f0 00000001 00 00 0001",
		"c0 00000000 00 00",               /* Version Negotiation without a version */
		"c0 00000000 00 00 00000001 0000", /* ... with half of one */
		"c0 0a0a0a0a 04 010203",           /* any version: an id that is cut */
		"c0 0a0a0a0a 00 ff 010203",
		"c0 0a0a0a0a 00",
		"c0 0a0a0a",
		"80",
	};

	(void)state;
	for (unsigned int i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		struct found f = walk_hex(lies[i]);

		assert_int_equal(f.count, 0);
		assert_int_equal(f.end, QUIC_BAD);
	}
}

static void any_version_shows_its_version_and_ids(void **state)
{
	struct stream s = { .len = 0 };
	struct found f;

	(void)state;
	f = walk_hex("ff 0a1a2a3a 02 0102 03 040506 deadbeef");
	assert_one(f, QUIC_OTHER_VERSION, "0102", "040506");
	assert_int_equal(f.packets[0].version, 0x0a1a2a3a);
	assert_int_equal(f.packets[0].len, 16);
	assert_true(f.packets[0].ids_kept);

	/* The invariants allow 255 bytes; then neither id is told. */
	put_hex(&s, "c0 ff00001d");
	put8(&s, 255);
	put_fill(&s, 1, 255);
	put8(&s, 4);
	put_fill(&s, 2, 4);
	f = walk(s.bytes, s.len);
	assert_one(f, QUIC_OTHER_VERSION, "", "");
	assert_false(f.packets[0].ids_kept);
	for (size_t cut = 1; cut < s.len; cut++)
		assert_int_equal(walk(s.bytes, cut).end, QUIC_BAD);
	f = walk_hex("c0 0a1a2a3a 02 0102 15 000102030405060708090a0b0c0d0e0f1011121314");
	assert_one(f, QUIC_OTHER_VERSION, "", "");
	f = walk_hex("c0 0a1a2a3a 15 000102030405060708090a0b0c0d0e0f1011121314 02 0102");
	assert_one(f, QUIC_OTHER_VERSION, "", "");
	assert_false(f.packets[0].ids_kept);
}

static void version_negotiation_is_known_whatever_its_other_bits(void **state)
{
	(void)state;
	assert_one(
		walk_hex("80 00000000 00 02 0102 00000001 6b3343cf"), QUIC_NEGOTIATION, "", "0102");
	assert_one(walk_hex("ff 00000000 01 09 00 1a2a3a4a"), QUIC_NEGOTIATION, "09", "");
}

static void padding_behind_the_packets_is_no_packet(void **state)
{
	struct stream s = { .len = 0 };
	size_t ends[4];
	struct found f;

	(void)state;
	put_coalesced(&s, ends);
	s.len = ends[2];
	put_fill(&s, 0, 500);
	f = walk(s.bytes, s.len);
	assert_int_equal(f.count, 3);
	assert_int_equal(f.end, QUIC_END);
	/* But a datagram's only packet may have greased the bit (RFC 9287). */
	assert_one(walk_hex("0c 01020304"), QUIC_SHORT, "", "");
	assert_int_equal(walk(NULL, 0).end, QUIC_END);
}

static bool begins(const char *hex, size_t datagram_len)
{
	struct found f = walk_hex(hex);

	assert_int_equal(f.count, 1);
	return quic_begins(&f.packets[0], datagram_len);
}

static void a_connection_begins_with_an_initial_in_a_full_datagram(void **state)
{
	(void)state;
	assert_true(begins(rfc_client_v1, 1200));
	assert_true(begins(rfc_client_v2, 1200));
	assert_true(begins(rfc_client_v1, 1452));
	assert_false(begins(rfc_client_v1, 1199));
	/* The server's; and whatever is not an Initial. */
	assert_false(begins(rfc_server_v1, 1200));
	assert_false(begins(rfc_retry_v1, 1200));
	assert_false(begins(rfc_short_v1, 1200));
	assert_false(begins("d0 00000001 08 0102030405060708 00 01 ff", 1200));
	assert_false(begins("e0 00000001 08 0102030405060708 00 01 ff", 1200));
	assert_false(begins("c0 00000000 08 0102030405060708 00 00000001", 1200));
	/* A client that resumes may have greased its fixed bit. */
	assert_true(begins("80 00000001 08 0102030405060708 00 00 01 ff", 1200));
	assert_false(begins("c0 00000001 07 01020304050607 00 00 01 ff", 1200));
}

static void a_connection_of_an_unknown_version_begins_likewise(void **state)
{
	(void)state;
	assert_true(begins("c0 ff00001d 08 0102030405060708 00 00 ff", 1200));
	assert_true(begins("f3 0a1a2a3a 14 000102030405060708090a0b0c0d0e0f10111213 00 ff", 1200));
	assert_false(begins("c0 ff00001d 08 0102030405060708 00 00 ff", 1199));
	assert_false(begins("c0 ff00001d 07 01020304050607 00 00 ff", 1200));
	/* RTP shows 10 in its first bits, and so does no other QUIC (RFC 9443). */
	assert_false(begins("80 60123400 08 0102030405060708 00 00 ff", 1200));
	/* Longer ids are not tracked. */
	assert_false(begins("c0 0a1a2a3a 15 000102030405060708090a0b0c0d0e0f1011121314 00", 1200));
}

static void a_short_header_has_the_id_that_its_receiver_chose(void **state)
{
	struct found f = walk_hex("41 0102030405060708 a0a1a2");
	struct quic_cid cid = { .len = 99 };

	(void)state;
	assert_true(quic_short_dcid(&f.packets[0], 8, &cid));
	assert_cid(&cid, "0102030405060708");
	assert_true(quic_short_dcid(&f.packets[0], 0, &cid));
	assert_cid(&cid, "");
	assert_true(quic_short_dcid(&f.packets[0], 11, &cid));
	cid.len = 99;
	assert_false(quic_short_dcid(&f.packets[0], 12, &cid));
	assert_false(quic_short_dcid(&f.packets[0], 21, &cid));
	f = walk_hex(rfc_client_v1);
	assert_false(quic_short_dcid(&f.packets[0], 8, &cid));
	assert_int_equal(cid.len, 99);
}

static void only_a_short_header_spins(void **state)
{
	struct found f;

	(void)state;
	for (unsigned int first = 0x40; first < 0x80; first++) {
		uint8_t byte = (uint8_t)first;

		f = walk(&byte, 1);
		assert_int_equal(quic_spin(&f.packets[0]), first >> 5 & 1);
	}
	f = walk_hex("e0 00000001 00 00 01 ff");
	assert_false(quic_spin(&f.packets[0]));
}

static void learn(struct quic_ids *ids, const char *hex, bool from_client)
{
	struct found f = walk_hex(hex);

	assert_int_equal(f.count, 1);
	quic_learn(ids, &f.packets[0], from_client);
}

static void id_lengths_are_learnt_from_long_headers(void **state)
{
	struct quic_ids ids = { .client_known = false };

	(void)state;
	learn(&ids, rfc_retry_v1, false);
	learn(&ids, "c0 00000000 00 04 01020304 00000001", false);
	learn(&ids, rfc_short_v1, false);
	learn(&ids, "c0 0a1a2a3a 15 000102030405060708090a0b0c0d0e0f1011121314 04 01020304", false);
	assert_false(ids.server_known || ids.client_known);
	learn(&ids, rfc_client_v1, true);
	assert_true(ids.client_known && !ids.server_known);
	assert_int_equal(ids.client_len, 0);
	learn(&ids, rfc_server_v2, false);
	assert_true(ids.server_known);
	assert_int_equal(ids.server_len, 8);
	learn(&ids, "e0 00000001 00 05 0102030405 01 ff", true);
	assert_int_equal(ids.client_len, 5);
	learn(&ids, "ff 0a1a2a3a 00 14 000102030405060708090a0b0c0d0e0f10111213", false);
	assert_int_equal(ids.server_len, 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_sample_packets_are_what_the_rfcs_say),
		cmocka_unit_test(each_version_numbers_its_types_in_its_own_way),
		cmocka_unit_test(coalesced_packets_are_found_one_by_one),
		cmocka_unit_test(every_truncation_ends_at_the_packet_that_is_cut),
		cmocka_unit_test(lengths_that_lie_make_no_packet),
		cmocka_unit_test(any_version_shows_its_version_and_ids),
		cmocka_unit_test(version_negotiation_is_known_whatever_its_other_bits),
		cmocka_unit_test(padding_behind_the_packets_is_no_packet),
		cmocka_unit_test(a_connection_begins_with_an_initial_in_a_full_datagram),
		cmocka_unit_test(a_connection_of_an_unknown_version_begins_likewise),
		cmocka_unit_test(a_short_header_has_the_id_that_its_receiver_chose),
		cmocka_unit_test(only_a_short_header_spins),
		cmocka_unit_test(id_lengths_are_learnt_from_long_headers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
