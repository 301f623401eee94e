#include "stream/rate.h"

#include <math.h>
#include <string.h>

#include "protocol/mode.h"

#define MAX_BLOCK 255 // shards
#define MAX_BLOCKS 4
#define MAX_LOSS 0.5
#define MARGIN 3.0
#define MAX_MARGIN 8.0
#define MARGIN_UP 0.75 // with broken frames
#define MARGIN_DOWN 0.05 // without
#define LOSS_UP 0.6 // share of the way to a higher loss
#define LOSS_DOWN 0.08
#define LOSS_NONE 0.002
#define LOSS_BAD 0.05 // of a window
#define LOSS_TERRIBLE 0.3
#define LOSS_GOOD 0.02
#define STEP_DOWN 0.8
#define STEP_UP 1.1
#define WINDOWS_DOWN 2
#define WINDOWS_UP 4
#define USELESS_STEPS 2
#define MIN_SHARE 8 // of the highest bitrate
#define MIN_SENT 20 // datagrams, for a window to say something
// Parity waits no longer than this where it is not enough.
#define SOON_NS INT64_C(50000000)
#define SOON_SENT 100
#define QUEUE_US 100000
#define TYPICAL_SHARDS 20
// Frames of so few data shards may get more parity than data: a burst of losses takes all of them, and
// they cost little.
#define SMALL_SHARDS 10
// Frames of so few are lost whole in bursts that the margin does not reckon with.
#define TINY_SHARDS 4
#define PADDED_SHARDS 2
#define MARGIN_BURSTY 5.0
#define FRAME_HEADER 8

void rate_init(struct es_rate *rate, const struct es_rate_params *params) {
	memset(rate, 0, sizeof(*rate));
	rate->params = *params;
	rate->margin = MARGIN;
	rate->kbps = params->kbps;
	rate->asked_kbps = params->kbps;
}

void rate_limit(struct es_rate *rate, uint32_t kbps) {
	rate->params.kbps = kbps;
	rate->kbps = kbps;
	rate->asked_kbps = kbps;
}

static unsigned most_parity(unsigned n_data) {
	return n_data <= SMALL_SHARDS ? (n_data * ES_RATE_MAX_FEC + 99) / 100 : n_data;
}

// Parity that covers the expected loss of a block of D data shards and a margin above it.
static unsigned parity_for(const struct es_rate *rate, unsigned n_data) {
	double variance = rate->loss * (1 - rate->loss);
	unsigned parity = rate->params.min_parity;
	while (parity < most_parity(n_data)) {
		double n = (double)n_data + parity;
		if (parity >= n * rate->loss + rate->margin * sqrt(n * variance)) {
			break;
		}
		parity++;
	}
	return parity;
}

// A frame that needs more blocks than there are goes without any parity: rather a little less.
static unsigned fit_blocks(unsigned percent, size_t n_data) {
	size_t block = (n_data + MAX_BLOCKS - 1) / MAX_BLOCKS;
	size_t most = MAX_BLOCK * 100 / block;
	return most > 100 && percent > most - 100 ? (unsigned)most - 100 : percent;
}

// More frames broke than would if each datagram were lost by itself.
static bool is_bursty(const struct es_rate *rate) {
	return rate->margin >= MARGIN_BURSTY && rate->loss >= LOSS_NONE;
}

static uint8_t percent_for(const struct es_rate *rate, size_t n_data) {
	unsigned floor = rate->params.fec_percent;
	if (rate->loss < LOSS_NONE) {
		return (uint8_t)fit_blocks(floor, n_data);
	}
	if (n_data <= TINY_SHARDS && is_bursty(rate)) {
		return ES_RATE_MAX_FEC;
	}
	// Of a frame of several blocks each is as small as this.
	size_t n_blocks = (n_data * 3 / 2 + MAX_BLOCK - 1) / MAX_BLOCK;
	unsigned block = (unsigned)((n_data + n_blocks - 1) / n_blocks);
	if (block > MAX_BLOCK) {
		block = MAX_BLOCK;
	}
	unsigned percent = (parity_for(rate, block) * 100 + block - 1) / block;
	percent = percent > floor ? percent : floor;
	percent = percent < ES_RATE_MAX_FEC ? percent : ES_RATE_MAX_FEC;
	return (uint8_t)fit_blocks(percent, n_data);
}

