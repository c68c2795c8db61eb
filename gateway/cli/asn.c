/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/cli/asn.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#ifdef INPATH_MMDB

#include <arpa/inet.h>
#include <errno.h>
#include <maxminddb.h>
#include <stdlib.h>

/* The fields' names, as the makers of such files have them. */
static const char *const number_names[] = { "autonomous_system_number", "asn", "as_number", NULL };
static const char *const name_names[] = { "autonomous_system_organization", "as_name",
	"organization", "name", NULL };

static struct {
	MMDB_s db;
	char file[4096]; /* for what is said of it */
	bool open;
} mmdb;

static void say(int error)
{
	bool system = error == MMDB_FILE_OPEN_ERROR || error == MMDB_IO_ERROR;

	fprintf(stderr, "inpath: %s: %s\n", mmdb.file,
		system ? strerror(errno) : MMDB_strerror(error));
}

bool asn_open(const char *file)
{
	int error = MMDB_open(file, MMDB_MODE_MMAP, &mmdb.db);

	snprintf(mmdb.file, sizeof(mmdb.file), "%s", file);
	mmdb.open = error == MMDB_SUCCESS;
	if (!mmdb.open)
		say(error);
	return mmdb.open;
}

/* From now on nothing is known: a file that is wrong once is not asked again. */
static void give_up(int error)
{
	say(error);
	MMDB_close(&mmdb.db);
	mmdb.open = false;
}

bool asn_known(void)
{
	return mmdb.open;
}

/* The first of the fields that there is. */
static bool get(MMDB_entry_s *entry, const char *const names[], MMDB_entry_data_s *out)
{
	for (size_t i = 0; names[i]; i++)
		if (MMDB_get_value(entry, out, names[i], NULL) == MMDB_SUCCESS && out->has_data)
			return true;
	return false;
}

/* The number stands there as one, or as `AS64500`. */
static uint32_t number_of(const MMDB_entry_data_s *data)
{
	char text[16] = "";
	size_t from;

	switch (data->type) {
	case MMDB_DATA_TYPE_UINT16: return data->uint16;
	case MMDB_DATA_TYPE_UINT32: return data->uint32;
	case MMDB_DATA_TYPE_UTF8_STRING:
		from = data->data_size > 2 && !strncasecmp(data->utf8_string, "AS", 2) ? 2 : 0;
		if (data->data_size - from < sizeof(text))
			memcpy(text, data->utf8_string + from, data->data_size - from);
		return (uint32_t)strtoul(text, NULL, 10);
	default: return 0;
	}
}

static bool read_entry(MMDB_entry_s *entry, struct asn *out)
{
	MMDB_entry_data_s data;
	size_t len;

	*out = (struct asn){ 0 };
	if (get(entry, number_names, &data))
		out->number = number_of(&data);
	if (out->number == 0)
		return false;
	if (get(entry, name_names, &data) && data.type == MMDB_DATA_TYPE_UTF8_STRING) {
		len = data.data_size < sizeof(out->name) ? data.data_size : sizeof(out->name) - 1;
		memcpy(out->name, data.utf8_string, len);
	}
	return true;
}

static bool find_one(const char *addr, size_t len, struct asn *out)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
	MMDB_lookup_result_s found;
	char text[INET6_ADDRSTRLEN];
	int error;

	if (len >= sizeof(text))
		return false;
	memcpy(text, addr, len);
	text[len] = '\0';
	if (inet_pton(AF_INET, text, &in.sin_addr) == 1)
		found = MMDB_lookup_sockaddr(&mmdb.db, (const struct sockaddr *)&in, &error);
	else if (inet_pton(AF_INET6, text, &in6.sin6_addr) == 1)
		found = MMDB_lookup_sockaddr(&mmdb.db, (const struct sockaddr *)&in6, &error);
	else
		return false;
	if (error == MMDB_IPV6_LOOKUP_IN_IPV4_DATABASE_ERROR)
		return false;
	if (error != MMDB_SUCCESS) {
		give_up(error);
		return false;
	}
	return found.found_entry && read_entry(&found.entry, out);
}

bool asn_find(const char *addrs, size_t len, struct asn *out)
{
	const char *end = addrs + len;

	while (mmdb.open && addrs < end) {
		const char *plus = memchr(addrs, '+', (size_t)(end - addrs));
		const char *until = plus ? plus : end;

		if (find_one(addrs, (size_t)(until - addrs), out))
			return true;
		addrs = plus ? plus + 1 : end;
	}
	return false;
}

#else

bool asn_open(const char *file)
{
	fprintf(stderr, "inpath: %s cannot be read: inpath was built without libmaxminddb\n", file);
	return false;
}

bool asn_known(void)
{
	return false;
}

bool asn_find(const char *addrs, size_t len, struct asn *out)
{
	(void)addrs;
	(void)len;
	(void)out;
	return false;
}

#endif

const char *asn_text(const char *addrs, size_t len, char out[ASN_BYTES])
{
	struct asn found;

	*out = '\0';
	if (asn_find(addrs, len, &found))
		snprintf(out, ASN_BYTES, "AS%" PRIu32 "%s%s", found.number, *found.name ? " " : "",
			found.name);
	return out;
}
