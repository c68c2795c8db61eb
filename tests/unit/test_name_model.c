/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A long random life of the names, side by side with a model that does the same in the plainest
 * way: lists searched from end to end. After each step they must agree in what they answer, in how
 * much they hold, and in what they counted.
 */
#include "gateway/engine/name.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum {
	STEPS = 1500000,
	CAPACITY = 24,
	HOSTS = 40,
	SERVERS = 14,
	DEVICES = 6,     /* the first half by hardware address, the others by address */
	FLOWS_FEW = 12,  /* holders of names: they never fill the table by themselves, */
	FLOWS_MANY = 40, /* or often do */
	REAPED = 4,      /* ended mappings that one answer gives back */
};

struct model_mapping {
	int server;
	int device;
	int host;
	inpath_time expires;
	uint64_t made;
	uint64_t used;
};

struct model {
	struct model_mapping mappings[CAPACITY];
	int count;
	int holders[HOSTS];
	uint64_t steps;
	uint64_t reaped;
	uint64_t evicted;
	uint64_t full;
};

static uint64_t draw(uint64_t *state, uint64_t below)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state % below;
}

static int model_texts(const struct model *m)
{
	int n = 0;

	for (int i = 0; i < HOSTS; i++)
		n += m->holders[i] > 0;
	return n;
}

static void model_remove(struct model *m, int at)
{
	m->holders[m->mappings[at].host]--;
	m->mappings[at] = m->mappings[--m->count];
}

static int model_oldest(const struct model *m)
{
	int oldest = -1;

	for (int i = 0; i < m->count; i++)
		if (oldest < 0 || m->mappings[i].used < m->mappings[oldest].used)
			oldest = i;
	return oldest;
}

static bool model_hold(struct model *m, int host)
{
	if (m->holders[host] == 0) {
		while (model_texts(m) == CAPACITY && m->count > 0) {
			model_remove(m, model_oldest(m));
			m->evicted++;
		}
		if (model_texts(m) == CAPACITY) {
			m->full++;
			return false;
		}
	}
	m->holders[host]++;
	return true;
}

/* The mapping of the server made last before `made`. */
static int model_earlier(const struct model *m, int server, uint64_t made)
{
	int best = -1;

	for (int i = 0; i < m->count; i++)
		if (m->mappings[i].server == server && m->mappings[i].made < made &&
			(best < 0 || m->mappings[i].made > m->mappings[best].made))
			best = i;
	return best;
}

/*
 * From the server's newest mapping back to the device's own. Ended ones on the way are removed.
 * `agreed`: the host that all passed agree on; -1: none, -2: they do not.
 */
static int model_own(struct model *m, int device, int server, inpath_time now, int *agreed)
{
	uint64_t made = UINT64_MAX;
	int at;

	*agreed = -1;
	while ((at = model_earlier(m, server, made)) >= 0) {
		int host = m->mappings[at].host;

		made = m->mappings[at].made;
		if (m->mappings[at].expires <= now) {
			model_remove(m, at);
			continue;
		}
		if (m->mappings[at].device == device)
			return at;
		*agreed = *agreed == -1 || *agreed == host ? host : -2;
	}
	return -1;
}

static void model_learn(
	struct model *m, int device, int server, int host, inpath_time ttl, inpath_time now)
{
	int at, agreed;
	bool held;

	for (int i = 0; i < REAPED && (at = model_oldest(m)) >= 0; i++) {
		if (m->mappings[at].expires > now)
			break;
		model_remove(m, at);
		m->reaped++;
	}
	held = model_hold(m, host);
	at = model_own(m, device, server, now, &agreed);
	if (!held) {
		if (at >= 0)
			model_remove(m, at);
		return;
	}
	if (at >= 0) {
		m->holders[m->mappings[at].host]--;
	} else {
		if (m->count == CAPACITY) {
			model_remove(m, model_oldest(m));
			m->evicted++;
		}
		at = m->count++;
		m->mappings[at].made = m->steps;
	}
	m->mappings[at].server = server;
	m->mappings[at].device = device;
	m->mappings[at].host = host;
	m->mappings[at].expires = now + ttl;
	m->mappings[at].used = m->steps;
}

/* The host, held once more, or -1. */
static int model_find(struct model *m, int device, int server, inpath_time now)
{
	int agreed;
	int at = model_own(m, device, server, now, &agreed);

	if (at >= 0) {
		if (m->mappings[at].expires < now + NAME_TTL_FLOOR)
			m->mappings[at].expires = now + NAME_TTL_FLOOR;
		m->mappings[at].used = m->steps;
		agreed = m->mappings[at].host;
	}
	if (agreed >= 0)
		m->holders[agreed]++;
	return agreed >= 0 ? agreed : -1;
}

struct run {
	void *memory;
	struct names names;
	struct inpath_stats stats;
	struct model model;
	inpath_time now;
	uint64_t random;
	int flows;
	name_ref held[FLOWS_MANY]; /* and by the model: */
	int hosts[FLOWS_MANY];
};

static const char *host_text(int host)
{
	static char text[32];

	snprintf(text, sizeof(text), "h%d.example", host);
	return text;
}

