// earthshine-encode --probe NAME CODEC [--device NODE] [--format FOURCC:MODIFIER] [--depth 8|10]
// [--chroma 420|444]: proves one encoder and says so in a line.
#pragma once

struct es_encoder_impl;

// The arguments from NAME on. `give_up_rights` is called before anything is tried. Prints "ok NAME CODEC
// FPS", "fail NAME CODEC reason" or "unavailable NAME CODEC reason"; before ok
// "without NAME CODEC formats" for those that it offers and gets wrong. Returns the exit status: 0, 1 or 3;
// 2 for arguments that are none.
int probe_command(
		int argc, char *argv[], void (*give_up_rights)(const struct es_encoder_impl *impl));
