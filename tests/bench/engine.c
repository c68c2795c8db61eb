/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * engine: nanoseconds that the engine takes for a packet, with FEW and with MANY flows in its table, which is full in
 * both cases. The flows take turns far apart from each other, so that nothing of the next one is in the processor's caches.
 * One line a round, the two tables side by side: `NAME NS_FEW NS_MANY`:
 *
 *	known4 known6	a download's packet of a flow that has been traced: two of the server's, one of the client's; in
 *			batches as the daemon has them from a queue where packets wait
 *	alone4 alone6	the same, where each comes alone
 *	read		one read of memory whose place the one before has told, from among as many entries: what a processor
 *			waits where nothing can be fetched ahead
 *	new4 new6	the first packet of a connection; the longest unseen one has to go for it
 *	icmp4 icmp6	a router's answer to a probe that is waited for
 *
 * At the end `entry BYTES`, a flow's entry, and `further BYTES`, all that one more flow takes.
 */
#include "gateway/engine/flow.h"
#include "gateway/io/hugepages.h"
#include "inpath/engine.h"
#include "tests/unit/wire.h"

#include <stdio.h>
#include <time.h>

enum {
	FEW = 100,
	MANY = 100000,
	ROUNDS = 11,
	PACKETS = 100000, /* a round */
	STRIDE = 61803,   /* has no divisor in common with FEW or MANY */
	FLOWS_A_CLIENT = 25000,
	ASKED = 100, /* flows traced for a round of answers */
	HOPS = 16,
	REPLIES = ASKED * HOPS,
	PAYLOAD = 100,
	BATCH = 48, /* packets that the daemon finds waiting */
	ISS = 1000,
	IRS = 5000,
};

static const char REQUEST[] =
	"GET /a/path/that/is/long/enough/to/hold/many/tokens HTTP/1.1\r\nHost: www.example\r\n\r\n";

struct ground {
	struct inpath_engine *engine;
	struct inpath_policy policy;
	struct inpath_policy_set set;
	inpath_time now;
	bool v6;
	uint32_t flows;
	uint32_t opened; /* flows so far */
	uint32_t server_nxt;
	uint32_t turn;
};

struct bytes {
	size_t len;
	uint32_t client_seq; /* what it says of the client's sequence numbers, as from ISS on */
	uint8_t at[256];
};

/* Of this thread's own time: what else the machine does is no part of it. */
static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static struct bytes packet(const struct ground *g, bool from_client, uint16_t flags, uint32_t seq,
	uint32_t ack, const void *payload, size_t len)
{
	const char *client = g->v6 ? "2001:db8:1::10" : "10.1.0.0";
	const char *server = g->v6 ? "2001:db8:2::7" : "198.51.100.7";
	struct bytes b;
	uint8_t all[WIRE_MAX];

	b.client_seq = from_client ? seq : ack;
	b.len = wire_tcp(all, &(struct wire_tcp){
				      .ip = { .src = from_client ? client : server,
					      .dst = from_client ? server : client,
					      .ttl = from_client ? 63 : 64 - HOPS - 8 },
				      .src_port = from_client ? 0 : 443,
				      .dst_port = from_client ? 443 : 0,
				      .seq = seq,
				      .ack = ack,
				      .flags = flags,
				      .window = 500,
				      .timestamp = !(flags & TCP_SYN),
				      .tsval = 700,
				      .tsecr = 900,
				      .mss = flags & TCP_SYN ? 1460 : 0,
				      .sack_permitted = flags & TCP_SYN,
				      .payload = payload,
				      .payload_len = len,
			      });
	memcpy(b.at, all, b.len);
	return b;
}

