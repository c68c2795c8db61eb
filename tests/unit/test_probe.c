/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Probes byte by byte. */
#include "tests/unit/probing.h"

/* What DESIGN section 5 says a probe is, written by the tests' own builder. */
static size_t expected_probe(uint8_t *out, bool v6, const struct tcp_flow *t,
	const struct probe_token *token, uint8_t ttl, uint8_t tos)
{
	return wire_tcp(out,
		&(struct wire_tcp){ .ip = { .src = v6 ? "2001:db8:1::10" : "192.168.1.10",
					    .dst = v6 ? "2001:db8:2::7" : "198.51.100.7",
					    .tos = tos,
					    .ttl = ttl,
					    .id = token->ip_id,
					    .may_fragment = !t->dont_fragment,
					    .flow_label = t->flow_label },
			.src_port = CLIENT_PORT,
			.dst_port = SERVER_PORT,
			.seq = token->seq,
			.ack = t->has_earlier ? t->earlier_ack : t->client.ack,
			.flags = (uint16_t)((token->empty ? TCP_ACK : TCP_ACK | TCP_PSH) |
					    (t->accecn ? t->client_flags &
								    (TCP_AE | TCP_CWR | TCP_ECE)
						       : 0)),
			.window = t->client.window,
			.timestamp = t->has_timestamp,
			.tsval = t->tsval,
			.tsecr = t->tsecr,
			.payload = &token->byte,
			.payload_len = token->empty ? 0 : 1 });
}

static void a_probe_is_byte_for_byte_what_it_should_be(void **state)
{
	(void)state;
	for (unsigned int bits = 0; bits < 128; bits++) {
		bool v6 = bits & 1;
		struct inpath_tuple tuple = tuple_of(v6);
		struct tcp_flow t = flow_of(1000, TCP_KEPT, 1096);
		struct probe_token token = { .seq = 1000 + 2 * (bits % 47),
			.byte = (uint8_t)(0x5a ^ bits),
			.empty = bits & 2,
			.ip_id = (uint16_t)(v6 ? 0 : 0x8001 + bits) };
		uint8_t *out = stage_memory(INPATH_PROBE_BYTES), want[WIRE_MAX];
		bool ecn = bits & 32;
		size_t len;

		if (token.empty)
			token.byte = 0;
		t.has_timestamp = bits & 4;
		t.has_earlier = bits & 8;
		t.accecn = bits & 16;
		t.dont_fragment = bits & 64;
		len = probe_build(out, &tuple, &t, &token, (uint8_t)(1 + bits % 64), ecn);
		assert_int_equal(len, expected_probe(want, v6, &t, &token, (uint8_t)(1 + bits % 64),
					      ecn ? 0xba : 0xb8));
		assert_memory_equal(out, want, len);
		assert_true(wire_checksums_right(out, len));
		free(out);
	}
}

static void a_probe_is_an_old_byte_and_nothing_else(void **state)
{
	(void)state;
	for (int v6 = 0; v6 < 2; v6++) {
		struct fixture f = probes_of(64);
		struct inpath_tuple tuple = tuple_of(v6);
		struct tcp_flow t = flow_of(0xffffffd0, TCP_KEPT, 0x100);
		uint8_t out[INPATH_PROBE_BYTES];
		struct probe_token token;
		struct packet p;
		uint32_t slot;

		t.has_timestamp = true;
		assert_true(send_probe(&f.p, &tuple, &t, T0, &token, &slot));
		assert_int_equal(parse_packet(out, probe_build(out, &tuple, &t, &token, 7, false),
					 (v6 ? 40 : 20) + 33, &p),
			PARSE_OK);
		assert_int_equal(p.ttl, 7);
		assert_int_equal(p.tos & IP_ECN, 0);
		assert_int_equal(p.tos & ~IP_ECN, t.tos & ~IP_ECN);
		assert_int_equal(p.tcp.flags, TCP_ACK | TCP_PSH);
		assert_int_equal(p.tcp.window, t.client.window);
		assert_true(p.tcp.has_timestamp && !p.tcp.options_malformed);
		assert_int_equal(p.tcp.tsval, t.tsval);
		assert_int_equal(p.tcp.tsecr, t.tsecr);
		assert_int_equal(p.tcp.sack_count, 0);
		assert_true(seq_before(p.tcp.ack, t.client.ack));
		assert_int_equal(p.payload_len, 1);
		assert_int_equal(p.payload[0], stage_byte(p.tcp.seq));
		assert_true(seq_before(p.tcp.seq, t.server.ack));
		assert_int_equal(p.flow_label, v6 ? t.flow_label : 0);
		assert_true(v6 ? p.ip_id == 0 : p.ip_id != 0);
		free(f.memory);
	}
}

static void a_touch_is_not_ecn_capable_and_no_probe_is_marked(void **state)
{
	static const uint8_t fields[] = { 0, 1, 2, 3 };

	(void)state;
	for (int i = 0; i < 16; i++) {
		bool v6 = i & 1, ecn = i & 2;
		struct inpath_tuple tuple = tuple_of(v6);
		struct tcp_flow t = flow_of(1000, TCP_KEPT, 1096);
		struct probe_token token = { .seq = 1000 };
		uint8_t out[INPATH_PROBE_BYTES];
		struct packet p;
		size_t len;

		t.tos = (uint8_t)(0x48 | fields[i >> 2]);
		len = probe_build(out, &tuple, &t, &token, 3, ecn);
		assert_int_equal(parse_packet(out, len, len, &p), PARSE_OK);
		assert_int_equal(
			p.tos, 0x48 | (ecn && fields[i >> 2] != IP_ECN_CE ? fields[i >> 2] : 0));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_probe_is_byte_for_byte_what_it_should_be),
		cmocka_unit_test(a_probe_is_an_old_byte_and_nothing_else),
		cmocka_unit_test(a_touch_is_not_ecn_capable_and_no_probe_is_marked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
