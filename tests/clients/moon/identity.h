// The client's key and certificate, and the host's certificate that pairing has brought, in a folder.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MOON_PEM_MAX 8192
#define MOON_SIGNATURE_MAX 512

struct es_moon_identity {
	char key_path[512], cert_path[512], server_path[512];
	char cert_pem[MOON_PEM_MAX];
	uint8_t signature[MOON_SIGNATURE_MAX]; // of cert_pem
	size_t signature_size;
	char server_pem[MOON_PEM_MAX]; // "": not paired
};

// Reads the folder; makes key and certificate as Moonlight does (RSA-2048, serial number 0) if there
// are none yet. False after a message.
bool identity_open(struct es_moon_identity *identity, const char *folder);
// Signature by the client's key, 0 on failure.
size_t identity_sign_data(const struct es_moon_identity *identity, const void *data, size_t size,
		uint8_t out[MOON_SIGNATURE_MAX]);
// Keeps the host's certificate from now on.
bool identity_trust(struct es_moon_identity *identity, const char *pem);

// The signatureValue of a PEM certificate, 0 if it is none.
size_t pem_signature(const char *pem, uint8_t out[MOON_SIGNATURE_MAX]);
// Whether the signature is by the key of the PEM certificate.
bool pem_verify(const char *pem, const void *data, size_t size, const void *signature,
		size_t signature_size);
// Whether both are the same certificate, byte by byte.
bool pem_same(const char *a, const char *b);
