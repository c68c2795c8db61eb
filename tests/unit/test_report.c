/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a report is made of: strangers' text on a page, round trips in bins, and which ways are one. */
#include "gateway/cli/bins.h"
#include "gateway/cli/html.h"
#include "gateway/cli/lattice.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void no_text_of_a_stranger_is_markup(void **state)
{
	static const struct {
		const char *text, *written;
	} cases[] = {
		{ "", "" }, { "tv", "tv" },
		{ "<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;" },
		{ "\" onload='x'", "&quot; onload=&#39;x&#39;" }, { "&lt;", "&amp;lt;" },
		{ "M\xc3\xbcller", "M\xc3\xbcller" }, { "a\nb\x1b", "a\\x0ab\\x1b" },
		{ "\xc3", "\\xc3" },                   /* half a character */
		{ "\xc0\xbc", "\\xc0\\xbc" },          /* `<` in too many bytes */
		{ "\xe2\x80\xae", "\\xe2\\x80\\xae" }, /* turns the writing round */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t len = strlen(cases[i].text), written;
		char *text = malloc(len + 1), *page = NULL;
		FILE *out = open_memstream(&page, &written);

		memcpy(text, cases[i].text, len + 1);
		html_text(out, text);
		fclose(out);
		assert_string_equal(page, cases[i].written);
		free(page);
		free(text);
	}
}

static void a_cut_text_is_not_read_beyond_its_end(void **state)
{
	(void)state;
	for (size_t len = 0; len <= 4; len++) {
		char *text = malloc(len + 1), *page = NULL;
		size_t written;
		FILE *out = open_memstream(&page, &written);

		memcpy(text, "a\xf0\x9f\x93", len);
		text[len] = '\0';
		html_bytes(out, text, len);
		fclose(out);
		assert_int_equal(written, len < 2 ? len : 1 + 4 * (len - 1));
		free(page);
		free(text);
	}
}

static void each_value_is_in_the_bin_of_its_time(void **state)
{
	(void)state;
	assert_int_equal(bins_place(1000, 1000, 2000, 10), 0);
	assert_int_equal(bins_place(1099, 1000, 2000, 10), 0);
	assert_int_equal(bins_place(1100, 1000, 2000, 10), 1);
	assert_int_equal(bins_place(1999, 1000, 2000, 10), 9);
	assert_int_equal(bins_place(2000, 1000, 2000, 10), 9);
	/* Records that are out of order, and a log of one. */
	assert_int_equal(bins_place(5, 1000, 2000, 10), 0);
	assert_int_equal(bins_place(9999, 1000, 2000, 10), 9);
	assert_int_equal(bins_place(1000, 1000, 1000, 10), 0);
}

static void bins_are_so_many_as_the_values_are_worth(void **state)
{
	(void)state;
	assert_int_equal(bins_worth(0, 0, 0), 8);
	assert_int_equal(bins_worth(1000000, 0, 86400000), BINS_MAX);
	assert_int_equal(bins_worth(90, 0, 86400000), 30);
	assert_int_equal(bins_worth(1000000, 0, 1200000), 20); /* none shorter than a minute */
}

static void a_bin_tells_its_own_values(void **state)
{
	const struct sample samples[] = { { 2, 30 }, { 0, 7 }, { 2, 10 }, { 2, 20 }, { 0, 5 } };
	struct spread bins[4];
	uint32_t scratch[5];

	(void)state;
	bins_fill(bins, 4, samples, 5, scratch);
	assert_int_equal(bins[0].count, 2);
	assert_int_equal(bins[0].least_us, 5);
	assert_int_equal(bins[0].most_us, 7);
	assert_int_equal(bins[1].count, 0);
	assert_int_equal(bins[1].most_us, 0);
	assert_int_equal(bins[2].count, 3);
	assert_int_equal(bins[2].middle_us, 20);
	assert_int_equal(bins[3].count, 0);
}

static void a_tenth_lies_beyond_either_side(void **state)
{
	uint32_t values[100];
	struct spread s;

	(void)state;
	for (uint32_t i = 0; i < 100; i++)
		values[i] = (i * 37 % 100) + 1;
	s = spread_of(values, 100);
	assert_int_equal(s.least_us, 1);
	assert_int_equal(s.low_us, 10);
	assert_int_equal(s.middle_us, 50);
	assert_int_equal(s.high_us, 91);
	assert_int_equal(s.most_us, 100);
}

