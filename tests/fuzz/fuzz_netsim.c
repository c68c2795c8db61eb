/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz_netsim: any packets from both sides, into a synthetic internet that has every oddity. The bytes are records:
 * one of control (bit 0: from a server; the rest: 20 ms each that pass before), two of length, the packet. Beyond
 * not crashing:
 *
 * - what comes out is a whole IP packet of just that length, and no more than went in can make of it;
 * - if the checksums of all IPv4 headers were right, they still are;
 * - what was crossed is a part of the paths.
 */
#include "tests/netsim/icmp.h"
#include "tests/netsim/net.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char text[] =
	"router r1 balance packet mpls 16:1:2,17:0:3 interface xe-0:3:1500 expire admin\n"
	"router r2 zero-ttl twice late 10ms..40ms\n"
	"router r3 nat 100.64.0.3 raw seq\n"
	"router r4 nat 100.64.0.4 repair seq-sack extensions legacy mpls 16:1:2\n"
	"router r5 dscp 3 ecn 1 proxy from 203.0.113.5 quote 8\n"
	"router r6 firewall admin interface a extensions unpadded balance destination\n"
	"router r7 invisible\n"
	"router r8 quote 28 mpls 9:7:9 extensions overlong limit 5/2\n"
	"router r9 extensions badsum interface b expire protocol\n"
	"server s1 addr 198.51.100.1 addr6 2001:db8:5::1\n"
	"link gw r1 delay 1ms jitter 30ms\n"
	"link r1 > r2 loss 10% rate 1mbit\n"
	"path gw r1 { r2 | r3 } r4 r5 r6 { r7 r8 | } r9 s1\n"
	"back s1 r9 { r6 | r8 } r4 r1 gw\n"
	"at 100ms router r2 silent no-zero-ttl\n"
	"at 300ms path gw r1 r3 r1 r9 s1\n";

static bool all_right;
static size_t longest;

static void insist(bool kept)
{
	if (!kept)
		abort();
}

static void out(void *arg, int to, const uint8_t *packet, size_t len)
{
	struct ip_view ip;

	(void)arg;
	insist(to == TO_GATEWAY || to == 0);
	insist(ip_read(packet, len, &ip) && ip.whole && ip.len == len);
	insist(len <= longest || len <= ICMP_ERROR_MAX);
	if (all_right && ip.version == 4)
		insist(ip_fold(ip_sum(0, packet, (size_t)(packet[0] & 15) * 4)) == 0xffff);
}

/* The readers over a copy without a byte to spare. */
static void read_exactly(const uint8_t *bytes, size_t len)
{
	uint8_t *copy = malloc(len ? len : 1);
	struct ip_view ip;
	struct ip_tcp tcp;

	insist(copy != NULL);
	memcpy(copy, bytes, len);
	if (ip_read(copy, len, &ip)) {
		struct ip_flow flow = ip_flow_of(copy, &ip);
		struct guard guard = { .knows = true };
		uint8_t answer[GUARD_ANSWER_MAX];

		insist(ip.head <= ip.len && ip.len <= len);
		if (ip_read_tcp(copy, &ip, &tcp)) {
			insist(tcp.payload + tcp.payload_len == ip.len);
			insist(tcp.sack + tcp.sack_count * 8 <= tcp.payload);
		}
		(void)ip_is_error(copy, &ip);
		guard_learn(&guard, copy, &ip);
		(void)guard_is_old(&guard, copy, &ip, 0);
		insist(guard_answer(&guard, &flow, copy, &ip, 0, answer) <= sizeof(answer));
	}
	free(copy);
}

static bool sum_is_right(const uint8_t *bytes, size_t len)
{
	struct ip_view ip;

	return !ip_read(bytes, len, &ip) || ip.version != 4 ||
	       ip_fold(ip_sum(0, bytes, (size_t)(bytes[0] & 15) * 4)) == 0xffff;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct topology t;
	static struct net n;
	struct topology_error error;
	inpath_time now = INPATH_SEC;
	char message[200];

	if (t.router_count == 0)
		insist(topology_read(text, sizeof(text) - 1, &t, &error));
	all_right = true;
	longest = 0;
	net_init(&n, &t);
	n.out = out;
	while (size >= 3) {
		size_t len = ip_get16(data + 1);
		uint8_t control = data[0];
		struct datagram *d = net_datagram(&n);

		data += 3;
		size -= 3;
		len = len > size ? size : len;
		len = len > DATAGRAM_MAX ? DATAGRAM_MAX : len;
		read_exactly(data, len);
		all_right &= sum_is_right(data, len);
		longest = len > longest ? len : longest;
		memcpy(d->bytes, data, len);
		d->len = (uint16_t)len;
		now += (control >> 1) * 20 * INPATH_MSEC;
		net_take(&n, d, !(control & 1), now);
		data += len;
		size -= len;
	}
	net_tick(&n, now + 3600 * INPATH_SEC);
	insist(truth_holds(&n.truth, message, sizeof(message)));
	net_free(&n);
	return 0;
}
