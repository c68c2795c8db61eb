/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/cli/why.h"
#include "gateway/cli/why_series.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum {
	MINUTES = 40, /* of the log; each connection is traced once a minute */
	ONSET = 25,   /* what goes wrong does so from this minute on */
	SERVERS = 4,
	HOPS = 6,  /* routers on each way; the first three are the same */
	MORE = 40, /* ms */
};

/* What is wrong from ONSET on. */
struct wrong {
	int lan;     /* ms more to the device */
	int link;    /* the TTL from which on all is later */
	int server;  /* only on the way to this one, from 1; 0: to all */
	int late;    /* the TTL of a router that answers late by itself */
	int cut;     /* nothing comes back from this TTL on */
	int until;   /* the minute in which it is over; 0: it is not */
	bool silent; /* the routers of the TTLs 2 and 3 never answer */
	bool quic; /* the server answers no probe: its entry repeats the connection's first round trip */
	int stopped; /* nobody is traced any more from this minute on; 0: they are */
	int others; /* servers beyond this one are traced until ONSET only, or from then on; 0: all always */
	bool late_others;
	bool pair;   /* servers 1 and 2 are one service's */
	bool family; /* server 2 is reached by IPv6, by routers of that family */
	bool dark;   /* the routers of the TTLs 5 and 6 never answer on the way to server 2 */
	int grace;   /* minutes from ONSET on until it is cut */
	int through; /* this server's trace of ONSET still shows all routers */
};

static int service_of(const struct wrong *w, int server)
{
	return w->pair && server == 2 ? 1 : server;
}

static bool is_wrong(const struct wrong *w, int minute, int server)
{
	return minute >= ONSET && (w->until == 0 || minute < w->until) &&
	       (w->server == 0 || w->server == service_of(w, server));
}

static bool is_cut(const struct wrong *w, int minute, int server)
{
	return w->cut && is_wrong(w, minute, server) && minute >= ONSET + w->grace;
}

/* Some tenths of a ms, without chance. */
static double wobble(int minute, int ttl)
{
	return (minute * 7 + ttl * 3) % 10 / 10.0;
}

static bool is_traced(const struct wrong *w, int minute, int server)
{
	if (w->others && server > w->others)
		return w->late_others ? minute >= ONSET : minute < ONSET;
	return !w->stopped || minute < w->stopped;
}

static const char *addr_at(const struct wrong *w, int server, int ttl, char out[40])
{
	bool six = w->family && server == 2;

	if (ttl > HOPS)
		snprintf(out, 40, six ? "2001:db8::%d" : "198.51.100.%d", server);
	else
		snprintf(out, 40, six ? "2001:db8:%d:%d::1" : "10.%d.%d.1", ttl > 3 ? server : 0,
			ttl);
	return out;
}

static void put_hops(const struct wrong *w, int minute, int server, char *out, size_t room)
{
	bool wrong = is_wrong(w, minute, server);
	char addr[40];
	size_t used = 0;

	for (int ttl = 1; ttl <= HOPS + 1; ttl++) {
		double rtt = ttl * 3 + wobble(minute, ttl);
		int cut = w->through == server && minute == ONSET ? HOPS + 1 : w->cut;
		bool silent = (w->silent && (ttl == 2 || ttl == 3)) ||
			      (w->dark && server == 2 && (ttl == 5 || ttl == 6)) ||
			      (is_cut(w, minute, server) && ttl >= cut);

		if (wrong && w->link && ttl >= w->link)
			rtt += MORE;
		if (wrong && w->late == ttl)
			rtt += MORE;
		used += (size_t)snprintf(out + used, room - used, "%s%d/", ttl > 1 ? "," : "", ttl);
		if (silent)
			used += (size_t)snprintf(out + used, room - used, "*");
		else
			used += (size_t)snprintf(out + used, room - used, "%s/%.2f",
				addr_at(w, server, ttl, addr), ttl > HOPS && w->quic ? 99 : rtt);
	}
}