static size_t payload_size(const struct es_rate *rate) {
	return rate->params.packet_size - 16u;
}

// Whether all pictures could be padded.
static bool has_room_to_pad(const struct es_rate *rate) {
	double datagrams = PADDED_SHARDS + PADDED_SHARDS * ES_RATE_MAX_FEC / 100.0;
	double bits_per_ms = datagrams * rate->params.packet_size * 8 * rate->params.refresh_mhz / 1e6;
	return bits_per_ms <= rate->kbps;
}

size_t rate_padding(const struct es_rate *rate, size_t size) {
	size_t least = (PADDED_SHARDS - 1) * payload_size(rate) + 1;
	bool pads = is_bursty(rate) && FRAME_HEADER + size < least && has_room_to_pad(rate);
	return pads ? least - FRAME_HEADER - size : 0;
}

uint8_t rate_fec(const struct es_rate *rate, size_t size) {
	size_t payload = payload_size(rate);
	return percent_for(rate, (FRAME_HEADER + size + payload - 1) / payload);
}

void rate_sent(struct es_rate *rate, uint32_t n_datagrams) {
	rate->recent.n_sent += n_datagrams;
}

bool rate_report(struct es_rate *rate, const struct es_fec_status *status) {
	unsigned total = (unsigned)status->total_data + status->total_parity;
	unsigned received = (unsigned)status->received_data + status->received_parity;
	if (status->total_data == 0 || received > total || status->missing_before_highest > total) {
		return false;
	}
	// A block that could be repaired is told of before its last datagrams can have come.
	bool repaired = received >= status->total_data;
	unsigned missing = repaired ? status->missing_before_highest : total - received;
	rate->recent.n_lost += missing;
	rate->lost += missing;
	rate->recent.n_broken += !repaired;
	return true;
}

void rate_broken(struct es_rate *rate) {
	rate->recent.n_broken++;
}

void rate_rtt(struct es_rate *rate, uint32_t rtt_us) {
	rate->rtt_us = rtt_us;
	if (rtt_us == 0) {
		return; // not known yet
	}
	if (rate->min_rtt_us == 0 || rtt_us < rate->min_rtt_us) {
		rate->min_rtt_us = rtt_us;
	}
}

static bool is_queueing(const struct es_rate *rate) {
	return rate->rtt_us > rate->min_rtt_us + QUEUE_US && rate->rtt_us > 2 * rate->min_rtt_us;
}

static void adapt_parity(struct es_rate *rate, double loss) {
	double share = loss > rate->loss ? LOSS_UP : LOSS_DOWN;
	rate->loss += (loss - rate->loss) * share;
	rate->loss = rate->loss < MAX_LOSS ? rate->loss : MAX_LOSS;
	rate->margin += rate->recent.n_broken > 0 && loss > 0 ? MARGIN_UP : -MARGIN_DOWN;
	rate->margin = fmin(fmax(rate->margin, MARGIN), MAX_MARGIN);
}

// Loss that stays when fewer bits are sent is not made by them.
static void step_down(struct es_rate *rate, double loss) {
	if (rate->loss_before > 0 && loss > 0.7 * rate->loss_before) {
		rate->n_useless++;
	} else {
		rate->n_useless = 0;
	}
	if (rate->n_useless >= USELESS_STEPS && loss < LOSS_TERRIBLE && !is_queueing(rate)) {
		rate->random_loss = loss;
		rate->loss_before = 0;
		rate->n_useless = 0;
		return;
	}
	double lowest = fmax(rate->params.kbps / (double)MIN_SHARE, ES_MIN_KBPS);
	double factor = loss >= LOSS_TERRIBLE ? fmax(1 - loss, 0.25) : STEP_DOWN;
	rate->kbps = fmax(rate->kbps * factor, fmin(lowest, rate->params.kbps));
	rate->loss_before = loss;
}

