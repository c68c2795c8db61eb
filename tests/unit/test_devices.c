/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/cli/devices.h"

#include "gateway/cli/model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static const char HOSTS[] = "127.0.0.1 localhost\n"
			    "::1 localhost ip6-localhost\n"
			    "ff02::1 ip6-allnodes\n"
			    "# 192.168.1.2 commented\n"
			    "192.168.1.57\ttv livingroom   # the big one\n"
			    "192.168.1.57 other\n"
			    "2001:DB8:0:0::57 TV\n"
			    "no.address name\n"
			    "192.168.1.9\n"
			    "192.168.1.8 last";

static void read_hosts(struct devices *n, size_t len)
{
	char *copy = malloc(len + 1);
	FILE *f;

	memcpy(copy, HOSTS, len);
	copy[len] = '\0';
	f = fmemopen(copy, len + 1, "r+");
	assert_non_null(f);
	if (len)
		devices_add_hosts(n, f);
	fclose(f);
	free(copy);
}

static void a_hosts_file_names_the_lans_devices(void **state)
{
	struct devices n;

	(void)state;
	devices_init(&n);
	devices_add(&n, "192.168.1.8", "leased");
	read_hosts(&n, sizeof(HOSTS) - 1);
	assert_string_equal(devices_find(&n, "192.168.1.57"), "tv");
	assert_string_equal(devices_find(&n, "2001:db8::57"), "TV");
	assert_string_equal(devices_find(&n, "192.168.1.8"), "leased");
	assert_null(devices_find(&n, "127.0.0.1"));
	assert_null(devices_find(&n, "ff02::1"));
	assert_null(devices_find(&n, "192.168.1.2"));
	assert_null(devices_find(&n, "192.168.1.9"));
	devices_free(&n);
}

static void a_hosts_file_cut_anywhere_is_survived(void **state)
{
	(void)state;
	for (size_t len = 0; len < sizeof(HOSTS); len++) {
		struct devices n;

		devices_init(&n);
		read_hosts(&n, len);
		assert_in_range(n.addrs.count, 0, 3);
		devices_free(&n);
	}
}

#define LINE                                                                                       \
	"ev=path v=1 ts=1.000 run=1 cl=192.168.1.57 pol=a svc=s by=dns proto=tcp af=4 sport=1 "    \
	"dst=192.0.2.7 dport=443 why=start stop=reached nhop=1 sent=1 fp=1 hops=1/192.0.2.7/1.00"

static void who_has_no_name_in_the_record_has_the_machines(void **state)
{
	static const struct {
		const char *client, *device;
		uint32_t kept;
	} cases[] = {
		{ NULL, "tv", 1 },
		{ "TV", "tv", 1 },
		{ "192.168.1.57", "tv", 1 },
		{ "laptop", NULL, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct devices n;
		struct model *m;

		devices_init(&n);
		read_hosts(&n, sizeof(HOSTS) - 1);
		m = model_new(&(struct model_filter){ .client = cases[i].client, .devices = &n });
		assert_true(model_line(m, LINE, strlen(LINE)));
		model_end(m);
		assert_int_equal(m->trace_count, cases[i].kept);
		if (cases[i].kept)
			assert_string_equal(model_text(m, m->flows[0].device), cases[i].device);
		model_free(m);
		devices_free(&n);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_hosts_file_names_the_lans_devices),
		cmocka_unit_test(a_hosts_file_cut_anywhere_is_survived),
		cmocka_unit_test(who_has_no_name_in_the_record_has_the_machines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
