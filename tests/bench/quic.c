/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * quic: nanoseconds from a client's datagram of 1,200 bytes to the server's name: header, keys, decryption, frames,
 * ClientHello. `initial NS`, the least of several rounds, which what else the machine does can only lengthen.
 */
#include "gateway/engine/hello.h"
#include "gateway/engine/quic_frames.h"
#include "gateway/engine/quic_initial.h"
#include "gateway/engine/tls.h"
#include "tests/unit/quic_vectors.h"
#include "tests/unit/wire.h"

#include <stdio.h>
#include <time.h>

enum {
	PACKETS = 2000,
	ROUNDS = 50,
};

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static bool name_of(const uint8_t *datagram, size_t len)
{
	static struct hello hello;
	static uint8_t opened[1500];
	struct quic_walk w = quic_walk_over(datagram, len);
	struct quic_crypto piece;
	struct quic_frames f;
	struct tls_hello tls;
	struct quic_keys keys;
	struct quic_packet p;
	size_t opened_len;

	hello.range_count = 0;
	if (quic_next(&w, &p) != QUIC_PACKET || !quic_begins(&p, len) ||
		!quic_client_keys(p.version, &p.dcid, &keys) ||
		quic_open(&keys, &p, opened, sizeof(opened), &opened_len) != QUIC_OPENED)
		return false;
	f = quic_frames_over(opened, opened_len);
	while (quic_frames_next(&f, &piece) == QUIC_CRYPTO)
		hello_add(&hello, piece.offset, piece.bytes, piece.len);
	return tls_client_hello_message(hello.bytes, hello_prefix(&hello), &tls) == TLS_SNI;
}

int main(void)
{
	uint8_t datagram[WIRE_MAX];
	size_t len = wire_hex(datagram, rfc_client_v1);
	double best = 1e9;

	for (int i = 0; i < ROUNDS; i++) {
		uint64_t begin = now_ns();
		double ns;

		for (int n = 0; n < PACKETS; n++)
			if (!name_of(datagram, len))
				return 1;
		ns = (double)(now_ns() - begin) / PACKETS;
		best = ns < best ? ns : best;
	}
	printf("initial %.1f\n", best);
	return 0;
}
