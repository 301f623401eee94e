// Whether an answer of the API is what its route declares.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "host/api_route.h"

// Names and types, all the way down; what is not declared may not be there. A list of objects must have
// some, or it would show nothing. False with what is wrong in error[cap].
bool check_schema(const struct es_api_schema *schema, yyjson_val *answer, char *error, size_t cap);
