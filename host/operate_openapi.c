#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "host/api_openapi.h"
#include "host/operate.h"

static const char help[] =
		"Usage: earthshine openapi\n"
		"\n"
		"Prints the description of the API for programs (OpenAPI 3.1); no host needs to run. A running\n"
		"one has it at /api/v1/openapi.json. See earthshine-api(7).\n";

int openapi_command(int argc, char **argv) {
	if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
		fputs(help, stdout);
		return 0;
	}
	if (argc > 1) {
		es_log(ES_LOG_ERROR, "openapi takes no '%s'; see `earthshine openapi --help`", argv[1]);
		return 2;
	}
	yyjson_mut_doc *doc = api_openapi();
	bool ok = yyjson_mut_write_fp(stdout, doc,
					  YYJSON_WRITE_PRETTY_TWO_SPACES | YYJSON_WRITE_NEWLINE_AT_END, NULL, NULL) &&
			fflush(stdout) == 0;
	yyjson_mut_doc_free(doc);
	return ok ? 0 : 1;
}
