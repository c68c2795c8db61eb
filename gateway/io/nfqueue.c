/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/io/nfqueue.h"

#include "gateway/io/clock.h"
#include "gateway/io/nfqueue_bind.h"

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <libnetfilter_queue/libnetfilter_queue.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum {
	ATTRS_BYTES = 1024, /* headers and attributes of a message, beside the packet: under 300 */
	ATTRS_MAX = 64,     /* more attribute types than any libnetfilter_queue stores */
	SLOT_BYTES = NFQUEUE_COPY + ATTRS_BYTES,
	VERDICT_BYTES = 48,   /* message header, nfgenmsg, verdict, mark */
	VERDICTS_A_SEND = 16, /* the batch's first packets do not wait for its last ones */
	ROUNDS = 256,         /* of the packets sent round last, so many are known again, ... */
	ROUND_BYTES = 64,     /* ... by so many bytes */
	/* What one message counts in the socket's buffer: twice this, as setsockopt doubles it. */
	TRUESIZE = 4608,
};

#define ROUND_TIME INPATH_SEC

struct round {
	inpath_time at;
	size_t len;
	uint8_t bytes[ROUND_BYTES];
};

struct nfqueue {
	struct mnl_socket *nl;
	uint16_t queue;
	uint32_t maxlen;
	bool bound;
	struct nfqueue_counters counters;

	bool any;          /* a packet was seen */
	uint32_t first_id; /* of it */
	uint32_t next_id;  /* that the next packet will have, if none was passed by */
	bool was_full;     /* when the packet before the next one arrived */

	uint32_t answered_id;  /* all packets up to this one have their verdict */
	inpath_time *answered; /* when a packet got its verdict, by id & answered_mask */
	uint32_t answered_mask;

	size_t count;
	struct nfqueue_packet packets[NFQUEUE_BATCH];
	struct mmsghdr messages[NFQUEUE_BATCH];
	struct iovec iov[NFQUEUE_BATCH];

	struct round rounds[ROUNDS];

	size_t pending; /* verdicts in `verdicts` */
	size_t pending_len;
	uint32_t pending_ids[NFQUEUE_BATCH];
	bool accepting;    /* the newest message in `verdicts` accepts and does no more ... */
	size_t accepts_at; /* ... and begins here */
	_Alignas(8) char verdicts[NFQUEUE_BATCH * VERDICT_BYTES];
	_Alignas(8) uint8_t slots[NFQUEUE_BATCH][SLOT_BYTES];
};

struct nfqueue *nfqueue_open(uint16_t queue, uint32_t maxlen, struct io_error *err)
{
	struct nfqueue *q = calloc(1, sizeof(*q));
	uint32_t ring = 1;

	while (ring < maxlen)
		ring *= 2;
	if (!q || !(q->answered = calloc(ring, sizeof(*q->answered)))) {
		io_fail(err, -ENOMEM, "no memory for queue %u", queue);
		goto fail;
	}
	/* Taken now, not when a crowd of packets first comes. */
	memset(q->slots, 0xff, sizeof(q->slots));
	q->queue = queue;
	q->maxlen = maxlen;
	q->answered_mask = ring - 1;
	for (size_t i = 0; i < NFQUEUE_BATCH; i++) {
		q->iov[i] = (struct iovec){ q->slots[i], SLOT_BYTES };
		q->messages[i].msg_hdr.msg_iov = &q->iov[i];
		q->messages[i].msg_hdr.msg_iovlen = 1;
	}
	q->nl = nfqueue_socket(maxlen * TRUESIZE, err);
	if (q->nl)
		return q;
fail:
	nfqueue_close(q, NULL);
	return NULL;
}

int nfqueue_fd(const struct nfqueue *q)
{
	return mnl_socket_get_fd(q->nl);
}

uint32_t nfqueue_port(const struct nfqueue *q)
{
	return mnl_socket_get_portid(q->nl);
}

const struct nfqueue_packet *nfqueue_packet(const struct nfqueue *q, size_t i)
{
	return &q->packets[i];
}

const struct nfqueue_counters *nfqueue_counters(const struct nfqueue *q)
{
	return &q->counters;
}

bool nfqueue_is_empty(const struct nfqueue *q)
{
	struct pollfd fd = { .fd = nfqueue_fd(q), .events = POLLIN };

	return poll(&fd, 1, 0) == 0;
}

static uint32_t attr_be32(struct nlattr *const *attrs, int type)
{
	return attrs[type] ? ntohl(mnl_attr_get_u32(attrs[type])) : 0;
}

