/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/io/priv.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
	LAST_CAPABILITY = 63, /* of the sets that the system call has */
};

static const uint64_t KEPT[] = {
	[PRIV_WORKER] = 1ULL << CAP_NET_ADMIN | 1ULL << CAP_NET_RAW,
	[PRIV_KEEPER] = 0,
};

/* --- capabilities ------------------------------------------------------------------------------- */

struct caps {
	uint64_t permitted, effective, inheritable;
};

static int get_caps(struct caps *out)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = { 0 };
	int error = syscall(SYS_capget, &head, data) ? -errno : 0;

	*out = (struct caps){
		.permitted = (uint64_t)data[1].permitted << 32 | data[0].permitted,
		.effective = (uint64_t)data[1].effective << 32 | data[0].effective,
		.inheritable = (uint64_t)data[1].inheritable << 32 | data[0].inheritable,
	};
	return error;
}

static int set_caps(uint64_t wanted)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {
		{ (uint32_t)wanted, (uint32_t)wanted, 0 },
		{ (uint32_t)(wanted >> 32), (uint32_t)(wanted >> 32), 0 },
	};

	return syscall(SYS_capset, &head, data) ? -errno : 0;
}

/* The bounding set, as far as this kernel knows capabilities. */
static uint64_t bounding(void)
{
	uint64_t set = 0;

	for (int cap = 0; cap <= LAST_CAPABILITY; cap++)
		if (prctl(PR_CAPBSET_READ, cap) == 1)
			set |= 1ULL << cap;
	return set;
}

/* Who was not started by root may lack the capability to do it. */
static void empty_bounding(void)
{
	for (int cap = 0; cap <= LAST_CAPABILITY; cap++)
		(void)prctl(PR_CAPBSET_DROP, cap);
}

/* --- the user ------------------------------------------------------------------------------------ */

void priv_find_user(struct priv_user *out)
{
	const uint64_t changing = 1ULL << CAP_SETUID | 1ULL << CAP_SETGID;
	struct caps caps;
	const struct passwd *pw;

	*out = (struct priv_user){ .is_other = geteuid() != 0 };
	if (out->is_other || get_caps(&caps) || (caps.effective & changing) != changing)
		return;
	pw = getpwnam(INPATH_USER);
	if (!pw || !pw->pw_uid)
		return;
	out->become = true;
	out->uid = pw->pw_uid;
	out->gid = pw->pw_gid;
	out->group_count = PRIV_GROUPS;
	/* Somebody may have made it a member of others, so that it can read lease files. If they do not fit: none. */
	if (getgrouplist(INPATH_USER, pw->pw_gid, out->groups, &out->group_count) < 0)
		out->group_count = 0;
}

/* --- the steps ---------------------------------------------------------------------------------- */

static bool is_user(const struct priv_user *user)
{
	uid_t r, e, s;
	gid_t rg, eg, sg;

	return !getresuid(&r, &e, &s) && !getresgid(&rg, &eg, &sg) && r == user->uid &&
	       e == user->uid && s == user->uid && rg == user->gid && eg == user->gid &&
	       sg == user->gid;
}

/* Looked at here already: as root without its capabilities, a keeper could not end its worker. */
static int become(const struct priv_user *user)
{
	if (prctl(PR_SET_KEEPCAPS, 1) || setgroups((size_t)user->group_count, user->groups) ||
		setresgid(user->gid, user->gid, user->gid) ||
		setresuid(user->uid, user->uid, user->uid))
		return -errno;
	return is_user(user) ? 0 : -EPERM;
}

static int give_up(const struct priv_user *user, uint64_t wanted)
{
	static const struct rlimit none = { 0, 0 };
	int on_parents_death = 0, error;
	pid_t parent = getppid();

	(void)prctl(PR_GET_PDEATHSIG, &on_parents_death);
	empty_bounding();
	error = user->become ? become(user) : 0;
	if (!error)
		error = set_caps(wanted);
	if (error)
		return error;
	(void)prctl(PR_SET_KEEPCAPS, 0);
	/* Kernels before 4.3 have no ambient set. */
	(void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	/* No core: it would hold what households' packets said. And nobody of the same user may look in. */
	if (setrlimit(RLIMIT_CORE, &none) || prctl(PR_SET_DUMPABLE, 0))
		return -errno;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) && errno != EINVAL)
		return -errno;
	/* The kernel forgets that when a process becomes another user. */
	if (on_parents_death && (prctl(PR_SET_PDEATHSIG, on_parents_death) || getppid() != parent))
		return -ESRCH;
	return 0;
}

