/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/cli/model_line.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	ROOM_FIRST = 256,
	TOLD_BYTES = 1 << 20,
};

bool model_grow(void **array, uint32_t *room, uint32_t count, uint32_t more, size_t size)
{
	uint32_t want = *room ? *room : ROOM_FIRST;
	void *bigger;

	while (want - count < more) {
		if (want > UINT32_MAX / 2)
			return false;
		want *= 2;
	}
	if (want == *room)
		return true;
	bigger = realloc(*array, want * size);
	if (!bigger)
		return false;
	*array = bigger;
	*room = want;
	return true;
}

struct model *model_new(const struct model_filter *filter)
{
	struct model *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	if (filter)
		m->filter = *filter;
	intern_init(&m->texts);
	intern_init(&m->paths);
	intern_init(&m->keys);
	m->parts = calloc(1, sizeof(*m->parts));
	if (m->parts)
		return m;
	free(m);
	return NULL;
}

void model_free(struct model *m)
{
	if (!m)
		return;
	intern_free(&m->texts);
	intern_free(&m->paths);
	intern_free(&m->keys);
	free(m->flows);
	free(m->traces);
	free(m->changes);
	free(m->epochs);
	free(m->rtts);
	free(m->spreads);
	free(m->raw);
	free(m->parts);
	free(m);
}

const char *model_text(const struct model *m, uint32_t text)
{
	return text == MODEL_NONE ? "" : intern_get(&m->texts, text, NULL);
}

const struct model_step *model_path(const struct model *m, uint32_t path, uint32_t *count)
{
	size_t len;
	const struct model_step *steps = intern_get(&m->paths, path, &len);

	*count = (uint32_t)(len / sizeof(*steps));
	return steps;
}

bool model_keep_raw(struct model *m, uint32_t records)
{
	m->raw = calloc(records, sizeof(*m->raw));
	m->raw_room = m->raw ? records : 0;
	return m->raw != NULL;
}

const char *model_raw(const struct model *m, uint32_t back)
{
	if (back >= m->raw_room || back >= m->raw_count)
		return NULL;
	return m->raw[(m->raw_count - 1 - back) % m->raw_room].text;
}

int model_read(struct model *m, FILE *log, void (*told)(void *arg, uint64_t bytes), void *arg)
{
	uint64_t bytes = 0, next = TOLD_BYTES;
	char *line = NULL;
	size_t room = 0;
	ssize_t len;
	int error;

	while ((len = getline(&line, &room, log)) >= 0) {
		bytes += (uint64_t)len;
		if (!model_line(m, line, (size_t)len))
			break;
		if (told && bytes >= next) {
			told(arg, bytes);
			next = bytes + TOLD_BYTES;
		}
	}
	error = m->full ? -ENOMEM : ferror(log) ? -errno : 0;
	free(line);
	model_end(m);
	return error;
}

/* --- times ------------------------------------------------------------------------------------- */

static bool read_age(const char *text, model_time now, model_time *out)
{
	static const struct {
		char unit;
		uint64_t ms;
	} units[] = { { 's', 1000 }, { 'm', 60000 }, { 'h', 3600000 }, { 'd', 86400000 } };
	char *end;
	unsigned long long count = strtoull(text, &end, 10);

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (end == text || *end != units[i].unit || end[1])
			continue;
		*out = count < now / units[i].ms ? now - count * units[i].ms : 0;
		return true;
	}
	return false;
}

static bool read_date(const char *text, model_time *out)
{
	static const char *const forms[] = { "%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S",
		"%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S" };

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		struct tm tm = { .tm_isdst = -1 };
		const char *end = strptime(text, forms[i], &tm);
		time_t at = end && !*end ? mktime(&tm) : -1;

		if (at < 0)
			continue;
		*out = (model_time)at * 1000;
		return true;
	}
	return false;
}

static bool read_stamp(const char *text, model_time *out)
{
	char *end;
	double seconds = strtod(text, &end);

	if (end == text || *end || *text < '0' || *text > '9' || !(seconds < 1e12))
		return false;
	*out = (model_time)(seconds * 1000);
	return true;
}

bool model_time_read(const char *text, model_time now, model_time *out)
{
	return read_age(text, now, out) || read_date(text, out) || read_stamp(text, out);
}