static void put_trace(struct model *m, const struct wrong *w, int minute, int server)
{
	bool wrong = is_wrong(w, minute, server), cut = is_cut(w, minute, server);
	double end = (HOPS + 1) * 3 + wobble(minute, 9) + (wrong && w->link ? MORE : 0);
	const char *transport = w->quic ? "quic" : "tcp";
	const char *stop = w->quic ? "inferred" : cut ? "gap" : "reached";
	char hops[400], e2e[40] = "", line[900], addr[40];

	put_hops(w, minute, server, hops, sizeof(hops));
	if (!cut)
		snprintf(e2e, sizeof(e2e), "e2e=%.1f ", end);
	snprintf(line, sizeof(line),
		"ev=path v=1 ts=%d.%03d run=%x cl=192.168.1.2 dev=\"tv\" pol=all svc=svc%d by=addr proto=%s "
		"af=%d sport=%d dst=%s dport=443 why=period stop=%s nhop=%d sent=8 fp=1 %slan=%.1f "
		"hops=%s",
		1760000000 + minute * 60, server, minute, service_of(w, server), transport,
		w->family && server == 2 ? 6 : 4, 4000 + server, addr_at(w, server, HOPS + 1, addr),
		stop, HOPS + 1, e2e, 2 + wobble(minute, 1) + (wrong ? w->lan : 0), hops);
	assert_true(model_line(m, line, strlen(line)));
}

static struct why_answer ask(const struct wrong *w, int minutes)
{
	struct model *m = model_new(NULL);
	struct why_answer a;

	for (int minute = 0; minute < minutes; minute++)
		for (int server = 1; server <= SERVERS; server++)
			if (is_traced(w, minute, server))
				put_trace(m, w, minute, server);
	model_end(m);
	assert_int_equal(m->broken, 0);
	assert_true(why_ask(m, &a));
	model_free(m);
	return a;
}

/* One problem, of this segment, since ONSET. */
static struct why_problem only(const struct wrong *w, enum why_segment segment)
{
	struct why_answer a = ask(w, MINUTES);

	assert_int_equal(a.count, 1);
	assert_int_equal(a.problems[0].segment, segment);
	assert_in_range(a.problems[0].since, (1760000000ULL + ONSET * 60) * 1000,
		(1760000000ULL + (ONSET + w->grace + 2) * 60) * 1000);
	return a.problems[0];
}

static void a_quiet_evening_has_no_problem(void **state)
{
	struct why_answer a = ask(&(struct wrong){ 0 }, MINUTES);

	(void)state;
	assert_int_equal(a.count, 0);
	assert_int_equal(a.servers, SERVERS);
	assert_int_equal(a.clients, 1);
}

static void too_short_a_log_says_nothing(void **state)
{
	struct why_answer a = ask(&(struct wrong){ 0 }, 1);

	(void)state;
	assert_int_equal(a.count, 0);
	assert_int_equal(a.servers, 0);
	assert_int_equal(a.clients, 0);
	assert_int_equal(a.servers_seen, SERVERS);
}

static void the_devices_link(void **state)
{
	struct why_problem p = only(&(struct wrong){ .lan = MORE }, WHY_LAN);

	(void)state;
	assert_in_range(p.now_us - p.before_us, (MORE - 1) * 1000, (MORE + 1) * 1000);
}

static void the_first_hops_on_the_way_to_all(void **state)
{
	struct why_problem p = only(&(struct wrong){ .link = 2 }, WHY_ACCESS_LINK);

	(void)state;
	assert_int_equal(p.servers, SERVERS);
	assert_int_equal(p.good_ttl, 1);
	assert_int_equal(p.bad_ttl, 2);
	assert_false(p.broken);
	assert_in_range(p.now_us - p.before_us, (MORE - 1) * 1000, (MORE + 1) * 1000);
}

