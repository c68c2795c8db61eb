/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The page's drawings: shapes alone, stretched to the width there is; words stand beside them, as text. */
#include "gateway/cli/html.h"
#include "gateway/cli/lattice.h"
#include "gateway/cli/report.h"
#include "gateway/cli/show.h"

#include <inttypes.h>
#include <stdlib.h>

enum {
	WIDE = 1000,
	HIGH = 100,
	GAP = 3,   /* bins without a value that a line is drawn over */
	LANE = 22, /* pixels */
	ROW = 30,
};

static uint32_t y_of(uint32_t us, uint32_t scale)
{
	uint32_t most = us < scale ? us : scale;

	return HIGH - (uint32_t)((uint64_t)most * HIGH / scale);
}

static uint32_t x_of(uint32_t bin, uint32_t count)
{
	return (2 * bin + 1) * WIDE / (2 * count);
}

/* From `bin` on: the next with a value, no further than a gap; `count` if there is none. */
static uint32_t next_bin(const struct spread *bins, uint32_t count, uint32_t bin)
{
	for (uint32_t i = bin + 1; i < count && i <= bin + 1 + GAP; i++)
		if (bins[i].count)
			return i;
	return count;
}

static void draw_line(const struct spread *bins, uint32_t count, uint32_t scale, FILE *out)
{
	bool on = false;

	fputs("<path class=line d=\"", out);
	for (uint32_t i = 0; i < count; i++) {
		if (!bins[i].count)
			continue;
		fprintf(out, "%c%" PRIu32 " %" PRIu32, on ? 'L' : 'M', x_of(i, count),
			y_of(bins[i].middle_us, scale));
		/* A value that stands alone is a point. */
		if (!on && next_bin(bins, count, i) == count)
			fputs("h0", out);
		on = next_bin(bins, count, i) < count;
	}
	fputs("\"/>", out);
}

/* From each bin to the next: the stretch between the tenths. */
static void draw_band(const struct spread *bins, uint32_t count, uint32_t scale, FILE *out)
{
	fputs("<path class=band d=\"", out);
	for (uint32_t i = 0; i < count; i++) {
		uint32_t next = bins[i].count ? next_bin(bins, count, i) : count;

		if (next < count)
			fprintf(out,
				"M%" PRIu32 " %" PRIu32 "L%" PRIu32 " %" PRIu32 "V%" PRIu32
				"L%" PRIu32 " %" PRIu32 "Z",
				x_of(i, count), y_of(bins[i].high_us, scale), x_of(next, count),
				y_of(bins[next].high_us, scale), y_of(bins[next].low_us, scale),
				x_of(i, count), y_of(bins[i].low_us, scale));
	}
	fputs("\"/>", out);
}

static void open_svg(const char *class, uint32_t high, FILE *out)
{
	fprintf(out,
		"<svg class=%s viewBox=\"0 0 %d %" PRIu32
		"\" preserveAspectRatio=none aria-hidden=true>",
		class, WIDE, high);
}

void report_chart(const struct report *r, const char *heading, const struct spread *bins,
	uint32_t count, const struct spread *whole, FILE *out)
{
	uint32_t scale = bins_scale(bins, count);
	model_time from = r->m->first, until = r->m->last;
	const char *format = until - from < 20 * 3600000ULL ? "%H:%M" : "%b %e";
	char ms[SHOW_MS_BYTES], stamp[REPORT_STAMP];

	fprintf(out, "<figure class=chart><figcaption><b>%s</b> ", heading);
	if (!whole->count) {
		fputs("<span>not measured</span></figcaption></figure>\n", out);
		return;
	}
	fprintf(out, "<span>%s ms in the middle, ", show_ms(whole->middle_us, ms));
	fprintf(out, "%s to ", show_ms(whole->low_us, ms));
	fprintf(out, "%s mostly</span></figcaption><div class=plot><div class=y>",
		show_ms(whole->high_us, ms));
	fprintf(out, "<span>%g ms</span><span>%g</span><span>0</span></div>", scale / 1000.0,
		scale / 2000.0);
	open_svg("time", HIGH, out);
	fprintf(out, "<path class=grid d=\"M0 0H%dM0 %dH%dM0 %dH%d\"/>", WIDE, HIGH / 2, WIDE, HIGH,
		WIDE);
	draw_band(bins, count, scale, out);
	draw_line(bins, count, scale, out);
	fputs("</svg><div class=x>", out);
	for (uint32_t i = 0; i <= 2; i++)
		fprintf(out, "<span>%s</span>",
			report_stamp(from + (until - from) * i / 2, format, stamp));
	fputs("</div></div></figure>\n", out);
}

void report_spark(const struct spread *bins, uint32_t count, uint32_t scale, FILE *out)
{
	open_svg("spark", HIGH, out);
	fprintf(out, "<path class=grid d=\"M0 %dH%d\"/>", HIGH, WIDE);
	draw_line(bins, count, scale, out);
	fputs("</svg>", out);
}

static uint32_t along(uint32_t us, uint32_t scale)
{
	return (uint32_t)((uint64_t)(us < scale ? us : scale) * WIDE / scale);
}

