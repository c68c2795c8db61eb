/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One line of a log into the model. */
#include "gateway/cli/model_line.h"

#include "gateway/logfmt/logfmt.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* What makes a flow. No padding: its bytes are compared. */
struct flow_key {
	uint32_t client, server, proto;
	uint16_t client_port, server_port;
};

static uint32_t put_text(struct model *m, const char *text, size_t len)
{
	uint32_t number = intern_put(&m->texts, text, len);

	m->full |= number == INTERN_NONE;
	return number;
}

/* The number of a field's text; MODEL_NONE if the line has no such field. */
static uint32_t text_of(struct model *m, const struct logfmt_line *line, const char *key)
{
	const char *value = logfmt_get(line, key);

	return value ? put_text(m, value, strlen(value)) : MODEL_NONE;
}

static uint32_t number_of(const struct logfmt_line *line, const char *key, int base)
{
	const char *value = logfmt_get(line, key);

	return value ? (uint32_t)strtoul(value, NULL, base) : 0;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* N[.NNN...] in thousandths, rounded down; what follows it is left in *text. */
static uint64_t thousandths(const char **text)
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

static uint64_t field_thousandths(const struct logfmt_line *line, const char *key)
{
	const char *value = logfmt_get(line, key);

	return value ? thousandths(&value) : 0;
}

static uint32_t most_u32(uint64_t value)
{
	return value < UINT32_MAX ? (uint32_t)value : UINT32_MAX;
}

/* One entry of `hops`: TTL/ADDR[+ADDR...]/RTT or TTL/`*`; false if it is none. Moves behind it. */
static bool read_entry(struct model *m, const char **at, struct model_entries *out)
{
	struct model_step step = { 0, MODEL_NONE };
	uint32_t rtt = 0;
	size_t len;

	if (**at == '?')
		(*at)++;
	else if (is_digit(**at))
		step.ttl = (uint32_t)strtoul(*at, (char **)at, 10);
	else
		return false;
	if (*(*at)++ != '/' || out->count == MODEL_HOPS)
		return false;
	len = strcspn(*at, "/,");
	if (len == 1 && **at == '*') {
		(*at)++;
	} else {
		step.addrs = put_text(m, *at, len);
		*at += len;
		if (len == 0 || *(*at)++ != '/' || !is_digit(**at))
			return false;
		rtt = most_u32(thousandths(at));
	}
	out->steps[out->count] = step;
	out->rtts[out->count++] = rtt;
	return true;
}

static bool read_hops(struct model *m, const char *hops, struct model_entries *out)
{
	while (read_entry(m, &hops, out)) {
		if (!*hops)
			return true;
		if (*hops++ != ',')
			return false;
	}
	return false;
}

/* --- the filter -------------------------------------------------------------------------------- */

static bool is_in_domain(const char *host, const char *domain)
{
	size_t host_len = strlen(host), len = strlen(domain);

	return host_len >= len && !strcasecmp(host + host_len - len, domain) &&
	       (host_len == len || host[host_len - len - 1] == '.');
}

static bool field_is(const struct logfmt_line *line, const char *key, const char *wanted)
{
	const char *value = logfmt_get(line, key);

	return value && !strcasecmp(value, wanted);
}

static bool is_wanted(const struct model_filter *filter, const struct logfmt_line *line)
{
	const char *host = logfmt_get(line, "host");

	if (filter->since && field_thousandths(line, "ts") < filter->since)
		return false;
	if (filter->client && !field_is(line, "cl", filter->client) &&
		!field_is(line, "dev", filter->client))
		return false;
	return !filter->service || field_is(line, "svc", filter->service) ||
	       field_is(line, "pol", filter->service) ||
	       (host && is_in_domain(host, filter->service));
}

/* --- records ------------------------------------------------------------------------------------ */

/* Its index; MODEL_NONE: no memory. What may be learnt later (names) is taken from the newest record. */
static uint32_t flow_of(struct model *m, const struct logfmt_line *line)
{
	struct flow_key key = {
		.client = text_of(m, line, "cl"),
		.server = text_of(m, line, "dst"),
		.proto = text_of(m, line, "proto"),
		.client_port = (uint16_t)number_of(line, "sport", 10),
		.server_port = (uint16_t)number_of(line, "dport", 10),
	};
	uint32_t index = intern_put(&m->keys, &key, sizeof(key));
	struct model_flow *f;

	m->full |= index == INTERN_NONE ||
		   !model_grow((void **)&m->flows, &m->flow_room, m->flow_count, 1, sizeof(*f));
	if (m->full)
		return MODEL_NONE;
	f = &m->flows[index];
	if (index == m->flow_count) {
		m->flow_count++;
		*f = (struct model_flow){ .device = MODEL_NONE,
			.host = MODEL_NONE,
			.first_trace = MODEL_NONE,
			.last_trace = MODEL_NONE };
	}
	f->client = key.client;
	f->server = key.server;
	f->proto = key.proto;
	f->client_port = key.client_port;
	f->server_port = key.server_port;
	if (logfmt_get(line, "dev"))
		f->device = text_of(m, line, "dev");
	if (logfmt_get(line, "host"))
		f->host = text_of(m, line, "host");
	f->policy = text_of(m, line, "pol");
	f->service = text_of(m, line, "svc");
	f->by = text_of(m, line, "by");
	f->af = (uint8_t)number_of(line, "af", 10);
	return index;
}

static bool room_for_trace(struct model *m, uint32_t entries)
{
	return model_grow((void **)&m->traces, &m->trace_room, m->trace_count, 1,
		       sizeof(*m->traces)) &&
	       model_grow((void **)&m->rtts, &m->rtt_room, m->rtt_count, entries, sizeof(*m->rtts));
}

static void add_trace(
	struct model *m, const struct logfmt_line *line, const struct model_entries *entries)
{
	struct model_trace t = {
		.at = field_thousandths(line, "ts"),
		.flow = flow_of(m, line),
		.path = intern_put(
			&m->paths, entries->steps, entries->count * sizeof(entries->steps[0])),
		.rtts = m->rtt_count,
		.e2e_us = most_u32(field_thousandths(line, "e2e")),
		.lan_us = most_u32(field_thousandths(line, "lan")),
		.fingerprint = number_of(line, "fp", 16),
		.why = text_of(m, line, "why"),
		.stop = text_of(m, line, "stop"),
		.next = MODEL_NONE,
		.line = most_u32(m->lines),
		.nhop = (uint8_t)number_of(line, "nhop", 10),
		.sent = (uint8_t)number_of(line, "sent", 10),
	};
	struct model_flow *f;

	m->full |= t.path == INTERN_NONE || !room_for_trace(m, entries->count);
	if (m->full)
		return;
	f = &m->flows[t.flow];
	memcpy(m->rtts + m->rtt_count, entries->rtts, entries->count * sizeof(*m->rtts));
	m->rtt_count += entries->count;
	if (f->traces++)
		m->traces[f->last_trace].next = m->trace_count;
	else
		f->first_trace = m->trace_count;
	f->last_trace = m->trace_count;
	m->traces[m->trace_count++] = t;
	m->first = m->first && m->first < t.at ? m->first : t.at;
	m->last = m->last > t.at ? m->last : t.at;
}

static void add_change(struct model *m, const struct logfmt_line *line)
{
	struct model_change change = {
		.at = field_thousandths(line, "ts"),
		.flow = flow_of(m, line),
		.old_fingerprint = number_of(line, "old", 16),
		.new_fingerprint = number_of(line, "new", 16),
		.ttl = (uint8_t)number_of(line, "ttl", 10),
	};

	m->full |= !model_grow(
		(void **)&m->changes, &m->change_room, m->change_count, 1, sizeof(change));
	if (!m->full)
		m->changes[m->change_count++] = change;
}

/* --- paths of several lines -------------------------------------------------------------------- */

/* The place where this run's parts are put together; a free one, if there is none yet. */
static struct model_part *part_of(struct model *m, uint32_t run, uint32_t parts)
{
	struct model_part *place = NULL;

	for (uint32_t i = 0; i < MODEL_PARTS; i++) {
		struct model_part *p = &m->parts->list[i];

		if (p->parts && p->run == run)
			return p;
		if (!p->parts)
			place = p;
	}
	if (!place) {
		place = &m->parts->list[m->parts->turn++ % MODEL_PARTS];
		m->unjoined++;
	}
	*place = (struct model_part){ .run = run, .parts = parts };
	return place;
}

/* A part comes behind those before it, or not at all. */
static void take_part(struct model *m, const struct logfmt_line *line, const char *part)
{
	char *end;
	uint32_t number = (uint32_t)strtoul(part, &end, 10);
	uint32_t parts = *end == '/' ? (uint32_t)strtoul(end + 1, NULL, 10) : 0;
	struct model_part *p = part_of(m, number_of(line, "run", 16), parts);

	if (parts != p->parts || number != p->got + 1 || number > parts ||
		!read_hops(m, logfmt_get(line, "hops"), &p->entries)) {
		m->unjoined++;
		p->parts = 0;
		return;
	}
	p->got = number;
	if (p->got < p->parts)
		return;
	add_trace(m, line, &p->entries);
	p->parts = 0;
}

void model_end(struct model *m)
{
	for (uint32_t i = 0; i < MODEL_PARTS; i++) {
		m->unjoined += m->parts->list[i].parts != 0;
		m->parts->list[i].parts = 0;
	}
}

static bool has_flow(const struct logfmt_line *line)
{
	static const char *const keys[] = { "ts", "run", "cl", "pol", "svc", "by", "proto", "af",
		"sport", "dst", "dport" };

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (!logfmt_get(line, keys[i]))
			return false;
	return true;
}

static void take_path(struct model *m, const struct logfmt_line *line)
{
	struct model_entries entries = { .count = 0 };
	const char *part = logfmt_get(line, "part"), *hops = logfmt_get(line, "hops");

	if (hops && part)
		take_part(m, line, part);
	else if (hops && read_hops(m, hops, &entries))
		add_trace(m, line, &entries);
	else
		m->broken++;
}

bool model_line(struct model *m, const char *line, size_t len)
{
	struct logfmt_line fields;
	const char *event;

	m->lines++;
	if (!logfmt_read(line, len, &fields)) {
		m->broken +=
			memmem(line, len, "ev=path ", 8) || memmem(line, len, "ev=change ", 10);
		return true;
	}
	event = logfmt_get(&fields, "ev");
	if (strcmp(event, "path") != 0 && strcmp(event, "change") != 0)
		return true;
	if (!has_flow(&fields))
		m->broken++;
	else if (!is_wanted(&m->filter, &fields))
		m->filtered++;
	else if (strcmp(event, "path") == 0)
		take_path(m, &fields);
	else
		add_change(m, &fields);
	return !m->full;
}
