// The API's description for programs, OpenAPI 3.1, made from the table of routes.
#pragma once

#include <yyjson.h>

// The caller's to free; its root is NULL if there was no memory.
yyjson_mut_doc *api_openapi(void);
