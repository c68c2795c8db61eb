/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What this gateway is like: its interfaces, rules, daemon, clock. Asks and looks; judges nothing. */
#include "gateway/cli/check.h"
#include "gateway/io/iface.h"
#include "gateway/io/netlink.h"
#include "gateway/io/nfqueue_bind.h"

#include <arpa/inet.h>
#include <linux/ethtool.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

enum {
	FEATURE_WORDS = 8, /* of 32 bits: more than any kernel has */
};

static uint64_t read_number(const char *path)
{
	FILE *file = fopen(path, "re");
	char text[32] = "";

	if (!file)
		return 0;
	if (!fgets(text, sizeof(text), file))
		*text = '\0';
	fclose(file);
	return strtoull(text, NULL, 10);
}

/* --- interfaces --------------------------------------------------------------------------------- */

static bool is_up(const char *name)
{
	struct ifreq request = { 0 };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool up;

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	up = fd >= 0 && !ioctl(fd, SIOCGIFFLAGS, &request) && (request.ifr_flags & IFF_UP);
	if (fd >= 0)
		close(fd);
	return up;
}

static int ethtool(int fd, const char *name, void *command)
{
	struct ifreq request = { 0 };

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	request.ifr_data = command;
	return ioctl(fd, SIOCETHTOOL, &request);
}

/* The place of a feature in the kernel's list, -1 if it has none of that name. */
static int feature_index(int fd, const char *name, const char *feature)
{
	union {
		struct ethtool_sset_info info;
		uint8_t room[sizeof(struct ethtool_sset_info) + sizeof(uint32_t)];
	} set = { .info = { .cmd = ETHTOOL_GSSET_INFO, .sset_mask = 1ULL << ETH_SS_FEATURES } };
	struct ethtool_gstrings *strings;
	int found = -1;

	if (ethtool(fd, name, &set) || !set.info.sset_mask)
		return -1;
	strings = calloc(1, sizeof(*strings) + (size_t)set.info.data[0] * ETH_GSTRING_LEN);
	if (!strings)
		return -1;
	strings->cmd = ETHTOOL_GSTRINGS;
	strings->string_set = ETH_SS_FEATURES;
	strings->len = set.info.data[0];
	if (!ethtool(fd, name, strings))
		for (uint32_t i = 0; i < strings->len; i++)
			if (!strcmp((char *)strings->data + (size_t)i * ETH_GSTRING_LEN, feature))
				found = (int)i;
	free(strings);
	return found;
}

static bool has_gro_list(const char *name)
{
	union {
		struct ethtool_gfeatures head;
		uint8_t room[sizeof(struct ethtool_gfeatures) +
			     FEATURE_WORDS * sizeof(struct ethtool_get_features_block)];
	} features = { .head = { .cmd = ETHTOOL_GFEATURES, .size = FEATURE_WORDS } };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), index;
	bool on = false;

	if (fd < 0)
		return false;
	index = feature_index(fd, name, "rx-gro-list");
	if (index >= 0 && index < FEATURE_WORDS * 32 && !ethtool(fd, name, &features))
		on = features.head.features[index / 32].active >> (index % 32) & 1;
	close(fd);
	return on;
}

static void gather_interfaces(struct facts *f)
{
	struct io_error err = { "" };

	if (!f->config || iface_resolve(&f->config->lan, &f->config->wan, &f->lan, &f->wan, &err))
		return;
	for (int side = 0; side < 2; side++) {
		const struct config_ifaces *list = side ? &f->wan : &f->lan;
		char *down = side ? f->wan_down : f->lan_down;

		for (uint32_t i = 0; i < list->count; i++) {
			if (!is_up(list->names[i]))
				memcpy(down, list->names[i], IFNAMSIZ);
			if (has_gro_list(list->names[i]))
				memcpy(f->gro_list, list->names[i], IFNAMSIZ);
		}
	}
}

/* --- rules -------------------------------------------------------------------------------------- */

static bool in_list(const struct config_ifaces *list, const char *name)
{
	for (uint32_t i = 0; i < list->count; i++)
		if (!strcmp(list->names[i], name))
			return true;
	return false;
}

