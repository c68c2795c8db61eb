/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From a QUIC client's datagrams to the server's name, however the ClientHello is cut and shuffled. */
#include "gateway/engine/hello.h"
#include "gateway/engine/quic_frames.h"
#include "gateway/engine/quic_initial.h"
#include "gateway/engine/tls.h"
#include "tests/unit/quic_vectors.h"
#include "tests/unit/quic_wire.h"

enum {
	PIECES_MAX = 64,
	CHAOS_PIECES = 11, /* into which a browser cuts what one packet holds of its hello */
	DATAGRAM = 1250,
};

/* What is known of one client. */
struct client {
	struct hello hello;
	struct quic_keys keys;
	bool keyed;
	bool malformed;
	enum tls_result result;
	struct tls_hello tls;
};

static void take_initial(struct client *c, const struct quic_packet *p)
{
	static uint8_t opened[2048];
	struct quic_crypto piece;
	struct quic_frames f;
	enum quic_frame frame;
	size_t len;

	if (!c->keyed)
		assert_true(quic_client_keys(p->version, &p->dcid, &c->keys));
	c->keyed = true;
	if (quic_open(&c->keys, p, opened, sizeof(opened), &len) != QUIC_OPENED)
		return;
	f = quic_frames_over(opened, len);
	while ((frame = quic_frames_next(&f, &piece)) == QUIC_CRYPTO)
		hello_add(&c->hello, piece.offset, piece.bytes, piece.len);
	c->malformed |= frame == QUIC_FRAMES_BAD;
}

/* Takes a datagram as it passes; says what is known of the name then. */
static enum tls_result take(struct client *c, const struct stream *datagram)
{
	uint8_t *copy = wire_exact(datagram->bytes, datagram->len);
	struct quic_walk w = quic_walk_over(copy, datagram->len);
	struct quic_packet p;

	while (quic_next(&w, &p) == QUIC_PACKET)
		if (p.kind == QUIC_INITIAL)
			take_initial(c, &p);
	wire_exact_free(copy, datagram->len);
	c->result = tls_client_hello_message(c->hello.bytes, hello_prefix(&c->hello), &c->tls);
	return c->result;
}

static struct client *new_client(void)
{
	struct client *c = calloc(1, sizeof(*c));

	assert_non_null(c);
	return c;
}

static void assert_name(struct client *c, const char *name)
{
	assert_false(c->malformed);
	assert_int_equal(c->result, TLS_SNI);
	assert_string_equal(c->tls.name, name);
	free(c);
}

static uint32_t draw(uint32_t *random, uint32_t below)
{
	*random = *random * 1664525 + 1013904223;
	return (uint32_t)((uint64_t)*random * below >> 32);
}

/* [from, to) of the hello, to be sent in one packet. */
struct cut {
	size_t from;
	size_t to;
};

/* Cuts a part of the hello into at most `pieces` pieces, each at least a byte. */
static unsigned int cut_up(
	struct cut *cuts, size_t from, size_t to, unsigned int pieces, uint32_t *random)
{
	unsigned int n = 0;

	while (n + 1 < pieces && to - from > 1) {
		size_t len = 1 + draw(random, (uint32_t)((to - from) * 2 / (pieces - n)));

		if (len >= to - from)
			len = to - from - 1;
		cuts[n++] = (struct cut){ from, from + len };
		from += len;
	}
	cuts[n++] = (struct cut){ from, to };
	return n;
}

static void shuffle(struct cut *cuts, unsigned int n, uint32_t *random)
{
	for (unsigned int i = n; i > 1; i--) {
		unsigned int j = draw(random, i);
		struct cut swapped = cuts[i - 1];

		cuts[i - 1] = cuts[j];
		cuts[j] = swapped;
	}
}

/* A datagram with one Initial that carries these pieces, with PING and PADDING between them. */
static void put_pieces(struct stream *datagram, const struct stream *hello, const struct cut *cuts,
	unsigned int n, uint32_t number, uint32_t version)
{
	struct stream frames = { .len = 0 };

	for (unsigned int i = 0; i < n; i++) {
		put_crypto(&frames, cuts[i].from, hello->bytes + cuts[i].from,
			cuts[i].to - cuts[i].from);
		put8(&frames, i % 3 == 1);
		put_fill(&frames, 0, i % 4);
	}
	datagram->len = 0;
	put_initial(datagram,
		&(struct quic_wire){
			.version = version, .dcid = RFC_DCID, .number = number, .number_len = 1 },
		&frames, DATAGRAM);
}

