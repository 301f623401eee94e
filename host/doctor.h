// `earthshine doctor`: what works here, what is missing, and what to do about it.
#pragma once

// argv[0] is the word "doctor". Exit status 0: `run` can work; 1: it cannot; 2: usage.
int doctor_command(int argc, char **argv);
