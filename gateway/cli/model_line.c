/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One line of a log into the model. */
#include "gateway/cli/model_line.h"

#include "gateway/cli/devices.h"
#include "gateway/logfmt/logfmt.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* What makes a flow. No padding: its bytes are compared. */
struct flow_key {
	uint32_t client, server, proto;
	uint16_t client_port, server_port;
};

/* The number of a field's text; MODEL_NONE if the line has no such field. */
static uint32_t text_of(struct model *m, const struct logfmt_line *line, const char *key)
{
	const char *value = logfmt_get(line, key);

	return value ? model_put(m, value, strlen(value)) : MODEL_NONE;
}

static uint32_t number_of(const struct logfmt_line *line, const char *key, int base)
{
	const char *value = logfmt_get(line, key);

	return value ? (uint32_t)strtoul(value, NULL, base) : 0;
}

static uint64_t field_thousandths(const struct logfmt_line *line, const char *key)
{
	const char *value = logfmt_get(line, key);

	return value ? model_thousandths(&value) : 0;
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

/* Its device's name by the record, else as this machine calls it; NULL if neither has one. */
static const char *device_of(const struct model_filter *filter, const struct logfmt_line *line)
{
	const char *device = logfmt_get(line, "dev");

	if (device || !filter->devices)
		return device;
	return devices_find(filter->devices, logfmt_get(line, "cl"));
}

static bool is_client(const struct model_filter *filter, const struct logfmt_line *line)
{
	const char *device;

	if (field_is(line, "cl", filter->client))
		return true;
	device = device_of(filter, line);
	return device && !strcasecmp(device, filter->client);
}

static bool is_wanted(const struct model_filter *filter, const struct logfmt_line *line)
{
	const char *host = logfmt_get(line, "host");

	if (filter->since && field_thousandths(line, "ts") < filter->since)
		return false;
	if (filter->client && !is_client(filter, line))
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
	const char *device = NULL;
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
			.last_trace = MODEL_NONE,
			.first_epoch = MODEL_NONE,
			.last_epoch = MODEL_NONE };
		device = device_of(&m->filter, line);
	}
	f->client = key.client;
	f->server = key.server;
	f->proto = key.proto;
	f->client_port = key.client_port;
	f->server_port = key.server_port;
	if (logfmt_get(line, "dev"))
		device = logfmt_get(line, "dev");
	if (device)
		f->device = model_put(m, device, strlen(device));
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

static void note_time(struct model *m, model_time first, model_time last)
{
	/* A time of 0 is none. */
	if (first && (m->first == 0 || first < m->first))
		m->first = first;
	m->last = m->last > last ? m->last : last;
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
		.e2e_us = model_u32(field_thousandths(line, "e2e")),
		.lan_us = model_u32(field_thousandths(line, "lan")),
		.fingerprint = number_of(line, "fp", 16),
		.why = text_of(m, line, "why"),
		.stop = text_of(m, line, "stop"),
		.next = MODEL_NONE,
		.line = model_u32(m->lines),
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
	note_time(m, t.at, t.at);
}

/* The round trips of a whole flow: KEY=MIN/MED/MAX. */
static struct model_spread spread_of(const struct logfmt_line *line, const char *key)
{
	const char *value = logfmt_get(line, key);
	struct model_spread s = { 0 };

	return value && model_read_spread(&value, &s) ? s : (struct model_spread){ 0 };
}

static void add_epoch(
	struct model *m, const struct logfmt_line *line, const struct model_entries *entries)
{
	struct model_epoch e = {
		.since = field_thousandths(line, "since"),
		.until = field_thousandths(line, "until"),
		.flow = flow_of(m, line),
		.path = intern_put(
			&m->paths, entries->steps, entries->count * sizeof(entries->steps[0])),
		.spreads = m->spread_count,
		.traces = number_of(line, "traces", 10),
		.flaps = number_of(line, "flaps", 10),
		.fingerprint = number_of(line, "fp", 16),
		.e2e = spread_of(line, "e2e"),
		.lan = spread_of(line, "lan"),
		.next = MODEL_NONE,
	};
	struct model_flow *f;

	m->full |= e.path == INTERN_NONE ||
		   !model_grow((void **)&m->epochs, &m->epoch_room, m->epoch_count, 1, sizeof(e)) ||
		   !model_grow((void **)&m->spreads, &m->spread_room, m->spread_count,
			   entries->count, sizeof(*m->spreads));
	if (m->full)
		return;
	memcpy(m->spreads + m->spread_count, entries->spreads,
		entries->count * sizeof(*m->spreads));
	m->spread_count += entries->count;
	f = &m->flows[e.flow];
	if (f->first_epoch != MODEL_NONE)
		m->epochs[f->last_epoch].next = m->epoch_count;
	else
		f->first_epoch = m->epoch_count;
	f->last_epoch = m->epoch_count;
	m->epochs[m->epoch_count++] = e;
	note_time(m, e.since, e.until);
}

