// Test buffers of a GPU, in any layout that its driver knows.
#pragma once

#include "encode/test_buffer.h"

bool test_buffer_gbm_init(struct es_test_buffer *buffer,
		const struct es_test_buffer_request *request, const char **why);
void test_buffer_gbm_finish(struct es_test_buffer *buffer);
bool test_buffer_gbm_begin(struct es_test_buffer *buffer);
void test_buffer_gbm_end(struct es_test_buffer *buffer);
