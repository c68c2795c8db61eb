/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The page: the answer, an overview, service by service, the records. No script; nothing is loaded. */
#include "gateway/cli/html.h"
#include "gateway/cli/report.h"
#include "gateway/cli/show.h"
#include "gateway/cli/why_words.h"

#include <inttypes.h>
#include <stdlib.h>

static const char *plural(uint32_t count)
{
	return count == 1 ? "" : "s";
}

static void write_head(const struct report *r, FILE *out)
{
	const struct digest *d = r->d;

	fputs("<!doctype html>\n<html lang=en><head><meta charset=utf-8>\n"
	      "<meta name=viewport content=\"width=device-width, initial-scale=1\">\n"
	      "<meta name=color-scheme content=\"light dark\">\n"
	      "<meta http-equiv=Content-Security-Policy content=\"default-src 'none'; "
	      "style-src 'unsafe-inline'\">\n"
	      "<title>inpath report</title>\n<style>",
		out);
	fputs(report_style, out);
	fputs("</style></head><body><main>\n<header><p class=brand>inpath report</p>"
	      "<h1>Where does it hurt?</h1>\n<p class=note>",
		out);
	report_period(r, out);
	fprintf(out,
		"<br>%" PRIu32 " device%s, %" PRIu32 " service%s, %" PRIu32
		" trace%s</p></header>\n",
		d->clients_seen, plural(d->clients_seen), d->services_seen,
		plural(d->services_seen), d->traces, plural(d->traces));
}

/* --- the answer --------------------------------------------------------------------------------- */

static const struct {
	const char *name, *what;
} stages[] = {
	[WHY_LAN] = { "Your home", "Wi-Fi and cabling" },
	[WHY_ACCESS_LINK] = { "Your provider", "its first routers" },
	[WHY_TRANSIT] = { "Transit", "networks between" },
	[WHY_SERVICE] = { "The service", "its servers" },
};

static void write_stage(const struct report *r, enum why_segment segment, FILE *out)
{
	/* Where most traces are not told one by one, that nothing was found says little. */
	bool most = r->d->traces / 2 <= r->m->trace_count;
	bool known = most && (segment == WHY_LAN ? r->why.clients : r->why.servers) > 0;
	const char *class = known ? "good" : "unknown", *said = known ? "as usual" : "not known";

	for (uint32_t i = 0; i < r->why.count; i++) {
		if (r->why.problems[i].segment != segment)
			continue;
		class = "bad";
		said = r->why.problems[i].broken ? "does not answer" : "slower than usual";
		break;
	}
	fprintf(out, "<li class=%s><b>%s</b><span>%s</span><em>%s</em></li>\n", class,
		stages[segment].name, stages[segment].what, said);
}

/* A sentence for people, made fit for the page. False: no memory. */
static bool write_sentence(const struct report *r, const struct why_problem *p, FILE *out)
{
	char *text = why_words_text(r->m, &r->why, p);

	if (!text)
		return false;
	html_text(out, text);
	free(text);
	return true;
}

static bool write_answer(const struct report *r, FILE *out)
{
	bool good = true;

	fputs("<section class=answer>\n<ol class=stages>\n", out);
	for (enum why_segment s = WHY_LAN; s <= WHY_SERVICE; s++)
		write_stage(r, s, out);
	fputs("</ol>\n", out);
	for (uint32_t i = 0; i < r->why.count; i++) {
		fputs("<p class=problem>", out);
		good &= write_sentence(r, &r->why.problems[i], out);
		fputs("</p>\n", out);
	}
	if (!r->why.count) {
		fputs("<p class=calm>", out);
		good &= write_sentence(r, NULL, out);
		fputs("</p>\n", out);
	}
	if (r->d->traces > r->m->trace_count)
		fprintf(out,
			"<p class=note>This answer is from the %" PRIu32 " of %" PRIu32
			" traces that the log has one by one. The others it tells of together, as long as a "
			"connection took one path (ev=epoch): below, the middle stands for each of them. "
			"With log.paths = \"all\" each is logged.</p>\n",
			r->m->trace_count, r->d->traces);
	fputs("</section>\n", out);
	return good;
}

/* --- the overview ------------------------------------------------------------------------------- */

