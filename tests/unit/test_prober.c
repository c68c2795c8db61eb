/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How a path is walked, as scripts: at this millisecond that happens, and then this is sent. */
#include "gateway/engine/prober.h"
#include "tests/unit/stages.h"

#include <stdio.h>

enum event {
	EV_NONE,
	EV_HOP,     /* a router answers this TTL's newest probe */
	EV_SERVER,  /* the server does, and names it */
	EV_DUP,     /* the server does, and does not */
	EV_ODD,     /* something from another distance does, as the server */
	EV_TURN,    /* one of two routers that take turns */
	EV_REFUSED, /* router REFUSER refuses it */
	EV_VIEW,    /* the flow's state becomes this */
	EV_HOLD,    /* no probe before this millisecond */
	EV_UNSENT,  /* this TTL's newest probe did not leave */
};

enum {
	QUIET = 1,
	EARLIER = 2,
	EMPTY = 4,
	BUSY = 8,
	MAY_END = 16,
	CAUGHT_UP = 32,
	CALM = QUIET | EARLIER | CAUGHT_UP,
	REFUSER = 2, /* the TTL of the router that refuses */
};

#define ASK        EV_NONE, 0
#define HOP(n)     EV_HOP, n
#define SERVER(n)  EV_SERVER, n
#define DUP        EV_DUP, 0
#define ODD(n)     EV_ODD, n
#define TURN(n)    EV_TURN, n
#define REFUSED(n) EV_REFUSED, n
#define VIEW(v)    EV_VIEW, v
#define HOLD(ms)   EV_HOLD, ms
#define UNSENT(n)  EV_UNSENT, n

struct line {
	const char *promise;
	unsigned int ms;
	enum event event;
	unsigned int arg;
	const char *then; /* TTLs sent, then "until" when it waits, or why it is done */
};

struct script {
	const char *name;
	struct inpath_settings settings;
	uint8_t expected;
	enum prober_manner manner;
	bool known;
	uint8_t confirm;
	unsigned int e2e_ms;
	unsigned int view;
	struct line lines[16];
};

#define WALK(a, g, m)                                                                              \
	{                                                                                          \
		.attempts = a, .gap = g, .max_hops = m, .touch = true                              \
	}
#define SHY(a, g, m)                                                                               \
	{                                                                                          \
		.attempts = a, .gap = g, .max_hops = m                                             \
	}