static struct name_device device_of(int device)
{
	struct name_device d = { .has_mac = device < DEVICES / 2 };

	d.mac.bytes[5] = (uint8_t)device;
	d.addr.family = INPATH_AF_INET;
	d.addr.bytes[3] = (uint8_t)device;
	return d;
}

static struct inpath_addr server_of(int server)
{
	struct inpath_addr a = { .family = INPATH_AF_INET6 };

	a.bytes[15] = (uint8_t)server;
	return a;
}

static void step(struct run *r)
{
	int device = (int)draw(&r->random, DEVICES);
	int server = (int)draw(&r->random, SERVERS);
	int host = (int)draw(&r->random, HOSTS);
	int flow = (int)draw(&r->random, (uint64_t)r->flows);
	struct name_device d = device_of(device);
	struct inpath_addr s = server_of(server);

	r->model.steps++;
	/* Now and then a pause, in which some mappings end. */
	r->now += draw(&r->random, draw(&r->random, 50) ? 8 : 600) * INPATH_SEC;
	switch (draw(&r->random, 4)) {
	case 0:
	case 1: {
		uint32_t ttl = 300 + (uint32_t)draw(&r->random, 300);

		name_learn(&r->names, &d, &s, host_text(host), ttl, r->now);
		model_learn(&r->model, device, server, host, ttl * INPATH_SEC, r->now);
		return;
	}
	case 2: /* a flow's name comes from what its device was told */
		name_release(&r->names, r->held[flow]);
		if (r->hosts[flow] >= 0)
			r->model.holders[r->hosts[flow]]--;
		r->held[flow] = name_find(&r->names, &d, &s, r->now);
		r->hosts[flow] = model_find(&r->model, device, server, r->now);
		break;
	default: /* or from its ClientHello */
		name_release(&r->names, r->held[flow]);
		if (r->hosts[flow] >= 0)
			r->model.holders[r->hosts[flow]]--;
		r->held[flow] = name_hold(&r->names, host_text(host));
		r->hosts[flow] = model_hold(&r->model, host) ? host : -1;
		break;
	}
	assert_string_equal(name_text(&r->names, r->held[flow]),
		r->hosts[flow] < 0 ? "" : host_text(r->hosts[flow]));
}

/* Every text has the holders that the model counts. */
static void check_holders(const struct run *r)
{
	uint32_t slot = table_oldest(&r->names.text_table);

	for (; slot != TABLE_NONE; slot = table_newer(&r->names.text_table, slot)) {
		int host = atoi(r->names.texts[slot].text + 1);

		assert_string_equal(r->names.texts[slot].text, host_text(host));
		assert_int_equal(r->names.texts[slot].holders, r->model.holders[host]);
	}
}

static void run_open(struct run *r, int flows)
{
	static const struct hash_key key = { .k0 = 7, .k1 = 11 };
	struct arena arena = { .base = NULL };

	*r = (struct run){ .random = 0x9e3779b97f4a7c15, .flows = flows };
	names_init(&r->names, &arena, CAPACITY, &key, &r->stats);
	r->memory = calloc(1, arena.used);
	assert_non_null(r->memory);
	arena = (struct arena){ .base = r->memory };
	names_init(&r->names, &arena, CAPACITY, &key, &r->stats);
	for (int i = 0; i < flows; i++)
		r->hosts[i] = -1;
}

/* When every flow is gone and every mapping has ended, nothing is held. */
static void run_close(struct run *r)
{
	for (int i = 0; i < r->flows; i++)
		name_release(&r->names, r->held[i]);
	for (int i = 0; i < SERVERS; i++) {
		struct name_device d = device_of(0);
		struct inpath_addr a = server_of(i);

		assert_int_equal(name_find(&r->names, &d, &a, r->now + NAME_TTL_CEIL), 0);
	}
	assert_int_equal(r->names.mapping_table.count, 0);
	assert_int_equal(r->names.text_table.count, 0);
	free(r->memory);
}

static void live(struct run *r)
{
	for (int i = 0; i < STEPS; i++) {
		step(r);
		assert_int_equal(r->names.text_table.count, model_texts(&r->model));
		assert_int_equal(r->names.mapping_table.count, r->model.count);
		assert_int_equal(r->stats.names_evicted, r->model.evicted);
		assert_int_equal(r->stats.names_full, r->model.full);
		if (i % 64 == 0)
			check_holders(r);
	}
}

static void a_long_life_leaks_nothing_and_answers_as_the_model_does(void **state)
{
	static struct run r;

	(void)state;
	run_open(&r, FLOWS_FEW);
	live(&r);
	/* The run went where it should. */
	assert_true(r.model.evicted > STEPS / 1000 && r.model.reaped > STEPS / 1000);
	assert_true(r.model.full == 0);
	run_close(&r);
}

static void a_long_life_in_full_tables_leaks_nothing_either(void **state)
{
	static struct run r;

	(void)state;
	run_open(&r, FLOWS_MANY);
	live(&r);
	assert_true(r.model.evicted > STEPS / 1000 && r.model.full > STEPS / 1000);
	run_close(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_long_life_leaks_nothing_and_answers_as_the_model_does),
		cmocka_unit_test(a_long_life_in_full_tables_leaks_nothing_either),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
