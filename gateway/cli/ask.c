/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/cli/ask.h"

#include "gateway/cli/verbs.h"
#include "gateway/io/control_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	PATIENCE_S = 3,
	PROGRAM_MOST = 32 << 20, /* bytes of output that are kept */
	NEXT_BYTES = 24,
	PAGES_MOST = 100000, /* more than any daemon has: an end whatever it says */
};

static int connect_daemon(void)
{
	const char *own = getenv("INPATH_CONTROL");
	const char *path = own ? own : CONTROL_DEFAULT_PATH;
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	const struct timeval patience = { .tv_sec = PATIENCE_S };
	int fd, error;

	if (strlen(path) >= sizeof(at.sun_path))
		return -ENAMETOOLONG;
	memcpy(at.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (!connect(fd, (const struct sockaddr *)&at, sizeof(at)))
		return fd;
	error = -errno;
	close(fd);
	return error;
}

static void read_lines(char *text, struct answer *out)
{
	char *rest = text, *line;

	while (out->count < ASK_LINES && (line = strsep(&rest, "\n")))
		if (*line && logfmt_read(line, strlen(line), &out->lines[out->count]))
			out->count++;
}

/* The answer as it comes, NUL-terminated. */
static int ask_text(const char *request, char text[CONTROL_ANSWER_BYTES + 1])
{
	size_t used = 0;
	ssize_t n = 0;
	int fd = connect_daemon();

	if (fd < 0)
		return fd;
	if (dprintf(fd, "%s\n", request) < 0) {
		n = -errno;
		close(fd);
		return (int)n;
	}
	while (used < CONTROL_ANSWER_BYTES &&
		(n = recv(fd, text + used, CONTROL_ANSWER_BYTES - used, 0)) > 0)
		used += (size_t)n;
	close(fd);
	text[used] = '\0';
	return used ? 0 : -ETIMEDOUT;
}

int ask_daemon(const char *request, struct answer *out)
{
	char text[CONTROL_ANSWER_BYTES + 1];
	int error = ask_text(request, text);

	*out = (struct answer){ 0 };
	if (error)
		return error;
	read_lines(text, out);
	return out->count ? 0 : -ETIMEDOUT;
}

/* The lines of a page but for its last, which says where to go on: copied to `next`. */
static int take_page(char *text, bool (*take)(void *arg, const char *line, size_t len), void *arg,
	char next[NEXT_BYTES])
{
	char *rest = text, *line;

	*next = '\0';
	while ((line = strsep(&rest, "\n")) && rest) {
		const char *cursor = *rest ? NULL : strstr(line, " next=");

		if (cursor)
			snprintf(next, NEXT_BYTES, "%s", cursor + strlen(" next="));
		else if (!take(arg, line, strlen(line)))
			return -ENOMEM;
	}
	return *next ? 0 : -EPROTO;
}

int ask_pages(const char *request, bool (*take)(void *arg, const char *line, size_t len), void *arg)
{
	char text[CONTROL_ANSWER_BYTES + 1], next[NEXT_BYTES] = "0", page[CONTROL_REQUEST_BYTES];

	for (int i = 0; i < PAGES_MOST && strcmp(next, "end") != 0; i++) {
		int error;

		snprintf(page, sizeof(page), "%s %s", request, next);
		error = ask_text(page, text);
		if (!error)
			error = take_page(text, take, arg, next);
		if (error)
			return error;
	}
	return 0;
}

int ask_say_why(int error)
{
	switch (-error) {
	case ENOENT:
	case ECONNREFUSED:
		fputs("inpath: inpathd does not run: start it (systemctl start inpathd)\n", stderr);
		break;
	case EACCES:
	case EPERM: fputs("inpath: this is for root: use sudo\n", stderr); break;
	case EPROTO:
		fputs("inpath: the running inpathd is of another version: restart it\n", stderr);
		break;
	default: fprintf(stderr, "inpath: inpathd does not answer: %s\n", strerror(-error));
	}
	return VERB_FAILED;
}

const char *answer_get(const struct answer *a, const char *ev, const char *key)
{
	for (size_t i = 0; i < a->count; i++) {
		const char *event = logfmt_get(&a->lines[i], "ev");
		const char *value = logfmt_get(&a->lines[i], key);

		if (event && value && !strcmp(event, ev))
			return value;
	}
	return NULL;
}

uint64_t answer_number(const struct answer *a, const char *ev, const char *key, uint64_t otherwise)
{
	const char *text = answer_get(a, ev, key);
	char *end;
	uint64_t value;

	if (!text || *text < '0' || *text > '9')
		return otherwise;
	value = strtoull(text, &end, 0);
	return *end ? otherwise : value;
}

/* All that comes from `fd`, in memory of its own. */
static char *slurp(int fd)
{
	size_t size = 65536, used = 0;
	char *text = malloc(size);
	ssize_t n;

	while (text && (n = read(fd, text + used, size - used - 1)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 || used + (size_t)n > PROGRAM_MOST)
			break;
		used += (size_t)n;
		if (used + 1 == size) {
			char *more = realloc(text, size *= 2);

			if (!more)
				break;
			text = more;
		}
	}
	if (text)
		text[used] = '\0';
	return text;
}

static _Noreturn void become(const char *const argv[], int out, bool both)
{
	int null = open("/dev/null", O_RDWR);

	dup2(null, STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	dup2(both ? out : null, STDERR_FILENO);
	execvp(argv[0], (char *const *)argv);
	_exit(127);
}

char *ask_program(const char *const argv[], bool both, int *status)
{
	int fds[2], how;
	char *text;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC))
		return NULL;
	pid = fork();
	if (pid == 0)
		become(argv, fds[1], both);
	close(fds[1]);
	if (pid < 0) {
		close(fds[0]);
		return NULL;
	}
	text = slurp(fds[0]);
	close(fds[0]);
	while (waitpid(pid, &how, 0) < 0 && errno == EINTR)
		;
	*status = WIFEXITED(how) ? WEXITSTATUS(how) : 128;
	if (*status == 127) {
		free(text);
		return NULL;
	}
	return text;
}
