/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How flows get their names, and that each is decided once, by what is known then. */
#include "tests/unit/hello.h"
#include "tests/unit/world.h"

static const struct inpath_limits LIMITS = {
	.flows = 16, .names = 16, .hellos = 4, .traces = 4, .histories = 4
};

static const uint8_t TV[6] = { 2, 0, 0, 0, 0, 0x10 };
static const uint8_t LAPTOP[6] = { 2, 0, 0, 0, 0, 0x20 };

static size_t put_name(uint8_t *at, const char *name)
{
	uint8_t *start = at;

	while (*name) {
		size_t len = strcspn(name, ".");

		*at++ = (uint8_t)len;
		memcpy(at, name, len);
		at += len;
		name += len + (name[len] == '.');
	}
	*at++ = 0;
	return (size_t)(at - start);
}

/* The copy of a question of `client`, or of its answer, by the gateway's resolver. */
static void dns_copy(struct world *w, const char *client, bool answer, const uint8_t *message,
	size_t message_len)
{
	const char *resolver = strchr(client, ':') ? "2001:db8:1::1" : "192.168.1.1";
	struct inpath_meta meta = {
		.source = INPATH_SOURCE_DNS,
		.in_side = answer ? INPATH_SIDE_NONE : INPATH_SIDE_LAN,
		.out_side = answer ? INPATH_SIDE_LAN : INPATH_SIDE_NONE,
	};
	uint8_t bytes[WIRE_MAX];
	size_t len =
		wire_udp(bytes, &(struct wire_udp){ .ip = { .src = answer ? resolver : client,
							    .dst = answer ? client : resolver },
					.src_port = answer ? 53 : 5353,
					.dst_port = answer ? 5353 : 53,
					.payload = message,
					.payload_len = message_len });

	inpath_engine_dns(w->engine, &meta, bytes, len, len, w->now);
	assert_int_equal(inpath_engine_outbox(w->engine)->count, 0);
}

/* An answer to `client`: `name` is the world's server. What was asked is `asked`, or nothing. */
static void dns_told(struct world *w, const char *client, const char *asked, const char *name)
{
	uint8_t message[512] = { 0x12, 0x34, 1, 0, 0, 1 }, *at = message + 12, *question;
	struct inpath_addr server = wire_addr(world_server(w));

	at += put_name(at, name);
	wire_put16(at, w->v6 ? 28 : 1);
	wire_put16(at + 2, 1);
	question = at + 4;
	wire_put16(at + 4, 0xc00c); /* the same name again */
	wire_put16(at + 6, w->v6 ? 28 : 1);
	wire_put16(at + 8, 1);
	wire_put32(at + 10, 60);
	wire_put16(at + 14, w->v6 ? 16 : 4);
	at += 16;
	memcpy(at, server.bytes, w->v6 ? 16 : 4);
	at += w->v6 ? 16 : 4;
	if (asked) {
		uint8_t other[512];
		size_t len;

		memcpy(other, message, 12);
		len = 12 + put_name(other + 12, asked);
		memcpy(other + len, question - 4, 4);
		dns_copy(w, client, false, other, len + 4);
	}
	message[2] = 0x81;
	message[3] = 0x80;
	message[7] = 1;
	dns_copy(w, client, true, message, (size_t)(at - message));
}

/* `client` asks and is told: `name` is the world's server. */
static void dns_answer(struct world *w, const char *client, const char *name)
{
	dns_told(w, client, name, name);
}

/* The copy of a question: it shows the asker's hardware address. */
static void dns_question(struct world *w, const char *client, const uint8_t mac[6])
{
	struct inpath_meta meta = {
		.source = INPATH_SOURCE_DNS, .in_side = INPATH_SIDE_LAN, .has_mac = true
	};
	uint8_t message[12] = { 0x12, 0x34, 1 }, bytes[WIRE_MAX];
	size_t len = wire_udp(bytes,
		&(struct wire_udp){
			.ip = { .src = client,
				.dst = strchr(client, ':') ? "2001:db8:1::1" : "192.168.1.1" },
			.src_port = 5353,
			.dst_port = 53,
			.payload = message,
			.payload_len = sizeof(message) });

	memcpy(meta.mac.bytes, mac, 6);
	inpath_engine_dns(w->engine, &meta, bytes, len, len, w->now);
}

static void traced_as(struct world *w, const char *host, enum inpath_by by)
{
	world_run(w, 2 * INPATH_SEC);
	assert_non_null(world_path(w));
	assert_string_equal(world_path(w)->host, host);
	assert_int_equal(world_path(w)->record.flow.by, by);
}

static void an_answer_names_the_flow_behind_it(void **state)
{
	(void)state;
	EACH_FAMILY(w)
	{
		world_begin(&w, &LIMITS);
		dns_answer(&w, world_client(&w), "www.movies.example");
		world_hello(&w);
		traced_as(&w, "www.movies.example", INPATH_BY_DNS);
		assert_int_equal(world_stats(&w)->dns_answers, 1);
		world_end(&w);
	}
}

static void what_nobody_asked_for_names_nothing(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++) {
		struct world w = { .v6 = i & 1, .sack = true, .timestamps = true };

		world_begin(&w, &LIMITS);
		dns_told(&w, world_client(&w), i & 2 ? "www.example" : NULL, "bank.example");
		world_hello(&w);
		traced_as(&w, "", INPATH_BY_ADDR);
		assert_int_equal(world_stats(&w)->dns_unasked, 1);
		assert_int_equal(world_stats(&w)->dns_answers, 0);
		world_end(&w);
	}
}

