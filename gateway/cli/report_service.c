/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A service on the page: the ways of all devices, then each device by itself. */
#include "gateway/cli/html.h"
#include "gateway/cli/report.h"
#include "gateway/cli/show.h"

#include <inttypes.h>
#include <string.h>

void report_network(const char *addr, size_t len, FILE *out)
{
	char network[ASN_BYTES];

	if (!*asn_text(addr, len, network))
		return;
	fputs(" <small>", out);
	html_text(out, network);
	fputs("</small>", out);
}

static const char *plural(uint32_t count)
{
	return count == 1 ? "" : "s";
}

static void write_charts(const struct report *r, const struct digest_pair *p, FILE *out)
{
	struct spread bins[BINS_MAX];
	uint32_t count = bins_worth(p->traces, r->m->first, r->m->last);

	fputs("<div class=charts>\n", out);
	digest_series(r->d, p, DIGEST_LAN, NULL, bins, count);
	report_chart(r, "To the device", bins, count, &p->lan, out);
	digest_series(r->d, p, DIGEST_E2E, NULL, bins, count);
	report_chart(r, "To the server", bins, count, &p->e2e, out);
	fputs("</div>\n", out);
}

/* One scale for all hops, so that what begins at one and stays on the later ones is seen. */
static uint32_t scale_of(const struct digest_router *routers, uint32_t count)
{
	uint32_t most = 0;

	for (uint32_t i = 0; i < count; i++)
		if (!routers[i].rest && routers[i].rtt.high_us > most)
			most = routers[i].rtt.high_us;
	return bins_round(most);
}

static void write_who(const struct report *r, const struct digest_router *h, FILE *out)
{
	const char *addrs = model_text(r->m, h->addrs);

	fputs("<span class=who>", out);
	if (h->rest)
		fprintf(out, "<i>others, %" PRIu32 " times</i>", h->rtt.count);
	else if (h->addrs == MODEL_NONE)
		fputs("<i>does not answer</i>", out);
	else
		html_text(out, addrs);
	if (h->server)
		fputs(" <b>the server</b>", out);
	report_network(addrs, strlen(addrs), out);
	fputs("</span>", out);
}

static void write_router(const struct report *r, const struct digest_pair *p,
	const struct digest_router *h, bool first, uint32_t scale, FILE *out)
{
	const char *addrs = model_text(r->m, h->addrs);
	struct spread bins[BINS_MAX];
	char ms[SHOW_MS_BYTES];
	uint32_t count = bins_worth(p->traces, r->m->first, r->m->last);

	count = count < REPORT_SPARK_BINS ? count : REPORT_SPARK_BINS;
	fprintf(out, "<li class=\"hop%s\"><span class=ttl>",
		*addrs && report_hurts(r, h->ttl, addrs, strlen(addrs)) ? " hurts" : "");
	if (first && h->ttl)
		fprintf(out, "%" PRIu32, h->ttl);
	else if (first)
		fputs("?", out);
	fputs("</span>", out);
	write_who(r, h, out);
	if (h->rest || h->addrs == MODEL_NONE) {
		fprintf(out,
			"<span class=ms></span><span class=of>%" PRIu32 "/%" PRIu32
			"</span></li>\n",
			h->rtt.count, h->asked);
		return;
	}
	fprintf(out, "<span class=ms>%s</span><span class=of>%" PRIu32 "/%" PRIu32 "</span>",
		show_ms(h->rtt.middle_us, ms), h->rtt.count, h->asked);
	fputs("<span class=spread>", out);
	report_bar(&h->rtt, scale, out);
	fputs("</span><span class=over>", out);
	digest_series(r->d, p, DIGEST_ROUTER, h, bins, count);
	report_spark(bins, count, scale, out);
	fputs("</span></li>\n", out);
}

static void write_routers(const struct report *r, const struct digest_pair *p, FILE *out)
{
	struct digest_router routers[DIGEST_ROUTERS];
	uint32_t count = digest_routers(r->d, p, routers);
	uint32_t scale = scale_of(routers, count);

	fprintf(out,
		"<ol class=hops><li class=\"hop head\"><span class=ttl>hop</span><span class=who>router"
		"</span><span class=ms>ms</span><span class=of>answered</span><span class=spread>"
		"<span>0</span><span>%g ms</span></span><span class=over><span>over time, 0 to %g ms"
		"</span></span></li>\n",
		scale / 1000.0, scale / 1000.0);
	for (uint32_t i = 0; i < count; i++)
		write_router(r, p, &routers[i], i == 0 || routers[i - 1].ttl != routers[i].ttl,
			scale, out);
	fputs("</ol>\n", out);
}

static void write_addrs(const struct report *r, uint32_t addrs, FILE *out)
{
	if (addrs == MODEL_NONE)
		fputs("<i>no answer</i>", out);
	else
		html_text(out, model_text(r->m, addrs));
}

static void write_changes(const struct report *r, const struct digest_pair *p, FILE *out)
{
	struct digest_change changes[DIGEST_CHANGES];
	uint32_t count = digest_changes(r->d, p, changes);
	char stamp[REPORT_STAMP];

	if (count == 0) {
		fputs("<p class=note>No connection changed its path.</p>\n", out);
		return;
	}
	fprintf(out, "<details><summary>%" PRIu32 " change%s of path</summary><ul class=changes>\n",
		p->changes, plural(p->changes));
	for (uint32_t i = 0; i < count; i++) {
		fprintf(out, "<li><time>%s</time> ",
			report_stamp(changes[i].at, "%b %e %H:%M:%S", stamp));
		html_text(out, model_text(r->m, changes[i].host));
		fprintf(out, ": from hop %" PRIu32 " on, ", changes[i].ttl);
		write_addrs(r, changes[i].before, out);
		fputs(" became ", out);
		write_addrs(r, changes[i].behind, out);
		fputs("</li>\n", out);
	}
	fputs("</ul>", out);
	if (count < p->changes)
		fprintf(out, "<p class=note>The latest %" PRIu32 ".</p>", count);
	fputs("</details>\n", out);
}

static void write_pair(const struct report *r, uint32_t index, FILE *out)
{
	const struct digest_pair *p = &r->d->pairs[index];

	fprintf(out,
		"<article class=\"pair k%" PRIu32 "\" id=p%" PRIu32
		"><h3><span class=\"mark k%" PRIu32 "\">%c</span> ",
		p->client, index, p->client, report_letter(p->client));
	html_text(out, model_text(r->m, r->d->clients[p->client].name));
	fprintf(out,
		"</h3><p class=note>%" PRIu32 " connection%s to %" PRIu32 " server%s, %" PRIu32
		" trace%s</p>\n",
		p->flows, plural(p->flows), p->servers, plural(p->servers), p->traces,
		plural(p->traces));
	write_charts(r, p, out);
	write_routers(r, p, out);
	write_changes(r, p, out);
	fputs("</article>\n", out);
}

bool report_service(const struct report *r, uint32_t service, FILE *out)
{
	fprintf(out, "<section id=s%" PRIu32 "><h2>", service);
	html_text(out, model_text(r->m, r->d->services[service].name));
	fputs("</h2>\n<h4>All ways to it</h4>\n", out);
	if (!report_lattice(r, service, out))
		return false;
	for (uint32_t i = 0; i < r->d->pair_count; i++)
		if (r->d->pairs[i].service == service)
			write_pair(r, i, out);
	fputs("</section>\n", out);
	return true;
}
