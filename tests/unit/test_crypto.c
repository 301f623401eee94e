#include "protocol/crypto.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/vectors/pairing_vectors.h"
#include "tests/vectors/test_certs.h"

static const uint8_t key[ES_KEY_SIZE] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

static size_t unhex(const char *hex, uint8_t *out) {
	assert_true(hex_decode(hex, strlen(hex), out, strlen(hex) / 2));
	return strlen(hex) / 2;
}

static void assert_hex(const char *expected, const void *data, size_t size) {
	char *text = malloc(2 * size + 1);
	assert_non_null(text);
	hex_encode(data, size, text);
	assert_string_equal(expected, text);
	free(text);
}

static void test_hex(void **state) {
	uint8_t out[4] = {0};
	assert_true(hex_decode("00fFAb9a", 8, out, 4));
	assert_hex("00ffab9a", out, 4);
	assert_true(hex_decode("", 0, out, 0));
	static const char *const bad[] = {"00", "0011223", "001122334", "0011223344", "0011 233",
			"001122g3", "0x112233", "001122-3"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_false(hex_decode(bad[i], strlen(bad[i]), out, 4));
	}
	assert_false(hex_decode("00112233", 6, out, 4)); // the length counts, not the NUL
}

static void test_sha256(void **state) {
	uint8_t hash[ES_SHA256_SIZE];
	crypto_sha256("abc", 3, hash);
	assert_hex("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", hash, 32);
	crypto_sha256(NULL, 0, hash);
	assert_hex("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", hash, 32);
	const struct es_sha256_part parts[] = {{"a", 1}, {NULL, 0}, {"bc", 2}};
	crypto_sha256_parts(parts, 3, hash);
	assert_hex("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", hash, 32);
}

static void test_equal_and_random(void **state) {
	uint8_t a[32] = {0}, b[32] = {0};
	assert_true(crypto_equal(a, b, 32));
	b[31] = 1;
	assert_false(crypto_equal(a, b, 32));
	assert_true(crypto_equal(a, b, 31));
	assert_true(crypto_equal(NULL, NULL, 0));
	crypto_random(a, sizeof(a));
	crypto_random(b, sizeof(b));
	assert_memory_not_equal(a, b, 32);
	static const uint8_t zeros[32];
	crypto_wipe(a, sizeof(a));
	assert_memory_equal(a, zeros, 32);
}

struct gcm_vector {
	const char *name, *iv, *plain, *tag, *sealed;
};

static const struct gcm_vector gcm_vectors[] = {
		{"control: C2H request IDR seq0", "000000000000000000004343", "020302000000",
				"22302723537811166cb9bfead7dad457", "5cd629f5cafe"},
		{"control: C2H periodic ping seq 2", "020000000000000000004343", "000208000400000000000000",
				"cba7578964fa4fa8e7185416b33e29f8", "a54e75964ddf1abd0172cdfb"},
		{"control: C2H input abs mouse seq 0x10203", "030201000000000000004343",
				"060212000000000e05000000006400c8000004ff02cf", "45fbeaf27429d6bbd4f8a4529bcb8f4f",
				"cdb51f8e9485a66c4f6662f2881786264883d5a0b64c"},
		{"control: H2C rumble seq 0", "000000000000000000004843", "0b010a00eeffc000000034127856",
				"6d86c62d71e75c4f970cdd88219010f2", "f0dd40daa1c72822c88f91861cf7"},
		{"control: H2C terminate graceful seq 5", "050000000000000000004843", "0901040080030023",
				"259967ca86bc36b235dcb7fd8b94fcc3", "35877b0b3822b684"},
		{"control: legacy IDR, 16-byte IV", "07000000000000000000000000000000", "020302000000",
				"a654ff3114122bdd1fcb7419f691bcc8", "333ec0e24a48"},
		{"RTSP C2H seq1", "010000000000000000004352",
				"4f5054494f4e5320727473703a2f2f3139322e302e322e313a343830313020525453502f312e300d"
				"0a435365713a20310d0a582d47532d436c69656e7456657273696f6e3a2031340d0a486f73743a20"
				"3139322e302e322e310d0a0d0a",
				"3162e78f042afa236c6d1a51d3a9c7a5",
				"9fe452003a42126629e9a38daca4f662b7b6c5ec51a8166091088531908f95fb5c439bd2042b7c54"
				"b2df33cfddd2062af584a78c1b2d22b1e3bc8bf770aa2f9236b66e91b95c47fd0b5760980f6856ef"
				"914e57735682865b8577b5bceb"},
		{"RTSP H2C seq1", "010000000000000000004852",
				"525453502f312e3020323030204f4b0d0a435365713a20310d0a0d0a",
				"f1734c68fca6356daf5717bc54c6f6a2",
				"600872b43a271f6b4fc685cedf9a7cb84351077c0cc521456e1d06e9"},
		{"video block", "050000000000000000000056",
				"90000000000015f90000000000000000000000000100000007001000800c40000125000210000000"
				"0000000167640028",
				"0ffd6e275fce5febe03da81374ed6a4b",
				"fa9712dcf1b2008abd0acd031f23aa957e86672799d9a06a206cecf8ff045b9b7d8c85c907a63f96"
				"0eb42b8d4068db37"},
};

