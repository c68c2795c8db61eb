/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/daemon/config_reader.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char SERVICES_DEFAULT[] = "/etc/inpath/services";

static void set_defaults(struct config *c)
{
	c->lan.is_auto = true;
	c->wan.is_auto = true;
	c->queue = 537;
	c->queue_len = 256;
	c->log_syslog = true;
	c->log_facility = LOG_DAEMON;
	c->log_names = true;
	c->log_clients = CONFIG_CLIENTS_ADDRESS;
	c->probe = (struct inpath_settings){
		.interval_s = 60, .max_hops = 32, .attempts = 2, .gap = 5, .touch = true
	};
	c->limits = INPATH_LIMITS_DEFAULT;
	c->policies.budget =
		(struct inpath_budget){ .gateway = 200, .client = 50, .first_hops = 20 };
	c->policies.timeout_ms = 1000;
	c->policies.mark_probe = 0x04000000;
	c->policies.mark_rest = 0x08000000;
	c->policies.log_paths = INPATH_LOG_PATHS_CHANGES;
	c->policies.every_path = true; /* the command may ask for it */
}

static bool add_iface(struct config_reader *r, const config_setting_t *s, struct config_ifaces *out)
{
	const char *name;

	if (!config_string(r, s, IFNAMSIZ - 1, &name))
		return false;
	if (strcmp(name, "auto") == 0)
		return config_refuse(r, s, "\"auto\" must stand alone, outside of a list");
	/* Rules are made of these names: no pattern, no option, no second word. */
	if (name[0] == '\0' || name[0] == '-' || name[0] == '.' ||
		name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				  "0123456789._-")] != '\0')
		return config_refuse(r, s,
			"an interface's name must be 1..%d letters, digits, '.', '_', '-'",
			IFNAMSIZ - 1);
	for (uint32_t i = 0; i < out->count; i++) {
		if (strcmp(out->names[i], name) == 0)
			return config_refuse(r, s, "'%s' is named twice", name);
	}
	if (out->count == CONFIG_IFACES)
		return config_refuse(r, s, "more than %d interfaces", CONFIG_IFACES);
	(void)snprintf(out->names[out->count++], IFNAMSIZ, "%s", name);
	return true;
}

static bool read_ifaces(
	struct config_reader *r, const config_setting_t *s, struct config_ifaces *out)
{
	memset(out, 0, sizeof(*out));
	if (config_setting_type(s) == CONFIG_TYPE_STRING) {
		out->is_auto = strcmp(config_setting_get_string(s), "auto") == 0;
		return out->is_auto || add_iface(r, s, out);
	}
	if (!config_setting_is_list(s) && !config_setting_is_array(s))
		return config_refuse(
			r, s, "must be \"auto\", an interface's name, or a list of names");
	if (config_setting_length(s) == 0)
		return config_refuse(r, s, "the list is empty; \"auto\" finds the interfaces");
	for (unsigned i = 0; i < (unsigned)config_setting_length(s); i++) {
		if (!add_iface(r, config_setting_get_elem(s, i), out))
			return false;
	}
	return true;
}

static bool read_lan(struct config_reader *r, const config_setting_t *s, void *base)
{
	return read_ifaces(r, s, &((struct config *)base)->lan);
}

static bool read_wan(struct config_reader *r, const config_setting_t *s, void *base)
{
	return read_ifaces(r, s, &((struct config *)base)->wan);
}

static bool load_gateway(struct config_reader *r, const config_setting_t *s)
{
	static const struct config_option options[] = {
		{ "lan", CONFIG_KIND_CUSTOM, 0, 0, 0, read_lan },
		{ "wan", CONFIG_KIND_CUSTOM, 0, 0, 0, read_wan },
		{ "queue", CONFIG_KIND_U16, offsetof(struct config, queue), 0, UINT16_MAX, NULL },
		{ "queue_len", CONFIG_KIND_U32, offsetof(struct config, queue_len), 16, 65536,
			NULL },
		{ "mark_probe", CONFIG_KIND_U32, offsetof(struct config, policies.mark_probe), 1,
			UINT32_MAX, NULL },
		{ "mark_rest", CONFIG_KIND_U32, offsetof(struct config, policies.mark_rest), 1,
			UINT32_MAX, NULL },
		{ "accounting", CONFIG_KIND_BOOL, offsetof(struct config, accounting), 0, 0, NULL },
	};
	struct config *c = r->config;
	const config_setting_t *mark;

	if (!config_group(r, s, options, COUNT(options), c))
		return false;
	if ((c->policies.mark_probe & c->policies.mark_rest) != 0) {
		mark = config_setting_get_member(s, "mark_rest");
		if (mark == NULL)
			mark = config_setting_get_member(s, "mark_probe");
		return config_refuse(r, mark, "mark_probe 0x%x and mark_rest 0x%x share bits",
			c->policies.mark_probe, c->policies.mark_rest);
	}
	for (uint32_t i = 0; i < c->lan.count; i++) {
		for (uint32_t k = 0; k < c->wan.count; k++) {
			if (strcmp(c->lan.names[i], c->wan.names[k]) == 0)
				return config_refuse(r, config_setting_get_member(s, "wan"),
					"'%s' is in gateway.lan too", c->wan.names[k]);
		}
	}
	return true;
}

