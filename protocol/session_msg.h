// The session link, host <-> each room: starts it, hands it its links, asks, and ends it.
// Its end (EOF) means that the host is gone: the room ends within 2 s.
//
// Every message begins with 'S', version, le16 type; decoding as in frame_msg.h.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/mode.h"

#define ES_SESSION_VERSION 3
#define ES_SESSION_MSG_MAX 4096
#define ES_SESSION_MAX_TEXT 512
#define ES_SESSION_MAX_KEYBOARD 64
#define ES_SESSION_MAX_NODE 64
#define ES_SESSION_MAX_SEAT 64
#define ES_SESSION_MAX_ADDRESS 46 // as of INET6_ADDRSTRLEN
#define ES_SESSION_MAX_THREADS 256
#define ES_SESSION_MAX_ROWS 64
#define ES_SESSION_MAX_FORMATS 384
#define ES_SESSION_FD 3 // each room finds its end of the link here

enum es_session_msg_type {
	// host -> room
	ES_SESSION_START_DISPLAY = 1, // the app's argv is in the display's own argv, after "--"
	ES_SESSION_START_ENCODE,
	ES_SESSION_START_STREAM, // + 1 fd: the output, open for writing
	ES_SESSION_ATTACH, // + 1 fd: one end of a frame, unit or device link
	ES_SESSION_DETACH, // the viewer's links are gone
	ES_SESSION_MODE, // display: resize
	ES_SESSION_BITRATE, // encode: from now on; stream: at most
	ES_SESSION_IDR, // encode
	ES_SESSION_STATS, // asks for the room's *_STATS
	ES_SESSION_DRAIN, // finish what there is, then END
	ES_SESSION_START_GAMESTREAM, // stream: + 3 fds: the bound video, audio and control sockets
	ES_SESSION_TERMINATE, // stream: tell the client why, then END
	ES_SESSION_KEYBOARD, // display: another layout
	ES_SESSION_START_PLAYER, // stream: + 1 fd: the socket of a browser's player, already a WebSocket
	ES_SESSION_ROWS, // stream: whether FRAMES are wanted from now on
	// room -> host
	ES_SESSION_READY = 64,
	ES_SESSION_DISPLAY_STATS,
	ES_SESSION_ENCODE_STATS,
	ES_SESSION_STREAM_STATS,
	ES_SESSION_STUCK, // display: this viewer's encoder has not answered for too long
	ES_SESSION_NEED_ENCODER, // stream: the unit link ended without END
	ES_SESSION_END,
	ES_SESSION_CLIENT, // stream: how far the client has come
	ES_SESSION_RESIZE, // stream: the viewer wants another mode
	ES_SESSION_FRAMES, // stream: single frames, before STREAM_STATS
};

// What an app is shown of a client's gamepad.
enum es_gamepad {
	ES_GAMEPAD_AUTO, // what is most like it
	ES_GAMEPAD_XBOX,
	ES_GAMEPAD_DUALSENSE,
	ES_GAMEPAD_DUALSHOCK4,
	ES_GAMEPAD_SWITCH,
	ES_GAMEPAD_GENERIC,
	ES_GAMEPAD_COUNT,
};

enum es_attach_kind { ES_ATTACH_FRAME = 1, ES_ATTACH_UNIT, ES_ATTACH_DEVICE };

struct es_attach {
	enum es_attach_kind kind;
	uint32_t viewer;
	bool primary;
	// Frame links: the display gives an encoder up that has not answered for so long; 100..60000.
	// Else 0.
	uint32_t stuck_ms;
	bool clipboard; // device links: this viewer may read and set the text of the clipboard
};

enum es_container { ES_CONTAINER_MKV = 1, ES_CONTAINER_MP4, ES_CONTAINER_TS, ES_CONTAINER_RAW };

enum es_end_code {
	ES_END_DRAINED = 1, // as asked
	ES_END_APP_EXITED, // display: status is the app's, as from waitpid
	ES_END_APP_NOT_STARTED, // display: status is the errno of exec
	ES_END_FAILED, // text says what and why
	ES_END_CLIENT_LEFT, // stream: the client has said goodbye
	ES_END_CLIENT_LOST, // stream: it never came, or no longer answers
};

// Why frames were composed, not scanned out directly.
enum es_compose_reason {
	ES_COMPOSE_SHM, // the app's buffer is memory that it can still change
	ES_COMPOSE_LAYERS, // more than one buffer, or one that does not fill the screen
	ES_COMPOSE_FORMAT, // the encoder does not import the format, modifier or planes
	ES_COMPOSE_SCALED, // source or destination box
	ES_COMPOSE_OTHER,
	ES_COMPOSE_REASON_COUNT,
};

