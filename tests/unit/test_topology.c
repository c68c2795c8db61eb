/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/topologies.h"

#include <arpa/inet.h>

#define END "server s1 addr 198.51.100.1\npath gw r1 s1\n"

static const struct topology_router *router(const char *options)
{
	char text[1024];

	(void)snprintf(text, sizeof(text), "router r1 %s\n" END, options);
	return &reads(text)->routers[0];
}

static const struct topology_link *link_with(const char *options)
{
	char text[1024];

	(void)snprintf(text, sizeof(text), "router r1\n" END "link gw > r1 %s\n", options);
	return &reads(text)->links[0];
}

static void is_addr(const struct inpath_addr *a, const char *expected)
{
	char text[INET6_ADDRSTRLEN] = "";

	if (a->family != INPATH_AF_NONE)
		assert_non_null(inet_ntop(a->family == INPATH_AF_INET ? AF_INET : AF_INET6,
			a->bytes, text, sizeof(text)));
	assert_string_equal(text, expected);
}

static void a_router_has_defaults(void **state)
{
	const struct topology_router *r = router("");

	(void)state;
	assert_string_equal(r->name, "r1");
	is_addr(&r->addr[0], "198.18.0.1");
	is_addr(&r->addr[1], "2001:db8:ff::1");
	is_addr(&r->from[0], "");
	is_addr(&r->from[1], "");
	assert_int_equal(r->balance, BALANCE_FLOW);
	assert_false(r->silent || r->twice || r->zero_ttl || r->invisible || r->nat || r->proxy);
	assert_true(r->limit_rate == 0 && r->late_min == 0 && r->late_max == 0);
	assert_int_equal(r->quote, UINT32_MAX);
	assert_int_equal(r->label_count, 0);
	assert_false(r->has_interface);
	assert_int_equal(r->extensions, EXTENSIONS_GOOD);
	assert_int_equal(r->dscp, -1);
	assert_int_equal(r->ecn, -1);
	assert_int_equal(r->expire, REFUSAL_NONE);
	assert_int_equal(r->firewall, REFUSAL_NONE);
}

static void routers_are_numbered_by_declaration(void **state)
{
	char text[16384] = "";
	size_t len = 0;
	const struct topology *t;

	(void)state;
	for (int i = 1; i <= 300; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "router r%d\n", i);
	(void)snprintf(text + len, sizeof(text) - len, END);
	t = reads(text);
	assert_int_equal(t->router_count, 300);
	is_addr(&t->routers[254].addr[0], "198.18.0.255");
	is_addr(&t->routers[255].addr[0], "198.18.1.0");
	is_addr(&t->routers[299].addr[1], "2001:db8:ff::12c");
}

static void a_router_has_addresses(void **state)
{
	const struct topology_router *r =
		router("addr 203.0.113.1 addr6 2001:db8::1 from 203.0.113.2 from6 2001:db8::2");

	(void)state;
	is_addr(&r->addr[0], "203.0.113.1");
	is_addr(&r->addr[1], "2001:db8::1");
	is_addr(&r->from[0], "203.0.113.2");
	is_addr(&r->from[1], "2001:db8::2");
}

static void a_router_balances(void **state)
{
	(void)state;
	assert_int_equal(router("balance flow")->balance, BALANCE_FLOW);
	assert_int_equal(router("balance destination")->balance, BALANCE_DESTINATION);
	assert_int_equal(router("balance packet")->balance, BALANCE_PACKET);
}

static void words_alone_are_set_and_unset(void **state)
{
	const struct topology_router *r = router("silent twice zero-ttl invisible proxy");

	(void)state;
	assert_true(r->silent && r->twice && r->zero_ttl && r->invisible && r->proxy);
	r = router(
		"silent answers twice once zero-ttl no-zero-ttl invisible visible proxy no-proxy");
	assert_false(r->silent || r->twice || r->zero_ttl || r->invisible || r->proxy);
}

