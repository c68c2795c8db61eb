/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/cli/model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define FLOW(port)                                                                                  \
	"cl=192.168.1.57 dev=\"livingroom-tv\" pol=tv svc=netflix host=\"x.nflxvideo.net\" by=sni " \
	"proto=tcp af=4 sport=" port " dst=45.57.91.12 dport=443 "
#define PATH(ts, run, port, hops)                                                                  \
	"ev=path v=1 ts=" ts " run=" run " " FLOW(                                                 \
		port) "why=start stop=reached nhop=3 sent=4 fp=9c1e04aa e2e=27.9 lan=3.25 hops=" hops
#define ONE PATH("1760000000.123", "7f3a9c21", "51544", "1/100.64.0.1/0.42,2/*,3/45.57.91.12/27.90")

static void take(struct model *m, const char *line)
{
	assert_true(model_line(m, line, strlen(line)));
}

static struct model *reading(const struct model_filter *filter, const char *const *lines)
{
	struct model *m = model_new(filter);

	assert_non_null(m);
	for (; *lines; lines++)
		take(m, *lines);
	model_end(m);
	return m;
}

static void a_path_is_kept_as_it_was_logged(void **state)
{
	struct model *m = reading(NULL, (const char *const[]){ ONE "\n", NULL });
	const struct model_trace *t = &m->traces[0];
	const struct model_flow *f = &m->flows[0];
	uint32_t count;
	const struct model_step *steps = model_path(m, t->path, &count);

	(void)state;
	assert_int_equal(m->trace_count, 1);
	assert_int_equal(t->at, 1760000000123);
	assert_int_equal(t->e2e_us, 27900);
	assert_int_equal(t->lan_us, 3250);
	assert_int_equal(t->fingerprint, 0x9c1e04aa);
	assert_string_equal(model_text(m, t->why), "start");
	assert_string_equal(model_text(m, t->stop), "reached");
	assert_int_equal(count, 3);
	assert_int_equal(steps[0].ttl, 1);
	assert_string_equal(model_text(m, steps[0].addrs), "100.64.0.1");
	assert_int_equal(steps[1].addrs, MODEL_NONE);
	assert_int_equal(m->rtts[t->rtts], 420);
	assert_int_equal(m->rtts[t->rtts + 1], 0);
	assert_int_equal(m->rtts[t->rtts + 2], 27900);
	assert_string_equal(model_text(m, f->client), "192.168.1.57");
	assert_string_equal(model_text(m, f->device), "livingroom-tv");
	assert_string_equal(model_text(m, f->host), "x.nflxvideo.net");
	assert_int_equal(f->client_port, 51544);
	assert_int_equal(f->server_port, 443);
	model_free(m);
}

static void a_flows_traces_follow_each_other(void **state)
{
	struct model *m = reading(
		NULL, (const char *const[]){ ONE, PATH("1760000001", "1", "51545", "1/10.0.0.1/1"),
			      "Nov 21 10:00:00 gw inpathd[7]: " PATH("1760000060.5", "2", "51544",
				      "1/100.64.0.1/0.4,2/*,?/45.57.91.12/27.90"),
			      NULL });
	uint32_t count;

	(void)state;
	assert_int_equal(m->flow_count, 2);
	assert_int_equal(m->trace_count, 3);
	assert_int_equal(m->flows[0].traces, 2);
	assert_int_equal(m->traces[m->flows[0].first_trace].next, 2);
	assert_int_equal(m->flows[0].last_trace, 2);
	assert_int_equal(m->traces[2].next, MODEL_NONE);
	assert_int_equal(m->first, 1760000000123);
	assert_int_equal(m->last, 1760000060500);
	assert_int_equal(model_path(m, m->traces[2].path, &count)[2].ttl, 0);
	model_free(m);
}

static void parts_are_joined_and_a_missing_one_is_counted(void **state)
{
#define PART(run, part, hops) PATH("1760000000.1", run " part=" part, "51544", hops)
	struct model *m = reading(NULL,
		(const char *const[]){ PART("a", "1/2", "1/10.0.0.1/1,2/10.0.0.2/2"),
			PART("b", "1/3", "1/10.0.0.1/1"), PART("a", "2/2", "3/10.0.0.3/3"),
			PART("b", "3/3", "3/10.0.0.3/3"), PART("c", "1/2", "1/10.0.0.1/1"), NULL });
	uint32_t count;

	(void)state;
	assert_int_equal(m->trace_count, 1);
	(void)model_path(m, m->traces[0].path, &count);
	assert_int_equal(count, 3);
	assert_int_equal(m->rtts[m->traces[0].rtts + 2], 3000);
	assert_int_equal(m->unjoined, 2);
	model_free(m);
}