/* A path or an epoch, which is whole. */
static void add_whole(struct model *m, const struct logfmt_line *line, bool epoch,
	const struct model_entries *entries)
{
	if (epoch)
		add_epoch(m, line, entries);
	else
		add_trace(m, line, entries);
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
static struct model_part *part_of(struct model *m, uint32_t run, bool epoch, uint32_t parts)
{
	struct model_part *place = NULL;

	for (uint32_t i = 0; i < MODEL_PARTS; i++) {
		struct model_part *p = &m->parts->list[i];

		if (p->parts && p->run == run && p->epoch == epoch)
			return p;
		if (!p->parts)
			place = p;
	}
	if (!place) {
		place = &m->parts->list[m->parts->turn++ % MODEL_PARTS];
		m->unjoined++;
	}
	place->run = run;
	place->epoch = epoch;
	place->parts = parts;
	place->got = 0;
	place->entries.count = 0;
	return place;
}

/* A part comes behind those before it, or not at all. */
static void take_part(struct model *m, const struct logfmt_line *line, bool epoch, const char *part)
{
	char *end;
	uint32_t number = (uint32_t)strtoul(part, &end, 10);
	uint32_t parts = *end == '/' ? (uint32_t)strtoul(end + 1, NULL, 10) : 0;
	struct model_part *p = part_of(m, number_of(line, "run", 16), epoch, parts);

	if (parts != p->parts || number != p->got + 1 || number > parts ||
		!model_read_hops(m, logfmt_get(line, "hops"), epoch, &p->entries)) {
		m->unjoined++;
		p->parts = 0;
		return;
	}
	p->got = number;
	if (p->got < p->parts)
		return;
	add_whole(m, line, epoch, &p->entries);
	p->parts = 0;
}

void model_end(struct model *m)
{
	for (uint32_t i = 0; i < MODEL_PARTS; i++) {
		m->unjoined += m->parts->list[i].parts != 0;
		m->parts->list[i].parts = 0;
	}
	model_mark_told(m);
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

static void take_path(struct model *m, const struct logfmt_line *line, bool epoch)
{
	struct model_entries entries;
	const char *part = logfmt_get(line, "part"), *hops = logfmt_get(line, "hops");

	entries.count = 0;
	if (hops && part)
		take_part(m, line, epoch, part);
	else if (hops && model_read_hops(m, hops, epoch, &entries))
		add_whole(m, line, epoch, &entries);
	else
		m->broken++;
}

/* What the reader has read: from the first `ev=` that is no word's end. */
static void keep_raw(struct model *m, const char *line, size_t len)
{
	const char *at = line, *end = line + len;
	char *out = m->raw[m->raw_count++ % m->raw_room].text;

	while ((at = memmem(at, (size_t)(end - at), "ev=", 3)) != NULL && at > line &&
		at[-1] != ' ')
		at += 3;
	if (!at)
		at = end;
	if (end > at && end[-1] == '\n')
		end--;
	len = (size_t)(end - at) < LOGFMT_LINE_MAX ? (size_t)(end - at) : LOGFMT_LINE_MAX;
	memcpy(out, at, len);
	out[len] = '\0';
}

bool model_line(struct model *m, const char *line, size_t len)
{
	struct logfmt_line fields;
	const char *event;
	bool epoch;

	m->lines++;
	if (!logfmt_read(line, len, &fields)) {
		m->broken += memmem(line, len, "ev=path ", 8) ||
			     memmem(line, len, "ev=change ", 10) ||
			     memmem(line, len, "ev=epoch ", 9);
		return true;
	}
	event = logfmt_get(&fields, "ev");
	epoch = strcmp(event, "epoch") == 0;
	if (!epoch && strcmp(event, "path") != 0 && strcmp(event, "change") != 0)
		return true;
	if (!has_flow(&fields)) {
		m->broken++;
		return true;
	}
	if (!is_wanted(&m->filter, &fields)) {
		m->filtered++;
		return true;
	}
	if (m->raw_room)
		keep_raw(m, line, len);
	if (strcmp(event, "change") == 0)
		add_change(m, &fields);
	else
		take_path(m, &fields, epoch);
	return !m->full;
}
