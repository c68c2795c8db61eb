/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Flows are found by all of their tuple, and by nothing else. */
#include "gateway/engine/flow.h"
#include "tests/unit/stages.h"

static const struct hash_key KEY = { 11, 22 };

static struct flows flows_of(uint32_t capacity, void **memory)
{
	struct arena measure = { 0 }, arena = { 0 };
	struct flows f;

	flows_init(&f, &measure, capacity, &KEY);
	*memory = stage_memory(measure.used);
	arena.base = *memory;
	flows_init(&f, &arena, capacity, &KEY);
	assert_int_equal(arena.used, measure.used);
	return f;
}

static struct inpath_tuple tuple_of(bool v6, uint16_t port)
{
	return (struct inpath_tuple){
		.client = wire_addr(v6 ? "2001:db8:1::10" : "192.168.1.10"),
		.server = wire_addr(v6 ? "2001:db8:2::7" : "198.51.100.7"),
		.client_port = port,
		.server_port = 443,
		.proto = INPATH_PROTO_TCP,
	};
}

static void a_new_flow_knows_its_tuple_and_nothing_else(void **state)
{
	void *memory;
	struct flows f = flows_of(1, &memory);
	struct inpath_tuple one = tuple_of(false, 1), two = tuple_of(true, 2);
	struct flow *entry = &f.entries[flow_add(&f, &one)];
	struct flow fresh;

	(void)state;
	memset(entry, 0xff, sizeof(*entry));
	entry->tuple = one;
	table_remove(&f.table, 0);
	assert_int_equal(flow_add(&f, &two), 0);
	fresh = (struct flow){ 0 };
	fresh.tuple = two;
	assert_true(tuple_equal(&entry->tuple, &two));
	assert_int_equal(entry->state, FLOW_NAMING);
	assert_int_equal(entry->decided, 0);
	assert_int_equal(entry->hello | entry->trace | entry->history, 0);
	assert_memory_equal(&entry->tcp.client, &fresh.tcp.client, sizeof(fresh.tcp.client));
	assert_false(entry->tcp.established || entry->rested || entry->confirming);
	assert_int_equal(flow_find(&f, &one), TABLE_NONE);
	free(memory);
}

static void what_is_foreseen_is_fetched_where_it_is(void **state)
{
	void *memory;
	struct flows f = flows_of(64, &memory);

	(void)state;
	for (uint16_t port = 0; port < 64; port++) {
		struct inpath_tuple tuple = tuple_of(port % 2, port);
		uint32_t slot;

		assert_int_equal(flow_fetch(&f, flow_foresee(&f, &tuple)), TABLE_NONE);
		slot = flow_add(&f, &tuple);
		assert_int_equal(flow_fetch(&f, flow_foresee(&f, &tuple)), slot);
		table_remove(&f.table, slot);
	}
	free(memory);
}

static void each_field_of_the_tuple_tells_flows_apart(void **state)
{
	void *memory;
	struct flows f = flows_of(64, &memory);

	(void)state;
	for (int v6 = 0; v6 < 2; v6++) {
		struct inpath_tuple base = tuple_of(v6, 40000), other;
		uint32_t slot = flow_add(&f, &base);

		for (int field = 0; field < 7; field++) {
			other = base;
			switch (field) {
			case 0: other.client.bytes[0] ^= 1; break;
			case 1: other.client.bytes[v6 ? 15 : 3] ^= 0x80; break;
			case 2: other.server.bytes[0] ^= 1; break;
			case 3: other.server.bytes[v6 ? 15 : 3] ^= 0x80; break;
			case 4: other.client_port ^= 0x100; break;
			case 5: other.server_port ^= 1; break;
			case 6: other.proto = INPATH_PROTO_UDP; break;
			}
			assert_false(tuple_equal(&base, &other));
			assert_int_equal(flow_find(&f, &other), TABLE_NONE);
			assert_int_not_equal(flow_add(&f, &other), slot);
			assert_int_equal(flow_find(&f, &base), slot);
			assert_int_not_equal(flow_find(&f, &other), slot);
		}
	}
	free(memory);
}