static const struct script SCRIPTS[] = {
	{ "a path without a silent hop", WALK(2, 5, 32), 4, .view = CALM,
		.lines = { { "the wave goes out at once, one beyond", 0, ASK, "1-5 until 1000" },
			{ "an answer makes it less patient", 10, HOP(1), "until 100" },
			{ "each answer counts", 12, HOP(3), "until 100" },
			{ "in any order", 13, HOP(2), "until 100" },
			{ "the server ends it", 20, SERVER(4), "reached" },
			{ "what lies beyond it is not waited for", 21, ASK, "reached" } } },
	{ "a silent hop", WALK(2, 5, 32), 4, .view = CALM,
		.lines = { { "the wave", 0, ASK, "1-5 until 1000" },
			{ "", 10, HOP(1), "until 100" }, { "", 10, HOP(2), "until 100" },
			{ "thrice the slower neighbour's RTT is waited", 50, SERVER(4),
				"until 150" },
			{ "not a moment less", 149, ASK, "until 150" },
			{ "a silent hop gets one more", 150, ASK, "3 until 300" },
			{ "and, just before the server, two more than that", 300, ASK,
				"3 until 450" },
			{ "", 450, ASK, "3 until 600" },
			{ "its answer may take as long as any", 600, ASK, "until 1450" },
			{ "then it stays silent", 1450, ASK, "reached" } } },
	{ "a silent hop far from the server", WALK(2, 5, 32), 4, .view = CALM,
		.lines = { { "", 0, ASK, "1-5 until 1000" }, { "", 10, HOP(1), "until 100" },
			{ "", 10, HOP(3), "until 100" }, { "", 50, SERVER(4), "until 100" },
			{ "gets one more", 100, ASK, "2 until 200" },
			{ "", 200, ASK, "until 1100" },
			{ "an answer counts as long as it may come", 1099, HOP(2), "reached" } } },
	{ "a silent hop before a server whose place is known", WALK(2, 5, 32), 3, .known = true,
		.view = CALM,
		.lines = { { "", 0, ASK, "1-3 until 1000" }, { "", 10, HOP(1), "until 100" },
			{ "", 10, SERVER(3), "until 100" },
			{ "gets no more than any", 100, ASK, "2 until 200" },
			{ "", 200, ASK, "until 1100" }, { "", 1100, ASK, "reached" } } },
	{ "a hop that answers the second time", WALK(2, 5, 32), 4, .view = CALM,
		.lines = { { "", 0, ASK, "1-5 until 1000" }, { "", 10, HOP(1), "until 100" },
			{ "", 10, HOP(2), "until 100" }, { "", 20, SERVER(4), "until 100" },
			{ "", 100, ASK, "3 until 200" },
			{ "its answer ends the wait", 120, HOP(3), "reached" } } },
	{ "a server whose own RTT is long", WALK(2, 5, 32), 4, .e2e_ms = 200, .view = CALM,
		.lines = { { "twice the server's RTT is waited, with no answer yet", 0, ASK,
				   "1-5 until 400" },
			{ "and with a near one", 1, HOP(1), "until 400" },
			{ "", 400, ASK, "2-5 until 800" } } },
	{ "a wait never exceeds the patience", WALK(2, 5, 32), 2, .e2e_ms = 9000, .view = CALM,
		.lines = { { "", 0, ASK, "1-3 until 1000" }, { "", 900, HOP(1), "until 1000" },
			{ "", 1000, ASK, "2-3 until 2000" } } },
	{ "nobody answers", WALK(2, 3, 32), 2, .view = CALM,
		.lines = { { "", 0, ASK, "1-3 until 1000" },
			{ "each gets a second attempt", 1000, ASK, "1-3 until 2000" },
			{ "and the gap ends it", 2000, ASK, "gap" } } },
	{ "one attempt", WALK(1, 3, 32), 2, .view = CALM,
		.lines = { { "", 0, ASK, "1-3 until 1000" },
			{ "is one attempt", 1000, ASK, "gap" } } },
	{ "a gap of one", WALK(1, 1, 32), 3, .view = CALM,
		.lines = { { "", 0, ASK, "1-4 until 1000" }, { "", 10, HOP(1), "until 100" },
			{ "", 10, HOP(3), "until 100" }, { "", 10, HOP(2), "until 100" },
			{ "", 10, HOP(4), "5-8 until 110" },
			{ "silence before an answer is no gap", 20, SERVER(6), "until 110" },
			{ "", 110, ASK, "until 1010" }, { "", 1010, ASK, "reached" } } },
	{ "a gap grows no further than the gap", WALK(1, 3, 32), 3, .view = CALM,
		.lines = { { "", 0, ASK, "1-4 until 1000" }, { "", 10, HOP(1), "until 100" },
			{ "", 10, HOP(2), "until 100" }, { "", 10, HOP(3), "until 100" },
			{ "", 100, ASK, "until 1000" },
			{ "one is silent, so two more", 1000, ASK, "5-6 until 1100" },
			{ "", 1100, ASK, "until 2000" }, { "three in a row", 2000, ASK, "gap" } } },
	{ "a server farther than inferred", WALK(2, 5, 32), 2, .view = CALM,
		.lines = { { "", 0, ASK, "1-3 until 1000" }, { "", 10, HOP(1), "until 100" },
			{ "", 10, HOP(2), "until 100" },
			{ "while the far end answers, the wave grows", 10, HOP(3),
				"4-7 until 110" },
			{ "", 20, HOP(4), "until 110" }, { "", 20, SERVER(6), "until 110" },
			{ "", 20, HOP(5), "reached" } } },
	{ "a server nearer than inferred", WALK(2, 5, 32), 6, .view = CALM,
		.lines = { { "", 0, ASK, "1-7 until 1000" }, { "", 20, SERVER(6), "until 100" },
			{ "", 20, SERVER(3), "until 100" },
			{ "the lowest TTL that reaches it counts", 21, SERVER(5), "until 100" },
			{ "only what lies before it is asked again", 100, ASK, "1-2 until 200" },
			{ "", 110, HOP(2), "until 200" }, { "", 111, HOP(1), "reached" } } },
	{ "a server whose place is known", WALK(2, 5, 32), 4, .known = true, .view = CALM,
		.lines = { { "needs none beyond", 0, ASK, "1-4 until 1000" } } },
	{ "a server next door", WALK(2, 5, 32), 1, .view = CALM,
		.lines = { { "", 0, ASK, "1-2 until 1000" }, { "", 5, SERVER(1), "reached" } } },
	{ "a server whose place is known, and that reads", WALK(2, 5, 32), 4, .known = true,
		.view = QUIET | EARLIER,
		.lines = { { "routers need not wait", 0, ASK, "1-2 until 1000" },
			{ "", 10, HOP(1), "until 100" }, { "touches do", 10, HOP(2), "until 5000" },
			{ "until it has answered", 4000, VIEW(CALM), "3-4 until 4100" } } },
	{ "a server whose place is known, and that only reads", WALK(2, 5, 32), 4, .known = true,
		.view = QUIET | EARLIER,
		.lines = { { "", 0, ASK, "1-2 until 1000" }, { "", 10, HOP(1), "until 100" },
			{ "", 10, HOP(2), "until 5000" },
			{ "then a quiet moment is enough", 5000, ASK, "3-4 until 5100" } } },
	{ "a server whose place is known, and a client that never pauses", WALK(2, 5, 32), 4,
		.known = true, .view = EARLIER,
		.lines = { { "", 0, ASK, "1-2 until 1000" }, { "", 10, HOP(1), "until 100" },
			{ "", 10, HOP(2), "until 5000" },
			{ "a quiet moment is waited for next", 5000, ASK, "until 6500" },
			{ "and then not even that", 6500, ASK, "3 until 6600" } } },
	{ "a server whose place is not known, and that reads", WALK(2, 5, 32), 4,
		.view = QUIET | EARLIER,
		.lines = { { "its path is wanted at once", 0, ASK, "1-5 until 1000" } } },
	{ "a server at an unknown distance", WALK(2, 5, 32), 0, .view = CALM,
		.lines = { { "", 0, ASK, "1-16 until 1000" } } },
	{ "a server at a distance beyond belief", WALK(2, 5, 32), 127, .view = CALM,
		.lines = { { "is at an unknown one", 0, ASK, "1-16 until 1000" } } },
	{ "the farthest server", WALK(2, 5, 64), 64, .view = CALM,
		.lines = { { "", 0, ASK, "1-64 until 1000" }, { "", 5, HOP(64), "until 100" } } },
	{ "one hop at most", WALK(2, 5, 1), 9, .view = CALM,
		.lines = { { "", 0, ASK, "1 until 1000" }, { "", 5, HOP(1), "maxttl" } } },
	{ "one hop at most, and silent", WALK(2, 5, 1), 0, .view = CALM,
		.lines = { { "", 0, ASK, "1 until 1000" }, { "", 1000, ASK, "1 until 2000" },
			{ "fewer than the gap", 2000, ASK, "maxttl" } } },
	{ "the last wave stops at max_hops", WALK(2, 5, 5), 2, .view = CALM,
		.lines = { { "", 0, ASK, "1-3 until 1000" }, { "", 5, HOP(1), "until 100" },
			{ "", 5, HOP(2), "until 100" }, { "", 5, HOP(3), "4-5 until 105" },
			{ "", 9, HOP(4), "until 105" }, { "", 9, HOP(5), "maxttl" } } },
	{ "before the client acknowledged twice", WALK(2, 5, 32), 4, .view = QUIET,
		.lines = { { "two may reach the server", 0, ASK, "1-4 until 1000" },
			{ "", 10, HOP(1), "until 100" },
			{ "a router's answer frees one", 10, HOP(3), "5 until 100" },
			{ "", 12, HOP(2), "until 100" }, { "", 20, SERVER(4), "reached" } } },
	{ "before that, and nobody knows how far", WALK(2, 5, 32), 0, .view = QUIET,
		.lines = { { "", 0, ASK, "1-2 until 1000" }, { "", 10, HOP(1), "3 until 100" },
			{ "", 11, HOP(3), "4 until 100" },
			{ "a second attempt is one of the two", 100, ASK, "2 until 111" },
			{ "", 111, ASK, "4 until 200" },
			{ "then any number may", 112, VIEW(CALM), "5-16 until 200" } } },
	{ "a client that waits for nothing soon", WALK(2, 5, 32), 4, .view = EARLIER,
		.lines = { { "routers need no quiet", 0, ASK, "1-2 until 1000" },
			{ "", 10, HOP(1), "until 100" }, { "touches do", 10, HOP(2), "until 1500" },
			{ "they leave in the first quiet moment", 200, VIEW(CALM),
				"3-5 until 300" },
			{ "", 210, HOP(3), "until 300" }, { "", 220, SERVER(4), "reached" } } },
	{ "a client that never pauses", WALK(2, 5, 32), 4, .view = EARLIER,
		.lines = { { "", 0, ASK, "1-2 until 1000" }, { "", 10, HOP(1), "until 100" },
			{ "", 10, HOP(2), "until 1500" },
			{ "after some patience one touch at a time", 1500, ASK, "3 until 1600" },
			{ "a silent one is tried again first", 1600, ASK, "3 until 1700" },
			{ "", 1620, HOP(3), "4 until 1720" },
			{ "", 1640, SERVER(4), "reached" } } },
	{ "touch = false", SHY(2, 5, 32), 5, .view = CALM,
		.lines = { { "two before the server is the last", 0, ASK, "1-3 until 1000" },
			{ "", 10, HOP(1), "until 100" }, { "", 10, HOP(2), "until 100" },
			{ "", 10, HOP(3), "short" } } },
	{ "touch = false, and nothing before the server", SHY(2, 5, 32), 2, .view = CALM,
		.lines = { { "no probe at all", 0, ASK, "short" } } },
	{ "touch = false, and the server anywhere", SHY(2, 5, 32), 0, .view = CALM,
		.lines = { { "no probe at all", 0, ASK, "short" } } },
	{ "no byte to repeat", WALK(2, 5, 32), 4, .view = CALM | EMPTY,
		.lines = { { "one touch", 0, ASK, "1-3 until 1000" },
			{ "", 10, HOP(1), "until 100" }, { "", 10, HOP(2), "until 100" },
			{ "another when a router took it", 15, HOP(3), "4 until 115" },
			{ "no second attempt of that", 115, ASK, "short" } } },
	{ "no byte to repeat, and the server answers", WALK(2, 5, 32), 4, .view = CALM | EMPTY,
		.lines = { { "", 0, ASK, "1-3 until 1000" }, { "", 10, HOP(1), "until 100" },
			{ "", 10, HOP(2), "until 100" }, { "", 15, HOP(3), "4 until 115" },
			{ "it cannot say by which TTL", 30, DUP, "until 115" },
			{ "", 115, ASK, "reached" } } },
	{ "no byte, a server that talks", WALK(1, 5, 32), 3, .view = CALM | EMPTY | BUSY,
		.lines = { { "", 0, ASK, "1 until 1000" }, { "", 10, HOP(1), "until 1500" },
			{ "its pause is waited for", 700, VIEW(CALM | EMPTY), "2 until 800" },
			{ "", 800, ASK, "until 1700" }, { "", 1700, ASK, "short" } } },
	{ "no byte, a server that never pauses", WALK(1, 5, 32), 3, .view = CALM | EMPTY | BUSY,
		.lines = { { "", 0, ASK, "1 until 1000" }, { "", 10, HOP(1), "until 1500" },
			{ "", 1500, ASK, "short" } } },
	{ "no byte, a FIN perhaps unseen", WALK(1, 5, 32), 3, .view = CALM | EMPTY | MAY_END,
		.lines = { { "", 0, ASK, "1 until 1000" }, { "", 10, HOP(1), "short" } } },
	{ "no byte, and nobody knows how far", WALK(1, 5, 32), 0, .view = CALM | EMPTY,
		.lines = { { "every probe may reach the server", 0, ASK, "1 until 1000" },
			{ "", 10, HOP(1), "2 until 110" }, { "", 20, HOP(2), "3 until 120" },
			{ "", 30, SERVER(3), "reached" } } },
	{ "a server that names no TTL", WALK(2, 5, 32), 4, .view = CALM,
		.lines = { { "", 0, ASK, "1-5 until 1000" }, { "", 10, HOP(1), "until 100" },
			{ "routers are still waited for", 20, DUP, "until 100" },
			{ "and asked again, the server is not", 100, ASK, "2 until 200" },
			{ "", 110, HOP(2), "reached" } } },
	{ "QUIC: nobody answers behind the last router", WALK(2, 5, 32), 4, PROBER_INFERS,
		.view = CALM,
		.lines = { { "one beyond the server, as ever", 0, ASK, "1-5 until 1000" },
			{ "", 10, HOP(1), "until 100" }, { "", 10, HOP(2), "until 100" },
			{ "", 10, HOP(3), "until 100" },
			{ "silence is asked twice", 100, ASK, "4-5 until 200" },
			{ "", 200, ASK, "until 1100" },
			{ "and is where the server is", 1100, ASK, "inferred" } } },
	{ "QUIC: farther than inferred", WALK(2, 5, 32), 2, PROBER_INFERS, .view = CALM,
		.lines = { { "", 0, ASK, "1-3 until 1000" }, { "", 10, HOP(1), "until 100" },
			{ "", 10, HOP(2), "until 100" },
			{ "routers lead on", 10, HOP(3), "4-7 until 110" },
			{ "", 20, HOP(4), "until 110" }, { "", 110, ASK, "5-7 until 210" },
			{ "", 210, ASK, "until 1110" }, { "", 1110, ASK, "inferred" } } },
	{ "other UDP: one TTL after the other", WALK(2, 5, 32), 7, PROBER_CLIMBS, .view = CALM,
		.lines = { { "", 0, ASK, "1 until 1000" },
			{ "only behind an answer", 10, HOP(1), "2 until 110" },
			{ "", 20, HOP(2), "3 until 120" }, { "", 30, HOP(3), "4 until 130" },
			{ "three short of the server", 40, HOP(4), "short" } } },
	{ "other UDP: a silent router is the end", WALK(2, 5, 32), 9, PROBER_CLIMBS, .view = CALM,
		.lines = { { "", 0, ASK, "1 until 1000" }, { "", 10, HOP(1), "2 until 110" },
			{ "", 110, ASK, "2 until 210" }, { "", 210, ASK, "until 1110" },
			{ "", 1110, ASK, "short" } } },
	{ "other UDP: too near", WALK(2, 5, 32), 3, PROBER_CLIMBS, .view = CALM,
		.lines = { { "no probe at all", 0, ASK, "short" } } },
	{ "other UDP: at an unknown distance", WALK(2, 5, 32), 0, PROBER_CLIMBS, .view = CALM,
		.lines = { { "no probe at all", 0, ASK, "short" } } },
	{ "an answer that was none", WALK(2, 5, 32), 2, .view = CALM,
		.lines = { { "", 0, ASK, "1-3 until 1000" }, { "", 5, DUP, "until 1000" },
			{ "", 10, HOP(1), "until 100" }, { "", 10, HOP(2), "until 100" },
			{ "routers took every touch: the server has had none", 10, HOP(3),
				"4-7 until 110" },
			{ "", 20, SERVER(4), "reached" } } },
	{ "something that speaks as the server", WALK(2, 5, 32), 5, .e2e_ms = 40, .view = CALM,
		.lines = { { "", 0, ASK, "1-6 until 100" }, { "", 5, HOP(1), "until 100" },
			{ "", 8, ODD(3), "until 100" }, { "", 8, ODD(4), "until 100" },
			{ "", 8, ODD(5), "until 100" }, { "", 8, ODD(6), "until 100" },
			{ "routers behind it are waited for", 20, HOP(3), "until 100" },
			{ "", 25, HOP(4), "until 100" },
			{ "the server speaks from its own distance", 40, SERVER(5), "until 100" },
			{ "", 41, HOP(2), "reached" } } },
	{ "a server whose answers come by another way", WALK(2, 5, 32), 3, .view = CALM,
		.lines = { { "", 0, ASK, "1-4 until 1000" }, { "", 5, HOP(1), "until 100" },
			{ "", 5, HOP(2), "until 100" }, { "", 20, ODD(3), "until 100" },
			{ "", 20, ODD(4), "until 100" },
			{ "a router might still answer, none is asked again", 100, ASK,
				"reached" } } },
	{ "a router that refuses", WALK(2, 3, 32), 4, .view = CALM,
		.lines = { { "", 0, ASK, "1-5 until 1000" }, { "", 5, HOP(1), "until 100" },
			{ "", 6, HOP(2), "until 100" }, { "", 6, REFUSED(3), "until 100" },
			{ "", 6, REFUSED(4), "until 100" },
			{ "what it says of each probe is its own word", 6, REFUSED(5), "gap" } } },
	{ "routers that take turns", WALK(2, 5, 32), 3, .known = true, .confirm = 2, .view = CALM,
		.lines = { { "", 0, ASK, "1-3 until 1000" }, { "", 5, HOP(1), "until 100" },
			{ "are asked again, one by one", 5, TURN(2), "2 until 100" },
			{ "", 9, SERVER(3), "until 105" }, { "", 10, TURN(2), "2 until 110" },
			{ "", 15, TURN(2), "2 until 115" }, { "", 20, TURN(2), "2 until 120" },
			{ "", 25, TURN(2), "2 until 125" }, { "", 30, TURN(2), "2 until 130" },
			{ "", 35, TURN(2), "2 until 135" }, { "", 40, TURN(2), "2 until 140" },
			{ "", 45, TURN(2), "2 until 145" }, { "", 50, TURN(2), "2 until 150" },
			{ "", 55, TURN(2), "2 until 155" }, { "", 60, TURN(2), "reached" } } },
	{ "a router to be confirmed below a server without a TTL", WALK(2, 5, 32), 3, .known = true,
		.confirm = 2, .view = CALM,
		.lines = { { "", 0, ASK, "1-3 until 1000" }, { "", 5, HOP(1), "until 100" },
			{ "it may be the server that answered", 6, DUP, "until 100" },
			{ "but where a router answers stands none", 8, HOP(2), "2 until 100" },
			{ "each time", 10, HOP(2), "2 until 100" },
			{ "and if it is silent in between, a second later", 200, ASK,
				"until 1010" },
			{ "", 1010, ASK, "2 until 1110" },
			{ "no empty probe is sent twice: the client may send a byte", 2011,
				VIEW(EMPTY | CALM), "until 3510" },
			{ "which can be repeated", 2100, VIEW(CALM), "2 until 2200" },
			{ "it is given time", 3101, VIEW(EMPTY | CALM), "until 4600" },
			{ "but not for ever", 4600, ASK, "reached" } } },
	{ "a router to be confirmed that limits its answers", WALK(2, 5, 32), 3, .known = true,
		.confirm = 2, .view = CALM,
		.lines = { { "", 0, ASK, "1-3 until 1000" }, { "", 5, HOP(1), "until 100" },
			{ "", 9, SERVER(3), "until 100" },
			{ "is asked as fast as it answers", 10, HOP(2), "2 until 110" },
			{ "", 12, HOP(2), "2 until 112" }, { "", 14, HOP(2), "2 until 114" },
			{ "", 16, HOP(2), "2 until 116" },
			{ "and where an answer stays away, a second later", 116, ASK,
				"until 1016" },
			{ "", 1016, ASK, "2 until 1116" },
			{ "from then on half as often", 1020, HOP(2), "until 1516" },
			{ "", 1516, ASK, "2 until 1616" }, { "", 1520, HOP(2), "until 2016" },
			{ "", 2016, ASK, "2 until 2116" } } },
	{ "a TTL to be confirmed that nobody answered", WALK(2, 5, 32), 3, .known = true,
		.confirm = 2, .view = CALM,
		.lines = { { "", 0, ASK, "1-3 until 1000" }, { "", 5, HOP(1), "until 100" },
			{ "", 6, DUP, "until 100" },
			{ "may be the server's", 200, ASK, "until 1000" },
			{ "it is not asked again", 1000, ASK, "reached" } } },
	{ "a TTL to be confirmed that the server answered, too", WALK(2, 5, 32), 3, .known = true,
		.confirm = 2, .view = CALM,
		.lines = { { "", 0, ASK, "1-3 until 1000" }, { "", 5, HOP(1), "until 100" },
			{ "", 6, HOP(2), "2 until 100" }, { "", 9, SERVER(2), "2 until 109" },
			{ "", 10, DUP, "until 109" },
			{ "is not asked again where an answer named none", 300, ASK, "until 1009" },
			{ "", 1009, ASK, "reached" } } },
	{ "a router to be confirmed while its flow does not pause", WALK(2, 5, 32), 3,
		.known = true, .confirm = 2, .view = CALM,
		.lines = { { "", 0, ASK, "1-3 until 1000" }, { "", 5, HOP(1), "until 100" },
			{ "", 5, SERVER(3), "until 100" }, { "", 6, VIEW(EARLIER), "until 100" },
			{ "waits for no better moment", 7, HOP(2), "2 until 107" },
			{ "", 9, HOP(2), "2 until 109" } } },
	{ "a flow that retransmits", WALK(2, 5, 32), 4, .view = CALM,
		.lines = { { "is left alone", 0, HOLD(300), "until 300" },
			{ "", 200, HOLD(500), "until 500" },
			{ "until it is calm", 500, ASK, "1-5 until 1500" },
			{ "answers are waited for in the meantime", 600, HOLD(1900), "until 1500" },
			{ "", 1500, ASK, "until 1900" }, { "", 1900, ASK, "1-5 until 2900" } } },
	{ "a flow that retransmits for ever", WALK(2, 5, 32), 4, .view = CALM,
		.lines = { { "", 0, HOLD(9000), "until 9000" },
			{ "", 9000, HOLD(9999), "until 9999" },
			{ "", 9999, HOLD(10300), "until 10300" },
			{ "is not waited for in vain", 10300, HOLD(10600), "short" } } },
	{ "a probe that did not leave", WALK(1, 5, 32), 1, .view = CALM,
		.lines = { { "", 0, ASK, "1-2 until 1000" },
			{ "is sent again", 1, UNSENT(1), "1 until 1000" } } },
};