static void a_scale_ends_at_a_round_number(void **state)
{
	(void)state;
	assert_int_equal(bins_round(0), 1000);
	assert_int_equal(bins_round(1000), 1000);
	assert_int_equal(bins_round(1001), 1200);
	assert_int_equal(bins_round(73500), 80000);
	assert_int_equal(bins_round(UINT32_MAX), UINT32_MAX);
}

/* --- ways --------------------------------------------------------------------------------------- */

static void log_path(struct model *m, const char *device, const char *hops)
{
	static unsigned run;
	char line[800];
	int len;

	run++;
	len = snprintf(line, sizeof(line),
		"ev=path v=1 ts=%u.000 run=%08x cl=192.168.1.2 dev=\"%s\" pol=all svc=s by=addr "
		"proto=tcp af=4 sport=%u dst=9.9.9.9 dport=443 why=start stop=reached nhop=4 sent=5 "
		"fp=00000001 hops=%s",
		1760000000 + run, run, device, (unsigned)device[0] * 100, hops);

	assert_true(model_line(m, line, (size_t)len));
}

/* The node of this address; NULL: there is none. */
static const struct lattice_node *node(const struct lattice *l, uint32_t ttl, const char *addr)
{
	for (uint32_t i = 0; i < l->node_count; i++) {
		const struct lattice_node *n = &l->nodes[i];

		if (n->ttl == ttl && (n->addr ? n->addr_len == strlen(addr) &&
							     !memcmp(n->addr, addr, n->addr_len)
					      : !*addr))
			return n;
	}
	return NULL;
}

static struct lattice *draw(struct model *m)
{
	struct lattice *l = malloc(sizeof(*l));
	struct digest *d;

	model_end(m);
	d = digest_new(m);
	assert_non_null(d);
	assert_true(lattice_draw(d, 0, l));
	digest_free(d);
	return l;
}

static void ways_part_and_meet_again(void **state)
{
	struct model *m = model_new(NULL);
	struct lattice *l;

	(void)state;
	log_path(m, "a", "1/1.1.1.1/1.0,2/2.2.2.2/2.0,3/3.3.3.3/3.0,4/9.9.9.9/4.0");
	log_path(m, "a", "1/1.1.1.1/1.0,2/2.2.2.2/2.0,3/3.3.3.3/3.0,4/9.9.9.9/4.0");
	log_path(m, "b", "1/1.1.1.1/1.0,2/2.2.2.9/2.0,3/3.3.3.3/3.0,4/9.9.9.9/4.0");
	l = draw(m);
	assert_int_equal(l->node_count, 6);
	assert_int_equal(l->link_count, 6);
	assert_int_equal(l->lanes, 2);
	assert_int_equal(node(l, 1, "1.1.1.1")->clients, 3);
	assert_int_equal(node(l, 2, "2.2.2.2")->clients, 1);
	assert_int_equal(node(l, 2, "2.2.2.2")->lane, 0); /* the most used way is straight */
	assert_int_equal(node(l, 2, "2.2.2.9")->clients, 2);
	assert_int_equal(node(l, 2, "2.2.2.9")->row, 3);
	assert_true(node(l, 4, "9.9.9.9")->server);
	free(l);
	model_free(m);
}

static void a_silent_hop_is_a_wildcard(void **state)
{
	struct model *m = model_new(NULL);
	struct lattice *l;

	(void)state;
	log_path(m, "a", "1/1.1.1.1/1.0,2/2.2.2.2/2.0,3/*,4/9.9.9.9/4.0");
	log_path(m, "a", "1/1.1.1.1/1.0,2/*,3/*,4/9.9.9.9/4.0");
	l = draw(m);
	assert_null(node(l, 2, ""));     /* another trace knows who that is */
	assert_non_null(node(l, 3, "")); /* nobody does */
	assert_int_equal(l->node_count, 5);
	free(l);
	model_free(m);
}

static void routers_that_take_turns_stand_side_by_side(void **state)
{
	struct model *m = model_new(NULL);
	struct lattice *l;

	(void)state;
	log_path(m, "a", "1/1.1.1.1/1.0,2/2.2.2.2+2.2.2.3/2.0,3/9.9.9.9/4.0");
	l = draw(m);
	assert_non_null(node(l, 2, "2.2.2.2"));
	assert_non_null(node(l, 2, "2.2.2.3"));
	assert_int_equal(l->link_count, 5);
	free(l);
	model_free(m);
}

