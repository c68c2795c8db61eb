/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * options: the daemon's command line.
 */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#ifndef INPATH_VERSION
#define INPATH_VERSION "0.1.0"
#endif

enum options_result {
	OPTIONS_RUN,
	OPTIONS_DONE,  /* --help or --version: printed */
	OPTIONS_WRONG, /* said on standard error */
};

struct options {
	const char *config; /* -c FILE; NULL: the default file, which need not exist */
	bool foreground;    /* -f: records and log on standard error too */
	bool test;          /* -t: check the configuration */
	bool print;         /* -p: print it, resolved */
	bool clear;         /* -x: take our marks off all connections */
	uint32_t marks;     /* -xMARKS: these, whatever the configuration says; 0: its own */
};

enum options_result options_read(int argc, char **argv, struct options *out);

#endif
