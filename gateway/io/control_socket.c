/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/io/control_socket.h"

#include <errno.h>
#include <libgen.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	CLIENTS = 4,
};

struct client {
	int fd; /* -1: none */
	size_t used;
	char request[CONTROL_REQUEST_BYTES];
};

struct control_socket {
	int epoll; /* one descriptor for the host to wait for */
	int listener;
	int spare; /* a descriptor to take who waits with, when there is no other */
	struct client clients[CLIENTS];
	unsigned int next; /* whose place the next client takes */
	struct sockaddr_un at;
	char answer[CONTROL_ANSWER_BYTES];
};

static bool is_alive(const struct sockaddr_un *at)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool alive = fd >= 0 && !connect(fd, (const struct sockaddr *)at, sizeof(*at));

	if (fd >= 0)
		close(fd);
	return alive;
}

void control_socket_prepare(const char *path, uid_t uid, gid_t gid)
{
	char folder[sizeof(((struct sockaddr_un *)0)->sun_path)];

	snprintf(folder, sizeof(folder), "%s", path);
	dirname(folder);
	/* One that was there already is somebody's own. */
	if (!mkdir(folder, 0700))
		(void)!lchown(folder, uid, gid);
}

static bool watch(const struct control_socket *c, int fd, uint32_t which)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u32 = which };

	return !epoll_ctl(c->epoll, EPOLL_CTL_ADD, fd, &event);
}

static int listen_at(struct control_socket *c, struct io_error *err)
{
	mode_t mask;
	int error = 0;

	if (is_alive(&c->at))
		return io_fail(err, -EADDRINUSE, "another inpathd listens at %s", c->at.sun_path);
	unlink(c->at.sun_path);
	c->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	mask = umask(0177); /* from the first moment on nobody else's */
	if (c->listener < 0 || bind(c->listener, (const struct sockaddr *)&c->at, sizeof(c->at)) ||
		listen(c->listener, CLIENTS))
		error = errno;
	umask(mask);
	if (!error && !watch(c, c->listener, CLIENTS))
		error = errno;
	if (error)
		return io_fail(
			err, -error, "cannot listen at %s: %s", c->at.sun_path, strerror(error));
	return 0;
}

static int spare_descriptor(void)
{
	return socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
}

struct control_socket *control_socket_open(const char *path, struct io_error *err)
{
	struct control_socket *c = calloc(1, sizeof(*c));

	if (!c || strlen(path) >= sizeof(c->at.sun_path)) {
		io_fail(err, -ENAMETOOLONG, "%s is no place for the control socket", path);
		free(c);
		return NULL;
	}
	c->at.sun_family = AF_UNIX;
	memcpy(c->at.sun_path, path, strlen(path) + 1);
	c->listener = -1;
	c->spare = spare_descriptor();
	for (int i = 0; i < CLIENTS; i++)
		c->clients[i].fd = -1;
	c->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (c->epoll < 0 || listen_at(c, err)) {
		if (c->epoll < 0)
			io_fail(err, -errno, "epoll: %s", strerror(errno));
		else
			close(c->epoll);
		if (c->listener >= 0)
			close(c->listener);
		if (c->spare >= 0)
			close(c->spare);
		free(c);
		return NULL;
	}
	return c;
}

static void leave(struct client *client)
{
	if (client->fd >= 0)
		close(client->fd);
	client->fd = -1;
}

void control_socket_close(struct control_socket *c)
{
	if (!c)
		return;
	for (int i = 0; i < CLIENTS; i++)
		leave(&c->clients[i]);
	close(c->listener);
	if (c->spare >= 0)
		close(c->spare);
	close(c->epoll);
	unlink(c->at.sun_path);
	free(c);
}

int control_socket_fd(const struct control_socket *c)
{
	return c->epoll;
}

static bool may_ask(int fd)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	return !getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) &&
	       (peer.uid == 0 || peer.uid == geteuid());
}

static int accept_client(const struct control_socket *c)
{
	return accept4(c->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
}

/* Without a descriptor nobody can be taken, and the listener would stay readable: who waits is sent away instead. */
static void refuse_client(struct control_socket *c)
{
	int fd;

	close(c->spare);
	fd = accept_client(c);
	if (fd >= 0)
		close(fd);
	c->spare = spare_descriptor();
}

static void take_client(struct control_socket *c)
{
	int fd = accept_client(c);
	struct client *client;

	if (fd < 0) {
		if ((errno == EMFILE || errno == ENFILE) && c->spare >= 0)
			refuse_client(c);
		return;
	}
	if (!may_ask(fd)) {
		close(fd);
		return;
	}
	client = &c->clients[c->next];
	leave(client);
	*client = (struct client){ .fd = fd };
	if (!watch(c, fd, c->next))
		leave(client); /* it would not be heard */
	c->next = (c->next + 1) % CLIENTS;
}

/* The answer fits into what the kernel holds for a socket: it is taken whole at once, or is lost. */
static void reply(
	struct control_socket *c, struct client *client, control_answer *answer, void *arg)
{
	size_t len = answer(arg, client->request, c->answer);

	(void)!send(client->fd, c->answer, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	leave(client);
}

static void read_client(
	struct control_socket *c, struct client *client, control_answer *answer, void *arg)
{
	size_t room = sizeof(client->request) - 1 - client->used;
	ssize_t n = recv(client->fd, client->request + client->used, room, MSG_DONTWAIT);
	char *end;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		leave(client);
		return;
	}
	end = memchr(client->request + client->used, '\n', (size_t)n);
	client->used += (size_t)n;
	if (end) {
		*end = '\0';
		reply(c, client, answer, arg);
	} else if (client->used == sizeof(client->request) - 1) {
		leave(client); /* no request of ours is as long */
	}
}

void control_socket_serve(struct control_socket *c, control_answer *answer, void *arg)
{
	struct epoll_event events[CLIENTS + 1];
	int n = epoll_wait(c->epoll, events, CLIENTS + 1, 0);

	/* Clients first: one that is here has its turn before another takes its place. */
	for (int i = 0; i < n; i++)
		if (events[i].data.u32 < CLIENTS && c->clients[events[i].data.u32].fd >= 0)
			read_client(c, &c->clients[events[i].data.u32], answer, arg);
	for (int i = 0; i < n; i++)
		if (events[i].data.u32 == CLIENTS)
			take_client(c);
}
