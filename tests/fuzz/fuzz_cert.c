// A client's certificate: as text, or as the bytes that the text holds. What is taken is whole, says
// the same again, and proves nothing by a signature that is not its key's.
#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/crypto.h"
#include "tests/vectors/test_certs.h"

enum kind { PEM, DER };

static void require(bool holds, const char *what) {
	if (!holds) {
		fprintf(stderr, "cert: %s\n", what);
		abort();
	}
}

static size_t put_base64(char *out, const uint8_t *data, size_t size) {
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t n = 0;
	for (size_t i = 0; i < size; i += 3) {
		size_t left = size - i;
		uint32_t bits = (uint32_t)data[i] << 16 | (left > 1 ? (uint32_t)data[i + 1] << 8 : 0) |
				(left > 2 ? data[i + 2] : 0);
		out[n++] = digits[bits >> 18];
		out[n++] = digits[bits >> 12 & 63];
		out[n++] = left > 1 ? digits[bits >> 6 & 63] : '=';
		out[n++] = left > 2 ? digits[bits & 63] : '=';
		if (i % 48 == 45) {
			out[n++] = '\n';
		}
	}
	return n;
}

// Of that size exactly, so that a sanitizer sees what is read beyond; the caller's to free.
static char *make_pem(const uint8_t *der, size_t der_size, size_t *size) {
	static const char start[] = "-----BEGIN CERTIFICATE-----\n";
	static const char end[] = "\n-----END CERTIFICATE-----";
	char *text = malloc(2 * der_size + sizeof(start) + sizeof(end));
	if (text == NULL) {
		abort();
	}
	memcpy(text, start, strlen(start));
	*size = strlen(start);
	*size += put_base64(text + *size, der, der_size);
	memcpy(text + *size, end, strlen(end));
	*size += strlen(end);
	char *exact = realloc(text, *size);
	return exact != NULL ? exact : text;
}

static void check_taken(const struct es_cert *cert) {
	static const uint8_t signature[ES_CERT_MAX_SIGNATURE];
	require(cert->der_size > 0 && cert->der_size <= ES_CERT_MAX_DER, "size");
	require(cert->signature_size > 0 && cert->signature_size <= ES_CERT_MAX_SIGNATURE, "signature");
	require(!cert_verify(cert, "text", 4, signature, 256), "signed by nobody");
	const uint8_t *der = cert->der;
	require(der[0] == 0x30 && der[1] == 0x82 &&
					cert->der_size == 4u + ((size_t)der[2] << 8 | der[3]),
			"bytes after the certificate");
	static struct es_cert again;
	const char *why = NULL;
	size_t size = 0;
	char *pem = make_pem(cert->der, cert->der_size, &size);
	require(cert_parse_client(&again, pem, size, &why), "not taken again");
	require(memcmp(cert, &again, sizeof(again)) == 0, "another one when written anew");
	free(pem);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	if (size == 0 || size > ES_CERT_MAX_PEM / 2) {
		return 0;
	}
	static struct es_cert cert;
	const char *why = NULL;
	size_t text_size = 0;
	bool is_der = data[0] % 2 == DER;
	char *pem = is_der ? make_pem(data + 1, size - 1, &text_size) : NULL;
	bool ok = is_der ? cert_parse_client(&cert, pem, text_size, &why)
					 : cert_parse_client(&cert, (const char *)data + 1, size - 1, &why);
	free(pem);
	require(ok == (why == NULL), "a reason if and only if refused");
	if (!ok) {
		require(cert.der_size == 0 && cert.signature_size == 0, "refused, but filled in");
		return 0;
	}
	require(!is_der || (cert.der_size == size - 1 && memcmp(cert.der, data + 1, size - 1) == 0),
			"other bytes");
	check_taken(&cert);
	return 0;
}

static size_t seed_text(const char *pem, uint8_t *out, size_t cap) {
	if (strlen(pem) + 1 > cap) {
		return 0;
	}
	out[0] = PEM;
	memcpy(out + 1, pem, strlen(pem));
	return strlen(pem) + 1;
}

static size_t seed_bytes(const char *pem, uint8_t *out, size_t cap) {
	struct es_cert cert;
	const char *why = NULL;
	if (!cert_parse_client(&cert, pem, strlen(pem), &why) || cert.der_size + 1 > cap) {
		return 0;
	}
	out[0] = DER;
	memcpy(out + 1, cert.der, cert.der_size);
	return cert.der_size + 1;
}

size_t fuzz_seed(size_t index, uint8_t *out, size_t cap) {
	static const char *const bytes[] = {cert_client_pem, cert_serial0_pem, cert_odd_pem,
			cert_nosign_pem, cert_noca_pem, cert_v1_pem};
	static const char *const texts[] = {cert_ec_pem, cert_client_pem, cert_ca_pem, cert_pss_pem};
	size_t n_bytes = sizeof(bytes) / sizeof(bytes[0]);
	if (index < n_bytes) {
		return seed_bytes(bytes[index], out, cap);
	}
	index -= n_bytes;
	return index < sizeof(texts) / sizeof(texts[0]) ? seed_text(texts[index], out, cap) : 0;
}