static void without_a_name_the_address_is_all(void **state)
{
	(void)state;
	EACH_FAMILY(w)
	{
		world_begin(&w, &LIMITS);
		world_hello(&w);
		traced_as(&w, "", INPATH_BY_ADDR);
		assert_string_equal(world_path(&w)->policy, "all");
		world_end(&w);
	}
}

/* The client greets as a browser does; the server acknowledges. */
static void greet(struct world *w, const char *name)
{
	struct stream message = { 0 }, hello = { 0 };

	if (name) {
		browser_hello(&message, name, true, 0);
		in_records(&hello, &message, 16384);
	} else {
		hello.len = wire_hex(hello.bytes, openssl_nosni);
	}
	world_connect(w);
	for (size_t at = 0; at < hello.len; at += 1400) {
		struct wire_tcp t = world_client_tcp(w);

		t.payload = hello.bytes + at;
		t.payload_len = hello.len - at < 1400 ? hello.len - at : 1400;
		world_client_says(w, t);
	}
	w->now += 10 * MS;
	world_server_says(w, world_server_tcp(w));
}

static void the_greeting_beats_what_dns_said(void **state)
{
	(void)state;
	EACH_FAMILY(w)
	{
		world_begin(&w, &LIMITS);
		/* It was asked for, though its address came under another name last. */
		dns_answer(&w, world_client(&w), "www.movies.example");
		dns_answer(&w, world_client(&w), "cdn.example");
		greet(&w, "www.movies.example");
		traced_as(&w, "www.movies.example", INPATH_BY_SNI);
		assert_false(world_path(&w)->record.flow.ech);
		world_end(&w);
	}
}

/* With encrypted_client_hello the name may be an outer one: nobody asked DNS for it. */
static void an_outer_name_gives_way_to_dns(void **state)
{
	(void)state;
	EACH_FAMILY(w)
	{
		for (int known = 0; known < 2; known++) {
			world_begin(&w, &LIMITS);
			if (known)
				dns_answer(&w, world_client(&w), "secret.example");
			greet(&w, "outer.example");
			traced_as(&w, known ? "secret.example" : "outer.example",
				known ? INPATH_BY_DNS : INPATH_BY_SNI);
			assert_true(world_path(&w)->record.flow.ech);
			world_end(&w);
			w.records = 0;
		}
	}
}

static void a_greeting_without_a_name_leaves_it_to_dns(void **state)
{
	(void)state;
	EACH_FAMILY(w)
	{
		world_begin(&w, &LIMITS);
		dns_answer(&w, world_client(&w), "cdn.example");
		greet(&w, NULL);
		traced_as(&w, "cdn.example", INPATH_BY_DNS);
		world_end(&w);
	}
}

static void a_name_belongs_to_the_device_that_asked(void **state)
{
	(void)state;
	EACH_FAMILY(w)
	{
		world_begin(&w, &LIMITS);
		/* The television asks over its link-local address, the laptop over another. */
		dns_question(&w, "fe80::10", TV);
		dns_question(&w, "192.168.1.20", LAPTOP);
		dns_answer(&w, "fe80::10", "tv.example");
		dns_answer(&w, "192.168.1.20", "laptop.example");
		w.mac = TV;
		world_hello(&w);
		traced_as(&w, "tv.example", INPATH_BY_DNS);
		assert_true(world_path(&w)->record.flow.has_mac);
		assert_memory_equal(world_path(&w)->record.flow.mac.bytes, TV, 6);
		world_end(&w);
	}
}

static void a_stranger_takes_the_name_that_all_agree_on(void **state)
{
	(void)state;
	EACH_FAMILY(w)
	{
		for (int disputed = 0; disputed < 2; disputed++) {
			world_begin(&w, &LIMITS);
			dns_question(&w, "fe80::10", TV);
			dns_question(&w, "192.168.1.20", LAPTOP);
			dns_answer(&w, "fe80::10", "one.example");
			dns_answer(&w, "192.168.1.20", disputed ? "two.example" : "one.example");
			world_hello(&w);
			traced_as(&w, disputed ? "" : "one.example",
				disputed ? INPATH_BY_ADDR : INPATH_BY_DNS);
			world_end(&w);
		}
	}
}

static void a_flow_is_named_and_decided_once(void **state)
{
	(void)state;
	EACH_FAMILY(w)
	{
		world_begin(&w, &LIMITS);
		dns_answer(&w, world_client(&w), "first.example");
		world_hello(&w);
		traced_as(&w, "first.example", INPATH_BY_DNS);
		dns_answer(&w, world_client(&w), "second.example");
		w.set.log_paths = INPATH_LOG_PATHS_ALL;
		world_run(&w, 91 * INPATH_SEC);
		world_request(&w, "again and again", 15);
		world_run(&w, 6 * INPATH_SEC);
		assert_int_equal(world_count(&w, INPATH_RECORD_PATH), 2);
		traced_as(&w, "first.example", INPATH_BY_DNS);
		assert_int_equal(world_stats(&w)->flows_traced, 1);
		/* The next flow hears of it. */
		w.port++;
		world_hello(&w);
		traced_as(&w, "second.example", INPATH_BY_DNS);
		world_end(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_names_the_flow_behind_it),
		cmocka_unit_test(what_nobody_asked_for_names_nothing),
		cmocka_unit_test(without_a_name_the_address_is_all),
		cmocka_unit_test(the_greeting_beats_what_dns_said),
		cmocka_unit_test(an_outer_name_gives_way_to_dns),
		cmocka_unit_test(a_greeting_without_a_name_leaves_it_to_dns),
		cmocka_unit_test(a_name_belongs_to_the_device_that_asked),
		cmocka_unit_test(a_stranger_takes_the_name_that_all_agree_on),
		cmocka_unit_test(a_flow_is_named_and_decided_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
