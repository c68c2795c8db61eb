/* SPDX-License-Identifier: GPL-2.0-or-later */
/* inpath why: the answer in sentences, or as JSON. */
#include "gateway/cli/safe.h"
#include "gateway/cli/show.h"
#include "gateway/cli/source.h"
#include "gateway/cli/verbs.h"
#include "gateway/cli/why.h"

#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

static const char HELP[] =
	"usage: inpath why [--client X] [--service Y] [--since T] [--json] [FILE|-]\n\n"
	"Where it hurts: one sentence a problem, with its figures: the device's link (Wi-Fi or cabling),\n"
	"the provider's first routers (access), a link farther on (transit) or the service itself. Everything is\n"
	"compared with its own past, so the log must go back to when all was well, and hold all paths:\n"
	"log.paths = \"all\". A router that answers late, while those behind it do not, is no problem.\n" SOURCE_HELP
	"\nExit status: 0 no problem, 1 a problem was named, 2 nothing could be read, 3 not enough data.\n\n"
	"Example: inpath why --client livingroom-tv --since 2h /var/log/inpath.log\n";

enum {
	WHY_NO_DATA = 3, /* exit status */
	TEXT_BYTES = 256,
};

static const char *const segments[] = { "lan", "access", "transit", "service" };

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
	char addr[TEXT_BYTES - 32];

	safe_text(addr, sizeof(addr), model_text(m, addrs));
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

/* Where a problem lies that begins between two hops. */
static void print_link(const struct why_problem *p, const struct texts *t)
{
	if (p->good_ttl && p->bad_ttl)
		printf("between %s and %s", t->good, t->bad);
	else if (p->bad_ttl)
		printf("from %s on", t->bad);
	else if (p->good_ttl)
		printf("somewhere behind %s, where no router answers", t->good);
	else
		printf("somewhere on the way, where no router answers");
}

static void print_broken(const struct why_problem *p, const struct texts *t)
{
	switch (p->segment) {
	case WHY_LAN: break;
	case WHY_ACCESS_LINK:
		printf("Your provider: since %s nothing comes back ", t->since);
		print_link(p, t);
		printf(" (%s).\n", t->ways);
		break;
	case WHY_TRANSIT:
		printf("On the way to %s: since %s nothing comes back ", t->service, t->since);
		print_link(p, t);
		printf(" (%s). Your provider's first routers answer.\n", t->ways);
		break;
	case WHY_SERVICE:
		printf("The service %s: since %s %s does not answer, while the last router before it does "
		       "(%s).\n",
			t->service, t->since, t->host, t->ways);
		break;
	}
}

static void print_slow(const struct why_problem *p, const struct texts *t)
{
	switch (p->segment) {
	case WHY_LAN:
		printf("Wi-Fi or cabling to %s: %s ms there and back since %s, instead of %s. This is "
		       "inside your house: the ways to the servers are measured apart from it.\n",
			t->client, t->now, t->since, t->before);
		break;
	case WHY_ACCESS_LINK:
		printf("Your provider's first routers: %s ms more since %s, ", t->excess, t->since);
		print_link(p, t);
		printf(", on the way to %s; to %s %s ms instead of %s.\n", t->ways, t->host, t->now,
			t->before);
		break;
	case WHY_TRANSIT:
		printf("On the way to %s: %s ms more since %s, ", t->service, t->excess, t->since);
		print_link(p, t);
		printf(" (%s); to %s %s ms instead of %s. Not your Wi-Fi, nor your provider's first "
		       "routers.\n",
			t->ways, t->host, t->now, t->before);
		break;
	case WHY_SERVICE:
		printf("The service %s: %s ms more since %s at the server alone (%s); to %s %s ms instead "
		       "of %s. The routers before it answer as fast as before.\n",
			t->service, t->excess, t->since, t->ways, t->host, t->now, t->before);
		break;
	}
}

static void print_words(const struct model *m, const struct why_answer *a)
{
	for (uint32_t i = 0; i < a->count; i++) {
		const struct why_problem *p = &a->problems[i];
		struct texts t;

		write_texts(m, p, &t);
		printf("[%s] ", segments[p->segment]);
		if (p->broken)
			print_broken(p, &t);
		else
			print_slow(p, &t);
	}
	if (a->count)
		return;
	if (a->servers == 0 && a->clients == 0)
		printf("Not enough data: it takes %d traces to one server, or of one device, to say what is "
		       "usual there (%" PRIu32 " servers and %" PRIu32 " devices were seen).\n",
			WHY_BEFORE + WHY_NOW, a->servers_seen, a->clients_seen);
	else
		printf("No problem: the ways to %" PRIu32 " server%s and the links of %" PRIu32
		       " device%s are as fast as before.\n",
			a->servers, plural(a->servers), a->clients, plural(a->clients));
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
	json_object_object_add(to, key, hop);
}

static const char *verdict(const struct why_answer *a)
{
	if (a->count)
		return segments[a->problems[0].segment];
	return a->servers || a->clients ? "none" : "not enough data";
}

static void print_json(const struct model *m, const struct why_answer *a)
{
	struct json_object *top = json_object_new_object(), *list = json_object_new_array();

	json_object_object_add(top, "verdict", json_object_new_string(verdict(a)));
	json_object_object_add(top, "servers", json_object_new_int64(a->servers));
	json_object_object_add(top, "clients", json_object_new_int64(a->clients));
	for (uint32_t i = 0; i < a->count; i++) {
		const struct why_problem *p = &a->problems[i];
		struct json_object *one = show_json_flow(m, &m->flows[p->flow]);

		json_object_object_add(one, "rule", json_object_new_string(segments[p->segment]));
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
	show_json_print(top);
}

static int print(const struct model *m, bool json)
{
	static struct why_answer answer;

	if (!why_ask(m, &answer))
		return SOURCE_NO_MEMORY;
	if (json)
		print_json(m, &answer);
	else
		print_words(m, &answer);
	if (answer.count)
		return 1;
	return answer.servers || answer.clients ? 0 : WHY_NO_DATA;
}

int verb_why(int argc, char **argv)
{
	return source_verb(argc, argv, HELP, print);
}
