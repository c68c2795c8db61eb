/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/io/leases.h"

#include <arpa/inet.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* What was told: every lease as `ADDRESS MAC NAME;`, `-` for what a lease does not tell. */
struct told {
	size_t len;
	char text[4096];
};

static void tell(
	void *arg, const struct inpath_addr *addr, const struct inpath_mac *mac, const char *name)
{
	char address[INET6_ADDRSTRLEN], hardware[20] = "-";
	struct told *t = arg;

	assert_non_null(inet_ntop(addr->family == INPATH_AF_INET ? AF_INET : AF_INET6, addr->bytes,
		address, sizeof(address)));
	if (mac)
		(void)snprintf(hardware, sizeof(hardware), "%02x:%02x:%02x:%02x:%02x:%02x",
			mac->bytes[0], mac->bytes[1], mac->bytes[2], mac->bytes[3], mac->bytes[4],
			mac->bytes[5]);
	t->len += (size_t)snprintf(t->text + t->len, sizeof(t->text) - t->len, "%s %s %s;", address,
		hardware, name ? name : "-");
	assert_true(t->len < sizeof(t->text));
}

/* What the line's first `len` bytes tell, from memory of exact size: a sanitizer sees one byte over. */
static bool first_bytes(const char *line, size_t len, struct told *t)
{
	char *copy = malloc(len + 1);
	bool is_lease;

	assert_non_null(copy);
	memcpy(copy, line, len);
	copy[len] = '\0';
	is_lease = leases_line(copy, tell, t);
	free(copy);
	return is_lease;
}

static void line_says(const char *line, const char *expected)
{
	struct told t = { 0 };

	assert_int_equal(first_bytes(line, strlen(line), &t), *expected != '\0');
	assert_string_equal(t.text, expected);
}

static void a_lease_tells_address_hardware_and_name(void **state)
{
	(void)state;
	line_says("1760000000 aa:bb:cc:dd:ee:ff 192.168.1.23 livingroom-tv 01:aa:bb:cc:dd:ee:ff",
		"192.168.1.23 aa:bb:cc:dd:ee:ff livingroom-tv;");
	line_says("0 00:11:22:33:44:55 10.0.0.9 printer *", "10.0.0.9 00:11:22:33:44:55 printer;");
	line_says("1760000000 aa:bb:cc:dd:ee:ff 192.168.1.24 * *",
		"192.168.1.24 aa:bb:cc:dd:ee:ff -;");
}

static void an_ipv6_lease_has_no_hardware_address(void **state)
{
	(void)state;
	line_says("1760000000 123456789 fd00::23 laptop 00:01:00:01:2a:aa:bb:cc:dd:ee",
		"fd00::23 - laptop;");
	line_says("1760000000 T123456789 fd00::24 * 00:01", "fd00::24 - -;");
	/* An IAID that looks like a hardware address is none. */
	line_says("1760000000 aa:bb:cc:dd:ee:ff fd00::25 tv 00:01", "fd00::25 - tv;");
}

static void odhcpds_leases_tell_each_address(void **state)
{
	(void)state;
	line_says("# br-lan 000100012a112233aabbccddeeff 5e0d livingroom-tv 1760000000 a5 128 "
		  "fd00::a5/128 2001:db8:1::a5/128",
		"fd00::a5 - livingroom-tv;2001:db8:1::a5 - livingroom-tv;");
	line_says("# br-lan aabbccddeeff ipv4 tv -1 c0a80132 32 192.168.1.50/32",
		"192.168.1.50 aa:bb:cc:dd:ee:ff tv;");
	line_says("# br-lan aa:bb:cc:dd:ee:ff ipv4 - 1760000000 c0a80132 32 192.168.1.50/32",
		"192.168.1.50 aa:bb:cc:dd:ee:ff -;");
	/* A device's own idea of a name that is none. */
	line_says("# br-lan aabbccddeeff ipv4 broken\\x20a_tv 0 c0a80132 32 192.168.1.50/32",
		"192.168.1.50 aa:bb:cc:dd:ee:ff -;");
	/* An IAID's digits are no hardware address. */
	line_says("# br-lan aabbccddeeff 1 tv 0 5 128 fd00::5/128", "fd00::5 - tv;");
	/* A prefix that was delegated is no device. */
	line_says("# br-lan 0001 1 router 0 5 60 2001:db8:1:10::/60", "");
	line_says("# br-lan 0001 1 tv 0 5 128", "");
	line_says("192.168.1.50\ttv.lan\ttv", "");
	line_says("# a comment of somebody", "");
}

static void every_truncation_of_odhcpds_lease_is_safe(void **state)
{
	static const char line[] =
		"# br-lan aabbccddeeff ipv4 tv -1 c0a80132 32 192.168.1.50/32 10.0.0.5/32";

	(void)state;
	for (size_t len = 0; len < sizeof(line); len++) {
		struct told t = { 0 };

		/* An address is told when its length is whole, and never another one. */
		assert_int_equal(
			first_bytes(line, len, &t), len >= strlen(line) - strlen(" 10.0.0.5/32"));
		assert_true(
			strncmp("192.168.1.50 aa:bb:cc:dd:ee:ff tv;10.0.0.5 aa:bb:cc:dd:ee:ff tv;",
				t.text, t.len) == 0);
	}
}

