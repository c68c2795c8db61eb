/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The lists of hops in records, and which traces epochs tell of. */
#include "gateway/cli/model_line.h"

#include <stdlib.h>
#include <string.h>

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

uint32_t model_put(struct model *m, const char *text, size_t len)
{
	uint32_t number = intern_put(&m->texts, text, len);

	m->full |= number == INTERN_NONE;
	return number;
}

uint64_t model_thousandths(const char **text)
{
	uint64_t value = 0;
	int digits = 0;

	for (; is_digit(**text); (*text)++)
		value = value < UINT64_MAX / 100000 ? value * 10 + (uint64_t)(**text - '0') : value;
	if (**text == '.')
		for ((*text)++; is_digit(**text); (*text)++)
			if (digits++ < 3)
				value = value * 10 + (uint64_t)(**text - '0');
	for (; digits < 3; digits++)
		value *= 10;
	return value;
}

uint32_t model_u32(uint64_t value)
{
	return value < UINT32_MAX ? (uint32_t)value : UINT32_MAX;
}

/* ms, as us. */
static bool read_ms(const char **text, uint32_t *out)
{
	if (!is_digit(**text))
		return false;
	*out = model_u32(model_thousandths(text));
	return true;
}

static bool read_sign(const char **text, const char *sign)
{
	size_t len = strlen(sign);

	if (strncmp(*text, sign, len) != 0)
		return false;
	*text += len;
	return true;
}

static bool read_count(const char **text, uint32_t *out)
{
	if (!is_digit(**text))
		return false;
	*out = model_u32(strtoull(*text, (char **)text, 10));
	return true;
}

bool model_read_spread(const char **text, struct model_spread *out)
{
	return read_ms(text, &out->least_us) && read_sign(text, "/") &&
	       read_ms(text, &out->middle_us) && read_sign(text, "/") &&
	       read_ms(text, &out->most_us);
}

/* What an epoch has behind an address: /MIN/MED/MAX/JITTER/MISSING-of-SENT, or the last alone. */
static bool read_epoch_hop(const char **at, struct model_spread *out)
{
	const char *end = *at + strcspn(*at, "-,");
	uint32_t jitter, missing;
	bool timed = false;

	*out = (struct model_spread){ 0 };
	if (!read_sign(at, "/"))
		return false;
	for (const char *c = *at; c < end; c++)
		timed |= *c == '/';
	if (timed && !(model_read_spread(at, out) && read_sign(at, "/") && read_ms(at, &jitter) &&
			     read_sign(at, "/")))
		return false;
	if (!read_count(at, &missing) || !read_sign(at, "-of-") || !read_count(at, &out->sent))
		return false;
	out->answered = missing < out->sent ? out->sent - missing : 0;
	return true;
}

/* One entry: TTL/ADDR[+ADDR...]/RTT or TTL/`*` of a path; false if it is none. Moves behind it. */
static bool read_entry(struct model *m, const char **at, bool epoch, struct model_entries *out)
{
	struct model_step step = { 0, MODEL_NONE };
	uint32_t rtt = 0;
	size_t len;

	if (out->count == MODEL_HOPS || !(read_sign(at, "?") || read_count(at, &step.ttl)) ||
		!read_sign(at, "/"))
		return false;
	len = strcspn(*at, "/,");
	if (len == 0)
		return false;
	if (len > 1 || **at != '*')
		step.addrs = model_put(m, *at, len);
	*at += len;
	if (epoch && !read_epoch_hop(at, &out->spreads[out->count]))
		return false;
	if (!epoch && step.addrs != MODEL_NONE && !(read_sign(at, "/") && read_ms(at, &rtt)))
		return false;
	out->steps[out->count] = step;
	out->rtts[out->count++] = rtt;
	return true;
}

bool model_read_hops(struct model *m, const char *hops, bool epoch, struct model_entries *out)
{
	while (read_entry(m, &hops, epoch, out)) {
		if (!*hops)
			return true;
		if (!read_sign(&hops, ","))
			return false;
	}
	return false;
}

/* --- traces that an epoch tells of --------------------------------------------------------------- */

/* Is an address of the one list, joined by `+`, in the other? */
static bool share_address(const char *a, const char *b)
{
	while (*a) {
		size_t len = strcspn(a, "+");

		for (const char *c = b; *c;) {
			size_t other = strcspn(c, "+");

			if (len == other && strncmp(a, c, len) == 0)
				return true;
			c += other + (c[other] == '+');
		}
		a += len + (a[len] == '+');
	}
	return false;
}

/* DESIGN section 10: paths are equal when at every TTL they share an address or one is silent. */
static bool shows(const struct model *m, uint32_t path, uint32_t other)
{
	uint32_t count, others;
	const struct model_step *steps = model_path(m, path, &count);
	const struct model_step *of = model_path(m, other, &others);

	if (path == other)
		return true;
	for (uint32_t i = 0; i < count && i < others; i++) {
		if (steps[i].addrs == MODEL_NONE || of[i].addrs == MODEL_NONE ||
			steps[i].addrs == of[i].addrs)
			continue;
		/* A server without a TTL may stand anywhere. */
		if (steps[i].ttl == of[i].ttl &&
			!share_address(model_text(m, steps[i].addrs), model_text(m, of[i].addrs)))
			return false;
	}
	return true;
}

void model_mark_told(struct model *m)
{
	for (uint32_t i = 0; i < m->epoch_count; i++) {
		struct model_epoch *e = &m->epochs[i];
		uint32_t at = m->flows[e->flow].first_trace;

		for (; at != MODEL_NONE; at = m->traces[at].next) {
			struct model_trace *t = &m->traces[at];

			if (t->told || t->at < e->since || t->at > e->until ||
				!shows(m, t->path, e->path))
				continue;
			t->told = true;
			e->logged++;
		}
	}
}
