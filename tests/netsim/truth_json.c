/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/netsim/truth.h"

#include <arpa/inet.h>
#include <string.h>

static void put_addr(FILE *out, uint8_t version, const uint8_t *bytes)
{
	char text[INET6_ADDRSTRLEN];

	inet_ntop(version == 4 ? AF_INET : AF_INET6, bytes, text, sizeof(text));
	fprintf(out, "\"%s\"", text);
}

/* Seconds from the first packet; what is older is its beginning. */
static double seconds(const struct truth *truth, inpath_time at)
{
	return at < truth->zero ? 0 : (double)(at - truth->zero) / 1e9;
}

static const char *name_of(const struct truth *truth, uint16_t router)
{
	return truth->t->routers[router].name;
}

static void put_path(const struct truth *truth, const struct truth_flow *f, uint32_t i, FILE *out)
{
	const struct truth_path *p = &f->paths[i];
	const char *comma = "";
	uint8_t last = 0;

	fprintf(out, "{\"from\": %.6f, \"until\": ", seconds(truth, p->from));
	if (i + 1 < f->path_count)
		fprintf(out, "%.6f", seconds(truth, f->paths[i + 1].from));
	else
		fputs("null", out);
	fputs(", \"server\": [", out);
	for (unsigned ttl = 0; ttl < TOPOLOGY_HOPS + 2; ttl++) {
		if (!p->server[ttl])
			continue;
		fprintf(out, "%s%u", comma, ttl);
		comma = ", ";
	}
	fputs("],\n      \"hops\": [", out);
	for (uint16_t k = 0; k < p->count; k++)
		if (p->stands[k].ttl > last)
			last = p->stands[k].ttl;
	for (unsigned ttl = 1; ttl <= last; ttl++) {
		fputs(ttl == 1 ? "[" : ", [", out);
		comma = "";
		for (uint16_t k = 0; k < p->count; k++) {
			if (p->stands[k].ttl != ttl || !p->stands[k].expires)
				continue;
			fprintf(out, "%s{\"router\": \"%s\", \"addr\": ", comma,
				name_of(truth, p->stands[k].router));
			put_addr(out, p->stands[k].addr.family, p->stands[k].addr.bytes);
			fputc('}', out);
			comma = ", ";
		}
		fputc(']', out);
	}
	fputs("]}", out);
}

static void put_answers(const struct truth_probe *p, bool proxied, FILE *out)
{
	const char *comma = "";

	for (uint16_t i = 0; i < p->answer_count; i++) {
		if ((p->answers[i] & 1) != proxied)
			continue;
		fprintf(out, "%s%.6f", comma,
			p->answers[i] < p->at ? 0 : (double)(p->answers[i] - p->at) / 1e9);
		comma = ", ";
	}
}

static void put_probe(const struct truth *truth, const struct truth_probe *p, FILE *out)
{
	static const char *const ends[] = {
		[END_UNKNOWN] = "unknown",
		[END_EXPIRED] = "expired",
		[END_LOST] = "lost",
		[END_DROPPED] = "dropped",
		[END_REFUSED] = "refused",
		[END_SERVER] = "server",
	};

	fprintf(out, "{\"ttl\": %u, \"at\": %.6f, \"end\": \"%s\", \"router\": ", p->ttl,
		seconds(truth, p->at), ends[p->end]);
	if (p->router >= PLACE_ROUTERS && p->router < PLACE_SERVERS)
		fprintf(out, "\"%s\"", name_of(truth, (uint16_t)(p->router - PLACE_ROUTERS)));
	else
		fputs("null", out);
	fputs(", \"answers\": [", out);
	put_answers(p, false, out);
	fputs("], \"proxied\": [", out);
	put_answers(p, true, out);
	fputs("]}", out);
}

static void put_crossing(const struct truth *truth, const struct truth_crossing *c, FILE *out)
{
	fprintf(out, "{\"router\": \"%s\", \"ttl\": ", name_of(truth, c->router));
	if (c->ttl)
		fprintf(out, "%u", c->ttl);
	else
		fputs("null", out);
	fprintf(out, ", \"packets\": %llu, \"first\": %.6f, \"last\": %.6f}",
		(unsigned long long)c->packets, seconds(truth, c->first), seconds(truth, c->last));
}

static void put_heard(const struct truth_flow *f, FILE *out)
{
	const char *comma = "";

	for (unsigned ttl = 0; ttl < 256; ttl++) {
		if (!(f->heard[ttl / 64] >> ttl % 64 & 1))
			continue;
		fprintf(out, "%s%u", comma, ttl);
		comma = ", ";
	}
}

static void put_flow(const struct truth *truth, const struct truth_flow *f, FILE *out)
{
	fprintf(out, "  { \"proto\": \"%s\", \"af\": %u, \"src\": ",
		f->key.proto == INPATH_PROTO_TCP ? "tcp" : "udp", f->key.version);
	put_addr(out, f->key.version, f->key.src);
	fprintf(out, ", \"sport\": %u, \"dst\": ", f->key.sport);
	put_addr(out, f->key.version, f->key.dst);
	fprintf(out,
		", \"dport\": %u, \"server\": \"%s\",\n    \"packets\": %llu, \"first\": %.6f, \"last\": %.6f,\n",
		f->key.dport, truth->t->servers[f->server].name, (unsigned long long)f->packets,
		seconds(truth, f->first), seconds(truth, f->last));
	fputs("    \"heard\": [", out);
	put_heard(f, out);
	fputs("],\n    \"paths\": [", out);
	for (uint32_t i = 0; i < f->path_count; i++) {
		fputs(i ? ",\n      " : "\n      ", out);
		put_path(truth, f, i, out);
	}
	fputs("],\n    \"crossed\": [", out);
	for (uint32_t i = 0; i < f->crossed_count; i++) {
		fputs(i ? ",\n      " : "\n      ", out);
		put_crossing(truth, &f->crossed[i], out);
	}
	fputs("],\n    \"probes\": [", out);
	for (uint32_t i = 0; i < f->probe_count; i++) {
		fputs(i ? ",\n      " : "\n      ", out);
		put_probe(truth, &f->probes[i], out);
	}
	fputs("] }", out);
}

void truth_write(const struct truth *truth, FILE *out)
{
	fprintf(out, "{ \"seed\": %llu, \"zero\": %.6f, \"flows\": [",
		(unsigned long long)truth->t->seed, truth->zero_utc);
	for (int32_t i = 0; i < truth->count; i++) {
		fputs(i ? ",\n" : "\n", out);
		put_flow(truth, &truth->flows[i], out);
	}
	fputs(" ] }\n", out);
}

static bool is_part(const struct truth_flow *f, const struct truth_crossing *c)
{
	if (c->ttl == 0)
		return true;
	for (uint32_t i = 0; i < f->path_count; i++)
		for (uint16_t k = 0; k < f->paths[i].count; k++) {
			const struct route_stand *s = &f->paths[i].stands[k];

			if (s->crossed && s->router == c->router && s->ttl == c->ttl)
				return true;
		}
	return false;
}

bool truth_holds(const struct truth *truth, char *message, size_t size)
{
	for (int32_t i = 0; i < truth->count; i++) {
		const struct truth_flow *f = &truth->flows[i];

		for (uint32_t k = 0; k < f->crossed_count; k++) {
			if (is_part(f, &f->crossed[k]))
				continue;
			snprintf(message, size,
				"packets of source port %u crossed %s at TTL %u, where no path of theirs has it",
				f->key.sport, name_of(truth, f->crossed[k].router),
				f->crossed[k].ttl);
			return false;
		}
	}
	return true;
}