static void errors_are_limited(void **state)
{
	const struct topology_router *r = router("limit 0.5/4");

	(void)state;
	assert_true(r->limit_rate == 0.5 && r->limit_burst == 4);
	r = router("limit 1000000/1000000");
	assert_true(r->limit_rate == 1e6 && r->limit_burst == 1e6);
	r = router("limit 0.5/4 limit off");
	assert_true(r->limit_rate == 0 && r->limit_burst == 0);
}

static void errors_are_late(void **state)
{
	const struct topology_router *r = router("late 250us");

	(void)state;
	assert_true(r->late_min == 250 * INPATH_USEC && r->late_max == r->late_min);
	r = router("late 3ms..1.5s");
	assert_true(r->late_min == 3 * INPATH_MSEC && r->late_max == 1500 * INPATH_MSEC);
	r = router("late 0..0.25ms");
	assert_true(r->late_min == 0 && r->late_max == 250 * INPATH_USEC);
	r = router("late 1s late 0");
	assert_true(r->late_max == 0);
	assert_true(router("late 1.000000001s")->late_min == INPATH_SEC + 1);
	assert_true(router("late 3600s")->late_min == 3600 * INPATH_SEC);
}

static void errors_quote(void **state)
{
	(void)state;
	assert_int_equal(router("quote 8")->quote, 8);
	assert_int_equal(router("quote 28")->quote, 28);
	assert_int_equal(router("quote 128")->quote, 128);
	assert_int_equal(router("quote 8 quote all")->quote, UINT32_MAX);
}

static void errors_carry_stacks(void **state)
{
	const struct topology_router *r = router("mpls 16:0:1,1048575:7:255,0:1:2,3:4:5");

	(void)state;
	assert_int_equal(r->label_count, 4);
	assert_int_equal(r->labels[1].label, 1048575);
	assert_int_equal(r->labels[1].tc, 7);
	assert_int_equal(r->labels[1].ttl, 255);
	assert_int_equal(r->labels[3].label, 3);
	r = router("mpls 16:0:1 mpls off");
	assert_int_equal(r->label_count, 0);
	assert_int_equal(r->labels[0].label, 0);
}

static void errors_name_the_interface(void **state)
{
	const struct topology_router *r = router("interface xe-0/0/1:3:1500");
	char longest[64];
	char options[80];

	(void)state;
	assert_true(r->has_interface);
	assert_string_equal(r->interface, "xe-0/0/1");
	assert_int_equal(r->interface_index, 3);
	assert_int_equal(r->interface_mtu, 1500);
	r = router("interface eth0:0:1400");
	assert_int_equal(r->interface_index, 0);
	assert_int_equal(r->interface_mtu, 1400);
	r = router("interface eth0:4294967295");
	assert_int_equal(r->interface_index, UINT32_MAX);
	assert_int_equal(r->interface_mtu, 0);
	r = router("interface eth0:1:2 interface off");
	assert_false(r->has_interface);
	assert_int_equal(r->interface_index, 0);
	assert_string_equal(r->interface, "");
	memset(longest, 'x', 63);
	longest[63] = '\0';
	(void)snprintf(options, sizeof(options), "interface %s", longest);
	assert_string_equal(router(options)->interface, longest);
}

static void extensions_are_laid_out(void **state)
{
	(void)state;
	assert_int_equal(router("extensions legacy")->extensions, EXTENSIONS_LEGACY);
	assert_int_equal(router("extensions unpadded")->extensions, EXTENSIONS_UNPADDED);
	assert_int_equal(router("extensions overlong")->extensions, EXTENSIONS_OVERLONG);
	assert_int_equal(router("extensions badsum")->extensions, EXTENSIONS_BADSUM);
	assert_int_equal(router("extensions badsum extensions good")->extensions, EXTENSIONS_GOOD);
}

