/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Probes, budgets, the path that a record shows. */
#include "tests/soak/judge.h"

#include "tests/soak/packets.h"
#include "tests/soak/soak.h"
#include "tests/unit/wire.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void judge_begin(struct judge *j)
{
	j->clients = calloc(JUDGE_CLIENTS, sizeof(*j->clients));
	j->client_due = calloc(JUDGE_CLIENTS, sizeof(*j->client_due));
	j->client_traced = calloc(JUDGE_CLIENTS, sizeof(*j->client_traced));
	j->turns = calloc(JUDGE_CLIENTS, sizeof(*j->turns));
	if (!j->turns || !j->clients || !j->client_due || !j->client_traced)
		abort();
}

void judge_end(struct judge *j)
{
	free(j->turns);
	free(j->clients);
	free(j->client_due);
	free(j->client_traced);
}

static void tell(const struct soak *s, const struct house_flow *f, const char *format, va_list args)
{
	printf("%12.6f ", (double)(s->now - s->began) / 1e9);
	if (f)
		printf("flow %u: ", f->serial);
	vprintf(format, args);
	putchar('\n');
}

void judge_note(const struct soak *s, const struct house_flow *f, const char *format, ...)
{
	va_list args;

	if (!s->look_at || f->serial != s->look_at)
		return;
	va_start(args, format);
	tell(s, f, format, args);
	va_end(args);
}

static void count_kind(struct judge *j, const char *format)
{
	for (int i = 0; i < JUDGE_KINDS; i++) {
		if (j->kinds[i].format && j->kinds[i].format != format)
			continue;
		j->kinds[i].format = format;
		j->kinds[i].count++;
		return;
	}
}

void judge_miss(struct soak *s, const struct house_flow *f, const char *format, ...)
{
	va_list args;

	count_kind(&s->judge, format);
	if (s->judge.misses++ >= JUDGE_SHOWN && (!f || f->serial != s->look_at))
		return;
	printf("MISS ");
	va_start(args, format);
	tell(s, f, format, args);
	va_end(args);
	if (f)
		printf("     see it by: SEED=%llu HOURS=%u CLIENTS=%u FLOWS=%u FLOW=%u\n",
			(unsigned long long)s->seed, s->hours, s->house.clients,
			s->house.flows_an_hour, f->serial);
}

/* --- probes ------------------------------------------------------------------------------------- */

/* Any second, from any moment on, has at most `rate` of them. */
static bool within(struct judge_window *w, uint32_t rate, inpath_time now)
{
	bool good = w->count < rate || now >= w->sent[(w->count - rate) % JUDGE_RATE] + INPATH_SEC;

	w->sent[w->count++ % JUDGE_RATE] = now;
	return good;
}

static void judge_budgets(struct soak *s, const struct house_flow *f, uint8_t ttl)
{
	struct judge *j = &s->judge;

	if (!within(&j->gateway, SOAK_GATEWAY, s->now))
		judge_miss(s, f, "more than %d probes in a second", SOAK_GATEWAY);
	if (!within(&j->clients[2 * f->client + f->v6], SOAK_CLIENT, s->now))
		judge_miss(s, f, "more than %d probes in a second for one client", SOAK_CLIENT);
	if (ttl <= 3 && !within(&j->first_hops[ttl - 1], SOAK_FIRST_HOPS, s->now))
		judge_miss(
			s, f, "more than %d probes in a second with TTL %d", SOAK_FIRST_HOPS, ttl);
}

