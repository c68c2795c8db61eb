/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * engine: nanoseconds that the engine takes for a packet of a flow it knows: `traced NS` and `ignored NS`, the
 * least of several rounds, which what else the machine does can only lengthen.
 */
#include "tests/unit/world.h"

#include <stdio.h>
#include <time.h>

enum {
	PACKETS = 200000,
	ROUNDS = 25,
};

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* A download: two packets of the server, one acknowledgement of the client, and so on. */
static double round_of(struct world *w)
{
	uint8_t server[WIRE_MAX], client[WIRE_MAX];
	struct wire_tcp s = world_server_tcp(w), c = world_client_tcp(w);
	struct inpath_meta down = { .source = INPATH_SOURCE_FORWARD,
		.in_side = INPATH_SIDE_WAN,
		.out_side = INPATH_SIDE_LAN,
		.in_ifindex = 3,
		.out_ifindex = 2 };
	struct inpath_meta up = { .source = INPATH_SOURCE_FORWARD,
		.in_side = INPATH_SIDE_LAN,
		.out_side = INPATH_SIDE_WAN,
		.in_ifindex = 2,
		.out_ifindex = 3 };
	static uint8_t payload[100];
	uint8_t *server_tcp = server + (w->v6 ? 40 : 20), *client_tcp = client + (w->v6 ? 40 : 20);
	size_t server_len, client_len;
	uint64_t begin;

	s.payload = payload;
	s.payload_len = sizeof(payload);
	server_len = wire_tcp(server, &s);
	client_len = wire_tcp(client, &c);
	begin = now_ns();
	for (int i = 0; i < PACKETS; i++) {
		if (i % 3 == 2) {
			wire_put32(client_tcp + 8, w->server_nxt);
			inpath_engine_packet(
				w->engine, &up, client, client_len, client_len, w->now);
		} else {
			wire_put32(server_tcp + 4, w->server_nxt);
			w->server_nxt += sizeof(payload);
			inpath_engine_packet(
				w->engine, &down, server, server_len, server_len, w->now);
		}
		w->now += 1000;
	}
	return (double)(now_ns() - begin) / PACKETS;
}

static double least(enum inpath_action action, bool v6)
{
	static const struct inpath_limits limits = {
		.flows = 16384, .names = 8192, .hellos = 64, .traces = 256, .histories = 2048
	};
	struct world w = { .v6 = v6, .sack = true, .timestamps = true };
	double best = 1e9;

	world_begin(&w, &limits);
	w.policy.action = action;
	w.policy.settings.interval_s = 86400;
	world_hello(&w);
	world_run(&w, 5 * INPATH_SEC);
	for (int i = 0; i < ROUNDS; i++) {
		double ns = round_of(&w);

		best = ns < best ? ns : best;
	}
	world_end(&w);
	return best;
}

int main(void)
{
	for (int v6 = 0; v6 < 2; v6++)
		printf("traced%d %.1f\nignored%d %.1f\n", v6 ? 6 : 4, least(INPATH_TRACE, v6),
			v6 ? 6 : 4, least(INPATH_IGNORE, v6));
	return 0;
}