/* Makes it a packet of flow `i`: the client's address and port, and its sequence numbers, which begin anywhere (RFC 6528). */
static void address(const struct ground *g, struct bytes *b, bool from_client, uint32_t i)
{
	size_t tcp = g->v6 ? 40 : 20;
	size_t client = g->v6 ? (from_client ? 22 : 38) : (from_client ? 14 : 18);

	wire_put16(b->at + client, i / FLOWS_A_CLIENT);
	wire_put16(b->at + tcp + (from_client ? 0 : 2), 10000 + i % FLOWS_A_CLIENT);
	wire_put32(b->at + tcp + (from_client ? 4 : 8), b->client_seq + i * 2654435769U);
}

static struct inpath_verdict give(struct ground *g, const struct bytes *b, bool from_client)
{
	struct inpath_meta meta = { .source = INPATH_SOURCE_FORWARD,
		.in_side = from_client ? INPATH_SIDE_LAN : INPATH_SIDE_WAN,
		.out_side = from_client ? INPATH_SIDE_WAN : INPATH_SIDE_LAN,
		.in_ifindex = from_client ? 2 : 3,
		.out_ifindex = from_client ? 3 : 2 };

	g->now += INPATH_USEC;
	return inpath_engine_packet(g->engine, &meta, b->at, b->len, b->len, g->now);
}

/* A batch as the daemon has it from the queue, and as it judges it. */
static void give_all(struct ground *g, const struct bytes *b, const bool *from_client, size_t count)
{
	struct inpath_meta meta = { .in_side = INPATH_SIDE_LAN };

	for (size_t i = 0; i < count; i++) {
		meta.in_side = from_client[i] ? INPATH_SIDE_LAN : INPATH_SIDE_WAN;
		inpath_engine_foresee(g->engine, &meta, b[i].at, b[i].len);
	}
	for (size_t i = 0; i < count; i++)
		give(g, &b[i], from_client[i]);
}

/* Lets all that is due happen; probes are kept as the routers see them, if there is room. */
static uint32_t settle(struct ground *g, struct bytes *replies, uint32_t room, inpath_time span)
{
	inpath_time end = g->now + span;
	uint32_t count = 0;

	while (g->now < end) {
		const struct inpath_outbox *box;
		uint32_t ids[INPATH_OUTBOX_ACTIONS], sent = 0;
		inpath_time next;

		inpath_engine_tick(g->engine, g->now);
		box = inpath_engine_outbox(g->engine);
		for (uint32_t i = 0; i < box->count; i++) {
			const struct inpath_probe *probe = &box->items[i].probe;
			uint8_t all[WIRE_MAX];

			if (box->items[i].kind != INPATH_ACTION_SEND)
				continue;
			ids[sent++] = probe->id;
			if (count == room)
				continue;
			replies[count].len = wire_time_exceeded(all,
				g->v6 ? "2001:db8:ff::1" : "10.0.0.1", probe->bytes, probe->len);
			memcpy(replies[count].at, all, replies[count].len);
			count++;
		}
		for (uint32_t i = 0; i < sent; i++)
			inpath_engine_sent(g->engine, ids[i], 0, g->now);
		next = inpath_engine_next_deadline(g->engine);
		if (next > g->now)
			g->now = next < end ? next : end;
	}
	return count;
}

static void open_flow(struct ground *g, uint32_t i)
{
	struct bytes b[] = {
		packet(g, true, TCP_SYN, ISS, 0, NULL, 0),
		packet(g, false, TCP_SYN | TCP_ACK, IRS, ISS + 1, NULL, 0),
		packet(g, true, TCP_ACK, ISS + 1, IRS + 1, NULL, 0),
		packet(g, true, TCP_ACK | TCP_PSH, ISS + 1, IRS + 1, REQUEST, sizeof(REQUEST) - 1),
		packet(g, false, TCP_ACK, IRS + 1, ISS + sizeof(REQUEST), NULL, 0),
	};
	static const bool from_client[] = { true, false, true, true, false };

	for (size_t k = 0; k < sizeof(b) / sizeof(b[0]); k++) {
		address(g, &b[k], from_client[k], i);
		give(g, &b[k], from_client[k]);
	}
}

/* As the daemon takes it. */
static void *memory(size_t size)
{
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED) {
		perror("engine");
		exit(1);
	}
	return at;
}

