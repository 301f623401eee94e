// The text that is copied here and in the app: told to the app when the page gets the focus, and to the browser
// when the app has copied. Only once the user has asked for it.

import * as messages from './messages.js';

export class Clipboard {
	/** @param {(message: ArrayBuffer) => void} send */
	constructor(send) {
		this.send = send;
		this.text = ''; // that both sides know
		/** @type {string | null} of the app, for when the page has the focus again */
		this.waiting = null;
		this.parts = new messages.Parts();
		this.stop = new AbortController();
	}

	/** From a click: the browser asks its user. Throws if that one refuses. */
	async start() {
		await this.read();
		window.addEventListener('focus', () => this.focused(), {signal: this.stop.signal});
	}

	async read() {
		const text = await navigator.clipboard.readText();
		if (text !== this.text && !this.stop.signal.aborted) {
			this.text = text;
			messages.paste(text).forEach((message) => this.send(message));
		}
	}

	async focused() {
		const waiting = this.waiting;
		this.waiting = null;
		await (waiting === null ? this.read() : this.write(waiting)).catch(() => {}); // nothing that can be pasted
	}

	/** @param {string} text */
	async write(text) {
		this.text = text;
		await navigator.clipboard.writeText(text);
	}

	/** @param {messages.Copied} part */
	take(part) {
		const text = this.parts.put(part);
		if (text === null || this.stop.signal.aborted) {
			return;
		}
		if (document.hasFocus()) {
			this.write(text).catch(() => {});
		} else {
			this.waiting = text; // browsers let no page write that is not in use
		}
	}

	/** Another connection: what it says is not known there. */
	reset() {
		this.text = '';
		this.parts = new messages.Parts();
	}

	close() {
		this.stop.abort();
	}
}
