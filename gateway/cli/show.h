/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * show: how what the model holds is written for people, and as JSON with the log's names.
 *
 * Owns:   nothing; JSON objects are the caller's.
 * Time:   local time for people, UTC seconds in JSON.
 */
#ifndef CLI_SHOW_H
#define CLI_SHOW_H

#include "gateway/cli/asn.h"
#include "gateway/cli/model.h"

struct json_object;

enum {
	SHOW_MS_BYTES = 24,
	SHOW_TIME_BYTES = 40,
};

/* Microseconds in ms with one decimal; "-" for 0, which is unknown. Returns `out`. */
const char *show_ms(uint32_t us, char out[SHOW_MS_BYTES]);

/* `20:14:05` today, else `Nov 20 20:14`. Returns `out`. */
const char *show_time(model_time at, char out[SHOW_TIME_BYTES]);

/* A device by its name, else by its address. Not made safe for a terminal. */
const char *show_client(const struct model *m, const struct model_flow *f);

/* A server by its name, else by its address. Likewise. */
const char *show_host(const struct model *m, const struct model_flow *f);

/* The network of an entry's addresses, `AS64500 Example`; "" if it is not known. Likewise. Returns `out`. */
const char *show_network(const struct model *m, uint32_t addrs, char out[ASN_BYTES]);

/* A flow's fields, as in the log. */
struct json_object *show_json_flow(const struct model *m, const struct model_flow *f);

/* Fields of it; a round trip of 0, which is unknown, is left out. */
void show_json_time(struct json_object *to, const char *key, model_time at);
void show_json_ms(struct json_object *to, const char *key, uint32_t us);

/* The network of an entry's addresses: `asn`, a number, and `as`, its name; nothing if it is not known. */
void show_json_network(struct json_object *to, const struct model *m, uint32_t addrs);

/* Prints it, and frees it. */
void show_json_print(struct json_object *top);

#endif
