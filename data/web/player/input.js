// Keys, text, mouse, wheel, fingers and pen of the page, as the host wants them.

import * as messages from './messages.js';
import {buttons, keys} from './keys.js';

const {Phase, PenPhase} = messages;
const NOTCH = 120;
const PIXELS_OF_NOTCH = 100;
const LINES_OF_NOTCH = 3;

export class Input {
	/**
	 * @param {HTMLCanvasElement} canvas
	 * @param {(message: ArrayBuffer) => void} send
	 */
	constructor(canvas, send) {
		this.canvas = canvas;
		this.send = send;
		this.field = this.makeField();
		/** @type {Set<number>} */
		this.held = new Set();
		this.wheelX = 0;
		this.wheelY = 0;
		this.moveX = 0;
		this.moveY = 0;
		this.penIsNear = false;
		this.stop = new AbortController();
		canvas.style.touchAction = 'none';
		this.listen();
	}

	/** Where keys go: an editable element, so that composed text and a phone's keyboard work. */
	makeField() {
		const field = document.createElement('textarea');
		field.setAttribute('aria-label', 'keyboard of the app');
		field.setAttribute('autocapitalize', 'off');
		field.setAttribute('autocomplete', 'off');
		field.setAttribute('autocorrect', 'off');
		field.spellcheck = false;
		field.inputMode = 'none';
		Object.assign(field.style, {
			position: 'absolute', left: '0', top: '0', width: '1px', height: '1px', opacity: '0',
			border: '0', padding: '0', resize: 'none', overflow: 'hidden', pointerEvents: 'none',
		});
		this.canvas.after(field);
		return field;
	}

	focus() {
		this.field.focus({preventScroll: true});
	}

	/** On devices with touch: brings the keyboard up, or sends it away. @param {boolean} shown */
	showKeyboard(shown) {
		this.field.blur();
		this.field.inputMode = shown ? 'text' : 'none';
		this.focus();
	}

	get locked() {
		return document.pointerLockElement === this.canvas;
	}

	/** From a click. Raw motion is not to be had everywhere. */
	async lock() {
		try {
			await /** @type {any} */ (this.canvas).requestPointerLock({unadjustedMovement: true});
		} catch {
			await /** @type {any} */ (this.canvas).requestPointerLock();
		}
	}

	listen() {
		const {canvas, field} = this;
		const options = {signal: this.stop.signal};
		/** @type {(target: EventTarget, name: string, handle: (event: any) => void, more?: object) => void} */
		const on = (target, name, handle, more = {}) =>
			target.addEventListener(name, handle, {...options, ...more});
		on(field, 'keydown', (event) => this.key(event, true));
		on(field, 'keyup', (event) => this.key(event, false));
		on(field, 'compositionend', (event) => this.text(event.data));
		on(field, 'input', (event) => this.typed(event));
		on(field, 'blur', () => this.release());
		on(window, 'blur', () => this.release());
		on(document, 'visibilitychange', () => document.hidden && this.release());
		on(canvas, 'contextmenu', (event) => event.preventDefault());
		on(canvas, 'wheel', (event) => this.wheel(event), {passive: false});
		on(canvas, 'pointerdown', (event) => this.pointer(event, 'down'));
		on(canvas, 'pointerup', (event) => this.pointer(event, 'up'));
		on(canvas, 'pointercancel', (event) => this.pointer(event, 'cancel'));
		on(canvas, 'pointerleave', (event) => this.pointer(event, 'leave'));
		on(canvas, 'onpointerrawupdate' in canvas ? 'pointerrawupdate' : 'pointermove',
			(event) => this.pointer(event, 'move'));
		on(canvas, 'mousedown', (event) => event.preventDefault()); // keeps the focus where keys go
		on(window, 'mouseup', (event) => this.button(event.button, false)); // outside, too
	}

	/** @param {KeyboardEvent} event @param {boolean} pressed */
	key(event, pressed) {
		const code = keys[event.code];
		if (event.isComposing || event.keyCode === 229 || code === undefined) {
			return; // the text of it comes as such
		}
		event.preventDefault();
		if (event.repeat || this.held.has(code) === pressed) {
			return; // the host's keyboard repeats by itself
		}
		if (pressed) {
			this.held.add(code);
		} else {
			this.held.delete(code);
		}
		this.send(messages.key(code, pressed));
	}

	/** @param {string | null} text */
	text(text) {
		this.field.value = '';
		for (const message of messages.text(text ?? '')) {
			this.send(message);
		}
	}

	/** By a phone's keyboard, whose keys say nothing. @param {InputEvent} event */
	typed(event) {
		if (event.isComposing) {
			return;
		}
		if (event.inputType === 'deleteContentBackward') {
			this.send(messages.key(keys.Backspace, true));
			this.send(messages.key(keys.Backspace, false));
		} else if (event.inputType === 'insertLineBreak') {
			this.send(messages.key(keys.Enter, true));
			this.send(messages.key(keys.Enter, false));
		} else if (event.inputType === 'insertText' || event.inputType === 'insertFromPaste') {
			this.text(event.data);
		}
		this.field.value = '';
	}