void report_bar(const struct spread *s, uint32_t scale, FILE *out)
{
	uint32_t low = along(s->low_us, scale), high = along(s->high_us, scale);

	open_svg("bar", HIGH, out);
	fprintf(out, "<path class=grid d=\"M0 50H%d\"/>", WIDE);
	fprintf(out, "<path class=range d=\"M%" PRIu32 " 50H%" PRIu32 "\"/>",
		along(s->least_us, scale), along(s->most_us, scale));
	fprintf(out, "<rect class=tenths x=%" PRIu32 " y=28 width=%" PRIu32 " height=44 />", low,
		high > low + 4 ? high - low : 4);
	fprintf(out, "<path class=middle d=\"M%" PRIu32 " 12V88\"/></svg>",
		along(s->middle_us, scale));
}

/* --- the lattice -------------------------------------------------------------------------------- */

static uint32_t lane_x(uint32_t lane)
{
	return LANE / 2 + 3 + lane * LANE;
}

static uint32_t row_y(uint32_t row)
{
	return ROW / 2 + row * ROW;
}

static void draw_link(const struct lattice *l, const struct lattice_link *k, FILE *out)
{
	const struct lattice_node *a = &l->nodes[k->from], *b = &l->nodes[k->to];
	uint32_t last = a->row, first = b->row, drawn = 0;
	int count = __builtin_popcount(k->clients);
	double apart = count > 4 ? 10.0 / count : 2.5;

	/* Down its own lane to the TTL's last row, over, and down the other's from its first. */
	while (last + 1 < l->node_count && l->nodes[last + 1].ttl == a->ttl)
		last++;
	while (first > 0 && l->nodes[first - 1].ttl == b->ttl)
		first--;
	for (uint32_t c = 0; c < DIGEST_CLIENTS; c++) {
		double aside = (drawn - (count - 1) / 2.0) * apart;
		double x = lane_x(a->lane) + aside, to = lane_x(b->lane) + aside;
		double mid = (row_y(last) + row_y(first)) / 2.0;

		if (!(k->clients & 1U << c))
			continue;
		fprintf(out,
			"<path class=\"link k%" PRIu32 "\" d=\"M%g %" PRIu32 "V%" PRIu32
			"C%g %g %g %g %g %" PRIu32 "V%" PRIu32 "\"/>",
			c, x, row_y(a->row), row_y(last), x, mid, to, mid, to, row_y(first),
			row_y(b->row));
		drawn++;
	}
}

static void draw_node(const struct report *r, const struct lattice_node *n, FILE *out)
{
	const char *class = n->ttl && !n->addr && !n->rest ? "node silent" : "node";
	bool hurts = n->addr && report_hurts(r, n->ttl, n->addr, n->addr_len);

	if (n->server || n->ttl == 0)
		fprintf(out,
			"<rect class=\"%s%s\" x=%" PRIu32 " y=%" PRIu32
			" width=11 height=11 rx=2 />",
			class, hurts ? " hurts" : "", lane_x(n->lane) - 5, row_y(n->row) - 5);
	else
		fprintf(out, "<circle class=\"%s%s\" cx=%" PRIu32 " cy=%" PRIu32 " r=5.5 />", class,
			hurts ? " hurts" : "", lane_x(n->lane), row_y(n->row));
}

static void write_label(const struct report *r, const struct lattice *l, uint32_t row, FILE *out)
{
	const struct lattice_node *n = &l->nodes[row];
	bool first = row == 0 || l->nodes[row - 1].ttl != n->ttl;

	fputs("<li><span class=ttl>", out);
	if (n->ttl && first)
		fprintf(out, "%" PRIu32, n->ttl);
	fputs("</span><span class=who>", out);
	if (n->ttl == 0)
		fputs("your gateway", out);
	else if (n->rest)
		fprintf(out, "<i>others, on %" PRIu32 " ways</i>", n->routers);
	else if (!n->addr)
		fputs("<i>does not answer</i>", out);
	else
		html_bytes(out, n->addr, n->addr_len);
	if (n->addr)
		report_network(n->addr, n->addr_len, out);
	if (n->host != MODEL_NONE) {
		fputs(" <b>", out);
		html_text(out, model_text(r->m, n->host));
		fputs("</b>", out);
	}
	fputs("</span><span class=marks>", out);
	for (uint32_t c = 0; c < DIGEST_CLIENTS; c++)
		if (n->clients & 1U << c)
			fprintf(out, "<span class=\"mark k%" PRIu32 "\">%c</span>", c,
				report_letter(c));
	fputs("</span></li>\n", out);
}

bool report_lattice(const struct report *r, uint32_t service, FILE *out)
{
	struct lattice *l = malloc(sizeof(*l));
	uint32_t wide;

	if (!l || !lattice_draw(r->d, service, l)) {
		free(l);
		return false;
	}
	wide = l->lanes * LANE + 6;
	fprintf(out,
		"<div class=lattice><svg width=%" PRIu32 " height=%" PRIu32 " aria-hidden=true>",
		wide, l->node_count * ROW);
	for (uint32_t i = 0; i < l->link_count; i++)
		draw_link(l, &l->links[i], out);
	for (uint32_t i = 0; i < l->node_count; i++)
		draw_node(r, &l->nodes[i], out);
	fputs("</svg><ol>\n", out);
	for (uint32_t i = 0; i < l->node_count; i++)
		write_label(r, l, i, out);
	fputs("</ol></div>\n", out);
	if (l->ways < l->ways_seen)
		fprintf(out,
			"<p class=note>The %" PRIu32 " most used of %" PRIu32
			" ways are drawn.</p>\n",
			l->ways, l->ways_seen);
	free(l);
	return true;
}
