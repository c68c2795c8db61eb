/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * asn: whose network an address is in: the number and name of its autonomous system, from a file in MaxMind's
 * format (libmaxminddb), where one is named. Without the library, or a file, nobody's is known.
 *
 * Owns:   the one open file, until the program ends.
 * Output: what is wrong with the file, on standard error, once. Names are the file's: to be made safe by who prints
 *         them.
 */
#ifndef CLI_ASN_H
#define CLI_ASN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	ASN_NAME_BYTES = 96,
	ASN_BYTES = ASN_NAME_BYTES + 16,
};

struct asn {
	uint32_t number;
	char name[ASN_NAME_BYTES]; /* "": the file has none; a longer one is cut */
};

/* Opens the file. False: it could not be, and that was said. */
bool asn_open(const char *file);

/* Is a file open? */
bool asn_known(void);

/*
 * The network of an address, the first `len` bytes of `addrs`; of several, joined by `+`, of the first that the
 * file knows. False: it knows none.
 */
bool asn_find(const char *addrs, size_t len, struct asn *out);

/* The same as a text, `AS64500 Example`; "" if it knows none. Returns `out`. */
const char *asn_text(const char *addrs, size_t len, char out[ASN_BYTES]);

#endif
