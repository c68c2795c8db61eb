/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/daemon/config_reader.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum {
	MESSAGE_MAX = 400,
};

struct config_block {
	struct config_block *next;
	max_align_t bytes[];
};

void *config_alloc(struct config_reader *r, size_t count, size_t size)
{
	size_t room = size ? SIZE_MAX / 2 / size : 0;
	/* One more than asked for, so that an empty list has an address too. */
	struct config_block *b = count < room ? calloc(1, sizeof(*b) + (count + 1) * size) : NULL;

	if (b == NULL) {
		(void)snprintf(r->err->text, sizeof(r->err->text), "out of memory");
		return NULL;
	}
	b->next = r->config->blocks;
	r->config->blocks = b;
	return b->bytes;
}

char *config_strdup(struct config_reader *r, const char *text)
{
	size_t len = strlen(text);
	char *copy = config_alloc(r, len, 1);

	if (copy != NULL)
		memcpy(copy, text, len + 1);
	return copy;
}

void config_free(struct config *c)
{
	if (c == NULL)
		return;
	while (c->blocks != NULL) {
		struct config_block *next = c->blocks->next;

		free(c->blocks);
		c->blocks = next;
	}
	free(c);
}

void config_option_path(const config_setting_t *s, char path[CONFIG_OPTION_PATH_MAX])
{
	size_t at = CONFIG_OPTION_PATH_MAX - 1;

	path[at] = '\0';
	for (; s != NULL && !config_setting_is_root(s); s = config_setting_parent(s)) {
		const char *name = config_setting_name(s);
		size_t len = name != NULL ? strlen(name) : 0;
		bool dot = path[at] != '\0';

		if (name == NULL || len + dot > at)
			continue;
		if (dot)
			path[--at] = '.';
		at -= len;
		memcpy(path + at, name, len);
	}
	memmove(path, path + at, CONFIG_OPTION_PATH_MAX - at);
}

struct config_place config_setting_place(const struct config_reader *r, const config_setting_t *s)
{
	return config_text_place(&r->text, (uint32_t)config_setting_source_line(s));
}

bool config_refuse(struct config_reader *r, const config_setting_t *s, const char *format, ...)
{
	char path[CONFIG_OPTION_PATH_MAX];
	char message[MESSAGE_MAX];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	config_option_path(s, path);
	return config_fail(r->err, config_setting_place(r, s), "%s: %s", path, message);
}

/* Makes text from a file fit for a terminal and a log. */
static void show(const char *text, char out[CONFIG_SHOWN_MAX])
{
	size_t at = 0;

	for (; *text != '\0' && at + 8 < CONFIG_SHOWN_MAX; text++) {
		unsigned char c = (unsigned char)*text;

		if (c < 0x20 || c == 0x7f)
			at += (size_t)snprintf(out + at, CONFIG_SHOWN_MAX - at, "\\x%02x", c);
		else
			out[at++] = *text;
	}
	(void)snprintf(out + at, CONFIG_SHOWN_MAX - at, "%s", *text ? "..." : "");
}

bool config_refuse_item(
	struct config_reader *r, const struct config_item *item, const char *format, ...)
{
	char shown[CONFIG_SHOWN_MAX];
	char message[MESSAGE_MAX];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	show(item->text, shown);
	return config_fail(r->err, item->place, "%s'%s' %s", item->option, shown, message);
}

bool config_whole_number(struct config_reader *r, const config_setting_t *s, uint32_t min,
	uint32_t max, uint32_t *out)
{
	long long value;

	switch (config_setting_type(s)) {
	case CONFIG_TYPE_INT:
		value = config_setting_get_int(s);
		/* libconfig keeps 0x80000000 and above in a signed int. */
		if (config_setting_get_format(s) == CONFIG_FORMAT_HEX)
			value = (uint32_t)value;
		break;
	case CONFIG_TYPE_INT64: value = config_setting_get_int64(s); break;
	default: return config_refuse(r, s, "must be a whole number, %u..%u", min, max);
	}
	if (value < (long long)min || value > (long long)max)
		return config_refuse(r, s, "%lld is out of range %u..%u", value, min, max);
	*out = (uint32_t)value;
	return true;
}

bool config_bool(struct config_reader *r, const config_setting_t *s, bool *out)
{
	if (config_setting_type(s) != CONFIG_TYPE_BOOL)
		return config_refuse(r, s, "must be true or false");
	*out = config_setting_get_bool(s) != 0;
	return true;
}

