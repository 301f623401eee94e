// What the page and the host tell each other: protocol/player_msg.h, in JavaScript.

export const VERSION = 1;
const LETTER = 0x50;
const HEADER = 4;
const VIDEO_HEADER = 32;

/** From the host. */
export const From = Object.freeze({
	CONFIG: 1, VIDEO: 2, AUDIO: 3, FEEDBACK: 4, STATS: 5, PONG: 6, END: 7, COPIED: 8,
});
/** To the host. */
export const To = Object.freeze({
	ACK: 64, IDR: 65, RESIZE: 66, INPUT: 67, MIC: 68, PING: 69, BITRATE: 70, BYE: 71, PASTE: 72,
});
/** Of the device link: what INPUT and FEEDBACK carry. */
export const Device = Object.freeze({
	KEY: 1, MOVE: 2, PLACE: 3, BUTTON: 4, WHEEL: 5, TOUCH: 6, TEXT: 7, RELEASE_ALL: 8, PEN: 9,
	PAD_ARRIVAL: 10, PAD_REMOVAL: 11, PAD_STATE: 12,
	RUMBLE: 64, LED: 65, MOTION_REQUEST: 66, TRIGGER_RUMBLE: 68, TRIGGER_EFFECT: 69, CLIPBOARD: 128,
});

/**
 * @typedef {{type: 'config', codec: string, width: number, height: number, refresh: number,
 *   channels: number}} Config
 * @typedef {{type: 'video', key: boolean, recovery: boolean, repeat: boolean, frame: number,
 *   commitUs: number, encodeUs: number, hostUs: number, data: Uint8Array<ArrayBuffer>}} Picture
 * @typedef {{type: 'audio', index: number, timeUs: number, data: Uint8Array<ArrayBuffer>}} Sound
 * @typedef {{type: 'feedback', kind: number, view: DataView}} Feedback
 * @typedef {{type: 'stats', bitrateKbps: number, sent: number, skipped: number, bytes: number}} Stats
 * @typedef {{type: 'pong', browserUs: number, hostUs: number}} Pong
 * @typedef {{type: 'end', reason: number, text: string}} End
 * @typedef {{type: 'copied', size: number, offset: number, data: Uint8Array<ArrayBuffer>}} Copied a part of it
 * @typedef {Config | Picture | Sound | Feedback | Stats | Pong | End | Copied} Message
 */

/** @param {DataView} view @param {number} at @returns {number} */
function getU64(view, at) {
	return Number(view.getBigUint64(at, true));
}

/** @param {ArrayBuffer} buffer @param {number} at @returns {string} */
function getText(buffer, at) {
	const size = new DataView(buffer).getUint16(at, true);
	return new TextDecoder().decode(new Uint8Array(buffer, at + 2, size));
}

/** @type {Record<number, (view: DataView, buffer: ArrayBuffer) => Message>} */
const readers = {
	[From.CONFIG]: (view, buffer) => ({
		type: 'config',
		channels: view.getUint8(5),
		width: view.getUint32(7, true),
		height: view.getUint32(11, true),
		refresh: view.getInt32(15, true) / 1000,
		codec: getText(buffer, 19),
	}),
	[From.VIDEO]: (view, buffer) => ({
		type: 'video',
		key: (view.getUint32(4, true) & 1) !== 0,
		recovery: (view.getUint32(4, true) & 2) !== 0,
		repeat: (view.getUint32(4, true) & 4) !== 0,
		frame: view.getUint32(8, true),
		commitUs: getU64(view, 16),
		encodeUs: view.getUint32(24, true),
		hostUs: view.getUint32(28, true),
		data: new Uint8Array(buffer, VIDEO_HEADER, view.getUint32(12, true)),
	}),
	[From.AUDIO]: (view, buffer) => ({
		type: 'audio',
		index: view.getUint32(4, true),
		timeUs: getU64(view, 8),
		data: new Uint8Array(buffer, 16),
	}),
	[From.FEEDBACK]: (view, buffer) => ({
		type: 'feedback',
		kind: view.getUint16(4, true),
		view: new DataView(buffer, 6),
	}),
	[From.STATS]: (view) => ({
		type: 'stats',
		bitrateKbps: view.getUint32(4, true),
		sent: view.getUint32(8, true),
		skipped: view.getUint32(12, true),
		bytes: getU64(view, 16),
	}),
	[From.PONG]: (view) => ({type: 'pong', browserUs: getU64(view, 4), hostUs: getU64(view, 12)}),
	[From.END]: (view, buffer) => ({
		type: 'end', reason: view.getUint8(4), text: getText(buffer, 5),
	}),
	[From.COPIED]: (view, buffer) => ({
		type: 'copied',
		size: view.getUint32(6, true),
		offset: view.getUint32(10, true),
		data: new Uint8Array(buffer, 16, view.getUint16(14, true)),
	}),
};