static void write_row(const struct report *r, uint32_t index, FILE *out)
{
	const struct digest_pair *p = &r->d->pairs[index];
	char ms[SHOW_MS_BYTES];

	fprintf(out, "<tr><td><span class=\"mark k%" PRIu32 "\">%c</span> ", p->client,
		report_letter(p->client));
	html_text(out, model_text(r->m, r->d->clients[p->client].name));
	fprintf(out, "</td><td><a href=\"#p%" PRIu32 "\">", index);
	html_text(out, model_text(r->m, r->d->services[p->service].name));
	fprintf(out, "</a></td><td class=n>%s</td>", show_ms(p->lan.middle_us, ms));
	fprintf(out, "<td class=n>%s</td>", show_ms(p->e2e.middle_us, ms));
	fprintf(out,
		"<td class=\"n spare\">%" PRIu32 "</td><td class=\"n spare\">%" PRIu32
		"</td><td class=\"n spare\">%" PRIu32 "</td></tr>\n",
		p->hops, p->traces, p->changes);
}

static void write_overview(const struct report *r, FILE *out)
{
	const struct digest *d = r->d;

	fputs("<section><h2>Who and where to</h2>\n<table><thead><tr><th>Device</th><th>Service</th>"
	      "<th class=n>To the device, ms</th><th class=n>To the server, ms</th>"
	      "<th class=\"n spare\">Hops</th><th class=\"n spare\">Traces</th>"
	      "<th class=\"n spare\">Changes of path</th></tr></thead><tbody>\n",
		out);
	for (uint32_t i = 0; i < d->pair_count; i++)
		write_row(r, i, out);
	fputs("</tbody></table>\n", out);
	if (d->pair_count < d->pairs_seen)
		fprintf(out,
			"<p class=note>Shown are the %" PRIu32
			" pairs with the most traces, of %" PRIu32 " pairs of %" PRIu32
			" devices and %" PRIu32 " services.</p>\n",
			d->pair_count, d->pairs_seen, d->clients_seen, d->services_seen);
	fputs("</section>\n", out);
}

/* --- the records -------------------------------------------------------------------------------- */

static void write_records(const struct report *r, FILE *out)
{
	uint32_t count = 0;

	while (count < REPORT_RAW && model_raw(r->m, count))
		count++;
	fprintf(out,
		"<section><h2>The records</h2>\n<details><summary>The latest %" PRIu32
		" as inpathd wrote them</summary><pre>",
		count);
	for (uint32_t back = count; back-- > 0;) {
		html_text(out, model_raw(r->m, back));
		fputc('\n', out);
	}
	fputs("</pre></details>\n", out);
	if (r->m->broken || r->m->unjoined)
		fprintf(out,
			"<p class=note>Left out: %" PRIu64
			" lines that are no whole records, %" PRIu64
			" paths of which a part is missing.</p>\n",
			r->m->broken, r->m->unjoined);
	fputs("</section>\n", out);
}

static void write_foot(const struct report *r, FILE *out)
{
	char stamp[REPORT_STAMP];

	fprintf(out,
		"<footer><h2>How to read this</h2>\n"
		"<p>inpath runs on this home's gateway. It sends small probes inside the devices' own "
		"connections, so each router named here is one that the connection itself crosses. A "
		"<em>hop</em> is a router on the way, counted from the gateway; its figure is the time "
		"to it and back.</p>\n<p>Routers answer when they have time: a slow hop is no slow path. "
		"Only a delay that begins at one hop and stays on all later ones, the server's "
		"included, is one. In the drawings a bar holds eight values of ten, its mark is the "
		"middle one; a hollow ring is a router that keeps silent, a square is the gateway or a "
		"server.</p>\n<p>Times are local. Written on %s by inpath " INPATH_VERSION
		".</p></footer>\n</main></body></html>\n",
		report_stamp(r->now, "%e %b %Y at %H:%M %Z", stamp));
}

static bool has_pair(const struct digest *d, uint32_t service)
{
	for (uint32_t i = 0; i < d->pair_count; i++)
		if (d->pairs[i].service == service)
			return true;
	return false;
}

static bool is_problem(const struct report *r, uint32_t service)
{
	for (uint32_t i = 0; i < r->why.count; i++) {
		const struct why_problem *p = &r->why.problems[i];

		if (p->segment != WHY_LAN &&
			r->m->flows[p->flow].service == r->d->services[service].name)
			return true;
	}
	return false;
}

bool report_html(const struct report *r, FILE *out)
{
	bool good;

	write_head(r, out);
	good = write_answer(r, out);
	if (r->d->pair_count)
		write_overview(r, out);
	/* What hurts comes first. */
	for (int pass = 0; pass < 2; pass++)
		for (uint32_t i = 0; good && i < r->d->service_count; i++)
			if (has_pair(r->d, i) && is_problem(r, i) == (pass == 0))
				good = report_service(r, i, out);
	write_records(r, out);
	write_foot(r, out);
	return good;
}
