/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How long a flow may wait for a trace that is due, if there is more to trace than the budget allows. The
 * clients take turns, and in its turn a client has one flow called. So until the next turn of its client a flow
 * waits for one trace of each other client at most, by as many probes as the budget allows in a second; and for as
 * many turns as its client has meanwhile. In these others may go first, but only so often: of its own
 * service nobody is traced again and again while it waits.
 */
#include "tests/soak/soak.h"

/* A client is an address: of one device IPv4 and IPv6 take turns of their own. */
static struct judge_turns *turns_of(struct soak *s, const struct house_flow *f)
{
	return &s->judge.turns[2 * f->client + f->v6];
}

static void add_turn(struct soak *s, const struct house_flow *f, bool called, bool traced)
{
	struct judge_turns *t = turns_of(s, f);

	t->turn[t->count++ % JUDGE_TURNS] = (struct judge_turn){
		.at = s->now,
		.serial = f->serial,
		.service = f->route.service,
		.called = called,
		.traced = traced,
	};
}

void judge_arm(struct soak *s, struct house_flow *f)
{
	add_turn(s, f, true, false);
	f->judge.woken = true;
}

/* The i-th latest one, or NULL if it was before `since`. */
static const struct judge_turn *turn_since(
	const struct judge_turns *t, uint32_t i, inpath_time since)
{
	const struct judge_turn *turn;

	if (i >= JUDGE_TURNS || i >= t->count)
		return NULL;
	turn = &t->turn[(t->count - 1 - i) % JUDGE_TURNS];
	return turn->at < since ? NULL : turn;
}

static uint32_t called_since(const struct judge_turns *t, inpath_time since)
{
	const struct judge_turn *turn;
	uint32_t count = 0;

	for (uint32_t i = 0; (turn = turn_since(t, i, since)) != NULL; i++)
		count += turn->called;
	return count;
}

/* How often has that other flow been traced? */
static uint32_t traced_since(const struct judge_turns *t, uint32_t serial, inpath_time since)
{
	const struct judge_turn *turn;
	uint32_t count = 0;

	for (uint32_t i = 0; (turn = turn_since(t, i, since)) != NULL; i++)
		count += turn->traced && turn->serial == serial;
	return count;
}

/*
 * What a turn costs where it costs most: one of the first hops, that is silent, is asked twice by each trace, and doubts
 * may take as much of its budget. (By the gateway's, it is 25 probes of a trace and of what is asked of doubts
 * meanwhile, so less.) And some for a flow that comes late.
 */
#define A_TURN   (4 * INPATH_SEC / SOAK_FIRST_HOPS)
#define PATIENCE (30 * INPATH_SEC)

static inpath_time patience(struct soak *s, const struct house_flow *f, inpath_time due)
{
	return PATIENCE + (called_since(turns_of(s, f), due) + 1) * s->house.addresses * A_TURN;
}

/* The one that finds its path, the one that is due again, the one that confirms, and one for what is slow. */
#define AHEAD 4

static void judge_order(struct soak *s, const struct house_flow *f, inpath_time due)
{
	const struct judge_turns *t = turns_of(s, f);
	const struct judge_turn *turn;

	for (uint32_t i = 0; (turn = turn_since(t, i, due)) != NULL; i++)
		if (turn->traced && turn->serial != f->serial &&
			turn->service == f->route.service &&
			traced_since(t, turn->serial, due) > AHEAD) {
			judge_miss(s, f, "waited while flow %u was traced more than %d times",
				turn->serial, AHEAD);
			return;
		}
}

void judge_wait(struct soak *s, struct house_flow *f, inpath_time at)
{
	struct judge_flow *own = &f->judge;
	inpath_time due = own->traces == 0 ? own->ready
			  : own->differed  ? own->told
					   : own->last + f->interval_s * INPATH_SEC;
	inpath_time *longest = own->traces == 0 ? &s->judge.wait_first
			       : own->differed  ? &s->judge.wait_confirm
						: &s->judge.wait_next;
	/* Its packets have to come first; an interval may be longer by jitter. */
	inpath_time slack = 2 * f->pause + (own->traces ? f->interval_s * INPATH_SEC / 8 : 0);
	inpath_time wait = at > due + slack ? at - due - slack : 0;

	judge_note(s, f, "has waited for %.3f s", (double)wait / 1e9);
	if (wait > *longest)
		*longest = wait;
	if (wait > patience(s, f, due))
		judge_miss(s, f, "waited for a trace %llu s longer than it had to",
			(unsigned long long)(wait / INPATH_SEC));
	judge_order(s, f, due + slack);
	add_turn(s, f, !own->woken, true);
	own->woken = false;
}

void judge_never_traced(struct soak *s, struct house_flow *f)
{
	bool due = f->selected && f->ready &&
		   f->closed_at > f->judge.ready + patience(s, f, f->judge.ready);

	s->judge.client_due[f->client] |= due;
	if (due && f->judge.traces == 0)
		judge_miss(s, f, "was never traced, and lived for %llu s",
			(unsigned long long)((f->closed_at - f->judge.ready) / INPATH_SEC));
}
