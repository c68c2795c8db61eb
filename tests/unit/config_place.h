/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * config_place: a directory of its own for each test of the configuration, and short ways to say
 * that a text is taken or refused.
 */
#ifndef TESTS_CONFIG_PLACE_H
#define TESTS_CONFIG_PLACE_H

#include "gateway/daemon/config.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* A directory of its own for each test, with a services directory in it. */
struct place {
	char dir[64];
	char services[80];
	char conf[80];
};

static inline void write_file(const char *path, const char *text, size_t len)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
}

static inline void put(const struct place *p, const char *name, const char *text)
{
	char path[PATH_MAX];

	(void)snprintf(path, sizeof(path), "%s/%s", p->dir, name);
	write_file(path, text, strlen(text));
}

static inline int setup(void **state)
{
	const char *base = getenv("TMPDIR");
	struct place *p = calloc(1, sizeof(*p));

	assert_non_null(p);
	(void)snprintf(p->dir, sizeof(p->dir), "%.40s/inpath-XXXXXX", base ? base : "/tmp");
	assert_non_null(mkdtemp(p->dir));
	(void)snprintf(p->services, sizeof(p->services), "%s/services", p->dir);
	(void)snprintf(p->conf, sizeof(p->conf), "%s/t.conf", p->dir);
	assert_int_equal(mkdir(p->services, 0700), 0);
	put(p, "services/netflix.conf", "# films\nnflxvideo.net\nNetflix.com. # the site\n\n");
	*state = p;
	return 0;
}

static inline void empty_directory(const char *path)
{
	struct dirent *e;
	DIR *d = opendir(path);

	while (d != NULL && (e = readdir(d)) != NULL) {
		char file[PATH_MAX];

		(void)snprintf(file, sizeof(file), "%s/%s", path, e->d_name);
		if (unlink(file) != 0)
			(void)rmdir(file);
	}
	if (d != NULL)
		(void)closedir(d);
}

static inline int teardown(void **state)
{
	struct place *p = *state;

	empty_directory(p->services);
	empty_directory(p->dir);
	(void)rmdir(p->services);
	(void)rmdir(p->dir);
	free(p);
	return 0;
}

/* Loads `text`, in front of which `services` is set on a line without a newline. */
static inline struct config *load_text(
	const struct place *p, const char *text, struct config_error *err)
{
	char whole[8192];
	int len = snprintf(whole, sizeof(whole), "services = \"%s\"; %s", p->services, text);

	assert_true(len > 0 && (size_t)len < sizeof(whole));
	write_file(p->conf, whole, (size_t)len);
	return config_load(p->conf, err);
}

static inline struct config *loads(const struct place *p, const char *text)
{
	struct config_error err;
	struct config *c = load_text(p, text, &err);

	if (c == NULL)
		fail_msg("refused: %s", err.text);
	return c;
}

/* `text` is refused; the error ends in `message` and begins with the file and `line`. */
static inline void refused(
	const struct place *p, const char *text, unsigned line, const char *message)
{
	struct config_error err;
	struct config *c = load_text(p, text, &err);
	char expected[1024];

	if (c != NULL) {
		config_free(c);
		fail_msg("taken: %s", text);
	}
	(void)snprintf(expected, sizeof(expected), "%s:%u: %s", p->conf, line, message);
	assert_string_equal(err.text, expected);
}

/* The same for an error in another file of the place. */
static inline void refused_in(const struct place *p, const char *text, const char *message)
{
	struct config_error err;
	struct config *c = load_text(p, text, &err);
	char expected[1024];

	if (c != NULL) {
		config_free(c);
		fail_msg("taken: %s", text);
	}
	(void)snprintf(expected, sizeof(expected), "%s/%s", p->dir, message);
	assert_string_equal(err.text, expected);
}

/* One policy with `key` on line 2. */
static inline void key_refused(const struct place *p, const char *key, const char *message)
{
	char text[1024];

	(void)snprintf(text, sizeof(text), "policies = ( { name = \"a\";\n %s; } );", key);
	refused(p, text, 2, message);
}

static inline const char *show(const struct inpath_addr *a, char text[INET6_ADDRSTRLEN])
{
	return inet_ntop(
		a->family == INPATH_AF_INET ? AF_INET : AF_INET6, a->bytes, text, INET6_ADDRSTRLEN);
}

static inline void assert_range(const struct inpath_range *r, const char *first, const char *last)
{
	char text[INET6_ADDRSTRLEN];

	assert_string_equal(show(&r->first, text), first);
	assert_string_equal(show(&r->last, text), last);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

#endif
