/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/engine/tls.h"

#include "gateway/engine/cursor.h"

enum {
	RECORD_HANDSHAKE = 22,
	RECORD_MAX = 1 << 14, /* RFC 8446 5.1 */
	HANDSHAKE_CLIENT_HELLO = 1,
	VERSION_MAJOR = 3, /* of SSL 3.0 and of every TLS so far */
	RANDOM_LEN = 32,
	SESSION_ID_MAX = 32,
	CIPHERS_MAX = 65534,
	/* The longest ClientHello that its vectors allow (RFC 8446 4.1.2). */
	HELLO_MAX = 2 + RANDOM_LEN + 1 + SESSION_ID_MAX + 2 + CIPHERS_MAX + 1 + 255 + 2 + 65535,

	EXTENSION_SERVER_NAME = 0,
	EXTENSION_ECH = 0xfe0d,
	NAME_TYPE_HOST = 0,
};

/*
 * Reads a handshake message across record boundaries, bounded by the vector that is being read.
 * A read that fails says why in `end`: bytes that are not here yet, or bytes that cannot be.
 */
struct reader {
	struct cursor in;
	bool bare;       /* no records: the stream is the message */
	uint32_t record; /* bytes left in the record under way */
	uint32_t bound;  /* bytes left in the vector under way */
	enum tls_result end;
};

static bool stop(struct reader *r, enum tls_result end)
{
	r->end = end;
	return false;
}

/* Judges each byte of a record's header as it comes: what is not TLS is known at once. */
static bool record_open(struct reader *r)
{
	struct cursor in = r->in;
	uint8_t type, major, minor;
	uint16_t len;

	if (!cursor_u8(&in, &type))
		return stop(r, TLS_MORE);
	if (type != RECORD_HANDSHAKE)
		return stop(r, TLS_NOT_TLS);
	if (!cursor_u8(&in, &major))
		return stop(r, TLS_MORE);
	if (major != VERSION_MAJOR)
		return stop(r, TLS_NOT_TLS);
	if (!cursor_u8(&in, &minor) || !cursor_u16(&in, &len))
		return stop(r, TLS_MORE);
	if (len == 0 || len > RECORD_MAX)
		return stop(r, TLS_NOT_TLS);
	r->record = len;
	r->in = in;
	return true;
}

/* Takes the next `n` bytes: to `out`, or passes over them where that is NULL. */
static bool take(struct reader *r, uint8_t *out, uint32_t n)
{
	if (n > r->bound)
		return stop(r, TLS_NOT_TLS);
	while (n > 0) {
		uint32_t part = n;

		if (!r->bare && r->record == 0 && !record_open(r))
			return false;
		if (!r->bare && part > r->record)
			part = r->record;
		if (part > r->in.left)
			return stop(r, TLS_MORE);
		if (out) {
			cursor_bytes(&r->in, out, part);
			out += part;
		} else {
			cursor_skip(&r->in, part);
		}
		r->record -= r->bare ? 0 : part;
		r->bound -= part;
		n -= part;
	}
	return true;
}

/* A big-endian number of `width` bytes. */
static bool take_number(struct reader *r, uint32_t width, uint32_t *out)
{
	uint8_t b[3];

	if (!take(r, b, width))
		return false;
	*out = 0;
	for (uint32_t i = 0; i < width; i++)
		*out = *out << 8 | b[i];
	return true;
}

struct vector {
	uint32_t width; /* of its length, in bytes */
	uint32_t least;
	uint32_t most;
	uint32_t unit; /* its length is a multiple of this */
};

static const struct vector session_id = { 1, 0, SESSION_ID_MAX, 1 };
static const struct vector cipher_suites = { 2, 2, CIPHERS_MAX, 2 };
static const struct vector compressions = { 1, 1, 255, 1 };

static bool pass_vector(struct reader *r, const struct vector *v)
{
	uint32_t len;

	if (!take_number(r, v->width, &len))
		return false;
	if (len < v->least || len > v->most || len % v->unit != 0)
		return stop(r, TLS_NOT_TLS);
	return take(r, NULL, len);
}

