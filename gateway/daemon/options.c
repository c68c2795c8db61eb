/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/daemon/options.h"

#include "gateway/daemon/config.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void print_help(FILE *out)
{
	fputs("usage: inpathd [-f] [-t] [-p] [-x[MARKS]] [-c FILE]\n"
	      "Traces the paths of LAN clients' flows from inside them, and logs them.\n"
	      "\n"
	      "  -c FILE  read this configuration instead of " CONFIG_DEFAULT_FILE "\n"
	      "  -f       write records and log to standard error too\n"
	      "  -t       check the configuration and exit: 0 good, 1 not\n"
	      "  -p       print the configuration, interfaces resolved, as shell assignments\n"
	      "  -x       take inpath's marks off all connections and exit; for when the rules are down;\n"
	      "           -x0xHEX: these bits, without a look at the configuration\n"
	      "  -h, --help\n"
	      "  -V, --version\n"
	      "\n"
	      "Signals: HUP reads the configuration again, USR1 logs ev=stats, TERM ends.\n"
	      "Exit status: 0 ended or good; 1 could not start, said on standard error.\n",
		out);
}

static bool read_marks(const char *text, uint32_t *out)
{
	char *end;
	unsigned long long marks;

	errno = 0;
	marks = strtoull(text, &end, 16);
	*out = (uint32_t)marks;
	if (!strncmp(text, "0x", 2) && !*end && !errno && marks && marks <= UINT32_MAX)
		return true;
	fprintf(stderr, "inpathd: -x%s: that is no mark, such as 0x0c000000\n", text);
	return false;
}

enum options_result options_read(int argc, char **argv, struct options *out)
{
	static const struct option longs[] = {
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	*out = (struct options){ 0 };
	while ((c = getopt_long(argc, argv, "c:ftpx::hV", longs, NULL)) != -1) {
		switch (c) {
		case 'c': out->config = optarg; break;
		case 'f': out->foreground = true; break;
		case 't': out->test = true; break;
		case 'p': out->print = true; break;
		case 'x':
			out->clear = true;
			if (optarg && !read_marks(optarg, &out->marks))
				return OPTIONS_WRONG;
			break;
		case 'h': print_help(stdout); return OPTIONS_DONE;
		case 'V': puts("inpathd " INPATH_VERSION); return OPTIONS_DONE;
		default: print_help(stderr); return OPTIONS_WRONG;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "inpathd: unexpected argument: %s\n", argv[optind]);
		print_help(stderr);
		return OPTIONS_WRONG;
	}
	return OPTIONS_RUN;
}
