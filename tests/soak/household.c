/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Flows come and go; their packets pass the kernel; probes leave, answers come. */
#include "tests/soak/household.h"

#include "tests/soak/packets.h"
#include "tests/soak/soak.h"
#include "tests/soak/talk.h"
#include "tests/unit/wire.h"

#include <stdlib.h>
#include <string.h>

/* Flows an hour by the hour of the day, in hundredths of the average. */
static const uint16_t by_hour[24] = { 60, 40, 30, 30, 30, 40, 60, 80, 100, 100, 100, 100, 110, 110,
	110, 120, 130, 140, 160, 180, 180, 170, 140, 80 };

static uint8_t high(uint32_t x)
{
	return (uint8_t)(x >> 8);
}

static struct inpath_addr client_addr(uint32_t client, bool v6)
{
	struct inpath_addr a = { .family = INPATH_AF_INET,
		.bytes = { 192, 168, (uint8_t)(client / 200), (uint8_t)(10 + client % 200) } };

	if (v6)
		a = (struct inpath_addr){ .family = INPATH_AF_INET6,
			.bytes = {
				0x20, 1, 0xd, 0xb8, 0, 1, [14] = high(client), (uint8_t)client } };
	return a;
}

static struct inpath_addr server_addr(uint32_t service, uint32_t server, bool v6)
{
	struct inpath_addr a = { .family = INPATH_AF_INET,
		.bytes = { 198, 51, (uint8_t)service, (uint8_t)server } };

	if (v6)
		a = (struct inpath_addr){ .family = INPATH_AF_INET6,
			.bytes = { 0x20, 1, 0xd, 0xb8, 0, 2, [14] = (uint8_t)service,
				(uint8_t)server } };
	return a;
}

static struct inpath_addr router_addr(uint16_t router, bool v6)
{
	struct inpath_addr a = { .family = INPATH_AF_INET,
		.bytes = { 62, 128, high(router), (uint8_t)router } };

	if (v6)
		a = (struct inpath_addr){ .family = INPATH_AF_INET6,
			.bytes = {
				0x20, 1, 0xd, 0xb8, 0, 3, [14] = high(router), (uint8_t)router } };
	return a;
}

uint16_t house_who(const struct house_flow *f, const struct inpath_addr *addr)
{
	uint16_t router = (uint16_t)(f->v6 ? addr->bytes[14] << 8 | addr->bytes[15]
					   : addr->bytes[2] << 8 | addr->bytes[3]);
	struct inpath_addr its = router_addr(router, f->v6);

	if (memcmp(addr, &f->tuple.server, sizeof(*addr)) == 0)
		return NET_SERVER;
	return memcmp(addr, &its, sizeof(its)) == 0 ? router : NET_NOBODY;
}

void house_begin(struct soak *s)
{
	struct house *h = &s->house;

	h->dice.state = s->seed ^ 0x686f757365;
	h->moods.state = s->seed ^ 0x6d6f6f6473;
	h->flows = calloc(HOUSE_FLOWS, sizeof(*h->flows));
	h->answers = calloc(HOUSE_ANSWERS, sizeof(*h->answers));
	if (!h->flows || !h->answers)
		abort();
	h->free_count = HOUSE_FLOWS;
	for (uint32_t i = 0; i < HOUSE_FLOWS; i++)
		h->free[i] = i;
	/* Answer 0 is none. */
	for (uint32_t i = 1; i < HOUSE_ANSWERS; i++)
		h->answers[i].next_free = (i + 1) % HOUSE_ANSWERS;
	h->answer_free = 1;
	agenda_add(&s->agenda, s->now, AGENDA_BIRTH, 0, 0);
}

void house_end(struct soak *s)
{
	free(s->house.flows);
	free(s->house.answers);
}

/* Most flows live for seconds, some for minutes, a few for hours. */
static inpath_time draw_life(struct house *h)
{
	uint32_t kind = dice_below(&h->dice, 100);

	if (kind < 75)
		return INPATH_SEC + dice_about(&h->dice, 15 * INPATH_SEC);
	if (kind < 97)
		return 20 * INPATH_SEC + dice_about(&h->dice, 240 * INPATH_SEC);
	return 600 * INPATH_SEC + dice_about(&h->dice, 4000 * INPATH_SEC);
}

static inpath_time draw_pause(struct house *h)
{
	uint32_t kind = dice_below(&h->dice, 100);

	if (kind < 50)
		return dice_between(&h->dice, 50, 400) * INPATH_MSEC;
	if (kind < 90)
		return dice_between(&h->dice, 400, 4000) * INPATH_MSEC;
	return dice_between(&h->dice, 5000, 25000) * INPATH_MSEC;
}