/**
 * Null: it is none of ours, the host is of another version.
 * @param {ArrayBuffer} buffer @returns {Message | null}
 */
export function read(buffer) {
	const view = new DataView(buffer);
	if (buffer.byteLength < HEADER || view.getUint8(0) !== LETTER || view.getUint8(1) !== VERSION) {
		return null;
	}
	const reader = readers[view.getUint16(2, true)];
	try {
		return reader ? reader(view, buffer) : null;
	} catch {
		return null; // too short
	}
}

/** Puts one value after the other, little-endian. */
class Writer {
	/** @param {number} kind @param {number} size */
	constructor(kind, size) {
		this.view = new DataView(new ArrayBuffer(HEADER + size));
		this.at = 0;
		this.u8(LETTER).u8(VERSION).u16(kind);
	}
	/** @param {number} v */
	u8(v) { this.view.setUint8(this.at, v); this.at += 1; return this; }
	/** @param {number} v */
	u16(v) { this.view.setUint16(this.at, v, true); this.at += 2; return this; }
	/** @param {number} v */
	i16(v) { this.view.setInt16(this.at, v, true); this.at += 2; return this; }
	/** @param {number} v */
	u32(v) { this.view.setUint32(this.at, v, true); this.at += 4; return this; }
	/** @param {number} v */
	i32(v) { this.view.setInt32(this.at, v, true); this.at += 4; return this; }
	/** @param {number} v */
	u64(v) { this.view.setBigUint64(this.at, BigInt(Math.max(0, Math.round(v))), true); this.at += 8; return this; }
	/** @param {Uint8Array} data */
	bytes(data) { new Uint8Array(this.view.buffer, this.at).set(data); this.at += data.length; return this; }
	get buffer() { return /** @type {ArrayBuffer} */ (this.view.buffer); }
}

/** @param {number} value */
const within = (value) => Math.max(0, Math.min(0xffffffff, Math.round(value)));
/** @param {number} frame @param {number} drawnUs @param {number} heldUs */
export const ack = (frame, drawnUs, heldUs) =>
	new Writer(To.ACK, 12).u32(frame).u32(within(drawnUs)).u32(within(heldUs)).buffer;
/** @param {boolean} only whether nothing else than a whole picture helps, also later */
export const idr = (only) => new Writer(To.IDR, 1).u8(only ? 1 : 0).buffer;
/** @param {number} width @param {number} height @param {number} refresh */
export const resize = (width, height, refresh) =>
	new Writer(To.RESIZE, 12).u32(width).u32(height).i32(Math.round(refresh * 1000)).buffer;
/** @param {number} browserUs @param {number} rttUs */
export const ping = (browserUs, rttUs) =>
	new Writer(To.PING, 12).u64(browserUs).u32(Math.round(rttUs)).buffer;
/** @param {number} kbps */
export const bitrate = (kbps) => new Writer(To.BITRATE, 4).u32(kbps).buffer;
export const bye = () => new Writer(To.BYE, 0).buffer;
/** @param {number} index @param {Uint8Array} opus */
export const mic = (index, opus) => new Writer(To.MIC, 4 + opus.length).u32(index).bytes(opus).buffer;

/** @param {number} kind @param {number} size */
const input = (kind, size) => new Writer(To.INPUT, 2 + size).u16(kind);
/** @param {number} code evdev's @param {boolean} pressed */
export const key = (code, pressed) => input(Device.KEY, 3).u16(code).u8(pressed ? 1 : 0).buffer;
/** @param {number} dx pixels of the screen @param {number} dy */
export const move = (dx, dy) =>
	input(Device.MOVE, 8).i32(Math.round(dx * 256)).i32(Math.round(dy * 256)).buffer;
