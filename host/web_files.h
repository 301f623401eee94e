// The console's files: one folder, of which nothing outside it and nothing hidden is served.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "host/http_server.h"

// The folder (NULL: beside this program, else where it is installed), opened; the caller closes it. -1
// with the reason in error[cap].
int web_files_open(const char *root, char *error, size_t cap);

// Answers a GET or HEAD request: with the file, with 304 if the peer has it, or with 404.
void web_files_answer(int root_fd, struct es_http_request *request);
