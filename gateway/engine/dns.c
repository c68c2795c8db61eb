/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/engine/dns.h"

#include "gateway/engine/cursor.h"

enum {
	HEADER_LEN = 12,
	WIRE_MAX = 255,   /* RFC 1035 2.3.4: a name on the wire, its root label included */
	JUMPS_MAX = 32,   /* compression pointers in one name */
	CHAIN_MAX = 12,   /* CNAMEs from the question to its addresses */
	RECORDS_MAX = 64, /* A, AAAA and CNAME records that are looked at */

	FLAG_QR = 0x8000,
	FLAG_OPCODE = 0x7800,
	FLAG_TC = 0x0200,
	FLAG_RCODE = 0x000f,

	TYPE_A = 1,
	TYPE_CNAME = 5,
	TYPE_AAAA = 28,
	TYPE_HTTPS = 65,
	CLASS_IN = 1,
};

/* A record of the answer that may matter: A, AAAA or CNAME. Names are offsets into the message. */
struct record {
	size_t owner;
	size_t data;
	uint16_t type;
	uint32_t ttl;
};

struct answer {
	struct cursor message; /* from its first byte: what compression pointers refer to */
	uint32_t count;
	struct record records[RECORDS_MAX];
	uint32_t chain_len;
	size_t chain[CHAIN_MAX + 1]; /* the question's name, and what CNAMEs lead to */
	uint32_t ttl;
};

/* A walk over a name's labels, through its compression pointers (RFC 1035 4.1.4). */
struct walk {
	struct cursor at;
	struct cursor behind; /* where the name ends in place; valid once it jumped */
	size_t start;         /* of the run of labels under way: a pointer must lead to before it */
	size_t wire;
	uint32_t jumps;
};

static size_t offset_of(const struct cursor *message, const struct cursor *at)
{
	return message->left - at->left;
}

static struct cursor cursor_from(const struct cursor *message, size_t offset)
{
	return cursor_over(message->at + offset, message->left - offset);
}

static struct walk walk_from(const struct cursor *message, size_t offset)
{
	return (struct walk){ .at = cursor_from(message, offset), .start = offset };
}

/* Follows the pointer that begins with `high`. */
static enum dns_result walk_jump(const struct cursor *message, struct walk *w, uint8_t high)
{
	uint8_t low;
	size_t to;

	if (!cursor_u8(&w->at, &low))
		return DNS_SHORT;
	to = (size_t)(high & 0x3f) << 8 | low;
	if (to < HEADER_LEN || to >= w->start || w->jumps == JUMPS_MAX)
		return DNS_MALFORMED;
	if (w->jumps++ == 0)
		w->behind = w->at;
	w->start = to;
	w->at = cursor_from(message, to);
	return DNS_OK;
}

/* The next label of a name; empty is its end. */
static enum dns_result walk_label(
	const struct cursor *message, struct walk *w, struct cursor *label)
{
	enum dns_result r;
	uint8_t len;

	for (;;) {
		if (!cursor_u8(&w->at, &len))
			return DNS_SHORT;
		if (len < 0x40)
			break;
		if (len < 0xc0)
			return DNS_MALFORMED;
		r = walk_jump(message, w, len);
		if (r != DNS_OK)
			return r;
	}
	w->wire += 1u + len;
	if (w->wire > WIRE_MAX)
		return DNS_MALFORMED;
	return cursor_split(&w->at, len, label) ? DNS_OK : DNS_SHORT;
}

/* Checks the whole name at `in`, pointers followed, and moves `in` behind it. */
static enum dns_result name_pass(const struct cursor *message, struct cursor *in)
{
	struct walk w = walk_from(message, offset_of(message, in));
	struct cursor label;
	enum dns_result r;

	do {
		r = walk_label(message, &w, &label);
		if (r != DNS_OK)
			return r;
	} while (label.left > 0);
	*in = w.jumps > 0 ? w.behind : w.at;
	return DNS_OK;
}

