/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * soak: `soak [SEED [HOURS [CLIENTS [FLOWS [FLOW]]]]]`: a household of CLIENTS clients with FLOWS flows an hour
 * for so many HOURS of virtual time. With FLOW, all that happens to that flow is told.
 * The last line is `soak: N of N changes named, N false, N misses`; status 1 if anything was not as it has to be.
 */
#include "tests/soak/soak.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	GUARD = 4096, /* bytes behind the engine's memory that nobody may touch */
	GUARD_BYTE = 0xa5,
	TICKS_AT_ONCE = 200000, /* an engine that never comes to rest */
};

static const struct inpath_limits limits = INPATH_LIMITS_DEFAULT;

static void act(struct soak *s, const struct agenda_item *item);

static void report(const struct soak *s)
{
	const struct inpath_stats *st = inpath_engine_stats(s->engine);
	const struct judge *j = &s->judge;

	fprintf(stderr,
		"hour %2llu: %llu flows (%llu living), %llu packets, %llu traces, %llu probes, "
		"%llu reroutes, changes: %llu named, %llu not, %llu overtaken, %llu flaps; %llu misses\n",
		(unsigned long long)((s->now - s->began) / (3600 * INPATH_SEC)),
		(unsigned long long)s->house.born, (unsigned long long)s->house.living,
		(unsigned long long)s->house.packets, (unsigned long long)j->traces,
		(unsigned long long)st->probes, (unsigned long long)s->net.reroutes,
		(unsigned long long)j->changes_named, (unsigned long long)j->changes_missed,
		(unsigned long long)j->overtaken, (unsigned long long)j->flaps,
		(unsigned long long)j->misses);
}

/* The engine's memory is what it was given, and no more. */
static void judge_memory(struct soak *s)
{
	const struct inpath_stats *st = inpath_engine_stats(s->engine);

	for (size_t i = 0; i < GUARD; i++) {
		if (s->memory[s->size + i] != GUARD_BYTE) {
			judge_miss(s, NULL, "the engine has written behind its memory");
			break;
		}
	}
	if (st->flows_new > st->flows_evicted + limits.flows)
		judge_miss(s, NULL, "flows left the table and were not counted");
	if (inpath_engine_size(&limits) != s->size)
		judge_miss(s, NULL, "the engine's size is not what it was");
}

static void act(struct soak *s, const struct agenda_item *item)
{
	switch (item->kind) {
	case AGENDA_BIRTH: house_birth(s); return;
	case AGENDA_SAY: house_say(s, item); return;
	case AGENDA_GONE: house_gone(s, item); return;
	case AGENDA_ANSWER: house_answer(s, item); return;
	case AGENDA_REROUTE: net_reroute(&s->net, &s->agenda, item); return;
	case AGENDA_FLAP: net_flap(&s->net, &s->agenda, item); return;
	case AGENDA_HOUR:
		report(s);
		judge_memory(s);
		agenda_add(&s->agenda, item->at + 3600 * INPATH_SEC, AGENDA_HOUR, 0, 0);
		return;
	}
}

/* Records first: what they point to is valid until the engine's next call. */
static void tick(struct soak *s)
{
	struct inpath_outbox box;
	uint32_t sends = 0;

	inpath_engine_tick(s->engine, s->now);
	if (inpath_engine_outbox(s->engine)->count == 0)
		return;
	box = *inpath_engine_outbox(s->engine);
	for (uint32_t i = 0; i < box.count; i++)
		if (box.items[i].kind == INPATH_ACTION_RECORD)
			judge_record(s, &box.items[i].record);
	for (uint32_t i = 0; i < box.count; i++) {
		const struct inpath_action_item *item = &box.items[i];

		if (item->kind == INPATH_ACTION_SEND) {
			sends++;
			house_send(s, &item->probe);
			inpath_engine_sent(s->engine, item->probe.id, 0, s->now);
		} else if (item->kind == INPATH_ACTION_ARM) {
			house_arm(s, &item->arm);
		}
	}
	if (sends > INPATH_SENDS_A_TICK)
		judge_miss(s, NULL, "%u probes sent in one tick", sends);
}

/* One round of the host's loop. */
static void round_of(struct soak *s)
{
	struct agenda_item item;
	inpath_time next;

	while (agenda_take(&s->agenda, s->now, &item))
		act(s, &item);
	tick(s);
	next = inpath_engine_next_deadline(s->engine);
	if (agenda_next(&s->agenda) < next)
		next = agenda_next(&s->agenda);
	/* A round takes its time. */
	s->now = next > s->now + 5 * INPATH_USEC ? next : s->now + 5 * INPATH_USEC;
}

