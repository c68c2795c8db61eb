/* SPDX-License-Identifier: GPL-2.0-or-later */
/* netsims: a synthetic internet in memory: packets go in, and what comes out is kept. */
#ifndef TESTS_UNIT_NETSIMS_H
#define TESTS_UNIT_NETSIMS_H

#include "tests/netsim/net.h"
#include "tests/unit/topologies.h"
#include "tests/unit/wire.h"

#define NETSIM_CLIENT  "192.0.2.2"
#define NETSIM_SERVER  "198.51.100.1"
#define NETSIM_CLIENT6 "2001:db8:2::2"
#define NETSIM_SERVER6 "2001:db8:5::1"
#define NETSIM_SERVED  "server s1 addr " NETSIM_SERVER " addr6 " NETSIM_SERVER6 "\n"

enum {
	NETSIM_KEPT = 64
};

struct netsim_packet {
	int to;
	inpath_time at;
	size_t len;
	uint8_t bytes[WIRE_MAX];
};

struct netsim {
	struct net net;
	size_t count; /* of all; the last NETSIM_KEPT are kept */
	struct netsim_packet out[NETSIM_KEPT];
};

static inline void netsim_out(void *arg, int to, const uint8_t *packet, size_t len)
{
	struct netsim *s = arg;
	struct netsim_packet *p = &s->out[s->count++ % NETSIM_KEPT];

	p->to = to;
	p->at = s->net.now;
	p->len = len;
	memcpy(p->bytes, packet, len);
}

/* One at a time: it is large, and lives in static memory. */
static inline struct netsim *netsim_of(const struct topology *t)
{
	static struct netsim s;

	s.count = 0;
	net_init(&s.net, t);
	s.net.out = netsim_out;
	s.net.arg = &s;
	return &s;
}

static inline struct netsim *netsim_up(const char *text)
{
	return netsim_of(reads(text));
}

static inline void netsim_down(struct netsim *s)
{
	net_free(&s->net);
}

static inline void netsim_send(
	struct netsim *s, bool from_gateway, const uint8_t *bytes, size_t len, inpath_time at)
{
	struct datagram *d = net_datagram(&s->net);

	memcpy(d->bytes, bytes, len);
	d->len = (uint16_t)len;
	net_take(&s->net, d, from_gateway, at);
}

static inline struct netsim_packet *netsim_last(struct netsim *s)
{
	assert_true(s->count > 0);
	return &s->out[(s->count - 1) % NETSIM_KEPT];
}

/* Of the client's flow, or of the server's answers to it; addresses and ports are filled in. */
static inline void netsim_tcp(
	struct netsim *s, bool client, bool v6, inpath_time at, struct wire_tcp t)
{
	uint8_t bytes[WIRE_MAX];
	const char *near = v6 ? NETSIM_CLIENT6 : NETSIM_CLIENT;
	const char *far = v6 ? NETSIM_SERVER6 : NETSIM_SERVER;

	t.ip.src = t.ip.src ? t.ip.src : client ? near : far;
	t.ip.dst = t.ip.dst ? t.ip.dst : client ? far : near;
	t.flags = t.flags ? t.flags : TCP_ACK;
	t.src_port = t.src_port ? t.src_port : client ? 40000 : 443;
	t.dst_port = t.dst_port ? t.dst_port : client ? 443 : 40000;
	netsim_send(s, client, bytes, wire_tcp(bytes, &t), at);
}

/* With the fields of struct wire_tcp named: CLIENT_SENDS(s, at, .seq = 5). Without flags it is an ACK. */
#define CLIENT_SENDS(s, at, ...) netsim_tcp(s, true, false, at, (struct wire_tcp){ __VA_ARGS__ })
#define SERVER_SENDS(s, at, ...) netsim_tcp(s, false, false, at, (struct wire_tcp){ __VA_ARGS__ })

static inline bool netsim_is_from(const struct netsim_packet *p, const char *addr)
{
	struct inpath_addr want = wire_addr(addr);

	return p->bytes[0] >> 4 == want.family &&
	       memcmp(p->bytes + (want.family == 4 ? 12 : 8), want.bytes,
		       want.family == 4 ? 4 : 16) == 0;
}

#endif
