/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/daemon/daemon.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	CLEAR_TRIES = 8,
};

static int print_config(const struct config *config)
{
	struct config_ifaces lan, wan;
	struct io_error err = { "" };

	if (iface_resolve(&config->lan, &config->wan, &lan, &wan, &err)) {
		fprintf(stderr, "inpathd: %s\n", err.text);
		return EXIT_FAILURE;
	}
	if (!lan.count || !wan.count)
		fprintf(stderr, "inpathd: gateway.%s = \"auto\": no such interface now\n",
			lan.count ? "wan" : "lan");
	if (config_print(config, &lan, &wan, stdout) < 0 || fflush(stdout) == EOF) {
		perror("inpathd: standard output");
		return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}

static void count(void *cleared)
{
	++*(uint32_t *)cleared;
}

/*
 * Again until none is left: a connection that another one brings about, as FTP does, has from its first packet on the
 * mark that the other has then, and may have come behind the dump that told of the other.
 */
static int clear_mark(struct conntrack *conntrack, uint32_t mark)
{
	uint32_t cleared = 1;
	int error = 0;

	for (int i = 0; i < CLEAR_TRIES && cleared && !error; i++) {
		cleared = 0;
		error = conntrack_clear_all(conntrack, mark, count, &cleared);
	}
	return error;
}

/* For when the rules are down: conntrack(8) cannot change the mark of a connection with NAT. */
static int clear_marks(uint32_t marks)
{
	struct io_error err = { "" };
	struct conntrack *conntrack = conntrack_open(&err);
	int error = 0;

	if (!conntrack) {
		fprintf(stderr, "inpathd: %s\n", err.text);
		return EXIT_FAILURE;
	}
	for (; marks && !error; marks &= marks - 1)
		error = clear_mark(conntrack, marks & -marks);
	conntrack_close(conntrack);
	if (error)
		fprintf(stderr, "inpathd: connections keep inpath's marks: %s\n", strerror(error));
	return error ? EXIT_FAILURE : EXIT_SUCCESS;
}

struct service {
	const struct options *options;
	struct config *config;
	const struct priv_user *user;
};

/* In the worker: the daemon's whole life. */
static int serve(struct heartbeat *heartbeat, void *arg)
{
	static struct daemon d;
	const struct service *service = arg;
	struct io_error err = { "" };
	int error =
		daemon_start(&d, service->options, service->config, service->user, heartbeat, &err);

	if (error)
		fprintf(stderr, "inpathd: %s\n", err.text);
	else
		daemon_run(&d);
	daemon_stop(&d);
	return error ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	struct options options;
	struct config_error why;
	struct config *config;
	int status = EXIT_SUCCESS;

	switch (options_read(argc, argv, &options)) {
	case OPTIONS_RUN: break;
	case OPTIONS_DONE: return EXIT_SUCCESS;
	case OPTIONS_WRONG: return EXIT_FAILURE;
	}
	if (options.marks)
		return clear_marks(options.marks);
	config = config_load(options.config, &why);
	if (!config) {
		fprintf(stderr, "%s\n", why.text);
		return EXIT_FAILURE;
	}
	if (options.print) {
		status = print_config(config);
	} else if (options.clear) {
		status = clear_marks(config->policies.mark_rest | config->policies.mark_probe);
	} else if (!options.test) {
		struct priv_user user;
		struct service service = { &options, config, &user };

		priv_find_user(&user);
		status = watchdog_keep(config->log_syslog, &user, serve, &service);
	}
	config_free(config);
	return status;
}
