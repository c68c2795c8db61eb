/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * replay: runs a fuzz target over its corpus, without a fuzzer. `*.hex` files are text: bytes as
 * hex digits, white space as you like, `#` starts a comment. Any other file is taken as it is.
 * Each file is also replayed at every truncation, so that the corpus of a parser covers those too.
 */
#include <ctype.h>
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void give(const uint8_t *bytes, size_t len)
{
	/* An exact-size copy: the sanitizer sees one byte over. */
	uint8_t *copy = malloc(len ? len : 1);

	if (!copy)
		abort();
	memcpy(copy, bytes, len);
	LLVMFuzzerTestOneInput(copy, len);
	free(copy);
}

static size_t from_hex(uint8_t *bytes, size_t len)
{
	size_t out = 0, digits = 0;
	unsigned int value = 0;

	for (size_t i = 0; i < len; i++) {
		if (bytes[i] == '#') {
			while (i < len && bytes[i] != '\n')
				i++;
			continue;
		}
		if (isspace(bytes[i]))
			continue;
		if (!isxdigit(bytes[i])) {
			fprintf(stderr, "replay: not a hex digit at byte %zu\n", i);
			exit(1);
		}
		value = value * 16 + (unsigned int)(isdigit(bytes[i])
							    ? bytes[i] - '0'
							    : tolower(bytes[i]) - 'a' + 10);
		if (++digits % 2 == 0) {
			bytes[out++] = (uint8_t)value;
			value = 0;
		}
	}
	return out;
}

static void replay_file(const char *folder, const char *name)
{
	char path[4096];
	uint8_t *bytes;
	size_t len;
	long size;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, "rb");
	if (!f || fseek(f, 0, SEEK_END) || (size = ftell(f)) < 0 || fseek(f, 0, SEEK_SET)) {
		perror(path);
		exit(1);
	}
	bytes = malloc((size_t)size + 1);
	if (!bytes)
		abort();
	len = fread(bytes, 1, (size_t)size, f);
	fclose(f);
	if (strlen(name) > 4 && !strcmp(name + strlen(name) - 4, ".hex"))
		len = from_hex(bytes, len);
	for (size_t n = 0; n < len; n++)
		give(bytes, n);
	give(bytes, len);
	free(bytes);
	printf("ok - %s\n", name);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	struct dirent **entries;
	int count, replayed = 0;

	if (argc != 2) {
		fprintf(stderr, "usage: %s CORPUS-FOLDER\n", argv[0]);
		return 1;
	}
	count = scandir(argv[1], &entries, NULL, alphasort);
	if (count < 0) {
		perror(argv[1]);
		return 1;
	}
	for (int i = 0; i < count; i++) {
		if (entries[i]->d_name[0] != '.') {
			replay_file(argv[1], entries[i]->d_name);
			replayed++;
		}
		free(entries[i]);
	}
	free(entries);
	return replayed ? 0 : 1;
}