static void the_sample_initials_name_their_server(void **state)
{
	static const char *const samples[] = { rfc_client_v1, rfc_client_v2 };

	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		struct client *c = new_client();
		struct stream datagram = { .len = 0 };

		put_hex(&datagram, samples[i]);
		take(c, &datagram);
		assert_name(c, "example.com");
	}
}

static void a_shuffled_hello_of_one_packet_gives_its_name(void **state)
{
	uint32_t random = 7;

	(void)state;
	for (unsigned int run = 0; run < 300; run++) {
		struct client *c = new_client();
		struct stream hello, datagram;
		struct cut cuts[PIECES_MAX];
		unsigned int n;

		plain_hello(&hello, "shuffled.video.example.net");
		n = cut_up(cuts, 0, hello.len, CHAOS_PIECES, &random);
		shuffle(cuts, n, &random);
		put_pieces(&datagram, &hello, cuts, n, 0, run % 2 ? WIRE_V2 : WIRE_V1);
		take(c, &datagram);
		assert_name(c, "shuffled.video.example.net");
	}
}

/* Of 1.8 KB and more, so two or three packets, each cut up and shuffled; they pass in any order. */
static void post_quantum_hellos_over_packets_in_any_order_give_their_name(void **state)
{
	uint32_t random = 11;

	(void)state;
	for (unsigned int run = 0; run < 300; run++) {
		static struct stream datagrams[3];
		unsigned int packets = 2 + run % 2, first = draw(&random, packets);
		struct client *c = new_client();
		struct stream hello;

		browser_hello(&hello, "www.movies.example", run % 4 < 2, packets == 3 ? 900 : 100);
		for (unsigned int i = 0; i < packets; i++) {
			struct cut cuts[PIECES_MAX];
			unsigned int n = cut_up(cuts, hello.len * i / packets,
				hello.len * (i + 1) / packets, CHAOS_PIECES, &random);

			shuffle(cuts, n, &random);
			put_pieces(&datagrams[i], &hello, cuts, n, i, WIRE_V1);
		}
		for (unsigned int i = 0; i < packets; i++) {
			bool last = i + 1 == packets;

			/* A name at the hello's end is found when all of it is here. */
			take(c, &datagrams[(first + i) % packets]);
			if (run % 4 < 2)
				assert_int_equal(c->result, last ? TLS_SNI : TLS_MORE);
		}
		if (run % 4 < 2)
			assert_true(c->tls.ech);
		assert_name(c, "www.movies.example");
	}
}

/* The worst for the pieces that are kept: every other one comes first, so that none joins another. */
static void pieces_that_all_lie_apart_at_first_give_the_name(void **state)
{
	uint32_t random = 13;

	(void)state;
	for (unsigned int run = 0; run < 200; run++) {
		struct client *c = new_client();
		struct cut cuts[PIECES_MAX], apart[PIECES_MAX];
		struct stream hello, datagram;
		unsigned int n, count = 0;

		browser_hello(&hello, "www.movies.example", true, 600);
		n = cut_up(cuts, 0, hello.len, 5 * CHAOS_PIECES, &random);
		for (unsigned int i = 0; i < n; i += 2)
			apart[count++] = cuts[i];
		shuffle(apart, count, &random);
		for (unsigned int i = 1; i < n; i += 2)
			apart[count++] = cuts[i];
		for (unsigned int i = 0; i < n; i += CHAOS_PIECES) {
			put_pieces(&datagram, &hello, apart + i,
				n - i < CHAOS_PIECES ? n - i : CHAOS_PIECES, i, WIRE_V1);
			take(c, &datagram);
		}
		assert_name(c, "www.movies.example");
	}
}

static void repeated_and_overlapping_pieces_do_no_harm(void **state)
{
	struct client *c = new_client();
	struct stream hello, datagram;
	struct cut cuts[] = { { 40, 60 }, { 0, 50 }, { 55, 57 }, { 0, 10 }, { 30, 0 } };

	(void)state;
	plain_hello(&hello, "again.example");
	cuts[4].to = hello.len;
	put_pieces(&datagram, &hello, cuts, 4, 0, WIRE_V1);
	assert_int_equal(take(c, &datagram), TLS_MORE);
	assert_int_equal(take(c, &datagram), TLS_MORE);
	put_pieces(&datagram, &hello, cuts + 4, 1, 1, WIRE_V1);
	take(c, &datagram);
	assert_name(c, "again.example");
}