static void the_first_hops_though_some_are_silent(void **state)
{
	struct why_problem p = only(&(struct wrong){ .link = 3, .silent = true }, WHY_ACCESS_LINK);

	(void)state;
	assert_int_equal(p.servers, SERVERS);
	assert_int_equal(p.good_ttl, 1);
}

static void a_link_in_the_middle(void **state)
{
	struct why_problem p = only(&(struct wrong){ .link = 5, .server = 2 }, WHY_TRANSIT);

	(void)state;
	assert_int_equal(p.servers, 1);
	assert_int_equal(p.good_ttl, 4);
	assert_int_equal(p.bad_ttl, 5);
}

static void early_but_only_on_one_way_is_not_the_access(void **state)
{
	(void)state;
	(void)only(&(struct wrong){ .link = 2, .server = 2 }, WHY_TRANSIT);
}

static void the_server_alone(void **state)
{
	struct why_problem p = only(&(struct wrong){ .link = HOPS + 1, .server = 3 }, WHY_SERVICE);

	(void)state;
	assert_int_equal(p.good_ttl, HOPS);
}

static void a_router_that_answers_late_is_not_blamed(void **state)
{
	(void)state;
	for (int ttl = 1; ttl <= HOPS; ttl++)
		assert_int_equal(ask(&(struct wrong){ .late = ttl }, MINUTES).count, 0);
}

static void what_is_over_is_past(void **state)
{
	(void)state;
	assert_int_equal(ask(&(struct wrong){ .link = 2, .until = MINUTES - 6 }, MINUTES).count, 0);
	assert_int_equal(
		ask(&(struct wrong){ .lan = MORE, .until = MINUTES - 6 }, MINUTES).count, 0);
}

static void a_way_that_breaks_off(void **state)
{
	static const struct {
		struct wrong wrong;
		enum why_segment segment;
		int good_ttl;
	} cases[] = {
		{ { .cut = 1 }, WHY_ACCESS_LINK, 0 },
		{ { .cut = 3 }, WHY_ACCESS_LINK, 2 },
		{ { .cut = 5, .server = 1 }, WHY_TRANSIT, 4 },
		{ { .cut = HOPS + 1, .server = 4 }, WHY_SERVICE, HOPS },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct why_problem p = only(&cases[i].wrong, cases[i].segment);

		assert_true(p.broken);
		assert_int_equal(p.good_ttl, cases[i].good_ttl);
		assert_int_equal(p.servers, cases[i].wrong.server ? 1 : SERVERS);
	}
}

/* A connection that gets nothing through is traced once more, then it only repeats itself. */
static void few_traces_that_break_off_at_one_place_are_enough(void **state)
{
	struct why_problem p =
		only(&(struct wrong){ .cut = 2, .stopped = ONSET + 1 }, WHY_ACCESS_LINK);

	(void)state;
	assert_true(p.broken);
	assert_int_equal(p.servers, SERVERS);
	assert_int_equal(
		ask(&(struct wrong){ .cut = 2, .server = 1, .stopped = ONSET + 1 }, MINUTES).count,
		0);
	assert_int_equal(
		ask(&(struct wrong){ .cut = 2, .server = 1, .stopped = ONSET + 2 }, MINUTES).count,
		1);
}

/* How far its routers are seen is what tells of a server that answers no probe. */
static void a_way_without_answers_of_the_server_that_breaks_off(void **state)
{
	struct why_problem p =
		only(&(struct wrong){ .cut = 5, .server = 1, .quic = true }, WHY_TRANSIT);

	(void)state;
	assert_true(p.broken);
	assert_int_equal(p.good_ttl, 4);
	assert_int_equal(
		ask(&(struct wrong){ .cut = HOPS, .server = 1, .quic = true }, MINUTES).count, 0);
}

