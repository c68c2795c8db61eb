/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where packets go is where the truth says that they go. */
#include "tests/unit/netsims.h"

#define ROUTERS(options)                                                                           \
	"router r1 " options "\nrouter r2\nrouter r3\nrouter r4\nrouter r5\n" NETSIM_SERVED

/* The router at which a TCP packet of the client with this TTL ended; "" if the server got it, or nobody. */
static const char *ended_at(struct netsim *s, const struct topology *t, bool v6, uint16_t port,
	uint8_t ttl, inpath_time at)
{
	size_t before = s->count;

	netsim_tcp(s, true, v6, at,
		(struct wire_tcp){ .flags = 0x10,
			.src_port = port,
			.ip = { .ttl = ttl ? ttl : WIRE_TTL_ZERO } });
	if (s->count == before || netsim_last(s)->to != TO_GATEWAY)
		return "";
	for (uint16_t i = 0; i < t->router_count; i++)
		if (memcmp(netsim_last(s)->bytes + (v6 ? 8 : 12), t->routers[i].addr[v6].bytes,
			    v6 ? 16 : 4) == 0)
			return t->routers[i].name;
	return "?";
}

/* The flow's own header, walked. */
static const struct route_walk *walk_of(struct netsim *s, uint16_t port)
{
	static struct route_walk walk;
	struct route_header header = {
		.flow = { .sport = port, .dport = 443, .proto = 6, .version = 4 }
	};

	memcpy(header.flow.src, wire_addr(NETSIM_CLIENT).bytes, 4);
	memcpy(header.flow.dst, wire_addr(NETSIM_SERVER).bytes, 4);
	route_walk(&s->net.t, &s->net.nat, 0, &header, &walk);
	return &walk;
}

/* A walk's routers as text: `1:r1 2:r2+r3 =3`, `=` the server's TTLs. */
static const char *shown(const struct netsim *s, const struct route_walk *w)
{
	static char text[512];
	size_t len = 0;
	unsigned last = 0;

	for (uint16_t i = 0; i < w->count; i++) {
		const struct route_stand *at = &w->stands[i];
		const char *name = s->net.t.routers[at->router].name;
		char *end = text + len;

		if (!at->expires)
			continue;
		if (at->ttl == last)
			len += (size_t)snprintf(end, sizeof(text) - len, "+%s", name);
		else
			len += (size_t)snprintf(
				end, sizeof(text) - len, &" %u:%s"[!last], at -> ttl, name);
		last = at->ttl;
	}
	for (unsigned ttl = 0; ttl < TOPOLOGY_HOPS + 2; ttl++)
		if (w->server[ttl])
			len += (size_t)snprintf(text + len, sizeof(text) - len, " =%u", ttl);
	return text;
}

static void walks(const char *topology, const char *expected)
{
	struct netsim *s = netsim_up(topology);

	assert_string_equal(shown(s, walk_of(s, 40000)), expected);
	netsim_down(s);
}

static void a_walk_knows_what_each_ttl_meets(void **state)
{
	(void)state;
	walks(ROUTERS("") "path gw r1 r2 r3 s1\n", "1:r1 2:r2 3:r3 =4");
	walks(ROUTERS("invisible") "path gw r1 r2 r3 s1\n", "1:r2 2:r3 =3");
	walks(ROUTERS("zero-ttl") "path gw r1 r2 r3 s1\n", "1:r2 2:r2 3:r3 =4");
	walks(ROUTERS("zero-ttl") "path gw r2 r1 s1\n", "1:r2 =2");
	walks(ROUTERS("zero-ttl") "path gw r1 r1 r2 s1\n", "1:r1 2:r2 3:r2 =4");
	walks(ROUTERS("balance packet") "path gw r1 { r2 | r3 r4 } r5 s1\n",
		"1:r1 2:r2+r3 3:r4+r5 4:r5 =4 =5");
	walks(ROUTERS("") "path gw r1 r2 r1 s1\n", "1:r1 2:r2 3:r1 =4");
}

