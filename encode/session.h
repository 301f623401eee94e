// The encoder's life: one loop over the session, frame and unit links, woken by what arrives
// there, and by a timer only while a still picture is being refined.
#pragma once

// Runs until the host ends it or hangs up. Takes the fd over. Returns the process's exit status.
int session_run(int session_fd);