static void begin(struct ground *g, uint32_t flows, bool v6)
{
	static const uint64_t seed[2] = { 1, 2 };
	struct inpath_limits limits = {
		.flows = flows, .names = 8192, .hellos = 64, .traces = 1024, .histories = 2048
	};

	*g = (struct ground){ .flows = flows, .v6 = v6, .now = 1000 * INPATH_SEC };
	g->engine = inpath_engine_init(memory(inpath_engine_size(&limits)), &limits, seed);
	hugepages_for_flows(g->engine);
	g->policy = (struct inpath_policy){ .name = "all",
		.action = INPATH_TRACE,
		.protocols = INPATH_PROTOCOL_TCP,
		.settings = { .interval_s = 3600, .max_hops = 1, .attempts = 1, .gap = 32 } };
	g->set = (struct inpath_policy_set){ .policies = &g->policy,
		.policies_count = 1,
		.budget = { .gateway = 1000000, .client = 1000000, .first_hops = 1000000 },
		.timeout_ms = 10,
		.mark_probe = 0x04000000,
		.mark_rest = 0x08000000 };
	inpath_engine_set_policy(g->engine, &g->set, g->now);
	/* Each flow has its trace here, of one hop, so that it is not due in what is measured. */
	for (uint32_t i = 0; i < flows; i++) {
		open_flow(g, i);
		if (i % 512 == 511 || i + 1 == flows)
			(void)settle(g, NULL, 0, INPATH_SEC);
	}
	g->opened = flows;
	g->server_nxt = IRS + 1;
	g->policy.settings.max_hops = HOPS;
	if (inpath_engine_stats(g->engine)->traces < flows) {
		fprintf(stderr, "engine: %u flows, %lu traces\n", flows,
			(unsigned long)inpath_engine_stats(g->engine)->traces);
		exit(1);
	}
}

static double known(struct ground *g, bool alone)
{
	static const uint8_t payload[PAYLOAD];
	size_t tcp = g->v6 ? 40 : 20;
	struct bytes batch[BATCH];
	bool from_client[BATCH];
	uint64_t started;

	for (uint32_t i = 0; i < BATCH; i++) {
		from_client[i] = i % 3 == 2;
		batch[i] = from_client[i]
				   ? packet(g, true, TCP_ACK, ISS + sizeof(REQUEST), 0, NULL, 0)
				   : packet(g, false, TCP_ACK, 0, ISS + sizeof(REQUEST), payload,
					     PAYLOAD);
	}
	started = now_ns();
	for (uint32_t i = 0; i < PACKETS / BATCH; i++) {
		for (uint32_t k = 0; k < BATCH; k++) {
			/* Once through all flows, then the stream goes on. */
			if (g->turn % g->flows == 0)
				g->server_nxt += PAYLOAD;
			wire_put32(batch[k].at + tcp + (from_client[k] ? 8 : 4),
				from_client[k] ? g->server_nxt : g->server_nxt - PAYLOAD);
			address(g, &batch[k], from_client[k],
				(uint32_t)((uint64_t)g->turn++ * STRIDE % g->flows));
		}
		if (!alone)
			give_all(g, batch, from_client, BATCH);
		for (uint32_t k = 0; alone && k < BATCH; k++)
			give(g, &batch[k], from_client[k]);
	}
	return (double)(now_ns() - started) / (PACKETS / BATCH * BATCH);
}

static double fresh(struct ground *g)
{
	struct bytes syn = packet(g, true, TCP_SYN, ISS, 0, NULL, 0);
	uint64_t started = now_ns();

	for (uint32_t i = 0; i < PACKETS; i++) {
		address(g, &syn, true, g->opened++);
		give(g, &syn, true);
	}
	return (double)(now_ns() - started) / PACKETS;
}

