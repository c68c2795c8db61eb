/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which ICMP errors and which ACKs of the server answer which probe. */
#include "gateway/engine/reply.h"
#include "tests/unit/stages.h"

static const struct hash_key KEY = { 5, 6 };

/* One flow and its probes. */
struct fixture {
	struct probes p;
	struct inpath_tuple tuple;
	void *memory;
	bool v6;
};

enum {
	ACKED = 2000, /* what the server has acknowledged, all that the client sent */
	SERVER_SEQ = 7000,
	WINDOW = 501,
};

static struct fixture fixture_of(bool v6)
{
	struct arena measure = { 0 }, arena = { 0 };
	struct fixture f = { .v6 = v6 };

	probes_init(&f.p, &measure, 64, &KEY);
	f.memory = stage_memory(measure.used);
	arena.base = f.memory;
	probes_init(&f.p, &arena, 64, &KEY);
	f.tuple = (struct inpath_tuple){
		.client = wire_addr(v6 ? "2001:db8:1::10" : "192.168.1.10"),
		.server = wire_addr(v6 ? "2001:db8:2::7" : "198.51.100.7"),
		.client_port = CLIENT_PORT,
		.server_port = SERVER_PORT,
		.proto = INPATH_PROTO_TCP,
	};
	return f;
}

/* Remembers and builds the probe with this byte. */
static uint32_t probe(struct fixture *f, uint32_t seq, uint16_t id, uint8_t out[INPATH_PROBE_BYTES])
{
	struct tcp_flow t = { .client = { .ack = SERVER_SEQ, .window = 9 } };
	struct probe_token token = { .seq = seq, .ip_id = f->v6 ? 0 : id, .byte = 'x' };
	uint32_t slot = probe_add(&f->p, &f->tuple, seq);
	struct sent_probe *s = &f->p.entries[slot];

	s->ip_id = token.ip_id;
	s->len = probe_build(out, &f->tuple, &t, &token, 4, false);
	probe_signature(out, s);
	s->ttl = 4;
	s->sent = T0;
	return slot;
}

/* What the latest answer quoted. */
static struct quote last_quote;

/* A router's answer that quotes `bytes` of the probe, which the router saw as `seen`. */
static struct reply_match answer_to(
	const struct fixture *f, const uint8_t *seen, size_t len, bool from_v6)
{
	struct held_packet h;
	struct reply_match m;

	h.len = wire_time_exceeded(h.bytes, from_v6 ? "2001:db8:ff::1" : "10.9.0.1", seen, len);
	held_read(&h, h.len);
	assert_true(h.p.icmp_error);
	last_quote = h.p.quote;
	m = reply_match_icmp(&f->p, &h.p);
	return m.kind == REPLY_NONE ? reply_suspect_icmp(&f->p, &h.p) : m;
}

static uint8_t rewritten(const struct fixture *f, const struct reply_match *m)
{
	return reply_rewritten(m, &f->p.entries[m->slot], &last_quote);
}

static void a_quote_matches_its_probe_from_its_shortest_length_on(void **state)
{
	(void)state;
	for (int v6 = 0; v6 < 2; v6++) {
		struct fixture f = fixture_of(v6);
		uint8_t bytes[INPATH_PROBE_BYTES], other[INPATH_PROBE_BYTES];
		uint32_t slot = probe(&f, 0xffffffff, 777, bytes);
		size_t len = f.p.entries[slot].len;

		probe(&f, 0xfffffffd, 778, other);
		for (size_t quoted = (v6 ? 40 : 20) + 8; quoted <= len; quoted++) {
			struct reply_match m = answer_to(&f, bytes, quoted, v6);

			assert_int_equal(m.kind, REPLY_EXACT);
			assert_int_equal(m.slot, slot);
			assert_int_equal(rewritten(&f, &m), 0);
		}
		free(f.memory);
	}
}

