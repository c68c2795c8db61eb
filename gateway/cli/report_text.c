/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The report as Markdown, for a mail or a ticket, and its hops as CSV, for a table. */
#include "gateway/cli/report.h"
#include "gateway/cli/safe.h"
#include "gateway/cli/show.h"
#include "gateway/cli/why_words.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Text that Markdown takes for nothing but text, HTML included. */
static void md_text(FILE *out, const char *text)
{
	while (*text) {
		size_t size = safe_character(text);

		if (size == 0) {
			fprintf(out, "\\\\x%02x", (uint8_t)*text++);
			continue;
		}
		if (size == 1 && strchr("\\`*_{}[]<>()#+!|~&", *text))
			fputc('\\', out);
		fwrite(text, 1, size, out);
		text += size;
	}
}

/* A sentence of why's; NULL: that there is no problem. False: no memory. */
static bool md_sentence(const struct report *r, const struct why_problem *p, FILE *out)
{
	char *text = why_words_text(r->m, &r->why, p);

	if (!text)
		return false;
	md_text(out, text);
	free(text);
	return true;
}

static bool md_answer(const struct report *r, FILE *out)
{
	bool good = true;

	for (uint32_t i = 0; i < r->why.count; i++) {
		fprintf(out, "- **%s**: ", why_segment_name(r->why.problems[i].segment));
		good &= md_sentence(r, &r->why.problems[i], out);
		fputc('\n', out);
	}
	if (r->why.count == 0)
		good = md_sentence(r, NULL, out);
	fputs("\n\n", out);
	return good;
}

static void md_routers(const struct report *r, const struct digest_pair *p, FILE *out)
{
	struct digest_router routers[DIGEST_ROUTERS];
	uint32_t count = digest_routers(r->d, p, routers);
	char ms[SHOW_MS_BYTES], network[ASN_BYTES];

	fputs("| hop | router | least | low | middle | high | most | answered |\n"
	      "|---:|---|---:|---:|---:|---:|---:|---:|\n",
		out);
	for (uint32_t i = 0; i < count; i++) {
		const struct digest_router *h = &routers[i];
		const uint32_t rtts[] = { h->rtt.least_us, h->rtt.low_us, h->rtt.middle_us,
			h->rtt.high_us, h->rtt.most_us };

		if (h->ttl)
			fprintf(out, "| %" PRIu32 " | ", h->ttl);
		else
			fputs("| ? | ", out);
		md_text(out, h->rest                  ? "(others)"
			     : h->addrs == MODEL_NONE ? "*"
						      : model_text(r->m, h->addrs));
		if (*show_network(r->m, h->addrs, network)) {
			fputs(", ", out);
			md_text(out, network);
		}
		for (size_t k = 0; k < sizeof(rtts) / sizeof(rtts[0]); k++)
			fprintf(out, " | %s", show_ms(rtts[k], ms));
		fprintf(out, " | %" PRIu32 "/%" PRIu32 " |\n", h->rtt.count, h->asked);
	}
}

static void md_changes(const struct report *r, const struct digest_pair *p, FILE *out)
{
	struct digest_change changes[DIGEST_CHANGES];
	uint32_t count = digest_changes(r->d, p, changes);
	char stamp[REPORT_STAMP];

	if (count)
		fprintf(out, "\nChanges of path: %" PRIu32 "; the latest:\n\n", p->changes);
	for (uint32_t i = 0; i < count; i++) {
		fprintf(out, "- %s, ", report_stamp(changes[i].at, "%b %e %H:%M:%S", stamp));
		md_text(out, model_text(r->m, changes[i].host));
		fprintf(out, ": from hop %" PRIu32 " on, ", changes[i].ttl);
		md_text(out, changes[i].before == MODEL_NONE ? "no answer"
							     : model_text(r->m, changes[i].before));
		fputs(" became ", out);
		md_text(out, changes[i].behind == MODEL_NONE ? "no answer"
							     : model_text(r->m, changes[i].behind));
		fputc('\n', out);
	}
}

