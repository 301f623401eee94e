// Gamepads: asked for their state with every animation frame, and shaken as the app wants it.

import * as messages from './messages.js';

const MAX_PADS = 16;
const RUMBLE_MS = 5000; // as long as browsers allow at once

// By the place in a pad of the standard mapping; 6 and 7 are the triggers.
const bits = [
	0x1000, 0x2000, 0x4000, 0x8000, 0x100, 0x200, 0, 0, 0x20, 0x10, 0x40, 0x80, 0x1, 0x2, 0x4, 0x8,
	0x400, 0x100000,
];
const Type = {XBOX: 1, PLAYSTATION: 2, NINTENDO: 3, STEAM: 4};
const HAS_ANALOG_TRIGGERS = 1;
const HAS_RUMBLE = 2;

/** @param {string} id @returns {number} */
function typeOf(id) {
	const text = id.toLowerCase();
	if (/054c|playstation|dualsense|dualshock/.test(text)) {
		return Type.PLAYSTATION;
	}
	if (/057e|nintendo|switch/.test(text)) {
		return Type.NINTENDO;
	}
	return /28de|steam/.test(text) ? Type.STEAM : Type.XBOX;
}

/** @param {number} value -1 to 1 */
const axis = (value) => Math.max(-32768, Math.min(32767, Math.round(value * 32767)));

export class Pads {
	/** @param {(message: ArrayBuffer) => void} send */
	constructor(send) {
		this.send = send;
		/** What was told of each last. @type {(string | null)[]} */
		this.told = new Array(MAX_PADS).fill(null);
		/** @type {{low: number, high: number, timer: number}[]} */
		this.shakes = Array.from({length: MAX_PADS}, () => ({low: 0, high: 0, timer: 0}));
		this.animation = 0;
		this.closed = false;
		this.poll = this.poll.bind(this);
		this.poll();
	}

	poll() {
		if (this.closed) {
			return;
		}
		this.animation = requestAnimationFrame(this.poll);
		if (!navigator.getGamepads) {
			return; // no secure context, or forbidden
		}
		const pads = navigator.getGamepads();
		for (let i = 0; i < MAX_PADS; i++) {
			this.look(i, pads[i] ?? null);
		}
	}

	/** @param {number} i @param {Gamepad | null} pad */
	look(i, pad) {
		if (!pad || !pad.connected) {
			if (this.told[i] !== null) {
				this.told[i] = null;
				this.send(messages.padRemoval(i));
			}
			return;
		}
		if (this.told[i] === null) {
			this.told[i] = '';
			const rumbles = pad.vibrationActuator ? HAS_RUMBLE : 0;
			this.send(messages.padArrival(i, typeOf(pad.id), HAS_ANALOG_TRIGGERS | rumbles));
		}
		this.tell(i, pad);
	}

	/** @param {number} i @param {Gamepad} pad */
	tell(i, pad) {
		let held = 0;
		pad.buttons.forEach((button, number) => {
			held |= button.pressed ? bits[number] ?? 0 : 0;
		});
		const triggers = [6, 7].map((number) => Math.round((pad.buttons[number]?.value ?? 0) * 255));
		const [lx = 0, ly = 0, rx = 0, ry = 0] = pad.axes;
		const axes = [axis(lx), axis(-ly), axis(rx), axis(-ry)]; // up is positive there
		const state = [held, ...triggers, ...axes].join();
		if (state !== this.told[i]) {
			this.told[i] = state;
			this.send(messages.padState(i, held, triggers, axes));
		}
	}

	/** @param {import('./messages.js').Feedback} feedback */
	take(feedback) {
		const {kind, view} = feedback;
		if (kind === messages.Device.RUMBLE && view.byteLength === 5) {
			this.rumble(view.getUint8(0), view.getUint16(1, true) / 65535, view.getUint16(3, true) / 65535);
		}
	}

	/** @param {number} i @param {number} low 0 to 1 @param {number} high */
	rumble(i, low, high) {
		const shake = this.shakes[i];
		clearTimeout(shake.timer);
		Object.assign(shake, {low, high});
		const actuator = navigator.getGamepads?.()[i]?.vibrationActuator;
		if (!actuator) {
			return;
		}
		if (low === 0 && high === 0) {
			actuator.reset().catch(() => {});
			return;
		}
		actuator.playEffect('dual-rumble', {
			duration: RUMBLE_MS, strongMagnitude: low, weakMagnitude: high,
		}).catch(() => {});
		shake.timer = window.setTimeout(() => this.rumble(i, low, high), RUMBLE_MS - 100);
	}

	/** Another connection, which knows nothing of them. */
	reset() {
		this.told.fill(null);
	}

	close() {
		this.closed = true;
		cancelAnimationFrame(this.animation);
		this.shakes.forEach((shake, i) => (shake.low || shake.high) && this.rumble(i, 0, 0));
	}
}