static uint8_t lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
}

static bool label_equal(const struct cursor *a, const struct cursor *b)
{
	if (a->left != b->left)
		return false;
	for (size_t i = 0; i < a->left; i++)
		if (lower(a->at[i]) != lower(b->at[i]))
			return false;
	return true;
}

/* Compares two names that name_pass has passed. */
static bool name_equal(const struct cursor *message, size_t a, size_t b)
{
	struct walk wa = walk_from(message, a);
	struct walk wb = walk_from(message, b);
	struct cursor la;
	struct cursor lb;

	if (a == b)
		return true;
	do {
		if (walk_label(message, &wa, &la) != DNS_OK ||
			walk_label(message, &wb, &lb) != DNS_OK || !label_equal(&la, &lb))
			return false;
	} while (la.left > 0);
	return true;
}

static bool host_byte(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

/* Writes the name at `offset` as text: at most WIRE_MAX - 2 bytes, which is INPATH_HOST_MAX. */
static enum dns_result name_write(const struct cursor *message, size_t offset, char *out)
{
	struct walk w = walk_from(message, offset);
	struct cursor label;
	size_t len = 0;

	while (walk_label(message, &w, &label) == DNS_OK && label.left > 0) {
		if (len > 0)
			out[len++] = '.';
		for (size_t i = 0; i < label.left; i++) {
			uint8_t c = lower(label.at[i]);

			if (!host_byte(c))
				return DNS_UNSUPPORTED;
			out[len++] = (char)c;
		}
	}
	out[len] = '\0';
	return DNS_OK;
}

static enum dns_result question_read(
	const struct cursor *message, struct cursor *in, struct dns_message *m)
{
	enum dns_result r;
	uint16_t qclass;

	r = name_pass(message, in);
	if (r != DNS_OK)
		return r;
	if (!cursor_u16(in, &m->qtype) || !cursor_u16(in, &qclass))
		return DNS_SHORT;
	if (qclass != CLASS_IN)
		return DNS_UNSUPPORTED;
	if (m->qtype != TYPE_A && m->qtype != TYPE_AAAA && m->qtype != TYPE_HTTPS)
		return DNS_UNSUPPORTED;
	return name_write(message, HEADER_LEN, m->name);
}

/* Does a record's data have the form that its type asks for? */
static enum dns_result data_check(const struct cursor *message, uint16_t type, struct cursor *data)
{
	enum dns_result r;

	if (type == TYPE_A)
		return data->left == 4 ? DNS_OK : DNS_MALFORMED;
	if (type == TYPE_AAAA)
		return data->left == 16 ? DNS_OK : DNS_MALFORMED;

	struct cursor in = cursor_from(message, (size_t)(data->at - message->at));

	r = name_pass(message, &in);
	if (r != DNS_OK)
		return r;
	return in.at == data->at + data->left ? DNS_OK : DNS_MALFORMED;
}

static enum dns_result record_read(struct answer *a, struct cursor *in)
{
	struct record rec = { .owner = offset_of(&a->message, in) };
	struct cursor data;
	enum dns_result r;
	uint16_t class;
	uint16_t len;

	r = name_pass(&a->message, in);
	if (r != DNS_OK)
		return r;
	if (!cursor_u16(in, &rec.type) || !cursor_u16(in, &class) || !cursor_u32(in, &rec.ttl) ||
		!cursor_u16(in, &len))
		return DNS_SHORT;
	rec.data = offset_of(&a->message, in);
	if (!cursor_split(in, len, &data))
		return DNS_SHORT;
	if (class != CLASS_IN)
		return DNS_OK;
	if (rec.type != TYPE_A && rec.type != TYPE_AAAA && rec.type != TYPE_CNAME)
		return DNS_OK;
	r = data_check(&a->message, rec.type, &data);
	if (r != DNS_OK)
		return r;
	/* RFC 2181 8: a TTL with its highest bit set is 0. */
	if (rec.ttl > INT32_MAX)
		rec.ttl = 0;
	if (a->count < RECORDS_MAX)
		a->records[a->count++] = rec;
	return DNS_OK;
}

static bool chain_holds(const struct answer *a, size_t name)
{
	for (uint32_t i = 0; i < a->chain_len; i++)
		if (name_equal(&a->message, a->chain[i], name))
			return true;
	return false;
}

static const struct record *cname_of(const struct answer *a, size_t name)
{
	for (uint32_t i = 0; i < a->count; i++)
		if (a->records[i].type == TYPE_CNAME &&
			name_equal(&a->message, a->records[i].owner, name))
			return &a->records[i];
	return NULL;
}

/* From the question along its CNAMEs, whatever order they stand in. */
static enum dns_result chain_follow(struct answer *a)
{
	const struct record *rec;

	a->ttl = UINT32_MAX;
	a->chain[a->chain_len++] = HEADER_LEN;
	while ((rec = cname_of(a, a->chain[a->chain_len - 1]))) {
		/* A loop ends here too. */
		if (a->chain_len > CHAIN_MAX)
			return DNS_MALFORMED;
		a->chain[a->chain_len++] = rec->data;
		if (rec->ttl < a->ttl)
			a->ttl = rec->ttl;
	}
	return DNS_OK;
}

static void addresses_take(const struct answer *a, struct dns_message *m)
{
	m->ttl = a->ttl;
	for (uint32_t i = 0; i < a->count && m->addr_count < DNS_ADDRS; i++) {
		const struct record *rec = &a->records[i];
		struct cursor data = cursor_from(&a->message, rec->data);
		struct inpath_addr *addr = &m->addrs[m->addr_count];

		if (rec->type == TYPE_CNAME || !chain_holds(a, rec->owner))
			continue;
		addr->family = rec->type == TYPE_A ? INPATH_AF_INET : INPATH_AF_INET6;
		if (!cursor_bytes(&data, addr->bytes, rec->type == TYPE_A ? 4 : 16))
			continue;
		m->addr_count++;
		if (rec->ttl < m->ttl)
			m->ttl = rec->ttl;
	}
	if (m->addr_count == 0)
		m->ttl = 0;
}

/* Authority and additional records cannot add to the answer, so they are not read. */
static enum dns_result answer_read(const struct cursor *message, struct cursor *in, uint16_t count,
	bool truncated, struct dns_message *m)
{
	struct answer a = { .message = *message };
	enum dns_result r = DNS_OK;

	while (count-- > 0 && r == DNS_OK)
		r = record_read(&a, in);
	if (r == DNS_SHORT && truncated)
		r = DNS_OK;
	if (r == DNS_OK)
		r = chain_follow(&a);
	if (r == DNS_OK)
		addresses_take(&a, m);
	return r;
}

enum dns_result dns_parse(const uint8_t *bytes, size_t len, struct dns_message *out)
{
	const struct cursor message = cursor_over(bytes, len);
	struct cursor in = message;
	struct dns_message m = { 0 };
	enum dns_result r;
	uint16_t flags, questions, answers;

	if (!cursor_u16(&in, &m.id) || !cursor_u16(&in, &flags) || !cursor_u16(&in, &questions) ||
		!cursor_u16(&in, &answers) || !cursor_skip(&in, 4))
		return DNS_SHORT;
	m.answer = flags & FLAG_QR;
	m.rcode = flags & FLAG_RCODE;
	if ((flags & FLAG_OPCODE) || questions != 1)
		return DNS_UNSUPPORTED;
	if (!m.answer && answers > 0)
		return DNS_MALFORMED;
	r = question_read(&message, &in, &m);
	if (r == DNS_OK)
		r = answer_read(&message, &in, answers, flags & FLAG_TC, &m);
	if (r == DNS_OK)
		*out = m;
	return r;
}