static void draw_flow(struct soak *s, struct house_flow *f, uint32_t slot)
{
	struct house *h = &s->house;
	uint16_t service = (uint16_t)dice_below(&h->dice, NET_SERVICES);
	uint32_t server = dice_below(&h->dice, HOUSE_SERVERS);

	f->client = dice_below(&h->dice, h->clients);
	f->v6 = dice_permille(&h->dice, 450);
	f->quic = dice_permille(&h->dice, 350);
	f->tls = f->quic || dice_permille(&h->dice, 800);
	f->interval_s = selection_interval(service);
	f->selected = f->interval_s != 0;
	f->sack = dice_permille(&h->dice, 950);
	/* How a server's stack is, is the same for all its flows. */
	f->blocks = f->sack && dice_stir(service * 64u + server) % 16 != 0;
	f->deaf = dice_stir(service * 64u + server) % 32 == 1;
	f->pushes = dice_permille(&h->dice, 300);
	f->stamps = dice_permille(&h->dice, 700);
	f->pause = draw_pause(h);
	f->iss = (uint32_t)dice_roll(&h->dice);
	f->server_nxt = (uint32_t)dice_roll(&h->dice);
	f->route = net_route(service, f->v6, (uint32_t)dice_roll(&h->dice));
	f->tuple = (struct inpath_tuple){
		.client = client_addr(f->client, f->v6),
		.server = server_addr(service, server, f->v6),
		.client_port = (uint16_t)(HOUSE_PORT + slot + (f->upper ? HOUSE_FLOWS : 0)),
		.server_port = 443,
		.proto = f->quic ? INPATH_PROTO_UDP : INPATH_PROTO_TCP,
	};
}

static void next_birth(struct soak *s)
{
	uint64_t hour = (s->now - s->began) / (3600 * INPATH_SEC) % 24;
	uint64_t a_day = s->hours >= 24 ? by_hour[hour] : 100;
	inpath_time mean = 3600 * INPATH_SEC * 100 / (s->house.flows_an_hour * a_day);

	agenda_add(&s->agenda, s->now + dice_about(&s->house.dice, mean), AGENDA_BIRTH, 0, 0);
}

void house_count(struct house *h, const struct house_flow *f, bool begins)
{
	uint16_t *count = &h->of_address[2 * f->client + f->v6];

	if (!f->selected)
		return;
	h->addresses -= *count > 0;
	*count = (uint16_t)(begins ? *count + 1 : *count - 1);
	h->addresses += *count > 0;
}

void house_birth(struct soak *s)
{
	struct house *h = &s->house;
	uint32_t slot = h->free[h->free_first];
	struct house_flow *f = &h->flows[slot];
	inpath_time dies;

	next_birth(s);
	if (h->free_count == 0)
		abort();
	h->free_first = (h->free_first + 1) % HOUSE_FLOWS;
	h->free_count--;
	*f = (struct house_flow){ .used = true, .upper = !f->upper };
	f->serial = (uint32_t)++h->born;
	draw_flow(s, f, slot);
	h->living++;
	house_count(h, f, true);
	dies = s->now + 2 * INPATH_SEC + draw_life(h);
	judge_note(s, f, "begins: client %u, service %u, %s, IPv%d, lives %.1f s", f->client,
		f->route.service, f->quic ? "QUIC" : "TCP", f->v6 ? 6 : 4,
		(double)(dies - s->now) / 1e9);
	talk_begin(s, f, slot, dies);
}

void house_gone(struct soak *s, const struct agenda_item *item)
{
	struct house *h = &s->house;
	struct house_flow *f = &h->flows[item->what];

	judge_flow_over(s, f);
	f->used = false;
	h->free[(h->free_first + h->free_count++) % HOUSE_FLOWS] = item->what;
}

struct house_flow *house_find(struct soak *s, const struct inpath_tuple *tuple)
{
	uint32_t slot = ((uint32_t)tuple->client_port - HOUSE_PORT) % HOUSE_FLOWS;
	struct house_flow *f = &s->house.flows[slot];

	if (!f->used || f->tuple.client_port != tuple->client_port ||
		f->tuple.proto != tuple->proto ||
		memcmp(&f->tuple.client, &tuple->client, sizeof(tuple->client)) != 0 ||
		memcmp(&f->tuple.server, &tuple->server, sizeof(tuple->server)) != 0)
		return NULL;
	return f;
}

