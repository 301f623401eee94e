// What the rung for tests is to do wrong, and when: "hang-after=100 slow=50" in its environment.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ES_FAKE_COMMANDS "EARTHSHINE_FAKE_RUNG" // the environment variable

#define ES_FAKE_NEVER UINT64_MAX

struct es_fake_commands {
	// After so many encoded pictures; ES_FAKE_NEVER.
	uint64_t hang_after, crash_after, fail_after; // the next picture is never done
	uint64_t garbage_after; // units are noise
	uint64_t green_after; // pictures are as of memory that nobody wrote
	uint64_t black_after, stale_after, swapped_after;
	uint64_t slow_ms, slow_read_ms; // encoding and reading each picture takes longer by
	uint32_t wrong_fourcc; // buffers of this format are read as of another; 0: none
	bool missing; // there is no such device here
	bool no_import; // every buffer is refused
	bool no_cursor, no_scaling, no_fences;
	bool no_formats; // nothing may be scanned out directly
	bool release_fence; // releases bring a fence
	bool report; // what is imported and read is said aloud, not only when debugging
};

// NULL and "": nothing. False with a reason in `why` for anything that is not known.
bool fake_commands_parse(
		struct es_fake_commands *commands, const char *text, char *why, size_t cap);
