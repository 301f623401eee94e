// One pairing with cert_server and cert_client, all in hex but the PIN.
#pragma once

struct pairing_vector {
	const char *pin;
	const char *salt;
	const char *aes_key;
	const char *server_cert_signature;
	const char *client_cert_signature;
	const char *client_challenge;
	const char *request_clientchallenge;
	const char *server_secret;
	const char *server_challenge;
	const char *server_hash;
	const char *reply_challengeresponse;
	const char *client_secret;
	const char *client_hash;
	const char *request_serverchallengeresp;
	const char *reply_pairingsecret;
	const char *request_clientpairingsecret;
};
extern const struct pairing_vector pairing_vector;
