#include "protocol/crypto.h"

#include <stdlib.h>
#include <string.h>

#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <gnutls/x509.h>
#include <nettle/aes.h>
#include <nettle/cbc.h>
#include <nettle/gcm.h>
#include <nettle/sha1.h>
#include <nettle/sha2.h>
#include <nettle/version.h>

#define MIN_RSA_BITS 2048
#define MAX_RSA_BITS 4096
#define SERIAL_SIZE 16
#define DAY (24L * 60 * 60)
#define VALID_DAYS 7305L // 20 years

void crypto_random(void *out, size_t size) {
	if (size > 0 && gnutls_rnd(GNUTLS_RND_KEY, out, size) != 0) {
		abort();
	}
}

bool crypto_equal(const void *a, const void *b, size_t size) {
	return size == 0 || gnutls_memcmp(a, b, size) == 0;
}

void crypto_wipe(void *data, size_t size) {
	if (size > 0) {
		gnutls_memset(data, 0, size);
	}
}

// nettle before 4.0 is told the digest's size
static void sha256_finish(struct sha256_ctx *hash, uint8_t out[ES_SHA256_SIZE]) {
#if NETTLE_VERSION_MAJOR >= 4
	sha256_digest(hash, out);
#else
	sha256_digest(hash, ES_SHA256_SIZE, out);
#endif
	crypto_wipe(hash, sizeof(*hash));
}

void crypto_sha256(const void *data, size_t size, uint8_t out[ES_SHA256_SIZE]) {
	const struct es_sha256_part part = {data, size};
	crypto_sha256_parts(&part, 1, out);
}

void crypto_sha256_parts(
		const struct es_sha256_part *parts, size_t n_parts, uint8_t out[ES_SHA256_SIZE]) {
	struct sha256_ctx hash;
	sha256_init(&hash);
	for (size_t i = 0; i < n_parts; i++) {
		if (parts[i].size > 0) {
			sha256_update(&hash, parts[i].size, parts[i].data);
		}
	}
	sha256_finish(&hash, out);
}

void crypto_sha1(const void *data, size_t size, uint8_t out[ES_SHA1_SIZE]) {
	struct sha1_ctx hash;
	sha1_init(&hash);
	sha1_update(&hash, size, data);
#if NETTLE_VERSION_MAJOR >= 4
	sha1_digest(&hash, out);
#else
	sha1_digest(&hash, ES_SHA1_SIZE, out);
#endif
}

// --- AES

// GnuTLS has the faster code, but for IVs of 12 bytes only.
struct es_gcm {
	gnutls_cipher_hd_t fast;
	struct gcm_aes128_ctx any_iv;
};

struct es_gcm *gcm_create(const uint8_t key[ES_KEY_SIZE]) {
	struct es_gcm *gcm = calloc(1, sizeof(*gcm));
	if (gcm == NULL) {
		return NULL;
	}
	uint8_t copy[ES_KEY_SIZE]; // GnuTLS takes no const
	memcpy(copy, key, sizeof(copy));
	const gnutls_datum_t datum = {copy, sizeof(copy)};
	int error = gnutls_cipher_init(&gcm->fast, GNUTLS_CIPHER_AES_128_GCM, &datum, NULL);
	crypto_wipe(copy, sizeof(copy));
	if (error != 0) {
		free(gcm);
		return NULL;
	}
	gcm_aes128_set_key(&gcm->any_iv, key);
	return gcm;
}

void gcm_destroy(struct es_gcm *gcm) {
	if (gcm == NULL) {
		return;
	}
	gnutls_cipher_deinit(gcm->fast); // wipes its own
	crypto_wipe(gcm, sizeof(*gcm));
	free(gcm);
}

// Only a mistake of ours makes these fail, and then what is in the buffer must not get out.
static void must(int error) {
	if (error != 0) {
		abort();
	}
}

static void any_iv_tag(struct es_gcm *gcm, uint8_t tag[ES_TAG_SIZE]) {
#if NETTLE_VERSION_MAJOR >= 4
	gcm_aes128_digest(&gcm->any_iv, tag);
#else
	gcm_aes128_digest(&gcm->any_iv, ES_TAG_SIZE, tag);
#endif
}

static void fast_start(struct es_gcm *gcm, const uint8_t *iv) {
	uint8_t copy[ES_GCM_IV_SIZE];
	memcpy(copy, iv, sizeof(copy));
	gnutls_cipher_set_iv(gcm->fast, copy, sizeof(copy));
}