static struct prober_view view_of(unsigned int bits, inpath_time hold)
{
	return (struct prober_view){
		.quiet = bits & QUIET,
		.caught_up = bits & CAUGHT_UP,
		.earlier_ack = bits & EARLIER,
		.empty = bits & EMPTY,
		.server_busy = bits & BUSY,
		.may_end = bits & MAY_END,
		.hold = hold,
	};
}

static struct inpath_addr router(unsigned int ttl)
{
	return (struct inpath_addr){ .family = INPATH_AF_INET,
		.bytes = { 10, 0, 0, (uint8_t)ttl } };
}

/* "1-3,7 ", or nothing. */
static size_t put_ttls(char *out, size_t room, uint64_t ttls)
{
	size_t at = 0;

	for (unsigned int i = 0; i < 64; i++) {
		unsigned int first = i;

		if (!(ttls & 1ULL << i))
			continue;
		while (i < 63 && ttls & 1ULL << (i + 1))
			i++;
		at += (size_t)snprintf(out + at, room - at, at ? ",%u" : "%u", first + 1);
		if (i > first)
			at += (size_t)snprintf(out + at, room - at, "-%u", i + 1);
	}
	if (at)
		at += (size_t)snprintf(out + at, room - at, " ");
	return at;
}

static void happen(struct prober *p, const struct line *l, unsigned int *view, inpath_time *hold,
	inpath_time now)
{
	struct prober_arrival arrival = { .server = wire_addr("198.51.100.7"), .reply_ttl = 55 };
	struct prober_reply reply = {
		.from = router(l->arg), .reply_ttl = 60, .quoted_ttl = 1, .icmp_type = 11
	};

	switch (l->event) {
	case EV_NONE: break;
	case EV_HOP:
		reply.attempt = p->hops[l->arg - 1].sent;
		reply.rtt_ns = now - p->last_sent[l->arg - 1];
		prober_router(p, (uint8_t)l->arg, &reply);
		break;
	case EV_SERVER:
	case EV_ODD:
		arrival.attempt = p->hops[l->arg - 1].sent;
		arrival.odd = l->event == EV_ODD;
		arrival.rtt_ns = now - p->last_sent[l->arg - 1];
		prober_reached(p, (uint8_t)l->arg, &arrival);
		break;
	case EV_TURN:
		reply.from.bytes[1] = p->hops[l->arg - 1].sent & 1;
		reply.attempt = p->hops[l->arg - 1].sent;
		reply.rtt_ns = now - p->last_sent[l->arg - 1];
		prober_router(p, (uint8_t)l->arg, &reply);
		break;
	case EV_REFUSED:
		reply.unreach = INPATH_UNREACH_ADMIN;
		reply.quoted_ttl = (uint8_t)(l->arg - REFUSER + 1);
		reply.from = router(REFUSER);
		prober_router(p, (uint8_t)l->arg, &reply);
		break;
	case EV_DUP: prober_unplaced(p, 7 * MS); break;
	case EV_VIEW: *view = l->arg; break;
	case EV_HOLD: *hold = T0 + l->arg * MS; break;
	case EV_UNSENT: prober_unsent(p, (uint8_t)l->arg); break;
	}
}