/* One byte at most, which the client has said and the server acknowledged. */
static void judge_tcp_probe(struct soak *s, struct house_flow *f, const uint8_t *tcp, size_t len)
{
	size_t head = (size_t)(tcp[12] >> 4) * 4;
	uint32_t seq = wire_get32(tcp + 4);

	if ((tcp[12] & 1) || (tcp[13] & ~(TCP_ACK | TCP_PSH)) || len > head + 1)
		judge_miss(s, f, "a probe with flags %x and %zu bytes", tcp[13], len - head);
	if (len == head) {
		f->judge.empty = s->now;
		return;
	}
	if ((int32_t)(seq - f->iss) < 1 || (int32_t)(f->acked - seq) < 1)
		judge_miss(s, f, "a probe's byte is not one that the server has acknowledged");
	else if ((int32_t)(seq - f->talk_from) >= 0 && tcp[head] != said(seq))
		judge_miss(s, f, "a probe's byte is not the client's");
}

void judge_probe(struct soak *s, struct house_flow *f, const struct inpath_probe *probe)
{
	bool v6 = probe->bytes[0] >> 4 == 6;
	size_t head = v6 ? 40 : 20;
	uint8_t ttl = probe->bytes[v6 ? 7 : 8];

	s->judge.probes++;
	if (!f) {
		/* QUIC's flows end in silence, so theirs may be probed once more. */
		if (probe->bytes[v6 ? 6 : 9] == INPATH_PROTO_TCP)
			judge_miss(s, NULL, "a probe in no flow");
		return;
	}
	judge_note(s, f, "a probe with TTL %u", ttl);
	if (f->closed && !f->quic)
		judge_miss(s, f, "a probe after FIN or RST");
	if (!f->selected)
		judge_miss(s, f, "a probe in a flow that no policy traces");
	if (ttl < 1 || ttl > 32)
		judge_miss(s, f, "a probe with TTL %u", ttl);
	if (probe->mark != SOAK_MARK_PROBE || probe->out_ifindex != HOUSE_WAN)
		judge_miss(s, f, "a probe by another door: mark %x, interface %u", probe->mark,
			probe->out_ifindex);
	if (!wire_checksums_right(probe->bytes, probe->len))
		judge_miss(s, f, "a probe with wrong checksums");
	if (!f->quic)
		judge_tcp_probe(s, f, probe->bytes + head, probe->len - head);
	judge_budgets(s, f, ttl);
}

void judge_answer(
	struct soak *s, struct house_flow *f, uint8_t ttl, bool by_server, inpath_time sent)
{
	if (s->now > sent + SOAK_TIMEOUT_MS * INPATH_MSEC || ttl >= JUDGE_TTLS)
		return;
	if (by_server)
		f->judge.by_server[ttl] = sent;
	else
		f->judge.by_router[ttl] = sent;
}

/* --- records ------------------------------------------------------------------------------------ */

/* A path record against the paths that were in force while it was traced. */
struct hearing {
	struct soak *s;
	struct house_flow *f;
	const struct inpath_record *r;
	struct judge_ids ids;
	struct net_path paths[NET_IDS];
};

static bool router_was_there(const struct hearing *h, uint8_t ttl, uint16_t who)
{
	for (uint32_t i = 0; i < h->ids.count; i++)
		if (net_path_has(&h->paths[i], ttl, who))
			return true;
	return false;
}

/* The lowest TTL with which the server has answered in this trace; 0: none. */
static uint8_t server_answered(const struct hearing *h)
{
	for (uint8_t ttl = 1; ttl < JUDGE_TTLS; ttl++)
		if (h->f->judge.by_server[ttl] >= h->r->at)
			return ttl;
	return 0;
}

/* Is the server's hop right, or what the answers that came made of it? */
static bool server_was_there(const struct hearing *h, uint8_t ttl)
{
	uint8_t at = ttl;

	if (router_was_there(h, ttl, NET_SERVER) || ttl == server_answered(h))
		return true;
	if (!h->f->quic)
		return false;
	while (at < JUDGE_TTLS - 1 && h->f->judge.by_router[at] < h->r->at)
		at++;
	/* No router behind it has answered. */
	return at == JUDGE_TTLS - 1;
}