/** @param {number} unit 0 to 1 */
const part = (unit) => Math.max(0, Math.min(65535, Math.round(unit * 65535)));
/** @param {number} x 0 to 1 over the screen @param {number} y */
export const place = (x, y) => input(Device.PLACE, 4).u16(part(x)).u16(part(y)).buffer;
/** @param {number} code evdev's @param {boolean} pressed */
export const button = (code, pressed) => input(Device.BUTTON, 3).u16(code).u8(pressed ? 1 : 0).buffer;
/** @param {number} x120 120 a notch, to the right @param {number} y120 down */
export const wheel = (x120, y120) => input(Device.WHEEL, 8).i32(x120).i32(y120).buffer;
export const Phase = Object.freeze({DOWN: 1, MOTION: 2, UP: 3, CANCEL: 4});
/** @param {number} phase @param {number} id @param {number} x @param {number} y */
export const touch = (phase, id, x, y) =>
	input(Device.TOUCH, 9).u8(phase).u32(id).u16(part(x)).u16(part(y)).buffer;
export const PenPhase = Object.freeze({HOVER: 1, DOWN: 2, MOTION: 3, UP: 4, AWAY: 5});
/**
 * @param {number} phase @param {boolean} eraser @param {number} buttons @param {number} x
 * @param {number} y @param {number} pressure 0 to 1 @param {number} rotation degrees @param {number} tilt
 */
export const pen = (phase, eraser, buttons, x, y, pressure, rotation, tilt) =>
	input(Device.PEN, 15).u8(phase).u8(eraser ? 2 : 1).u8(buttons).u16(part(x)).u16(part(y))
		.u16(Math.round(pressure * 65534)).u16(0xffff).u16(rotation).u16(tilt).buffer;
export const releaseAll = () => input(Device.RELEASE_ALL, 0).buffer;

const MAX_TEXT = 64;
/** @param {string} text @returns {ArrayBuffer[]} */
export function text(text) {
	const encoder = new TextEncoder();
	/** @type {Uint8Array[]} */
	const parts = [];
	/** @type {number[]} */
	let bytes = [];
	for (const letter of text) {
		const more = encoder.encode(letter);
		if (bytes.length + more.length > MAX_TEXT) {
			parts.push(Uint8Array.from(bytes));
			bytes = [];
		}
		bytes.push(...more);
	}
	if (bytes.length > 0) {
		parts.push(Uint8Array.from(bytes));
	}
	return parts.map((data) => input(Device.TEXT, 2 + data.length).u16(data.length).bytes(data).buffer);
}

/** @param {number} pad @param {number} type @param {number} capabilities */
export const padArrival = (pad, type, capabilities) =>
	input(Device.PAD_ARRIVAL, 4).u8(pad).u8(type).u16(capabilities).buffer;
/** @param {number} pad */
export const padRemoval = (pad) => input(Device.PAD_REMOVAL, 1).u8(pad).buffer;
/** @param {number} pad @param {number} buttons @param {number[]} triggers 0 to 255 @param {number[]} axes -32768 to 32767 */
export const padState = (pad, buttons, triggers, axes) =>
	input(Device.PAD_STATE, 15).u8(pad).u32(buttons).u8(triggers[0]).u8(triggers[1])
		.i16(axes[0]).i16(axes[1]).i16(axes[2]).i16(axes[3]).buffer;

// --- the clipboard's text, in parts

const MAX_CLIPBOARD = 65536;
const CLIPBOARD_PART = 1920;

/** Empty: it is too long, or there is none. @param {string} text @returns {ArrayBuffer[]} */
export function paste(text) {
	const bytes = new TextEncoder().encode(text.replaceAll('\0', ''));
	const parts = [];
	for (let offset = 0; offset < bytes.length && bytes.length <= MAX_CLIPBOARD; offset += CLIPBOARD_PART) {
		const part = bytes.subarray(offset, offset + CLIPBOARD_PART);
		parts.push(new Writer(To.PASTE, 12 + part.length).u16(Device.CLIPBOARD).u32(bytes.length).u32(offset)
			.u16(part.length).bytes(part).buffer);
	}
	return parts;
}

/** Puts them together again. */
export class Parts {
	constructor() {
		this.bytes = new Uint8Array(0);
		this.have = 0;
	}

	/** @param {Copied} part @returns {string | null} the whole text with the last part */
	put({size, offset, data}) {
		if (offset === 0 && size <= MAX_CLIPBOARD) {
			this.bytes = new Uint8Array(size);
			this.have = 0;
		}
		if (size !== this.bytes.length || offset !== this.have || offset + data.length > size) {
			return null;
		}
		this.bytes.set(data, offset);
		this.have += data.length;
		return this.have === size ? new TextDecoder().decode(this.bytes) : null;
	}
}