/* Hop by hop: what is sent with a TTL ends where the walk says, or at one of several places. */
static void agrees(const char *text, bool v6)
{
	struct netsim *s = netsim_up(text);
	const struct topology *t = &s->net.t;
	inpath_time now = 1;
	char message[200];

	for (uint16_t port = 40000; port < 40040; port++) {
		const struct truth_path *path;

		(void)ended_at(s, t, v6, port, 60, now++);
		for (unsigned round = 0; round < 80; round++) {
			uint8_t ttl = (uint8_t)(1 + round % 10);
			const char *at = ended_at(s, t, v6, port, ttl, now++);
			bool found = false, nowhere = true;

			path = s->net.truth.flows[s->net.truth.count - 1].paths;
			for (uint16_t i = 0; i < path->count; i++) {
				if (path->stands[i].ttl != ttl || !path->stands[i].expires)
					continue;
				nowhere = false;
				found |= strcmp(t->routers[path->stands[i].router].name, at) == 0;
			}
			for (unsigned k = 0; k <= ttl; k++)
				found |= path->server[k] && !*at;
			if (!found)
				fail_msg("TTL %u of port %u ended at \"%s\"%s\n%s", ttl, port, at,
					nowhere ? ", where nothing is" : "", text);
		}
	}
	if (!truth_holds(&s->net.truth, message, sizeof(message)))
		fail_msg("%s\n%s", message, text);
	netsim_down(s);
}

