/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/netsim/truth.h"

#include <stdlib.h>
#include <string.h>

#include "tests/netsim/sched.h"

void truth_init(struct truth *truth, const struct topology *t, struct nat *nat)
{
	memset(truth, 0, sizeof(*truth));
	truth->t = t;
	truth->nat = nat;
}

void truth_free(struct truth *truth)
{
	for (int32_t i = 0; i < truth->count; i++) {
		struct truth_flow *f = &truth->flows[i];

		for (uint32_t k = 0; k < f->path_count; k++)
			free(f->paths[k].stands);
		for (uint32_t k = 0; k < f->probe_count; k++)
			free(f->probes[k].answers);
		free(f->paths);
		free(f->probes);
		free(f->crossed);
	}
	free(truth->flows);
	truth->flows = NULL;
	truth->count = truth->capacity = 0;
}

/* Room for one more: sizes double at each power of two. */
static void *grown(void *array, uint32_t count, size_t size)
{
	if (count & (count - 1))
		return array;
	return must_alloc(array, (count ? (size_t)count * 2 : 1) * size);
}

static uint32_t list_of(const struct truth *truth, const struct ip_flow *key)
{
	struct hash_key hash = { truth->t->seed, 0x7472757468 };

	return (uint32_t)(hash_bytes(&hash, key, sizeof(*key)) % TRUTH_LISTS);
}

static int32_t find_near(const struct truth *truth, uint32_t list, const struct ip_flow *key)
{
	int32_t i = truth->near[list];

	while (i && memcmp(&truth->flows[i - 1].key, key, sizeof(*key)) != 0)
		i = truth->flows[i - 1].next_near;
	return i - 1;
}

static int32_t find_far(const struct truth *truth, const struct ip_flow *key)
{
	int32_t i = truth->far[list_of(truth, key)];

	while (i && memcmp(&truth->flows[i - 1].far, key, sizeof(*key)) != 0)
		i = truth->flows[i - 1].next_far;
	return i - 1;
}

/* --- where it goes ------------------------------------------------------------------------------- */

static bool same_path(const struct truth_path *path, const struct route_walk *walk)
{
	return path->count == walk->count &&
	       memcmp(path->stands, walk->stands, walk->count * sizeof(walk->stands[0])) == 0 &&
	       memcmp(path->server, walk->server, sizeof(walk->server)) == 0;
}

static void take_path(struct truth *truth, struct truth_flow *f, inpath_time from)
{
	static struct route_walk walk;
	struct route_header header = { f->key, f->label };
	struct truth_path *path;

	route_walk(truth->t, truth->nat, f->server, &header, &walk);
	if (f->path_count && same_path(&f->paths[f->path_count - 1], &walk))
		return;
	f->paths = grown(f->paths, f->path_count, sizeof(*f->paths));
	path = &f->paths[f->path_count++];
	path->from = from;
	path->count = walk.count;
	path->stands = must_alloc(NULL, (walk.count + 1u) * sizeof(walk.stands[0]));
	memcpy(path->stands, walk.stands, walk.count * sizeof(walk.stands[0]));
	memcpy(path->server, walk.server, sizeof(walk.server));
}

void truth_changed(struct truth *truth, inpath_time at)
{
	truth->version = at;
	for (int32_t i = 0; i < truth->count; i++)
		take_path(truth, &truth->flows[i], at);
}

/* --- what happens --------------------------------------------------------------------------------- */

static int32_t add_flow(
	struct truth *truth, uint32_t list, const struct ip_flow *key, uint16_t server)
{
	struct truth_flow *f;

	if (truth->count == truth->capacity) {
		truth->capacity = truth->capacity ? truth->capacity * 2 : 64;
		truth->flows =
			must_alloc(truth->flows, (size_t)truth->capacity * sizeof(*truth->flows));
	}
	f = &truth->flows[truth->count++];
	memset(f, 0, sizeof(*f));
	f->key = *key;
	f->server = server;
	f->next_near = truth->near[list];
	truth->near[list] = truth->count;
	return truth->count - 1;
}

static int32_t add_probe(struct truth_flow *f, uint8_t ttl, inpath_time now)
{
	struct truth_probe *p;

	f->probes = grown(f->probes, f->probe_count, sizeof(*f->probes));
	p = &f->probes[f->probe_count++];
	memset(p, 0, sizeof(*p));
	p->at = now;
	p->ttl = ttl;
	return (int32_t)f->probe_count - 1;
}

void truth_enter(struct truth *truth, const uint8_t *packet, const struct ip_view *ip,
	uint16_t server, inpath_time now, int32_t *flow, int32_t *probe)
{
	struct ip_flow key = ip_flow_of(packet, ip);
	uint32_t label = ip_label(packet);
	uint8_t ttl = ip_ttl(packet);
	struct truth_flow *f;
	uint32_t list;

	*flow = *probe = NOBODY;
	if (ip->fragment || (ip->proto != INPATH_PROTO_TCP && ip->proto != INPATH_PROTO_UDP))
		return;
	list = list_of(truth, &key);
	*flow = find_near(truth, list, &key);
	if (*flow == NOBODY) {
		*flow = add_flow(truth, list, &key, server);
		f = &truth->flows[*flow];
		f->ttl = ttl;
		f->first = now;
		f->label = label;
		take_path(truth, f, truth->version);
	}
	f = &truth->flows[*flow];
	if (ttl != f->ttl) {
		*probe = add_probe(f, ttl, now);
		return;
	}
	f->packets++;
	f->last = now;
	if (f->label != label) {
		f->label = label;
		take_path(truth, f, now);
	}
}