static void adapt_bitrate(struct es_rate *rate, double loss) {
	bool random = rate->random_loss > 0 && loss < 1.3 * rate->random_loss;
	bool bad = is_queueing(rate) || (loss >= LOSS_BAD && !random);
	bool good = !bad && (loss < LOSS_GOOD || random);
	rate->n_bad = bad ? rate->n_bad + 1 : 0;
	rate->n_good = good ? rate->n_good + 1 : 0;
	if (rate->n_bad >= WINDOWS_DOWN || (bad && loss >= LOSS_TERRIBLE)) {
		rate->n_bad = 0;
		step_down(rate, loss);
	}
	if (rate->n_good >= WINDOWS_UP) {
		rate->n_good = 0;
		rate->loss_before = 0;
		rate->n_useless = 0;
		rate->kbps = fmin(rate->kbps * STEP_UP, rate->params.kbps);
		if (loss < LOSS_GOOD) {
			rate->random_loss *= 0.9;
		}
	}
}

// Parity beyond what was agreed takes the place of picture, not of other traffic.
static uint32_t share_with_parity(const struct es_rate *rate) {
	double percent = percent_for(rate, TYPICAL_SHARDS);
	double kbps = rate->kbps * (100.0 + rate->params.fec_percent) / (100.0 + percent);
	return (uint32_t)fmin(fmax(kbps, ES_MIN_KBPS), ES_MAX_KBPS);
}

// Small changes are not worth an encoder's trouble, but the last one up is.
static bool is_worth_asking(const struct es_rate *rate, uint32_t kbps) {
	double change = fabs((double)kbps - rate->asked_kbps);
	return change > 0.05 * rate->asked_kbps ||
			(kbps == rate->params.kbps && rate->asked_kbps != kbps);
}

static double loss_of(const struct es_rate_tally *tally) {
	return fmin((double)tally->n_lost / (double)tally->n_sent, 1);
}

static bool is_short_of_parity(const struct es_rate *rate) {
	const struct es_rate_tally *recent = &rate->recent;
	return recent->n_sent >= SOON_SENT &&
			(recent->n_broken > 0 || loss_of(recent) > 1.5 * rate->loss + 0.01);
}

// These two are true when there was something to learn from.
static bool think_over_parity(struct es_rate *rate, int64_t now_ns) {
	struct es_rate_tally *recent = &rate->recent;
	int64_t age_ns = now_ns - recent->begin_ns;
	if (age_ns < ES_RATE_WINDOW_NS && (age_ns < SOON_NS || !is_short_of_parity(rate))) {
		return false;
	}
	bool learnt = recent->n_sent >= MIN_SENT;
	if (learnt) {
		adapt_parity(rate, loss_of(recent));
		rate->window.n_sent += recent->n_sent;
		rate->window.n_lost += recent->n_lost;
		*recent = (struct es_rate_tally){0};
	}
	recent->begin_ns = now_ns;
	return learnt;
}

static bool think_over_bitrate(struct es_rate *rate, int64_t now_ns) {
	struct es_rate_tally *window = &rate->window;
	if (now_ns - window->begin_ns < ES_RATE_WINDOW_NS) {
		return false;
	}
	bool learnt = window->n_sent >= MIN_SENT;
	if (learnt) {
		adapt_bitrate(rate, loss_of(window));
		*window = (struct es_rate_tally){0};
	}
	window->begin_ns = now_ns;
	return learnt;
}

bool rate_tick(struct es_rate *rate, int64_t now_ns, uint32_t *kbps) {
	if (!rate->begun) {
		rate->begun = true;
		rate->recent.begin_ns = rate->window.begin_ns = now_ns;
	}
	bool learnt = think_over_parity(rate, now_ns);
	learnt |= think_over_bitrate(rate, now_ns);
	if (!learnt) {
		return false;
	}
	uint32_t wanted = share_with_parity(rate);
	if (!is_worth_asking(rate, wanted)) {
		return false;
	}
	rate->asked_kbps = *kbps = wanted;
	return true;
}