	/** What is held down here is not told of any more. */
	release() {
		this.held.clear();
		this.send(messages.releaseAll());
	}

	/** Where the picture lies within the canvas, which keeps its shape (object-fit: contain). */
	get picture() {
		const box = this.canvas.getBoundingClientRect();
		const fit = getComputedStyle(this.canvas).objectFit;
		if (fit !== 'contain' || this.canvas.width === 0 || this.canvas.height === 0) {
			return box;
		}
		const scale = Math.min(box.width / this.canvas.width, box.height / this.canvas.height);
		const width = this.canvas.width * scale;
		const height = this.canvas.height * scale;
		return new DOMRect(box.x + (box.width - width) / 2, box.y + (box.height - height) / 2, width, height);
	}

	/** @param {PointerEvent} event @param {'down' | 'up' | 'move' | 'cancel' | 'leave'} what */
	pointer(event, what) {
		const picture = this.picture;
		const x = (event.clientX - picture.x) / picture.width;
		const y = (event.clientY - picture.y) / picture.height;
		if (what === 'down') {
			this.focus();
			if (event.pointerType !== 'mouse') {
				this.canvas.setPointerCapture(event.pointerId);
			}
		}
		if (event.pointerType === 'touch') {
			this.finger(event, what, x, y);
		} else if (event.pointerType === 'pen') {
			this.pen(event, what, x, y);
		} else {
			this.mouse(event, what, x, y, picture);
		}
	}

	/**
	 * A second button while one is held comes as a motion.
	 * @param {PointerEvent} event @param {string} what @param {number} x @param {number} y @param {DOMRect} picture
	 */
	mouse(event, what, x, y, picture) {
		if (this.locked) {
			this.move(event, picture);
		} else if (what !== 'leave') {
			this.send(messages.place(x, y));
		}
		if (event.button >= 0 && what !== 'leave') {
			this.button(event.button, (event.buttons & [1, 4, 2, 8, 16][event.button]) !== 0);
		}
	}

	/** @param {PointerEvent} event @param {DOMRect} picture */
	move(event, picture) {
		this.moveX += event.movementX * this.canvas.width / picture.width;
		this.moveY += event.movementY * this.canvas.height / picture.height;
		if (this.moveX !== 0 || this.moveY !== 0) {
			this.send(messages.move(this.moveX, this.moveY));
			this.moveX = 0;
			this.moveY = 0;
		}
	}

	/** @param {number} number @param {boolean} pressed */
	button(number, pressed) {
		const code = buttons[number];
		if (code === undefined || this.held.has(code) === pressed) {
			return;
		}
		if (pressed) {
			this.held.add(code);
		} else {
			this.held.delete(code);
		}
		this.send(messages.button(code, pressed));
	}

	/** @param {PointerEvent} event @param {string} what @param {number} x @param {number} y */
	finger(event, what, x, y) {
		const phase = {down: Phase.DOWN, up: Phase.UP, move: Phase.MOTION, cancel: Phase.CANCEL}[what];
		if (phase !== undefined) {
			this.send(messages.touch(phase, event.pointerId >>> 0, x, y));
		}
	}

	/** @param {PointerEvent} event @param {string} what @param {number} x @param {number} y */
	pen(event, what, x, y) {
		const touches = (event.buttons & 1) !== 0;
		/** @type {number} */
		let phase = touches ? PenPhase.MOTION : PenPhase.HOVER;
		if (what === 'down') {
			phase = PenPhase.DOWN;
		} else if (what === 'up') {
			phase = PenPhase.UP;
		} else if (what === 'leave' || what === 'cancel') {
			phase = PenPhase.AWAY;
		}
		if (phase === PenPhase.AWAY && !this.penIsNear) {
			return;
		}
		this.penIsNear = phase !== PenPhase.AWAY;
		const altitude = event.altitudeAngle ?? Math.PI / 2;
		const tilt = Math.max(0, Math.min(90, Math.round(90 - altitude * 180 / Math.PI)));
		const turn = (event.azimuthAngle ?? 0) * 180 / Math.PI + 90; // from the top, not from the right
		this.send(messages.pen(phase, (event.buttons & 32) !== 0, (event.buttons >> 1) & 1, x, y,
			event.pressure, Math.round(turn + 360) % 360, tilt));
	}

	/** @param {WheelEvent} event */
	wheel(event) {
		event.preventDefault();
		const unit = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? NOTCH / LINES_OF_NOTCH
			: event.deltaMode === WheelEvent.DOM_DELTA_PAGE ? NOTCH : NOTCH / PIXELS_OF_NOTCH;
		this.wheelX += event.deltaX * unit;
		this.wheelY += event.deltaY * unit;
		const x = Math.trunc(this.wheelX);
		const y = Math.trunc(this.wheelY);
		this.wheelX -= x;
		this.wheelY -= y;
		if (x !== 0 || y !== 0) {
			this.send(messages.wheel(x, y));
		}
	}

	close() {
		this.stop.abort();
		this.field.remove();
		if (this.locked) {
			document.exitPointerLock();
		}
	}
}
