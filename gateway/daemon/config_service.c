/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The service lists: DIRECTORY/NAME.conf, one domain or prefix a line, # to the line's end.
 */
#include "gateway/daemon/config_reader.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

static const char SUFFIX[] = ".conf";

/* A list while it is read: room for a line each in both arrays. */
struct service_draft {
	const char **domains;
	struct inpath_range *ranges;
	uint32_t domains_count;
	uint32_t ranges_count;
};

/* NAME.conf, not hidden: editors leave their own files behind. */
static int is_list(const struct dirent *entry)
{
	size_t len = strlen(entry->d_name);

	return entry->d_name[0] != '.' && len >= sizeof(SUFFIX) - 1 &&
	       strcmp(entry->d_name + len - (sizeof(SUFFIX) - 1), SUFFIX) == 0;
}

static int by_entry(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static bool service_name(struct config_reader *r, const char *file, const char *entry,
	struct inpath_service *service)
{
	size_t len = strlen(entry) - (sizeof(SUFFIX) - 1);

	if (len == 0 || len > INPATH_LABEL_MAX ||
		strspn(entry, "abcdefghijklmnopqrstuvwxyz0123456789._-") < len)
		return config_fail(r->err, (struct config_place){ file, 0 },
			"a service's name must be 1..%d of a-z, 0-9, '.', '_', '-', with %s behind",
			INPATH_LABEL_MAX, SUFFIX);
	memcpy(service->name, entry, len);
	service->name[len] = '\0';
	return true;
}

/* Cuts a line at its comment and the blanks around it. */
static char *trim(char *line)
{
	size_t len;

	line[strcspn(line, "#")] = '\0';
	line += strspn(line, " \t\r");
	len = strlen(line);
	while (len > 0 && strchr(" \t\r", line[len - 1]) != NULL)
		line[--len] = '\0';
	return line;
}

static bool service_line(struct config_reader *r, struct service_draft *d, const char *text,
	struct config_place place)
{
	struct config_item item = { text, place, "" };

	if (strpbrk(text, " \t") != NULL)
		return config_refuse_item(r, &item, "is more than one domain or prefix on a line");
	if (config_looks_like_prefix(text))
		return config_prefix(r, &item, &d->ranges[d->ranges_count++]);
	return config_domain(r, &item, &d->domains[d->domains_count++]);
}

static bool service_lines(
	struct config_reader *r, const char *file, char *text, struct inpath_service *service)
{
	struct service_draft d = { .domains_count = 0 };
	uint32_t line = 1;
	size_t lines = 1;

	for (const char *p = text; *p != '\0'; p++)
		lines += *p == '\n';
	d.domains = config_alloc(r, lines, sizeof(*d.domains));
	d.ranges = config_alloc(r, lines, sizeof(*d.ranges));
	if (d.domains == NULL || d.ranges == NULL)
		return false;
	for (char *next; text != NULL; text = next, line++) {
		const char *value;

		next = strchr(text, '\n');
		if (next != NULL)
			*next++ = '\0';
		value = trim(text);
		if (*value != '\0' &&
			!service_line(r, &d, value, (struct config_place){ file, line }))
			return false;
	}
	if (d.domains_count + d.ranges_count == 0)
		return config_fail(r->err, (struct config_place){ file, 0 },
			"the list is empty: it needs one domain or prefix a line");
	service->domains.names = d.domains;
	service->domains.count = config_sort_domains(d.domains, d.domains_count);
	service->ranges.ranges = d.ranges;
	service->ranges.count = config_sort_ranges(d.ranges, d.ranges_count);
	return true;
}

static bool service_load(struct config_reader *r, const char *entry, struct inpath_service *service)
{
	char file[PATH_MAX];
	char *text;
	size_t len;
	int error;
	bool done;

	if ((size_t)snprintf(file, sizeof(file), "%s/%s", r->config->services, entry) >=
		sizeof(file))
		return config_fail(r->err, (struct config_place){ r->config->services, 0 },
			"the path of %s is too long", entry);
	if (!service_name(r, file, entry, service))
		return false;
	error = config_slurp(file, false, &text, &len);
	if (error != 0)
		return config_fail(r->err, (struct config_place){ file, 0 },
			"cannot read the service list: %s", config_slurp_error(error));
	done = service_lines(r, file, text, service);
	free(text);
	return done;
}

bool config_services_load(struct config_reader *r, const config_setting_t *s)
{
	struct inpath_policy_set *set = &r->config->policies;
	struct inpath_service *services;
	struct dirent **entries;
	int count = scandir(r->config->services, &entries, is_list, by_entry);
	int error = errno;
	bool done;

	if (count < 0 && s == NULL && error == ENOENT)
		return true;
	if (count < 0 && s != NULL)
		return config_refuse(r, s, "cannot read the directory %s: %s", r->config->services,
			strerror(error));
	if (count < 0)
		return config_fail(r->err, (struct config_place){ r->config->services, 0 },
			"cannot read the directory: %s", strerror(error));
	services = config_alloc(r, (size_t)count, sizeof(*services));
	done = services != NULL;
	for (int i = 0; i < count; i++) {
		done = done && service_load(r, entries[i]->d_name, &services[i]);
		free(entries[i]);
	}
	free(entries);
	set->services = services;
	set->services_count = done ? (uint32_t)count : 0;
	return done;
}