/* Asks as the engine does, probe by probe, and says what was sent and what came of it. */
static void ask_all(
	struct prober *p, const struct prober_view *v, inpath_time now, char *out, size_t room)
{
	static const char *const stops[] = { "reached", "gap", "maxttl", "ended", "budget", "short",
		"inferred" };
	uint64_t sent = 0;
	struct prober_answer a;
	size_t at;

	while (a = prober_ask(p, v, now), a.say == PROBER_SEND) {
		uint8_t ttl = 1;

		while (!(a.ttls >> (ttl - 1) & 1))
			ttl++;
		assert_false(sent >> (ttl - 1) & 1);
		sent |= 1ULL << (ttl - 1);
		prober_sent(p, ttl, now);
	}
	at = put_ttls(out, room, sent);
	if (a.say == PROBER_DONE)
		snprintf(out + at, room - at, "%s", stops[a.stop]);
	else
		snprintf(out + at, room - at, "until %llu",
			(unsigned long long)((a.until - T0) / MS));
}

static void the_walk_goes_by_the_script(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(SCRIPTS) / sizeof(SCRIPTS[0]); i++) {
		const struct script *s = &SCRIPTS[i];
		unsigned int view = s->view;
		inpath_time hold = 0;
		struct prober p;

		prober_begin(&p, &s->settings, s->manner, 1000 * MS, s->expected, s->known,
			s->e2e_ms * MS, T0);
		p.confirm = s->confirm;
		p.confirm_by = PROBER_CONFIRM;
		for (const struct line *l = s->lines; l->promise; l++) {
			inpath_time now = T0 + l->ms * MS;
			struct prober_view v;
			char did[200];

			happen(&p, l, &view, &hold, now);
			v = view_of(view, hold);
			ask_all(&p, &v, now, did, sizeof(did));
			if (strcmp(did, l->then) != 0)
				fail_msg("%s, %u ms (%s): %s, not %s", s->name, l->ms, l->promise,
					did, l->then);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_walk_goes_by_the_script),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
