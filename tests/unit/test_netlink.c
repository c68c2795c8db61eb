/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/io/netlink.h"

#include <libnetfilter_queue/libnetfilter_queue.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum {
	OTHERS = 40, /* so many sockets that their list does not come in one piece */
};

/* A question about a queue that is nobody's, or that we may not ask: answered in any case. */
static void ask(struct mnl_socket *nl)
{
	_Alignas(8) char bytes[256];
	struct nlmsghdr *nlh = nfq_nlmsg_put(bytes, NFQNL_MSG_CONFIG, 65001);

	nlh->nlmsg_flags |= NLM_F_REQUEST | NLM_F_ACK;
	nfq_nlmsg_cfg_put_cmd(nlh, AF_UNSPEC, NFQNL_CFG_CMD_UNBIND);
	assert_true(mnl_socket_sendto(nl, nlh, nlh->nlmsg_len) > 0);
}

static void what_nobody_has_read_is_seen_from_outside(void **state)
{
	struct mnl_socket *nl = netlink_open_filter(0), *others[OTHERS];
	uint32_t port, one;
	char bytes[4096];
	int list = netlink_list();

	(void)state;
	if (!nl || list < 0)
		skip();
	port = mnl_socket_get_portid(nl);
	for (int i = 0; i < OTHERS; i++)
		assert_non_null(others[i] = netlink_open_filter(0));
	assert_int_equal(netlink_unread(list, port), 0);
	ask(nl);
	one = netlink_unread(list, port);
	assert_true(one > 0);
	ask(nl);
	assert_int_equal(netlink_unread(list, port), 2 * one);
	for (int i = 0; i < OTHERS; i++)
		assert_int_equal(netlink_unread(list, mnl_socket_get_portid(others[i])), 0);
	assert_true(mnl_socket_recvfrom(nl, bytes, sizeof(bytes)) > 0);
	assert_int_equal(netlink_unread(list, port), one);
	mnl_socket_close(nl);
	assert_int_equal(netlink_unread(list, port), 0);
	for (int i = 0; i < OTHERS; i++)
		mnl_socket_close(others[i]);
	close(list);
}

static void without_a_list_nothing_waits(void **state)
{
	(void)state;
	assert_int_equal(netlink_unread(-1, 1), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_nobody_has_read_is_seen_from_outside),
		cmocka_unit_test(without_a_list_nothing_waits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
