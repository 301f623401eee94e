// All cryptography of the project, and the only file that sees GnuTLS and nettle: AES-128 in the modes
// that the protocols use, SHA-256, RSA signatures, certificates and random bytes.
//
// Pure but for random numbers, which the kernel seeds, and the date in a new certificate. Any thread.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ES_KEY_SIZE 16
#define ES_TAG_SIZE 16
#define ES_SHA256_SIZE 32
#define ES_SHA1_SIZE 20
#define ES_GCM_IV_SIZE 12

// Fills out; aborts if the kernel gives none, because nothing safe could follow.
void crypto_random(void *out, size_t size);
// Equal, in a time that depends on the size only.
bool crypto_equal(const void *a, const void *b, size_t size);
// Overwrites a secret; is not optimised away.
void crypto_wipe(void *data, size_t size);

void crypto_sha256(const void *data, size_t size, uint8_t out[ES_SHA256_SIZE]);
// For what is no secret and was fixed when this was thought to be good: a WebSocket's handshake.
void crypto_sha1(const void *data, size_t size, uint8_t out[ES_SHA1_SIZE]);
struct es_sha256_part {
	const void *data;
	size_t size;
};
// Of all parts, one after the other.
void crypto_sha256_parts(
		const struct es_sha256_part *parts, size_t n_parts, uint8_t out[ES_SHA256_SIZE]);

// AES-128-GCM without additional data. iv_size is 12 or, for the legacy control stream, 16. `out` has
// `size` bytes and may be `in`.
struct es_gcm; // a key, prepared
struct es_gcm *gcm_create(const uint8_t key[ES_KEY_SIZE]); // NULL: no memory
void gcm_destroy(struct es_gcm *gcm); // wipes; NULL is fine
// One thread at a time per object.
void gcm_seal(struct es_gcm *gcm, const uint8_t *iv, size_t iv_size, const void *in, size_t size,
		void *out, uint8_t tag[ES_TAG_SIZE]);
// False: forged; `out` is zeroed then.
bool gcm_open(struct es_gcm *gcm, const uint8_t *iv, size_t iv_size, const void *in, size_t size,
		const uint8_t tag[ES_TAG_SIZE], void *out);

// AES-128-ECB, size a multiple of 16; `out` may be `in`.
void crypto_ecb_encrypt(const uint8_t key[ES_KEY_SIZE], const void *in, size_t size, void *out);
void crypto_ecb_decrypt(const uint8_t key[ES_KEY_SIZE], const void *in, size_t size, void *out);
// AES-128-CBC with PKCS#7: returns the padded size written to out (size rounded up to the next
// multiple of 16, at least one byte of padding), 0 if cap is too small.
size_t crypto_cbc_encrypt(const uint8_t key[ES_KEY_SIZE], const uint8_t iv[16], const void *in,
		size_t size, void *out, size_t cap);

// --- certificates

#define ES_CERT_MAX_PEM 8192
#define ES_CERT_MAX_DER 6144
#define ES_CERT_MAX_SIGNATURE 512 // RSA-4096

struct es_cert {
	uint8_t der[ES_CERT_MAX_DER];
	size_t der_size;
	uint8_t signature[ES_CERT_MAX_SIGNATURE]; // the signatureValue
	size_t signature_size;
	uint8_t fingerprint[ES_SHA256_SIZE]; // of the DER
};

// One PEM certificate with an RSA key of 2048..4096 bits that may sign and is no CA. False with the
// reason (a constant) in *why. Dates and chain are not looked at, on purpose.
bool cert_parse_client(struct es_cert *cert, const char *pem, size_t size, const char **why);
// RSASSA-PKCS1-v1_5 with SHA-256 by the certificate's key.
bool cert_verify(const struct es_cert *cert, const void *data, size_t data_size,
		const void *signature, size_t signature_size);

// The host's own key and certificate.
struct es_identity {
	char key_pem[4096];
	char cert_pem[4096]; // LF line ends
	struct es_cert cert;
};
// A new RSA-2048 key, self-signed for 20 years with SHA-256 and that common name. Slow (about 0.1 s).
// False if it could not be made.
bool identity_generate(struct es_identity *identity, const char *common_name);
// From PEM texts. False with the reason in *why if they are not a key and its certificate.
bool identity_load(
		struct es_identity *identity, const char *key_pem, const char *cert_pem, const char **why);
// Signature by the key; returns its size, 0 on failure.
size_t identity_sign(const struct es_identity *identity, const void *data, size_t size,
		uint8_t out[ES_CERT_MAX_SIGNATURE]);
void identity_wipe(struct es_identity *identity);

// --- bytes as text

// The digits, a multiple of 4 with '=' at the end, and a NUL. Returns how many digits.
size_t base64_encode(const void *data, size_t size, char *out);

// 2 * size lower-case digits and a NUL.
void hex_encode(const void *data, size_t size, char *out);
// Exactly `size` bytes from exactly 2 * size digits of either case. False otherwise.
bool hex_decode(const char *text, size_t length, void *out, size_t size);