/* Two Initials, 0-RTT behind them, in one datagram. */
static void a_datagram_of_several_packets_gives_the_name(void **state)
{
	struct quic_wire q = { .dcid = RFC_DCID, .scid = "0a0b0c" };
	struct stream hello, frames = { .len = 0 }, datagram = { .len = 0 };
	struct client *c = new_client();

	(void)state;
	plain_hello(&hello, "resumed.example");
	put_crypto(&frames, 30, hello.bytes + 30, hello.len - 30);
	put_initial(&datagram, &q, &frames, 0);
	frames.len = 0;
	put_crypto(&frames, 0, hello.bytes, 30);
	q.number = 1;
	put_initial(&datagram, &q, &frames, 0);
	put_protected(&datagram, &q, WIRE_ZERO_RTT, 500);
	put_fill(&datagram, 0, 400);
	take(c, &datagram);
	assert_name(c, "resumed.example");
}

/* The rest of the hello comes behind the server's answer, to the id that the server chose. */
static void a_hello_goes_on_to_the_servers_id(void **state)
{
	struct quic_wire q = { .dcid = RFC_DCID };
	struct stream hello, frames = { .len = 0 }, datagram = { .len = 0 };
	struct client *c = new_client();

	(void)state;
	plain_hello(&hello, "slow.example");
	put_crypto(&frames, 0, hello.bytes, 30);
	put_initial(&datagram, &q, &frames, DATAGRAM);
	assert_int_equal(take(c, &datagram), TLS_MORE);
	frames.len = datagram.len = 0;
	put_hex(&frames, "02 00 00 00 00");
	put_crypto(&frames, 30, hello.bytes + 30, hello.len - 30);
	q = (struct quic_wire){ .dcid = "f067a5502a4262b5", .key_dcid = RFC_DCID, .number = 2 };
	put_initial(&datagram, &q, &frames, DATAGRAM);
	take(c, &datagram);
	assert_name(c, "slow.example");
}

static void forged_initials_change_nothing(void **state)
{
	struct client *c = new_client();
	struct stream hello, datagram, forged;
	struct cut whole = { 0, 0 };

	(void)state;
	plain_hello(&hello, "true.example");
	whole.to = hello.len;
	put_pieces(&datagram, &hello, &whole, 1, 0, WIRE_V1);
	forged = datagram;
	forged.bytes[600] ^= 1;
	assert_int_equal(take(c, &forged), TLS_MORE);
	assert_int_equal(c->hello.range_count, 0);
	take(c, &datagram);
	assert_name(c, "true.example");
}

static void pieces_beyond_all_bounds_leave_the_rest_as_it_was(void **state)
{
	struct stream hello, frames = { .len = 0 }, datagram = { .len = 0 };
	struct client *c = new_client();

	(void)state;
	plain_hello(&hello, "bounded.example");
	put_crypto(&frames, (UINT64_C(1) << 62) - 21, hello.bytes, 20);
	put_crypto(&frames, UINT64_C(1) << 32, hello.bytes, 20);
	put_crypto(&frames, HELLO_BYTES - 5, hello.bytes, 20);
	put_crypto(&frames, 0, hello.bytes, hello.len);
	put_initial(&datagram, &(struct quic_wire){ .dcid = RFC_DCID }, &frames, DATAGRAM);
	take(c, &datagram);
	assert_name(c, "bounded.example");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_sample_initials_name_their_server),
		cmocka_unit_test(a_shuffled_hello_of_one_packet_gives_its_name),
		cmocka_unit_test(post_quantum_hellos_over_packets_in_any_order_give_their_name),
		cmocka_unit_test(pieces_that_all_lie_apart_at_first_give_the_name),
		cmocka_unit_test(repeated_and_overlapping_pieces_do_no_harm),
		cmocka_unit_test(a_datagram_of_several_packets_gives_the_name),
		cmocka_unit_test(a_hello_goes_on_to_the_servers_id),
		cmocka_unit_test(forged_initials_change_nothing),
		cmocka_unit_test(pieces_beyond_all_bounds_leave_the_rest_as_it_was),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