void gcm_seal(struct es_gcm *gcm, const uint8_t *iv, size_t iv_size, const void *in, size_t size,
		void *out, uint8_t tag[ES_TAG_SIZE]) {
	if (iv_size != ES_GCM_IV_SIZE) {
		gcm_aes128_set_iv(&gcm->any_iv, iv_size, iv);
		gcm_aes128_encrypt(&gcm->any_iv, size, out, in);
		any_iv_tag(gcm, tag);
		return;
	}
	fast_start(gcm, iv);
	if (size > 0) {
		must(gnutls_cipher_encrypt2(gcm->fast, in, size, out, size));
	}
	must(gnutls_cipher_tag(gcm->fast, tag, ES_TAG_SIZE));
}

bool gcm_open(struct es_gcm *gcm, const uint8_t *iv, size_t iv_size, const void *in, size_t size,
		const uint8_t tag[ES_TAG_SIZE], void *out) {
	uint8_t expected[ES_TAG_SIZE];
	if (iv_size != ES_GCM_IV_SIZE) {
		gcm_aes128_set_iv(&gcm->any_iv, iv_size, iv);
		gcm_aes128_decrypt(&gcm->any_iv, size, out, in);
		any_iv_tag(gcm, expected);
	} else {
		fast_start(gcm, iv);
		if (size > 0) {
			must(gnutls_cipher_decrypt2(gcm->fast, in, size, out, size));
		}
		must(gnutls_cipher_tag(gcm->fast, expected, sizeof(expected)));
	}
	bool good = crypto_equal(expected, tag, ES_TAG_SIZE);
	if (!good) {
		crypto_wipe(out, size);
	}
	return good;
}

void crypto_ecb_encrypt(const uint8_t key[ES_KEY_SIZE], const void *in, size_t size, void *out) {
	struct aes128_ctx aes;
	aes128_set_encrypt_key(&aes, key);
	aes128_encrypt(&aes, size, out, in);
	crypto_wipe(&aes, sizeof(aes));
}

void crypto_ecb_decrypt(const uint8_t key[ES_KEY_SIZE], const void *in, size_t size, void *out) {
	struct aes128_ctx aes;
	aes128_set_decrypt_key(&aes, key);
	aes128_decrypt(&aes, size, out, in);
	crypto_wipe(&aes, sizeof(aes));
}

size_t crypto_cbc_encrypt(const uint8_t key[ES_KEY_SIZE], const uint8_t iv[16], const void *in,
		size_t size, void *out, size_t cap) {
	size_t padding = AES_BLOCK_SIZE - size % AES_BLOCK_SIZE;
	if (cap < padding || size > cap - padding) {
		return 0;
	}
	uint8_t *bytes = out;
	if (size > 0) {
		memmove(bytes, in, size);
	}
	memset(bytes + size, (int)padding, padding);
	struct CBC_CTX(struct aes128_ctx, AES_BLOCK_SIZE) cbc;
	aes128_set_encrypt_key(&cbc.ctx, key);
	CBC_SET_IV(&cbc, iv);
	CBC_ENCRYPT(&cbc, aes128_encrypt, size + padding, bytes, bytes);
	crypto_wipe(&cbc, sizeof(cbc));
	return size + padding;
}

// --- certificates

static bool refuse(const char **why, const char *reason) {
	*why = reason;
	return false;
}

static bool starts_with(const char *text, size_t size, const char *word) {
	return size >= strlen(word) && memcmp(text, word, strlen(word)) == 0;
}

static size_t count_word(const char *text, size_t size, const char *word) {
	size_t n = 0;
	const char *end = text + size;
	while ((text = memchr(text, word[0], (size_t)(end - text))) != NULL) {
		n += starts_with(text, (size_t)(end - text), word);
		text++;
	}
	return n;
}

// One block and nothing beside it: what a reader of the first block would never see has no place.
static bool is_one_pem(const char *pem, size_t size) {
	while (size > 0 && strchr(" \t\r\n", pem[size - 1]) != NULL && pem[size - 1] != '\0') {
		size--;
	}
	static const char end[] = "-----END CERTIFICATE-----";
	return starts_with(pem, size, "-----BEGIN CERTIFICATE-----") && size > strlen(end) &&
			memcmp(pem + size - strlen(end), end, strlen(end)) == 0 &&
			count_word(pem, size, "-----BEGIN") == 1 && count_word(pem, size, "-----END") == 1;
}