static void a_router_rewrites(void **state)
{
	(void)state;
	assert_int_equal(router("dscp 63")->dscp, 63);
	assert_int_equal(router("dscp 0")->dscp, 0);
	assert_int_equal(router("dscp 1 dscp keep")->dscp, -1);
	assert_int_equal(router("ecn 3")->ecn, 3);
	assert_int_equal(router("ecn 0")->ecn, 0);
	assert_int_equal(router("ecn 1 ecn keep")->ecn, -1);
}

static void is_nat(const char *options, bool is_raw, enum nat_seq seq)
{
	const struct topology_router *r = router(options);

	assert_true(r->nat);
	is_addr(&r->nat_addr, "100.64.0.1");
	assert_int_equal(r->nat_raw, is_raw);
	assert_int_equal(r->nat_seq, seq);
}

static void a_router_translates(void **state)
{
	const struct topology_router *r;

	(void)state;
	is_nat("nat 100.64.0.1", false, NAT_SEQ_KEEP);
	is_nat("nat 100.64.0.1 repair", false, NAT_SEQ_KEEP);
	is_nat("nat 100.64.0.1 raw", true, NAT_SEQ_KEEP);
	is_nat("nat 100.64.0.1 seq silent", false, NAT_SEQ);
	is_nat("nat 100.64.0.1 repair seq-sack", false, NAT_SEQ_SACK);
	is_nat("nat 100.64.0.1 raw seq", true, NAT_SEQ);
	is_nat("nat 100.64.0.1 raw seq nat 100.64.0.1", false, NAT_SEQ_KEEP);
	r = router("nat 100.64.0.1 raw seq nat off");
	assert_false(r->nat || r->nat_raw);
	is_addr(&r->nat_addr, "");
	assert_int_equal(r->nat_seq, NAT_SEQ_KEEP);
}

static void a_router_refuses(void **state)
{
	static const char *const CODES[] = { "net", "host", "protocol", "port", "admin" };
	char options[64];

	(void)state;
	for (unsigned i = 0; i < sizeof(CODES) / sizeof(CODES[0]); i++) {
		(void)snprintf(options, sizeof(options), "expire %s", CODES[i]);
		assert_int_equal(router(options)->expire, REFUSAL_NET + i);
		(void)snprintf(options, sizeof(options), "firewall %s", CODES[i]);
		assert_int_equal(router(options)->firewall, REFUSAL_NET + i);
	}
	assert_int_equal(router("firewall drop")->firewall, REFUSAL_DROP);
	assert_int_equal(router("firewall drop firewall off")->firewall, REFUSAL_NONE);
	assert_int_equal(router("expire net expire ttl")->expire, REFUSAL_NONE);
}

static void a_link_has_options(void **state)
{
	const struct topology_link *l = link_with("");

	(void)state;
	assert_true(l->delay == 0 && l->jitter == 0 && l->loss == 0 && l->rate == 0);
	assert_true(link_with("delay 3ms")->delay == 3 * INPATH_MSEC);
	assert_true(link_with("jitter 1.5ms")->jitter == 1500 * INPATH_USEC);
	assert_true(link_with("loss 0.5%")->loss == 0.005);
	assert_true(link_with("loss 100%")->loss == 1);
	assert_true(link_with("loss 0.000001%")->loss == 1e-8);
	assert_true(link_with("rate 64kbit")->rate == 64e3);
	assert_true(link_with("rate 2.5mbit")->rate == 2.5e6);
	assert_true(link_with("rate 1000000mbit")->rate == 1e12);
	assert_true(link_with("rate 64kbit rate off")->rate == 0);
}

