/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/config_place.h"

static void service_lists_hold_domains_and_prefixes(void **state)
{
	struct place *p = *state;
	struct config *c;
	const struct inpath_service *s;

	put(p, "services/a.b_c-1.conf",
		"\t192.0.2.0/24 # office\r\nB.example\n\n#\n2001:db8::1\n192.0.2.7\nb.example");
	put(p, "services/.hidden.conf", "nonsense here\n");
	put(p, "services/netflix.conf~", "nonsense here\n");
	put(p, "services/README", "nonsense here\n");
	c = loads(p, "");
	assert_int_equal(c->policies.services_count, 2);
	s = &c->policies.services[0];
	assert_string_equal(s->name, "a.b_c-1");
	assert_int_equal(s->domains.count, 1);
	assert_string_equal(s->domains.names[0], "b.example");
	assert_int_equal(s->ranges.count, 2);
	assert_range(&s->ranges.ranges[0], "192.0.2.0", "192.0.2.255");
	assert_range(&s->ranges.ranges[1], "2001:db8::1", "2001:db8::1");
	s = &c->policies.services[1];
	assert_string_equal(s->domains.names[0], "netflix.com");
	assert_string_equal(s->domains.names[1], "nflxvideo.net");
	config_free(c);
}

static void a_bad_line_in_a_service_list_is_refused_there(void **state)
{
	struct place *p = *state;

	put(p, "services/x.conf", "# one\n\na.example\n*.b.example\n");
	refused_in(p, "",
		"services/x.conf:4: '*.b.example' begins with '*': write the bare domain, it covers its "
		"subdomains already");
	put(p, "services/x.conf", "a.example b.example\n");
	refused_in(p, "",
		"services/x.conf:1: 'a.example b.example' is more than one domain or prefix on a line");
	put(p, "services/x.conf", "a.example\n10.0.0.1/8");
	refused_in(p, "",
		"services/x.conf:2: '10.0.0.1/8' has bits behind its length: the network is 10.0.0.0/8");
	put(p, "services/x.conf", "# nothing\n");
	refused_in(
		p, "", "services/x.conf: the list is empty: it needs one domain or prefix a line");
	put(p, "services/x.conf", "a.example\n");
	put(p, "services/X.conf", "a.example\n");
	refused_in(p, "",
		"services/X.conf: a service's name must be 1..63 of a-z, 0-9, '.', '_', '-', with .conf "
		"behind");
}

static void a_service_list_is_a_regular_file(void **state)
{
	struct place *p = *state;
	char fifo[PATH_MAX];

	(void)snprintf(fifo, sizeof(fifo), "%s/x.conf", p->services);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	refused_in(
		p, "", "services/x.conf: cannot read the service list: it is not a regular file");
	assert_int_equal(unlink(fifo), 0);
	assert_int_equal(mkdir(fifo, 0700), 0);
	refused_in(
		p, "", "services/x.conf: cannot read the service list: it is not a regular file");
}

static void a_services_directory_that_is_written_must_exist(void **state)
{
	struct place *p = *state;
	struct config_error err;
	char text[256];

	(void)snprintf(text, sizeof(text), "\nservices = \"%s/none\";", p->dir);
	write_file(p->conf, text, strlen(text));
	assert_null(config_load(p->conf, &err));
	(void)snprintf(text, sizeof(text),
		"%s:2: services: cannot read the directory %s/none: No such file or directory",
		p->conf, p->dir);
	assert_string_equal(err.text, text);
	(void)snprintf(text, sizeof(text), "services = [ \"a\" ];");
	write_file(p->conf, text, strlen(text));
	assert_null(config_load(p->conf, &err));
	assert_non_null(strstr(err.text, ":1: services: must be a text in double quotes"));
}

static void an_include_stands_for_its_file(void **state)
{
	struct place *p = *state;
	struct config *c;

	put(p, "part.conf", "probe = { gap = 7; };");
	c = loads(p, "\n  @include \"part.conf\" # more\nbudget = { client = 3; };");
	assert_int_equal(c->probe.gap, 7);
	assert_int_equal(c->policies.budget.client, 3);
	config_free(c);
}

static void an_error_in_an_included_file_names_it(void **state)
{
	struct place *p = *state;

	put(p, "part.conf", "\nprobe = { gap = 70; };\n");
	refused_in(p, "\n@include \"part.conf\"\n",
		"part.conf:2: probe.gap: 70 is out of range 1..64");
	put(p, "part.conf", "\n\nprobe = = 1;\n");
	refused_in(p, "\n@include \"part.conf\"\n", "part.conf:3: syntax error");
	put(p, "part.conf", "\nlog = { file = \"open\n };");
	refused_in(p, "\n@include \"part.conf\"\n",
		"part.conf:2: a string is not closed by a \" on its line");
	put(p, "part.conf", "\n// twice\n");
	refused(p, "\n@include \"part.conf\"\n@include \"part.conf\"\nprobe = { gap = 70; };", 4,
		"probe.gap: 70 is out of range 1..64");
}

