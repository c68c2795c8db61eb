/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/engine/quic_header.h"

#include "gateway/engine/quic_varint.h"

enum {
	LONG_FORM = 0x80,
	FIXED_BIT = 0x40,
	SPIN_BIT = 0x20,
	TYPE_SHIFT = 4,
	TYPE_MASK = 3,
	RETRY_TAG = 16,     /* RFC 9001 5.8 */
	FIRST_DCID_MIN = 8, /* RFC 9000 7.2 */
};

static enum quic_kind kind_of(uint8_t first, uint32_t version)
{
	static const enum quic_kind version_1[] = { QUIC_INITIAL, QUIC_ZERO_RTT, QUIC_HANDSHAKE,
		QUIC_RETRY };
	static const enum quic_kind version_2[] = { QUIC_RETRY, QUIC_INITIAL, QUIC_ZERO_RTT,
		QUIC_HANDSHAKE };
	uint8_t type = first >> TYPE_SHIFT & TYPE_MASK;

	switch (version) {
	case 0: return QUIC_NEGOTIATION;
	case QUIC_VERSION_1: return version_1[type];
	case QUIC_VERSION_2: return version_2[type];
	default: return QUIC_OTHER_VERSION;
	}
}

/* RFC 8999 5.1. An id that is too long to keep is passed over. */
static bool cid_read(struct cursor *in, struct quic_packet *p, struct quic_cid *cid)
{
	uint8_t len;

	if (!cursor_u8(in, &len))
		return false;
	if (len <= QUIC_CID_MAX) {
		cid->len = len;
		return cursor_bytes(in, cid->bytes, len);
	}
	p->ids_kept = false;
	return cursor_skip(in, len);
}

static bool cids_read(struct cursor *in, struct quic_packet *p)
{
	p->ids_kept = true;
	if (!cid_read(in, p, &p->dcid) || !cid_read(in, p, &p->scid))
		return false;
	if (!p->ids_kept) {
		p->dcid = (struct quic_cid){ .len = 0 };
		p->scid = (struct quic_cid){ .len = 0 };
	}
	return true;
}

static bool token_read(struct cursor *in, struct quic_packet *p)
{
	uint64_t len;

	if (!cursor_varint(in, &len) || len > in->left)
		return false;
	p->token_len = (size_t)len;
	return cursor_skip(in, p->token_len);
}

/* The length counts the packet number and what is behind it (RFC 9000 17.2). */
static bool protected_read(struct cursor *in, struct quic_packet *p)
{
	uint64_t len;

	if (!cursor_varint(in, &len) || len > in->left)
		return false;
	p->number_at = (size_t)(in->at - p->bytes);
	return cursor_skip(in, (size_t)len);
}

/* What stands behind the connection ids. */
static bool rest_read(struct cursor *in, struct quic_packet *p)
{
	/* A longer id is not one of versions 1 and 2 (RFC 9000 17.2). */
	switch (p->kind) {
	case QUIC_INITIAL: return p->ids_kept && token_read(in, p) && protected_read(in, p);
	case QUIC_ZERO_RTT:
	case QUIC_HANDSHAKE: return p->ids_kept && protected_read(in, p);
	case QUIC_RETRY:
		/* A token of no bytes is no token (RFC 9000 17.2.5.2). */
		if (!p->ids_kept || in->left <= RETRY_TAG)
			return false;
		p->token_len = in->left - RETRY_TAG;
		return cursor_skip(in, in->left);
	case QUIC_NEGOTIATION:
		/* At least one version, and each of them whole (RFC 8999 6). */
		return in->left > 0 && in->left % 4 == 0 && cursor_skip(in, in->left);
	case QUIC_OTHER_VERSION:
	case QUIC_SHORT: return cursor_skip(in, in->left);
	}
	return false;
}

enum quic_step quic_next(struct quic_walk *w, struct quic_packet *out)
{
	struct quic_packet p = { .kind = QUIC_SHORT, .bytes = w->in.at };
	struct cursor in = w->in;

	if (!cursor_u8(&in, &p.first) || (w->begun && !(p.first & (LONG_FORM | FIXED_BIT))))
		return QUIC_END;
	if (p.first & LONG_FORM) {
		if (!cursor_u32(&in, &p.version) || !cids_read(&in, &p))
			return QUIC_BAD;
		p.kind = kind_of(p.first, p.version);
	}
	if (!rest_read(&in, &p))
		return QUIC_BAD;
	p.len = (size_t)(in.at - p.bytes);
	w->in = in;
	w->begun = true;
	*out = p;
	return QUIC_PACKET;
}

bool quic_begins(const struct quic_packet *p, size_t datagram_len)
{
	bool may = p->kind == QUIC_INITIAL ||
		   (p->kind == QUIC_OTHER_VERSION && (p->first & FIXED_BIT));

	return may && datagram_len >= QUIC_DATAGRAM && p->dcid.len >= FIRST_DCID_MIN;
}

bool quic_short_dcid(const struct quic_packet *p, uint8_t len, struct quic_cid *out)
{
	struct cursor in = cursor_over(p->bytes, p->len);
	struct quic_cid cid = { .len = len };

	if (p->kind != QUIC_SHORT || len > QUIC_CID_MAX || !cursor_skip(&in, 1) ||
		!cursor_bytes(&in, cid.bytes, len))
		return false;
	*out = cid;
	return true;
}

bool quic_spin(const struct quic_packet *p)
{
	return p->kind == QUIC_SHORT && (p->first & SPIN_BIT);
}

void quic_learn(struct quic_ids *ids, const struct quic_packet *p, bool from_client)
{
	switch (p->kind) {
	case QUIC_RETRY:
	case QUIC_NEGOTIATION:
	case QUIC_SHORT: return;
	case QUIC_INITIAL:
	case QUIC_ZERO_RTT:
	case QUIC_HANDSHAKE:
	case QUIC_OTHER_VERSION: break;
	}
	if (!p->ids_kept)
		return;
	if (from_client) {
		ids->client_known = true;
		ids->client_len = p->scid.len;
	} else {
		ids->server_known = true;
		ids->server_len = p->scid.len;
	}
}
