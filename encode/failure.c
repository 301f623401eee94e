#include "encode/failure.h"

#include <stdarg.h>
#include <stdio.h>

void failure_set(struct es_failure *failure, const char *format, ...) {
	if (failure->happened) {
		return;
	}
	va_list args;
	va_start(args, format);
	vsnprintf(failure->text, sizeof(failure->text), format, args);
	va_end(args);
	failure->happened = true;
}