/* A NAT further out that did not mend what the router quotes. */
static void a_rewritten_client_is_recorded_as_such(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++) {
		bool v6 = i & 1, port = i & 2;
		struct fixture f = fixture_of(v6);
		uint8_t bytes[INPATH_PROBE_BYTES];
		uint32_t slot = probe(&f, 1000, 777, bytes);
		struct reply_match m;

		bytes[port ? (v6 ? 41 : 21) : (v6 ? 23 : 15)] ^= 3;
		m = answer_to(&f, bytes, f.p.entries[slot].len, v6);
		/* IPv6 has no ID: there the port is a part of the token. */
		assert_int_equal(m.kind, v6 && port ? REPLY_NONE : REPLY_EXACT);
		if (m.kind == REPLY_NONE) {
			free(f.memory);
			continue;
		}
		assert_int_equal(m.slot, slot);
		assert_int_equal(
			rewritten(&f, &m), port ? INPATH_REWRITTEN_PORT : INPATH_REWRITTEN_ADDR);
		free(f.memory);
	}
}

/* Two clients of one server, by chance with the same number (and ID): each has its own. */
static void of_two_clients_probes_the_quoted_clients_own_is_meant(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++) {
		bool v6 = i & 1;
		struct fixture f = fixture_of(v6);
		uint8_t bytes[2][INPATH_PROBE_BYTES], third[INPATH_PROBE_BYTES];
		struct inpath_tuple one = f.tuple, other = one;
		struct reply_match m;
		uint32_t slots[2];
		size_t len;

		if (i & 2)
			other.client_port++;
		else
			other.client.bytes[v6 ? 15 : 3]++;
		slots[0] = probe(&f, 1000, 777, bytes[0]);
		f.tuple = other;
		slots[1] = probe(&f, 1000, 777, bytes[1]);
		len = f.p.entries[slots[0]].len;
		for (int k = 0; k < 2; k++) {
			m = answer_to(&f, bytes[k], len, v6);
			assert_int_equal(m.kind, REPLY_EXACT);
			assert_int_equal(m.slot, slots[k]);
			assert_int_equal(rewritten(&f, &m), 0);
		}
		/* Of a client that neither is, the newest; in IPv6 that of its port. */
		memcpy(third, bytes[0], sizeof(third));
		third[v6 ? 23 : 15] ^= 0x40;
		m = answer_to(&f, third, len, v6);
		assert_int_equal(m.kind, REPLY_EXACT);
		assert_int_equal(m.slot, slots[i == 3 ? 0 : 1]);
		assert_true(rewritten(&f, &m) & INPATH_REWRITTEN_ADDR);
		free(f.memory);
	}
}

/* A NAT rewrote the one; the other, of the same byte, is quoted as it was sent. */
static void an_exact_quote_goes_before_a_suspicion(void **state)
{
	struct fixture f = fixture_of(false);
	uint8_t bytes[INPATH_PROBE_BYTES], newer[INPATH_PROBE_BYTES];
	uint32_t slot = probe(&f, 1000, 777, bytes);
	struct reply_match m;

	(void)state;
	probe(&f, 1000, 900, newer);
	m = answer_to(&f, bytes, f.p.entries[slot].len, false);
	assert_int_equal(m.kind, REPLY_EXACT);
	assert_int_equal(m.slot, slot);
	assert_int_equal(m.shift, 0);
	/* Even where the client was rewritten as well. */
	bytes[15] ^= 3;
	m = answer_to(&f, bytes, f.p.entries[slot].len, false);
	assert_int_equal(m.kind, REPLY_EXACT);
	assert_int_equal(m.slot, slot);
	assert_int_equal(rewritten(&f, &m), INPATH_REWRITTEN_ADDR);
	free(f.memory);
}