void truth_cross(
	struct truth *truth, int32_t flow, unsigned n, uint16_t router, uint8_t ttl, inpath_time at)
{
	struct truth_flow *f = &truth->flows[flow];
	struct truth_crossing *c;

	/* Nearly always it is the one that it was for the packet before. */
	if (n >= f->crossed_count || f->crossed[n].router != router || f->crossed[n].ttl != ttl)
		for (n = 0; n < f->crossed_count; n++)
			if (f->crossed[n].router == router && f->crossed[n].ttl == ttl)
				break;
	if (n == f->crossed_count) {
		f->crossed = grown(f->crossed, f->crossed_count, sizeof(*f->crossed));
		f->crossed[f->crossed_count++] =
			(struct truth_crossing){ .router = router, .ttl = ttl, .first = at };
	}
	c = &f->crossed[n];
	c->packets++;
	c->last = at;
}

void truth_end(struct truth *truth, int32_t flow, int32_t probe, enum truth_end end, uint16_t place)
{
	if (flow == NOBODY || probe == NOBODY)
		return;
	truth->flows[flow].probes[probe].end = end;
	truth->flows[flow].probes[probe].router = place;
}

void truth_reach(struct truth *truth, int32_t flow, int32_t probe, const uint8_t *packet,
	const struct ip_view *ip)
{
	struct ip_flow far = ip_flow_of(packet, ip);
	struct truth_flow *f = &truth->flows[flow];
	struct ip_tcp tcp;

	if (f->far.version == 0) {
		uint32_t list = list_of(truth, &far);

		f->far = far;
		f->next_far = truth->far[list];
		truth->far[list] = flow + 1;
	}
	if (probe == NOBODY)
		return;
	truth_end(truth, flow, probe, END_SERVER, PLACE_GATEWAY);
	if (!ip_read_tcp(packet, ip, &tcp))
		return;
	f->probes[probe].owed = tcp.payload_len == 0;
	if (tcp.payload_len == 1) {
		f->probes[probe].has_byte = true;
		f->probes[probe].byte = tcp.seq;
	}
}

/* RFC 2883: the first block names the bytes that came twice. The newest probe with such a byte is meant. */
static int32_t named_probe(
	const struct truth_flow *f, const uint8_t *packet, const struct ip_view *ip)
{
	struct ip_tcp tcp;
	uint32_t begin;

	if (!ip_read_tcp(packet, ip, &tcp) || tcp.sack == 0)
		return NOBODY;
	begin = ip_get32(packet + tcp.sack);
	if (ip_get32(packet + tcp.sack + 4) != begin + 1)
		return NOBODY;
	for (uint32_t i = f->probe_count; i-- > 0;)
		if (f->probes[i].has_byte && f->probes[i].byte == begin)
			return (int32_t)i;
	return NOBODY;
}

/* RFC 9293 3.10.7.4: an empty segment from before what is awaited is answered at once, by a bare ACK. */
static int32_t owed_probe(
	const struct truth_flow *f, const uint8_t *packet, const struct ip_view *ip)
{
	struct ip_tcp tcp;

	if (!ip_read_tcp(packet, ip, &tcp) || tcp.sack || tcp.payload_len ||
		tcp.flags != IP_TCP_ACK)
		return NOBODY;
	for (uint32_t i = f->probe_count; i-- > 0;)
		if (f->probes[i].owed)
			return (int32_t)i;
	return NOBODY;
}

/* A server's port unreachable says what it is about by its quote; of those that came, the last is meant. */
static int32_t last_reached(const struct truth_flow *f)
{
	for (uint32_t i = f->probe_count; i-- > 0;)
		if (f->probes[i].end == END_SERVER)
			return (int32_t)i;
	return NOBODY;
}

void truth_answers(struct truth *truth, const uint8_t *packet, const struct ip_view *ip,
	int32_t *flow, int32_t *probe)
{
	struct ip_flow key = ip_flow_of(packet, ip);
	struct truth_flow *f;
	struct ip_view quoted;

	*probe = NOBODY;
	if (ip_is_error(packet, ip)) {
		size_t at = (size_t)ip->head + 8;

		*flow = NOBODY;
		if (at > ip->len || !ip_read(packet + at, ip->len - at, &quoted))
			return;
		key = ip_flow_of(packet + at, &quoted);
		*flow = find_far(truth, &key);
		if (*flow != NOBODY)
			*probe = last_reached(&truth->flows[*flow]);
		return;
	}
	key = ip_flow_reversed(&key);
	*flow = find_far(truth, &key);
	if (*flow == NOBODY)
		return;
	f = &truth->flows[*flow];
	*probe = named_probe(f, packet, ip);
	if (*probe == NOBODY)
		*probe = owed_probe(f, packet, ip);
	if (*probe != NOBODY)
		f->probes[*probe].owed = false;
}

void truth_heard(struct truth *truth, int32_t flow, const uint8_t *packet, const struct ip_view *ip)
{
	uint8_t ttl = ip_ttl(packet);

	if (!ip_is_error(packet, ip))
		truth->flows[flow].heard[ttl / 64] |= 1ULL << ttl % 64;
}

void truth_answered(struct truth *truth, int32_t flow, int32_t probe, bool proxied, inpath_time now)
{
	struct truth_probe *p;

	if (flow == NOBODY || probe == NOBODY)
		return;
	p = &truth->flows[flow].probes[probe];
	if (p->answer_count == UINT16_MAX)
		return;
	p->answers = grown(p->answers, p->answer_count, sizeof(*p->answers));
	p->answers[p->answer_count++] = (now & ~(inpath_time)1) | proxied;
}
