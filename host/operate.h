// The operator's commands: each asks the running host over its control socket.
#pragma once

// argv[0] is the command's word. Exit status 0: done; 1: it was not; 2: usage.
int pair_command(int argc, char **argv);
int clients_command(int argc, char **argv);
int apps_command(int argc, char **argv);
int sessions_command(int argc, char **argv);
int stop_command(int argc, char **argv);
int stats_command(int argc, char **argv);
int openapi_command(int argc, char **argv);
int console_command(int argc, char **argv);
