/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/cli/devices.h"

#include "gateway/cli/model.h"
#include "gateway/io/leases.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

void devices_init(struct devices *n)
{
	*n = (struct devices){ .room = 0 };
	intern_init(&n->addrs);
	intern_init(&n->texts);
}

void devices_free(struct devices *n)
{
	intern_free(&n->addrs);
	intern_free(&n->texts);
	free(n->list);
}

/* The number of an address; INTERN_NONE: it is not there. */
static uint32_t find(const struct devices *n, const char *addr)
{
	for (uint32_t i = 0; i < n->addrs.count; i++)
		if (!strcmp(intern_get(&n->addrs, i, NULL), addr))
			return i;
	return INTERN_NONE;
}

void devices_add(struct devices *n, const char *addr, const char *name)
{
	uint32_t text = intern_put(&n->texts, name, strlen(name)), at;

	if (find(n, addr) != INTERN_NONE || text == INTERN_NONE ||
		!model_grow((void **)&n->list, &n->room, n->addrs.count, 1, sizeof(*n->list)))
		return;
	at = intern_put(&n->addrs, addr, strlen(addr));
	if (at != INTERN_NONE)
		n->list[at] = text;
}

static void add_lease(
	void *arg, const struct inpath_addr *addr, const struct inpath_mac *mac, const char *name)
{
	char text[INET6_ADDRSTRLEN];

	(void)mac;
	if (name && inet_ntop(addr->family == INPATH_AF_INET ? AF_INET : AF_INET6, addr->bytes,
			    text, sizeof(text)))
		devices_add(arg, text, name);
}

/* As the log writes it; false if it is none, or this machine's own. */
static bool canonical(const char *addr, char out[INET6_ADDRSTRLEN])
{
	uint8_t bytes[16];
	int family = strchr(addr, ':') ? AF_INET6 : AF_INET;

	return inet_pton(family, addr, bytes) == 1 &&
	       inet_ntop(family, bytes, out, INET6_ADDRSTRLEN) && strcmp(out, "::1") != 0 &&
	       strncmp(out, "127.", 4) != 0 && strncmp(out, "ff0", 3) != 0 &&
	       strncmp(out, "fe00:", 5) != 0;
}

void devices_add_hosts(struct devices *n, FILE *hosts)
{
	char *line = NULL;
	size_t room = 0;

	while (getline(&line, &room, hosts) >= 0) {
		char *rest = line, *addr, *name, text[INET6_ADDRSTRLEN];

		line[strcspn(line, "#\n")] = '\0';
		addr = strtok_r(line, " \t\r", &rest);
		name = addr ? strtok_r(NULL, " \t\r", &rest) : NULL;
		if (name && canonical(addr, text))
			devices_add(n, text, name);
	}
	free(line);
}

void devices_add_known(struct devices *n)
{
	struct leases *leases = leases_open(leases_default_files);
	FILE *hosts = fopen("/etc/hosts", "re");

	if (leases)
		leases_read(leases, add_lease, n);
	leases_close(leases);
	if (hosts) {
		devices_add_hosts(n, hosts);
		fclose(hosts);
	}
}

const char *devices_find(const struct devices *n, const char *addr)
{
	uint32_t at = find(n, addr);

	return at == INTERN_NONE ? NULL : intern_get(&n->texts, n->list[at], NULL);
}
