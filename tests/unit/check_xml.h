// Whether a text is well-formed XML, as far as our own documents go: a declaration, elements,
// attributes in double quotes, the five named entities and decimal ones, UTF-8.
#pragma once

#include <stdbool.h>
#include <stddef.h>

bool xml_well_formed(const char *text, size_t size);
// The text between <name> and </name>, the first of that name, unescaped but for decimal entities,
// in out[cap]. False: there is none.
bool xml_find_text(const char *text, const char *name, char *out, size_t cap);