static void packets_end_where_the_walk_says(void **state)
{
	static const char *const balances[] = { "", "balance packet", "balance destination",
		"zero-ttl balance packet", "invisible", "invisible balance packet",
		"nat 100.64.0.9", "nat 100.64.0.9 raw seq balance packet" };
	static const char *const paths[] = {
		"path gw r1 r2 r3 s1\n",
		"path gw r1 { r2 | r3 | r4 } r5 s1\n",
		"path gw r1 { r2 { r3 | } r4 | r3 r2 | } r5 s1\n",
		"path gw r2 r1 { r3 | r4 } r1 { r4 r2 | } r5 s1\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(balances) / sizeof(balances[0]); i++)
		for (size_t k = 0; k < sizeof(paths) / sizeof(paths[0]); k++) {
			char text[1024];

			(void)snprintf(
				text, sizeof(text), ROUTERS("%s") "%s", balances[i], paths[k]);
			agrees(text, false);
			agrees(text, true);
		}
}

static void check_probes(const struct truth_flow *f, uint64_t seed)
{
	unsigned expired = 0;

	for (uint32_t i = 0; i < f->probe_count; i++) {
		const struct truth_probe *p = &f->probes[i];
		bool found = p->end != END_EXPIRED && p->end != END_SERVER;

		expired += p->end == END_EXPIRED;
		for (uint32_t k = 0; k < f->path_count; k++) {
			for (uint16_t n = 0; n < f->paths[k].count; n++)
				found |= p->end == END_EXPIRED && f->paths[k].stands[n].expires &&
					 f->paths[k].stands[n].ttl == p->ttl &&
					 f->paths[k].stands[n].router + PLACE_ROUTERS == p->router;
			for (unsigned ttl = 0; ttl <= p->ttl && ttl < TOPOLOGY_HOPS + 2; ttl++)
				found |= p->end == END_SERVER && f->paths[k].server[ttl];
		}
		if (!found)
			fail_msg(
				"seed %u, port %u: a probe with TTL %u ended (%d) at %u, where no path has it",
				(unsigned)seed, f->key.sport, p->ttl, p->end, p->router);
	}
	assert_true(expired > 2);
}

/*
 * The same over drawn internets with all that is in them: each probe that netsim says expired did so at a router
 * that the walk has at its TTL, and the server got none with a TTL below its own.
 */
static void in_drawn_internets_too(void **state)
{
	static struct topology t;
	const struct inpath_addr addr = wire_addr(NETSIM_SERVER), addr6 = wire_addr(NETSIM_SERVER6);

	(void)state;
	for (uint64_t seed = 1; seed <= 150; seed++) {
		struct netsim *s;
		char message[200];

		topology_draw(seed, &addr, &addr6, &t);
		s = netsim_of(&t);
		for (unsigned i = 0; i < 2000; i++)
			netsim_tcp(s, true, i % 2, i * 5 * INPATH_MSEC,
				(struct wire_tcp){ .src_port = (uint16_t)(40000 + i % 10),
					.ip = { .ttl = (uint8_t)(i % 3 == 0 ? 60
									    : 1 + i / 10 % 40) } });
		net_tick(&s->net, 60 * INPATH_SEC);
		if (!truth_holds(&s->net.truth, message, sizeof(message)))
			fail_msg("seed %u: %s", (unsigned)seed, message);
		for (int32_t i = 0; i < s->net.truth.count; i++)
			check_probes(&s->net.truth.flows[i], seed);
		netsim_down(s);
	}
}

/* Of 2000 flows, each branch takes its part; a flow keeps its own. */
static void flows_spread(void **state)
{
	struct netsim *s = netsim_up(ROUTERS("") "path gw r1 { r2 | r3 | r4 } r5 s1\n");
	unsigned taken[5] = { 0 };

	(void)state;
	for (uint16_t port = 2000; port < 4000; port++) {
		const char *at = ended_at(s, &s->net.t, false, port, 2, port * 2);

		assert_string_equal(ended_at(s, &s->net.t, false, port, 2, port * 2 + 1), at);
		taken[at[1] - '0']++;
	}
	for (unsigned i = 2; i < 5; i++)
		assert_in_range(taken[i], 2000 / 3 - 120, 2000 / 3 + 120);
	netsim_down(s);
}

static void the_flow_label_counts(void **state)
{
	struct netsim *s = netsim_up(ROUTERS("") "path gw r1 { r2 | r3 } r5 s1\n");
	unsigned second = 0;

	(void)state;
	for (uint32_t label = 0; label < 100; label++) {
		netsim_tcp(s, true, true, label + 1,
			(struct wire_tcp){
				.flags = 0x10, .ip = { .ttl = 2, .flow_label = label } });
		second += netsim_is_from(netsim_last(s), "2001:db8:ff::2");
	}
	assert_in_range(second, 25, 75);
	netsim_down(s);
}

static void destinations_choose_alike_for_all_ports(void **state)
{
	struct netsim *s =
		netsim_up(ROUTERS("balance destination") "path gw r1 { r2 | r3 } r5 s1\n");
	const char *first = ended_at(s, &s->net.t, false, 1000, 2, 1);

	(void)state;
	for (uint16_t port = 1001; port < 1100; port++)
		assert_string_equal(ended_at(s, &s->net.t, false, port, 2, port), first);
	netsim_down(s);
}

static void chance_takes_both(void **state)
{
	struct netsim *s = netsim_up(ROUTERS("balance packet") "path gw r1 { r2 | r3 } r5 s1\n");
	unsigned second = 0;

	(void)state;
	for (unsigned i = 0; i < 200; i++)
		second += strcmp(ended_at(s, &s->net.t, false, 1000, 2, i + 1), "r2") == 0;
	assert_in_range(second, 50, 150);
	netsim_down(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_walk_knows_what_each_ttl_meets),
		cmocka_unit_test(packets_end_where_the_walk_says),
		cmocka_unit_test(in_drawn_internets_too),
		cmocka_unit_test(flows_spread),
		cmocka_unit_test(the_flow_label_counts),
		cmocka_unit_test(destinations_choose_alike_for_all_ports),
		cmocka_unit_test(chance_takes_both),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