/* The kernel's wall-clock stamp as monotonic time; `now` where there is none to be believed. */
static inpath_time stamp(const struct nlattr *attr, inpath_time now, uint64_t wall)
{
	struct nfqnl_msg_packet_timestamp ts; /* attributes are aligned to 4 bytes only */
	uint64_t at, age;

	if (!attr)
		return now;
	memcpy(&ts, mnl_attr_get_payload(attr), sizeof(ts));
	at = be64toh(ts.sec) * INPATH_SEC + be64toh(ts.usec) * INPATH_USEC;
	if (at > wall)
		return now;
	age = wall - at;
	return now - (age < INPATH_SEC ? age : INPATH_SEC);
}

/*
 * Was the queue full once this packet was in it? Then FAIL_OPEN may have passed others by. It was
 * if the packet that had come `maxlen - 1` packets earlier was still without its verdict.
 */
static bool filled_queue(const struct nfqueue *q, const struct nfqueue_packet *p)
{
	uint32_t oldest = p->id - (q->maxlen - 1);

	if ((int32_t)(oldest - q->first_id) < 0)
		return false;
	if ((int32_t)(oldest - q->answered_id) > 0)
		return true;
	return q->answered[oldest & q->answered_mask] > p->at;
}

static void count_missed(struct nfqueue *q, struct nfqueue_packet *p)
{
	if (!q->any) {
		q->any = true;
		q->first_id = q->next_id = p->id;
		q->answered_id = p->id - 1;
	}
	p->meta.missed = p->id - q->next_id;
	q->counters.gaps += p->meta.missed;
	if (q->was_full) {
		p->meta.missed++;
		q->counters.full++;
	}
	q->was_full = filled_queue(q, p);
	q->next_id = p->id + 1;
}

static void read_mac(const struct nlattr *attr, struct inpath_meta *meta)
{
	const struct nfqnl_msg_packet_hw *hw;

	if (!attr || meta->in_side != INPATH_SIDE_LAN)
		return;
	hw = mnl_attr_get_payload(attr);
	meta->has_mac = ntohs(hw->hw_addrlen) == sizeof(meta->mac.bytes);
	memcpy(meta->mac.bytes, hw->hw_addr, sizeof(meta->mac.bytes));
}

static bool read_packet(const struct nlmsghdr *nlh, const struct iface *ifaces, inpath_time now,
	uint64_t wall, struct nfqueue_packet *p)
{
	struct nlattr *attrs[ATTRS_MAX] = { NULL };
	const struct nfqnl_msg_packet_hdr *header;

	if (nfq_nlmsg_parse(nlh, attrs) < 0 || !attrs[NFQA_PACKET_HDR])
		return false;
	header = mnl_attr_get_payload(attrs[NFQA_PACKET_HDR]);
	*p = (struct nfqueue_packet){
		.id = ntohl(header->packet_id),
		.at = stamp(attrs[NFQA_TIMESTAMP], now, wall),
		.meta = {
			.source = header->hook == NF_INET_LOCAL_IN ? INPATH_SOURCE_INPUT
								   : INPATH_SOURCE_FORWARD,
			.in_ifindex = attr_be32(attrs, NFQA_IFINDEX_INDEV),
			.out_ifindex = attr_be32(attrs, NFQA_IFINDEX_OUTDEV),
			.mark = attr_be32(attrs, NFQA_MARK),
		},
	};
	if (ifaces) {
		p->meta.in_side = iface_side(ifaces, p->meta.in_ifindex);
		p->meta.routed_by_in = iface_routed_by(ifaces, p->meta.in_ifindex);
		p->meta.out_side = iface_side(ifaces, p->meta.out_ifindex);
	}
	read_mac(attrs[NFQA_HWADDR], &p->meta);
	if (attrs[NFQA_PAYLOAD]) {
		p->bytes = mnl_attr_get_payload(attrs[NFQA_PAYLOAD]);
		p->caplen = mnl_attr_get_payload_len(attrs[NFQA_PAYLOAD]);
	}
	/* Says the true length, and is there only where the copy is short. */
	p->len = attrs[NFQA_CAP_LEN] ? attr_be32(attrs, NFQA_CAP_LEN) : p->caplen;
	return true;
}

size_t nfqueue_read(struct nfqueue *q, const struct iface *ifaces)
{
	inpath_time now;
	uint64_t wall;
	int n;

	q->count = 0;
	nfqueue_flush(q);
	if (q->pending)
		return 0; /* the kernel has no memory for verdicts: take no more packets */
	n = recvmmsg(nfqueue_fd(q), q->messages, NFQUEUE_BATCH, MSG_DONTWAIT, NULL);
	if (n < 0) {
		if (errno == ENOBUFS)
			q->counters.enobufs++;
		return 0;
	}
	now = clock_now();
	wall = clock_wall();
	for (int i = 0; i < n; i++) {
		const struct nlmsghdr *nlh = (const void *)q->slots[i];
		struct nfqueue_packet *p = &q->packets[q->count];
		bool whole = mnl_nlmsg_ok(nlh, (int)q->messages[i].msg_len);

		if (whole && nlh->nlmsg_type == NLMSG_ERROR) {
			q->counters.refused++;
		} else if (whole && read_packet(nlh, ifaces, now, wall, p)) {
			count_missed(q, p);
			q->count++;
		} else {
			q->counters.unreadable++;
		}
	}
	return q->count;
}

