// How much parity and how many bits a connection gets, from what its viewer reports: parity up as soon as
// more is lost than it reckons with, and down slowly; the bitrate down in steps while loss or queueing last,
// and up again. Pure: time is passed in.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/control_msg.h"

#define ES_RATE_MAX_FEC 255 // percent; of small frames, larger ones get 100 at most
#define ES_RATE_WINDOW_NS INT64_C(500000000)

struct es_rate_params {
	uint8_t fec_percent; // at least
	uint8_t min_parity; // per block
	uint16_t packet_size;
	uint32_t kbps; // at most
	int32_t refresh_mhz;
};

struct es_rate_tally {
	int64_t begin_ns;
	uint64_t n_sent, n_lost; // datagrams
	uint64_t n_broken; // frames that could not be repaired
};

struct es_rate {
	struct es_rate_params params;
	bool begun;
	// parity
	struct es_rate_tally recent; // since it was last thought over
	double loss; // share of the datagrams, as parity has to reckon with
	double margin; // deviations above the mean that parity covers
	// bitrate
	struct es_rate_tally window; // the same, without what is recent
	double kbps; // that the way takes, parity left out of account
	uint32_t asked_kbps;
	unsigned n_bad, n_good; // windows in a row
	double loss_before; // the last step down; 0: none
	unsigned n_useless; // steps down that changed nothing
	double random_loss; // loss that fewer bits do not help against
	uint32_t rtt_us, min_rtt_us;
	uint64_t lost; // since the beginning
};

void rate_init(struct es_rate *rate, const struct es_rate_params *params);

// Another most; the way is tried anew.
void rate_limit(struct es_rate *rate, uint32_t kbps);

// Zero bytes to add to a unit of `size` bytes, if its codec allows that: of a frame of one datagram the
// protocol takes no more than three of parity, and a burst of losses all of them. 0 without bursts, and where the bitrate has no room for that.
size_t rate_padding(const struct es_rate *rate, size_t size);
// Percentage for a unit of `size` bytes, padding included.
uint8_t rate_fec(const struct es_rate *rate, size_t size);

void rate_sent(struct es_rate *rate, uint32_t n_datagrams);
// False: its numbers contradict each other.
bool rate_report(struct es_rate *rate, const struct es_fec_status *status);
// The viewer asked for a frame to be made good.
void rate_broken(struct es_rate *rate);
void rate_rtt(struct es_rate *rate, uint32_t rtt_us);

// To be called with every frame, or more rarely. True: the encoder is to make *kbps from now on.
bool rate_tick(struct es_rate *rate, int64_t now_ns, uint32_t *kbps);
