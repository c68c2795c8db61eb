/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nfqueue_bind: sets a packet queue up, and says in one sentence why it could not.
 *
 * The kernel drops what arrives between a queue's creation and its copy mode, so both, and
 * FAIL_OPEN, go in one message. A message with a flag in it that the kernel does not know is
 * refused whole: optional flags go last, each alone, and may be refused.
 *
 * Owns nothing: part of nfqueue.
 */
#ifndef IO_NFQUEUE_BIND_H
#define IO_NFQUEUE_BIND_H

#include "gateway/io/error.h"

#include <stddef.h>
#include <stdint.h>

struct mnl_socket;

/* The queue's socket, asking for time stamps; NULL and a sentence. */
struct mnl_socket *nfqueue_socket(uint32_t rcvbuf, struct io_error *err);

/* Binds `queue`. Packets that arrive before the kernel's answer are accepted here. */
int nfqueue_configure(struct mnl_socket *nl, uint16_t queue, uint32_t maxlen, struct io_error *err);

/* How many packets may wait; with 0, and FAIL_OPEN, the kernel passes all. 0 or -errno. */
int nfqueue_set_maxlen(struct mnl_socket *nl, uint16_t queue, uint32_t maxlen);

/* Who holds `queue`: "NAME (pid N)", or "another program"; empty if nobody. */
void nfqueue_holder(uint16_t queue, char *out, size_t len);

#endif
