// Plays one session of the host on a canvas, over one WebSocket.
//
//   const player = new Player(canvas, url, {resize: true});
//   player.addEventListener('state', (event) => ...);
//   player.start();

import * as messages from './messages.js';
import {Audio} from './audio.js';
import {Clipboard} from './clipboard.js';
import {Figure} from './figures.js';
import {Input} from './input.js';
import {Microphone} from './microphone.js';
import {Pads} from './pads.js';
import {Video} from './video.js';

const PING_MS = 1000;
const FIRST_PINGS_MS = [0, 50, 100, 200, 400];
const STATS_MS = 500;
const RESIZE_MS = 250;
const RETRY_MS = [250, 500, 1000, 2000, 4000];
const GIVE_UP_MS = 60000;
const MIN_SIZE = 64;
const MAX_SIZE = 8192;

/**
 * @typedef {object} PlayerOptions
 * @property {boolean} [audio] false: silent
 * @property {boolean} [resize] the screen follows the canvas' size on the page
 * @property {number} [refresh] of the screen, in Hz; 60
 * @property {number} [bitrateKbps] at most
 * @property {number} [pixelRatio] of the screen to the page; the device's
 * @property {() => Promise<boolean>} [exists] asked before a reconnect: whether the session is still there
 *
 * @typedef {'connecting' | 'playing' | 'reconnecting' | 'ended' | 'failed'} PlayerState
 *   ended: the session is over, or was left; failed: with a text for the user
 *
 * @typedef {object} PlayerStats null where nothing is known yet; times in ms
 * @property {number} fps
 * @property {number} kbps
 * @property {number} bitrateKbps that the encoder is asked for
 * @property {number} width
 * @property {number} height
 * @property {string} codec
 * @property {string} decoder 'hardware' or 'software' as asked for
 * @property {number | null} rtt
 * @property {number | null} hostP50 commit to socket
 * @property {number | null} encodeP50
 * @property {number | null} decodeP50
 * @property {number | null} drawnP50 commit to the first animation frame after the draw call
 * @property {number | null} drawnP95
 * @property {number | null} drawnP99
 * @property {number} skipped pictures that the host left out
 * @property {number} audioMs in the queue
 */

/**
 * Events: `state` (detail {state: PlayerState, text: string}), `stats` (detail PlayerStats, twice a second),
 * `config` (detail Config: the screen has that size now).
 */
export class Player extends EventTarget {
	/** @param {HTMLCanvasElement} canvas @param {string} url wss://... of the session's player @param {PlayerOptions} options */
	constructor(canvas, url, options = {}) {
		super();
		this.canvas = canvas;
		this.url = url;
		this.options = options;
		/** @type {PlayerState} */
		this.state = 'connecting';
		/** @type {WebSocket | null} */
		this.socket = null;
		/** @type {messages.Config | null} */
		this.config = null;
		/** @type {messages.Stats | null} */
		this.hostStats = null;
		/** @type {Video | null} */
		this.video = null;
		/** @type {Audio | null} */
		this.audio = null;
		/** @type {Input | null} */
		this.input = null;
		/** @type {Pads | null} */
		this.pads = null;
		/** @type {Microphone | null} */
		this.microphone = null;
		/** @type {Clipboard | null} */
		this.clipboard = null;
		/** Of the host's clock to performance.now(), by the fastest of the last pings, in us. @type {{rtt: number, offset: number}[]} */
		this.clocks = [];
		this.wanted = ''; // size, as asked for last
		this.lostSince = 0;
		this.retries = 0;
		this.hostMs = new Figure();
		this.encodeMs = new Figure();
		this.drawnMs = new Figure();
		this.bytes = new Figure(2000);
		this.frames = new Figure(2000);
		/** @type {number[]} */
		this.timers = [];
		this.stopping = new AbortController();
		this.observer = new ResizeObserver(() => this.sized());
		this.sizeTimer = 0;
	}

	start() {
		if (!('VideoDecoder' in globalThis)) {
			this.become('failed', isSecureContext ? 'this browser has no WebCodecs'
				: 'browsers decode video only on pages that come over HTTPS');
			return;
		}
		const send = (/** @type {ArrayBuffer} */ message) => this.send(message);
		this.video = new Video(this.canvas, {
			done: (course) => this.done(course),
			shown: (course) => this.shown(course),
			lost: (only) => this.send(messages.idr(only)),
			failed: (text) => this.fail(text),
		});
		this.input = new Input(this.canvas, send);
		this.pads = new Pads(send);
		const options = {signal: this.stopping.signal};
		for (const name of ['pointerdown', 'keydown']) {
			document.addEventListener(name, () => this.audio?.resume(), {...options, capture: true});
		}
		document.addEventListener('visibilitychange', () => this.video?.forgetAnimation(), options);
		window.addEventListener('pagehide', () => this.send(messages.bye()), options);
		if (this.options.resize) {
			this.observer.observe(this.canvas);
		}
		this.timers.push(window.setInterval(() => this.ping(), PING_MS));
		this.timers.push(window.setInterval(() => this.tellStats(), STATS_MS));
		this.connect();
		this.input.focus();
	}