static void the_first_round_trip_of_a_connection_is_no_later_one(void **state)
{
	struct why_problem p =
		only(&(struct wrong){ .link = HOPS + 1, .server = 3, .quic = true }, WHY_SERVICE);

	(void)state;
	assert_in_range(p.now_us, 60000, 63000);
}

static void what_a_person_waits_for_is_not_the_devices_link(void **state)
{
	struct why_answer a = ask(&(struct wrong){ .lan = MORE, .quic = true }, MINUTES);

	(void)state;
	assert_int_equal(a.count, 0);
	assert_int_equal(a.clients, 0);
	assert_int_equal(a.clients_seen, 1);
}

static void only_a_way_seen_before_and_since_is_well(void **state)
{
	(void)state;
	/* Server 1 alone was seen before and since: the others were left before, or came later. */
	(void)only(&(struct wrong){ .link = 2, .server = 1, .others = 1 }, WHY_ACCESS_LINK);
	(void)only(&(struct wrong){ .link = 2, .server = 1, .others = 1, .late_others = true },
		WHY_ACCESS_LINK);
}

static void both_families_to_one_service_have_one_problem(void **state)
{
	struct why_problem p =
		only(&(struct wrong){ .link = 5, .server = 1, .pair = true, .family = true },
			WHY_TRANSIT);

	(void)state;
	assert_int_equal(p.servers, 2);
	p = only(
		&(struct wrong){
			.cut = 5, .server = 1, .pair = true, .family = true, .stopped = ONSET + 1 },
		WHY_TRANSIT);
	assert_int_equal(p.servers, 2);
}

static void another_way_to_a_service_speaks_for_silent_routers(void **state)
{
	struct why_problem p =
		only(&(struct wrong){ .link = HOPS + 1, .server = 1, .pair = true, .dark = true },
			WHY_SERVICE);

	(void)state;
	assert_int_equal(p.servers, 2);
	(void)only(&(struct wrong){ .link = HOPS + 1, .server = 2, .dark = true }, WHY_TRANSIT);
}

static void a_trace_under_way_when_a_link_broke_is_no_problem_of_its_own(void **state)
{
	struct why_problem p = only(
		&(struct wrong){ .cut = 2, .through = 3, .stopped = ONSET + 1 }, WHY_ACCESS_LINK);

	(void)state;
	assert_int_equal(p.servers, SERVERS);
	assert_int_equal(p.good_ttl, 1);
	p = only(&(struct wrong){ .cut = 5,
			 .server = 1,
			 .pair = true,
			 .family = true,
			 .through = 2,
			 .stopped = ONSET + 1 },
		WHY_TRANSIT);
	assert_int_equal(p.servers, 2);
	assert_int_equal(p.good_ttl, 4);
}

/* The last round trips that came through were late: not what is told. */
static void what_is_broken_is_not_slow_as_well(void **state)
{
	struct why_problem p =
		only(&(struct wrong){ .cut = 2, .link = 1, .grace = 4, .stopped = ONSET + 6 },
			WHY_ACCESS_LINK);

	(void)state;
	assert_true(p.broken);
	assert_int_equal(p.servers, SERVERS);
}

static void a_series_is_up_only_by_enough(void **state)
{
	uint32_t values[20], scratch[20];
	struct why_split s;

	(void)state;
	for (uint32_t i = 0; i < 20; i++)
		values[i] = i < 12 ? 10000 + 100 * (i % 3) : 14000;
	assert_false(why_is_up(values, 20, WHY_FLOOR_US, WHY_NOW, scratch, &s));
	for (size_t i = 12; i < 20; i++)
		values[i] = 16000;
	assert_true(why_is_up(values, 20, WHY_FLOOR_US, WHY_NOW, scratch, &s));
	assert_int_equal(s.at, 12);
	/* Gaps between the values are nothing. */
	values[13] = values[3] = 0;
	assert_true(why_is_up(values, 20, WHY_FLOOR_US, WHY_NOW, scratch, &s));
	/* Its own spread, five times. */
	for (uint32_t i = 0; i < 12; i++)
		values[i] = 10000 + 2000 * (i % 3);
	assert_false(why_is_up(values, 20, WHY_FLOOR_US, WHY_NOW, scratch, &s));
	assert_false(why_is_up(values, 0, WHY_FLOOR_US, WHY_NOW, scratch, &s));
}