static int read_ip_rule(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlattr *attrs[FRA_OIFNAME + 1];
	struct facts *f = arg;
	uint32_t ours = f->config->policies.mark_probe | f->config->policies.mark_rest;
	uint32_t mark, mask;

	netlink_attrs(nlh, sizeof(struct fib_rule_hdr), attrs, FRA_OIFNAME + 1);
	mark = netlink_u32(attrs[FRA_FWMARK]);
	mask = attrs[FRA_FWMASK] ? netlink_u32(attrs[FRA_FWMASK]) : mark ? UINT32_MAX : 0;
	if (mask & ours) {
		f->routing.whole_marks = true;
		snprintf(f->routing.whole_which, sizeof(f->routing.whole_which), "fwmark 0x%x",
			mark);
	}
	if (attrs[FRA_IIFNAME]) {
		const char *name = mnl_attr_get_str(attrs[FRA_IIFNAME]);

		if (in_list(&f->lan, name))
			snprintf(f->routing.lan_iif, sizeof(f->routing.lan_iif), "%.15s", name);
	}
	return MNL_CB_OK;
}

static void gather_firewall(struct facts *f)
{
	static const char *const nft[] = { "nft", "-j", "list", "ruleset", NULL };
	static const char *const save4[] = { "iptables-save", NULL };
	static const char *const save6[] = { "ip6tables-save", NULL };
	static const char *const *const saves[] = { save4, save6 };
	int status;
	char *text = ask_program(nft, false, &status);

	if (text && status == 0)
		firewall_read_nft(text, f->config->policies.mark_probe,
			f->config->policies.mark_rest, &f->firewall);
	free(text);
	for (int i = 0; i < 2; i++) {
		text = ask_program(saves[i], false, &status);
		if (text)
			firewall_read_iptables(text, &f->firewall);
		free(text);
	}
	netlink_dump(RTM_GETRULE, sizeof(struct fib_rule_hdr), read_ip_rule, f);
}

/* Beside this program, as in the source tree, or in PATH. */
static const char *find_rules(void)
{
	static const char *const places[] = { "inpath-rules", "../rules/inpath-rules" };
	static char path[4200];
	const char *own = getenv("INPATH_RULES");
	char self[4096];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;

	if (own)
		return own;
	self[n > 0 ? n : 0] = '\0';
	slash = strrchr(self, '/');
	for (size_t i = 0; slash && i < sizeof(places) / sizeof(places[0]); i++) {
		snprintf(path, sizeof(path), "%.*s/%s", (int)(slash - self), self, places[i]);
		if (!access(path, X_OK))
			return path;
	}
	return "inpath-rules";
}

static void gather_rules(struct facts *f, const char *config_file)
{
	const char *argv[] = { find_rules(), "status", config_file ? "-c" : NULL, config_file,
		NULL };
	char *text = ask_program(argv, true, &f->rules_status);

	if (!text)
		f->rules_status = -1;
	else
		snprintf(f->rules_said, sizeof(f->rules_said), "%.*s", (int)strcspn(text, "\n"),
			text);
	free(text);
}

/* --- all ---------------------------------------------------------------------------------------- */

void check_gather_host(struct facts *f, const char *config_file)
{
	struct timex clock = { .modes = 0 };

	f->admin = geteuid() == 0 && netlink_may_filter();
	f->config = config_load(config_file, &f->config_why);
	f->daemon_error = ask_daemon("status", &f->daemon);
	f->clock_unsynchronised = adjtimex(&clock) == TIME_ERROR || (clock.status & STA_UNSYNC);
	f->wall_s = (uint64_t)time(NULL);
	f->conntrack_count = read_number("/proc/sys/net/netfilter/nf_conntrack_count");
	f->conntrack_max = read_number("/proc/sys/net/netfilter/nf_conntrack_max");
	gather_interfaces(f);
	if (!f->config || !f->admin)
		return;
	nfqueue_holder(f->config->queue, f->queue_owner, sizeof(f->queue_owner));
	gather_firewall(f);
	gather_rules(f, config_file);
}