/* Offsets, from the IP header on, of what boxes on the way rewrite. */
static void a_quote_shows_what_was_rewritten(void **state)
{
	static const struct {
		size_t at[2]; /* IPv4, IPv6 */
		uint8_t bit;
		uint8_t what;
	} changes[] = {
		{ { 1, 0 }, 0x04, INPATH_REWRITTEN_DSCP },
		{ { 1, 1 }, 0x02, INPATH_REWRITTEN_ECN },
		{ { 15, 23 }, 0x40, INPATH_REWRITTEN_ADDR },
		{ { 21, 41 }, 0x40, INPATH_REWRITTEN_PORT },
		{ { 37, 57 }, 0x40, INPATH_REWRITTEN_SUM },
		{ { 27, 0 }, 0x40, INPATH_REWRITTEN_SEQ },
		{ { 5, 0 }, 0x40, INPATH_REWRITTEN_ID },
	};

	(void)state;
	for (size_t i = 0; i < 2 * sizeof(changes) / sizeof(changes[0]); i++) {
		bool v6 = i & 1;
		struct fixture f;
		uint8_t bytes[INPATH_PROBE_BYTES], bit = changes[i / 2].bit;
		size_t at = changes[i / 2].at[v6], head = v6 ? 40 : 20;
		struct reply_match m;
		uint32_t slot;

		if (v6 && at == 0 && i / 2)
			continue; /* in IPv6 that is another probe's token */
		f = fixture_of(v6);
		slot = probe(&f, 1000, 777, bytes);
		/* IPv6's traffic class straddles two bytes (RFC 8200 3). */
		if (v6 && i / 2 < 2)
			bit = i / 2 ? 0x20 : 0x01;
		bytes[at] ^= bit;
		m = answer_to(&f, bytes, f.p.entries[slot].len, v6);
		assert_int_equal(m.slot, slot);
		assert_int_equal(rewritten(&f, &m), changes[i / 2].what);
		/* Of 17 bytes the checksum is not whole: it is not judged. */
		m = answer_to(&f, bytes, head + 17, v6);
		assert_int_equal(rewritten(&f, &m), changes[i / 2].what & ~INPATH_REWRITTEN_SUM);
		free(f.memory);
	}
}

