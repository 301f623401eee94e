// Certificates for tests, with the keys of two of them. All were made for this purpose and protect
// nothing.
#pragma once

extern const char cert_server_pem[]; // the host of the pairing vectors
extern const char cert_client_pem[]; // the client of the pairing vectors
extern const char cert_serial0_pem[]; // serial number 0, as Moonlight makes them
extern const char cert_odd_pem[]; // unknown critical extension, odd key usage
extern const char cert_nosign_pem[]; // key usage: no digital signature
extern const char cert_noca_pem[]; // CA:FALSE said
extern const char cert_v1_pem[]; // X.509 version 1
extern const char cert_expired_pem[]; // valid on one day of 1970
extern const char cert_future_pem[]; // valid from 2091
extern const char cert_rsa4096_pem[]; // RSA-4096
extern const char cert_ca_pem[]; // CA:TRUE
extern const char cert_ec_pem[]; // P-256
extern const char cert_ed_pem[]; // Ed25519
extern const char cert_rsa1024_pem[]; // RSA-1024
extern const char cert_rsa4104_pem[]; // RSA-4104
extern const char cert_pss_pem[]; // RSA-PSS only

extern const char key_server_pem[];
extern const char key_client_pem[];