struct es_usage {
	uint64_t cpu_us; // user + system of the room's process
	uint64_t peak_rss_kib;
};

// Cumulative since the room's start, as all statistics on this link. In the end
// committed = sent + superseded, exactly; before, some commits may be on their way.
struct es_display_stats {
	uint64_t committed; // content-changing surface commits
	uint64_t superseded; // commits that got no frame of their own: replaced, or the session ended
	uint64_t sent; // frames with at least one such commit that the primary viewer got
	uint64_t direct, composed;
	uint64_t compose_reason[ES_COMPOSE_REASON_COUNT];
	uint64_t composed_px, damage_px;
	uint64_t fence_timeouts;
	struct es_usage usage;
	uint64_t sound_dropped; // 5 ms blocks that the streamer did not take in time
};

struct es_encode_stats {
	uint64_t frames_new, frames_repeated, frames_cursor;
	uint64_t idr_asked, idr_made, invalidations_asked, invalidations_made;
	uint64_t cache_hits, cache_misses, cache_evictions;
	uint64_t converted_px, bytes;
	uint64_t import_failures; // truncated, unreadable or unknown buffers
	struct es_usage usage;
};

enum es_stage {
	ES_STAGE_WAIT,
	ES_STAGE_COMPOSE,
	ES_STAGE_QUEUE,
	ES_STAGE_CONVERT,
	ES_STAGE_ENCODE,
	ES_STAGE_PACKETIZE,
	ES_STAGE_SEND,
	ES_STAGE_TOTAL,
	ES_STAGE_COUNT,
};

struct es_stage_summary {
	uint32_t p50_us, p95_us, p99_us, max_us;
	uint64_t sum_ns;
};

#define ES_LATENCY_BOUNDS 10
#define ES_LATENCY_BOUNDS_US {500, 1000, 2000, 4000, 8000, 12000, 16000, 25000, 33000, 50000}

// What goes over the network; all 0 for a file.
struct es_net_stats {
	uint64_t datagrams, parity; // video; parity is in datagrams
	uint64_t lost; // datagrams that the client has reported missing
	uint64_t idr_asked, invalidations_asked; // by the client
	uint64_t refused; // datagrams of strangers, forged and replayed messages
	uint32_t fec_percent; // now
	uint32_t rtt_us; // smoothed, 0: unknown
	uint32_t bitrate_kbps; // now
	uint64_t input; // events from the client that went to the display
};

// Sound on its way to the viewer or into the file; all 0 where there is none.
struct es_sound_stats {
	uint64_t packets; // that went out
	uint64_t dropped; // given up: too old, no room, or the clocks of both ends part
	uint64_t inserted; // of silence, where the clocks part the other way
	uint32_t p50_us, p99_us; // from a packet's first sample to its datagram; 0 for a file
};

struct es_stream_stats {
	uint64_t units_new, units_repeated, units_cursor, dropped;
	uint64_t bytes;
	int64_t first_ns, last_ns; // commit time of the first and the last new unit; 0: none
	uint64_t missed_slots; // refresh slots without a frame between two new units < 1 s apart
	struct es_stage_summary session[ES_STAGE_COUNT];
	struct es_stage_summary recent[ES_STAGE_COUNT]; // since the STATS before
	// Frames whose stage took at most ES_LATENCY_BOUNDS_US[i]; of all, not of those between two.
	uint64_t encode_within[ES_LATENCY_BOUNDS], total_within[ES_LATENCY_BOUNDS];
	char encoder[32];
	enum es_codec codec;
	struct es_net_stats net;
	struct es_usage usage;
	struct es_sound_stats sound;
};

// One frame that went out.
struct es_frame_row {
	int64_t at_ns; // its last byte
	uint8_t kind; // as enum es_unit_kind
	uint32_t bytes;
	uint32_t stages_us[ES_STAGE_TOTAL]; // whose sum is the total
};

// A connection to a GameStream client: what was agreed on over HTTPS and RTSP.
#define ES_GAMESTREAM_ENCRYPT_CONTROL 1 // control protocol v2; without it the legacy one
#define ES_GAMESTREAM_ENCRYPT_VIDEO 2
#define ES_GAMESTREAM_ENCRYPT_AUDIO 4
#define ES_GAMESTREAM_MIN_PACKET 256
#define ES_GAMESTREAM_MAX_PACKET 1424 // with all headers within 1500 bytes