static void a_bad_include_is_refused(void **state)
{
	struct place *p = *state;
	char many[8000] = "\n";
	char message[256];

	(void)snprintf(message, sizeof(message),
		"@include: cannot read %s/none.conf: No such file or directory", p->dir);
	refused(p, "\n@include \"none.conf\"\n", 2, message);
	(void)snprintf(message, sizeof(message),
		"@include: cannot read %s/services: it is not a regular file", p->dir);
	refused(p, "\n@include \"services\"\n", 2, message);
	refused(p, "\n@include \"a.conf\" x = 1;\n", 2,
		"@include: nothing else may stand on its line");
	refused(p, "\n@include \"a.conf\n", 2,
		"@include: the file's name must end in \" on this line, without \\");
	refused(p, "\n@include \"\"\n", 2, "@include: a file's name must be 1..4095 bytes");
	put(p, "loop.conf", "\n\n@include \"loop.conf\"\n");
	refused_in(p, "\n@include \"loop.conf\"\n",
		"loop.conf:3: @include: more than 8 files deep; does a file include itself?");
	for (size_t i = 0; i < 256; i++)
		(void)snprintf(
			many + strlen(many), sizeof(many) - strlen(many), "@include \"t.inc\"\n");
	put(p, "t.inc", "");
	refused(p, many, 257, "@include: more than 256 files");
}

/* Is `child` equal to `parent` or below it? */
static bool within(const char *child, const char *parent)
{
	size_t c = strlen(child);
	size_t p = strlen(parent);

	return c >= p && strcmp(child + c - p, parent) == 0 && (c == p || child[c - p - 1] == '.');
}

static void assert_apart(const struct inpath_service *a, const struct inpath_service *b)
{
	for (uint32_t i = 0; i < a->domains.count; i++) {
		for (uint32_t k = 0; k < b->domains.count; k++) {
			if ((a != b || i != k) && within(a->domains.names[i], b->domains.names[k]))
				fail_msg("%s of %s is held by %s of %s", a->domains.names[i],
					a->name, b->domains.names[k], b->name);
		}
	}
	for (uint32_t i = 0; a != b && i < a->ranges.count; i++) {
		for (uint32_t k = 0; k < b->ranges.count; k++) {
			const struct inpath_range *x = &a->ranges.ranges[i];
			const struct inpath_range *y = &b->ranges.ranges[k];

			assert_true(memcmp(&x->last, &y->first, sizeof(x->last)) < 0 ||
				    memcmp(&y->last, &x->first, sizeof(x->last)) < 0);
		}
	}
}

static void no_domain_stands_in_two_shipped_lists(void **state)
{
	static const char *const shared[] = { "akamaized.net", "akamaihd.net", "cloudfront.net",
		"amazonaws.com", "googleapis.com", "fastly.net", "llnwd.net", "llnwi.net",
		"edgesuite.net", "fbcdn.net", "apple.com", "google.com", "amazon.com",
		"microsoft.com" };
	struct place *p = *state;
	const struct inpath_policy_set *set;
	struct config_error err;
	struct config *c;

	write_file(p->conf, "services = \"etc/services\";", 26);
	c = config_load(p->conf, &err);
	if (c == NULL)
		fail_msg("%s", err.text);
	set = &c->policies;
	assert_true(set->services_count >= 24);
	for (uint32_t i = 0; i < set->services_count; i++) {
		for (uint32_t k = 0; k < set->services_count; k++)
			assert_apart(&set->services[i], &set->services[k]);
		for (uint32_t k = 0; k < set->services[i].domains.count; k++) {
			for (size_t n = 0; n < sizeof(shared) / sizeof(shared[0]); n++)
				assert_false(within(shared[n], set->services[i].domains.names[k]));
		}
	}
	config_free(c);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(service_lists_hold_domains_and_prefixes),
		TEST(a_bad_line_in_a_service_list_is_refused_there),
		TEST(a_service_list_is_a_regular_file),
		TEST(a_services_directory_that_is_written_must_exist),
		TEST(an_include_stands_for_its_file),
		TEST(an_error_in_an_included_file_names_it),
		TEST(a_bad_include_is_refused),
		TEST(no_domain_stands_in_two_shipped_lists),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
