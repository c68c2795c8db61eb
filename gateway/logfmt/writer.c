/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/logfmt/line.h"

#include "gateway/engine/hash.h"
#include "gateway/logfmt/tell.h"

#include <inttypes.h>
#include <stdio.h>

/* The texts that come from outside, in the order in which they give way when a line is too long. */
enum text {
	TEXT_HOST,
	TEXT_DEVICE,
	TEXT_SERVICE,
	TEXT_POLICY,
	TEXTS,
};

/* Which part of how many a line is; `of` is 1 if the record fits one line. */
struct part {
	unsigned int number;
	unsigned int of;
};

struct writer {
	const struct inpath_record *record;
	const struct logfmt_options *options;
	logfmt_sink *sink;
	void *arg;
	size_t caps[TEXTS]; /* bytes that the escaped texts may take */
};

static const char *by_word(enum inpath_by by)
{
	switch (by) {
	case INPATH_BY_ADDR: return "addr";
	case INPATH_BY_DNS: return "dns";
	case INPATH_BY_SNI: return "sni";
	}
	return "-";
}

static const char *app_word(enum inpath_app app)
{
	switch (app) {
	case INPATH_APP_TCP: return "tcp";
	case INPATH_APP_QUIC: return "quic";
	case INPATH_APP_UDP: return "udp";
	}
	return "-";
}

static const char *why_word(enum inpath_why why)
{
	switch (why) {
	case INPATH_WHY_START: return "start";
	case INPATH_WHY_PERIOD: return "period";
	case INPATH_WHY_CHANGE: return "change";
	case INPATH_WHY_SLOW: return "slow";
	case INPATH_WHY_USER: return "user";
	}
	return "-";
}

static const char *stop_word(enum inpath_stop stop)
{
	switch (stop) {
	case INPATH_STOP_REACHED: return "reached";
	case INPATH_STOP_GAP: return "gap";
	case INPATH_STOP_MAXTTL: return "maxttl";
	case INPATH_STOP_ENDED: return "ended";
	case INPATH_STOP_BUDGET: return "budget";
	case INPATH_STOP_SHORT: return "short";
	case INPATH_STOP_INFERRED: return "inferred";
	}
	return "-";
}

static void put_part(struct line *l, struct part part)
{
	if (part.of > 1)
		line_put(l, " part=%u/%u", part.number, part.of);
}

static void put_client(struct line *l, const struct writer *w)
{
	const struct inpath_addr *client = &w->record->flow.tuple.client;
	struct hash_key key = { w->options->client_key[0], w->options->client_key[1] };

	line_put(l, " cl=");
	switch (w->options->clients) {
	case LOGFMT_CLIENTS_ADDRESS: line_addr(l, client); break;
	case LOGFMT_CLIENTS_HASH:
		line_put(l, "%016" PRIx64, hash_bytes(&key, client, sizeof(*client)));
		break;
	case LOGFMT_CLIENTS_NONE: line_put(l, "-"); break;
	}
}

/* `ev v ts run part`: what every record's line begins with. */
static void put_start(
	struct line *l, const struct writer *w, const char *event, inpath_time at, struct part part)
{
	line_start(l);
	line_put(l, "ev=%s v=1", event);
	line_ts(l, at + (uint64_t)w->options->wall_offset);
	line_put(l, " run=%08" PRIx32, w->record->flow.run);
	put_part(l, part);
}

/* `cl` to `dport`: whose flow it is. */
static void put_flow(struct line *l, const struct writer *w)
{
	const struct inpath_record_flow *flow = &w->record->flow;
	bool names = w->options->names;

	put_client(l, w);
	if (names && flow->device && *flow->device)
		line_quoted(l, "dev", flow->device, w->caps[TEXT_DEVICE]);
	line_field(l, "pol", flow->policy, w->caps[TEXT_POLICY]);
	line_field(l, "svc", flow->service, w->caps[TEXT_SERVICE]);
	if (names && *flow->host)
		line_quoted(l, "host", flow->host, w->caps[TEXT_HOST]);
	line_put(l, " by=%s proto=%s af=%u sport=%u dst=", by_word(flow->by), app_word(flow->app),
		flow->tuple.client.family, flow->tuple.client_port);
	line_addr(l, &flow->tuple.server);
	line_put(l, " dport=%u", flow->tuple.server_port);
}

/* ` KEY=MIN/MED/MAX`, if there were any. */
static void put_rtts(struct line *l, const char *key, const struct inpath_rtts *rtts)
{
	if (rtts->count == 0)
		return;
	line_put(l, " %s=", key);
	line_ms1(l, rtts->min_ns);
	line_put(l, "/");
	line_ms1(l, rtts->med_ns);
	line_put(l, "/");
	line_ms1(l, rtts->max_ns);
}

/* A moment, as `ts` is written. */
static void put_moment(struct line *l, const struct writer *w, const char *key, inpath_time at)
{
	uint64_t wall_ns = at + (uint64_t)w->options->wall_offset;

	line_put(l, " %s=%llu.%03llu", key, wall_ns / INPATH_SEC,
		wall_ns % INPATH_SEC / INPATH_MSEC);
}

