/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/cli/why_words.h"

#include "gateway/cli/safe.h"
#include "gateway/cli/show.h"

#include <inttypes.h>
#include <json-c/json.h>
#include <stdlib.h>

enum {
	TEXT_BYTES = 256,
};

struct texts {
	char client[TEXT_BYTES], service[TEXT_BYTES], host[TEXT_BYTES];
	char good[TEXT_BYTES], bad[TEXT_BYTES];
	char since[SHOW_TIME_BYTES], before[SHOW_MS_BYTES], now[SHOW_MS_BYTES];
	char excess[SHOW_MS_BYTES];
	char ways[64];
};

static const char *plural(uint32_t count)
{
	return count == 1 ? "" : "s";
}

static void write_hop(const struct model *m, uint8_t ttl, uint32_t addrs, char out[TEXT_BYTES])
{
	char network[ASN_BYTES], raw[TEXT_BYTES - 32], addr[TEXT_BYTES - 32];

	show_network(m, addrs, network);
	snprintf(raw, sizeof(raw), "%s%s%s", model_text(m, addrs), *network ? ", " : "", network);
	safe_text(addr, sizeof(addr), raw);
	if (addrs == MODEL_NONE)
		snprintf(out, TEXT_BYTES, "hop %u", ttl);
	else
		snprintf(out, TEXT_BYTES, "hop %u (%s)", ttl, addr);
}

static void write_texts(const struct model *m, const struct why_problem *p, struct texts *t)
{
	const struct model_flow *f = &m->flows[p->flow];

	safe_text(t->client, sizeof(t->client), show_client(m, f));
	safe_text(t->service, sizeof(t->service), model_text(m, f->service));
	safe_text(t->host, sizeof(t->host), show_host(m, f));
	write_hop(m, p->good_ttl, p->good_addrs, t->good);
	write_hop(m, p->bad_ttl, p->bad_addrs, t->bad);
	show_time(p->since, t->since);
	show_ms(p->before_us, t->before);
	show_ms(p->now_us, t->now);
	show_ms(p->now_us - p->before_us, t->excess);
	snprintf(t->ways, sizeof(t->ways), "%" PRIu32 " server%s, %" PRIu32 " connection%s",
		p->servers, plural(p->servers), p->flows, plural(p->flows));
}

/* Where a way that is slow begins to be. */
static void print_link(const struct why_problem *p, const struct texts *t, FILE *out)
{
	if (p->good_ttl && p->bad_ttl)
		fprintf(out, "between %s and %s", t->good, t->bad);
	else if (p->bad_ttl)
		fprintf(out, "from %s on", t->bad);
	else if (p->good_ttl)
		fprintf(out, "somewhere behind %s, where no router answers", t->good);
	else
		fprintf(out, "somewhere on the way, where no router answers");
}

/* Where a way ends. */
static void print_end(const struct why_problem *p, const struct texts *t, FILE *out)
{
	if (p->good_ttl)
		fprintf(out, "nothing comes back from behind %s", t->good);
	else
		fprintf(out, "nothing comes back");
	if (p->bad_addrs != MODEL_NONE)
		fprintf(out, ", where %s answered before", t->bad);
	fprintf(out, " (%s).", t->ways);
}

static void print_broken(const struct why_problem *p, const struct texts *t, FILE *out)
{
	switch (p->segment) {
	case WHY_LAN: break;
	case WHY_ACCESS_LINK:
		fprintf(out, "Your provider's line is broken: since %s ", t->since);
		print_end(p, t, out);
		break;
	case WHY_TRANSIT:
		fprintf(out, "The way to %s is broken: since %s ", t->service, t->since);
		print_end(p, t, out);
		fprintf(out, " Your provider's first routers answer.");
		break;
	case WHY_SERVICE:
		fprintf(out,
			"The service %s is gone: since %s %s does not answer, while the last router before "
			"it does (%s).",
			t->service, t->since, t->host, t->ways);
		break;
	}
}