bool config_string(struct config_reader *r, const config_setting_t *s, size_t max, const char **out)
{
	const char *text;

	if (config_setting_type(s) != CONFIG_TYPE_STRING)
		return config_refuse(r, s, "must be a text in double quotes");
	text = config_setting_get_string(s);
	for (const char *p = text; *p != '\0'; p++) {
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return config_refuse(r, s, "must not hold control characters");
	}
	if (strlen(text) > max)
		return config_refuse(
			r, s, "is %zu bytes long; at most %zu are allowed", strlen(text), max);
	*out = text;
	return true;
}

bool config_choice(struct config_reader *r, const config_setting_t *s,
	const struct config_word *words, size_t count, int *out)
{
	struct config_item item = { "", config_setting_place(r, s), "" };
	char path[CONFIG_OPTION_PATH_MAX];
	char option[CONFIG_OPTION_PATH_MAX + 2];
	char allowed[256];
	size_t used = 0;

	if (config_setting_type(s) == CONFIG_TYPE_STRING)
		item.text = config_setting_get_string(s);
	for (size_t i = 0; i < count; i++) {
		if (strcmp(words[i].name, item.text) == 0) {
			*out = words[i].value;
			return true;
		}
		used += (size_t)snprintf(allowed + used, sizeof(allowed) - used, "%s\"%s\"",
			i ? ", " : "", words[i].name);
	}
	if (config_setting_type(s) != CONFIG_TYPE_STRING)
		return config_refuse(r, s, "must be one of %s", allowed);
	config_option_path(s, path);
	(void)snprintf(option, sizeof(option), "%s: ", path);
	item.option = option;
	return config_refuse_item(r, &item, "is none of %s", allowed);
}

bool config_filled_list(struct config_reader *r, const config_setting_t *s)
{
	if (!config_setting_is_list(s) && !config_setting_is_array(s))
		return config_refuse(r, s, "must be a list, in [ ]");
	if (config_setting_length(s) == 0)
		return config_refuse(r, s, "the list is empty; leave the option out instead");
	return true;
}

bool config_list_item(struct config_reader *r, const config_setting_t *list, unsigned index,
	char option[CONFIG_OPTION_PATH_MAX], struct config_item *out)
{
	const config_setting_t *s = config_setting_get_elem(list, index);
	size_t len;

	if (config_setting_type(s) != CONFIG_TYPE_STRING)
		return config_refuse(r, s, "each value must be a text in double quotes");
	config_option_path(s, option);
	len = strlen(option);
	(void)snprintf(option + len, CONFIG_OPTION_PATH_MAX - len, ": ");
	*out = (struct config_item){ config_setting_get_string(s), config_setting_place(r, s),
		option };
	return true;
}

static bool read_option(struct config_reader *r, const config_setting_t *s,
	const struct config_option *o, void *base)
{
	char *member = (char *)base + o->offset;
	uint32_t value = 0;

	switch (o->kind) {
	case CONFIG_KIND_CUSTOM: return o->read(r, s, base);
	case CONFIG_KIND_BOOL: return config_bool(r, s, (bool *)member);
	case CONFIG_KIND_U8:
	case CONFIG_KIND_U16:
	case CONFIG_KIND_U32: break;
	}
	if (!config_whole_number(r, s, o->min, o->max, &value))
		return false;
	if (o->kind == CONFIG_KIND_U8)
		*(uint8_t *)member = (uint8_t)value;
	else if (o->kind == CONFIG_KIND_U16)
		*(uint16_t *)member = (uint16_t)value;
	else
		*(uint32_t *)(void *)member = value;
	return true;
}

static const struct config_option *find_option(
	const struct config_option *options, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(options[i].name, name) == 0)
			return &options[i];
	}
	return NULL;
}

bool config_group(struct config_reader *r, const config_setting_t *s,
	const struct config_option *options, size_t count, void *base)
{
	char allowed[256] = "";
	size_t used = 0;

	if (!config_setting_is_group(s))
		return config_refuse(r, s, "must be a group, in { }");
	for (unsigned i = 0; i < (unsigned)config_setting_length(s); i++) {
		const config_setting_t *child = config_setting_get_elem(s, i);
		const struct config_option *o =
			find_option(options, count, config_setting_name(child));

		if (o != NULL && !read_option(r, child, o, base))
			return false;
		if (o != NULL)
			continue;
		for (size_t k = 0; k < count && used < sizeof(allowed); k++)
			used += (size_t)snprintf(
				allowed + used, sizeof(allowed) - used, " %s", options[k].name);
		return config_refuse(r, child, "unknown option; allowed here:%s", allowed);
	}
	return true;
}
