/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Any bytes as a DNS message. What is published is a host's name and addresses, and nothing else; what
 * is refused leaves no trace; bytes behind the message change nothing, and a cut message yields
 * either the same or nothing, but for one that says itself that it is cut (TC).
 */
#include "gateway/engine/dns.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void check_name(const char *name)
{
	size_t len = strnlen(name, INPATH_HOST_MAX + 1);

	require(len <= INPATH_HOST_MAX);
	for (size_t i = 0; i < len; i++) {
		char c = name[i];

		require((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
			(c == '.' && i > 0 && i + 1 < len && name[i - 1] != '.'));
	}
}

static void check_message(const struct dns_message *m)
{
	static const uint8_t zero[12];

	check_name(m->name);
	require(m->qtype == 1 || m->qtype == 28 || m->qtype == 65);
	require(m->rcode < 16);
	require(m->addr_count <= DNS_ADDRS);
	require(m->addr_count == 0 || m->answer);
	require(m->addr_count > 0 || m->ttl == 0);
	for (unsigned int i = 0; i < m->addr_count; i++) {
		const struct inpath_addr *a = &m->addrs[i];

		require(a->family == INPATH_AF_INET || a->family == INPATH_AF_INET6);
		require(a->family == INPATH_AF_INET6 || !memcmp(a->bytes + 4, zero, 12));
	}
}

/* Parses an exact-size copy of the first `len` bytes. */
static enum dns_result parse(const uint8_t *data, size_t len, struct dns_message *out)
{
	static struct dns_message before;
	uint8_t *copy = malloc(len ? len : 1);
	enum dns_result r;

	require(copy != NULL);
	if (len)
		memcpy(copy, data, len);
	memset(&before, 0x5a, sizeof(before));
	*out = before;
	r = dns_parse(copy, len, out);
	free(copy);
	if (r == DNS_OK)
		check_message(out);
	else
		require(!memcmp(out, &before, sizeof(before)));
	return r;
}

static bool same(const struct dns_message *a, const struct dns_message *b)
{
	return a->id == b->id && a->answer == b->answer && a->rcode == b->rcode &&
	       a->qtype == b->qtype && a->ttl == b->ttl && a->addr_count == b->addr_count &&
	       !strcmp(a->name, b->name) &&
	       !memcmp(a->addrs, b->addrs, a->addr_count * sizeof(*a->addrs));
}

static void check_cut(const uint8_t *data, size_t len, const struct dns_message *whole)
{
	struct dns_message cut;
	enum dns_result r = parse(data, len, &cut);

	require(r == DNS_SHORT || (r == DNS_OK && same(&cut, whole)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dns_message whole;

	if (parse(data, size, &whole) != DNS_OK || (data[2] & 2))
		return 0;
	check_cut(data, size - 1, &whole);
	check_cut(data, size / 2, &whole);
	check_cut(data, data[0] * size / 256, &whole);
	return 0;
}