static void too_many_routers_share_a_place(void **state)
{
	struct model *m = model_new(NULL);
	struct lattice *l;
	uint32_t rest = 0;

	(void)state;
	for (int way = 0; way < LATTICE_WAYS + 50; way++) {
		char hops[128];

		snprintf(hops, sizeof(hops), "1/1.1.1.1/1.0,2/10.0.%d.%d/2.0,3/9.9.9.9/4.0",
			way / 100, way % 100);
		log_path(m, "a", hops);
	}
	l = draw(m);
	for (uint32_t i = 0; i < l->node_count; i++)
		rest += l->nodes[i].rest;
	assert_int_equal(rest, 1);
	assert_int_equal(l->lanes, LATTICE_LANES + 1);
	assert_int_equal(l->ways, LATTICE_WAYS);
	assert_int_equal(l->ways_seen, LATTICE_WAYS + 50);
	free(l);
	model_free(m);
}

static void what_does_not_fit_is_counted(void **state)
{
	struct model *m = model_new(NULL);
	struct digest *d;

	(void)state;
	for (char c = 'a'; c < 'a' + DIGEST_CLIENTS + 2; c++) {
		const char device[] = { c, '\0' };

		/* The later ones the more. */
		for (int i = 0; i <= c - 'a'; i++)
			log_path(m, device, "1/1.1.1.1/1.0,2/9.9.9.9/4.0");
	}
	model_end(m);
	d = digest_new(m);
	assert_int_equal(d->clients_seen, DIGEST_CLIENTS + 2);
	assert_int_equal(d->client_count, DIGEST_CLIENTS);
	assert_string_equal(model_text(m, d->clients[0].name), "j");
	assert_string_equal(model_text(m, d->clients[DIGEST_CLIENTS - 1].name), "c");
	assert_int_equal(d->pair_count, DIGEST_CLIENTS);
	assert_int_equal(d->pairs_seen, DIGEST_CLIENTS + 2);
	assert_int_equal(d->pairs[0].count, DIGEST_CLIENTS + 2);
	digest_free(d);
	model_free(m);
}

static void routers_of_a_pair_are_told_by_ttl_and_use(void **state)
{
	struct model *m = model_new(NULL);
	struct digest_router routers[DIGEST_ROUTERS];
	struct digest *d;

	(void)state;
	log_path(m, "a", "1/1.1.1.1/1.0,2/2.2.2.9/7.0,3/*,?/9.9.9.9/4.0");
	log_path(m, "a", "1/1.1.1.1/3.0,2/2.2.2.2/2.0,3/*,?/9.9.9.9/4.0");
	log_path(m, "a", "1/*,2/2.2.2.2/2.0,3/*,?/9.9.9.9/4.0");
	model_end(m);
	d = digest_new(m);
	assert_int_equal(digest_routers(d, &d->pairs[0], routers), 5);
	assert_int_equal(routers[0].asked, 3);
	assert_int_equal(routers[0].rtt.count, 2);
	assert_int_equal(routers[0].rtt.most_us, 3000);
	assert_string_equal(model_text(m, routers[1].addrs), "2.2.2.2");
	assert_string_equal(model_text(m, routers[2].addrs), "2.2.2.9");
	assert_int_equal(routers[3].addrs, MODEL_NONE);
	assert_int_equal(routers[4].ttl, 0);
	assert_true(routers[4].server);
	digest_free(d);
	model_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_text_of_a_stranger_is_markup),
		cmocka_unit_test(a_cut_text_is_not_read_beyond_its_end),
		cmocka_unit_test(each_value_is_in_the_bin_of_its_time),
		cmocka_unit_test(bins_are_so_many_as_the_values_are_worth),
		cmocka_unit_test(a_bin_tells_its_own_values),
		cmocka_unit_test(a_tenth_lies_beyond_either_side),
		cmocka_unit_test(a_scale_ends_at_a_round_number),
		cmocka_unit_test(ways_part_and_meet_again),
		cmocka_unit_test(a_silent_hop_is_a_wildcard),
		cmocka_unit_test(routers_that_take_turns_stand_side_by_side),
		cmocka_unit_test(too_many_routers_share_a_place),
		cmocka_unit_test(what_does_not_fit_is_counted),
		cmocka_unit_test(routers_of_a_pair_are_told_by_ttl_and_use),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
