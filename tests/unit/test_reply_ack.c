/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The one kind of ACK that a client may be spared, and that each of its conditions is needed. */
#include "gateway/engine/reply.h"
#include "tests/unit/stages.h"

enum {
	EPOCH = 3,
	ACKED = 2000, /* what the server has acknowledged, all that the client sent */
	SERVER_SEQ = 7000,
	WINDOW = 501,
};

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

/* The flow as a server packet has left it that says what dsack() and bare() repeat. */
static struct tcp_flow flow_before(uint16_t flags)
{
	struct tcp_flow t = { 0 };
	struct held_packet h;

	stage_handshake(&t, 1000, SERVER_SEQ - 5);
	UP_DATA(&t, T0 + 30 * MS, 1000, ACKED - 1000, .ack = SERVER_SEQ - 5);
	held_tcp(&h, false, false,
		(struct wire_tcp){ .seq = SERVER_SEQ - 5,
			.ack = ACKED,
			.flags = flags,
			.window = WINDOW,
			.payload = "hello",
			.payload_len = 5 });
	tcp_track(&t, &h.p, false, EPOCH, T0 + 50 * MS);
	return t;
}

static bool pure(const struct tcp_flow *t, struct wire_tcp w, uint32_t epoch)
{
	struct held_packet h;

	return reply_is_pure(t, held_tcp(&h, false, false, w), 1, epoch);
}

static void an_ack_that_only_says_what_came_again_is_pure(void **state)
{
	struct tcp_flow t = flow_before(TCP_ACK | TCP_PSH);
	struct wire_tcp w = dsack(1000, 1001);

	(void)state;
	assert_true(pure(&t, w, EPOCH));
	w.timestamp = true;
	w.ip.tos = 0x22;
	assert_true(pure(&t, w, EPOCH));
}

static void each_condition_broken_alone_lets_it_pass(void **state)
{
	struct tcp_flow t = flow_before(TCP_ACK | TCP_ECE);
	struct wire_tcp base = dsack(1000, 1001), w;
	uint8_t raw[16];

	(void)state;
	base.flags = TCP_ACK | TCP_ECE;
	assert_true(pure(&t, base, EPOCH));

	w = base, w.payload = "x", w.payload_len = 1;
	assert_false(pure(&t, w, EPOCH));
	for (unsigned int bit = 0; bit < 12; bit++) {
		w = base, w.flags ^= (uint16_t)(1 << bit); /* one more flag, or one fewer */
		assert_false(pure(&t, w, EPOCH));
	}
	w = base, w.ip.tos = IP_ECN_CE;
	assert_false(pure(&t, w, EPOCH));
	w = base, w.sack_count = 2, w.sack[1] = (struct tcp_sack_block){ 5000, 6000 };
	assert_false(pure(&t, w, EPOCH));
	w = base, w.ack++;
	assert_false(pure(&t, w, EPOCH));
	w = base, w.ack--;
	assert_false(pure(&t, w, EPOCH));
	w = base, w.window++;
	assert_false(pure(&t, w, EPOCH));
	w = base, w.window--;
	assert_false(pure(&t, w, EPOCH));
	assert_false(pure(&t, base, EPOCH + 1));
	/* A keep-alive or a window probe asks for an answer, whatever block rides on it. */
	w = base, w.seq--;
	assert_false(pure(&t, w, EPOCH));
	w = base, w.options_len = wire_hex(raw, "1e04a1a2"), w.options = raw;
	assert_false(pure(&t, w, EPOCH));
	w = base, w.options_len = wire_hex(raw, "0800"), w.options = raw;
	assert_false(pure(&t, w, EPOCH));
	assert_true(pure(&t, base, EPOCH));
}

static void without_a_server_packet_to_compare_with_none_is_pure(void **state)
{
	struct tcp_flow t = { 0 };
	struct wire_tcp w = dsack(999, 1000);

	(void)state;
	stage_handshake(&t, 1000, SERVER_SEQ);
	w.ack = 1000;
	w.window = 65160; /* that of the SYN/ACK, which says it in another unit */
	assert_false(pure(&t, w, 0));
	t = flow_before(TCP_ACK);
	tcp_was_unseen(&t);
	assert_false(pure(&t, dsack(1000, 1001), EPOCH));
}

static void it_is_the_previous_packet_that_counts_not_the_newest_acknowledgement(void **state)
{
	struct tcp_flow t = flow_before(TCP_ACK);
	struct held_packet h;

	(void)state;
	/* One that was overtaken on its way, with the same window. */
	held_tcp(&h, false, false,
		(struct wire_tcp){
			.seq = SERVER_SEQ, .ack = ACKED - 9, .flags = TCP_ACK, .window = WINDOW });
	tcp_track(&t, &h.p, false, EPOCH, T0 + 60 * MS);
	assert_false(pure(&t, dsack(1000, 1001), EPOCH));
	held_tcp(&h, false, false,
		(struct wire_tcp){
			.seq = SERVER_SEQ, .ack = ACKED, .flags = TCP_ACK, .window = WINDOW });
	tcp_track(&t, &h.p, false, EPOCH, T0 + 61 * MS);
	assert_true(pure(&t, dsack(1000, 1001), EPOCH));
}

static struct wire_tcp bare(void)
{
	return (struct wire_tcp){
		.seq = SERVER_SEQ,
		.ack = ACKED,
		.flags = TCP_ACK,
		.window = WINDOW,
	};
}

static bool is_bare(const struct tcp_flow *t, struct wire_tcp w, uint32_t epoch)
{
	struct held_packet h;

	return reply_is_bare(t, held_tcp(&h, false, false, w), epoch);
}

static void a_bare_ack_is_one_that_the_client_did_not_wait_for(void **state)
{
	struct tcp_flow t = flow_before(TCP_ACK);
	struct wire_tcp w;

	(void)state;
	assert_true(is_bare(&t, bare(), EPOCH));
	assert_false(is_bare(&t, dsack(1000, 1001), EPOCH));
	assert_false(is_bare(&t, bare(), EPOCH + 1));
	w = bare(), w.seq--; /* a keep-alive */
	assert_false(is_bare(&t, w, EPOCH));
	w = bare(), w.seq++; /* what lies before it is still on its way */
	assert_false(is_bare(&t, w, EPOCH));
	w = bare(), w.window++;
	assert_false(is_bare(&t, w, EPOCH));
	w = bare(), w.ip.tos = IP_ECN_CE;
	assert_false(is_bare(&t, w, EPOCH));
	w = bare(), w.payload = "x", w.payload_len = 1;
	assert_false(is_bare(&t, w, EPOCH));
	/* The client has sent more: the same ACK says that it is missing. */
	UP_DATA(&t, T0 + 60 * MS, ACKED, 10, .ack = SERVER_SEQ);
	assert_false(is_bare(&t, bare(), EPOCH));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_ack_that_only_says_what_came_again_is_pure),
		cmocka_unit_test(each_condition_broken_alone_lets_it_pass),
		cmocka_unit_test(without_a_server_packet_to_compare_with_none_is_pure),
		cmocka_unit_test(
			it_is_the_previous_packet_that_counts_not_the_newest_acknowledgement),
		cmocka_unit_test(a_bare_ack_is_one_that_the_client_did_not_wait_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