static void a_link_has_one_direction_or_both(void **state)
{
	const struct topology *t = reads("router r1\nrouter r2\nlink gw r1 delay 1ms\n"
					 "link r1>r2 delay 2ms\nlink r2 > r1 delay 3ms\n" END);

	(void)state;
	assert_int_equal(t->link_count, 4);
	assert_int_equal(t->links[0].from, PLACE_GATEWAY);
	assert_int_equal(t->links[0].to, PLACE_ROUTERS);
	assert_int_equal(t->links[1].from, PLACE_ROUTERS);
	assert_int_equal(t->links[1].to, PLACE_GATEWAY);
	assert_true(t->links[1].delay == INPATH_MSEC);
	assert_true(t->links[2].delay == 2 * INPATH_MSEC);
	assert_true(t->links[3].delay == 3 * INPATH_MSEC);
}

static void servers_have_addresses_of_either_family(void **state)
{
	const struct topology *t = reads("router r1\nserver a addr 198.51.100.1\n"
					 "server b addr6 2001:db8:5::1\n"
					 "path gw r1 a\npath gw r1 b\n");

	(void)state;
	assert_int_equal(t->server_count, 2);
	is_addr(&t->servers[0].addr[0], "198.51.100.1");
	is_addr(&t->servers[0].addr[1], "");
	is_addr(&t->servers[1].addr[0], "");
	is_addr(&t->servers[1].addr[1], "2001:db8:5::1");
	assert_string_equal(topology_name(t, PLACE_SERVERS + 1), "b");
	assert_string_equal(topology_name(t, PLACE_ROUTERS), "r1");
	assert_string_equal(topology_name(t, PLACE_GATEWAY), "gw");
}

static void layout_and_comments_do_not_matter(void **state)
{
	const struct topology *t = reads("# first\n\n \t\nseed 18446744073709551615 # of chance\n"
					 "\trouter  r1\tsilent#ly\nserver s1 addr 198.51.100.1\n"
					 "path gw r1 s1");

	(void)state;
	assert_true(t->seed == UINT64_MAX);
	assert_true(t->routers[0].silent);
	assert_true(reads("router r1\n" END)->seed == 1);
}

static void events_hold_the_whole_new_state(void **state)
{
	const struct topology *t = reads("router r1 quote 8\nlink gw r1 delay 1ms\n" END
					 "at 3s router r1 answers limit 2/3\n"
					 "at 1s router r1 silent twice\n"
					 "at 2s link gw r1 loss 1%\n"
					 "at 4s link r1 > gw delay 5ms\n"
					 "at 3s router r1 quote 28\n");

	(void)state;
	assert_int_equal(t->event_count, 6);
	assert_int_equal(t->events[0].kind, EVENT_ROUTER);
	assert_true(t->events[0].at == INPATH_SEC);
	assert_true(t->events[0].router.silent && t->events[0].router.twice);
	assert_int_equal(t->events[0].router.quote, 8);
	assert_int_equal(t->events[1].kind, EVENT_LINK);
	assert_int_equal(t->events[1].index, 0);
	assert_true(t->events[1].link.delay == INPATH_MSEC && t->events[1].link.loss == 0.01);
	assert_int_equal(t->events[2].index, 1);
	assert_true(t->events[3].router.twice && !t->events[3].router.silent);
	assert_int_equal(t->events[3].router.quote, 8);
	assert_true(t->events[4].router.limit_rate == 2);
	assert_int_equal(t->events[4].router.quote, 28);
	assert_true(t->events[5].link.loss == 0.01);
	assert_true(t->events[5].link.delay == 5 * INPATH_MSEC);
}

static void ways_change(void **state)
{
	const struct topology *t = reads("router r1\nrouter r2\nserver s0 addr 198.51.100.9\n"
					 "path gw r1 s0\n" END "at 2s back s1 r2 gw\n"
					 "at 1s path gw r2 r1 s1\n");
	const struct topology_way *way;

	(void)state;
	assert_int_equal(t->way_count, 6);
	assert_int_equal(t->events[0].kind, EVENT_WAY);
	assert_int_equal(t->events[0].index, 1);
	way = &t->ways[t->events[0].way];
	assert_false(way->back);
	assert_int_equal(way->step_count, 3);
	assert_int_equal(way->steps[1].place, PLACE_ROUTERS + 1);
	way = &t->ways[t->events[1].way];
	assert_true(way->back);
	assert_int_equal(way->server, 1);
	assert_int_equal(way->steps[0].place, PLACE_SERVERS + 1);
}

