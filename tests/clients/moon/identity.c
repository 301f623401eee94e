#include "tests/clients/moon/identity.h"

#include <errno.h>
#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "tests/clients/moon/say.h"

#define NAME "NVIDIA GameStream Client"
#define YEARS_20_S (INT64_C(20) * 365 * 24 * 3600)

static bool read_text(const char *path, char *out, size_t cap) {
	FILE *file = fopen(path, "re");
	if (file == NULL) {
		return false;
	}
	size_t size = fread(out, 1, cap - 1, file);
	out[size] = '\0';
	fclose(file);
	return size > 0;
}

static bool write_text(const char *path, const char *text) {
	FILE *file = fopen(path, "we");
	bool ok = file != NULL && fputs(text, file) >= 0;
	if (file != NULL && fclose(file) != 0) {
		ok = false;
	}
	if (!ok) {
		say_error("cannot write %s: %s", path, strerror(errno));
	}
	return ok;
}

static gnutls_x509_crt_t parse_pem(const char *pem) {
	gnutls_x509_crt_t cert;
	if (gnutls_x509_crt_init(&cert) < 0) {
		return NULL;
	}
	gnutls_datum_t text = {(unsigned char *)(uintptr_t)pem, (unsigned int)strlen(pem)};
	if (gnutls_x509_crt_import(cert, &text, GNUTLS_X509_FMT_PEM) < 0) {
		gnutls_x509_crt_deinit(cert);
		return NULL;
	}
	return cert;
}

static gnutls_privkey_t load_key(const char *path) {
	char pem[MOON_PEM_MAX];
	gnutls_privkey_t key;
	if (!read_text(path, pem, sizeof(pem)) || gnutls_privkey_init(&key) < 0) {
		return NULL;
	}
	gnutls_datum_t text = {(unsigned char *)pem, (unsigned int)strlen(pem)};
	if (gnutls_privkey_import_x509_raw(key, &text, GNUTLS_X509_FMT_PEM, NULL, 0) < 0) {
		gnutls_privkey_deinit(key);
		return NULL;
	}
	return key;
}

static size_t sign(
		gnutls_privkey_t key, const void *data, size_t size, uint8_t out[MOON_SIGNATURE_MAX]) {
	gnutls_datum_t text = {(unsigned char *)(uintptr_t)data, (unsigned int)size}, signature;
	if (gnutls_privkey_sign_data(key, GNUTLS_DIG_SHA256, 0, &text, &signature) < 0) {
		return 0;
	}
	size_t n = signature.size <= MOON_SIGNATURE_MAX ? signature.size : 0;
	memcpy(out, signature.data, n);
	gnutls_free(signature.data);
	return n;
}

// GnuTLS refuses the serial number 0, which every Moonlight has: it is put in afterwards, and the
// certificate signed again.
static bool set_serial_zero(gnutls_datum_t *der, gnutls_privkey_t key) {
	static const uint8_t version_and_serial[] = {0xa0, 3, 2, 1, 2, 2, 1, 1};
	uint8_t *tbs = der->data + 4; // of SEQUENCE with a length in two bytes
	size_t tbs_size = 4 + (size_t)(tbs[2] << 8 | tbs[3]);
	uint8_t signature[MOON_SIGNATURE_MAX];
	if (tbs[1] != 0x82 || memcmp(tbs + 4, version_and_serial, sizeof(version_and_serial)) != 0) {
		return false;
	}
	tbs[4 + sizeof(version_and_serial) - 1] = 0;
	size_t size = sign(key, tbs, tbs_size, signature);
	if (size == 0 || size > der->size - tbs_size) {
		return false;
	}
	memcpy(der->data + der->size - size, signature, size);
	return true;
}

static bool fill_cert(gnutls_x509_crt_t cert, gnutls_x509_privkey_t key) {
	static const uint8_t serial = 1;
	time_t now = time(NULL);
	return gnutls_x509_crt_set_version(cert, 3) >= 0 &&
			gnutls_x509_crt_set_serial(cert, &serial, 1) >= 0 &&
			gnutls_x509_crt_set_activation_time(cert, now - 60) >= 0 &&
			gnutls_x509_crt_set_expiration_time(cert, now + YEARS_20_S) >= 0 &&
			gnutls_x509_crt_set_dn_by_oid(
					cert, GNUTLS_OID_X520_COMMON_NAME, 0, NAME, sizeof(NAME) - 1) >= 0 &&
			gnutls_x509_crt_set_key(cert, key) >= 0 &&
			gnutls_x509_crt_sign2(cert, cert, key, GNUTLS_DIG_SHA256, 0) >= 0;
}

static bool write_datum(const char *path, const gnutls_datum_t *pem) {
	char text[MOON_PEM_MAX];
	snprintf(text, sizeof(text), "%.*s", (int)pem->size, (const char *)pem->data);
	return write_text(path, text);
}

