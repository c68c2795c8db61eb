/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/logfmt/line.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* The longest escape is \xHH. */
enum {
	ESCAPED_MAX = 4,
};

void line_start(struct line *l)
{
	l->len = 0;
	l->bytes[0] = '\0';
}

static void put_bytes(struct line *l, const char *bytes, size_t n)
{
	if (l->len <= LOGFMT_LINE_MAX && n <= LOGFMT_LINE_MAX - l->len) {
		memcpy(l->bytes + l->len, bytes, n);
		l->bytes[l->len + n] = '\0';
	}
	l->len += n;
}

void line_put(struct line *l, const char *format, ...)
{
	char text[LOGFMT_LINE_MAX + 1];
	va_list args;
	int n;

	va_start(args, format);
	/* clang-tidy 14 loses sight of va_start when it is given several files at once. */
	/* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized) */
	n = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (n > 0)
		put_bytes(l, text, (size_t)n < sizeof(text) ? (size_t)n : sizeof(text) - 1);
}

static bool is_bare(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
	       (c != '\0' && strchr("._:+/,*?-", c));
}

static bool all_bare(const char *value)
{
	while (is_bare(*value))
		value++;
	return *value == '\0';
}

/*
 * Writes one character as it stands between quotes. `=` is escaped too, so that not even a search
 * for ` ev=` or ` dst=` which knows nothing of quotes can take a name's text for a field.
 */
static size_t escape(char c, char out[ESCAPED_MAX])
{
	static const char hex[] = "0123456789abcdef";
	uint8_t byte = (uint8_t)c;

	if (c == '"' || c == '\\') {
		out[0] = '\\';
		out[1] = c;
		return 2;
	}
	if (byte >= 0x20 && byte < 0x7f && c != '=') {
		out[0] = c;
		return 1;
	}
	out[0] = '\\';
	out[1] = 'x';
	out[2] = hex[byte >> 4];
	out[3] = hex[byte & 0xf];
	return 4;
}

size_t line_escaped_len(const char *value)
{
	char out[ESCAPED_MAX];
	size_t len = 0;

	while (*value)
		len += escape(*value++, out);
	return len;
}

static void put_escaped(struct line *l, const char *value, size_t cap)
{
	char out[ESCAPED_MAX];
	size_t n;

	for (; *value; value++, cap -= n) {
		n = escape(*value, out);
		if (n > cap)
			return;
		put_bytes(l, out, n);
	}
}

void line_quoted(struct line *l, const char *key, const char *value, size_t cap)
{
	line_put(l, " %s=\"", key);
	put_escaped(l, value, cap);
	put_bytes(l, "\"", 1);
}

void line_field(struct line *l, const char *key, const char *value, size_t cap)
{
	if (!all_bare(value)) {
		line_quoted(l, key, value, cap);
		return;
	}
	line_put(l, " %s=", key);
	put_escaped(l, value, cap);
}

void line_addr(struct line *l, const struct inpath_addr *addr)
{
	char text[INET6_ADDRSTRLEN];
	int family = addr->family == INPATH_AF_INET6 ? AF_INET6 : AF_INET;

	if (addr->family == INPATH_AF_NONE || !inet_ntop(family, addr->bytes, text, sizeof(text)))
		line_put(l, "-");
	else
		line_put(l, "%s", text);
}

/* `ns` in units of `unit` ns, rounded half up; the sum cannot wrap around. */
static uint64_t rounded(uint64_t ns, uint64_t unit)
{
	return ns / unit + (ns % unit >= unit / 2);
}

void line_ms2(struct line *l, uint64_t ns)
{
	uint64_t hundredths = rounded(ns, INPATH_MSEC / 100);

	line_put(l, "%" PRIu64 ".%02" PRIu64, hundredths / 100, hundredths % 100);
}

void line_ms1(struct line *l, uint64_t ns)
{
	uint64_t tenths = rounded(ns, INPATH_MSEC / 10);

	line_put(l, "%" PRIu64 ".%" PRIu64, tenths / 10, tenths % 10);
}

void line_ts(struct line *l, uint64_t wall_ns)
{
	line_put(l, " ts=%llu.%03llu", wall_ns / INPATH_SEC, wall_ns % INPATH_SEC / INPATH_MSEC);
}
