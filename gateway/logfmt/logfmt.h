/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * logfmt: records to lines of text and back. The one writer and the one reader of the log's format,
 * used by the daemon, the command and the tests. DESIGN section 10 is its contract.
 *
 * Owns:   nothing. Never allocates: lines are built on the stack, or read into the caller's buffer.
 * Time:   a record's time is monotonic; the caller gives what makes it wall time. `ts` is UTC.
 * Output: lines without newline, of printable ASCII, each with a single `ev=`, at its start.
 *
 * Fields, in order; those in brackets only when known (part: only when split):
 *
 *	all records  ev v ts run
 *	ev=path      [part] FLOW why stop nhop sent fp [e2e] [lan] NOTES hops
 *	ev=change    FLOW old new ttl [back=yes] held
 *	ev=epoch     [part] FLOW since until traces flaps fp [e2e] [lan] hops
 *	ev=hop       ttl addr sent answered [min med max] [rttl] [qttl qlen type code] [unreach] [mpls]
 *	             [ifrole [ifindex] [ifname] [ifaddr] [ifmtu]] [rewritten] [first] [zero=yes]
 *	             [balanced=yes] [changed=yes]
 *	ev=probe     ttl attempt token [from rtt]
 *	FLOW is      cl [dev] pol svc [host] by proto af sport dst dport
 *	NOTES are    [mss opts] [odd] [unreach] [rewritten] [zero] [loop] [cycle] [balanced]
 *	             [changed] [proxy] [nat]
 *
 * ev=hop and ev=probe do not repeat the flow: `run` joins them to their path. A silent hop has
 * addr=* and no min med max rttl; answers that were no ICMP error have no qttl qlen type code, an
 * inferred server, which gave none, has no rttl. The `ts` of ev=probe is that probe's own sending.
 * Durations are ms, rounded half up.
 *
 * ev=epoch tells of a path as long as its flow took it; `run` is its latest trace, whose `ts` it has.
 * since and until are written as `ts` is, e2e and lan MIN/MED/MAX, and hops, each TTL once,
 * TTL/ADDRESS[+ADDRESS...]/MIN/MED/MAX/JITTER/MISSING-of-SENT; where nothing was timed
 * TTL/ADDRESS/MISSING-of-SENT.
 *
 * What replies told, by comma where it is a list:
 *
 *	mss=1460/1400     the client's and the server's; `-` where none was told
 *	opts=sack,ts/ts   likewise their TCP options: sack ts ws
 *	odd=ts            what the server cannot have meant, of these
 *	unreach="6!X"     hop 6 refused; letters as traceroute's. In ev=hop without the TTL
 *	rewritten="dscp@3"  quotes from hop 3 on show it: dscp ecn addr port seq id sum. In ev=hop what
 *	                  this hop's quotes show, and `first` of these what no hop before it showed
 *	zero=4            hop 4 saw TTL 0: the router before it forwarded that
 *	loop=5 cycle=3-6  hop 5 is the router of hop 4 again; hop 6 that of hop 3, others between
 *	balanced=4        addresses at TTL 4 in turns, packet by packet
 *	changed=4         another route during the trace
 *	proxy=3           something at hop 3 answered as the server; routers answer behind it
 *	nat="quote@3,shared@1"  hop 3 is the first to quote another client; hop 1 is in 100.64.0.0/10
 *	mpls=LABEL/TC/S/TTL     entries by `+`, top first (RFC 4950)
 *	ifrole=in         RFC 5837's: in in-sub out next. ifname always stands in quotes
 *
 * Lists of hops end after 4, `rewritten` after 8. Values are quoted as all are: where they hold
 * anything outside [A-Za-z0-9._:+/,*?-].
 *
 * Between quotes every byte outside printable ASCII and every `=` is written \xHH: no name's text
 * can be taken for a field, even by a search that knows nothing of quotes. A text that leaves no
 * room for the rest of its line is cut between characters: host first, then dev, svc, pol; ifname
 * in ev=hop. Beside notes of 80 bytes plain host names are never cut for IPv4, and for IPv6 only
 * beside labels of the greatest length.
 */
#ifndef LOGFMT_H
#define LOGFMT_H

#include "inpath/record.h"
#include "inpath/stats.h"

enum {
	LOGFMT_LINE_MAX = 900,  /* bytes in one line, without NUL or newline */
	LOGFMT_FIELDS_MAX = 64, /* fields that the reader keeps of one line */
};

/* How a client is shown: log.clients. */
enum logfmt_clients {
	LOGFMT_CLIENTS_ADDRESS,
	LOGFMT_CLIENTS_HASH, /* 16 hex digits of a keyed hash, stable while the daemon runs */
	LOGFMT_CLIENTS_NONE, /* "-" */
};

struct logfmt_options {
	bool names; /* write host and dev */
	enum logfmt_clients clients;
	uint64_t client_key[2]; /* for LOGFMT_CLIENTS_HASH */
	/* Added to a record's monotonic time to make it wall time, in ns. */
	int64_t wall_offset;
};

/* Is called for every line; `line` is NUL-terminated, has no newline, and is valid for the call. */
typedef void logfmt_sink(void *arg, const char *line, size_t len);

/*
 * Writes a record as one line or more: a path or epoch that does not fit LOGFMT_LINE_MAX is split
 * between hops, every part with all other fields and part=i/n behind run.
 */
void logfmt_record(const struct inpath_record *record, const struct logfmt_options *options,
	logfmt_sink *sink, void *arg);

/* ev=stats: every counter, by name; several lines (part=i/n) if need be. `wall_ns` is its ts. */
void logfmt_stats(const struct inpath_stats *stats, uint64_t wall_ns, logfmt_sink *sink, void *arg);

/* One key and its value for logfmt_event; `value` is quoted where the contract says so. */
struct logfmt_pair {
	const char *key;
	const char *value;
};

/* ev=start, ev=stop and their like: `ev=NAME v=1 ts=...` and then the pairs. */
void logfmt_event(const char *name, uint64_t wall_ns, const struct logfmt_pair *pairs, size_t count,
	logfmt_sink *sink, void *arg);

/* A line that was read: keys and values as NUL-terminated text, escapes undone, into `text`. */
struct logfmt_line {
	size_t count;
	struct {
		const char *key;
		const char *value;
	} fields[LOGFMT_FIELDS_MAX];
	char text[LOGFMT_LINE_MAX + LOGFMT_FIELDS_MAX * 2];
};

/*
 * Reads a line from anywhere (syslog, journal, plain): starts at its first `ev=` that stands at
 * the line's start or behind a space; one newline at its end is allowed. False if there is none, or
 * the rest is not what the writer could have written: a key twice, a byte that should be escaped,
 * more than LOGFMT_FIELDS_MAX fields or LOGFMT_LINE_MAX bytes (`*out` must then not be used).
 */
bool logfmt_read(const char *line, size_t len, struct logfmt_line *out);

/* The value of `key`, or NULL. */
const char *logfmt_get(const struct logfmt_line *line, const char *key);

#endif