static bool read_facility(struct config_reader *r, const config_setting_t *s, void *base)
{
	static const struct config_word words[] = { { "daemon", LOG_DAEMON }, { "user", LOG_USER },
		{ "local0", LOG_LOCAL0 }, { "local1", LOG_LOCAL1 }, { "local2", LOG_LOCAL2 },
		{ "local3", LOG_LOCAL3 }, { "local4", LOG_LOCAL4 }, { "local5", LOG_LOCAL5 },
		{ "local6", LOG_LOCAL6 }, { "local7", LOG_LOCAL7 }, { "syslog", LOG_SYSLOG } };

	return config_choice(r, s, words, COUNT(words), &((struct config *)base)->log_facility);
}

static bool read_paths(struct config_reader *r, const config_setting_t *s, void *base)
{
	static const struct config_word words[] = { { "changes", INPATH_LOG_PATHS_CHANGES },
		{ "all", INPATH_LOG_PATHS_ALL }, { "none", INPATH_LOG_PATHS_NONE } };
	int value = 0;

	if (!config_choice(r, s, words, COUNT(words), &value))
		return false;
	((struct config *)base)->policies.log_paths = (enum inpath_log_paths)value;
	return true;
}

static bool read_log_clients(struct config_reader *r, const config_setting_t *s, void *base)
{
	static const struct config_word words[] = { { "address", CONFIG_CLIENTS_ADDRESS },
		{ "hash", CONFIG_CLIENTS_HASH }, { "none", CONFIG_CLIENTS_NONE } };
	int value = 0;

	if (!config_choice(r, s, words, COUNT(words), &value))
		return false;
	((struct config *)base)->log_clients = (enum config_clients)value;
	return true;
}

/* A file's name; "": none. */
static bool read_file_name(struct config_reader *r, const config_setting_t *s, char **out)
{
	const char *file;

	if (!config_string(r, s, PATH_MAX - 1, &file))
		return false;
	*out = *file != '\0' ? config_strdup(r, file) : NULL;
	return *file == '\0' || *out != NULL;
}

static bool read_log_file(struct config_reader *r, const config_setting_t *s, void *base)
{
	return read_file_name(r, s, &((struct config *)base)->log_file);
}

static bool load_mmdb(struct config_reader *r, const config_setting_t *s)
{
	return read_file_name(r, s, &r->config->mmdb);
}

static bool load_log(struct config_reader *r, const config_setting_t *s)
{
	static const struct config_option options[] = {
		{ "syslog", CONFIG_KIND_BOOL, offsetof(struct config, log_syslog), 0, 0, NULL },
		{ "facility", CONFIG_KIND_CUSTOM, 0, 0, 0, read_facility },
		{ "paths", CONFIG_KIND_CUSTOM, 0, 0, 0, read_paths },
		{ "hops", CONFIG_KIND_BOOL, offsetof(struct config, policies.log_hops), 0, 0,
			NULL },
		{ "probes", CONFIG_KIND_BOOL, offsetof(struct config, policies.log_probes), 0, 0,
			NULL },
		{ "names", CONFIG_KIND_BOOL, offsetof(struct config, log_names), 0, 0, NULL },
		{ "clients", CONFIG_KIND_CUSTOM, 0, 0, 0, read_log_clients },
		{ "file", CONFIG_KIND_CUSTOM, 0, 0, 0, read_log_file },
	};

	return config_group(r, s, options, COUNT(options), r->config);
}

static bool load_probe(struct config_reader *r, const config_setting_t *s)
{
	static const struct config_option options[] = {
		{ "interval", CONFIG_KIND_U32, offsetof(struct config, probe.interval_s), 1,
			CONFIG_INTERVAL_MAX, NULL },
		{ "max_hops", CONFIG_KIND_U8, offsetof(struct config, probe.max_hops), 1,
			INPATH_MAX_HOPS, NULL },
		{ "attempts", CONFIG_KIND_U8, offsetof(struct config, probe.attempts), 1,
			CONFIG_ATTEMPTS_MAX, NULL },
		{ "gap", CONFIG_KIND_U8, offsetof(struct config, probe.gap), 1, INPATH_MAX_HOPS,
			NULL },
		{ "timeout_ms", CONFIG_KIND_U32, offsetof(struct config, policies.timeout_ms), 50,
			10000, NULL },
		{ "touch", CONFIG_KIND_BOOL, offsetof(struct config, probe.touch), 0, 0, NULL },
	};

	return config_group(r, s, options, COUNT(options), r->config);
}

