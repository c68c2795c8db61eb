/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * topology: a synthetic internet as data: routers and how they behave, links, servers, the ways that
 * packets take, and what changes when. Read from a file, drawn from a seed, printed as a file.
 *
 * The language, one statement a line, `#` begins a comment:
 *
 *	seed N                               what chance is drawn from; default 1
 *	router NAME [OPTION...]
 *	server NAME [addr A] [addr6 A]
 *	link A B [OPTION...]                 both directions
 *	link A > B [OPTION...]               from A to B alone
 *	path gw STEP... SERVER               the way from the gateway to a server
 *	back SERVER STEP... gw               and back; default: the path's first branches reversed, which
 *	                                     stays when the path changes
 *	at TIME router|link|path|back ...    the same, at TIME after the first packet
 *
 *	STEP is a router, or alternatives between two routers: { r2 | r3 r4 | }. An alternative may be
 *	empty, of another length than the rest, and may hold alternatives itself. Where a way splits,
 *	the router before the brace chooses, by its `balance`. A router may stand in a way twice.
 *	NAME: a letter, then letters, digits, `-` and `_`, 15 at most; `gw` is the gateway.
 *	What is named must have been declared in a line before. Every server has a path.
 *
 *	router options                       (default in brackets)
 *	  addr A, addr6 A                    its addresses [198.18.0.N and 2001:db8:ff::N, N by declaration
 *	                                     from 1: 198.18.1.0 follows 198.18.0.255]
 *	  from A, from6 A                    its errors come from here instead [its addresses]
 *	  balance flow|destination|packet    [flow: addresses, protocol, ports and, in IPv6, the label]
 *	  answers | silent                   [answers]
 *	  limit N/BURST | limit off          errors a second, token bucket [off]
 *	  late T | late T..T                 errors leave so much later, evenly drawn [0]
 *	  once | twice                       how often each error is sent [once]
 *	  quote 8|28|128|all                 bytes quoted behind the IP header [all]
 *	  mpls LABEL:TC:TTL[,...] | mpls off RFC 4950 stack, 4 entries at most [off]
 *	  interface NAME[:INDEX[:MTU]] | interface off
 *	                                     RFC 5837: the interface that the packet came in by, with the
 *	                                     router's address [off]
 *	  extensions good|legacy|unpadded|overlong|badsum
 *	                                     how what follows the quote is laid out: as RFC 4884 says;
 *	                                     padded to 128 without a length; a length of what was quoted
 *	                                     although it is under 128; a length beyond the message's end;
 *	                                     good but for its checksum [good]
 *	  zero-ttl | no-zero-ttl             forwards a packet whose TTL it has made 0 [no-zero-ttl]
 *	  invisible | visible                does not decrement [visible]
 *	  dscp N | dscp keep                 rewrites what it forwards, way there only [keep]
 *	  ecn N | ecn keep                   likewise, 0..3 [keep]
 *	  nat A [repair|raw] [seq|seq-sack] | nat off
 *	                                     a carrier's NAT between this router and the next, IPv4 only:
 *	                                     source becomes A and a port of its own; quotes in errors
 *	                                     coming back are repaired, or stay raw [repair]; `seq` shifts the
 *	                                     client's sequence numbers and forgets SACK blocks on the
 *	                                     way back, `seq-sack` shifts both; quotes keep shifted ones [off]
 *	  expire CODE | expire ttl           answers an expired packet by "unreachable" [ttl]
 *	  firewall drop|CODE|off             between this router and the next: what repeats bytes that the
 *	                                     server has acknowledged is dropped, or refused by this
 *	                                     router with CODE [off]
 *	  proxy | no-proxy                   answers such bytes itself, as the server (ACK with D-SACK),
 *	                                     and forwards them all the same [no-proxy]
 *	CODE is net, host, protocol, port or admin: ICMP 3/0 3/1 3/2 3/3 3/13, ICMPv6 1/0 1/3 4/1 1/4 1/1.
 *
 *	link options: delay T [0], jitter T [0; evenly drawn, order is kept], loss P% [0], rate Nkbit|Nmbit|off [off].
 *	Times are 250us, 3ms, 1.5s. A link that is not declared has no delay. `link A B` may come before or
 *	after the ways that use it.
 *
 * Owns:   a topology is one block of plain data without pointers: copy it by assignment.
 * Time:   nanoseconds from the first packet.
 */
#ifndef TOPOLOGY_H
#define TOPOLOGY_H

#include <stdio.h>

#include "inpath/types.h"

enum {
	TOPOLOGY_NAME_MAX = 15,
	TOPOLOGY_ROUTERS = 512,
	TOPOLOGY_SERVERS = 64,
	TOPOLOGY_LINKS = 1024, /* directions */
	TOPOLOGY_EVENTS = 64,
	TOPOLOGY_WAYS = 192,   /* paths and backs, those of events included */
	TOPOLOGY_STEPS = 128,  /* in one way, all alternatives together */
	TOPOLOGY_BRANCHES = 8, /* alternatives at one place */
	TOPOLOGY_HOPS = 64,    /* routers one after the other on a way */
	TOPOLOGY_DEPTH = 4,    /* braces within braces */
	TOPOLOGY_LABELS = 4,
	TOPOLOGY_LINE = 4096,
	TOPOLOGY_BEHAVIOURS = 64, /* names of them, at most */
};

enum balance {
	BALANCE_FLOW,
	BALANCE_DESTINATION,
	BALANCE_PACKET,
};

enum extensions {
	EXTENSIONS_GOOD,
	EXTENSIONS_LEGACY,
	EXTENSIONS_UNPADDED,
	EXTENSIONS_OVERLONG,
	EXTENSIONS_BADSUM,
};