/* What a router did between the last value before and the first since is of neither. */
static void when_it_began_may_be_unseen(void **state)
{
	uint32_t ends[30], hop[30], scratch[30];
	struct why_split s;

	(void)state;
	for (uint32_t i = 0; i < 30; i++) {
		ends[i] = i < 8 ? 10000 : i < 26 ? 0 : 50000;
		hop[i] = i < 10 ? 9000 : 49000;
	}
	assert_true(why_is_up(ends, 30, WHY_FLOOR_US, WHY_NOW, scratch, &s));
	assert_int_equal(s.at, 26);
	assert_int_equal(s.before, 8);
	assert_int_equal(why_moved(hop, 30, s.before, s.at, 40000, scratch), WHY_WENT_ALONG);
	assert_int_equal(why_moved(hop, 30, s.at, s.at, 40000, scratch), WHY_STAYED);
}

static void a_router_that_varies_by_itself_is_unclear(void **state)
{
	uint32_t values[24], scratch[24];

	(void)state;
	for (uint32_t i = 0; i < 24; i++)
		values[i] = 10000 + (i < 12 ? 0 : 40000) + 10 * (i % 3);
	assert_int_equal(why_moved(values, 24, 12, 12, 40000, scratch), WHY_WENT_ALONG);
	assert_int_equal(why_moved(values, 24, 12, 12, 100000, scratch), WHY_STAYED);
	assert_int_equal(why_moved(values, 24, 12, 12, 20000, scratch), WHY_UNCLEAR);
	assert_int_equal(why_moved(values, 24, 2, 2, 40000, scratch), WHY_UNCLEAR);
	for (uint32_t i = 0; i < 24; i++)
		values[i] += (i % 4) * 30000;
	assert_int_equal(why_moved(values, 24, 12, 12, 40000, scratch), WHY_UNCLEAR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_quiet_evening_has_no_problem),
		cmocka_unit_test(too_short_a_log_says_nothing),
		cmocka_unit_test(the_devices_link),
		cmocka_unit_test(the_first_hops_on_the_way_to_all),
		cmocka_unit_test(the_first_hops_though_some_are_silent),
		cmocka_unit_test(a_link_in_the_middle),
		cmocka_unit_test(early_but_only_on_one_way_is_not_the_access),
		cmocka_unit_test(the_server_alone),
		cmocka_unit_test(a_router_that_answers_late_is_not_blamed),
		cmocka_unit_test(what_is_over_is_past),
		cmocka_unit_test(a_way_that_breaks_off),
		cmocka_unit_test(few_traces_that_break_off_at_one_place_are_enough),
		cmocka_unit_test(a_way_without_answers_of_the_server_that_breaks_off),
		cmocka_unit_test(the_first_round_trip_of_a_connection_is_no_later_one),
		cmocka_unit_test(what_a_person_waits_for_is_not_the_devices_link),
		cmocka_unit_test(only_a_way_seen_before_and_since_is_well),
		cmocka_unit_test(both_families_to_one_service_have_one_problem),
		cmocka_unit_test(another_way_to_a_service_speaks_for_silent_routers),
		cmocka_unit_test(a_trace_under_way_when_a_link_broke_is_no_problem_of_its_own),
		cmocka_unit_test(what_is_broken_is_not_slow_as_well),
		cmocka_unit_test(when_it_began_may_be_unseen),
		cmocka_unit_test(a_series_is_up_only_by_enough),
		cmocka_unit_test(a_router_that_varies_by_itself_is_unclear),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
