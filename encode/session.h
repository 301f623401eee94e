// The encoder's life: one loop over the session, frame and unit links, woken by what arrives
// there, and by a timer only while a still picture is being refined.
#pragma once

struct es_encoder_impl;

// Runs until the host ends it or hangs up. Takes the fd over. Returns the process's exit status.
// `give_up_rights` is called once the host has said what to encode with, before a peer is heard; NULL:
// nothing is given up.
int session_run(int session_fd, void (*give_up_rights)(const struct es_encoder_impl *impl));