static bool load_budget(struct config_reader *r, const config_setting_t *s)
{
	static const struct config_option options[] = {
		{ "gateway", CONFIG_KIND_U32, offsetof(struct inpath_budget, gateway), 1, 100000,
			NULL },
		{ "client", CONFIG_KIND_U32, offsetof(struct inpath_budget, client), 1, 100000,
			NULL },
		{ "first_hops", CONFIG_KIND_U32, offsetof(struct inpath_budget, first_hops), 1,
			100000, NULL },
	};

	return config_group(r, s, options, COUNT(options), &r->config->policies.budget);
}

static bool load_limits(struct config_reader *r, const config_setting_t *s)
{
	static const struct config_option options[] = {
		{ "flows", CONFIG_KIND_U32, offsetof(struct inpath_limits, flows), 64, 1 << 20,
			NULL },
		{ "names", CONFIG_KIND_U32, offsetof(struct inpath_limits, names), 64, 1 << 20,
			NULL },
		{ "hellos", CONFIG_KIND_U32, offsetof(struct inpath_limits, hellos), 1, 4096,
			NULL },
		{ "traces", CONFIG_KIND_U32, offsetof(struct inpath_limits, traces), 1, 4096,
			NULL },
		{ "histories", CONFIG_KIND_U32, offsetof(struct inpath_limits, histories), 1,
			1 << 20, NULL },
	};

	return config_group(r, s, options, COUNT(options), &r->config->limits);
}

static bool load_services(struct config_reader *r, const config_setting_t *s)
{
	const char *directory = SERVICES_DEFAULT;

	if (s != NULL && !config_string(r, s, PATH_MAX - 1, &directory))
		return false;
	if (*directory == '\0')
		return config_refuse(r, s, "must name a directory");
	r->config->services = config_strdup(r, directory);
	return r->config->services != NULL && config_services_load(r, s);
}

/* In the order in which one builds on another, whatever their order in the file. */
static const struct section {
	const char *name;
	bool (*load)(struct config_reader *r, const config_setting_t *s);
	bool always; /* `load` is called, with NULL, for a section that is not there */
} SECTIONS[] = {
	{ "gateway", load_gateway, false },
	{ "log", load_log, false },
	{ "probe", load_probe, false },
	{ "budget", load_budget, false },
	{ "limits", load_limits, false },
	{ "services", load_services, true },
	{ "mmdb", load_mmdb, false },
	{ "policies", config_policies_load, true },
};

static bool check_sections(struct config_reader *r, const config_setting_t *root)
{
	for (unsigned i = 0; i < (unsigned)config_setting_length(root); i++) {
		const config_setting_t *s = config_setting_get_elem(root, i);
		bool known = false;

		for (size_t k = 0; k < COUNT(SECTIONS); k++)
			known |= strcmp(SECTIONS[k].name, config_setting_name(s)) == 0;
		if (!known)
			return config_refuse(r, s,
				"unknown option; allowed here: gateway log probe budget limits services "
				"mmdb policies");
	}
	return true;
}

static bool load_sections(struct config_reader *r, const config_setting_t *root)
{
	if (!check_sections(r, root))
		return false;
	for (size_t i = 0; i < COUNT(SECTIONS); i++) {
		const config_setting_t *s = config_setting_get_member(root, SECTIONS[i].name);

		if ((s != NULL || SECTIONS[i].always) && !SECTIONS[i].load(r, s))
			return false;
	}
	return true;
}

static bool load_text(struct config_reader *r)
{
	config_t parsed;
	bool done;

	config_init(&parsed);
	if (r->text.bytes != NULL && !config_read_string(&parsed, r->text.bytes)) {
		uint32_t line = (uint32_t)config_error_line(&parsed);

		done = config_fail(r->err, config_text_place(&r->text, line), "%s",
			config_error_text(&parsed));
	} else {
		done = load_sections(r, config_root_setting(&parsed));
	}
	config_destroy(&parsed);
	return done;
}

struct config *config_load(const char *path, struct config_error *err)
{
	struct config_reader r = { .config = calloc(1, sizeof(struct config)), .err = err };
	bool done;

	err->text[0] = '\0';
	if (r.config == NULL) {
		(void)snprintf(err->text, sizeof(err->text), "out of memory");
		return NULL;
	}
	set_defaults(r.config);
	if (path != NULL)
		done = config_text_load(&r.text, path, err);
	else if (access(CONFIG_DEFAULT_FILE, F_OK) != 0 && errno == ENOENT)
		done = true;
	else
		done = config_text_load(&r.text, CONFIG_DEFAULT_FILE, err);
	done = done && load_text(&r);
	config_text_free(&r.text);
	if (!done) {
		config_free(r.config);
		return NULL;
	}
	return r.config;
}
