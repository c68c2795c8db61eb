/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * quic_seal: protects a client's Initial, for tests. Independent of the engine: the keys come from
 * nettle's own HKDF.
 */
#ifndef TESTS_UNIT_QUIC_SEAL_H
#define TESTS_UNIT_QUIC_SEAL_H

#include "tests/unit/wire.h"

#include <nettle/aes.h>
#include <nettle/gcm.h>
#include <nettle/hkdf.h>
#include <nettle/hmac.h>
#include <nettle/version.h>

enum {
	WIRE_V1 = 1,
	WIRE_V2 = 0x6b3343cf,
};

struct quic_wire_keys {
	uint8_t key[16];
	uint8_t iv[12];
	uint8_t hp[16];
};

static inline void quic_wire_label(
	const uint8_t secret[32], const char *label, uint8_t *out, size_t len)
{
	uint8_t info[32] = { 0, (uint8_t)len, (uint8_t)(6 + strlen(label)), 't', 'l', 's', '1', '3',
		' ' };
	struct hmac_sha256_ctx mac;

	memcpy(info + 9, label, strlen(label));
	hmac_sha256_set_key(&mac, 32, secret);
	hkdf_expand(&mac, (nettle_hash_update_func *)hmac_sha256_update,
		(nettle_hash_digest_func *)hmac_sha256_digest, SHA256_DIGEST_SIZE,
		10 + strlen(label), info, len, out);
}

static inline void quic_wire_keys(
	uint32_t version, const uint8_t *dcid, size_t dcid_len, struct quic_wire_keys *out)
{
	bool v2 = version == WIRE_V2;
	uint8_t salt[20] = { 0 }, secret[32];
	struct hmac_sha256_ctx mac;

	wire_hex(salt, v2 ? "0dede3def700a6db819381be6e269dcbf9bd2ed9"
			  : "38762cf7f55934b34d179ae6a4c80cadccbb7f0a");
	hmac_sha256_set_key(&mac, sizeof(salt), salt);
	hkdf_extract(&mac, (nettle_hash_update_func *)hmac_sha256_update,
		(nettle_hash_digest_func *)hmac_sha256_digest, SHA256_DIGEST_SIZE, dcid_len, dcid,
		secret);
	quic_wire_label(secret, "client in", secret, sizeof(secret));
	quic_wire_label(secret, v2 ? "quicv2 key" : "quic key", out->key, sizeof(out->key));
	quic_wire_label(secret, v2 ? "quicv2 iv" : "quic iv", out->iv, sizeof(out->iv));
	quic_wire_label(secret, v2 ? "quicv2 hp" : "quic hp", out->hp, sizeof(out->hp));
}

/*
 * Protects the packet at `packet`, whose number ends at `header_len` and whose frames follow it:
 * RFC 9001 5.3, 5.4. Its last 16 bytes are room for the tag.
 */
static inline void quic_wire_seal(const struct quic_wire_keys *keys, uint8_t *packet,
	size_t header_len, size_t number_len, size_t frames_len)
{
	uint8_t nonce[12], mask[16], *number = packet + header_len - number_len;
	struct gcm_aes128_ctx gcm;
	struct aes128_ctx aes;

	memcpy(nonce, keys->iv, sizeof(nonce));
	for (size_t i = 0; i < number_len; i++)
		nonce[12 - number_len + i] ^= number[i];
	gcm_aes128_set_key(&gcm, keys->key);
	gcm_aes128_set_iv(&gcm, sizeof(nonce), nonce);
	gcm_aes128_update(&gcm, header_len, packet);
	gcm_aes128_encrypt(&gcm, frames_len, packet + header_len, packet + header_len);
#if NETTLE_VERSION_MAJOR >= 4
	gcm_aes128_digest(&gcm, packet + header_len + frames_len);
#else
	gcm_aes128_digest(&gcm, 16, packet + header_len + frames_len);
#endif
	aes128_set_encrypt_key(&aes, keys->hp);
	aes128_encrypt(&aes, sizeof(mask), mask, number + 4);
	packet[0] ^= mask[0] & 0x0f;
	for (size_t i = 0; i < number_len; i++)
		number[i] ^= mask[1 + i];
}

#endif
