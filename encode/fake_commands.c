#include "encode/fake_commands.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool parse_number(const char *text, size_t length, uint64_t *out) {
	char digits[21];
	if (length == 0 || length >= sizeof(digits) || strspn(text, "0123456789") < length) {
		return false;
	}
	memcpy(digits, text, length);
	digits[length] = '\0';
	errno = 0;
	*out = strtoull(digits, NULL, 10);
	return errno == 0;
}

static bool parse_flag(struct es_fake_commands *commands, const char *word, size_t length) {
	const struct {
		const char *name;
		bool *flag;
	} flags[] = {
			{"missing", &commands->missing},
			{"no-import", &commands->no_import},
			{"no-cursor", &commands->no_cursor},
			{"no-scaling", &commands->no_scaling},
			{"no-fences", &commands->no_fences},
			{"no-formats", &commands->no_formats},
			{"release-fence", &commands->release_fence},
			{"report", &commands->report},
	};
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		if (strlen(flags[i].name) == length && memcmp(word, flags[i].name, length) == 0) {
			*flags[i].flag = true;
			return true;
		}
	}
	return false;
}

static bool parse_value(struct es_fake_commands *commands, const char *word, size_t length) {
	const struct {
		const char *name;
		uint64_t *number;
	} values[] = {
			{"hang-after=", &commands->hang_after},
			{"crash-after=", &commands->crash_after},
			{"fail-after=", &commands->fail_after},
			{"garbage-after=", &commands->garbage_after},
			{"green-after=", &commands->green_after},
			{"black-after=", &commands->black_after},
			{"stale-after=", &commands->stale_after},
			{"swapped-after=", &commands->swapped_after},
			{"slow=", &commands->slow_ms},
			{"slow-read=", &commands->slow_read_ms},
	};
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		size_t name = strlen(values[i].name);
		if (length > name && memcmp(word, values[i].name, name) == 0 &&
				parse_number(word + name, length - name, values[i].number)) {
			return true;
		}
	}
	return false;
}

// "wrong-format=XB24"
static bool parse_format(struct es_fake_commands *commands, const char *word, size_t length) {
	static const char name[] = "wrong-format=";
	size_t at = sizeof(name) - 1;
	if (length != at + 4 || memcmp(word, name, at) != 0) {
		return false;
	}
	commands->wrong_fourcc = 0;
	for (size_t i = 0; i < 4; i++) {
		commands->wrong_fourcc |= (uint32_t)(unsigned char)word[at + i] << 8 * i;
	}
	return true;
}

bool fake_commands_parse(
		struct es_fake_commands *commands, const char *text, char *why, size_t cap) {
	*commands = (struct es_fake_commands){
			.hang_after = ES_FAKE_NEVER,
			.crash_after = ES_FAKE_NEVER,
			.fail_after = ES_FAKE_NEVER,
			.garbage_after = ES_FAKE_NEVER,
			.green_after = ES_FAKE_NEVER,
			.black_after = ES_FAKE_NEVER,
			.stale_after = ES_FAKE_NEVER,
			.swapped_after = ES_FAKE_NEVER,
	};
	text = text == NULL ? "" : text;
	while (*(text += strspn(text, " ")) != '\0') {
		size_t length = strcspn(text, " ");
		if (!parse_flag(commands, text, length) && !parse_value(commands, text, length) &&
				!parse_format(commands, text, length)) {
			snprintf(why, cap, "%s does not know '%.*s'", ES_FAKE_COMMANDS,
					(int)(length < 40 ? length : 40), text);
			return false;
		}
		text += length;
	}
	return true;
}
