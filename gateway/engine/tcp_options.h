/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tcp_options: what the options of a TCP header say. A part of parse, in a file of its own.
 */
#ifndef TCP_OPTIONS_H
#define TCP_OPTIONS_H

#include "gateway/engine/cursor.h"
#include "gateway/engine/parse.h"

/*
 * Reads the options in `in` (RFC 9293 3.1) into the fields of `t`, which are zero before. An option
 * whose length lies ends the reading and sets options_malformed; what was read stays.
 */
void tcp_options_read(struct cursor in, struct tcp_header *t);

#endif
