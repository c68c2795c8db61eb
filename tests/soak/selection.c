/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which services are traced: two of five, some of them twice as often; one is ignored by name. */
#include "tests/soak/soak.h"

#include <stdio.h>

enum {
	OFTEN_S = 30,
	USUAL_S = 60,
	BANK = NET_SERVICES - 1,
};

static struct inpath_service services[NET_SERVICES];
static char domains[NET_SERVICES][32];
static const char *names[NET_SERVICES];
static uint32_t bank[1], often[NET_SERVICES], usual[NET_SERVICES];
static struct inpath_policy policies[3];
static struct inpath_policy_set set;

uint32_t selection_interval(uint16_t service)
{
	if (service % 5 > 1)
		return 0;
	return service % 10 == 5 ? OFTEN_S : USUAL_S;
}

void selection_host(uint16_t service, uint32_t server, char *out, size_t room)
{
	snprintf(out, room, "h%u.service%u.example", server, service);
}

static struct inpath_policy policy(const char *name, enum inpath_action action,
	const uint32_t *list, uint32_t count, uint32_t interval_s)
{
	struct inpath_policy p = {
		.action = action,
		.keys = INPATH_KEY_SERVICES,
		.protocols = INPATH_PROTOCOL_TCP | INPATH_PROTOCOL_QUIC,
		.settings = { .interval_s = interval_s,
			.max_hops = 32,
			.attempts = 2,
			.gap = 5,
			.touch = true },
		.services = list,
		.services_count = count,
	};

	snprintf(p.name, sizeof(p.name), "%s", name);
	return p;
}

const struct inpath_policy_set *selection(void)
{
	uint32_t often_count = 0, usual_count = 0;

	for (uint16_t i = 0; i < NET_SERVICES; i++) {
		snprintf(domains[i], sizeof(domains[i]), "service%u.example", i);
		names[i] = domains[i];
		snprintf(services[i].name, sizeof(services[i].name), "service%u", i);
		services[i].domains = (struct inpath_domain_list){ &names[i], 1 };
		if (selection_interval(i) == OFTEN_S)
			often[often_count++] = i;
		else if (selection_interval(i))
			usual[usual_count++] = i;
	}
	bank[0] = BANK;
	policies[0] = policy("bank", INPATH_IGNORE, bank, 1, USUAL_S);
	policies[1] = policy("games", INPATH_TRACE, often, often_count, OFTEN_S);
	policies[2] = policy("streams", INPATH_TRACE, usual, usual_count, USUAL_S);
	set = (struct inpath_policy_set){
		.policies = policies,
		.policies_count = 3,
		.services = services,
		.services_count = NET_SERVICES,
		.budget = { SOAK_GATEWAY, SOAK_CLIENT, SOAK_FIRST_HOPS },
		.timeout_ms = SOAK_TIMEOUT_MS,
		.mark_probe = SOAK_MARK_PROBE,
		.mark_rest = SOAK_MARK_REST,
		.log_paths = INPATH_LOG_PATHS_ALL,
	};
	return &set;
}