static void check_vector(const struct gcm_vector *vector) {
	uint8_t iv[16], plain[256], tag[ES_TAG_SIZE], sealed[256], out[256], out_tag[ES_TAG_SIZE];
	size_t iv_size = unhex(vector->iv, iv), size = unhex(vector->plain, plain);
	assert_int_equal(size, unhex(vector->sealed, sealed));
	assert_int_equal(ES_TAG_SIZE, unhex(vector->tag, tag));
	struct es_gcm *gcm = gcm_create(key);
	assert_non_null(gcm);
	gcm_seal(gcm, iv, iv_size, plain, size, out, out_tag);
	assert_memory_equal(sealed, out, size);
	assert_memory_equal(tag, out_tag, ES_TAG_SIZE);
	assert_true(gcm_open(gcm, iv, iv_size, sealed, size, tag, out));
	assert_memory_equal(plain, out, size);
	gcm_destroy(gcm);
}

static void test_gcm_vectors(void **state) {
	for (size_t i = 0; i < sizeof(gcm_vectors) / sizeof(gcm_vectors[0]); i++) {
		check_vector(&gcm_vectors[i]);
	}
}

static void check_both_ways(struct es_gcm *gcm, size_t iv_size, size_t size) {
	static uint8_t plain[2100], sealed[2100], zeros[2100];
	uint8_t iv[16], tag[ES_TAG_SIZE], tag2[ES_TAG_SIZE];
	crypto_random(plain, size);
	crypto_random(iv, sizeof(iv));
	gcm_seal(gcm, iv, iv_size, plain, size, sealed, tag);
	memcpy(sealed + size, plain, 16); // must stay
	if (size >= 8) {
		assert_memory_not_equal(plain, sealed, size);
	}
	uint8_t in_place[2100];
	memcpy(in_place, plain, size);
	gcm_seal(gcm, iv, iv_size, in_place, size, in_place, tag2);
	assert_memory_equal(in_place, sealed, size);
	assert_memory_equal(tag, tag2, ES_TAG_SIZE);
	assert_true(gcm_open(gcm, iv, iv_size, in_place, size, tag, in_place));
	assert_memory_equal(plain, in_place, size);
	for (size_t bit = 0; bit < 8 * ES_TAG_SIZE; bit += 7) {
		tag2[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_false(gcm_open(gcm, iv, iv_size, sealed, size, tag2, in_place));
		assert_memory_equal(zeros, in_place, size);
		tag2[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	if (size > 0) {
		sealed[size / 2] ^= 1;
		assert_false(gcm_open(gcm, iv, iv_size, sealed, size, tag, in_place));
		sealed[size / 2] ^= 1;
	}
	iv[iv_size - 1] ^= 1;
	assert_false(gcm_open(gcm, iv, iv_size, sealed, size, tag, in_place));
	assert_memory_equal(sealed + size, plain, size < 16 ? size : 16);
}

static void test_gcm_sizes(void **state) {
	struct es_gcm *gcm = gcm_create(key);
	assert_non_null(gcm);
	for (size_t size = 0; size < 300; size++) {
		check_both_ways(gcm, 12, size);
		check_both_ways(gcm, 16, size);
	}
	check_both_ways(gcm, 12, 1424);
	check_both_ways(gcm, 16, 2048);
	gcm_destroy(gcm);
	gcm_destroy(NULL);
}

// The first test cases of the mode's definition.
static void test_gcm_definition(void **state) {
	static const uint8_t zero_key[ES_KEY_SIZE], zeros[16];
	uint8_t tag[ES_TAG_SIZE], out[16];
	struct es_gcm *gcm = gcm_create(zero_key);
	assert_non_null(gcm);
	gcm_seal(gcm, zeros, 12, NULL, 0, NULL, tag);
	assert_hex("58e2fccefa7e3061367f1d57a4e7455a", tag, 16);
	gcm_seal(gcm, zeros, 12, zeros, 16, out, tag);
	assert_hex("0388dace60b6a392f328c2b971b2fe78", out, 16);
	assert_hex("ab6e47d42cec13bdf53a67b21257bddf", tag, 16);
	assert_true(gcm_open(gcm, zeros, 12, NULL, 0,
			(const uint8_t *)"\x58\xe2\xfc\xce\xfa\x7e\x30\x61\x36\x7f\x1d\x57\xa4\xe7\x45\x5a",
			NULL));
	gcm_destroy(gcm);
}

static void test_cbc(void **state) {
	uint8_t iv[16], plain[20], out[48];
	unhex("01020406000000000000000000000000", iv);
	assert_int_equal(20, unhex("fc0102030405060708090a0b0c0d0e0f10111213", plain));
	assert_int_equal(32, crypto_cbc_encrypt(key, iv, plain, 20, out, 32));
	assert_hex("d21e9d66f4c992f0bc077afe0853d29f9abae22e77f6d30c2a8ce013f66ac6f7", out, 32);
	memcpy(out, plain, 20);
	assert_int_equal(32, crypto_cbc_encrypt(key, iv, out, 20, out, sizeof(out))); // in place
	assert_hex("d21e9d66f4c992f0bc077afe0853d29f9abae22e77f6d30c2a8ce013f66ac6f7", out, 32);
	assert_int_equal(0, crypto_cbc_encrypt(key, iv, plain, 20, out, 31));
	assert_int_equal(0, crypto_cbc_encrypt(key, iv, plain, 16, out, 16));
	assert_int_equal(32, crypto_cbc_encrypt(key, iv, plain, 16, out, 32));
	assert_int_equal(16, crypto_cbc_encrypt(key, iv, NULL, 0, out, 16));
	assert_int_equal(0, crypto_cbc_encrypt(key, iv, NULL, 0, out, 0));
	assert_int_equal(0, crypto_cbc_encrypt(key, iv, plain, SIZE_MAX, out, 48));
}

static void test_ecb(void **state) {
	// FIPS 197, appendix C.1
	uint8_t block[32], out[32];
	unhex("00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff", block);
	crypto_ecb_encrypt(key, block, 32, out);
	assert_hex("69c4e0d86a7b0430d8cdb78070b4c55a69c4e0d86a7b0430d8cdb78070b4c55a", out, 32);
	crypto_ecb_decrypt(key, out, 32, out);
	assert_memory_equal(block, out, 32);
}

// --- certificates

static bool parse(const char *pem, const char **why) {
	struct es_cert *cert = malloc(sizeof(*cert));
	assert_non_null(cert);
	*why = NULL;
	bool ok = cert_parse_client(cert, pem, strlen(pem), why);
	assert_true(ok == (*why == NULL));
	assert_true(ok == (cert->der_size > 0));
	free(cert);
	return ok;
}

static void test_certs_taken(void **state) {
	static const char *const pems[] = {cert_client_pem, cert_server_pem, cert_serial0_pem,
			cert_odd_pem, cert_noca_pem, cert_v1_pem, cert_expired_pem, cert_future_pem,
			cert_rsa4096_pem};
	for (size_t i = 0; i < sizeof(pems) / sizeof(pems[0]); i++) {
		const char *why = NULL;
		if (!parse(pems[i], &why)) {
			fail_msg("certificate %zu: %s", i, why);
		}
	}
}

static void refuse(const char *pem, const char *part_of_why) {
	const char *why = NULL;
	assert_false(parse(pem, &why));
	if (strstr(why, part_of_why) == NULL) {
		fail_msg("\"%s\" instead of \"%s\"", why, part_of_why);
	}
}

static void test_certs_refused(void **state) {
	refuse(cert_ca_pem, "authority");
	refuse(cert_nosign_pem, "key usage");
	refuse(cert_ec_pem, "not an RSA key");
	refuse(cert_ed_pem, "not an RSA key");
	refuse(cert_pss_pem, "not an RSA key");
	refuse(cert_rsa1024_pem, "2048 to 4096");
	refuse(cert_rsa4104_pem, "2048 to 4096");
	refuse(key_client_pem, "not one certificate");
	refuse("", "not one certificate");
	refuse("-----BEGIN CERTIFICATE-----", "not one certificate");
	refuse("-----BEGIN CERTIFICATE----------END CERTIFICATE-----", "certificate");
	refuse("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n", "certificate");
	refuse("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "certificate");
}

// Text around the one certificate, or a second one.
static void test_certs_with_more(void **state) {
	char text[ES_CERT_MAX_PEM + 2];
	snprintf(text, sizeof(text), "%s%s", cert_client_pem, cert_server_pem);
	refuse(text, "not one certificate");
	snprintf(text, sizeof(text), "%s%s", cert_client_pem, key_client_pem);
	refuse(text, "not one certificate");
	snprintf(text, sizeof(text), "subject=x\n%s", cert_client_pem);
	refuse(text, "not one certificate");
	snprintf(text, sizeof(text), "%sx", cert_client_pem);
	refuse(text, "not one certificate");
	const char *why = NULL;
	snprintf(text, sizeof(text), "%s\r\n \n", cert_client_pem);
	assert_true(parse(text, &why));
	memset(text, '\n', sizeof(text) - 1);
	memcpy(text, cert_client_pem, strlen(cert_client_pem));
	text[sizeof(text) - 1] = '\0';
	refuse(text, "too long");
	struct es_cert cert;
	snprintf(text, sizeof(text), "%s", cert_client_pem);
	assert_false(cert_parse_client(&cert, text, strlen(text) + 1, &why)); // an embedded NUL
}

// Each cut and each changed byte is refused or is a whole certificate; a sanitizer looks on.
static void test_certs_damaged(void **state) {
	struct es_cert cert;
	const char *why = NULL;
	size_t size = strlen(cert_client_pem);
	for (size_t n = 0; n < size - 1; n++) {
		assert_false(cert_parse_client(&cert, cert_client_pem, n, &why));
	}
	char *text = malloc(size);
	assert_non_null(text);
	for (size_t i = 0; i < size; i++) {
		memcpy(text, cert_client_pem, size);
		text[i] = text[i] == 'A' ? 'B' : 'A';
		if (cert_parse_client(&cert, text, size, &why)) {
			assert_true(cert.der_size > 0 && cert.signature_size > 0);
		}
	}
	free(text);
}

static void test_cert_fields(void **state) {
	struct es_cert cert;
	const char *why = NULL;
	assert_true(cert_parse_client(&cert, cert_client_pem, strlen(cert_client_pem), &why));
	assert_int_equal(0x2c3, cert.der_size);
	assert_int_equal(256, cert.signature_size);
	assert_hex(pairing_vector.client_cert_signature, cert.signature, cert.signature_size);
	uint8_t hash[ES_SHA256_SIZE];
	crypto_sha256(cert.der, cert.der_size, hash);
	assert_memory_equal(hash, cert.fingerprint, sizeof(hash));
}

static void test_verify(void **state) {
	struct es_cert client, server;
	const char *why = NULL;
	assert_true(cert_parse_client(&client, cert_client_pem, strlen(cert_client_pem), &why));
	assert_true(cert_parse_client(&server, cert_server_pem, strlen(cert_server_pem), &why));
	uint8_t secret[16 + 256];
	assert_int_equal(sizeof(secret), unhex(pairing_vector.request_clientpairingsecret, secret));
	uint8_t *signature = secret + 16;
	assert_true(cert_verify(&client, secret, 16, signature, 256));
	assert_false(cert_verify(&server, secret, 16, signature, 256));
	assert_false(cert_verify(&client, secret, 15, signature, 256));
	assert_false(cert_verify(&client, secret, 16, signature, 255));
	assert_false(cert_verify(&client, secret, 16, signature, 0));
	assert_false(cert_verify(&client, secret, 16, signature, ES_CERT_MAX_SIGNATURE + 1));
	signature[255] ^= 1;
	assert_false(cert_verify(&client, secret, 16, signature, 256));
	static const struct es_cert none;
	assert_false(cert_verify(&none, secret, 16, signature, 256));
}

static void test_identity_load(void **state) {
	struct es_identity host;
	const char *why = NULL;
	assert_true(identity_load(&host, key_server_pem, cert_server_pem, &why));
	assert_string_equal(cert_server_pem, host.cert_pem);
	assert_hex(pairing_vector.server_cert_signature, host.cert.signature, host.cert.signature_size);
	uint8_t reply[16 + ES_CERT_MAX_SIGNATURE];
	unhex(pairing_vector.server_secret, reply);
	assert_int_equal(256, identity_sign(&host, reply, 16, reply + 16));
	assert_hex(pairing_vector.reply_pairingsecret, reply, 16 + 256);
	assert_false(identity_load(&host, key_client_pem, cert_server_pem, &why));
	assert_string_equal("", host.key_pem);
	assert_false(identity_load(&host, "", cert_server_pem, &why));
	assert_false(identity_load(&host, cert_server_pem, cert_server_pem, &why));
	assert_false(identity_load(&host, key_server_pem, "", &why));
	assert_false(identity_load(&host, key_server_pem, key_server_pem, &why));
	assert_int_equal(0, identity_sign(&host, reply, 16, reply + 16));
}

static void test_identity_generate(void **state) {
	struct es_identity host, again;
	const char *why = NULL;
	assert_true(identity_generate(&host, "Earthshine \xc3\xa4"));
	assert_null(strchr(host.cert_pem, '\r'));
	assert_true(identity_load(&again, host.key_pem, host.cert_pem, &why));
	assert_string_equal(host.cert_pem, again.cert_pem);
	assert_string_equal(host.key_pem, again.key_pem);
	assert_memory_equal(&host.cert, &again.cert, sizeof(host.cert));
	uint8_t signature[ES_CERT_MAX_SIGNATURE];
	assert_int_equal(256, identity_sign(&host, "text", 4, signature));
	assert_true(cert_verify(&again.cert, "text", 4, signature, 256));
	assert_true(identity_generate(&again, "Earthshine"));
	assert_memory_not_equal(host.cert.fingerprint, again.cert.fingerprint, ES_SHA256_SIZE);
	identity_wipe(&host);
	static const struct es_identity zero;
	assert_memory_equal(&zero, &host, sizeof(zero));
}

int main(void) {
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(test_hex),
			cmocka_unit_test(test_sha256),
			cmocka_unit_test(test_equal_and_random),
			cmocka_unit_test(test_gcm_vectors),
			cmocka_unit_test(test_gcm_sizes),
			cmocka_unit_test(test_gcm_definition),
			cmocka_unit_test(test_cbc),
			cmocka_unit_test(test_ecb),
			cmocka_unit_test(test_certs_taken),
			cmocka_unit_test(test_certs_refused),
			cmocka_unit_test(test_certs_with_more),
			cmocka_unit_test(test_certs_damaged),
			cmocka_unit_test(test_cert_fields),
			cmocka_unit_test(test_verify),
			cmocka_unit_test(test_identity_load),
			cmocka_unit_test(test_identity_generate),
	};
	return cmocka_run_group_tests_name("crypto", tests, NULL, NULL);
}