struct inpath_verdict house_pass(struct soak *s, struct house_flow *f, bool from_client,
	const uint8_t *bytes, size_t len, bool ends)
{
	struct inpath_meta meta = {
		.source = INPATH_SOURCE_FORWARD,
		.in_side = from_client ? INPATH_SIDE_LAN : INPATH_SIDE_WAN,
		.out_side = from_client ? INPATH_SIDE_WAN : INPATH_SIDE_LAN,
		.in_ifindex = from_client ? HOUSE_LAN : HOUSE_WAN,
		.out_ifindex = from_client ? HOUSE_WAN : HOUSE_LAN,
		.last = !dice_permille(&s->house.moods, 50),
	};
	struct inpath_verdict v = { 0 };

	if (f->resting && !ends)
		return v;
	s->house.packets++;
	v = inpath_engine_packet(s->engine, &meta, bytes, len, len, s->now);
	if (inpath_engine_outbox(s->engine)->count != 0)
		judge_miss(s, f, "a packet left something in the outbox");
	if (!v.drop && (v.mark & v.mask & SOAK_MARK_REST)) {
		f->resting = true;
		f->rested_at = s->now;
		judge_note(s, f, "rests");
	}
	return v;
}

void house_arm(struct soak *s, const struct inpath_tuple *tuple)
{
	struct house_flow *f = house_find(s, tuple);

	if (!f || !f->resting)
		return;
	judge_note(s, f, "is armed");
	judge_arm(s, f);
	f->resting = false;
	talk_catch_up(s, f, (uint32_t)(f - s->house.flows));
}

static struct house_answer *new_answer(struct soak *s)
{
	struct house *h = &s->house;
	struct house_answer *a = &h->answers[h->answer_free];

	if (h->answer_free == 0)
		abort();
	h->answer_free = a->next_free;
	return a;
}

static struct inpath_tuple tuple_of(const struct inpath_probe *probe)
{
	bool v6 = probe->bytes[0] >> 4 == 6;
	const uint8_t *ports = probe->bytes + (v6 ? 40 : 20);

	return (struct inpath_tuple){
		.client = probe->client,
		.server = probe->server,
		.client_port = (uint16_t)(ports[0] << 8 | ports[1]),
		.server_port = (uint16_t)(ports[2] << 8 | ports[3]),
		.proto = probe->bytes[v6 ? 6 : 9],
	};
}

void house_send(struct soak *s, const struct inpath_probe *probe)
{
	struct inpath_tuple tuple = tuple_of(probe);
	struct house_flow *f = house_find(s, &tuple);
	bool v6 = probe->bytes[0] >> 4 == 6;
	const uint8_t *transport = probe->bytes + (v6 ? 40 : 20);
	uint8_t ttl = probe->bytes[v6 ? 7 : 8];
	struct house_answer *a;
	struct net_fate fate;

	judge_probe(s, f, probe);
	if (!f)
		return;
	fate = net_carry(&s->net, &f->route, ttl, s->now);
	if (fate.end == NET_ARRIVED && !f->deaf && !f->closed)
		f->judge.touch_arrived = true;
	if (fate.end == NET_LOST || (fate.end == NET_ARRIVED && (f->quic || f->deaf || f->closed)))
		return;
	a = new_answer(s);
	a->slot = (uint32_t)(f - s->house.flows);
	a->serial = f->serial;
	a->router = fate.end == NET_ARRIVED ? NET_SERVER : fate.router;
	a->ttl = ttl;
	a->seq = wire_get32(transport + 4);
	a->byte = !f->quic && transport + (transport[12] >> 4) * 4 < probe->bytes + probe->len;
	a->sent = s->now;
	a->len = probe->len;
	memcpy(a->probe, probe->bytes, probe->len);
	agenda_add(
		&s->agenda, s->now + fate.rtt, AGENDA_ANSWER, (uint32_t)(a - s->house.answers), 0);
}

static void router_answers(struct soak *s, struct house_flow *f, const struct house_answer *a)
{
	struct inpath_addr from = router_addr(a->router, f->v6);
	uint8_t bytes[PACKET_MAX];
	size_t len = packet_time_exceeded(bytes, &from, a->probe, a->len);

	judge_note(s, f, "router %u answers TTL %u after %.1f ms", a->router, a->ttl,
		(double)(s->now - a->sent) / 1e6);
	judge_answer(s, f, a->ttl, false, a->sent);
	if (!house_pass(s, f, false, bytes, len, true).drop)
		judge_miss(s, f, "a router's answer to a probe reached the client");
}

void house_answer(struct soak *s, const struct agenda_item *item)
{
	struct house_answer *a = &s->house.answers[item->what];
	struct house_flow *f = &s->house.flows[a->slot];

	if (f->used && f->serial == a->serial) {
		if (a->router == NET_SERVER)
			talk_answers(s, f, a);
		else
			router_answers(s, f, a);
	}
	a->next_free = s->house.answer_free;
	s->house.answer_free = item->what;
}