static void what_cannot_be_reached_has_traceroutes_letters(void **state)
{
	static const struct {
		uint8_t family, type, code;
		enum inpath_unreach what;
		bool expired;
	} cases[] = {
		{ 4, 11, 0, INPATH_UNREACH_NONE, true },
		{ 4, 11, 1, INPATH_UNREACH_NONE, false },
		{ 4, 3, 0, INPATH_UNREACH_NET, false },
		{ 4, 3, 1, INPATH_UNREACH_HOST, false },
		{ 4, 3, 2, INPATH_UNREACH_PROTOCOL, false },
		{ 4, 3, 3, INPATH_UNREACH_PORT, false },
		{ 4, 3, 5, INPATH_UNREACH_OTHER, false },
		{ 4, 3, 9, INPATH_UNREACH_ADMIN, false },
		{ 4, 3, 13, INPATH_UNREACH_ADMIN, false },
		{ 4, 5, 0, INPATH_UNREACH_NONE, false },
		{ 4, 12, 0, INPATH_UNREACH_NONE, false },
		{ 6, 3, 0, INPATH_UNREACH_NONE, true },
		{ 6, 3, 1, INPATH_UNREACH_NONE, false },
		{ 6, 11, 0, INPATH_UNREACH_NONE, false },
		{ 6, 1, 0, INPATH_UNREACH_NET, false },
		{ 6, 1, 1, INPATH_UNREACH_ADMIN, false },
		{ 6, 1, 2, INPATH_UNREACH_OTHER, false },
		{ 6, 1, 3, INPATH_UNREACH_HOST, false },
		{ 6, 1, 4, INPATH_UNREACH_PORT, false },
		{ 6, 4, 1, INPATH_UNREACH_PROTOCOL, false },
		{ 6, 4, 0, INPATH_UNREACH_NONE, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct packet p = { .family = cases[i].family,
			.icmp_type = cases[i].type,
			.icmp_code = cases[i].code };

		assert_int_equal(reply_unreach(&p), cases[i].what);
		assert_int_equal(reply_expired(&p), cases[i].expired);
	}
}

/* Offsets, from the IP header on, of what makes a quote another's. */
static void a_quote_of_anything_else_is_foreign(void **state)
{
	static const struct {
		const char *what;
		size_t at[2]; /* IPv4, IPv6 */
	} changes[] = {
		{ "the server's address", { 19, 39 } },
		{ "the server's port", { 23, 43 } },
		{ "the protocol", { 9, 6 } },
	};

	(void)state;
	for (size_t i = 0; i < 2 * sizeof(changes) / sizeof(changes[0]); i++) {
		bool v6 = i & 1;
		struct fixture f = fixture_of(v6);
		uint8_t bytes[INPATH_PROBE_BYTES];
		uint32_t slot = probe(&f, 1000, 777, bytes);

		bytes[changes[i / 2].at[v6]] ^= 0x17;
		if (answer_to(&f, bytes, f.p.entries[slot].len, v6).kind != REPLY_NONE)
			fail_msg("%s", changes[i / 2].what);
		free(f.memory);
	}
}

static void an_ipv6_quote_with_another_number_is_foreign(void **state)
{
	struct fixture f = fixture_of(true);
	uint8_t bytes[INPATH_PROBE_BYTES];
	uint32_t slot = probe(&f, 1000, 0, bytes);

	(void)state;
	wire_put32(bytes + 44, 1001);
	assert_int_equal(answer_to(&f, bytes, f.p.entries[slot].len, true).kind, REPLY_NONE);
	free(f.memory);
}

static void of_the_same_byte_the_id_tells_which_probe(void **state)
{
	struct fixture f = fixture_of(false);
	uint8_t bytes[3][INPATH_PROBE_BYTES];
	uint32_t slots[3];

	(void)state;
	for (uint16_t i = 0; i < 3; i++)
		slots[i] = probe(&f, 1000, (uint16_t)(777 + i), bytes[i]);
	for (int i = 0; i < 3; i++) {
		struct reply_match m = answer_to(&f, bytes[i], f.p.entries[slots[i]].len, false);

		assert_int_equal(m.kind, REPLY_EXACT);
		assert_int_equal(m.slot, slots[i]);
	}
	free(f.memory);
}

static void another_id_is_a_suspicion_with_its_shift(void **state)
{
	struct fixture f = fixture_of(false);
	uint8_t bytes[INPATH_PROBE_BYTES];
	uint32_t slot = probe(&f, 1000, 0xfff0, bytes);
	struct reply_match m;

	(void)state;
	wire_put16(bytes + 4, 0x0010);
	m = answer_to(&f, bytes, f.p.entries[slot].len, false);
	assert_int_equal(m.kind, REPLY_ID);
	assert_int_equal(m.slot, slot);
	assert_int_equal(m.shift, 0x20);
	/* A client's own packet of another length, or another client's, is none. */
	wire_put16(bytes + 2, 1400);
	assert_int_equal(answer_to(&f, bytes, f.p.entries[slot].len, false).kind, REPLY_NONE);
	wire_put16(bytes + 2, f.p.entries[slot].len);
	bytes[15] ^= 1;
	assert_int_equal(answer_to(&f, bytes, f.p.entries[slot].len, false).kind, REPLY_NONE);
	free(f.memory);
}

static void another_number_is_a_suspicion_with_its_shift(void **state)
{
	struct fixture f = fixture_of(false);
	uint8_t bytes[INPATH_PROBE_BYTES], other[INPATH_PROBE_BYTES];
	uint32_t slot = probe(&f, 0xfffffff0, 777, bytes);
	struct reply_match m;

	(void)state;
	probe(&f, 0xffffff00, 778, other);
	wire_put32(bytes + 24, 0x10);
	m = answer_to(&f, bytes, f.p.entries[slot].len, false);
	assert_int_equal(m.kind, REPLY_SEQ);
	assert_int_equal(m.slot, slot);
	assert_int_equal(m.shift, 0x20);
	wire_put16(bytes + 4, 779);
	assert_int_equal(answer_to(&f, bytes, f.p.entries[slot].len, false).kind, REPLY_NONE);
	free(f.memory);
}

static void with_no_probe_in_memory_nothing_matches(void **state)
{
	(void)state;
	for (int v6 = 0; v6 < 2; v6++) {
		struct fixture f = fixture_of(v6);
		uint8_t bytes[INPATH_PROBE_BYTES];
		uint32_t slot = probe(&f, 1000, 777, bytes);
		size_t len = f.p.entries[slot].len;

		probes_expire(&f.p, T0 + PROBE_MEMORY);
		assert_int_equal(answer_to(&f, bytes, len, v6).kind, REPLY_NONE);
		free(f.memory);
	}
}

/* --- the server's ACK ----------------------------------------------------------------------------- */

/* A server's ACK of everything, which says that [start, end) came again. */
static struct wire_tcp dsack(uint32_t start, uint32_t end)
{
	return (struct wire_tcp){
		.seq = SERVER_SEQ,
		.ack = ACKED,
		.flags = TCP_ACK,
		.window = WINDOW,
		.sack_count = 1,
		.sack = { { start, end } },
	};
}

static uint32_t match(const struct fixture *f, struct wire_tcp t)
{
	struct held_packet h;

	return reply_match_dsack(&f->p, &f->tuple, held_tcp(&h, false, f->v6, t), 0);
}

static void a_dsack_names_its_probe_by_exactly_its_byte(void **state)
{
	(void)state;
	for (int v6 = 0; v6 < 2; v6++) {
		struct fixture f = fixture_of(v6);
		uint8_t bytes[INPATH_PROBE_BYTES];
		uint32_t slot = probe(&f, 1000, 777, bytes);
		struct wire_tcp t = dsack(1000, 1001);

		assert_int_equal(match(&f, t), slot);
		assert_int_equal(match(&f, dsack(1000, 1002)), TABLE_NONE);
		assert_int_equal(match(&f, dsack(999, 1001)), TABLE_NONE);
		assert_int_equal(match(&f, dsack(1001, 1002)), TABLE_NONE);
		assert_int_equal(match(&f, dsack(1000, 1000)), TABLE_NONE);
		assert_int_equal(match(&f, dsack(1001, 1000)), TABLE_NONE);
		t.sack_count = 0;
		assert_int_equal(match(&f, t), TABLE_NONE);
		/* Only the first block may be a D-SACK (RFC 2883 4). */
		t = dsack(5000, 6000);
		t.sack_count = 2;
		t.sack[1] = (struct tcp_sack_block){ 1000, 1001 };
		assert_int_equal(match(&f, t), TABLE_NONE);
		free(f.memory);
	}
}

/* A NAT that raises the client's numbers, lowers the acknowledgement, and forgets the blocks. */
static void a_dsack_may_be_off_by_a_nats_shift(void **state)
{
	struct fixture f = fixture_of(false);
	uint8_t bytes[INPATH_PROBE_BYTES];
	uint32_t slot = probe(&f, 1000, 777, bytes), shift = 0xfffffc00;
	struct held_packet h;

	(void)state;
	held_tcp(&h, false, false, dsack(1000 + shift, 1001 + shift));
	assert_int_equal(reply_match_dsack(&f.p, &f.tuple, &h.p, shift), slot);
	assert_int_equal(reply_match_dsack(&f.p, &f.tuple, &h.p, 0), TABLE_NONE);
	assert_int_equal(reply_match_dsack(&f.p, &f.tuple, &h.p, shift + 1), TABLE_NONE);
	free(f.memory);
}

static void a_block_above_the_acknowledgement_is_no_dsack(void **state)
{
	static const uint32_t seqs[] = { 1000, 0xffffffff, 0x7fffffff };

	(void)state;
	for (size_t i = 0; i < sizeof(seqs) / sizeof(seqs[0]); i++) {
		struct fixture f = fixture_of(false);
		uint8_t bytes[INPATH_PROBE_BYTES];
		uint32_t slot = probe(&f, seqs[i], 777, bytes);
		struct wire_tcp t = dsack(seqs[i], seqs[i] + 1);

		t.ack = seqs[i] + 1;
		assert_int_equal(match(&f, t), slot);
		t.ack = seqs[i];
		assert_int_equal(match(&f, t), TABLE_NONE);
		free(f.memory);
	}
}

static void a_dsack_for_another_flow_or_an_empty_probe_is_none(void **state)
{
	struct fixture f = fixture_of(false);
	uint8_t bytes[INPATH_PROBE_BYTES];
	uint32_t slot = probe(&f, 1000, 777, bytes);
	struct sent_probe *s = &f.p.entries[slot];

	(void)state;
	s->tuple.client_port++;
	assert_int_equal(match(&f, dsack(1000, 1001)), TABLE_NONE);
	s->tuple.client_port--;
	s->tuple.client.bytes[3]++;
	assert_int_equal(match(&f, dsack(1000, 1001)), TABLE_NONE);
	s->tuple.client.bytes[3]--;
	s->empty = true;
	assert_int_equal(match(&f, dsack(1000, 1001)), TABLE_NONE);
	s->empty = false;
	assert_int_equal(match(&f, dsack(1000, 1001)), slot);
	free(f.memory);
}

static void of_probes_with_the_same_byte_the_unanswered_one_is_named(void **state)
{
	struct fixture f = fixture_of(false);
	uint8_t bytes[INPATH_PROBE_BYTES];
	uint32_t old = probe(&f, 1000, 777, bytes), new = probe(&f, 1000, 778, bytes);

	(void)state;
	assert_int_equal(match(&f, dsack(1000, 1001)), new);
	f.p.entries[new].answered = true;
	assert_int_equal(match(&f, dsack(1000, 1001)), old);
	f.p.entries[old].answered = true;
	assert_int_equal(match(&f, dsack(1000, 1001)), new);
	/* Where a router answered the newer one, what comes again is about the older. */
	f.p.entries[new].by_router = true;
	f.p.entries[old].by_server = true;
	assert_int_equal(match(&f, dsack(1000, 1001)), old);
	free(f.memory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_quote_matches_its_probe_from_its_shortest_length_on),
		cmocka_unit_test(a_rewritten_client_is_recorded_as_such),
		cmocka_unit_test(a_quote_shows_what_was_rewritten),
		cmocka_unit_test(what_cannot_be_reached_has_traceroutes_letters),
		cmocka_unit_test(a_dsack_may_be_off_by_a_nats_shift),
		cmocka_unit_test(of_two_clients_probes_the_quoted_clients_own_is_meant),
		cmocka_unit_test(an_exact_quote_goes_before_a_suspicion),
		cmocka_unit_test(a_quote_of_anything_else_is_foreign),
		cmocka_unit_test(an_ipv6_quote_with_another_number_is_foreign),
		cmocka_unit_test(of_the_same_byte_the_id_tells_which_probe),
		cmocka_unit_test(another_id_is_a_suspicion_with_its_shift),
		cmocka_unit_test(another_number_is_a_suspicion_with_its_shift),
		cmocka_unit_test(with_no_probe_in_memory_nothing_matches),
		cmocka_unit_test(a_dsack_names_its_probe_by_exactly_its_byte),
		cmocka_unit_test(a_block_above_the_acknowledgement_is_no_dsack),
		cmocka_unit_test(a_dsack_for_another_flow_or_an_empty_probe_is_none),
		cmocka_unit_test(of_probes_with_the_same_byte_the_unanswered_one_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