static bool check_key(gnutls_x509_crt_t crt, const char **why) {
	unsigned bits = 0;
	if (gnutls_x509_crt_get_pk_algorithm(crt, &bits) != GNUTLS_PK_RSA) {
		return refuse(why, "the certificate's key is not an RSA key");
	}
	if (bits < MIN_RSA_BITS || bits > MAX_RSA_BITS) {
		return refuse(why, "the certificate's RSA key has not 2048 to 4096 bits");
	}
	return true;
}

static bool check_no_ca(gnutls_x509_crt_t crt, const char **why) {
	unsigned critical = 0, ca = 0;
	int path_length = 0;
	int error = gnutls_x509_crt_get_basic_constraints(crt, &critical, &ca, &path_length);
	if (error == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE) {
		return true;
	}
	if (error < 0) {
		return refuse(why, "the certificate's basic constraints cannot be read");
	}
	return ca == 0 || refuse(why, "the certificate is a certificate authority's");
}

// TLS would refuse its signature later, when the pairing is done.
static bool check_usage(gnutls_x509_crt_t crt, const char **why) {
	unsigned usage = 0, critical = 0;
	int error = gnutls_x509_crt_get_key_usage(crt, &usage, &critical);
	if (error == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE) {
		return true; // for everything
	}
	if (error < 0) {
		return refuse(why, "the certificate's key usage cannot be read");
	}
	return (usage & GNUTLS_KEY_DIGITAL_SIGNATURE) != 0 ||
			refuse(why, "the certificate's key usage does not allow to sign");
}

static bool fill_cert(
		struct es_cert *cert, gnutls_x509_crt_t crt, const gnutls_datum_t *der, const char **why) {
	if (der->size > sizeof(cert->der)) {
		return refuse(why, "the certificate is too long");
	}
	memcpy(cert->der, der->data, der->size);
	cert->der_size = der->size;
	crypto_sha256(der->data, der->size, cert->fingerprint);
	cert->signature_size = sizeof(cert->signature);
	if (gnutls_x509_crt_get_signature(crt, (char *)cert->signature, &cert->signature_size) != 0 ||
			cert->signature_size == 0) {
		return refuse(why, "the certificate's signature cannot be read");
	}
	return true;
}

static bool parse_der(struct es_cert *cert, const gnutls_datum_t *der, const char **why) {
	gnutls_x509_crt_t crt = NULL;
	if (gnutls_x509_crt_init(&crt) != 0) {
		return refuse(why, "no memory");
	}
	bool ok = gnutls_x509_crt_import(crt, der, GNUTLS_X509_FMT_DER) == 0 ||
			refuse(why, "not an X.509 certificate");
	ok = ok && check_key(crt, why) && check_no_ca(crt, why) && check_usage(crt, why) &&
			fill_cert(cert, crt, der, why);
	gnutls_x509_crt_deinit(crt);
	return ok;
}

bool cert_parse_client(struct es_cert *cert, const char *pem, size_t size, const char **why) {
	memset(cert, 0, sizeof(*cert));
	if (size > ES_CERT_MAX_PEM) {
		return refuse(why, "the certificate is too long");
	}
	if (!is_one_pem(pem, size)) {
		return refuse(why, "not one certificate in PEM");
	}
	const gnutls_datum_t text = {(unsigned char *)pem, (unsigned)size};
	gnutls_datum_t der = {0};
	if (gnutls_pem_base64_decode2("CERTIFICATE", &text, &der) != 0) {
		return refuse(why, "not one certificate in PEM");
	}
	bool ok = parse_der(cert, &der, why);
	gnutls_free(der.data);
	if (!ok) {
		memset(cert, 0, sizeof(*cert));
	}
	return ok;
}

static bool import_public(gnutls_pubkey_t key, const struct es_cert *cert) {
	gnutls_x509_crt_t crt = NULL;
	if (gnutls_x509_crt_init(&crt) != 0) {
		return false;
	}
	const gnutls_datum_t der = {(unsigned char *)cert->der, (unsigned)cert->der_size};
	bool ok = gnutls_x509_crt_import(crt, &der, GNUTLS_X509_FMT_DER) == 0 &&
			gnutls_pubkey_import_x509(key, crt, 0) == 0;
	gnutls_x509_crt_deinit(crt);
	return ok;
}