static void put_epoch_head(struct line *l, const struct writer *w, struct part part)
{
	const struct inpath_record_epoch *epoch = &w->record->epoch;

	put_start(l, w, "epoch", w->record->at, part);
	put_flow(l, w);
	put_moment(l, w, "since", epoch->since);
	put_moment(l, w, "until", epoch->until);
	line_put(l, " traces=%" PRIu32 " flaps=%" PRIu32 " fp=%08" PRIx32, epoch->traces,
		epoch->flaps, epoch->fingerprint);
	put_rtts(l, "e2e", &epoch->e2e);
	put_rtts(l, "lan", &epoch->lan);
	line_put(l, " hops=");
}

/* All of a path's, change's or epoch's line except the hops; in each of its parts. */
static void put_head(struct line *l, const struct writer *w, struct part part)
{
	const struct inpath_record_path *path = &w->record->path;
	const struct inpath_record_change *change = &w->record->change;

	if (w->record->kind == INPATH_RECORD_CHANGE) {
		put_start(l, w, "change", w->record->at, part);
		put_flow(l, w);
		line_put(l, " old=%08" PRIx32 " new=%08" PRIx32 " ttl=%u", change->old_fingerprint,
			change->new_fingerprint, change->ttl);
		if (change->back)
			line_put(l, " back=yes");
		line_put(l, " held=%llu", change->held_ns / INPATH_SEC);
		return;
	}
	if (w->record->kind == INPATH_RECORD_EPOCH) {
		put_epoch_head(l, w, part);
		return;
	}
	put_start(l, w, "path", w->record->at, part);
	put_flow(l, w);
	line_put(l, " why=%s stop=%s nhop=%u sent=%u fp=%08" PRIx32, why_word(path->why),
		stop_word(path->stop), path->nhop, path->sent, path->fingerprint);
	if (path->e2e_ns) {
		line_put(l, " e2e=");
		line_ms1(l, path->e2e_ns);
	}
	if (path->lan_ns) {
		line_put(l, " lan=");
		line_ms1(l, path->lan_ns);
	}
	if (w->record->flow.ech)
		line_put(l, " ech=yes");
	tell_path(l, path);
	line_put(l, " hops=");
}

/*
 * Shortens the texts until a head of the longest part leaves `reserve` bytes of a line free. Real
 * names always fit; only text that is nearly all escapes, or four names of greatest length, do not.
 */
static void fit_texts(struct writer *w, struct part longest, size_t reserve)
{
	const struct inpath_record_flow *flow = &w->record->flow;
	const char *texts[TEXTS] = { flow->host, flow->device ? flow->device : "", flow->service,
		flow->policy };
	struct line l;

	for (enum text i = 0; i < TEXTS; i++)
		w->caps[i] = LINE_UNCUT;
	for (enum text i = 0; i < TEXTS; i++) {
		size_t len = line_escaped_len(texts[i]);
		size_t over;

		put_head(&l, w, longest);
		if (l.len + reserve <= LOGFMT_LINE_MAX)
			return;
		over = l.len + reserve - LOGFMT_LINE_MAX;
		w->caps[i] = over < len ? len - over : 0;
	}
}

static void put_addrs(struct line *l, const struct inpath_addr *addrs, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		if (i)
			line_put(l, "+");
		line_addr(l, &addrs[i]);
	}
	if (!count)
		line_put(l, "*");
}

static unsigned int entry_count(const struct inpath_record *record)
{
	if (record->kind == INPATH_RECORD_EPOCH)
		return record->epoch.nhop;
	return record->path.nhop + (record->path.unplaced ? 1U : 0U);
}

/* TTL/ADDRESSES/MIN/MED/MAX/JITTER/MISSING-of-SENT; without the times if nothing was answered. */
static void put_epoch_hop(struct line *l, const struct inpath_epoch_hop *hop)
{
	const uint64_t times[] = { hop->rtt.min_ns, hop->rtt.med_ns, hop->rtt.max_ns,
		hop->rtt.jitter_ns };

	line_put(l, "%u/", hop->ttl);
	put_addrs(l, hop->addrs, hop->addr_count);
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]) && hop->rtt.count; i++) {
		line_put(l, "/");
		line_ms2(l, times[i]);
	}
	line_put(l, "/%" PRIu32 "-of-%" PRIu32, hop->missing, hop->sent);
}

/* The entry `i` of `hops`; of a path the unplaced server is the last one. */
static void put_entry(struct line *l, const struct inpath_record *record, unsigned int i)
{
	const struct inpath_record_path *path = &record->path;

	if (record->kind == INPATH_RECORD_EPOCH) {
		put_epoch_hop(l, &record->epoch.hops[i]);
		return;
	}
	if (i == path->nhop) {
		line_put(l, "?/");
		line_addr(l, &record->flow.tuple.server);
		line_put(l, "/");
		line_ms2(l, path->unplaced_rtt_ns);
		return;
	}
	line_put(l, "%u/", path->hops[i].ttl);
	put_addrs(l, path->hops[i].addrs, path->hops[i].addr_count);
	if (path->hops[i].addr_count) {
		line_put(l, "/");
		line_ms2(l, path->hops[i].rtt_min_ns);
	}
}

