// Whether the app can be found and executed at all, before anything is started for it. What counts
// in the end is the display's answer; this one spares an empty file.
#pragma once

// 0, or the errno that execvp would give (ENOENT, EACCES).
int command_check(const char *command);
