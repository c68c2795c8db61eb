/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * naming: a flow's first packets: what its server is called, and which policy it falls under.
 *
 *   TCP   the ClientHello, put together from segments    -> SNI, else DNS, else the address
 *   QUIC  the ClientHello, out of the client's Initials  -> likewise
 *   other UDP, unknown versions of QUIC                  -> DNS, else the address
 *
 * A part of the engine, apart from engine.c so that each reads as one story. A flow is decided once
 * (DESIGN section 9).
 *
 * Owns: nothing of its own; the flow's hello while it is being put together.
 */
#ifndef NAMING_H
#define NAMING_H

#include "gateway/engine/trace.h"

/* Follows a new flow until it can be decided. */
void naming_follow(struct inpath_engine *e, uint32_t slot, const struct packet *p, bool from_client,
	inpath_time now);

/* Decides a flow by what is known of it: the first time, or under a new policy set. */
void naming_decide(struct inpath_engine *e, struct flow *f);

/* Lets go what is kept for naming. */
void naming_forget(struct inpath_engine *e, struct flow *f);

#endif
