// Whether a sanitizer of memory or threads is built in: its own code does in our process what ours may not.
#pragma once

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define ES_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || \
		__has_feature(memory_sanitizer)
#define ES_SANITIZED 1
#endif
#endif
#ifndef ES_SANITIZED
#define ES_SANITIZED 0
#endif