static void hardware_other_than_ethernet_is_passed_over(void **state)
{
	(void)state;
	line_says("1760000000 06-aa:bb:cc:dd:ee:ff 192.168.1.25 tv *", "192.168.1.25 - tv;");
	line_says("1760000000 aa:bb:cc:dd:ee 192.168.1.25 tv *", "192.168.1.25 - tv;");
	line_says("1760000000 aa:bb:cc:dd:ee:fg 192.168.1.25 tv *", "192.168.1.25 - tv;");
	line_says("1760000000 aa-bb-cc-dd-ee-ff 192.168.1.25 tv *", "192.168.1.25 - tv;");
}

static void what_is_no_lease_tells_nothing(void **state)
{
	(void)state;
	line_says("", "");
	line_says("duid 00:01:00:01:2a:aa:bb:cc", "");
	line_says("duid 00:01 192.168.1.1 x y", "");
	line_says("1760000000 aa:bb:cc:dd:ee:ff 192.168.1.256 tv *", "");
	line_says("1760000000 aa:bb:cc:dd:ee:ff tv", "");
	line_says("-5 aa:bb:cc:dd:ee:ff 192.168.1.2 tv *", "");
}

static void every_truncation_of_a_lease_is_safe(void **state)
{
	static const char line[] = "1760000000 aa:bb:cc:dd:ee:ff 192.168.1.23 tv 01:aa:bb";

	(void)state;
	for (size_t len = 0; len < sizeof(line); len++) {
		struct told t = { 0 };

		/* Whole from the name's first letter on. */
		assert_int_equal(first_bytes(line, len, &t),
			len >= strlen("1760000000 ") + strlen("aa:bb:cc:dd:ee:ff ") +
					strlen("192.168.1.23 t"));
	}
}

static void a_name_with_control_bytes_is_no_name(void **state)
{
	(void)state;
	line_says("1 aa:bb:cc:dd:ee:ff 192.168.1.2 t\x1bv *", "192.168.1.2 aa:bb:cc:dd:ee:ff -;");
	line_says("1 aa:bb:cc:dd:ee:ff 192.168.1.2 t\x7fv *", "192.168.1.2 aa:bb:cc:dd:ee:ff -;");
}

static void a_name_of_256_bytes_is_cut(void **state)
{
	char line[400] = "1 aa:bb:cc:dd:ee:ff 192.168.1.2 ";
	struct told t = { 0 };

	(void)state;
	memset(line + strlen(line), 'n', 300);
	assert_true(leases_line(line, tell, &t));
	assert_int_equal(t.len, strlen("192.168.1.2 aa:bb:cc:dd:ee:ff ") + 255 + 1);
}

/* A lease file of its own for each test; it does not exist at first. */
struct place {
	char dir[64];
	char path[80];
};

static int setup(void **state)
{
	const char *base = getenv("TMPDIR");
	struct place *p = calloc(1, sizeof(*p));

	assert_non_null(p);
	(void)snprintf(p->dir, sizeof(p->dir), "%.40s/inpath-XXXXXX", base ? base : "/tmp");
	assert_non_null(mkdtemp(p->dir));
	(void)snprintf(p->path, sizeof(p->path), "%s/leases", p->dir);
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	struct place *p = *state;

	unlink(p->path);
	rmdir(p->dir);
	free(p);
	return 0;
}

static void put(const struct place *p, const char *mode, const char *text, size_t len)
{
	FILE *f = fopen(p->path, mode);

	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
}

static void file_says(struct leases *l, const char *expected)
{
	struct told t = { 0 };

	leases_read(l, tell, &t);
	assert_string_equal(t.text, expected);
}

static void a_file_that_appears_changes_and_is_replaced_is_heard_of(void **state)
{
	struct place *p = *state;
	const char *const files[] = { p->path, NULL };
	struct leases *l = leases_open(files);
	char other[96];

	assert_non_null(l);
	file_says(l, "");
	assert_false(leases_changed(l));

	put(p, "w", "1 * 10.0.0.2 tv *\n", 18);
	assert_true(leases_changed(l));
	assert_false(leases_changed(l));
	file_says(l, "10.0.0.2 - tv;");

	put(p, "a", "1 * 10.0.0.3 pc *\n", 18);
	assert_true(leases_changed(l));
	file_says(l, "10.0.0.2 - tv;10.0.0.3 - pc;");

	(void)snprintf(other, sizeof(other), "%s.new", p->path);
	assert_int_equal(rename(p->path, other), 0);
	put(p, "w", "1 * 10.0.0.4 radio *\n", 21);
	unlink(other);
	assert_true(leases_changed(l));
	file_says(l, "10.0.0.4 - radio;");
	put(p, "a", "1 * 10.0.0.5 phone *\n", 21);
	assert_true(leases_changed(l));
	leases_close(l);
}