static bool write_cert(
		const struct es_moon_identity *identity, gnutls_x509_crt_t cert, gnutls_privkey_t key) {
	gnutls_datum_t der = {0}, pem = {0};
	bool ok = gnutls_x509_crt_export2(cert, GNUTLS_X509_FMT_DER, &der) >= 0 &&
			set_serial_zero(&der, key) &&
			gnutls_pem_base64_encode2("CERTIFICATE", &der, &pem) >= 0 &&
			write_datum(identity->cert_path, &pem);
	gnutls_free(der.data);
	gnutls_free(pem.data);
	return ok;
}

static bool make(const struct es_moon_identity *identity) {
	gnutls_x509_privkey_t key = NULL;
	gnutls_x509_crt_t cert = NULL;
	gnutls_privkey_t signer = NULL;
	gnutls_datum_t pem = {0};
	bool ok = gnutls_x509_privkey_init(&key) >= 0 &&
			gnutls_x509_privkey_generate(key, GNUTLS_PK_RSA, 2048, 0) >= 0 &&
			gnutls_x509_privkey_export2(key, GNUTLS_X509_FMT_PEM, &pem) >= 0 &&
			write_datum(identity->key_path, &pem) && gnutls_x509_crt_init(&cert) >= 0 &&
			fill_cert(cert, key) && (signer = load_key(identity->key_path)) != NULL &&
			write_cert(identity, cert, signer);
	gnutls_free(pem.data);
	gnutls_privkey_deinit(signer);
	gnutls_x509_crt_deinit(cert);
	gnutls_x509_privkey_deinit(key);
	return ok;
}

bool identity_open(struct es_moon_identity *identity, const char *folder) {
	memset(identity, 0, sizeof(*identity));
	mkdir(folder, 0700);
	snprintf(identity->key_path, sizeof(identity->key_path), "%s/client.key", folder);
	snprintf(identity->cert_path, sizeof(identity->cert_path), "%s/client.pem", folder);
	snprintf(identity->server_path, sizeof(identity->server_path), "%s/server.pem", folder);
	if (!read_text(identity->cert_path, identity->cert_pem, sizeof(identity->cert_pem)) &&
			(!make(identity) ||
					!read_text(
							identity->cert_path, identity->cert_pem, sizeof(identity->cert_pem)))) {
		say_error("cannot make a key and a certificate in %s", folder);
		return false;
	}
	read_text(identity->server_path, identity->server_pem, sizeof(identity->server_pem));
	identity->signature_size = pem_signature(identity->cert_pem, identity->signature);
	return identity->signature_size > 0;
}

size_t identity_sign_data(const struct es_moon_identity *identity, const void *data, size_t size,
		uint8_t out[MOON_SIGNATURE_MAX]) {
	gnutls_privkey_t key = load_key(identity->key_path);
	size_t n = key != NULL ? sign(key, data, size, out) : 0;
	gnutls_privkey_deinit(key);
	return n;
}

bool identity_trust(struct es_moon_identity *identity, const char *pem) {
	snprintf(identity->server_pem, sizeof(identity->server_pem), "%s", pem);
	return write_text(identity->server_path, pem);
}

size_t pem_signature(const char *pem, uint8_t out[MOON_SIGNATURE_MAX]) {
	gnutls_x509_crt_t cert = parse_pem(pem);
	size_t size = MOON_SIGNATURE_MAX;
	if (cert == NULL || gnutls_x509_crt_get_signature(cert, (char *)out, &size) < 0) {
		size = 0;
	}
	gnutls_x509_crt_deinit(cert);
	return size;
}

bool pem_verify(const char *pem, const void *data, size_t size, const void *signature,
		size_t signature_size) {
	gnutls_x509_crt_t cert = parse_pem(pem);
	gnutls_pubkey_t key = NULL;
	gnutls_datum_t text = {(unsigned char *)(uintptr_t)data, (unsigned int)size};
	gnutls_datum_t proof = {(unsigned char *)(uintptr_t)signature, (unsigned int)signature_size};
	bool ok = cert != NULL && gnutls_pubkey_init(&key) >= 0 &&
			gnutls_pubkey_import_x509(key, cert, 0) >= 0 &&
			gnutls_pubkey_verify_data2(key, GNUTLS_SIGN_RSA_SHA256, 0, &text, &proof) >= 0;
	gnutls_pubkey_deinit(key);
	gnutls_x509_crt_deinit(cert);
	return ok;
}

bool pem_same(const char *a, const char *b) {
	gnutls_x509_crt_t first = parse_pem(a), second = parse_pem(b);
	bool same = first != NULL && second != NULL && gnutls_x509_crt_equals(first, second) != 0;
	gnutls_x509_crt_deinit(first);
	gnutls_x509_crt_deinit(second);
	return same;
}