bool cert_verify(const struct es_cert *cert, const void *data, size_t data_size,
		const void *signature, size_t signature_size) {
	if (cert->der_size == 0 || signature_size > ES_CERT_MAX_SIGNATURE) {
		return false;
	}
	gnutls_pubkey_t key = NULL;
	if (gnutls_pubkey_init(&key) != 0) {
		return false;
	}
	const gnutls_datum_t text = {(unsigned char *)data, (unsigned)data_size};
	const gnutls_datum_t sig = {(unsigned char *)signature, (unsigned)signature_size};
	bool good = import_public(key, cert) &&
			gnutls_pubkey_verify_data2(key, GNUTLS_SIGN_RSA_SHA256, 0, &text, &sig) >= 0;
	gnutls_pubkey_deinit(key);
	return good;
}

// --- the host's identity

static bool export_key(struct es_identity *identity, gnutls_x509_privkey_t key) {
	size_t size = sizeof(identity->key_pem) - 1;
	if (gnutls_x509_privkey_export_pkcs8(
				key, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN, identity->key_pem, &size) != 0) {
		return false;
	}
	identity->key_pem[size] = '\0';
	return true;
}

static bool export_cert(struct es_identity *identity, gnutls_x509_crt_t crt) {
	size_t size = sizeof(identity->cert_pem) - 1;
	if (gnutls_x509_crt_export(crt, GNUTLS_X509_FMT_PEM, identity->cert_pem, &size) != 0) {
		return false;
	}
	identity->cert_pem[size] = '\0';
	const char *why = NULL;
	return cert_parse_client(&identity->cert, identity->cert_pem, strlen(identity->cert_pem), &why);
}

static bool self_sign(gnutls_x509_crt_t crt, gnutls_x509_privkey_t key, const char *common_name) {
	uint8_t serial[SERIAL_SIZE];
	crypto_random(serial, sizeof(serial));
	serial[0] = (serial[0] & 0x7f) | 0x40; // positive, and of full length
	time_t start = time(NULL) - DAY; // a client's clock may be behind ours
	return gnutls_x509_crt_set_version(crt, 3) == 0 &&
			gnutls_x509_crt_set_serial(crt, serial, sizeof(serial)) == 0 &&
			gnutls_x509_crt_set_activation_time(crt, start) == 0 &&
			gnutls_x509_crt_set_expiration_time(crt, start + VALID_DAYS * DAY) == 0 &&
			gnutls_x509_crt_set_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, common_name,
					(unsigned)strlen(common_name)) == 0 &&
			gnutls_x509_crt_set_key(crt, key) == 0 &&
			gnutls_x509_crt_sign2(crt, crt, key, GNUTLS_DIG_SHA256, 0) == 0;
}

bool identity_generate(struct es_identity *identity, const char *common_name) {
	memset(identity, 0, sizeof(*identity));
	gnutls_x509_privkey_t key = NULL;
	gnutls_x509_crt_t crt = NULL;
	bool ok = gnutls_x509_privkey_init(&key) == 0 && gnutls_x509_crt_init(&crt) == 0 &&
			gnutls_x509_privkey_generate(key, GNUTLS_PK_RSA, MIN_RSA_BITS, 0) == 0 &&
			self_sign(crt, key, common_name) && export_key(identity, key) &&
			export_cert(identity, crt);
	if (crt != NULL) {
		gnutls_x509_crt_deinit(crt);
	}
	if (key != NULL) {
		gnutls_x509_privkey_deinit(key);
	}
	if (!ok) {
		identity_wipe(identity);
	}
	return ok;
}

static bool same_key(gnutls_x509_privkey_t key, const struct es_cert *cert) {
	uint8_t ours[ES_SHA256_SIZE], theirs[ES_SHA256_SIZE];
	size_t ours_size = sizeof(ours), theirs_size = sizeof(theirs);
	gnutls_pubkey_t public = NULL;
	if (gnutls_pubkey_init(&public) != 0) {
		return false;
	}
	bool same = import_public(public, cert) &&
			gnutls_x509_privkey_get_key_id(key, GNUTLS_KEYID_USE_SHA256, ours, &ours_size) == 0 &&
			gnutls_pubkey_get_key_id(public, GNUTLS_KEYID_USE_SHA256, theirs, &theirs_size) == 0 &&
			ours_size == theirs_size && memcmp(ours, theirs, ours_size) == 0;
	gnutls_pubkey_deinit(public);
	return same;
}

static bool import_key(gnutls_x509_privkey_t key, const char *pem) {
	const gnutls_datum_t text = {(unsigned char *)pem, (unsigned)strlen(pem)};
	return gnutls_x509_privkey_import(key, &text, GNUTLS_X509_FMT_PEM) == 0;
}

