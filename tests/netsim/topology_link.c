/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/netsim/topology_options.h"

#include <string.h>

void link_default(struct topology_link *out, uint16_t from, uint16_t to)
{
	memset(out, 0, sizeof(*out));
	out->from = from;
	out->to = to;
}

static bool option_loss(struct words *w, struct topology_link *l)
{
	const char *p = w->word;
	uint64_t value;

	if (!words_want(w, "a loss"))
		return false;
	if (!decimal_read(&p, 6, (uint64_t)LOSS_UNIT, &value) || strcmp(p, "%") != 0)
		return words_refuse(w, "loss is 0%% to 100%%, not \"%.40s\"", w->word);
	l->loss = (double)value / LOSS_UNIT;
	return true;
}

static bool option_rate(struct words *w, struct topology_link *l)
{
	const uint64_t max = (uint64_t)RATE_MAX;
	const char *p = w->word;
	uint64_t value = 0;

	if (!words_want(w, "a rate"))
		return false;
	if (strcmp(w->word, "off") != 0) {
		bool is_kilo = strstr(p, "kbit") != NULL;

		if (!decimal_read(&p, is_kilo ? 3 : 6, max, &value) || value == 0 ||
			strcmp(p, is_kilo ? "kbit" : "mbit") != 0)
			return words_refuse(w,
				"rate is off, or up to a million Mbit/s as Nkbit or Nmbit, not \"%.40s\"",
				w->word);
	}
	l->rate = (double)value;
	return true;
}

bool options_link(struct words *w, struct topology_link *l)
{
	while (words_next(w)) {
		bool is_read;

		if (strcmp(w->word, "delay") == 0)
			is_read = words_time(w, &l->delay);
		else if (strcmp(w->word, "jitter") == 0)
			is_read = words_time(w, &l->jitter);
		else if (strcmp(w->word, "loss") == 0)
			is_read = option_loss(w, l);
		else if (strcmp(w->word, "rate") == 0)
			is_read = option_rate(w, l);
		else
			return words_refuse(w, "\"%.40s\" is no option of a link", w->word);
		if (!is_read)
			return false;
	}
	return true;
}

bool options_server(struct words *w, struct topology_server *s)
{
	while (words_next(w)) {
		bool is_addr6 = strcmp(w->word, "addr6") == 0;

		if (!is_addr6 && strcmp(w->word, "addr") != 0)
			return words_refuse(w, "\"%.40s\" is no option of a server", w->word);
		if (!words_addr(w, is_addr6 ? INPATH_AF_INET6 : INPATH_AF_INET, &s->addr[is_addr6]))
			return false;
	}
	return true;
}
