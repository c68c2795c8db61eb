/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tls: finds the server's name (SNI) in the first bytes that a TLS client sends.
 *
 * Reads through cursors only, publishes only a whole parse, keeps nothing: it is given the stream
 * from its first byte each time. A ClientHello may span records (RFC 8446 5.1) and segments.
 */
#ifndef TLS_H
#define TLS_H

#include "inpath/limits.h"
#include "inpath/types.h"

enum tls_result {
	TLS_SNI,     /* the name was found */
	TLS_NO_SNI,  /* a whole ClientHello without a (usable) host_name */
	TLS_MORE,    /* so far a ClientHello; its end is not here yet */
	TLS_NOT_TLS, /* not a TLS ClientHello, or a malformed one */
};

struct tls_hello {
	/* RFC 6066 host_name in lower case, no dot at its end, only [a-z0-9._-]: anything else
	 * (control bytes, an IP literal's colons, empty, over 253 bytes) counts as TLS_NO_SNI. */
	char name[INPATH_HOST_MAX + 1];
	bool ech; /* the hello carries encrypted_client_hello (0xfe0d): the name may be an outer one */
};

/*
 * Parses the `len` first bytes of a client's stream. TLS_SNI as soon as the server_name extension
 * is here whole, even if the ClientHello goes on (then `ech` tells only of what came before the
 * stream's end). What stands behind a whole name is not judged. So no answer but TLS_MORE changes
 * when more bytes come. `*out` is written on TLS_SNI only.
 */
enum tls_result tls_client_hello(const uint8_t *bytes, size_t len, struct tls_hello *out);

/*
 * The same for a bare ClientHello handshake message without TLS records, as QUIC's CRYPTO frames
 * carry it (RFC 9001 4.1.3).
 */
enum tls_result tls_client_hello_message(const uint8_t *bytes, size_t len, struct tls_hello *out);

#endif
