/* SPDX-License-Identifier: GPL-2.0-or-later */
/* inpath check: facts into findings, and the verb. */
#include "gateway/cli/check.h"

#include "gateway/cli/verbs.h"
#include "gateway/io/priv.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
	YEAR_2025 = 1735689600, /* what a router's clock without battery says is earlier */
	WARM_UP_S = 60,         /* so long after its start a daemon may have seen nothing yet */
	OLD_PATH_S = 3600,
};

static void judge_privileges(const struct facts *f, struct findings *out)
{
	if (f->admin)
		finding_add(out, "privileges", FINDING_OK,
			"This runs with the privileges that it needs.");
	else
		finding_mend(
			finding_add(out, "privileges", FINDING_BAD,
				"Without privileges neither rules nor kernel can be looked at."),
			"run it as root: sudo inpath check");
}

static void judge_config(const struct facts *f, struct findings *out)
{
	if (!f->config)
		finding_mend(finding_add(out, "config", FINDING_BAD, "%s", f->config_why.text),
			"correct that line; `inpathd -t` checks the file");
	else
		finding_add(out, "config", FINDING_OK,
			"The configuration is good: %u policies, %u services.",
			f->config->policies.policies_count, f->config->policies.services_count);
}

static void judge_kernel(const struct facts *f, struct findings *out)
{
	bool rules = false;

	for (size_t i = 0; i < f->feature_count; i++) {
		const struct feature *one = &f->features[i];
		bool backend =
			!strcmp(one->id, "kernel.nft") || !strcmp(one->id, "kernel.iptables");

		rules |= backend && !one->error;
		if (!one->error)
			finding_add(out, one->id, FINDING_OK, "The kernel can %s.", one->does);
		else if (backend)
			continue;
		else
			finding_mend(
				finding_add(out, one->id, one->needed ? FINDING_BAD : FINDING_LIMIT,
					"The kernel cannot %s: %s.", one->does,
					strerror(one->error)),
				"%s", one->mend);
	}
	if (f->feature_count && !rules)
		finding_mend(finding_add(out, "kernel.rules", FINDING_BAD,
				     "Neither nft nor iptables can send packets to a queue here."),
			"load nft_queue (OpenWrt: kmod-nft-queue), or install iptables with xt_NFQUEUE");
}

static void judge_interfaces(const struct facts *f, struct findings *out)
{
	const struct {
		const char *id, *name;
		const struct config_ifaces *list;
		const char *down;
	} sides[] = { { "lan", "LAN", &f->lan, f->lan_down },
		{ "wan", "WAN", &f->wan, f->wan_down } };

	for (int i = 0; f->config && i < 2; i++) {
		if (!sides[i].list->count)
			finding_mend(finding_add(out, sides[i].id, FINDING_BAD,
					     "No %s interface was found.", sides[i].name),
				"connect one, or name it: gateway.%s = \"eth0\";", sides[i].id);
		else if (*sides[i].down)
			finding_mend(finding_add(out, sides[i].id, FINDING_LIMIT,
					     "%s interface %s is not there, or down.",
					     sides[i].name, sides[i].down),
				"bring it up, or correct gateway.%s", sides[i].id);
		else
			finding_add(out, sides[i].id, FINDING_OK, "%s: %s%s%s.", sides[i].name,
				sides[i].list->names[0], sides[i].list->count > 1 ? ", " : "",
				sides[i].list->count > 1 ? sides[i].list->names[1] : "");
	}
}

static void judge_daemon(const struct facts *f, struct findings *out)
{
	if (f->daemon_error == -EACCES || f->daemon_error == -EPERM)
		return; /* the lack of privileges was said */
	if (f->daemon_error && *f->queue_owner && strncmp(f->queue_owner, "inpathd", 7) != 0)
		finding_mend(
			finding_add(out, "daemon", FINDING_BAD,
				"inpathd does not run, and %s holds its queue.", f->queue_owner),
			"stop that program, or set another gateway.queue");
	else if (f->daemon_error)
		finding_mend(finding_add(out, "daemon", FINDING_BAD, "inpathd does not run."),
			"start it: systemctl start inpathd, or service inpath start");
	else
		finding_add(out, "daemon", FINDING_OK, "inpathd runs since %" PRIu64 " s.",
			answer_number(&f->daemon, "state", "uptime", 0));
}