/* Else a stranger could fill one bucket, or an unlucky flow be taken for another. */
static void each_field_moves_a_flow_to_another_bucket(void **state)
{
	void *memory;
	struct flows f = flows_of(64, &memory);

	(void)state;
	for (int v6 = 0; v6 < 2; v6++) {
		struct inpath_tuple base = tuple_of(v6, 40000), other;
		uint32_t hash = f.table.links[flow_add(&f, &base)].hash;

		for (int field = 0; field < 6; field++) {
			other = base;
			switch (field) {
			case 0: other.client.bytes[v6 ? 15 : 3] ^= 1; break;
			case 1: other.server.bytes[0] ^= 1; break;
			case 2: other.server.bytes[v6 ? 15 : 3] ^= 0x80; break;
			case 3: other.client_port ^= 0x100; break;
			case 4: other.server_port ^= 1; break;
			case 5: other.proto = INPATH_PROTO_UDP; break;
			}
			assert_int_not_equal(f.table.links[flow_add(&f, &other)].hash, hash);
		}
	}
	free(memory);
}

static void flows_of_one_hash_are_still_two(void **state)
{
	void *memory;
	struct flows f = flows_of(4, &memory);
	struct inpath_tuple one = tuple_of(false, 1), other = tuple_of(false, 2);
	uint32_t slot = flow_add(&f, &one),
		 clash = table_insert(&f.table, f.table.links[slot].hash);

	(void)state;
	f.entries[clash].tuple = other;
	assert_int_equal(flow_find(&f, &one), slot);
	table_remove(&f.table, slot);
	assert_int_equal(flow_find(&f, &one), TABLE_NONE);
	free(memory);
}

static void the_ends_are_not_interchangeable(void **state)
{
	void *memory;
	struct flows f = flows_of(4, &memory);
	struct inpath_tuple one = tuple_of(false, 443), other = one;

	(void)state;
	other.client = one.server;
	other.server = one.client;
	flow_add(&f, &one);
	assert_int_equal(flow_find(&f, &other), TABLE_NONE);
	free(memory);
}

/* The bytes of an IPv4 address are those an IPv6 address may begin with. */
static void families_are_told_apart(void **state)
{
	struct inpath_addr v4 = wire_addr("32.1.13.184"), v6 = wire_addr("2001:db8::");

	(void)state;
	assert_memory_equal(v4.bytes, v6.bytes, 16);
	assert_false(addr_equal(&v4, &v6));
	assert_true(addr_equal(&v4, &v4));
}

static void a_full_table_refuses_one_more_and_finds_all(void **state)
{
	enum {
		FLOWS = 500
	};
	void *memory;
	struct flows f = flows_of(FLOWS, &memory);
	struct inpath_tuple t;

	(void)state;
	for (uint16_t i = 0; i < FLOWS; i++) {
		t = tuple_of(i & 1, i);
		assert_int_not_equal(flow_add(&f, &t), TABLE_NONE);
	}
	t = tuple_of(false, FLOWS);
	assert_int_equal(flow_add(&f, &t), TABLE_NONE);
	assert_int_equal(flow_find(&f, &t), TABLE_NONE);
	for (uint16_t i = 0; i < FLOWS; i++) {
		uint32_t slot;

		t = tuple_of(i & 1, i);
		slot = flow_find(&f, &t);
		assert_int_not_equal(slot, TABLE_NONE);
		assert_int_equal(f.entries[slot].tuple.client_port, i);
	}
	free(memory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_new_flow_knows_its_tuple_and_nothing_else),
		cmocka_unit_test(what_is_foreseen_is_fetched_where_it_is),
		cmocka_unit_test(each_field_of_the_tuple_tells_flows_apart),
		cmocka_unit_test(each_field_moves_a_flow_to_another_bucket),
		cmocka_unit_test(flows_of_one_hash_are_still_two),
		cmocka_unit_test(the_ends_are_not_interchangeable),
		cmocka_unit_test(families_are_told_apart),
		cmocka_unit_test(a_full_table_refuses_one_more_and_finds_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