static void prints_as_people_write(void **state)
{
	static const char TEXT[] =
		"# behaviours: silent limit late twice from quote28 mpls interface zero-ttl "
		"invisible dscp ecn nat-raw nat-seq-sack expire firewall-drop proxy delay jitter loss "
		"rate balance-flow balance-packet unequal event-route event-link event-router\n"
		"seed 7\n"
		"router r1 addr 10.0.0.1 balance packet limit 2.5/4\n"
		"router r2 late 1.5ms..2s quote 28 mpls 16:0:1,17:7:255 interface xe-0/0/1:3:1500\n"
		"router r3 from 10.0.0.3 zero-ttl dscp 0 ecn 3 nat 100.64.0.9 raw seq-sack "
		"expire admin firewall drop\n"
		"router r4 silent twice extensions badsum invisible proxy\n"
		"server s1 addr 198.51.100.1 addr6 2001:db8:5::1\n"
		"link gw r1 delay 1.000001ms loss 0.33% rate 2.5mbit\n"
		"link r1 > r2 jitter 3us rate 64kbit\n"
		"path gw r1 { r2 | r3 { | r4 } | } r4 r4 s1\n"
		"back s1 r4 r4 r2 r1 gw\n"
		"at 1s router r1 silent quote 8\n"
		"at 2s path gw r4 s1\n"
		"at 2s link gw r1 delay 0ms rate off\n"
		"at 3s router r1 limit off\n"
		"at 3.5s back s1 r4 gw\n";
	char *text = print(reads(TEXT));

	(void)state;
	assert_string_equal(text, TEXT);
	free(text);
}

static void any_truncation_is_safe(void **state)
{
	static const char TEXT[] =
		"seed 7\nrouter r1 addr 10.0.0.1 limit 2.5/4 late 1ms..2s\n"
		"router r2 mpls 16:0:1,17:7:255 interface e:3:1500 nat 1.2.3.4\n"
		"server s1 addr6 2001:db8:5::1\nlink gw r1 loss 0.33% rate 2mbit\n"
		"path gw r1 { r2 | } r1 s1\nat 1s router r1 dscp 3 expire net";
	struct topology_error error;

	(void)state;
	for (size_t len = 0; len < sizeof(TEXT); len++)
		if (!read_into(TEXT, len, &topology_first, &error))
			assert_true(error.message[0] != '\0');
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_router_has_defaults),
		cmocka_unit_test(routers_are_numbered_by_declaration),
		cmocka_unit_test(a_router_has_addresses),
		cmocka_unit_test(a_router_balances),
		cmocka_unit_test(words_alone_are_set_and_unset),
		cmocka_unit_test(errors_are_limited),
		cmocka_unit_test(errors_are_late),
		cmocka_unit_test(errors_quote),
		cmocka_unit_test(errors_carry_stacks),
		cmocka_unit_test(errors_name_the_interface),
		cmocka_unit_test(extensions_are_laid_out),
		cmocka_unit_test(a_router_rewrites),
		cmocka_unit_test(a_router_translates),
		cmocka_unit_test(a_router_refuses),
		cmocka_unit_test(a_link_has_options),
		cmocka_unit_test(a_link_has_one_direction_or_both),
		cmocka_unit_test(servers_have_addresses_of_either_family),
		cmocka_unit_test(layout_and_comments_do_not_matter),
		cmocka_unit_test(events_hold_the_whole_new_state),
		cmocka_unit_test(ways_change),
		cmocka_unit_test(prints_as_people_write),
		cmocka_unit_test(any_truncation_is_safe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