static void print_slow(const struct why_problem *p, const struct texts *t, FILE *out)
{
	switch (p->segment) {
	case WHY_LAN:
		fprintf(out,
			"The Wi-Fi or cable to %s is slow: %s ms there and back since %s, instead of %s. "
			"This is inside your house.",
			t->client, t->now, t->since, t->before);
		break;
	case WHY_ACCESS_LINK:
		fprintf(out, "Your provider's line is slow: %s ms more since %s, ", t->excess,
			t->since);
		print_link(p, t, out);
		fprintf(out, " (%s); to %s %s ms instead of %s. Not your Wi-Fi.", t->ways, t->host,
			t->now, t->before);
		break;
	case WHY_TRANSIT:
		fprintf(out, "The way to %s is slow: %s ms more since %s, ", t->service, t->excess,
			t->since);
		print_link(p, t, out);
		fprintf(out,
			" (%s); to %s %s ms instead of %s. Not your Wi-Fi, nor your provider's first "
			"routers.",
			t->ways, t->host, t->now, t->before);
		break;
	case WHY_SERVICE:
		fprintf(out,
			"The service %s is slow: %s ms more since %s at the server alone (%s); to %s %s ms "
			"instead of %s. The routers before it answer as fast as before.",
			t->service, t->excess, t->since, t->ways, t->host, t->now, t->before);
		break;
	}
}

const char *why_segment_name(enum why_segment segment)
{
	static const char *const names[] = { "lan", "access", "transit", "service" };

	return names[segment];
}

void why_words_problem(const struct model *m, const struct why_problem *p, FILE *out)
{
	struct texts t;

	write_texts(m, p, &t);
	if (p->broken)
		print_broken(p, &t, out);
	else
		print_slow(p, &t, out);
}

static void print_seen(uint32_t servers, uint32_t clients, FILE *out)
{
	fprintf(out, "%" PRIu32 " server%s and %" PRIu32 " device%s", servers, plural(servers),
		clients, plural(clients));
}

void why_words_none(const struct why_answer *a, FILE *out)
{
	if (a->servers_seen == 0) {
		fprintf(out, "Not enough data: no trace was seen.");
		return;
	}
	if (why_knows_nothing(a)) {
		fprintf(out,
			"Not enough data: it takes %d traces to one server, or of one device, to say what is "
			"usual there and whether it still is. ",
			WHY_BEFORE + WHY_NOW);
		print_seen(a->servers_seen, a->clients_seen, out);
		fprintf(out,
			" were seen, too seldom; a log must hold all paths (log.paths = \"all\").");
		return;
	}
	fprintf(out, "No problem: the ways to ");
	print_seen(a->servers, a->clients, out);
	fprintf(out, " are as fast as before.");
}

char *why_words_text(const struct model *m, const struct why_answer *a, const struct why_problem *p)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		return NULL;
	if (p)
		why_words_problem(m, p, out);
	else
		why_words_none(a, out);
	if (fclose(out) == 0)
		return text;
	free(text);
	return NULL;
}

bool why_knows_nothing(const struct why_answer *a)
{
	return a->count == 0 && a->servers == 0 && a->clients == 0;
}

static void json_hop(
	struct json_object *to, const char *key, const struct model *m, uint8_t ttl, uint32_t addrs)
{
	struct json_object *hop = json_object_new_object();

	if (ttl == 0) {
		json_object_put(hop);
		return;
	}
	json_object_object_add(hop, "ttl", json_object_new_int(ttl));
	if (addrs != MODEL_NONE)
		json_object_object_add(hop, "addr", json_object_new_string(model_text(m, addrs)));
	show_json_network(hop, m, addrs);
	json_object_object_add(to, key, hop);
}

static const char *verdict(const struct why_answer *a)
{
	if (a->count)
		return why_segment_name(a->problems[0].segment);
	return why_knows_nothing(a) ? "not enough data" : "none";
}

struct json_object *why_json(const struct model *m, const struct why_answer *a)
{
	struct json_object *top = json_object_new_object(), *list = json_object_new_array();

	json_object_object_add(top, "verdict", json_object_new_string(verdict(a)));
	json_object_object_add(top, "servers", json_object_new_int64(a->servers));
	json_object_object_add(top, "clients", json_object_new_int64(a->clients));
	for (uint32_t i = 0; i < a->count; i++) {
		const struct why_problem *p = &a->problems[i];
		struct json_object *one = show_json_flow(m, &m->flows[p->flow]);

		json_object_object_add(
			one, "rule", json_object_new_string(why_segment_name(p->segment)));
		json_object_object_add(one, "broken", json_object_new_boolean(p->broken));
		show_json_time(one, "since", p->since);
		show_json_ms(one, "before", p->before_us);
		show_json_ms(one, "now", p->now_us);
		json_hop(one, "behind", m, p->good_ttl, p->good_addrs);
		json_hop(one, "from", m, p->bad_ttl, p->bad_addrs);
		json_object_object_add(one, "servers", json_object_new_int64(p->servers));
		json_object_object_add(one, "connections", json_object_new_int64(p->flows));
		json_object_array_add(list, one);
	}
	json_object_object_add(top, "problems", list);
	return top;
}
