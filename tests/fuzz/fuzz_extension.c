/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz_extension: the input's first byte says how (bit 0: announced; bit 1: the checksum is put
 * right first), the rest is an ICMP extension structure. Beyond not crashing:
 *
 * - a refusal leaves its output alone; what is believed has version 2 and a right checksum, or
 *   none where it was announced; and it is the same again;
 * - counts, labels and addresses are within their bounds, a name ends, what was not told is zero;
 * - no more is told than the bytes can hold;
 * - what a cut structure tells, the whole one tells too: objects behind it take nothing back.
 */
#include "gateway/engine/extension.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void insist(bool kept)
{
	if (!kept)
		abort();
}

static uint16_t sum_of(const uint8_t *bytes, size_t len)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < len; i++)
		sum += i % 2 ? bytes[i] : (uint32_t)bytes[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

/* Parses; `out` has every byte defined, whatever the result. */
static bool parse(const uint8_t *bytes, size_t len, bool announced, struct extension *out)
{
	struct extension untouched;
	bool good;

	memset(&untouched, 0xa5, sizeof(untouched));
	memcpy(out, &untouched, sizeof(*out));
	good = extension_parse(bytes, len, announced, out);
	insist(good || !memcmp(out, &untouched, sizeof(*out)));
	return good;
}

static bool same_mpls(const struct extension *a, const struct extension *b)
{
	bool same = a->mpls_count == b->mpls_count;

	for (unsigned int i = 0; i < INPATH_MPLS_ENTRIES; i++)
		same = same && a->mpls[i].label == b->mpls[i].label &&
		       a->mpls[i].tc == b->mpls[i].tc && a->mpls[i].bottom == b->mpls[i].bottom &&
		       a->mpls[i].ttl == b->mpls[i].ttl;
	return same;
}

static bool same_interface(const struct inpath_interface *a, const struct inpath_interface *b)
{
	return a->told == b->told && a->role == b->role && a->index == b->index &&
	       a->mtu == b->mtu && a->addr.family == b->addr.family &&
	       !memcmp(a->addr.bytes, b->addr.bytes, sizeof(a->addr.bytes)) &&
	       !memcmp(a->name, b->name, sizeof(a->name));
}

/* Bytes that it takes to tell of this interface: its object's header and parts. */
static size_t interface_len(const struct inpath_interface *i)
{
	size_t len = 4;

	if (i->index)
		len += 4;
	if (i->mtu)
		len += 4;
	if (i->addr.family != INPATH_AF_NONE)
		len += i->addr.family == INPATH_AF_INET ? 8 : 20;
	if (*i->name)
		len += 1 + strlen(i->name);
	return len;
}

static void check_fields(const struct extension *e, size_t len)
{
	static const struct inpath_interface none;
	static const uint8_t zero[12];
	const struct inpath_interface *i = &e->interface;
	size_t needed = 4;

	insist(e->mpls_count <= INPATH_MPLS_ENTRIES);
	for (unsigned int k = 0; k < INPATH_MPLS_ENTRIES; k++) {
		const struct inpath_mpls *m = &e->mpls[k];

		insist(m->label < 1u << 20 && m->tc < 8);
		insist(k < e->mpls_count || (!m->label && !m->tc && !m->bottom && !m->ttl));
	}
	insist(i->told || same_interface(i, &none));
	insist(i->role <= INPATH_INTERFACE_NEXT);
	insist(i->name[INPATH_INTERFACE_NAME] == '\0');
	insist(i->addr.family == INPATH_AF_NONE || i->addr.family == INPATH_AF_INET ||
		i->addr.family == INPATH_AF_INET6);
	if (i->addr.family != INPATH_AF_INET6)
		insist(!memcmp(i->addr.bytes + 4, zero, sizeof(zero)));
	if (e->mpls_count)
		needed += 4 + 4 * (size_t)e->mpls_count;
	if (i->told)
		needed += interface_len(i);
	insist(needed <= len);
}

/* `whole` was told by all of the bytes; what do the first `cut` tell? */
static void check_cut(const uint8_t *bytes, size_t cut, const struct extension *whole)
{
	uint8_t *copy = malloc(cut ? cut : 1);
	struct extension e;

	insist(copy);
	memcpy(copy, bytes, cut);
	if (cut >= 4)
		copy[2] = copy[3] = 0;
	insist(parse(copy, cut, true, &e) == (cut >= 4));
	free(copy);
	if (cut < 4)
		return;
	check_fields(&e, cut);
	insist(!e.mpls_count || same_mpls(&e, whole));
	insist(!e.interface.told || whole->interface.told);
	if (e.interface.told && e.interface.role == INPATH_INTERFACE_IN)
		insist(same_interface(&e.interface, &whole->interface));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	bool announced = size && data[0] & 1, right;
	struct extension e, again;
	size_t len = size ? size - 1 : 0;
	uint8_t *bytes = malloc(len ? len : 1);

	insist(bytes);
	if (len)
		memcpy(bytes, data + 1, len);
	if (len >= 4 && data[0] & 2) {
		uint16_t sum;

		bytes[2] = bytes[3] = 0;
		sum = (uint16_t)~sum_of(bytes, len);
		bytes[2] = (uint8_t)(sum >> 8);
		bytes[3] = (uint8_t)sum;
	}
	right = len >= 4 && bytes[0] >> 4 == 2 &&
		(bytes[2] || bytes[3] ? sum_of(bytes, len) == 0xffff : announced);
	insist(parse(bytes, len, announced, &e) == right);
	if (right) {
		check_fields(&e, len);
		insist(parse(bytes, len, true, &again));
		insist(same_mpls(&e, &again) && same_interface(&e.interface, &again.interface));
		check_cut(bytes, len / 2, &e);
		check_cut(bytes, len - 1, &e);
		check_cut(bytes, len, &e);
	}
	free(bytes);
	return 0;
}
