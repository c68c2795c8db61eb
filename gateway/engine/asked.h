/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * asked: the DNS questions that were seen lately, so that an answer is believed only by who asked for it.
 *
 * An answer is what somebody asked where it goes to the port and address that the question came from, has its
 * number and its name, and comes from the resolver that was asked. The gateway's own resolver may answer for
 * another: where look-ups are redirected to it.
 *
 * Owns:   a fixed table, keyed; a question may push an older one out, whose answer then names nothing.
 * Time:   `now` is given; a question is remembered for ASKED_MEMORY.
 */
#ifndef ASKED_H
#define ASKED_H

#include "gateway/engine/arena.h"
#include "gateway/engine/dns.h"
#include "gateway/engine/hash.h"
#include "inpath/types.h"

#define ASKED_MEMORY (10 * INPATH_SEC)

enum {
	ASKED_WAYS = 4, /* questions of one bucket */
};

struct asked_question {
	uint64_t what; /* hash of who asked and what; 0: none */
	uint64_t whom; /* hash of the resolver */
	inpath_time at;
};

struct asked {
	const struct hash_key *key;
	struct asked_question *questions;
	uint32_t buckets;
};

/* `names` is the limit on names: there is room for an eighth as many questions, and for 64 at least. */
void asked_init(struct asked *a, struct arena *arena, uint32_t names, const struct hash_key *key);

/* `client` asked `resolver`, from this port. */
void asked_note(struct asked *a, const struct inpath_addr *client, uint16_t port,
	const struct inpath_addr *resolver, const struct dns_message *question, inpath_time now);

/* Did it? `local`: the answer may be the gateway's own, in the name of who was asked. */
bool asked_was(const struct asked *a, const struct inpath_addr *client, uint16_t port,
	const struct inpath_addr *resolver, const struct dns_message *answer, bool local,
	inpath_time now);

#endif
