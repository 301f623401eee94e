// A bad network in front of the client: datagrams are lost, changed, doubled and held back.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/clients/impair_model.h"

struct es_delay_line {
	void (*take)(void *data, uint8_t *datagram, size_t size, int64_t now_ns); // what comes through
	void *data;
	struct es_impair_model model;
	struct held *held; // owned; NULL if nothing is held back
};

// take and data are set. False: no memory.
bool delay_line_init(struct es_delay_line *line, const struct es_impair_params *params);
void delay_line_finish(struct es_delay_line *line);
// May change the datagram.
void delay_line_put(struct es_delay_line *line, uint8_t *datagram, size_t size, int64_t now_ns);
// Lets through whose time has come.
void delay_line_run(struct es_delay_line *line, int64_t now_ns);