static void other_files_of_the_directory_are_passed_over(void **state)
{
	struct place *p = *state;
	const char *const files[] = { p->path, NULL };
	struct leases *l = leases_open(files);
	struct place other = *p;

	(void)snprintf(other.path, sizeof(other.path), "%s/other", p->dir);
	put(&other, "w", "1 * 10.0.0.2 tv *\n", 18);
	assert_false(leases_changed(l));
	unlink(other.path);
	leases_close(l);
}

static void in_a_shared_directory_nothing_but_the_file_itself_is_heard_of(void **state)
{
	struct place *p = *state;
	const char *const files[] = { p->path, NULL };
	struct place other = *p;
	struct leases *l;
	struct pollfd fd = { .events = POLLIN };

	(void)snprintf(other.path, sizeof(other.path), "%s/other", p->dir);
	assert_int_equal(chmod(p->dir, 01777), 0);
	l = leases_open(files);
	fd.fd = leases_fd(l);
	put(&other, "w", "1 * 10.0.0.2 tv *\n", 18);
	put(p, "w", "1 * 10.0.0.2 tv *\n", 18);
	/* On OpenWrt it would be. */
	if (access("/etc/openwrt_release", F_OK) != 0)
		assert_int_equal(poll(&fd, 1, 0), 0);
	leases_look_again(l);
	file_says(l, "10.0.0.2 - tv;");
	put(p, "a", "1 * 10.0.0.3 pc *\n", 18);
	assert_true(leases_changed(l));
	unlink(other.path);
	leases_close(l);
}

static void a_line_without_its_end_waits_for_it(void **state)
{
	struct place *p = *state;
	const char *const files[] = { p->path, NULL };
	struct leases *l = leases_open(files);

	put(p, "w", "1 * 10.0.0.2 tv *\n1 * 10.0.0.3 lap", 34);
	file_says(l, "10.0.0.2 - tv;");
	put(p, "a", "top *\n", 6);
	file_says(l, "10.0.0.2 - tv;10.0.0.3 - laptop;");
	leases_close(l);
}

static void an_endless_line_is_passed_over_and_the_next_one_is_read(void **state)
{
	struct place *p = *state;
	const char *const files[] = { p->path, NULL };
	struct leases *l = leases_open(files);
	static const char lease[] = "\n1 * 10.0.0.2 tv *\n";
	static const char forged[] = "1 * 10.0.0.9 forged *\n1 * 10.0.0.2 tv *\n";
	char text[1100];

	for (size_t len = 1000; len < 1050; len++) {
		memset(text, 'x', len);
		memcpy(text + len, lease, sizeof(lease));
		put(p, "w", text, len + strlen(lease));
		file_says(l, "10.0.0.2 - tv;");
	}
	/* The end of the long line would be a lease of its own, were the line cut where room ends. */
	memset(text, 'x', 1024);
	memcpy(text + 1024, forged, sizeof(forged));
	put(p, "w", text, 1024 + strlen(forged));
	file_says(l, "10.0.0.2 - tv;");
	leases_close(l);
}

static void a_directory_that_does_not_exist_is_no_error(void **state)
{
	const char *const files[] = { "/nonexistent/leases", NULL };
	struct leases *l = leases_open(files);

	(void)state;
	assert_non_null(l);
	file_says(l, "");
	assert_false(leases_changed(l));
	leases_close(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_lease_tells_address_hardware_and_name),
		cmocka_unit_test(an_ipv6_lease_has_no_hardware_address),
		cmocka_unit_test(odhcpds_leases_tell_each_address),
		cmocka_unit_test(every_truncation_of_odhcpds_lease_is_safe),
		cmocka_unit_test(hardware_other_than_ethernet_is_passed_over),
		cmocka_unit_test(what_is_no_lease_tells_nothing),
		cmocka_unit_test(every_truncation_of_a_lease_is_safe),
		cmocka_unit_test(a_name_with_control_bytes_is_no_name),
		cmocka_unit_test(a_name_of_256_bytes_is_cut),
		cmocka_unit_test_setup_teardown(
			a_file_that_appears_changes_and_is_replaced_is_heard_of, setup, teardown),
		cmocka_unit_test_setup_teardown(
			other_files_of_the_directory_are_passed_over, setup, teardown),
		cmocka_unit_test_setup_teardown(
			in_a_shared_directory_nothing_but_the_file_itself_is_heard_of, setup,
			teardown),
		cmocka_unit_test_setup_teardown(
			a_line_without_its_end_waits_for_it, setup, teardown),
		cmocka_unit_test_setup_teardown(
			an_endless_line_is_passed_over_and_the_next_one_is_read, setup, teardown),
		cmocka_unit_test(a_directory_that_does_not_exist_is_no_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
