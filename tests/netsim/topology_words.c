/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/netsim/topology_words.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <string.h>

bool words_refuse(struct words *w, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	w->error->line = w->line;
	(void)vsnprintf(w->error->message, sizeof(w->error->message), format, args);
	va_end(args);
	return false;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t';
}

static bool is_sign(char c)
{
	return c == '{' || c == '}' || c == '|' || c == '>';
}

static bool check_bytes(struct words *w)
{
	size_t run = 0;

	for (const char *p = w->at; p < w->end; p++) {
		run = is_space(*p) || is_sign(*p) ? 0 : run + 1;
		if (run > WORD_MAX)
			return words_refuse(w, "a word is longer than %d bytes", WORD_MAX);
		if (!is_space(*p) && (*p < 0x21 || *p > 0x7e))
			return words_refuse(w, "byte 0x%02x belongs to no word", (unsigned char)*p);
	}
	return true;
}

bool words_over(struct words *w, const char *line, size_t len, uint32_t number,
	struct topology_error *error)
{
	const char *comment = memchr(line, '#', len);

	*w = (struct words){ .at = line, .end = line + len, .line = number, .error = error };
	if (len > TOPOLOGY_LINE)
		return words_refuse(w, "the line is longer than %d bytes", TOPOLOGY_LINE);
	if (memchr(line, '\0', len) != NULL)
		return words_refuse(w, "a NUL byte");
	if (comment != NULL)
		w->end = comment;
	return check_bytes(w);
}

bool words_next(struct words *w)
{
	size_t len = 0;

	while (w->at < w->end && is_space(*w->at))
		w->at++;
	if (w->at == w->end)
		return false;
	do
		w->word[len++] = *w->at++;
	while (w->at < w->end && !is_space(*w->at) && !is_sign(*w->at) && !is_sign(w->word[0]));
	w->word[len] = '\0';
	return true;
}

bool words_take(struct words *w, const char *word)
{
	struct words ahead = *w;

	if (!words_next(&ahead) || strcmp(ahead.word, word) != 0)
		return false;
	*w = ahead;
	return true;
}

bool words_want(struct words *w, const char *what)
{
	return words_next(w) || words_refuse(w, "%s is missing", what);
}

bool words_end(struct words *w)
{
	return !words_next(w) || words_refuse(w, "nothing may follow here, not \"%.40s\"", w->word);
}

static bool add_digit(uint64_t *value, unsigned digit, uint64_t max)
{
	if (digit > max || *value > (max - digit) / 10)
		return false;
	*value = *value * 10 + digit;
	return true;
}

bool decimal_read(const char **text, unsigned places, uint64_t max, uint64_t *out)
{
	const char *p = *text;
	uint64_t value = 0;

	if (*p < '0' || *p > '9')
		return false;
	for (; *p >= '0' && *p <= '9'; p++)
		if (!add_digit(&value, (unsigned)(*p - '0'), max))
			return false;
	/* Two points make a range, not a fraction. */
	if (*p == '.' && p[1] >= '0' && p[1] <= '9') {
		for (p++; *p >= '0' && *p <= '9'; p++, places--)
			if (places == 0 || !add_digit(&value, (unsigned)(*p - '0'), max))
				return false;
	}
	for (; places > 0; places--)
		if (!add_digit(&value, 0, max))
			return false;
	*text = p;
	*out = value;
	return true;
}

bool words_number(struct words *w, const char *what, uint64_t min, uint64_t max, uint64_t *out)
{
	const char *p = w->word;
	uint64_t value;

	if (!words_want(w, what))
		return false;
	if (!decimal_read(&p, 0, max, &value) || *p != '\0' || value < min)
		return words_refuse(w, "%s must be a whole number from %llu to %llu, not \"%.40s\"",
			what, (unsigned long long)min, (unsigned long long)max, w->word);
	*out = value;
	return true;
}

bool time_read(const char **text, inpath_time *out)
{
	static const struct {
		const char *unit;
		unsigned places;
	} UNITS[] = { { "us", 3 }, { "ms", 6 }, { "s", 9 } };
	const char *p = *text;
	const char *unit = p + strspn(p, "0123456789");
	size_t len;

	if (*unit == '.')
		unit += 1 + strspn(unit + 1, "0123456789");
	if (strspn(unit, "smu") == 0)
		return decimal_read(text, 0, 0, out);
	for (size_t i = 0; i < sizeof(UNITS) / sizeof(UNITS[0]); i++) {
		len = strlen(UNITS[i].unit);
		if (strncmp(unit, UNITS[i].unit, len) != 0)
			continue;
		if (!decimal_read(&p, UNITS[i].places, TOPOLOGY_TIME_MAX, out) || p != unit)
			return false;
		*text = unit + len;
		return true;
	}
	return false;
}

bool words_time(struct words *w, inpath_time *out)
{
	const char *p = w->word;
	inpath_time value;

	if (!words_want(w, "a time"))
		return false;
	if (!time_read(&p, &value) || *p != '\0')
		return words_refuse(w,
			"\"%.40s\" is no time such as 250us, 3ms or 1.5s, an hour at most",
			w->word);
	*out = value;
	return true;
}

bool words_addr(struct words *w, enum inpath_family family, struct inpath_addr *out)
{
	struct inpath_addr addr = { .family = (uint8_t)family };
	bool is_ipv4 = family == INPATH_AF_INET;

	if (!words_want(w, is_ipv4 ? "an IPv4 address" : "an IPv6 address"))
		return false;
	if (inet_pton(is_ipv4 ? AF_INET : AF_INET6, w->word, addr.bytes) != 1)
		return words_refuse(
			w, "\"%.45s\" is no %s address", w->word, is_ipv4 ? "IPv4" : "IPv6");
	*out = addr;
	return true;
}
