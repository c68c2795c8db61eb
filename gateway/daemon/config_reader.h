/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * config_reader: what the files that make up `config` share while one configuration is loaded.
 * Private to gateway/daemon/config*.c.
 *
 * Every function that can refuse something returns bool: true is done, false is refused, with the
 * reason in reader->err. What was allocated so far hangs on reader->config and goes with it.
 */
#ifndef CONFIG_READER_H
#define CONFIG_READER_H

#include "gateway/daemon/config.h"
#include "gateway/daemon/config_text.h"

#include <libconfig.h>

struct config_reader {
	struct config *config;
	struct config_error *err;
	struct config_text text;
};

/* How an option's value is read and where it goes. */
enum config_kind {
	CONFIG_KIND_U8,
	CONFIG_KIND_U16,
	CONFIG_KIND_U32,
	CONFIG_KIND_BOOL,
	CONFIG_KIND_CUSTOM,
};

typedef bool config_option_reader(struct config_reader *r, const config_setting_t *s, void *base);

/* One option of a group; `base` is what the group fills in, `offset` the member in it. */
struct config_option {
	const char *name;
	enum config_kind kind;
	size_t offset;
	uint32_t min;
	uint32_t max;
	config_option_reader *read; /* CONFIG_KIND_CUSTOM */
};

/* A word that an option may have as its value. */
struct config_word {
	const char *name;
	int value;
};

/* A text in a file, where an error may have to point to. */
struct config_item {
	const char *text;
	struct config_place place;
	const char *option; /* "policies.clients: ", or "" in a service list */
};

enum {
	CONFIG_OPTION_PATH_MAX = 128,
	CONFIG_SHOWN_MAX = 128,
};

/* config_value.c: settings of libconfig, with every check. */

/* Refuses a setting: "FILE:LINE: OPTION: message". Always false. */
bool config_refuse(struct config_reader *r, const config_setting_t *s, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Refuses an item: "FILE:LINE: OPTION: 'TEXT' message". Always false. */
bool config_refuse_item(struct config_reader *r, const struct config_item *item, const char *format,
	...) __attribute__((format(printf, 3, 4)));

/* Memory for `count` things of `size` bytes, zeroed, owned by r->config; NULL: refused. */
void *config_alloc(struct config_reader *r, size_t count, size_t size);
char *config_strdup(struct config_reader *r, const char *text);

/* Where a setting stands. */
struct config_place config_setting_place(const struct config_reader *r, const config_setting_t *s);

/* Writes "probe.gap": the names on the way to `s`, of its list if it has none of its own. */
void config_option_path(const config_setting_t *s, char path[CONFIG_OPTION_PATH_MAX]);

/* Reads a group's options into `base`; an option that `options` does not name is refused. */
bool config_group(struct config_reader *r, const config_setting_t *s,
	const struct config_option *options, size_t count, void *base);

bool config_whole_number(struct config_reader *r, const config_setting_t *s, uint32_t min,
	uint32_t max, uint32_t *out);
bool config_bool(struct config_reader *r, const config_setting_t *s, bool *out);

/* A string without control characters, at most `max` bytes long. */
bool config_string(
	struct config_reader *r, const config_setting_t *s, size_t max, const char **out);
bool config_choice(struct config_reader *r, const config_setting_t *s,
	const struct config_word *words, size_t count, int *out);

/* Is `s` a list of at least one value? */
bool config_filled_list(struct config_reader *r, const config_setting_t *s);

/* Takes the string at `index` of a list as an item. `option` lends the item its memory. */
bool config_list_item(struct config_reader *r, const config_setting_t *list, unsigned index,
	char option[CONFIG_OPTION_PATH_MAX], struct config_item *out);

/* config_parse.c: what a piece of text means. */

/* "192.0.2.1", "192.0.2.0/24", "2001:db8::/32". */
bool config_prefix(
	struct config_reader *r, const struct config_item *item, struct inpath_range *out);
bool config_mac(struct config_reader *r, const struct config_item *item, struct inpath_mac *out);

/* A domain in lower case without a dot at its end, owned by r->config. */
bool config_domain(struct config_reader *r, const struct config_item *item, const char **out);
bool config_device(struct config_reader *r, const struct config_item *item, const char **out);

/* "8000-8100". */
bool config_port_range(
	struct config_reader *r, const struct config_item *item, struct inpath_port_range *out);

/* Can `text` only be meant as an address or a prefix? */
bool config_looks_like_prefix(const char *text);

/* config_compile.c: sorts, and leaves each value in once. Each returns what is left of `count`. */
uint32_t config_sort_domains(const char **names, uint32_t count);
uint32_t config_sort_ranges(struct inpath_range *ranges, uint32_t count);
uint32_t config_sort_ports(struct inpath_port_range *ports, uint32_t count);
uint32_t config_sort_indices(uint32_t *indices, uint32_t count);

/* config_service.c: reads all lists of the directory r->config->services. `s` is the setting that
 * names it, NULL if none does. */
bool config_services_load(struct config_reader *r, const config_setting_t *s);

/* config_policy.c: reads `policies`; NULL or an empty list make the policy `all`. */
bool config_policies_load(struct config_reader *r, const config_setting_t *s);

/* The range check of each setting that `probe` and the policies share. */
enum {
	CONFIG_INTERVAL_MAX = 86400,
	CONFIG_ATTEMPTS_MAX = 10,
};

#endif