/* What a router says of a packet that it will not forward. */
enum refusal {
	REFUSAL_NONE, /* expire: time exceeded; firewall: off */
	REFUSAL_DROP, /* firewall only */
	REFUSAL_NET,
	REFUSAL_HOST,
	REFUSAL_PROTOCOL,
	REFUSAL_PORT,
	REFUSAL_ADMIN,
};

enum nat_seq {
	NAT_SEQ_KEEP,
	NAT_SEQ,      /* SACK blocks are not put right */
	NAT_SEQ_SACK, /* ... are put right */
};

struct topology_label {
	uint32_t label; /* 20 bits */
	uint8_t tc;     /* 3 bits */
	uint8_t ttl;
};

struct topology_router {
	char name[TOPOLOGY_NAME_MAX + 1];
	struct inpath_addr addr[2]; /* IPv4, IPv6 */
	struct inpath_addr from[2]; /* family INPATH_AF_NONE: addr */
	enum balance balance;
	bool silent;
	double limit_rate; /* errors a second; 0: no limit */
	double limit_burst;
	inpath_time late_min;
	inpath_time late_max;
	bool twice;
	uint32_t quote; /* bytes behind the IP header; UINT32_MAX: all */
	uint8_t label_count;
	struct topology_label labels[TOPOLOGY_LABELS];
	bool has_interface;
	char interface[64];       /* RFC 5837 4.3: 63 bytes */
	uint32_t interface_index; /* 0: not told */
	uint32_t interface_mtu;   /* 0: not told */
	enum extensions extensions;
	bool zero_ttl;
	bool invisible;
	int dscp; /* -1: kept */
	int ecn;  /* -1: kept */
	bool nat;
	struct inpath_addr nat_addr;
	bool nat_raw;
	enum nat_seq nat_seq;
	enum refusal expire;
	enum refusal firewall;
	bool proxy;
};

struct topology_server {
	char name[TOPOLOGY_NAME_MAX + 1];
	struct inpath_addr addr[2]; /* family INPATH_AF_NONE: none of that family */
};

/* A place: the gateway, routers from 1 on, then servers. */
enum {
	PLACE_GATEWAY = 0,
	PLACE_ROUTERS = 1,
	PLACE_SERVERS = PLACE_ROUTERS + TOPOLOGY_ROUTERS
};

/* One direction of a link. */
struct topology_link {
	uint16_t from; /* places */
	uint16_t to;
	inpath_time delay;
	inpath_time jitter; /* added, evenly drawn from 0 to this */
	double loss;        /* 0..1 */
	double rate;        /* bits a second; 0: no limit */
};

enum {
	WAY_END = 0xffff
};

/*
 * A way as a graph without circles: step 0 is the place where it begins (the gateway, or a server),
 * the others are routers; WAY_END among `next` is the place where it ends. A router that stands in
 * a way twice has two steps.
 */
struct topology_step {
	uint16_t place;
	uint8_t next_count;
	uint16_t next[TOPOLOGY_BRANCHES]; /* steps, all later than this one, or WAY_END */
};

struct topology_way {
	uint16_t server; /* index */
	bool back;
	uint8_t step_count;
	struct topology_step steps[TOPOLOGY_STEPS];
};

enum event_kind {
	EVENT_ROUTER,
	EVENT_LINK,
	EVENT_WAY,
};

/* From `at` on, what is at `index` becomes this. */
struct topology_event {
	inpath_time at;
	enum event_kind kind;
	uint16_t index; /* of the router, of the link, of the server */
	union {
		struct topology_router router;
		struct topology_link link;
		uint16_t way; /* index into `ways` */
	};
};

struct topology {
	uint64_t seed;
	uint16_t router_count;
	uint16_t server_count;
	uint16_t link_count;
	uint16_t event_count;
	uint16_t way_count;
	struct topology_router routers[TOPOLOGY_ROUTERS];
	struct topology_server servers[TOPOLOGY_SERVERS];
	struct topology_link links[TOPOLOGY_LINKS];
	struct topology_event events[TOPOLOGY_EVENTS]; /* by time */
	struct topology_way ways[TOPOLOGY_WAYS];
	uint16_t path_of[TOPOLOGY_SERVERS]; /* the way there at the start */
	uint16_t back_of[TOPOLOGY_SERVERS];
};

/* What is wrong with a file, and where. */
struct topology_error {
	uint32_t line; /* from 1; 0: the file as a whole */
	char message[160];
};

/*
 * Reads a topology from `text`. False if it is not one: then *out is undefined and *error says why.
 * `text` need not end in NUL or newline; a NUL byte in it is an error of its line.
 */
bool topology_read(
	const char *text, size_t len, struct topology *out, struct topology_error *error);

/*
 * Draws a topology with one server from a seed: the same one on every machine. Its server is s1,
 * with `addr` and `addr6`.
 */
void topology_draw(uint64_t seed, const struct inpath_addr *addr, const struct inpath_addr *addr6,
	struct topology *out);

/*
 * Names what a topology does that a plain one does not, a word each (silent, nat-seq, event-route, ...):
 * how many. The names live as long as the program.
 */
unsigned topology_behaviours(const struct topology *t, const char *names[TOPOLOGY_BEHAVIOURS]);

/*
 * Prints a topology in its language: what is read back from it is equal, byte for byte of the struct.
 * The first line is a comment, `# behaviours: NAME...`.
 */
void topology_print(const struct topology *t, FILE *out);

/* A place's name. */
const char *topology_name(const struct topology *t, uint16_t place);

#endif