/* Was this very packet sent round just now? Where others' rules take the mark off it meanwhile, it would go round for ever. */
static bool was_round(struct nfqueue *q, const struct nfqueue_packet *p)
{
	size_t known = p->caplen < ROUND_BYTES ? p->caplen : ROUND_BYTES;
	uint32_t place = 0;
	struct round *r;

	for (size_t i = 0; i < known; i++)
		place = place * 31 + p->bytes[i];
	r = &q->rounds[place % ROUNDS];
	if (p->at < r->at + ROUND_TIME && r->len == p->len &&
		memcmp(r->bytes, p->bytes, known) == 0)
		return true;
	r->at = p->at;
	r->len = p->len;
	memcpy(r->bytes, p->bytes, known);
	return false;
}

/*
 * A packet whose mark is to change goes through the rules of its hook again: there its mark becomes its connection's. A rule
 * in a later hook could do that, too, but every packet that is forwarded would pass it.
 */
static uint32_t verdict_of(
	struct nfqueue *q, const struct nfqueue_packet *p, const struct inpath_verdict *v)
{
	if (v->drop)
		return NF_DROP;
	return v->mask && !was_round(q, p) ? NF_REPEAT : NF_ACCEPT;
}

void nfqueue_verdict(
	struct nfqueue *q, const struct nfqueue_packet *p, const struct inpath_verdict *v)
{
	uint32_t verdict = verdict_of(q, p, v);
	bool plain = verdict == NF_ACCEPT, goes_on = plain && q->accepting;
	size_t at = goes_on ? q->accepts_at : q->pending_len;
	/* All packets before it have their verdict, so one message does for a run of them. */
	struct nlmsghdr *nlh = nfq_nlmsg_put(
		q->verdicts + at, goes_on ? NFQNL_MSG_VERDICT_BATCH : NFQNL_MSG_VERDICT, q->queue);

	nfq_nlmsg_verdict_put(nlh, (int)p->id, (int)verdict);
	if (verdict == NF_REPEAT)
		nfq_nlmsg_verdict_put_mark(nlh, (p->meta.mark & ~v->mask) | (v->mark & v->mask));
	q->accepting = plain;
	q->accepts_at = at;
	q->pending_len = at + NLMSG_ALIGN(nlh->nlmsg_len);
	q->pending_ids[q->pending++] = p->id;
	if (q->pending % VERDICTS_A_SEND == 0)
		nfqueue_flush(q);
}

void nfqueue_flush(struct nfqueue *q)
{
	inpath_time now;

	if (!q->pending)
		return;
	while (mnl_socket_sendto(q->nl, q->verdicts, q->pending_len) < 0) {
		/* Only memory can be short. The verdicts stay, in order, until there is some. */
		if (errno == EINTR)
			continue;
		q->counters.retries++;
		return;
	}
	now = clock_now();
	for (size_t i = 0; i < q->pending; i++)
		q->answered[q->pending_ids[i] & q->answered_mask] = now;
	q->answered_id = q->pending_ids[q->pending - 1];
	q->pending = q->pending_len = 0;
	q->accepting = false;
}

static void accept_all(struct nfqueue *q)
{
	static const struct inpath_verdict accept = { 0 };
	int reads = 0;

	while (nfqueue_read(q, NULL) > 0 || (q->pending && ++reads < 1000)) {
		for (size_t i = 0; i < q->count; i++)
			nfqueue_verdict(q, &q->packets[i], &accept);
		nfqueue_flush(q);
	}
}

bool nfqueue_has_unsent(const struct nfqueue *q)
{
	return q->pending > 0;
}

int nfqueue_bind(struct nfqueue *q, struct io_error *err)
{
	int error = nfqueue_configure(q->nl, q->queue, q->maxlen, err);

	q->bound = error == 0;
	return error;
}

void nfqueue_close(struct nfqueue *q, struct nfqueue_counters *last)
{
	if (!q)
		return;
	if (q->bound) {
		/* With no room in the queue, FAIL_OPEN passes what comes from here on. */
		nfqueue_set_maxlen(q->nl, q->queue, 0);
		accept_all(q);
	}
	if (last)
		*last = q->counters;
	if (q->nl)
		mnl_socket_close(q->nl);
	free(q->answered);
	free(q);
}
