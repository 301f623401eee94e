// Pictures: decoded at once, the newest drawn at once, or, where a page gets more of them than it shows, with
// the next animation frame.

import {Figure} from './figures.js';

/** More than these are waited for only where something is wrong. */
const MAX_QUEUE = 8;

/**
 * @typedef {import('./messages.js').Config} Config
 * @typedef {import('./messages.js').Picture} Picture
 * @typedef {Picture & {arrived: number, decoded: number, drawn: number}} Course
 * @typedef {object} VideoListener
 * @property {(course: Course) => void} done drawn, or of no use any more: that frame and all before it
 * @property {(course: Course) => void} shown the animation frame after it was drawn has come
 * @property {(only: boolean) => void} lost a whole picture is needed, see messages.idr
 * @property {(text: string) => void} failed for good
 */

/** @param {Config} config @returns {Promise<VideoDecoderConfig | null>} */
export async function choose(config) {
	/** @type {HardwareAcceleration[]} */
	const wishes = ['prefer-hardware', 'no-preference'];
	for (const hardwareAcceleration of wishes) {
		const wanted = {
			codec: config.codec, codedWidth: config.width, codedHeight: config.height,
			optimizeForLatency: true, hardwareAcceleration,
		};
		try {
			if ((await VideoDecoder.isConfigSupported(wanted)).supported) {
				return wanted;
			}
		} catch {
			continue; // not even understood
		}
	}
	return null;
}

export class Video {
	/** @param {HTMLCanvasElement} canvas @param {VideoListener} listener */
	constructor(canvas, listener) {
		this.canvas = canvas;
		this.listener = listener;
		this.context = /** @type {CanvasRenderingContext2D} */ (
			canvas.getContext('2d', {alpha: false, desynchronized: true}));
		/** @type {VideoDecoder | null} */
		this.decoder = null;
		/** @type {VideoDecoderConfig | null} */
		this.config = null;
		/** What came while a decoder was being looked for. @type {Picture[] | null} */
		this.waiting = null;
		this.turn = 0; // of the newest configuration
		this.needsKey = true;
		/** @type {number | null} */
		this.expected = null;
		this.failures = 0; // of decoders, without a picture in between
		this.recovering = false; // the last picture left some out
		/** @type {Map<number, Course>} */
		this.courses = new Map();
		/** @type {{frame: VideoFrame, course: Course} | null} */
		this.next = null; // to be drawn with the next animation frame
		/** @type {Course[]} */
		this.drawn = []; // since the last animation frame
		/** One has come and was drawn since then. What the animation frame itself drew was late: that a newer one waited
		 * for it would make all that follow late. */
		this.hasDrawn = false;
		this.animation = 0;
		this.decodeMs = new Figure();
		this.closed = false;
	}

	/** @param {Config} config */
	async configure(config) {
		const turn = ++this.turn;
		this.waiting = this.waiting ?? [];
		const chosen = await choose(config);
		if (turn !== this.turn || this.closed) {
			return;
		}
		if (!chosen) {
			this.listener.failed(`this browser cannot decode ${config.codec}`);
			return;
		}
		this.config = chosen;
		this.start();
		const waiting = this.waiting;
		this.waiting = null;
		for (const picture of waiting) {
			this.put(picture);
		}
	}

	start() {
		if (this.decoder && this.decoder.state !== 'closed') {
			this.decoder.close();
		}
		for (const course of this.courses.values()) {
			this.listener.done(course);
		}
		this.courses.clear();
		this.needsKey = true;
		this.decoder = new VideoDecoder({
			output: (frame) => this.output(frame),
			error: (error) => this.fail(error),
		});
		this.decoder.configure(/** @type {VideoDecoderConfig} */ (this.config));
	}

	/** @param {DOMException} error */
	fail(error) {
		if (this.closed) {
			return;
		}
		this.failures++;
		if (this.failures > 5) {
			this.listener.failed(`the decoder fails: ${error.message}`);
			return;
		}
		this.start();
		this.listener.lost(this.recovering);
	}

	/** @param {Picture} picture */
	put(picture) {
		if (this.waiting) {
			this.waiting.push(picture);
			return;
		}
		const course = {...picture, arrived: performance.now(), decoded: 0, drawn: 0};
		const gap = this.expected !== null && picture.frame !== this.expected;
		this.expected = (picture.frame + 1) >>> 0;
		if (gap || (this.decoder && this.decoder.decodeQueueSize > MAX_QUEUE)) {
			this.lose();
		}
		if (!this.decoder || this.decoder.state !== 'configured' || (this.needsKey && !picture.key)) {
			this.listener.done(course);
			return;
		}
		this.needsKey = false;
		this.recovering = picture.recovery && !picture.key;
		this.courses.set(picture.frame, course);
		this.decoder.decode(new EncodedVideoChunk({
			type: picture.key ? 'key' : 'delta', timestamp: picture.frame, data: picture.data,
		}));
	}

	/** What comes refers to what is not there. */
	lose() {
		if (!this.needsKey) {
			this.needsKey = true;
			this.listener.lost(false);
		}
	}

	/** @param {VideoFrame} frame */
	output(frame) {
		const course = this.courses.get(frame.timestamp);
		if (!course || this.closed) {
			frame.close();
			return;
		}
		for (const number of this.courses.keys()) { // in order of insertion
			this.courses.delete(number);
			if (number === frame.timestamp) {
				break;
			}
		}
		this.failures = 0;
		course.decoded = performance.now();
		this.decodeMs.add(course.decoded - course.arrived);
		this.show(frame, course);
	}

	/** @param {VideoFrame} frame @param {Course} course */
	show(frame, course) {
		if (this.next) {
			this.next.frame.close();
			this.next = null;
		}
		if (!this.hasDrawn || document.hidden) {
			this.hasDrawn = !document.hidden;
			this.draw(frame, course);
		} else {
			this.next = {frame, course};
		}
		if (this.animation === 0 && !document.hidden) {
			this.animation = requestAnimationFrame(() => this.animate());
		}
	}

	/** @param {VideoFrame} frame @param {Course} course */
	draw(frame, course) {
		const {displayWidth: width, displayHeight: height} = frame;
		if (this.canvas.width !== width || this.canvas.height !== height) {
			this.canvas.width = width;
			this.canvas.height = height;
		}
		this.context.drawImage(frame, 0, 0, width, height);
		frame.close();
		course.drawn = performance.now();
		if (!document.hidden) {
			this.drawn.push(course);
		}
		this.listener.done(course);
	}

	animate() {
		this.animation = 0;
		this.hasDrawn = false;
		const drawn = this.drawn;
		this.drawn = [];
		for (const course of drawn) {
			this.listener.shown(course);
		}
		if (this.next) {
			const {frame, course} = this.next;
			this.next = null;
			this.draw(frame, course);
			this.animation = requestAnimationFrame(() => this.animate());
		}
	}

	/** The page is not shown any more, or again. */
	forgetAnimation() {
		cancelAnimationFrame(this.animation);
		this.animation = 0;
		this.hasDrawn = false;
		this.drawn = [];
		if (this.next) {
			const {frame, course} = this.next;
			this.next = null;
			this.draw(frame, course);
		}
	}

	/** Another connection: it begins with its first picture. */
	reset() {
		this.turn++;
		this.waiting = null;
		this.expected = null;
		this.needsKey = true;
		this.courses.clear();
	}

	close() {
		this.closed = true;
		cancelAnimationFrame(this.animation);
		this.next?.frame.close();
		this.next = null;
		if (this.decoder && this.decoder.state !== 'closed') {
			this.decoder.close();
		}
	}
}
