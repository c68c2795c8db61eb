/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * glibc: what this system's libraries take from glibc and musl does not have: the functions that check their buffers,
 * and an old name. With it a program that is built with musl runs with those libraries.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

int __vfprintf_chk(FILE *file, int level, const char *format, va_list args);
int __fprintf_chk(FILE *file, int level, const char *format, ...);
int __printf_chk(int level, const char *format, ...);
int __vsnprintf_chk(
	char *out, size_t len, int level, size_t room, const char *format, va_list args);
int __snprintf_chk(char *out, size_t len, int level, size_t room, const char *format, ...);
int __vasprintf_chk(char **out, int level, const char *format, va_list args);
void __vsyslog_chk(int priority, int level, const char *format, va_list args);
char *__strcat_chk(char *out, const char *text, size_t room);
char *__strdup(const char *text);

int __vfprintf_chk(FILE *file, int level, const char *format, va_list args)
{
	(void)level;
	return vfprintf(file, format, args);
}

int __fprintf_chk(FILE *file, int level, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = __vfprintf_chk(file, level, format, args);
	va_end(args);
	return n;
}

int __printf_chk(int level, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = __vfprintf_chk(stdout, level, format, args);
	va_end(args);
	return n;
}

int __vsnprintf_chk(char *out, size_t len, int level, size_t room, const char *format, va_list args)
{
	(void)level;
	return vsnprintf(out, len < room ? len : room, format, args);
}

int __snprintf_chk(char *out, size_t len, int level, size_t room, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = __vsnprintf_chk(out, len, level, room, format, args);
	va_end(args);
	return n;
}

int __vasprintf_chk(char **out, int level, const char *format, va_list args)
{
	(void)level;
	return vasprintf(out, format, args);
}

void __vsyslog_chk(int priority, int level, const char *format, va_list args)
{
	(void)level;
	vsyslog(priority, format, args);
}

char *__strcat_chk(char *out, const char *text, size_t room)
{
	(void)room;
	return strcat(out, text);
}

char *__strdup(const char *text)
{
	return strdup(text);
}
