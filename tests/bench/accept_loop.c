/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * accept_loop QUEUE: the least that a program on a packet queue can do: accepts everything, in batches.
 * What it costs is the kernel's price for a queue; what inpathd costs beyond it is ours.
 *
 * Queues like inpathd does: GSO packets whole, FAIL_OPEN, as many bytes of each packet copied.
 */
#include "gateway/io/nfqueue.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <libnetfilter_queue/libnetfilter_queue.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

enum {
	QUEUE_LEN = 256,
};

static int note_id(const struct nlmsghdr *nlh, void *arg)
{
	struct nlattr *attrs[NFQA_MAX + 1] = { NULL };
	uint32_t *last = arg;

	if (nfq_nlmsg_parse(nlh, attrs) >= 0 && attrs[NFQA_PACKET_HDR]) {
		const struct nfqnl_msg_packet_hdr *header =
			mnl_attr_get_payload(attrs[NFQA_PACKET_HDR]);

		*last = ntohl(header->packet_id);
	}
	return MNL_CB_OK;
}

static void configure(struct mnl_socket *nl, uint16_t queue)
{
	_Alignas(8) char bytes[512];
	struct nlmsghdr *nlh = nfq_nlmsg_put(bytes, NFQNL_MSG_CONFIG, queue);

	nfq_nlmsg_cfg_put_cmd(nlh, AF_UNSPEC, NFQNL_CFG_CMD_BIND);
	nfq_nlmsg_cfg_put_params(nlh, NFQNL_COPY_PACKET, NFQUEUE_COPY);
	nfq_nlmsg_cfg_put_qmaxlen(nlh, QUEUE_LEN);
	mnl_attr_put_u32(nlh, NFQA_CFG_FLAGS, htonl(NFQA_CFG_F_GSO | NFQA_CFG_F_FAIL_OPEN));
	mnl_attr_put_u32(nlh, NFQA_CFG_MASK, htonl(NFQA_CFG_F_GSO | NFQA_CFG_F_FAIL_OPEN));
	if (mnl_socket_sendto(nl, nlh, nlh->nlmsg_len) < 0) {
		perror("accept_loop");
		exit(EXIT_FAILURE);
	}
}

int main(int argc, char **argv)
{
	static _Alignas(8) char in[1 << 20];
	_Alignas(8) char out[256];
	uint16_t queue = argc > 1 ? (uint16_t)atoi(argv[1]) : 0;
	struct mnl_socket *nl = mnl_socket_open(NETLINK_NETFILTER);
	int room = 4 << 20, on = 1;

	if (!nl || mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) < 0) {
		perror("accept_loop");
		return EXIT_FAILURE;
	}
	setsockopt(mnl_socket_get_fd(nl), SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	mnl_socket_setsockopt(nl, NETLINK_NO_ENOBUFS, &on, sizeof(on));
	configure(nl, queue);
	puts("ready");
	fflush(stdout);
	for (;;) {
		ssize_t n = mnl_socket_recvfrom(nl, in, sizeof(in));
		uint32_t last = 0;
		struct nlmsghdr *nlh;

		if (n <= 0)
			continue;
		mnl_cb_run(in, (size_t)n, 0, 0, note_id, &last);
		while ((n = recv(mnl_socket_get_fd(nl), in, sizeof(in), MSG_DONTWAIT)) > 0)
			mnl_cb_run(in, (size_t)n, 0, 0, note_id, &last);
		/* One message for all up to the last one. */
		nlh = nfq_nlmsg_put(out, NFQNL_MSG_VERDICT_BATCH, queue);
		nfq_nlmsg_verdict_put(nlh, (int)last, NF_ACCEPT);
		mnl_socket_sendto(nl, nlh, nlh->nlmsg_len);
	}
}
