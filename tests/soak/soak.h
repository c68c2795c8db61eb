/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * soak: the engine through a day of a household, in virtual time, against the truth.
 *
 *   main.c       the loop: what is due happens, then the engine ticks, then time goes on
 *   selection.c  the policies
 *   household.c, talk.c      clients, flows, what they say, the kernel's part
 *   internet.c, internet_draw.c   routers, routes and their changes: the truth
 *   judge.c, judge_change.c, judge_wait.c  what is right
 *
 * Everything follows from the seed.
 */
#ifndef TESTS_SOAK_SOAK_H
#define TESTS_SOAK_SOAK_H

#include "tests/soak/agenda.h"
#include "tests/soak/household.h"
#include "tests/soak/internet.h"
#include "tests/soak/judge.h"

enum {
	SOAK_TIMEOUT_MS = 1000,
	SOAK_GATEWAY = 200,
	SOAK_CLIENT = 50,
	SOAK_FIRST_HOPS = 20,
	SOAK_MARK_PROBE = 0x04000000,
	SOAK_MARK_REST = 0x08000000,
};

struct soak {
	uint64_t seed;
	uint32_t hours;
	uint32_t look_at; /* serial of a flow that is told of; 0: none */
	inpath_time began;
	inpath_time now;
	struct agenda agenda;
	struct net net;
	struct house house;
	struct judge judge;
	size_t size; /* of the engine's memory */
	uint8_t *memory;
	struct inpath_engine *engine;
};

/* The policies; of static life. */
const struct inpath_policy_set *selection(void);

/* How often a service's flows are traced; 0: not at all. */
uint32_t selection_interval(uint16_t service);

/* A host of the service. */
void selection_host(uint16_t service, uint32_t server, char *out, size_t room);

#endif
