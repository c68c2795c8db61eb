/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/engine/quic_initial.h"

#include <nettle/aes.h>
#include <nettle/gcm.h>
#include <nettle/hmac.h>
#include <nettle/version.h>

enum {
	TAG = 16,
	SAMPLE_AT = 4, /* bytes behind the packet number's first (RFC 9001 5.4.2) */
	SALT = 20,
	LABEL_MAX = 10,
	RESERVED_BITS = 0x0c,
	NUMBER_BITS = 0x03,
	LONG_PROTECTED = 0x0f, /* bits of a long header's first byte that are masked */
};

struct version {
	uint32_t number;
	uint8_t salt[SALT];
	char key[LABEL_MAX + 1];
	char iv[LABEL_MAX + 1];
	char hp[LABEL_MAX + 1];
};

static const struct version versions[] = {
	{ QUIC_VERSION_1, /* RFC 9001 5.1, 5.2 */
		{ 0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17, 0x9a, 0xe6, 0xa4,
			0xc8, 0x0c, 0xad, 0xcc, 0xbb, 0x7f, 0x0a },
		"quic key", "quic iv", "quic hp" },
	{ QUIC_VERSION_2, /* RFC 9369 3.3 */
		{ 0x0d, 0xed, 0xe3, 0xde, 0xf7, 0x00, 0xa6, 0xdb, 0x81, 0x93, 0x81, 0xbe, 0x6e,
			0x26, 0x9d, 0xcb, 0xf9, 0xbd, 0x2e, 0xd9 },
		"quicv2 key", "quicv2 iv", "quicv2 hp" },
};

static void mac_end(struct hmac_sha256_ctx *mac, uint8_t out[SHA256_DIGEST_SIZE])
{
#if NETTLE_VERSION_MAJOR >= 4
	hmac_sha256_digest(mac, out);
#else
	hmac_sha256_digest(mac, SHA256_DIGEST_SIZE, out);
#endif
}

/*
 * HKDF-Expand-Label (RFC 8446 7.1) without context, `mac` being keyed with the secret. No key here
 * is longer than a digest, so HKDF-Expand is its first step alone (RFC 5869 2.3).
 */
static void expand(struct hmac_sha256_ctx *mac, const char *label, uint8_t *out, size_t len)
{
	static const uint8_t prefix[] = { 't', 'l', 's', '1', '3', ' ' };
	static const uint8_t no_context_first_step[] = { 0, 1 };
	size_t label_len = strnlen(label, LABEL_MAX);
	uint8_t head[] = { 0, (uint8_t)len, (uint8_t)(sizeof(prefix) + label_len) };
	uint8_t digest[SHA256_DIGEST_SIZE];

	hmac_sha256_update(mac, sizeof(head), head);
	hmac_sha256_update(mac, sizeof(prefix), prefix);
	hmac_sha256_update(mac, label_len, (const uint8_t *)label);
	hmac_sha256_update(mac, sizeof(no_context_first_step), no_context_first_step);
	mac_end(mac, digest);
	memcpy(out, digest, len);
}

static void derive(const struct version *v, const struct quic_cid *dcid, struct quic_keys *out)
{
	uint8_t secret[SHA256_DIGEST_SIZE];
	struct hmac_sha256_ctx mac;

	hmac_sha256_set_key(&mac, SALT, v->salt);
	hmac_sha256_update(&mac, dcid->len, dcid->bytes);
	mac_end(&mac, secret);
	hmac_sha256_set_key(&mac, sizeof(secret), secret);
	expand(&mac, "client in", secret, sizeof(secret));
	hmac_sha256_set_key(&mac, sizeof(secret), secret);
	expand(&mac, v->key, out->key, sizeof(out->key));
	expand(&mac, v->iv, out->iv, sizeof(out->iv));
	expand(&mac, v->hp, out->hp, sizeof(out->hp));
}

bool quic_client_keys(uint32_t version, const struct quic_cid *dcid, struct quic_keys *out)
{
	for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
		if (versions[i].number != version)
			continue;
		derive(&versions[i], dcid, out);
		return true;
	}
	return false;
}

/*
 * Copies the header to `out` and takes its protection off (RFC 9001 5.4.1). Returns the length of
 * the packet number.
 */
static size_t header_open(const struct quic_keys *keys, const struct quic_packet *p, uint8_t *out)
{
	uint8_t mask[AES_BLOCK_SIZE];
	struct aes128_ctx aes;
	size_t number_len;

	aes128_set_encrypt_key(&aes, keys->hp);
	aes128_encrypt(&aes, sizeof(mask), mask, p->bytes + p->number_at + SAMPLE_AT);
	out[0] = (uint8_t)(p->bytes[0] ^ (mask[0] & LONG_PROTECTED));
	number_len = (out[0] & NUMBER_BITS) + 1u;
	memcpy(out + 1, p->bytes + 1, p->number_at + number_len - 1);
	for (size_t i = 0; i < number_len; i++)
		out[p->number_at + i] ^= mask[1 + i];
	return number_len;
}

/* Opens what stands behind the header at `out`, over it. */
static bool payload_open(const struct quic_keys *keys, const struct quic_packet *p, uint8_t *out,
	size_t header_len, size_t number_len)
{
	const uint8_t *sealed = p->bytes + header_len;
	size_t len = p->len - header_len - TAG;
	uint8_t nonce[sizeof(keys->iv)], tag[TAG];
	struct gcm_aes128_ctx gcm;

	memcpy(nonce, keys->iv, sizeof(nonce));
	for (size_t i = 0; i < number_len; i++)
		nonce[sizeof(nonce) - number_len + i] ^= out[header_len - number_len + i];
	gcm_aes128_set_key(&gcm, keys->key);
	gcm_aes128_set_iv(&gcm, sizeof(nonce), nonce);
	gcm_aes128_update(&gcm, header_len, out);
	gcm_aes128_decrypt(&gcm, len, out, sealed);
#if NETTLE_VERSION_MAJOR >= 4
	gcm_aes128_digest(&gcm, tag);
#else
	gcm_aes128_digest(&gcm, sizeof(tag), tag);
#endif
	/* The keys are no secret, so how long a comparison takes tells nobody anything. */
	return !memcmp(tag, sealed + len, sizeof(tag));
}

enum quic_opened quic_open(const struct quic_keys *keys, const struct quic_packet *p, uint8_t *out,
	size_t size, size_t *len)
{
	size_t number_len, header_len;
	bool reserved;

	if (p->len - p->number_at < SAMPLE_AT + AES_BLOCK_SIZE)
		return QUIC_TOO_SHORT;
	if (p->len > size)
		return QUIC_NO_ROOM;
	number_len = header_open(keys, p, out);
	header_len = p->number_at + number_len;
	reserved = out[0] & RESERVED_BITS;
	if (!payload_open(keys, p, out, header_len, number_len))
		return QUIC_SEALED;
	if (reserved)
		return QUIC_RESERVED;
	*len = p->len - header_len - TAG;
	return QUIC_OPENED;
}