	/** Leaves the session; its app runs on. */
	stop() {
		this.send(messages.bye());
		this.finish('ended', 'you have left');
	}

	/** @param {number} kbps at most, from now on */
	setBitrate(kbps) {
		this.options.bitrateKbps = kbps;
		this.send(messages.bitrate(kbps));
	}

	/** Must be called from a click. All keys are the app's then, as far as the browser allows. @param {HTMLElement} element */
	async enterFullscreen(element) {
		await element.requestFullscreen({navigationUI: 'hide'});
		await /** @type {any} */ (navigator).keyboard?.lock?.().catch(() => {});
		this.input?.focus();
	}

	/** From a click: motion of the mouse is relative, as games want it, until Escape. */
	async lockPointer() {
		await this.input?.lock();
	}

	/** @param {boolean} shown on a device without keys */
	showKeyboard(shown) {
		this.input?.showKeyboard(shown);
	}

	/** @param {boolean} on Throws if the user does not allow it. */
	async setMicrophone(on) {
		this.microphone?.close();
		this.microphone = null;
		if (on) {
			const microphone = new Microphone((message) => this.send(message));
			this.microphone = microphone;
			await microphone.start().catch((error) => {
				microphone.close();
				throw error;
			});
		}
	}

	/** From a click; the session must have been asked with `clipboard`. @param {boolean} on Throws if the user does not allow it. */
	async setClipboard(on) {
		this.clipboard?.close();
		this.clipboard = null;
		if (on) {
			const clipboard = new Clipboard((message) => this.send(message));
			await clipboard.start();
			if (this.stopping.signal.aborted) {
				clipboard.close(); // the page was left while its user was asked
			} else {
				this.clipboard = clipboard;
			}
		}
	}

	// --- the connection

	connect() {
		const socket = new WebSocket(this.url);
		this.socket = socket;
		socket.binaryType = 'arraybuffer';
		socket.onopen = () => this.opened();
		socket.onmessage = (event) => this.take(event.data);
		socket.onclose = () => socket === this.socket && this.closed();
	}

	opened() {
		this.retries = 0;
		this.lostSince = 0;
		this.clocks = [];
		this.wanted = '';
		this.video?.reset();
		this.pads?.reset();
		this.clipboard?.reset();
		for (const ms of FIRST_PINGS_MS) {
			window.setTimeout(() => this.ping(), ms);
		}
		if (this.options.bitrateKbps) {
			this.send(messages.bitrate(this.options.bitrateKbps));
		}
		this.askSize();
	}

	async closed() {
		this.socket = null;
		if (this.state === 'ended' || this.state === 'failed') {
			return;
		}
		this.lostSince = this.lostSince || performance.now();
		if (performance.now() - this.lostSince > GIVE_UP_MS) {
			this.fail('the host does not answer any more');
			return;
		}
		this.become('reconnecting', 'the connection is lost: trying again');
		const exists = await (this.options.exists?.() ?? Promise.resolve(true)).catch(() => true);
		if (!exists) {
			this.finish('ended', 'the session is over');
			return;
		}
		const ms = RETRY_MS[Math.min(this.retries++, RETRY_MS.length - 1)];
		window.setTimeout(() => this.state === 'reconnecting' && this.connect(), ms);
	}

	/** @param {ArrayBuffer} message */
	send(message) {
		if (this.socket?.readyState === WebSocket.OPEN) {
			this.socket.send(message);
		}
	}

	/** @param {ArrayBuffer} data */
	take(data) {
		const message = messages.read(data);
		if (!message) {
			this.fail('the host speaks another version: load this page again');
			return;
		}
		switch (message.type) {
		case 'config':
			this.configure(message);
			return;
		case 'video':
			this.bytes.add(message.data.length);
			this.video?.put(message);
			return;
		case 'audio':
			this.audio?.put(message);
			return;
		case 'feedback':
			this.pads?.take(message);
			return;
		case 'stats':
			this.hostStats = message;
			return;
		case 'copied':
			this.clipboard?.take(message);
			return;
		case 'pong':
			this.pong(message);
			return;
		case 'end':
			this.finish(message.reason === 1 ? 'ended' : 'failed', message.text);
			return;
		}
	}

	/** @param {messages.Config} config */
	configure(config) {
		this.config = config;
		this.video?.configure(config);
		if (config.channels > 0 && this.options.audio !== false && !this.audio) {
			this.audio = new Audio();
			this.audio.start(config.channels).catch(() => {});
		}
		this.dispatchEvent(new CustomEvent('config', {detail: config}));
	}

