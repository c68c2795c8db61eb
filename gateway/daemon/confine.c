/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * confine: from root, with everything open, to a user of its own that can do nothing else. What needs
 * more comes before it; what strangers wrote is read behind it.
 */
#include "gateway/daemon/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

const char *daemon_control_path(void)
{
	const char *own = getenv("INPATH_CONTROL");

	return own ? own : CONTROL_DEFAULT_PATH;
}

static const char *config_path(const struct daemon *d)
{
	return d->options->config ? d->options->config : CONFIG_DEFAULT_FILE;
}

void daemon_make_places(const struct daemon *d, const struct priv_user *user)
{
	control_socket_prepare(daemon_control_path(), user->become ? user->uid : (uid_t)-1,
		user->become ? user->gid : (gid_t)-1);
	if (user->become && d->config->log_file)
		logfile_prepare(d->config->log_file, user->uid, user->gid);
}

static void try_config(struct daemon *d)
{
	int fd = open(config_path(d), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd >= 0)
		close(fd);
	else if (errno != ENOENT)
		log_say(&d->log, LOG_WARNING,
			"a reload will not work: user " INPATH_USER
			" cannot read %s (%s): make it, and its folder, readable for that user",
			config_path(d), strerror(errno));
}

void daemon_report_confinement(struct daemon *d)
{
	static const struct {
		unsigned int lack;
		const char *sentence;
	} sentences[] = {
		{ PRIV_LACK_USER,
			"there is no user " INPATH_USER
			", or no right to become it: inpathd stays root, with rights over the network "
			"alone; make one: useradd --system --user-group " INPATH_USER },
		{ PRIV_LACK_BOUNDING,
			"the set of capabilities that a program may have could not be emptied: start "
			"inpathd with no more than CAP_NET_ADMIN and CAP_NET_RAW in it" },
		{ PRIV_LACK_NO_NEW, "this kernel has no no_new_privs" },
		{ PRIV_LACK_FILTER,
			"there is no filter of system calls: this kernel, or this build, has none" },
	};

	for (size_t i = 0; i < sizeof(sentences) / sizeof(sentences[0]); i++)
		if (d->lacks & sentences[i].lack)
			log_say(&d->log, LOG_WARNING, "%s", sentences[i].sentence);
	try_config(d);
}