static void begin(struct soak *s)
{
	const uint64_t key[2] = { dice_stir(s->seed), dice_stir(s->seed + 1) };

	s->size = inpath_engine_size(&limits);
	s->memory = calloc(1, s->size + GUARD);
	if (!s->memory)
		abort();
	memset(s->memory + s->size, GUARD_BYTE, GUARD);
	s->engine = inpath_engine_init(s->memory, &limits, key);
	s->began = s->now = 1000 * INPATH_SEC;
	inpath_engine_set_policy(s->engine, selection(), s->now);
	net_begin(&s->net, s->seed, &s->agenda, s->now);
	judge_begin(&s->judge);
	house_begin(s);
	agenda_add(&s->agenda, s->now + 3600 * INPATH_SEC, AGENDA_HOUR, 0, 0);
}

static int summary(struct soak *s)
{
	const struct judge *j = &s->judge;
	const struct inpath_stats *st = inpath_engine_stats(s->engine);

	printf("household: %u clients, %llu flows, %llu of them traced in %llu traces; %llu probes, %llu packets queued\n",
		s->house.clients, (unsigned long long)s->house.born,
		(unsigned long long)j->flows_traced, (unsigned long long)j->traces,
		(unsigned long long)j->probes, (unsigned long long)s->house.packets);
	printf("internet:  %u routers, %llu changes of routes\n", s->net.routers,
		(unsigned long long)s->net.reroutes);
	printf("waits:     %.1f s for a first trace, %.1f s beyond the interval, %.1f s for a confirmation, at the longest\n",
		(double)j->wait_first / 1e9, (double)j->wait_next / 1e9,
		(double)j->wait_confirm / 1e9);
	printf("engine:    %zu bytes; %llu flows evicted; %llu answers with news passed\n", s->size,
		(unsigned long long)st->flows_evicted, (unsigned long long)j->with_news);
	for (int i = 0; i < JUDGE_KINDS && j->kinds[i].format; i++)
		printf("MISSES:    %llu times: %s\n", (unsigned long long)j->kinds[i].count,
			j->kinds[i].format);
	printf("changes:   named by the");
	for (int i = 1; i <= JUDGE_SHOWS; i++)
		printf(" %d. %llu,", i, (unsigned long long)j->took[i]);
	printf(" trace that showed them; %llu while the route changed again; %llu overtaken, %llu flaps\n",
		(unsigned long long)j->changes_mixed, (unsigned long long)j->overtaken,
		(unsigned long long)j->flaps);
	printf("soak: %llu of %llu changes named, %llu false, %llu misses\n",
		(unsigned long long)j->changes_named,
		(unsigned long long)(j->changes_named + j->changes_missed),
		(unsigned long long)j->changes_false, (unsigned long long)j->misses);
	return j->misses != 0;
}

int main(int argc, char **argv)
{
	static struct soak s;
	uint64_t words[] = { 1, 24, 200, 20000, 0 };
	uint64_t rounds = 0;
	inpath_time stood = 0;
	int status;

	for (int i = 1; i < argc && i <= 5; i++)
		words[i - 1] = strtoull(argv[i], NULL, 10);
	s.seed = words[0];
	s.hours = (uint32_t)words[1];
	s.house.clients = (uint32_t)words[2];
	s.house.flows_an_hour = (uint32_t)words[3];
	s.look_at = (uint32_t)words[4];
	if (s.hours == 0 || s.house.clients == 0 || 2 * s.house.clients > JUDGE_CLIENTS ||
		s.house.flows_an_hour == 0) {
		fprintf(stderr,
			"soak [SEED [HOURS [CLIENTS [FLOWS [FLOW]]]]]: at most %d clients\n",
			JUDGE_CLIENTS / 2);
		return 2;
	}
	begin(&s);
	while (s.now < s.began + s.hours * 3600 * INPATH_SEC) {
		round_of(&s);
		rounds = s.now < stood + INPATH_SEC ? rounds + 1 : 0;
		stood = rounds ? stood : s.now;
		if (rounds == TICKS_AT_ONCE) {
			judge_miss(&s, NULL, "the engine does not come to rest");
			break;
		}
	}
	judge_memory(&s);
	judge_whole(&s);
	status = summary(&s);
	house_end(&s);
	judge_end(&s.judge);
	agenda_end(&s.agenda);
	free(s.memory);
	return status;
}