	// --- pictures

	/** @param {import('./video.js').Course} course */
	done(course) {
		const drawn = course.drawn > 0 ? this.sinceCommit(course, course.drawn) ?? 0 : 0;
		const held = performance.now() - course.arrived;
		this.send(messages.ack(course.frame, drawn * 1000, held * 1000));
		if (course.drawn > 0) {
			this.frames.add(1);
			this.become('playing', '');
		}
	}

	/** @param {import('./video.js').Course} course */
	shown(course) {
		const ms = this.sinceCommit(course, performance.now());
		this.hostMs.add(course.hostUs / 1000);
		this.encodeMs.add(course.encodeUs / 1000);
		if (ms !== null && !course.repeat) {
			this.drawnMs.add(ms);
		}
	}

	/** @param {import('./video.js').Course} course @param {number} at @returns {number | null} ms */
	sinceCommit(course, at) {
		const clock = this.clock;
		return clock ? at - (course.commitUs - clock.offset) / 1000 : null;
	}

	// --- clocks

	ping() {
		this.send(messages.ping(performance.now() * 1000, this.clock?.rtt ?? 0));
	}

	get clock() {
		return this.clocks.reduce((best, clock) => (!best || clock.rtt < best.rtt ? clock : best),
			/** @type {{rtt: number, offset: number} | null} */ (null));
	}

	/** @param {messages.Pong} pong */
	pong(pong) {
		const now = performance.now() * 1000;
		const rtt = now - pong.browserUs;
		this.clocks.push({rtt, offset: pong.hostUs - (now + pong.browserUs) / 2});
		if (this.clocks.length > 20) {
			this.clocks.shift();
		}
	}

	// --- size

	sized() {
		window.clearTimeout(this.sizeTimer);
		this.sizeTimer = window.setTimeout(() => this.askSize(), RESIZE_MS);
	}

	/** The size that the screen should have: each of its pixels is one of the device. */
	get size() {
		const ratio = this.options.pixelRatio ?? window.devicePixelRatio;
		const fit = (/** @type {number} */ length) =>
			Math.max(MIN_SIZE, Math.min(MAX_SIZE, Math.round(length * ratio / 2) * 2));
		return {width: fit(this.canvas.clientWidth), height: fit(this.canvas.clientHeight)};
	}

	askSize() {
		const {width, height} = this.size;
		const wanted = `${width}x${height}`;
		if (this.options.resize && wanted !== this.wanted && this.canvas.clientWidth > 0) {
			this.wanted = wanted;
			this.send(messages.resize(width, height, this.options.refresh ?? 60));
		}
	}

	// --- what the page is told

	/** @param {PlayerState} state @param {string} text */
	become(state, text) {
		if (state !== this.state && this.state !== 'ended' && this.state !== 'failed') {
			this.state = state;
			this.dispatchEvent(new CustomEvent('state', {detail: {state, text}}));
		}
	}

	/** @returns {PlayerStats} */
	get stats() {
		const hardware = this.video?.config?.hardwareAcceleration === 'prefer-hardware';
		const rtt = this.clock?.rtt;
		return {
			fps: this.frames.rate,
			kbps: this.bytes.sum * 8 / 1000,
			bitrateKbps: this.hostStats?.bitrateKbps ?? 0,
			width: this.canvas.width,
			height: this.canvas.height,
			codec: this.config?.codec ?? '',
			decoder: hardware ? 'hardware' : 'software',
			rtt: rtt === undefined ? null : rtt / 1000,
			hostP50: this.hostMs.percentile(0.5),
			encodeP50: this.encodeMs.percentile(0.5),
			decodeP50: this.video?.decodeMs.percentile(0.5) ?? null,
			drawnP50: this.drawnMs.percentile(0.5),
			drawnP95: this.drawnMs.percentile(0.95),
			drawnP99: this.drawnMs.percentile(0.99),
			skipped: this.hostStats?.skipped ?? 0,
			audioMs: this.audio?.queuedMs ?? 0,
		};
	}

	tellStats() {
		this.dispatchEvent(new CustomEvent('stats', {detail: this.stats}));
	}

	/** @param {string} text */
	fail(text) {
		this.finish('failed', text);
	}

	/** @param {PlayerState} state @param {string} text */
	finish(state, text) {
		this.become(state, text);
		this.stopping.abort();
		this.observer.disconnect();
		this.timers.forEach((timer) => window.clearInterval(timer));
		window.clearTimeout(this.sizeTimer);
		this.microphone?.close();
		this.clipboard?.close();
		this.pads?.close();
		this.input?.close();
		this.audio?.close();
		this.video?.close();
		this.socket?.close();
	}
}