static double answers(struct ground *g)
{
	static struct bytes replies[REPLIES];
	static const uint8_t payload[PAYLOAD];
	struct bytes down =
		packet(g, false, TCP_ACK, g->server_nxt, ISS + sizeof(REQUEST), payload, PAYLOAD);
	uint64_t before = inpath_engine_stats(g->engine)->swallowed_icmp, started;
	uint32_t count, swallowed;

	g->now += 2 * g->policy.settings.interval_s * INPATH_SEC;
	g->server_nxt += PAYLOAD;
	for (uint32_t i = 0; i < ASKED; i++) {
		address(g, &down, false, (uint32_t)((uint64_t)g->turn++ * STRIDE % g->flows));
		give(g, &down, false);
	}
	count = settle(g, replies, REPLIES, INPATH_MSEC);
	started = now_ns();
	for (uint32_t i = 0; i < count; i++)
		give(g, &replies[i], false);
	started = now_ns() - started;
	swallowed = (uint32_t)(inpath_engine_stats(g->engine)->swallowed_icmp - before);
	if (count != REPLIES || swallowed != count) {
		fprintf(stderr, "engine: %u of %u probes sent, %u answers taken\n", count, REPLIES,
			swallowed);
		exit(1);
	}
	(void)settle(g, NULL, 0, INPATH_SEC);
	return (double)started / count;
}

static void measure(bool v6)
{
	static struct ground few, many;

	begin(&few, FEW, v6);
	begin(&many, MANY, v6);
	for (int i = 0; i < ROUNDS; i++) {
		printf("known%d %.1f %.1f\n", v6 ? 6 : 4, known(&few, false), known(&many, false));
		printf("alone%d %.1f %.1f\n", v6 ? 6 : 4, known(&few, true), known(&many, true));
	}
	for (int i = 0; i < ROUNDS; i++)
		printf("icmp%d %.1f %.1f\n", v6 ? 6 : 4, answers(&few), answers(&many));
	for (int i = 0; i < ROUNDS; i++)
		printf("new%d %.1f %.1f\n", v6 ? 6 : 4, fresh(&few), fresh(&many));
}

/* A chain through all cache lines of a table of so many entries, each once, in an order that nothing foretells. */
struct chain {
	uint32_t *next;
	uint32_t at;
};

enum {
	STEP = FETCH_LINE / sizeof(uint32_t),
};

static struct chain chain_of(uint32_t entries)
{
	size_t bytes = (size_t)entries * sizeof(struct flow);
	uint32_t lines = (uint32_t)(bytes / FETCH_LINE), *next = memory(bytes);

	madvise(next, bytes, MADV_HUGEPAGE);
	for (uint32_t i = 0; i < lines; i++)
		next[i * STEP] = i;
	/* Sattolo's shuffle: one cycle. */
	for (uint32_t i = lines - 1; i > 0; i--) {
		uint32_t other = (uint32_t)((uint64_t)random() % i), was = next[i * STEP];

		next[i * STEP] = next[other * STEP];
		next[other * STEP] = was;
	}
	return (struct chain){ .next = next };
}

/* It goes on where it stopped: what was read last is not what is read next. */
static double chain_read(struct chain *c)
{
	uint64_t started = now_ns();

	for (uint32_t i = 0; i < PACKETS; i++)
		c->at = *(const volatile uint32_t *)&c->next[c->at * STEP];
	return (double)(now_ns() - started) / PACKETS;
}

static void measure_reads(void)
{
	struct chain few = chain_of(FEW), many = chain_of(MANY);

	for (int i = 0; i < ROUNDS; i++)
		printf("read %.1f %.1f\n", chain_read(&few), chain_read(&many));
}

int main(void)
{
	struct inpath_limits limits = INPATH_LIMITS_DEFAULT;
	size_t less, more;

	measure(false);
	measure(true);
	measure_reads();
	limits.flows = MANY;
	less = inpath_engine_size(&limits);
	limits.flows = 2 * MANY;
	more = inpath_engine_size(&limits);
	printf("entry %zu\nfurther %zu\n", sizeof(struct flow), (more - less) / MANY);
	return 0;
}