/* Everything up to the extensions; the message's end becomes the bound. */
static bool hello_open(struct reader *r)
{
	uint32_t type, len, version;

	if (!take_number(r, 1, &type))
		return false;
	if (type != HANDSHAKE_CLIENT_HELLO)
		return stop(r, TLS_NOT_TLS);
	if (!take_number(r, 3, &len))
		return false;
	if (len > HELLO_MAX)
		return stop(r, TLS_NOT_TLS);
	r->bound = len;
	if (!take_number(r, 2, &version))
		return false;
	if (version >> 8 != VERSION_MAJOR)
		return stop(r, TLS_NOT_TLS);
	return take(r, NULL, RANDOM_LEN) && pass_vector(r, &session_id) &&
	       pass_vector(r, &cipher_suites) && pass_vector(r, &compressions);
}

/* Lower case, no dot at the end; false if it cannot be a host's name. */
static bool name_clean(char *name, uint32_t len)
{
	char before = '.';

	if (len > 0 && name[len - 1] == '.')
		len--;
	if (len == 0 || len > INPATH_HOST_MAX)
		return false;
	for (uint32_t i = 0; i < len; i++) {
		char c = name[i];

		if (c >= 'A' && c <= 'Z')
			c = (char)(c | 0x20);
		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
			    (c == '.' && before != '.')))
			return false;
		before = name[i] = c;
	}
	name[len] = '\0';
	return before != '.';
}

struct findings {
	char name[INPATH_HOST_MAX + 2]; /* with a dot at its end, which is not published */
	bool found;
	bool ech;
};

/* RFC 6066 3: the first host_name of the list, found once the list is here whole. */
static bool server_names(struct reader *r, struct findings *f)
{
	uint32_t len, type;
	bool seen = false;
	bool usable = false;

	if (!take_number(r, 2, &len))
		return false;
	if (len == 0 || len != r->bound)
		return stop(r, TLS_NOT_TLS);
	while (r->bound > 0) {
		bool keep;

		if (!take_number(r, 1, &type) || !take_number(r, 2, &len))
			return false;
		keep = type == NAME_TYPE_HOST && !seen && len <= INPATH_HOST_MAX + 1;
		if (!take(r, keep ? (uint8_t *)f->name : NULL, len))
			return false;
		if (keep)
			usable = name_clean(f->name, len);
		seen = seen || type == NAME_TYPE_HOST;
	}
	f->found = usable;
	return true;
}

static bool extension_read(struct reader *r, struct findings *f)
{
	uint32_t type, len, behind;
	bool whole;

	if (!take_number(r, 2, &type) || !take_number(r, 2, &len))
		return false;
	if (len > r->bound)
		return stop(r, TLS_NOT_TLS);
	behind = r->bound - len;
	r->bound = len;
	if (type == EXTENSION_ECH)
		f->ech = true;
	if (type == EXTENSION_SERVER_NAME && !f->found)
		whole = server_names(r, f);
	else
		whole = take(r, NULL, len);
	r->bound = behind;
	return whole;
}

static bool extensions_read(struct reader *r, struct findings *f)
{
	uint32_t len;

	/* TLS 1.2 and before may do without extensions (RFC 5246 7.4.1.2). */
	if (r->bound == 0)
		return true;
	if (!take_number(r, 2, &len))
		return false;
	if (len != r->bound)
		return stop(r, TLS_NOT_TLS);
	while (r->bound > 0)
		if (!extension_read(r, f))
			return false;
	return true;
}

static enum tls_result hello_read(struct reader r, struct tls_hello *out)
{
	struct findings f = { .found = false };
	bool whole = hello_open(&r) && extensions_read(&r, &f);

	/* Whatever follows a name: else the answer would depend on where segments end. */
	if (!f.found)
		return whole ? TLS_NO_SNI : r.end;
	memcpy(out->name, f.name, sizeof(out->name));
	out->ech = f.ech;
	return TLS_SNI;
}

enum tls_result tls_client_hello(const uint8_t *bytes, size_t len, struct tls_hello *out)
{
	return hello_read(
		(struct reader){ .in = cursor_over(bytes, len), .bound = UINT32_MAX }, out);
}

enum tls_result tls_client_hello_message(const uint8_t *bytes, size_t len, struct tls_hello *out)
{
	return hello_read(
		(struct reader){ .in = cursor_over(bytes, len), .bare = true, .bound = UINT32_MAX },
		out);
}
