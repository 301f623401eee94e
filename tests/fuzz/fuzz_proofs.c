// The file of what is known of the encoders: what is taken is written again as it is, and what is not
// leaves nothing behind.
#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/proofs.h"
#include "host/safe_text.h"

static void require(bool holds, const char *what) {
	if (!holds) {
		fprintf(stderr, "proofs: %s\n", what);
		abort();
	}
}

static void check_proof(const struct es_proof *proof) {
	require((unsigned)proof->state < ES_PROOF_STATE_COUNT &&
					(unsigned)proof->codec < ES_CODEC_COUNT,
			"a state or codec");
	require(proof->fps >= 0 && proof->fps <= 1e6, "a rate");
	require(proof->encoder[0] != '\0', "an encoder");
	require(proof->reason[0] == '\0' || safe_text_is(proof->reason), "a reason");
}

static void check_written(const struct es_proofs *proofs) {
	static struct es_proofs again;
	size_t size;
	char *text = proofs_format(proofs, &size);
	require(text != NULL && proofs_parse(&again, text, size), "what was written is taken");
	require(again.n == proofs->n, "as many");
	for (size_t i = 0; i < again.n; i++) {
		require(memcmp(&again.items[i], &proofs->items[i], sizeof(again.items[i])) == 0,
				"the same");
	}
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	static struct es_proofs proofs;
	struct es_proof proof = {.codec = ES_CODEC_H264};
	char *text = malloc(size + 1);
	if (text == NULL) {
		return 0;
	}
	memcpy(text, data, size);
	text[size] = '\0';
	if (proofs_parse(&proofs, text, size)) {
		for (size_t i = 0; i < proofs.n; i++) {
			check_proof(&proofs.items[i]);
		}
		check_written(&proofs);
	} else {
		require(proofs.n == 0, "nothing is left");
	}
	// The same bytes as what a trial has printed.
	snprintf(proof.encoder, sizeof(proof.encoder), "vaapi");
	proof_conclude(&proof, &(struct es_trial){.output = text});
	check_proof(&proof);
	free(text);
	return 0;
}

size_t fuzz_seed(size_t index, uint8_t *out, size_t cap) {
	static const char *const seeds[] = {
			"{\"format\":2,\"proofs\":[{\"node\":\"/dev/dri/renderD128\",\"key\":\"0123456789abcdef\","
			"\"boot\":\"b\",\"encoder\":\"vaapi\",\"codec\":\"h264\",\"state\":\"ok\",\"fps\":120.5,"
			"\"reason\":\"\",\"without\":\"XB24:linear\"},{\"node\":\"\",\"key\":\"k\",\"boot\":\"\",\"encoder\":\"fake\","
			"\"codec\":\"av1\",\"state\":\"timed-out\",\"fps\":0,\"reason\":\"no answer\",\"without\":\"\"}]}",
			"{\"format\":2,\"proofs\":[]}",
			"noise\nwithout vaapi h264 XB24:linear XR24:tiled\nok vaapi h264 123.5\n",
			"fail vaapi h264 picture 2, cell at 1,1: YUV 0 0 0 instead of 16 128 128\n",
			"unavailable vaapi h264 no VA-API driver for /dev/dri/renderD128\n",
	};
	if (index >= sizeof(seeds) / sizeof(seeds[0]) || strlen(seeds[index]) > cap) {
		return 0;
	}
	memcpy(out, seeds[index], strlen(seeds[index]));
	return strlen(seeds[index]);
}
