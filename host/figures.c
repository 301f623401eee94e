#include "host/figures.h"

void figures_of(struct es_figures *figures, const struct es_play_info *info) {
	const struct es_display_stats *display = info->display_stats;
	const struct es_encode_stats *encode = info->encode_stats;
	const struct es_stream_stats *stream = info->stream_stats;
	*figures = (struct es_figures){
			.counts = {
					[ES_FIGURE_COMMITTED] = display->committed,
					[ES_FIGURE_NEW] = stream->units_new,
					[ES_FIGURE_REPEATED] = stream->units_repeated,
					[ES_FIGURE_CURSOR] = stream->units_cursor,
					[ES_FIGURE_SUPERSEDED] = display->superseded,
					[ES_FIGURE_DROPPED] = stream->dropped,
					[ES_FIGURE_DIRECT] = display->direct,
					[ES_FIGURE_COMPOSED] = display->composed,
					[ES_FIGURE_MISSED_SLOTS] = stream->missed_slots,
					[ES_FIGURE_BYTES] = stream->bytes,
					[ES_FIGURE_DATAGRAMS] = stream->net.datagrams,
					[ES_FIGURE_PARITY] = stream->net.parity,
					[ES_FIGURE_LOST] = stream->net.lost,
					[ES_FIGURE_REFUSED] = stream->net.refused,
					[ES_FIGURE_IDR_ASKED] = encode->idr_asked,
					[ES_FIGURE_IDR_MADE] = encode->idr_made,
					[ES_FIGURE_INVALIDATIONS_ASKED] = encode->invalidations_asked,
					[ES_FIGURE_INVALIDATIONS_MADE] = encode->invalidations_made,
					[ES_FIGURE_SOUND_PACKETS] = stream->sound.packets,
					[ES_FIGURE_SOUND_DROPPED] = stream->sound.dropped,
					[ES_FIGURE_SOUND_INSERTED] = stream->sound.inserted,
					[ES_FIGURE_CPU_DISPLAY_US] = display->usage.cpu_us,
					[ES_FIGURE_CPU_ENCODE_US] = encode->usage.cpu_us,
					[ES_FIGURE_CPU_STREAM_US] = stream->usage.cpu_us,
					[ES_FIGURE_INPUT] = stream->net.input,
					[ES_FIGURE_ENCODE_NS] = stream->session[ES_STAGE_ENCODE].sum_ns,
					[ES_FIGURE_TOTAL_NS] = stream->session[ES_STAGE_TOTAL].sum_ns,
			}};
	for (int i = 0; i < ES_LATENCY_BOUNDS; i++) {
		figures->counts[ES_FIGURE_ENCODE_WITHIN + i] = stream->encode_within[i];
		figures->counts[ES_FIGURE_TOTAL_WITHIN + i] = stream->total_within[i];
	}
}

void figures_since(
		struct es_figures *fresh, const struct es_figures *now, const struct es_figures *before) {
	for (int i = 0; i < ES_FIGURE_COUNT; i++) {
		uint64_t then = now->counts[i] >= before->counts[i] ? before->counts[i] : 0;
		fresh->counts[i] = now->counts[i] - then;
	}
}