static size_t entry_len(const struct inpath_record *record, unsigned int i)
{
	struct line l;

	line_start(&l);
	put_entry(&l, record, i);
	return l.len;
}

/* How many entries from `first` on fit in `room` bytes, commas included: at least one. */
static unsigned int entries_that_fit(
	const struct inpath_record *record, unsigned int first, size_t room)
{
	unsigned int end = first + 1;
	size_t used = entry_len(record, first);

	for (; end < entry_count(record); end++) {
		used += 1 + entry_len(record, end);
		if (used > room)
			break;
	}
	return end - first;
}

static void write_part(
	const struct writer *w, struct part part, unsigned int first, unsigned int count)
{
	struct line l;

	put_head(&l, w, part);
	for (unsigned int i = first; i < first + count; i++) {
		if (i > first)
			line_put(&l, ",");
		put_entry(&l, w->record, i);
	}
	w->sink(w->arg, l.bytes, l.len);
}

/* A path or an epoch. */
static void write_hops(struct writer *w)
{
	const struct inpath_record *record = w->record;
	const unsigned int count = entry_count(record);
	/* As long as any part's head can be: a part holds an entry or more. */
	const struct part longest = { count, count };
	struct part part = { 1, 1 };
	size_t reserve = 0, room;
	struct line l;

	for (unsigned int i = 0; i < count; i++) {
		size_t len = entry_len(record, i);

		reserve = len > reserve ? len : reserve;
	}
	fit_texts(w, longest, reserve);
	put_head(&l, w, part);
	if (!count || entries_that_fit(record, 0, LOGFMT_LINE_MAX - l.len) == count) {
		write_part(w, part, 0, count);
		return;
	}
	put_head(&l, w, longest);
	room = LOGFMT_LINE_MAX - l.len;
	part.of = 0;
	for (unsigned int i = 0; i < count; i += entries_that_fit(record, i, room))
		part.of++;
	for (unsigned int i = 0, n; i < count; i += n, part.number++) {
		n = entries_that_fit(record, i, room);
		write_part(w, part, i, n);
	}
}

static void write_change(struct writer *w)
{
	const struct part whole = { 1, 1 };
	struct line l;

	fit_texts(w, whole, 0);
	put_head(&l, w, whole);
	w->sink(w->arg, l.bytes, l.len);
}

/* A hop's line, with at most `cap` bytes of the escaped name of an interface. */
static void put_hop(struct line *l, const struct writer *w, size_t cap)
{
	const struct inpath_hop *hop = w->record->hop;

	put_start(l, w, "hop", w->record->at, (struct part){ 1, 1 });
	line_put(l, " ttl=%u addr=", hop->ttl);
	put_addrs(l, hop->addrs, hop->addr_count);
	line_put(l, " sent=%u answered=%u", hop->sent, hop->answered);
	if (hop->addr_count) {
		line_put(l, " min=");
		line_ms2(l, hop->rtt_min_ns);
		line_put(l, " med=");
		line_ms2(l, hop->rtt_med_ns);
		line_put(l, " max=");
		line_ms2(l, hop->rtt_max_ns);
	}
	if (hop->reply_ttl)
		line_put(l, " rttl=%u", hop->reply_ttl);
	if (hop->quoted)
		line_put(l, " qttl=%u qlen=%u type=%u code=%u", hop->quoted_ttl, hop->quoted_len,
			hop->icmp_type, hop->icmp_code);
	tell_hop(l, hop, cap);
}

static void write_hop(const struct writer *w)
{
	size_t len = line_escaped_len(w->record->hop->interface.name);
	struct line l;

	put_hop(&l, w, LINE_UNCUT);
	if (l.len > LOGFMT_LINE_MAX) {
		size_t over = l.len - LOGFMT_LINE_MAX;

		put_hop(&l, w, over < len ? len - over : 0);
	}
	w->sink(w->arg, l.bytes, l.len);
}

static void write_probe(const struct writer *w)
{
	const struct inpath_record_probe *probe = &w->record->probe;
	struct line l;

	put_start(&l, w, "probe", probe->sent, (struct part){ 1, 1 });
	line_put(&l, " ttl=%u attempt=%u token=0x%" PRIx32, probe->ttl, probe->attempt,
		probe->token);
	if (probe->answered) {
		line_put(&l, " from=");
		line_addr(&l, &probe->from);
		line_put(&l, " rtt=");
		line_ms2(&l, probe->rtt_ns);
	}
	w->sink(w->arg, l.bytes, l.len);
}

void logfmt_record(const struct inpath_record *record, const struct logfmt_options *options,
	logfmt_sink *sink, void *arg)
{
	struct writer w = { .record = record, .options = options, .sink = sink, .arg = arg };

	switch (record->kind) {
	case INPATH_RECORD_PATH:
	case INPATH_RECORD_EPOCH: write_hops(&w); break;
	case INPATH_RECORD_CHANGE: write_change(&w); break;
	case INPATH_RECORD_HOP: write_hop(&w); break;
	case INPATH_RECORD_PROBE: write_probe(&w); break;
	}
}