/* --- trust is good ------------------------------------------------------------------------------ */

/* The kernel sorts them. */
static bool is_in_its_groups(const struct priv_user *user)
{
	gid_t groups[PRIV_GROUPS];
	int count = getgroups(PRIV_GROUPS, groups);

	if (count != user->group_count)
		return false;
	for (int i = 0; i < count; i++) {
		int k = 0;

		while (k < count && user->groups[k] != groups[i])
			k++;
		if (k == count)
			return false;
	}
	return true;
}

/* What is still there that should be gone; NULL if nothing is. */
static const char *left_over(const struct priv_user *user, uint64_t before, uint64_t wanted)
{
	struct caps caps;
	struct rlimit core;

	if (user->become && !is_in_its_groups(user))
		return "groups";
	if (user->become && (!setuid(0) || !seteuid(0) || !setgid(0)))
		return "the way back to root";
	if (get_caps(&caps) || caps.permitted != wanted || caps.effective != wanted ||
		caps.inheritable)
		return "capabilities";
	for (int cap = 0; cap <= LAST_CAPABILITY; cap++)
		if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, cap, 0, 0) == 1)
			return "ambient capabilities";
	if ((before & 1ULL << CAP_SETPCAP) && bounding())
		return "the capabilities' bounding set";
	if (prctl(PR_GET_DUMPABLE) || getrlimit(RLIMIT_CORE, &core) || core.rlim_max)
		return "core files";
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 0)
		return "the right to gain privileges (no_new_privs)";
	return NULL;
}

/* Does the filter hold? A kind of socket that nobody here has any use for. */
static bool filter_holds(void)
{
	int fd;

	if (prctl(PR_GET_SECCOMP) != 2)
		return false;
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0)
		close(fd);
	return fd < 0 && errno == ENOSYS;
}

static unsigned int lacking(const struct priv_user *user)
{
	unsigned int lacks = 0;

	if (!user->become && !user->is_other)
		lacks |= PRIV_LACK_USER;
	/* In a bounding set, what is used anyway can give nothing to anybody. */
	if (bounding() & ~KEPT[PRIV_WORKER])
		lacks |= PRIV_LACK_BOUNDING;
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
		lacks |= PRIV_LACK_NO_NEW;
	return lacks;
}

int priv_give_up(const struct priv_user *user, enum priv_role role, pid_t worker,
	unsigned int *lacks, struct io_error *err)
{
	struct caps caps;
	const char *left;
	int error = get_caps(&caps);

	if (!error)
		error = give_up(user, KEPT[role] & caps.permitted);
	if (error)
		return io_fail(err, error,
			"cannot give up privileges: %s: start it as user " INPATH_USER
			" with CAP_NET_ADMIN and CAP_NET_RAW alone",
			strerror(-error));
	left = left_over(user, caps.permitted, KEPT[role] & caps.permitted);
	if (left)
		return io_fail(err, -EPERM,
			"gave up privileges, but the kernel left it %s: start it as user " INPATH_USER
			" with CAP_NET_ADMIN and CAP_NET_RAW alone",
			left);
	*lacks = lacking(user);
	error = priv_filter_load(role, worker);
	if (error == -ENOSYS)
		*lacks |= PRIV_LACK_FILTER;
	else if (error || !filter_holds())
		return io_fail(err, error ? error : -EPERM,
			"the system call filter did not take (%s): build without libseccomp, or mend "
			"that",
			strerror(error ? -error : EPERM));
	return 0;
}

void priv_lacks_text(unsigned int lacks, char *out, size_t len)
{
	static const char *const words[] = { "user", "bounding", "no_new_privs", "seccomp" };
	size_t used = 0;

	snprintf(out, len, "-");
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]) && used < len; i++)
		if (lacks & 1U << i)
			used += (size_t)snprintf(
				out + used, len - used, "%s%s", used ? "," : "", words[i]);
}