static void md_pair(const struct report *r, const struct digest_pair *p, FILE *out)
{
	char ms[SHOW_MS_BYTES];

	fputs("\n## ", out);
	md_text(out, model_text(r->m, r->d->clients[p->client].name));
	fputs(" to ", out);
	md_text(out, model_text(r->m, r->d->services[p->service].name));
	fprintf(out, "\n\n%" PRIu32 " traces of %" PRIu32 " connections to %" PRIu32 " servers; ",
		p->traces, p->flows, p->servers);
	fprintf(out, "to the device %s ms, ", show_ms(p->lan.middle_us, ms));
	fprintf(out, "to the server %s ms in the middle.\n\n", show_ms(p->e2e.middle_us, ms));
	md_routers(r, p, out);
	md_changes(r, p, out);
}

bool report_md(const struct report *r, FILE *out)
{
	bool good;

	fputs("# inpath report\n\n", out);
	report_period(r, out);
	fprintf(out, "; %" PRIu32 " devices, %" PRIu32 " services, %" PRIu32 " traces.\n\n",
		r->d->clients_seen, r->d->services_seen, r->d->traces);
	good = md_answer(r, out);
	fputs("A slow hop is no slow path: only a delay that stays on all later hops is one. Round trips "
	      "in ms; eight of ten lie between low and high.\n",
		out);
	if (r->d->traces > r->m->trace_count)
		fprintf(out,
			"The answer is from the %" PRIu32 " of %" PRIu32
			" traces that the log has one by one; the others it tells of together (ev=epoch): "
			"the middle stands for each of them.\n",
			r->m->trace_count, r->d->traces);
	for (uint32_t i = 0; i < r->d->pair_count; i++)
		md_pair(r, &r->d->pairs[i], out);
	if (r->d->pair_count < r->d->pairs_seen)
		fprintf(out,
			"\nShown: the %" PRIu32 " of %" PRIu32 " pairs with the most traces.\n",
			r->d->pair_count, r->d->pairs_seen);
	return good;
}

/* --- CSV (RFC 4180) ------------------------------------------------------------------------------ */

/* What a table's program would take for a formula gets a quote in front: names are strangers'. */
static void csv_text(FILE *out, const char *text)
{
	char safe[1024];

	safe_text(safe, sizeof(safe), text);
	fputc('"', out);
	if (*safe && strchr("=+-@", *safe))
		fputc('\'', out);
	for (const char *at = safe; *at; at++) {
		if (*at == '"')
			fputc('"', out);
		fputc(*at, out);
	}
	fputc('"', out);
}

/* A row's numbers, and whose network the router is in. */
static void csv_spread(const struct spread *s, uint32_t asked, const char *network, FILE *out)
{
	const uint32_t rtts[] = { s->least_us, s->low_us, s->middle_us, s->high_us, s->most_us };

	fprintf(out, ",%" PRIu32 ",%" PRIu32, s->count, asked);
	for (size_t i = 0; i < sizeof(rtts) / sizeof(rtts[0]); i++) {
		fputc(',', out);
		if (rtts[i])
			fprintf(out, "%.2f", rtts[i] / 1000.0);
	}
	fputc(',', out);
	csv_text(out, network);
	fputs("\r\n", out);
}

static void csv_start(
	const struct report *r, const struct digest_pair *p, const char *what, FILE *out)
{
	csv_text(out, model_text(r->m, r->d->clients[p->client].name));
	fputc(',', out);
	csv_text(out, model_text(r->m, r->d->services[p->service].name));
	fprintf(out, ",%s,", what);
}

bool report_csv(const struct report *r, FILE *out)
{
	fputs("dev,svc,what,ttl,addr,answered,traces,min,p10,med,p90,max,network\r\n", out);
	for (uint32_t i = 0; i < r->d->pair_count; i++) {
		const struct digest_pair *p = &r->d->pairs[i];
		struct digest_router routers[DIGEST_ROUTERS];
		uint32_t count = digest_routers(r->d, p, routers);
		char network[ASN_BYTES];

		csv_start(r, p, "lan,", out);
		csv_spread(&p->lan, p->traces, "", out);
		csv_start(r, p, "e2e,", out);
		csv_spread(&p->e2e, p->traces, "", out);
		for (uint32_t h = 0; h < count; h++) {
			csv_start(r, p, routers[h].rest ? "others" : "hop", out);
			if (routers[h].ttl)
				fprintf(out, "%" PRIu32, routers[h].ttl);
			fputc(',', out);
			csv_text(out, model_text(r->m, routers[h].addrs));
			csv_spread(&routers[h].rtt, routers[h].asked,
				show_network(r->m, routers[h].addrs, network), out);
		}
	}
	return true;
}
