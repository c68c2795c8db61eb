/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * topology_options: what a line says of a router or a link, applied to what it was before.
 * The words are those of tests/netsim/topology.h; the last of two that contradict each other counts.
 */
#ifndef TOPOLOGY_OPTIONS_H
#define TOPOLOGY_OPTIONS_H

#include "tests/netsim/topology_words.h"

/* A router and a link of which nothing has been said; *out is zeroed, padding too. */
void router_default(struct topology_router *out, uint16_t index);
void link_default(struct topology_link *out, uint16_t from, uint16_t to);

/* Reads options to the end of the line. */
bool options_router(struct words *w, struct topology_router *r);
bool options_link(struct words *w, struct topology_link *l);
bool options_server(struct words *w, struct topology_server *s);

/* The words of the enumerations, in their order; NULL behind the last. */
extern const char *const BALANCE_WORDS[];
extern const char *const EXTENSIONS_WORDS[];
extern const char *const REFUSAL_WORDS[];

#endif
