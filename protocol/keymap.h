// From the Windows virtual-key codes of GameStream clients to evdev key codes, by position on a US
// keyboard. (Reference, section 9.) And the names of layouts, which say what the positions mean. Pure.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define ES_LAYOUT_SIZE 64 // of a layout's name, with its end

// evdev KEY_* of a virtual-key code; 0: none.
uint32_t keymap_evdev(uint8_t vk);

// Whether it is written as xkb layouts are: "us", "us,ru", "de(nodeadkeys)", and fits.
bool keymap_is_layout(const char *text);
