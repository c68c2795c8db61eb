/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * netlink: the few netlink exchanges that several shells need, on top of libmnl.
 *
 * Requests are built in zeroed memory: libmnl leaves the padding behind attributes as it finds it.
 *
 * Owns: nothing beyond a call; sockets that it returns belong to the caller.
 */
#ifndef IO_NETLINK_H
#define IO_NETLINK_H

#include <libmnl/libmnl.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A non-blocking rtnetlink socket that hears `groups` (RTNLGRP_*, 0 ends); NULL and errno. */
struct mnl_socket *netlink_listen(const int *groups);

/*
 * Asks rtnetlink for all objects of a kind (RTM_GETLINK, ...) and gives each to `each`.
 * `header_len` is the size of the kind's fixed header. 0 or -errno; -EINTR: the table changed
 * meanwhile three times in a row, what was given may not be whole.
 */
int netlink_dump(uint16_t type, size_t header_len, mnl_cb_t each, void *arg);

/* Begins a request for all objects of a kind in `bytes`; attributes may follow. */
struct nlmsghdr *netlink_put_dump(void *bytes, uint16_t type, size_t header_len, uint32_t seq);

/* Sends such a request over a socket that waits, and gives each object to `each`. 0 or -errno. */
int netlink_ask_all(struct mnl_socket *nl, const struct nlmsghdr *nlh, mnl_cb_t each, void *arg);

/* A non-blocking nfnetlink socket with room for `rcvbuf` bytes; NULL and errno. */
struct mnl_socket *netlink_open_filter(uint32_t rcvbuf);

/*
 * Sends a request (NLM_F_ACK is added) and waits for the answer to it, which the kernel gives at
 * once; other messages in between go to `each`. 0 or -errno, the kernel's own.
 */
int netlink_ask(struct mnl_socket *nl, struct nlmsghdr *nlh, mnl_cb_t each, void *arg);

/* May this process configure the netfilter of its network namespace (CAP_NET_ADMIN)? */
bool netlink_may_filter(void);

/*
 * Sorts the attributes of a message, or inside one, by type into `attrs` of `count` entries; those
 * that are not there are NULL, those of higher types are passed over.
 */
void netlink_attrs(
	const struct nlmsghdr *nlh, size_t header_len, const struct nlattr **attrs, uint16_t count);
void netlink_attrs_nested(const struct nlattr *nest, const struct nlattr **attrs, uint16_t count);

/* A number of 32 bits in host order; 0 if the attribute is not there or too short. */
uint32_t netlink_u32(const struct nlattr *attr);

/* Who has this netlink port: "NAME (pid N)" if it is a process's own number, else "". */
void netlink_port_owner(uint32_t port, char *out, size_t len);

/*
 * Gives all waiting messages of a listening socket to `each`. False if messages were lost: the
 * caller asks for everything anew.
 */
bool netlink_drain(struct mnl_socket *nl, mnl_cb_t each, void *arg);

/* The kernel's list of netlink sockets, which every user may read; a descriptor, or -errno. */
int netlink_list(void);

/* What waits to be read in the nfnetlink socket of `port`, in the kernel's bytes; 0 if there is no such socket. */
uint32_t netlink_unread(int list, uint32_t port);

#endif