struct es_gamestream_start {
	uint8_t key[16];
	uint32_t key_id; // rikeyid as unsigned
	uint8_t ping[16]; // payload that proves an address
	uint32_t connect_data; // of the control connection
	char peer[ES_SESSION_MAX_ADDRESS]; // numeric: the only address that is listened to
	uint32_t encryption; // ES_GAMESTREAM_ENCRYPT_*
	bool legacy_ping; // the client does not know payloads
	uint16_t packet_size; // P of the reference, multiple of 16
	uint8_t fec_percent; // at least, 0..100
	uint8_t min_parity; // datagrams per block, 0..2
	uint8_t dscp_video, dscp_audio; // 0: unmarked
	int32_t refresh_mhz;
	uint32_t bitrate_kbps; // of the encoder; it steps down from here
	uint32_t lost_ms; // without an answer for so long the client is lost
	uint8_t audio_channels; // 2, 6 or 8; 0: no sound
	uint8_t audio_packet_ms; // 5, 10 or 20
	bool audio_high_quality;
};

enum es_client_phase {
	ES_CLIENT_CONNECTED = 1, // its control connection stands
	ES_CLIENT_PLAYING, // its first picture is on the way
};

struct es_session_msg {
	enum es_session_msg_type type;
	union {
		struct {
			struct es_mode mode;
			uint32_t scale_milli; // 1000 = 1; 250..8000
			int32_t detached_mhz; // clock with no encoder; 0: the mode's
			char name[64]; // of the session
			bool start_now; // the app does not wait for a viewer
			// xkb "layout" or "layout(variant)"; "": the default
			char keyboard[ES_SESSION_MAX_KEYBOARD];
			struct es_colour colour; // of the screen
			uint8_t audio_channels; // of the sound card: 2, 6 or 8; 0: none
			char sound_node[ES_SESSION_MAX_NODE]; // its constant name
			enum es_gamepad gamepad;
			bool microphone; // beside the sound card: what a viewer says into it
			char seat[ES_SESSION_MAX_SEAT]; // of udev, whose devices are the app's, too; "": none
			bool screen_source; // the screen is published to the user's PipeWire
		} start_display;
		struct {
			enum es_codec codec;
			char encoder[32]; // "x264", "svtav1", "x265"
			uint32_t bitrate_kbps; // ES_MIN_KBPS..ES_MAX_KBPS
			uint32_t threads; // 0: as many as suit; at most ES_SESSION_MAX_THREADS
			uint8_t slices; // per picture, at least; 0: as suits
			uint8_t max_refs; // reference pictures, 0: as suits
			uint32_t keepalive_ms; // a still picture is repeated so often; 0: never
			bool strict; // no unit longer than a frame's share of the bitrate, if it can be
			char device[64]; // render node of the GPU to encode on; "": none, or any that does
			// Formats that it gets wrong, as `--probe` names them.
			char without[ES_SESSION_MAX_FORMATS];
		} start_encode;
		struct {
			enum es_container container;
			char path[ES_SESSION_MAX_TEXT]; // for messages only
			uint8_t audio_channels; // of its sound track: 2, 6 or 8; 0: none
		} start_stream;
		struct es_gamestream_start start_gamestream;
		struct {
			int32_t refresh_mhz;
			uint32_t bitrate_kbps; // of the encoder, at most
			uint32_t lost_ms; // a page that says nothing for so long is lost, > 0
			uint8_t audio_channels; // 2; 0: no sound
			uint8_t audio_packet_ms; // 5, 10 or 20
		} start_player;
		struct {
			uint32_t code; // of the termination message
		} terminate;
		struct {
			char layout[ES_SESSION_MAX_KEYBOARD]; // as in start_display
		} keyboard;
		struct {
			enum es_client_phase phase;
		} client;
		struct es_attach attach;
		struct {
			uint32_t viewer;
		} detach, stuck;
		struct es_mode mode; // RESIZE, too
		struct {
			uint32_t kbps; // ES_MIN_KBPS..ES_MAX_KBPS
		} bitrate;
		struct {
			char wayland_display[64]; // display only, else ""
			char x11_display[16];
			char renderer[16];
		} ready;
		struct es_display_stats display_stats;
		struct es_encode_stats encode_stats;
		struct es_stream_stats stream_stats;
		struct {
			bool on;
		} rows;
		struct {
			uint32_t dropped; // before these, for want of room
			uint8_t n; // 1..ES_SESSION_MAX_ROWS
			struct es_frame_row rows[ES_SESSION_MAX_ROWS];
		} frames;
		struct {
			enum es_end_code code;
			int32_t status;
			char text[ES_SESSION_MAX_TEXT];
		} end;
	};
};

size_t session_msg_n_fds(const struct es_session_msg *msg);
size_t session_msg_encode(const struct es_session_msg *msg, void *out, size_t cap);
bool session_msg_decode(struct es_session_msg *msg, const void *data, size_t size, size_t n_fds);