/* What a daemon of today tells; an older one tells nothing. */
static void judge_confinement(const struct facts *f, struct findings *out)
{
	const char *without =
		f->daemon_error ? NULL : answer_get(&f->daemon, "state", "unconfined");

	if (!without)
		return;
	if (!strcmp(without, "-"))
		finding_add(out, "confinement", FINDING_OK,
			"inpathd runs as a user of its own, with rights over the network alone.");
	else if (strstr(without, "user"))
		finding_mend(finding_add(out, "confinement", FINDING_LIMIT,
				     "inpathd runs as root (not confined by: %s).", without),
			"make its user: useradd --system --user-group " INPATH_USER
			"; then restart inpathd");
	else
		finding_mend(finding_add(out, "confinement", FINDING_LIMIT,
				     "inpathd is not confined by: %s.", without),
			"none needed; SECURITY.md says what that means");
}

static void judge_rules(const struct facts *f, struct findings *out)
{
	if (!f->config || !f->admin)
		return;
	switch (f->rules_status) {
	case 0: finding_add(out, "rules", FINDING_OK, "The rules are complete."); break;
	case 3:
		finding_mend(finding_add(out, "rules", FINDING_BAD,
				     "The rules are not loaded: no packet comes to inpathd."),
			"inpath-rules up");
		break;
	case 4:
		finding_mend(finding_add(out, "rules", FINDING_BAD,
				     "The rules are not complete: %s.", f->rules_said),
			"inpath-rules up");
		break;
	default:
		finding_mend(finding_add(out, "rules", FINDING_BAD,
				     "The rules could not be looked at: %s.", f->rules_said),
			"see inpath-rules status");
	}
}

static void judge_firewall(const struct facts *f, struct findings *out)
{
	const struct firewall *w = &f->firewall;
	uint64_t taken = answer_number(&f->daemon, "stats", "offloaded", 0);

	if (!f->config || !f->admin)
		return;
	finding_add(out, "nat", FINDING_OK, "%s",
		w->nat ? "A rule translates addresses (NAT)."
		       : "No rule that translates addresses was seen.");
	if (w->offload)
		finding_mend(
			finding_add(out, "offload", FINDING_LIMIT,
				"Flow offload%s takes flows away before they can be traced: %s "
				"(%" PRIu64 " so far).",
				w->hardware ? " (in hardware)" : "", w->offload_where, taken),
			"let it take only what rests: run fw4-offload on OpenWrt, or put `ct mark & "
			"0x%08x == 0x%08x` in front of `flow add`",
			f->config->policies.mark_probe | f->config->policies.mark_rest,
			f->config->policies.mark_rest);
	else
		finding_add(out, "offload", FINDING_OK, "No flow offload is in the way%s.",
			w->hardware ? " (it takes, in hardware, only what rests)" : "");
}

static void judge_routing(const struct facts *f, struct findings *out)
{
	if (!f->config || !f->admin)
		return;
	if (f->routing.whole_marks && f->firewall.restores)
		finding_mend(
			finding_add(out, "marks", FINDING_LIMIT,
				"`ip rule` matches whole marks (%s), and a rule restores whole "
				"connection marks (%s): nothing rests, so more packets come to the "
				"queue.",
				f->routing.whole_which, f->firewall.restores_where),
			"give both a mask, such as fwmark 0x1/0xff and --restore-mark --mask 0xff");
	else
		finding_add(
			out, "marks", FINDING_OK, "No foreign rule is confused by inpath's marks.");
	if (*f->routing.lan_iif)
		finding_mend(
			finding_add(out, "iif", FINDING_LIMIT,
				"Routing depends on the interface that packets come in by (ip rule "
				"iif %s): probes cannot follow, so flows from there are not traced.",
				f->routing.lan_iif),
			"select by source address instead: ip rule add from PREFIX lookup TABLE");
	else
		finding_add(
			out, "iif", FINDING_OK, "Routing does not depend on the LAN interface.");
}

