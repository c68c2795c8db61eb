/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What other people's rules do: read from `nft -j list ruleset` and iptables-save. */
#include "gateway/cli/check.h"

#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

enum {
	DEPTH = 64, /* of json-c's parser */
};

static struct json_object *at(struct json_object *o, const char *key)
{
	struct json_object *value = NULL;

	if (!o || !json_object_is_type(o, json_type_object))
		return NULL;
	json_object_object_get_ex(o, key, &value);
	return value;
}

static const char *text_at(struct json_object *o, const char *key)
{
	struct json_object *value = at(o, key);

	return value && json_object_is_type(value, json_type_string) ? json_object_get_string(value)
								     : "";
}

static bool has_key(struct json_object *o, const char *key)
{
	return o && json_object_is_type(o, json_type_object) &&
	       json_object_object_get_ex(o, key, NULL);
}

/* `{ "KIND": { "key": "mark" } }`? */
static bool is_mark_of(struct json_object *o, const char *kind)
{
	return !strcmp(text_at(at(o, kind), "key"), "mark");
}

/* `ct mark & (probe|rest) == rest`, or one that asks for the rest bit at least. */
static bool asks_for_rest(struct json_object *expr, uint32_t probe, uint32_t rest)
{
	struct json_object *match = at(expr, "match");
	struct json_object *masked = at(at(match, "left"), "&");
	uint32_t mask, value;

	if (strcmp(text_at(match, "op"), "==") != 0 || !masked ||
		!json_object_is_type(masked, json_type_array) ||
		json_object_array_length(masked) != 2 ||
		!is_mark_of(json_object_array_get_idx(masked, 0), "ct"))
		return false;
	mask = (uint32_t)json_object_get_int64(json_object_array_get_idx(masked, 1));
	value = (uint32_t)json_object_get_int64(at(match, "right"));
	return (mask & (probe | rest)) == (probe | rest) && (value & (probe | rest)) == rest;
}

static void where(char out[96], struct json_object *rule)
{
	snprintf(out, 96, "chain %.30s of table %.8s %.30s", text_at(rule, "chain"),
		text_at(rule, "family"), text_at(rule, "table"));
}

static void read_rule(struct json_object *rule, uint32_t probe, uint32_t rest, struct firewall *out)
{
	struct json_object *exprs = at(rule, "expr");
	size_t count = exprs && json_object_is_type(exprs, json_type_array)
			       ? json_object_array_length(exprs)
			       : 0;
	bool resting = false;

	if (!strcmp(text_at(rule, "table"), "inpath"))
		return;
	for (size_t i = 0; i < count; i++) {
		struct json_object *expr = json_object_array_get_idx(exprs, i);
		struct json_object *mangle = at(expr, "mangle");

		resting |= asks_for_rest(expr, probe, rest);
		out->nat |= has_key(expr, "masquerade") || has_key(expr, "snat");
		if (has_key(expr, "flow") && !resting) {
			out->offload = true;
			where(out->offload_where, rule);
		}
		if (mangle && is_mark_of(at(mangle, "key"), "meta") &&
			is_mark_of(at(mangle, "value"), "ct")) {
			out->restores = true;
			where(out->restores_where, rule);
		}
	}
}

static void read_flowtable(struct json_object *table, struct firewall *out)
{
	struct json_object *flags = at(table, "flags");

	out->hardware |= flags && strstr(json_object_to_json_string(flags), "offload") != NULL;
}

bool firewall_read_nft(const char *json, uint32_t probe, uint32_t rest, struct firewall *out)
{
	struct json_tokener *tokener = json_tokener_new_ex(DEPTH);
	struct json_object *top =
		tokener ? json_tokener_parse_ex(tokener, json, (int)strlen(json) + 1) : NULL;
	struct json_object *list = at(top, "nftables");
	bool good = list && json_object_is_type(list, json_type_array);

	for (size_t i = 0; good && i < json_object_array_length(list); i++) {
		struct json_object *one = json_object_array_get_idx(list, i);

		if (at(one, "rule"))
			read_rule(at(one, "rule"), probe, rest, out);
		if (at(one, "flowtable"))
			read_flowtable(at(one, "flowtable"), out);
	}
	if (top)
		json_object_put(top);
	if (tokener)
		json_tokener_free(tokener);
	return good;
}

static bool line_has(const char *line, size_t len, const char *word)
{
	return memmem(line, len, word, strlen(word)) != NULL;
}

void firewall_read_iptables(const char *text, struct firewall *out)
{
	while (*text) {
		size_t len = strcspn(text, "\n");

		if (line_has(text, len, "-j MASQUERADE") || line_has(text, len, "-j SNAT"))
			out->nat = true;
		if (line_has(text, len, "-j FLOWOFFLOAD")) {
			out->offload = true;
			out->hardware |= line_has(text, len, "--hw");
			snprintf(out->offload_where, sizeof(out->offload_where),
				"iptables (FLOWOFFLOAD)");
		}
		/* Without masks iptables-save writes them out in full, or not at all. */
		if (line_has(text, len, "-j CONNMARK --restore-mark") &&
			(!line_has(text, len, "mask ") ||
				line_has(text, len, "--ctmask 0xffffffff"))) {
			out->restores = true;
			snprintf(out->restores_where, sizeof(out->restores_where), "%.*s",
				(int)(len < 90 ? len : 90), text);
		}
		text += len + (text[len] == '\n');
	}
}