static void changes_are_kept(void **state)
{
	struct model *m = reading(
		NULL, (const char *const[]){ "ev=change v=1 ts=1760000000.5 run=1 " FLOW(
						     "51544") "old=0000000a new=0000000b ttl=4",
			      NULL });

	(void)state;
	assert_int_equal(m->change_count, 1);
	assert_int_equal(m->changes[0].old_fingerprint, 0xa);
	assert_int_equal(m->changes[0].new_fingerprint, 0xb);
	assert_int_equal(m->changes[0].ttl, 4);
	assert_int_equal(m->flows[m->changes[0].flow].client_port, 51544);
	model_free(m);
}

static void the_filter_leaves_out_and_counts(void **state)
{
	static const struct {
		struct model_filter filter;
		uint32_t kept;
	} cases[] = {
		{ { .client = "192.168.1.57" }, 1 },
		{ { .client = "LivingRoom-TV" }, 1 },
		{ { .client = "livingroom" }, 0 },
		{ { .service = "netflix" }, 1 },
		{ { .service = "tv" }, 1 },
		{ { .service = "nflxvideo.net" }, 1 },
		{ { .service = "video.net" }, 0 },
		{ { .since = 1760000000123 }, 1 },
		{ { .since = 1760000000124 }, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct model *m = reading(&cases[i].filter, (const char *const[]){ ONE, NULL });

		assert_int_equal(m->trace_count, cases[i].kept);
		assert_int_equal(m->filtered, 1 - cases[i].kept);
		model_free(m);
	}
}

#define EPOCH(run, since, until, traces, hops)                                                     \
	"ev=epoch v=1 ts=" until " run=" run " " FLOW("51544") "since=" since " until=" until      \
							       " traces=" traces " flaps=1 "       \
							       "fp=9c1e04aa e2e=20.5/27.9/31.0 "   \
							       "lan=1.0/3.2/9.9 hops=" hops
#define SPAN                                                                                       \
	EPOCH("7f3a9c21", "1760000000.123", "1760000600.000", "11",                                \
		"1/100.64.0.1/0.42/0.50/0.91/0.07/0-of-12,2/*/12-of-12,3/45.57.91.12/25.00/27.90/" \
		"40.00/0.30/1-of-12")

static void an_epoch_is_kept_as_it_was_logged(void **state)
{
	struct model *m = reading(NULL, (const char *const[]){ SPAN "\n", NULL });
	const struct model_epoch *e = &m->epochs[0];
	const struct model_spread *hops = m->spreads + e->spreads;
	uint32_t count;
	const struct model_step *steps = model_path(m, e->path, &count);

	(void)state;
	assert_int_equal(m->epoch_count, 1);
	assert_int_equal(m->trace_count, 0);
	assert_int_equal(e->since, 1760000000123);
	assert_int_equal(e->until, 1760000600000);
	assert_int_equal(e->traces, 11);
	assert_int_equal(e->flaps, 1);
	assert_int_equal(e->fingerprint, 0x9c1e04aa);
	assert_int_equal(e->e2e.least_us, 20500);
	assert_int_equal(e->e2e.middle_us, 27900);
	assert_int_equal(e->lan.most_us, 9900);
	assert_int_equal(count, 3);
	assert_int_equal(steps[1].addrs, MODEL_NONE);
	assert_int_equal(hops[0].least_us, 420);
	assert_int_equal(hops[0].middle_us, 500);
	assert_int_equal(hops[0].most_us, 910);
	assert_int_equal(hops[0].answered, 12);
	assert_int_equal(hops[1].sent, 12);
	assert_int_equal(hops[1].answered, 0);
	assert_int_equal(hops[1].middle_us, 0);
	assert_int_equal(hops[2].answered, 11);
	assert_int_equal(m->flows[0].first_epoch, 0);
	assert_int_equal(m->first, e->since);
	assert_int_equal(m->last, e->until);
	model_free(m);
}

/* What an epoch tells of is not counted twice; what it cannot have told of is. */
static void a_trace_within_an_epoch_is_told_by_it(void **state)
{
	static const struct {
		const char *line;
		bool told;
	} cases[] = {
		{ ONE, true }, /* its first */
		{ PATH("1760000600.000", "2", "51544", "1/100.64.0.1/1,2/10.0.0.2/1"), true },
		{ PATH("1760000300.000", "3", "51544", "1/10.9.9.9+100.64.0.1/1"), true },
		{ PATH("1760000300.000", "4", "51544", "1/*,?/45.57.91.12/27.9"), true },
		{ PATH("1760000300.000", "5", "51544", "1/10.9.9.9/0.42"), false },
		{ PATH("1760000300.000", "6", "51544", "1/100.64.0.10/0.42"), false },
		{ PATH("1760000300.000", "7", "51545", "1/100.64.0.1/0.42"), false },
		{ PATH("1760000600.001", "8", "51544", "1/100.64.0.1/0.42"), false },
		{ PATH("1760000000.122", "9", "51544", "1/100.64.0.1/0.42"), false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct model *m = reading(NULL, (const char *const[]){ cases[i].line, SPAN, NULL });

		assert_int_equal(m->trace_count, 1);
		assert_int_equal(m->traces[0].told, cases[i].told);
		model_free(m);
	}
}

static void parts_of_a_path_and_of_an_epoch_are_not_mixed(void **state)
{
#define SPAN_PART(part, hops) EPOCH("a part=" part, "1760000000", "1760000060", "2", hops)
	struct model *m = reading(NULL,
		(const char *const[]){ PART("a", "1/2", "1/10.0.0.1/1"),
			SPAN_PART("1/2", "1/10.0.0.1/1/1/1/0/0-of-2"),
			PART("a", "2/2", "2/10.0.0.2/2"), SPAN_PART("2/2", "2/*/2-of-2"), NULL });

	(void)state;
	assert_int_equal(m->trace_count, 1);
	assert_int_equal(m->epoch_count, 1);
	assert_int_equal(m->spread_count, 2);
	assert_int_equal(m->unjoined, 0);
	model_free(m);
}

/* A line that is cut is refused, or it is a whole path with fewer or shorter hops: never read beyond. */
static void a_line_cut_anywhere_is_survived(void **state)
{
	struct model *m = model_new(NULL);

	(void)state;
	for (size_t len = 0; len < strlen(ONE); len++) {
		char *copy = malloc(len ? len : 1);

		memcpy(copy, ONE, len);
		assert_true(model_line(m, copy, len));
		free(copy);
	}
	assert_int_equal(m->lines, strlen(ONE));
	assert_true(m->broken > 200);
	model_free(m);
}

static void what_no_daemon_writes_is_counted(void **state)
{
	static const char *const hops[] = { "1", "1/", "1/a", "1/a/", "1/a/x", "1/a/1,", "x/a/1",
		"1//1", "1/*/1", "1/*,", "" };
	struct model *m = model_new(NULL);

	(void)state;
	for (size_t i = 0; i < sizeof(hops) / sizeof(hops[0]); i++) {
		char line[600];

		snprintf(line, sizeof(line), PATH("1", "1", "1", "%s"), hops[i]);
		take(m, line);
		assert_int_equal(m->broken, i + 1);
	}
	take(m, "");
	take(m, "Nov 21 10:00:00 gw dnsmasq[1]: started");
	take(m, "ev=stats v=1 ts=1 packets=4");
	assert_int_equal(m->broken, sizeof(hops) / sizeof(hops[0]));
	assert_int_equal(m->trace_count, 0);
	model_free(m);
}

static void times_are_read_as_people_write_them(void **state)
{
	static const model_time now = 1760000000000;
	static const char *const refused[] = { "", "x", "h", "10x", "2026-13-01", "10mm" };
	model_time at;

	(void)state;
	setenv("TZ", "UTC", 1);
	assert_true(model_time_read("90s", now, &at));
	assert_int_equal(at, now - 90000);
	assert_true(model_time_read("10m", now, &at));
	assert_int_equal(at, now - 600000);
	assert_true(model_time_read("2h", now, &at));
	assert_int_equal(at, now - 7200000);
	assert_true(model_time_read("3d", now, &at));
	assert_int_equal(at, now - 3 * 86400000ULL);
	assert_true(model_time_read("99999999d", now, &at));
	assert_int_equal(at, 0);
	assert_true(model_time_read("2025-10-09T08:53:20", now, &at));
	assert_int_equal(at, now);
	assert_true(model_time_read("2025-10-09", now, &at));
	assert_int_equal(at, now - 8 * 3600000ULL - 53 * 60000 - 20000);
	assert_true(model_time_read("1760000000.123", now, &at));
	assert_int_equal(at, now + 123);
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		assert_false(model_time_read(refused[i], now, &at));
}

static void the_same_text_has_one_number(void **state)
{
	struct intern t;

	(void)state;
	intern_init(&t);
	for (int round = 0; round < 2; round++)
		for (uint32_t i = 0; i < 5000; i++)
			assert_int_equal(intern_put(&t, &i, sizeof(i)), i);
	assert_int_equal(intern_put(&t, "", 0), 5000);
	for (uint32_t i = 0; i < 5000; i++) {
		size_t len;

		assert_memory_equal(intern_get(&t, i, &len), &i, sizeof(i));
		assert_int_equal(len, sizeof(i));
	}
	intern_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_path_is_kept_as_it_was_logged),
		cmocka_unit_test(a_flows_traces_follow_each_other),
		cmocka_unit_test(parts_are_joined_and_a_missing_one_is_counted),
		cmocka_unit_test(changes_are_kept),
		cmocka_unit_test(an_epoch_is_kept_as_it_was_logged),
		cmocka_unit_test(a_trace_within_an_epoch_is_told_by_it),
		cmocka_unit_test(parts_of_a_path_and_of_an_epoch_are_not_mixed),
		cmocka_unit_test(the_filter_leaves_out_and_counts),
		cmocka_unit_test(a_line_cut_anywhere_is_survived),
		cmocka_unit_test(what_no_daemon_writes_is_counted),
		cmocka_unit_test(times_are_read_as_people_write_them),
		cmocka_unit_test(the_same_text_has_one_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
