/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * event: lines that belong to no flow: ev=start, ev=stop, ev=stats and their like.
 */
#include "gateway/logfmt/line.h"

#include <inttypes.h>
#include <stdio.h>

enum {
	/* Pairs in one line, so that the reader has room for them beside ev, v, ts and part. */
	LINE_PAIRS = LOGFMT_FIELDS_MAX - 4,
};

/* The line without its pairs. `of` is 1 if the event fits one line. */
static void put_head(
	struct line *l, const char *name, uint64_t wall_ns, unsigned int number, unsigned int of)
{
	line_start(l);
	line_put(l, "ev=%s v=1", name);
	line_ts(l, wall_ns);
	if (of > 1)
		line_put(l, " part=%u/%u", number, of);
}

/*
 * Puts pairs behind the head, as many as fit; a value too long for a line of its own is cut.
 * Returns their number, which is 0 only if count is 0.
 */
static size_t put_pairs(struct line *l, const struct logfmt_pair *pairs, size_t count)
{
	size_t n;

	for (n = 0; n < count && n < LINE_PAIRS; n++) {
		const struct logfmt_pair *pair = &pairs[n];
		size_t len = line_escaped_len(pair->value);
		size_t cap = LINE_UNCUT;
		struct line longer = *l;

		line_field(&longer, pair->key, pair->value, LINE_UNCUT);
		if (longer.len > LOGFMT_LINE_MAX) {
			size_t over = longer.len - LOGFMT_LINE_MAX;

			if (n)
				break;
			cap = over < len ? len - over : 0;
		}
		line_field(l, pair->key, pair->value, cap);
	}
	return n;
}

void logfmt_event(const char *name, uint64_t wall_ns, const struct logfmt_pair *pairs, size_t count,
	logfmt_sink *sink, void *arg)
{
	const unsigned int longest = 99;
	unsigned int parts = 0, number = 1;
	struct line l;

	put_head(&l, name, wall_ns, 1, 1);
	if (put_pairs(&l, pairs, count) == count) {
		sink(arg, l.bytes, l.len);
		return;
	}
	for (size_t i = 0; i < count; parts++) {
		put_head(&l, name, wall_ns, longest, longest);
		i += put_pairs(&l, pairs + i, count - i);
	}
	for (size_t i = 0; i < count; number++) {
		/* Measured as above, so that both walks break at the same pairs. */
		put_head(&l, name, wall_ns, longest, longest);
		const size_t n = put_pairs(&l, pairs + i, count - i);

		put_head(&l, name, wall_ns, number, parts);
		put_pairs(&l, pairs + i, n);
		sink(arg, l.bytes, l.len);
		i += n;
	}
}

void logfmt_stats(const struct inpath_stats *stats, uint64_t wall_ns, logfmt_sink *sink, void *arg)
{
	enum {
		DIGITS = 20, /* of UINT64_MAX */
#define COUNT(name, what) COUNTER_##name,
		INPATH_STATS(COUNT)
#undef COUNT
		COUNTERS,
	};
	struct logfmt_pair pairs[COUNTERS];
	char values[COUNTERS][DIGITS + 1];
	size_t n = 0;

#define PAIR(name, what)                                                                           \
	snprintf(values[n], sizeof(values[n]), "%" PRIu64, stats->name);                           \
	pairs[n] = (struct logfmt_pair){ #name, values[n] };                                       \
	n++;
	INPATH_STATS(PAIR)
#undef PAIR
	logfmt_event("stats", wall_ns, pairs, n, sink, arg);
}