static void judge_hop(struct hearing *h, const struct inpath_hop *hop, struct judge_seen *seen)
{
	for (uint8_t i = 0; i < hop->addr_count; i++) {
		uint16_t who = house_who(h->f, &hop->addrs[i]);
		bool there = who == NET_SERVER ? server_was_there(h, hop->ttl)
					       : router_was_there(h, hop->ttl, who);

		if (!there)
			judge_miss(
				h->s, h->f, "TTL %u shows %u, which was not there", hop->ttl, who);
		/* Where a server stands that does not say so itself is inferred, and no evidence. */
		if (hop->ttl < JUDGE_TTLS && (who != NET_SERVER || hop->answered))
			seen->who[hop->ttl][i] = who;
	}
	if (hop->addr_count)
		return;
	if (hop->sent == 0)
		judge_miss(h->s, h->f, "TTL %u was not probed", hop->ttl);
	if (hop->ttl < JUDGE_TTLS && h->f->judge.by_router[hop->ttl] >= h->r->at)
		judge_miss(h->s, h->f, "TTL %u shows nobody, though a router answered in time",
			hop->ttl);
}

static void note_path(const struct hearing *h)
{
	const struct inpath_record_path *p = &h->r->path;
	char line[512];
	int at = 0;

	if (h->f->serial != h->s->look_at)
		return;
	for (uint8_t i = 0; i < p->nhop && at < 480; i++)
		at += snprintf(line + at, sizeof(line) - (size_t)at, " %u",
			p->hops[i].addr_count ? house_who(h->f, &p->hops[i].addrs[0]) : 0);
	judge_note(h->s, h->f, "run=%08x why=%d stop=%d nhop=%u truth=%08x (%u):%s", h->r->flow.run,
		p->why, p->stop, p->nhop, h->ids.id[0], h->ids.count, line);
}

static void judge_path(struct soak *s, struct house_flow *f, const struct inpath_record *r)
{
	struct hearing h = { .s = s, .f = f, .r = r };
	const struct inpath_record_path *p = &r->path;
	struct judge_seen seen = { 0 };

	h.ids.count = net_ids(&s->net, &f->route, r->at, s->now, h.ids.id);
	for (uint32_t i = 0; i < h.ids.count; i++)
		net_path(&s->net, &f->route, h.ids.id[i], &h.paths[i]);
	note_path(&h);
	for (uint8_t i = 0; i < p->nhop; i++)
		judge_hop(&h, &p->hops[i], &seen);
	if (p->stop == INPATH_STOP_REACHED && !p->unplaced &&
		(p->nhop == 0 || !p->hops[p->nhop - 1].server))
		judge_miss(s, f, "stop=reached, and the last hop is not the server");
	if ((p->stop == INPATH_STOP_GAP || p->stop == INPATH_STOP_MAXTTL) && server_answered(&h))
		judge_miss(s, f, "the server answered in time, and stop=%d", p->stop);
	judge_wait(s, f, r->at);
	s->judge.flows_traced += f->judge.traces == 0;
	s->judge.client_traced[f->client] = true;
	f->judge.traces++;
	s->judge.traces++;
	judge_path_seen(s, f, r, &h.ids, &seen);
	f->judge.last = r->at;
	f->judge.told = s->now;
}

void judge_record(struct soak *s, const struct inpath_record *r)
{
	struct house_flow *f = house_find(s, &r->flow.tuple);

	if (!f) {
		if (r->flow.tuple.proto == INPATH_PROTO_TCP)
			judge_miss(s, NULL, "a record of no flow");
		return;
	}
	if (r->kind == INPATH_RECORD_PATH)
		judge_path(s, f, r);
	else if (r->kind == INPATH_RECORD_CHANGE)
		judge_change_named(s, f, r);
}

void judge_whole(struct soak *s)
{
	for (uint32_t i = 0; i < s->house.clients; i++)
		if (s->judge.client_due[i] && !s->judge.client_traced[i])
			judge_miss(s, NULL, "client %u was never traced", i);
}

void judge_flow_over(struct soak *s, struct house_flow *f)
{
	judge_never_traced(s, f);
	judge_change_gone(s, f);
}
