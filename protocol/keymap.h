// From the Windows virtual-key codes of GameStream clients to evdev key codes, by position on a US
// keyboard. (Reference, section 9.) Pure.
#pragma once

#include <stdint.h>

// evdev KEY_* of a virtual-key code; 0: none.
uint32_t keymap_evdev(uint8_t vk);