static void judge_arrivals(const struct facts *f, struct findings *out)
{
	const struct answer *a = &f->daemon;
	uint64_t up = answer_number(a, "state", "uptime", 0);
	uint64_t packet = answer_number(a, "state", "last_packet", UINT64_MAX);
	uint64_t dns = answer_number(a, "state", "last_dns", UINT64_MAX);
	uint64_t path = answer_number(a, "state", "last_path", UINT64_MAX);

	if (f->daemon_error)
		return;
	if (packet != UINT64_MAX)
		finding_add(out, "packets", FINDING_OK,
			"Packets arrive: the last one %" PRIu64 " s ago.", packet);
	else if (up < WARM_UP_S || !f->conntrack_count)
		finding_add(out, "packets", FINDING_OK, "No packet has come yet; none need have.");
	else
		finding_mend(finding_add(out, "packets", FINDING_LIMIT,
				     "No packet has come to the queue in %" PRIu64
				     " s, though there are "
				     "connections.",
				     up),
			"see whether lan and wan are the right interfaces: inpathd -p");
	if (dns != UINT64_MAX)
		finding_add(out, "dns", FINDING_OK,
			"DNS packets arrive: the last one %" PRIu64 " s ago.", dns);
	else if (up < WARM_UP_S || packet == UINT64_MAX)
		finding_add(out, "dns", FINDING_OK, "No DNS packet has come yet; none need have.");
	else
		finding_mend(finding_add(out, "dns", FINDING_LIMIT,
				     "No DNS packet was seen in %" PRIu64
				     " s: names come from TLS alone.",
				     up),
			"let clients use the gateway's resolver, not DNS over TLS or HTTPS");
	if (path == UINT64_MAX && answer_number(a, "stats", "flows_traced", 0) && up >= WARM_UP_S)
		finding_mend(finding_add(out, "paths", FINDING_LIMIT,
				     "Flows are to be traced, but no path was logged."),
			"see inpath status, and the findings above");
	else if (path != UINT64_MAX && path > OLD_PATH_S && packet < WARM_UP_S)
		finding_mend(
			finding_add(out, "paths", FINDING_LIMIT,
				"The last path is %" PRIu64 " minutes old, though packets arrive.",
				path / 60),
			"see log.paths: \"changes\" writes a flow's path only once");
	else if (path != UINT64_MAX)
		finding_add(out, "paths", FINDING_OK, "The last path was logged %" PRIu64 " s ago.",
			path);
	else
		finding_add(out, "paths", FINDING_OK, "No path yet; none need be.");
}

static void judge_losses(const struct facts *f, struct findings *out)
{
	const struct answer *a = &f->daemon;
	uint64_t refused = answer_number(a, "stats", "probes_refused", 0);
	uint64_t full = answer_number(a, "stats", "queue_full", 0) +
			answer_number(a, "stats", "queue_enobufs", 0);
	uint64_t dropped = answer_number(a, "stats", "log_dropped", 0);

	if (f->daemon_error)
		return;
	if (refused)
		finding_mend(
			finding_add(out, "probes", FINDING_LIMIT,
				"The kernel refused %" PRIu64 " probes: a firewall, or conntrack "
				"counts them as invalid.",
				refused),
			"accept packets with the mark %s (masked) in the output chain",
			answer_get(a, "state", "mark_probe"));
	else
		finding_add(out, "probes", FINDING_OK, "No probe was refused.");
	if (full)
		finding_mend(finding_add(out, "queue", FINDING_LIMIT,
				     "The queue was full %" PRIu64 " times: packets passed unseen.",
				     full),
			"raise gateway.queue_len, or trace fewer flows");
	else
		finding_add(out, "queue", FINDING_OK, "The queue was never full.");
	if (dropped)
		finding_mend(finding_add(out, "log", FINDING_LIMIT,
				     "A log did not take %" PRIu64 " lines in time.", dropped),
			"see why the system's log stalls, or write to log.file");
	else
		finding_add(out, "log", FINDING_OK, "The log takes every line.");
}

