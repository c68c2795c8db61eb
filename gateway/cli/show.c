/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/cli/show.h"

#include <json-c/json.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

const char *show_ms(uint32_t us, char out[SHOW_MS_BYTES])
{
	if (us == 0)
		snprintf(out, SHOW_MS_BYTES, "-");
	else
		snprintf(out, SHOW_MS_BYTES, "%.1f", us / 1000.0);
	return out;
}

const char *show_time(model_time at, char out[SHOW_TIME_BYTES])
{
	time_t seconds = (time_t)(at / 1000), now = time(NULL);
	struct tm then, today;
	bool same = localtime_r(&seconds, &then) && localtime_r(&now, &today) &&
		    then.tm_year == today.tm_year && then.tm_yday == today.tm_yday;

	if (!strftime(out, SHOW_TIME_BYTES, same ? "%H:%M:%S" : "%b %e %H:%M", &then))
		*out = '\0';
	return out;
}

const char *show_client(const struct model *m, const struct model_flow *f)
{
	return model_text(m, f->device == MODEL_NONE ? f->client : f->device);
}

const char *show_host(const struct model *m, const struct model_flow *f)
{
	return model_text(m, f->host == MODEL_NONE ? f->server : f->host);
}

const char *show_network(const struct model *m, uint32_t addrs, char out[ASN_BYTES])
{
	const char *text = model_text(m, addrs);

	return asn_text(text, strlen(text), out);
}

static void add_text(struct json_object *to, const char *key, const struct model *m, uint32_t text)
{
	if (text != MODEL_NONE)
		json_object_object_add(to, key, json_object_new_string(model_text(m, text)));
}

struct json_object *show_json_flow(const struct model *m, const struct model_flow *f)
{
	struct json_object *one = json_object_new_object();

	add_text(one, "cl", m, f->client);
	add_text(one, "dev", m, f->device);
	add_text(one, "pol", m, f->policy);
	add_text(one, "svc", m, f->service);
	add_text(one, "host", m, f->host);
	add_text(one, "by", m, f->by);
	add_text(one, "proto", m, f->proto);
	json_object_object_add(one, "af", json_object_new_int(f->af));
	json_object_object_add(one, "sport", json_object_new_int(f->client_port));
	add_text(one, "dst", m, f->server);
	json_object_object_add(one, "dport", json_object_new_int(f->server_port));
	return one;
}

/* A number with so many decimals as the log has, not as many as a double would show. */
static void add_decimal(struct json_object *to, const char *key, double value, const char *format)
{
	char text[64];

	snprintf(text, sizeof(text), format, value);
	json_object_object_add(to, key, json_object_new_double_s(value, text));
}

void show_json_time(struct json_object *to, const char *key, model_time at)
{
	add_decimal(to, key, (double)at / 1000, "%.3f");
}

void show_json_ms(struct json_object *to, const char *key, uint32_t us)
{
	if (us)
		add_decimal(to, key, us / 1000.0, "%.2f");
}

void show_json_network(struct json_object *to, const struct model *m, uint32_t addrs)
{
	const char *text = model_text(m, addrs);
	struct asn found;

	if (!asn_find(text, strlen(text), &found))
		return;
	json_object_object_add(to, "asn", json_object_new_int64(found.number));
	if (*found.name)
		json_object_object_add(to, "as", json_object_new_string(found.name));
}

void show_json_print(struct json_object *top)
{
	puts(json_object_to_json_string_ext(top, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
							 JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(top);
}