// Both written anew, whatever line ends they came with.
static bool load_pair(struct es_identity *identity, gnutls_x509_privkey_t key, const char *key_pem,
		const char *cert_pem, const char **why) {
	struct es_cert *cert = &identity->cert;
	if (!cert_parse_client(cert, cert_pem, strlen(cert_pem), why)) {
		return false;
	}
	if (!import_key(key, key_pem)) {
		return refuse(why, "not a private key in PEM without a password");
	}
	if (!same_key(key, cert)) {
		return refuse(why, "the key does not belong to the certificate");
	}
	const gnutls_datum_t der = {cert->der, (unsigned)cert->der_size};
	size_t size = sizeof(identity->cert_pem) - 1;
	if (gnutls_pem_base64_encode("CERTIFICATE", &der, identity->cert_pem, &size) != 0) {
		return refuse(why, "the certificate is too long");
	}
	identity->cert_pem[size] = '\0';
	return export_key(identity, key) || refuse(why, "the key is too long");
}

bool identity_load(
		struct es_identity *identity, const char *key_pem, const char *cert_pem, const char **why) {
	memset(identity, 0, sizeof(*identity));
	gnutls_x509_privkey_t key = NULL;
	if (gnutls_x509_privkey_init(&key) != 0) {
		return refuse(why, "no memory");
	}
	bool ok = load_pair(identity, key, key_pem, cert_pem, why);
	gnutls_x509_privkey_deinit(key);
	if (!ok) {
		identity_wipe(identity);
	}
	return ok;
}

static size_t sign(gnutls_x509_privkey_t x509_key, const void *data, size_t size, uint8_t *out) {
	gnutls_privkey_t key = NULL;
	if (gnutls_privkey_init(&key) != 0) {
		return 0;
	}
	const gnutls_datum_t text = {(unsigned char *)data, (unsigned)size};
	gnutls_datum_t signature = {0};
	size_t written = 0;
	if (gnutls_privkey_import_x509(key, x509_key, 0) == 0 &&
			gnutls_privkey_sign_data2(key, GNUTLS_SIGN_RSA_SHA256, 0, &text, &signature) == 0 &&
			signature.size <= ES_CERT_MAX_SIGNATURE) {
		memcpy(out, signature.data, signature.size);
		written = signature.size;
	}
	gnutls_free(signature.data);
	gnutls_privkey_deinit(key);
	return written;
}

size_t identity_sign(const struct es_identity *identity, const void *data, size_t size,
		uint8_t out[ES_CERT_MAX_SIGNATURE]) {
	gnutls_x509_privkey_t key = NULL;
	if (gnutls_x509_privkey_init(&key) != 0) {
		return 0;
	}
	size_t written = import_key(key, identity->key_pem) ? sign(key, data, size, out) : 0;
	gnutls_x509_privkey_deinit(key);
	return written;
}

void identity_wipe(struct es_identity *identity) {
	crypto_wipe(identity, sizeof(*identity));
}

// --- hex

size_t base64_encode(const void *data, size_t size, char *out) {
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const uint8_t *in = data;
	size_t at = 0;
	for (size_t i = 0; i < size; i += 3) {
		size_t n = size - i < 3 ? size - i : 3;
		uint32_t bits = (uint32_t)in[i] << 16;
		bits |= n > 1 ? (uint32_t)in[i + 1] << 8 : 0;
		bits |= n > 2 ? (uint32_t)in[i + 2] : 0;
		out[at++] = digits[bits >> 18 & 63];
		out[at++] = digits[bits >> 12 & 63];
		out[at++] = n > 1 ? digits[bits >> 6 & 63] : '=';
		out[at++] = n > 2 ? digits[bits & 63] : '=';
	}
	out[at] = '\0';
	return at;
}

void hex_encode(const void *data, size_t size, char *out) {
	static const char digits[] = "0123456789abcdef";
	const uint8_t *bytes = data;
	for (size_t i = 0; i < size; i++) {
		*out++ = digits[bytes[i] >> 4];
		*out++ = digits[bytes[i] & 15];
	}
	*out = '\0';
}

static int hex_value(char c) {
	if (c >= '0' && c <= '9') {
		return c - '0';
	}
	if (c >= 'a' && c <= 'f') {
		return c - 'a' + 10;
	}
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool hex_decode(const char *text, size_t length, void *out, size_t size) {
	if (length % 2 != 0 || length / 2 != size) {
		return false;
	}
	uint8_t *bytes = out;
	for (size_t i = 0; i < size; i++) {
		int high = hex_value(text[2 * i]), low = hex_value(text[2 * i + 1]);
		if (high < 0 || low < 0) {
			return false;
		}
		bytes[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}