static void judge_accounting(const struct facts *f, struct findings *out)
{
	const char *accounting = answer_get(&f->daemon, "state", "accounting");

	if (f->daemon_error || !f->config || !accounting)
		return;
	if (!strcmp(accounting, "on"))
		finding_add(out, "accounting", FINDING_OK,
			"Streams that stall are noticed within seconds.");
	else if (!f->config->accounting)
		finding_add(out, "accounting", FINDING_OK,
			"Streams that stall are noticed at their next trace (gateway.accounting is "
			"off).");
	else
		finding_mend(finding_add(out, "accounting", FINDING_LIMIT,
				     "Streams that stall are noticed at their next trace: inpathd "
				     "could not switch nf_conntrack_acct on."),
			"sysctl -w net.netfilter.nf_conntrack_acct=1 and restart inpathd; for every "
			"boot: `options nf_conntrack acct=1` in /etc/modprobe.d");
}

static void judge_machine(const struct facts *f, struct findings *out)
{
	if (f->wall_s < YEAR_2025)
		finding_mend(finding_add(out, "clock", FINDING_LIMIT,
				     "The clock is wrong: records carry a time long past."),
			"set it, by NTP or by hand");
	else if (f->clock_unsynchronised)
		finding_mend(finding_add(out, "clock", FINDING_LIMIT,
				     "The clock is not synchronised: records' times may be off."),
			"run an NTP client");
	else
		finding_add(out, "clock", FINDING_OK, "The clock is synchronised.");
	if (*f->gro_list)
		finding_mend(finding_add(out, "driver", FINDING_LIMIT,
				     "%s has rx-gro-list on, which loses UDP packets in queues.",
				     f->gro_list),
			"ethtool -K %s rx-gro-list off", f->gro_list);
	else
		finding_add(out, "driver", FINDING_OK, "No driver setting is known to be bad.");
	if (f->conntrack_max && f->conntrack_count * 10 > f->conntrack_max * 9)
		finding_mend(finding_add(out, "conntrack", FINDING_LIMIT,
				     "The table of connections is nearly full: %" PRIu64
				     " of %" PRIu64 ".",
				     f->conntrack_count, f->conntrack_max),
			"sysctl -w net.netfilter.nf_conntrack_max=%" PRIu64, f->conntrack_max * 2);
	else
		finding_add(out, "conntrack", FINDING_OK, "The table of connections has room.");
}

void check_judge(const struct facts *f, struct findings *out)
{
	judge_privileges(f, out);
	judge_config(f, out);
	judge_kernel(f, out);
	judge_interfaces(f, out);
	judge_daemon(f, out);
	judge_confinement(f, out);
	judge_rules(f, out);
	judge_firewall(f, out);
	judge_routing(f, out);
	judge_arrivals(f, out);
	judge_losses(f, out);
	judge_accounting(f, out);
	judge_machine(f, out);
}

static int run(const struct verb *self, int argc, char **argv)
{
	static struct facts facts;
	static struct findings findings;
	const char *config = NULL;
	bool json = false;
	int c;

	while ((c = verb_option(self, argc, argv)) != -1) {
		switch (c) {
		case 'c': config = optarg; break;
		case 'j': json = true; break;
		case 'h': return verb_help(self, stdout);
		default: return VERB_WRONG;
		}
	}
	if (verb_has_more(self, argc, argv))
		return VERB_WRONG;
	check_gather_host(&facts, config);
	if (facts.admin)
		check_gather_kernel(&facts);
	check_judge(&facts, &findings);
	if (json)
		findings_print_json(&findings);
	else
		findings_print(&findings);
	config_free(facts.config);
	return findings_worst(&findings);
}

const struct verb VERB_CHECK = {
	.name = "check",
	.run = run,
	.what = "what on this gateway will or will not work, and what to do about it",
	.about = "What on this gateway will or will not work, and what to do about it.",
	.exits = "0 all good, 1 works with limits, 2 does not work",
	.example = "sudo inpath check || sudo journalctl -u inpathd -n 20",
	.options = { { "config", 'c', "FILE",
			     "inpathd's configuration, instead of " CONFIG_DEFAULT_FILE },
		{ "json", 'j', NULL, "for programs" } },
};
