/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * control_socket: questions of the command `inpath`, one line each, over a UNIX socket.
 *
 *   connect -> one line of at most 63 bytes -> the answer, whole -> closed
 *
 * Only root (and the daemon's own user) may ask: the socket's folder and mode say so, and the kernel's word
 * on who connected is checked besides. A few clients at a time: a further one takes the place of
 * the oldest, so that nobody who only connects keeps others out. Nothing here waits.
 *
 * Owns:   the socket and its file.
 * Time:   none.
 * Output: the answers that the host composes.
 */
#ifndef IO_CONTROL_SOCKET_H
#define IO_CONTROL_SOCKET_H

#include "gateway/io/error.h"

#include <stddef.h>
#include <sys/types.h>

enum {
	CONTROL_REQUEST_BYTES = 64,
	CONTROL_ANSWER_BYTES = 16384,
};

#define CONTROL_DEFAULT_PATH "/run/inpath/control"

struct control_socket;

/*
 * Makes the folder of `path`, if there is none, for that user alone; -1: for who makes it. To be done ahead of
 * control_socket_open, with the privileges that it takes.
 */
void control_socket_prepare(const char *path, uid_t uid, gid_t gid);

/* Listens at `path`, in the place of a socket that nobody listens at. NULL and a sentence. */
struct control_socket *control_socket_open(const char *path, struct io_error *err);

/* Also removes the file. */
void control_socket_close(struct control_socket *c);

/* Readable when control_socket_serve has something to do. */
int control_socket_fd(const struct control_socket *c);

/* Composes the answer to `request` (NUL-terminated) in `out`; returns its length, < CONTROL_ANSWER_BYTES. */
typedef size_t control_answer(void *arg, const char *request, char out[CONTROL_ANSWER_BYTES]);

/* Takes new clients, reads what they ask, answers. */
void control_socket_serve(struct control_socket *c, control_answer *answer, void *arg);

#endif
